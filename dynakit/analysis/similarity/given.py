"""What the comparisons are given, checked: states, operators, and weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import checks
from ...errors import InputError


def rows(name: str, value: Any) -> tuple[np.ndarray, tuple[int, int]]:
    """States as centred rows (row, unit), and as how many trials of how many rows each they came."""
    states = checks.states(name, value, (..., "row", "unit"), finite=True)
    if states.ndim > 3:
        raise InputError(f"{name} must have shape (trial, time, unit) or (row, unit), got {states.shape}")
    if not states.shape[-1]:
        raise InputError(f"{name} must have at least one unit, got shape {states.shape}")
    trials = (1, len(states)) if states.ndim == 2 else states.shape[:2]
    flat = states.reshape(-1, states.shape[-1])
    if len(flat) < 2:
        raise InputError(f"{name} must have at least two rows, got shape {states.shape}")
    return _centred(name, flat), (int(trials[0]), int(trials[1]))


def _centred(name: str, flat: np.ndarray) -> np.ndarray:
    largest = np.abs(flat).max()
    if not np.ptp(flat, axis=0).max() > 1e-14 * largest:
        raise InputError(
            f"{name} is constant: all its {len(flat)} rows are the same state, and have no shape"
        )
    flat = flat / largest  # squares of what is very large or small would leave the range of a float
    return (flat - flat.mean(axis=0)) * largest


def pair_of_rows(X: Any, Y: Any) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Two sets of centred rows that belong to each other one by one, and as how many trials of how many each."""
    (x, trials), (y, others) = rows("X", X), rows("Y", Y)
    if trials != others:
        raise InputError(
            f"X and Y must hold the same rows, the same inputs at the same times, but X has {_said(*trials)} "
            f"and Y {_said(*others)}"
        )
    return x, y, trials


def _said(n_trials: int, n_times: int) -> str:
    return f"{n_times} rows" if n_trials == 1 else f"{n_trials} trials of {n_times} steps"


def square(name: str, value: Any, *, finite: bool = True) -> np.ndarray:
    """A matrix (unit, unit), or with an axis before it, of at least one unit."""
    matrix = checks.reals(name, value, finite=finite)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise InputError(f"{name} must be square, got shape {matrix.shape}")
    if not matrix.shape[-1]:
        raise InputError(f"{name} must have at least one unit, got shape {matrix.shape}")
    return matrix


def pair_of_matrices(
    names: tuple[str, str], first: Any, second: Any, remedy: str
) -> tuple[np.ndarray, np.ndarray]:
    """Two finite square matrices of one size; ``remedy`` is what to do if they are not."""
    A, B = square(names[0], first), square(names[1], second)
    for name, matrix in zip(names, (A, B)):
        checks.matches_shape(name, matrix.shape, ("unit", "unit"))
    if A.shape != B.shape:
        raise InputError(
            f"{names[0]} and {names[1]} must have as many units, got {len(A)} and {len(B)}{remedy}"
        )
    return A, B
