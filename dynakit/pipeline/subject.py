"""What is analysed: a network, the task it was trained on, and the trials it is looked at on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InputError
from ..systems import Answering, ClosedLoop, System, record
from ..tasks import Hold, Holds, Task, Trials, find_holds, sign_marks
from ..wording import counted

PHASES = np.arange(4) / 4  # of the cues after which states of a closed loop are looked at


@dataclass(frozen=True)
class Subject:
    """What the stages look at; ``drives`` are the constant inputs, "rest" first."""

    system: System
    model: Any
    task: Task
    trials: Trials
    drives: dict[str, np.ndarray]
    seed: int

    @property
    def rest(self) -> np.ndarray:
        """The input at rest: (input,)."""
        return self.task.rest

    @cached_property
    def loop(self) -> ClosedLoop:
        """The network that hears its own output."""
        return ClosedLoop(self.system)

    @cached_property
    def cued(self) -> np.ndarray:
        """The states at the end of cues along each orbit of the task, from a few phases: (start, unit)."""
        task: Any = self.task
        cues = np.concatenate([task.cue(orbit.name, PHASES) for orbit in task.orbits])
        return record(self.system, cues).states[:, -1]

    @property
    def decode(self) -> Callable[[np.ndarray], np.ndarray]:
        """The task's labels of readouts, or the signs where the network's readout is not the task's."""
        return self.task.decode if self.task.n_outputs in (None, self.system.output_size) else sign_marks

    @cached_property
    def holds(self) -> Holds:
        """Under which of the drives something has to be kept."""
        return find_holds(self.task, self.trials, self.drives)

    def asked(self, hold: Hold | None) -> System:
        """The network, read as what is kept is read."""
        return self.system if hold is None or hold.question is None else Answering(self.system, hold.question)

    def refuse_lines(self) -> None:
        """Raise InputError where the dynamics under a given input is that of a queue."""
        system = self.system
        if system.span is not None:
            own = "; dk.ClosedLoop(dk.as_system(model)) is what it does by itself"
            raise InputError(
                f"the state is the last {counted(system.span, 'input')} and what is made of them, so that a constant "
                f"input brings it to rest in {counted(system.span, 'step')}"
                f"{own if system.output_size == system.input_size else ''}"
            )
