"""What the gated networks share: their functions, first values, and dropout in their recurrent weights."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .. import checks
from .activations import ACTIVATIONS, GATES
from .base import RecurrentModel

INITS = ("torch", "glorot", "keras")


class GatedModel(RecurrentModel):
    """A network with gates s(.) between 0 and 1 and values f(.), around a layer of torch that stores its weights."""

    usual: ClassVar[dict[str, Any]]  # the settings with which it is the map that torch's layer runs

    def _choose(self, recurrent_activation: str, activation: str, recurrent_dropout: float) -> None:
        self.recurrent_activation = checks.one_of("recurrent_activation", recurrent_activation, GATES)
        self.activation = checks.one_of("activation", activation, ACTIVATIONS)
        self.recurrent_dropout = checks.number("recurrent_dropout", recurrent_dropout, above=0, below=0.99)

    def _unusual(self) -> dict[str, Any]:
        """The settings in which it differs from torch's layer."""
        return {name: getattr(self, name) for name, value in self.usual.items() if getattr(self, name) != value}

    def extra_repr(self) -> str:
        return ", ".join([super().extra_repr(), *(f"{name}={value!r}" for name, value in self._unusual().items())])

    def _s(self, a: Tensor) -> Tensor:
        return GATES[self.recurrent_activation].function(a)

    def _f(self, a: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation].function(a)

    @property
    def noisy(self) -> bool:
        """Whether dropout makes two runs in training mode differ."""
        return self.recurrent_dropout > 0


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
