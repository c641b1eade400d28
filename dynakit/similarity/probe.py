"""What networks are shown: the same trials for all, the input at rest, the drives and pulses of a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..analysis import FixedPoints, find_fixed_points
from ..errors import InputError
from ..systems import Answering, Recording, System, record
from ..tasks import Cycles, Hold, Task, Trials, find_holds
from .members import NamedSystem


@dataclass(frozen=True)
class Probe:
    """One way to look at all networks; the second look has other trials and another seed."""

    task: Task | None
    trials: Trials | None
    seed: int
    first: bool
    named: bool  # whether all readouts are those of the task, so that what is found has names
    n_rows: int = 0  # moments of trials that both looks have

    @property
    def rest(self) -> np.ndarray | None:
        """The input at rest, (input,); None: zeros, of whatever size, and of a closed loop, which has no input."""
        return None if self.task is None or isinstance(self.task, Cycles) else self.task.rest

    @property
    def drives(self) -> dict[str, np.ndarray | None]:
        """The constant inputs by name, "rest" first."""
        return {"rest": None} if self.task is None or isinstance(self.task, Cycles) else dict(self.task.drives)

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """What may hit a network at rest."""
        return {} if self.task is None or isinstance(self.task, Cycles) else self.task.pulses

    @cached_property
    def hold(self) -> Hold | None:
        """What has to be kept at rest."""
        if self.task is None or self.trials is None or isinstance(self.task, Cycles):
            return None
        return find_holds(self.task, self.trials, self.task.drives).at(self.task.rest)

    @property
    def decode(self) -> Callable[[np.ndarray], np.ndarray] | None:
        """The memories that readouts stand for, where those of all networks are the task's."""
        return self.task.decode if self.task is not None and self.named else None

    def asked(self, system: System) -> System:
        """The system, read as what is kept is read: where an answer has to wait, after the question."""
        question = None if self.hold is None else self.hold.question
        return system if question is None else Answering(system, question)

    def recording(self, network: NamedSystem) -> Recording:
        """What a network does on the trials; InputError where its states are not finite."""
        assert self.trials is not None
        found = record(network.system, self.trials.inputs, lengths=self.trials.lengths)
        bad = self._within(found.states.shape[1]) & ~np.isfinite(found.states).all(axis=2)
        if bad.any():
            trial, step = np.argwhere(bad)[0]
            raise InputError(f"its states are not finite from step {step} of trial {trial} on")
        return found

    def rows(self, network: NamedSystem) -> np.ndarray:
        """States of a network at the moments of all trials, one after the other: (row, unit), centred."""
        found = self.recording(network)
        rows = found.states[self._within(found.states.shape[1])][: self.n_rows]
        if len(rows) < 2 or not np.ptp(rows, axis=0).max(initial=0.0) > 1e-14 * np.abs(rows).max(initial=0.0):
            raise InputError("its states never change on these trials")
        return rows - rows.mean(axis=0)

    def whole(self, network: NamedSystem) -> np.ndarray:
        """States of a network in whole trials, as far as the shortest of them: (trial, time, unit)."""
        assert self.trials is not None
        return self.recording(network).states[:, : int(self.trials.lengths.min())]

    @property
    def shape(self) -> tuple[int, int]:
        """Trials and moments of each, as far as :meth:`rows` are of whole trials of one length; else one trial."""
        assert self.trials is not None
        n, lengths = len(self.trials), np.asarray(self.trials.lengths)
        even = bool((lengths == lengths[0]).all()) and self.n_rows == n * int(lengths[0])
        return (n, int(lengths[0])) if even else (1, self.n_rows)

    def _within(self, n_steps: int) -> np.ndarray:
        """(trial, time) whether a moment is one of its trial."""
        assert self.trials is not None
        return np.arange(n_steps) < np.asarray(self.trials.lengths)[:, None]

    def points(self, network: NamedSystem, drive: str, starts: Any, max_starts: int) -> FixedPoints:
        """The fixed points of a network under a drive, those of its report if it has them."""
        known = network.known_points(self.task, drive) if self.first else None
        if known is not None:
            return known
        system = network.at_rest(self.task)
        return find_fixed_points(system, starts, self.drives[drive], seed=self.seed, max_starts=max_starts)

    def starts(self, network: NamedSystem) -> Any:
        """States of the trials, where there are any, of the system whose fixed points are sought."""
        return None if self.trials is None or isinstance(self.task, Cycles) else self.recording(network)
