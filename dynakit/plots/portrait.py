"""The phase portrait: trajectories, fixed points and unstable directions in one projection.

Layout after Sussillo and Barak (2013, fig. 3) and Golub and Sussillo (2018); colours of the points after
Maheswaranathan et al. (2019, fig. 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import FixedPoints, Modes, Projection, SlowPoints
from ..errors import InputError
from . import legends, scene, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_phase_portrait(
    projection: Projection,
    states: Any = None,
    points: FixedPoints | Modes | None = None,
    modes: Modes | None = None,
    *,
    slow: SlowPoints | None = None,
    conditions: Any = None,
    axes: tuple[int, ...] | None = None,
    n_trajectories: int | None = None,
    dt: float | None = None,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """Trajectories, fixed points and unstable directions in the components ``axes`` of a projection.

    Arguments:
        projection: the axes; one projection serves all portraits that are to be compared.
        states: trajectories (trial, time, unit), a Recording, or ConditionAverages.
        points: fixed points, coloured and marked by the dimension of their unstable set.
        modes: modes at the points; a line runs along each unstable direction of each saddle (up to three).
        slow: slow points, small grey crosses, the larger the slower.
        conditions: one label per trial (trial,): names get hues, numbers shades by their value, with a
            colour bar (in 3-D the first, the middle and the last) for more than nine.
        axes: one, two or three components; three make a 3-D figure, one is drawn over the steps.
            None: the first two, or the first three on 3-D axes.
        n_trajectories: most trajectories to draw of each condition, evenly chosen; None: 24 of all together, and at
            least one of each.
        dt: of one step, in ms, for a single component; None: time is in steps.
        colors: of the conditions, by label: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw; 3-D axes are drawn on in 3-D.
        kwargs: for the lines of the trajectories.

    A trajectory starts at its open dot and ends at its filled one.  Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> system = dk.catalog.tanh_network([[1.5, 0.0], [0.0, 1.5]])
    >>> points = dk.find_fixed_points(system)
    >>> dk.plots.plot_phase_portrait(dk.project(points.states, 2), points=points).get_xlabel()
    'PC 1 (50 %)'
    """
    wanted = 3 if (ax is not None and getattr(ax, "name", "") == "3d") else 2
    frame = scene.frame(projection, axes, wanted, dt)
    ax = style.new_axes(ax, projection3d=len(frame.axes) == 3)
    if style.is_3d(ax) != (len(frame.axes) == 3):
        kind, n = ("3-D", "three components") if style.is_3d(ax) else ("2-D", "one or two components")
        held = f"the projection has {len(projection)}"
        raise InputError(f"axes must name {n} on {kind} axes ({held}), got {frame.axes}")
    shown = scene.build(frame, states, points, modes, slow, scene.Apart(conditions, n_trajectories, colors))
    on_a_scale = not style.is_3d(ax) and _scale(ax, shown.groups)
    _draw_paths(ax, shown.groups, kwargs, named=not on_a_scale)
    _draw_directions(ax, shown.segments)
    if slow is not None and len(slow):
        _draw_slow(ax, slow, shown.slow)
    if points is not None:
        draw_points(ax, points, shown.placed)
    finish(ax, frame, alone=shown.n_steps == 1)
    legends.draw(ax, legend)
    return ax


def _draw_paths(ax: Any, groups: list[scene.Paths], kwargs: dict[str, Any], *, named: bool) -> None:
    crowd = sum(len(group.lines) for group in groups)
    look = {"linewidth": 0.7, "alpha": 0.7 if crowd <= 12 else 0.5, "zorder": 2} | kwargs
    for group in groups:
        own = {"color": group.colour, "label": (group.label if named else "") or None, "gid": "trajectory"}
        ax.plot(*style.joined(group.lines).T, **(own | look))
        tips = [tip for line in group.lines if (tip := scene.ends(line)) is not None]
        if not tips:  # no state of the group is finite
            continue
        for end, face in ((0, "white"), (1, group.colour)):
            dots = np.array([tip[end] for tip in tips]).reshape(len(tips), -1)
            look_dot = {"markersize": 3.0, "markerfacecolor": face, "markeredgecolor": group.colour}
            ax.plot(*dots.T, "o", markeredgewidth=0.7, zorder=3, gid=("start", "end")[end], **look_dot)


def _scale(ax: Any, groups: list[scene.Paths]) -> bool:
    """A colour bar for many conditions that are numbers; whether there is one."""
    values = [group.value for group in groups if group.value is not None]
    if len(values) <= scene.MOST_NAMED:
        return False
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    norm = Normalize(min(values), max(values))
    shades = [(float(norm(value)), group.colour) for value, group in zip(values, groups)]
    key = LineCollection([], cmap=LinearSegmentedColormap.from_list("conditions", shades), norm=norm)
    key.set_array([])
    style.colour_bar(ax, ax.add_collection(key, autolim=False), "condition")
    return True


def _draw_directions(ax: Any, segments: np.ndarray) -> None:
    look = {"color": style.UNSTABLE_DIRECTION, "linewidth": 1.4, "zorder": 4, "gid": "direction"}
    if len(segments):
        ax.plot(*style.joined(segments).T, label="unstable direction", **look)


def _draw_slow(ax: Any, slow: SlowPoints, placed: np.ndarray) -> None:
    from matplotlib.patheffects import withStroke

    look: dict[str, Any] = {
        "marker": "x",
        "color": style.GREY,
        "linewidths": 1.2,
        "zorder": 4,
        "gid": "slow points",
    }
    look["path_effects"] = [withStroke(linewidth=2.6, foreground="white")]  # to be seen above trajectories
    ax.scatter(*placed.T, s=(6 * scene.slowness(slow.speeds)) ** 2, label=f"slow point ({len(slow)})", **look)


def draw_points(ax: Any, points: Any, placed: np.ndarray) -> None:
    """Fixed points at their places (point, axis), each kind in its own mark."""
    import matplotlib

    base = float(matplotlib.rcParams["lines.markersize"])
    if not len(points):
        style.say(ax, "no fixed point found")
    for kind in scene.kinds(points):
        ax.plot(
            *placed[kind.index].T,
            linestyle="none",
            marker=kind.mark.marker,
            markersize=base * kind.mark.size,
            markerfacecolor=kind.colour if kind.mark.filled else "white",
            markeredgecolor="white" if kind.mark.filled else kind.colour,
            markeredgewidth=0.5 if kind.mark.filled else 1.3,
            zorder=5,
            label=kind.counted,
            gid="points",
        )


def finish(ax: Any, frame: scene.Frame, alone: bool) -> None:
    """Labels, spines and legend of a portrait; ``alone``: points without trajectories."""
    for name, label in zip("xyz", frame.names):
        getattr(ax, f"set_{name}label")(label)
    if len(frame.axes) == 1 and alone:  # points without trajectories: a line of states, no time
        ax.set_xlabel("")
        ax.set_xticks([])
    style.despine(ax)
    if style.is_3d(ax):
        ax.computed_zorder = False
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
            axis.set_major_locator(_few_ticks())
            axis.labelpad = 7.0  # slanted labels would touch slanted ticks


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)
