"""What a context makes of the network: its slow line, what is selected onto it, and which choices follow.

On the line a state has one coordinate, and evidence v moves it by l.(dF/du) v, with l the left eigenvector of the
slow mode there: the selection vector.  So a choice can be predicted from the evidence of its trial without
running the network: from all of the line (drift and selection at every point of it), or from one point, where
the coordinate is a sum of selected evidence that fades by the slow eigenvalue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

import dynakit as dk

MODALITIES = ("motion", "colour")  # inputs 0 and 1
SETTLED = 30  # steps after which a network without evidence has come to the line
READ = {"at the end": 0, "300 ms later": 30}  # when the choice is read, in steps after the evidence
PULSE, AFTER = 5, 25  # steps of a pulse of evidence, and of waiting for the fast modes to die out
AMPLITUDES = (-0.5, -0.25, 0.25, 0.5)
SEPARATION = 1.3  # the line is followed as long as its mode is so much slower than the next


@dataclass(frozen=True)
class Side:
    """The network under one context, its slow line turned so that the readout rises along it.

    The coordinate of a state is its arclength from where the network settles without evidence.
    """

    manifold: Any  # SlowManifold
    points: Any  # FixedPoints under this context, all of them
    readouts: np.ndarray  # (point,)  along the line
    sign: float  # +1 if the line runs with the readout
    start: float  # arclength of the coordinate 0
    settled: np.ndarray  # (unit,)  state without evidence
    push: np.ndarray  # (unit, input)  dF/du there

    @classmethod
    def of(cls, system: Any, states: np.ndarray, points: Any, drive: np.ndarray) -> Side:
        """Trace the slow line next to the states visited under one context; NumericalError if there is none."""
        manifold = dk.trace_slow_manifold(system, states, drive, separation=SEPARATION, max_points=60)
        readouts = system.observe(manifold.states).numpy()[:, 0]
        settled = system.settle(system.initial_state(), drive, SETTLED)
        return cls(
            manifold=manifold,
            points=points,
            readouts=readouts,
            sign=float(np.sign(readouts[-1] - readouts[0])),
            start=float(manifold.locate(settled)[0]),
            settled=settled.numpy(),
            push=system.input_jacobian(settled, drive).numpy(),
        )

    @property
    def here(self) -> int:
        """The point of the line next to coordinate 0."""
        return int(np.abs(self.manifold.arclengths - self.start).argmin())

    @property
    def line(self) -> np.ndarray:
        """Coordinates of the points of the line."""
        return self.sign * (self.manifold.arclengths - self.start)

    @property
    def selection(self) -> np.ndarray:
        """Step along the line per unit of motion and of colour evidence, (point, 2)."""
        return self.sign * self.manifold.selection[:, :2]

    def coordinate(self, states: np.ndarray) -> np.ndarray:
        """Where states (..., unit) are along the line."""
        return self.sign * (self.manifold.locate(states)[0] - self.start)

    def choice(self, coordinates: np.ndarray) -> np.ndarray:
        """The sign of the readout on the line at these coordinates."""
        order = np.argsort(self.line)
        return np.sign(np.interp(coordinates, self.line[order], self.readouts[order]))

    def along_the_line(self, inputs: np.ndarray) -> np.ndarray:
        """Final coordinates of trials (trial, time, input), by drift and selection at every point of the line."""
        ends = [self.manifold.integrate(u, self.start)[-1] for u in inputs]
        return self.sign * (np.array(ends) - self.start)

    def from_one_point(self, inputs: np.ndarray) -> np.ndarray:
        """The same from the selection and the slow eigenvalue at coordinate 0 alone."""
        fading = self.manifold.eigenvalues[self.here] ** np.arange(inputs.shape[1] - 1, -1, -1)
        return np.einsum("t,bti,i->b", fading, inputs[:, :, :2], self.selection[self.here])


def tables(system: Any, sides: dict[str, Side], seed: int, trials: Any, record: Any) -> dict[str, list[dict]]:
    """Every table about the mechanism of one network."""
    found: dict[str, list[dict]] = {"selection": [], "line": [], "choices": [], "pulses": [], "trials": []}
    for context, side in sides.items():
        rows, cued = trials.conditions["context"] == context, MODALITIES.index(context)
        other = sides[MODALITIES[1 - cued]]
        name = {"seed": seed, "context": context}
        visited = side.coordinate(record.states[rows, SETTLED::15])
        found["selection"].append(name | _selected(side, other, visited, cued))
        found["line"] += [name | row for row in _line(side)]
        found["pulses"] += [name | row for row in _pulses(system, side)]
        inputs, ends = trials.inputs[rows].double().numpy(), record.states[rows, -1]
        for when, wait in READ.items():
            quiet = np.tile(side.manifold.drive, (len(inputs), wait, 1))
            states = system.settle(ends, side.manifold.drive, wait)
            choices = np.sign(system.observe(states).numpy()[:, 0])
            reached = side.coordinate(states.numpy())
            predicted = predictions(side, other, np.concatenate([inputs, quiet], axis=1), cued)
            predicted["end state on the line"] = reached, side.choice(reached)
            found["choices"] += [
                name | {"read": when} | row for row in _agreements(predicted, choices, reached)
            ]
            if wait == 0:
                found["trials"] += _trials(trials[rows], predicted, reached, record.outputs[rows, -1, 0])
    found["modulation"] = _modulation(system, sides, seed)
    return found


def predictions(
    side: Side, other: Side, inputs: np.ndarray, cued: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Ways to predict a trial from its evidence alone: name -> (coordinates, choices)."""
    along, point = side.along_the_line(inputs), side.from_one_point(inputs)
    swapped = other.from_one_point(inputs)
    total = inputs[:, :, cued].sum(axis=1)
    return {
        "line": (along, side.choice(along)),
        "one point": (point, side.choice(point)),
        "perfect integrator": (total, np.sign(total)),
        "other context's point": (swapped, other.choice(swapped)),
    }


def _agreements(
    predicted: dict[str, tuple[np.ndarray, np.ndarray]], choices: np.ndarray, reached: np.ndarray
) -> list[dict[str, Any]]:
    """How often each prediction makes the choice of the network, and how its coordinate goes with the simulated one.

    Apart: on the trials on which the network does not choose as a perfect integrator of the same evidence does.
    """
    apart = predicted["perfect integrator"][1] != choices
    table = []
    for how, (coordinates, guess) in predicted.items():
        agreed = guess == choices
        interval = binomtest(int(agreed.sum()), len(choices)).proportion_ci(0.95, "wilson")
        table.append(
            {
                "prediction": how,
                "trials": len(choices),
                "agreement": float(agreed.mean()),
                "low": float(interval.low),
                "high": float(interval.high),
                "correlation": float(np.corrcoef(coordinates, reached)[0, 1]),
                "trials apart": int(apart.sum()),
                "agreement apart": float(agreed[apart].mean()) if apart.any() else float("nan"),
            }
        )
    return table


def _selected(side: Side, other: Side, visited: np.ndarray, cued: int) -> dict[str, Any]:
    """What is selected on the stretch of the line that is visited in the middle 90 % of all steps."""
    stretch = np.quantile(visited, [0.05, 0.95])
    low, high = np.clip(stretch, side.line.min(), side.line.max())
    at = np.linspace(low, high, 50)
    order = np.argsort(side.line)

    def along(values: np.ndarray) -> np.ndarray:
        return np.interp(at, side.line[order], values[order])

    relevant, irrelevant = (along(side.selection[:, k]) for k in (cued, 1 - cued))
    slow, drift = along(side.manifold.eigenvalues), along(side.manifold.drift)
    fast = along(np.abs(side.manifold.transverse).max(axis=1))
    left, right = (side.sign * vectors[side.here] for vectors in (side.manifold.left, side.manifold.right))
    pushes = [side.push[:, k] for k in (cued, 1 - cued)]
    return {
        "relevant": float(relevant.mean()),
        "irrelevant": float(irrelevant.mean()),
        "irrelevant / relevant (rms)": float(np.sqrt((irrelevant**2).mean() / (relevant**2).mean())),
        "angle to relevant input": _angle(left, pushes[0]),
        "angle to irrelevant input": _angle(left, pushes[1]),
        "angle between inputs": _angle(*pushes),
        "angle of selection vectors": _angle(left, other.sign * other.manifold.left[other.here]),
        "angle of lines": _angle(right, other.sign * other.manifold.right[other.here]),
        "slow eigenvalue, least": float(slow.min()),
        "slow eigenvalue, most": float(slow.max()),
        "largest other eigenvalue": float(fast.max()),
        "largest drift (per step)": float(np.abs(drift).max()),
        "stretch (state units)": float(at[-1] - at[0]),
        "fixed points": len(side.points),
        "stable": len(side.points.stable),
        "of them on the line": len(side.manifold.fixed_points),
    }


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


def _line(side: Side) -> list[dict[str, Any]]:
    columns = {
        "coordinate": side.line,
        "readout": side.readouts,
        "drift (per step)": side.sign * side.manifold.drift,
        "slow eigenvalue": side.manifold.eigenvalues,
        "largest other": np.abs(side.manifold.transverse).max(axis=1),
        "selection of motion": side.selection[:, 0],
        "selection of colour": side.selection[:, 1],
    }
    return [dict(zip(columns, map(float, row))) for row in sorted(zip(*columns.values()))]


def _modulation(system: Any, sides: dict[str, Side], seed: int) -> list[dict[str, Any]]:
    """How the context makes each modality count: relevant less irrelevant, where the readout of the lines is near 0.

    In rates with |s| = 1; beside it the share of the selection vector in other coordinates, and with another length.
    """
    if len(sides) < 2:
        return []
    rates = {} if not isinstance(system.rate_form(), str) else {"coordinates": "states"}
    ways = [rates, {"coordinates": "states"}, rates | {"normalisation": "s.r = 1"}]
    rows = []
    for k, modality in enumerate(MODALITIES):
        lines = [sides[context].manifold for context in (modality, MODALITIES[1 - k])]
        found, *others = (dk.compare_selection(system, *lines, match="readout nearest to 0", **way) for way in ways)
        parts = {name: float(getattr(found, name)[0, k]) for name in ("total", "direct", "indirect", "selection")}
        names = ("direct", "indirect", "selection")
        shares = {f"share, {name}": float(x) for name, x in zip(names, found.shares[0, k])}
        at = {"coordinates": found.coordinates, "normalisation": found.normalisation}
        traps = {
            f"selection in {what}": float(other.selection_shares[0, k])
            for what, other in zip(("states", "rates with s.r = 1"), others)
        }
        rows.append({"seed": seed, "modality": modality} | at | parts | shares | traps)
    return rows


def _pulses(system: Any, side: Side) -> list[dict[str, Any]]:
    """Displacement along the line by short pulses of evidence, predicted and simulated."""
    kinds = [(k, a) for k in (0, 1) for a in AMPLITUDES]
    inputs = np.tile(side.manifold.drive, (len(kinds) + 1, PULSE + AFTER, 1))
    for row, (k, amplitude) in enumerate(kinds):
        inputs[row, :PULSE, k] = amplitude
    ends = side.coordinate(system.trajectory(side.settled, inputs)[:, -1].numpy())
    expected = side.along_the_line(inputs)
    return [
        {
            "modality": MODALITIES[k],
            "amplitude": amplitude,
            "predicted step": float(expected[row] - expected[-1]),
            "simulated step": float(ends[row] - ends[-1]),
        }
        for row, (k, amplitude) in enumerate(kinds)
    ]


def _trials(
    trials: Any, predicted: dict[str, Any], reached: np.ndarray, outputs: np.ndarray
) -> list[dict[str, Any]]:
    """One row per trial: what was shown, what was predicted, what came."""
    columns = {
        **{name: trials.conditions[name] for name in ("context", "motion", "colour")},
        "predicted, line": predicted["line"][0],
        "predicted, one point": predicted["one point"][0],
        "simulated": reached,
        "output": outputs,
    }
    rows = zip(*(values.tolist() for values in columns.values()))
    return [dict(zip(columns, row)) for row in rows]
