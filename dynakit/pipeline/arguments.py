"""What may be given to be analysed, and whether it fits together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import models
from ..checks import one_of, reals
from ..errors import InputError
from ..report import Stage
from ..systems import System
from ..tasks import ArrayTask, Cycles, Task, Trials
from ..wording import counted


def as_task(task: Any) -> Task:
    """A task, made of the user's own trials where those were given; it must have a drive called "rest"."""
    if isinstance(task, Trials):
        return ArrayTask(task)
    if not isinstance(task, Task):
        raise InputError(f"task must be a Task or Trials (see dk.tasks.from_arrays), got {type(task).__name__}")
    if "rest" not in task.drives:
        raise InputError(f"task.drives must name the drive 'rest', got {list(task.drives)}")
    return task


def as_names(include: Any, stages: Sequence[Stage]) -> list[str]:
    """The names of the stages asked for: all of them for None."""
    names = [stage.name for stage in stages]
    if include is None:
        return names
    if not isinstance(include, Iterable):
        raise InputError(f"include must be names of stages, got {include!r}")
    return [one_of("include", name, names) for name in ([include] if isinstance(include, str) else include)]


def as_drives(drives: Any, task: Task) -> dict[str, np.ndarray]:
    """The constant inputs to look at, "rest" first."""
    if drives is None:
        return task.drives
    if isinstance(task, Cycles):
        raise InputError("drives is for networks that answer inputs; in the closed loop of an orbit there are none")
    if isinstance(drives, Mapping):
        given = {name: reals(f"drives[{name!r}]", value, (task.n_inputs,)) for name, value in drives.items()}
        if not np.array_equal(given.get("rest", task.rest), task.rest):
            raise InputError("drives['rest'] must be the input at rest, task.rest; give another drive another name")
    elif isinstance(drives, Iterable):
        names = [drives] if isinstance(drives, str) else drives
        given = {name: task.drives[one_of("drives", name, task.drives)] for name in names}
    else:
        raise InputError(f"drives must be names of task.drives or a dictionary of constant inputs, got {drives!r}")
    return {"rest": task.rest} | {name: drive for name, drive in given.items() if name != "rest"}


def fits(system: System, model: Any, task: Task) -> None:
    """Raise InputError if the task's sizes are not those of the network."""
    if system.input_size != task.n_inputs:
        asked = counted(task.n_inputs, "input")
        raise InputError(f"task has {asked}, but model takes {system.input_size} ({system!r})")
    ours = isinstance(model, models.RecurrentModel)
    if ours and task.n_outputs is not None and system.output_size != task.n_outputs:
        raise InputError(
            f"task has {counted(task.n_outputs, 'output')}, but model gives {system.output_size} ({system!r})"
        )
