"""Limit cycles of flows: multiple shooting with the period free.

Unknown are m states on the cycle and the period T: phi(x_i, T / m) = x_(i+1) around the cycle, and one equation that
holds
the phase, f(x_0) . (x_0 - x_0 of before) = 0 (Stoer and Bulirsch 2002, sec. 7.3.5; Seydel 2010, sec. 7.2).  The
multipliers are those of the product of the m derivatives of phi; the one along the cycle is 1, which checks them all.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import torch

from .. import linalg
from ..systems.flow import Flow
from . import _birkhoff, _circle, _shooting
from ._autonomous import Autonomous
from ._objects import Found, verdict
from ._rotation import plane

ACCEPT = 1e-10  # residual of a cycle, relative to its size
LARGE = (
    64  # units beyond which a cycle is that of the time-dt map: the derivatives of a whole turn cost too much
)
BACK = 0.05  # distance, relative to the size, of a state that may have gone around once


class Loop(NamedTuple):
    """A limit cycle of a flow."""

    states: np.ndarray  # (segment, unit)
    period: float  # in the unit of time of the flow
    residual: float  # largest gap between segments, relative to the size
    derivatives: np.ndarray  # (segment, unit, unit)  of phi along each segment


def around(orbit: np.ndarray) -> tuple[np.ndarray, float] | None:
    """The last turn of an orbit (step, unit), backwards from its end, and how many steps it took."""
    size = float(np.abs(orbit - orbit.mean(0)).max())
    away = np.abs(orbit[::-1] - orbit[-1]).max(axis=1)
    gone = np.flatnonzero(away > 0.2 * size)
    if not len(gone):
        return None
    returned = np.flatnonzero(away[gone[0] :] < BACK * size) + gone[0]
    if not len(returned):
        return None
    run = np.split(returned, np.flatnonzero(np.diff(returned) > 1) + 1)[0]
    k = int(run[away[run].argmin()])
    toward = orbit[-k] - orbit[-k - 1] if k > 1 else orbit[-1] - orbit[-2]
    lead = float((orbit[-1] - orbit[-1 - k]) @ toward / max(float(toward @ toward), 1e-300))
    return orbit[-1 - k :], k - float(np.clip(lead, -1, 1))


def shoot(flow: Flow, u: torch.Tensor, x: np.ndarray, period: float, max_steps: int = 20) -> Loop | None:
    """Newton's method from states x (segment, unit) about period / m apart; None if it does not converge."""
    m, n = x.shape
    size = float(np.abs(x - x.mean(0)).max()) if m > 1 else 1.0
    best: Loop | None = None
    for _ in range(max_steps):
        if not 0 < period < np.inf:
            break
        rough = best is None or best.residual > 1e-4
        ends = flow.monodromy(x, u, period / m, rtol=1e-8 if rough else 1e-13)
        reached, M = ends.state.cpu().numpy(), ends.matrix.cpu().numpy()
        gap = reached - np.roll(x, -1, axis=0)
        residual = float(np.abs(gap).max()) / size
        if not np.isfinite(M).all() or (best is not None and not residual < best.residual):
            break
        best = Loop(x, period, residual, M)
        if not rough and residual < 1e-13:
            break
        velocity = flow.rhs(torch.from_numpy(np.concatenate([reached, x[:1]])), u).cpu().numpy()
        A = np.zeros((m * n + 1, m * n + 1))
        for i in range(m):
            rows = slice(i * n, (i + 1) * n)
            A[rows, rows] += M[i]
            j = (i + 1) % m
            A[rows, j * n : (j + 1) * n] -= np.eye(n)
        A[:-1, -1], A[-1, :n] = velocity[:m].ravel() / m, velocity[m]
        rhs = np.append(-gap.ravel(), 0.0)
        step, solved = linalg.solve(torch.from_numpy(A[None]), torch.from_numpy(rhs[None]))
        if not bool(solved[0]):
            break
        change = step[0].numpy()
        x, period = x + change[:-1].reshape(m, n), period + float(change[-1])
    return best if best is not None and best.residual <= ACCEPT else None


def loop_multipliers(loop: Loop) -> tuple[np.ndarray, float, np.ndarray]:
    """All multipliers by falling modulus, how far the trivial one is from 1, and the others."""
    values = _shooting.multipliers(loop.derivatives)
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
    n_harmonics = min(32, most)
    while True:
        m = 2 * n_harmonics + 1
        x = system.integrate(loop.states[0], flow.u, loop.period, n_steps=m).cpu().numpy()
        curve = _circle.from_values(np.roll(x, 1, axis=0), 0.0)
        if curve.tail < 1e-13 or n_harmonics >= most:
            break
        n_harmonics = min(2 * n_harmonics, most)
    if not np.isfinite(x).all() or not curve.size > 1e-6 * (1 + float(np.abs(x).max())):
        return None  # Newton's method went to a fixed point
    wound = _shooting.turns(plane(flow, x))
    rho = _birkhoff.wrapped((system.dt or 1.0) / loop.period)
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


def as_loop(found: Found, dt: float | None) -> Found:
    """An invariant circle of the time-dt map of a flow as what it is: a limit cycle, to the accuracy of that map."""
    per_turn = np.abs(found.multipliers) ** (1 / abs(found.rho))
    time = dt or 1.0
    return dataclasses.replace(
        found,
        kind="periodic",
        period=time / abs(found.rho),
        multipliers=per_turn.astype(complex),
        exponents=found.exponents / time,
    )
