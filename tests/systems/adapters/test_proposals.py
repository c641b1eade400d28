"""The calls that refusals propose are the network, its readout and its sizes included."""

import re

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk

from ..members import K, M, N, seeded


class LowRank(nn.Module):
    """Nothing but parameters, a step and a readout that are methods, and no size by name."""

    def __init__(self):
        super().__init__()
        self.wi, self.wo = nn.Parameter(torch.zeros(M, N)), nn.Parameter(torch.zeros(N, K))
        self.m, self.n = nn.Parameter(torch.zeros(N, 2)), nn.Parameter(torch.zeros(N, 2))

    def one_step(self, h, u, noise=None):
        h = h + 0.2 * (-h + torch.tanh(h) @ self.n @ self.m.T + u @ self.wi)
        return h if noise is None else h + noise

    def readout(self, h):
        return torch.tanh(h) @ self.wo

    def forward(self, x):
        h, out = torch.zeros(len(x), N), []
        for u in x.unbind(1):
            h = self.one_step(h, u)
            out.append(self.readout(h))
        return torch.stack(out, 1)


class Rates(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden_size, self.input_size = N, M
        self.into, self.recurrent = nn.Linear(M, N), nn.Linear(N, N)

    def recurrence(self, x, hidden):
        return 0.8 * hidden + 0.2 * torch.tanh(self.into(x) + self.recurrent(hidden))


class ReturnsItsStates(nn.Module):
    """Time first; outputs, and the states beside them."""

    def __init__(self):
        super().__init__()
        self.rnn, self.fc = Rates(), nn.Linear(N, K)

    def forward(self, x):
        h, states = torch.zeros(x.shape[1], N), []
        for u in x:
            h = self.rnn.recurrence(u, h)
            states.append(h)
        return self.fc(torch.stack(states)), torch.stack(states)


@pytest.mark.parametrize(
    ("build", "call"),
    [
        (LowRank, f"(model, step='one_step', readout='readout', state_size={N}, input_size={M})"),
        (ReturnsItsStates, "(model, step='rnn.recurrence', readout='fc')"),
    ],
)
def test_the_proposed_call_is_the_network(build, call):
    model = seeded(build)
    with pytest.raises(dk.InputError, match=re.escape(f"is one step of it: dk.as_system{call}")):
        dk.as_system(model)
    system = eval(f"dk.as_system{call}", {"dk": dk, "model": model})
    x = torch.randn(4, 30, M)
    theirs = model(x) if build is LowRank else model(x.transpose(0, 1))[0].transpose(0, 1)
    assert_allclose(dk.record(system, x).outputs, theirs.detach(), atol=1e-5)
