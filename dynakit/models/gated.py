"""What the gated networks share: the values they begin with, and dropout in their recurrent weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

INITS = ("torch", "glorot", "keras")


@torch.no_grad()
def begin(init: str, rnn: nn.RNNBase, readout: nn.Linear, n_gates: int) -> None:
    """Overwrite torch's own initial values, drawing from torch's generator.

    "glorot": input weights of each gate and readout uniform after Glorot and Bengio (2010), recurrent weights of each
    gate orthogonal (Saxe et al. 2014), so of spectral radius 1.  "keras": the same of all gates as one matrix, as Keras
    has it: limits of sqrt(6 / (n_inputs + n_gates n_hidden)), and gates of spectral radius .5 to .6, since it is the
    whole matrix that has orthonormal columns.  Biases are 0.
    """
    W_ih, W_hh, b_ih, b_hh = rnn.all_weights[0]
    blocks = n_gates if init == "glorot" else 1
    for matrix in (*W_ih.chunk(blocks), readout.weight):
        nn.init.xavier_uniform_(matrix)
    for matrix in W_hh.chunk(blocks):
        nn.init.orthogonal_(matrix)
    for bias in (b_ih, b_hh, readout.bias):
        bias.zero_()


def kept(p: float, x0: Tensor, n_hidden: int, generator: torch.Generator | None) -> Tensor:
    """What is heard of each unit (trial, hidden) for a whole sequence: 0 with probability ``p``, else 1 / (1 - p)."""
    shape, device = (len(x0), n_hidden), x0.device if generator is None else generator.device
    drawn = torch.rand(shape, generator=generator, device=device, dtype=x0.dtype).to(x0.device)
    return (drawn >= p).to(x0.dtype) / (1 - p)
