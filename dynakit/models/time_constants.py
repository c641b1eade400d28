"""Time constants, of all units or of each: a number of ms, or as many numbers as there are units."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from .. import checks
from ..errors import InputError

GONE = "nothing would be left after one step"
Times = float | tuple[float, ...]  # ms


def time_constants(
    name: str, value: Any, n: int, *, dt: float, why: str = GONE, endless: bool = False
) -> Times:
    """``value`` as the time constant in ms of all units, or of each of ``n``, that steps of ``dt`` can resolve.

    As many equal numbers are that number: units that share a time constant are one network, however it is written.
    ``endless`` lets infinity pass, also as "inf"; ``why`` ends the sentence about a dt that is too long.  Raises
    InputError, with the index of the first number that cannot be one.
    """
    value = value.tolist() if hasattr(value, "tolist") else value  # of NumPy or torch
    if isinstance(value, str) or not isinstance(value, Sequence):
        return time_constant(name, value, dt, why=why, endless=endless)
    if len(value) != n:
        raise InputError(f"{name} must be a number or {n} numbers, one per unit, got {len(value)}")
    each = tuple(time_constant(f"{name}[{k}]", time, dt, why=why, endless=endless) for k, time in enumerate(value))
    return each[0] if len(set(each)) == 1 else each


def time_constant(name: str, value: Any, dt: float, *, why: str = GONE, endless: bool = False) -> float:
    """``value`` as one time constant in ms that steps of ``dt`` can resolve."""
    if endless and isinstance(value, (float, str)) and value in (math.inf, "inf"):
        return math.inf
    tau = checks.number(name, value, above=0, closed=False)
    if dt > tau:
        raise InputError(f"dt must not exceed {name}, got {dt:g} > {tau:g} ms: {why}")
    return tau


def of_each(share: Callable[[float], float], times: Times) -> float | np.ndarray:
    """A number, or an array (unit,), made of the time constant of all units or of each."""
    return np.array([share(time) for time in times]) if isinstance(times, tuple) else share(times)


def as_factor(value: float | np.ndarray, like: Tensor) -> float | Tensor:
    """What :func:`of_each` made, as tensors like ``like`` are multiplied by it."""
    return like.new_tensor(value) if isinstance(value, np.ndarray) else value


def apart(factor: float | Tensor, x: Tensor) -> tuple[float, Tensor]:
    """factor x for x (..., unit) as a number, which a matrix product takes for nothing, and the rest."""
    return (1.0, x * factor) if isinstance(factor, Tensor) else (factor, x)


def add_times(x: Tensor, y: Tensor, factor: float | Tensor) -> Tensor:
    """x + factor y in the place of x (..., unit)."""
    return x.addcmul_(y, factor) if isinstance(factor, Tensor) else x.add_(y, alpha=factor)


def plain(times: Times) -> float | str | list[float | str]:
    """Time constants as JSON can hold them."""
    if isinstance(times, tuple):
        return ["inf" if time == math.inf else time for time in times]
    return "inf" if times == math.inf else times


def in_words(value: float | tuple[float, ...] | np.ndarray) -> str:
    """A number, or the least and the largest of several."""
    each = np.atleast_1d(value)
    return f"{each.min():g}" if len(each) == 1 else f"{each.min():g}..{each.max():g}"
