"""What answers that do not look at the inputs would score: a score says something only beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .. import seeding
from ..records import Record
from ..wording import counted
from .arrays import ArrayTask
from .base import Task
from .trials import Trials, score_mask

MOST = 32  # constant answers that are tried, the commonest targets first
GOOD = 0.99  # a score that is not called chance, though a constant answer may score as much


@dataclass(frozen=True)
class Baseline(Record):
    """Beside a score: that of the best constant answer, of the best by the clock alone, and what is not told apart."""

    constant: float
    clock: float
    margin: float  # by which 1 in 20 of those that guess does better
    given: bool  # the trials were given, not drawn
    untold: tuple[tuple[str, str], ...] = ()

    def sentence(self, score: float, n_trials: int) -> str:
        """The score, on what, and beside it the answers that see nothing."""
        trials = counted(n_trials, "trial")
        where = f"the {trials} given" if self.given else f"{trials} drawn from the task"
        said = f"Score {score:.4f} on {where}, noise off; the best constant answer scores {self.constant:.4f}"
        base = max(self.constant, self.clock)
        if self.clock > self.constant + self.margin:
            said += f", the best by the clock alone {self.clock:.4f}"
        if score <= base + self.margin and score < GOOD:
            said += ": at chance"
        if self.untold:
            pairs = ", ".join(f"{a} from {b}" for a, b in self.untold)
            said += f"; the answers do not tell {pairs}"
        return said


def baseline(task: Task, outputs: Any, trials: Trials) -> Baseline:
    """The standing of outputs (trial, time, output) of a task on trials with targets."""
    n = len(trials)
    graded = isinstance(task, ArrayTask) and task.by_variance
    constant = max(task.score(_everywhere(row, trials), trials) for row in _constants(trials))
    clock = task.score(_by_the_clock(trials), trials) if n >= 8 else constant
    # of R2, twice what it costs a clock to be learnt from half of the trials; of shares, two standard errors
    margin = 4 / n if graded else 2 * float(np.sqrt(max(constant * (1 - constant), 0.01) / n))
    untold = _untold(task, np.asarray(outputs), trials) if isinstance(task, ArrayTask) and not graded else ()
    return Baseline(constant, clock, margin, isinstance(task, ArrayTask), untold)


def _everywhere(row: torch.Tensor, trials: Trials) -> torch.Tensor:
    assert trials.targets is not None
    return row.expand_as(trials.targets)


def _constants(trials: Trials) -> list[torch.Tensor]:
    """The commonest targets, and the mean of all."""
    targets, mask = trials.targets, score_mask(trials)
    assert targets is not None
    weight = torch.ones_like(targets) if mask is None else mask
    mean = (weight * targets).sum((0, 1)) / weight.sum((0, 1)).clamp_min(1)
    rows, counts = torch.unique(targets[(weight > 0).any(-1)], dim=0, return_counts=True)
    return [mean, *rows[counts.argsort(descending=True)[:MOST]]]


def _by_the_clock(trials: Trials) -> torch.Tensor:
    """At each step the mean target of the other half of the trials."""
    targets, mask = trials.targets, score_mask(trials)
    assert targets is not None
    weight = torch.ones_like(targets) if mask is None else mask
    said = torch.empty_like(targets)
    halves = np.array_split(
        seeding.stream(0, "halves").permutation(len(trials)), 2
    )  # trials may come in turns
    for half, other in (halves, halves[::-1]):
        w, y = weight[other], targets[other]
        overall = (w * y).sum((0, 1)) / w.sum((0, 1)).clamp_min(1)
        here = w.sum(0)
        said[half] = torch.where(here > 0, (w * y).sum(0) / here.clamp_min(1), overall)
    return said


def _untold(task: ArrayTask, outputs: np.ndarray, trials: Trials) -> tuple[tuple[str, str], ...]:
    """Pairs of answers that are asked for in different trials, where the network answers one as it does the other.

    That is, where the shares of what it says differ by no more than two standard errors of a difference of shares.
    """
    asked, counts = task.reading.asked(trials)
    if asked.shape[-1] != 1:
        return ()
    said, names = task.reading.answers(outputs)[..., 0], np.unique(asked[counts])
    asked, counts = asked[..., 0], counts[..., 0]
    if not 2 <= len(names) <= 12:
        return ()
    options, mix, trials_of = np.unique(np.concatenate([said[counts], names])), {}, {}
    for name in names:
        here = counts & (asked == name)
        mix[name] = np.array([(said[here] == option).mean() for option in options])
        trials_of[name] = here.any(axis=1).sum()
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return tuple(
        (str(a), str(b))
        for a, b in pairs
        if np.abs(mix[a] - mix[b]).sum() / 2 <= min(0.5, np.sqrt(1 / trials_of[a] + 1 / trials_of[b]))
    )
