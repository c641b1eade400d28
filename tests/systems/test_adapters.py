"""``as_system``: what it finds, what it refuses, and that it steps exactly as the given network does."""

from __future__ import annotations

import copy
import random
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit import models
from dynakit.errors import InputError

from .members import K, M, N, OwnCell, Sequencer, seeded

INPUTS = torch.randn(4, 6, M, generator=torch.Generator().manual_seed(5))


# --- the same steps as torch ------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_layers_step_exactly_as_torch_steps_them(kind, n_layers, batch_first, bias):
    rnn = seeded(lambda: getattr(nn, kind)(M, N, n_layers, bias=bias, batch_first=batch_first, dropout=0.0))
    twin = copy.deepcopy(rnn).double()
    system, inputs = dk.as_system(rnn), INPUTS.double()
    x0 = torch.randn(4, system.state_size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    states = system.trajectory(x0, inputs)
    blocks = (
        x0.reshape(4, n_layers, -1, N).permute(2, 1, 0, 3).contiguous()
    )  # h (and c), (layer, trial, unit)
    hidden = (blocks[0], blocks[1]) if kind == "LSTM" else blocks[0]
    for t in range(INPUTS.shape[1]):
        u = inputs[:, t : t + 1]
        top, hidden = twin(u if batch_first else u.transpose(0, 1), hidden)
        stacked = torch.stack(hidden if kind == "LSTM" else [hidden])  # (h and c, layer, trial, unit)
        expected = stacked.permute(2, 1, 0, 3).reshape(4, -1)
        assert_allclose(states[:, t], expected.detach(), rtol=0, atol=1e-13)
        assert_allclose(system.observe(states[:, t]), top.detach().reshape(4, N), rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
def test_cells_step_exactly_as_torch_steps_them(kind):
    cell = seeded(lambda: getattr(nn, kind)(M, N))
    system, twin = dk.as_system(cell), copy.deepcopy(cell).double()
    x = torch.randn(7, system.state_size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    u = torch.randn(7, M, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    y = twin(u, x.split(N, 1) if kind == "LSTMCell" else x)
    expected = torch.cat(y, 1) if kind == "LSTMCell" else y
    assert_allclose(system.step(x, u), expected.detach(), rtol=0, atol=1e-14)


OURS = {
    "Elman": lambda: models.Elman(M, N, K),
    "Elman relu": lambda: models.Elman(M, N, K, activation="relu"),
    "GRU": lambda: models.GRU(M, N, K),
    "LSTM": lambda: models.LSTM(M, N, K),
    "LSTM peepholes": lambda: models.LSTM(M, N, K, peepholes=True),
    "leaky": lambda: models.LeakyRNN(M, N, K, sigma_rec=0.3, sigma_in=0.1),
    "leaky Dale": lambda: models.LeakyRNN(
        M, N, K, dale="softplus", activation="tanh", form="rate", autapses=False
    ),
    "leaky signed": lambda: models.LeakyRNN(M, N, K, dale="abs", signed_io=False, form="rectified"),
    "leaky masked": lambda: models.LeakyRNN(M, N, K, activation="softplus", mask_rec=np.tri(N)),
}


@pytest.mark.parametrize("name", OURS)
def test_record_is_the_models_own_forward_pass(name):
    model = seeded(OURS[name]).train()
    record = dk.record(model, INPUTS)
    twin = copy.deepcopy(model).double().eval()
    outputs, states = twin(INPUTS.double())
    assert_allclose(record.outputs, outputs.detach(), rtol=0, atol=1e-12)
    assert_allclose(record.states, states.detach(), rtol=0, atol=1e-12)
    x0 = 0.3 * torch.ones(twin.state_size, dtype=torch.float64)
    assert_allclose(
        dk.record(model, INPUTS, x0).outputs, twin(INPUTS.double(), x0).outputs.detach(), atol=1e-12
    )


def test_peephole_lstm_against_a_loop_over_units():
    model = seeded(lambda: models.LSTM(M, N, K, peepholes=True)).double()
    w = {name: p.detach().numpy() for name, p in model.named_parameters()}
    sigmoid = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    h, c, expected = np.zeros(N), np.zeros(N), []
    for u in INPUTS[0].double().numpy():
        a = w["rnn.weight_ih_l0"] @ u + w["rnn.weight_hh_l0"] @ h + w["rnn.bias_ih_l0"] + w["rnn.bias_hh_l0"]
        new_h, new_c = np.zeros(N), np.zeros(N)
        for k in range(N):
            i = sigmoid(a[k] + w["peephole"][0, k] * c[k])
            f = sigmoid(a[N + k] + w["peephole"][1, k] * c[k])
            new_c[k] = f * c[k] + i * np.tanh(a[2 * N + k])
            new_h[k] = sigmoid(a[3 * N + k] + w["peephole"][2, k] * new_c[k]) * np.tanh(new_c[k])
        h, c = new_h, new_c
        expected.append(np.r_[h, c])
    record = dk.record(model, INPUTS)
    assert_allclose(record.states[0], expected, rtol=0, atol=1e-14)
    assert_allclose(record.part("c")[0], np.array(expected)[:, N:], rtol=0, atol=1e-14)
    assert dk.as_system(model).box() is None  # a forget peephole can hold any c


@pytest.mark.parametrize(
    ("kind", "n_layers", "expected"),
    [
        ("GRU", 1, {"h": (0, 5)}),
        ("LSTM", 1, {"h": (0, 5), "c": (5, 10)}),
        ("GRU", 2, {"h": (0, 5), "layer2.h": (5, 10)}),
        ("LSTM", 2, {"h": (0, 5), "c": (5, 10), "layer2.h": (10, 15), "layer2.c": (15, 20)}),
    ],
)
def test_parts_are_named_layer_by_layer(kind, n_layers, expected):
    assert dk.record(getattr(nn, kind)(M, N, n_layers), INPUTS).parts == expected


def test_recurrent_weights_are_torchs_gates_by_name():
    gru, lstm = seeded(lambda: nn.GRU(M, N)), seeded(lambda: nn.LSTM(M, N, 2))
    gates = dk.as_system(gru).recurrent_weights()
    assert list(gates) == ["W_r", "W_z", "W_n"]
    assert_allclose(gates["W_n"], gru.weight_hh_l0[2 * N :].detach())
    gates = dk.as_system((lstm, nn.Linear(N, 1))).recurrent_weights()
    assert list(gates) == ["W_i", "W_f", "W_g", "W_o"] + [f"layer2.W_{g}" for g in "ifgo"]
    assert_allclose(gates["layer2.W_o"], lstm.weight_hh_l1[3 * N :].detach())
    leaky = models.LeakyRNN(M, N, K, dale="abs", e_frac=0.6, seed=1)
    effective = dk.as_system(leaky).recurrent_weights()["W_rec"]
    assert_allclose(effective, leaky.effective_weights().W_rec.detach(), atol=1e-7)
    assert (effective[:, :3] >= 0).all()
    assert (effective[:, 3:] <= 0).all()


@given(st.integers(1, 4), st.integers(1, 5), st.sampled_from(["RNN", "GRU", "LSTM"]), st.integers(1, 2))
def test_any_size_runs_from_one_unit_and_one_input_on(n_inputs, n_hidden, kind, n_layers):
    system = dk.as_system(seeded(lambda: getattr(nn, kind)(n_inputs, n_hidden, n_layers)))
    states = system.trajectory(torch.zeros(2, system.state_size), torch.ones(2, 3, n_inputs))
    assert states.shape == (2, 3, system.state_size)
    box = system.box(np.ones(n_inputs))
    assert bool(((states > box.lo) & (states < box.hi)).all())
    assert system.jacobian(states).shape == (2, 3, system.state_size, system.state_size)


# --- the given module comes back as it was ----------------------------------------------------------------


class Remembering(nn.Module):
    """A cell with everything that a careless caller would change: counters, running means, a kept state."""

    def __init__(self, noisy: bool = False) -> None:
        super().__init__()
        self.hidden_size, self.n_inputs, self.noisy = N, M, noisy
        self.rnn, self.norm, self.drop = nn.GRUCell(M, N), nn.BatchNorm1d(N), nn.Dropout(0.5)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.last = None

    def step(self, u, h):
        self.calls += 1
        self.last = self.drop(self.norm(self.rnn(u, h)))
        return self.last + (0.1 * torch.randn_like(self.last) if self.noisy else 0.0)


def snapshot(module: nn.Module) -> list[object]:
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return [
        {
            name: (t.detach().numpy().tobytes(), t.dtype, t.requires_grad, id(t))
            for name, t in tensors.items()
        },
        {name: m.training for name, m in module.named_modules()},
        {name: id(p.grad) for name, p in module.named_parameters()},
        torch.random.get_rng_state().numpy().tobytes(),
        np.random.get_state()[1].tobytes(),  # noqa: NPY002 - the global generator is what is watched
        random.getstate(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
    ]


def test_the_given_module_and_the_global_generators_are_untouched():
    cell = seeded(Remembering).train()
    cell.rnn.bias_hh.requires_grad_(False)
    cell.step(torch.zeros(2, M), torch.zeros(2, N)).sum().backward()  # leaves a state that is no leaf
    before, last = snapshot(cell), cell.last
    system = dk.as_system(cell, step="step")
    system.trajectory(torch.zeros(3, N), torch.ones(3, 4, M))
    system.jacobian(torch.zeros(3, N), torch.ones(3, M))
    assert snapshot(cell) == before
    assert cell.last is last
    eval_cell = copy.deepcopy(seeded(Remembering)).double().eval()
    x, u = torch.rand(3, N, dtype=torch.float64), torch.rand(3, M, dtype=torch.float64)
    assert_allclose(
        dk.as_system(eval_cell, step="step").step(x, u), eval_cell.step(u, x).detach(), atol=1e-15
    )


def test_untouched_also_after_a_refusal():
    cell = seeded(lambda: Remembering(noisy=True)).train()
    before = snapshot(cell)
    with pytest.raises(InputError, match="deterministic"):
        dk.as_system(cell, step="step")
    assert snapshot(cell) == before
    net = Sequencer(seeded(lambda: nn.RNN(M, N)), nn.Sequential(nn.Linear(N, K), nn.Tanh())).train()
    before = snapshot(net)
    with pytest.raises(InputError, match="something else"):
        dk.as_system(net)
    assert snapshot(net) == before


@pytest.mark.parametrize("name", OURS)
def test_the_system_does_not_change_when_the_model_is_trained_on(name):
    model = seeded(OURS[name]).double()
    before = snapshot(model)
    system = dk.as_system(model)
    x = torch.linspace(-1, 1, 2 * system.state_size, dtype=torch.float64).reshape(2, -1)
    y, output = system.step(x), system.observe(x)
    dk.record(model, INPUTS)
    assert snapshot(model) == before
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(-2).add_(0.1)
    assert torch.equal(system.step(x), y)
    assert torch.equal(system.observe(x), output)


def test_a_record_does_not_change_with_the_callers_array():
    inputs = INPUTS.double().clone().requires_grad_(True)
    record = dk.record(seeded(lambda: nn.GRU(M, N)), inputs)
    with torch.no_grad():
        inputs.zero_()
    assert_allclose(record.inputs, INPUTS.double())
    drive = torch.ones(M, dtype=torch.float64)
    driven = dk.Driven(dk.as_system(seeded(lambda: nn.GRU(M, N))), drive)
    before = driven.step(torch.zeros(N))
    drive.zero_()
    assert torch.equal(driven.step(torch.zeros(N)), before)


# --- modules of the user's own ----------------------------------------------------------------------------


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


def sequencer(cls=Sequencer, outputs=K, **kwargs):
    return seeded(lambda: cls(nn.RNN(M, N, **kwargs), nn.Linear(N, outputs)))


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
    assert "not compared" not in repr(system)
    pair = dk.as_system((net.rnn, net.fc))
    assert_allclose(dk.record(net, INPUTS).outputs, dk.record(pair, INPUTS).outputs, rtol=0, atol=0)


def test_a_forward_that_cannot_be_called_is_said_not_to_be_compared():
    assert "readout 'fc' (forward not compared)" in repr(dk.as_system(sequencer(TwoArguments)))


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
            sequencer(Tanh),
            r"does something else than reading 'rnn' by 'fc'.*dk.as_system\(\(model.rnn, model.fc\)\)",
        ),
        (
            seeded(OwnMatrix),
            r"something else than running 'core.0'.*dk.as_system\(\(model.core\[0\], <readout>\)\)",
        ),
        (
            nn.ModuleDict({"encoder": nn.Linear(2, M), "rnn": nn.RNN(M, N), "fc": nn.Linear(N, K)}),
            r"encoder \(Linear\), fc \(Linear\).*dk.as_system\(\(model.rnn, model.<readout>\)\)",
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

    with pytest.raises(InputError, match="forward of its own"):
        dk.as_system(Scaled(M, N))


def test_parametrized_weights_are_those_that_act():
    rnn = seeded(lambda: nn.RNN(M, N, batch_first=True))
    nn.utils.parametrizations.weight_norm(rnn, "weight_hh_l0")
    net = Sequencer(rnn, seeded(lambda: nn.Linear(N, K)))
    expected = copy.deepcopy(net).double()(INPUTS.double())
    assert_allclose(dk.record(net, INPUTS).outputs, expected.detach(), atol=1e-13)


# --- weights that cannot be used --------------------------------------------------------------------------


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


# --- cells of the user's own ------------------------------------------------------------------------------


class Plain:
    """A cell that is no module: NumPy-free, with sizes under other names."""

    n_rec, n_in = 2, 1

    def advance(self, x, u):
        return torch.tanh(1.5 * x + u)


class Ambiguous(nn.Module):
    hidden_size = input_size = 3

    def forward(self, a, b):
        return torch.tanh(2 * a + b)


def test_argument_order_is_found_by_names():
    cell = seeded(OwnCell)
    x, u = torch.rand(4, N, dtype=torch.float64), torch.rand(4, M, dtype=torch.float64)
    expected = copy.deepcopy(cell).double().recurrence(u, x).detach()
    for system in (
        dk.as_system(cell, step="recurrence"),
        dk.as_system(cell, step=cell.recurrence),
        dk.as_system(cell, step="recurrence", state_size=N, input_size=M, argument_order="input, state"),
    ):
        assert_allclose(system.step(x, u), expected, atol=1e-15)
    assert "OwnCell.recurrence" in repr(system)
    square = seeded(lambda: nn.GRUCell(3, 3))  # equal sizes: only the names input and hx tell
    x, u = torch.rand(2, 4, 3, dtype=torch.float64)
    assert_allclose(
        dk.as_system(square, step="forward").step(x, u), dk.as_system(square).step(x, u), atol=1e-14
    )


@pytest.mark.parametrize(
    ("step", "state_first"),
    [
        (lambda self, h, b: 2 * h - b, True),
        (lambda self, a, hidden: 2 * hidden - a, False),
        (lambda self, x, u: 2 * x - u, True),
        (lambda self, inp, y: 2 * y - inp, False),
    ],
)
def test_one_telling_name_is_enough_where_sizes_are_equal(step, state_first):
    cell = type("Cell", (nn.Module,), {"forward": step, "hidden_size": 2, "input_size": 2})()
    system = dk.as_system(cell, step="forward")
    assert system.step([1.0, 2.0], [0.5, 0.0]).tolist() == [1.5, 4.0]
    assert system._state_first == state_first


def test_argument_order_is_found_by_trying_where_names_do_not_tell():
    class Nameless(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.RNNCell(M, N)

        def forward(self, a, b):
            return self.cell(b, a)

    net = seeded(Nameless)
    system = dk.as_system(net, step="forward", state_size=N, input_size=M)
    x, u = torch.rand(4, N), torch.rand(4, M)
    assert_allclose(system.step(x, u), dk.as_system(net.cell).step(x, u), atol=1e-14)


def test_an_object_that_is_no_module_can_be_a_cell():
    system = dk.as_system(Plain(), step="advance")
    assert (system.state_size, system.input_size) == (2, 1)
    assert_allclose(system.step([0.1, 0.2], [0.3]), np.tanh([0.45, 0.6]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": Ambiguous(), "step": "forward"}, "argument_order must be stated"),
        ({"model": Ambiguous(), "step": "nothing"}, "step='nothing' is not an attribute of model"),
        ({"model": Ambiguous(), "step": "hidden_size"}, "not a method"),
        ({"model": Ambiguous(), "step": lambda x, u: x}, "step must be the name of a method"),
        ({"model": nn.Linear(2, 2), "step": "forward"}, "state_size cannot be read off model .Linear."),
        (
            {"model": OwnCell(), "step": "recurrence", "state_size": 4},
            "step='recurrence' of model .OwnCell.: f failed",
        ),
        (
            {"model": OwnCell(), "step": "recurrence", "readout": "nothing"},
            "readout='nothing' is not an attribute",
        ),
        (
            {"model": OwnCell(), "step": "recurrence", "readout": "hidden_size"},
            "readout must be a module or a callable",
        ),
        ({"model": nn.LSTMCell(M, N), "step": "forward"}, "step='forward' of model"),
        ({"model": nn.GRU(M, N), "state_size": 5}, "state_size is read off this model"),
        ({"model": nn.GRU(M, N), "readout": nn.Linear(N + 1, 1)}, "readout takes"),
        ({"model": (nn.GRU(M, N), nn.Linear(N, 1)), "readout": nn.Linear(N, 1)}, "given twice"),
        (
            {"model": nn.GRU(M, N), "readout": lambda h: h.sum()},
            r"readout must return shape \(2, output\), got \(\)",
        ),
        ({"model": nn.GRU(M, N), "readout": nn.Conv1d(7, 2, 1)}, "readout failed"),
        ({"model": nn.GRU(M, N), "dt": 0.0}, "dt must be"),
        ({"model": nn.GRU(M, N), "dt": "20"}, "dt must be a number"),
    ],
)
def test_own_cells_that_cannot_be_used(arguments, message):
    with pytest.raises(InputError, match=message):
        dk.as_system(arguments.pop("model"), **arguments)


def test_a_readout_by_name_module_method_or_callable():
    class Net(OwnCell):
        def read(self, h):
            return self.fc(h)

    net = seeded(Net)
    x = torch.rand(4, N, dtype=torch.float64)
    expected = copy.deepcopy(net).double().fc(x).detach()
    weight, bias = net.fc.weight.detach().double(), net.fc.bias.detach().double()
    for readout in ("fc", net.fc, "read", net.read, nn.Sequential(net.fc), lambda h: h @ weight.T + bias):
        assert_allclose(
            dk.as_system(net, step="recurrence", readout=readout).observe(x), expected, atol=1e-15
        )


def test_a_readout_given_replaces_the_models_own():
    model, other = seeded(lambda: models.LSTM(M, N, K)), seeded(lambda: nn.Linear(N, 4))
    system = dk.as_system(model, readout=other)
    x = torch.rand(3, 2 * N, dtype=torch.float64)
    assert_allclose(system.observe(x), copy.deepcopy(other).double()(x[:, :N]).detach(), atol=1e-15)


def test_dt_is_set_without_changing_the_given_system():
    system = dk.as_system(nn.GRU(M, N))
    slower = dk.as_system(system, dt=10.0)
    assert (system.dt, slower.dt) == (None, 10.0)
    assert dk.as_system(system) is system
    assert dk.Iterated(slower, 3).dt == 30.0
    assert dk.as_system(models.LeakyRNN(M, N, K, dt=20.0, tau=100.0)).dt == 20.0
    assert dk.as_system(models.LeakyRNN(M, N, K, dt=20.0, tau=100.0)).alpha == pytest.approx(0.2)


def test_an_lstm_state_without_c_is_explained():
    system = dk.as_system(nn.LSTM(M, N))
    with pytest.raises(InputError, match=re.escape(f"got ({N},); the state is [h, c], {N} values each")):
        system.step(torch.zeros(N))
    with pytest.raises(InputError, match=re.escape(f"got (2, {N}); the state is [h, c]")):
        dk.record(nn.LSTM(M, N), torch.zeros(2, 4, M), torch.zeros(2, N))


def test_wrong_inputs_are_refused_by_name():
    with pytest.raises(InputError, match=rf"inputs must have shape \(\.\.\., {M}\), got \(2, 3, 7\)"):
        dk.record(nn.GRU(M, N), torch.zeros(2, M, 7))  # (trial, input, time)
    with pytest.raises(InputError, match="at least one step"):
        dk.record(nn.GRU(M, N), torch.zeros(2, 0, M))
    with pytest.raises(InputError, match="inputs must be real"):
        dk.record(nn.GRU(M, N), torch.zeros(2, 4, M, dtype=torch.int64))
    assert len(dk.record(nn.GRU(M, N), torch.zeros(4, M))) == 1
    assert (
        repr(dk.record(nn.GRU(M, N), torch.zeros(3, 4, M)))
        == "Recording(3 trials of 4 steps, 5 state variables)"
    )


def test_inference_mode_makes_usable_systems():
    with torch.inference_mode():
        cell = OwnCell()
        system = dk.as_system(cell, step="recurrence")
        inside = system.jacobian(torch.zeros(N), torch.ones(M))
    assert torch.equal(system.jacobian(torch.zeros(N), torch.ones(M)), inside)
