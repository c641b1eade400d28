"""How each benchmark is learnt here: one recipe per row, and what was published for it.

A recipe is a task, a network, and one or more ways to train it, one after the other.  ``sequences`` are those presented
in training, each drawn anew, never epochs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dynakit as dk

BPTT = dk.training.BPTT


@dataclass(frozen=True)
class Recipe:
    """One row of the table of benchmarks."""

    task: Any
    network: str
    build: Callable[[Any, int], Any]  # task, seed -> model
    stages: tuple[Any, ...]
    seeds: int
    published: str
    source: str
    reading: str = ""  # which generalisation is measured besides: "counts", "tests", ""
    judged: Any = field(default=None)  # the task of the test, where it is another

    @property
    def test(self) -> Any:
        """What the trained network is judged on."""
        return self.task if self.judged is None else self.judged

    def cut(self, share: float) -> Recipe:
        """The same with this share of the updates of each stage, for a quick look."""
        stages = (dataclasses.replace(s, max_updates=max(1, round(share * s.max_updates))) for s in self.stages)
        return dataclasses.replace(self, stages=tuple(stages))


def lstm(n_hidden: int, **settings: Any) -> Callable[[Any, int], Any]:
    """An LSTM of this size."""
    return lambda task, seed: dk.models.LSTM.for_task(task, n_hidden, seed=seed, **settings)


def counting(learnt: int, saturated: int, batch: int = 10) -> tuple[Any, ...]:
    """All n are learnt first; then the gates are driven to 0 and 1."""
    settings = {"learning_rate": 1e-2, "batch_size": batch, "decay_to": 1.0}
    return (
        BPTT(max_updates=learnt, stop_at_score=1.0, **settings),
        BPTT(max_updates=saturated, saturation=1.0, **settings),
    )


HS = "Hochreiter and Schmidhuber 1997"
GS = "Gers and Schmidhuber 2001"
RECIPES: dict[str, Recipe] = {
    "adding 100": Recipe(
        dk.tasks.Adding(),
        "LSTM 32, chrono 100",
        lstm(32, chrono=100),
        (BPTT(learning_rate=1e-2, batch_size=64, max_updates=1200, decay_to=0.2),),
        4,
        "1 wrong of 2560 after 74,000",
        HS,
    ),
    "adding 1000": Recipe(
        dk.tasks.Adding(length=1000),
        "LSTM 32, chrono 1000",
        lstm(32, chrono=1000),
        (BPTT(learning_rate=1e-2, batch_size=32, max_updates=1800, decay_to=0.2),),
        1,
        "1 wrong of 2560 after 853,000",
        HS,
    ),
    "temporal order 6a": Recipe(
        dk.tasks.TemporalOrder(),
        "LSTM 8, chrono 100",
        lstm(8, chrono=100),
        (BPTT(learning_rate=1e-2, batch_size=32, max_updates=600, decay_to=0.2),),
        3,
        "1 wrong of 2560 after 31,390",
        HS,
    ),
    "temporal order 6b": Recipe(
        dk.tasks.TemporalOrder(n_symbols=3),
        "LSTM 16, chrono 100",
        lstm(16, chrono=100),
        (BPTT(learning_rate=1e-2, batch_size=32, max_updates=1000, decay_to=0.2),),
        3,
        "2 wrong of 2560 after 571,100",
        HS,
    ),
    "Reber": Recipe(
        dk.tasks.EmbeddedReber(error="entropy"),
        "LSTM 12",
        lstm(12),
        (BPTT(learning_rate=1e-2, batch_size=32, max_updates=1000, decay_to=0.2),),
        3,
        "all right after 8,440 (256 strings)",
        HS,
    ),
    "Reber by RTRL": Recipe(
        dk.tasks.EmbeddedReber(error="entropy"),
        "LSTM 12",
        lstm(12),
        (dk.training.RTRL(learning_rate=1e-2, batch_size=32, max_updates=1000, decay_to=0.2),),
        3,
        "all right after 8,440 (256 strings)",
        HS,
    ),
    "Reber, Elman": Recipe(
        dk.tasks.EmbeddedReber(error="entropy"),
        "Elman 12",
        lambda task, seed: dk.models.Elman.for_task(task, 12, seed=seed),
        (BPTT(learning_rate=5e-3, batch_size=32, max_updates=3000, decay_to=0.2),),
        3,
        "never within 200,000",
        "Cleeremans et al. 1989, in " + HS,
    ),
    "Reber, Elman by RTRL": Recipe(
        dk.tasks.EmbeddedReber(error="entropy"),
        "Elman 12",
        lambda task, seed: dk.models.Elman.for_task(task, 12, seed=seed),
        (dk.training.RTRL(learning_rate=5e-3, batch_size=32, max_updates=3000, decay_to=0.2),),
        3,
        "some right after 25,000 to 173,000",
        "Smith and Zipser 1989, in " + HS,
    ),
    "a^n b^n": Recipe(
        dk.tasks.CountingLanguage("ab", error="entropy"),
        "LSTM 2, forget bias 3",
        lstm(2, forget_bias=3.0),
        counting(3000, 10_000),
        8,
        "n = 1 to 118 on average, best 1000",
        GS,
        reading="counts",
    ),
    "a^n b^n c^n": Recipe(
        dk.tasks.CountingLanguage("abc", error="entropy"),
        "LSTM 4, forget bias 3",
        lstm(4, forget_bias=3.0),
        counting(4000, 12_000),
        8,
        "n = 1 to 52, best 500",
        GS,
        reading="counts",
    ),
}
