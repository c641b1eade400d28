"""What a phase portrait shows, before anyone draws it: matplotlib and plotly draw the same scene."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..analysis import ConditionAverages, FixedPoints, Modes, Projection, SlowPoints
from ..checks import count, matches_shape
from ..errors import InputError
from . import colours, style

MOST_MODES = 3  # unstable directions drawn per saddle
MOST_NAMED = 9  # conditions with a line of their own in the legend
SOME = 24  # trajectories drawn of all conditions together, where nothing is said
LENGTH = 0.09  # half of an unstable direction, as a share of the largest axis range


class Kind(NamedTuple):
    """Points that share a mark and a colour."""

    label: str
    mark: style.Mark
    colour: str
    index: np.ndarray

    @property
    def counted(self) -> str:
        return f"{self.label} ({len(self.index)})"


class Paths(NamedTuple):
    """Trajectories that share a colour; ``label`` is empty where the legend leaves them out."""

    label: str
    colour: str
    lines: list[np.ndarray]  # (time, axis) each
    value: float | None = None  # of the condition, where conditions are numbers


class Apart(NamedTuple):
    """How trajectories are told apart, and how many of them are drawn."""

    conditions: Any = None
    n_trajectories: Any = None  # of each condition; None: SOME in all, and one of each at least
    colors: Any = None


class Frame(NamedTuple):
    """The axes of the picture.  With a single component the first axis is the step, or ms where ``dt`` is known."""

    projection: Projection
    axes: tuple[int, ...]
    dt: float | None = None

    @property
    def names(self) -> list[str]:
        shown = [str(self.projection.names[k]) for k in self.axes]
        return ["step" if self.dt is None else "time (ms)", *shown] if len(shown) == 1 else shown

    def place(self, states: np.ndarray, step: float | None = None) -> np.ndarray:
        """Coordinates (..., axis) of states (..., unit); ``step`` is where those of no trajectory go."""
        scores = self.projection.transform(states)[..., list(self.axes)]
        if len(self.axes) > 1:
            return scores
        steps = np.arange(scores.shape[-2]) if step is None else np.full(scores.shape[-2], step)
        times = style.clock(self.dt) * steps[:, None]
        return np.concatenate([np.broadcast_to(times, scores.shape), scores], axis=-1)

    def directions(self, vectors: np.ndarray) -> np.ndarray:
        """Displacements (..., axis) along vectors (..., unit): the shorter the more of it is out of sight."""
        rows = self.projection.components[list(self.axes)]
        shown = vectors @ rows.T / np.linalg.norm(rows, ord=2)
        return shown if len(self.axes) > 1 else np.concatenate([np.zeros_like(shown), shown], axis=-1)


class Scene(NamedTuple):
    """Everything placed in the axes of a frame."""

    groups: list[Paths]
    n_steps: int
    placed: np.ndarray  # (point, axis)
    segments: np.ndarray  # (segment, 2, axis)  unstable directions
    slow: np.ndarray  # (slow point, axis)


def build(
    frame: Frame, states: Any, points: Any, modes: Any, slow: Any, told_apart: Apart
) -> Scene:
    """Check the arguments of a portrait and place what they hold."""
    groups = [] if states is None else paths(frame, states, told_apart)
    n_steps = max((len(line) for group in groups for line in group.lines), default=1)
    beyond = 1.04 * (n_steps - 1)  # with a single component, points stand right of the last step
    placed, segments = np.zeros((0, len(frame.names))), np.zeros((0, 2, len(frame.names)))
    expected = {
        "points": (points, (FixedPoints, Modes)),
        "modes": (modes, (Modes,)),
        "slow": (slow, (SlowPoints,)),
    }
    for name, (value, accepted) in expected.items():
        if value is not None:
            style.expect(name, value, *accepted)
            matches_shape(f"{name}.states", value.states.shape, ("point", frame.projection.mean.size))
    if points is not None and len(points):
        placed = frame.place(points.states, beyond)
    if modes is not None:
        segments = unstable_segments(frame, modes, LENGTH * extent(frame, groups, placed), beyond)
    crosses = placed[:0] if slow is None or not len(slow) else frame.place(slow.states, beyond)
    return Scene(groups, n_steps, placed, segments, crosses)


def frame(projection: Any, axes: Any, n_default: int, dt: float | None = None) -> Frame:
    """The frame of the components ``axes``, or of the first ``n_default`` of them."""
    style.expect("projection", projection, Projection)
    if axes is None:
        axes = tuple(range(min(n_default, len(projection))))
    axes = tuple(count("axes", k, least=0, most=len(projection) - 1) for k in axes)
    if not 1 <= len(axes) <= 3 or len(set(axes)) < len(axes):
        raise InputError(f"axes must name one, two or three different components, got {axes}")
    return Frame(projection, axes, dt)


def kinds(points: FixedPoints | Modes) -> list[Kind]:
    """The points sorted by mark and colour, stable ones first; every point is in exactly one kind."""
    n = np.ma.filled(points.n_unstable, -1)
    contracting = (points.growth_rates < 0).any(axis=1)
    loose = np.asarray(getattr(points, "non_isolated", np.zeros(len(points), bool)), bool)
    firm = {verdict: (points.verdicts == verdict) & ~loose for verdict in ("stable", "unstable", "marginal")}
    found = [Kind("stable", style.MARKS["stable"], style.BLACK, np.flatnonzero(firm["stable"]))]
    top = len(style.BY_N_UNSTABLE)
    for name, which in (("saddle", contracting), ("repeller", ~contracting)):
        for k in range(1, top + 1):
            here = firm["unstable"] & which & ((n == k) if k < top else (n >= k))
            label = f"{name}, {k} unstable" if k < top else f"{name}, {k} or more unstable"
            found.append(Kind(label, style.MARKS[name], style.colour_of(k), np.flatnonzero(here)))
    undecided = (points.verdicts == "undetermined") & ~loose
    for name, here in (("marginal", firm["marginal"]), ("undetermined", undecided), ("not isolated", loose)):
        found.append(Kind(name, style.MARKS[name], style.GREY, np.flatnonzero(here)))
    return [kind for kind in found if len(kind.index)]


def slowness(speeds: np.ndarray) -> np.ndarray:
    """Relative sizes of slow points, 0.6 (fastest) to 1 (slowest), by the logarithm of q."""
    size = -np.log(np.maximum(speeds, np.finfo(float).tiny))
    span = float(np.ptp(size))
    return 0.6 + 0.4 * (size - size.min()) / span if span > 0 else np.ones(len(size))


def paths(frame: Frame, states: Any, told: Apart) -> list[Paths]:
    """Trajectories grouped by condition, evenly chosen from each: no condition is left out."""
    conditions = told.conditions
    if isinstance(states, ConditionAverages):
        conditions = states.names if conditions is None else conditions
        states = states.means
    array = style.trajectories("states", states)
    matches_shape("states", array.shape, ("trial", "time", frame.projection.mean.size))
    labels = None if conditions is None else style.labels_of("conditions", conditions, len(array), "trials")
    most = None if told.n_trajectories is None else count("n_trajectories", told.n_trajectories, least=0)
    if labels is None:
        chosen = evenly(np.arange(len(array)), SOME if most is None else most)
        return [Paths("", colours.one(told.colors, style.TRAJECTORY), list(frame.place(array[chosen])))]
    hues = colours.of_conditions(labels, told.colors)
    most = max(1, SOME // max(len(hues), 1)) if most is None else most
    named = list(hues)
    if len(named) > MOST_NAMED:
        named = [named[0], named[len(named) // 2], named[-1]]
    values = colours.values_of(hues) or [None] * len(hues)
    found = []
    for (label, colour), value in zip(hues.items(), values) if most else ():
        own = evenly(np.array([k for k, other in enumerate(labels) if other == label]), most)
        found.append(Paths(label_text(label) if label in named else "", colour, list(frame.place(array[own])), value))
    return found


def evenly(trials: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the trials, evenly chosen."""
    at = np.unique(np.linspace(0, len(trials) - 1, min(most, len(trials))).round().astype(int))
    return trials[at]


def label_text(label: Any) -> str:
    """A condition as legends say it."""
    return f"{label:.3g}" if isinstance(label, float) else str(label)


def extent(frame: Frame, groups: list[Paths], placed: np.ndarray) -> float:
    """The largest range of the picture over its component axes."""
    rows = np.concatenate([line for g in groups for line in g.lines] + [placed.reshape(-1, len(frame.names))])
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(frame.axes) == 1:
        rows = rows[:, 1:]
    widest = float(np.ptp(rows, axis=0).max()) if len(rows) else 0.0
    return widest if widest > 0 else 1.0


def unstable_segments(frame: Frame, modes: Modes, half_length: float, step: float = 0.0) -> np.ndarray:
    """Lines (segment, 2, axis) along the unstable directions of each saddle.

    Up to three modes per saddle, the fastest first; of a complex pair the plane it turns in, as
    the two lines of its real and imaginary parts.
    """
    segments = []
    rates = modes.growth_rates
    saddle = (modes.verdicts == "unstable") & (rates < 0).any(axis=1)
    places = frame.place(modes.states, step) if len(modes) else np.zeros((0, len(frame.names)))
    for i in np.flatnonzero(saddle):
        values = modes.eigenvalues[i]
        for k in np.flatnonzero((rates[i] > 0) & (values.imag >= 0))[:MOST_MODES]:
            segments += lines_along(frame, modes, (int(i), int(k)), places[i], half_length)
    return np.array(segments).reshape(-1, 2, len(frame.names))


def lines_along(
    frame: Frame, modes: Modes, which: tuple[int, int], place: np.ndarray, half_length: float
) -> list[list[np.ndarray]]:
    """The line [end, end] along a mode (point, mode) through ``place``; of a complex pair two, which span its plane."""
    i, k = which
    vector, lines = modes.right[i][:, k], []
    for part in (vector.real, vector.imag)[: 1 + bool(modes.eigenvalues[i, k].imag > 0)]:
        shift = half_length * frame.directions(part / max(float(np.linalg.norm(part)), 1e-300))
        lines.append([place - shift, place + shift])
    return lines


def ends(line: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """First and last finite row of a trajectory, or None if there is none."""
    finite = line[np.isfinite(line).all(axis=1)]
    return (finite[0], finite[-1]) if len(finite) else None
