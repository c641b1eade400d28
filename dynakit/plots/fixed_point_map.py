"""How many fixed points, and of which kinds, over two inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import FixedPointMap
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = (("stable", "stable"), ("saddle", "saddles"), ("repeller", "repellers"), ("undecided", "undecided"))  # 1, more


def plot_fixed_point_map(
    found: FixedPointMap, *, colors: Any = None, legend: str | None = None, ax: Any = None, **kwargs: Any
) -> Axes:
    """Each drive coloured by the fixed points there are under it: "1 stable", "2 stable, 1 saddle", ...

    Arguments:
        found: of :func:`dynakit.map_fixed_points`.
        colors: of the sets of points, by those words: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the cells (``pcolormesh``).

    A cross stands where points are known to be missing; what was not looked at is white.  Raises InputError, naming
    the argument.

    >>> import dynakit as dk
    >>> system = dk.catalog.tanh_network([[2.0]], W_in=[[1.0, 0.5]])
    >>> ax = plot_fixed_point_map(dk.map_fixed_points(system, [0.0, 2.0], [0.0]))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['1 stable', '2 stable, 1 repeller']
    """
    style.expect("found", found, FixedPointMap)
    from matplotlib.colors import ListedColormap

    columns, rows = np.argsort(found.first), np.argsort(found.second)
    counts, missing = found.counts[rows][:, columns], found.missing[rows][:, columns]
    sets = np.unique(counts[counts[..., 0] >= 0], axis=0).tolist()
    words = {tuple(each): _in_words(each) for each in sorted(sets, key=lambda each: (sum(each), each))}
    hues = colours.in_turn(list(words.values()), colors)
    ax = style.new_axes(ax, ratio=0.75)
    number = {each: k for k, each in enumerate(words)}
    shown = np.array([[number.get(tuple(cell), -1) for cell in row] for row in counts.tolist()])
    if len(words):
        look = {"cmap": ListedColormap(list(hues.values())), "vmin": -0.5, "vmax": len(words) - 0.5, "zorder": 1}
        edges = _edges(found.first[columns]), _edges(found.second[rows])
        ax.pcolormesh(*edges, np.ma.masked_less(shown, 0), **(look | {"edgecolors": "none"} | kwargs))
    else:
        style.say(ax, "nothing was looked at")
    for said, hue in hues.items():
        ax.plot([], [], "s", color=hue, label=said, markersize=6)
    if missing.any():
        y, x = np.nonzero(missing)
        name = f"points are missing ({int(missing.sum())})"
        place = found.first[columns][x], found.second[rows][y]
        ax.plot(*place, "x", color=style.BLACK, markersize=3.5, markeredgewidth=0.8, label=name, zorder=3)
    names = style.channel_names("input", len(found.drive))
    ax.set_xlabel(names[found.inputs[0]])
    ax.set_ylabel(names[found.inputs[1]])
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def _in_words(counts: list[int]) -> str:
    said = [f"{n} {names[n > 1]}" for n, names in zip(counts, NAMES) if n]
    return ", ".join(said) or "no point"


def _edges(values: np.ndarray) -> np.ndarray:
    """The borders between cells: half way between the values, and as far outside of the first and the last."""
    if len(values) == 1:
        return values[0] + np.array([-0.5, 0.5])
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate([[2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]])
