"""Interval arithmetic on batches of vectors: all values a quantity can take while the state runs over a box.

Every operation returns an interval that holds the exact result for every choice of values in its operands
(Moore, Kearfott and Cloud 2009, ch. 2; Rump 2010, sec. 9 for matrices in midpoint-radius form).  Rounding is
covered as follows.

- One addition, subtraction or multiplication: both ends move outward to the next number.
- W v + b: the error of k products summed in any order is at most gamma_k (|W| |v| + |b|), with
  gamma_k = k u / (1 - k u) and u = 2^-53 (Higham 2002, sec. 3.1); a bound twice as large is taken.
- exp, tanh, sin, cos, and the sigmoid and softplus made of them: assumed accurate to 8 units in the last place.
  That is true of the libraries in use but nowhere promised, so what rests on it is "verified", not "proved".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

UNIT = 2.0**-52  # twice the unit roundoff
TINY = 2.0**-1000  # above every error of underflow
FUNCTION_ERROR = 2.0**-48  # relative: twice 8 units in the last place
SLOPE_ERROR = 2.0**-46  # the same through 4e / (1 + e)^2


def gamma(k: int) -> float:
    """A relative bound on the rounding error of k operations in any order, twice as large as it need be."""
    return (k + 4) * UNIT


def upward(value: Tensor, k: int = 4) -> Tensor:
    """A non-negative quantity, raised by the error of the ``k`` operations that gave it."""
    return torch.add(value.new_tensor(TINY), value, alpha=1 + 2 * gamma(k))


def outward(ends: Tensor, error: float = 0.0) -> Tensor:
    """Ends moved apart by a relative error, or to the next number."""
    away = _away(ends.device)
    if error:
        ends = torch.addcmul(ends, ends.abs() * error + TINY, away.sign())
    return torch.nextafter(ends, away)


@cache
def _away(device: torch.device) -> Tensor:
    """Minus and plus infinity, for the lower and the upper ends."""
    return torch.tensor([-torch.inf, torch.inf], dtype=torch.float64, device=device).view(2, 1, 1, 1)


class Interval:
    """A batch of vectors of intervals; ``ends`` is (2, radius, point, unit), lower ends first.

    The other operand of ``+ - *`` is an interval, or an exact constant: a number or a tensor that broadcasts.
    """

    __slots__ = ("ends",)
    exact = False  # constant matrices are multiplied as floats, with a bound of the rounding

    def __init__(self, ends: Tensor) -> None:
        self.ends = ends

    @classmethod
    def around(cls, x: Tensor, radius: Tensor) -> Interval:
        """The box of all y with |y - x| <= radius; exactly x where the radius is zero."""
        ends = torch.stack([x - radius, x + radius])
        return cls(torch.where(radius == 0, ends, outward(ends)))

    @staticmethod
    def constant(value: Tensor | float) -> Interval:
        """An exact constant."""
        value = torch.as_tensor(value, dtype=torch.float64)
        return Interval(value.reshape((1,) * (4 - value.ndim) + value.shape).expand(2, *(-1,) * 3))

    @staticmethod
    def cat(parts: list[Interval]) -> Interval:
        """Vectors side by side."""
        lead = np.broadcast_shapes(*(part.ends.shape[:-1] for part in parts))
        return Interval(torch.cat([part.ends.expand(*lead, -1) for part in parts], -1))

    @property
    def lo(self) -> Tensor:
        return self.ends[0]

    @property
    def hi(self) -> Tensor:
        return self.ends[1]

    @property
    def width(self) -> int:
        """Number of units."""
        return self.ends.shape[-1]

    @property
    def device(self) -> torch.device:
        return self.ends.device

    @property
    def magnitude(self) -> Tensor:
        """The largest absolute value, (radius, point, unit)."""
        return self.ends.abs().amax(0)

    def middle(self) -> Tensor:
        """About the middle of the interval at the first radius, (point, unit)."""
        return (self.lo[0] + self.hi[0]) / 2

    def deviation(self, centre: Tensor) -> Tensor:
        """How far a value can be from ``centre``, (radius, point, unit)."""
        return upward(torch.maximum(self.hi - centre, centre - self.lo))

    def __getitem__(self, units: slice | Tensor) -> Interval:
        return Interval(self.ends[..., units])

    def __neg__(self) -> Interval:
        return Interval(-self.ends.flip(0))

    def __add__(self, other: Interval | Tensor | float) -> Interval:
        return Interval(outward(self.ends + (other.ends if isinstance(other, Interval) else other)))

    def __sub__(self, other: Interval | Tensor | float) -> Interval:
        return Interval(outward(self.ends - (other.ends.flip(0) if isinstance(other, Interval) else other)))

    def __mul__(self, other: Interval | Tensor | float) -> Interval:
        if isinstance(other, Interval):
            products = (self.ends[:, None] * other.ends[None]).flatten(0, 1)
        else:
            products = self.ends * other
        return Interval(outward(torch.stack([products.amin(0), products.amax(0)])))

    def hull(self, other: Interval) -> Interval:
        """The smallest interval that holds both."""
        return Interval(torch.stack([torch.minimum(self.lo, other.lo), torch.maximum(self.hi, other.hi)]))

    def maximum(self, other: Interval) -> Interval:
        """The larger of two."""
        return Interval(torch.maximum(self.ends, other.ends))

    def opposite(self) -> Interval:
        """1 - v of what is 0 or 1, exactly."""
        return Interval(1.0 - self.ends.flip(0))

    def clipped(self, bound: float) -> Interval:
        """Cut at bounds that its values are known to keep."""
        return Interval(self.ends.clamp(-bound, bound))

    def softmax(self, size: int) -> Interval:
        """e^x_i / sum_j e^x_j among every ``size`` units: it rises in x_i and falls in every other."""
        sums = self._sums_of_others(size)
        return Interval(outward(1 / (1 + sums), 2 * FUNCTION_ERROR + 2 * gamma(size)).clamp(0.0, 1.0))

    def log_softmax(self, size: int) -> Interval:
        sums = self._sums_of_others(size)
        return Interval(outward(-torch.log1p(sums), 3 * FUNCTION_ERROR + 2 * gamma(size)).clamp_max(0.0))

    def _sums_of_others(self, size: int) -> Tensor:
        """sum_{j != i} e^(x_j - x_i) where it is largest, then where it is smallest."""
        groups = self.ends.unflatten(-1, (-1, size))
        parts = []
        for i in range(size):
            others = torch.cat([groups[..., :i], groups[..., i + 1 :]], -1).flip(0)
            apart = torch.nextafter(others - groups[..., i : i + 1], -_away(self.device)[..., None])
            parts.append(torch.where(others == -torch.inf, 0.0, torch.exp(apart)).sum(-1))
        return torch.stack(parts, -1).flatten(-2)

    def logsumexp(self, size: int) -> Interval:
        """log sum_j e^x_j of every ``size`` units, which rises in all of them."""
        groups = self.ends.unflatten(-1, (-1, size))
        error = 4 * FUNCTION_ERROR + 2 * gamma(size)
        room = error * (1 + groups.abs().amax(-1).clamp_max(1e300))
        return Interval(outward(torch.logsumexp(groups, -1) + _away(self.device).sign() * room))

    def choice(self, a: Interval, b: Interval) -> Interval:
        """``a`` where this is 1, ``b`` where it is 0, else all between."""
        a_ends, b_ends = torch.broadcast_tensors(a.ends, b.ends)
        either = a.hull(b).ends
        return Interval(torch.where(self.lo == 1, a_ends, torch.where(self.hi == 0, b_ends, either)))

    def cut(self, other: Interval) -> Interval:
        """What is in both."""
        return Interval(torch.stack([torch.maximum(self.lo, other.lo), torch.minimum(self.hi, other.hi)]))

    def lerp(self, end: Interval, weight: Interval) -> Interval:
        """(1 - w) start + w end; affine in w, so that the ends of w give the extremes."""
        low, high = Interval(weight.ends[[0, 0]]), Interval(weight.ends[[1, 1]])
        one = self.constant(torch.ones_like(weight.lo[..., :1]))
        return (self * (one - low) + end * low).hull(self * (one - high) + end * high)

    def within(self, least: float, most: float) -> bool:
        """Whether all its values lie between two numbers."""
        return bool((self.lo >= least).all() and (self.hi <= most).all())

    def affine(self, W: Tensor, b: Tensor | None = None) -> Interval:
        """W v + b."""
        middle = (self.lo + self.hi) / 2
        radius = upward(torch.maximum(self.hi - middle, middle - self.lo)) * (self.hi != self.lo)
        error = gamma(W.shape[1])
        centre = middle @ W.T
        spread = (radius + error * middle.abs()) @ W.abs().T
        if b is not None:
            centre, spread = centre + b, spread + error * b.abs()
        spread = upward(spread, W.shape[1])
        return Interval(outward(torch.stack([centre - spread, centre + spread])))

    def apply(self, name: str, *settings: Any) -> Interval:
        """The range of a function of :data:`FUNCTIONS`."""
        return FUNCTIONS[name].range(self, *settings)

    def slope(self, name: str, *settings: Any) -> Interval:
        """The range of its derivative; at a kink, of both one-sided derivatives and all between."""
        return FUNCTIONS[name].slope(self, *settings)

    def nearest_and_farthest(self) -> tuple[Tensor, Tensor]:
        """The smallest and the largest absolute value."""
        return torch.maximum(self.lo, -self.hi).clamp_min(0.0), torch.maximum(-self.lo, self.hi)


class Function(NamedTuple):
    """Range and derivative of one elementwise function over an interval."""

    range: Callable[..., Interval]
    slope: Callable[..., Interval]


FUNCTIONS: dict[str, Function] = {}  # filled by ``functions`` and ``activations``
