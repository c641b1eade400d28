"""The gated recurrent unit (Cho et al. 2014), in the variant of cuDNN and torch:

r = s(W_ir u + b_ir + W_hr h + b_hr),  z = s(W_iz u + b_iz + W_hz h + b_hz),
n = tanh(W_in u + b_in + r * (W_hn h + b_hn)),  h' = (1 - z) * n + z * h.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..seeding import as_seed
from ..surroundings import in_own_surroundings
from .base import RecurrentModel, Trajectory, checked_sizes, layer_shapes, own_randomness


class GRU(RecurrentModel):
    """An ``nn.GRU`` layer and a linear readout.

    ``rnn`` is the layer, ``readout`` the ``nn.Linear``; initial values are torch's own (uniform in
    +-1/sqrt(n_hidden)), drawn from ``seed``.

    >>> GRU(2, 16, 1)(torch.zeros(5, 10, 2)).states.shape
    torch.Size([5, 10, 16])
    """

    @in_own_surroundings
    def __init__(self, n_inputs: int, n_hidden: int, n_outputs: int, *, seed: int = 0) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.seed = as_seed(seed)
        with own_randomness(self.seed, "GRU"):
            self.rnn = nn.GRU(self.n_inputs, self.n_hidden)
            self.readout = nn.Linear(self.n_hidden, self.n_outputs)

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that layer and readout have with these arguments."""
        return layer_shapes(3, config)

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step in plain operations: torch's kernel takes no batch of networks."""
        W_ih, W_hh, b_ih, b_hh = self.rnn.all_weights[0]
        r, z, n = functional.linear(u, W_ih, b_ih).chunk(3, dim=1)
        r_x, z_x, n_x = functional.linear(x, W_hh, b_hh).chunk(3, dim=1)
        z = torch.sigmoid(z + z_x)
        return (1 - z) * torch.tanh(n + torch.sigmoid(r + r_x) * n_x) + z * x

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        states, _ = self.rnn(inputs.transpose(0, 1).contiguous(), x0[None].contiguous())  # time first is faster
        return Trajectory(self.readout(states).transpose(0, 1), states.transpose(0, 1))
