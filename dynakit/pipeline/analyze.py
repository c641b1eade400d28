"""The line in one call: from a trained network and its task to a report.

Record the network on trials, look at its spikes if it has any, find its axes, its fixed points under each constant
input, its slow points and the modes, release its states to see what lasts and where they end, hit it with pulses to
see what switches, see whether it forgets under its inputs, and read its wiring.  A network that is to go on by itself
is asked which orbits its closed loop holds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import torch

from .. import resumption, seeding
from ..errors import InputError, ResourceError
from ..progress import Callback, expect, going, interruptible, watching
from ..provenance import Provenance
from ..report import Report, Stage
from ..surroundings import in_own_surroundings
from ..systems import as_system
from ..systems.adapters import compared_on
from ..tasks import ArrayTask, Cycles
from .arguments import as_drives, as_names, as_task, fits
from .stages import STAGES, in_line
from .subject import Subject

N_TRIALS = 128


@in_own_surroundings
def analyze(
    model: Any,
    task: Any,
    *,
    drives: Any = None,
    seed: Any = 0,
    include: Iterable[str] | None = None,
    callback: Callback | None = None,
) -> Report:
    """Find out what a trained network does, and how.

    Arguments:
        model: anything :func:`dynakit.as_system` takes; it comes back untouched.
        task: a Task, or Trials of your own (then there is no score).  For :class:`dynakit.tasks.Cycles` the closed loop
            is looked at: which of the orbits it holds, and what else.
        drives: the constant inputs to look at besides rest: names of ``task.drives``, or {name: (input,)} of your own;
            None: all of ``task.drives``.
        seed: of the trials and of every search.
        include: names of the stages to run (those they need run too); None: all.
        callback: called before each stage with its index and {"stage": name, "total": number of stages, "unit":
            "stage"}; StopIteration raised in it ends the call: the stages that are left are in ``skipped``.

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
    seed, system, task = seeding.as_seed(seed), as_system(model), as_task(task)
    closed_loop = isinstance(task, Cycles)
    line = in_line(STAGES, as_names(include, STAGES), closed_loop=closed_loop)
    fits(system, model, task)
    trials = task.trials if isinstance(task, ArrayTask) else task.sample(N_TRIALS, seed=seed)
    trials = trials.until_the_longest()
    system.compared = compared_on(system, model, trials.inputs)
    subject = Subject(system, model, task, trials, as_drives(drives, task), seed)
    names = [stage.name for stage in line]
    report = Report(
        network=repr(system),
        parts={name: (part.start, part.stop) for name, part in system.parts.items()},
        model=model,
        task=task,
        trials=trials,
        closed_loop=closed_loop,
        stages=STAGES,
        provenance=Provenance.of(system, seed=seed, include=names, drives=subject.drives, compared=system.compared),
    )
    with watching(callback) as watch:
        expect(len(line), "stage")
        for k, stage in enumerate(line):
            with interruptible("stage"):
                if going(k, "stage", stage=stage.name):
                    report = _after(stage, subject, report)
                    continue
            report = report.without(stage.name, watch.said)
    if watch.raised is not None:
        watch.raised.partial = report  # type: ignore[attr-defined]
        raise watch.raised
    return report


def _after(stage: Stage, subject: Subject, report: Report) -> Report:
    """The report with the results of a stage, or with the reason why they are not there."""
    run = stage.runs(report.closed_loop)
    results = report.read(run)
    if results is None:
        lacking = [need for need in run.needs if need in report.skipped]
        return report.without(stage.name, f"it needs {' and '.join(lacking)}, which could not run")
    there = [name for name, result in zip((*run.needs, *run.uses), results) if result is not None]
    decided_by = _decided_by(subject, report, stage.name, there)
    try:
        return report.having(resumption.kept_results(decided_by, lambda: run.find(subject, *results)))
    except (InputError, ResourceError) as reason:
        return report.without(stage.name, str(reason))


def _decided_by(subject: Subject, report: Report, name: str, there: list[str]) -> tuple[Any, ...] | None:
    """What decides the results of a stage besides its code; None if a part of it is a function of the user's own."""
    trials, system = subject.trials, subject.system
    like: Any = {"dtype": system.dtype, "device": system.device}
    rest = torch.zeros(1, system.state_size, **like), torch.zeros(1, system.input_size, **like)
    which = resumption.of_map(system, *rest)
    if which is None:
        return None
    arrays = [getattr(trials, field.name) for field in dataclasses.fields(trials)]
    return (*which, name, there, subject.seed, report.closed_loop, repr(subject.task), arrays, subject.drives)


_LISTED = "\n".join(f"        {stage.name}: {stage.about}." for stage in STAGES)
analyze.__doc__ = f"{analyze.__doc__ or ''}\n    The stages, and what each adds to the report:\n{_LISTED}\n"
