"""Table 2 of Ramkumar (2019), ten seeds each, and what else learns on the same stream: accuracies, curves, yardsticks.

The published spread is the standard deviation over runs at each evaluation, averaged over the run; the standard
deviation of the runs' own means, which says how well the mean is known, is smaller.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import runs
from published import CUI, CURVES, ELEMENTS, RAMKUMAR

TABLE = ("KNN", "TDNN", "TDSNN", "LSTM", "CSNN")
BESIDE = {"LSTM, batch rule": 5, "TDNN, retrained every 100": 10, "KNN, 3,000 contexts": 10}
BESIDE |= {"KNN, 1,000 contexts": 10, "longest match": 10}
WHOLE = ("KNN", "TDNN")  # with --quick
COLORS = {"KNN": "#E69F00", "TDNN": "#009E73", "TDSNN": "#56B4E9", "LSTM": "#0072B2", "CSNN": "#D55E00"}
Rows = list[dict[str, Any]]


def found(quick: bool, n_jobs: int) -> dict[str, Rows]:
    """The runs of every learner."""
    seeds = dict.fromkeys(TABLE, 2 if quick else 10) | ({} if quick else BESIDE)
    todo = []
    for name, n in seeds.items():
        settings = {"max_elements": runs.QUICK} if quick and name not in WHOLE else {}
        todo += runs.jobs(name, list(range(n)), n_jobs, settings)
    rows: dict[str, Rows] = {name: [] for name in seeds}
    for job, part in zip(todo, runs.all_runs(todo, n_jobs)):
        rows[job[0]] += part
    return rows


def curves(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """The elements (evaluation,) and accuracies (run, evaluation) of runs of one learner."""
    n = min(len(row["_positions"]) for row in rows)
    return np.array(rows[0]["_positions"][:n]), np.array([row["_accuracies"][:n] for row in rows])


def summary(name: str, rows: Rows) -> dict[str, Any]:
    """One row of the table."""
    _, accuracies = curves(rows)
    means = [row["mean"] for row in rows]
    out = {"model": name, "mean": float(np.mean(means)), "std": float(accuracies.std(axis=0).mean())}
    spread = float(np.std(means, ddof=1)) if len(means) > 1 else float("nan")
    published = dict(zip(("published mean", "published std"), RAMKUMAR.get(name, ("", ""))))
    seconds = float(np.mean([row["CPU s"] for row in rows]))
    hits = float(np.mean([row["hits"] for row in rows]))
    return out | {"run_std": spread, "n_runs": len(rows), **published, "hit rate": hits, "CPU s per run": seconds}


def landmarks(name: str, rows: Rows) -> Rows:
    """The mean curve at the published elements, and when it first reaches and regains levels."""
    elements, accuracies = curves(rows)
    mean, spread = accuracies.mean(axis=0), accuracies.std(axis=0)
    out = []
    for k, element in enumerate(ELEMENTS):
        if element <= elements[-1] + 10:
            at = int(np.searchsorted(elements, element, side="right")) - 1
            row = {"model": name, "element": element, "accuracy": float(mean[at]), "std": float(spread[at])}
            out.append({**row, "published": CURVES[name][k] if name in CURVES else ""})
    return out


def levels(name: str, rows: Rows) -> dict[str, Any]:
    """First element at which the mean curve reaches a level, before the exchange and again after it."""
    elements, accuracies = curves(rows)
    mean = accuracies.mean(axis=0)
    swapped = elements >= runs.TASK.swap_at
    fallen = np.maximum.accumulate(swapped & (mean < 0.9 * mean[~swapped][-1]))
    out: dict[str, Any] = {"model": name}
    for level in (0.9, 0.95, 1.0):
        for when, among in (("before", ~swapped), ("after", swapped & fallen)):
            reached = elements[among & (mean >= level - 1e-9)]
            out[f"{level:g} {when} the exchange"] = int(reached[0]) if len(reached) else "never"
    if swapped.any():
        out |= {"at the exchange": float(mean[~swapped][-1]), "lowest after it": float(mean[swapped].min())}
        out["last"] = float(mean[-1])
    return out


def yardsticks(rows: dict[str, Rows]) -> Rows:
    """What the table is to be read against: the ceiling of any learner of prefixes, bounded memories, other papers."""
    out = []
    for name, own in rows.items():
        elements, accuracies = curves(own)
        mean, late = accuracies.mean(axis=0), elements >= runs.TASK.swap_at
        parts = {"before the exchange": mean[~late].mean(), "last": mean[-1]}
        if late.any():
            parts["after it"] = mean[late].mean()
        row = {"learner": name, "source": "this study", "mean": mean.mean(), "std": accuracies.std(axis=0).mean()}
        out.append(row | parts)
    names = ("mean", "std", "before the exchange", "after it", "last")
    other = "Cui, Ahmad and Hawkins (2016)"
    return out + [{"learner": name, "source": other, **dict(zip(names, row))} for name, row in CUI.items()]


def figure(rows: dict[str, Rows], path: Path) -> None:
    """Mean accuracy over the stream, its spread over runs, and the published means."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(9.2, 5.4), layout="constrained")
    axes = sheet.subplots(2, 3, sharex=True, sharey=True).ravel()
    for ax, name in zip(axes, TABLE):
        elements, accuracies = curves(rows[name])
        mean, spread = accuracies.mean(axis=0), accuracies.std(axis=0)
        ax.fill_between(elements, mean - spread, mean + spread, color=COLORS[name], alpha=0.25, lw=0)
        ax.plot(elements, mean, color=COLORS[name], lw=1.2)
        (published,) = ax.plot(ELEMENTS, CURVES[name], "kx", ms=4, label="published mean of 10 runs")
        ax.set_title(f"{name}: mean and std of {len(accuracies)} runs", fontsize=10)
    beside = _beside(axes[5], rows)
    for ax in axes:
        ax.axvline(runs.TASK.swap_at, color="0.5", lw=0.8, ls=":")
        ax.spines[["top", "right"]].set_visible(False)
    sheet.legend(handles=[published, *beside], loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    axes[0].set(ylim=(-0.02, 1.04), xlim=(0, 20_500), xticks=range(0, 20_001, 5000))
    for ax in axes[3:]:
        ax.set_xlabel("element of the stream")
    sheet.supylabel("accuracy over the last 101 sequences", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=160)


def _beside(ax: Any, rows: dict[str, Rows]) -> list[Any]:
    """Learners that are not in the table, or the curves of all if there is none; the lines."""
    styles = {"longest match": "#000000", "TDNN, retrained every 100": "#009E73", "KNN, 3,000 contexts": "#E69F00"}
    styles["LSTM, batch rule"] = "#0072B2"
    others = {name: color for name, color in styles.items() if name in rows}
    lines = []
    for name, color in (others or COLORS).items():
        elements, accuracies = curves(rows[name])
        lines += ax.plot(elements, accuracies.mean(axis=0), color=color, lw=1.2, label=name)
    ax.set_title("beside the table" if others else "all", fontsize=10)
    return lines


def distances(path: Path) -> None:
    """Squared distances between the codes of the digits, of one seed."""
    from matplotlib.figure import Figure

    codes = runs.TASK.draw(0).codes[:10]
    squared = ((codes[:, None] - codes[None]) ** 2).sum(axis=-1)
    sheet = Figure(figsize=(4.4, 3.6), layout="constrained")
    ax = sheet.subplots()
    image = ax.imshow(squared, cmap="cividis", vmin=0)
    for i, j in np.ndindex(squared.shape):
        color = "w" if squared[i, j] < 18 else "k"
        ax.text(j, i, f"{squared[i, j]:.0f}", ha="center", va="center", fontsize=7, color=color)
    ax.set(xticks=range(10), yticks=range(10), xlabel="digit", ylabel="digit")
    sheet.colorbar(image, label="squared distance of codes")
    sheet.savefig(path, dpi=160)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """All runs, the tables and the figures."""
    started = time.perf_counter()
    rows = found(quick, n_jobs)
    seeds = list(range(max(len(own) for own in rows.values())))

    def write(name: str, table: Rows) -> None:
        parts.write(runs.STUDY, out / f"{name}.csv", table, seeds=seeds, started=started, quick=quick)

    write("runs", [row for own in rows.values() for row in own])
    write("table2", [summary(name, rows[name]) for name in TABLE])
    write("yardsticks", yardsticks(rows))
    write("landmarks", [row for name in TABLE for row in landmarks(name, rows[name])])
    write("levels", [levels(name, own) for name, own in rows.items()])
    figure(rows, out / "accuracies.png")
    distances(out / "codes.png")
