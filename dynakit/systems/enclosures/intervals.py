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

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...models.activations import activation

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


def _rising(f: Callable[[Tensor], Tensor], least: float, most: float) -> Callable[[Interval], Interval]:
    """The range of a function that rises from ``least`` to ``most``."""
    return lambda v: Interval(outward(f(v.ends), FUNCTION_ERROR).clamp(least, most))


def _bell(f: Callable[[Tensor], Tensor]) -> Callable[[Interval], Interval]:
    """The range of an even, positive function that falls with the distance from 0."""

    def bounds(v: Interval) -> Interval:
        near, far = v.nearest_and_farthest()
        return Interval(outward(f(torch.stack([far, near])), SLOPE_ERROR).clamp_min(0.0))

    return bounds


def _between(low: Tensor, high: Tensor, v: Interval) -> Interval:
    """Slopes that are numbers even where ``v`` is none: there they are to be NaN too."""
    return Interval(torch.stack([low.to(v.ends.dtype), high.to(v.ends.dtype)]) + 0.0 * v.ends)


def _absolute(v: Interval) -> Interval:
    return Interval(torch.stack(v.nearest_and_farthest()))


def _absolute_slope(v: Interval) -> Interval:
    return _between(torch.where(v.lo > 0, 1.0, -1.0), torch.where(v.hi < 0, -1.0, 1.0), v)


def _power(v: Interval, n: int) -> Interval:
    ends = v.ends if n % 2 else torch.stack(v.nearest_and_farthest())
    return Interval(outward(ends**n, FUNCTION_ERROR))


def _power_slope(v: Interval, n: int) -> Interval:
    return _power(v, n - 1) * float(n) if n > 1 else _between(torch.ones_like(v.lo), torch.ones_like(v.lo), v)


def _reciprocal(v: Interval) -> Interval:
    ends = outward(1 / v.ends.flip(0), FUNCTION_ERROR)
    return Interval(torch.where((v.lo > 0) | (v.hi < 0), ends, torch.nan))


def _wave(f: Callable[[Tensor], Tensor], peak: float) -> Callable[[Interval], Interval]:
    """The range of a wave of period 2 pi between -1 and 1 with a peak at ``peak``."""

    def holds(v: Interval, place: float) -> Tensor:
        """Whether place + 2 pi k, for a whole k, may lie in ``v``."""
        doubt = 1e-9 * (1 + v.magnitude)
        first = ((v.lo - place - doubt) / (2 * math.pi)).ceil()
        return first * 2 * math.pi <= v.hi - place + doubt

    def bounds(v: Interval) -> Interval:
        ends = f(v.ends)
        low = torch.where(holds(v, peak + math.pi), -1.0, ends.amin(0))
        high = torch.where(holds(v, peak), 1.0, ends.amax(0))
        return Interval(outward(torch.stack([low, high]), FUNCTION_ERROR).clamp(-1.0, 1.0) + 0.0 * v.ends)

    return bounds


_exp = _rising(torch.exp, 0.0, torch.inf)
_sigmoid = _rising(torch.sigmoid, 0.0, 1.0)
_sin, _cos = _wave(torch.sin, math.pi / 2), _wave(torch.cos, 0.0)
FUNCTIONS: dict[str, Function] = {
    "tanh": Function(_rising(torch.tanh, -1.0, 1.0), _bell(activation("tanh").slope)),
    "sigmoid": Function(_sigmoid, _bell(activation("sigmoid").slope)),
    "softplus": Function(_rising(activation("softplus").function, 0.0, torch.inf), _sigmoid),
    "relu": Function(lambda v: Interval(v.ends.clamp_min(0.0)), lambda v: _between(v.lo > 0, v.hi >= 0, v)),
    "abs": Function(_absolute, _absolute_slope),
    "exp": Function(_exp, _exp),
    "sin": Function(_sin, _cos),
    "cos": Function(_cos, lambda v: -_sin(v)),
    "power": Function(_power, _power_slope),
    "reciprocal": Function(_reciprocal, lambda v: -_power(_reciprocal(v), 2)),
}
