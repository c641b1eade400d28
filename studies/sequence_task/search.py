"""Which detail makes the columnar network what its table says?  Readings of its text and code, many seeds each.

Readings are compared by the whole curve, not by the mean alone: at the published elements, in units of what two means
may differ by chance.  And a run's luck is looked at before anything is learnt: how far apart the spike counts of the
two digits are that a pair of sequences begins with.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import runs
from published import CURVES, ELEMENTS, RAMKUMAR

import dynakit as dk

READINGS: dict[str, dict[str, Any]] = {
    "as coded": {},
    "no block of a column onto itself": {"own_block": False},
    "mean over the neurons of a column": {"mean": "neurons"},
    "squared distances": {"metric": "l2"},
}
ETAS = (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
PUBLISHED_ETAS = {0.0: 0.573, 1e-5: 0.611, 1e-4: 0.679, 1e-3: 0.819, 1e-2: 0.866, 1e-1: 0.733}  # two runs each
N_PUBLISHED = 10
STARTS = ((6, 1), (0, 2))  # the digits that the sequences of a pair begin with
LAGS = (6, 7)  # how far back they are when the ending is asked for
Rows = list[dict[str, Any]]


def run_one(reading: str, eta: float, seed: int, n: int) -> dict[str, Any]:
    """One run of a reading, and how far apart the starts were before it learnt."""
    settings = {"eta": eta, **READINGS[reading]}
    learner = dk.models.CSNN(runs.CODE, seed=seed, **settings)
    apart = start_distance(learner, runs.TASK.draw(seed).codes)
    began = time.process_time()
    method = dk.training.Online(max_elements=n, window=min(101, n // 20))
    history: Any = dk.train(learner, runs.TASK, method, seed=seed)
    return {
        "reading": reading,
        "eta": learner.eta,
        "seed": seed,
        "mean": history.accuracy,
        "distance of the starts": apart,
        "CPU s": time.process_time() - began,
        "_positions": history.positions,
        "_accuracies": history.accuracies,
    }


def start_distance(learner: Any, codes: np.ndarray) -> float:
    """The smaller L1 distance, over the two kinds of pairs, of the counts of the column that hears the start."""
    gaps = []
    for digits, lag in zip(STARTS, LAGS):
        counts = []
        for digit in digits:
            context = np.zeros((learner.n_columns, codes.shape[1]))
            context[-lag] = codes[digit]
            shown = learner.present(context)[0].reshape(learner.n_columns, -1)
            counts.append(shown[-lag])
        gaps.append(float(np.abs(counts[0] - counts[1]).sum()))
    return min(gaps)


def at_published(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """The mean curve at the published elements, and the standard deviation over runs there."""
    positions = np.array(rows[0]["_positions"])
    at = np.searchsorted(positions, [e for e in ELEMENTS if e <= positions[-1] + 10], side="right") - 1
    values = np.array([np.array(row["_accuracies"])[at] for row in rows])
    return values.mean(axis=0), values.std(axis=0, ddof=min(1, len(rows) - 1))


def summary(reading: str, rows: Rows) -> dict[str, Any]:
    """A reading against the publication: its mean, its spread, and its curve in standard errors."""
    mean, spread = at_published(rows)
    curve = np.array(CURVES["CSNN"][: len(mean)])
    errors = (mean - curve) / np.maximum(spread * np.sqrt(1 / len(rows) + 1 / N_PUBLISHED), 1e-9)
    means = np.array([row["mean"] for row in rows])
    n = min(len(row["_accuracies"]) for row in rows)
    std = np.array([row["_accuracies"][:n] for row in rows]).std(axis=0).mean()
    out = {"reading": reading, "n_runs": len(rows), "mean": means.mean(), "std": std, "run_std": means.std(ddof=1)}
    out |= {"published mean": RAMKUMAR["CSNN"][0], "published std": RAMKUMAR["CSNN"][1]}
    out["standard error"] = out["run_std"] / np.sqrt(len(rows))
    out["root mean square z of the curve"] = float(np.sqrt((errors**2).mean()))
    return out | {f"at {e}": value for e, value in zip(ELEMENTS, mean)}


def luck(rows: Rows) -> dict[str, Any]:
    """How much of a run's mean the distance of the starts explains, before anything is learnt."""
    x = np.log1p([row["distance of the starts"] for row in rows])
    y = np.array([row["mean"] for row in rows])
    lucky = np.array([row["distance of the starts"] for row in rows]) >= 20
    means = {name: y[some].mean() if some.any() else np.nan for name, some in (("far", lucky), ("near", ~lucky))}
    out = {"n_runs": len(rows), "correlation of mean and log(1 + distance)": float(np.corrcoef(x, y)[0, 1])}
    return out | {f"mean, starts {name}": value for name, value in means.items()} | {"share near": (~lucky).mean()}


def figure(rows: Rows, etas: Rows, path: Path) -> None:
    """Curves of the readings, the search for the learning rate, and luck."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(11.6, 5.0), layout="constrained")
    left, middle, right = sheet.subplots(1, 3)
    colors = ("#000000", "#D55E00", "#009E73", "#0072B2")
    for reading, color in zip(READINGS, colors):
        own = [row for row in rows if row["reading"] == reading]
        if not own:
            continue
        mean, _ = at_published(own)
        left.plot(ELEMENTS[: len(mean)], mean, "-", color=color, lw=1.1, label=f"{reading} ({len(own)})")
    left.plot(ELEMENTS, CURVES["CSNN"], "kx", ms=5, label="published (10)")
    left.set(xlabel="element of the stream", ylabel="accuracy over the last 101 sequences", ylim=(0, 1.02))
    found = sorted({row["eta"] for row in etas})
    place = {eta: k for k, eta in enumerate(found)}
    middle.plot([place[row["eta"]] for row in etas], [row["mean"] for row in etas], ".", color="#999999", label="runs")
    means = [np.mean([row["mean"] for row in etas if row["eta"] == eta]) for eta in found]
    middle.plot(range(len(found)), means, "-", color="#000000", lw=1, label="mean")
    known = [(place[eta], value) for eta, value in PUBLISHED_ETAS.items() if eta in place]
    middle.plot(*zip(*known), "x", color="#D55E00", label="published (2 runs each)")
    middle.set(xticks=range(len(found)), xticklabels=[f"{eta:g}" for eta in found], xlabel="learning rate")
    middle.set(ylabel="mean windowed accuracy")
    base = [row for row in rows if row["reading"] == "as coded"]
    apart, means = [1 + row["distance of the starts"] for row in base], [row["mean"] for row in base]
    right.semilogx(apart, means, "o", ms=4, color="#0072B2")
    right.axhline(RAMKUMAR["CSNN"][0], color="0.5", lw=0.8, ls=":")
    right.set(xlabel="1 + distance of the starts (spikes)", ylabel="mean windowed accuracy")
    for ax in (left, middle, right):
        ax.spines[["top", "right"]].set_visible(False)
    for ax in (left, middle):
        ax.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=160)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """All readings and learning rates."""
    started = time.perf_counter()
    n, most, some, few = (600, 2, 2, 2) if quick else (20_002, 20, 6, 2)
    readings = list(READINGS)[:2] if quick else list(READINGS)
    jobs = [(name, 0.008, seed, n) for name in readings for seed in range(some if name != "as coded" else most)]
    etas = [("as coded", eta, seed, n) for eta in (ETAS[::5] if quick else ETAS) for seed in range(few)]
    found = parts.rows(run_one, [*jobs, *etas], n_jobs)
    rows, swept = found[: len(jobs)], found[len(jobs) :]
    seeds = list(range(most))

    def write(name: str, table: Rows) -> None:
        parts.write(runs.STUDY, out / f"{name}.csv", table, seeds=seeds, started=started, quick=quick)

    groups = {name: [row for row in rows if row["reading"] == name] for name in readings}
    write("search", [summary(name, own) for name, own in groups.items()])
    write("search_runs", [*rows, *swept])
    write("search_luck", [luck(groups["as coded"])])
    figure(rows, swept, out / "search.png")
