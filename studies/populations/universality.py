"""(b) Universality: do networks that learnt the same have the same fixed points, and the same geometry?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import nearness
import numpy as np
import parts
import thousand
from scipy.special import comb
from thousand import Condition

import dynakit as dk

KINDS = ("Elman", "GRU", "LSTM", "leaky tanh", "leaky ReLU", "Dale")
COLORS = dict(zip(KINDS, ("#000000", "#D55E00", "#009E73", "#0072B2", "#CC79A7", "#E69F00")))
N_COMPARED = 8  # networks of each kind
def ideal(n_bits: int) -> str:
    """Fixed points of n switches that do not touch each other, by unstable dimension, as the table writes them."""
    return "/".join(str(int(comb(n_bits, k)) * 2 ** (n_bits - k)) for k in range(n_bits + 1))


def shares(sweep: dk.sweeps.Sweep) -> list[dict[str, Any]]:
    """Under each condition, how many networks have the ideal fixed points, and how many the ideal machine."""
    table = sweep.table()
    number = {name: k for k, name in enumerate(sweep.ids.tolist())}
    rows = []
    for condition, ids in thousand.conditions(sweep).items():
        those = [number[name] for name in ids]
        points = np.array([table["by_unstable"][k] == ideal(condition.bits) for k in those])
        machine = np.array([float(table["machine_agreement"][k]) == 1.0 for k in those])
        memories = np.array([float(table["memories"][k]) == 2**condition.bits for k in those])
        solved = np.array(["score" in table["stopped"][k] for k in those])
        low, high = parts.interval(int(points.sum()), len(those))
        rows.append(
            {**condition._asdict(), "networks": len(those), "reached the score": int(solved.sum())}
            | {"updates, median": float(np.median([table["updates"][k] for k in those]))}
            | {"ideal fixed points": int(points.sum()), "share": points.mean(), "share from": low, "share to": high}
            | {"all memories kept": int(memories.sum()), "ideal machine": int(machine.sum())}
        )
    return rows


def chosen(sweep: dk.sweeps.Sweep, quick: bool) -> tuple[list[str], list[str]]:
    """The networks that are compared, and the kind of each."""
    by_condition = thousand.conditions(sweep)
    base = Condition.of(sweep.settings[0]) if quick else Condition()
    ids, kinds = [], []
    for kind in KINDS:
        those = by_condition.get(base._replace(kind=kind), [])[:N_COMPARED]
        ids, kinds = ids + those, kinds + [kind] * len(those)
    return ids, kinds


def figure(rows: list[dict[str, Any]], compared: list[dict[str, Any]], found: dict[str, Any], path: Path) -> None:
    """Shares of ideal topology against training; two embeddings; between over within for each method."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(11, 7.5), layout="constrained")
    share, ratio, geometry, topology = sheet.subplots(2, 2).ravel()
    _shares(share, rows)
    _ratios(ratio, compared)
    for ax, name in ((geometry, "shape"), (topology, "topology")):
        distances, kinds = found[name]
        dk.plots.plot_embedding(distances, ax=ax, groups=kinds, colors={kind: COLORS[kind] for kind in kinds})
        _alike(ax, distances.embed().coordinates)
        ax.set_title(f"by {name}")
    for ax in (share, ratio):
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=150)


def _alike(ax: Any, coordinates: np.ndarray) -> None:
    """Say how many networks stand in one place."""
    places, counts = np.unique(coordinates.round(6), axis=0, return_counts=True)
    for place, count in zip(places, counts):
        if count > 1:
            ax.annotate(f"{count} alike", place, xytext=(8, -12), textcoords="offset points", fontsize=9)


def _shares(ax: Any, rows: list[dict[str, Any]]) -> None:
    size = rows[-1]["bits"], rows[-1]["units"]  # those of the plan's last block
    for kind in dict.fromkeys(row["kind"] for row in rows):
        of = [r for r in rows if r["kind"] == kind and (r["bits"], r["units"]) == size and not r["l1"] + r["l2"]]
        of.sort(key=lambda r: r["stop"])
        x = [1 - r["stop"] for r in of]
        y = np.array([[r["share"], r["share"] - r["share from"], r["share to"] - r["share"]] for r in of]).T
        ax.errorbar(x, y[0], np.maximum(y[1:], 0), fmt="o-", color=COLORS[kind], capsize=2, label=kind)
    ax.set(xscale="log", xlabel="1 - score at which training ended")
    ax.set_ylabel(f"share with the ideal {3 ** size[0]} fixed points")
    ax.invert_xaxis()
    ax.legend(frameon=False, fontsize=8)


def _ratios(ax: Any, compared: list[dict[str, Any]]) -> None:
    y = np.arange(len(compared))[::-1]
    for k, row in zip(y, compared):
        ax.plot([row["ratio from"], row["ratio to"]], [k, k], color="#000000")
        ax.plot(row["ratio"], k, "o", color="#000000")
    ax.axvline(1.0, color="#7F7F7F", linestyle=":")
    ax.set_yticks(y, [row["method"] for row in compared])
    ax.set_xlabel("distance between kinds over distance within")


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Shares under all conditions, and one comparison per method."""
    started = time.perf_counter()
    sweep = thousand.swept(quick, n_jobs)
    said = {"seeds": sorted(set(thousand.numbers(sweep, "replicate").astype(int).tolist())), "quick": quick}
    rows = shares(sweep)
    parts.write(thousand.STUDY, out / "universality.csv", rows, started=started, **said)
    ids, kinds = chosen(sweep, quick)
    names = ["shape", "topology"] if quick else [*nearness.METHODS]
    compared = parts.rows(nearness.measure, [(name, ids, kinds, quick) for name in names], n_jobs)
    parts.write(thousand.STUDY, out / "universality_kinds.csv", compared, started=started, **said)
    found = {row["method"]: (dk.load(Path(row["_place"]) / "distances"), kinds) for row in compared}
    figure(rows, compared, found, out / "universality.png")
