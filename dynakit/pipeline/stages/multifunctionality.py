"""Does the closed loop hold the orbits it was trained on, each to be chosen by a cue?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import plots
from ...analysis import Multifunctionality, MultifunctionalitySettings, check_multifunctionality
from ...report import Column, Figure, Finder, Headline, Number, Stage, Table, Words, refused
from ...tasks import Cycles
from ...wording import counted
from ..subject import Subject

RANDOM_STATES = 200  # whose ends show what nobody trained: what is not seen takes less than 1.5 %


def _check(subject: Subject) -> dict[str, Any]:
    """Whether the orbits are held; shocks, which take half of the time of a full check, are left out."""
    task: Any = subject.task
    found = check_multifunctionality(
        subject.loop,
        task.orbits,
        n_samples=RANDOM_STATES,
        settings=MultifunctionalitySettings(cue_steps=task.cue_steps, n_shocks=0),
        seed=subject.seed,
    )
    return {"multifunctionality": found}


def _words(multi: Multifunctionality, score: float | None) -> list[str]:
    answer = {"MULTIFUNCTIONAL": "YES", "PARTIAL": "IN PART"}.get(multi.verdict, "NO")
    n, of = int(multi.held.sum()), len(multi)
    lines = [f"{answer}. Left to hear itself, the network holds {n} of {counted(of, 'orbit')}, each chosen by a cue."]
    lines += multi.sentences()
    if score is not None and n < of:
        lines.append(
            f"The score of {score:.4f} is that of predicting one step, and no evidence of stored orbits."
        )
    return lines


def _plot(multi: Multifunctionality, task: Cycles | None, **kwargs: Any) -> Any:
    return plots.plot_multifunctionality(multi, None if task is None else task.orbits, **kwargs)


def _table(multi: Multifunctionality) -> dict[str, dict[str, np.ndarray]]:
    return {f"Orbits to be held: {multi.headline()}": multi.table()}


def _headline(multi: Multifunctionality) -> str:
    return f"holds {int(multi.held.sum())} of {counted(len(multi), 'orbit')}"


def _held(multi: Multifunctionality) -> str:
    return f"{_count(multi)} of {len(multi)}"


def _count(multi: Multifunctionality) -> int:
    return int(multi.held.sum())


STAGE = Stage(
    name="multifunctionality",
    about="Multifunctionality: whether the orbits of the task are held",
    place=10,
    run=refused("the task names no orbits for the network to hold by itself"),
    loop=Finder(_check),
    headline=(Headline(_headline, needs=("multifunctionality",)),),
    numbers=(
        Number(
            5,
            "orbits held",
            "Orbits of the task that the network, left to hear its own output, goes on with after a cue, and "
            "that attract.",
            _held,
            needs=("multifunctionality",),
        ),
    ),
    columns=(
        Column("orbits_held", "orbits of the task that the closed loop holds", _count, needs=("multifunctionality",)),
    ),
    words=(Words("Does the closed loop hold the orbits?", _words, needs=("multifunctionality",), uses=("score",)),),
    figures=(
        Figure(
            "multifunctionality",
            "The outputs on all that the closed loop settles on (lines) over the orbits that were to be held (bands); "
            "an arrow gives the sense of time, grey is what nobody trained.",
            _plot,
            needs=("multifunctionality",),
            uses=("task",),
        ),
    ),
    tables=(Table(_table, needs=("multifunctionality",)),),
)
