"""The plane of two states: where each of them stands still, what the points between are, and the flow around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import Modes, PlaneFlow, Projection
from ..checks import matches_shape
from ..errors import InputError
from . import colours, legends, scene, style
from .flow import draw_field, in_plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HUES = ("#CC6677", "#332288")


def plot_nullclines(
    field: PlaneFlow,
    modes: Modes | None = None,
    projection: Projection | None = None,
    *,
    flow: bool = True,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """The nullclines of a plane, its fixed points by their types, and the flow.

    Arguments:
        field: of :func:`dynakit.plane_flow`; on a fine grid (``n_grid=101``) the lines are smooth.
        modes: of the fixed points in the plane (:func:`dynakit.linearize`), to be named: node, focus, saddle, centre.
        projection: the axes of the plane, as given to ``plane_flow``; None: the two units of a system that has two.
        flow: draw streamlines below.
        colors: of the two nullclines, by the names of the axes: a dictionary, a list, or one colour for both.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the nullclines (``contour``).

    On the nullcline of an axis the velocity along this axis is zero; where both cross, nothing moves in the plane.
    Points that lie outside are counted.  Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> system = dk.catalog.van_der_pol()
    >>> field = dk.plane_flow(system, ranges=[[-3, 3], [-3, 3]], n_grid=61)
    >>> ax = plot_nullclines(field, dk.linearize(system, [[0.0, 0.0]]))
    >>> [text.get_text() for text in ax.get_legend().get_texts()][-1]
    'unstable focus (1)'
    """
    style.expect("field", field, PlaneFlow)
    placed = None if modes is None else _placed(modes, projection)
    hues = colours.of_series(field.names, HUES, colors)
    ax = style.new_axes(ax, ratio=0.75)
    if flow:
        draw_field(ax, field, style.GREY)
    for k, name in enumerate(field.names):
        values = np.ma.masked_invalid(field.velocities[..., k])
        look: dict[str, Any] = {"levels": [0.0], "colors": [hues[name]], "linewidths": 1.5, "zorder": 3}
        if values.count() and values.min() <= 0 <= values.max():
            drawn = ax.contour(field.grid_x, field.grid_y, values, **(look | kwargs))
            drawn.set_gid("nullcline")
        ax.plot([], [], color=hues[name], linewidth=1.5, label=f"{name} stands still")
    if modes is not None and placed is not None:
        _draw_types(ax, modes, placed)
    in_plane(ax, field)
    legends.draw(ax, legend)
    return ax


def _placed(modes: Modes, projection: Any) -> np.ndarray:
    style.expect("modes", modes, Modes)
    n = modes.states.shape[1]
    if projection is None:
        if n != 2:
            raise InputError(f"projection must be given for points of {n} units")
        return modes.states
    style.expect("projection", projection, Projection)
    matches_shape("modes.states", modes.states.shape, ("point", projection.mean.size))
    if len(projection) < 2:
        raise InputError(f"projection must have at least 2 components, got {len(projection)}")
    return projection.transform(modes.states)[:, :2]


def _draw_types(ax: Any, modes: Modes, placed: np.ndarray) -> None:
    """The points of each type, in mark and colour as in every portrait."""
    import matplotlib

    base = 1.3 * float(matplotlib.rcParams["lines.markersize"])
    types = modes.types
    for kind in scene.kinds(modes):
        for name in dict.fromkeys(types[kind.index].tolist()):
            here = kind.index[types[kind.index] == name]
            face, edge = (kind.colour, "white") if kind.mark.filled else ("white", kind.colour)
            look = {"marker": kind.mark.marker, "markersize": base * kind.mark.size, "markerfacecolor": face}
            look |= {"markeredgecolor": edge, "markeredgewidth": 0.6 if kind.mark.filled else 1.4, "zorder": 5}
            ax.plot(*placed[here].T, linestyle="none", label=f"{name} ({len(here)})", gid="points", **look)
