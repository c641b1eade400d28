"""Strings that go round the loops of a grammar: what a sampled test hardly ever sees.

A symbol that leads back to where it came from may come any number of times.  Drawn strings go round such a loop once or
twice; a network may be right on thousands of them and yet forget, in a longer loop, what it has to keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import linalg
from ...checks import count, rectangular
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...wording import counted

LOOPS = (1, 2, 5, 10, 20, 50, 100, 200)


@dataclass(frozen=True, kw_only=True, repr=False)
class StressStrings(Result):
    """Whether strings that go round a loop are right, one entry per string.

    Attributes:
        loops: (string,) the loop, as ``"BTBT(S)"``: the way to it and the symbol that is repeated
        times: (string,) how many times it is gone round
        right: (string,) whether the string is right at every step
    """

    loops: np.ndarray = per_item()
    times: np.ndarray = per_item()
    right: np.ndarray = per_item()

    @property
    def lasting(self) -> dict[str, int]:
        """For each loop the largest number of rounds up to which all strings are right, of those tried; 0: none."""
        found = {}
        for loop in dict.fromkeys(self.loops.tolist()):
            here = self.loops == loop
            order = np.argsort(self.times[here])
            right = self.right[here][order]
            n_right = len(right) if right.all() else int((~right).argmax())
            found[loop] = int(self.times[here][order][n_right - 1]) if n_right else 0
        return found

    def headline(self) -> str:
        if not len(self):
            return "no strings"
        most = int(self.times.max())
        said = [f"{loop} {'all' if n == most else n}" for loop, n in self.lasting.items()]
        return f"right up to so many rounds of {most}: {', '.join(said)}"


@with_provenance
def stress_strings(system: System, task: Any, times: Any = LOOPS) -> StressStrings:
    """Show a network strings that go round each loop of a grammar, the more often the longer.

    Arguments:
        system: the network as a System, with its readout.
        task: a task with ``stressed(times)``, {loop: string}, ``show(strings)`` and ``right(outputs, trials)``, such as
            EmbeddedReber.
        times: how many times to go round, whole numbers.

    Raises:
        InputError: the task has no such strings, or its sizes are not those of the system.

    >>> import dynakit as dk
    >>> task = dk.tasks.EmbeddedReber()
    >>> dk.stress_strings(dk.as_system(dk.models.LSTM.for_task(task, 4)), task, [1, 2]).right.any()
    np.False_
    """
    if not hasattr(task, "stressed"):
        raise InputError(f"task must be one of strings with loops, such as EmbeddedReber, got {type(task).__name__}")
    if (checked(system).input_size, system.output_size) != (task.n_inputs, task.n_outputs):
        raise InputError(
            f"system must have the {counted(task.n_inputs, 'input')} and {counted(task.n_outputs, 'output')} of the "
            f"task, got "
            f"{system.input_size} and {system.output_size}"
        )
    rounds = [count("times", n) for n in np.atleast_1d(rectangular("times", times)).tolist()]
    named = [(loop, n, string) for n in rounds for loop, string in task.stressed(n).items()]
    right = []
    for _, _, string in named:  # one by one: the longest is many times as long as the shortest
        trials = task.show([string])
        with linalg.one_thread():
            outputs = system.observe(system.trajectory(system.initial_state(), trials.inputs.double()))
        right.append(bool(task.right(outputs.cpu(), trials)[0]))
    return StressStrings(
        loops=np.array([loop for loop, _, _ in named], dtype=str),
        times=np.array([n for _, n, _ in named], dtype=int),
        right=np.array(right, dtype=bool),
    )
