"""What a track along a boundary has settled on, made exact: a fixed point, a cycle, or an invariant circle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch import Tensor

from ... import linalg
from ...systems.base import System
from . import circle
from .autonomous import Autonomous
from .classify import circle_object
from .objects import ON_CURVE, Found
from .rotation import rotation_number
from .settings import CycleSettings
from .views import View, view_of

NEAR = 0.02  # distance of what is found from the track, relative to the first distance of the pair
HARMONICS, INVARIANT = (8, 16, 32, 64), 1e-6  # tried; largest residual of a circle
MOST_UNKNOWNS = 5000  # of a circle, which does not attract and so has no cheap Newton's step
FITS = 5  # of the curve and of its rotation number, in turn
N_MULTIPLIERS = 6
OUTSIDE = 1e-6  # a multiplier this far outside the unit circle is unstable
STILL = 1e-6  # length of a step, or of a flow speed, relative to 1 + |x|, of a track that has come to rest


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
    """Whether the last stretch of a track hardly moves; of a flow per unit of time, whatever its steps."""
    x, flow = np.array(track), system.flow()
    steps = np.linalg.norm(np.diff(x, axis=0), axis=1) / (1.0 if flow is None else flow.dt)
    return len(steps) > 0 and float(steps.min()) <= STILL * (1 + float(np.abs(x[-1]).max()))


def polish(
    system: System, u: Tensor, track: np.ndarray, length: float, rng: np.random.Generator
) -> Polished | None:
    """The object near the end of the track, or None; ``length`` is the first distance of the pair."""
    for item in _candidates(view_of(system, u), track, NEAR * length, rng):
        states = item.orbit if item.curve is None else item.curve.on_grid(ON_CURVE)
        distance = float(item.distances(track[-1:])[0]) * (1 + float(np.abs(item.orbit).max()))
        if distance <= NEAR * length:
            return _described(item, states, distance)
    return None


def _candidates(view: View, track: np.ndarray, near: float, rng: np.random.Generator) -> Iterator[Found]:
    """What the second half of a track may have settled on, the simplest first."""
    tail = track[-max(1, len(track) // 2) :]
    point = view.rest(tail, near)
    if point is not None:
        yield point
    if len(track) < 64:
        return
    cycle = view.near(tail)
    if cycle is not None:
        yield cycle
    around = _circle_near(view, tail, rng)
    if around is not None:
        yield view.named(around, CycleSettings(max_harmonics=HARMONICS[-1]))


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
    if item.kind == "limit cycle" and len(values):  # one is that along it
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
