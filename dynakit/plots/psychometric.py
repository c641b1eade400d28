"""Choices against the strength of the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import PsychometricCurve
from ..errors import InputError
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_psychometric(
    curves: Any, *, colors: Any = None, legend: str | None = None, ax: Any = None, **kwargs: Any
) -> Axes:
    """Share of "+" choices against signed strength: counts with 95 % intervals, and the fitted curve through them.

    Arguments:
        curves: a PsychometricCurve, or a dictionary of them by name, to compare.
        colors: of the curves, by name: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the lines of the fitted curves; a ``color`` is that of the counts, too.

    Where nothing could be fitted the counts are joined by a thin line.  Raises InputError, naming the argument.

    >>> import numpy as np
    >>> from dynakit import psychometric_curve
    >>> curve = psychometric_curve([1.0, -1.0, 1.0, -1.0, 1.0], [-1.0, -1.0, 0.5, 0.5, 1.0])
    >>> plot_psychometric(curve).get_ylabel()
    'share of + choices'
    """
    named = _named(curves)
    ax = style.new_axes(ax, ratio=0.75)
    for y, x in ((0.5, None), (None, 0.0)):
        line = ax.axhline if x is None else ax.axvline
        line(y if x is None else x, color=style.FAINT, linewidth=0.6, zorder=0)
    hues = [style.BLACK] if len(named) == 1 else list(colours.in_turn(list(named)).values())
    for (name, curve), colour in zip(named.items(), colours.of_series(list(named), hues, colors).values()):
        _counts(ax, curve, kwargs.get("color", colour))
        _fit(ax, curve, {"color": colour, "linewidth": 1.2, "label": name or None} | kwargs)
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("strength of the evidence")
    ax.set_ylabel("share of + choices")
    style.despine(ax)
    legends.draw(ax, legend, "inside")
    return ax


def _named(curves: Any) -> dict[str, PsychometricCurve]:
    if isinstance(curves, PsychometricCurve):
        return {"": curves}
    if not isinstance(curves, Mapping) or not curves:
        kind = type(curves).__name__
        raise InputError(f"curves must be PsychometricCurve or a dictionary of them, got {kind}")
    for name, curve in curves.items():
        style.expect(f"curves[{name!r}]", curve, PsychometricCurve)
    return {str(name): curve for name, curve in curves.items()}


def _counts(ax: Any, curve: PsychometricCurve, colour: str) -> None:
    reach = np.abs(curve.intervals - curve.shares[:, None]).T
    look = {"color": colour, "markersize": 3.5, "elinewidth": 0.8, "zorder": 3}
    ax.errorbar(curve.strengths, curve.shares, reach, fmt="o", gid="counts", **look)


def _fit(ax: Any, curve: PsychometricCurve, look: dict[str, Any]) -> None:
    x = np.linspace(curve.strengths[0], curve.strengths[-1], 201)
    y = curve.predict(x)
    if not np.isfinite(y).all():
        x, y, look = curve.strengths, curve.shares, look | {"linewidth": 0.6}
    ax.plot(x, y, **({"gid": "fit"} | look))
