"""Two chaotic attractors as standardised series: long stretches of a trajectory, sampled at even times.

Lorenz (1963):    x' = 10 (y - x),  y' = x (28 - z) - y,  z' = x y - 8/3 z,   largest exponent 0.9056
Roessler (1976):  x' = -y - z,  y' = x + 0.2 y,  z' = 0.2 + z (x - 5.7),      largest exponent 0.0714

Exponents per unit of time: Sprott 2003, "Chaos and Time-Series Analysis", app. A.  The classical Runge-Kutta
method; each coordinate is then shifted and scaled to mean 0 and standard deviation 0.5.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Point = tuple[float, float, float]
SPREAD = 0.5  # standard deviation of each coordinate
TRANSIENT = 100.0  # time left out before the series begins


class ChaoticFlow(NamedTuple):
    """A vector field, and what is known of its attractor."""

    velocity: Callable[[float, float, float], Point]
    start: Point
    longest_step: float  # of the integration
    exponent: float  # the largest Lyapunov exponent per unit of time


def _lorenz(x: float, y: float, z: float) -> Point:
    return 10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z


def _roessler(x: float, y: float, z: float) -> Point:
    return -y - z, x + 0.2 * y, 0.2 + z * (x - 5.7)


FLOWS = {
    "Lorenz": ChaoticFlow(_lorenz, (1.0, 1.0, 20.0), 0.01, 0.9056),
    "Rössler": ChaoticFlow(_roessler, (1.0, 1.0, 0.0), 0.05, 0.0714),
}


@functools.lru_cache(maxsize=8)
def standardised(name: str, dt: float, n_samples: int) -> np.ndarray:
    """``n_samples`` points of the attractor ``name`` every ``dt``, (time, 3), of mean 0 and deviation 0.5."""
    flow = FLOWS[name]
    substeps = max(1, math.ceil(dt / flow.longest_step - 1e-9))
    x, rows = flow.start, np.empty((n_samples, 3))
    for k in range(-math.ceil(TRANSIENT / dt), n_samples):
        for _ in range(substeps):
            x = _step(flow.velocity, x, dt / substeps)
        if k >= 0:
            rows[k] = x
    series = SPREAD * (rows - rows.mean(axis=0)) / rows.std(axis=0)
    series.flags.writeable = False
    return series


def _step(velocity: Callable[[float, float, float], Point], x: Point, h: float) -> Point:
    """One step of the classical Runge-Kutta method, in plain floats: arrays of three are slower."""
    (a, b, c), half = x, h / 2
    k1 = velocity(a, b, c)
    k2 = velocity(a + half * k1[0], b + half * k1[1], c + half * k1[2])
    k3 = velocity(a + half * k2[0], b + half * k2[1], c + half * k2[2])
    k4 = velocity(a + h * k3[0], b + h * k3[1], c + h * k3[2])
    p, q, r = (h / 6 * (k1[i] + 2 * (k2[i] + k3[i]) + k4[i]) for i in range(3))
    return a + p, b + q, c + r
