"""What a prediction costs: synaptic operations of each learner while the stream goes by.

Energies are those of a 45 nm chip, 32-bit floating point: 4.6 pJ for a multiply-accumulate, .9 pJ for an addition
(Horowitz 2014, "Computing's energy problem", ISSCC).  Memory access, which costs more, is not in them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import runs

import dynakit as dk

MULTIPLY, ADD = 4.6, 0.9  # pJ
LEARNERS = ("KNN", "longest match", "TDNN", "TDSNN", "LSTM", "CSNN")
COLOURS = dict(zip(LEARNERS, ("#000000", "0.6", "#0072B2", "#56B4E9", "#D55E00", "#009E73")))


def measure(name: str, seed: int, n_elements: int) -> dict[str, Any]:
    """Operations of the prediction after every hundredth element of one run."""
    learner, stream = runs.LEARNERS[name](seed), runs.TASK.draw(seed)
    counts = []

    def look(n: int, info: dict[str, Any]) -> None:
        past = dk.models.Past(stream.codes[stream.ids[:n]], stream.ids[:n])
        counts.append((n, *learner.operations(past)))

    history: Any = dk.train(learner, runs.TASK, dk.training.Online(max_elements=n_elements), seed=seed, callback=look)
    late = np.array([row[1:] for row in counts[len(counts) // 2 :]], float)
    products, sums = late.mean(axis=0)
    return {
        "model": name,
        "elements": n_elements,
        "multiply-accumulates": float(products),
        "additions": float(sums),
        "least": float(late.sum(axis=1).min()),
        "most": float(late.sum(axis=1).max()),
        "energy (nJ)": float(products * MULTIPLY + sums * ADD) / 1000,
        "mean accuracy": history.accuracy,
        "_counts": np.array(counts),
    }


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Operations of a prediction against the place in the stream."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(6.6, 4.2), layout="constrained")
    ax = sheet.subplots()
    for row in rows:
        n, products, sums = np.array(row["_counts"]).T
        ax.plot(n, np.maximum(products + sums, 1), lw=1.4, color=COLOURS[row["model"]], label=row["model"])
    ax.set(yscale="log", xlabel="element", ylabel="synaptic operations of a prediction")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every learner, one seed."""
    started = time.perf_counter()
    n_elements = 400 if quick else 2000
    rows = parts.rows(measure, [(name, 0, n_elements) for name in LEARNERS], n_jobs)
    parts.write("sequence_task", out / "operations.csv", rows, seeds=[0], started=started, quick=quick)
    figure(rows, out / "operations.png")
