"""Walking along a slow curve: the states at which the motion is all along the slow mode.

Solve F(x, u) - x = drift t(x) for x and the drift, where t is the right eigenvector of dF/dx whose eigenvalue is
nearest to 1 (the intrinsic low-dimensional manifold of Maas and Pope 1992), by Newton steps with the bordered matrix

    [ J - I   -t ]
    [ t^T      0 ],

which stays regular where J - I does not; then step on along t and correct again, one way and the other.  Of a flow,
f(x, u) = drift t with t the eigenvector of df/dx whose eigenvalue is nearest to 0, and df/dx in place of J - I.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ... import linalg
from ...systems.base import System
from ...systems.rest import AtRest, at_rest, dynamics_of, linear_part, velocity
from ..linearization import beyond, eigenvalues

MAX_CORRECTIONS, REMEMBERED = 12, 4  # and steps before each that it learns from
STEPS = 40  # in the length of the region, if none is shortened
ANGLE, CORNER = (
    0.15,
    0.6,
)  # radians the tangent may turn from one point to the next: smooth map, or with kinks
SHARES = tuple(0.5**k for k in range(14))  # of a step, to try
LEAPS = (1.0, 2.0, 3.0, 4.0)  # steps to try over a kink, beside which the next line may begin
TINY, PATIENCE = 1 / 64, 25  # of the largest step, and how many such in a row are the end
LOST = 1e6  # a correction, relative to 1 + |x|
STILL = 1e-13  # drift, relative to 1 + |x|, that cannot be told from rounding
CLOSED = "closed"


class SlowState(NamedTuple):
    """One point of a slow curve."""

    x: np.ndarray  # (unit,)
    drift: float  # step made along t, of a flow the velocity
    value: float  # eigenvalue of the slow mode
    t: np.ndarray  # (unit,)  its right eigenvector, |t| = 1
    l: np.ndarray  # (unit,)  its left eigenvector, l.t = 1
    others: np.ndarray  # (unit - 1,)  all other eigenvalues, those nearest to instability first
    dynamics: str = "map"

    @property
    def separation(self) -> float:
        """How many times slower the slow mode is than the next: |lambda_2 - 1| / |lambda_1 - 1|, or |mu_2 / mu_1|."""
        still = self.dynamics == "map"
        next_slow = np.abs(self.others - still).min(initial=np.inf)
        return float(next_slow / max(abs(self.value - still), 1e-300))

    def turned(self) -> SlowState:
        """The same point, seen by someone who walks the other way."""
        return self._replace(t=-self.t, l=-self.l, drift=-self.drift)


class Walls(NamedTuple):
    """Where a walk ends."""

    lo: np.ndarray  # (unit,)
    hi: np.ndarray  # (unit,)
    length: float  # typical size of the region, in state units
    separation: float  # least separation of time scales
    max_points: int

    def objection(self, state: SlowState) -> str:
        """Why a walk must not go on to this point; empty if it may."""
        if (state.x < self.lo).any() or (state.x > self.hi).any():
            return "left the range of the starts"
        if state.separation < self.separation:
            return "the slow mode is no longer apart from the next"
        relaxing = -beyond(state.others, state.dynamics).max(initial=-1.0 if state.dynamics == "map" else -np.inf)
        if relaxing > 0 and abs(state.drift) > 0.1 * self.length * relaxing:
            return "not slow: the drift outruns the contraction"
        return ""


class _Anderson:
    """Steps of z -> z + f(z) that learn from those before how f changes (Anderson 1965).

    The bordered matrix leaves out that t turns with x, and its steps alone come nearer by a factor that tends to one as
    another mode becomes as slow; that factor lies along few directions, and as many steps tell them.
    """

    def __init__(self) -> None:
        self.z, self.f = list[np.ndarray](), list[np.ndarray]()

    def after(self, z: np.ndarray, f: np.ndarray) -> np.ndarray:
        """The next z."""
        self.z, self.f = [*self.z[-REMEMBERED:], z], [*self.f[-REMEMBERED:], f]
        if len(self.z) == 1:
            return z + f
        by_z, by_f = np.diff(self.z, axis=0).T, np.diff(self.f, axis=0).T
        share, _ = linalg.least_squares(by_f, f)
        learnt = (by_z + by_f) @ share
        return z + f - learnt if np.abs(learnt).max() <= 10 * np.abs(self.f).max() else z + f


class SlowCurve:
    """The map or the flow under one drive, as the corrector sees it."""

    def __init__(self, system: System, u: np.ndarray) -> None:
        self.system, self.u, self.dynamics = at_rest(system), u, dynamics_of(system)
        self.slow_at = 1.0 if self.dynamics == "map" else 0.0  # the eigenvalue of a mode that stands still
        self.eye, self.smooth = np.eye(system.state_size), system.regularity == "smooth"
        self.n_left = 0  # trial steps that a walk may still make
        self.still = STILL / (self.system.pace if isinstance(self.system, AtRest) else 1.0)  # of a drift

    def residual(self, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return velocity(self.system, x, self.u).cpu().numpy()

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        return linear_part(self.system, x, self.u).cpu().numpy()

    def enter(self, x: np.ndarray) -> SlowState | None:
        """The point of a slow curve next to ``x``, or None where the slowest mode turns or no point is found."""
        eigen = linalg.eig(self.jacobian(x)[None])
        values = eigen.values[0]
        if not np.isfinite(values).all():
            return None
        k = int(np.abs(values - self.slow_at).argmin())
        if values[k].imag != 0:
            return None
        t = eigen.right[0][:, k].real
        return self.correct(x, SlowState(x, 0.0, values[k].real, t, eigen.left[0][:, k].real, values))

    def correct(self, x: np.ndarray, guess: SlowState) -> SlowState | None:
        """The point of the curve in the plane through ``x`` across the guess's tangent, or None."""
        n, across, start, turn = len(x), guess.t, x, _Anderson()
        value, t, l, drift = guess.value, guess.t, guess.l, guess.drift
        for _ in range(MAX_CORRECTIONS):
            J = self.jacobian(x)
            pair = linalg.eigenpair(J, value, t, l)
            if pair is None:
                return None
            value, t, l = pair
            t = t if t @ across > 0 else -t
            l = l / (l @ t)
            bordered = np.zeros((n + 1, n + 1))
            bordered[:n, :n], bordered[:n, n], bordered[n, :n] = J - self.slow_at * self.eye, -t, across
            rhs = np.append(drift * t - self.residual(x), across @ (start - x))
            step, usable = linalg.solve(torch.from_numpy(bordered)[None], torch.from_numpy(rhs)[None])
            move = step[0].numpy()
            if not bool(usable[0]) or np.abs(move).max() > LOST * (1 + np.abs(start).max()):
                return None
            if np.abs(move[:n]).max() <= 1e-11 * (1 + np.abs(x).max()):
                return self.settled(x + move[:n], drift + float(move[n]), value, t, l)
            following = turn.after(np.append(x, drift), move)
            x, drift = following[:n], float(following[n])
        return None

    def settled(self, x: np.ndarray, drift: float, value: float, t: np.ndarray, l: np.ndarray) -> SlowState:
        values = eigenvalues(self.jacobian(x), self.dynamics)
        others = np.delete(values, np.abs(values - value).argmin())
        return SlowState(x, drift, value, t, l, others, self.dynamics)

    def root(self, a: SlowState, b: SlowState) -> SlowState | None:
        """The point between two whose drifts have opposite signs at which the drift is zero (Illinois method)."""
        weight_a, weight_b = a.drift, b.drift
        for _ in range(60):
            share = weight_a / (weight_a - weight_b)
            middle = self.correct(a.x + share * (b.x - a.x), a if share < 0.5 else b)
            if middle is None or abs(middle.drift) <= self.still * (1 + np.abs(middle.x).max()):
                return middle
            if middle.drift * b.drift < 0:
                a, b, weight_a, weight_b = middle, b, middle.drift, weight_b / 2
            else:
                a, b, weight_a, weight_b = a, middle, weight_a / 2, middle.drift
        return None

    def walk(self, first: SlowState, bounds: Walls) -> tuple[list[SlowState], str]:
        """The points after ``first``, in the direction of its tangent, and why the walk ended."""
        here, path, short = first, [], 0
        largest = step = bounds.length / STEPS
        self.n_left = 2 * bounds.max_points + len(SHARES)
        while len(path) < bounds.max_points:
            after, reason = self._advance(here, step, largest, bounds)
            if after is None:
                return path, reason
            if len(path) > 2 and _passes(here, after, first):
                return path, CLOSED
            path.append(after)
            made = float(np.linalg.norm(after.x - here.x))
            short = short + 1 if made < TINY * largest else 0
            if short == PATIENCE:
                return path, "only tiny steps follow it: it turns too often, or is about to end"
            step, here = min(largest, 1.5 * made), after
        return path, "max_points was reached"

    def _advance(
        self, here: SlowState, step: float, largest: float, bounds: Walls
    ) -> tuple[SlowState | None, str]:
        """The next point at a step or less, and where the map has kinks also at a few steps; or why there is none."""
        reason = "no next point was found"
        lengths = [share * step for share in (SHARES if self.smooth else SHARES[:4])]
        for length in lengths + [leap * largest for leap in (() if self.smooth else LEAPS)]:
            self.n_left -= 1
            if self.n_left < 0:
                return None, "the budget of 2 max_points trial steps was spent"
            after = self.correct(here.x + length * here.t, here)
            if after is None or not self._follows(here, after, length):
                continue
            objection = bounds.objection(after)
            if not objection:
                return after, ""
            reason = objection
            if length < largest / 16:  # as near to the border as that
                break
        return None, reason

    def _follows(self, here: SlowState, after: SlowState, length: float) -> bool:
        """Is it the next point of the same curve: not far off the predicted one, its tangent turned but little?"""
        off = np.linalg.norm(after.x - here.x - length * here.t)
        return bool(off < 0.5 * length and here.t @ after.t > np.cos(ANGLE if self.smooth else CORNER))


def _passes(before: SlowState, after: SlowState, first: SlowState) -> bool:
    """Does the walk pass its first point again, in the same direction?"""
    chord = after.x - before.x
    along = (first.x - before.x) @ chord / (chord @ chord)
    off = np.linalg.norm(before.x + along * chord - first.x)
    return bool(0 <= along <= 1 and off < 0.25 * np.linalg.norm(chord) and first.t @ after.t > 0)
