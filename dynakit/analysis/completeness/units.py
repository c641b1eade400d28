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
    value: Callable[[np.ndarray], np.ndarray]  # within off * (1 + |value|)
    both: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # and the slope, within relative * slope + tiny
    peak: np.ndarray | float | None  # up to where the slope rises, and falls from there; None if it rises all the way
    bounds: tuple[float, float] | None
    steepest: float
    beyond: float  # sup |f(z) - relu(z)| of a function without bounds
    kinked: bool = False  # of straight pieces, without errors
    off: float = ABSOLUTE
    relative: float = RELATIVE
    tiny: float = TINY

    def slope(self, z: np.ndarray) -> np.ndarray:
        """At a kink that of the left side."""
        return self.both(z)[1]

    def over(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Bounds of the function over [lo, hi], and of its slope and every quotient of differences there."""
        (low, first), (high, last) = self.both(lo), self.both(hi)
        return *self._values(low, high), *self._slopes(first, last, lo, hi)

    def values(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the function over [lo, hi]."""
        return self._values(self.value(lo), self.value(hi))

    def slopes(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the slope, and of every quotient of differences, over [lo, hi]."""
        return self._slopes(self.slope(lo), self.slope(hi), lo, hi)

    def _values(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low, high = low - self.off * (1 + np.abs(low)), high + self.off * (1 + np.abs(high))
        if self.bounds is None:
            return low, high
        return np.maximum(low, self.bounds[0]), np.minimum(high, self.bounds[1])

    def _slopes(
        self, first: np.ndarray, last: np.ndarray, lo: np.ndarray, hi: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        if self.kinked:
            return first, last
        low, high = (first, last) if self.peak is None else (np.minimum(first, last), np.maximum(first, last))
        low = np.maximum(low * (1 - self.relative) - self.tiny, 0.0)
        high = np.minimum(high * (1 + self.relative) + self.tiny, self.steepest)
        if self.peak is not None:
            near = 1e-12 * (1 + np.abs(self.peak))
            high = np.where((lo <= self.peak + near) & (hi >= self.peak - near), self.steepest, high)
        return low, high

    def error(self, values: np.ndarray) -> np.ndarray:
        """How far computed values may be off."""
        return 0 * values if self.kinked else self.off * (1 + np.abs(values))


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


def _tanh_and_slope(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    e = decay(2 * np.abs(z))
    whole = 1 + e
    return np.copysign((1 - e) / whole, z), 4 * e / (whole * whole)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    e = decay(np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1 + e)


def _sigmoid_and_slope(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    e = decay(np.abs(z))
    whole = 1 + e
    return np.where(z >= 0, 1.0, e) / whole, e / (whole * whole)


def _softplus(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0.0) + log_of_one_and(decay(np.abs(z)))


def _softplus_and_slope(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    e = decay(np.abs(z))
    return np.maximum(z, 0.0) + log_of_one_and(e), np.where(z >= 0, 1.0, e) / (1 + e)


def _relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0.0)


def _relu_and_slope(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.maximum(z, 0.0), (z > 0).astype(float)


UNITS = {
    each.name: each
    for each in (
        Unit("tanh", _tanh, _tanh_and_slope, 0.0, (-1.0, 1.0), 1.0, 0.0),
        Unit("sigmoid", _sigmoid, _sigmoid_and_slope, 0.0, (0.0, 1.0), 0.25, 0.0),
        Unit("softplus", _softplus, _softplus_and_slope, None, None, 1.0, 0.6931471805599454),
        Unit("relu", _relu, _relu_and_slope, None, None, 1.0, 0.0, True),
    )
}
