"""The figure of (g): size, speed and stability of both cycles over the stimulus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

COLOURS = {"A": "#0072B2", "B": "#D55E00"}
ROWS = (
    ("radius", "radius of the outputs"),
    ("turns per step", "turns per step"),
    ("leading multiplier", "leading |multiplier| per step"),
)


def draw(found: list[dict[str, Any]], path: Path) -> None:
    """One column per network."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(2.9 * len(found) + 0.8, 7.0), layout="constrained")
    axes = sheet.subplots(3, len(found), sharex=True, sharey="row", squeeze=False)
    for column, one in zip(axes.T, found):
        for ax, (name, _) in zip(column, ROWS):
            lines(ax, one["rows"], name)
        rest(column[0], one["_rest"])
        column[1].axhline(0, color="0.8", lw=0.8)
        column[2].axhline(1, color="0.8", lw=0.8)
        column[0].set_title(f"network {one['network']['seed']}", fontsize=9)
        column[2].set_xlabel("stimulus s")
    for ax, (_, label) in zip(axes[:, 0], ROWS):
        ax.set_ylabel(label)
    axes[0, 0].legend(frameon=False, fontsize=7, loc="upper center")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def lines(ax: Any, rows: list[dict[str, Any]], name: str) -> None:
    """One number of both cycles over the stimulus."""
    for cycle, colour in COLOURS.items():
        own = sorted((row for row in rows if row["cycle"] == cycle), key=lambda row: row["stimulus"])
        at, values = ([row[what] for row in own] for what in ("stimulus", name))
        ax.plot(at, values, ".-", color=colour, ms=4, lw=1.2, label=cycle)
    ax.spines[["top", "right"]].set_visible(False)


def rest(ax: Any, branches: Any) -> None:
    """Fixed points, at size zero: stable full, unstable dotted."""
    s, stable, branch = (np.asarray(part) for part in branches)
    for which in np.unique(branch):
        own = branch == which
        for keep, style, label in ((stable, "-", "fixed point, stable"), (~stable, ":", "unstable")):
            line = np.where(own & keep, 0.0, np.nan)
            shown = label if which == branch[0] else None
            ax.plot(s[own], line[own], style, color="black", lw=2, label=shown)
