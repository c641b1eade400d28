"""Trials over time: what went in, what should have come out, what came out, and every unit in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import count, one_of, reals
from ..errors import InputError
from ..systems.adapters import Recording
from ..wording import counted
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW = 2.5  # distance of two channels, in units of the largest amplitude of their group


def plot_trials(
    trials: Any,
    outputs: Any = None,
    *,
    trial: Any = 0,
    dt: float | None = None,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """Inputs, targets and outputs over the steps of one trial or of several in a row, one line per channel.

    Arguments:
        trials: Trials.
        outputs: the network's answers (trial, time, output), or None.
        trial: index of the trial, or a list of indices.
        dt: of one step, in ms; None: time is in steps.
        colors: of "input", "target" and "output": a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: above the axes.
        ax: where to draw.
        kwargs: for the lines of the outputs.

    Targets are dotted where they do not count.  The bars on the right give the scale of inputs and outputs.
    Raises InputError, naming the argument.
    """
    if not hasattr(trials, "inputs") or not hasattr(trials, "targets"):
        raise InputError(f"trials must be Trials, got {type(trials).__name__}")
    inputs = reals("trials.inputs", trials.inputs, ("trial", "time", "input"))
    which, step = _which(trial, len(inputs)), style.clock(dt)
    hues = colours.of_series(("input", "target", "output"), (style.BLACK, style.FAINT, style.BLUE), colors)
    shape = (*inputs.shape[:2], "output")
    targets = None if trials.targets is None else reals("trials.targets", trials.targets, shape)
    if outputs is not None:
        outputs = reals("outputs", outputs, shape if targets is None else targets.shape, finite=False)
    ax = style.new_axes(ax, height=0.9 + 0.42 * (inputs.shape[2] + _n_outputs(targets, outputs)))
    counts = None if targets is None else _counts(trials, targets)
    shown, targets, outputs = (_within(trials, a, which) for a in (inputs, targets, outputs))
    rows = _stack(ax, shown, 0.0, style.channel_names("input", inputs.shape[2]))
    steps = {"color": hues["input"], "linewidth": 0.8, "drawstyle": "steps-mid", "gid": "input"}
    _lines(ax, shown, rows, step, steps)
    answers = [a for a in (targets, outputs) if a is not None]
    if answers:
        both = np.concatenate(answers, axis=0)
        rows = _stack(ax, both, rows.floor, style.channel_names("output", both.shape[2]))
        if targets is not None and counts is not None:
            _targets(ax, targets, counts[which, : targets.shape[1]], rows, step, hues["target"])
        if outputs is not None:
            look = {"color": hues["output"], "linewidth": 1.0, "label": "output", "zorder": 3, "gid": "output"}
            _lines(ax, outputs, rows, step, look | kwargs)
    _finish(ax, len(which), shown.shape[1], dt)
    legends.draw(ax, legend, "above")
    return ax


def _within(trials: Any, values: Any, which: np.ndarray) -> Any:
    """These trials (trial, time, channel) up to the end of the longest of them, and nothing beyond their own ends."""
    if values is None or getattr(trials, "lengths", None) is None:
        return None if values is None else values[which]
    ends = np.asarray(trials.lengths)[which]
    return np.where((np.arange(ends.max()) < ends[:, None])[:, :, None], values[which, : ends.max()], np.nan)


def _which(trial: Any, n: int) -> np.ndarray:
    chosen = [trial] if isinstance(trial, (int, np.integer)) else list(trial)
    if not chosen:
        raise InputError("trial must name at least one trial")
    return np.array([count("trial", k, least=-n, most=n - 1) for k in chosen])


def _n_outputs(targets: Any, outputs: Any) -> int:
    shown = targets if targets is not None else outputs
    return 0 if shown is None else shown.shape[2]


class _Rows:
    """Where the channels of a group stand: one height each, one scale for all."""

    def __init__(self, values: np.ndarray, top: float) -> None:
        self.scale = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
        self.heights = top - ROW * (np.arange(values.shape[2]) + 0.5)
        self.floor = top - ROW * values.shape[2] - 0.4


def _stack(ax: Any, values: np.ndarray, top: float, names: Any) -> _Rows:
    """Make room for a group of channels below ``top``: a tick, a zero line each, and a bar for the scale."""
    rows = _Rows(np.where(np.isfinite(values), values, 0.0), top)
    if not len(rows.heights):
        return rows
    old = [] if top == 0.0 else list(zip(ax.get_yticks(), [t.get_text() for t in ax.get_yticklabels()]))
    ticks = [*old, *zip(rows.heights, names)]
    ax.set_yticks([t for t, _ in ticks], [name for _, name in ticks])
    for height in rows.heights:
        ax.axhline(height, color=style.FAINT, linewidth=0.4, zorder=0)
    size = _round_down(rows.scale)
    across = ax.get_yaxis_transform()
    middle = rows.heights[-1]
    bar = [middle, middle + size / rows.scale]
    look = {"transform": across, "color": style.BLACK, "clip_on": False}
    ax.plot([1.012, 1.012], bar, linewidth=1.5, gid="scale", **look)
    ax.text(1.022, np.mean(bar), f"{size:g}", va="center", ha="left", fontsize="small", **look)
    return rows


def _round_down(value: float) -> float:
    """The largest of ..., 0.5, 1, 2, 5, 10, ... that is not larger."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * max(k for k in (1, 2, 5) if k * power <= value * (1 + 1e-9)))


def _lines(ax: Any, values: np.ndarray, rows: _Rows, step: float, look: dict[str, Any]) -> None:
    """Trials (trial, time, channel) one after the other, each channel at its height."""
    n_trials, n_steps, n_channels = values.shape
    for k in range(n_trials):
        steps = step * (k * n_steps + np.arange(n_steps))
        for j in range(n_channels):
            label = look.get("label") if k == j == 0 else None
            ax.plot(steps, rows.heights[j] + values[k, :, j] / rows.scale, **(look | {"label": label}))


def _counts(trials: Any, targets: np.ndarray) -> np.ndarray:
    """Where the targets count: for the loss, or for the score if the loss sees everything."""
    mask = trials.mask if getattr(trials, "mask", None) is not None else getattr(trials, "score_mask", None)
    if mask is None:
        return np.ones(targets.shape, bool)
    return np.broadcast_to(reals("trials.mask", mask, (..., "time", "output")) > 0, targets.shape)


def _targets(
    ax: Any, targets: np.ndarray, counts: np.ndarray, rows: _Rows, step: float, colour: str
) -> None:
    wide = {"color": colour, "linewidth": 3.0, "label": "target", "zorder": 2, "gid": "target"}
    wide["drawstyle"] = "steps-mid"
    _lines(ax, np.where(counts, targets, np.nan), rows, step, wide)
    uncounted = np.where(counts, np.nan, targets)
    if np.isfinite(uncounted).any():
        dotted = {"color": style.GREY, "linewidth": 1.6, "linestyle": ":", "gid": "uncounted", "zorder": 2}
        _lines(ax, uncounted, rows, step, dotted | {"label": "target, does not count"})


def _finish(ax: Any, n_trials: int, n_steps: int, dt: float | None) -> None:
    step = style.clock(dt)
    for k in range(1, n_trials):
        ax.axvline(step * (k * n_steps - 0.5), color=style.GREY, linewidth=0.6, linestyle="--")
    ax.set_xlim(-0.5 * step, step * (n_trials * n_steps - 0.5))
    name = "step" if dt is None else "time (ms)"
    lasts = counted(n_steps, "step") if dt is None else f"{step * n_steps:g} ms"
    ax.set_xlabel(name if n_trials == 1 else f"{name[:4]} ({counted(n_trials, 'trial')} of {lasts})")
    ax.tick_params(axis="y", length=0)
    style.despine(ax)
    ax.spines["left"].set_visible(False)


def plot_activity(
    states: Any,
    *,
    trial: int = 0,
    order: str | None = None,
    dt: float | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """Every unit's activity over one trial, as an image.

    Arguments:
        states: (trial, time, unit), (time, unit), or a Recording, whose blocks are then drawn apart.
        trial: index of the trial.
        order: None keeps the units' order; "peak" sorts them (within each block) by when they peak.
        dt: of one step, in ms; None: time is in steps.
        ax: where to draw.
        kwargs: for ``imshow``.

    The colours are symmetric about zero where activity has both signs, else they start at zero.
    Raises InputError, naming the argument.
    """
    one_of("order", order, [None, "peak"])
    array = style.trajectories("states", states)
    image = array[count("trial", trial, least=-len(array), most=len(array) - 1)].T
    parts = states.parts if isinstance(states, Recording) else {"": (0, len(image))}
    if order == "peak":
        image = image[_by_peak(image, parts)]
    finite = image[np.isfinite(image)]
    limit = (float(np.quantile(np.abs(finite), 0.995)) if finite.size else 1.0) or 1.0
    signed = bool((finite < 0).any())
    shades = {"cmap": style.SEQUENTIAL, "vmin": 0.0, "vmax": limit}
    if signed:
        shades |= {"cmap": style.DIVERGING, "vmin": -limit}
    ax = style.new_axes(ax)
    step = style.clock(dt)
    shown = {"aspect": "auto", "interpolation": "nearest"} | shades
    shown["extent"] = (-0.5 * step, (image.shape[1] - 0.5) * step, len(image) - 0.5, -0.5)
    drawn = ax.imshow(image, **(shown | kwargs))
    clipped = np.abs(finite).max(initial=0.0) > limit
    style.colour_bar(ax, drawn, "activity", extend=("both" if signed else "max") if clipped else "neither")
    ax.set_xlabel("step" if dt is None else "time (ms)")
    ax.set_ylabel("unit" if order is None else "unit, by time of peak")
    _separate(ax, parts)
    return ax


def _by_peak(image: np.ndarray, parts: dict[str, tuple[int, int]]) -> np.ndarray:
    peaks = np.nan_to_num(np.abs(image)).argmax(axis=1)
    return np.concatenate([a + np.argsort(peaks[a:b], kind="stable") for a, b in parts.values()])


def _separate(ax: Any, parts: dict[str, tuple[int, int]]) -> None:
    """Lines between the blocks of the state and their names; plain numbers where there is one block."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if len(parts) < 2:
        ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        return
    ax.set_yticks([(a + b - 1) / 2 for a, b in parts.values()], list(parts))
    for _, b in list(parts.values())[:-1]:
        ax.axhline(b - 0.5, color=style.BLACK, linewidth=0.8)
