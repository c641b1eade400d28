"""How long memories last once the network is left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import MemoryCheck
from ..checks import one_of
from ..errors import InputError
from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TRACES = 64


def plot_memory(checks: Any, *, what: str = "kept", ax: Any = None, **kwargs: Any) -> Axes:
    """What released states remember, against the steps since their release.

    Arguments:
        checks: a MemoryCheck, or for "kept" a list or dictionary of them to compare.
        what: "kept" draws the share of states whose readout still says what it said at release; "outputs" the
            readouts themselves, one row per output, coloured by what each state then said (at most 64).
        ax: where to draw.
        kwargs: for the lines.

    Raises InputError, naming the argument.
    """
    one_of("what", what, ["kept", "outputs"])
    named = _named(checks)
    if what == "outputs" and len(named) != 1:
        raise InputError(f"checks must be a single MemoryCheck to draw its outputs, got {len(named)}")
    ax = style.new_axes(ax)
    if what == "kept":
        _kept(ax, named, kwargs)
    else:
        _outputs(ax, next(iter(named.values())), kwargs)
    style.log_steps(ax)
    ax.set_xlabel("steps since release")
    style.despine(ax)
    style.legend(ax, "inside" if what == "kept" else "beside")
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


def _kept(ax: Any, named: dict[str, MemoryCheck], kwargs: dict[str, Any]) -> None:
    colours = [style.BLACK] if len(named) == 1 else _tell_apart(list(named))
    for (name, check), colour in zip(named.items(), colours):
        later = check.times > 0  # a logarithmic axis has no zero; there all is kept
        share = f"{100 * check.kept_at_end:.0f} % of {len(check)} kept" if len(check) else "no states"
        look = {"color": colour, "linewidth": 1.4, "drawstyle": "steps-post", "clip_on": False, "zorder": 3}
        label = f"{name}: {share}" if name else share
        ax.plot(check.times[later], check.kept[later], **(look | {"label": label} | kwargs))
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("share kept")


def _tell_apart(names: list[str]) -> list[str]:
    colours = style.condition_colours([f"{k:06d}" for k in range(len(names))])
    return list(colours.values())


def _outputs(ax: Any, check: MemoryCheck, kwargs: dict[str, Any]) -> None:
    later = check.times > 0
    n_outputs = check.outputs.shape[2]
    finite = np.abs(check.outputs[np.isfinite(check.outputs)])
    if not finite.size:  # nothing to scale a logarithmic axis by
        ax.set_xlim(1, max(2, check.times[-1]))
    row = 2.4 * (float(finite.max(initial=0.0)) or 1.0)
    offsets = -row * np.arange(n_outputs)
    colours = style.condition_colours(check.labels)
    chosen = np.unique(np.linspace(0, len(check) - 1, min(MOST_TRACES, len(check))).round().astype(int))
    for label in np.unique(check.labels[chosen]).tolist():
        own = chosen[check.labels[chosen] == label]
        traces = (check.outputs[np.ix_(later, own)] + offsets).transpose(1, 2, 0).reshape(-1, later.sum())
        lines = style.joined([np.stack([check.times[later], trace], axis=1) for trace in traces])
        name = str(label) if len(colours) <= len(style.CATEGORIES) else None
        look = {"color": colours[label], "linewidth": 0.8, "alpha": 0.8, "label": name}
        ax.plot(*lines.T, **(look | kwargs))
    if n_outputs == 1:
        ax.set_ylabel("output")
        return
    ax.set_yticks(offsets, style.channel_names("output", n_outputs))
    for offset in offsets:
        ax.axhline(offset, color=style.FAINT, linewidth=0.4, zorder=0)
