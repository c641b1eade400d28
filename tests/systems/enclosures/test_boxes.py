"""Invariant boxes of people's own cells: found for the bounded ones, never left, and none for what has none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk

N, M = 12, 3
GENERATOR = torch.Generator().manual_seed(3)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


W, B = 1.8 * drawn(N, N) / N**0.5, drawn(N, M)
R = {k: 3 * drawn(N, N) / (3 * N) ** 0.5 for k in "zrnifgo"}
V = {k: drawn(N, M) for k in "zrnifgo"}
A = 0.2


def gate(k, h, u):
    return h @ R[k].T + u @ V[k].T


def gru(x, u):
    z, r = torch.sigmoid(gate("z", x, u)), torch.sigmoid(gate("r", x, u))
    return (1 - z) * torch.tanh((r * x) @ R["n"].T + u @ V["n"].T) + z * x


def gru_the_other_way(x, u):
    z = torch.sigmoid(gate("z", x, u))
    return torch.tanh(gate("n", x, u)) * (1 - z) + x * z


def gru_with_its_gate_written_twice(x, u):
    new = torch.tanh(x @ W.T + u @ B.T)
    return (1 - torch.sigmoid(x @ R["z"].T + u @ V["z"].T)) * new + torch.sigmoid(x @ R["z"].T + u @ V["z"].T) * x


def gated(x, u):
    """A candidate and the gate that lets it through."""
    return torch.tanh(gate("n", x, u)), torch.sigmoid(gate("z", x, u))


def gru_towards_its_state(x, u):
    new, z = gated(x, u)
    return new + z * (x - new)


def gru_towards_its_candidate(x, u):
    new, z = gated(x, u)
    return x - (x - new) * z


def towards_a_constant(x, u):
    z = gated(x, u)[1]
    return x + z * (u @ B.T - x)


def lstm(x, u):
    h, c = x.chunk(2, -1)
    i, f, o = (torch.sigmoid(gate(k, h, u)) for k in "ifo")
    c = f * c + i * torch.tanh(gate("g", h, u))
    return torch.cat([o * torch.tanh(c), c], -1)


CELLS = {
    "(1 - a) x + a tanh": lambda x, u: (1 - A) * x + A * torch.tanh(x @ W.T + u @ B.T),
    "currents": lambda x, u: (1 - A) * x + A * (torch.tanh(x) @ W.T + u @ B.T),
    "x + a (-x + W tanh x)": lambda x, u: x + A * (-x + torch.tanh(x) @ W.T + u @ B.T),
    "x - a x + a tanh": lambda x, u: x - A * x + A * torch.tanh(x @ W.T + u @ B.T),
    "Elman": lambda x, u: torch.tanh(x @ W.T + u @ B.T),
    "low rank": lambda x, u: x + A * (-x + torch.tanh(x) @ W[:, :2] @ W[:, 2:4].T + u @ B.T),
    "GRU": gru,
    "GRU, the other way": gru_the_other_way,
    "GRU, its gate written twice": gru_with_its_gate_written_twice,
    "GRU by lerp": lambda x, u: torch.lerp(torch.tanh(gate("n", x, u)), x, torch.sigmoid(gate("z", x, u))),
    "GRU, towards its state": gru_towards_its_state,
    "GRU, towards its candidate": gru_towards_its_candidate,
    "GRU, towards its candidate by addcmul": lambda x, u: torch.addcmul(x, gated(x, u)[1], gated(x, u)[0] - x),
    "towards a constant": towards_a_constant,
    "LSTM": lstm,
    "a clamp": lambda x, u: (x @ W.T + u @ B.T).clamp(-3, 3),
    "a contraction of relu": lambda x, u: torch.relu(x @ (W.T / 12) + u @ B.T + 0.1),
}
LARGEST = {"(1 - a) x + a tanh": 1.0, "x - a x + a tanh": 1.0, "Elman": 1.0, "a clamp": 3.0}
LARGEST |= dict.fromkeys(["GRU", "GRU, towards its state", "GRU, towards its candidate"], 1.0)


def own(name: str) -> dk.FunctionSystem:
    return dk.FunctionSystem(CELLS[name], 2 * N if name == "LSTM" else N, M, argument_order="state, input")


@pytest.mark.parametrize("name", CELLS)
def test_a_bounded_cell_has_a_box_that_no_state_leaves(name):
    system, u = own(name), 0.3 * drawn(M)
    box = system.box(u)
    x = box.lo + (box.hi - box.lo) * torch.rand(
        20_000, system.state_size, generator=GENERATOR, dtype=torch.float64
    )
    x[:5000] = torch.where(torch.rand(x[:5000].shape, generator=GENERATOR) < 0.5, box.lo, box.hi)
    y = system.step(x, u)
    assert bool(((y > box.lo) & (y < box.hi)).all())
    if name in LARGEST:
        assert float(torch.maximum(box.lo.abs(), box.hi.abs()).max()) == pytest.approx(
            LARGEST[name], abs=1e-3
        )


def gates_that_look_alike(x):
    """(1 - z) (tanh x + x): on a box around 0 both gates have one range."""
    return (1 - torch.sigmoid(x @ R["z"].T)) * torch.tanh(x) + torch.sigmoid(x @ -R["z"].T) * x


def weights_written_over(x):
    """The same, with the same weights in the meantime written over."""
    weights = R["z"].T.clone()
    closed = 1 - torch.sigmoid(x @ weights)
    weights.neg_()
    return closed * torch.tanh(x) + torch.sigmoid(x @ weights) * x


def state_written_over(x):
    """The same, with the state itself written over."""
    turned = x.clone()
    closed = 1 - torch.sigmoid(turned @ R["z"].T)
    turned.neg_()
    return closed * torch.tanh(x) + torch.sigmoid(turned @ R["z"].T) * x


UNBOUNDED = {
    "towards it, but away from another": lambda x: x + torch.sigmoid(x @ W.T) * (torch.tanh(x) - x.flip(-1)),
    "away from it": lambda x: x + torch.sigmoid(x @ W.T) * (x - torch.tanh(x)),
    "twice towards it": lambda x: x + 2 * torch.sigmoid(10 + 0.01 * torch.tanh(x)) * (torch.tanh(x) - 1.5 * x),
    "gates that look alike": gates_that_look_alike,
    "weights written over": weights_written_over,
    "a state written over": state_written_over,
    "relu of gain 1.8": lambda x: torch.relu(x @ W.T),
    "a linear map that grows": lambda x: 1.01 * x,
    "a rotation": lambda x: torch.stack([x[:, 1], -x[:, 0], *x.unbind(1)[2:]], 1),
    "a quadratic map": lambda x: 1 - 1.4 * x**2,
    "a jump in a box": lambda x: torch.where(x > 0, 0.1 * x - 1, 0.1 * x + 1),
    "code that is not followed": lambda x: torch.tanh(torch.special.i0(x)),
}


@pytest.mark.parametrize("name", UNBOUNDED)
def test_what_is_unbounded_or_jumps_has_no_box(name):
    assert dk.FunctionSystem(UNBOUNDED[name], N).box() is None


def test_two_units_of_equal_range_are_not_taken_for_one():
    system = dk.FunctionSystem(lambda x: torch.stack([x[:, 0] - x[:, 1], 0.1 * x[:, 1]], 1), 2)
    assert system.box() is None  # the first unit is a sum of all that the second was


def test_a_hand_written_lstm_says_of_itself_what_torchs_layer_says():
    layer = nn.LSTM(M, 4, batch_first=True).double()
    draws = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(1.5 * torch.randn(p.shape, generator=draws))
    W_ih, R_hh, b = (
        layer.weight_ih_l0.detach(),
        layer.weight_hh_l0.detach(),
        (layer.bias_ih_l0 + layer.bias_hh_l0).detach(),
    )

    def by_hand(x, u):
        h, c = x[:, :4], x[:, 4:]
        i, f, g, o = (u @ W_ih.T + h @ R_hh.T + b).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], -1)

    twin = dk.find_fixed_points(dk.as_system(layer), seed=0)
    points = dk.find_fixed_points(dk.FunctionSystem(by_hand, 8, M), seed=0)
    assert_allclose(points.states, twin.states, atol=1e-9)
    assert points.certified.all()
    assert (points.degree, points.expected_degree, points.completeness) == (1, 1, "consistent")
    assert twin.completeness == "consistent"


def test_points_beyond_a_box_are_found_and_leave_the_sum_open():
    """The first unit is drawn to 0 from within 4 and to 40 from beyond; a gate hides that from a large box."""

    def step(x):
        gate = torch.sigmoid(3 * (x - 8))
        return 0.3 * torch.tanh(x) * (1 - gate) + gate * (0.5 * x + 10)

    system = dk.FunctionSystem(step, 1)
    points = dk.find_fixed_points(system, np.linspace(-1, 40, 64)[:, None], seed=0)
    assert np.any(np.abs(points.states - 20) < 1e-3)
    box = system.box()
    if box is not None and float(box.hi) < 19:
        assert points.expected_degree is None
