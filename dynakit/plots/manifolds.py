"""The graph of decisions drawn where it lives: unstable manifolds from saddles to attractors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import FixedPoints, Projection, UnstableManifolds
from ..checks import matches_shape
from ..errors import InputError
from . import colours, legends, scene, style
from .portrait import draw_points, finish

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARROW = 0.55  # where along a path its arrow stands


def plot_heteroclinic(
    manifolds: UnstableManifolds,
    points: FixedPoints | None = None,
    projection: Projection | None = None,
    *,
    axes: tuple[int, ...] | None = None,
    orbits: bool = True,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """The unstable manifolds of the saddles, with arrows towards the attractors, over the fixed points.

    Arguments:
        manifolds: of :func:`dynakit.map_unstable_manifolds`.
        points: the fixed points they belong to, to be marked.
        projection: the axes, as in :func:`plot_phase_portrait`.
        axes: two or three components; None: the first two, or the first three on 3-D axes.
        orbits: draw the single orbits from points with two or more unstable directions too, thin and without arrows.
        colors: of "unstable manifolds" and "other orbits": a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the lines of the branches.

    A path that reaches no attractor is dashed.  Raises InputError, naming the argument.
    """
    style.expect("manifolds", manifolds, UnstableManifolds)
    if points is not None and len(style.expect("points", points, FixedPoints)) != manifolds.n_points:
        raise InputError(
            f"points must be the {manifolds.n_points} that the manifolds were grown from, got {len(points)}"
        )
    frame = scene.frame(projection, axes, 3 if ax is not None and getattr(ax, "name", "") == "3d" else 2)
    if len(frame.axes) < 2:
        raise InputError(f"axes must name two or three components, got {frame.axes}")
    matches_shape("manifolds.states", manifolds.states.shape, ("path", "sample", frame.projection.mean.size))
    ax = style.new_axes(ax, projection3d=len(frame.axes) == 3)
    if style.is_3d(ax) != (len(frame.axes) == 3):
        kind, n = ("3-D", "three") if style.is_3d(ax) else ("2-D", "two")
        raise InputError(f"axes must name {n} components on {kind} axes, got {frame.axes}")
    hues = colours.of_series(("unstable manifolds", "other orbits"), (style.UNSTABLE_DIRECTION, style.FAINT), colors)
    branches, others = (manifolds[which] for which in (manifolds.dimensions == 1, manifolds.dimensions > 1))
    if orbits:
        _lines(ax, frame, others, "other orbits", hues["other orbits"], {"linewidth": 0.5})
    own = hues["unstable manifolds"]
    _lines(ax, frame, branches, "unstable manifolds", own, {"linewidth": 1.1} | kwargs)
    _arrows(ax, frame, branches, kwargs.get("color", own))
    if points is not None:
        draw_points(ax, points, frame.place(points.states))
    finish(ax, frame, alone=False)
    legends.draw(ax, legend)
    return ax


def _lines(
    ax: Any, frame: scene.Frame, paths: UnstableManifolds, name: str, colour: str, kwargs: dict[str, Any]
) -> None:
    for k, (states, target) in enumerate(zip(paths.states, paths.targets)):
        line = frame.place(states[np.isfinite(states).all(axis=1)])
        look: dict[str, Any] = {
            "color": colour,
            "label": name if k == 0 else None,
            "zorder": 2,
            "gid": "manifold",
        }
        ax.plot(*line.T, **(look | {"linestyle": "-" if target >= 0 else (0, (3, 2))} | kwargs))


def _arrows(ax: Any, frame: scene.Frame, paths: UnstableManifolds, colour: str) -> None:
    """A small arrowhead on each branch, on its way to the attractor."""
    for states, target in zip(paths.states, paths.targets):
        line = frame.place(states[np.isfinite(states).all(axis=1)])
        way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        k = int(np.searchsorted(way, ARROW * way[-1]))
        if target < 0 or way[-1] == 0 or not 0 < k < len(line):
            continue
        tail, head = line[k - 1], line[k]
        if style.is_3d(ax):
            heading = (head - tail) / np.linalg.norm(head - tail) * 0.16 * way[-1]
            look: dict[str, Any] = {
                "arrow_length_ratio": 1.0,
                "linewidth": 1.0,
                "pivot": "middle",
                "gid": "arrow",
            }
            ax.quiver(*head, *heading, color=colour, **look)
        else:
            look = {"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
            ax.annotate("", head, tail, arrowprops=look, zorder=3, gid="arrow")
