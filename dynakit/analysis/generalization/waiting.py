"""How long an answer waits: the same trials with more and more steps before it is asked for.

A perfect score on trials of one length says nothing of longer ones: networks that solve temporal order without an
error lose the order in a few hundred distractors more, unless they were taught to wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import chunks, linalg
from ...checks import count, rectangular
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...wording import counted
from ..proportions import wilson_interval

GAPS = (0, 10, 30, 100, 300, 1000, 3000, 10_000)
HELD = 0.99  # share of right answers that counts as held
TOGETHER = 2**21  # numbers of states in memory at a time


@dataclass(frozen=True, kw_only=True, repr=False)
class HoldTime(Result):
    """How many answers are right after longer waits, one entry per gap.

    Attributes:
        gaps: (gap,) steps more than in the trials of the task
        n_right: (gap,) trials whose answer is right
        n_trials: trials per gap
        chance: share of right answers of the best constant one
    """

    gaps: np.ndarray = per_item()
    n_right: np.ndarray = per_item()
    n_trials: int
    chance: float

    @property
    def shares(self) -> np.ndarray:
        """(gap,) share of right answers."""
        return self.n_right / self.n_trials

    @property
    def intervals(self) -> np.ndarray:
        """(gap, 2) 95 % intervals of these shares, after Wilson (1927)."""
        return wilson_interval(self.n_right, self.n_trials)

    @property
    def steps(self) -> int | None:
        """The longest gap, of those tried, up to which 99 % of the answers are right; None: not even the shortest."""
        order = np.argsort(self.gaps)
        held = (self.shares[order] >= HELD).cumprod().sum()
        return int(self.gaps[order][held - 1]) if held else None

    def headline(self) -> str:
        held = "not held" if self.steps is None else f"held for {counted(self.steps, 'step')} more"
        if not len(self):
            return "no gaps"
        said = ", ".join(f"{share:.0%} after {gap}" for gap, share in zip(self.gaps, self.shares))
        return f"{held}: {said}; chance {self.chance:.0%}"


@with_provenance
def hold_time(system: System, task: Any, gaps: Any = GAPS, *, n_trials: int = 128, seed: Any = 0) -> HoldTime:
    """The share of right answers when they are asked for later than the task does.

    Arguments:
        system: the network as a System, with its readout.
        task: a task with ``delayed(gap)``, the same task with so many steps more before the answer is asked for, such
            as TemporalOrder, Adding, Xor or SetReset.  What is right is what :meth:`decode` reads as it reads the
            target; of values, what ``correct`` takes for right.
        gaps: steps more, whole numbers.
        n_trials: trials per gap.
        seed: of the trials.

    Raises:
        InputError: the task cannot be delayed, or its sizes are not those of the system.
        ResourceError: the trials would not fit into memory.

    >>> import dynakit as dk
    >>> task = dk.tasks.TemporalOrder()
    >>> dk.hold_time(dk.as_system(dk.models.LSTM.for_task(task, 4)), task, [0, 10], n_trials=20).gaps
    array([ 0, 10])
    """
    if not hasattr(task, "delayed"):
        raise InputError(f"task must be one that can be delayed, such as TemporalOrder, got {type(task).__name__}")
    if (checked(system).input_size, system.output_size) != (task.n_inputs, task.n_outputs):
        raise InputError(
            f"system must have the {counted(task.n_inputs, 'input')} and {counted(task.n_outputs, 'output')} of the "
            f"task, got "
            f"{system.input_size} and {system.output_size}"
        )
    steps = [count("gaps", gap, least=0) for gap in np.atleast_1d(rectangular("gaps", gaps)).tolist()]
    n_trials = count("n_trials", n_trials)
    longest = max(steps, default=0)
    n_bytes = 16.0 * n_trials * longest * (task.n_inputs + task.n_outputs)
    chunks.refuse_larger(f"{n_trials} trials of {longest} steps more", n_bytes, "use shorter gaps or fewer trials")
    found = [_right(system, task.delayed(gap), n_trials, seed) for gap in steps]
    return HoldTime(
        gaps=np.array(steps, dtype=int),
        n_right=np.array([right for right, _ in found], dtype=int),
        n_trials=n_trials,
        chance=float(np.mean([chance for _, chance in found])) if found else float("nan"),
    )


def _right(system: System, task: Any, n_trials: int, seed: Any) -> tuple[int, float]:
    """How many trials are right, and the share of the commonest answer."""
    trials = task.sample(n_trials, seed=seed)
    last, rows = trials.last_asked, np.arange(n_trials)
    outputs = _outputs_at(system, trials.inputs, last)
    targets = trials.targets.numpy(force=True)[rows, last].astype(float)
    wanted = task.decode(targets)
    _, counts = np.unique(wanted, return_counts=True)
    if task.graded:
        right = task.correct(torch.from_numpy(outputs), torch.from_numpy(targets)).all(-1).numpy()
    else:
        right = task.decode(outputs) == wanted
    return int(right.sum()), float(counts.max() / n_trials)


def _outputs_at(system: System, inputs: torch.Tensor, last: np.ndarray) -> np.ndarray:
    """The outputs (trial, output) after one step of each trial, without keeping the way there."""
    x = system.initial_state().expand(len(inputs), -1)
    found, at = torch.empty_like(x), torch.from_numpy(last).to(x.device)
    some = max(1, TOGETHER // max(1, x.numel()))
    with linalg.one_thread(), torch.no_grad():
        for start in range(0, int(last.max()) + 1, some):
            states = system.trajectory(x, inputs[:, start : start + some].double())
            here = ((at >= start) & (at < start + some)).nonzero()[:, 0]
            found[here] = states[here, at[here] - start]
            x = states[:, -1]
        return system.observe(found).cpu().numpy()
