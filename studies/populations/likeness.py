"""How far networks of one condition are from each other, in dynamics, weights and behaviour."""

from __future__ import annotations

from typing import Any

import numpy as np
import thousand
import torch

import dynakit as dk

ANGLES = {
    "DSA, rank 10": dk.similarity.DSA(rank=10, normalized=True),
    "DSA, rank 5": dk.similarity.DSA(rank=5, normalized=True),
    "shape": dk.similarity.Procrustes(),
    "CKA": dk.similarity.CKA(),
}
N_WEIGHED = 25  # networks of a condition whose weights are compared: 300 pairs
N_TRIALS = 256  # of twice the length, on which behaviour is compared


def measure(condition: str, ids: list[str], quick: bool) -> dict[str, Any]:
    """One condition: means over pairs of networks with their standard errors, and what each is to be held against."""
    sweep = thousand.kept(quick)
    models, task = [sweep.model(name) for name in ids], sweep.task(ids[0])
    row: dict[str, Any] = {"condition": condition, "networks": len(ids)}
    for name, method in ANGLES.items():
        found = dk.compare_dynamics(models, task, method=method)
        row |= {name: found.mean, f"{name}, error": found.standard_error, f"{name}, null": found.null_mean}
    trained = [recurrent(model) for model in models[:N_WEIGHED]]
    before = [recurrent(sweep.untrained(name)) for name in ids[:N_WEIGHED]]
    for name, found in {"weights": weighed(trained), "weights before training": weighed(before)}.items():
        (raw, raw_error), (relative, relative_error) = found
        row |= {name: raw, f"{name}, error": raw_error}
        row |= {f"{name}, relative": relative, f"{name}, relative error": relative_error}
    losses = behaviour(models, task)
    return row | {"behaviour": float(np.std(losses)), "behaviour, error": spread_error(losses)}


def recurrent(model: Any) -> np.ndarray:
    """The recurrent weights (unit, unit); the gates of a gated network one above the other are no such matrix."""
    weights = dk.as_system(model).recurrent_weights()
    return np.asarray(next(iter(weights.values())), dtype=float) if len(weights) == 1 else np.zeros((0, 0))


def weighed(matrices: list[np.ndarray]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Mean and standard error over pairs of the distance up to the order of units: raw, and relative to the norm."""
    n = len(matrices)
    if not matrices[0].size:
        return (np.nan, np.nan), (np.nan, np.nan)
    both = np.zeros((2, n, n))
    for i, j in zip(*np.triu_indices(n, 1)):
        found = dk.compare_weights(matrices[i], matrices[j])
        both[:, i, j] = both[:, j, i] = found.distance, found.relative
    return pair_mean(both[0]), pair_mean(both[1])


def pair_mean(matrix: np.ndarray) -> tuple[float, float]:
    """Mean over pairs, and its standard error by leaving out one network at a time: pairs share networks."""
    n = len(matrix)
    total, rows = matrix.sum(), matrix.sum(axis=1)
    without = (total - 2 * rows) / ((n - 1) * (n - 2)) if n > 2 else np.full(n, np.nan)
    return float(total / (n * (n - 1))), jackknife_error(without)


def jackknife_error(without: np.ndarray) -> float:
    """Standard error of a statistic, from its values without one network each (Tukey 1958)."""
    n = len(without)
    return float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))


def behaviour(models: list[Any], task: Any) -> np.ndarray:
    """(network,) loss on trials twice as long, the same for all."""
    trials = type(task)(**{**vars(task), "n_steps": 2 * task.n_steps}).sample(N_TRIALS, seed=1)
    with torch.no_grad():
        return np.array([float(task.loss(model(trials.inputs).outputs, trials)) for model in models])


def spread_error(values: np.ndarray) -> float:
    """Jackknife standard error of a standard deviation."""
    return jackknife_error(np.array([np.std(np.delete(values, k)) for k in range(len(values))]))
