"""The line in one call: from a trained network and its task to a report.

Record the network on trials, find its axes, its fixed points under each constant input, its slow points and the modes,
release its states to see what lasts, hit it with pulses to see what switches, and read its wiring.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from . import models, seeding
from .analysis import (
    Transitions,
    check_memory,
    find_fixed_points,
    find_slow_points,
    graph_statistics,
    linearize,
    list_attractors,
    map_transitions,
    plane_flow,
    project,
)
from .checks import one_of
from .errors import ArtifactError, InputError
from .report import MachineAgreement, Report
from .results import Provenance, load_record
from .systems import System, as_system, record
from .tasks import Task, Trials
from .tasks.arrays import ArrayTask
from .tasks.base import score_mask, sign_marks

N_TRIALS = 128
STARTS_AT_REST, STARTS_ELSEWHERE = 2048, 1024  # most starts of a search: the memories are at rest
SLOW_STARTS = 64  # descents in search of slow points, from states of the trials
NEEDS = {
    "projection": ("trajectories",),
    "slow_points": ("trajectories", "fixed_points"),
    "modes": ("fixed_points",),
    "memory": ("trajectories",),
    "attractors": ("fixed_points", "memory"),
    "transitions": ("attractors",),
    "flow": ("projection", "fixed_points"),
}
LATER = {
    "slow_points": "this version does not search for slow points",
    "cycles": "this version does not search for cycles",
    "lyapunov": "this version does not compute Lyapunov exponents",
    "spikes": "the network does not spike",
}


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
        task: a Task, or Trials of your own (then there is no score).
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
    wanted = _wanted(include)
    _fits(system, model, task)
    trials = task.trials if hasattr(task, "trials") else task.sample(N_TRIALS, seed=seed)
    report = Report(
        network=repr(system),
        parts={name: (part.start, part.stop) for name, part in system.parts.items()},
        model=model,
        task=task,
        trials=trials,
        skipped=dict(LATER),
        provenance=Provenance.of(system, seed=seed, include=list(wanted)),
    )
    for k, stage in enumerate(wanted):
        if callback is not None:
            callback(k, {"stage": stage, "total": len(wanted)})
        lacking = [need for need in NEEDS.get(stage, ()) if need in report.skipped]
        if lacking:
            report = report.without(stage, f"it needs {' and '.join(lacking)}, which could not run")
            continue
        try:
            report = dataclasses.replace(report, **_STAGES[stage](system, report, seed))
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


def _wanted(include: Iterable[str] | None) -> list[str]:
    if include is None:
        return list(STAGES)
    if not isinstance(include, Iterable):
        raise InputError(f"include must be names of stages, got {include!r}")
    wanted = set()
    pending = [
        one_of("include", stage, STAGES) for stage in ([include] if isinstance(include, str) else include)
    ]
    while pending:
        stage = pending.pop()
        wanted.add(stage)
        pending += NEEDS.get(stage, ())
    return [stage for stage in STAGES if stage in wanted]


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


# --- the stages: (system, report so far, seed) -> fields of the report ------------------------------------------


def _trajectories(system: System, report: Report, seed: int) -> dict[str, Any]:
    trajectories = record(system, report.trials.inputs)
    if report.task.n_outputs != system.output_size:
        reason = f"the network gives {system.output_size} outputs, the task has {report.task.n_outputs}"
        return {"trajectories": trajectories, "skipped": {**report.skipped, "score": reason}}
    return {"trajectories": trajectories, "score": report.task.score(trajectories.outputs, report.trials)}


def _projection(system: System, report: Report, seed: int) -> dict[str, Any]:
    return {"projection": project(_states(report), n_components=3)}


def _fixed_points(system: System, report: Report, seed: int) -> dict[str, Any]:
    states = None if report.trajectories is None else report.trajectories.states
    points = {}
    for name, drive in report.task.conditions.items():
        most = STARTS_AT_REST if name == "rest" else STARTS_ELSEWHERE
        points[name] = find_fixed_points(system, states, drive, seed=seed, max_starts=most)
    return {"fixed_points": points}


def _slow_points(system: System, report: Report, seed: int) -> dict[str, Any]:
    rest = report.fixed_points["rest"]
    found = find_slow_points(
        system, _states(report), report.task.rest, fixed_points=rest, seed=seed, max_starts=SLOW_STARTS
    )
    return {"slow_points": found}


def _modes(system: System, report: Report, seed: int) -> dict[str, Any]:
    return {"modes": linearize(system, report.fixed_points["rest"])}


def _memory(system: System, report: Report, seed: int) -> dict[str, Any]:
    states = _states(report)
    released = states[np.arange(len(states)), _release_steps(report.trials)]
    return {"memory": check_memory(system, released, report.task.rest, _decode(system, report.task))}


def _attractors(system: System, report: Report, seed: int) -> dict[str, Any]:
    decode = _decode(system, report.task)
    return {"attractors": list_attractors(system, report.fixed_points["rest"], decode, report.memory)}


def _transitions(system: System, report: Report, seed: int) -> dict[str, Any]:
    task, attractors = report.task, report.attractors
    if not task.pulses:
        raise InputError("the task names no pulses")
    if attractors is None or not len(attractors):
        raise InputError("no stable fixed point at rest to start from")
    transitions = map_transitions(system, attractors, task.pulses, rest=task.rest, amplitudes=(0.0, 1.0))
    return {
        "transitions": transitions,
        "machine_agreement": _agreement(task, transitions, attractors.memories),
    }


def _flow(system: System, report: Report, seed: int) -> dict[str, Any]:
    points, projection = report.fixed_points["rest"], report.projection
    assert projection is not None
    if len(projection) < 2:
        raise InputError("the state has one dimension: there is no plane")
    through = points.saddles if len(points.saddles) else points
    centre = through[-1].states[0] if len(through) else projection.mean
    return {"flow": plane_flow(system, projection, report.task.rest, through=centre)}


def _connectivity(system: System, report: Report, seed: int) -> dict[str, Any]:
    weights = system.recurrent_weights()
    if not weights:
        raise InputError("the network names no recurrent matrix")
    candidate = next((name for name in ("W_rec", "W_n", "W_g") if name in weights), next(iter(weights)))
    stats = graph_statistics(weights[candidate], sign=getattr(report.model, "sign", None))
    return {"connectivity": dataclasses.replace(stats, name=candidate)}


_STAGES: dict[str, Callable[[System, Report, int], dict[str, Any]]] = {
    "trajectories": _trajectories,
    "projection": _projection,
    "fixed_points": _fixed_points,
    "slow_points": _slow_points,
    "modes": _modes,
    "memory": _memory,
    "attractors": _attractors,
    "transitions": _transitions,
    "flow": _flow,
    "connectivity": _connectivity,
}
STAGES = tuple(_STAGES)


def _states(report: Report) -> np.ndarray:
    assert report.trajectories is not None
    return report.trajectories.states


def _release_steps(trials: Trials) -> np.ndarray:
    """The last step of each trial at which every output counts: there the readout says what is remembered."""
    mask = score_mask(trials)
    if mask is None:
        return np.full(len(trials), trials.n_steps - 1)
    counts = (mask > 0).all(dim=2).cpu().numpy()
    last = trials.n_steps - 1 - counts[:, ::-1].argmax(axis=1)
    return np.where(counts.any(axis=1), last, trials.n_steps - 1)


def _decode(system: System, task: Task) -> Callable[[np.ndarray], np.ndarray]:
    """The task's labels of readouts, or the signs where the network's readout is not the task's."""
    if task.n_outputs == system.output_size:
        return task.decode
    return sign_marks


def _agreement(task: Task, transitions: Transitions, memories: np.ndarray) -> MachineAgreement | None:
    """How many responses are those of the task's automaton, by where the state is and by what the readout says."""
    machine = task.machine
    if machine is None or transitions.end_outputs.shape[-1] != task.n_outputs:
        return None
    said = np.asarray(task.decode(transitions.end_outputs))
    asked = np.array([[machine.get((str(m), p), "") for p in transitions.pulses] for m in memories])
    reached = np.where(transitions.targets >= 0, memories[transitions.targets], "?")
    return MachineAgreement(
        by_attractor=int((reached == asked).sum()), by_readout=int((said == asked).sum()), total=asked.size
    )
