"""What a measure says of rows that do not belong to each other.

Rows of trajectories are no independent samples: two random walks that know nothing of each other look alike to every
measure, also to one that is unbiased for independent rows, because both drift.  What must be beaten is therefore not 0,
but the same measure between one network and the *other* one's rows in an order that is as smooth and is wrong: those
of other trials at the same times.  Of one trial there is less to compare with: its rows backwards, a walk as good as
the walk itself, and later rows, closed to a circle, which keeps a rhythm but breaks a drift.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np

from ... import seeding
from ...checks import count


class Measured(Protocol):
    """One network's rows, prepared for a measure."""

    def between(self, other: Self, /) -> float: ...

    def reordered(self, order: np.ndarray, /) -> Self: ...


def null(a: Measured, b: Measured, trials: tuple[int, int], n: int, seed: int) -> np.ndarray:
    """The measure between a and b (draw,), b's rows out of order."""
    orders = mismatched(*trials, count("n_null", n, least=0), seed)
    return np.array([a.between(b.reordered(order)) for order in orders])


def mismatched(n_trials: int, n_times: int, n: int, seed: int) -> np.ndarray:
    """So many orders (draw, row) in which rows of the trials are out of place.

    Of several trials: other trials at the same times, each dealt once.  Of one: first the rows backwards, then moved on
    by a tenth to nine tenths of all, in a circle.
    """
    rng = seeding.stream(seed, "mismatched")
    rows = np.arange(n_trials * n_times).reshape(n_trials, n_times)
    if n_trials > 1:
        return np.array([rows[_elsewhere(n_trials, rng)].ravel() for _ in range(n)], int).reshape(
            n, rows.size
        )
    first = max(1, n_times // 10)
    moves = rng.integers(first, max(first, n_times - first) + 1, n)
    orders = (rows + moves[:, None]) % n_times
    orders[:1] = rows[:, ::-1]
    return orders


def _elsewhere(n: int, rng: np.random.Generator) -> np.ndarray:
    """An order of n in which nothing is in its place: round the circle of a random order."""
    circle = rng.permutation(n)
    order = np.empty(n, int)
    order[circle] = np.roll(circle, 1)
    return order


def said(value: float, draws: np.ndarray) -> str:
    """A value beside its null, in words."""
    if not len(draws):
        return f"{value:.3g}"
    return f"{value:.3g}, of mismatched rows {draws.mean():.3g} ({draws.min():.3g} to {draws.max():.3g})"
