"""What the linked view shows: points with their spectra, trials along their way, the automaton, as plain values.

Everything is placed and worded here, in lists, numbers and strings; a page draws it and answers the pointer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..analysis import Attractors, FixedPoints, Modes, Projection, Transitions
from ..analysis.linearization import constants, frequencies, growth_rates
from ..wording import counted, drive_in_words, three
from . import colours, scene, style, transitions

MOST_EIGENVALUES = 80  # of a point, the slowest first
MOST_MODES = 5  # in the table of a point
MOST_STEPS = 400  # of a trial; a longer one is shown at every second, third, ... step
MOST_TRIALS = 16
MOST_CHANNELS = 8  # of inputs, and of outputs
MOST_LABELS = 12  # of a grouping that can be chosen
DIGITS = 4


@dataclass(frozen=True)
class Explored:
    """What a linked view is made of; all but the first three may be missing.

    Attributes:
        projection: one to three of its axes are shown
        states: (trial, time, unit)
        points: the fixed points under each drive, by its name
        drives: (input,) of each, by the same names
        modes: at the points of the first drive
        attractors: with the memory each stands for
        transitions: among the attractors
        inputs: (trial, time, input)
        outputs: (trial, time, output)
        targets: as the outputs
        groupings: one label per trial, by what they say
        dt: time of one step, ms
    """

    projection: Projection
    states: np.ndarray
    points: dict[str, FixedPoints]
    drives: dict[str, np.ndarray]
    modes: Modes | None = None
    attractors: Attractors | None = None
    transitions: Transitions | None = None
    inputs: np.ndarray | None = None
    outputs: np.ndarray | None = None
    targets: np.ndarray | None = None
    groupings: dict[str, Any] | None = None
    dt: float | None = None

    def values(self) -> dict[str, Any]:
        """All of it as lists, numbers and strings, which JSON can hold."""
        frame = scene.frame(self.projection, None, 3)
        first, trials = next(iter(self.points), ""), self._states(frame)
        return {
            "axes": frame.names,
            "dt": self.dt,
            "drives": [self._drive(frame, trials, name, name == first) for name in self.points],
            "groupings": self._groupings(),
            "trials": self._trials(frame),
            "graph": self._graph(),
            "colours": {"unstable": style.UNSTABLE_DIRECTION, "trajectory": style.TRAJECTORY},
        }

    # --- points --------------------------------------------------------------------------------------------

    def _drive(self, frame: scene.Frame, trials: np.ndarray, name: str, at_rest: bool) -> dict[str, Any]:
        """The points under one drive, beside the placed states of the ``trials``."""
        points, modes = self.points[name], self.modes if at_rest else None
        if modes is not None and not np.array_equal(modes.states, points.states):
            modes = None
        placed = frame.place(points.states, 0.0) if len(points) else np.zeros((0, len(frame.names)))
        kinds = {int(i): kind for kind in scene.kinds(points) for i in kind.index}
        reach = scene.LENGTH * scene.extent(frame, [], np.concatenate([trials, placed]))
        shown = [
            {**self._point(points, i, kinds[i]), **self._stands_for(points, i, at_rest), "at": _short(placed[i])}
            for i in range(len(points))
        ]
        for i, point in enumerate(shown):
            point["directions"] = [] if modes is None else _directions(frame, modes, i, reach, placed[i])
        return {
            "name": name,
            "input": drive_in_words(self.drives[name]) if name in self.drives else "",
            "about": points.headline(),
            "flow": points.dynamics == "flow",
            "points": shown,
        }

    def _states(self, frame: scene.Frame) -> np.ndarray:
        """Where the trials go, every state a row."""
        placed = frame.place(_finite(self.states)).reshape(-1, len(frame.names))
        return placed[np.isfinite(placed).all(axis=1)]

    def _point(self, points: FixedPoints, i: int, kind: scene.Kind) -> dict[str, Any]:
        values = points.eigenvalues[i]
        shown = values[:MOST_EIGENVALUES]
        return {
            "kind": kind.label,
            "verdict": str(points.verdicts[i]),
            "colour": kind.colour,
            "symbol": kind.mark.symbol,
            "size": kind.mark.size,
            "eigenvalues": [_short([v.real, v.imag], 7) for v in shown],
            "left_out": len(values) - len(shown),
            "modes": [_mode(v, points, self.dt) for v in values if np.isfinite(v) and v.imag >= 0][:MOST_MODES],
            "certificate": _certificate(points, i),
        }

    def _stands_for(self, points: FixedPoints, i: int, at_rest: bool) -> dict[str, Any]:
        """The memory of a point, its place in the automaton, and what each pulse does to it."""
        nothing = {"memory": "", "node": -1, "pulses": []}
        if not at_rest or self.attractors is None or not len(self.attractors):
            return nothing
        same = np.flatnonzero(np.abs(self.attractors.states - points.states[i]).max(axis=1) <= 1e-9)
        if not len(same):
            return nothing
        node = self._node(int(same[0]))
        memory = str(self.attractors.memories[same[0]])
        return {"memory": memory, "node": node, "pulses": [] if node < 0 else self._pulses(node)}

    def _node(self, attractor: int) -> int:
        """Which node of the automaton an attractor is; -1: none."""
        if self.transitions is None:
            return -1
        found = np.flatnonzero(self.transitions.given == attractor)
        return int(found[0]) if len(found) else -1

    def _pulses(self, node: int) -> list[str]:
        """What each pulse does to an attractor, a sentence each."""
        graph, names = self.transitions, self._names()
        assert graph is not None
        said = []
        for j, pulse in enumerate(graph.pulses):
            target, least = int(graph.targets[node, j]), graph.critical_amplitudes[node, j]
            if target < 0:
                said.append(f"{pulse}: {graph.reasons[node, j]}")
            elif target == node:
                said.append(f"{pulse}: stays")
            else:
                enough = f", from {least:.2g} of its amplitude on" if np.isfinite(least) else ""
                said.append(f"{pulse}: goes to {names[target]}{enough}")
        return said

    # --- trials --------------------------------------------------------------------------------------------

    def _trials(self, frame: scene.Frame) -> list[dict[str, Any]]:
        chosen = self._chosen()
        steps = np.arange(0, self.states.shape[1], -(-self.states.shape[1] // MOST_STEPS))
        near = self._nearest(self.states[np.ix_(chosen, steps)])
        found = []
        for row, k in enumerate(chosen):
            path = frame.place(_finite(self.states[k]))[steps]
            trial = {"number": int(k), "steps": steps.tolist(), "path": [_short(axis) for axis in path.T]}
            for name in ("inputs", "outputs", "targets"):
                values = getattr(self, name)
                rows = [] if values is None else np.asarray(values)[k].T[:MOST_CHANNELS]
                trial[name] = [_short(channel[steps]) for channel in rows]
            found.append(trial | {"node": near[row].tolist()})
        return found

    def _chosen(self) -> np.ndarray:
        """The trials that are shown: of every label of the first grouping some, spread evenly."""
        n = len(self.states)
        labels = next(iter((self.groupings or {}).values()), None)
        if labels is None or len(labels) != n:
            return scene.evenly(np.arange(n), MOST_TRIALS)
        values = [str(label) for label in labels]
        groups = [np.flatnonzero([value == one for value in values]) for one in dict.fromkeys(values)]
        each = max(1, MOST_TRIALS // len(groups))
        return np.sort(np.concatenate([scene.evenly(rows, each) for rows in groups]))

    def _groupings(self) -> list[dict[str, Any]]:
        """By what trials can be told apart, with a colour for each label."""
        chosen, found = self._chosen(), []
        for name, labels in (self.groupings or {}).items():
            values = np.asarray(labels).tolist()
            if len(values) == len(self.states) and 1 < len(set(values)) <= MOST_LABELS:
                hues = {scene.label_text(label): colour for label, colour in colours.of_conditions(labels).items()}
                found.append({"name": name, "labels": [scene.label_text(values[k]) for k in chosen], "colours": hues})
        return found

    def _nearest(self, states: np.ndarray) -> np.ndarray:
        """The node each state (trial, time, unit) is at; -1: at none.

        A state is at the attractor it is nearest to, if it is nearer than half way from there to any other one.
        """
        graph = self.transitions
        if graph is None or len(graph) < 2:
            return np.full(states.shape[:2], -1)
        at = graph.states
        between = np.linalg.norm(at[:, None] - at, axis=2) + np.diag(np.full(len(at), np.inf))
        away = np.stack([np.linalg.norm(states - one, axis=2) for one in at], axis=2)
        nearest = np.where(np.isfinite(away), away, np.inf).argmin(axis=2)
        distance = np.take_along_axis(away, nearest[..., None], axis=2)[..., 0]
        return np.where(distance < between.min(axis=1)[nearest] / 2, nearest, -1)

    # --- the automaton -------------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        """What the nodes are called: by the memory they stand for where it is known."""
        graph = self.transitions
        if graph is None:
            return []
        if self.attractors is None:
            return [str(k) for k in range(len(graph))]
        return [str(self.attractors.memories[k]) for k in graph.given]

    def _graph(self) -> dict[str, Any] | None:
        graph, names = self.transitions, self._names()
        if graph is None or not len(graph):
            return None
        places = transitions.node_places(names)
        edges = [
            {"from": int(i), "to": int(graph.targets[i, j]), "pulse": str(graph.pulses[j])}
            for i, j in np.argwhere((graph.targets >= 0) & (graph.targets != np.arange(len(graph))[:, None]))
        ]
        nodes = [{"name": name, "at": _short(place)} for name, place in zip(names, places)]
        return {"nodes": nodes, "edges": edges, "colours": transitions.pulse_colours(graph.pulses)}


def _directions(frame: scene.Frame, modes: Modes, i: int, reach: float, place: np.ndarray) -> list[Any]:
    """The unstable directions of a point, or its slowest one, as short lines through it."""
    values, rates = modes.eigenvalues[i], modes.growth_rates[i]
    unstable = np.flatnonzero((rates > 0) & (values.imag >= 0))[: scene.MOST_MODES]
    lines = []
    for k in unstable.tolist() if len(unstable) else range(min(1, len(values))):
        for ends in scene.lines_along(frame, modes, (i, k), place, reach):
            lines.append({"ends": [_short(end) for end in ends], "unstable": bool(rates[k] > 0)})
    return lines


def _mode(value: complex, points: FixedPoints, dt: float | None) -> list[str]:
    """An eigenvalue or a pair, how long it takes to decay or to grow, and its period, in words."""
    one = np.array([value])
    time = float(constants(growth_rates(one, points.dynamics))[0])
    turn = float(frequencies(one, points.dynamics)[0])
    grows = "" if time >= 0 else "grows, "
    return [
        _complex(value),
        f"{grows}{_lasting(abs(time), points, dt)}",
        "-" if turn == 0 else _lasting(2 * np.pi / turn, points, dt),
    ]


def _lasting(steps: float, points: FixedPoints, dt: float | None) -> str:
    if not np.isfinite(steps):
        return "for ever"
    if points.dynamics == "flow":
        return three(steps)
    return f"{three(steps)} steps" if dt is None else f"{three(steps * dt)} ms"


def _complex(value: complex) -> str:
    if value.imag == 0:
        return f"{value.real:.4g}"
    return f"{value.real:.4g} ± {value.imag:.4g}i"


def _certificate(points: FixedPoints, i: int) -> str:
    """What is known of a point beyond its residual, in a sentence."""
    residual = f"{'|F(x) − x|' if points.dynamics == 'map' else '|f(x)|'} = {points.residuals[i]:.1e}"
    if points.certified[i]:
        root = f"a root lies within {points.existence_radius[i]:.1e}"
        return f"{points.evidence[i]}: {root}, and no other within {points.uniqueness_radius[i]:.1e}; {residual}"
    if points.set_of[i] >= 0:
        return f"one sample of a set of fixed points of {counted(points.dimensions[i], 'dimension')}; {residual}"
    return f"not certified; {residual}"


def _finite(states: np.ndarray) -> np.ndarray:
    """The states with NaN where they left the finite numbers."""
    return np.where(np.isfinite(states), states, np.nan)


def _short(values: Any, digits: int = DIGITS) -> list[float | None]:
    """Values with so many digits of the largest, None where not finite."""
    array = np.asarray(values, float)
    finite = np.abs(array[np.isfinite(array)])
    largest = float(finite.max()) if finite.size else 0.0
    places = digits - int(np.ceil(np.log10(largest))) if largest > 0 else 0
    return [float(v) if np.isfinite(v) else None for v in np.round(array, places)]
