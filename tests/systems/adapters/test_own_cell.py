"""Cells of the user's own, and the arguments of ``as_system`` and ``record``."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit import models
from dynakit.errors import InputError

from ..members import K, M, N, OwnCell, seeded


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
        ({"model": Ambiguous(), "step": lambda x, u: x}, "got the function <lambda>: write it as a method of a module"),
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


def test_the_step_of_a_part_is_named_with_a_dot():
    net = nn.Module()
    net.rnn = seeded(OwnCell)
    x, u = torch.rand(4, N, dtype=torch.float64), torch.rand(4, M, dtype=torch.float64)
    dotted = dk.as_system(net, step="rnn.recurrence", readout="rnn.fc")
    plain = dk.as_system(net.rnn, step="recurrence", readout="fc")
    assert torch.equal(dotted.step(x, u), plain.step(x, u))
    assert torch.equal(dotted.observe(x), plain.observe(x))


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
        dk.record(nn.LSTM(M, N, batch_first=True), torch.zeros(2, 4, M), torch.zeros(2, N))


def test_wrong_inputs_are_refused_by_name():
    with pytest.raises(InputError, match=rf"inputs must have shape \(\.\.\., {M}\), got \(2, 3, 7\)"):
        dk.record(nn.GRU(M, N, batch_first=True), torch.zeros(2, M, 7))  # (trial, input, time)
    with pytest.raises(InputError, match="at least one step"):
        dk.record(nn.GRU(M, N, batch_first=True), torch.zeros(2, 0, M))
    with pytest.raises(InputError, match="inputs must be real"):
        dk.record(nn.GRU(M, N, batch_first=True), torch.zeros(2, 4, M, dtype=torch.int64))
    assert len(dk.record(nn.GRU(M, N), torch.zeros(4, M))) == 1
    assert (
        repr(dk.record(nn.GRU(M, N, batch_first=True), torch.zeros(3, 4, M)))
        == "Recording(3 trials of 4 steps, 5 state variables)"
    )


def test_inference_mode_makes_usable_systems():
    with torch.inference_mode():
        cell = OwnCell()
        system = dk.as_system(cell, step="recurrence")
        inside = system.jacobian(torch.zeros(N), torch.ones(M))
    assert torch.equal(system.jacobian(torch.zeros(N), torch.ones(M)), inside)
