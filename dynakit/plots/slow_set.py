"""A slow set: its states by the size of their drift, or how far states have moved after some time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import Projection, SlowSet
from ..checks import matches_shape, one_of
from ..errors import InputError
from . import colours, legends, scene, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STILLEST = 1e-12  # drift below which colours do not go on


def plot_slow_set(
    found: SlowSet,
    projection: Projection | None = None,
    *,
    what: str | None = None,
    axes: tuple[int, ...] | None = None,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """States of a slow set coloured by their drift, or how far they move in time.

    Arguments:
        found: of :func:`dynakit.find_slow_manifold`.
        projection: the axes for "states".
        what: "states" (in the axes of ``projection``; without one in an Isomap chart, which is a picture and no
            result) or "memory" (distance moved, largest and mean, beside the bound t sup drift); None: "states" if
            there is a projection, else "memory".
        axes: two or three components of the projection; None: the first two, or the first three on 3-D axes.
        colors: of the lines "largest", "mean" and "bound".
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the dots (``scatter``) or the lines.

    Fixed points on the set are circles where nothing within it leads away, diamonds elsewhere.
    Raises InputError, naming the argument.

    >>> import dynakit as dk, numpy as np
    >>> plane = dk.catalog.linear(np.diag([1.0, 1.0, 0.5]))
    >>> found = dk.find_slow_manifold(plane, np.random.default_rng(0).uniform(-1, 1, (40, 3)))
    >>> plot_slow_set(found).get_xlabel()
    'time, steps'
    """
    style.expect("found", found, SlowSet)
    what = what or ("memory" if projection is None else "states")
    one_of("what", what, ["states", "memory"])
    if not len(found):
        raise InputError("found must hold at least one state, got none")
    ax = _states(found, projection, axes, ax, kwargs) if what == "states" else _memory(found, colors, ax, kwargs)
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def _memory(found: SlowSet, colors: Any, ax: Any, kwargs: dict[str, Any]) -> Axes:
    ax = style.new_axes(ax)
    names = ("largest", "mean", "bound")
    hues = colours.of_series(names, (style.BLACK, style.BLUE, style.VERMILLION), colors)
    curves = (found.moved.max(axis=0), found.moved.mean(axis=0), found.times * found.sup_drift)
    for name, curve in zip(names, curves):
        said = "bound: t sup drift" if name == "bound" else f"{name} distance"
        look = {"linestyle": "--" if name == "bound" else "-", "color": hues[name], "label": said}
        ax.plot(found.times, np.maximum(curve, STILLEST), **(look | kwargs))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("time, steps" if found.dynamics == "map" else "time")
    ax.set_ylabel("distance moved, state units")
    return ax


def _states(found: SlowSet, projection: Projection | None, axes: Any, ax: Any, kwargs: dict[str, Any]) -> Axes:
    from matplotlib.colors import LogNorm

    solid = ax is not None and getattr(ax, "name", "") == "3d"
    if projection is None:
        placed, points = found.chart(3 if solid else 2), np.zeros((0, 0))
        names = [f"chart {k + 1} (Isomap, a picture)" for k in range(placed.shape[1])]
    else:
        frame = scene.frame(projection, axes, 3 if solid else 2)
        if len(frame.axes) < 2:
            raise InputError(f"axes must name two or three components, got {frame.axes}")
        matches_shape("found.states", found.states.shape, ("state", frame.projection.mean.size))
        placed, points, names = frame.place(found.states), frame.place(found.fixed_points), frame.names
    ax = style.new_axes(ax, projection3d=placed.shape[1] == 3)
    if style.is_3d(ax) != (placed.shape[1] == 3):
        raise InputError(f"axes must fit the {'3-D' if solid else '2-D'} axes ax, got {placed.shape[1]} components")
    speed = np.maximum(found.drift, STILLEST)
    low, high = float(speed.min()), float(speed.max())
    norm = LogNorm(low, high if high > 1.01 * low else 10 * low)
    look: dict[str, Any] = {"c": speed, "cmap": style.SEQUENTIAL, "norm": norm, "s": 12, "gid": "slow set"}
    drawn = ax.scatter(*placed.T, **(look | kwargs))
    if not style.is_3d(ax):
        style.colour_bar(ax, drawn, "drift per step" if found.dynamics == "map" else "drift per unit time")
    if points.size:
        _fixed(ax, points, found.index_along == 0)
    for letter, label in zip("xyz", names):
        getattr(ax, f"set_{letter}label")(label)
    return ax


def _fixed(ax: Any, points: np.ndarray, holds: np.ndarray) -> None:
    kinds = (
        ("attracting within it", holds, "stable", style.BLACK),
        ("others on it", ~holds, "saddle", style.VERMILLION),
    )
    for label, which, name, colour in kinds:
        if which.any():
            look = {"marker": style.MARKS[name].marker, "color": colour, "linestyle": "none", "markersize": 5.5}
            edge: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.6, "zorder": 5}
            ax.plot(*points[which].T, label=f"{label} ({int(which.sum())})", gid="fixed points", **look, **edge)
