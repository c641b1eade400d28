"""What is left when units die, when sequences are corrupted, and when a sequence may end in two ways.

As in Cui, Ahmad and Hawkins (2016): no endings are exchanged here; a share of the units dies at element 10,000; from
element 12,000 on one of the elements 2 to 4 of every sequence is another digit; or each sequence has two endings, of
which either may be foreseen.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import runs
from published import AFTER_DEATH, DEATH

SHARES = (0.0, 0.1, 0.3, 0.5)
DEATH_AT, NOISE_AT = 10_000, 12_000
MORTAL = ("TDNN", "LSTM", "CSNN")
ALL = ("KNN", "KNN, 3,000 contexts", "longest match", "TDNN", "LSTM", "CSNN")
WINDOW = 101  # evaluations
COLORS = {"KNN": "#E69F00", "KNN, 3,000 contexts": "#999999", "longest match": "#000000", "TDNN": "#009E73"}
COLORS |= {"LSTM": "#0072B2", "CSNN": "#D55E00"}


def todo(quick: bool) -> list[tuple[str, float, int, tuple[Any, ...]]]:
    """What is done to whom, how much, from which element on, and the run."""
    seeds = [0] if quick else [0, 1, 2]
    end, early = (900, 400) if quick else (DEATH_AT + 3000, DEATH_AT)
    late, noisy = (900, 400) if quick else (NOISE_AT + 4000, NOISE_AT)
    mortal, everyone = (("TDNN",), ("KNN",)) if quick else (MORTAL, ALL)
    jobs = []
    for name in mortal:
        for share in SHARES[::3] if quick else SHARES:
            death = {"kill_at": early, "kill_share": share}
            stream = {"swap_at": None, "n_elements": end}
            jobs += [("units die", share, early, job) for job in _each(name, seeds, death, stream)]
    for name in everyone:
        noise = {"swap_at": None, "n_elements": late, "temporal_noise": 1.0, "noise_from": noisy}
        jobs += [("elements replaced", 1.0, noisy, job) for job in _each(name, seeds, {}, noise)]
        two = {"swap_at": None, "n_elements": end, "n_endings": 2}
        jobs += [("two endings", 2.0, early, job) for job in _each(name, seeds, {}, two)]
    return jobs


def _each(name: str, seeds: list[int], settings: dict[str, Any], stream: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(name, [seed], settings, stream) for seed in seeds]


def measures(what: str, much: float, at: int, run: dict[str, Any]) -> dict[str, Any]:
    """Shares of hits of one run: just before the element ``at``, just after it, and at the end."""
    positions, hits = np.array(run["_positions"]), np.array(run["_hits"])
    before, after = hits[positions < at], hits[positions >= at]
    row = {"what": what, "how much": much, "model": run["model"], "seed": run["seed"]}
    shares = {"before": before[-WINDOW:], "just after": after[:WINDOW], "at the end": after[-WINDOW:]}
    return row | {name: float(part.mean()) for name, part in shares.items()}


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Accuracy after death against the share of the dead; accuracy before, just after and long after corruption."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(9.6, 3.9), layout="constrained")
    left, right = sheet.subplots(1, 2, sharey=True)
    for name in dict.fromkeys(row["model"] for row in rows if row["what"] == "units die"):
        shares = sorted({row["how much"] for row in rows if row["what"] == "units die"})
        for measure, style in (("just after", "o-"), ("at the end", "s:")):
            means = [_mean(rows, "units die", name, measure, share) for share in shares]
            left.plot(shares, means, style, ms=4, lw=1.2, color=COLORS[name], label=f"{name}, {measure}")
    left.plot(DEATH, AFTER_DEATH["HTM"], "kx", ms=5, label="HTM (Cui et al. 2016)")
    left.plot(DEATH, AFTER_DEATH["LSTM"], "+", ms=6, color="0.4", label="LSTM (Cui et al. 2016)")
    left.set(xlabel="share of units that die", ylabel="accuracy over 101 sequences", ylim=(-0.02, 1.04))
    moments = ("before", "just after", "at the end")
    for name in dict.fromkeys(row["model"] for row in rows if row["what"] == "elements replaced"):
        means = [_mean(rows, "elements replaced", name, moment, 1.0) for moment in moments]
        right.plot(range(3), means, "o-", ms=4, lw=1.2, color=COLORS[name], label=name)
    right.set(xticks=range(3), xticklabels=moments, xlabel="one early element of every sequence is replaced")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=160)


def _mean(rows: list[dict[str, Any]], what: str, name: str, measure: str, much: float) -> float:
    own = [row for row in rows if (row["what"], row["model"], row["how much"]) == (what, name, much)]
    return float(np.mean([row[measure] for row in own]))


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """All runs, the table and the figure."""
    started = time.perf_counter()
    jobs = todo(quick)
    found = runs.all_runs([job for *_, job in jobs], n_jobs)
    rows = [measures(what, much, at, own[0]) for (what, much, at, _), own in zip(jobs, found)]
    seeds = sorted({row["seed"] for row in rows})
    parts.write(runs.STUDY, out / "robustness.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "robustness.png")
