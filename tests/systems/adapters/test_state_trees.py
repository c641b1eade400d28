"""Steps whose state is no one tensor: an LSTM written by hand in many ways is torch's layer, point by point."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError

N = 3


def latches() -> nn.LSTM:
    """Three latches: c = c / 2 + s tanh(4 h), h = s tanh(c) with s = sigmoid(2) has three roots for each unit."""
    rnn = nn.LSTM(N, N, batch_first=True)
    with torch.no_grad():
        for p in rnn.parameters():
            p.zero_()
        rnn.weight_hh_l0[2 * N : 3 * N] = 4 * torch.eye(N)
        rnn.bias_ih_l0[:N] = rnn.bias_ih_l0[3 * N :] = 2.0
        rnn.weight_ih_l0[2 * N : 3 * N] = torch.eye(N)
    return rnn


class Own(nn.Module):
    """The layer's weights in code of the user's; subclasses differ in what the state is."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.hidden_size, self.input_size = latches(), N, N

    def gates(self, x, h, c):
        r = self.rnn
        both = x @ r.weight_ih_l0.T + r.bias_ih_l0 + h @ r.weight_hh_l0.T + r.bias_hh_l0
        i, f, g, o = both.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class Pair(Own):
    def step(self, x, state):
        h, c = self.gates(x, *state)
        return h, (h, c)


class Default(Own):
    def step(self, x, state=None):
        state = (torch.zeros(len(x), N), torch.zeros(len(x), N)) if state is None else state
        return self.gates(x, *state)


class Named(NamedTuple):
    h: Any
    c: Any


class NamedState(Own):
    def init_state(self, n):
        return Named(torch.zeros(n, N), torch.zeros(n, N))

    def step(self, state, x):
        return Named(*self.gates(x, state.h, state.c)), {"spikes": state.h}


class Dictionary(Own):
    def step(self, x, state):
        h, c = self.gates(x, state["rate"], state["memory"])
        return {"memory": c, "rate": h}


class UnitsFirst(Own):
    def step(self, x, state):
        h, c = self.gates(x, state[0][0].T, state[1][0].T)
        return h, [h.T[None], c.T[None]]


class Nested(Own):
    def init_hidden(self, n):
        return {"layer": [torch.zeros(1, n, N), None, torch.zeros(1, n, N)]}

    def step(self, x, hidden):
        h, c = self.gates(x, hidden["layer"][0][0], hidden["layer"][2][0])
        return {"layer": [h[None], None, c[None]]}, h


class Sequence(Own):
    def step(self, x, state=None):
        return self.rnn(x, state)


class TimeFirst(Own):
    def step(self, x, h, c):
        out = []
        for u in x:
            h, c = self.gates(u, h, c)
            out.append(h)
        return torch.stack(out), (h, c)


class Kept(Own):
    def __init__(self):
        super().__init__()
        self.register_buffer("h", torch.zeros(1, N))
        self.cells = [torch.zeros(1, N)]

    def step(self, x):
        self.h, self.cells[0] = self.gates(x, self.h, self.cells[0])
        return self.h


class Noisy(Pair):
    def step(self, x, state):
        return super().step(x + 0.1 * torch.randn_like(x), state)


FORMS = [Pair, Default, NamedState, Dictionary, UnitsFirst, Nested, Sequence, TimeFirst, Kept, Noisy]
COUNTS = {Pair: 27, UnitsFirst: 27, Sequence: 27, Noisy: 27}


@pytest.fixture(scope="module")
def closed():
    return dk.as_system(latches())


@pytest.fixture(scope="module")
def known(closed):
    return dk.find_fixed_points(closed, seed=0)


def of(kind: type[Own]) -> dk.System:
    return dk.as_system(kind(), step="step")


@pytest.mark.parametrize("kind", FORMS)
def test_every_way_to_hold_the_state_is_the_layer(kind, closed):
    system = of(kind)
    x0, inputs = (2 * torch.randn(5, *shape, dtype=torch.float64) for shape in ((2 * N,), (25, N)))
    order = torch.arange(2 * N).roll(N) if next(iter(system.parts)) in ("memory", "cells.0") else slice(None)
    assert_allclose(system.trajectory(x0[:, order], inputs), closed.trajectory(x0, inputs)[..., order], atol=1e-12)
    J = closed.jacobian(x0, inputs[:, 0])[:, order][:, :, order]
    assert_allclose(system.jacobian(x0[:, order], inputs[:, 0]), J, atol=1e-12)
    assert [p.stop - p.start for p in system.parts.values()] == [N, N]
    if kind in (Pair, UnitsFirst, Nested, Sequence, TimeFirst, Kept, Noisy):
        assert torch.equal(system.observe(x0[:, order]), x0[:, :N])
    assert not system.initial_state().any()


@pytest.mark.parametrize("kind", COUNTS)
def test_all_fixed_points_of_three_latches_are_found(kind, closed, known):
    points = dk.find_fixed_points(of(kind), seed=0)
    assert len(points) == len(known) == 27
    assert len(points.stable) == 8
    far = abs(points.states[:, None] - known.states[None]).max(-1)
    assert far.min(0).max() < 1e-12
    same = far.argmin(0)
    assert_allclose(np.sort(abs(points.eigenvalues[same])), np.sort(abs(known.eigenvalues)), atol=1e-10)
    if kind in (Pair, Noisy):
        assert points.certified.all()


def test_noise_is_said_and_the_generator_is_left_alone():
    model, before = Noisy(), torch.random.get_rng_state()
    system = dk.as_system(model, step="step")
    system.step(torch.zeros(2 * N), torch.zeros(N))
    assert "with the mean of its noise" in system.name
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_module_that_keeps_its_state_keeps_it():
    model = Kept()
    h, c = model.h, model.cells[0]
    for form in (None, dk.Form(state=("h", "cells"))):
        system = dk.as_system(model, step="step", form=form)
        system.step(torch.ones(4, 2 * N), torch.ones(4, N))
        assert list(system.parts) == (["cells.0", "h"] if form is None else ["h", "cells.0"])
    assert model.h is h
    assert model.cells[0] is c
    assert not h.any()
    assert not c.any()


class Starts(Pair):
    """Begins where a weight of its own says."""

    def __init__(self) -> None:
        super().__init__()
        self.h0 = nn.Parameter(torch.tensor([0.1, -0.2, 0.3]))

    def step(self, x, h=None):
        h = self.h0.expand(len(x), N) if h is None else h
        return torch.tanh(h + x)


def test_the_first_state_of_a_step_that_has_one_of_its_own():
    assert_allclose(dk.as_system(Starts(), step="step").initial_state(), [0.1, -0.2, 0.3], atol=1e-7)


class Counted(Own):
    def init_state(self, n):
        return torch.zeros(n, N), torch.zeros(n, 1, dtype=torch.int64)

    def step(self, x, state):
        h, count = state
        return torch.tanh(h + x) * (count < 3), count + 1


def test_counters_are_refused_by_name_and_carried_along_where_jumps_are_said():
    with pytest.raises(InputError, match=r"part '1' of the state is of torch.int64.*regularity=\"discontinuous\""):
        dk.as_system(Counted(), step="step")
    system = dk.as_system(Counted(), step="step", regularity="discontinuous")
    states = system.trajectory(system.initial_state(), torch.ones(6, N))
    assert states[:, N].tolist() == [1, 2, 3, 4, 5, 6]
    assert states[:, 0].bool().tolist() == [True, True, True, False, False, False]


class Twice(Own):
    """Two values that could be the next state."""

    def step(self, x, h):
        return torch.tanh(h + x), torch.sigmoid(h - x)


class Swapped(Own):
    """Nothing says which argument is which."""

    def step(self, a, b):
        return torch.tanh(2 * a + b), None


class Reads(Own):
    """Its output depends on the state before."""

    def step(self, x, h):
        return (h * x).sum(1, keepdim=True), torch.tanh(h + x)


class Mixes(Own):
    def step(self, x, h):
        return None, torch.tanh(h - h.mean(0) + x)


class Positional(Own):
    """What an element does depends on its place in the sequence."""

    def step(self, x, h):
        for t in range(x.shape[1]):
            h = torch.tanh(h + (t + 1) * x[:, t])
        return h


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (Positional, {}, "a sequence of three elements does something else than three sequences of one"),
        (Twice, {}, r"0 and 1 of what it returns are built as its state is, and differ.*form=dk.Form\(returned='1'\)"),
        (Swapped, {}, "argument_order"),
        (Mixes, {}, "a row changed with its neighbour"),
        (Pair, {"form": dk.Form(names=("h",))}, "must name the 2 parts of the state"),
        (Pair, {"form": dk.Form(weights=("rnn.bias_hh_l0",))}, "must be a square matrix"),
        (Pair, {"form": dk.Form(state=(torch.zeros(3), torch.zeros(3)), batch_axis=1)}, "no axis of form.state"),
        (Pair, {"form": dk.Form(tau=100)}, "pass dt="),
        (Kept, {"form": dk.Form(state=("h", "nothing"))}, "names 'nothing', which is no attribute"),
    ],
)
def test_what_is_left_open_is_refused_with_what_decides(build, arguments, message):
    with pytest.raises(InputError, match=message):
        dk.as_system(build(), step="step", **arguments)


def test_what_is_told_decides():
    x, u = torch.randn(4, N, dtype=torch.float64), torch.randn(4, N, dtype=torch.float64)
    for k, expected in (("0", torch.tanh(x + u)), ("1", torch.sigmoid(x - u))):
        system = dk.as_system(Twice(), step="step", form=dk.Form(returned=k))
        assert_allclose(system.step(x, u), expected)
    system = dk.as_system(Swapped(), step="step", argument_order="input, state")
    assert_allclose(system.step(x, u), torch.tanh(2 * u + x))
    for state in ((torch.zeros(N),) * 2, (torch.zeros(2, N),) * 2, lambda n: (torch.zeros(n, N),) * 2):
        system = dk.as_system(Pair(), step="step", form=dk.Form(state=state, names=("h", "c")))
        assert system.parts == {"h": slice(0, N), "c": slice(N, 2 * N)}


def test_an_output_that_the_state_does_not_settle_is_no_readout():
    system = dk.as_system(Reads(), step="step")
    assert system.output_size == N
    assert "without output 0, which its state does not settle" in system.name


@pytest.mark.parametrize("arguments", [{"names": ("h", "h")}, {"alpha": 0.0}, {"alpha": 0.1, "tau": 10.0}, {"tau": -1}])
def test_forms_that_cannot_be_meant(arguments):
    with pytest.raises(InputError, match=r"form\."):
        dk.Form(**arguments)


def test_what_a_form_says_of_time_and_weights():
    class Rates(nn.Module):
        def __init__(self):
            super().__init__()
            self.into, self.rec, self.hidden_size, self.input_size = nn.Linear(2, N), nn.Linear(N, N), N, 2

        def step(self, x, h):
            return h + 0.2 * (torch.tanh(self.into(x) + self.rec(h)) - h)

    model = Rates()
    system = dk.as_system(model, step="step", dt=20.0, form=dk.Form(tau=100.0, weights=("rec",)))
    assert (system.alpha, system.dt, system.euler) == (0.2, 20.0, True)
    assert_allclose(system.recurrent_weights()["rec"], model.rec.weight.detach(), atol=1e-15)
    flow, x = dk.as_flow(system), torch.rand(N, dtype=torch.float64)
    twin, u = copy.deepcopy(model).double(), torch.zeros(1, 2, dtype=torch.float64)
    assert_allclose(flow.rhs(x), (torch.tanh(twin.into(u) + twin.rec(x[None]))[0] - x).detach() / 100, atol=1e-15)
