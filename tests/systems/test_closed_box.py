"""Loops around cells of one's own have the boxes that loops around torch's layers have."""

from __future__ import annotations

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk

N, M = 6, 2


def drawn(module: nn.Module, scale: float = 1.5) -> nn.Module:
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=generator) / N**0.5)
    return module.double()


def by_hand(cell: nn.Module):
    """The step of a cell of torch's as people write it, of states (h) or (h, c) side by side."""
    W, R = cell.weight_ih.detach(), cell.weight_hh.detach()
    b, c = cell.bias_ih.detach(), cell.bias_hh.detach()

    def rnn(x, u):
        return torch.tanh(u @ W.T + b + x @ R.T + c)

    def gru(x, u):
        r, z, n = (u @ W.T + b).chunk(3, -1)
        r_h, z_h, n_h = (x @ R.T + c).chunk(3, -1)
        z = torch.sigmoid(z + z_h)
        return (1 - z) * torch.tanh(n + torch.sigmoid(r + r_h) * n_h) + z * x

    def lstm(x, u):
        h, memory = x.chunk(2, -1)
        i, f, g, o = (u @ W.T + b + h @ R.T + c).chunk(4, -1)
        memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat([torch.sigmoid(o) * torch.tanh(memory), memory], -1)

    return {"RNNCell": rnn, "GRUCell": gru, "LSTMCell": lstm}[type(cell).__name__]


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_loop_around_an_own_cell_says_what_one_around_torchs_layer_says(kind: str) -> None:
    cell, head = drawn(getattr(nn, f"{kind}Cell")(M, N)), drawn(nn.Linear(N, M))
    size = 2 * N if kind == "LSTM" else N
    own = dk.ClosedLoop(
        dk.FunctionSystem(by_hand(cell), size, M, readout=lambda x: torch.tanh(head(x[..., :N])))
    )
    twin = dk.ClosedLoop(dk.as_system((cell, nn.Sequential(head, nn.Tanh()))))
    x = torch.randn(4, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert_allclose(own.step(x).detach(), twin.step(x).detach(), atol=1e-12)
    box = own.box()
    inside = box.lo + (box.hi - box.lo) * torch.rand(2000, size, dtype=torch.float64)
    after = own.step(inside).detach()
    assert bool(((after > box.lo) & (after < box.hi)).all())
    points, others = (dk.find_fixed_points(system, seed=0) for system in (own, twin))
    assert_allclose(points.states, others.states, atol=1e-8)
    assert points.certified.all()
    assert (points.degree, points.expected_degree, points.completeness) == (1, 1, "consistent")


def policy(x, y):
    return torch.tanh(0.5 * x + y)


PLANTS = {
    "a plant that leaks": (lambda w, a: 0.9 * w + 0.2 * a, True),
    "a plant that adds up": (lambda w, a: w + 0.2 * a, False),
    "a plant that grows": (lambda w, a: 1.01 * w + 0.2 * a, False),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_network_in_its_world_has_a_box_where_both_are_bounded(name: str) -> None:
    world, bounded = PLANTS[name]
    network = dk.FunctionSystem(policy, 2, 2, argument_order="state, input")
    loop = dk.ClosedLoop(network, world=world, world_size=2)
    assert (loop.box() is not None) == bounded


def test_a_loop_that_grows_or_jumps_has_no_box() -> None:
    grows = dk.FunctionSystem(lambda x, u: torch.relu(x + u), 2, 2, argument_order="state, input")
    jumps = dk.FunctionSystem(
        lambda x, u: 0.5 * torch.sign(x + u), 2, 2, argument_order="state, input", regularity="discontinuous"
    )
    assert dk.ClosedLoop(grows).box() is None
    assert dk.ClosedLoop(jumps).box() is None
