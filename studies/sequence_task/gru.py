"""A GRU in the place of the LSTM: ten runs of the learner that the published figure has, and the table has not.

It learns as the LSTM does, a hundred gradient steps for each element, on the same stream and by the same measure.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import parts
import runs
import table
from published import GRU

Rows = list[dict[str, Any]]


def found(quick: bool, n_jobs: int) -> Rows:
    """The runs, a job for each seed: what is done is kept when the rest is not."""
    seeds, settings = ([0], {"max_elements": 1000}) if quick else (list(range(10)), {})
    todo = runs.jobs("GRU", seeds, len(seeds), settings)
    return [row for part in runs.all_runs(todo, n_jobs) for row in part]


def moments(rows: Rows) -> Rows:
    """Means before and after the exchange, and the accuracies around it, beside those of the published curve."""
    yardstick, level = table.yardsticks({"GRU": rows})[0], table.levels("GRU", rows)
    here = {name: yardstick.get(name, level.get(name)) for name in GRU}
    return [{"what": name, "here": here[name], "published": value} for name, value in GRU.items()]


def figure(rows: Rows, path: Path) -> None:
    """Every run, their mean and spread, and what is known of the published curve."""
    from matplotlib.figure import Figure

    elements, accuracies = table.curves(rows)
    mean, spread = accuracies.mean(axis=0), accuracies.std(axis=0)
    swap = runs.TASK.swap_at or 0
    sheet = Figure(figsize=(6.4, 3.8), layout="constrained")
    ax = sheet.subplots()
    ax.plot(elements, accuracies.T, color="0.75", lw=0.6, label=["each run"] + [None] * (len(rows) - 1))
    ax.fill_between(elements, mean - spread, mean + spread, color="#CC79A7", alpha=0.3, lw=0)
    ax.plot(elements, mean, color="#CC79A7", lw=1.6, label=f"mean and standard deviation of {len(rows)} runs")
    if elements[-1] > swap:
        halves = ((0, swap, "before the exchange"), (swap, 20_000, "after it"))
        for k, (start, end, name) in enumerate(halves):
            said = "" if k else "published means of the halves"
            ax.hlines(GRU[name], start, end, color="k", lw=0.9, ls="--", label=said)
        at = [swap, 10_860, 20_000]
        known = [GRU[name] for name in ("at the exchange", "lowest after it", "last")]
        ax.plot(at, known, "kx", ms=6, label="published, read off the curve")
    ax.axvline(swap, color="0.5", lw=0.8, ls=":")
    ax.set(xlabel="element of the stream", ylabel="accuracy over the last 101 sequences")
    ax.set(xlim=(0, 20_500), ylim=(0, 1.02))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """All runs, their table and their curve."""
    started = time.perf_counter()
    rows = found(quick, n_jobs)
    tables = {"gru": [table.summary("GRU", rows)], "gru_runs": rows, "gru_moments": moments(rows)}
    for name, own in tables.items():
        seeds = [row["seed"] for row in rows]
        parts.write(runs.STUDY, out / f"{name}.csv", own, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "gru.png")


if __name__ == "__main__":
    parts.main("sequence_task", {"gru": run}, __doc__ or "")
