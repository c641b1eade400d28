"""Does the score rest on attractors?  What the network comes to rest in, and the memory each of them stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...analysis import Attractors, FixedPoints, MemoryCheck, list_attractors
from ...errors import InputError
from ...report import Column, Finder, Headline, Number, Stage, Table, Words, refused
from ...tasks import Hold, Holds
from ...wording import counted, percent
from ..subject import Subject

HELD = 0.99  # share of released states that must keep their memory for it to count as held
AT_REST = 1e-20  # speed 1/2 |F(x) - x|^2 above which a released state still drifts


def _list(
    subject: Subject,
    points: dict[str, FixedPoints],
    holds: Holds,
    memories: dict[str, MemoryCheck] | None,
    memory: MemoryCheck | None,
) -> dict[str, Any]:
    if subject.task.rest_problem is not None and not memories:
        raise InputError(subject.task.rest_problem)
    if subject.task.graded:
        raise InputError("the targets are values, not a few memories: what becomes of them is said of the slow line")
    found = {}
    for name, hold in holds.by_name.items():
        kept = (memories or {}).get(name)
        found[name] = list_attractors(subject.asked(hold), points[name], hold.drive, subject.decode, memory=kept)
    rest = holds.at(subject.rest)
    if rest is None:
        ends = None if holds.by_name else memory
        at_rest = list_attractors(subject.system, points["rest"], subject.rest, subject.decode, memory=ends)
    else:
        at_rest = found.pop(rest.name)
    return {"attractors": at_rest, "attractors_under": found}


def verdict(
    holds: Holds,
    memories: dict[str, MemoryCheck] | None,
    attractors: Attractors | None,
    under: dict[str, Attractors] | None,
    points: dict[str, FixedPoints] | None,
    score: float | None,
) -> list[str]:
    """Under each input under which something has to be kept: whether it is, and by a stable point of its own."""
    if holds.problem:
        return [f"NOTHING TO TEST. {holds.problem[0].upper()}{holds.problem[1:]}."]
    lines, asking = [], any(hold.question is not None for hold in holds.by_name.values())
    if memories is None or attractors is None or points is None:
        return []
    for name, hold in holds.by_name.items():
        here = Findings(hold, memories[name], (under or {}).get(name, attractors), len(points[name].stable), score)
        if asking and hold.question is None:
            lines += here.once_asked()
        else:
            said, where = here.verdict(), hold.in_words()
            alone = len(holds.by_name) == 1
            lines += [*said, f"All of this is {where}."] if alone else [f"{where[0].upper()}{where[1:]}:", *said]
    return lines + [f"{why[0].upper()}{why[1:]}." for why in holds.unasked()]


@dataclass(frozen=True)
class Findings:
    """What was found under one input: the hold, what became of states left alone, the attractors, stable points."""

    hold: Hold
    memory: MemoryCheck
    attractors: Attractors
    n_stable: int
    score: float | None

    def verdict(self) -> list[str]:
        """Whether every memory is kept, and by a stable point of its own."""
        memory, attractors = self.memory, self.attractors
        n, steps, kept = len(memory), int(memory.times[-1]), memory.kept_at_end
        asked = set(memory.labels.tolist())
        own = set(attractors.memories.tolist()) & asked
        if len(asked) < 2:
            alone = "no memory is told from another"
            return [f"NOTHING TO TEST. The readout says the same at the end of all {counted(n, 'trial')}: {alone}."]
        released = "from the ends of trials" if self.hold.question is None else "before the answer is asked for"
        were = "was" if n == 1 else "were"
        alone = f"{counted(n, 'state')} {released} {were} left alone for {counted(steps, 'step')}"
        n_gone = int(memory.unbounded.sum())
        if n_gone > (1 - HELD) * n:
            gone = f"{n_gone} of them grow without bound"
            return [f"NO, UNBOUNDED. {alone}: {gone}, whatever is read of them on the way."]
        if kept < HELD:
            return [
                f"NO. {alone}: only {percent(kept)} still say the same ({self._most_fleeting()}).",
                self._what_is_there(),
                *self._as_long_as_asked(),
            ]
        if own == asked and not attractors.unresolved > 1 - HELD:
            return [
                f"YES. {alone}: {percent(kept)} keep their memory, and each of the {len(asked)} memories has a stable "
                "fixed point of its own.",
                *self._lapses(),
                *self._poor_score(),
            ]
        few = f"{f'only {len(own)}' if own else 'none'} of the {len(asked)} memories have a stable fixed point"
        lost = f"{percent(attractors.unresolved)} of them come to rest at no stable fixed point"
        return [
            f"NOT SHOWN. {percent(kept)} of {n} released states keep their memory for {counted(steps, 'step')}, but "
            f"{lost if own == asked else few}: look for slow drift or cycles."
        ]

    def _most_fleeting(self) -> str:
        """Which memory is the worst, and in what sense: half of its states lose it, or fewer."""
        memory = self.memory
        if memory.hold_time < memory.times[-1]:
            return f"the most fleeting memory lasts {counted(memory.hold_time, 'step')}"
        label, share = memory.weakest
        return f"most states of each memory do; of “{label}”, the weakest, {percent(share)}"

    def _lapses(self) -> list[str]:
        lapses = self.memory.lapses[self.memory.lapses > 0]
        if not len(lapses):
            return []
        longest = counted(int(lapses.max()), "step")
        return [f"On the way, {counted(len(lapses), 'state')} said something else, for up to {longest}."]

    def once_asked(self) -> list[str]:
        """How long an answer that had to wait stays once it is given."""
        memory, hold, steps = self.memory, self.hold, int(self.memory.times[-1])
        where = f"Once asked for, {hold.in_words()},"
        if memory.kept_at_end >= HELD:
            return [f"{where} {percent(memory.kept_at_end)} of the answers stay for {counted(steps, 'step')}."]
        return [
            f"{where} {percent(memory.kept_at_end)} of the answers stay for {counted(steps, 'step')}; the most "
            f"fleeting stays for {memory.hold_time}, and the trials ask for it for {hold.longest} at most."
        ]

    def _as_long_as_asked(self) -> list[str]:
        """Whether what does not last does so for as long as the trials show this input."""
        memory, longest = self.memory, self.hold.longest
        kept = float(memory.kept[memory.times <= longest][-1])
        if kept < HELD:
            kept_then = f"so long after release {percent(kept)} still say the same"
            return [f"The trials show this input for {counted(longest, 'step')} at most; {kept_then}."]
        return [f"That is long enough for these trials, which show this input for {counted(longest, 'step')} at most."]

    def _poor_score(self) -> list[str]:
        if self.score is None or self.score >= HELD:
            return []
        return [f"With a score of {self.score:.2f}, what is remembered is not always what the task asks for."]

    def _what_is_there(self) -> str:
        if self.n_stable != 1:
            return f"There are {self.n_stable} stable points."
        away = self.attractors.unresolved
        if away > 1 - HELD:
            steps = int(self.memory.times[-1])
            return f"There is a single stable point, and {percent(away)} are not there after {counted(steps, 'step')}."
        return "There is a single stable point: the memory is a transient, not an attractor."


def _memories(
    attractors: Attractors, memory: MemoryCheck | None, under: dict[str, Attractors] | None
) -> list[str]:
    """The memories, and why released states are near none of the points, where they still move."""
    lines, away = attractors.sentences(), attractors.unresolved > 0
    if len(attractors) and away and memory is not None and (memory.end_speeds > AT_REST).any():
        lines[-1] += ": they still move"
    return lines + [f"under “{name}”: {found.headline()}" for name, found in (under or {}).items()]


def _headline(attractors: Attractors) -> str:
    return counted(len(attractors), "attractor")


def _held(attractors: Attractors, memory: MemoryCheck) -> str:
    asked = set(memory.labels.tolist())
    return f"{len(set(attractors.memories.tolist()) & asked)} of {len(asked)}"


def _table(attractors: Attractors) -> dict[str, dict[str, np.ndarray]]:
    return {"Attractors at rest": attractors.table()}


def _memory_count(attractors: Attractors) -> int:
    return attractors.n_memories


STAGE = Stage(
    name="attractors",
    about="Attractors: the stable points at rest, the memory each stands for, its share of the released states; beside "
    "it attractors_under, the same under each drive under which something has to be kept",
    place=20,
    run=Finder(_list, needs=("fixed_points", "holds"), uses=("memories", "memory")),
    beside=("attractors_under",),
    loop=refused("what the closed loop settles on is listed under multifunctionality and cycles"),
    headline=(Headline(_headline, needs=("attractors",)),),
    numbers=(
        Number(
            20,
            "memories with a stable point",
            "Of the memories that the trials end in: those that have a stable fixed point of their own at rest, so "
            "that they last as long as nothing disturbs them.",
            _held,
            needs=("attractors", "memory"),
        ),
    ),
    columns=(
        Column("memories", "memories with a stable point of their own at rest", _memory_count, needs=("attractors",)),
    ),
    words=(
        Words(
            "Does the score rest on attractors?",
            verdict,
            needs=("holds",),
            uses=("memories", "attractors", "attractors_under", "fixed_points", "score"),
        ),
        Words("What it remembers", _memories, needs=("attractors",), uses=("memory", "attractors_under")),
    ),
    tables=(Table(_table, needs=("attractors",)),),
)
