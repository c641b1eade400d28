"""The colours of conditions and of series: our own, or those that the caller gives.

Names have the muted hues of Tol (2021), numbers shades by their value, so that a scale can be read off them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..wording import counted
from . import style

SHADES = ("YlGnBu", 0.35, 1.0)  # of numbers, from the lowest to the highest: no shade too pale for a line


def in_order(labels: Any) -> list[Any]:
    """The different labels: numbers by their value, also where they are written as text; else by the alphabet.

    >>> in_order(["10", "9", "-0.5", "9"])
    ['-0.5', '9', '10']
    """
    distinct = np.unique(np.asarray(labels)).tolist()
    values = values_of(distinct)
    return distinct if values is None else [label for _, label in sorted(zip(values, distinct), key=lambda p: p[0])]


def values_of(labels: Any) -> list[float] | None:
    """The labels as numbers, where all are finite numbers or text that reads as one; truth values are none."""
    if any(isinstance(label, (bool, np.bool_)) for label in labels):
        return None
    try:
        values = [float(label) for label in labels]
    except (TypeError, ValueError):
        return None
    return values if np.isfinite(values).all() else None


def of_conditions(labels: Any, colors: Any = None) -> dict[Any, str]:
    """A colour for each different label, in their order: hues for names, shades from light to dark for numbers.

    >>> list(of_conditions(["left", "right", "left"]).values())
    ['#332288', '#CC6677']
    >>> of_conditions([0, 1, 10])[1] == of_conditions([0, 1, 2])[1]
    False
    """
    distinct = in_order(labels)
    values = values_of(distinct)
    if values is not None:
        ours = _on_a_scale(values, *SHADES)
    elif len(distinct) <= len(style.CATEGORIES):
        ours = list(style.CATEGORIES[: len(distinct)])
    else:
        ours = _on_a_scale(list(range(len(distinct))), "viridis", 0.0, 0.92)
    return of_series(distinct, ours, colors)


def in_turn(names: Sequence[Any], colors: Any = None) -> dict[Any, str]:
    """A hue for each of so many different things, in the order in which they stand."""
    hues = list(of_conditions([f"item {k:06d}" for k in range(len(names))]).values())
    return of_series(names, hues, colors)


def of_series(labels: Sequence[Any], ours: Sequence[str], colors: Any = None) -> dict[Any, str]:
    """A colour for each label: ``ours``, but for what ``colors`` says instead.

    ``colors`` is a dictionary by label, a list in the order of the labels, or one colour for all.  Raises InputError
    for a label or a colour that there is not, with the nearest.
    """
    chosen = dict(zip(labels, ours))
    if colors is None:
        return chosen
    if isinstance(colors, Mapping):
        known = {str(label): label for label in labels}
        for label, colour in colors.items():
            chosen[known[_known(label, known)]] = checked("colors", colour)
        return chosen
    if _is_one(colors):
        return dict.fromkeys(chosen, checked("colors", colors))
    if not isinstance(colors, Iterable):
        raise InputError(f"colors must be a dictionary by label, a list or one colour, got {type(colors).__name__}")
    listed = [checked("colors", colour) for colour in colors]
    if len(listed) < len(chosen):
        raise InputError(f"colors must hold a colour for each of {counted(len(chosen), 'label')}, got {len(listed)}")
    return dict(zip(labels, listed))


def one(colors: Any, ours: str) -> str:
    """The colour of what has a single one."""
    return of_series(["all"], [ours], colors)["all"]


def checked(name: str, colour: Any) -> str:
    """A colour as matplotlib writes it, "#RRGGBB" (or with its opacity)."""
    from matplotlib import colors

    try:
        clear = colors.to_rgba(colour)[3] < 1
        return str(colors.to_hex(colour, keep_alpha=bool(clear)))
    except (ValueError, TypeError):
        near = difflib.get_close_matches(str(colour).lower(), [*colors.BASE_COLORS, *colors.CSS4_COLORS], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"{name} must be colours such as 'teal' or '#009E73', got {colour!r}{hint}") from None


def _known(label: Any, known: Mapping[str, Any]) -> str:
    """The text of a label that is there."""
    if str(label) in known:
        return str(label)
    near = difflib.get_close_matches(str(label), list(known), n=1, cutoff=0.4)
    hint = f"; did you mean {known[near[0]]!r}?" if near else ""
    shown = ", ".join(repr(known[name]) for name in list(known)[:12]) + (", ..." if len(known) > 12 else "")
    raise InputError(f"colors must be by the labels {shown}, got {label!r}{hint}")


def _is_one(colors: Any) -> bool:
    """Whether this is a single colour: a word, or three or four numbers."""
    if isinstance(colors, str):
        return True
    numbers = isinstance(colors, (tuple, list, np.ndarray)) and len(colors) in (3, 4)
    return bool(numbers and all(isinstance(part, (int, float, np.number)) for part in colors))


def _on_a_scale(values: Sequence[float], colormap: str, low: float, high: float) -> list[str]:
    """Shades by value, the highest value darkest."""
    import matplotlib
    from matplotlib.colors import to_hex

    span = max(values, default=0.0) - min(values, default=0.0)
    where = [low + (high - low) * (v - min(values)) / span if span > 0 else high for v in values]
    return [to_hex(colour) for colour in matplotlib.colormaps[colormap](where)]
