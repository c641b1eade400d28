"""Numbers of noisy evidence: strengths and signs, balanced conditions, and how often an ideal observer is right.

Evidence is white noise about a constant mean c, and what counts is its integral.  Over n steps of dt ms the
mean adds up to c n and noise of standard deviation s per step to s sqrt(n).  With s = noise / sqrt(dt), where
``noise`` is the standard deviation at steps of 1 ms, the integral over T ms carries the same information,
c sqrt(T) / noise, at every step size, and an observer who integrates without loss is right with probability
Phi(c sqrt(T) / noise) (Green and Swets 1966).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import checks
from ..errors import InputError


def magnitudes(name: str, values: Any, *, below: float = math.inf, zero: bool = True) -> tuple[float, ...]:
    """Distinct non-negative strengths, rising; a single number is one strength."""
    if isinstance(values, (int, float)):
        values = (values,)
    if not isinstance(values, (tuple, list, np.ndarray)) or not len(values):
        raise InputError(f"{name} must be a number or a sequence of numbers, got {values!r}")
    numbers = sorted({checks.number(f"{name}[{i}]", v, above=0, below=below) for i, v in enumerate(values)})
    if numbers[0] == 0 and not zero:
        raise InputError(f"{name} must be positive: a strength of 0 has no right answer")
    return tuple(numbers)


def signed(strengths: tuple[float, ...]) -> np.ndarray:
    """Each strength with both signs, rising; 0 once."""
    return np.unique([s * v + 0.0 for v in strengths for s in (-1, 1)])


def balanced(n_trials: int, n_conditions: int, rng: np.random.Generator) -> np.ndarray:
    """One condition per trial, (trial,): every ``n_conditions`` trials from the first hold each of them once."""
    n_blocks = -(-n_trials // n_conditions)
    blocks = [rng.permutation(n_conditions) for _ in range(n_blocks)]
    return np.concatenate(blocks)[:n_trials]


def gain(n_steps: int, dt: float, noise: float) -> float:
    """Mean over standard deviation of an integral of ``n_steps`` steps, per unit of the mean."""
    return math.sqrt(n_steps * dt) / noise if noise > 0 else math.inf


def p_right(gain: float, means: Any) -> float:
    """Chance that a perfect integrator is right, averaged over ``means``; a mean of 0 is guessed."""
    return float(np.mean([(1 + math.erf(gain * abs(m) / math.sqrt(2))) / 2 if m else 0.5 for m in means]))


def p_right_uniform(gain: float, most: float) -> float:
    """The same for means that are uniform over [-most, most]: Phi(z) + (phi(z) - phi(0)) / z, z = gain * most."""
    z = gain * most
    return p_right(gain, [most]) + math.expm1(-z * z / 2) / (z * math.sqrt(2 * math.pi))
