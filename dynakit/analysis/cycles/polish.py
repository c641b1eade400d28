"""What a track along a boundary has settled on, made exact: a fixed point, a cycle, or an invariant circle."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor

from ... import linalg
from ...systems.base import System
from ...systems.flow import Flow
from ..fixed_points import find_fixed_points
from . import circle, shooting
from .autonomous import Autonomous
from .classify import circle_object, cycle_object
from .flow_cycles import limit_cycle
from .objects import ON_CURVE, Found
from .rotation import rotation_number

NEAR = 0.02  # distance of what is found from the track, relative to the first distance of the pair
RETURNS, LONGEST = 1e-3, 32  # a track that comes back this close after so many steps may be on a cycle
HARMONICS, INVARIANT = (8, 16, 32, 64), 1e-6  # tried; largest residual of a circle
MOST_UNKNOWNS = 5000  # of a circle, which does not attract and so has no cheap Newton's step
FITS = 5  # of the curve and of its rotation number, in turn
STARTS, RESTS = 4, 1e-9  # of Newton's method; residual, relative to 1 + |x|, of a point
N_MULTIPLIERS = 6
OUTSIDE = 1e-6  # a multiplier this far outside the unit circle is unstable


class Polished(NamedTuple):
    """What is said about the object."""

    kind: str
    states: np.ndarray  # (point, unit)
    residual: float
    multipliers: np.ndarray
    n_unstable: int
    period: float
    rotation_number: float
    distance: float


def still(system: System, track: list[np.ndarray]) -> bool:
    """Whether the last stretch of a track hardly moves; a slow flow's steps are compared with its own field's."""
    x = np.array(track)
    steps = np.linalg.norm(np.diff(x, axis=0), axis=1)
    per_time = (system.dt or 1.0) if isinstance(system, Flow) else 1.0
    return len(steps) > 0 and float(steps.min()) <= 1e-6 * per_time * (1 + float(np.abs(x[-1]).max()))


def polish(
    system: System, u: Tensor, track: np.ndarray, length: float, rng: np.random.Generator
) -> Polished | None:
    """The object near the end of the track, or None; ``length`` is the first distance of the pair."""
    found = _point(system, u, track, NEAR * length)
    if found is not None or len(track) < 64:
        return found
    flow, tail = Autonomous(system, u), track[len(track) // 2 :]
    makers = [_loop] if isinstance(system, Flow) else []
    for make in (*makers, _cycle, _circle_near):
        item = make(flow, tail, rng)
        if item is None:
            continue
        states = item.orbit if item.curve is None else item.curve.on_grid(ON_CURVE)
        distance = float(item.distances(tail[-1:])[0]) * (1 + float(np.abs(item.orbit).max()))
        if distance <= NEAR * length:
            return _described(item, states, distance)
    return None


def _point(system: System, u: Tensor, track: np.ndarray, near: float) -> Polished | None:
    """A fixed point near the end of the track, from the slowest of the last states."""
    tail = track[-max(1, len(track) // 2) :]
    order = system.speed(tail, u).cpu().numpy().argsort(kind="stable")
    points = find_fixed_points(system, tail[order[:STARTS]], u, max_starts=STARTS)
    x = np.concatenate([points.states, tail[order[:1]]])  # on a ring of points Newton's method may fail
    residuals = np.abs(system.step(x, u).cpu().numpy() - x).max(axis=1)
    gaps = np.linalg.norm(x - tail[-1], axis=1)
    good = (gaps <= near) & (residuals <= RESTS * (1 + np.abs(x).max(axis=1)))
    if not good.any():
        return None
    rank = np.where(good, gaps, np.inf)
    rank[-1] = near if good[-1] else np.inf  # a state of the track itself only where Newton's method found nothing
    k = int(np.argmin(rank))
    values = linalg.eigvals(system.jacobian(x[k], u).cpu().numpy())
    outside = int((np.abs(values) > 1 + OUTSIDE).sum()) if np.isfinite(values).all() else -1
    return Polished("fixed point", x[[k]], float(residuals[k]), values, outside, 1.0, np.nan, float(gaps[k]))


def _loop(flow: Autonomous, tail: np.ndarray, rng: np.random.Generator) -> Found | None:
    return limit_cycle(flow, tail, HARMONICS[-1])


def _cycle(flow: Autonomous, tail: np.ndarray, rng: np.random.Generator) -> Found | None:
    """A cycle of the map that the end of the track comes back on."""
    if isinstance(flow.system, Flow):
        return None
    away = np.abs(tail[-1 - LONGEST : -1] - tail[-1]).max(axis=1)[::-1]
    for q in np.flatnonzero(away <= RETURNS * (1 + np.abs(tail[-1]).max())) + 1:
        closed = shooting.close(flow, tail[-q - 1 : -1])
        if closed is not None:
            return cycle_object(flow, shooting.minimal(flow, closed))
    return None


def _circle_near(flow: Autonomous, tail: np.ndarray, rng: np.random.Generator) -> Found | None:
    """The invariant circle that the end of the track runs along."""
    firsts, digits = [], 0.0
    for n in (len(tail), len(tail) // 2):  # the later, the nearer to it; the longer, the more turns
        rho, known = rotation_number(flow, tail[-n:])
        if np.isfinite(rho) and rho != 0:
            firsts += [_fitted(tail[-n:], rho, m) for m in HARMONICS if 8 * m <= n]
            digits = max(digits, known)
    if not firsts:
        return None
    first = min(firsts, key=lambda curve: circle.invariance(flow, curve))
    curve, residual = circle.refine(flow, first, HARMONICS[-1], largest=MOST_UNKNOWNS)
    if not residual <= INVARIANT:
        return None
    return circle_object(flow, curve, residual, digits, min(N_MULTIPLIERS, flow.size), rng)


def _fitted(tail: np.ndarray, rho: float, n_harmonics: int) -> circle.Curve:
    """The curve u and the rho for which u(n rho) is nearest to the track, by least squares in turn.

    A track is too short for weighted averages, whose window costs them most of it.
    """
    n, k = np.arange(len(tail)), 2 * np.pi * np.arange(1, n_harmonics + 1)
    a = np.zeros((2 * n_harmonics + 1, tail.shape[1]))
    for _ in range(FITS):
        angles = rho * np.outer(n, k)
        cos, sin = np.cos(angles), np.sin(angles)
        A = np.concatenate([np.ones((len(n), 1)), cos, sin], axis=1)
        a, _ = linalg.least_squares(A, tail)
        slope = np.concatenate([0 * A[:, :1], -k * sin, k * cos], axis=1) @ a
        along = slope * (n - n.mean())[:, None]
        rho += float(((tail - A @ a) * along).sum() / max(float((along**2).sum()), 1e-300))
    c = (a[1 : n_harmonics + 1] - 1j * a[n_harmonics + 1 :]) / 2
    return circle.Curve(np.concatenate([a[:1].astype(complex), c]), rho)


def _described(item: Found, states: np.ndarray, distance: float) -> Polished:
    values = item.multipliers
    across = values[1:] if item.kind == "invariant circle" else values
    if item.kind == "periodic" and item.curve is not None and len(values):  # a flow's: one is that along it
        across = np.delete(values, int(np.abs(values - 1).argmin()))
    known = len(values) > 0 and bool(np.isfinite(values).all())
    outside = int((np.abs(across) > 1 + OUTSIDE).sum()) if known else -1
    return Polished(
        item.kind,
        states,
        float(item.residual),
        values,
        outside,
        float(item.period),
        float(item.rho),
        distance,
    )
