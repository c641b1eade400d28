"""The networks that all parts look at: a thousand, swept once and kept, and what is said of each in one row."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import parts

import dynakit as dk

HERE = Path(__file__).parent
STUDY = "populations"


def plan(quick: bool) -> dk.sweeps.Plan:
    """What is swept; a dozen networks of the same kinds for a quick run."""
    return dk.sweeps.Plan.read(HERE / ("plan_quick.toml" if quick else "plan.toml"))


def place(quick: bool) -> Path:
    """Where the networks are kept for the next run."""
    return parts.OUT / STUDY / ("networks_quick" if quick else "networks")


def swept(quick: bool, n_jobs: int = 1) -> dk.sweeps.Sweep:
    """All networks, trained and analysed now or before."""
    return dk.sweep(plan(quick), place(quick), n_jobs=n_jobs)


def kept(quick: bool) -> dk.sweeps.Sweep:
    """The networks as they were left: what the parts' own runs read."""
    return dk.sweeps.read(place(quick))


class Condition(NamedTuple):
    """What networks have in common that differ in their seeds only."""

    bits: int = 3
    kind: str = "Elman"
    units: int = 32
    stop: float = 0.998
    l1: float = 0.0
    l2: float = 0.0

    def __str__(self) -> str:
        words = [f"{self.bits} bit{'s' * (self.bits > 1)}", self.kind, f"{self.units} units", f"to {self.stop:g}"]
        words += [f"{name} {value:g}" for name, value in (("l1", self.l1), ("l2", self.l2)) if value]
        return ", ".join(words)

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Condition:
        """The condition of a network, from the settings of its run."""
        task, model, training = (settings[part] for part in ("task", "model", "training"))
        penalties = training["l1_weight"], training["l2_weight"]
        return cls(task["n_bits"], kind(model), model["n_hidden"], training["stop_at_score"], *penalties)


def conditions(sweep: dk.sweeps.Sweep) -> dict[Condition, list[str]]:
    """The ids of the networks under each condition; those that failed are left out."""
    found: dict[Condition, list[str]] = {}
    for name, status, settings in zip(sweep.ids.tolist(), sweep.statuses, sweep.settings):
        if status == "done":
            found.setdefault(Condition.of(settings), []).append(name)
    return found


def kind(model: dict[str, Any]) -> str:
    """The kind of network, as the figures call it."""
    if model["name"] != "leaky":
        return {"elman": "Elman", "gru": "GRU", "lstm": "LSTM"}[model["name"]]
    return "Dale" if model["dale"] else "leaky ReLU" if model["activation"] == "relu" else "leaky tanh"


def numbers(sweep: dk.sweeps.Sweep, name: str) -> np.ndarray:
    """A column of the table as floats."""
    return np.asarray(sweep.table()[name], dtype=float)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Sweep, and write one row per network."""
    sweep = swept(quick, n_jobs)
    (out / "networks.csv").parent.mkdir(parents=True, exist_ok=True)
    (out / "networks.csv").write_text(sweep.to_csv())
