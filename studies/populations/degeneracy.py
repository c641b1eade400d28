"""(a) How much do networks differ that learnt the same?  After Huang et al. (2025)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import likeness
import numpy as np
import parts
import thousand
from thousand import Condition

BASE = Condition()
# What Huang et al. found: a factor, its least and its most, and the sign for dynamics, weights and behaviour.
FACTORS = {
    "more bits": (BASE._replace(bits=1), BASE._replace(bits=4), ("down", "up", "down")),
    "wider": (BASE._replace(units=16), BASE._replace(units=128), ("down", "down", "down")),
    "l1 penalty": (BASE, BASE._replace(l1=3.0), ("down", "down", "down")),
    "l2 penalty": (BASE, BASE._replace(l2=10.0), ("", "", "")),
    "trained longer": (BASE._replace(stop=0.98), BASE._replace(stop=0.9998), ("", "", "")),
}
MEASURES = {
    "DSA, rank 10": 0,
    "DSA, rank 5": 0,
    "shape": None,
    "weights": 1,
    "weights, per weight": 1,
    "weights, relative": None,
    "behaviour": 2,
}


def signs(rows: dict[Condition, dict[str, Any]]) -> list[dict[str, Any]]:
    """What each factor does at each level of description, beside what was published."""
    found = []
    for factor, (least, most, published) in FACTORS.items():
        if least not in rows or most not in rows:
            continue
        low, high = (_per_weight(rows[end], end.units) for end in (least, most))
        for name, place in MEASURES.items():
            error = f"{name} error" if name.endswith("relative") else f"{name}, error"
            z = (high[name] - low[name]) / np.hypot(low[error], high[error])
            found.append(
                {"factor": factor, "from": str(least), "to": str(most), "measure": name}
                | {"at the least": low[name], "at the most": high[name]}
                | {"null at the most": high.get(f"{name}, null", np.nan)}
                | {"z": z, "here": "up" if z > 2 else "down" if z < -2 else "no clear sign"}
                | {"Huang et al.": "" if place is None else published[place]}
            )
    return found


def _per_weight(row: dict[str, Any], units: int) -> dict[str, Any]:
    """A row with the distance of weights over their number, as Huang et al. take it where sizes differ."""
    names = {"weights, per weight": "weights", "weights, per weight, error": "weights, error"}
    return row | {name: row[of] / units**2 for name, of in names.items()}


def figure(rows: dict[Condition, dict[str, Any]], path: Path) -> None:
    """Bits and width against dynamics and weights, each beside its null."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(12, 7), layout="constrained")
    axes = sheet.subplots(2, 3)
    factors = {"bits": [BASE._replace(bits=k) for k in (1, 2, 3, 4)]}
    factors["units"] = [BASE._replace(units=k) for k in (16, 32, 64, 128)]
    for line, (name, levels) in zip(axes, factors.items()):
        there = [level for level in levels if level in rows]
        x = np.array([getattr(level, name) for level in there])
        found = [rows[level] for level in there]
        _dynamics(line[0], x, found)
        _weights(line[1], x, found)
        y, error = (np.array([row[column] for row in found]) for column in ("behaviour", "behaviour, error"))
        line[2].errorbar(x, y, 2 * error, fmt="o-", color="#000000", capsize=2)
        line[2].set_ylabel("spread of the loss on long trials")
        for ax in line:
            ax.set_xscale("log", base=2)
            ax.set_xticks(x, [str(k) for k in x])
            ax.minorticks_off()
            ax.set_xlabel("bits, 32 units" if name == "bits" else "units, 3 bits")
            ax.set_ylim(0, 1.1 * ax.get_ylim()[1])
            ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[0, :2]:
        ax.legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=150)


def _dynamics(ax: Any, x: np.ndarray, found: list[dict[str, Any]]) -> None:
    for name, colour in (("DSA, rank 10", "#D55E00"), ("DSA, rank 5", "#0072B2")):
        y, error, null = (np.array([row[name + end] for row in found]) for end in ("", ", error", ", null"))
        ax.errorbar(x, y, 2 * error, fmt="o-", color=colour, capsize=2, label=f"two networks, {name}")
        ax.plot(x, null, ":", color=colour, label=f"one on other trials, {name}")
    ax.set_ylabel("distance of propagators of norm 1")


def _weights(ax: Any, x: np.ndarray, found: list[dict[str, Any]]) -> None:
    for name, mark in (("weights", "-"), ("weights before training", ":")):
        column = f"{name}, relative"
        y, error = (np.array([row[end] for row in found]) for end in (column, f"{column} error"))
        label = "over the norm" + (", before training" if mark == ":" else "")
        ax.errorbar(x, y, 2 * error, fmt=f"o{mark}", color="#009E73", capsize=2, label=label)
    raw = np.array([row["weights"] for row in found])
    ax.plot(x, raw / raw.max(), "s--", color="#7F7F7F", label=f"as it is, over {raw.max():.2g}")
    ax.set_ylabel("distance of weights")


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every condition, in processes side by side; what was done before is read."""
    started = time.perf_counter()
    sweep = thousand.swept(quick, n_jobs)
    chosen = {condition: ids for condition, ids in thousand.conditions(sweep).items() if len(ids) > 2}
    rows = parts.rows(likeness.measure, [(str(condition), ids, quick) for condition, ids in chosen.items()], n_jobs)
    said = {"seeds": sorted(set(thousand.numbers(sweep, "replicate").astype(int).tolist())), "quick": quick}
    parts.write(thousand.STUDY, out / "degeneracy.csv", rows, started=started, **said)
    by_condition = dict(zip(chosen, rows))
    if not quick:
        parts.write(thousand.STUDY, out / "degeneracy_signs.csv", signs(by_condition), started=started, **said)
        figure(by_condition, out / "degeneracy.png")
