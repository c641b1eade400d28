"""Limit cycles of flows: multiple shooting with the period free.

Unknown are m states on the cycle and the period T: phi(x_i, T / m) = x_(i+1) around the cycle, and one equation that
holds the phase, f(x_0) . (x_0 - x_0 of before) = 0 (Stoer and Bulirsch 2002, sec. 7.3.5; Seydel 2010, sec. 7.2).  The
multipliers are those of the product of the m derivatives of phi; the one along the cycle is 1, which checks them all.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import NamedTuple

import numpy as np
import torch

from ... import linalg
from ...systems.flow import Flow
from . import circle, equilibria, margins, shooting
from .autonomous import Autonomous
from .irregular import RETURNS
from .objects import ON_IT, Found
from .rotation import plane, returns
from .settings import CycleSettings

ACCEPT = 1e-10  # residual of a cycle, relative to its size
LARGE = 64  # units beyond which a cycle is that of the time-dt map: derivatives of a whole turn cost too much
MISSED = 1e-3  # distance from the turn before, relative to the size, of an orbit that may be on a cycle
ROUGH, FINE = 1e-8, 1e-13  # relative error per step of the first integrations, and of the last
ROUNDING = 10 * FINE  # relative error of derivatives along a segment
NEARLY, EXACT = 1e-4, 1e-12  # the gaps, relative to the size, that are small enough
MOST_STEPS = 12
HARMONICS = 64  # most, of a cycle near a track
AGAIN = 1e-8  # share of the largest harmonic below which one does not count when a curve is run through again
MOST_RETURNS = 16  # to the end of an orbit that may be once around


class Loop(NamedTuple):
    """A limit cycle of a flow."""

    states: np.ndarray  # (segment, unit)
    period: float  # in the unit of time of the flow
    residual: float  # largest gap between segments, relative to the size
    derivatives: np.ndarray  # (segment, unit, unit)  of phi along each segment


def around(orbit: np.ndarray) -> tuple[np.ndarray, float] | None:
    """The last turn of an orbit (step, unit), backwards from its end, and how many steps it took; None if it misses.

    Between steps the turn before is a cubic.  An orbit may come near its end before the turn is over: where its
    branches lie close together, as those of a relaxation oscillation do, or where it closes after several rounds only.
    """
    size = float(np.abs(orbit - orbit.mean(0)).max())
    for k in itertools.islice(returns(orbit), MOST_RETURNS):
        if not 4 <= k <= len(orbit) - 2:
            continue
        part, miss = _nearest(orbit[-2 - k :][:4], orbit[-1])
        if miss <= (MISSED + (2 * np.pi / k) ** 4) * size:
            return orbit[-1 - k :], k - part
    return None


def _nearest(four: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Where on the cubic through four states at -1, 0, 1, 2 the state nearest to x is, and how far it is from x."""
    s = 0.0
    cubic = np.linalg.solve(np.vander([-1.0, 0.0, 1.0, 2.0]), four)
    for _ in range(6):
        gap = np.array([s**3, s**2, s, 1.0]) @ cubic - x
        slope = np.array([3 * s**2, 2 * s, 1.0, 0.0]) @ cubic
        s = float(np.clip(s - (gap @ slope) / max(float(slope @ slope), 1e-300), -1, 1))
    return s, float(np.abs(np.array([s**3, s**2, s, 1.0]) @ cubic - x).max())


def shoot(flow: Flow, u: torch.Tensor, x: np.ndarray, period: float) -> Loop | None:
    """Newton's method from states x (segment, unit) about period / m apart; None if it does not converge.

    First with rough integrations, until the gaps are small.
    """
    for rtol, enough in ((ROUGH, NEARLY), (FINE, EXACT)):
        loop, (x, period) = _closed(flow, u, x, period, rtol=rtol, enough=enough)
        if loop is None or not loop.residual <= max(enough, ACCEPT):
            return None
    return loop


def _closed(
    flow: Flow, u: torch.Tensor, x: np.ndarray, period: float, *, rtol: float, enough: float
) -> tuple[Loop | None, tuple[np.ndarray, float]]:
    """Newton's steps as long as they close the gaps: the best loop, and the states and period to go on with."""
    size = float(np.abs(x - x.mean(0)).max()) if len(x) > 1 else 1.0
    best, following = None, (x, period)
    for _ in range(MOST_STEPS):
        x, period = following
        if not 0 < period < np.inf:
            break
        ends = flow.monodromy(x, u, period / len(x), rtol=rtol)
        reached, M = ends.state.cpu().numpy(), ends.matrix.cpu().numpy()
        gap = reached - np.roll(x, -1, axis=0)
        residual = float(np.abs(gap).max()) / size
        if not np.isfinite(M).all() or (best is not None and not residual < best.residual):
            break
        best = Loop(x, period, residual, M)
        velocity = flow.rhs(torch.from_numpy(np.concatenate([reached, x[:1]])), u).cpu().numpy()
        change = _correction(M, gap, velocity)
        if change is None:
            break
        following = x + change[:-1].reshape(x.shape), period + float(change[-1])
        if residual < enough:
            break
    return best, following


def _correction(M: np.ndarray, gap: np.ndarray, velocity: np.ndarray) -> np.ndarray | None:
    """Changes of the states, flat, and of the period, that close the gaps (segment, unit) to first order.

    ``velocity`` (segment + 1, unit): at the ends of the segments, and at the first state.
    """
    m, n = gap.shape
    A = np.zeros((m * n + 1, m * n + 1))
    for i in range(m):
        rows, following = slice(i * n, (i + 1) * n), (i + 1) % m
        A[rows, rows] += M[i]
        A[rows, following * n : (following + 1) * n] -= np.eye(n)
    A[:-1, -1], A[-1, :n] = velocity[:m].ravel() / m, velocity[m]
    rhs = np.append(-gap.ravel(), 0.0)
    step, solved = linalg.solve(torch.from_numpy(A[None]), torch.from_numpy(rhs[None]))
    return step[0].numpy() if bool(solved[0]) else None


def loop_multipliers(loop: Loop) -> tuple[np.ndarray, float, np.ndarray]:
    """All multipliers by falling modulus, how far the trivial one is from 1, and the others."""
    values = shooting.multipliers(loop.derivatives)
    own = int(np.abs(values - 1).argmin())
    return values, float(np.abs(values[own] - 1)), np.delete(values, own)


class OfFlow(Autonomous):
    """A flow under one constant drive: simulated by its steps, looked at in continuous time."""

    dynamics = "flow"

    def __init__(self, flow: Flow, u: torch.Tensor) -> None:
        super().__init__(flow, u)
        assert flow.dt is not None
        self.flow, self.dt = flow, flow.dt
        self.pace = 1 / flow.dt

    def recurrent(self, orbit: np.ndarray, settings: CycleSettings) -> Found | None:
        """The equilibrium or limit cycle that an orbit (step, unit) has arrived at."""
        return equilibria.reached(self.flow, self.u, orbit) or self._loop(orbit, settings.max_harmonics)

    def around(self, x: np.ndarray) -> Found | None:
        """The equilibrium that Newton's method leads to from x (unit,)."""
        return equilibria.led_to(self.flow, self.u, x)

    def _loop(self, orbit: np.ndarray, most: int) -> Found | None:
        found = limit_cycle(self, orbit, most) if self.size <= LARGE else None
        if found is None:
            return None
        late = found.distances(orbit[-1:])[0]
        return found if late <= ON_IT or (found.attracting and late <= RETURNS) else None

    def named(self, found: Found, settings: CycleSettings) -> Found:
        """An invariant circle of the time-dt map as what it is: a limit cycle.

        Of a large flow, and where shooting does not close one (a centre has none to close), it is one to the accuracy
        of that map; how far the flow itself fails to come back after the period is its residual.
        """
        assert found.curve is not None
        if self.size <= LARGE:
            nodes = found.curve.at(np.sign(found.rho) * np.arange(3) / 3)
            loop = shoot(self.flow, self.u, nodes, self.dt / abs(found.rho))
            made = None if loop is None else loop_object(self, loop, settings.max_harmonics)
            if made is not None:
                return made
        per_turn = np.abs(found.multipliers) ** (1 / abs(found.rho))
        period = self.dt / abs(found.rho)
        missed = found.residual if self.size > LARGE else self._missed(found.curve, period)
        return dataclasses.replace(
            found,
            kind="limit cycle",
            period=period,
            residual=missed,
            digits=min(found.digits, -float(np.log10(max(missed, 1e-16)))),
            rho=found.rho / self.dt,
            curve=(found.curve if found.rho > 0 else found.curve.reversed())._replace(rho=abs(found.rho)),
            multipliers=per_turn.astype(complex),
            exponents=found.exponents / self.dt,
        )

    def _missed(self, curve: circle.Curve, period: float) -> float:
        """max |x(period) - x(0)| along the flow, relative to 1 + |x|."""
        x = curve.at(np.zeros(1))[0]
        back = self.flow.integrate(x, self.u, period)[-1].cpu().numpy()
        return float(np.abs(back - x).max() / (1 + np.abs(x).max()))

    def near(self, tail: np.ndarray) -> Found | None:
        """The limit cycle that the end of a track (step, unit) comes back on, stable or not."""
        return limit_cycle(self, tail, HARMONICS)

    def rest(self, tail: np.ndarray, near: float) -> Found | None:
        """The equilibrium within ``near`` of the end of a track."""
        return equilibria.close_to(self.flow, self.u, tail, near)

    def beside(self, orbit: np.ndarray) -> Found | None:
        """The equilibrium near the first state of an orbit that hardly moves from it, stable or not."""
        return equilibria.beside(self.flow, self.u, orbit[0])


def limit_cycle(view: OfFlow, orbit: np.ndarray, most: int, n_segments: int = 3) -> Found | None:
    """The limit cycle that an orbit of the time-dt map has arrived at, or is arriving at."""
    turn = around(orbit)
    if turn is None:
        return None
    path, n_steps = turn
    nodes = path[np.round(np.arange(n_segments) * (len(path) - 1) / n_segments).astype(int)]
    loop = shoot(view.flow, view.u, nodes, n_steps * view.dt)
    if loop is None or not 0.5 < loop.period / (n_steps * view.dt) < 1.5:
        return None
    return loop_object(view, loop, most)


def loop_object(view: OfFlow, loop: Loop, most: int) -> Found | None:
    """All that is said about a limit cycle."""
    values, trivial, others = loop_multipliers(loop)
    x, curve = _curve_of(view, loop, most)
    if not np.isfinite(x).all() or not curve.size > 1e-6 * (1 + float(np.abs(x).max())):
        return None  # Newton's method went to a fixed point
    if _rounds(curve) > 1:
        return None  # its period is a part of this one
    wound = shooting.turns(plane(view, x))
    known = margins.of_cycle(loop.derivatives, others, ROUNDING)
    curve = curve.turned()._replace(rho=view.dt / loop.period)
    with np.errstate(divide="ignore"):
        rates = np.log(np.abs(values)) / loop.period
    return Found(
        kind="limit cycle",
        orbit=curve.at(np.zeros(1)),
        period=loop.period,
        rho=np.nan if wound is None else float(np.copysign(1 / loop.period, wound)),
        residual=loop.residual,
        curve=curve,
        multipliers=values,
        exponents=rates,
        verdict=margins.verdict(np.abs(others) - 1, np.maximum(known, trivial)),
        trivial=trivial,
    )


def _rounds(curve: circle.Curve) -> int:
    """How often a curve runs through the same states: no other harmonics than multiples of that number matter."""
    size = np.abs(curve.c).max(axis=1)
    matter = np.flatnonzero(size > AGAIN * size[1:].max(initial=0.0))
    return int(np.gcd.reduce(matter)) or 1


def _curve_of(view: OfFlow, loop: Loop, most: int) -> tuple[np.ndarray, circle.Curve]:
    """States at equal parts of the period, and the curve through them, with harmonics as long as they matter."""
    n_harmonics = min(32, most)
    while True:
        m = 2 * n_harmonics + 1
        x = view.flow.integrate(loop.states[0], view.u, loop.period, n_steps=m).cpu().numpy()
        curve = circle.from_values(np.roll(x, 1, axis=0), 0.0)
        if curve.tail < 1e-13 or n_harmonics >= most or not np.isfinite(x).all():
            return x, curve
        n_harmonics = min(3 * n_harmonics, most)
