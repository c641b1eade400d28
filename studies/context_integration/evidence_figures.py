"""Figures of all networks: what is selected, what is predicted, and the psychometric curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import NullLocator

import dynakit as dk

COLOURS = {"motion": "#111111", "colour": "#0072B2"}
SELECTION = "#D55E00"
PREDICTIONS = {
    "end state on the line": "where it ended\non the line",
    "line": "slow line",
    "one point": "one point\nof the line",
    "perfect integrator": "perfect\nintegrator",
    "other context's point": "selection of the\nother context",
}


def _sheet(path: Path, size: tuple[float, float], draw: Any) -> None:
    from matplotlib.figure import Figure

    with dk.plots.using("paper"):
        sheet = Figure(figsize=size, layout="constrained")
        draw(sheet)
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.savefig(path)


def _bare(ax: Any) -> None:
    ax.spines[["top", "right"]].set_visible(False)


def selection(found: list[Any], path: Path) -> None:
    """Above, the step along the line that evidence makes; below, selection vectors in the plane of the two inputs."""

    def draw(sheet: Any) -> None:
        grid = sheet.subplots(2, 2, height_ratios=[1, 1.15])
        for column, context in zip(grid.T, ("motion", "colour")):
            column[0].set_title(f"{context} context", fontsize=9, fontweight="bold")
            for network in found:
                _steps(column[0], network.sides[context], named=network is found[0])
                _fan(column[1], network.sides[context], named=network is found[0])
        low, high = np.array([ax.get_ylim() for ax in grid[0]]).T
        for ax in grid[0]:
            ax.set(ylim=(low.min(), high.max()), xlabel="readout along the line")
            ax.axhline(0, color="#BDBDBD", linewidth=0.6, zorder=0)
            _bare(ax)
        grid[0, 0].set_ylabel("step along the line\nper unit of evidence")
        grid[0, 0].legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(0.0, 0.4))
        for ax in grid[1]:
            ax.set(xlim=(-0.35, 1.1), ylim=(-0.35, 1.1), aspect="equal")
            ax.set(xlabel="along the input of motion")
            ax.axhline(0, color="#BDBDBD", linewidth=0.6, zorder=0)
            ax.axvline(0, color="#BDBDBD", linewidth=0.6, zorder=0)
            _bare(ax)
        grid[1, 0].set_ylabel("at right angles to it,\ntowards the input of colour")
        grid[1, 1].legend(frameon=False, fontsize=7, loc="lower right")

    _sheet(path, (6.6, 6.4), draw)


def _steps(ax: Any, side: Any, *, named: bool) -> None:
    for k, modality in enumerate(("motion", "colour")):
        label = f"{modality} evidence" if named else None
        ax.plot(side.readouts, side.selection[:, k], color=COLOURS[modality], linewidth=1.0, label=label)


def _fan(ax: Any, side: Any, *, named: bool) -> None:
    """Unit vectors, projected: both inputs, and the selection vector at each point of the line."""
    units = side.push[:, :2] / np.linalg.norm(side.push[:, :2], axis=0)
    across = units[:, 1] - units[:, 0] * (units[:, 0] @ units[:, 1])
    plane = np.stack([units[:, 0], across / np.linalg.norm(across)])
    left = side.sign * side.manifold.left
    left = left / np.linalg.norm(left, axis=1, keepdims=True)
    for k, tip in enumerate(left @ plane.T):
        label = "selection vectors along the line" if named and k == 0 else None
        ax.plot([0, tip[0]], [0, tip[1]], color=SELECTION, linewidth=0.5, alpha=0.5, label=label)
    for modality, tip in zip(COLOURS, (plane @ units).T):
        ax.plot([0, tip[0]], [0, tip[1]], color=COLOURS[modality], linewidth=1.2)
        if named:
            ax.plot([], [], color=COLOURS[modality], linewidth=1.2, label=f"input of {modality}")


def choices(found: list[Any], path: Path) -> None:
    """Coordinates of trials of the first network, predicted and simulated; choices missed in all networks."""

    def draw(sheet: Any) -> None:
        left, right = sheet.subfigures(1, 2, width_ratios=[1.9, 1.2])
        trials = found[0].tables["trials"]
        axes = left.subplots(1, 2, sharex=True, sharey=True)
        for ax, context in zip(axes, ("motion", "colour")):
            _scatter(ax, [row for row in trials if row["context"] == context][::3])
            ax.set_title(f"{context} context", fontsize=9, fontweight="bold")
        axes[0].set_ylabel("simulated coordinate at the end")
        axes[0].legend(frameon=False, fontsize=7, loc="upper left", handletextpad=0.1)
        _missed(right.subplots(), [row for network in found for row in network.tables["choices"]])

    _sheet(path, (7.4, 2.9), draw)


def _scatter(ax: Any, rows: list[dict[str, Any]]) -> None:
    x, y = (np.array([row[name] for row in rows]) for name in ("predicted, line", "simulated"))
    plus = np.array([row["output"] for row in rows]) > 0
    for chosen, colour, name in ((plus, SELECTION, "chose +"), (~plus, "#0072B2", "chose −")):
        ax.plot(x[chosen], y[chosen], ".", color=colour, markersize=2.5, label=name, rasterized=True)
    ends = [min(x.min(), y.min()), max(x.max(), y.max())]
    ax.plot(ends, ends, color="#7F7F7F", linewidth=0.6, zorder=0)
    ax.set_xlabel("predicted coordinate")
    _bare(ax)


def _missed(ax: Any, rows: list[dict[str, Any]]) -> None:
    """Share of choices that each prediction misses, one dot per network."""
    groups = [(c, when) for when in ("at the end", "300 ms later") for c in COLOURS]
    for place, how in enumerate(PREDICTIONS):
        for shift, (context, when) in zip((-0.27, -0.09, 0.09, 0.27), groups):
            wanted = {"prediction": how, "context": context, "read": when}
            chosen = [row for row in rows if wanted.items() <= row.items()]
            y = np.array([1 - row["agreement"] for row in chosen])
            x = place + shift + 0.03 * (np.arange(len(y)) - (len(y) - 1) / 2)
            face = COLOURS[context] if when == "at the end" else "white"
            label = f"{context} context, {when}" if place == 0 else None
            look = {"markersize": 2.8, "markerfacecolor": face, "markeredgewidth": 0.7, "label": label}
            ax.plot(x, np.maximum(y, 5e-4), "o", color=COLOURS[context], **look)
    ax.set_yscale("log")
    ax.set_yticks(
        [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5], ["0.1 %", "1 %", "2 %", "5 %", "10 %", "20 %", "50 %"]
    )
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_xticks(
        range(len(PREDICTIONS)), list(PREDICTIONS.values()), rotation=60, ha="right", rotation_mode="anchor"
    )
    ax.set_ylabel("choices not predicted")
    ax.legend(frameon=False, fontsize=6, loc="upper left", handletextpad=0.1)
    _bare(ax)


def psychometric(found: list[Any], path: Path) -> None:
    """Choices against both kinds of evidence, one panel per context: the first network, and its ideal observer."""

    def draw(sheet: Any) -> None:
        from scipy.stats import norm

        axes = sheet.subplots(1, 2, sharey=True)
        for ax, context in zip(axes, ("motion", "colour")):
            for modality, colour in COLOURS.items():
                curve = found[0].curves[context, modality]
                dk.plots.plot_psychometric(curve, ax=ax, color=colour, label=f"by {modality}")
            x = np.linspace(-0.16, 0.16, 201)
            ax.plot(
                x,
                norm.cdf(x * np.sqrt(750.0)),
                ":",
                color="#7F7F7F",
                linewidth=1.0,
                label="perfect integrator",
            )
            ax.set_title(f"{context} context", fontsize=9, fontweight="bold")
            ax.set(xlabel="coherence", ylabel="share of + choices" if ax is axes[0] else "")
            ax.legend(frameon=False, fontsize=7, loc="upper left")

    _sheet(path, (5.6, 2.6), draw)
