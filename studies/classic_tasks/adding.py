"""(g) Adding: the first value is kept on a line of slow states, not in attractors.

Sequences that are alike but for the first marked value are run side by side; between the markers their states lie on a
line, along which the network creeps.  Many eigenvalues of a network that began with chrono biases are near 1 whatever
it has learnt, so those are counted along which the line runs.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import solved
import torch
from recipes import RECIPES

import dynakit as dk

N_VALUES = 21
SLOW = 0.99  # modulus from which on an eigenvalue counts as near 1
NAME = "adding 100"
FIRST, WAIT = 5, 40  # the first marker, and the steps after it at which one looks


def states_after_first(model: Any, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First values (value,), the states (value, unit) some steps later, and what the network then hears, (input,)."""
    rng, n_steps = np.random.default_rng(seed), FIRST + WAIT + 1
    inputs = np.zeros((N_VALUES, n_steps, 2))
    inputs[:, :, 0] = rng.uniform(-1, 1, n_steps)
    inputs[:, 0, 1] = -1
    values = np.linspace(-1, 1, N_VALUES)
    inputs[:, FIRST] = np.column_stack([values, np.ones(N_VALUES)])
    system = dk.as_system(model)
    with torch.no_grad():
        states = system.trajectory(system.initial_state(), inputs)
    return values, states[:, FIRST + WAIT].numpy(), np.array([0.0, 0.0])


def measure(seed: int, share: float = 1.0, *, folder: Path) -> dict[str, Any]:
    """The line of one network: how straight, how slow, and along how many slow modes."""
    model, *_ = solved.trained(NAME, seed, share)
    values, states, rest = states_after_first(model, seed)
    system = dk.as_system(model)
    plane = dk.project(states, n_components=2)
    middle = states[N_VALUES // 2]
    line = plane.components[0]
    J = system.jacobian(middle, rest).numpy()
    eigenvalues, right = np.linalg.eig(J)
    weights = np.abs(np.linalg.solve(right, line.astype(complex)) * np.linalg.norm(right, axis=0))
    order = np.argsort(-abs(eigenvalues))
    eigenvalues, weights = eigenvalues[order], weights[order] / weights.sum()
    moved = system.step(states, rest).numpy() - states
    extent = np.linalg.norm(states[-1] - states[0])
    shown = {"places": plane.transform(states), "values": values, "eigenvalues": eigenvalues, "weights": weights}
    parts.leave(folder, **shown)
    return {
        "seed": seed,
        "share of variance on the line": float(plane.explained_variance_ratio[0]),
        "correlation of place and value": float(abs(np.corrcoef(plane.transform(states)[:, 0], values)[0, 1])),
        "speed per step, in lengths of the line": float(np.linalg.norm(moved, axis=1).mean() / extent),
        "largest modulus": float(abs(eigenvalues[0])),
        "stretch of the line per step": float(np.linalg.norm(J @ line) / np.linalg.norm(line)),
        f"eigenvalues beyond {SLOW}": int((abs(eigenvalues) > SLOW).sum()),
        "of them along the line (weight above 5 %)": int(((abs(eigenvalues) > SLOW) & (weights > 0.05)).sum()),
    }


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """The states between the markers by the first value, and the eigenvalues by how much the line runs along them."""
    from matplotlib.figure import Figure

    row = rows[0]
    sheet = Figure(figsize=(7.0, 3.0), layout="constrained")
    left, right = sheet.subplots(1, 2)
    share = row["share of variance on the line"]
    places, values, e, w = (parts.left(row, name) for name in ("places", "values", "eigenvalues", "weights"))
    dots = left.scatter(places[:, 0], places[:, 1], c=values, cmap="viridis", s=18)
    sheet.colorbar(dots, ax=left, label="first value")
    left.set_xlabel(f"PC 1 ({share:.1%})")
    left.set_ylabel("PC 2")
    left.set_aspect("equal", adjustable="datalim")
    angle = np.linspace(0, 2 * np.pi, 400)
    right.plot(np.cos(angle), np.sin(angle), color="0.6", lw=0.7)
    right.scatter(e.real, e.imag, s=8 + 300 * w, color="#0072B2", alpha=0.6, lw=0)
    right.set_xlim(0.85, 1.02)
    right.set_ylim(-0.06, 0.06)
    right.set_xlabel("real part")
    right.set_title("eigenvalues; area: weight along the line", fontsize=8)
    right.set_ylabel("imaginary part")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=200)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """The networks of the table of benchmarks; with --quick one, less trained."""
    started = time.perf_counter()
    seeds = [0] if quick else list(range(RECIPES[NAME].seeds))
    rows = parts.rows(measure, [(seed, 0.4 if quick else 1.0) for seed in seeds], n_jobs)
    parts.write("classic_tasks", out / "adding.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "adding.png")
