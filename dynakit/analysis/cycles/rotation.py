"""The rotation number of an orbit on a closed curve: which plane shows it, and which frequency is the base."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..exponents import CLEAR, birkhoff
from .autonomous import Autonomous

BACK = 0.5  # distance, relative to the size, of a state that may have gone around once


def plane(flow: Autonomous, x: np.ndarray) -> np.ndarray:
    """States in the plane in which directions are told: of the first two outputs, else of the leading components."""
    y = flow.observe(x)
    return y[:, :2] if y.shape[1] > 1 else components(x, 2)


def components(x: np.ndarray, k: int) -> np.ndarray:
    """Scores of the leading principal components, each with the sign of its largest entry."""
    centred = x - (x.max(0) + x.min(0)) / 2
    axes = np.linalg.svd(centred, full_matrices=False)[2][:k]
    axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1))
    scores = centred @ axes.T
    return scores if scores.shape[1] >= k else np.pad(scores, ((0, 0), (0, k - scores.shape[1])))


def rotation_number(flow: Autonomous, orbit: np.ndarray) -> tuple[float, float]:
    """The signed rotation number of an orbit on a circle, and its digits.

    Of the outputs and the leading components the plane in which the orbit winds once, clear of the centre, is taken; a
    curve that winds once in none of them (a figure eight) is seen through delays.  Which frequency is the base is told
    by the harmonics (see ``birkhoff.fundamental``); the sign by the first plane in which the curve winds.
    """
    scores = components(orbit, min(6, flow.size))
    y = flow.observe(orbit)
    planes = [y[:, :2]] if y.shape[1] > 1 else []
    planes += [orbit] if flow.size == 2 else []
    planes += [scores[:, [i, j]] for i, j in ((0, 1), (0, 2), (1, 2)) if j < scores.shape[1]]
    seen = [r for r in map(birkhoff.rotation, planes) if r.clear > CLEAR]
    base = birkhoff.fundamental(scores, [abs(r.number) for r in seen]).number
    once = [r for r in seen if abs(abs(r.number) - base) < 1e-5]
    if once:
        best = max(once, key=lambda r: r.digits)
        return float(np.copysign(best.number, once[0].number)), best.digits
    if not np.isfinite(base):
        return np.nan, 0.0
    through = birkhoff.rotation(birkhoff.filtered(scores, base))
    return through.number, through.digits


def last_turn(orbit: np.ndarray) -> int | None:
    """How many steps ago an orbit (step, unit) that moves little per step was last near where it ends; None: never."""
    return next(returns(orbit), None)


def returns(orbit: np.ndarray) -> Iterator[int]:
    """How many steps ago an orbit (step, unit) was near where it ends, the latest time first.

    Counted backwards: it must first have gone away, and each time it is back the nearest of its states is taken.
    """
    away = np.abs(orbit[::-1] - orbit[-1]).max(axis=1)
    near = away <= BACK * float(np.abs(orbit - orbit.mean(0)).max())
    starts = np.flatnonzero(near[1:] & ~near[:-1]) + 1
    for start in starts:
        run = start + np.flatnonzero(~np.append(near[start:], False))[0]
        yield int(start + away[start:run].argmin())
