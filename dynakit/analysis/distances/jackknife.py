"""Pairs of networks share networks: what a mean over pairs is worth, by leaving out one network at a time.

The pseudo-error of a statistic t of n networks is sqrt((n - 1) / n sum_i (t_(i) - mean t_(.))^2), t_(i) without network
i (Tukey 1958; Efron and Tibshirani 1993, eq. 11.5).  The naive error of a mean over n (n - 1) / 2 pairs takes them for
independent, which they are not, and is too small.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FEWEST = 3  # networks below which leaving one out says nothing


def pair_mean(matrix: np.ndarray) -> float:
    """Mean over all pairs of a symmetric matrix (network, network); NaN where there are none.

    >>> pair_mean(np.array([[0.0, 1.0, 3.0], [1.0, 0.0, 2.0], [3.0, 2.0, 0.0]]))
    2.0
    """
    values = matrix[np.triu_indices(len(matrix), 1)]
    return float(values.mean()) if len(values) else float("nan")


def between_pairs(matrix: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Mean over the pairs within a group, and over those of two groups."""
    i, j = np.triu_indices(len(matrix), 1)
    same = groups[i] == groups[j]
    values = matrix[i, j]
    within, between = (float(part.mean()) if len(part) else float("nan") for part in (values[same], values[~same]))
    return within, between


def jackknifed(n: int, statistic: Callable[[np.ndarray], float]) -> float:
    """Standard error of ``statistic(which networks)`` by leaving out one of n networks; NaN below three."""
    if n < FEWEST:
        return float("nan")
    everyone = np.arange(n)
    without = np.array([statistic(np.delete(everyone, i)) for i in everyone])
    return float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum()))
