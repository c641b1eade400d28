"""Networks whose own code takes the step are taken by it, where it does what their forward does."""

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
    ("build", "said"),
    [(LowRank, "LowRank.one_step with readout 'readout'"), (ReturnsItsStates, "rnn.recurrence with readout 'fc'")],
)
def test_a_step_and_its_readout_are_found_and_compared(build, said):
    model = seeded(build)
    system = dk.as_system(model)
    assert said in repr(system)
    assert system.compared >= 20
    x = torch.randn(4, 30, M)
    theirs = model(x) if build is LowRank else model(x.transpose(0, 1))[0].transpose(0, 1)
    ours = dk.record(model, x, time_axis=1).outputs
    assert_allclose(ours, theirs.detach(), atol=1e-5)
