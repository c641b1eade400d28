"""Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber, Cummins 2000).

i = s(a_i + p_i * c),  f = s(a_f + p_f * c),  g = tanh(a_g),  c' = f * c + i * g,
o = s(a_o + p_o * c'),  h' = o * tanh(c'),   with a = W_ih u + W_hh h + b;

the diagonal peepholes p (Gers and Schmidhuber 2000, "Recurrent nets that time and count") are absent or
learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..seeding import as_seed
from ..surroundings import in_own_surroundings
from .base import RecurrentModel, Trajectory, checked_sizes, layer_shapes, own_randomness


class LSTM(RecurrentModel):
    """An ``nn.LSTM`` layer and a linear readout; the state is [h, c], of 2 ``n_hidden`` entries.

    ``rnn`` is the layer (gate order i, f, g, o) and ``readout`` the ``nn.Linear``.  With ``peepholes`` the
    parameter ``peephole`` (3, n_hidden) holds p_i, p_f, p_o and the layer serves as the store of the other
    weights; without, ``peephole`` is None.  Initial values are torch's own (uniform in +-1/sqrt(n_hidden)),
    drawn from ``seed``.

    >>> LSTM(2, 16, 1)(torch.zeros(5, 10, 2)).states.shape
    torch.Size([5, 10, 32])
    """

    state_layout = "[h, c]"

    @in_own_surroundings
    def __init__(
        self, n_inputs: int, n_hidden: int, n_outputs: int, peepholes: bool = False, *, seed: int = 0
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.peepholes = bool(peepholes)
        self.seed = as_seed(seed)
        with own_randomness(self.seed, "LSTM"):
            self.rnn = nn.LSTM(self.n_inputs, self.n_hidden)
            self.readout = nn.Linear(self.n_hidden, self.n_outputs)
            bound = 1 / math.sqrt(self.n_hidden)
            drawn = torch.empty(3, self.n_hidden).uniform_(-bound, bound)
        self.peephole = nn.Parameter(drawn) if self.peepholes else None

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that layer and readout have with these arguments."""
        return layer_shapes(4, config)

    @property
    def state_size(self) -> int:
        """Number of entries of one state: h and c."""
        return 2 * self.n_hidden

    def extra_repr(self) -> str:
        return super().extra_repr() + (", peepholes=True" if self.peepholes else "")

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        h0, c0 = x0.split(self.n_hidden, dim=1)
        if self.peephole is None:
            h, _ = self.rnn(inputs.transpose(0, 1).contiguous(), (h0[None].contiguous(), c0[None].contiguous()))
            h = h.transpose(0, 1)
            c = self._cells(inputs, h, h0, c0)
        else:
            h, c = self._scan(inputs, h0, c0)
        return Trajectory(self.readout(h), torch.cat([h, c], dim=2))

    def _weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """W_ih, W_hh and the sum of both biases; rows in gate order i, f, g, o."""
        W_ih, W_hh, b_ih, b_hh = self.rnn.all_weights[0]
        return W_ih, W_hh, b_ih + b_hh

    def _cells(self, inputs: Tensor, h: Tensor, h0: Tensor, c0: Tensor) -> Tensor:
        """c at every step: torch's kernel keeps only the last, but h and u of all steps give every gate."""
        W_ih, W_hh, b = self._weights()
        rows = 3 * self.n_hidden  # i, f, g
        before = torch.cat([h0[:, None], h[:, :-1]], dim=1)
        gates = functional.linear(inputs, W_ih[:rows], b[:rows]) + functional.linear(before, W_hh[:rows])
        i, f, g = gates.chunk(3, dim=2)
        written = torch.sigmoid(i) * torch.tanh(g)
        cells, c = [], c0
        for kept, new in zip(torch.sigmoid(f).unbind(1), written.unbind(1)):
            c = torch.addcmul(new, kept, c)
            cells.append(c)
        return torch.stack(cells, dim=1)

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step in plain operations: torch's kernel has no derivatives of a batch of single trials."""
        h, c = self._scan(u[:, None], *x.split(self.n_hidden, dim=1))
        return torch.cat([h, c], dim=2)[:, 0]

    def _scan(self, inputs: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        W_ih, W_hh, b = self._weights()
        p_i, p_f, p_o = (0.0, 0.0, 0.0) if self.peephole is None else self.peephole.unbind(0)
        drive, recurrent = functional.linear(inputs, W_ih, b), W_hh.t()
        hs, cs = [], []
        for step in drive.unbind(1):
            i, f, g, o = torch.addmm(step, h, recurrent).chunk(4, dim=1)
            kept, new = torch.sigmoid(f + p_f * c) * c, torch.sigmoid(i + p_i * c) * torch.tanh(g)
            c = kept + new
            h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
            hs.append(h)
            cs.append(c)
        return torch.stack(hs, dim=1), torch.stack(cs, dim=1)
