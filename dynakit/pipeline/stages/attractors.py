"""Does the score rest on attractors?  What the network comes to rest in, and the memory each of them stands for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...analysis import Attractors, FixedPoints, MemoryCheck, list_attractors
from ...errors import InputError
from ...report import Finder, Stage, Table, Words, refused
from ...tasks import Task
from ...wording import counted, drive_in_words
from ..subject import Subject

HELD = 0.99  # share of released states that must keep their memory for it to count as held
AT_REST = 1e-20  # speed 1/2 |F(x) - x|^2 above which a released state still drifts


def _list(subject: Subject, points: dict[str, FixedPoints], memory: MemoryCheck) -> dict[str, Any]:
    subject.refuse_unshown_rest()
    if subject.task.graded:
        raise InputError("the targets are values, not a few memories: what becomes of them is said of the slow line")
    found = list_attractors(subject.system, points["rest"], subject.rest, subject.decode, memory=memory)
    return {"attractors": found}


def verdict(
    memory: MemoryCheck, attractors: Attractors, points: dict[str, FixedPoints] | None, score: float | None
) -> list[str]:
    """Whether every memory is kept, and by a stable point of its own."""
    n, steps, kept = len(memory), int(memory.times[-1]), memory.kept_at_end
    asked = set(memory.labels.tolist())
    own = set(attractors.memories.tolist()) & asked
    if len(asked) < 2:
        alone = "no memory is told from another"
        return [f"NOTHING TO TEST. The readout says the same at the end of all {n} trials: {alone}."]
    if kept < HELD:
        return [
            f"NO. {n} states from the ends of trials were left alone for {steps} steps: only {100 * kept:.0f} % still "
            "say",
            f"the same (the most fleeting memory lasts {memory.hold_time} steps). {_what_is_there(points)}",
        ]
    if own == asked and not attractors.unresolved > 1 - HELD:
        return [
            f"YES. {n} states from the ends of trials were left alone for {steps} steps: {100 * kept:.0f} % keep their",
            f"memory, and each of the {len(asked)} memories has a stable fixed point of its own.",
            *_poor_score(score),
        ]
    few = f"{f'only {len(own)}' if own else 'none'} of the {len(asked)} memories have a stable fixed point"
    lost = f"{100 * attractors.unresolved:.0f} % of them come to rest at no stable fixed point"
    return [
        f"NOT SHOWN. {100 * kept:.0f} % of {n} released states keep their memory for {steps} steps, but "
        f"{lost if own == asked else few}: look for slow drift or cycles."
    ]


def at_rest(attractors: Attractors, task: Task) -> list[str]:
    """The drive at which all this holds."""
    return [f"All of this is at rest, {drive_in_words(task.rest)}."]


def _poor_score(score: float | None) -> list[str]:
    if score is None or score >= HELD:
        return []
    return [f"With a score of {score:.2f}, what is remembered is not always what the task asks for."]


def _what_is_there(points: dict[str, FixedPoints] | None) -> str:
    n = 0 if points is None else len(points["rest"].stable)
    if n == 1:
        return "There is a single stable point at rest: the memory is a transient, not an attractor."
    return f"There are {n} stable points at rest."


def _memories(attractors: Attractors, memory: MemoryCheck | None) -> list[str]:
    """The memories, and why released states are near none of the points, where they still move."""
    lines = attractors.sentences()
    if (
        len(attractors)
        and attractors.unresolved > 0
        and memory is not None
        and (memory.end_speeds > AT_REST).any()
    ):
        lines[-1] += f": after {int(memory.times[-1])} steps they still drift"
    return lines


def _headline(attractors: Attractors) -> str:
    return counted(len(attractors), "attractor")


def _table(attractors: Attractors) -> dict[str, dict[str, np.ndarray]]:
    return {"Attractors at rest": attractors.table()}


STAGE = Stage(
    name="attractors",
    about="Attractors: the stable points at rest, the memory each stands for, its share of the released states",
    place=20,
    run=Finder(_list, needs=("fixed_points", "memory")),
    loop=refused("what the closed loop settles on is listed under multifunctionality and cycles"),
    headline=_headline,
    words=(
        Words(
            "Does the score rest on attractors?",
            verdict,
            needs=("memory", "attractors"),
            uses=("fixed_points", "score"),
        ),
        Words("Does the score rest on attractors?", at_rest, needs=("attractors", "task")),
        Words("What it remembers", _memories, needs=("attractors",), uses=("memory",)),
    ),
    tables=(Table(_table, needs=("attractors",)),),
)
