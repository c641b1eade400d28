"""One network: train it, watch it decide, and collect what each context makes of it."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import mechanism
import numpy as np
import parts

import dynakit as dk

TASK = dk.tasks.ContextIntegration(dt=10.0)
TRAINING = dataclasses.replace(TASK, coherences=None)
CONTEXTS = ("motion", "colour")
DRIVES = {c: TASK.drives[f"{c} context"] for c in CONTEXTS}


class Size(NamedTuple):
    """How much of everything."""

    n_hidden: int
    n_updates: int
    n_trials: int
    learning_rate: float


FULL, HASTY = Size(100, 1500, 2880, 3e-3), Size(100, 1000, 2880, 1e-2)
QUICK = Size(100, 300, 1440, 1e-2)
LONG = 300  # steps without evidence after which the speed is read


@dataclass(frozen=True)
class Network:
    """What was found out about one network."""

    seed: int
    tables: dict[str, list[dict[str, Any]]]
    curves: dict[tuple[str, str], Any]  # (context, modality) -> PsychometricCurve
    sides: dict[
        str, mechanism.Side
    ]  # context -> what the network is in it; empty without a slow line in both
    states: np.ndarray  # (trial, time, unit)
    labels: dict[str, np.ndarray]  # conditions of the trials, and the "choice" of the network


def train(seed: int, size: Size) -> Any:
    """A noisy network of tanh units with a time constant of 50 ms, in steps of 10 ms."""
    model = dk.models.LeakyRNN.for_task(
        TRAINING,
        n_hidden=size.n_hidden,
        activation="tanh",
        dt=TASK.dt,
        tau=50.0,
        spectral_radius=0.5,
        sigma_rec=0.0224,
        seed=seed,
    )
    method = dk.training.BPTT(learning_rate=size.learning_rate, max_updates=size.n_updates)
    dk.train(model, TRAINING, method, seed=seed)
    return model


def examine(seed: int, size: Size, *, folder: Path) -> dict[str, Any]:
    """Train one network and take it apart: its tables; the rest is left in ``folder`` for :func:`read`."""
    started = time.process_time()
    model = train(seed, size)
    found = take_apart(model, seed, size, time.process_time() - started)
    parts.leave(folder, states=found.states, **{f"trials {name}": values for name, values in found.labels.items()})
    parts.leave(folder / "curves", **{" ".join(key): curve for key, curve in found.curves.items()})
    for context, side in found.sides.items():
        parts.leave(folder / context, **vars(side))
    return {"seed": seed, "tables": found.tables, "labels": list(found.labels), "sides": list(found.sides)}


def read(row: dict[str, Any]) -> Network:
    """A network that was examined."""
    labels = {name: parts.left(row, f"trials {name}") for name in row["labels"]}
    curves = {(c, m): parts.left(row, f"curves/{c} {m}") for c in CONTEXTS for m in CONTEXTS}
    names = [field.name for field in dataclasses.fields(mechanism.Side)]
    sides = {c: mechanism.Side(**{n: parts.left(row, f"{c}/{n}") for n in names}) for c in row["sides"]}
    return Network(row["seed"], row["tables"], curves, sides, parts.left(row, "states"), labels)


def take_apart(model: Any, seed: int, size: Size, seconds: float = float("nan")) -> Network:
    """Everything that is measured of a trained network, on trials it has not seen, without recurrent noise."""
    system = dk.as_system(model)
    trials = TASK.sample(size.n_trials, seed=10_000 + seed)
    record = dk.record(system, trials.inputs)
    labels = {**trials.conditions, "choice": np.sign(record.outputs[:, -1, 0])}
    visited = {c: record.states[labels["context"] == c] for c in CONTEXTS}
    points = {c: dk.find_fixed_points(system, visited[c], DRIVES[c]) for c in CONTEXTS}
    sides, objection = _sides(system, visited, points)
    score = TASK.score(record.outputs, trials)
    summary = {
        "seed": seed,
        "learning rate": size.learning_rate,
        "updates": size.n_updates,
        "training CPU s": seconds,
        "score": score,
        "ideal": TASK.ideal_score,
        "share of ideal": score / TASK.ideal_score,
        **{f"fixed points, {c}": len(points[c]) for c in CONTEXTS},
        **{f"stable, {c}": len(points[c].stable) for c in CONTEXTS},
        **{f"speed without evidence, {c}": _speed(system, DRIVES[c]) for c in CONTEXTS},
        "slow lines": objection or "both",
    }
    curves = {(c, m): _curve(labels, c, m) for c in CONTEXTS for m in CONTEXTS}
    tables = mechanism.tables(system, sides, seed, trials, record)
    tables["networks"] = [summary]
    tables["psychometric"] = [row for key, curve in curves.items() for row in _curve_rows(seed, *key, curve)]
    return Network(seed, tables, curves, sides, record.states, labels)


def _sides(system: Any, visited: dict[str, np.ndarray], points: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The network in each context, or none and the reason: not every network that scores has a slow line."""
    try:
        return {c: mechanism.Side.of(system, visited[c], points[c], DRIVES[c]) for c in CONTEXTS}, ""
    except dk.NumericalError as error:
        return {}, f"none: {error}"


def _speed(system: Any, drive: np.ndarray) -> float:
    """|F(x) - x| long after a trial without evidence began."""
    x = system.settle(system.initial_state(), drive, LONG)
    return float((system.step(x, drive) - x).norm())


def _curve(labels: dict[str, np.ndarray], context: str, modality: str) -> Any:
    """Choices in one context against the coherence of one modality."""
    rows = labels["context"] == context
    return dk.psychometric_curve(labels["choice"][rows], labels[modality][rows])


def _curve_rows(seed: int, context: str, modality: str, curve: Any) -> list[dict[str, Any]]:
    fit = {"slope": curve.slope, "slope error": curve.slope_error, "offset": curve.offset}
    return [
        {
            "seed": seed,
            "context": context,
            "modality": modality,
            "coherence": float(c),
            "trials": int(n),
            "chose +": int(k),
            "low": float(low),
            "high": float(high),
            **fit,
        }
        for c, n, k, (low, high) in zip(curve.strengths, curve.n_trials, curve.n_chosen, curve.intervals)
    ]
