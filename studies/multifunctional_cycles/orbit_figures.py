"""Figures of (b), (c) and (e): orbits over targets, multipliers by two methods, basins."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

import dynakit as dk

TARGET = "#BDBDBD"
COLOURS = ("#332288", "#CC6677", "#44AA99", "#AA4499", "#999933", "#88CCEE", "#882255", "#DDCC77")
UNTRAINED = "#D55E00"
ALSO_UNTRAINED = ("#D55E00", "#E69F00", "#8C3D00", "#F0B27A")  # of several in one network


def orbits(found: list[dict[str, Any]], name: str, path: Path) -> None:
    """The attractors of one network of each group over the targets: a panel for each, arrows in the sense of time."""
    from matplotlib.figure import Figure

    shown = _first_of_each(found, name)
    n_columns = min(4, len(shown))
    n_rows = -(-len(shown) // n_columns)
    with dk.plots.using("paper"):
        sheet = Figure(figsize=(1.85 * n_columns, 2.15 * n_rows), layout="constrained")
        for k, one in enumerate(shown):
            ax = sheet.add_subplot(n_rows, n_columns, k + 1)
            _orbit_panel(ax, one)
            who = one["network"]
            ax.set_title(f"{who[name]}\n{who['recipe']}: {who['held']} of {who['targets']} held", fontsize=7)
        _save(sheet, path)


def _first_of_each(found: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """One network for each value of ``name`` and recipe: that of the first seed."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for one in found:
        first.setdefault((one["network"][name], one["network"]["recipe"]), one)
    return list(first.values())


def _orbit_panel(ax: Any, one: dict[str, Any]) -> None:
    for target in one["_targets"]:
        closed = np.array([*target, target[0]])
        ax.plot(*closed.T, color=TARGET, linewidth=3.2, solid_capstyle="round", zorder=1)
    offsets = np.linspace(0, 1, len(one["attractors"]) + 1)
    for k, row in enumerate(one["attractors"]):
        colour = UNTRAINED if row["untrained"] else COLOURS[k % len(COLOURS)]
        curve = np.array(row["_curve"], dtype=float)
        if not np.isfinite(curve).all():
            place = [float(v) for v in row["mean output"].split()]
            ax.plot(*place, "s", color=colour, markersize=4, zorder=3)
        elif np.ptp(curve, axis=0).max() < 1e-6:
            ax.plot(*curve[0], "o", color=colour, markersize=4, zorder=3)
        else:
            _closed(ax, curve, colour, offsets[k], backwards=row["rotation number"] < 0)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def _closed(ax: Any, curve: np.ndarray, colour: str, offset: float, *, backwards: bool) -> None:
    """A closed curve with two arrows."""
    closed = np.array([*curve, curve[0]])
    ax.plot(*closed.T, color=colour, linewidth=1.0, zorder=2)
    n = len(curve)
    for share in (offset, offset + 0.5):
        i = int(share * n) % n
        a, b = (curve[i], curve[(i + 2) % n]) if not backwards else (curve[i], curve[i - 2])
        look = {"arrowstyle": "-|>", "color": colour, "linewidth": 0, "mutation_scale": 9}
        ax.annotate("", b, a, arrowprops=look, zorder=3)


def agreement(found: list[dict[str, Any]], path: Path) -> None:
    """Leading transverse multipliers of each held circle in the unit circle, and both methods against each other."""
    from matplotlib.figure import Figure

    cycles = [row for one in found for row in one["cycles"] if row["held"] and row["_moduli"]]
    kinds = list(dict.fromkeys(row["network"] for row in cycles))
    with dk.plots.using("paper"):
        sheet = Figure(figsize=(7.0, 2.6), layout="constrained")
        left, middle, right = sheet.subplots(1, 3, width_ratios=(1, 1, 1.1))
        for kind, colour in zip(kinds, COLOURS):
            _multipliers(left, [row for row in cycles if row["network"] == kind], colour)
            _both(middle, right, [row for row in cycles if row["network"] == kind], colour, kind)
        _finish_agreement(left, middle, right, sheet)
        _save(sheet, path)


def _multipliers(ax: Any, rows: list[dict[str, Any]], colour: str) -> None:
    """Per revolution; each transverse multiplier of a circle stands for a whole circle of them."""
    angle = np.linspace(0, 2 * np.pi, 361)
    for row in rows:
        turn = abs(1 / row["rotation number"])
        radius = np.exp(row["_moduli"][0] * turn)
        ax.plot(radius * np.cos(angle), radius * np.sin(angle), color=colour, linewidth=0.6, alpha=0.7)


def _both(middle: Any, right: Any, rows: list[dict[str, Any]], colour: str, kind: str) -> None:
    moduli = np.concatenate([row["_moduli"] for row in rows])
    exponents = np.concatenate([np.array(row["_exponents"], dtype=float) for row in rows])
    dots = {"linestyle": "none", "marker": "o", "markersize": 2.2, "color": colour}
    middle.plot(-moduli, -exponents, **dots)
    right.plot(-moduli, np.maximum(np.abs(moduli - exponents), 1e-17), **dots, label=kind)


def _finish_agreement(left: Any, middle: Any, right: Any, sheet: Any) -> None:
    from matplotlib.ticker import NullFormatter

    angle = np.linspace(0, 2 * np.pi, 361)
    left.plot(np.cos(angle), np.sin(angle), color="#7F7F7F", linewidth=1)
    left.plot(1, 0, "o", color="#7F7F7F", markerfacecolor="white", markersize=4)
    left.set(aspect="equal", xlabel="Re λ per revolution", ylabel="Im λ per revolution")
    ends = np.array(middle.get_xlim())
    middle.set(
        xscale="log", yscale="log", xlabel="−ln |λ| per step, collocation", ylabel="−exponent per step, frame"
    )
    low = max(min(middle.get_xlim()[0], middle.get_ylim()[0]), 1e-6)
    middle.plot([low, ends[1]], [low, ends[1]], color="#7F7F7F", linewidth=0.6, zorder=1)
    right.set(
        xscale="log", yscale="log", xlabel="−ln |λ| per step, collocation", ylabel="difference of the methods"
    )
    right.axhline(1e-6, color="#7F7F7F", linewidth=0.6, linestyle=":")
    for axis in (middle.xaxis, middle.yaxis, right.xaxis):
        axis.set_minor_formatter(NullFormatter())
    for ax in (left, middle, right):
        ax.spines[["top", "right"]].set_visible(False)
    if right.get_legend_handles_labels()[0]:
        sheet.legend(loc="outside right center", frameon=False, fontsize=7)


def basins(found: list[dict[str, Any]], path: Path) -> None:
    """Where random states go in two networks, and the share that goes to what nobody trained in all of them.

    Those shown hold every target if any does, and of these most states are lost to untrained attractors.
    """
    from matplotlib.figure import Figure

    pictured = [one for one in found if one["_basins"]]
    pictured.sort(
        key=lambda one: (one["network"]["verdict"] != "MULTIFUNCTIONAL", -one["network"]["share of untrained"])
    )
    with dk.plots.using("paper"):
        sheet = Figure(figsize=(7.2, 2.9), layout="constrained")
        axes = sheet.subplots(1, 3, width_ratios=(1, 1, 0.8))
        for ax, one in zip(axes, pictured[:2]):
            _basin_panel(ax, one)
        for ax in axes[len(pictured[:2]) : 2]:
            ax.set_visible(False)
        _shares(axes[2], found)
        _save(sheet, path)


def _basin_panel(ax: Any, one: dict[str, Any]) -> None:
    drawn = one["_basins"]
    places, labels = np.array(drawn["places"]), np.array(drawn["labels"])
    ax.plot(*places[labels < 0].T, "o", color="#DDDDDD", markersize=1.6, markeredgewidth=0)
    shades = itertools.cycle(ALSO_UNTRAINED)
    for k, row in enumerate(one["attractors"]):
        colour = next(shades) if row["untrained"] else COLOURS[k % len(COLOURS)]
        who = f"{row['kind']}, untrained" if row["untrained"] else row["target"]
        said = f"{who}: {row['share']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        dots = {"linestyle": "none", "marker": "o", "markersize": 1.8, "markeredgewidth": 0, "alpha": 0.75}
        ax.plot(*places[labels == k].T, color=colour, **dots)
        points = np.array(drawn["attractors"][k])
        style = {"color": colour, "label": said, "markeredgecolor": "black", "zorder": 4}
        if len(points) == 1:
            ax.plot(*points.T, "o", markersize=6, **style)
        else:
            closed = np.array([*points, points[0]])
            ax.plot(*closed.T, color="white", linewidth=2.8, zorder=3)
            ax.plot(*closed.T, linewidth=1.4, **style)
    first, second = (f"{100 * v:.0f} %" for v in drawn["variance"][:2])
    ax.set(xlabel=f"PC 1 ({first})", ylabel=f"PC 2 ({second})")
    who = one["network"]
    ax.set_title(f"{who['task']}, {who['recipe']}, seed {who['seed']}", fontsize=7)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), frameon=False, fontsize=6)
    ax.spines[["top", "right"]].set_visible(False)


def _shares(ax: Any, found: list[dict[str, Any]]) -> None:
    """The share of untrained attractors in each network, with its interval."""
    groups = list(dict.fromkeys((one["network"]["task"], one["network"]["recipe"]) for one in found))
    for k, group in enumerate(groups):
        rows = [o["network"] for o in found if (o["network"]["task"], o["network"]["recipe"]) == group]
        x = k + np.linspace(-0.3, 0.3, len(rows)) if len(rows) > 1 else np.array([k])
        share, low, high = (
            np.array([row[name] for row in rows]) for name in ("share of untrained", "low", "high")
        )
        bars = np.maximum([share - low, high - share], 0)
        dots = {"fmt": "o", "markersize": 2.5, "elinewidth": 0.6, "capsize": 0, "color": UNTRAINED}
        ax.errorbar(x, share, bars, **dots)
    names = [f"{task.replace('seeing double', 'two circles')}\n{recipe}" for task, recipe in groups]
    ax.set_xticks(range(len(groups)), names, rotation=35, ha="right", fontsize=5.5)
    ax.set_xlim(-0.6, len(groups) - 0.4)
    ax.set_ylim(bottom=-0.02 * ax.get_ylim()[1])
    ax.set_ylabel("share of untrained attractors")
    ax.spines[["top", "right"]].set_visible(False)


def _save(sheet: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=220)
