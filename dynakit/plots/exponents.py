"""Lyapunov spectra: growth rates with their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import LyapunovSpectrum
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_MARKS = 40  # exponents; a longer spectrum is a line


def plot_exponents(
    lyap: Any, *, colors: Any = None, legend: str | None = None, ax: Any = None, **kwargs: Any
) -> Axes:
    """Lyapunov exponents by rank, with two standard errors, the zero line and the Kaplan-Yorke dimension.

    Arguments:
        lyap: a LyapunovSpectrum, of one start or of several (one colour per kind of motion).
        colors: of the kinds of motion, by name: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: above the axes.
        ax: where to draw.
        kwargs: for the marks.

    Exponents of -inf are not drawn, but counted in the legend.  Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> ax = plot_exponents(dk.lyapunov_spectrum(dk.catalog.henon(), [0.1, 0.1], n_steps=500))
    >>> ax.get_xlabel()
    'exponent'
    """
    style.expect("lyap", lyap, LyapunovSpectrum)
    ax = style.new_axes(ax)
    exponents, errors = lyap.exponents, lyap.standard_errors
    kinds = lyap.kinds
    dimensions = lyap.kaplan_yorke_dimensions
    ax.axhline(0, color=style.GREY, linewidth=0.8, zorder=1)
    order = colours.in_order(kinds)
    hues = {order[0]: style.BLACK} if len(order) == 1 else colours.of_conditions(kinds)
    hues = colours.of_series(order, list(hues.values()), colors)
    named: set[str] = set()
    for values, error, kind, dimension in zip(exponents, errors, kinds.tolist(), dimensions):
        label = None if kind in named else _label(kind, values, kinds, float(dimension))
        named.add(kind)
        _draw(ax, values, error, {"color": hues[kind], "label": label} | kwargs)
    if not np.isfinite(exponents).any():
        style.say(ax, "no finite exponents")
    ax.set_xlabel("exponent")
    ax.set_ylabel("nats per step")
    ax.set_xlim(0.5, exponents.shape[1] + 0.5)
    ax.xaxis.get_major_locator().set_params(integer=True)
    style.despine(ax)
    legends.draw(ax, legend, "above")
    return ax


def _label(kind: str, values: np.ndarray, kinds: np.ndarray, dimension: float) -> str:
    if len(kinds) > 1:
        return f"{kind} ({int((kinds == kind).sum())})"
    said = kind if np.isnan(dimension) else f"{kind}, dimension {dimension:.3g}"
    lost = int(np.isneginf(values).sum())
    return f"{said}, {lost} at −∞" if lost else said


def _draw(ax: Any, values: np.ndarray, errors: np.ndarray, look: dict[str, Any]) -> None:
    finite = np.isfinite(values)
    rank = np.arange(1, len(values) + 1)[finite]
    marks: dict[str, Any] = {
        "marker": "o",
        "markersize": 3.5,
        "linestyle": "none",
        "capsize": 0,
        "elinewidth": 1.0,
    }
    if len(values) > MOST_MARKS:
        marks |= {"marker": "", "linestyle": "-", "linewidth": 1.2}
    ax.errorbar(rank, values[finite], 2 * np.nan_to_num(errors[finite]), **(marks | {"zorder": 3} | look))
