"""What is known of growth rates from their course: estimates, errors, blocks, signs, and what follows from a spectrum.

How the growth over the intervals is averaged fits the motion.  On a regular orbit the weights of Das, Saiki, Sander and
Yorke 2017 converge faster than any power of the length, and how far the two halves of the orbit are apart is the error.
On chaotic orbits and under inputs they only give away samples: the plain mean has up to 1.4 times less error, and a
standard error as any mean, that over 16 blocks in a row, which respects whatever correlations die out within one (Welch
1967).  All exponents of one orbit have the same weights, so their sum is the mean of ln |det J| under those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .birkhoff import weights

Weights = Callable[[int], np.ndarray]  # of so many values; they sum to one
BLOCKS = 16  # to estimate a variance from
SIGMAS = 4.0
REGULAR = 1e-4  # halves that agree to this share of the standard error are no independent samples
FLOOR = 1e-10  # nats: rounding
CHANCE = 10.0  # times as far as the halves are apart: that they agree so well by chance is rare
SHARP = 1e-6  # nats: a zero exponent known to this is that of a regular motion


class Estimates(NamedTuple):
    """Of each exponent of each start, arrays (start, exponent), by falling value."""

    exponents: np.ndarray
    standard_errors: np.ndarray  # NaN: too few intervals
    tolerances: np.ndarray  # within which an exponent counts as zero
    block_averages: np.ndarray
    order: np.ndarray  # which direction each is
    weights: np.ndarray  # (start,)  of the averages: plain | bump


def estimate(growth: np.ndarray, durations: np.ndarray, *, smooth: bool | None = None) -> Estimates:
    """From growth (interval, start, exponent) over ``durations`` (interval,) steps; -inf stays, NaN stays.

    ``smooth``: the motion is known to be regular (bump) or not to be (plain); None: as its course says.
    """
    lost = np.asarray(np.isneginf(growth).any(axis=0))
    growth = np.where(lost, 0.0, growth)
    bump, plain = (_judged(growth, durations, of) for of in (weights, _even))
    regular = _regular(bump, lost) if smooth is None else np.full(growth.shape[1], smooth)
    best, errors, tolerances, halves = (np.where(regular[:, None], *both) for both in zip(bump[:4], plain[:4]))
    order = np.argsort(-np.where(lost, -np.inf, best), axis=1, kind="stable")
    best, errors, tolerances, lost = (
        np.take_along_axis(values, order, 1) for values in (best, errors, tolerances, lost)
    )
    best, halves = np.where(lost, -np.inf, best), np.take_along_axis(halves, order[None], 2)
    blocks = (
        np.stack([_blocks(*of_start) for of_start in zip(best, halves.swapaxes(0, 1))]) if len(best) else best
    )
    return Estimates(
        best,
        np.where(lost, np.nan, errors),
        np.where(lost, 0.0, tolerances),
        blocks,
        order,
        np.where(regular, "bump", "plain"),
    )


class _Judged(NamedTuple):
    """One way to average, in the order of the directions: arrays (start, exponent), halves (2, start, exponent)."""

    best: np.ndarray
    errors: np.ndarray
    tolerances: np.ndarray
    halves: np.ndarray
    regular: np.ndarray  # the halves agree far better than samples would


def _judged(growth: np.ndarray, durations: np.ndarray, weights: Weights) -> _Judged:
    best, halves, quarters = (_parts(growth, durations, n, weights) for n in (1, 2, 4))
    errors = standard_error(growth, durations, weights)
    wide = np.fmax(SIGMAS * np.nan_to_num(errors, nan=np.inf), np.ptp(quarters, axis=0))
    apart = np.ptp(halves, axis=0)
    regular = (apart <= REGULAR * wide) & (weights is not _even)
    tolerances = np.fmax(FLOOR, np.where(regular, CHANCE * apart, wide))
    errors = np.where(regular, apart, errors)
    return _Judged(best[0], errors, tolerances, halves, regular)


def _regular(bump: _Judged, lost: np.ndarray) -> np.ndarray:
    """Whether the leading exponent of each start is that of a regular orbit: known far better than one of samples."""
    first = np.where(lost, -np.inf, np.nan_to_num(bump.best, nan=-np.inf)).argmax(axis=1)[:, None]
    return np.take_along_axis(bump.regular, first, 1)[:, 0]


def _even(n: int) -> np.ndarray:
    """The weights of a plain mean."""
    return np.full(n, 1 / n)


def _mean_rate(growth: np.ndarray, durations: np.ndarray, weights: Weights) -> np.ndarray:
    """The weighted average of the growth per step."""
    w = weights(len(durations))
    return np.tensordot(w, growth, 1) / (w @ durations)


def _parts(growth: np.ndarray, durations: np.ndarray, n: int, weights: Weights) -> np.ndarray:
    """The average over each of n parts of the intervals, (n, start, exponent); far apart if there are too few."""
    size = len(durations) // n
    if n > 1 and size < 4:
        far = np.zeros((n, *growth.shape[1:]))
        far[0] = np.inf
        return far
    parts = [slice(k * size, (k + 1) * size if k + 1 < n else None) for k in range(n)]
    return np.stack([_mean_rate(growth[part], durations[part], weights) for part in parts])


def standard_error(growth: np.ndarray, durations: np.ndarray, weights: Weights) -> np.ndarray:
    """Of the average over all intervals, (start, exponent); NaN for fewer than 64 intervals."""
    if len(durations) < 4 * BLOCKS:
        return np.full(growth.shape[1:], np.nan)
    return _parts(growth, durations, BLOCKS, weights).std(axis=0, ddof=1) / np.sqrt(BLOCKS)


def _blocks(exponents: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """Exponents averaged over blocks of equal ones, by those whose mean converges where they do not.

    Directions of equal growth turn among each other, so only their sum converges fast.  ``halves`` (2, exponent).
    """
    averaged, start = exponents.copy(), 0
    apart, sums = np.ptp(halves, axis=0), np.concatenate([np.zeros((2, 1)), halves.cumsum(axis=1)], axis=1)
    while start < len(exponents):
        best = start + 1
        if np.isfinite(exponents[start]):
            best = _end_of_block(exponents, sums, apart, start)
        averaged[start:best] = exponents[start:best].mean()
        start = best
    return averaged


def _end_of_block(exponents: np.ndarray, sums: np.ndarray, apart: np.ndarray, start: int) -> int:
    """``sums`` (2, exponent + 1): of the halves' exponents before each."""
    end, spread, widest = start + 1, apart[start], apart[start]
    for stop in range(start + 2, len(exponents) + 1):
        gap = exponents[stop - 2] - exponents[stop - 1]
        if not gap <= 2 * (apart[stop - 2] + apart[stop - 1]) + FLOOR:
            break
        widest = max(widest, apart[stop - 1])
        with np.errstate(invalid="ignore"):  # too few intervals: infinite, and no halves agree
            together = abs(np.subtract(*(sums[:, stop] - sums[:, start]))) / (stop - start)
        exact = exponents[start] - exponents[stop - 1] <= FLOOR
        if exact or 10 * together <= min(spread, widest) < np.inf:
            end, spread = stop, max(together, FLOOR)
    return end


def signs(exponents: np.ndarray, tolerances: np.ndarray) -> np.ndarray:
    """+1, 0 or -1 beyond the tolerance; NaN counts as 0."""
    return np.where(exponents > tolerances, 1, np.where(exponents < -tolerances, -1, 0))


def _snapped(exponents: np.ndarray, tolerances: np.ndarray) -> np.ndarray:
    """Exponents, with zero for those that are zero to many digits."""
    return np.where(np.abs(exponents) <= np.minimum(tolerances, SHARP), 0.0, exponents)


def kaplan_yorke(exponents: np.ndarray, tolerances: np.ndarray, state_size: int) -> float:
    """j + (sum of the first j exponents) / |exponent j + 1|, j the last for which the sum is not negative.

    The size of the state if no sum is negative; NaN if that would need exponents that are not there.
    (Kaplan and Yorke 1979.)
    """
    if np.isnan(exponents).any():
        return np.nan
    sums = np.cumsum(_snapped(exponents, tolerances))
    negative = np.flatnonzero(sums < 0)
    if not len(negative):
        return float(state_size) if len(exponents) == state_size else np.nan
    j = int(negative[0])
    return j + (float(sums[j - 1] / -exponents[j]) if j else 0.0)


def entropy_rate(exponents: np.ndarray, tolerances: np.ndarray, state_size: int) -> float:
    """The sum of the positive exponents, nats per step (Pesin 1977); NaN if further ones could be positive."""
    known = _snapped(exponents, tolerances)
    if np.isnan(known).any() or (known[-1] > 0 and len(known) < state_size):
        return np.nan
    return float(known[known > 0].sum())
