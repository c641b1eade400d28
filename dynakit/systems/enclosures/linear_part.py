"""The exact linear part of a quantity, c x_s + rest, with x_s units of the state.

In x + a (G - x) an interval takes x for two quantities, and the leak that keeps a network bounded is lost.  Beside its
range a jet may therefore carry c and rest: sums and products with constants act on both, everything else folds them
into the range (affine arithmetic with one symbol for each unit of the state; de Figueiredo and Stolfi 2004).  Values
only: derivatives need it not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .intervals import Interval
from .tangents import Units


@dataclass(frozen=True, eq=False)
class LinearPart:
    """c x + rest, with x the units of the state of these numbers."""

    state: Interval
    units: Tensor
    c: Interval
    rest: Interval

    @classmethod
    def of_state(cls, state: Interval) -> LinearPart:
        one = torch.ones(state.width, dtype=torch.float64, device=state.device)
        return cls(
            state,
            torch.arange(state.width, device=state.device),
            Interval.constant(one),
            Interval.constant(0 * one),
        )

    def range(self) -> Interval:
        return self.c * self.state[self.units] + self.rest

    def rows(self, units: Units) -> LinearPart:
        return LinearPart(self.state, self.units[units], self.c[units], self.rest[units])

    def plus(self, rest: Interval | Tensor | float) -> LinearPart:
        return LinearPart(self.state, self.units, self.c, self.rest + rest)

    def times(self, factor: Interval | Tensor | float) -> LinearPart:
        return LinearPart(self.state, self.units, self.c * factor, self.rest * factor)

    def with_(self, other: LinearPart) -> LinearPart | None:
        """The sum, where both speak of the same units."""
        if not torch.equal(self.units, other.units):
            return None
        return LinearPart(self.state, self.units, self.c + other.c, self.rest + other.rest)


def added(
    a: LinearPart | None, a_value: Interval, b: LinearPart | None, b_value: Interval
) -> LinearPart | None:
    """The form of a sum."""
    both = a.with_(b) if a is not None and b is not None else None
    if both is not None:
        return both
    if a is not None:
        return a.plus(b_value)
    return b.plus(a_value) if b is not None else None
