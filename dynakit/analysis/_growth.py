"""What is known of growth rates from their course: estimates, errors, blocks, signs, and what follows from a spectrum.

Two averages are taken of the growth g_j over the intervals j.  The weighted Birkhoff average converges faster than any
power of the length on regular orbits (Das, Saiki, Sander and Yorke 2017); its values over the four quarters of the
orbit tell how far.  The plain mean has a standard error that respects autocorrelation: that of means over ever longer
blocks, the largest of them (Flyvbjerg and Petersen 1989).  On chaotic orbits the two agree within the error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._birkhoff import weights

FEWEST_BLOCKS = 16  # to estimate a variance from
SIGMAS = 4.0
REGULAR = 0.01  # quarters that agree to this share of the standard error are no independent samples
FLOOR = 1e-10  # nats: rounding


class Estimates(NamedTuple):
    """Of each exponent of each start, arrays (start, exponent), by falling value."""

    exponents: np.ndarray
    standard_errors: np.ndarray  # of the plain mean
    tolerances: np.ndarray  # within which an exponent counts as zero
    block_averages: np.ndarray
    order: np.ndarray  # which direction each is


def estimate(growth: np.ndarray, durations: np.ndarray) -> Estimates:
    """From growth (interval, start, exponent) over ``durations`` (interval,) steps; -inf stays, NaN stays."""
    lost = np.isneginf(growth).any(axis=0)
    growth = np.where(lost, 0.0, growth)
    best = _mean_rate(growth, durations)
    quarters = _quarters(growth, durations)
    errors = blocked_error(growth / durations[:, None, None])
    tolerances = _tolerances(errors, np.ptp(quarters, axis=0))
    order = np.argsort(-np.where(lost, -np.inf, best), axis=1, kind="stable")
    best, errors, tolerances, lost = (
        np.take_along_axis(values, order, 1) for values in (best, errors, tolerances, lost)
    )
    best, quarters = np.where(lost, -np.inf, best), np.take_along_axis(quarters, order[None], 2)
    blocks = (
        np.stack([_blocks(*of_start) for of_start in zip(best, quarters.swapaxes(0, 1))])
        if len(best)
        else best
    )
    return Estimates(
        best,
        np.where(lost, np.nan, errors),
        np.where(lost, 0.0, tolerances),
        blocks,
        order,
    )


def _mean_rate(growth: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """The weighted Birkhoff average of the growth per step."""
    w = weights(len(durations))
    return np.tensordot(w, growth, 1) / (w @ durations)


def _quarters(growth: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """The average over each quarter of the intervals, (4, start, exponent); infinite if there are too few."""
    size = len(durations) // 4
    if size < 4:
        return np.broadcast_to(np.array([0.0, np.inf, 0.0, 0.0])[:, None, None], (4, *growth.shape[1:]))
    parts = [slice(q * size, (q + 1) * size) for q in range(4)]
    return np.stack([_mean_rate(growth[part], durations[part]) for part in parts])


def blocked_error(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean over the first axis of correlated values; NaN for fewer than 16 of them.

    From the means over 16 to 63 blocks, the largest of what they say: longer ones are too few, shorter ones know
    less of the correlation.
    """
    errors = np.full(values.shape[1:], np.nan)
    while len(values) >= FEWEST_BLOCKS:
        if len(values) < 4 * FEWEST_BLOCKS:
            errors = np.fmax(errors, values.std(axis=0, ddof=1) / np.sqrt(len(values)))
        pairs = len(values) // 2
        values = (values[: 2 * pairs : 2] + values[1 : 2 * pairs : 2]) / 2
    return errors


def _tolerances(errors: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Four standard errors or the quarters' range, the larger, unless the quarters agree as only a regular orbit's do."""
    wide = SIGMAS * np.nan_to_num(errors, nan=np.inf)
    return np.maximum(FLOOR, np.where(apart <= REGULAR * wide, apart, np.fmax(apart, wide)))


def _blocks(exponents: np.ndarray, quarters: np.ndarray) -> np.ndarray:
    """Exponents averaged over blocks of equal ones, by those whose mean converges where they do not.

    Directions of equal growth turn among each other, so only their sum converges fast.  ``quarters`` (4, exponent).
    """
    averaged, start = exponents.copy(), 0
    apart = np.ptp(quarters, axis=0)
    while start < len(exponents):
        best = start + 1
        if np.isfinite(exponents[start]):
            best = _end_of_block(exponents, quarters, apart, start)
        averaged[start:best] = exponents[start:best].mean()
        start = best
    return averaged


def _end_of_block(exponents: np.ndarray, quarters: np.ndarray, apart: np.ndarray, start: int) -> int:
    end, spread = start + 1, apart[start]
    for stop in range(start + 2, len(exponents) + 1):
        gap = exponents[stop - 2] - exponents[stop - 1]
        if not gap <= 2 * (apart[stop - 2] + apart[stop - 1]) + FLOOR:
            break
        together = np.ptp(quarters[:, start:stop].mean(axis=1))
        exact = exponents[start] - exponents[stop - 1] <= FLOOR
        if exact or 10 * together <= min(spread, apart[start:stop].max()) < np.inf:
            end, spread = stop, max(together, FLOOR)
    return end


def signs(exponents: np.ndarray, tolerances: np.ndarray) -> np.ndarray:
    """+1, 0 or -1 beyond the tolerance; NaN counts as 0."""
    return np.where(exponents > tolerances, 1, np.where(exponents < -tolerances, -1, 0))


def kaplan_yorke(exponents: np.ndarray, tolerances: np.ndarray, state_size: int) -> float:
    """j + (sum of the first j exponents) / |exponent j + 1|, j the last for which the sum is not negative.

    The size of the state if no sum is negative; NaN if that would need exponents that are not there.
    (Kaplan and Yorke 1979.)
    """
    if np.isnan(exponents).any():
        return np.nan
    sums = np.cumsum(np.where(signs(exponents, tolerances) == 0, 0.0, exponents))
    negative = np.flatnonzero(sums < 0)
    if not len(negative):
        return float(state_size) if len(exponents) == state_size else np.nan
    j = int(negative[0])
    return j + (float(sums[j - 1] / -exponents[j]) if j else 0.0)


def entropy_rate(exponents: np.ndarray, tolerances: np.ndarray, state_size: int) -> float:
    """The sum of the positive exponents, nats per step (Pesin 1977); NaN if further ones could be positive."""
    sign = signs(exponents, tolerances)
    if np.isnan(exponents).any() or (sign[-1] > 0 and len(exponents) < state_size):
        return np.nan
    return float(exponents[sign > 0].sum())
