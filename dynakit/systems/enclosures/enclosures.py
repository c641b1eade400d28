"""What a map does on boxes around points: a range of its values and of its Jacobian, rounding included."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import (  # noqa: F401 - what torch may do
    activations,
    attention,
    attributes,
    complexes,
    fixed_maps,
    masks,
    recurrent,
)
from .intervals import Interval, outward
from .jets import Jet
from .spreads import Spread


class Enclosure:
    """F and dF/dx over the boxes |y - x| <= radius, for several radii at once, the first of them zero.

    Attributes:
        lo, hi: bounds of F, (radius, point, unit).
    """

    def __init__(self, image: Jet, state_size: int, n_radii: int) -> None:
        self._image, self._state_size = image, state_size
        self.lo, self.hi = (end.expand(n_radii, -1, -1) for end in image.value.ends)

    def middle(self) -> Tensor:
        """A matrix M close to the Jacobian at each point, (point, unit, state)."""
        return self._spread(self.lo.new_ones(self._state_size, 1)).middle(
            self._image.tangent, self._state_size
        )

    def gap(self, V: Tensor) -> Tensor:
        """An upper bound of |J - M| V over each box, (radius, point, unit, column), for a V >= 0 (state, column)."""
        return self._spread(V).gap(self._image.tangent)

    def jacobian(self) -> Tensor:
        """Lower and upper bounds of J over the boxes of the last radius, (2, point, unit, state)."""
        middle, gap = self.middle(), self.gap(torch.eye(self._state_size).to(self.lo))[-1]
        ends = outward(torch.stack([middle - gap, middle + gap]))
        return torch.where(
            torch.isnan(ends), torch.tensor([-torch.inf, torch.inf]).to(ends).view(2, 1, 1, 1), ends
        )

    def _spread(self, V: Tensor) -> Spread:
        return Spread(V, self._image.n_points)


def enclose(step: Any, x: Tensor, u: Tensor, radii: Tensor) -> Enclosure | None:
    """The enclosure of ``step`` around states x (point, unit) under inputs u (point, input).

    ``radii`` (radius, point, 1 or unit) begin with zero.  None if the step does anything an enclosure cannot
    follow, or if its value at x is not where the enclosure says, as for a step that is not one function.
    """
    state = Jet.state(Interval.around(x, radii), len(x))
    drive = Jet.fixed(Interval.constant(u), len(x))
    try:
        image = step(state, drive)
    except Exception:  # foreign code may fail in any way where it meets no tensor
        return None
    if not isinstance(image, Jet) or not image.is_plain or image.sizes != x.shape[1:]:
        return None
    at_x, slack = step(x, u), 1e-9 * (1 + image.value.magnitude[0])
    outside = (at_x < image.value.lo[0] - slack) | (at_x > image.value.hi[0] + slack)
    return None if bool(torch.any(outside)) else Enclosure(image, x.shape[-1], len(radii))
