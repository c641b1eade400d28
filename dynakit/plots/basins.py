"""Basins of attraction: the sampled initial states by where they go, and the shares over a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import Basins, Projection, TracedBasins
from ..checks import count
from ..errors import InputError
from ..wording import counted
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_basins(
    basins: Basins,
    projection: Projection | None = None,
    *,
    axes: tuple[int, int] = (0, 1),
    labels: Any = None,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """The sampled initial states coloured by the attractor they go to, the attractors on top.

    Arguments:
        basins: of :func:`dynakit.map_basins`.
        projection: what to look at the states in; None: two units of the state.
        axes: the two components of the projection, or units; a system of one unit is drawn over its number.
        labels: a name for each attractor; None: its number.
        colors: of the attractors, by name: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the dots of the samples (``scatter``).

    Samples labelled -1 are light grey.  The legend has each share with its interval.  In a projection states of
    different basins may lie on one another.  Raises InputError, naming the argument.
    """
    style.expect("basins", basins, Basins)
    names = _names(basins.n_attractors, labels)
    see, captions = _viewed(basins, projection, axes)
    ax = style.new_axes(ax)
    hues = _colours(names, colors)
    look = {"s": 7, "linewidths": 0, "alpha": 0.75, "zorder": 2} | kwargs
    left = basins.labels < 0
    if left.any():
        said = f"none ({basins.fraction_left:.3f})"
        ax.scatter(*see(basins.states[left]).T, **(look | {"color": style.FAINT, "label": said, "zorder": 1}))
    for k, name in enumerate(names):
        share = (
            f"{name}: {basins.fractions[k]:.3f} [{basins.intervals[k, 0]:.3f}, {basins.intervals[k, 1]:.3f}]"
        )
        ax.scatter(
            *see(basins.states[basins.labels == k]).T, **(look | {"color": hues[k], "label": share})
        )
        _attractor(ax, see(basins.attractors[k]), hues[k], str(basins.kinds[k]))
    ax.set_xlabel(captions[0])
    ax.set_ylabel(captions[1])
    ax.set_title(f"{counted(len(basins), 'state')}, {basins.sampler}", fontsize="medium")
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def plot_basin_fractions(
    traced: TracedBasins,
    *,
    labels: Any = None,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """The shares of the basins over the parameter, stacked, with the interval of each at the top of its layer.

    Arguments:
        traced: of :func:`dynakit.trace_basins`.
        labels: a name for each attractor; None: its number.
        colors: of the attractors, by name: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the layers (``stackplot``).

    What is left to one is labelled -1 and light grey.  Between two values of which only one has an attractor its share
    does not fade but jumps, half way.  Raises InputError, naming the argument.
    """
    style.expect("traced", traced, TracedBasins)
    n = traced.counts.shape[1]
    names = _names(n, labels)
    ax = style.new_axes(ax)
    shares = traced.counts / traced.n_samples
    left = traced.n_left / traced.n_samples
    layers = [*shares.T, left] if left.any() else list(shares.T)
    look = {"colors": [*_colours(names, colors), style.FAINT][: len(layers)], "linewidth": 0, "alpha": 0.85} | kwargs
    x, rows = _with_jumps(traced)
    layers = [layer[rows] for layer in layers]
    ax.stackplot(x, *layers, labels=[*names, "none"][: len(layers)], **look)
    top = np.cumsum(shares, axis=1)
    for k in range(n):
        here = traced.present[:, k]
        bars = np.abs(traced.intervals[here, k] - shares[here, k, None]).T
        dark = {"fmt": "none", "ecolor": style.BLACK, "elinewidth": 0.7, "capsize": 1.5}
        ax.errorbar(traced.values[here], top[here, k], bars, **dark)
    ax.set_xlabel("parameter")
    ax.set_ylabel("share of the states")
    ax.set_ylim(0, 1)
    ax.margins(x=0)
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def _with_jumps(traced: TracedBasins) -> tuple[np.ndarray, np.ndarray]:
    """Places (place,) on the axis and the rows of the result that stand there: two half way where attractors change."""
    values = np.asarray(traced.values, float)
    jumps = np.flatnonzero((traced.present[1:] != traced.present[:-1]).any(axis=1))
    middle = (values[jumps] + values[jumps + 1]) / 2
    x = np.concatenate([values, middle, middle])
    rows = np.concatenate([np.arange(len(values)), jumps, jumps + 1])
    order = np.lexsort((rows, x if len(values) < 2 or values[-1] >= values[0] else -x))
    return x[order], rows[order]


def _names(n: int, labels: Any) -> list[str]:
    given = (
        [f"attractor {k}" for k in range(n)]
        if labels is None
        else style.labels_of("labels", labels, n, "attractors")
    )
    return [str(name) for name in given]


def _colours(names: list[str], colors: Any) -> list[str]:
    found = colours.in_turn(names, colors)
    return [found[name] for name in names]


def _attractor(ax: Any, points: np.ndarray, colour: str, kind: str) -> None:
    """A ring around a point, a dark line along a curve, dots for a cycle or a cloud."""
    look = {"color": style.BLACK, "zorder": 4}
    if len(points) == 1:
        ring = {"marker": "o", "markersize": 7, "markerfacecolor": colour, "markeredgewidth": 1.2}
        ax.plot(*points.T, linestyle="none", **(look | ring))
    elif kind in ("invariant circle", "limit cycle") or (kind == "periodic" and len(points) > 64):
        ax.plot(*points[np.arange(len(points) + 1) % len(points)].T, linewidth=1.4, **look)
    else:
        ax.plot(*points.T, ".", markersize=2, **look)


def _viewed(basins: Basins, projection: Any, axes: Any) -> tuple[Any, list[str]]:
    """How states are placed, and what the axes are called."""
    width = basins.states.shape[1]
    if projection is not None:
        style.expect("projection", projection, Projection)
        if projection.mean.size != width:
            raise InputError(f"projection must be of {counted(width, 'unit')}, got {projection.mean.size}")
        width = len(projection)
    try:
        chosen = [count("axes", axis, least=0, most=max(width, 2) - 1) for axis in axes]
    except TypeError:
        chosen = []
    if len(chosen) != 2:
        raise InputError(f"axes must be two components, got {axes!r}")
    if width == 1:
        return lambda x: np.stack([x[:, 0], np.zeros(len(x))], 1), ["unit 1", ""]
    if projection is None:
        return lambda x: x[:, chosen], [f"unit {k + 1}" for k in chosen]
    return lambda x: projection.transform(x)[:, chosen], [str(projection.names[k]) for k in chosen]
