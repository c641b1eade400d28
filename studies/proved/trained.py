"""Trained networks: which of their lists of fixed points are proved complete, and what a search finds in them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import parts

import dynakit as dk

LIKE = 1e-6  # distance, in units of 1 + |x|, of two points that are one
TIME_LIMIT = 120.0
MAX_BOXES = 60_000  # a proof ends by its boxes, on every machine alike
STOP = 0.998
UPDATES = {"flip-flop": 2000, "perceptual": 600, "context": 800}


class Condition(NamedTuple):
    """What networks have in common that differ in their seeds only."""

    task: str = "flip-flop"  # | perceptual | context
    bits: int = 0
    kind: str = "Elman"  # | leaky | Dale | GRU
    units: int = 32
    l2: float = 0.0
    radius: float = 0.5  # spectral radius of a leaky network's weights before training

    @property
    def drive(self) -> str:
        """The constant input under which fixed points are asked for."""
        return "motion context" if self.task == "context" else "rest"


def task_of(condition: Condition) -> Any:
    """Trials of 60 steps with pulses about every 12; decisions in steps of 20 and 10 ms."""
    if condition.task == "flip-flop":
        return dk.tasks.FlipFlop(n_bits=condition.bits, n_steps=60, p_flip=0.08)
    if condition.task == "perceptual":
        return dk.tasks.PerceptualDecision(dt=20.0)
    return dk.tasks.ContextIntegration(dt=10.0)


def model_of(condition: Condition, task: Any, seed: int) -> Any:
    """An untrained network of this kind."""
    more: dict[str, Any] = {"dt": task.dt, "tau": 5 * task.dt} if condition.task != "flip-flop" else {}
    n = condition.units
    if condition.kind == "Elman":
        return dk.models.Elman.for_task(task, n, seed=seed)
    if condition.kind == "GRU":
        return dk.models.GRU.for_task(task, n, seed=seed)
    if condition.kind == "Dale":
        more |= {"dale": "abs", "autapses": False}
    return dk.models.LeakyRNN.for_task(task, n, activation="tanh", spectral_radius=condition.radius, seed=seed, **more)


def trained(condition: Condition, seeds: list[int], hasty: bool) -> tuple[list[Any], list[Any]]:
    """Networks of all seeds, trained side by side to a score."""
    task = task_of(condition)
    models = [model_of(condition, task, seed) for seed in seeds]
    rate = 3e-3 if condition.kind in ("Elman", "GRU") and not hasty else 1e-2
    method = dk.training.BPTT(
        learning_rate=rate,
        batch_size=32,
        max_updates=UPDATES[condition.task] // (5 if hasty else 1),
        stop_at_score=STOP if condition.task == "flip-flop" else None,
        decay_to=1.0,
        l2_weight=condition.l2,
    )
    return models, dk.training.train_together(models, task, method, seeds=seeds)


def measure(condition: list[Any], seeds: list[int], hasty: bool, *, folder: Path) -> list[dict[str, Any]]:
    """One row per network of a condition."""
    asked = Condition(*condition)
    started = time.process_time()
    models, histories = trained(asked, seeds, hasty)
    seconds = (time.process_time() - started) / len(seeds)
    parts.leave(folder, **{f"seed {seed}": model for seed, model in zip(seeds, models)})
    return [
        {**asked._asdict(), "seed": seed, "updates": len(history), "training CPU s": seconds}
        | row_of(model, task_of(asked), asked, seed)
        for seed, model, history in zip(seeds, models, histories)
    ]


def row_of(model: Any, task: Any, condition: Condition, seed: int) -> dict[str, Any]:
    """What is proved of one network, and what is found in it."""
    system = dk.as_system(model)
    trials = task.sample(256, seed=10_000 + seed)
    record = dk.record(system, trials.inputs)
    drive = task.drives.get(condition.drive)
    started = time.process_time()
    proved = dk.enumerate_fixed_points(system, drive, time_limit=TIME_LIMIT, max_boxes=MAX_BOXES, seed=seed)
    proof_seconds = time.process_time() - started
    started = time.process_time()
    found = dk.find_fixed_points(system, record.states, drive, seed=seed)
    search_seconds = time.process_time() - started
    row = {
        "score": float(task.score(record.outputs, trials)),
        "equations": proved.n_equations or "",
        **largest(model),
        "verdict": proved.completeness,
        "points": len(proved),
        "stable": len(proved.stable),
        "degree": "" if proved.degree is None else proved.degree,
        "boxes": proved.n_nodes,
        "tubes": len(proved.tubes),
        "proof CPU s": proof_seconds,
        "searched points": len(found),
        "searched stable": len(found.stable),
        "search says": found.completeness,
        "search CPU s": search_seconds,
        "missed by the search": missing(proved.states, found.states),
        "missed by the proof": missing(found.states, proved.states),
        "why not": proved.left,
    }
    if condition.task == "flip-flop":
        row |= memories(system, proved, condition.bits)
    return row


def largest(model: Any) -> dict[str, float]:
    """The largest eigenvalues of the symmetric part of the weights, of which those above 1 count; nothing of gates."""
    weights = list(dk.as_system(model).recurrent_weights().values())
    if len(weights) != 1:
        return {"eigenvalue 1": np.nan, "eigenvalue 2": np.nan, "eigenvalue 3": np.nan, "eigenvalue 4": np.nan}
    W = np.asarray(weights[0], dtype=float)
    values = np.linalg.eigvalsh((W + W.T) / 2)[::-1]
    return {f"eigenvalue {k + 1}": float(values[k]) if k < len(values) else np.nan for k in range(4)}


def missing(points: np.ndarray, others: np.ndarray) -> int:
    """How many of the points (point, unit) are none of the others."""
    if not len(points) or not len(others):
        return len(points)
    gap = np.abs(points[:, None] - others).max(axis=-1).min(axis=1)
    return int((gap > LIKE * (1 + np.abs(points).max(axis=1))).sum())


def memories(system: Any, points: Any, bits: int) -> dict[str, Any]:
    """Which of the 2^bits contents have a stable fixed point whose outputs have their signs."""
    outputs = system.observe(points.stable.states).numpy() if len(points.stable) else np.zeros((0, bits))
    contents = {tuple(row) for row in np.sign(outputs).astype(int).tolist()}
    lacking = 2**bits - len(contents) if points.completeness in ("proved", "numerically verified") else ""
    return {"contents with a stable point": len(contents), "contents that provably have none": lacking}
