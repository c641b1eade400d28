"""Figures of the columnar network: over time, its code before endings, and its blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import parts
from matplotlib.figure import Figure

import dynakit as dk

PANELS = (
    ("accuracy", "endings foreseen (share)", False),
    ("spikes per neuron and element", "spikes per neuron and element", False),
    ("median age of the nearest context", "age of the nearest (elements)", True),
    ("nearest from before the exchange", "nearest is from before (share)", False),
)
NAMES = {0.008: ("learning blocks", "#D55E00", "o-"), 0.0: ("no blocks", "#0072B2", "s--")}
COLOURS = ("#000000", "#D55E00", "#009E73", "#0072B2")


def over_time(found: list[dict[str, Any]], path: Path, swap: int) -> None:
    """One panel per measure, one line per network."""
    sheet = Figure(figsize=(7.6, 5.4), layout="constrained")
    for ax, (column, label, logarithmic) in zip(sheet.subplots(2, 2).flat, PANELS):
        for one in found:
            name, colour, style = NAMES[one["eta"]]
            late = column == "nearest from before the exchange"
            rows = [row for row in one["time"] if row["elements"] > swap or not late]
            elements = [row["elements"] / 1000 for row in rows]
            label_once = name if one["seed"] == 0 else None
            ax.plot(
                elements, [row[column] for row in rows], style, color=colour, ms=3, lw=1, label=label_once
            )
        ax.axvline(swap / 1000, color="0.5", lw=0.8, ls=":")
        ax.set(
            xlabel="elements (thousands)",
            xlim=(0, 2.05 * swap / 1000),
            ylabel=label,
            yscale="log" if logarithmic else "linear",
        )
        ax.spines[["top", "right"]].set_visible(False)
    handles, labels = sheet.axes[0].get_legend_handles_labels()
    sheet.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=160)


def codes(one: dict[str, Any], path: Path) -> None:
    """The codes of the probes on their principal axes, colours for bodies, marks for starts."""
    sheet = Figure(figsize=(9.6, 3.5), layout="constrained")
    kinds = parts.left(one, "kinds")
    for ax, elements in zip(sheet.subplots(1, 3), one["codes"], strict=True):
        counts = parts.left(one, f"codes {elements}")
        projection = dk.project(counts.astype(float), 2)
        places = projection.transform(counts.astype(float))
        for kind in np.unique(kinds):
            own = places[kinds == kind]
            face = COLOURS[kind // 2] if kind % 2 else "none"
            label = f"pair {kind // 2 + 1}, start {'ab'[kind % 2]}"
            ax.plot(*own.T, "o^"[kind % 2], color=COLOURS[kind // 2], mfc=face, ms=5, label=label)
        ax.set(xlabel=projection.names[0], ylabel=projection.names[1], title=f"{elements:,} elements")
        ax.spines[["top", "right"]].set_visible(False)
    handles, labels = sheet.axes[0].get_legend_handles_labels()
    sheet.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    sheet.savefig(path, dpi=160)


def wiring(one: dict[str, Any], path: Path) -> None:
    """Mean weights from column to column."""
    sheet = Figure(figsize=(7.4, 3.4), layout="constrained")
    for ax, elements in zip(sheet.subplots(1, 2), one["blocks"]):
        image = ax.imshow(parts.left(one, f"blocks {elements}"), cmap="cividis", origin="lower")
        ax.set(xlabel="from column (0: oldest element)", ylabel="to column", title=f"{elements:,} elements")
        sheet.colorbar(image, ax=ax, label="mean weight", shrink=0.85)
    sheet.savefig(path, dpi=160)
