"""Limit cycles of flows: multiple shooting with the period free.

Unknown are m states on the cycle and the period T: phi(x_i, T / m) = x_(i+1) around the cycle, and one equation that
holds the phase, f(x_0) . (x_0 - x_0 of before) = 0 (Stoer and Bulirsch 2002, sec. 7.3.5; Seydel 2010, sec. 7.2).  The
multipliers are those of the product of the m derivatives of phi; the one along the cycle is 1, which checks them all.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import torch

from ... import linalg
from ...systems.flow import Flow
from ..exponents import birkhoff
from . import circle, shooting
from .autonomous import Autonomous
from .objects import Found, verdict
from .rotation import last_turn, plane

ACCEPT = 1e-10  # residual of a cycle, relative to its size
LARGE = 64  # units beyond which a cycle is that of the time-dt map: derivatives of a whole turn cost too much
MISSED = 1e-3  # distance from the turn before, relative to the size, of an orbit that may be on a cycle
ROUGH, FINE = 1e-8, 1e-13  # relative error per step of the first integrations, and of the last
NEARLY, EXACT = 1e-4, 1e-12  # the gaps, relative to the size, that are small enough
MOST_STEPS = 12


class Loop(NamedTuple):
    """A limit cycle of a flow."""

    states: np.ndarray  # (segment, unit)
    period: float  # in the unit of time of the flow
    residual: float  # largest gap between segments, relative to the size
    derivatives: np.ndarray  # (segment, unit, unit)  of phi along each segment


def around(orbit: np.ndarray) -> tuple[np.ndarray, float] | None:
    """The last turn of an orbit (step, unit), backwards from its end, and how many steps it took; None if it misses.

    Between steps the turn before is a cubic.
    """
    size = float(np.abs(orbit - orbit.mean(0)).max())
    k = last_turn(orbit)
    if k is None or not 4 <= k <= len(orbit) - 2:
        return None
    part, miss = _nearest(orbit[-2 - k :][:4], orbit[-1])
    if miss > (MISSED + (2 * np.pi / k) ** 4) * size:
        return None
    return orbit[-1 - k :], k - part


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


def limit_cycle(flow: Autonomous, orbit: np.ndarray, most: int, n_segments: int = 3) -> Found | None:
    """The limit cycle that an orbit of the time-dt map has arrived at, or is arriving at."""
    system = flow.system
    turn = around(orbit)
    if turn is None or not isinstance(system, Flow):
        return None
    path, n_steps = turn
    nodes = path[np.round(np.arange(n_segments) * (len(path) - 1) / n_segments).astype(int)]
    dt = float(system.dt or 1.0)
    loop = shoot(system, flow.u, nodes, n_steps * dt)
    if loop is None or not 0.5 < loop.period / (n_steps * dt) < 1.5:
        return None
    return loop_object(flow, loop, most)


def loop_object(flow: Autonomous, loop: Loop, most: int) -> Found | None:
    """All that is said about a limit cycle."""
    system = flow.system
    assert isinstance(system, Flow)
    values, trivial, others = loop_multipliers(loop)
    x, curve = _curve_of(flow, loop, most)
    if not np.isfinite(x).all() or not curve.size > 1e-6 * (1 + float(np.abs(x).max())):
        return None  # Newton's method went to a fixed point
    wound = shooting.turns(plane(flow, x))
    rho = birkhoff.wrapped((system.dt or 1.0) / loop.period)
    curve = curve.turned()._replace(rho=rho)
    with np.errstate(divide="ignore"):
        rates = np.log(np.abs(values)) / loop.period
    return Found(
        kind="periodic",
        orbit=curve.at(np.zeros(1)),
        period=loop.period,
        rho=np.nan if wound is None else float(np.copysign(rho, wound)),
        residual=loop.residual,
        curve=curve,
        multipliers=values,
        exponents=rates,
        verdict=verdict(others),
        trivial=trivial,
    )


def as_loop(flow: Autonomous, found: Found, most: int) -> Found:
    """An invariant circle of the time-dt map of a flow as what it is: a limit cycle.

    Of a large flow it is one to the accuracy of that map.
    """
    system, time = flow.system, flow.system.dt or 1.0
    period = time / abs(found.rho)
    if flow.size <= LARGE and isinstance(system, Flow) and found.curve is not None:
        loop = shoot(system, flow.u, found.curve.at(np.sign(found.rho) * np.arange(3) / 3), period)
        made = None if loop is None else loop_object(flow, loop, most)
        if made is not None:
            return made
    per_turn = np.abs(found.multipliers) ** (1 / abs(found.rho))
    return dataclasses.replace(
        found,
        kind="periodic",
        period=period,
        multipliers=per_turn.astype(complex),
        exponents=found.exponents / time,
    )


def _curve_of(flow: Autonomous, loop: Loop, most: int) -> tuple[np.ndarray, circle.Curve]:
    """States at equal parts of the period, and the curve through them, with harmonics as long as they matter."""
    system, n_harmonics = flow.system, min(32, most)
    assert isinstance(system, Flow)
    while True:
        m = 2 * n_harmonics + 1
        x = system.integrate(loop.states[0], flow.u, loop.period, n_steps=m).cpu().numpy()
        curve = circle.from_values(np.roll(x, 1, axis=0), 0.0)
        if curve.tail < 1e-13 or n_harmonics >= most or not np.isfinite(x).all():
            return x, curve
        n_harmonics = min(3 * n_harmonics, most)
