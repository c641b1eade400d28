"""The layout of Mante et al. (2013, fig. 5 and 6): condition averages on task axes, one column per context."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import dynakit as dk

STEP = 5  # steps between two dots of a trajectory
FIRST = 5  # step at which it begins: before, all conditions make their way to the line
SHADES = {"motion": ("#C9C9C9", "#7A7A7A", "#111111"), "colour": ("#A9D0F0", "#4C8FD0", "#0B3C8C")}
SELECTION, LINE = "#D55E00", "#7F7F7F"


def task_axes(states: np.ndarray, labels: dict[str, np.ndarray]) -> Any:
    """Orthonormal axes of choice, motion and colour, from differences of mean states.

    Choice: between the end states of the two choices.  Motion: between motion for + and motion for -, of trials in
    the other context, where motion has no part in the choice; and so for colour.  Made orthogonal in this order.
    """
    plus, later = labels["choice"] > 0, states[:, FIRST:].mean(axis=1)
    differences = [
        sum(
            _difference(states[:, -1], plus, labels["context"] == context) for context in ("motion", "colour")
        ),
        _difference(later, labels["motion"] > 0, labels["context"] == "colour"),
        _difference(later, labels["colour"] > 0, labels["context"] == "motion"),
    ]
    q, r = np.linalg.qr(np.stack(differences, axis=1))
    names = [f"{name} axis" for name in ("choice", "motion", "colour")]
    return dk.Projection.onto((q * np.sign(np.diag(r))).T, names, mean=states.mean(axis=(0, 1)))


def _difference(states: np.ndarray, group: np.ndarray, among: np.ndarray) -> np.ndarray:
    return states[among & group].mean(axis=0) - states[among & ~group].mean(axis=0)


def averages(
    states: np.ndarray, labels: dict[str, np.ndarray], context: str, modality: str
) -> dict[Any, np.ndarray]:
    """Mean trajectories in one context by coherence of a modality and choice: (coherence, choice) -> (time, unit).

    Of the cued modality, only correct trials; of the other, all of them.
    """
    rows = labels["context"] == context
    if context == modality:
        rows = rows & (labels["choice"] == labels["correct"])
    keys = np.stack([labels[modality][rows], labels["choice"][rows]], axis=1)
    kinds, which = np.unique(keys, axis=0, return_inverse=True)
    named = {"kind": np.array([f"{k:02d}" for k in which.ravel()])}
    means = dk.condition_average(states[rows], named).means
    return {(float(c), float(choice)): mean for (c, choice), mean in zip(kinds, means)}


def rows(network: Any) -> list[dict[str, Any]]:
    """What the figure shows, in task axes: averages, the slow lines, and directions of unit length."""
    axes, table = task_axes(network.states, network.labels), []
    dt = next(iter(network.sides.values())).manifold.dt

    def add(scores: np.ndarray, **said: Any) -> None:
        blank = dict.fromkeys(("context", "what", "modality", "coherence", "choice", "time (ms)"), "")
        table.append(blank | said | dict(zip(axes.names.tolist(), map(float, scores))))

    for context, side in network.sides.items():
        for modality in ("motion", "colour"):
            means = averages(network.states, network.labels, context, modality)
            for (coherence, choice), mean in means.items():
                said = {"context": context, "what": "average", "modality": modality, "coherence": coherence}
                for step in range(FIRST, len(mean), STEP):
                    add(
                        axes.transform(mean[step]),
                        **said,
                        choice=int(choice),
                        **{"time (ms)": (step + 1) * dt},
                    )
            push = side.push[:, ("motion", "colour").index(modality)]
            add(
                axes.components @ (push / np.linalg.norm(push)),
                context=context,
                what="input",
                modality=modality,
            )
        left = side.sign * side.manifold.left[side.here]
        add(axes.components @ (left / np.linalg.norm(left)), context=context, what="selection vector")
        for state in _evenly(side.manifold):
            add(axes.transform(state), context=context, what="slow line")
    return table


def figure(network: Any, path: Path) -> None:
    """Two contexts, and the planes of choice and motion and of choice and colour."""
    from matplotlib.figure import Figure

    axes = task_axes(network.states, network.labels)
    with dk.plots.using("paper"):
        sheet = Figure(figsize=(7.0, 6.6), layout="constrained")
        grid = sheet.subplots(2, 2, sharex=True, sharey="row")
        for column, context in zip(grid.T, network.sides):
            column[0].annotate(
                f"{context} context",
                (0.5, 1.12),
                xycoords="axes fraction",
                ha="center",
                fontsize=9,
                fontweight="bold",
            )
            for ax, (row, modality) in zip(column, enumerate(("motion", "colour"), 1)):
                _plane(ax, network, axes[[0, row]], context, modality)
        for line, modality in zip(grid, ("motion", "colour")):
            for ax, side in zip(line, network.sides.values()):
                _arrows(ax, axes[[0, ("motion", "colour").index(modality) + 1]], side, modality)
            _legend(line[1], modality)
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.savefig(path)


def _plane(ax: Any, network: Any, plane: Any, context: str, modality: str) -> None:
    side = network.sides[context]
    levels = sorted({abs(c) for c in network.labels[modality]})
    for (coherence, _), mean in averages(network.states, network.labels, context, modality).items():
        colour = SHADES[modality][levels.index(abs(coherence))]
        xy = plane.transform(mean)[FIRST:]
        ax.plot(*xy.T, color=colour, linewidth=0.8, zorder=2)
        # filled dots for evidence of +, open ones for evidence of -
        face = colour if coherence > 0 else "white"
        ax.plot(
            *xy[::STEP].T,
            "o",
            markersize=2.6,
            color=colour,
            markerfacecolor=face,
            markeredgewidth=0.7,
            zorder=3,
        )
    ax.plot(
        *plane.transform(_evenly(side.manifold)).T,
        "x",
        color=SELECTION,
        markersize=3.5,
        markeredgewidth=0.8,
        zorder=4,
    )
    on_it = plane.transform(side.manifold.fixed_points)
    for xy, holds in zip(on_it, side.manifold.fixed_holds):
        mark = (
            {"marker": "o", "color": "black"}
            if holds
            else {"marker": "D", "color": "black", "markerfacecolor": "white"}
        )
        ax.plot(*xy, markersize=5, zorder=6, linestyle="none", **mark)
    what = "sorted by the evidence that counts" if context == modality else "sorted by the evidence to ignore"
    ax.set_title(what, loc="left", fontsize=7)
    ax.set(xlabel=plane.names[0], ylabel=plane.names[1] if context == "motion" else "")
    ax.spines[["top", "right"]].set_visible(False)


def _evenly(manifold: Any, n: int = 25) -> np.ndarray:
    """States at equal distances along the line."""
    at = np.linspace(0, manifold.length, n)
    return np.stack([np.interp(at, manifold.arclengths, unit) for unit in manifold.states.T], axis=1)


def _arrows(ax: Any, plane: Any, side: Any, modality: str) -> None:
    """Directions of state space as seen in the plane, drawn as long as each other before they are projected."""
    k = ("motion", "colour").index(modality)
    directions = {SHADES[modality][2]: side.push[:, k], SELECTION: side.sign * side.manifold.left[side.here]}
    tips = {c: plane.components @ d / np.linalg.norm(d) for c, d in directions.items()}
    room = 0.3 * np.ptp([ax.get_xlim(), ax.get_ylim()], axis=1)
    longest = max(np.abs(tip / room).max() for tip in tips.values())
    start = plane.transform(side.settled)
    for colour, tip in tips.items():
        look = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.6, "mutation_scale": 10}
        ax.annotate(
            "", start + tip / longest, start, arrowprops={**look, "shrinkA": 0, "shrinkB": 0}, zorder=7
        )


def _legend(ax: Any, modality: str) -> None:
    from matplotlib.lines import Line2D

    dark, look = SHADES[modality][2], {"linestyle": "none", "markersize": 4}
    handles = [
        Line2D([], [], marker="o", color=dark, label=f"{modality} for +", **look),
        Line2D([], [], marker="o", color=dark, markerfacecolor="white", label=f"{modality} for −", **look),
        Line2D([], [], color=dark, linewidth=1.6, label=f"input of {modality}"),
        Line2D([], [], color=SELECTION, linewidth=1.6, label="selection vector"),
        Line2D([], [], marker="x", color=SELECTION, label="slow line", **look),
        Line2D([], [], marker="o", color="black", label="attracting along it", **look),
        Line2D(
            [], [], marker="D", color="black", markerfacecolor="white", label="repelling along it", **look
        ),
    ]
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=7)
