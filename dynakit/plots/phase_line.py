"""Systems of one unit: the phase line under each input, and the cobweb of a map (Strogatz 1994, secs. 2.2 and 10.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import PhaseLine
from ..checks import count, one_of, reals, states_of
from ..errors import InputError
from . import colours, legends, style
from .portrait import draw_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW, GAP, MOST = 0.085, 0.05, 0.55  # height of a line of arrows, of the gap above, and of all lines, in the axes


def plot_phase_line(
    line: PhaseLine, *, colors: Any = None, legend: str | None = None, ax: Any = None, **kwargs: Any
) -> Axes:
    """The velocity over the state under each drive, and below it the line on which the state moves.

    Arguments:
        line: of :func:`dynakit.map_phase_line`.
        colors: of the drives, by name: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the curves.

    Arrowheads give the way of the motion between fixed points, which have the marks of the phase portrait.  Raises
    InputError, naming the argument.

    >>> import dynakit as dk
    >>> plot_phase_line(dk.map_phase_line(dk.catalog.tanh_unit(2.0), [[0.0], [1.0]])).get_xlabel()
    'state'
    """
    style.expect("line", line, PhaseLine)
    names = line.names.tolist()
    hues = colours.of_conditions(names, colors) if len(names) > 1 else colours.of_series(names, [style.BLACK], colors)
    ax = style.new_axes(ax, ratio=0.75)
    ax.axhline(0, color=style.FAINT, linewidth=0.6, zorder=0)
    for name, velocity in zip(names, line.velocities):
        label = name if len(names) > 1 else None
        look = {"color": hues[name], "linewidth": 1.3, "label": label, "gid": "velocity"}
        ax.plot(line.places, velocity, **(look | kwargs))
    ax.margins(x=0)
    ax.set_xlim(line.places[0], line.places[-1])
    _rows(ax, line, hues)
    ax.set_xlabel("state")
    ax.set_ylabel("velocity, per step" if line.dynamics == "map" else "velocity, per unit time")
    style.despine(ax)
    draw_points(ax, line.points, np.pad(line.points.states, ((0, 0), (0, 1))))
    legends.draw(ax, legend)
    return ax


def _rows(ax: Any, line: PhaseLine, hues: dict[str, str]) -> None:
    """One line per drive in the lower part of the axes, whose own scale begins above it."""
    share = min(MOST, ROW * len(line))
    low, high = ax.get_ylim()
    ax.set_ylim(high - (high - low) / (1 - share - GAP), high)
    ax.spines["left"].set_bounds(low, high)
    ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= high])
    ax.yaxis.label.set_y((1 + share + GAP) / 2)
    below = ax.inset_axes((0.0, 0.0, 1.0, share), sharex=ax)
    for k, name in enumerate(line.names.tolist()):
        points = line.of(k)
        below.axhline(k, color=hues[name], linewidth=0.9, zorder=1)
        _arrowheads(below, line, k, points.states[:, 0], hues[name])
        draw_points(below, points, np.stack([points.states[:, 0], np.full(len(points), float(k))], axis=1))
    for text in below.texts:
        text.remove()
    below.set_ylim(len(line) - 0.4, -0.6)
    below.patch.set_visible(False)
    below.spines[:].set_visible(False)
    below.tick_params(left=False, labelleft=False, bottom=False, labelbottom=False)


def _arrowheads(ax: Any, line: PhaseLine, k: int, points: np.ndarray, colour: str) -> None:
    """An arrowhead half way between neighbouring points, the way the state moves there."""
    shown = np.sort(points[(points > line.places[0]) & (points < line.places[-1])])
    edges = np.concatenate([line.places[:1], shown, line.places[-1:]])
    middle = (edges[:-1] + edges[1:]) / 2
    way = np.sign(np.interp(middle, line.places, line.velocities[k]))
    for sign, marker in ((1, ">"), (-1, "<")):
        here = middle[way == sign]
        ax.plot(here, np.full(len(here), k), marker, color=colour, markersize=4.5, markeredgewidth=0, gid="way")


def plot_cobweb(
    line: PhaseLine,
    orbit: Any = None,
    *,
    drive: Any = 0,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """A map of one unit against the diagonal, and an orbit that goes back and forth between the two.

    Arguments:
        line: of :func:`dynakit.map_phase_line`, of a map.
        orbit: states (time,), (time, 1), or a Recording, whose first trial is drawn; None: the map alone.
        drive: number or name of the drive under which the orbit was made.
        colors: of "map", "diagonal" and "orbit": a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the line of the orbit.

    Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> system = dk.catalog.logistic(3.2)
    >>> orbit = dk.record(system, [[[]] * 40], [[0.3]])
    >>> plot_cobweb(dk.map_phase_line(system, span=[0.0, 1.0]), orbit).get_ylabel()
    'next state'
    """
    style.expect("line", line, PhaseLine)
    k = _which(line, drive)
    images = line.images[k]
    x = _orbit(orbit)
    hues = colours.of_series(("map", "diagonal", "orbit"), (style.BLACK, style.GREY, style.BLUE), colors)
    ax = style.new_axes(ax, ratio=0.85)
    ax.plot(line.places[[0, -1]], line.places[[0, -1]], color=hues["diagonal"], linewidth=0.8, label="x", zorder=1)
    ax.plot(line.places, images, color=hues["map"], linewidth=1.4, label="F(x)", gid="map", zorder=3)
    if len(x):
        stairs = np.repeat(x, 2)
        look = {"color": hues["orbit"], "linewidth": 0.8, "label": f"orbit of {len(x)} states", "gid": "orbit"}
        ax.plot(stairs[:-1], np.concatenate([x[:1], stairs[2:]]), **(look | {"zorder": 2} | kwargs))
        ax.plot(x[:1], x[:1], "o", markersize=3.5, markerfacecolor="white", markeredgecolor=hues["orbit"], zorder=4)
    points = line.of(k)
    draw_points(ax, points, np.repeat(points.states, 2, axis=1))
    ax.set_xlabel("state")
    ax.set_ylabel("next state")
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def _which(line: PhaseLine, drive: Any) -> int:
    names = line.names.tolist()
    if isinstance(drive, str):
        return names.index(one_of("drive", drive, names))
    return count("drive", drive, least=0, most=len(names) - 1)


def _orbit(orbit: Any) -> np.ndarray:
    """(time,): its states."""
    if orbit is None:
        return np.zeros(0)
    states = np.asarray(reals("orbit", states_of(orbit), finite=False))
    if states.ndim == 3:
        states = states[0]
    if states.ndim == 2 and states.shape[1] == 1:
        states = states[:, 0]
    if states.ndim != 1:
        raise InputError(f"orbit must be states (time,) or (time, 1) of one unit, got shape {states.shape}")
    return states[np.isfinite(states)]
