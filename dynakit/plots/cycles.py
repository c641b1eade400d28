"""Cycles: their multipliers in the unit circle, their curves, and how well a circle is invariant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import LimitCycles, Projection
from ..errors import InputError
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PHASES = 400  # points of a drawn curve
LINES = {"attracting": "-", "repelling": ":", "saddle": "--"}


def plot_multipliers(
    cycles: LimitCycles, *, colors: Any = None, legend: str | None = None, ax: Any = None, **kwargs: Any
) -> Axes:
    """The multipliers of each cycle or circle in the complex plane, with the unit circle.

    Arguments:
        cycles: of :func:`dynakit.find_limit_cycles`.
        colors: of the objects, by number: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the marks.

    Of an invariant circle only moduli have a meaning, each multiplier stands for a circle of them: they are drawn on
    the positive axis.  The multiplier along an object, which is 1, is an open mark.  Raises InputError, naming the
    argument.

    >>> import dynakit as dk
    >>> cycles = dk.find_limit_cycles(dk.catalog.tanh_unit(-2.0), [[0.5]])
    >>> plot_multipliers(cycles).get_xlabel()
    'Re λ'
    """
    style.expect("cycles", cycles, LimitCycles)
    ax = style.new_axes(ax)
    angles = np.linspace(0, 2 * np.pi, 361)
    ax.axhline(0, color=style.FAINT, linewidth=0.5, zorder=1)
    ax.axvline(0, color=style.FAINT, linewidth=0.5, zorder=1)
    ax.plot(
        np.cos(angles),
        np.sin(angles),
        color=style.GREY,
        linewidth=1,
        label="unit circle: stability",
        zorder=2,
    )
    reach = 1.0
    for k, colour in _drawn(cycles, colors):
        values, own = _multipliers(cycles, k)
        if not len(values):
            continue
        reach = max(reach, float(np.abs(values).max()))
        look = {"linestyle": "none", "marker": "o", "color": colour, "markersize": 4.5, "zorder": 3}
        ax.plot(values[~own].real, values[~own].imag, **(look | kwargs), label=_name(cycles, k))
        ax.plot(values[own].real, values[own].imag, **(look | {"markerfacecolor": "white"} | kwargs))
    ax.set_xlim(-1.1 * reach, 1.1 * reach)
    ax.set_ylim(-1.1 * reach, 1.1 * reach)
    ax.set_aspect("equal", adjustable="box")
    ax.set_xlabel("Re λ")
    ax.set_ylabel("Im λ")
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def plot_cycles(
    cycles: LimitCycles,
    projection: Projection | None = None,
    *,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """The curve of each object: the first two outputs, or two scores of a projection of its states.

    Arguments:
        cycles: of :func:`dynakit.find_limit_cycles`.
        projection: of states; None: the outputs are drawn.
        colors: of the objects, by number: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the curves.

    Attracting ones are drawn through, repelling ones dotted, saddles dashed; an arrow gives the sense of time.  Fixed
    points and cycles of maps are points.  A single output is drawn over the phase.  Raises InputError, naming the
    argument.

    >>> import dynakit as dk
    >>> cycles = dk.find_limit_cycles(dk.catalog.tanh_network([[0.0, -2.0], [2.0, 0.0]]), [[0.5, 0.1]])
    >>> plot_cycles(cycles).get_xlabel()
    'output 1'
    """
    style.expect("cycles", cycles, LimitCycles)
    if projection is not None:
        style.expect("projection", projection, Projection)
        if projection.mean.size != cycles.states.shape[1] or len(projection) < 2:
            raise InputError(
                f"projection must have at least 2 components of {cycles.states.shape[1]} units, got "
                f"{len(projection)} of {projection.mean.size}"
            )
    ax = style.new_axes(ax)
    for k, colour in _drawn(cycles, colors):
        points = _points(cycles, projection, k)
        look: dict[str, Any] = {"color": colour, "label": _name(cycles, k)}
        if cycles.harmonics[k]:
            line = LINES.get(str(cycles.verdicts[k]), "-")
            ax.plot(points[:, 0], points[:, 1], **(look | {"linestyle": line, "linewidth": 1.3} | kwargs))
            _arrow(ax, points, colour, backwards=cycles.rotation_numbers[k] < 0 and cycles.dynamics == "map")
        else:
            face = colour if cycles.verdicts[k] == "attracting" else "white"
            mark = {"linestyle": "none", "marker": "o", "markersize": 4.5, "markerfacecolor": face}
            ax.plot(points[:, 0], points[:, 1], **(look | mark | kwargs))
    if not len(cycles):
        style.say(ax, "no cycle")
    names = ["phase", "output"] if cycles.outputs.shape[1] == 1 else ["output 1", "output 2"]
    names = names if projection is None else [str(name) for name in projection.names[:2]]
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def plot_convergence(
    cycles: LimitCycles, *, colors: Any = None, legend: str | None = None, ax: Any = None, **kwargs: Any
) -> Axes:
    """The residual of each invariant circle against the number of harmonics it is cut off at.

    Arguments:
        cycles: of :func:`dynakit.find_limit_cycles`.
        colors: of the objects, by number: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the curves.

    A smooth circle falls straight down to rounding; a curve with corners, or one that is not there, levels off.
    Raises InputError, naming the argument.
    """
    style.expect("cycles", cycles, LimitCycles)
    ax = style.new_axes(ax)
    drawn = 0
    for k, colour in _drawn(cycles, colors):
        residuals = cycles.convergence[k][np.isfinite(cycles.convergence[k])]
        if not len(residuals):
            continue
        drawn += 1
        look = {"color": colour, "marker": "o", "markersize": 3.5, "linewidth": 1.0}
        orders = 2 ** np.arange(len(residuals))
        ax.loglog(orders, np.maximum(residuals, 1e-17), **(look | kwargs), label=_name(cycles, k))
    if not drawn:
        style.say(ax, "no invariant circle")
    ax.set_xlabel("harmonics")
    ax.set_ylabel("invariance residual / size")
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def _drawn(cycles: LimitCycles, colors: Any) -> list[tuple[int, str]]:
    """Objects with their colours."""
    hues = [style.CATEGORIES[k % len(style.CATEGORIES)] for k in range(len(cycles))]
    return list(colours.of_series(range(len(cycles)), hues, colors).items())


def _name(cycles: LimitCycles, k: int) -> str:
    kind, period = str(cycles.kinds[k]), float(cycles.periods[k])
    said = f"{kind}, period {period:.4g}" if kind in ("periodic", "limit cycle", "invariant circle") else kind
    return f"{said} ({cycles.verdicts[k]})"


def _multipliers(cycles: LimitCycles, k: int) -> tuple[Any, Any]:
    """Those of an object, and which of them lies along it."""
    values = cycles.multipliers[k]
    values = values[np.isfinite(values)]
    own = np.zeros(len(values), bool)
    if cycles.kinds[k] == "invariant circle":
        values = np.abs(values).astype(complex)
        own[:1] = True
    elif cycles.kinds[k] == "limit cycle" and len(values):
        own[int(np.abs(values - 1).argmin())] = True
    return values, own


def _points(cycles: LimitCycles, projection: Projection | None, k: int) -> np.ndarray:
    """Plane points along an object; those of a cycle of a map, one for each step."""
    orbit = cycles.orbits[k]
    steps = int(np.isfinite(orbit).all(axis=1).sum())
    theta = np.linspace(0, 1, PHASES) if cycles.harmonics[k] else np.arange(steps) / max(steps, 1)
    if not len(theta):
        theta = np.zeros(0)
    if projection is not None:
        x = cycles.curve(theta, k) if len(theta) else cycles.states[[k]]
        return projection.transform(x)[:, :2]
    y = cycles.output_curve(theta, k) if len(theta) else cycles.outputs[[k]]
    return y[:, :2] if y.shape[1] > 1 else np.stack([theta if len(theta) else np.zeros(1), y[:, 0]], 1)


def _arrow(ax: Any, points: np.ndarray, colour: str, *, backwards: bool) -> None:
    a, b = (points[8], points[0]) if backwards else (points[0], points[8])
    ax.annotate("", xy=b, xytext=a, arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.0})
