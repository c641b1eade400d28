"""The bifurcation diagram: where fixed points are, and how stable, against an input or a parameter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import Branches, Projection
from ..checks import count, matches_shape, one_of, reals
from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPREAD = "spread"
EVENTS = {  # mark and size of each kind of bifurcation
    "fold": ("s", 1.0),
    "flip": ("^", 1.1),
    "neimark-sacker": ("*", 1.6),
    "hopf": ("p", 1.3),
    "branch point": ("X", 1.2),
    "border collision": ("d", 1.1),
}


def plot_branches(branches: Branches, *, along: Any = SPREAD, ax: Any = None, **kwargs: Any) -> Axes:
    """Branches of fixed points over the parameter: stable parts solid, unstable parts dashed, bifurcations marked.

    Arguments:
        branches: of :func:`dynakit.trace_fixed_points`.
        along: what the height shows: a unit, a direction (unit,), a Projection, whose first component is taken, or
            "spread", the direction in which the branches spread most.
        ax: where to draw.
        kwargs: for the lines.

    Unstable parts have the colour of the dimension of their unstable set.  Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> unit = dk.catalog.tanh_unit(w=2.0)
    >>> branches = dk.trace_fixed_points(unit, dk.find_fixed_points(unit), drives=[[-1.0], [1.0]])
    >>> dk.plots.plot_branches(branches).get_xlabel()
    'input'
    """
    style.expect("branches", branches, Branches)
    height, name = coordinate(branches.states, along)
    ax = style.new_axes(ax)
    seen: set[int] = set()
    for k in range(branches.n_branches):
        rows = np.flatnonzero(branches.branch == k)
        x, y = branches.parameter[rows], height(branches.states[rows])
        seen |= draw_line(ax, x, y, _classes(branches, rows), kwargs)
    name_classes(ax, seen, kwargs)
    _mark(ax, branches, height)
    if not len(branches):
        style.say(ax, "no branches")
    ax.set_xlabel(branches.parameter_name)
    ax.set_ylabel(name)
    style.despine(ax)
    style.legend(ax)
    return ax


def coordinate(states: np.ndarray, along: Any) -> tuple[Any, str]:
    """The function (state, unit) -> (state,) that an axis shows, and its name."""
    n = states.shape[1]
    if isinstance(along, str):
        one_of("along", along, (SPREAD,))
        direction = _widest(states)
        return (lambda x: x @ direction), "state" if n == 1 else "state along its largest spread"
    if isinstance(along, Projection):
        matches_shape("along.mean", along.mean.shape, (n,))
        return (lambda x: along.transform(x)[..., 0]), str(along.names[0])
    if isinstance(along, (int, np.integer)) and not isinstance(along, bool):
        unit = count("along", along, least=0, most=n - 1)
        return (lambda x: x[..., unit]), f"unit {unit}"
    direction = reals("along", along, (n,))
    return (lambda x: x @ direction), "state along the given direction"


def _widest(states: np.ndarray) -> np.ndarray:
    """The direction (unit,) of the largest variance, its largest entry positive."""
    if not len(states):
        return np.eye(states.shape[1])[0]
    direction = np.linalg.svd(states - states.mean(axis=0), full_matrices=False)[2][0]
    return direction * (np.sign(direction[np.abs(direction).argmax()]) or 1.0)


def _classes(branches: Branches, rows: np.ndarray) -> np.ndarray:
    """The number of unstable directions on the stretch after each row but the last; -1 where it is not known."""
    n = np.ma.filled(branches.n_unstable[rows], -1)
    n = np.where(np.isin(branches.verdicts[rows], ("stable", "unstable")), n, -1)
    event = np.isin(branches.parameter[rows], branches.events.parameter)
    known = np.where(event, -1, n)
    return np.where(known[:-1] >= 0, known[:-1], np.where(known[1:] >= 0, known[1:], n[:-1]))


def runs(classes: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """First, last and class of each run of equal classes."""
    edges = np.flatnonzero(np.diff(classes)) + 1
    for first, last in zip([0, *edges], [*edges, len(classes)]):
        if last > first:
            yield int(first), int(last), int(classes[first])


def look_of(k: int) -> dict[str, Any]:
    """Colour, line and label of states with k unstable directions; -1: not known."""
    top = len(style.BY_N_UNSTABLE)
    words = {-1: "undetermined", 0: "stable", 1: "1 unstable direction"}
    label = f"{top} or more unstable directions" if k >= top else words.get(k, f"{k} unstable directions")
    look: dict[str, Any] = {"color": style.colour_of(k) if k >= 0 else style.FAINT, "label": label}
    return look | {"linestyle": "-" if k == 0 else (0, (4, 1.6)), "linewidth": 1.6 if k == 0 else 1.1}


def draw_line(ax: Any, x: np.ndarray, y: np.ndarray, classes: np.ndarray, kwargs: dict[str, Any]) -> set[int]:
    """One line in stretches, each in the look of its class; returns the classes for :func:`name_classes`."""
    for first, last, k in runs(classes):
        look = look_of(k) | {"label": None, "zorder": 3 if k == 0 else 2, "gid": "branch"}
        ax.plot(x[first : last + 1], y[first : last + 1], **(look | kwargs))
    return {min(int(k), len(style.BY_N_UNSTABLE)) for k in classes}


def name_classes(ax: Any, classes: set[int], kwargs: dict[str, Any]) -> None:
    """An entry of the legend for each class, stable first, what is not known last."""
    for k in sorted(classes, key=lambda k: (k < 0, k)):
        ax.plot([], [], **(kwargs | look_of(k)))


def _mark(ax: Any, branches: Branches, height: Any) -> None:
    import matplotlib

    base = float(matplotlib.rcParams["lines.markersize"])
    events = branches.events
    for kind, (marker, size) in EVENTS.items():
        here = events.of_kind(kind)
        if len(here):
            look = {"markerfacecolor": "white", "markeredgecolor": style.BLUE, "markeredgewidth": 1.2}
            look |= {"markersize": base * size, "linestyle": "none", "zorder": 5, "gid": "event"}
            ax.plot(here.parameter, height(here.states), marker=marker, label=f"{kind} ({len(here)})", **look)
