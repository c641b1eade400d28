"""How a training run went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..results import History
from . import colours, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_training(history: History, *, colors: Any = None, ax: Any = None, **kwargs: Any) -> Axes:
    """Loss (left, logarithmic) and score (right, 0..1) over the updates.

    Arguments:
        history: of the run.
        colors: of "loss" and "score": a dictionary, a list, or one colour for all.
        ax: where to draw.
        kwargs: for the strong lines.

    The pale lines are each update's own batch, the strong ones a running median; each axis has the colour of its lines.
    Scores that are all NaN are left out.  Raises InputError if ``history`` is no History.
    """
    style.expect("history", history, History)
    hues = colours.of_series(("loss", "score"), (style.BLACK, style.BLUE), colors)
    ax = style.new_axes(ax)
    ax.set_xlabel("update")
    ax.set_ylabel("loss", color=hues["loss"])
    style.despine(ax)
    if not len(history):
        style.say(ax, "no updates")
        return ax
    losses = np.where(history.losses > 0, history.losses, np.nan)
    if np.isfinite(losses).any():
        ax.set_yscale("log")
    _curve(ax, losses, hues["loss"], kwargs)
    _frame(ax, losses)
    if np.isfinite(history.scores).any():
        right = ax.twinx()
        right.set_ylim(-0.02, 1.02)
        right.set_ylabel("score", color=hues["score"])
        right.tick_params(axis="y", colors=hues["score"])
        right.spines[["top", "left"]].set_visible(False)
        right.spines["right"].set_color(hues["score"])
        _curve(right, history.scores, hues["score"], kwargs)
    return ax


def _frame(ax: Any, losses: np.ndarray) -> None:
    """Let a burst of the first updates leave the frame, not set its scale."""
    finite = losses[np.isfinite(losses)]
    if len(finite) >= 20:
        low, high = np.quantile(finite, [0.0, 0.97])
        ax.set_ylim(low / 2, 5 * high)


def _curve(ax: Any, values: np.ndarray, colour: str, kwargs: dict[str, Any]) -> None:
    updates = np.arange(1, len(values) + 1)
    ax.plot(updates, values, color=colour, alpha=0.25, linewidth=0.6, gid="batch")
    strong = {"color": colour, "linewidth": 1.4, "gid": "median"}
    ax.plot(updates, running_median(values), **(strong | kwargs))


def running_median(values: np.ndarray) -> np.ndarray:
    """Median over a centred window of about 2 % of the run, shorter at its ends; NaN where all of it is NaN.

    >>> running_median(np.array([1.0, 9.0, 2.0])).tolist()
    [1.0, 9.0, 2.0]
    """
    reach = len(values) // 100
    if reach == 0:
        return np.asarray(values, float)
    padded = np.pad(np.asarray(values, float), reach, constant_values=np.nan)
    windows = np.ma.masked_invalid(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1))
    return np.ma.median(windows, axis=1).filled(np.nan)
