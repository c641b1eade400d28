"""Figures of (a): successes over spectral radius and overlap, and what the failures are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import dynakit as dk

COLOURS = {
    "held": "#DDDDDD",
    "other orbit": "#CC6677",
    "wrong direction": "#882255",
    "wrong speed": "#AA4499",
    "fixed point": "#000000",
    "untrained cycle": "#44AA99",
    "irregular": "#DDCC77",
    "diverged": "#88CCEE",
}
TARGET = "#BDBDBD"
EXAMPLES = ("held", "other orbit", "fixed point", "untrained cycle", "irregular", "wrong speed")


def success(cells: list[dict[str, Any]], path: Path) -> None:
    """The number of draws that hold both orbits: a map over spectral radius and x_cen."""
    from matplotlib.figure import Figure

    radii, overlaps = (sorted({cell[name] for cell in cells}) for name in ("spectral radius", "x_cen"))
    shares = np.full((len(overlaps), len(radii)), np.nan)
    with dk.plots.using("paper"):
        sheet = Figure(figsize=(4.6, 2.7), layout="constrained")
        ax = sheet.add_subplot()
        for cell in cells:
            i, j = overlaps.index(cell["x_cen"]), radii.index(cell["spectral radius"])
            shares[i, j] = cell["successes"] / cell["draws"]
            false = cell["geometry alone"] - cell["successes"]
            text = f"{cell['successes']}" + (f"\n+{false}" if false else "")
            look = {"ha": "center", "va": "center", "fontsize": 7, "linespacing": 0.9}
            ax.text(j, i, text, color="white" if shares[i, j] < 0.6 else "black", **look)
        drawn = ax.imshow(shares, origin="lower", aspect="auto", cmap="viridis", vmin=0, vmax=1)
        ax.set_xticks(range(len(radii)), [f"{r:g}" for r in radii])
        ax.set_yticks(range(len(overlaps)), [f"{x:g}" for x in overlaps])
        ax.set_xlabel("spectral radius")
        ax.set_ylabel("distance of the centres from 0, x_cen")
        n = cells[0]["draws"]
        bar = sheet.colorbar(drawn, ax=ax, aspect=24, pad=0.03)
        bar.set_label(f"share of {n} draws that hold both circles")
        bar.outline.set_linewidth(0.5)  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
        _save(sheet, path)


def fates(rows: list[dict[str, Any]], path: Path) -> None:
    """What becomes of the orbits, over the spectral radius, a panel for each x_cen; and an example of each."""
    from matplotlib.figure import Figure

    overlaps = sorted({row["x_cen"] for row in rows})
    shown = list(_examples(rows))
    n_columns = max(len(overlaps), len(shown))
    with dk.plots.using("paper"):
        sheet = Figure(figsize=(1.3 * n_columns + 0.9, 3.5), layout="constrained")
        parts: Any = sheet.subfigures(2, 1, height_ratios=(1.25, 1))
        above, below = parts
        axes = np.atleast_1d(above.subplots(1, len(overlaps), sharey=True))
        for ax, x_cen in zip(axes, overlaps):
            _bars(ax, [row for row in rows if row["x_cen"] == x_cen])
            ax.set_title(f"x_cen = {x_cen:g}")
        axes[0].set_ylabel("share of orbits")
        above.supxlabel("spectral radius", fontsize=8)
        names = {name for row in rows for name in (row["fate A"], row["fate B"])}
        handles = [_patch(name) for name in COLOURS if name in names]
        above.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=7)
        examples = np.atleast_1d(below.subplots(1, len(shown))) if shown else []
        for ax, (name, row, k) in zip(examples, shown):
            _example(ax, name, row, k)
        _save(sheet, path)


def _bars(ax: Any, rows: list[dict[str, Any]]) -> None:
    radii = sorted({row["spectral radius"] for row in rows})
    bottom = np.zeros(len(radii))
    for name, colour in COLOURS.items():
        at = [
            [row[f"fate {o}"] == name for row in rows if row["spectral radius"] == r for o in "AB"]
            for r in radii
        ]
        height = np.array([np.mean(some) for some in at])
        ax.bar(range(len(radii)), height, 0.85, bottom=bottom, color=colour)
        bottom += height
    ax.set_xticks(range(len(radii)), [f"{r:g}" for r in radii], fontsize=6, rotation=90)
    ax.set_ylim(0, 1)
    ax.spines[["top", "right"]].set_visible(False)


def _patch(name: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=COLOURS[name], label=name)


def _examples(rows: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], int]]:
    """The first orbit of each fate, where the circles overlap most."""
    for name in EXAMPLES:
        for row in sorted(rows, key=lambda row: row["x_cen"]):
            k = next((k for k, o in enumerate("AB") if row[f"fate {o}"] == name), None)
            if k is not None:
                yield name, row, k
                break


def _example(ax: Any, name: str, row: dict[str, Any], k: int) -> None:
    angle = np.linspace(0, 2 * np.pi, 200)
    centre = (1, -1)[k] * row["x_cen"]
    ax.plot(
        centre + 5 * np.cos(angle), 5 * np.sin(angle), color=TARGET, linewidth=2.5, solid_capstyle="round"
    )
    tail = np.array(row["_tails"][k])
    ax.plot(*tail.T, color="#332288", linewidth=0.8)
    if name == "fixed point":
        ax.plot(*tail[-1], "o", color="#332288", markersize=4)
    elif name != "irregular":
        i = len(tail) // 3
        ax.annotate(
            "", tail[i + 1], tail[i], arrowprops={"arrowstyle": "-|>", "color": "#332288", "linewidth": 0.8}
        )
    where = f"{'AB'[k]}, radius {row['spectral radius']:g}, x_cen {row['x_cen']:g}"
    ax.set_title(f"{name}\n", fontsize=7)
    ax.text(0.5, 1.02, where, transform=ax.transAxes, ha="center", va="bottom", fontsize=5.5)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def _save(sheet: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=220)
