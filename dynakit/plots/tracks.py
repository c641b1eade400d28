"""Fixed points through training: how many of each kind, what is born and dies, and the loss above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import Tracks
from . import legends, style
from .branches import coordinate, draw_line, looks_of, name_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNSURE = -1
LOWER, GAP = 0.64, 0.05  # where the panel of the loss begins, as shares of the height


def plot_tracks(
    tracks: Tracks,
    *,
    along: Any = None,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """The number of fixed points of each kind against the updates, births and deaths marked, and the loss above.

    Arguments:
        tracks: of :func:`dynakit.track_fixed_points`.
        along: draw each track by itself instead, at this coordinate: a unit, a direction (unit,), a Projection, or
            "spread", the direction in which the points spread most.
        colors: of the kinds of points, "stable", "1 unstable direction" and so on: a dictionary, a list, or one colour
            for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the lines.

    Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> systems = [dk.catalog.tanh_unit(w) for w in (0.5, 1.5, 2.0)]
    >>> dk.plots.plot_tracks(dk.track_fixed_points(systems)).get_ylabel()
    'fixed points'
    """
    style.expect("tracks", tracks, Tracks)
    height, name = (None, "fixed points") if along is None else coordinate(tracks.states, along)
    looks = looks_of(_kinds(tracks), colors)
    ax = style.new_axes(ax)
    if height is None:
        _counts(ax, tracks, looks, kwargs)
    else:
        _lives(ax, tracks, height, looks, kwargs)
    _mark_changes(ax, tracks)
    ax.set_xlabel("update")
    ax.set_ylabel(name)
    style.despine(ax)
    if np.isfinite(tracks.losses).any():
        _loss(ax, tracks)
    legends.draw(ax, legend)
    return ax


def _kinds(tracks: Tracks) -> np.ndarray:
    """The number of unstable directions of each row, counted together from the top colour on; -1 not known."""
    n = np.where(
        np.isin(tracks.verdicts, ("stable", "unstable")), np.ma.filled(tracks.n_unstable, UNSURE), UNSURE
    )
    return np.minimum(n, len(style.BY_N_UNSTABLE))


def _counts(ax: Any, tracks: Tracks, looks: dict[int, dict[str, Any]], kwargs: dict[str, Any]) -> None:
    """One layer for each kind, stable ones at the bottom."""
    kinds, below = _kinds(tracks), np.zeros(len(tracks.updates))
    for k in looks:
        above = below + np.bincount(tracks.checkpoint[kinds == k], minlength=len(tracks.updates))
        look = {name: looks[k][name] for name in ("color", "label")}
        look |= {"step": "mid", "linewidth": 0.0, "alpha": 0.85, "gid": "count"}
        ax.fill_between(tracks.updates, below, above, **(look | kwargs))
        below = above
    ax.set_ylim(0, None)
    ax.yaxis.get_major_locator().set_params(integer=True)


def _lives(ax: Any, tracks: Tracks, height: Any, looks: dict[int, dict[str, Any]], kwargs: dict[str, Any]) -> None:
    kinds = _kinds(tracks)
    for k in np.unique(tracks.track):
        rows = np.flatnonzero(tracks.track == k)
        x, y = tracks.updates[tracks.checkpoint[rows]], height(tracks.states[rows])
        if len(rows) == 1:
            x, y, rows = np.repeat(x, 2), np.repeat(y, 2), np.repeat(rows, 2)
        draw_line(ax, x, y, kinds[rows][1:], looks, kwargs)
    name_classes(ax, looks, kwargs)


def _mark_changes(ax: Any, tracks: Tracks) -> None:
    """A dotted line where points are born, a dashed one where they die."""
    for effect, colour, dashes in (("birth", style.BLUE, (1, 1)), ("death", style.GREY, (3, 1))):
        where = tracks.changes.updates[tracks.changes.effects == effect]
        where = where[np.isfinite(where)]
        named = f"{effect} of {'a pair' if len(where) == 1 else 'pairs'} ({len(where)})"
        for i, at in enumerate(where):
            look = {"color": colour, "linewidth": 0.9, "linestyle": (0, dashes), "zorder": 4, "gid": effect}
            ax.axvline(at, label=named if i == 0 else None, **look)


def _loss(ax: Any, tracks: Tracks) -> None:
    """The loss in a panel of its own, in the upper part of the axes, whose own scale ends below."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, low + (high - low) / LOWER)
    ax.spines["left"].set_bounds(low, high)
    ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= high])
    ax.yaxis.label.set_y(LOWER / 2)
    above = ax.inset_axes((0.0, LOWER + GAP, 1.0, 1 - LOWER - GAP), sharex=ax)
    above.plot(tracks.updates, tracks.losses, color=style.BLACK, linewidth=1.2, marker=".", markersize=3)
    if (tracks.losses[np.isfinite(tracks.losses)] > 0).all():
        above.set_yscale("log")
        above.set_yticks(ends := np.unique([np.nanmin(tracks.losses), np.nanmax(tracks.losses)]))
        above.set_yticklabels([f"{end:.2g}" for end in ends])
        above.minorticks_off()
    above.text(0.99, 0.92, "loss", transform=above.transAxes, ha="right", va="top")
    above.patch.set_visible(False)  # births and deaths are marked in both panels
    above.spines["bottom"].set_visible(False)
    above.tick_params(bottom=False, labelbottom=False)
    style.despine(above)
