"""A slow set of any dimension: its states, how fast they drift, what stands still on it, and what shape it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...checks import count, number
from ...errors import InputError
from ...results import Result, per_item
from ...wording import counted

SHAPES = {  # by dimension and Betti numbers
    (1, (1, 1, 0)): "a ring",
    (1, (1, 0, 0)): "an arc",
    (2, (1, 2, 1)): "a torus",
    (2, (1, 0, 1)): "a sphere",
    (2, (1, 0, 0)): "a sheet",
    (2, (1, 1, 0)): "a band",
    (3, (1, 0, 0)): "a body of three dimensions",
}


class Moved(NamedTuple):
    """How far states of a slow set have moved after some time."""

    largest: float  # distance from where they were left, in state units
    mean: float
    bound: float  # t sup |F(x) - x|


@dataclass(frozen=True, kw_only=True, repr=False)
class SlowSet(Result):
    """States of a slow set, on which the fast modes carry nothing of the motion.

    Attributes:
        states: (state, unit) on the set
        by_rates: (state,) slow modes there, before the largest gap between two rates in a row; 0: no clear gap
        gaps: (state,) rate |lambda - 1| (of a flow |mu|) of the first fast mode over that of the last slow one
        eigenvalues: (state, unit) slowest first
        drift: (state,) |F(x) - x|, in state units per step; of a flow |f(x)|, per unit time
        moved: (state, time) distance from the state after each of ``times``, by simulation
        times: (time,) in steps; of a flow in time units
        dimension: of the set; 0: isolated points
        dimension_by_spectrum: the commonest of ``by_rates``
        dimension_by_cloud: local principal axes of the settled starts; 0: at points; -1: too few to say
        after: (reading, 3) steps left alone, dimension by spectrum and by cloud then
        sup_drift: the largest drift of the states
        fixed_points: (point, unit) found on the set
        index_along: (point,) unstable directions within the set
        index_across: (point,) unstable directions that leave it
        euler: sum of (-1)^index_along over them: the Euler number, if the set is closed; None where a point is not
            isolated, or not stable or unstable beyond doubt
        betti: pieces, loops and voids of the settled states; None where they are too few to tell: fewer than 40, 300 or
            1,000 in one, two or three dimensions
        drive: (input,) the constant input it was found under
        n_starts: starts that were left alone
        n_away: of these, how many grew without bound
        n_lost: states that were not brought onto the set, and left out
        dynamics: "map" or "flow"
        dt: time of one step in ms; None if it is not known
    """

    drawn_by: ClassVar[str] = "plot_slow_set"

    states: np.ndarray = per_item()
    by_rates: np.ndarray = per_item()
    gaps: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    drift: np.ndarray = per_item()
    moved: np.ndarray = per_item()
    times: np.ndarray
    dimension: int
    dimension_by_spectrum: int
    dimension_by_cloud: int
    after: np.ndarray
    sup_drift: float
    fixed_points: np.ndarray
    index_along: np.ndarray
    index_across: np.ndarray
    euler: int | None
    betti: tuple[int, int, int] | None
    drive: np.ndarray
    n_starts: int
    n_away: int = 0
    n_lost: int = 0
    dynamics: str = "map"
    dt: float | None = None

    @property
    def agreed(self) -> bool:
        """Do the modes and the states say the same dimension?"""
        return self.dimension_by_cloud in (-1, self.dimension_by_spectrum)

    @property
    def shares(self) -> dict[int, float]:
        """Share of the states at which so many modes are slow, by that number."""
        values, times = np.unique(self.by_rates, return_counts=True)
        return {int(d): float(n / len(self)) for d, n in zip(values, times)}

    @property
    def gap(self) -> float:
        """The least of ``gaps``: at most 1 where another mode is as slow, and the set not normally hyperbolic."""
        return float(self.gaps.min(initial=np.inf))

    @property
    def mean_drift(self) -> float:
        """Mean of the drift over the states."""
        return float(self.drift.mean()) if len(self) else float("nan")

    @property
    def within_bound(self) -> float:
        """Share of states and times at which what was simulated stays within t sup drift."""
        bound = self.times * self.sup_drift
        slack = 1e-9 * (1 + np.abs(self.states).max(initial=0.0))
        return float((self.moved <= bound * (1 + 1e-9) + slack).mean()) if self.moved.size else 1.0

    def memory(self, t: float) -> Moved:
        """How far the states have moved after ``t`` (steps, of a flow time units), beside the bound t sup drift.

        On an invariant set |x_t - x_0| <= t sup |F(x) - x|, with no factor of growth: every iterate stays on it (Sagodi
        et al. 2024).  Between the times that were watched what has moved is interpolated.
        """
        t = number("t", t, above=0.0)
        if t > self.times[-1]:
            raise InputError(f"t must be at most {self.times[-1]:g}, the longest time that was watched, got {t:g}")
        if not len(self):
            raise InputError("the slow set must hold at least one state, got none")
        times = np.concatenate([[0.0], self.times])
        curves = (np.concatenate([[0.0], f(self.moved, axis=0)]) for f in (np.max, np.mean))
        largest, mean = (float(np.interp(t, times, curve)) for curve in curves)
        return Moved(largest, mean, t * self.sup_drift)

    def chart(self, n_components: int = 2, *, n_neighbors: int = 10) -> np.ndarray:
        """The states in a few coordinates (state, component), for pictures: distances along the set, flattened.

        Isomap (Tenenbaum et al. 2000).  A picture and no result: a sphere or a torus has no such chart without a tear.
        """
        from sklearn.manifold import Isomap

        n_components = count("n_components", n_components, most=self.states.shape[1])
        n_neighbors = count("n_neighbors", n_neighbors, most=max(1, len(self) - 1))
        if len(self) <= n_neighbors:
            raise InputError(f"n_neighbors must be below the number of states, {len(self)}, got {n_neighbors}")
        return Isomap(n_components=n_components, n_neighbors=n_neighbors).fit_transform(self.states)

    @property
    def shape(self) -> str:
        """The set in words: "a ring", "a torus", "a sheet", ..., from its dimension and its Betti numbers."""
        if self.dimension == 0:
            return counted(len(self.fixed_points), "isolated point")
        if self.betti is not None and (self.dimension, self.betti) in SHAPES:
            return SHAPES[self.dimension, self.betti]
        kind = {1: "curve", 2: "surface"}.get(self.dimension, f"set of dimension {self.dimension}")
        if self.betti is None:
            return f"a {kind}"
        pieces, loops, voids = self.betti
        said = [f"{counted(pieces, 'piece')}"] + [f"{counted(loops, 'loop')}"] * (loops > 0)
        return f"a {kind} of {' and '.join(said + [counted(voids, 'void')] * (voids > 0))}"

    def headline(self) -> str:
        unit = "step" if self.dynamics == "map" else "unit time"
        said = [f"dimension {self.dimension}", self.shape, counted(len(self), "state")]
        if not self.agreed:
            said[:1] = [f"dimension {self.dimension_by_spectrum} by modes and {self.dimension_by_cloud} by states"]
        said.append(f"drift up to {self.sup_drift:.1e} per {unit}")
        if self.dimension:
            said.append(f"{counted(len(self.fixed_points), 'fixed point')} on it")
        return ", ".join(said)

    def table(self) -> dict[str, Any]:
        return {"drift": self.drift, "slow modes": self.by_rates, "gap": self.gaps}
