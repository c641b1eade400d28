"""The automaton: which pulse leads from which attractor to which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks
from ..analysis import Projection, Transitions
from ..errors import InputError
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_AMPLITUDES = 12  # edges up to which critical amplitudes are printed
DEPTH = np.array([0.85, 0.62])  # where the third bit of the cube leads, when the first two lead along x and y
BEND = 0.13


def plot_transitions(
    transitions: Transitions,
    *,
    labels: Any = None,
    projection: Projection | None = None,
    states: Any = None,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """The attractors as nodes, an arrow for every pulse that leads from one to another.

    Arguments:
        transitions: of :func:`dynakit.map_transitions`.
        labels: text per attractor; None: its index.  Eight texts of three signs ("+-+") are drawn as a cube.
        projection: with ``states``, the attractors (attractor, unit): nodes stand at their first two scores.
        states: needed with ``projection`` only.
        colors: of the pulses, by name: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the arrows (``FancyArrowPatch``).

    A pulse that changes nothing is not drawn; one that ends near no known attractor is a stub with a cross.
    Critical amplitudes are printed on the arrows where there are at most 12.
    Raises InputError, naming the argument.
    """
    style.expect("transitions", transitions, Transitions)
    n = len(transitions)
    given = range(n) if labels is None else style.labels_of("labels", labels, n, "attractors")
    texts = [str(label) for label in given]
    places = node_places(texts) if projection is None else _projected(n, projection, states)
    ax = style.new_axes(ax)
    hues = list(colours.in_turn(transitions.pulses, colors).values())
    _edges(ax, transitions, places, hues, {"shrinkA": _size(texts), "shrinkB": _size(texts)} | kwargs)
    for place, text in zip(places, texts):
        ring = {"boxstyle": "circle,pad=0.35", "facecolor": "white", "edgecolor": style.BLACK}
        look = {"ha": "center", "va": "center", "family": "monospace", "bbox": ring}
        ax.text(*place, text, zorder=4, gid="node", **look)
    if not n:
        style.say(ax, "no attractors")
    _frame(ax, places, projection)
    legends.draw(ax, legend)
    return ax


def _projected(n: int, projection: Any, states: Any) -> np.ndarray:
    """(attractor, 2): the first two scores of the attractors."""
    style.expect("projection", projection, Projection)
    if states is None:
        raise InputError("states must be given with projection: the attractors (attractor, unit)")
    if len(projection) < 2:
        raise InputError(f"projection must have at least 2 components, got {len(projection)}")
    rows = checks.states("states", states, (n, projection.mean.size), finite=True)
    return projection.transform(rows)[:, :2]


def node_places(texts: list[str]) -> np.ndarray:
    """(attractor, 2): the corners of a cube for three signs each, else a circle from the top clockwise."""
    n = len(texts)
    if n == 8 and len(set(texts)) == 8 and all(len(t) == 3 and set(t) <= {"+", "-"} for t in texts):
        bits = np.array([[1.0 if c == "+" else -1.0 for c in t] for t in texts])
        return bits[:, :2] * 1.25 + np.outer(bits[:, 2], DEPTH) / 2
    angles = np.pi / 2 - 2 * np.pi * np.arange(n) / max(n, 1)
    return np.stack([np.cos(angles), np.sin(angles)], 1) * (n > 1)


def _size(texts: list[str]) -> float:
    """Radius of a node in points, to keep arrowheads off it."""
    import matplotlib

    return float(matplotlib.rcParams["font.size"]) * (0.75 + 0.3 * max(map(len, texts), default=0))


def _edges(
    ax: Any, transitions: Transitions, places: np.ndarray, hues: list[str], kwargs: dict[str, Any]
) -> None:
    from matplotlib.patches import FancyArrowPatch

    targets = transitions.targets
    own = targets == np.arange(len(targets))[:, None]
    switches = np.argwhere((targets >= 0) & ~own)
    for j in np.unique(switches[:, 1]) if len(switches) else []:
        ax.plot([], [], color=hues[j], linewidth=1.4, label=transitions.pulses[j])
    drawn: dict[tuple[int, int], int] = {}
    for i, j in switches.tolist():
        pair = (i, int(targets[i, j]))
        bend = BEND * (1 + drawn.setdefault(pair, 0))
        drawn[pair] += 1
        look = {"arrowstyle": "-|>", "mutation_scale": 9, "linewidth": 1.1, "color": hues[j], "zorder": 2}
        look |= {"connectionstyle": f"arc3,rad={bend}", "gid": "edge"}
        ax.add_patch(FancyArrowPatch(places[pair[0]], places[pair[1]], **(look | kwargs)))
        amplitude = transitions.critical_amplitudes[i, j]
        if len(switches) <= MOST_AMPLITUDES and np.isfinite(amplitude):
            _amplitude(ax, places[list(pair)], bend, f"{amplitude:.2g}", hues[j])
    _stubs(ax, np.argwhere(targets < 0), places, hues)
    away = int((transitions.reasons == "unbounded").sum())
    notes = {"ends near no known attractor": int((targets < 0).sum()) - away, "grows without bound": away}
    for note, n in notes.items():
        if n:
            ax.plot([], [], marker="x", color=style.GREY, linewidth=1.1, markersize=5, label=f"{note} ({n})")
    if own.any():
        ax.plot([], [], linestyle="none", label=f"no change: not drawn ({int(own.sum())})")


def pulse_colours(pulses: Sequence[str]) -> dict[str, str]:
    """A colour for each pulse, in their order."""
    return colours.in_turn(pulses)


def _amplitude(ax: Any, tips: np.ndarray, bend: float, text: str, colour: str) -> None:
    """The number on the bent arrow, nearer its tail, where two that cross do not meet."""
    (start, end), t = tips, 0.36
    along = end - start
    control = (start + end) / 2 + bend * np.array([along[1], -along[0]])
    where = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
    box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    look = {"color": colour, "fontsize": "small", "ha": "center", "va": "center", "bbox": box}
    ax.text(*where, text, gid="amplitude", **look)


def _stubs(ax: Any, lost: np.ndarray, places: np.ndarray, hues: list[str]) -> None:
    """A short line with a cross for each pulse that leads nowhere known, fanned out away from the middle."""
    if not len(lost):
        return
    span = float(np.ptp(places, axis=0).max()) or 1.0
    middle = places.mean(axis=0)
    for i in np.unique(lost[:, 0]):
        away = places[i] - middle
        heading = np.arctan2(away[1], away[0]) if np.linalg.norm(away) > 0 else np.pi / 2
        pulses = lost[lost[:, 0] == i, 1]
        for j, turn in zip(pulses, 0.35 * (np.arange(len(pulses)) - (len(pulses) - 1) / 2)):
            tip = places[i] + 0.26 * span * np.array([np.cos(heading + turn), np.sin(heading + turn)])
            ax.plot(*np.stack([places[i], tip]).T, color=hues[j], linewidth=1.1, zorder=1, gid="stub")
            cross = {"marker": "x", "markersize": 6, "markeredgewidth": 1.5}
            ax.plot(*tip, color=hues[j], zorder=3, gid="nowhere", **cross)


def _frame(ax: Any, places: np.ndarray, projection: Any) -> None:
    ax.margins(0.14)
    if len(places):
        ax.update_datalim(places)
        ax.autoscale_view()
    if projection is not None:
        ax.set_xlabel(str(projection.names[0]))
        ax.set_ylabel(str(projection.names[1]))
        style.despine(ax)
        return
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_axis_off()
