"""The line in one call: from a trained network and its task to a report.

Record the network on trials, look at its spikes if it has any, find its axes, its fixed points under each constant
input, its slow points and the modes, release its states to see what lasts and where they end, hit it with pulses to
see what switches, see whether it forgets under its inputs, and read its wiring.  A network that is to go on by itself
is asked which orbits its closed loop holds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .. import models, seeding, training  # noqa: F401  load() must know the histories of training
from ..checks import one_of
from ..errors import ArtifactError, InputError
from ..provenance import Provenance
from ..records import load_record
from ..report import Report
from ..systems import System, as_system
from ..tasks import ArrayTask, Cycles, Task, Trials
from .answering import ANSWERING, Stage
from .generating import GENERATING

N_TRIALS = 128


def analyze(
    model: Any,
    task: Any,
    *,
    seed: Any = 0,
    include: Iterable[str] | None = None,
    callback: Callable[[int, dict[str, Any]], None] | None = None,
) -> Report:
    """Find out what a trained network does, and how.

    Arguments:
        model: anything :func:`dynakit.as_system` takes; it comes back untouched.
        task: a Task, or Trials of your own (then there is no score).  For :class:`dynakit.tasks.Cycles` the closed loop
            is looked at: which of the orbits it holds, and what else.
        seed: of the trials and of every search.
        include: names of the stages to run (those they need run too); None: all.
        callback: called before each stage with its index and {"stage": name, "total": number of stages}.

    Returns:
        Report; a stage that could not run is None, with the reason in ``report.skipped``.

    Raises:
        InputError: if the model cannot be adapted, or the task's sizes do not fit it.

    >>> import dynakit as dk
    >>> task = dk.tasks.FlipFlop(n_bits=1)
    >>> report = dk.analyze(dk.models.GRU.for_task(task, n_hidden=4), task, include=["fixed_points"])
    >>> sorted(report.fixed_points)
    ['bit 1 down', 'bit 1 up', 'rest']
    """
    seed = seeding.as_seed(seed)
    system = as_system(model)
    task = _as_task(task)
    stages = GENERATING if isinstance(task, Cycles) else ANSWERING
    wanted = _wanted(stages, include)
    _fits(system, model, task)
    trials = task.trials if isinstance(task, ArrayTask) else task.sample(N_TRIALS, seed=seed)
    report = Report(
        network=repr(system),
        parts={name: (part.start, part.stop) for name, part in system.parts.items()},
        model=model,
        task=task,
        trials=trials,
        closed_loop=stages is GENERATING,
        provenance=Provenance.of(system, seed=seed, include=list(wanted)),
    )
    for k, stage in enumerate(wanted):
        if callback is not None:
            callback(k, {"stage": stage, "total": len(wanted)})
        lacking = [need for need in stages[stage].needs if need in report.skipped]
        if lacking:
            report = report.without(stage, f"it needs {' and '.join(lacking)}, which could not run")
            continue
        try:
            report = dataclasses.replace(report, **stages[stage].run(system, report, seed))
        except InputError as reason:
            report = report.without(stage, str(reason))
    return report


def load(path: str | Path) -> Any:
    """Read back a report, or any other result, from the folder it was saved in.

    A report's ``model`` and ``task`` are there if they are of this package's own classes, else None with the
    reason in ``skipped``.  Raises ArtifactError for anything that is not such a folder, or is damaged.
    """
    result = load_record(path)
    folder = Path(path) / "model"
    if not isinstance(result, Report) or "model" in result.skipped or not folder.is_dir():
        return result
    try:
        return dataclasses.replace(result, model=models.load(folder))
    except ArtifactError as reason:
        return result.without("model", str(reason))


def _as_task(task: Any) -> Task:
    if isinstance(task, Trials):
        return ArrayTask(task)
    if isinstance(task, Task):
        return task
    raise InputError(f"task must be a Task or Trials (see dk.tasks.from_arrays), got {type(task).__name__}")


def _wanted(stages: dict[str, Stage], include: Iterable[str] | None) -> list[str]:
    if include is None:
        return list(stages)
    if not isinstance(include, Iterable):
        raise InputError(f"include must be names of stages, got {include!r}")
    wanted = set()
    pending = [
        one_of("include", stage, stages) for stage in ([include] if isinstance(include, str) else include)
    ]
    while pending:
        stage = pending.pop()
        wanted.add(stage)
        pending += stages[stage].needs
    return [stage for stage in stages if stage in wanted]


def _fits(system: System, model: Any, task: Task) -> None:
    if "rest" not in task.conditions:
        raise InputError(f"task.conditions must name the drive 'rest', got {list(task.conditions)}")
    if system.input_size != task.n_inputs:
        raise InputError(f"task has {task.n_inputs} inputs, but model takes {system.input_size} ({system!r})")
    ours = isinstance(model, models.RecurrentModel)
    if ours and task.n_outputs is not None and system.output_size != task.n_outputs:
        raise InputError(
            f"task has {task.n_outputs} outputs, but model gives {system.output_size} ({system!r})"
        )
