"""(e) The edges of the cube: where the unstable manifold of each saddle between two memories leads."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import networks
import numpy as np
import parts
from scipy.spatial.distance import pdist

import dynakit as dk

KINDS = ("Elman 16", "GRU 16", "LSTM 16", "Elman 100")


def measure(kind: str, seed: int, n_updates: int, *, folder: Path) -> list[dict[str, Any]]:
    """One network: a row for each of the two branches of each saddle with one unstable direction."""
    task, model, _ = networks.trained(kind, seed, n_updates)
    system = dk.as_system(model)
    states = dk.record(system, task.sample(64, seed=seed).inputs).states
    points = dk.find_fixed_points(system, states, task.drives["rest"], seed=seed)
    manifolds = dk.map_unstable_manifolds(system, points, n_directions=0)
    memory = networks.memories(system, task, points.states)
    rows = [
        {
            "network": kind,
            "seed": seed,
            "saddle": int(saddle),
            "unstable eigenvalue": float(np.abs(points.eigenvalues[saddle, 0])),
            "memory reached": memory[target] if target >= 0 else "none",
            "steps": int(steps),
            "share of seeds": float(share),
        }
        for saddle, target, steps, share in zip(
            manifolds.saddles, manifolds.targets, manifolds.n_steps, manifolds.shares
        )
    ]
    for one, other in zip(rows[::2], rows[1::2]):
        ends = [one["memory reached"], other["memory reached"]]
        bits = [k + 1 for k, (a, b) in enumerate(zip(*ends)) if a != b] if "none" not in ends else []
        one["bits that differ"] = other["bits that differ"] = " ".join(map(str, bits))
    if rows and seed == 0:
        parts.leave(folder, states=states, points=points, manifolds=manifolds, memory=memory)
    return rows


def edges_of(rows: list[dict[str, Any]]) -> set[frozenset[str]]:
    """The pairs of memories that the saddles of one network join."""
    return {frozenset(r["memory reached"] for r in pair) for pair in zip(rows[::2], rows[1::2])}


def figure(nested: list[list[dict[str, Any]]], path: Path) -> None:
    """The manifolds over the portrait, a panel for each kind of network, and the steps each branch takes."""
    from matplotlib.figure import Figure

    shown = [rows for rows in nested if rows and rows[0]["seed"] == 0]
    with dk.plots.using("paper"):
        sheet = Figure(figsize=(7.2, 2.5 * -(-len(shown) // 2)))
        lower = sheet.add_axes((0.74, 0.45, 0.245, 0.4))
        n_rows, width = -(-len(shown) // 2), 0.32
        for k, rows in enumerate(shown):
            place = (k % 2 * width, (n_rows - 1 - k // 2) / n_rows, width, 0.9 / n_rows)
            _portrait(sheet.add_axes(place, projection="3d"), rows)
        handles, labels = sheet.axes[1].get_legend_handles_labels()
        sheet.legend(
            handles, labels, loc="upper left", bbox_to_anchor=(0.68, 0.34), frameon=False, fontsize=7
        )
        _steps(lower, nested)
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.savefig(path, dpi=220)


def _portrait(ax: Any, rows: list[dict[str, Any]]) -> None:
    from matplotlib.patheffects import withStroke

    states, points, manifolds, memory = (parts.left(rows[0], n) for n in ("states", "points", "manifolds", "memory"))
    projection = dk.project(states, 3)
    dk.plots.plot_heteroclinic(manifolds, points, projection, ax=ax)
    for line in projection.transform(states)[:10]:
        ax.plot(*line.T, color="#8FA3B8", linewidth=0.3, alpha=0.5, zorder=1)
    for k in np.flatnonzero(points.verdicts == "stable"):
        look = {"ha": "center", "va": "bottom", "linespacing": 0.6, "zorder": 6}
        halo = [withStroke(linewidth=2, foreground="white")]
        ax.text(
            *projection.transform(points.states[k]), f"{memory[k]}\n", fontsize=7, path_effects=halo, **look
        )
    if ax.get_legend() is not None:
        ax.get_legend().remove()
    n_edges = len({e for e in edges_of(rows) if len(e) == 2 and "none" not in e})
    ax.text2D(0.5, 1.0, f"{rows[0]['network']}: {n_edges} edges", transform=ax.transAxes, ha="center")
    ax.set_box_aspect(None, zoom=1.55)
    ax.view_init(*_view(projection.transform(points.states)))
    ax.set_axis_off()


def _view(places: np.ndarray) -> tuple[float, float]:
    """Elevation and azimuth (degrees) from which the points (point, 3) hide each other least."""
    places = places / np.ptp(places, axis=0)

    def gap(view: tuple[float, float]) -> float:
        (up, round_) = np.radians(view)
        across = np.array([-np.sin(round_), np.cos(round_), 0.0])
        above = np.array([-np.sin(up) * np.cos(round_), -np.sin(up) * np.sin(round_), np.cos(up)])
        return float(pdist(places @ np.stack([across, above], axis=1)).min())

    return max(itertools.product(range(10, 45, 5), range(0, 360, 5)), key=gap)


def _steps(ax: Any, nested: list[list[dict[str, Any]]]) -> None:
    """Steps from near the saddle to the memory, against the unstable eigenvalue that sets the pace."""
    from matplotlib.ticker import LogLocator

    kinds = list(dict.fromkeys(rows[0]["network"] for rows in nested if rows))
    for kind, colour in zip(kinds, ("#332288", "#CC6677", "#44AA99", "#DDCC77")):
        rows = [r for network in nested for r in network if r["network"] == kind]
        rates = [np.log(r["unstable eigenvalue"]) for r in rows]
        ax.plot(rates, [r["steps"] for r in rows], "o", color=colour, markersize=2.2, label=kind)
    ax.set(
        xscale="log", yscale="log", xlabel="growth at the saddle, ln λ per step", ylabel="steps to the memory"
    )
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
        axis.set_minor_formatter("{x:g}")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        fontsize=7,
        handletextpad=0.1,
        columnspacing=0.8,
    )


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every kind and seed."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    kinds, n_updates = (("LSTM 16",), 400) if quick else (KINDS, 800)
    nested = parts.rows(measure, [(kind, seed, n_updates) for kind in kinds for seed in seeds], n_jobs)
    rows = [row for rows in nested for row in rows]
    parts.write("flip_flop", out / "edges.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(nested, out / "edges.png")
