"""How long memories last once the network is left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import MemoryCheck
from ..checks import one_of
from ..errors import InputError
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TRACES = 64


def plot_memory(
    checks: Any,
    *,
    what: str = "kept",
    dt: float | None = None,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """What released states remember, against the steps since their release.

    Arguments:
        checks: a MemoryCheck, or for "kept" a list or dictionary of them to compare.
        what: "kept" draws the share of states whose readout still says what it said at release; "outputs" the
            readouts themselves, one row per output, coloured by what each state then said (at most 64).
        dt: of one step, in ms; None: time is in steps.
        colors: of the checks by name; for "outputs", of the readouts: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the lines.

    Raises InputError, naming the argument.
    """
    one_of("what", what, ["kept", "outputs"])
    named = _named(checks)
    if what == "outputs" and len(named) != 1:
        raise InputError(f"checks must be a single MemoryCheck to draw its outputs, got {len(named)}")
    step = style.clock(dt)
    ax = style.new_axes(ax)
    if what == "kept":
        _kept(ax, named, step, colors, kwargs)
    else:
        _outputs(ax, next(iter(named.values())), step, colors, kwargs)
    style.log_steps(ax)
    ax.set_xlabel("steps since release" if dt is None else "ms since release")
    style.despine(ax)
    legends.draw(ax, legend, "inside" if what == "kept" else "beside")
    return ax


def _named(checks: Any) -> dict[str, MemoryCheck]:
    if isinstance(checks, MemoryCheck):
        return {"": checks}
    if isinstance(checks, Mapping):
        named = {str(name): check for name, check in checks.items()}
    elif isinstance(checks, Sequence) and not isinstance(checks, str):
        named = {str(k + 1): check for k, check in enumerate(checks)}
    else:
        kind = type(checks).__name__
        raise InputError(f"checks must be MemoryCheck or a list or dictionary of them, got {kind}")
    if not named:
        raise InputError("checks must hold at least one MemoryCheck")
    for name, check in named.items():
        style.expect(f"checks[{name!r}]", check, MemoryCheck)
    return named


def _kept(ax: Any, named: dict[str, MemoryCheck], step: float, colors: Any, kwargs: dict[str, Any]) -> None:
    hues = [style.BLACK] if len(named) == 1 else list(colours.in_turn(list(named)).values())
    for (name, check), colour in zip(named.items(), colours.of_series(list(named), hues, colors).values()):
        later = check.times > 0  # a logarithmic axis has no zero; there all is kept
        share = f"{100 * check.kept_at_end:.0f} % of {len(check)} kept" if len(check) else "no states"
        look = {"color": colour, "linewidth": 1.4, "drawstyle": "steps-post", "clip_on": False, "zorder": 3}
        label = f"{name}: {share}" if name else share
        ax.plot(step * check.times[later], check.kept[later], **(look | {"label": label} | kwargs))
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("share kept")


def _outputs(ax: Any, check: MemoryCheck, step: float, colors: Any, kwargs: dict[str, Any]) -> None:
    later = check.times > 0
    n_outputs = check.outputs.shape[2]
    finite = np.abs(check.outputs[np.isfinite(check.outputs)])
    if not finite.size:  # nothing to scale a logarithmic axis by
        ax.set_xlim(step, step * max(2, check.times[-1]))
    row = 2.4 * (float(finite.max(initial=0.0)) or 1.0)
    offsets = -row * np.arange(n_outputs)
    hues = colours.of_conditions(check.labels, colors)
    chosen = np.unique(np.linspace(0, len(check) - 1, min(MOST_TRACES, len(check))).round().astype(int))
    for label in colours.in_order(check.labels[chosen]):
        own = chosen[check.labels[chosen] == label]
        traces = (check.outputs[np.ix_(later, own)] + offsets).transpose(1, 2, 0).reshape(-1, later.sum())
        lines = style.joined([np.stack([step * check.times[later], trace], axis=1) for trace in traces])
        name = str(label) if len(hues) <= len(style.CATEGORIES) else None
        look = {"color": hues[label], "linewidth": 0.8, "alpha": 0.8, "label": name}
        ax.plot(*lines.T, **(look | kwargs))
    if n_outputs == 1:
        ax.set_ylabel("output")
        return
    ax.set_yticks(offsets, style.channel_names("output", n_outputs))
    for offset in offsets:
        ax.axhline(offset, color=style.FAINT, linewidth=0.4, zorder=0)
