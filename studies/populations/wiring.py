"""Numbers of a network's wiring, and how much noise it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import thousand
import torch

import dynakit as dk

NOISES = 2.0 ** np.arange(-6, 3)  # standard deviations of what is added at each step, over that of the network's states
N_TRIALS = 64
LOST = 0.9  # of the score without noise


def measure(ids: list[str], quick: bool) -> dict[str, Any]:
    """Wiring and noise robustness of some networks: a list for each, in their order."""
    sweep = thousand.kept(quick)
    rows = []
    for name in ids:
        system, task = dk.as_system(sweep.model(name)), sweep.task(name)
        rows.append({**of(system), "noise stood": robustness(system, task)})
    return {key: [row[key] for row in rows] for key in rows[0]}


def of(system: Any) -> dict[str, float]:
    """Numbers of the recurrent matrix that do not know the task; of a gated network, of the part that writes."""
    W = np.asarray(list(system.recurrent_weights().values())[-1], dtype=float)
    n = len(W)
    singular, eigen = np.linalg.svd(W, compute_uv=False), np.linalg.eigvals(W)
    off = ~np.eye(n, dtype=bool)
    return {
        "norm": float(np.linalg.norm(W) / np.sqrt(n)),
        "largest singular value": float(singular[0]),
        "spectral radius": float(np.abs(eigen).max()),
        "rightmost eigenvalue": float(eigen.real.max()),
        "eigenvalues beyond 1": int((np.abs(eigen) > 1).sum()),
        "symmetric part beyond 1": int((np.linalg.eigvalsh((W + W.T) / 2) > 1).sum()),
        "effective rank": float((singular**2).sum() ** 2 / (singular**4).sum()),
        "non-normality": float(np.sqrt(max(0.0, 1 - (np.abs(eigen) ** 2).sum() / (W**2).sum()))),
        "symmetry": float(np.corrcoef(W[off], W.T[off])[0, 1]),
        "mean weight": float(W.mean() * np.sqrt(n)),
        "share positive": float((W > 0).mean()),
        "self-coupling": float(np.diag(W).mean()),
    }


@torch.no_grad()
def robustness(system: Any, task: Any) -> float:
    """The noise under which the score falls to LOST of what it was, over the spread of the states."""
    trials = task.sample(N_TRIALS, seed=2)
    inputs = trials.inputs.double()
    clean = system.trajectory(torch.zeros(N_TRIALS, system.state_size, dtype=torch.float64), inputs)
    spread = clean.reshape(-1, system.state_size).std(0)
    generator = torch.Generator().manual_seed(3)
    scores = np.array([_score(system, task, trials, float(noise) * spread, generator) for noise in NOISES])
    level = LOST * task.score(system.observe(clean), trials)
    below = np.flatnonzero(scores < level)
    if not len(below) or below[0] == 0:
        return float(NOISES[-1] if not len(below) else NOISES[0])
    k = below[0]
    share = (scores[k - 1] - level) / (scores[k - 1] - scores[k])
    return float(2 ** (np.log2(NOISES[k - 1]) + share))


def _score(system: Any, task: Any, trials: Any, spread: torch.Tensor, generator: torch.Generator) -> float:
    x = torch.zeros(N_TRIALS, system.state_size, dtype=torch.float64)
    states = []
    for u in trials.inputs.double().unbind(1):
        x = system.step(x, u) + spread * torch.randn(x.shape, generator=generator, dtype=x.dtype)
        states.append(x)
    return task.score(system.observe(torch.stack(states, 1)), trials)
