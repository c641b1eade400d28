"""The input at rest of trials that were given: the constant input under which it is fair to ask what lasts.

It must be one that the trials show.  Where it is not given it is guessed, and the guess is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .. import checks
from ..errors import InputError
from .settling import ages, lag_of
from .trials import Trials, score_mask

SIZEABLE = 0.05  # share of steps that makes an input one at which the trials rest
COMMON, NOISY = 0.1, 0.2  # ... where it is not zero; ... where it is only near, for noise
MOST_CUES = 8  # that are contexts; more are values
FEW = 64  # distinct inputs of trials without noise
CELLS = 8  # across the range of an input, of which one is near


@dataclass(frozen=True)
class Resting:
    """An input at rest (input,), why that, and whether the trials show it; ``drives`` are others worth a look."""

    input: np.ndarray
    reason: str
    shown: bool = True
    drives: dict[str, np.ndarray] = field(default_factory=dict)


def as_rest(rest: Any, trials: Trials, drives: Mapping[str, np.ndarray]) -> Resting:
    """The rest that was given, if the trials show it, else the best guess."""
    X, valid = trials.inputs.cpu().numpy().astype(float), within(trials)
    rows = X[valid]
    if rest is not None:
        given = checks.reals("rest", rest, (trials.n_inputs,))
        if not Shown(X, valid).near(given).any():
            raise InputError(
                f"rest must be an input that the trials show, got {given.tolist()}: among theirs is "
                f"{rows[0].tolist()}; any other constant input can be looked at as one of drives"
            )
        return Resting(given, "given")
    found = _fixation(X, valid) or _token(X, valid, trials) or _still(rows)
    shown = Shown(X, valid)
    found = found or _given(shown, drives) or _cue(shown) or _near(rows)
    unshown = "zero input, which the trials do not show: give rest="
    return found or Resting(np.zeros(trials.n_inputs), unshown, shown=False)


def one_hot(rows: np.ndarray) -> bool:
    """Whether every row is a token: one 1, and the rest 0, and at least two tokens occur."""
    tokens = (
        rows.shape[1] > 1 and bool(np.isin(rows, (0.0, 1.0)).all()) and bool((rows.sum(axis=1) == 1).all())
    )
    return tokens and int((rows.sum(axis=0) > 0).sum()) > 1


class Shown:
    """The inputs (trial, time, input) that trials show at the steps that are valid, and the noise about them."""

    def __init__(self, inputs: np.ndarray, valid: np.ndarray) -> None:
        self.inputs, self.valid = inputs, valid
        self.noise = np.array([_noise(inputs[..., k], valid) for k in range(inputs.shape[2])])

    def exact(self, drive: np.ndarray) -> bool:
        """Whether half of the trials show just this input."""
        return bool(self._at(drive, 0.0).any(axis=1).mean() >= 0.5)

    def near(self, drive: np.ndarray, width: float = 2.0) -> np.ndarray:
        """Which steps (trial, time) show this input: just this where trials do, else to so many deviations of noise.

        Where a cue that lasts all of a trial goes with noisy evidence, all steps of the trials with this cue do, if the
        evidence passes this value in any of them.
        """
        if self.exact(drive):
            return self._at(drive, 0.0)
        if not self._cued:
            return self._at(drive, width)
        (low, high), slack = self._ends, 1e-5 * (1 + np.abs(drive))
        cued = np.all(np.abs(low - drive)[:, self._fixed] <= slack[self._fixed], axis=1)
        least, most = low[cued].min(axis=0, initial=np.inf), high[cued].max(axis=0, initial=-np.inf)
        passed = np.all((drive >= least - slack) & (drive <= most + slack))
        return self.valid & cued[:, None] & passed

    @cached_property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest value of each input in each trial, (trial, input)."""
        inside = self.valid[:, :, None]
        return np.where(inside, self.inputs, np.inf).min(axis=1), np.where(inside, self.inputs, -np.inf).max(
            axis=1
        )

    @cached_property
    def _fixed(self) -> np.ndarray:
        """Which inputs are constant in each trial: (input,)."""
        low, high = self._ends
        return (low == high).all(axis=0)

    @cached_property
    def _cued(self) -> bool:
        """Whether some inputs are constant in each trial and differ between trials, and all others are noisy."""
        cue = self._ends[0][:, self._fixed]
        return bool((self.noise[~self._fixed] > 0).all() and np.ptp(cue, axis=0).any())

    def cues(self) -> dict[str, np.ndarray]:
        """The cues that last for whole trials, beside noise at zero: name -> (input,); none, or more than a few: {}."""
        found = np.unique(self._ends[0][:, self._fixed], axis=0) if self._cued else np.zeros((0, 0))
        drives = np.zeros((len(found), len(self._fixed)))
        drives[:, self._fixed] = found
        if len(found) > MOST_CUES or not all(self.near(drive).any() for drive in drives):
            return {}
        return {f"cue {k + 1}": drive for k, drive in enumerate(drives)}

    def _at(self, drive: np.ndarray, width: float) -> np.ndarray:
        within_noise = np.abs(self.inputs - drive) <= 1e-5 * (1 + np.abs(drive)) + width * self.noise
        return within_noise.all(axis=2) & self.valid


def _noise(values: np.ndarray, valid: np.ndarray) -> float:
    """Standard deviation of white noise in one input (trial, time): from the median difference of neighbouring steps.

    The median of |a - b| for normal a, b of deviation s is 0.954 s.  An input of few values has none.
    """
    if len(np.unique(values[valid])) <= min(FEW, max(2, valid.sum() // 4)) or values.shape[1] < 2:
        return 0.0
    pairs = valid[:, 1:] & valid[:, :-1]
    return float(np.median(np.abs(np.diff(values, axis=1))[pairs])) / 0.954 if pairs.any() else 0.0


def within(trials: Trials) -> np.ndarray:
    """Which steps (trial, time) belong to a trial: up to its length; where all are of one length, all but zeros at the
    end that nobody asks about.
    """
    if trials.ragged:
        return trials.valid.numpy()
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


def _shared(X: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, float]:
    """Of the inputs at these steps (trial, time) that most trials show, the commonest, and its share."""
    values, which = np.unique(X[where], axis=0, return_inverse=True)
    counts = np.bincount(which.ravel())
    pairs = np.unique(np.stack([which.ravel(), np.nonzero(where)[0]]), axis=1)[0]
    k = np.lexsort([counts, np.bincount(pairs)])[-1]
    return values[k], float(counts[k] / len(X[where]))


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
        rest, share = _shared(X, on)
        if share < SIZEABLE:
            rest = np.median(X[on], axis=0)
            rest[np.abs(rest) < 0.05 * np.abs(X).max()] = 0.0
        after, often = _commonest(X[off])
        return Resting(
            rest,
            f"the fixation input, channel {c} on as before the response",
            True,
            {"response": after} if often > 0.5 else {},
        )
    return None


def _token(X: np.ndarray, valid: np.ndarray, trials: Trials) -> Resting | None:
    """The token under which the answer that is asked for stays, or the commonest."""
    rows = X[valid]
    if not one_hot(rows):
        return None
    often, n = rows.mean(axis=0), X.shape[2]
    calm = _calm(X, valid, trials)
    if 0 < calm.sum() < (often > 0).sum():
        k = int(np.where(calm, often, -1.0).argmax())
        return Resting(np.eye(n)[k], f"token {k}, under which the answer that is asked for stays")
    k = int(often.argmax())
    return Resting(np.eye(n)[k], f"token {k}, the commonest, in {100 * often[k]:.0f} % of the steps")


def _calm(X: np.ndarray, valid: np.ndarray, trials: Trials) -> np.ndarray:
    """Which tokens (token,) are followed by themselves, and let the target be once it has settled."""
    if trials.targets is None:
        return np.zeros(X.shape[2], bool)
    y, mask = trials.targets.cpu().numpy(), score_mask(trials)
    asked = valid if mask is None else valid & (mask > 0).all(dim=-1).cpu().numpy()
    _, codes = np.unique(y.reshape(-1, y.shape[2]), axis=0, return_inverse=True)
    age = [ages(valid & (X[:, :, k] == 1)) for k in range(X.shape[2])]
    repeated = [bool((a * asked > 1).any()) for a in age]
    lags = [lag_of(a, asked & (a > 0), codes.reshape(asked.shape)) for a in age]
    return np.array([again and lag is not None for again, lag in zip(repeated, lags)])


def _still(rows: np.ndarray) -> Resting | None:
    """Zero, if the trials are at zero for long, else the one input that they show most."""
    zero = float(np.mean(~rows.any(axis=1)))
    if zero >= SIZEABLE:
        return Resting(np.zeros(rows.shape[1]), f"shown in {100 * zero:.0f} % of the steps")
    rest, share = _commonest(rows)
    if share < COMMON:
        return None
    return Resting(rest, f"the commonest input, in {100 * share:.0f} % of the steps")


def _given(shown: Shown, drives: Mapping[str, np.ndarray]) -> Resting | None:
    """The first of the given drives that the trials show."""
    for name, drive in drives.items():
        if shown.near(drive).any():
            noise = "" if shown.exact(drive) else ", but for noise"
            return Resting(drive, f"the first given drive that the trials show{noise}, {name!r}")
    return None


def _cue(shown: Shown) -> Resting | None:
    """The cue that most trials show, without evidence, where a cue lasts all of a trial and evidence is noisy."""
    cues = shown.cues()
    if not cues:
        return None
    n = [int(shown.near(drive).any(axis=1).sum()) for drive in cues.values()]
    name = list(cues)[int(np.argmax(n))]
    return Resting(cues[name], f"{name} of {len(cues)}, which last for whole trials, without evidence", True, cues)


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
