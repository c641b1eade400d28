"""Units that all see each other and the input, some of which are the outputs (Williams and Zipser 1989).

x' = f(W_rec x + W_in u + b), y = the first ``n_outputs`` entries of x: there is no output layer, so that what an output
says about an input in the very step it arrives is one unit's threshold of it.  What is not linearly separable, such as
parity, can be said one step later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import checks
from ..errors import InputError
from ..seeding import as_seed
from ..surroundings import in_own_surroundings
from .activations import ACTIVATIONS
from .base import RecurrentModel, Trajectory, checked_sizes, own_randomness, sizes_of


class FullyConnected(RecurrentModel):
    """One layer of ``n_hidden`` units, outputs included, and no readout.

    ``activation`` is "sigmoid", "tanh", "relu" or "softplus".  Parameters ``W_in``, ``W_rec`` and, unless
    ``bias`` is False, ``b_rec``, uniform in +-``scale`` at the start, drawn from ``seed``.

    Raises:
        InputError: a size is not a positive number, or there are fewer units than outputs.

    >>> sizes = (10, 19)  # 3 and 12 units besides the outputs, as in the table of Hochreiter and Schmidhuber 1997
    >>> [sum(p.numel() for p in FullyConnected(7, n, 7, bias=False).parameters()) for n in sizes]
    [170, 494]
    """

    state_layout = "x"

    @in_own_surroundings
    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int,
        activation: str = "sigmoid",
        scale: float = 0.1,
        bias: bool = True,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        if self.n_outputs > self.n_hidden:
            raise InputError(
                f"n_hidden counts all units, outputs included: at least {self.n_outputs}, got {self.n_hidden}"
            )
        self.activation = checks.one_of("activation", activation, ACTIVATIONS)
        self.scale = checks.number("scale", scale, above=0)
        self.bias, self.seed = checks.flag("bias", bias), as_seed(seed)
        with own_randomness(self.seed, "FullyConnected"):
            self.W_in, self.W_rec, drawn = (
                nn.Parameter(torch.empty(n_hidden, *columns).uniform_(-scale, scale))
                for columns in ((n_inputs,), (n_hidden,), ())
            )
        self.b_rec = drawn if self.bias else None

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that the weights have with these arguments."""
        n_inputs, n_hidden, _ = sizes_of(config)
        return {"W_in": (n_hidden, n_inputs), "W_rec": (n_hidden, n_hidden)}

    def read(self, states: Tensor) -> Tensor:
        """The outputs (..., output): the states of the first units."""
        return states[..., : self.n_outputs]

    def linear_readout(self) -> tuple[Tensor, Tensor | None]:
        """Refused: the outputs are units, and nothing is free to be fitted."""
        raise InputError("model (FullyConnected) has no readout: its outputs are units of the layer")

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step from states ``x`` (trial, state) under ``u`` (trial, input)."""
        drive = functional.linear(u, self.W_in, self.b_rec) + functional.linear(x, self.W_rec)
        return ACTIVATIONS[self.activation].function(drive)

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        return self._step_by_step(inputs, x0)
