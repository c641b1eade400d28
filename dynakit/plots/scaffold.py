"""The scaffold: fixed points by their unstable directions, and where each branch that leaves them goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks
from ..analysis import Projection, Scaffold
from ..errors import InputError
from . import colours, legends, style
from .transitions import node_places

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STUB = 0.12  # length of a branch that reaches no point, relative to the drawing
APART = 0.05  # of two points that would stand on each other, likewise
MOST_LABELS = 24  # stable points up to which their labels are written


def plot_scaffold(
    scaffold: Scaffold,
    projection: Projection | None = None,
    *,
    through: int = 1,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """Fixed points as marks, an arrow along every branch that leads from one to another.

    Arguments:
        scaffold: of :func:`dynakit.map_scaffold`.
        projection: points stand at their first two scores; None: stable points stand on a circle (eight texts of three
            signs as a cube), and each saddle in the middle of what it leads to.
        through: branches are drawn of points with up to so many unstable directions.
        colors: of "branch": a dictionary, a list, or one colour.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the arrows (``FancyArrowPatch``).

    A branch that reaches no point is a stub with a cross.  Raises InputError, naming the argument.
    """
    style.expect("scaffold", scaffold, Scaffold)
    through = checks.count("through", through, least=0)
    places = _between(scaffold) if projection is None else _projected(scaffold, projection)
    ax = style.new_axes(ax)
    colour = colours.of_series(("branch",), (style.UNSTABLE_DIRECTION,), colors)["branch"]
    drawn = scaffold.indices[scaffold.edges[:, 0]] <= through
    _branches(ax, scaffold.edges[drawn], places, colour, kwargs)
    _points(ax, scaffold, places)
    if not len(scaffold):
        style.say(ax, "no fixed points")
    ax.margins(0.12)
    ax.autoscale_view()
    if projection is None:
        ax.set_aspect("equal")
        ax.set_axis_off()
    else:
        ax.set_xlabel(str(projection.names[0]))
        ax.set_ylabel(str(projection.names[1]))
        style.despine(ax)
    legends.draw(ax, legend)
    return ax


def _projected(scaffold: Scaffold, projection: Any) -> np.ndarray:
    """(point, 2): the first two scores."""
    style.expect("projection", projection, Projection)
    if len(projection) < 2:
        raise InputError(f"projection must have at least 2 components, got {len(projection)}")
    states = checks.states("scaffold.states", scaffold.states, ("point", projection.mean.size))
    return projection.transform(states)[:, :2]


def _between(scaffold: Scaffold) -> np.ndarray:
    """(point, 2): stable points round a circle or as a cube, the others in the middle of what they lead to."""
    places = np.zeros((len(scaffold), 2))
    stable = np.flatnonzero(scaffold.indices == 0)
    places[stable] = node_places([str(text) for text in scaffold.labels[stable]])
    for i in sorted(np.flatnonzero(scaffold.indices != 0).tolist(), key=lambda i: scaffold.indices[i]):
        ends = scaffold.edges[(scaffold.edges[:, 0] == i) & (scaffold.edges[:, 1] >= 0), 1]
        ends = ends[scaffold.indices[ends] < max(scaffold.indices[i], 1)]
        places[i] = places[ends].mean(axis=0) if len(ends) else 0.0
    span = max(float(np.ptp(places, axis=0).max(initial=0.0)), 1.0)
    _, which, counts = np.unique(places.round(6), axis=0, return_inverse=True, return_counts=True)
    for group in np.flatnonzero(counts > 1):
        here = np.flatnonzero(which.ravel() == group)
        angles = 2 * np.pi * np.arange(len(here)) / len(here)
        places[here] += APART * span * np.stack([np.cos(angles), np.sin(angles)], 1)
    return places


def _branches(ax: Any, edges: np.ndarray, places: np.ndarray, colour: str, kwargs: dict[str, Any]) -> None:
    from matplotlib.patches import FancyArrowPatch

    look = {"arrowstyle": "-|>", "mutation_scale": 7, "linewidth": 0.9, "color": colour, "zorder": 2, "gid": "branch"}
    look |= {"shrinkA": 3, "shrinkB": 4}
    span = max(float(np.ptp(places, axis=0).max(initial=0.0)), 1.0)
    at: Any = places
    for i, j in edges.tolist():
        if j >= 0:
            ax.add_patch(FancyArrowPatch(at[i], at[j], **(look | kwargs)))
            continue
        tip = places[i] + STUB * span * np.array([0.6, -0.8])
        ax.plot(*np.stack([places[i], tip]).T, color=colour, linewidth=0.9, zorder=1, gid="stub")
        ax.plot(*tip, color=style.GREY, marker="x", markersize=5, zorder=3, gid="nowhere")
    if len(edges):
        ax.plot([], [], color=colour, linewidth=1.2, label=f"branch ({len(edges)})")


def _points(ax: Any, scaffold: Scaffold, places: np.ndarray) -> None:
    size = 1.5 * _marker_size()
    for index in np.unique(scaffold.indices).tolist():
        here = scaffold.indices == index
        kind = "undetermined" if index < 0 else "stable" if index == 0 else "saddle"
        kind = "repeller" if index == scaffold.states.shape[1] else kind
        mark, colour = style.MARKS[kind], style.GREY if index < 0 else style.colour_of(index)
        name = kind if index < 1 else f"{index} unstable"
        look = {"linestyle": "none", "marker": mark.marker, "markersize": size * mark.size, "color": colour}
        look |= {"zorder": 3} if mark.filled else {"zorder": 3, "markerfacecolor": "white"}
        ax.plot(*places[here].T, **look, label=f"{name} ({here.sum()})", gid=f"index {index}")
    named = np.flatnonzero((scaffold.indices == 0) & (scaffold.labels != ""))
    middle = places.mean(axis=0) if len(places) else np.zeros(2)
    for i in named[:MOST_LABELS].tolist():
        away = places[i] - middle
        heading = away / np.linalg.norm(away) if np.linalg.norm(away) > 0 else np.array([0.0, 1.0])
        where = {"textcoords": "offset points", "ha": "center", "va": "center", "family": "monospace", "zorder": 4}
        ax.annotate(str(scaffold.labels[i]), places[i], 11 * heading, **where)


def _marker_size() -> float:
    import matplotlib

    return float(matplotlib.rcParams["lines.markersize"])
