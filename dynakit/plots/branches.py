"""The bifurcation diagram: where fixed points are, and how stable, against an input or a parameter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import Branches, Projection
from ..checks import count, matches_shape, one_of, reals
from . import colours, legends, style

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


def plot_branches(
    branches: Branches,
    *,
    along: Any = SPREAD,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """Branches of fixed points over the parameter: stable parts solid, unstable parts dashed, bifurcations marked.

    Arguments:
        branches: of :func:`dynakit.trace_fixed_points`.
        along: what the height shows: a unit, a direction (unit,), a Projection, whose first component is taken, or
            "spread", the direction in which the branches spread most.
        colors: of the kinds of points, "stable", "1 unstable direction" and so on: a dictionary, a list, or one colour
            for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the lines.

    Unstable parts have the colour of the dimension of their unstable set.  Branches along drives of which a single
    input varies, and only one way, are drawn over that input.  Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> unit = dk.catalog.tanh_unit(w=2.0)
    >>> branches = dk.trace_fixed_points(unit, dk.find_fixed_points(unit), drives=[[-1.0], [1.0]])
    >>> dk.plots.plot_branches(branches).get_xlabel()
    'input'
    """
    style.expect("branches", branches, Branches)
    height, name = coordinate(branches.states, along)
    over, parameter_name = _abscissa(branches)
    ax = style.new_axes(ax)
    lines = [np.flatnonzero(branches.branch == k) for k in range(branches.n_branches)]
    classes = [_classes(branches, rows) for rows in lines]
    looks = looks_of(np.concatenate(classes) if classes else [], colors)
    for rows, own in zip(lines, classes):
        draw_line(ax, over(branches.parameter[rows]), height(branches.states[rows]), own, looks, kwargs)
    name_classes(ax, looks, kwargs)
    _mark(ax, branches, over, height)
    if not len(branches):
        style.say(ax, "no branches")
    ax.set_xlabel(parameter_name)
    ax.set_ylabel(name)
    style.despine(ax)
    legends.draw(ax, legend)
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


def looks_of(classes: Any, colors: Any = None) -> dict[int, dict[str, Any]]:
    """The look of each class that there is, stable first, what is not known last, in the colours asked for."""
    top = len(style.BY_N_UNSTABLE)
    found = sorted({min(int(k), top) for k in classes}, key=lambda k: (k < 0, k))
    looks = {k: look_of(k) for k in found}
    labels = [look["label"] for look in looks.values()]
    hues = colours.of_series(labels, [look["color"] for look in looks.values()], colors)
    return {k: look | {"color": hues[look["label"]]} for k, look in looks.items()}


def draw_line(
    ax: Any, x: np.ndarray, y: np.ndarray, classes: np.ndarray, looks: dict[int, dict[str, Any]], kwargs: dict[str, Any]
) -> None:
    """One line in stretches, each in the look of its class."""
    for first, last, k in runs(classes):
        look = looks[min(k, max(looks))] | {"label": None, "zorder": 3 if k == 0 else 2, "gid": "branch"}
        ax.plot(x[first : last + 1], y[first : last + 1], **(look | kwargs))


def name_classes(ax: Any, looks: dict[int, dict[str, Any]], kwargs: dict[str, Any]) -> None:
    """An entry of the legend for each class."""
    for look in looks.values():
        ax.plot([], [], **(kwargs | look))


def _abscissa(branches: Branches) -> tuple[Any, str]:
    """The function of the parameter that branches are drawn over, and its name."""
    order = np.argsort(branches.parameter, kind="stable")
    where, drives = branches.parameter[order], branches.drives[order]
    moved = 1e-9 * np.abs(drives).max(initial=0.0)
    varies = np.flatnonzero(np.ptp(drives, axis=0) > moved) if len(drives) else np.zeros(0, int)
    if branches.parameter_name != "position along the drives" or len(varies) != 1:
        return (lambda values: values), branches.parameter_name
    path = drives[:, varies[0]]
    steps = np.where(np.abs(np.diff(path)) > moved, np.diff(path), 0.0)
    if not ((steps >= 0).all() or (steps <= 0).all()):
        return (lambda values: values), branches.parameter_name
    name = str(style.channel_names("input", drives.shape[1])[int(varies[0])])
    return (lambda values: np.interp(values, where, path)), name


def _mark(ax: Any, branches: Branches, over: Any, height: Any) -> None:
    import matplotlib

    base = float(matplotlib.rcParams["lines.markersize"])
    events = branches.events
    for kind, (marker, size) in EVENTS.items():
        here = events.of_kind(kind)
        if len(here):
            look = {"markerfacecolor": "white", "markeredgecolor": style.BLUE, "markeredgewidth": 1.2}
            look |= {"markersize": base * size, "linestyle": "none", "zorder": 5, "gid": "event"}
            ax.plot(over(here.parameter), height(here.states), marker=marker, label=f"{kind} ({len(here)})", **look)
