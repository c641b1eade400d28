"""(i) Does the spectrum of the connectivity predict the dynamics?

A leaky network x' = (1 - a) x + a (W f(x) + d) has the Jacobian (1 - a) + a W diag f'(x).  If all slopes were 1 its
eigenvalues were (1 - a) + a lambda, lambda those of W: what the spectrum predicts.  Atanasov (2016) ends with the hope
that it tells the dynamics; here it is compared with the eigenvalues at the memories and at the saddles between them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr

import dynakit as dk

N = 30
TASK = dk.tasks.FlipFlop(1)
KINDS: dict[str, dict[str, Any]] = {
    "tanh": {"activation": "tanh"},
    "ReLU, Dale": {"dale": "abs", "autapses": False},
}


def measure(kind: str, seed: int, n_updates: int, *, folder: Path) -> dict[str, Any]:
    """One network: what W predicts, and the spectra at its fixed points."""
    model = dk.models.LeakyRNN.for_task(TASK, n_hidden=N, sigma_rec=0.05, seed=seed, **KINDS[kind])
    before = _predicted(model)
    dk.train(model, TASK, dk.training.BPTT(max_updates=n_updates, stop_at_score=0.999), seed=seed)
    system = dk.as_system(model)
    trials = TASK.sample(64, seed=seed)
    recorded = dk.record(system, trials.inputs)
    points = dk.find_fixed_points(system, recorded.states, TASK.rest, seed=seed)
    predicted = _predicted(model)
    memories, saddles = (part.eigenvalues for part in (points.stable, points.saddles))
    parts.leave(folder, predicted=predicted, memories=memories, saddles=saddles)
    return {
        "network": kind,
        "seed": seed,
        "score": TASK.score(recorded.outputs, trials),
        "stable": len(memories),
        "saddles": len(saddles),
        "before training": _radius(before),
        "predicted from W": _radius(predicted),
        "at the memories": _radius(memories),
        "at the saddles": _radius(saddles),
        "predicted unstable": int((np.abs(predicted) > 1).sum()),
        "distance at the memories": _distance(predicted, memories),
        "distance at the saddles": _distance(predicted, saddles),
    }


def _predicted(model: Any) -> np.ndarray:
    """(1 - a) + a lambda of the weights that act."""
    W = model.effective_weights().W_rec.detach().numpy().astype(float)
    return 1 - model.alpha + model.alpha * np.linalg.eigvals(W)


def _radius(eigenvalues: np.ndarray) -> float:
    return float(np.abs(eigenvalues).max()) if eigenvalues.size else float("nan")


def _distance(predicted: np.ndarray, spectra: np.ndarray) -> float:
    """Mean distance of eigenvalues that are matched best, averaged over the spectra (point, unit)."""
    found = []
    for values in spectra:
        gaps = np.abs(predicted[:, None] - values)
        found.append(gaps[linear_sum_assignment(gaps)].mean())
    return float(np.mean(found)) if found else float("nan")


def strangers(rows: list[dict[str, Any]]) -> None:
    """Add to each row how far its spectra are from what the W of the other networks of its kind predicts."""
    for row in rows:
        others = [r for r in rows if r["network"] == row["network"] and r["seed"] != row["seed"]]
        for name in ("memories", "saddles"):
            own = parts.left(row, name)
            gaps = [_distance(parts.left(other, "predicted"), own) for other in others]
            row[f"of another network's W, {name}"] = float(np.mean(gaps)) if gaps else float("nan")


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Over the networks of each kind: does the leading eigenvalue follow the prediction, and is the own W nearer?"""
    found = []
    for kind in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == kind]
        for name in ("memories", "saddles"):
            pairs = np.array([(r["predicted from W"], r[f"at the {name}"]) for r in own])
            pairs = pairs[np.isfinite(pairs).all(axis=1)]
            rank: Any = spearmanr(*pairs.T) if len(pairs) > 2 else None
            found.append(
                {
                    "network": kind,
                    "at the": name,
                    "networks": len(pairs),
                    "predicted from W, median": float(np.median(pairs[:, 0])) if len(pairs) else np.nan,
                    "measured, median": float(np.median(pairs[:, 1])) if len(pairs) else np.nan,
                    "rank correlation": float(rank.statistic) if rank else np.nan,
                    "p": float(rank.pvalue) if rank else np.nan,
                    "distance from own W": float(np.mean([r[f"distance at the {name}"] for r in own])),
                    "from another's W": float(np.mean([r[f"of another network's W, {name}"] for r in own])),
                }
            )
    return found


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Spectra of one network of each kind, and the leading eigenvalues of all against the prediction."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    kinds = list(dict.fromkeys(row["network"] for row in rows))
    sheet = Figure(figsize=(4.4 * (len(kinds) + 1), 4.3), layout="constrained")
    *planes, last = sheet.subplots(1, len(kinds) + 1)
    marks = (("predicted from W", "0.6", "s"), ("at the memories", "#000000", "o"), ("at the saddles", "#D55E00", "D"))
    for kind, ax in zip(kinds, planes):
        row = next(row for row in rows if row["network"] == kind)
        spectra = [parts.left(row, name) for name in ("predicted", "memories", "saddles")]
        for (name, colour, mark), values in zip(marks, spectra):
            ax.plot(np.real(values).ravel(), np.imag(values).ravel(), mark, color=colour, mfc="none", ms=5, label=name)
        ax.add_patch(Circle((0, 0), 1, fill=False, color="0.6", lw=0.8))
        ax.set(xlabel="Re", ylabel="Im", title=f"{kind}, one network", aspect="equal")
        ax.legend(frameon=False, fontsize=8)
    for kind, fill in zip(kinds, ("full", "none")):
        own = [row for row in rows if row["network"] == kind]
        for name, colour, mark in marks[1:]:
            x, y = ([row[column] for row in own] for column in ("predicted from W", name))
            last.plot(x, y, mark, color=colour, fillstyle=fill, ms=5, label=f"{kind}, {name}")
    last.axline((1, 1), slope=1, color="0.7", lw=0.8)
    last.set(xlabel="largest modulus predicted from W", ylabel="largest modulus found", title="all networks")
    last.legend(frameon=False, fontsize=8)
    for ax in (*planes, last):
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Ten networks of each kind."""
    started = time.perf_counter()
    seeds = [0, 1] if quick else list(range(10))
    rows = parts.rows(measure, [(kind, seed, 300) for kind in KINDS for seed in seeds], n_jobs)
    strangers(rows)
    for name, table in (("spectrum", rows), ("spectrum_summary", summary(rows))):
        parts.write("flip_flop", out / f"{name}.csv", table, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "spectrum.png")
