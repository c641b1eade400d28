"""Figure of (d): two cycles, the edge state between them, and the fixed points, in output space and in the state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import dynakit as dk

A, B, EDGE, POINT = "#332288", "#CC6677", "#009E73", "#000000"


def draw(found: list[dict[str, Any]], path: Path) -> None:
    """Output space, the state in three principal components, and the outputs of all edge states."""
    from matplotlib.figure import Figure

    shown = [one for one in found if "edge" in one["_drawn"]]
    with dk.plots.using("paper"):
        sheet = Figure(figsize=(7.2, 2.7))
        if shown:
            _outputs(sheet.add_axes((0.08, 0.27, 0.24, 0.65)), shown[0])
            _state(sheet.add_axes((0.32, 0.14, 0.34, 0.86), projection="3d"), shown[0])
            _all(sheet.add_axes((0.745, 0.27, 0.25, 0.65)), shown)
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.savefig(path, dpi=220)


def _outputs(ax: Any, one: dict[str, Any]) -> None:
    drawn = one["_drawn"]
    for name, colour, width, curve in zip("AB", (A, B), (3.0, 1.0), drawn["cycles"]):
        ax.plot(*np.array([*curve, curve[0]]).T, color=colour, linewidth=width, label=f"cycle {name}")
    for colour, path in zip(_goals(drawn), drawn["away"]):
        ax.plot(*np.array(path).T, color=colour, linewidth=0.35, alpha=0.7)
    ax.plot(
        *_line(drawn["edge"], drawn["kind"]).T,
        color=EDGE,
        linewidth=1.6,
        label=f"edge state: {drawn['kind']}",
    )
    for k, row in enumerate(one["points"]):
        look = {"color": POINT, "markersize": 4, "label": "unstable fixed point" if k == 0 else None}
        ax.plot(*row["_output"], "D", **look)
    _plain(ax)
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False, fontsize=6, ncols=2, columnspacing=1
    )


def _state(ax: Any, one: dict[str, Any]) -> None:
    drawn = one["_drawn"]
    for colour, curve in zip((A, B), drawn["cycles_plane"]):
        ax.plot(*np.array([*curve, curve[0]]).T, color=colour, linewidth=1.6)
    for colour, path in zip(_goals(drawn), drawn["away_plane"]):
        ax.plot(*np.array(path).T, color=colour, linewidth=0.3, alpha=0.6)
    ax.plot(*_line(drawn["edge_plane"], drawn["kind"]).T, color=EDGE, linewidth=1.6)
    shares = [f"PC {k + 1} ({100 * v:.0f} %)" for k, v in enumerate(drawn["variance"])]
    for name, label in zip("xyz", shares):
        getattr(ax, f"set_{name}label")(label, labelpad=-14)
        getattr(ax, f"set_{name}ticks")([])
    ax.grid(False)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
    ax.set_box_aspect(None, zoom=0.95)


def _all(ax: Any, shown: list[dict[str, Any]]) -> None:
    angle = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(angle), np.sin(angle), color="#BDBDBD", linewidth=2.5)
    for k, one in enumerate(shown):
        shade = EDGE if k == 0 else "#7FBFAA"
        ax.plot(*_line(one["_drawn"]["edge"], one["_drawn"]["kind"]).T, color=shade, linewidth=0.8)
        for row in one["points"]:
            ax.plot(*row["_output"], "D", color=POINT, markersize=2)
    _plain(ax)
    ax.set_title(f"edge states of {len(shown)} network{'s' * (len(shown) > 1)}", fontsize=7)


def _goals(drawn: dict[str, Any]) -> list[str]:
    """The colour of the cycle that each trajectory from the edge comes to."""
    return [(A, B)[k] for k in drawn["away_to"]]


def _line(points: Any, kind: str) -> np.ndarray:
    points = np.array(points)
    return np.concatenate([points, points[:1]]) if kind == "invariant circle" else points


def _plain(ax: Any) -> None:
    ax.set(xlabel="output 1", ylabel="output 2")
    ax.set_aspect("equal", adjustable="datalim")
    ax.locator_params(nbins=4)
    ax.spines[["top", "right"]].set_visible(False)
