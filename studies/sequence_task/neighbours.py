"""How many neighbours, which distance, which codes: what the published text says beside what its code does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts

import dynakit as dk

KS = (1, 3, 5, 11)
METRICS = {"l1": "sum of differences", "l2": "Euclid"}
CODES = ("random", "one-hot")
COLOURS = dict(zip(KS, ("#000000", "#0072B2", "#009E73", "#D55E00")))


def measure(codes: str, metric: str, k: int, seed: int, n_elements: int | None) -> dict[str, Any]:
    """One run over the published stream."""
    task = dk.tasks.SequenceStream(codes=codes)
    learner = dk.models.NearestNeighbours.for_task(task, k=k, metric=metric)
    history: Any = dk.train(learner, task, dk.training.Online(max_elements=n_elements), seed=seed)
    before = history.positions < task.swap_at
    return {
        "codes": codes,
        "distance": METRICS[metric],
        "k": k,
        "seed": seed,
        "mean": history.accuracy,
        "hits before": float(history.hits[before].mean()),
        "hits after": float(history.hits[~before].mean()) if (~before).any() else float("nan"),
        "last": float(history.accuracies[-1]),
        "_curve": (history.positions, history.accuracies),
    }


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Accuracy over the stream for each number of neighbours: a panel for each kind of codes, Euclid's distance."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(10, 3.8), layout="constrained")
    for codes, ax in zip(CODES, sheet.subplots(1, 2, sharey=True)):
        for k, colour in COLOURS.items():
            own = [r for r in rows if (r["codes"], r["k"], r["distance"]) == (codes, k, METRICS["l2"])]
            for row in own[:1]:
                ax.plot(*row["_curve"], lw=1, color=colour, label=f"k = {k}")
        ax.set(xlabel="element", title=f"{codes} codes")
        ax.spines[["top", "right"]].set_visible(False)
    sheet.axes[0].legend(frameon=False, fontsize=8)
    sheet.axes[0].set_ylabel("right of the last 101 endings (share)")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The mean over seeds of each setting."""
    found = []
    for key in dict.fromkeys((r["codes"], r["distance"], r["k"]) for r in rows):
        own = [r for r in rows if (r["codes"], r["distance"], r["k"]) == key]
        means = {name: float(np.mean([r[name] for r in own])) for name in ("mean", "hits before", "hits after", "last")}
        found.append(dict(zip(("codes", "distance", "k"), key)) | {"runs": len(own)} | means)
    return found


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every setting; a seed draws random codes, and one-hot codes are the same for all."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1]
    n_elements = 1500 if quick else None
    jobs = [
        (codes, metric, k, seed, n_elements)
        for codes in CODES
        for metric in METRICS
        for k in KS
        for seed in (seeds if codes == "random" else seeds[:1])
    ]
    rows = parts.rows(measure, jobs, n_jobs)
    parts.write("sequence_task", out / "neighbours.csv", summary(rows), seeds=seeds, started=started, quick=quick)
    figure(rows, out / "neighbours.png")
