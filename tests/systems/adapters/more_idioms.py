"""More networks as people write them: states and weights that are made, kept, tied, attended to, changed."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from ..members import K, M, N, seeded
from .idioms import Idiom, Loop, Net, Stepped, of


class Zoneout(Loop):
    def one_step(self, u, h):
        new = self.cell(u, h)
        if self.training:
            return torch.where(torch.rand_like(h) < 0.1, h, new)
        return 0.1 * h + 0.9 * new


class Highway(Net):
    def __init__(self):
        super().__init__()
        self.gate, self.carry = nn.Linear(M, N), nn.Linear(M, N)

    def forward(self, x):
        t = torch.sigmoid(self.gate(x))
        return self.fc(t * self.rnn(x)[0] + (1 - t) * self.carry(x))


class Skip(Net):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(N + M, K)

    def forward(self, x):
        return self.fc(torch.cat([self.rnn(x)[0], x], -1))


class CTRNN(nn.Module):
    """The tutorial's: Euler steps of a leaky network, noise in training only."""

    def __init__(self):
        super().__init__()
        self.hidden_size, self.input_size, self.alpha = N, M, 0.2
        self.input2h, self.h2h, self.fc = nn.Linear(M, N), nn.Linear(N, N), nn.Linear(N, K)

    def recurrence(self, input, hidden):
        pre = self.input2h(input) + self.h2h(hidden)
        if self.training:
            pre = pre + 0.1 * torch.randn_like(pre)
        return (1 - self.alpha) * hidden + self.alpha * torch.relu(pre)

    def forward(self, x):
        h, out = torch.zeros(len(x), N), []
        for t in range(x.shape[1]):
            h = self.recurrence(x[:, t], h)
            out.append(self.fc(h))
        return torch.stack(out, 1)


class BufferedFeedback(nn.Module):
    """The last output is kept in a buffer, and comes in with the next input."""

    def __init__(self):
        super().__init__()
        self.cell, self.fc = nn.GRUCell(M, N), nn.Linear(N, M)
        self.register_buffer("last", torch.zeros(1, M))

    def forward(self, x):
        h, out = torch.zeros(len(x), N), []
        self.last = torch.zeros(len(x), M)
        for u in x.unbind(1):
            h = self.cell(u + self.last, h)
            self.last = self.fc(h)
            out.append(self.last)
        return torch.stack(out, 1)


class Symmetric(nn.Module):
    def forward(self, W):
        return W.triu() + W.triu(1).mT


class Projected(Net):
    Layer = nn.LSTM

    def __init__(self):
        super().__init__(proj_size=4)
        self.fc = nn.Linear(4, K)


class BothWays(Net):
    def __init__(self):
        super().__init__(bidirectional=True)
        self.fc = nn.Linear(2 * N, K)


class Hyper(Stepped):
    """The recurrent weights of each step are made from its input."""

    def __init__(self):
        super().__init__()
        self.maker, self.into, self.fc = nn.Linear(M, N * N), nn.Linear(M, N), nn.Linear(N, K)

    def one_step(self, u, h):
        W = 0.3 * self.maker(u).reshape(-1, N, N)
        return torch.tanh(torch.einsum("bij,bj->bi", W, h) + self.into(u))


class HyperGain(Loop):
    def __init__(self):
        super().__init__()
        self.maker = nn.Linear(M, N)

    def one_step(self, u, h):
        return self.cell(u, h * torch.sigmoid(self.maker(u)))


class SparseEcho(Stepped):
    """An echo-state network: sparse fixed weights in a buffer, a trained readout."""

    def __init__(self):
        super().__init__()
        W = F.dropout(torch.randn(N, N), 0.5)
        self.register_buffer("W", 0.9 * (W / torch.linalg.matrix_norm(W, 2)).to_sparse())
        self.register_buffer("W_in", torch.randn(N, M))
        self.fc = nn.Linear(N, K)

    def one_step(self, u, h):
        return torch.tanh(torch.sparse.mm(self.W, h.T).T + u @ self.W_in.T)


class Clocked(Loop):
    """What a step does depends on its number."""

    def forward(self, x):
        h, out = torch.zeros(len(x), N), []
        for t, u in enumerate(x.unbind(1)):
            h = self.cell(math.cos(0.1 * t) * u, h)
            out.append(self.fc(h))
        return torch.stack(out, 1)


class ResetEvery(Loop):
    """The state starts anew after so many steps."""

    def __init__(self, period=8):
        super().__init__()
        self.period = period

    def forward(self, x):
        h, out = torch.zeros(len(x), N), []
        for t, u in enumerate(x.unbind(1)):
            h = self.cell(u, torch.zeros_like(h) if t and t % self.period == 0 else h)
            out.append(self.fc(h))
        return torch.stack(out, 1)


class HearsItself(nn.Module):
    """The output of the last step is concatenated with the input."""

    def __init__(self):
        super().__init__()
        self.cell, self.fc = nn.GRUCell(M + K, N), nn.Linear(N, K)

    def forward(self, x):
        h, y, out = torch.zeros(len(x), N), torch.zeros(len(x), K), []
        for u in x.unbind(1):
            h = self.cell(torch.cat([u, y], 1), h)
            y = self.fc(h)
            out.append(y)
        return torch.stack(out, 1)


class Attends(Loop):
    """Each step hears a mean of all states so far, weighted by how like the present one they are."""

    def forward(self, x):
        h, past, out = torch.zeros(len(x), N), [], []
        for u in x.unbind(1):
            past.append(h)
            kept = torch.stack(past, 1)
            weights = torch.softmax((kept @ h[:, :, None])[..., 0], 1)
            h = self.cell(u, h + (weights[:, None] @ kept)[:, 0])
            out.append(self.fc(h))
        return torch.stack(out, 1)


class AttentionHead(Net):
    """The readout attends to all states up to now."""

    def forward(self, x):
        h = self.rnn(x)[0]
        ahead = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        scores = (h @ h.mT).masked_fill(ahead, -torch.inf)
        return self.fc(torch.softmax(scores, -1) @ h)


class FastWeights(Loop):
    """A Hebbian trace of the states is a second state."""

    def forward(self, x):
        h, A, out = torch.zeros(len(x), N), torch.zeros(len(x), N, N), []
        for u in x.unbind(1):
            h = self.cell(u, h + (A @ h[:, :, None])[..., 0])
            A = 0.9 * A + 0.1 * h[:, :, None] * h[:, None]
            out.append(self.fc(h))
        return torch.stack(out, 1)


class Momentum(Loop):
    def forward(self, x):
        h, v, out = torch.zeros(len(x), N), torch.zeros(len(x), N), []
        for u in x.unbind(1):
            v = 0.5 * v + self.cell(u, h) - h
            h = h + v
            out.append(self.fc(h))
        return torch.stack(out, 1)


class SummedOutput(Net):
    def forward(self, x):
        return self.fc(self.rnn(x)[0]).cumsum(1)


class ResidualOutput(Net):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(N, M)

    def forward(self, x):
        return x + self.fc(self.rnn(x)[0])


class NormedInput(Net):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(M)
        self.norm.running_mean.fill_(0.5)

    def forward(self, x):
        return self.fc(self.rnn(self.norm(x.flatten(0, 1)).reshape(x.shape))[0])


class Choices(Net):
    def forward(self, x):
        return super().forward(x).argmax(-1)


class Tempered(Net):
    def forward(self, x, temperature=0.5):
        return torch.log_softmax(super().forward(x) / temperature, -1)


class TeacherForced(Net):
    def forward(self, x, targets=None, forcing=0.5):
        return super().forward(x if targets is None else x + targets)


class Truncated(Loop):
    def forward(self, x):
        h, out = torch.zeros(len(x), N), []
        for t, u in enumerate(x.unbind(1)):
            h = self.cell(u, h.detach() if t % 5 == 0 else h)
            out.append(self.fc(h))
        return torch.stack(out, 1)


class Stateful(Net):
    """The state of the last call is where the next one starts."""

    def __init__(self):
        super().__init__()
        self.hidden = None

    def forward(self, x):
        if self.hidden is not None and self.hidden.shape[1] != len(x):
            self.hidden = None
        states, hidden = self.rnn(x, self.hidden)
        self.hidden = hidden.detach()
        return self.fc(states)


class LayerCells(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.fc = nn.ModuleList([nn.GRUCell(M, N), nn.GRUCell(N, N)]), nn.Linear(N, K)

    def forward(self, x):
        first, second, out = torch.zeros(len(x), N), torch.zeros(len(x), N), []
        for u in x.unbind(1):
            first = self.cells[0](u, first)
            second = self.cells[1](first, second)
            out.append(self.fc(second))
        return torch.stack(out, 1)


class Quantised(Loop):
    def one_step(self, u, h):
        return (self.cell(u, h) * 16).round() / 16


class EverySecond(Loop):
    def forward(self, x):
        h, out = torch.zeros(len(x), N), []
        for t, u in enumerate(x.unbind(1)):
            h = self.cell(u, h) if t % 2 == 0 else h
            out.append(self.fc(h))
        return torch.stack(out, 1)


class Chunked(Net):
    """One call of the layer for each five steps, the state handed on."""

    def forward(self, x):
        state, out = None, []
        for part in x.split(5, 1):
            states, state = self.rnn(part, state)
            out.append(self.fc(states))
        return torch.cat(out, 1)


class Ensemble(Net):
    """The mean over two runs, one of them from a state that is not zero."""

    def forward(self, x):
        other = self.rnn(x, torch.ones(1, len(x), N, dtype=x.dtype))[0]
        return self.fc(0.5 * (self.rnn(x)[0] + other))


def symmetric() -> nn.Module:
    model = seeded(Net)
    cell = seeded(lambda: nn.RNN(M, N, batch_first=True))
    parametrize.register_parametrization(cell, "weight_hh_l0", Symmetric())
    model.rnn = cell
    return model


MORE: dict[str, Idiom] = {
    "zoneout": of(Zoneout, step="one_step"),
    "highway around a layer": of(Highway),
    "inputs past the layer to the readout": of(Skip),
    "leaky network of linear layers": of(CTRNN, step="recurrence"),
    "output fed back through a buffer": of(BufferedFeedback),
    "symmetric weights, parametrized": Idiom(symmetric),
    "LSTM with projections": of(Projected),
    "bidirectional": of(BothWays),
    "weights made from the input": of(Hyper, step="one_step"),
    "gains made from the input": of(HyperGain, step="one_step"),
    "echo state, sparse weights": of(SparseEcho, step="one_step"),
    "inputs weighted by the number of the step": of(Clocked),
    "reset every eighth step": of(ResetEvery),
    "last output beside the input": of(HearsItself),
    "attention over past states": of(Attends),
    "attention in the readout": of(AttentionHead),
    "fast weights": of(FastWeights),
    "momentum": of(Momentum),
    "outputs summed over time": of(SummedOutput),
    "inputs added to the output": of(ResidualOutput),
    "batch norm of the inputs": of(NormedInput),
    "choices, not values": of(Choices),
    "log softmax with a temperature": of(Tempered),
    "teacher forcing": of(TeacherForced),
    "truncated backpropagation": of(Truncated),
    "state kept from call to call": of(Stateful, own=lambda m, x: (setattr(m, "hidden", None), m(x))[1]),
    "two cells in a loop": of(LayerCells),
    "rounded state": of(Quantised, step="one_step"),
    "steps left out": of(EverySecond),
    "five steps at a call": of(Chunked),
    "mean of two runs": of(Ensemble),
}
