"""What switches the network: from each attractor, each pulse of the task applied once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import plots
from ...analysis import Attractors, Transitions, map_transitions
from ...errors import InputError
from ...records import Record
from ...report import Column, Figure, Finder, Stage, Table, Words, refused
from ...tasks import Holds, Task
from ...wording import drive_in_words
from ..subject import Subject


@dataclass(frozen=True)
class MachineAgreement(Record):
    """How many responses to pulses are those of the task's own automaton."""

    by_attractor: int  # the network comes to rest at the attractor of the right memory
    by_readout: int  # the readout says the right memory, wherever a slow state has got to
    total: int


def _map(subject: Subject, attractors: Attractors, holds: Holds | None) -> dict[str, Any]:
    pulses = subject.task.pulses
    if not pulses:
        raise InputError("the task names no pulses")
    if not len(attractors):
        raise InputError("no stable fixed point at rest to start from")
    system = subject.asked(None if holds is None else holds.at(subject.rest))
    found = map_transitions(system, attractors, pulses, rest=subject.rest, amplitudes=(0.0, 1.0))
    agreement = _agreement(subject.task, found, attractors.memories)
    return {"transitions": found} | ({} if agreement is None else {"machine_agreement": agreement})


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


def _agreement_in_words(right: MachineAgreement) -> list[str]:
    line = f"{right.by_attractor} of {right.total} responses are those of the task's own automaton"
    if right.by_attractor < right.by_readout:
        line += f"; by its readout, {right.by_readout} are: slow states are still on their way"
    return [line]


def _where(transitions: Transitions, task: Task) -> list[str]:
    return [f"before and after each pulse the input is that at rest, {drive_in_words(task.rest)}"]


def _plot(transitions: Transitions, attractors: Attractors, **kwargs: Any) -> Any:
    return plots.plot_transitions(transitions, labels=list(attractors.memories), **kwargs)


def _table(transitions: Transitions) -> dict[str, dict[str, np.ndarray]]:
    title = "Transitions: the attractor reached from each attractor under each pulse"
    return {title: transitions.table()}


def _switches(transitions: Transitions) -> int:
    return transitions.n_switches


def _agreeing(right: MachineAgreement) -> float:
    return right.by_attractor / right.total if right.total else np.nan


STAGE = Stage(
    name="transitions",
    about="Transitions among the attractors under the task's pulses; beside them machine_agreement, with its automaton",
    place=50,
    run=Finder(_map, needs=("attractors",), uses=("holds",)),
    loop=refused("an orbit is chosen by a cue, which takes the network over; there are no pulses"),
    beside=("machine_agreement",),
    columns=(
        Column("switches", "pulses that lead from an attractor to another", _switches, needs=("transitions",)),
        Column("machine_agreement", "share of the task's own automaton", _agreeing, needs=("machine_agreement",)),
    ),
    words=(
        Words("What switches it", Transitions.sentences, needs=("transitions",)),
        Words("What switches it", _where, needs=("transitions", "task")),
        Words("What switches it", _agreement_in_words, needs=("machine_agreement",)),
    ),
    figures=(
        Figure(
            "transitions",
            "From each attractor, each pulse applied once: where the network comes to rest.",
            _plot,
            needs=("transitions", "attractors"),
        ),
    ),
    tables=(Table(_table, needs=("transitions",)),),
)
