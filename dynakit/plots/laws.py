"""Spectra beside the laws of random matrices: what fills the bulk, and what stands out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import LawComparison, LowRankStructure
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BULK, OUTLIER = "bulk", "outliers"
CROSS: dict[str, Any] = {"linestyle": "none", "marker": "x", "markersize": 7, "zorder": 5, "gid": "expected"}


def plot_law(
    comparison: Any, *, colors: Any = None, legend: str | None = None, ax: Any = None, **kwargs: Any
) -> Axes:
    """The spectrum with the edge of the law, its margin dashed; what stands out, and where it was expected.

    Arguments:
        comparison: LawComparison: eigenvalues in the complex plane, or a histogram of singular values under the law's
            density.
        colors: of "bulk" and "outliers": a dictionary, a list, or one colour.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the marks, or the bars.

    Raises InputError, naming the argument.
    """
    style.expect("comparison", comparison, LawComparison)
    hues = colours.of_series([BULK, OUTLIER], [style.BLACK, style.VERMILLION], colors)
    ax = style.new_axes(ax)
    if comparison.law == "marchenko_pastur":
        _histogram(ax, comparison, hues, kwargs)
    else:
        _plane(ax, comparison, hues, kwargs)
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def _plane(ax: Any, comparison: LawComparison, hues: dict[str, str], kwargs: dict[str, Any]) -> None:
    values: Any = comparison.values[np.isfinite(comparison.values)]
    out = np.isin(values, comparison.outliers)
    look = {"linestyle": "none", "marker": "o", "markersize": 3.5, "markeredgewidth": 0, "zorder": 3}
    for name, part in ((BULK, values[~out]), (OUTLIER, values[out])):
        if len(part) or name == BULK:
            larger = {} if name == BULK else {"markersize": 5}
            label = f"{name} ({len(part)})"
            ax.plot(part.real, part.imag, **(look | larger | {"color": hues[name], "gid": name} | kwargs), label=label)
    angles, axes = np.linspace(0, 2 * np.pi, 361), np.asarray(comparison.axes)
    name = comparison.law.replace("_", "-").title() if comparison.law == "rajan_abbott" else comparison.law
    edges = ((axes, "-", f"{name} law"), (axes * (1 + comparison.margins), "--", "its margin at this size"))
    for (a, b), dashes, label in edges:
        x, y = comparison.centre + a * np.cos(angles), b * np.sin(angles)
        ax.plot(x, y, color=style.GREY, linewidth=1, linestyle=dashes, label=label, zorder=2, gid="law")
    expected: Any = comparison.predicted_outliers
    if len(expected):
        ax.plot(expected.real, expected.imag, **CROSS, color=style.BLUE, label="expected outlier")
    reach = axes * (1 + comparison.margins)
    shown: Any = np.concatenate([values, expected])
    for limits, points, middle, size in (
        (ax.set_xlim, shown.real, comparison.centre, reach[0]),
        (ax.set_ylim, shown.imag, 0.0, reach[1]),
    ):
        low, high = min(points.min(initial=0.0), middle - size), max(points.max(initial=0.0), middle + size)
        margin = 0.06 * (high - low) or 1.0
        limits(low - margin, high + margin)
    ax.set_aspect("equal", adjustable="box")
    ax.set_xlabel("Re λ")
    ax.set_ylabel("Im λ")


def _histogram(ax: Any, comparison: LawComparison, hues: dict[str, str], kwargs: dict[str, Any]) -> None:
    values: Any = comparison.values[np.isfinite(comparison.values)]
    inside = values[~np.isin(values, comparison.outliers)]
    edge = float(comparison.axes[1])
    top = max(edge, float(inside.max(initial=0.0))) or 1.0
    bins = np.linspace(0, top, max(8, min(30, int(np.sqrt(len(inside) * 2)))))
    shares = np.full(len(inside), 1 / (max(len(values), 1) * (bins[1] - bins[0])))
    look = {"color": hues[BULK], "alpha": 0.35, "label": f"{BULK} ({len(inside)})"}
    ax.hist(inside, bins=bins, weights=shares, **(look | kwargs))
    if comparison.scale > 0:
        x = np.linspace(0, edge, 401)
        ax.plot(x, comparison.density(x), color=style.GREY, label="Marchenko-Pastur law", gid="law")
        limit = edge * (1 + float(comparison.margins[1]))
        ax.axvline(limit, color=style.GREY, linewidth=1, linestyle="--", label="its margin at this size")
    if len(comparison.outliers):
        height = np.zeros(len(comparison.outliers))
        mark = {"linestyle": "none", "marker": "o", "color": hues[OUTLIER], "zorder": 4, "gid": OUTLIER}
        ax.plot(comparison.outliers, height, **mark, clip_on=False, label=f"{OUTLIER} ({len(height)})")
    if len(comparison.predicted_outliers):
        expected = comparison.predicted_outliers
        ax.plot(expected, 0 * expected, **CROSS, color=style.BLUE, clip_on=False, label="expected outlier")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("singular value")
    ax.set_ylabel("density")


def plot_singular_values(
    structure: Any, *, colors: Any = None, legend: str | None = None, ax: Any = None, **kwargs: Any
) -> Axes:
    """All singular values by falling size, those beyond the edge of the bulk marked.

    Arguments:
        structure: LowRankStructure.
        colors: of "bulk" and "outliers": a dictionary, a list, or one colour.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: where no value is covered.
        ax: where to draw.
        kwargs: for the marks.

    Raises InputError, naming the argument.
    """
    style.expect("structure", structure, LowRankStructure)
    hues = colours.of_series([BULK, OUTLIER], [style.BLACK, style.VERMILLION], colors)
    ax = style.new_axes(ax)
    values, n = structure.spectrum, structure.n_outliers
    look = {"linestyle": "none", "marker": "o", "markersize": 3.5, "markeredgewidth": 0, "zorder": 3}
    for name, index in ((OUTLIER, np.arange(n)), (BULK, np.arange(n, len(values)))):
        if len(index):
            marks = look | {"color": hues[name], "gid": name} | kwargs
            ax.plot(index + 1, values[index], **marks, label=f"{name} ({len(index)})")
    if structure.scale > 0:
        ax.axhline(structure.edge, color=style.GREY, linewidth=1, label="edge of a random matrix")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("number of the singular value")
    ax.set_ylabel("singular value")
    style.despine(ax)
    legends.draw(ax, legend, "inside")
    return ax
