"""Distances among networks: the matrix in the order of its tree, and the networks as points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks
from ..analysis import Distances, Embedding
from ..errors import InputError
from ..wording import three
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TREE = 0.28  # height of the tree, relative to the matrix
MOST_NAMES = 40  # networks up to which their names are written


def plot_distances(distances: Distances, *, legend: str | None = None, ax: Any = None, **kwargs: Any) -> Axes:
    """The matrix of distances in the order of its dendrogram (average linkage), which stands above it.

    Arguments:
        distances: of :func:`dynakit.compare_dynamics`.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the cells (``imshow``).

    The null is a dashed line across the tree and on the colour bar: of the same network seen again, branches that meet
    below it are not apart; of rows that do not belong together, branches that meet above it have nothing in common.
    Networks without distances stand last, in grey.  Raises InputError, naming the argument.
    """
    style.expect("distances", distances, Distances)
    if not len(distances):
        raise InputError("distances must be of at least one network, got none")
    ax = style.new_axes(ax, ratio=0.95)
    tree, order = _tree(distances)
    cells = np.ma.masked_invalid(distances.matrix[np.ix_(order, order)])
    import matplotlib

    cmap = matplotlib.colormaps[style.SEQUENTIAL].with_extremes(bad=style.FAINT)
    top = max(float(np.nanmax(distances.matrix, initial=0.0)), float(np.nan_to_num(distances.null_mean)))
    options = {"cmap": cmap, "vmin": 0.0, "vmax": top or 1.0, "interpolation": "nearest", "aspect": "auto"}
    drawn = ax.imshow(cells, **(options | kwargs))
    bar = style.colour_bar(ax, drawn, f"distance: {distances.measure}")
    _draw_tree(ax, distances, tree, len(order))
    if np.isfinite(distances.null_mean):
        bar.ax.axhline(distances.null_mean, color=style.VERMILLION, linestyle=(0, (3, 2)), gid="null")
    _names(ax, distances.names[order])
    style.despine(ax)
    ax.spines[:].set_visible(False)
    legends.draw(ax, legend)
    return ax


def _tree(distances: Distances) -> tuple[dict[str, Any], np.ndarray]:
    """The drawn tree as SciPy gives it, and all networks in its order, those without distances last."""
    from scipy.cluster.hierarchy import dendrogram

    known = np.flatnonzero(distances.answered)
    if len(known) < 2:
        return {"icoord": [], "dcoord": []}, np.concatenate([known, np.flatnonzero(~distances.answered)])
    tree: Any = dendrogram(distances.linkage(), no_plot=True)
    return tree, np.concatenate([known[tree["leaves"]], np.flatnonzero(~distances.answered)])


def _draw_tree(ax: Any, distances: Distances, tree: dict[str, Any], n: int) -> None:
    """The tree upon the matrix, its root at the top, and the null across it."""
    heights = np.array(tree["dcoord"])
    null = distances.null_mean
    highest = max(float(heights.max(initial=0.0)), float(np.nan_to_num(null)) * 1.05) or 1.0
    tall = TREE * n

    def up(height: Any) -> Any:
        return -0.5 - tall * (0.06 + 0.94 * np.asarray(height) / highest)

    for places, height in zip(np.array(tree["icoord"]), heights):  # SciPy's leaves stand at 5, 15, 25, ...
        ax.plot((places - 5) / 10, up(height), color=style.BLACK, linewidth=0.8, gid="tree", solid_capstyle="round")
    if np.isfinite(null):
        label = f"null {three(null)}: {distances.null_is}"
        dashes: dict[str, Any] = {"color": style.VERMILLION, "linestyle": (0, (3, 2)), "linewidth": 1.0}
        ax.plot([-0.5, n - 0.5], [up(null)] * 2, **dashes, label=label, gid="null")
    ax.set_xlim(-0.5, n - 0.5)
    ax.set_ylim(n - 0.5, -0.5 - 1.06 * tall)


def _names(ax: Any, names: np.ndarray) -> None:
    n = len(names)
    ax.tick_params(length=0)
    if n > MOST_NAMES:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel(f"{n} networks")
        return
    longest = max(map(len, names.tolist()))
    ax.set_yticks(range(n), names.tolist())
    ax.set_xticks(range(n), names.tolist(), rotation=90 if longest * n > 40 else 0)


def plot_embedding(
    embedding: Embedding | Distances,
    *,
    groups: Any = None,
    names: bool = False,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """Networks as points whose distances are theirs, as far as a plane allows; the stress says how far.

    Arguments:
        embedding: of ``distances.embed()``, or distances, which are then placed by classical scaling.
        groups: what each network belongs to, one label each; they are told apart by colour.
        names: whether to write the name beside each.
        colors: of the groups: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the points (``plot``).

    Raises InputError, naming the argument.
    """
    given = style.expect("embedding", embedding, Embedding, Distances)
    names = checks.flag("names", names)
    labels = None if groups is None else np.array(style.labels_of("groups", groups, len(given), "networks"))
    if isinstance(given, Distances):
        labels = labels if labels is None else labels[given.answered]
        given = given.embed()
    places = given.coordinates
    if places.shape[1] < 2:
        raise InputError(f"embedding must have at least two axes, got {places.shape[1]}")
    ax = style.new_axes(ax)
    look = {"linestyle": "none", "marker": "o", "markersize": 6, "alpha": 0.85, "markeredgewidth": 0.0}
    if labels is None:
        ax.plot(*places[:, :2].T, **(look | {"color": colours.one(colors, style.BLUE)} | kwargs), gid="networks")
    else:
        for label, colour in colours.of_conditions(labels, colors).items():
            here = labels == label
            own = look | {"color": colour, "label": f"{label} ({here.sum()})"} | kwargs
            ax.plot(*places[here, :2].T, **own, gid="networks")
    for place, name in zip(places[:, :2], given.names.tolist() if names else ()):
        ax.annotate(name, place, (4, 4), textcoords="offset points", fontsize="small")
    ax.set_xlabel("axis 1")
    ax.set_ylabel("axis 2")
    ax.set_title(f"{given.kind} scaling, stress {three(given.stress)}", fontsize="medium")
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.1)
    style.despine(ax)
    legends.draw(ax, legend)
    return ax
