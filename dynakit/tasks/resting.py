"""The input at rest of trials that were given: the constant input under which it is fair to ask what lasts.

It must be one that the trials show.  Where it is not given it is guessed, and the guess is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import checks
from ..errors import InputError
from .base import Trials, score_mask

SIZEABLE = 0.05  # share of steps that makes an input one at which the trials rest
COMMON, NOISY = 0.1, 0.2  # ... where it is not zero; ... where it is only near, for noise
FEW = 64  # distinct inputs of trials without noise
CELLS = 8  # across the range of an input, of which one is near


@dataclass(frozen=True)
class Resting:
    """An input at rest (input,), why that, whether the trials show it; ``response`` is the input afterwards."""

    input: np.ndarray
    reason: str
    shown: bool = True
    response: np.ndarray | None = None


def as_rest(rest: Any, trials: Trials, drives: Mapping[str, np.ndarray]) -> Resting:
    """The rest that was given, if the trials show it, else the best guess."""
    X, valid = trials.inputs.cpu().numpy().astype(float), _within(trials)
    rows = X[valid]
    if rest is not None:
        given = checks.reals("rest", rest, (trials.n_inputs,))
        if not shows(rows, given):
            raise InputError(
                f"rest must be an input that the trials show, got {given.tolist()}: among theirs is "
                f"{rows[0].tolist()}; any other constant input can be looked at as one of drives"
            )
        return Resting(given, "given")
    found = (
        _fixation(X, valid) or _token(X, valid, trials) or _still(rows) or _given(rows, drives) or _near(rows)
    )
    return found or Resting(
        np.zeros(trials.n_inputs), "zero input, which the trials do not show: give rest=", shown=False
    )


def one_hot(rows: np.ndarray) -> bool:
    """Whether every row is a token: one 1, and the rest 0, and at least two tokens occur."""
    tokens = (
        rows.shape[1] > 1 and bool(np.isin(rows, (0.0, 1.0)).all()) and bool((rows.sum(axis=1) == 1).all())
    )
    return tokens and int((rows.sum(axis=0) > 0).sum()) > 1


def shows(rows: np.ndarray, drive: np.ndarray) -> bool:
    """Whether inputs (row, input) take this value; of noisy ones, whether it is within their range."""
    distinct = _distinct(rows)
    if distinct is not None:
        return bool(np.isclose(distinct, drive, rtol=1e-5, atol=1e-6).all(axis=1).any())
    low, high = rows.min(axis=0), rows.max(axis=0)
    slack = 1e-5 * (1 + np.abs(rows).max())
    return bool(((drive >= low - slack) & (drive <= high + slack)).all())


def _distinct(rows: np.ndarray) -> np.ndarray | None:
    """The distinct rows where they are few, else None."""
    found = np.unique(rows, axis=0)
    return found if len(found) <= min(FEW, max(2, len(rows) // 4)) else None


def _within(trials: Trials) -> np.ndarray:
    """Which steps (trial, time) belong to a trial: all but zeros after its end that nobody asks about."""
    zero = (trials.inputs == 0).all(dim=-1).cpu().numpy()
    mask = score_mask(trials)
    if mask is None:
        return np.ones_like(zero)
    empty = zero & ~(mask > 0).any(dim=-1).cpu().numpy()
    trailing = np.logical_and.accumulate(empty[:, ::-1], axis=1).sum(axis=1)
    length = empty.shape[1] - (trailing - trailing.min())  # what all trials end with is not padding
    return np.arange(empty.shape[1]) < length[:, None]


def _commonest(rows: np.ndarray) -> tuple[np.ndarray, float]:
    values, counts = np.unique(rows, axis=0, return_counts=True)
    return values[counts.argmax()], float(counts.max() / len(rows))


def _fixation(X: np.ndarray, valid: np.ndarray) -> Resting | None:
    """The input while a channel that begins every trial is on, where it goes off once and the trial ends so."""
    for c in range(X.shape[2]):
        level = X[0, 0, c]
        on = (X[:, :, c] == level) & valid
        off = (X[:, :, c] == 0) & valid
        once = (np.diff(on.astype(int), axis=1) <= 0).all()
        if level == 0 or not on[:, 0].all() or not (on | off | ~valid).all() or not once:
            continue
        if off.any(axis=1).mean() < 0.5 or X.shape[2] < 2:
            continue
        rest, share = _commonest(X[on])
        if share < SIZEABLE:
            rest = np.median(X[on], axis=0)
            rest[np.abs(rest) < 0.05 * np.abs(X).max()] = 0.0
        after, often = _commonest(X[off])
        return Resting(
            rest,
            f"the fixation input, channel {c} on as before the response",
            True,
            after if often > 0.5 else None,
        )
    return None


def _token(X: np.ndarray, valid: np.ndarray, trials: Trials) -> Resting | None:
    """The token under which the answer that is asked for stays, or the commonest."""
    rows = X[valid]
    if not one_hot(rows):
        return None
    often = rows.mean(axis=0)
    stays = _stays(X, valid, trials)
    if stays is not None and np.nanmax(stays) > 0.95 and np.nanmin(stays) < 0.9:
        k = int(np.where(stays > 0.95, often, -1.0).argmax())
        return Resting(np.eye(X.shape[2])[k], f"token {k}, under which the answer that is asked for stays")
    k = int(often.argmax())
    return Resting(np.eye(X.shape[2])[k], f"token {k}, the commonest, in {100 * often[k]:.0f} % of the steps")


def _stays(X: np.ndarray, valid: np.ndarray, trials: Trials) -> np.ndarray | None:
    """Share of the steps with each token at which the target stays as it was, (token,)."""
    if trials.targets is None or X.shape[1] < 2:
        return None
    y, mask = trials.targets.cpu().numpy(), score_mask(trials)
    asked = valid if mask is None else valid & (mask > 0).all(dim=-1).cpu().numpy()
    both = asked[:, 1:] & asked[:, :-1]
    if not both.any():
        return None
    same = np.all(np.isclose(y[:, 1:], y[:, :-1]), axis=2)[both]
    tokens = X[:, 1:][both]
    with np.errstate(invalid="ignore"):
        return (tokens * same[:, None]).sum(axis=0) / tokens.sum(axis=0)


def _still(rows: np.ndarray) -> Resting | None:
    """Zero, if the trials are at zero for long, else the one input that they show most."""
    zero = float(np.mean(~rows.any(axis=1)))
    if zero >= SIZEABLE:
        return Resting(np.zeros(rows.shape[1]), f"zero input, in {100 * zero:.0f} % of the steps")
    rest, share = _commonest(rows)
    if share < COMMON:
        return None
    return Resting(rest, f"the commonest input, in {100 * share:.0f} % of the steps")


def _given(rows: np.ndarray, drives: Mapping[str, np.ndarray]) -> Resting | None:
    """The first of the given drives that the trials show."""
    for name, drive in drives.items():
        if shows(rows, drive):
            return Resting(drive, f"the first given drive that the trials show, {name!r}")
    return None


def _near(rows: np.ndarray) -> Resting | None:
    """Where noisy inputs spend most of the time."""
    width = np.maximum(np.ptp(rows, axis=0) / CELLS, 1e-12)
    cells, counts = np.unique(np.round(rows / width), axis=0, return_counts=True)
    share = counts.max() / len(rows)
    if share < NOISY:
        return None
    cell = cells[counts.argmax()]
    inside = ~(np.round(rows / width) != cell).any(axis=1)
    rest = np.where(cell == 0, 0.0, rows[inside].mean(axis=0))
    return Resting(rest, f"about which noisy inputs are in {100 * share:.0f} % of the steps")
