"""The figure of (h): which way the outputs turn under a drive of each period, and whether they are locked to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import population

SENSES = {1: ("#0072B2", "^", "anticlockwise, as A"), -1: ("#D55E00", "v", "clockwise, as B")}


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Turns per period of the drive, and the leading multiplier of the stroboscopic map; a row for each network."""
    from matplotlib.figure import Figure

    rows = [row for row in rows if row["size"] > 0]
    seeds = sorted({row["seed"] for row in rows})
    sheet = Figure(figsize=(9.5, 3.4 * len(seeds)), layout="constrained")
    axes = sheet.subplots(len(seeds), 2, sharex=True, sharey="col", squeeze=False)
    for (turns, multipliers), seed in zip(axes, seeds):
        for row in (row for row in rows if row["seed"] == seed):
            one(turns, multipliers, row)
        furnish(turns, multipliers, np.array(sorted({row["period"] for row in rows})))
        turns.set_ylabel(f"turns per period of the drive\n(network {seed})")
        multipliers.set_ylabel("leading |multiplier| of the orbit")
    for ax in axes[-1]:
        ax.set_xlabel("period of the drive (steps)")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def one(turns: Any, multipliers: Any, row: dict[str, Any]) -> None:
    """One attractor: full marks are locked to the drive."""
    colour, mark, _ = SENSES[1 if row["turns per period"] > 0 else -1]
    place = (row["period"], row["turns per period"])
    face = colour if row["locked"] else "none"
    turns.plot(*place, mark, color=colour, mfc=face, ms=8)
    said = row["locked"] or {"invariant circle": "not locked"}.get(
        row.get("stroboscopic", ""), "not resolved"
    )
    turns.annotate(said, place, (7, 5), fontsize=8, textcoords="offset points")
    multipliers.plot(row["period"], row.get("leading multiplier", np.nan), mark, color=colour, mfc=face, ms=8)


def furnish(turns: Any, multipliers: Any, periods: np.ndarray) -> None:
    """Lines at the speed that was taught, which drives were taught, and a legend."""
    for ax in (turns, multipliers):
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0.12, y=0.12)
        for period in population.DRIVES:
            ax.axvline(period, color="0.9", lw=1, zorder=0)
    for sense, (colour, mark, label) in SENSES.items():
        turns.plot(periods, sense * periods / population.DRIVEN_TURN, color="0.8", lw=1, zorder=0)
        turns.plot([], [], mark, color=colour, label=label)
    turns.plot([], [], "o", color="black", label="full: locked to the drive")
    multipliers.axhline(1, color="0.6", lw=1)
    turns.legend(frameon=False, fontsize=8, loc="center right")
