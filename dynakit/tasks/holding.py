"""Under which constant inputs the trials of a task ask that something be kept, from where on, and how it is read.

An answer that is asked for while the input stays as it is has to be held under that input: the states at the last such
step may be left alone there.  An answer that is only asked for later, after a go signal, has to wait: the states at the
last step of waiting are left alone, and what they hold is what the network answers after the inputs that follow in the
trials.  Where those differ from trial to trial, no one question reads all that is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..records import Record
from ..wording import counted, drive_in_words
from .base import Task
from .resting import Shown, within
from .settling import ages, lag_of
from .trials import Trials, score_mask


@dataclass(frozen=True)
class Hold(Record):
    """A constant input under which something has to be kept, the states to leave alone, and how they are read.

    Attributes:
        name: of the drive
        drive: (input,)
        rows: (row,) the trials of which a state is left alone
        steps: (row,) ... that after which step
        longest: most steps in a row for which the trials show this input
        question: (step, input) what follows in the trials before the answer is asked for; None: it is asked at once
    """

    name: str
    drive: np.ndarray
    rows: np.ndarray
    steps: np.ndarray
    longest: int
    question: np.ndarray | None = None

    def in_words(self) -> str:
        """The drive, and how what is kept under it is read."""
        which = "at rest" if self.name == "rest" else f"under “{self.name}”"
        said = f"{which}, {drive_in_words(self.drive)}"
        if self.question is None:
            return said
        n = len(self.question)
        return f"{said}, read after the {counted(n, 'step')} that follow{'s' * (n == 1)} in the trials"


@dataclass(frozen=True)
class Holds(Record):
    """All that has to be kept, by the name of the drive; under each other drive, why nothing has."""

    by_name: dict[str, Hold]
    reasons: dict[str, str]
    ends: Hold  # the ends of trials, left alone at rest, whether that is asked for or not

    @property
    def problem(self) -> str:
        """Why nothing has to be kept; empty where something has."""
        return "" if self.by_name else "; ".join(self.unasked())

    def unasked(self) -> list[str]:
        """Under which drives nothing has to be kept, and why, in words."""
        return [f"{'at rest' if name == 'rest' else f'under “{name}”'} {why}" for name, why in self.reasons.items()]

    def at(self, drive: np.ndarray) -> Hold | None:
        """The one under this input, whatever its name."""
        return next((hold for hold in self.by_name.values() if np.array_equal(hold.drive, drive)), None)


def find_holds(task: Task, trials: Trials, drives: Mapping[str, np.ndarray]) -> Holds:
    """What has to be kept under each of the drives, "rest" first."""
    X, valid = trials.inputs.cpu().numpy().astype(float), within(trials)
    shown, found, reasons = Shown(X, valid), {}, {}
    asked, answers = _asked(task, trials, valid)
    for name, drive in _candidates(task, drives).items():
        if name == "rest" and task.rest_problem is not None:
            reasons[name] = task.rest_problem
            continue
        hold, why = _Asking(X, asked, answers, task.question).hold(name, drive, shown)
        if hold is None:
            reasons[name] = why
        else:
            found[name] = hold
    last = np.where(asked.any(axis=1), _last(asked), _last(valid))
    return Holds(found, reasons, Hold("rest", task.rest, np.arange(len(last)), last, 0))


def _candidates(task: Task, drives: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The drives without those of pulses, which end; of equal ones, by the name that says more than "rest"."""
    pulses = [row for pulse in task.pulses.values() for row in np.asarray(pulse)]
    kept: dict[str, np.ndarray] = {}
    for name, drive in drives.items():
        same = [other for other, u in kept.items() if np.array_equal(u, drive)]
        if same == ["rest"]:
            kept = {(name if other == "rest" else other): u for other, u in kept.items()}
        elif not same and (name == "rest" or not any(np.array_equal(drive, row) for row in pulses)):
            kept[name] = drive
    return kept


def _asked(task: Task, trials: Trials, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where an answer is asked for, and which: (trial, time) each; without targets at the last step, and none."""
    if trials.targets is None or task.n_outputs is None:
        last = np.zeros_like(valid)
        last[np.arange(len(valid)), valid.shape[1] - 1 - valid[:, ::-1].argmax(axis=1)] = True
        return last, np.full(valid.shape, "")
    mask = score_mask(trials)
    counts = np.ones(trials.targets.shape, bool) if mask is None else mask.cpu().numpy() > 0
    every = counts.all(axis=2)
    asked = (every if every.any() else counts.any(axis=2)) & valid
    return asked, np.asarray(task.decode(trials.targets.cpu().numpy()))


@dataclass(frozen=True)
class _Asking:
    """Inputs (trial, time, input), where an answer is asked for, and which: (trial, time) each."""

    inputs: np.ndarray
    asked: np.ndarray
    answers: np.ndarray
    question: np.ndarray | None = None  # (step, input) what asks in every trial, whatever came before

    def hold(self, name: str, drive: np.ndarray, shown: Shown) -> tuple[Hold | None, str]:
        """What has to be kept under this input; or None, and why."""
        near = shown.near(drive)
        if not near.any():
            return None, "nothing is asked, as the trials never show that input"
        longest, here = int(ages(shown.near(drive, 4.0)).max()), near & self.asked
        if self.question is not None:
            return self._until_asked(name, drive, longest, self.question)
        if not (self.answers != "").any():
            return Hold(name, drive, np.arange(len(near)), _last(self.asked), longest), ""
        if len(np.unique(self.answers[here])) < 2:
            return self._waiting(name, drive, near, longest, shown.exact(drive))
        age = ages(near)
        lag = lag_of(age, here, self.answers)
        if lag is None:
            return None, "the answer changes from step to step"
        here &= age > lag
        rows = np.flatnonzero(here.any(axis=1))
        return Hold(name, drive, rows, _last(here)[rows], longest), ""

    def _until_asked(
        self, name: str, drive: np.ndarray, longest: int, question: np.ndarray
    ) -> tuple[Hold | None, str]:
        """From the last step before the question, whatever that step shows."""
        starts = _last(self.asked) - len(question)
        rows = np.flatnonzero(starts >= 0)
        if len(np.unique(self.answers[rows, starts[rows] + len(question)])) < 2:
            return None, "no choice is asked for, then or later"
        return Hold(name, drive, rows, starts[rows], longest, question), ""

    def _waiting(
        self, name: str, drive: np.ndarray, near: np.ndarray, longest: int, exact: bool
    ) -> tuple[Hold | None, str]:
        """Where the answer is asked for later: from the last step before, with what follows as the question."""
        ends = _last(self.asked)
        before = near & (np.arange(near.shape[1]) < ends[:, None])
        rows = np.flatnonzero(before.any(axis=1))
        wanted = self.answers[rows, ends[rows]]
        if len(rows) < 2 or len(np.unique(wanted)) < 2:
            return None, "no choice is asked for, then or later"
        starts = _last(before)[rows]
        steps = starts[:, None] + 1 + np.arange(int((ends[rows] - starts).min()))
        following, last = self.inputs[rows[:, None], steps], steps[:, -1]
        if not self.asked[rows, last].all() or (self.answers[rows, last] != wanted).any():
            return None, "nothing waits for one moment of the answer"
        question = np.median(following, axis=0)
        if not _common(following, question, wanted, exact):
            return None, "nothing waits, as what follows before the answer differs from trial to trial"
        return Hold(name, drive, rows, starts, longest, question), ""


def _common(following: np.ndarray, question: np.ndarray, answers: np.ndarray, exact: bool) -> bool:
    """Whether what follows (row, step, input) is the same in all trials, or the same but for noise that tells nothing.

    Without noise it must be the same; with noise its means over time may differ between answers by five standard
    errors, which by chance happens once in a million times.
    """
    apart = np.abs(following - question).max(initial=0.0)
    if apart <= 1e-5 * (1 + np.abs(question).max(initial=0.0)):
        return True
    means = following.mean(axis=1)  # (row, input)
    jitter = np.abs(np.diff(following, axis=1)).max(initial=0.0)
    if exact or jitter < apart / 4:
        return False
    for answer in np.unique(answers):
        one, others = means[answers == answer], means[answers != answer]
        error = np.sqrt(one.var(axis=0) / len(one) + others.var(axis=0) / len(others))
        if (np.abs(one.mean(axis=0) - others.mean(axis=0)) > 5 * error + 1e-6).any():
            return False
    return True


def _last(where: np.ndarray) -> np.ndarray:
    """The last step of each trial that is so; -1: none."""
    last = where.shape[1] - 1 - where[:, ::-1].argmax(axis=1)
    return np.where(where.any(axis=1), last, -1)
