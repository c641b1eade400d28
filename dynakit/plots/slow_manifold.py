"""A slow manifold: where it runs among the axes, and what happens along it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import Projection, SlowManifold
from ..checks import matches_shape, one_of
from ..errors import InputError
from . import colours, legends, scene, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_ARROWS = 9
STILLEST = 1e-12  # drift below which colours do not go on


def plot_slow_manifold(
    manifold: SlowManifold,
    projection: Projection | None = None,
    *,
    what: str = "drift",
    axes: tuple[int, ...] | None = None,
    names: Any = None,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """A slow curve in the axes of a projection, or what changes along it.

    Arguments:
        manifold: of :func:`dynakit.trace_slow_manifold`.
        projection: the axes.  The curve is coloured by the size of its drift and arrows run the way of it.  None: one
            quantity against the arclength instead.
        what: that quantity: "drift" per step, "selection" (step along the curve that a unit of each input makes), or
            "eigenvalues" (slow and largest other).
        axes: two or three components of the projection; None: the first two, or the first three on 3-D axes.
        names: of the inputs (input,), for "selection".
        colors: of the lines over the arclength, by the names of the inputs or "drift", "slow mode", "largest other".
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the line.

    Fixed points on the curve are filled where the drift points towards them, open diamonds where it points away.
    Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> manifold = dk.trace_slow_manifold(dk.catalog.tanh_unit(1.1), [[-1.0], [1.0]])
    >>> plot_slow_manifold(manifold).get_ylabel()
    'drift, per step'
    """
    style.expect("manifold", manifold, SlowManifold)
    one_of("what", what, list(_PROFILES))
    if projection is not None:
        return _draw_curve(manifold, projection, axes, ax, legend, kwargs)
    ax = style.new_axes(ax)
    inputs = _named(names, manifold)
    lines, hues = _series(what, inputs)
    _PROFILES[what](ax, manifold, colours.of_series(lines, hues, colors), kwargs)
    ax.set_xlabel("position along the curve")
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


# --- in the axes of a projection


def _draw_curve(
    manifold: SlowManifold, projection: Any, axes: Any, ax: Any, legend: str | None, kwargs: dict[str, Any]
) -> Axes:
    manifold.holds_points(2)
    solid = ax is not None and getattr(ax, "name", "") == "3d"
    frame = scene.frame(projection, axes, 3 if solid else 2)
    if len(frame.axes) < 2:
        raise InputError(f"axes must name two or three components, got {frame.axes}")
    matches_shape("manifold.states", manifold.states.shape, ("point", frame.projection.mean.size))
    ax = style.new_axes(ax, projection3d=len(frame.axes) == 3)
    if style.is_3d(ax) != (len(frame.axes) == 3):
        raise InputError(f"axes must fit the {'3-D' if solid else '2-D'} axes ax, got {frame.axes}")
    placed = frame.place(manifold.states)
    drawn = _coloured_line(ax, manifold, placed, kwargs)
    if style.is_3d(ax):  # a colour bar has no room there
        low, high = drawn.get_clim()
        drawn.set_label(f"slow curve: drift\n{low:.0e} to {high:.0e} per step")
    else:
        style.colour_bar(ax, drawn, "drift per step")
        _draw_arrows(ax, manifold, placed)
    if len(manifold.fixed_points):
        _draw_fixed(ax, frame.place(manifold.fixed_points), manifold.fixed_holds)
    for letter, label in zip("xyz", frame.names):
        getattr(ax, f"set_{letter}label")(label)
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def _coloured_line(ax: Any, manifold: SlowManifold, placed: np.ndarray, kwargs: dict[str, Any]) -> Any:
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LogNorm
    from mpl_toolkits.mplot3d.art3d import Line3DCollection

    path = np.concatenate([placed, placed[:1]]) if manifold.closed else placed
    segments = np.stack([path[:-1], path[1:]], axis=1)
    speed = np.maximum(np.abs(manifold.drift), STILLEST)
    speed = np.sqrt(speed * np.roll(speed, -1))[: len(segments)]
    low, high = float(speed.min()), float(speed.max())
    norm = LogNorm(low, high if high > 1.01 * low else 10 * low)
    look: Any = {"cmap": style.SEQUENTIAL, "norm": norm, "linewidths": 2.5, "zorder": 3, "gid": "slow curve"}
    collection = (Line3DCollection if style.is_3d(ax) else LineCollection)(list(segments), **(look | kwargs))
    collection.set_array(speed)
    if style.is_3d(ax):
        ax.add_collection3d(collection)
        ax.auto_scale_xyz(*placed.T)
    else:
        ax.add_collection(collection)
        ax.autoscale_view()
    return collection


def _draw_arrows(ax: Any, manifold: SlowManifold, placed: np.ndarray) -> None:
    """Arrow heads beside no other mark, evenly along the curve, the way of the drift."""
    where = np.linspace(0, manifold.length, N_ARROWS + 1)[:-1] + manifold.length / (2 * N_ARROWS)
    rows = np.unique(np.abs(manifold.arclengths[:, None] - where).argmin(axis=0))
    for k in rows[np.abs(manifold.drift[rows]) > STILLEST]:
        before, after = placed[max(k - 1, 0)], placed[min(k + 1, len(placed) - 1)]
        way = (after - before) * np.sign(manifold.drift[k])
        head: Any = {"arrowstyle": "-|>", "color": "#333333", "linewidth": 0, "mutation_scale": 14}
        ends = placed[k] - 0.02 * way, placed[k] + 0.02 * way
        ax.annotate("", ends[1], ends[0], arrowprops=head | {"shrinkA": 0, "shrinkB": 0}, zorder=4)


def _draw_fixed(ax: Any, placed: np.ndarray, holds: np.ndarray) -> None:
    kinds = (
        ("attracting along it", holds, "stable", style.BLACK),
        ("repelling along it", ~holds, "saddle", style.VERMILLION),
    )
    for label, which, name, colour in kinds:
        if not which.any():
            continue
        look = {"marker": style.MARKS[name].marker, "color": colour, "linestyle": "none", "markersize": 5.5}
        edge: dict[str, Any] = {
            "markeredgecolor": "white",
            "markeredgewidth": 0.6,
            "zorder": 5,
            "gid": "fixed points",
        }
        ax.plot(*placed[which].T, label=f"{label} ({int(which.sum())})", **look, **edge)


# --- against the arclength


def _draw_drift(ax: Any, manifold: SlowManifold, hues: dict[str, str], kwargs: dict[str, Any]) -> None:
    ax.axhline(0, color=style.FAINT, linewidth=0.8, zorder=1)
    look = {"color": hues["drift"], "linewidth": 1.4, "gid": "drift"} | kwargs
    ax.plot(manifold.arclengths, manifold.drift, **look)
    if len(manifold.fixed_points):
        flat = np.stack([manifold.fixed_arclengths, np.zeros(len(manifold.fixed_points))], axis=1)
        _draw_fixed(ax, flat, manifold.fixed_holds)
    ax.set_ylabel("drift, per step")


def _draw_selection(ax: Any, manifold: SlowManifold, hues: dict[str, str], kwargs: dict[str, Any]) -> None:
    if not hues:
        style.say(ax, "the system has no input")
    ax.axhline(0, color=style.FAINT, linewidth=0.8, zorder=1)
    for (name, colour), values in zip(hues.items(), manifold.selection.T):
        ax.plot(manifold.arclengths, values, **({"label": name, "color": colour, "linewidth": 1.4} | kwargs))
    ax.set_ylabel("step along the curve\nper unit of input")


def _draw_eigenvalues(ax: Any, manifold: SlowManifold, hues: dict[str, str], kwargs: dict[str, Any]) -> None:
    is_map = manifold.dynamics == "map"
    size = np.abs if is_map else np.real
    others = size(manifold.transverse).max(axis=1, initial=0.0 if is_map else -np.inf)
    line = "|λ| = 1: stability of the map" if is_map else "Re μ = 0: stability of the flow"
    ax.axhline(float(is_map), color=style.GREY, linewidth=0.8, linestyle=":", label=line)
    look = {"linewidth": 1.4} | kwargs
    ax.plot(
        manifold.arclengths,
        size(manifold.eigenvalues),
        **({"color": hues["slow mode"], "label": "slow mode"} | look),
    )
    ax.plot(manifold.arclengths, others, **({"color": hues["largest other"], "label": "largest other"} | look))
    ax.set_ylabel("|eigenvalue|" if is_map else "Re eigenvalue")


_PROFILES = {"drift": _draw_drift, "selection": _draw_selection, "eigenvalues": _draw_eigenvalues}


def _series(what: str, inputs: list[str]) -> tuple[list[str], list[str]]:
    """The lines of a profile, and our colours for them."""
    if what == "selection":
        return inputs, list(colours.in_turn(inputs).values())
    lines = ["drift"] if what == "drift" else ["slow mode", "largest other"]
    return lines, [style.BLUE, style.GREY][: len(lines)]


def _named(names: Any, manifold: SlowManifold) -> list[str]:
    n = manifold.selection.shape[1]
    if names is None:
        return list(style.channel_names("input", n)) if n else []
    return [str(name) for name in style.labels_of("names", names, n, "inputs")]
