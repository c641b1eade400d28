"""What outputs say, and how often it is right: signs, classes, levels, or a reading of the user's own.

A score over answers is the mean over answers of the share that is right (the balanced accuracy), so that an answer that
is asked for most of the time cannot carry the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import checks
from ..errors import InputError
from .base import sign_marks
from .trials import Trials, score_mask

KINDS = ("sign", "argmax", "level")
MOST_LEVELS = 4  # distinct targets that are still answers; of more, the value is what counts
GRAIN = 8  # parts of the range that words tell apart where targets are graded


@dataclass(frozen=True)
class Reading:
    """How outputs (..., output) are read: ``kind`` of :data:`KINDS`, or ``own``; ``levels`` of targets, rising."""

    kind: str
    levels: np.ndarray
    own: Callable[[np.ndarray], Any] | None = None

    @property
    def graded(self) -> bool:
        """Whether it is a value that is read, and not one of a few answers."""
        return self.kind == "level" and len(self.levels) > MOST_LEVELS

    @property
    def middle(self) -> float:
        """Half way between the smallest and the largest target; 0 without targets."""
        return float(self.levels[0] + self.levels[-1]) / 2 if len(self.levels) else 0.0

    @property
    def spread(self) -> float:
        """The largest target less the smallest."""
        return float(self.levels[-1] - self.levels[0]) if len(self.levels) else 0.0

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """One answer per output, or one for all (..., 1); "?" stands for none."""
        y = np.asarray(outputs, dtype=float)
        if self.kind == "own":
            return _own(self.own, y)[..., None]
        if self.kind == "argmax":
            best = np.where(np.isfinite(y), y, -np.inf).argmax(axis=-1).astype(str)
            return np.where(np.isfinite(y).all(axis=-1), best, "?")[..., None]
        if self.kind == "sign":
            signs = np.where(y > self.middle, "+", np.where(y < self.middle, "-", "?"))
            return np.where(np.isfinite(y), signs, "?")
        marks = self.levels if not self.graded else np.linspace(self.levels[0], self.levels[-1], GRAIN + 1)
        steps = np.abs(np.where(np.isfinite(y), y, 0.0)[..., None] - marks).argmin(axis=-1)
        return np.where(np.isfinite(y), np.array([f"{m:.3g}" for m in marks])[steps], "?")

    def words(self, outputs: np.ndarray) -> np.ndarray:
        """The memory that outputs (..., output) stand for: strings (...)."""
        if self.kind == "sign":
            return sign_marks(np.asarray(outputs, dtype=float) - self.middle)
        found = self.answers(outputs)
        said = found[..., 0]
        for k in range(1, found.shape[-1]):
            said = np.char.add(np.char.add(said, ", "), found[..., k])
        return said

    def asked(self, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """The answers that targets ask for, and where they count: (trial, time, answer) each."""
        targets, mask = checks.reals("targets", trials.targets), score_mask(trials)
        answers = self.answers(targets)
        counts = np.ones(targets.shape, bool) if mask is None else np.asarray(mask.cpu()) > 0
        if answers.shape[-1] != targets.shape[-1]:
            counts = counts.all(axis=-1, keepdims=True)
        return answers, counts & (answers != "?")

    def shares(self, outputs: np.ndarray, trials: Trials) -> dict[tuple[int, str], float]:
        """Share of right answers for each (output, answer) that is asked for."""
        answers, counts = self.asked(trials)
        right = (self.answers(outputs) == answers) & counts
        found: dict[tuple[int, str], float] = {}
        for k in range(answers.shape[-1]):
            for answer in np.unique(answers[..., k][counts[..., k]]):
                here = counts[..., k] & (answers[..., k] == answer)
                found[k, str(answer)] = float(right[..., k].sum(where=here) / here.sum())
        return found


def as_reading(decode: Any, trials: Trials) -> Reading:
    """The reading that was asked for, or the one that the targets suggest; InputError where it does not fit them."""
    targets, mask = trials.targets, score_mask(trials)
    if targets is None:
        levels = np.zeros(0)
    else:
        levels = np.unique((targets if mask is None else targets[mask > 0]).cpu().numpy())
    if callable(decode):
        reading = Reading("own", levels, decode)
        if targets is not None:
            reading.answers(targets.cpu().numpy())
        return reading
    if decode is None:
        return Reading(_suggested(trials, levels), levels)
    kind = checks.one_of("decode", decode, KINDS)
    if kind == "argmax" and targets is not None and targets.shape[-1] < 2:
        raise InputError(
            "decode 'argmax' takes the largest of several outputs, but targets have one, of no whole numbers"
        )
    if kind == "level" and not len(levels):
        raise InputError("decode 'level' reads outputs against the values of targets: give targets")
    return Reading(kind, levels)


def _suggested(trials: Trials, levels: np.ndarray) -> str:
    if len(levels) > 2:
        return "level"
    if len(levels) < 2 or trials.targets is None or trials.targets.shape[-1] < 2:
        return "sign"
    high, mask = trials.targets == float(levels[-1]), score_mask(trials)
    rows = high.sum(-1) if mask is None else high.sum(-1)[(mask > 0).all(-1)]
    return "argmax" if len(rows.reshape(-1)) and bool((rows == 1).all()) else "sign"


def _own(decode: Any, outputs: np.ndarray) -> np.ndarray:
    try:
        labels = np.asarray(decode(outputs))
    except Exception as error:
        raise InputError(
            f"decode failed on outputs of shape {outputs.shape}: {type(error).__name__}: {error}"
        ) from None
    if labels.shape != outputs.shape[:-1]:
        raise InputError(
            f"decode must return one label per readout, shape {outputs.shape[:-1]} for {outputs.shape}, "
            f"got {labels.shape}"
        )
    return labels.astype(str)


def explained_variance(outputs: Any, trials: Trials) -> float:
    """Share of the targets' variance that the outputs explain under the score mask, clipped to 0..1."""
    target = checks.reals("targets", trials.targets)
    error = (checks.reals("outputs", outputs, finite=False) - target) ** 2
    mask = score_mask(trials)
    weight = np.ones_like(target) if mask is None else checks.reals("mask", mask)
    total = weight.sum(axis=(0, 1))
    mean = (weight * target).sum(axis=(0, 1)) / np.maximum(total, 1)
    unexplained = error[weight > 0].sum()
    variation = (weight * (target - mean) ** 2).sum()
    if not np.isfinite(unexplained) or unexplained >= variation:
        return float(unexplained == 0)
    return float(1 - unexplained / variation)
