"""(e) Counting: a line along which every letter is one step, no fixed point, and how far the drift lets it count.

Under a letter a cell of an LSTM follows c' = f c + s, with gates that hardly change.  Were f = 1 and the steps up and
down equal, it would count for ever; as they are, the count that is left after a^n b^n moves away from where it was in
training, and answers fail about where it has moved by half a step.
"""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any, NamedTuple

import ledger
import numpy as np
import solved
import torch
from recipes import RECIPES

import dynakit as dk

NAME = "a^n b^n"
SETTLED = 6  # letters after which the gates have the values that they keep
SCALES = (1.0, 1.5, 2.0, 2.5, 3.0)  # by which the gates' weights are multiplied


class Counter(NamedTuple):
    """The cell that counts: c' = keep c + step under each letter."""

    cell: int
    keep: tuple[float, float]
    step: tuple[float, float]


def counter(model: Any) -> Counter:
    """The cell whose steps up under a and down under b are the largest, and its two laws."""
    task, n = RECIPES[NAME].task, model.n_hidden
    trials = task.show([task.string(3 * SETTLED)])
    with torch.no_grad():
        double = copy.deepcopy(model).double()
        inputs = trials.inputs.double()
        states = double(inputs).states[0].numpy()
        gates = double.gates(inputs, torch.from_numpy(states)[None])
    up, down = 1 + SETTLED, 1 + 3 * SETTLED + SETTLED  # steps well inside a^n and b^n
    moves = np.diff(states[:, n:], axis=0)
    rise, fall = moves[up], moves[down]
    cell = int(np.argmax(np.where(rise * fall < 0, np.minimum(abs(rise), abs(fall)), -1)))
    keep = tuple(float(gates["f"][0, t + 1, cell]) for t in (up, down))
    step = tuple(float(gates["i"][0, t + 1, cell] * gates["g"][0, t + 1, cell]) for t in (up, down))
    return Counter(cell, keep, step)  # type: ignore[arg-type]


def left(law: Counter, n: np.ndarray) -> np.ndarray:
    """The count left after a^n b^n by the two laws, from 0."""
    c = np.zeros(len(n))
    for keep, step in zip(law.keep, law.step):
        forgotten = -np.expm1(n * np.log(keep))  # 1 - keep^n
        c = c * (1 - forgotten) + step * (forgotten / (1 - keep) if keep < 1 else n)
    return c


def predicted(law: Counter) -> float:
    """The largest n at which what is left has moved by less than half a step from what is left at n = 5."""
    n = np.unique(np.round(np.logspace(np.log10(5), 10, 20_001)))
    moved = np.abs(left(law, n) - left(law, np.array([5.0]))) > abs(law.step[1]) / 2
    return float(n[moved.argmax() - 1]) if moved.any() else np.inf


def scaled(model: Any, factor: float) -> Any:
    """The same network with the weights of the gates i, f and of g times a factor."""
    wider = copy.deepcopy(model).double()
    with torch.no_grad():
        for p in wider.rnn.parameters():
            p[: 3 * model.n_hidden] *= factor
    return wider


def measure(seed: int, most: int) -> list[dict[str, Any]]:
    """One network, and what its drift says as it is and with its gates made steeper."""
    model, *_ = solved.trained(NAME, seed)
    rows = []
    for factor in SCALES:
        wider = scaled(model, factor)
        law, system = counter(wider), dk.as_system(wider)
        points = {letter: dk.find_fixed_points(system, drive=u) for letter, u in _letters().items()}
        on_the_way = system.trajectory(system.initial_state(), _letters()["a"][None].repeat(20, 0))[-1]
        eigenvalues = np.linalg.eigvals(system.jacobian(on_the_way, _letters()["a"]).numpy())
        rows.append(
            {
                "seed": seed,
                "gates times": factor,
                "1 - f under a": 1 - law.keep[0],
                "1 - f under b": 1 - law.keep[1],
                "step under a": law.step[0],
                "step under b": law.step[1],
                "largest eigenvalues while counting": " ".join(f"{v:.6f}" for v in np.sort(abs(eigenvalues))[::-1][:2]),
                "fixed points under a": len(points["a"]),
                "fixed points under b": len(points["b"]),
                "nearest of them, in counts": min(_distances(points), default=""),
                "largest n, by the drift": predicted(law),
                f"largest n, of {most} looked at": dk.largest_n(system, RECIPES[NAME].task, most=most),
                "_model": wider if factor == 1.0 else None,
            }
        )
    return rows


def _distances(points: dict[str, dk.FixedPoints]) -> list[float]:
    """How far, in the largest entry of its state, each fixed point is from zero."""
    return [float(distance) for found in points.values() for distance in abs(found.states).max(axis=1)]


def _letters() -> dict[str, np.ndarray]:
    task = RECIPES[NAME].task
    return {letter: task.alphabet[letter] for letter in "ab"}


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """The counting cell along a^20 b^20, and predicted against measured n."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(7.0, 3.0), layout="constrained")
    left_ax, right_ax = sheet.subplots(1, 2)
    model = next(row["_model"] for row in rows if row["_model"] is not None)
    task = RECIPES[NAME].task
    with torch.no_grad():
        states = model(task.show([task.string(20)]).inputs.double()).states[0].numpy()
    for k in range(model.n_hidden):
        left_ax.plot(states[:, model.n_hidden + k], marker="o", ms=2.5, lw=1, label=f"cell {k + 1}")
    left_ax.axvline(20.5, color="0.6", lw=0.7, ls="--")
    left_ax.set_xlabel("symbol of S a$^{20}$ b$^{20}$")
    left_ax.set_ylabel("cell state")
    left_ax.legend(frameon=False, fontsize=8)
    found = next(name for name in rows[0] if name.startswith("largest n, of"))
    most = int(found.split()[3])
    for row in rows:
        drift = min(float(row["largest n, by the drift"]), 1e10)
        ended = row[found] == most
        mark: dict[str, Any] = {"marker": "^", "mfc": "none"} if ended else {"marker": "o"}
        right_ax.loglog(max(row[found], 1), drift, color="#0072B2", ms=4, **mark)
    right_ax.plot([10, 2 * most], [10, 2 * most], color="0.6", lw=0.7, ls="--")
    right_ax.set_xlabel("largest n found")
    right_ax.set_ylabel("largest n by the drift")
    right_ax.set_title("triangles: all that were looked at are right", fontsize=8)
    for ax in (left_ax, right_ax):
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=200)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Eight networks that count; with --quick one."""
    started = time.perf_counter()
    seeds = [0] if quick else list(range(RECIPES[NAME].seeds))
    jobs = [(seed, 1000 if quick else 4000) for seed in seeds]
    rows = [row for own in ledger.run_all(measure, jobs, n_jobs) for row in own]
    ledger.write("classic_tasks", out / "counting.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "counting.png")
