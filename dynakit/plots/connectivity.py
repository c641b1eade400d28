"""The recurrent matrix as an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import Communities, GraphStatistics
from ..checks import reals
from ..errors import InputError
from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TYPES = {1: "E", -1: "I", 0: "mixed"}  # in the order in which they are drawn
MOST_NAMED = 12  # communities whose sizes stand at the axes


def plot_connectivity(W: Any, *, sign: Any = None, ax: Any = None, **kwargs: Any) -> Axes:
    """The weights W[post, pre], excitatory units first, then inhibitory, each by falling outgoing strength.

    Arguments:
        W: GraphStatistics, or a matrix (unit, unit).
        sign: +1, -1 or 0 (mixed) per unit; None: as the statistics say, or read off the matrix's columns.
        ax: where to draw.
        kwargs: for ``imshow``.

    The colours are symmetric about zero and end at the 99th percentile of the non-zero |weights|.
    Raises InputError, naming the argument.
    """
    matrix, signs = _matrix(W, sign)
    order = type_order(matrix, signs)
    ax = _image(matrix[np.ix_(order, order)], ax, kwargs)
    counts = [(TYPES[s], int((signs == s).sum())) for s in TYPES if (signs == s).any()]
    _blocks(ax, [f"{name} ({n})" for name, n in counts], [n for _, n in counts])
    return ax


def plot_communities(communities: Any, *, ax: Any = None, **kwargs: Any) -> Axes:
    """The weights W[post, pre], community by community, the largest first.

    Arguments:
        communities: Communities, see :func:`dynakit.find_communities`.
        ax: where to draw.
        kwargs: for ``imshow``.

    Colours as in :func:`plot_connectivity`; the ticks count the units, where there is room for them.
    Raises InputError, naming the argument.
    """
    found = style.expect("communities", communities, Communities)
    ax = _image(found.W[np.ix_(found.order, found.order)], ax, kwargs)
    few = len(found.sizes) <= MOST_NAMED
    _blocks(ax, [f"{n}" if few else "" for n in found.sizes.tolist()], found.sizes.tolist())
    return ax


def _image(matrix: np.ndarray, ax: Any, kwargs: dict[str, Any]) -> Any:
    limit = _limit(matrix)
    ax = style.new_axes(ax, ratio=0.75)
    options = {"cmap": style.DIVERGING, "vmin": -limit, "vmax": limit, "interpolation": "nearest"}
    drawn = ax.imshow(matrix, **(options | kwargs))
    beyond = "both" if np.abs(matrix).max(initial=0.0) > limit else "neither"
    style.colour_bar(ax, drawn, "weight", extend=beyond)
    ax.set_xlabel("presynaptic unit")
    ax.set_ylabel("postsynaptic unit")
    return ax


def type_order(W: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """The order in which units are drawn: by type, then by falling sum of outgoing |weights|.

    >>> type_order(np.array([[0, 1, 3], [-2, 0, 0], [0, 0, 0]]), np.array([-1, 1, 1])).tolist()
    [2, 1, 0]
    """
    rank = np.array([list(TYPES).index(s) for s in sign.tolist()])
    return np.lexsort((-np.abs(W).sum(axis=0), rank))


def _matrix(W: Any, sign: Any) -> tuple[np.ndarray, np.ndarray]:
    known = W.sign if isinstance(W, GraphStatistics) else None
    matrix = reals("W", W.W if isinstance(W, GraphStatistics) else W, ("unit", "unit"))
    if matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"W must be square, W[post, pre], got {matrix.shape}")
    if sign is None:
        if known is None:
            known = (matrix > 0).any(axis=0).astype(int) - (matrix < 0).any(axis=0).astype(int)
        return matrix, known
    signs = np.asarray(sign.detach().cpu() if hasattr(sign, "detach") else sign)
    if signs.shape != (len(matrix),) or not np.isin(signs, list(TYPES)).all():
        raise InputError(
            f"sign must hold +1, -1 or 0 for each of the {len(matrix)} units, got shape {signs.shape}"
        )
    return matrix, signs.astype(int)


def _limit(matrix: np.ndarray) -> float:
    sizes = np.abs(matrix[matrix != 0])
    return float(np.quantile(sizes, 0.99)) if sizes.size else 1.0


def _blocks(ax: Any, names: list[str], sizes: list[int]) -> None:
    """Lines between the blocks, and for ticks their names."""
    edges = np.cumsum([0, *sizes])
    if len(sizes) > 1:
        for edge in edges[1:-1]:
            ax.axhline(edge - 0.5, color=style.BLACK, linewidth=0.8)
            ax.axvline(edge - 0.5, color=style.BLACK, linewidth=0.8)
    centres = (edges[:-1] + edges[1:] - 1) / 2
    ax.set_xticks(centres, names)
    ax.set_yticks(centres, names, rotation=90, va="center")
    ax.tick_params(length=0)
