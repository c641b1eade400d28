"""What the gated cells share: the functions of their gates and of their candidates, and where these have kinks."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ...models.activations import Activation, activation, gate
from ..base import System
from .cells import Cell

USUAL = ("sigmoid", "tanh")


class Gated(Cell):
    """A cell with gates s(.) between 0 and 1, and with f(.) in the place of tanh."""

    def _choose(self, gates: str, values: str) -> None:
        self.functions, self.usual = (gates, values), (gates, values) == USUAL
        self.name += "" if self.usual else f" ({gates} gates, {values})"

    @property
    def s(self) -> Activation:
        return gate(self.functions[0])

    @property
    def f(self) -> Activation:
        return activation(self.functions[1])

    def _nearest(self, x: Tensor, at_gates: Iterable[Tensor], at_values: Iterable[Tensor]) -> Tensor:
        """The distance of pre-activations (batch, unit) to the nearest kink of their functions."""
        nearest = System._kinks(self, x, x)
        for function, places in ((self.s, at_gates), (self.f, at_values)):
            for kink in function.kinks:
                for a in places:
                    nearest = torch.minimum(nearest, (a - kink).abs().amin(-1))
        return nearest


def one_row(u: Tensor) -> Tensor:
    """Inputs (batch, input) that are known to be the same for all, as one row."""
    return u[:1] if len(u) and u.stride(0) == 0 else u
