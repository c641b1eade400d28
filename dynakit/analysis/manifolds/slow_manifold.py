"""A slow curve as a coordinate: where states lie along it, what drifts and pushes there, and where it stands still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.spatial.distance import cdist

from ...checks import number, reals
from ...errors import InputError
from ...results import Result, per_item
from ...wording import counted
from ..linearization import beyond, constants, growth_rates


@dataclass(frozen=True, kw_only=True, repr=False)
class SlowManifold(Result):
    """Points of one slow curve, in order along it; vectors point the way the arclength grows.

    Attributes:
        states: (point, unit) points of the curve
        arclengths: (point,) from the first point, in state units
        drift: (point,) step along the curve, signed, in state units; of a flow the velocity, per unit time
        eigenvalues: (point,) of the slow mode, real; of a flow per unit time
        transverse: (point, unit - 1) all other eigenvalues, by falling modulus, of a flow by falling real part
        right: (point, unit) tangent t, |t| = 1
        left: (point, unit) selection vector l, l.t = 1
        selection: (point, input) l.dF/du, step along the curve made by a unit of each input; of a flow l.df/du
        drive: (input,) the constant input it was traced under
        closed: a ring: the last point is followed by the first
        length: of the whole curve, in state units
        fixed_points: (crossing, unit) isolated fixed points on it, in order
        fixed_arclengths: (crossing,) where on the curve each is, in state units
        fixed_holds: (crossing,) does the drift point towards it from both sides?
        ends: (end,) words, why the curve stops at its first and at its last point
        n_settled: starts that were left alone for a while, to ask for the dimension of what is slow
        n_beside: of these, how many lie beside this curve or beyond its ends: on another one, or still on their way
        dynamics: "map" or "flow": what drift and eigenvalues are those of
        step: time of one step in the unit of the drift: 1 of a map, dt of a flow
        dt: time of one step in ms; None if it is not known
    """

    drawn_by: ClassVar[str] = "plot_slow_manifold"

    states: np.ndarray = per_item()
    arclengths: np.ndarray = per_item()
    drift: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    transverse: np.ndarray = per_item()
    right: np.ndarray = per_item()
    left: np.ndarray = per_item()
    selection: np.ndarray = per_item()
    drive: np.ndarray
    closed: bool
    length: float
    fixed_points: np.ndarray
    fixed_arclengths: np.ndarray
    fixed_holds: np.ndarray
    ends: tuple[str, str]
    n_settled: int = 0
    n_beside: int = 0
    dynamics: str = "map"
    step: float = 1.0
    dt: float | None = None

    @property
    def gaps(self) -> np.ndarray:
        """|lambda| of the slow mode, of a flow Re mu, less the largest of the others (point,): negative where another
        outlasts it."""
        return beyond(self.eigenvalues, self.dynamics) - self._others

    @property
    def attracting(self) -> np.ndarray:
        """Do all transverse modes contract (point,)?"""
        return self._others < 0

    @property
    def _others(self) -> np.ndarray:
        """How far beyond the line of stability the first of the other modes is (point,), signed."""
        none = -1.0 if self.dynamics == "map" else -np.inf
        return beyond(self.transverse, self.dynamics).max(axis=1, initial=none)

    @property
    def time_constants(self) -> np.ndarray:
        """Of the slow mode, in steps, of a flow in time units (point,): negative where it grows."""
        return constants(growth_rates(self.eigenvalues, self.dynamics))

    def responses(self, directions: Any) -> np.ndarray:
        """Step, of a flow velocity, along the curve under inputs (direction, input): (point, direction)."""
        directions = reals("directions", directions, ("direction", self.drive.size))
        return self.selection @ directions.T

    def locate(self, states: Any) -> tuple[np.ndarray, np.ndarray]:
        """Where states (..., unit) lie along the curve: arclengths (...), and how far off it they are (...).

        To first order the slow coordinate of a state is that of the point p with l.(x - p) = 0, found from the nearest
        point of the curve; the offset is the distance to that nearest point.
        """
        self.holds_points(1)
        x = reals("states", states, (..., self.states.shape[1]))
        flat = x.reshape(-1, x.shape[-1])
        away = cdist(flat, self.states)
        k = away.argmin(axis=1)
        along = self.arclengths[k] + ((flat - self.states[k]) * self.left[k]).sum(axis=1)
        return along.reshape(x.shape[:-1]), away.min(axis=1).reshape(x.shape[:-1])

    def integrate(self, inputs: Any, start: float = 0.0) -> np.ndarray:
        """The slow coordinate under a sequence of inputs (time, input), from the arclength ``start``: (time,).

        One dimension in place of all: s' = s + drift(s) + selection(s).(u - drive), of a flow times the time of a step.
        A line holds it at its ends.
        """
        self.holds_points(1)
        u = reals("inputs", inputs, ("time", self.drive.size)) - self.drive
        s, path = number("start", start), np.empty(len(u))
        period = {"period": self.length} if self.closed else {}
        for k, v in enumerate(u):
            pushes = self.drift + self.selection @ v
            s += self.step * float(np.interp(s, self.arclengths, pushes, **period))
            s = s % self.length if self.closed else min(max(s, 0.0), self.length)
            path[k] = s
        return path

    def holds_points(self, least: int) -> None:
        """Raise InputError if fewer than ``least`` points are left of the curve, after indexing."""
        if len(self) < least:
            raise InputError(f"manifold must hold at least {least} of the curve's points, got {len(self)}")

    def headline(self) -> str:
        shape = "ring" if self.closed else "line"
        n = len(self.fixed_points)
        said = [f"{shape} of length {self.length:.3g}, {counted(len(self), 'point')}"]
        said += ["of a flow"] if self.dynamics == "flow" else []
        unit = "step" if self.dynamics == "map" else "unit time"
        said.append(f"drift up to {np.abs(self.drift).max(initial=0.0):.1e} per {unit}")
        said.append(
            f"{n} fixed point{'' if n == 1 else 's'} on it, {int(self.fixed_holds.sum())} attracting along it"
        )
        if 20 * self.n_beside > self.n_settled:
            said.append(f"{self.n_beside} of {self.n_settled} settled states lie beside it")
        return ", ".join(said)

    def table(self) -> dict[str, np.ndarray]:
        largest = self._others + (self.dynamics == "map")  # the modulus, of a flow the real part
        return {
            "arclength": self.arclengths,
            "drift": self.drift,
            "slow eigenvalue": self.eigenvalues,
            "largest other": largest,
        }
