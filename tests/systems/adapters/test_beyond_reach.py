"""Networks that are others beyond twenty small steps from rest: clips, traces, counters, draws of their own.

None may be taken for what it is only there.
"""

from __future__ import annotations

import collections
import types

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError

N, I, K = 4, 3, 2
RELU = {"nonlinearity": "relu"}


class Loop(nn.Module):
    """A cell stepped by hand from zeros; ``handed_on`` and ``heard`` say what a subclass does besides."""

    def __init__(self, cell=nn.LSTMCell, **how):
        super().__init__()
        self.cell, self.fc = cell(I, N, **how), nn.Linear(N, K)

    def forward(self, x):
        state, y, out = None, x.new_zeros(len(x), K), []
        for u in x.unbind(1):
            state = self.handed_on(self.cell(self.heard(u, y), state))
            y = self.fc(state[0] if isinstance(state, tuple) else state)
            out.append(y)
        return torch.stack(out, 1)

    def heard(self, u, y):
        return u

    def handed_on(self, state):
        return state


class ClippedMemory(Loop):
    def handed_on(self, state):
        return state[0], state[1].clamp(-3, 3)


class ClippedRate(Loop):
    def handed_on(self, state):
        return state.clamp(max=100.0)


class LateFeedback(Loop):
    def heard(self, u, y):
        return u + torch.relu(y[:, :1] - 40)


class OneStep(Loop):
    """The same clip in a forward of one step."""

    def forward(self, x, state):
        h, c = self.cell(x, state)
        return self.fc(h), (h, c.clamp(-3, 3))


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.W, self.U, self.fc = nn.Linear(I, N), nn.Linear(N, N), nn.Linear(N, K)
        self.hidden_size, self.input_size, self.h = N, I, torch.zeros(1, N)

    def rate(self, x, h):
        return torch.tanh(self.W(x) + self.U(h))


class ClippedOutside(Own):
    def recurrence(self, x, h):
        return 0.9 * h + 0.3 * torch.relu(self.W(x) + self.U(h))

    def forward(self, x):
        h, out = x.new_zeros(len(x), N), []
        for u in x.unbind(1):
            h = self.recurrence(u, h).clamp(max=30.0)
            out.append(self.fc(h))
        return torch.stack(out, 1)


class SaturatedCopy(Own):
    def step(self, x, h):
        h = 0.9 * h + 0.1 * self.rate(x, h)
        return h.clamp(-2, 2), h


class HiddenTrace(Own):
    trace = 0.0

    def step(self, x, h):
        h = 0.9 * h + self.rate(x, h) + self.trace
        self.trace += 0.5 * bool(h.abs().max() > 3)
        return h


class LateMixing(Own):
    def step(self, x, h):
        h = 0.5 * h + torch.relu(self.W(x) + self.U(h))
        return 5 * h / h.max() if h.max() > 5 else h


class CountsInAList(Own):
    def __init__(self):
        super().__init__()
        self.clock = [0]

    def step(self, x):
        self.clock[0] += 1
        self.h = self.rate(x, self.h) * (self.clock[0] % 50 != 0)
        return self.h


class Counts(Own):
    t = 0

    def step(self, x, h):
        self.t += 1
        return self.rate(x, h) * (self.t % 50 != 0)


class DrawsItsWeights(Own):
    R = None

    def step(self, x, h):
        if self.R is None:
            self.R = torch.randn(N, N)
        return torch.tanh(self.W(x) + h @ self.R.to(h))


class SizeOfNoise(Own):
    def step(self, x, h):
        return self.rate(x, h) + 0.5 * torch.randn_like(h).abs()


class Flips(Own):
    def step(self, x, h):
        return torch.where(torch.randn_like(h) > 0, self.rate(x, h), h)


class RescaledLater(Own):
    def forward(self, x, h0):
        h, out = h0, []
        for u in x.unbind(1):
            h = 0.9 * h + 0.1 * torch.relu(self.W(u) + self.U(h))
            out.append(h)
        out = torch.stack(out, 1)
        most = out.abs().amax((1, 2), keepdim=True).clamp(min=2.0) / 2 if len(x[0]) > 1 else 1.0
        return out / most, (out / most)[:, -1]


REFUSED = {
    "clip of a memory": (ClippedMemory, {}, "with large states, it hands on something else than 'cell'"),
    "clip of rates": (lambda: ClippedRate(nn.RNNCell, **RELU), {}, "with large states"),
    "feedback past a threshold": (lambda: LateFeedback(nn.RNNCell, **RELU), {}, "with large states"),
    "clip around a step of one's own": (ClippedOutside, {}, "holds no recurrent layer"),
    "a saturated copy beside the state": (SaturatedCopy, {"step": "step"}, r"form=dk.Form\(returned='1'\)"),
    "a trace of large states": (HiddenTrace, {"step": "step"}, "deterministic|with its neighbour"),
    "rows mixed where they are large": (LateMixing, {"step": "step"}, "with its neighbour"),
    "a counter in a list": (CountsInAList, {"step": "step"}, "depends on 'clock.0', a number that it counts up"),
    "a counter beside the state": (Counts, {"step": "step"}, "depends on 't', a number that it counts up"),
    "weights drawn in the first call": (DrawsItsWeights, {"step": "step"}, "its first call draws 'R'"),
    "the size of noise": (SizeOfNoise, {"step": "step"}, "through a sign, a size or a comparison"),
    "a choice by noise": (Flips, {"step": "step"}, "through a sign, a size or a comparison"),
    "sequences rescaled where they are large": (RescaledLater, {}, "as a method"),
}


def built(make):
    torch.manual_seed(0)
    return make().eval()


@pytest.mark.parametrize("name", REFUSED)
def test_a_network_that_is_another_beyond_reach_is_refused(name):
    make, arguments, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        dk.as_system(built(make), **arguments)


def test_the_same_without_the_clip_is_the_cell():
    for model in (Loop(), Loop(nn.GRUCell), Loop(nn.RNNCell, **RELU)):
        assert dk.as_system(model).compared == 20


def test_a_clip_in_a_forward_of_one_step_is_part_of_the_step():
    system = dk.as_system(built(OneStep))
    x = torch.full((2 * N,), 50.0)
    assert float(system.step(x, torch.zeros(I))[N:].abs().max()) == 3.0  # not the LSTM's


class Delayed(Own):
    def __init__(self):
        super().__init__()
        self.late = collections.deque([torch.zeros(1, I)] * 3, maxlen=3)

    def step(self, x):
        self.late.append(x)
        self.h = self.rate(self.late[0], self.h)
        return self.h


class Adapts(Own):
    """Its threshold is changed by large states only, and kept in an object of its own."""

    def __init__(self):
        super().__init__()
        self.kept = types.SimpleNamespace(a=torch.zeros(1, N))

    def step(self, x):
        self.h = 0.9 * self.h + torch.tanh(self.W(x) + self.U(self.h) - self.kept.a)
        self.kept.a = torch.where(self.h.abs() > 1.5, self.kept.a + 0.1 * self.h, self.kept.a)
        return self.h


@pytest.mark.parametrize(("kind", "size"), [(Delayed, N + 3 * I), (Adapts, 2 * N)])
def test_what_a_step_keeps_out_of_sight_is_part_of_its_state(kind, size):
    model = built(kind)
    system = dk.as_system(model, step="step")
    assert system.state_size == size
    inputs = 3 * torch.randn(25, I)
    with torch.no_grad():
        theirs = torch.cat([model.step(u[None]) for u in inputs])
    assert_allclose(dk.record(system, inputs[None].double()).outputs[0], theirs, atol=1e-5)


def test_numbers_that_are_the_same_at_every_call_are_no_noise():
    class Frozen(Own):
        def step(self, x, state):
            h, c = state
            R = torch.randn(N, N, generator=torch.Generator().manual_seed(3)).to(h)
            return torch.tanh(self.W(x) + h @ R), 0.5 * c

    model = built(Frozen)
    system = dk.as_system(model, step="step")
    assert "noise" not in system.name
    x, u = torch.randn(3, 2 * N), torch.randn(3, I)
    with torch.no_grad():
        assert_allclose(system.step(x, u)[:, :N], model.step(u, (x[:, :N], x[:, N:]))[0], atol=1e-6)


def test_a_clamp_beyond_what_a_cell_can_reach_changes_nothing():
    class Clamped(nn.GRUCell):
        def forward(self, x, h):
            return torch.clamp(super().forward(x, h), -5, 5)

    assert dk.as_system(built(lambda: Clamped(I, N))).name == "GRU"
