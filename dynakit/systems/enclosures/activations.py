"""Ranges of activation functions that are not monotone, or whose slopes are not.

Each is known by its minimum and by the places where its second derivative is zero, computed to 50 digits.  At a zero
of the slope its relative error is unbounded, so there an absolute one is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .functions import between, rising
from .intervals import FUNCTION_ERROR, FUNCTIONS, Function, Interval, outward

Place = tuple[float, float, str]  # x, the value there, "min" or "max"
Error = float | Callable[[Tensor], Tensor]


def with_extrema(
    f: Callable[..., Tensor], places: list[Place], error: Error, absolute: float = 0.0
) -> Callable[..., Interval]:
    """The range of a smooth function whose extrema are at ``places``."""

    def bounds(v: Interval) -> Interval:
        ends = f(v.ends)
        low, high = ends.amin(0), ends.amax(0)
        for x, value, kind in places:
            near = 1e-12 * (1 + abs(x))
            holds = (v.lo <= x + near) & (v.hi >= x - near)
            if kind == "min":
                low = torch.where(holds, low.clamp_max(value), low)
            else:
                high = torch.where(holds, high.clamp_min(value), high)
        relative = error(v.magnitude) if callable(error) else error
        room = absolute + relative * torch.stack([low, high]).abs() + 2.0**-1000
        return Interval(outward(torch.stack([low - room[0], high + room[1]])))

    return bounds


def _sigmoid(x: Tensor) -> Tensor:
    return torch.sigmoid(x)


def _silu(x: Tensor) -> Tensor:
    return x * _sigmoid(x)


def _silu_slope(x: Tensor) -> Tensor:
    return _sigmoid(x) * (1 + x * _sigmoid(-x))


def _normal(x: Tensor) -> Tensor:
    """The normal distribution function, as accurate in its tail as erfc is."""
    return 0.5 * torch.erfc(-x / math.sqrt(2))


def _gelu(x: Tensor) -> Tensor:
    return x * _normal(x)


def _gelu_slope(x: Tensor) -> Tensor:
    return _normal(x) + x * torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _gate(x: Tensor) -> Tensor:
    """tanh(log(1 + e^x)), from the side on which nothing cancels."""
    e = torch.exp(-x.abs())
    return torch.where(x > 0, (1 + 2 * e) / (1 + 2 * e + 2 * e * e), e * (e + 2) / (e * e + 2 * e + 2))


def _mish(x: Tensor) -> Tensor:
    return x * _gate(x)


def _mish_slope(x: Tensor) -> Tensor:
    w = _gate(x)
    return w + x * _sigmoid(x) * (1 - w) * (1 + w)


def _softsign(x: Tensor) -> Tensor:
    return x / (1 + x.abs())


def _softsign_slope(v: Interval) -> Interval:
    near, far = v.nearest_and_farthest()
    return Interval(outward(1 / (1 + torch.stack([far, near])).square(), FUNCTION_ERROR))


def _elu(v: Interval, alpha: float) -> Interval:
    """x above 0, alpha (e^x - 1) below: it rises."""
    ends = torch.where(v.ends > 0, v.ends, alpha * torch.expm1(v.ends.clamp_max(0.0)))
    return Interval(outward(ends, 2 * FUNCTION_ERROR) + 0.0 * v.ends)


def _elu_slope(v: Interval, alpha: float) -> Interval:
    """1 above 0, alpha e^x below; where they meet, all between."""
    ends = outward(alpha * torch.exp(v.ends.clamp_max(0.0)), 2 * FUNCTION_ERROR)
    one = torch.ones_like(v.lo)
    low = torch.where(v.lo > 0, one, torch.where(v.hi >= 0, ends[0].clamp_max(1.0), ends[0]))
    high = torch.where(v.lo > 0, one, torch.where(v.hi >= 0, ends[1].clamp_min(1.0), ends[1]))
    return between(low, high, v)


def _tanhshrink(x: Tensor) -> Tensor:
    return x - torch.tanh(x)


SILU_BEND, SILU_STEEPEST = 2.3993572805154676678, 1.099839320128866917
GELU_STEEPEST = 1.1289041451851547863
_E = FUNCTION_ERROR
_silu_min = (-1.2784645427610737951, -0.27846454276107379511, "min")
_gelu_min = (-0.75179152469356445746, -0.16997120747990366169, "min")
_mish_min = (-1.1924312145154952121, -0.30884341301725040663, "min")
_silu_bends = [(SILU_BEND, SILU_STEEPEST, "max"), (-SILU_BEND, 1 - SILU_STEEPEST, "min")]
_gelu_bends = [(math.sqrt(2), GELU_STEEPEST, "max"), (-math.sqrt(2), 1 - GELU_STEEPEST, "min")]
_mish_bends = [
    (1.4905711794854284593, 1.0884981612517278612, "max"),
    (-2.25637639636079312, -0.11252612238946255641, "min"),
]
FUNCTIONS |= {
    "silu": Function(
        with_extrema(_silu, [_silu_min], 4 * _E), with_extrema(_silu_slope, _silu_bends, 4 * _E, 4 * _E)
    ),
    # erfc multiplies a relative error of its argument by about 2 (x^2 + 1)
    "gelu": Function(
        with_extrema(_gelu, [_gelu_min], lambda x: 2 * _E + 4 * (x * x + 1) * 2.0**-53),
        with_extrema(_gelu_slope, _gelu_bends, 8 * _E, 8 * _E),
    ),
    "mish": Function(
        with_extrema(_mish, [_mish_min], 16 * _E), with_extrema(_mish_slope, _mish_bends, 16 * _E, 16 * _E)
    ),
    "softsign": Function(rising(_softsign, -1.0, 1.0), _softsign_slope),
    "elu": Function(_elu, _elu_slope),
    "tanhshrink": Function(
        lambda v: Interval(outward(_tanhshrink(v.ends) + torch.stack([-v.lo.abs(), v.hi.abs()]) * 2 * _E)),
        lambda v: FUNCTIONS["power"].range(FUNCTIONS["tanh"].range(v), 2),
    ),
}
