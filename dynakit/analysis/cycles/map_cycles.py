"""Cycles of maps, and a map as the search for cycles sees it: its objects in steps, its exponents per step."""

from __future__ import annotations

import numpy as np

from ...systems.derived import Iterated
from ..exponents import wrapped
from ..fixed_points import certify, find_fixed_points
from . import margins, shooting
from .autonomous import Autonomous
from .irregular import RETURNS
from .objects import ON_IT, Found
from .rotation import plane
from .settings import CycleSettings

CLOSER = 0.3  # than after any smaller number of steps
PROVABLE = 600  # steps times units up to which a cycle is certified
LONGEST = 32  # steps after which a track that comes back may be on a cycle
STARTS, RESTS = 4, 1e-9  # of Newton's method from a track; residual, relative to 1 + |x|, of a point on it
NEAR = 1e-3  # how near a start comes to itself, relative to 1 + |x|, if a cycle may be near


class OfMap(Autonomous):
    """A map under one constant drive."""

    dynamics = "map"

    def recurrent(self, orbit: np.ndarray, settings: CycleSettings) -> Found | None:
        """The fixed point or cycle that an orbit (step, unit) has arrived at."""
        return cycle(self, orbit, settings.max_period)

    def around(self, x: np.ndarray) -> Found | None:
        """The fixed point that Newton's method leads to from x (unit,)."""
        closed = shooting.close(self, x[None])
        return None if closed is None else cycle_object(self, closed)

    def named(self, found: Found, settings: CycleSettings) -> Found:
        """An invariant circle as what it is: that."""
        return found

    def beside(self, orbit: np.ndarray) -> Found | None:
        """The cycle near the first state of an orbit that soon comes back to it, stable or not."""
        away = np.abs(orbit[1:] - orbit[0]).max(axis=1)
        soon = np.flatnonzero(away <= NEAR * (1 + np.abs(orbit[0]).max()))[:1] + 1
        for q in soon:
            closed = shooting.close(self, orbit[:q])
            if closed is not None and np.abs(closed.states[0] - orbit[0]).max() <= max(
                10 * away[q - 1], 1e-6
            ):
                return cycle_object(self, shooting.minimal(self, closed))
        return None

    def near(self, tail: np.ndarray) -> Found | None:
        """The cycle that the end of a track (step, unit) comes back on, stable or not."""
        away = np.abs(tail[-1 - LONGEST : -1] - tail[-1]).max(axis=1)[::-1]
        for q in np.flatnonzero(away <= RETURNS * (1 + np.abs(tail[-1]).max())) + 1:
            closed = shooting.close(self, tail[-q - 1 : -1])
            if closed is not None:
                return cycle_object(self, shooting.minimal(self, closed))
        return None

    def rest(self, tail: np.ndarray, near: float) -> Found | None:
        """The fixed point within ``near`` of the end of a track, from the slowest of its states.

        A state of the track itself is one only where Newton's method finds none, as on a ring of points.
        """
        order = self.system.speed(tail, self.u).cpu().numpy().argsort(kind="stable")
        points = find_fixed_points(self.system, tail[order[:STARTS]], self.u, max_starts=STARTS)
        x = np.concatenate([points.states, tail[order[:1]]])
        residuals = np.abs(self.step(x) - x).max(axis=1)
        gaps = np.linalg.norm(x - tail[-1], axis=1)
        good = np.flatnonzero((gaps <= near) & (residuals <= RESTS * (1 + np.abs(x).max(axis=1))))
        if not len(good):
            return None
        found = good[good < len(points)]
        k = int(found[gaps[found].argmin()]) if len(found) else int(good[-1])
        return cycle_object(self, shooting.ClosedOrbit(x[[k]], float(residuals[k])))


def cycle(view: OfMap, orbit: np.ndarray, max_period: int) -> Found | None:
    """The cycle that an orbit has arrived at, or is arriving at."""
    scale = 1 + float(np.abs(orbit).max())
    back = np.abs(orbit[-1 - max_period : -1] - orbit[-1]).max(axis=1)[::-1]  # by period
    before = np.minimum.accumulate(np.append(np.inf, back[:-1]))
    for q in np.flatnonzero((back <= RETURNS * scale) & (back <= CLOSER * before)) + 1:
        closed = shooting.close(view, orbit[-q - 1 : -1])
        if closed is None:
            continue
        found = cycle_object(view, shooting.minimal(view, closed))
        late, early = found.distances(orbit[[-1, len(orbit) // 2]])
        if late <= ON_IT or (found.attracting and late <= RETURNS and late < early):
            return found
    return None


def cycle_object(view: Autonomous, orbit: shooting.ClosedOrbit) -> Found:
    """All that is said about a cycle."""
    x = _from_the_top(orbit.states)
    jacobians = view.jacobian(x)
    values = shooting.multipliers(jacobians)
    q = len(x)
    with np.errstate(divide="ignore"):
        rates = np.log(np.abs(values)) / q
    wound = shooting.turns(plane(view, x)) if q > 2 else None
    return Found(
        kind="fixed point" if q == 1 else "periodic",
        orbit=x,
        period=float(q),
        rho=np.nan if wound is None else wrapped(wound / q),
        residual=orbit.residual,
        multipliers=values,
        exponents=rates,
        verdict=margins.verdict(np.abs(values) - 1, margins.of_cycle(jacobians, values)),
        existence_radius=_certificate(view, x),
    )


def _from_the_top(x: np.ndarray) -> np.ndarray:
    """A cycle from the state on where the unit that moves most is largest: whatever state it was found from."""
    unit = int(np.round(np.ptp(x, axis=0), 9).argmax())
    return np.roll(x, -int(np.round(x[:, unit], 9).argmax()), axis=0)


def _certificate(view: Autonomous, x: np.ndarray) -> float:
    if x.size > PROVABLE:
        return np.nan
    proof = certify(Iterated(view.system, len(x)), x[:1], view.u)
    return float(proof.existence_radius[0])
