"""Unit functions with bounds that hold in exact arithmetic: what a proof about a network may say of tanh.

A library's tanh is as good as its authors say.  Here exp and log are made of additions, products, quotients and powers
of two alone, which IEEE 754 rounds correctly, so that their errors are bounded on paper.  With u = 2^-53:

    exp(-y), y >= 0:  y = k ln 2 + q, |q| <= 0.3466, Taylor's polynomial of degree 13 by Horner's rule.
        Cut off: 0.3466^14 / 14! < 5e-18.  Rounding: in the last step the sum of before has the weight |e^q - 1| <= 0.42
        and an error below 3 u, the rounded coefficients included; q itself is off by 0.6 u.  In all below 4 u.
    log(1 + e), 0 <= e <= 1:  2 artanh(s), s = e / (2 + e) <= 1/3, seventeen terms.
        Cut off: 3^-35 < 2.1e-17, relative.  Rounding below 6 u, relative, and 4 u from e.

All units rise, with a slope of at most ``steepest``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

U = 2.0**-53
LN2_HIGH = float.fromhex("0x1.62e42feep-1")  # 32 bits: k times it is exact for |k| < 2^21
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
DEEPEST = 708.0  # exp(-708) is a normal number
FACTORIALS = [1 / math.factorial(k) for k in range(13, -1, -1)]
ODD = [1 / k for k in range(33, 0, -2)]
TINY = 1e-300  # above what is lost where numbers underflow
ABSOLUTE, RELATIVE = 12 * U, 20 * U  # errors of values, of slopes


class Unit(NamedTuple):
    """A rising function of one number."""

    name: str
    value: Callable[[np.ndarray], np.ndarray]  # within ABSOLUTE * (1 + |value|)
    slope: Callable[[np.ndarray], np.ndarray]  # within RELATIVE * slope + TINY; at a kink that of one side
    range_of_slopes: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]  # over [lo, hi]
    bounds: tuple[float, float] | None
    steepest: float
    beyond: float  # sup |f(z) - relu(z)| of a function without bounds
    kinked: bool = False

    def values(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the function over [lo, hi]."""
        low, high = self.value(lo), self.value(hi)
        low, high = low - ABSOLUTE * (1 + np.abs(low)), high + ABSOLUTE * (1 + np.abs(high))
        return low if self.bounds is None else np.maximum(low, self.bounds[0]), (
            high if self.bounds is None else np.minimum(high, self.bounds[1])
        )

    def slopes(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the slope, and of every quotient of differences, over [lo, hi]."""
        low, high = self.range_of_slopes(lo, hi)
        if self.kinked:
            return low, high
        return np.maximum(low * (1 - RELATIVE) - TINY, 0.0), np.minimum(high * (1 + RELATIVE) + TINY, self.steepest)

    def error(self, values: np.ndarray) -> np.ndarray:
        """How far computed values may be off."""
        return 0 * values if self.kinked else ABSOLUTE * (1 + np.abs(values))


def unit(name: str) -> Unit:
    """The unit called ``name``: "tanh", "sigmoid", "softplus" or "relu"."""
    return UNITS[name]


def decay(y: np.ndarray) -> np.ndarray:
    """exp(-y) for y >= 0, within 4 u; 0 beyond :data:`DEEPEST`."""
    y = np.minimum(y, 2 * DEEPEST)
    k = np.rint(y * (1 / math.log(2)))
    q = (k * LN2_HIGH - y) + k * LN2_LOW
    total = np.full_like(q, FACTORIALS[0])
    for coefficient in FACTORIALS[1:]:
        total *= q
        total += coefficient
    return np.where(y > DEEPEST, 0.0, np.ldexp(total, -k.astype(np.int32)))


def log_of_one_and(e: np.ndarray) -> np.ndarray:
    """log(1 + e) for 0 <= e <= 1, within 6 u of it."""
    s = e / (2 + e)
    square, total = s * s, np.full_like(s, ODD[0])
    for coefficient in ODD[1:]:
        total *= square
        total += coefficient
    return 2 * s * total


def _tanh(z: np.ndarray) -> np.ndarray:
    e = decay(2 * np.abs(z))
    return np.copysign((1 - e) / (1 + e), z)


def _tanh_slope(z: np.ndarray) -> np.ndarray:
    e = decay(2 * np.abs(z))
    return 4 * e / ((1 + e) * (1 + e))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    e = decay(np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1 + e)


def _sigmoid_slope(z: np.ndarray) -> np.ndarray:
    e = decay(np.abs(z))
    return e / ((1 + e) * (1 + e))


def _softplus(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0.0) + log_of_one_and(decay(np.abs(z)))


def _falling_with_size(slope: Callable[[np.ndarray], np.ndarray]) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """The range of a slope that is even and falls with |z|."""

    def over(lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        near = np.maximum(0.0, np.maximum(lo, -hi))
        return slope(np.maximum(np.abs(lo), np.abs(hi))), slope(near)

    return over


def _relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0.0)


def _relu_slope(z: np.ndarray) -> np.ndarray:
    return (z > 0).astype(float)


def _relu_slopes(lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (lo > 0).astype(float), (hi > 0).astype(float)


def _softplus_slopes(lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _sigmoid(lo), _sigmoid(hi)


UNITS = {
    each.name: each
    for each in (
        Unit("tanh", _tanh, _tanh_slope, _falling_with_size(_tanh_slope), (-1.0, 1.0), 1.0, 0.0),
        Unit("sigmoid", _sigmoid, _sigmoid_slope, _falling_with_size(_sigmoid_slope), (0.0, 1.0), 0.25, 0.0),
        Unit("softplus", _softplus, _sigmoid, _softplus_slopes, None, 1.0, 0.6931471805599454),
        Unit("relu", _relu, _relu_slope, _relu_slopes, None, 1.0, 0.0, True),
    )
}
