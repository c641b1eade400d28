"""A user's module around one recurrent layer: what is found, what is refused and with which call to make."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit import models
from dynakit.errors import InputError

from ..members import INPUTS, OURS, K, Leaking, M, N, OwnCell, Sequencer, seeded


class Turned(Sequencer):
    """Takes (trial, time, input), though its layer wants time first, and squeezes its output."""

    def forward(self, inputs):
        return self.fc(self.rnn(inputs.transpose(0, 1))[0]).transpose(0, 1).squeeze(-1)


class LastStep(Sequencer):
    def forward(self, inputs):
        states, hidden = self.rnn(inputs)
        return {"hidden": hidden, "y": self.fc(states[:, -1])}


class TwoArguments(Sequencer):
    def forward(self, inputs, hidden):
        return self.fc(self.rnn(inputs, hidden)[0])


class Tanh(Sequencer):
    def forward(self, inputs):
        return torch.tanh(super().forward(inputs))


class OwnMatrix(nn.Module):
    """A readout that is a bare parameter, which no search by modules can see."""

    def __init__(self):
        super().__init__()
        self.core = nn.ModuleList([nn.RNN(M, N, batch_first=True)])
        self.W = nn.Parameter(torch.ones(N, K))

    def forward(self, inputs):
        return self.core[0](inputs)[0] @ self.W


def sequencer(cls=Sequencer, outputs=K, cls_of="RNN", **kwargs):
    return seeded(lambda: cls(getattr(nn, cls_of)(M, N, **kwargs), nn.Linear(N, outputs)))


@pytest.mark.parametrize(
    "net",
    [
        sequencer(batch_first=True),
        sequencer(batch_first=False),
        sequencer(num_layers=2, batch_first=True),
        sequencer(Turned, outputs=1),
        sequencer(LastStep, batch_first=True),
    ],
)
def test_layer_and_readout_are_found_and_said(net):
    system = dk.as_system(net)
    assert f"layer 'rnn' of {type(net).__name__} with readout 'fc': 3 inputs" in repr(system)
    assert system.compared >= 20
    pair = dk.as_system((net.rnn, net.fc))
    x = torch.rand(3, pair.state_size, dtype=torch.float64)
    assert torch.equal(system.step(x, INPUTS[:3, 0]), pair.step(x, INPUTS[:3, 0]))
    assert torch.equal(system.observe(x), pair.observe(x))


def test_a_forward_that_wants_a_state_is_compared_from_random_ones():
    assert dk.as_system(sequencer(TwoArguments)).compared >= 20


@pytest.mark.parametrize("model", [sequencer(Tanh), seeded(OwnMatrix)])
def test_whatever_a_forward_makes_of_the_states_is_the_readout(model):
    system = dk.as_system(model)
    assert "with the rest of its forward as readout" in repr(system)
    twin = copy.deepcopy(model).double()
    expected = twin(INPUTS.double() if isinstance(model, OwnMatrix) else INPUTS.double().transpose(0, 1))
    expected = expected if isinstance(model, OwnMatrix) else expected.transpose(0, 1)
    states = system.trajectory(system.initial_state(), INPUTS.double())
    assert_allclose(system.observe(states), expected.detach(), atol=1e-13)
    assert system.observe_jacobian(states[0]).shape == (6, K, N)


def test_one_of_our_models_inside_a_module_keeps_its_readout():
    class Holder(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = models.GRU(M, N, K)

        def forward(self, inputs):
            return self.net(inputs)

    holder = seeded(Holder)
    assert_allclose(dk.record(holder, INPUTS).outputs, dk.record(holder.net, INPUTS).outputs, atol=0)
    assert "layer 'net' of Holder" in repr(dk.as_system(holder))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            sequencer(Leaking, cls_of="RNNCell"),
            r"does something else than reading 'rnn' by 'fc': called as .inputs., its forward does not "
            r"hand on.*dk.as_system\(\(model.rnn, model.fc\)\).*step='<method>'",
        ),
        (
            nn.ModuleDict({"encoder": nn.Linear(2, M), "rnn": nn.RNN(M, N), "fc": nn.Linear(N, K)}),
            r"encoder \(Linear\), fc \(Linear\).*dk.as_system\(\(model.rnn, model.fc\)\)",
        ),
        (
            nn.ModuleDict({"rnn": nn.RNN(M, N), "norm": nn.LayerNorm(N)}),
            r"holds the recurrent layer 'rnn' and also norm \(LayerNorm\)",
        ),
        (nn.ModuleDict({"rnn": nn.RNN(M, N), "fc": nn.Linear(N + 1, K)}), r"and also fc \(Linear\)"),
        (
            nn.ModuleDict({"a": nn.GRU(M, N), "b": nn.LSTM(N, N)}),
            r"2 recurrent layers: a \(GRU\), b \(LSTM\).*model.a",
        ),
        (nn.Sequential(nn.Linear(2, 2), nn.Tanh()), r"no recurrent layer.*0 \(Linear\), 1 \(Tanh\).*step="),
        (nn.GRU(M, N, bidirectional=True), "bidirectional"),
        (nn.LSTM(M, N, proj_size=2), "proj_size=2"),
        ((nn.Linear(2, 2), nn.Linear(2, 2)), r"model must be nn.RNN, .* got Linear"),
        ((nn.GRU(M, N), nn.Linear(N + 1, 2)), f"readout takes {N + 1} values, but model .* hands on {N}"),
        ((nn.GRU(M, N), 3), "readout must be a module or a callable, got int"),
        (lambda x: x, r"dk.FunctionSystem\(f, state_size"),
        (np.tanh, r"dk.FunctionSystem\(f, state_size"),
        ("model.pt", "got str"),
        (None, "got NoneType"),
    ],
)
def test_what_is_not_one_map_is_refused_with_the_call_to_make(model, message):
    with pytest.raises(InputError, match=message):
        dk.as_system(model)


def test_a_layer_with_a_forward_of_its_own_is_not_taken_for_torchs():
    class Scaled(nn.RNN):
        def forward(self, *args):
            states, hidden = super().forward(*args)
            return 2 * states, hidden

    class Counted(nn.RNN):
        def forward(self, *args):
            self.calls = getattr(self, "calls", 0) + 1
            return super().forward(*args)

    for model in (Scaled(M, N), (Scaled(M, N), nn.Linear(N, K))):
        with pytest.raises(InputError, match=r"model \(Scaled\) has a forward of its own"):
            dk.as_system(model)
    counted = Counted(M, N)
    assert dk.as_system(counted).compared >= 20
    assert not hasattr(counted, "calls")


def test_parametrized_weights_are_those_that_act():
    rnn = seeded(lambda: nn.RNN(M, N, batch_first=True))
    nn.utils.parametrizations.weight_norm(rnn, "weight_hh_l0")
    net = Sequencer(rnn, seeded(lambda: nn.Linear(N, K)))
    expected = copy.deepcopy(net).double()(INPUTS.double())
    assert_allclose(dk.record(net, INPUTS).outputs, expected.detach(), atol=1e-13)


@pytest.mark.parametrize(
    "name", ["rnn.weight_hh_l0", "rnn.bias_ih_l0", "readout.weight", "readout.bias", "peephole"]
)
def test_a_weight_that_is_not_finite_is_named(name):
    model = models.LSTM(M, N, K, peepholes=True)
    with torch.no_grad():
        model.get_parameter(name).view(-1)[1] = torch.nan
    with pytest.raises(
        InputError, match=rf"parameter {name} of model must be finite, but 1 of .* first is at index"
    ):
        dk.as_system(model)


def test_a_readout_that_is_not_finite_is_named():
    readout = nn.Linear(N, K)
    readout.weight.data[1, 2] = torch.inf
    with pytest.raises(InputError, match=r"weight of readout must be finite, but 1 of 10 .* index \(1, 2\)"):
        dk.as_system((nn.GRU(M, N), readout))
    with pytest.raises(InputError, match=r"parameter fc.weight of model"):
        dk.as_system(Sequencer(nn.GRU(M, N), readout))


def test_weights_without_data_or_of_another_kind_are_refused():
    with pytest.raises(InputError, match="weight_ih_l0 of model has no data"):
        dk.as_system(nn.GRU(M, N, device="meta"))
    odd = nn.RNN(M, N)
    odd.weight_hh_l0 = nn.Parameter(torch.zeros(N, N, dtype=torch.int64), requires_grad=False)
    with pytest.raises(
        InputError, match=r"weight_hh_l0 of model must be real floating-point numbers, got dtype torch\.int64"
    ):
        dk.as_system(odd)
    odd.weight_hh_l0 = nn.Parameter(torch.zeros(N, N, dtype=torch.complex64))
    with pytest.raises(InputError, match="complex64"):
        dk.as_system(odd)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_floating_dtype_is_analysed_in_float64(dtype):
    model = seeded(lambda: nn.GRU(M, N)).to(dtype)
    system = dk.as_system(model)
    twin = dk.as_system(copy.deepcopy(model).double())
    x = torch.rand(3, N, dtype=torch.float64)
    assert torch.equal(system.step(x), twin.step(x))
    assert model.weight_hh_l0.dtype == dtype
    assert system.step(x.to(torch.bfloat16)).dtype == torch.float64


def test_device_is_checked_before_any_work():
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="device='cuda' cannot be used here"):
            dk.as_system(nn.GRU(M, N), device="cuda")
    assert dk.as_system(nn.GRU(M, N), device="cpu").device == torch.device("cpu")
    with pytest.raises(InputError, match="cannot be chosen for a System"):
        dk.as_system(dk.as_system(nn.GRU(M, N)), device="meta")


def test_the_fingerprint_tells_networks_apart():
    prints = [dk.as_system(seeded(f)).fingerprint for f in OURS.values()]
    assert len(set(prints)) == len(prints)
    assert dk.as_system(seeded(OURS["GRU"])).fingerprint == prints[2]
    rnn, relu = seeded(lambda: nn.RNN(M, N)), seeded(lambda: nn.RNN(M, N, nonlinearity="relu"))
    assert dk.as_system(rnn).fingerprint != dk.as_system(relu).fingerprint
    assert dk.as_system(seeded(OwnCell), step="recurrence").fingerprint
