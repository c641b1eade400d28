"""How many equations decide the fixed points of trained networks, and how long a proof takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

COLOURS = {"Elman": "#000000", "leaky": "#0072B2", "Dale": "#D55E00"}
OPEN = "none"


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Left, equations against bits; right, CPU seconds against equations; filled where proved."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(7.2, 3.0), layout="constrained")
    left, right = sheet.subplots(1, 2)
    shown = [row for row in rows if row["task"] == "flip-flop" and row["kind"] in COLOURS]
    for k, row in enumerate(shown):
        colour = COLOURS[row["kind"]]
        face = colour if row["verdict"] == "proved" else OPEN
        look = {"color": colour, "markerfacecolor": face, "markersize": 5}
        shift = 0.3 * (k / max(len(shown) - 1, 1) - 0.5)
        left.plot(row["bits"] + shift, row["equations"], "o", **look)
        if row["boxes"]:
            right.plot(row["equations"] + shift, row["proof CPU s"], "o", **look)
            right.plot(row["equations"] + shift, row["search CPU s"], "_", color="#7F7F7F")
    left.plot([1, 3], [1, 3], ":", color="#7F7F7F")
    left.set(xlabel="bits", ylabel="equations that decide\nthe fixed points", xticks=np.arange(1, 4))
    right.set(xlabel="equations", ylabel="CPU seconds", yscale="log", xticks=np.arange(1, 4))
    for kind, colour in COLOURS.items():
        left.plot([], [], "o", color=colour, label=f"{kind}, proved")
    left.plot([], [], "o", color="#7F7F7F", markerfacecolor=OPEN, label="not proved")
    right.plot([], [], "_", color="#7F7F7F", label="a search")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=150)
