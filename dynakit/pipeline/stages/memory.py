"""What lasts when the network is left alone at the end of its trials."""

from __future__ import annotations

from typing import Any

from ... import plots
from ...analysis import MemoryCheck, Modes, check_memory
from ...errors import InputError
from ...report import Column, Figure, Finder, Headline, Number, Stage, refused
from ...systems import Recording
from ...tasks import Hold, Holds
from ...wording import counted, percent
from ..subject import Subject
from .graded import GradedMemory


def _release(subject: Subject, trajectories: Recording) -> dict[str, Any]:
    subject.refuse_lines()
    holds = subject.holds
    memories = {name: _left_alone(subject, trajectories, hold) for name, hold in holds.by_name.items()}
    if memories:
        first = next(iter(memories.values()))
    elif subject.task.rest_problem is not None:
        first = InputError(subject.task.rest_problem)
    else:
        first = _left_alone(subject, trajectories, holds.ends)
    return {"memory": first, "memories": memories, "holds": holds}


def _left_alone(subject: Subject, trajectories: Recording, hold: Hold) -> MemoryCheck:
    """The states at the end of what the trials show of a drive, left alone under it."""
    released = trajectories.states[hold.rows, hold.steps]
    return check_memory(subject.asked(hold), released, hold.drive, subject.decode)


def _headline(memory: MemoryCheck, holds: Holds, graded: GradedMemory | None) -> str:
    """What is kept, if anything is to be: of values by their tolerance, else of answers."""
    if holds.problem:
        return ""
    if graded is not None:
        return f"{percent(graded.kept)} of values within tolerance for {counted(graded.steps, 'step')}"
    return f"{100 * memory.kept_at_end:.0f} % kept for {counted(memory.times[-1], 'step')}"


def _plot(memory: MemoryCheck, modes: Modes | None, **kwargs: Any) -> Any:
    return plots.plot_memory(memory, **{"dt": None if modes is None else modes.ms_per_step, **kwargs})


def _plot_traces(memory: MemoryCheck, modes: Modes | None, **kwargs: Any) -> Any:
    return _plot(memory, modes, **{"what": "outputs", **kwargs})


def _kept(memory: MemoryCheck) -> str:
    return f"{percent(memory.kept_at_end)} for {counted(int(memory.times[-1]), 'step')}"


def _share(memory: MemoryCheck) -> float:
    return float(memory.kept_at_end)


def _hold(memory: MemoryCheck) -> float:
    return float(memory.hold_time)


STAGE = Stage(
    name="memory",
    about="MemoryCheck of states left alone where something has to be kept, at rest first; beside it memories, the same"
    " under each such drive, {drive: MemoryCheck}, and holds, which these are and how they are asked",
    place=40,
    run=Finder(_release, needs=("trajectories",)),
    beside=("memories", "holds"),
    loop=refused("a network that generates orbits keeps them by moving, not by a readout that stays"),
    headline=(Headline(_headline, needs=("memory", "holds"), uses=("graded",)),),
    numbers=(
        Number(
            30,
            "kept when left alone",
            "States from the ends of trials whose readout still says the same after so many steps without a pulse.",
            _kept,
            needs=("memory",),
        ),
    ),
    columns=(
        Column("kept", "share of the states left alone that keep their memory, 0..1", _share, needs=("memory",)),
        Column("hold_time", "steps that the most fleeting memory lasts", _hold, needs=("memory",)),
    ),
    figures=(
        Figure(
            "memory",
            "States of the trials, left alone under the input under which they are to be kept: the share whose readout "
            "still says the same.",
            _plot,
            needs=("memory",),
            uses=("modes",),
        ),
        Figure(
            "memory_traces",
            "The readout of the same states, coloured by what it said at release.",
            _plot_traces,
            needs=("memory",),
            uses=("modes",),
        ),
    ),
)
