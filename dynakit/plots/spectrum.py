"""Eigenvalues in the complex plane, with the line of stability named."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import FixedPoints, GraphStatistics, Modes
from ..checks import one_of
from ..errors import InputError
from . import colours, legends, scene, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_spectrum(
    result: Any,
    *,
    line: str | None = None,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """Eigenvalues in the complex plane, equal aspect.

    Arguments:
        result: Modes or FixedPoints (coloured and marked by what each point is), GraphStatistics (eigenvalues of the
            weights), or an array of eigenvalues.
        line: "map" draws the unit circle, "flow" the imaginary axis.  None: what the points are those of, "map" for an
            array; but for the eigenvalues of a weight matrix, which say nothing about stability, a circle of the
            spectral radius.  "flow" for the Modes of a leaky network, a map, shows (lambda - 1) / alpha, the rates
            of its flow per time constant, marked by the verdicts on the flow.
        colors: of the kinds of points ("stable", "saddle, 1 unstable", ...): a dictionary, a list, or one colour.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the marks.

    Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> ax = plot_spectrum(dk.linearize(dk.catalog.rotation(radius=0.9), [[0.0, 0.0]]))
    >>> ax.get_legend().get_texts()[0].get_text()
    'unit circle: stability of the map'
    """
    one_of("line", line, [None, "map", "flow"])
    if isinstance(result, GraphStatistics) and line is not None:
        raise InputError("line must be None for a weight matrix: only Jacobians speak of stability")
    of_flow = isinstance(result, (Modes, FixedPoints)) and result.dynamics == "flow"
    if of_flow and line == "map":
        raise InputError("line must be 'flow' or None for points of a flow: their eigenvalues are per unit time")
    if isinstance(result, FixedPoints) and line == "flow" and not of_flow:
        raise InputError("line must be 'map' or None for FixedPoints of a map; Modes know of the flow it is a step of")
    flow = of_flow or line == "flow"
    scaled = flow and isinstance(result, Modes) and not of_flow
    groups = _groups(result, scaled, colors)
    ax = style.new_axes(ax)
    radius = result.spectral_radius if isinstance(result, GraphStatistics) else 1.0
    everything: Any = np.concatenate([values for values, _, _ in groups] or [np.zeros(0, complex)])
    everything = everything[np.isfinite(everything)]
    size = 4.5 if everything.size <= 200 else 3.0
    _stability_line(ax, result, flow, radius)
    for values, look, label in groups:
        options = {"linestyle": "none", "markersize": size, "alpha": 0.8, "zorder": 3, "gid": "eigenvalues"}
        ax.plot(values.real, values.imag, **(options | look | kwargs), label=label)
    _frame(ax, everything, 0.0 if flow else radius)
    unit = f", per {getattr(result, 'time_unit', '') or 'unit time'}" if of_flow else ""
    name = "(λ − 1)/α, per time constant" if scaled else f"μ{unit}" if of_flow else "λ"
    ax.set_xlabel(f"Re {name}")
    ax.set_ylabel(f"Im {name}")
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def _groups(result: Any, scaled: bool, colors: Any) -> list[tuple[Any, dict[str, Any], str | None]]:
    """(eigenvalues, look, label) of each kind of point."""
    if isinstance(result, (Modes, FixedPoints)):
        values: Any = result.eigenvalues
        marked: Modes | FixedPoints = result
        if scaled and isinstance(result, Modes):
            values, marked = _of_flow(result)
        kinds = scene.kinds(marked)
        hues = colours.of_series([kind.label for kind in kinds], [kind.colour for kind in kinds], colors)
        return [(values[kind.index].ravel(), _look(kind, hues[kind.label]), kind.counted) for kind in kinds]
    plain = {"marker": "o", "color": colours.one(colors, style.BLACK), "markeredgewidth": 0}
    if isinstance(result, GraphStatistics):
        return [(result.eigenvalues, plain, f"eigenvalues of W ({len(result)})")]
    array = np.asarray(result.detach().cpu() if hasattr(result, "detach") else result)
    if array.dtype.kind not in "cfiu":
        kind = type(result).__name__
        raise InputError(f"result must be Modes, FixedPoints, GraphStatistics or an array of eigenvalues, got {kind}")
    return [(array.ravel().astype(complex), plain, None)]


def _of_flow(modes: Modes) -> tuple[Any, Modes]:
    """The rates mu of the flow of a leaky network, and modes of that flow."""
    rates, verdicts = modes.flow_eigenvalues, modes.flow_verdicts
    if rates is None or verdicts is None:
        raise InputError(
            "line must be 'map' for Modes of a map that is no step of a flow: their eigenvalues are a map's"
        )
    return rates, dataclasses.replace(modes, eigenvalues=rates, verdicts=verdicts, dynamics="flow")


def _look(kind: scene.Kind, colour: str) -> dict[str, Any]:
    face = colour if kind.mark.filled else "white"
    edge = {"markeredgecolor": colour, "markeredgewidth": 0.7}
    return {"marker": kind.mark.marker, "markerfacecolor": face, **edge}


def _stability_line(ax: Any, result: Any, flow: bool, radius: float) -> None:
    if flow:
        ax.axvline(0, color=style.GREY, linewidth=1, label="imaginary axis: stability of the flow", zorder=2)
        return
    ax.axhline(0, color=style.FAINT, linewidth=0.5, zorder=1)
    ax.axvline(0, color=style.FAINT, linewidth=0.5, zorder=1)
    look: dict[str, Any] = {"linewidth": 1.0, "linestyle": "-", "label": "unit circle: stability of the map"}
    if isinstance(result, GraphStatistics):
        look = {"linewidth": 0.8, "linestyle": ":", "label": f"spectral radius {radius:.3g}"}
    angles = np.linspace(0, 2 * np.pi, 361)
    look |= {"color": style.GREY, "zorder": 2, "gid": "circle"}
    ax.plot(radius * np.cos(angles), radius * np.sin(angles), **look)


def _frame(ax: Any, values: Any, radius: float) -> None:
    """Limits that hold all eigenvalues and the whole circle, with one scale on both axes."""
    reach = [np.concatenate([part, [-radius, radius, 0.0]]) for part in (values.real, values.imag)]
    margin = 0.08 * max(float(np.ptp(r)) for r in reach) or 1.0
    ax.set_xlim(reach[0].min() - margin, reach[0].max() + margin)
    ax.set_ylim(reach[1].min() - margin, reach[1].max() + margin)
    ax.set_aspect("equal", adjustable="box")
