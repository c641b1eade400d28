"""What is asked of a network that answers inputs, stage by stage.

A stage takes the system, the report so far and the seed, and gives fields of the report.  One that has no answer raises
InputError; its sentence becomes the reason why it is not in the report.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from ..analysis import (
    PlaneFlow,
    Transitions,
    check_memory,
    find_fixed_points,
    find_limit_cycles,
    find_slow_points,
    graph_statistics,
    linearize,
    list_attractors,
    lyapunov_spectrum,
    map_transitions,
    plane_flow,
    project,
    spike_statistics,
)
from ..errors import InputError
from ..report import MachineAgreement, Report
from ..systems import System, record
from ..tasks import Task, Trials, score_mask, sign_marks

STARTS_AT_REST, STARTS_ELSEWHERE = 2048, 1024  # most starts of a search: the memories are at rest
SLOW_STARTS = 64  # descents in search of slow points, from states of the trials
RELEASED = 16  # states that are followed to where they end
WATCHED = 512  # steps over which a released state that drifts is told from one that comes back
DRIFTS = 0.5  # net way over way gone, of a state that drifts
RASTERS, INNER_DT = 64, 1.0  # states whose spikes within a step are looked at, and the time of such a spike's step, ms
N_EXPONENTS, N_TRANSIENT, N_STEPS = 6, 200, 1000  # of the driven network; steps


class Stage(NamedTuple):
    """What to run, and which stages must have run before."""

    run: Callable[[System, Report, int], dict[str, Any]]
    needs: tuple[str, ...] = ()


def _trajectories(system: System, report: Report, seed: int) -> dict[str, Any]:
    trajectories = record(system, report.trials.inputs)
    if report.task.n_outputs != system.output_size:
        reason = f"the network gives {system.output_size} outputs, the task has {report.task.n_outputs}"
        return {"trajectories": trajectories, "skipped": {**report.skipped, "score": reason}}
    return {"trajectories": trajectories, "score": report.task.score(trajectories.outputs, report.trials)}


def _spikes(system: System, report: Report, seed: int) -> dict[str, Any]:
    assert report.trajectories is not None
    if system.raster is not None:
        states = _states(report).reshape(-1, system.state_size)
        some = states[np.linspace(0, len(states) - 1, min(RASTERS, len(states))).astype(int)]
        return {"spikes": spike_statistics(system.raster(torch.from_numpy(some).to(system.device)), dt=INNER_DT)}
    if "spikes" not in system.parts:
        raise InputError("the network does not spike: no part of its state is called spikes")
    if system.dt is None:
        raise InputError("the network spikes, but how long a step is (dt in ms) is not known")
    return {"spikes": spike_statistics(report.trajectories.part("spikes"), dt=system.dt)}


def _projection(system: System, report: Report, seed: int) -> dict[str, Any]:
    return {"projection": project(_states(report), n_components=3)}


def _refuse_lines(system: System) -> None:
    """Raise InputError where the dynamics under a given input is that of a queue."""
    if system.span is not None:
        own = "; dk.ClosedLoop(dk.as_system(model)) is what it does by itself"
        raise InputError(
            f"the state is the last {system.span} inputs and what is made of them, so that a constant input brings it "
            f"to rest in {system.span} steps{own if system.output_size == system.input_size else ''}"
        )


def _fixed_points(system: System, report: Report, seed: int) -> dict[str, Any]:
    _refuse_lines(system)
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
    _refuse_lines(system)
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


def _cycles(system: System, report: Report, seed: int) -> dict[str, Any]:
    """Where released states end, from where the memory check left them, but for those that only drift."""
    memory = report.memory
    assert memory is not None
    rest = report.task.rest
    system.refuse_jumps("a search for cycles")
    ends = memory.end_states[_each_label_in_turn(memory.labels)[:RELEASED]]
    ends = ends[~_drifting(system, ends, rest)]
    if not len(ends):
        raise InputError(f"no released state has come to rest or into a cycle after {memory.times[-1]} steps")
    return {"cycles": find_limit_cycles(system, ends, rest, seed=seed, n_transient=100)}


def _each_label_in_turn(labels: np.ndarray) -> np.ndarray:
    """An order in which every label comes once before any comes twice."""
    rank = np.zeros(len(labels), int)
    for label in np.unique(labels):
        same = labels == label
        rank[same] = np.arange(same.sum())
    return rank.argsort(kind="stable")


def _drifting(system: System, states: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Whether each state creeps on in one direction, or is lost: a search for cycles would follow it for long."""
    x = system.as_states("states", states)
    drive = system.as_drive("rest", rest).expand(WATCHED, -1)
    with torch.no_grad():
        path = torch.cat([x[:, None], system.trajectory(x, drive)], 1)
        net = (path[:, -1] - path[:, 0]).norm(dim=-1)
        gone = path.diff(dim=1).norm(dim=-1).sum(1)
        moves = gone > 1e-9 * (1 + x.norm(dim=-1))
        lost = ~torch.isfinite(gone)
    return (lost | (moves & (net > DRIFTS * gone))).cpu().numpy()


def _lyapunov(system: System, report: Report, seed: int) -> dict[str, Any]:
    """Exponents under the task's own inputs, the trials joined end to end.

    A trial is too short for an average over time; joined, they are one long stretch of what the network was
    trained on, which it meets in the states that the trial before has left.
    """
    _refuse_lines(system)
    inputs = report.trials.inputs.reshape(-1, system.input_size)[: N_TRANSIENT + N_STEPS]
    before = min(N_TRANSIENT, len(inputs) // 4)
    found = lyapunov_spectrum(
        system,
        system.initial_state(),
        inputs,
        n_steps=len(inputs) - before,
        n_transient=before,
        n_exponents=min(N_EXPONENTS, system.state_size),
    )
    return {"lyapunov": found}


def _no_orbits(system: System, report: Report, seed: int) -> dict[str, Any]:
    raise InputError("the task names no orbits for the network to hold by itself")


def _flow(system: System, report: Report, seed: int) -> dict[str, Any]:
    return {"flow": flow_through(system, report, report.task.rest)}


def flow_through(system: System, report: Report, drive: np.ndarray | None) -> PlaneFlow:
    """The flow in the plane of the trajectories, through the last saddle under this drive where there is one."""
    points, projection = report.fixed_points["rest"], report.projection
    assert projection is not None
    if len(projection) < 2:
        raise InputError("the state has one dimension: there is no plane")
    through = points.saddles if len(points.saddles) else points
    centre = through[-1].states[0] if len(through) else projection.mean
    return plane_flow(system, projection, drive, through=centre)


def _connectivity(system: System, report: Report, seed: int) -> dict[str, Any]:
    weights = system.recurrent_weights()
    if not weights:
        raise InputError("the network names no recurrent matrix")
    candidate = next((name for name in ("W_rec", "W_n", "W_g") if name in weights), next(iter(weights)))
    stats = graph_statistics(weights[candidate], sign=getattr(report.model, "sign", None))
    return {"connectivity": dataclasses.replace(stats, name=candidate)}


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


ANSWERING: dict[str, Stage] = {
    "trajectories": Stage(_trajectories),
    "spikes": Stage(_spikes, ("trajectories",)),
    "projection": Stage(_projection, ("trajectories",)),
    "fixed_points": Stage(_fixed_points),
    "slow_points": Stage(_slow_points, ("trajectories", "fixed_points")),
    "modes": Stage(_modes, ("fixed_points",)),
    "memory": Stage(_memory, ("trajectories",)),
    "attractors": Stage(_attractors, ("fixed_points", "memory")),
    "transitions": Stage(_transitions, ("attractors",)),
    "cycles": Stage(_cycles, ("memory",)),
    "lyapunov": Stage(_lyapunov),
    "flow": Stage(_flow, ("projection", "fixed_points")),
    "connectivity": Stage(_connectivity),
    "multifunctionality": Stage(_no_orbits),
}
