"""Ranges of elementary functions and of their derivatives over intervals, rounding included.

Where a function is monotone, its ends are the values at the ends; elsewhere the places of its extrema are known.  The
libraries' functions are assumed accurate to 8 units in the last place (see ``intervals``); each error below is that of
the formula in use.  Outside its domain, and across a pole, a function is NaN, which nothing can be concluded from.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...models.activations import activation
from .intervals import FUNCTION_ERROR, FUNCTIONS, Function, Interval, outward

SLOPE_ERROR = 2.0**-46  # 4e / (1 + e)^2 and its like
Rule = Callable[..., Interval]


def rising(
    f: Callable[..., Tensor],
    least: float = -torch.inf,
    most: float = torch.inf,
    *,
    error: float = FUNCTION_ERROR,
) -> Rule:
    """The range of a function that rises from ``least`` to ``most``."""
    return lambda v, *settings: Interval(outward(f(v.ends, *settings), error).clamp(least, most))


def falling(f: Callable[[Tensor], Tensor], least: float = -torch.inf, most: float = torch.inf) -> Rule:
    """The rule of a function that falls everywhere: its values lie between those at the ends."""
    return lambda v: Interval(outward(f(v.ends.flip(0)), FUNCTION_ERROR).clamp(least, most))


def bell(f: Callable[[Tensor], Tensor], *, error: float = SLOPE_ERROR) -> Rule:
    """The range of an even, positive function that falls with the distance from 0."""

    def bounds(v: Interval) -> Interval:
        near, far = v.nearest_and_farthest()
        return Interval(outward(f(torch.stack([far, near])), error).clamp_min(0.0))

    return bounds


def bowl(f: Callable[[Tensor], Tensor]) -> Rule:
    """The range of an even function that rises with the distance from 0."""
    return lambda v: Interval(outward(f(torch.stack(v.nearest_and_farthest())), FUNCTION_ERROR))


def between(low: Tensor, high: Tensor, v: Interval) -> Interval:
    """Slopes that are numbers even where ``v`` is none: there they are to be NaN too."""
    return Interval(torch.stack([low.to(v.ends.dtype), high.to(v.ends.dtype)]) + 0.0 * v.ends)


def inside(rule: Rule, least: float = -torch.inf, most: float = torch.inf, *, closed: bool = False) -> Rule:
    """A rule for intervals within a domain, NaN for others."""

    def bounds(v: Interval) -> Interval:
        within = (v.lo >= least) & (v.hi <= most) if closed else (v.lo > least) & (v.hi < most)
        kept = Interval(torch.where(within, v.ends, torch.nan))
        return rule(kept)

    return bounds


def _absolute(v: Interval) -> Interval:
    return Interval(torch.stack(v.nearest_and_farthest()))


def _absolute_slope(v: Interval) -> Interval:
    return between(torch.where(v.lo > 0, 1.0, -1.0), torch.where(v.hi < 0, -1.0, 1.0), v)


def _step(v: Interval) -> Interval:
    """Whether v > 0: 1, 0, or both."""
    return between(v.lo > 0, v.hi > 0, v)


def _step_slope(v: Interval) -> Interval:
    zero = torch.zeros_like(v.lo)
    return between(torch.where((v.lo > 0) | (v.hi < 0), zero, torch.nan), zero, v)


def _power(v: Interval, n: int) -> Interval:
    if n % 2:
        return Interval(outward(v.ends**n, FUNCTION_ERROR))
    return Interval(outward(torch.stack(v.nearest_and_farthest()) ** n, FUNCTION_ERROR).clamp_min(0.0))


def _power_slope(v: Interval, n: int) -> Interval:
    return _power(v, n - 1) * float(n) if n > 1 else between(torch.ones_like(v.lo), torch.ones_like(v.lo), v)


def _real_power(v: Interval, p: float) -> Interval:
    """x^p for x >= 0; 0^p is infinite for p < 0."""
    ends = (v.ends if p > 0 else v.ends.flip(0)) ** p
    known = v.lo >= 0 if p > 0 else v.lo > 0
    return Interval(torch.where(known, outward(ends, FUNCTION_ERROR).clamp_min(0.0), torch.nan))


def _real_power_slope(v: Interval, p: float) -> Interval:
    """p x^p / x, monotone; at 0 it is 0 for p > 1, else infinite."""
    ends = p * v.ends**p / v.ends
    ends = torch.where(v.ends == 0, 0.0 if p > 1 else torch.nan, ends)
    ends = outward(torch.stack([ends.amin(0), ends.amax(0)]), SLOPE_ERROR)
    return Interval(torch.where(v.lo >= 0, ends, torch.nan))


def _reciprocal(v: Interval) -> Interval:
    ends = outward(1 / v.ends.flip(0), FUNCTION_ERROR)
    return Interval(torch.where((v.lo > 0) | (v.hi < 0), ends, torch.nan))


def _wave(f: Callable[[Tensor], Tensor], peak: float) -> Rule:
    """The range of a wave of period 2 pi between -1 and 1 with a peak at ``peak``."""

    def bounds(v: Interval) -> Interval:
        ends = f(v.ends)
        low = torch.where(_holds(v, peak + math.pi, 2 * math.pi), -1.0, ends.amin(0))
        high = torch.where(_holds(v, peak, 2 * math.pi), 1.0, ends.amax(0))
        return Interval(outward(torch.stack([low, high]), FUNCTION_ERROR).clamp(-1.0, 1.0) + 0.0 * v.ends)

    return bounds


def _holds(v: Interval, place: float, period: float) -> Tensor:
    """Whether place + k period, for a whole k, may lie in ``v``."""
    doubt = 1e-9 * (1 + v.magnitude)
    first = ((v.lo - place - doubt) / period).ceil()
    return first * period <= v.hi - place + doubt


def _tan(v: Interval) -> Interval:
    ends = outward(torch.tan(v.ends), FUNCTION_ERROR)
    return Interval(torch.where(_holds(v, math.pi / 2, math.pi), torch.nan, ends))


def _softplus_up_to(v: Interval, threshold: float) -> Interval:
    """log(1 + e^x), but x itself above a threshold, where it jumps: NaN across it."""
    below = FUNCTIONS["softplus"].range(v)
    ends = torch.where(v.lo > threshold, v.ends, torch.where(v.hi <= threshold, below.ends, torch.nan))
    return Interval(ends)


def _softplus_up_to_slope(v: Interval, threshold: float) -> Interval:
    below = _sigmoid(v).ends
    one = torch.ones_like(below)
    return Interval(torch.where(v.lo > threshold, one, torch.where(v.hi <= threshold, below, torch.nan)))


def _with_error_of_square(f: Callable[[Tensor], Tensor]) -> Rule:
    """A bell e^(-x^2), whose exponent is off by a rounding of x^2."""

    def bounds(v: Interval) -> Interval:
        near, far = v.nearest_and_farthest()
        ends = torch.stack([far, near])
        error = SLOPE_ERROR + 4 * 2.0**-53 * ends.square().clamp_max(1e6)
        return Interval(
            outward(outward(f(ends)) + torch.stack([-error[0], error[1]]) * f(ends)).clamp_min(0.0)
        )

    return bounds


_exp = rising(torch.exp, 0.0)
_sigmoid = rising(torch.sigmoid, 0.0, 1.0)
_sin, _cos = _wave(torch.sin, math.pi / 2), _wave(torch.cos, 0.0)
_erf_slope = _with_error_of_square(lambda x: 2 / math.sqrt(math.pi) * torch.exp(-x * x))
_rsqrt = inside(falling(torch.rsqrt, 0.0), 0.0)
_cosh = bowl(torch.cosh)
_arc = inside(bowl(lambda x: torch.rsqrt((1 - x) * (1 + x))), -1.0, 1.0)
FUNCTIONS |= {
    "tanh": Function(rising(torch.tanh, -1.0, 1.0), bell(activation("tanh").slope)),
    "sigmoid": Function(_sigmoid, bell(activation("sigmoid").slope)),
    "softplus": Function(rising(activation("softplus").function, 0.0), _sigmoid),
    "softplus_up_to": Function(_softplus_up_to, _softplus_up_to_slope),
    "relu": Function(lambda v: Interval(v.ends.clamp_min(0.0)), lambda v: between(v.lo > 0, v.hi >= 0, v)),
    "abs": Function(_absolute, _absolute_slope),
    "step": Function(_step, _step_slope),
    "exp": Function(_exp, _exp),
    "expm1": Function(rising(torch.expm1, -1.0), _exp),
    "log": Function(inside(rising(torch.log), 0.0), inside(_reciprocal, 0.0)),
    "log1p": Function(inside(rising(torch.log1p), -1.0), inside(lambda v: _reciprocal(v + 1.0), -1.0)),
    "sin": Function(_sin, _cos),
    "cos": Function(_cos, lambda v: -_sin(v)),
    "tan": Function(_tan, lambda v: _power(_tan(v), 2) + 1.0),
    "asin": Function(inside(rising(torch.asin), -1.0, 1.0, closed=True), _arc),
    "acos": Function(inside(falling(torch.acos), -1.0, 1.0, closed=True), lambda v: -_arc(v)),
    "atan": Function(rising(torch.atan), bell(lambda x: 1 / (1 + x * x))),
    "sinh": Function(rising(torch.sinh), _cosh),
    "cosh": Function(_cosh, rising(torch.sinh)),
    "asinh": Function(rising(torch.asinh), bell(lambda x: torch.rsqrt(1 + x * x))),
    "atanh": Function(
        inside(rising(torch.atanh), -1.0, 1.0), inside(bowl(lambda x: 1 / ((1 - x) * (1 + x))), -1.0, 1.0)
    ),
    "erf": Function(rising(torch.erf, -1.0, 1.0), _erf_slope),
    "erfc": Function(falling(torch.erfc, 0.0, 2.0), lambda v: -_erf_slope(v)),
    "sqrt": Function(inside(rising(torch.sqrt, 0.0), 0.0, closed=True), lambda v: _rsqrt(v) * 0.5),
    "rsqrt": Function(_rsqrt, lambda v: _power(_rsqrt(v), 3) * -0.5),
    "power": Function(_power, _power_slope),
    "real_power": Function(_real_power, _real_power_slope),
    "reciprocal": Function(_reciprocal, lambda v: -_power(_reciprocal(v), 2)),
}
