"""(e) Counting: a line along which every letter is one step, no fixed point, and how far the drift lets it count.

Under a letter a cell of an LSTM follows c' = f c + s, with gates that hardly change.  Were f = 1 and the steps up and
down equal, it would count for ever; as they are, the count that is left after a^n b^n moves away from where it was in
training, and answers fail about where it has moved by half a step.
"""

from __future__ import annotations

import copy
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import parts
import solved
import torch
from recipes import RECIPES

import dynakit as dk

NAMES = {"a^n b^n": 8000, "a^n b^n c^n": 1000}  # up to which n strings are looked at
SETTLED = 6  # letters after which the gates have the values that they keep
SCALES = (1.0, 1.5, 2.0, 2.5, 3.0)  # by which the gates' weights are multiplied
LOOKED_AT = 1000  # strings that are looked at where the gates were made steeper
NOT_SEEN = 1e10  # the largest n whose drift is computed
PUBLISHED = 22_000_000  # how far a network trained by a Kalman filter is said to have counted


class Counter(NamedTuple):
    """The cell that counts two letters against each other: c' = keep c + step under each of them."""

    cell: int
    keep: tuple[float, float]
    step: tuple[float, float]


def counter(model: Any, task: Any, first: int = 0) -> Counter:
    """The cell whose steps under a letter and under the next one are the largest that oppose, and its two laws."""
    n = model.n_hidden
    trials = task.show([task.string(3 * SETTLED)])
    with torch.no_grad():
        double = copy.deepcopy(model).double()
        inputs = trials.inputs.double()
        states = double(inputs).states[0].numpy()
        gates = double.gates(inputs, torch.from_numpy(states)[None])
    places = [1 + 3 * SETTLED * letter + SETTLED for letter in (first, first + 1)]  # steps well inside each run
    rise, fall = (np.diff(states[:, n:], axis=0)[at] for at in places)
    cell = int(np.argmax(np.where(rise * fall < 0, np.minimum(abs(rise), abs(fall)), -1)))
    keep = tuple(float(gates["f"][0, at + 1, cell]) for at in places)
    step = tuple(float(gates["i"][0, at + 1, cell] * gates["g"][0, at + 1, cell]) for at in places)
    return Counter(cell, keep, step)  # type: ignore[arg-type]


def left(law: Counter, n: np.ndarray) -> np.ndarray:
    """The count left after n of the one letter and n of the next by the two laws, from 0."""
    c = np.zeros(len(n))
    for keep, step in zip(law.keep, law.step):
        forgotten = -np.expm1(n * np.log(keep))  # 1 - keep^n
        c = c * (1 - forgotten) + step * (forgotten / (1 - keep) if keep < 1 else n)
    return c


def predicted(law: Counter) -> float:
    """The largest n at which what is left has moved by less than half a step from what is left at n = 5."""
    n = np.unique(np.round(np.logspace(np.log10(5), np.log10(NOT_SEEN), 20_001)))
    moved = np.abs(left(law, n) - left(law, np.array([5.0]))) > abs(law.step[1]) / 2
    return float(n[moved.argmax() - 1]) if moved.any() else np.inf


def scaled(model: Any, factor: float) -> Any:
    """The same network with the weights of the gates i, f and of g times a factor."""
    wider = copy.deepcopy(model).double()
    with torch.no_grad():
        for p in wider.rnn.parameters():
            p[: 3 * model.n_hidden] *= factor
    return wider


def measure(
    name: str, seed: int, most: int, share: float = 1.0, scales: tuple[float, ...] = SCALES, *, folder: Path
) -> list[dict[str, Any]]:
    """One network, and what the drift of its counters says as it is and with its gates made steeper."""
    model, *_ = solved.trained(name, seed, share)
    task, rows = RECIPES[name].task, []
    for factor in scales:
        wider, looked_at = scaled(model, factor), most if factor == 1.0 else min(most, LOOKED_AT)
        system = dk.as_system(wider)
        if factor == 1.0:
            parts.leave(folder, model=wider)
        found = dk.largest_n(system, task, most=looked_at)
        for first, (one, two) in enumerate(pairwise(task.letters)):
            law = counter(wider, task, first)
            points = [dk.find_fixed_points(system, drive=task.alphabet[letter]) for letter in (one, two)]
            rows.append(
                {
                    "language": name,
                    "seed": seed,
                    "gates times": factor,
                    "counted": f"{one} against {two}",
                    "1 - f": " ".join(f"{1 - keep:.3g}" for keep in law.keep),
                    "steps": " ".join(f"{step:.6f}" for step in law.step),
                    "largest eigenvalues while counting": _eigenvalues(system, task, one),
                    "fixed points": " ".join(str(len(p)) for p in points),
                    "nearest of them, in counts": min(_distances(points), default=""),
                    "largest n, by the drift": predicted(law),
                    "looked at up to n": looked_at,
                    "largest n found": found,
                }
            )
    return rows


def _eigenvalues(system: dk.System, task: Any, letter: str) -> str:
    on_the_way = system.trajectory(system.initial_state(), task.alphabet[letter][None].repeat(20, 0))[-1]
    eigenvalues = np.linalg.eigvals(system.jacobian(on_the_way, task.alphabet[letter]).numpy())
    return " ".join(f"{v:.6f}" for v in np.sort(abs(eigenvalues))[::-1][:2])


def _distances(points: list[dk.FixedPoints]) -> list[float]:
    """How far, in the largest entry of its state, each fixed point is from zero."""
    return [float(distance) for found in points for distance in abs(found.states).max(axis=1)]


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """The counting cell along a^20 b^20, and the largest n by the drift beside the one found."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(7.0, 3.0), layout="constrained")
    left_ax, right_ax = sheet.subplots(1, 2)
    model = parts.left(rows[0], "model")
    task = RECIPES[next(iter(NAMES))].task
    with torch.no_grad():
        states = model(task.show([task.string(20)]).inputs.double()).states[0].numpy()
    for k in range(model.n_hidden):
        left_ax.plot(states[:, model.n_hidden + k], marker="o", ms=2.5, lw=1, label=f"cell {k + 1}")
    left_ax.axvline(20.5, color="0.6", lw=0.7, ls="--")
    left_ax.set_xlabel("symbol of S a$^{20}$ b$^{20}$")
    left_ax.set_ylabel("cell state")
    left_ax.legend(frameon=False, fontsize=8)
    for seed in sorted({row["seed"] for row in rows}):
        own = [row for row in rows if row["seed"] == seed]
        drift = [min(float(row["largest n, by the drift"]), NOT_SEEN) for row in own]
        line: dict[str, Any] = {"color": "#0072B2", "ms": 3, "lw": 0.8, "label": None if seed else "by the drift"}
        right_ax.semilogy([row["gates times"] for row in own], drift, "o-", **line)
        found, ended = own[0]["largest n found"], own[0]["largest n found"] == own[0]["looked at up to n"]
        look: dict[str, Any] = {"marker": "^" if ended else "x", "color": "#D55E00", "ls": "", "ms": 5, "mfc": "none"}
        label = None if seed else "found (triangle: the last looked at)"
        right_ax.semilogy([1.0], [max(found, 1)], **look, label=label)
    right_ax.axhline(PUBLISHED, color="0.6", lw=0.7, ls="--")
    right_ax.set_yticks([1e1, 1e3, 1e5, 1e7, NOT_SEEN], ["10", "10$^3$", "10$^5$", "10$^7$", "no end"])
    right_ax.minorticks_off()
    right_ax.set_ylim(5, 3e10)
    right_ax.set_xlabel("weights of the gates, times")
    right_ax.set_ylabel("largest n")
    right_ax.legend(frameon=False, fontsize=7, loc="lower right")
    for ax in (left_ax, right_ax):
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=200)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Eight networks of each language; with --quick one of the first, less trained."""
    started = time.perf_counter()
    seeds = [0] if quick else list(range(8))
    looked_at = {next(iter(NAMES)): 1000} if quick else NAMES
    how = (0.2, SCALES[::2]) if quick else (1.0, SCALES)
    jobs = [(name, seed, most, *how) for name, most in looked_at.items() for seed in seeds]
    rows = [row for own in parts.rows(measure, jobs, n_jobs) for row in own]
    parts.write("classic_tasks", out / "counting.csv", rows, seeds=seeds, started=started, quick=quick)
    figure([row for row in rows if row["language"] == next(iter(NAMES))], out / "counting.png")
