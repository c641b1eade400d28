"""What is left of a network's score without some of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import Lesions
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORDERS = {"random": style.BLUE, "ranked": style.VERMILLION}
SAID = {"random": "at random, mean and 95 %", "ranked": "the strongest first"}


def plot_lesions(
    lesions: Any, *, colors: Any = None, legend: str | None = None, ax: Any = None, **kwargs: Any
) -> Axes:
    """The score over the share removed, each set a dot; of sets with names of their own, a bar for each.

    Arguments:
        lesions: Lesions, see :func:`dynakit.map_lesions`.
        colors: of "random" and "ranked": a dictionary, a list, or one colour.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: where nothing is covered.
        ax: where to draw.
        kwargs: for the lines, or the bars.

    The band holds 95 % of the means of resampled sets.  Raises InputError, naming the argument.
    """
    style.expect("lesions", lesions, Lesions)
    hues = colours.of_series(list(ORDERS), list(ORDERS.values()), colors)
    ax = style.new_axes(ax)
    ax.axhline(lesions.baseline, color=style.GREY, linewidth=1, linestyle="--", label="whole network", gid="whole")
    if len(lesions.curve_names):
        for name in [name for name in ORDERS if (lesions.curve_names == name).any()]:
            _curve(ax, lesions, name, hues[name], kwargs)
        ax.set_xlabel(f"share of {'units' if lesions.of == 'units' else 'weights'} removed (%)")
        ax.set_xlim(left=0)
    else:
        ax.bar(np.arange(len(lesions)), lesions.scores, **({"color": style.BLUE, "width": 0.7} | kwargs))
        ax.set_xticks(np.arange(len(lesions)), lesions.names, rotation=30, ha="right", rotation_mode="anchor")
        ax.set_xlabel("removed")
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("score")
    style.despine(ax)
    legends.draw(ax, legend, "inside")
    return ax


def _curve(ax: Any, lesions: Lesions, name: str, colour: str, kwargs: dict[str, Any]) -> None:
    at, own = lesions.curve_names == name, lesions.names == name
    x = 100 * lesions.curve_shares[at]
    if not (lesions.curve_lows[at] == lesions.curve_highs[at]).all():
        ax.fill_between(x, lesions.curve_lows[at], lesions.curve_highs[at], color=colour, alpha=0.2, linewidth=0)
    dots = {"linestyle": "none", "marker": "o", "markersize": 2.5, "alpha": 0.5, "markeredgewidth": 0}
    ax.plot(100 * lesions.shares[own], lesions.scores[own], color=colour, gid=f"{name} sets", **dots)
    look = {"color": colour, "linewidth": 1.5, "label": SAID[name], "gid": name}
    ax.plot(x, lesions.curve_means[at], **(look | kwargs))
