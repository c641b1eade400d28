"""A forward that starts from a weight of its own, however it has it once for each trial: one certified map."""

from __future__ import annotations

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk

N, I, K = 4, 3, 2

STARTS = {  # how a first state is had for each of n trials
    "expand": ((N,), lambda h0, n: h0.expand(n, N)),
    "expand a row": ((1, N), lambda h0, n: h0.expand(n, -1)),
    "added": ((N,), lambda h0, n: h0 + torch.zeros(n, N)),
    "repeat": ((N,), lambda h0, n: h0.repeat(n, 1)),
    "repeat a row": ((1, N), lambda h0, n: h0.repeat(n, 1)),
    "unsqueeze and repeat": ((N,), lambda h0, n: h0.unsqueeze(0).repeat(n, 1)),
    "tile": ((N,), lambda h0, n: torch.tile(h0, (n, 1))),
    "stack": ((N,), lambda h0, n: torch.stack([h0] * n)),
    "a layer of one": ((1, 1, N), lambda h0, n: h0.repeat(1, n, 1)[0]),
}


class LowRank(nn.Module):
    """As whole sequences are written: the states only where they are asked for, noise inside."""

    def __init__(self, shape, begin):
        super().__init__()
        self.m, self.n = nn.Parameter(torch.randn(N, 2)), nn.Parameter(torch.randn(N, 2))
        self.wi, self.wo = nn.Parameter(torch.randn(I, N)), nn.Parameter(torch.randn(N, K))
        self.h0, self.begin, self.noise = nn.Parameter(0.3 * torch.randn(shape)), begin, 0.05

    def forward(self, input, return_dynamics=False):
        h, out, states = self.begin(self.h0, len(input)), [], []
        for u in input.unbind(1):
            pull = torch.tanh(h) @ self.n @ self.m.T / N + u @ self.wi
            h = h + self.noise * torch.randn_like(h) + 0.2 * (pull - h)
            out.append(torch.tanh(h) @ self.wo)
            states.append(h)
        out = torch.stack(out, 1)
        return (out, torch.stack(states, 1)) if return_dynamics else out


@pytest.mark.parametrize("name", STARTS)
def test_a_network_of_whole_sequences_is_a_map_with_certificates(name):
    torch.manual_seed(0)
    model = LowRank(*STARTS[name])
    system = dk.as_system(model)
    assert "with the mean of its noise" in system.name
    assert_allclose(system.initial_state(), model.h0.detach().reshape(-1), atol=1e-7)
    model.noise, inputs = 0.0, torch.randn(3, 25, I)
    with torch.no_grad():
        assert_allclose(dk.record(system, inputs.double()).outputs, model(inputs), atol=1e-5)
    points = dk.find_fixed_points(system, max_starts=16)
    assert points.certified.all()
    assert system.box() is not None
    x = points.states[0]
    m, n = model.m.detach().double(), model.n.detach().double()
    by_hand = 0.8 * torch.eye(N) + 0.2 * m @ n.T / N * (1 - torch.tanh(torch.as_tensor(x)) ** 2)
    assert_allclose(system.jacobian(x), by_hand, atol=1e-12)


def test_a_scripted_step_says_that_the_module_itself_is_certified():
    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.W, self.U = nn.Linear(I, N), nn.Linear(N, N)

        def forward(self, x, h):
            return torch.tanh(self.W(x) + self.U(h))

    model = Cell()
    arguments = {"step": "forward", "state_size": N, "input_size": I}
    scripted = dk.as_system(torch.jit.script(model), **arguments)
    assert "certified only as the module that was scripted" in scripted.name
    assert not dk.find_fixed_points(scripted, max_starts=8).certified.any()
    assert dk.find_fixed_points(dk.as_system(model, **arguments), max_starts=8).certified.all()
