"""Slow manifolds: approximate line and ring attractors as ordered curves, and what moves the state along them.

A trained network seldom has a line of fixed points; it has a curve on which it moves slowly and onto which it falls
quickly (Mante et al. 2013; Sagodi et al. 2024).  Here that curve is the set of states at which the motion is all along
the slow mode, F(x, u) - x = drift t (Maas and Pope 1992): it holds every fixed point whose slowest mode is real, and at
each point the drift, the right eigenvector t (its tangent), the left eigenvector l (l.t = 1) and how much faster all
other modes are.

The left eigenvector is the selection vector of Mante et al. (2013): whatever an input does, what remains of it
once the other modes have died out is the part along t, so that an input du moves the state by l.(dF/du) du.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist

from ... import linalg, seeding
from ...checks import count, number
from ...errors import InputError, NumericalError
from ...provenance import with_provenance
from ...systems.base import System, checked
from ...systems.rest import input_part
from .dimension import Witnesses, most_states, witnesses
from .rings import closed_ring
from .slow_curve import CLOSED, SlowCurve, SlowState, Walls
from .slow_manifold import SlowManifold

N_SEEDS = 12  # starts from which a curve is looked for
RELAX = (0, 10, 100)  # steps after which each is tried
BY_SADDLES = "closed by the unstable manifolds of its saddles"


@with_provenance
def trace_slow_manifold(
    system: System,
    starts: Any,
    drive: Any = None,
    *,
    separation: float = 2.0,
    max_points: int = 400,
    seed: Any = 0,
) -> SlowManifold:
    """Trace the slow curve next to the states a network visits.

    Arguments:
        system: the map or the flow.
        starts: states the network visits: (unit,), (start, unit), trajectories (trial, time, unit), or a result with
            ``states`` such as FixedPoints.  The curve is looked for near them and followed as far as they reach.
        drive: the constant input, (input,); None is zero input.
        separation: how many times slower than every other mode the slow one must be.
        max_points: most points either way; at most twice as many steps are tried for them.
        seed: of the sub-sampling of the starts.

    From the start (or what it relaxes to) at which one real mode is slowest against all others, the curve is followed
    both ways until it closes on itself, leaves the range of the starts (widened by a tenth), or stops being
    slow: the time scales are no longer apart, or the drift outruns the contraction; or until 25 points in a row lie
    closer than 1/64 of a usual step, or the steps to be tried are spent.  ``ends`` says which.
    A curve that stays open, and misses most settled starts or turns by a right angle while its drift changes its sign,
    is closed where the unstable manifolds of saddles lead around: ``ends`` says so, and its points then lie on these.

    Before that, the dimension of what is slow is asked of two witnesses, the rates of the modes at settled starts and
    the cloud of these (the module ``dimension``): through a torus, a sphere or a plane no curve is drawn.

    Returns:
        SlowManifold.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.
        NumericalError: if what is slow near the starts is of more than one dimension, or the witnesses disagree; or if
            no slow curve passes near any of them.

    >>> import dynakit as dk, numpy as np
    >>> line = dk.catalog.linear([[0.75, 0.25], [0.25, 0.75]])  # every x = y is a fixed point
    >>> manifold = dk.trace_slow_manifold(line, [[-1.0, -1.0], [1.0, 1.0]])
    >>> manifold.closed, abs(manifold.right[0]).round(3).tolist(), float(abs(manifold.drift).max()) < 1e-15
    (False, [0.707, 0.707], True)
    """
    checked(system).refuse_jumps("a slow manifold")
    separation = number("separation", separation, above=1.0)
    max_points = count("max_points", max_points, least=2)
    states = system.as_states("starts", starts)
    u = system.as_drive("drive", drive)
    if u.ndim != 1:
        raise InputError(f"drive must be one vector (input,), got shape {tuple(u.shape)}")
    known = states.reshape(-1, system.state_size)
    known = known[torch.isfinite(known).all(-1)]
    if not len(known):
        raise InputError(f"starts must hold at least one finite state, got shape {tuple(states.shape)}")
    with linalg.one_thread(), torch.no_grad():
        curve = SlowCurve(system, u.cpu().numpy())
        bounds = _bounds(known.cpu().numpy(), separation, max_points)
        asked = _asked(curve, known, separation, seeding.stream(seed, "slow dimension"))
        settled = asked.states
        if asked.objection():
            ring = closed_ring(curve, settled, (bounds.lo, bounds.hi)) if asked.one_slow_mode else []
            if not ring:
                raise NumericalError(
                    f"{asked.objection()}: no single curve is drawn through it; "
                    "dk.find_slow_manifold takes any dimension"
                )
            return _collect(curve, ring, True, (BY_SADDLES, BY_SADDLES), settled)
        first = _entrance(curve, known, bounds, seeding.stream(seed, "slow manifold"))
        path, closed, ends = _both_ways(curve, first, bounds)
        if not closed and (_turns_back(path) or _misses(path, settled)):
            ring = closed_ring(curve, settled, (bounds.lo, bounds.hi))
            path, closed, ends = (ring, True, (BY_SADDLES, BY_SADDLES)) if ring else (path, closed, ends)
        return _collect(curve, path, closed, ends, settled)


def _turns_back(path: list[SlowState]) -> bool:
    """Does the drift have both signs, so that points stand still on the curve, and does it turn by a right angle?"""
    drift = np.array([s.drift for s in path])
    return bool(drift.min() < 0 < drift.max() and any(path[0].t @ s.t < 0 for s in path))


def _misses(path: list[SlowState], settled: np.ndarray) -> bool:
    """Do most settled states lie beside the curve?"""
    x, t = np.array([s.x for s in path]), np.array([s.t for s in path])
    return 2 * _beside(x, _arcs(x, t, False), settled) > len(settled)


def _asked(curve: SlowCurve, known: torch.Tensor, separation: float, rng: np.random.Generator) -> Witnesses:
    """What the witnesses of dimension say at some of the starts, settled."""
    rows = rng.permutation(len(known))[: most_states(known.shape[1])]
    return witnesses(curve.system, curve.u, known[torch.from_numpy(rows)].cpu().numpy(), separation)


def _bounds(states: np.ndarray, separation: float, max_points: int) -> Walls:
    """The range of the starts, wider by a tenth of its widest side; around a single state, its own size."""
    lo, hi = states.min(axis=0), states.max(axis=0)
    width = float((hi - lo).max())
    if width <= 1e-9 * (1 + np.abs(states).max()):
        reach = 1 + np.abs(states).max()
        return Walls(lo - reach, hi + reach, 2 * reach, separation, max_points)
    length = 2 * float(np.linalg.norm(states - states.mean(axis=0), axis=1).max())
    return Walls(lo - 0.1 * width, hi + 0.1 * width, length, separation, max_points)


def _entrance(curve: SlowCurve, known: torch.Tensor, bounds: Walls, rng: np.random.Generator) -> SlowState:
    """The point of a slow curve with the clearest separation of time scales among those near the starts."""
    rows = rng.permutation(len(known))[:N_SEEDS]
    x, found, waited = known[torch.from_numpy(rows)], [], 0
    for steps in RELAX:
        x, waited = curve.system.settle(x, curve.u, steps - waited), steps
        near = [curve.enter(z) for z in x.cpu().numpy()]
        found += [s for s in near if s is not None and not bounds.objection(s)]
    if not found:
        raise NumericalError(
            f"no slow curve passes near the {len(rows)} starts that were tried: at none is a single real mode "
            f"{bounds.separation:g} times slower than all others; see dk.linearize for the modes there"
        )
    return max(found, key=lambda s: (min(s.separation, 1e3), -abs(s.drift)))


def _both_ways(
    curve: SlowCurve, first: SlowState, bounds: Walls
) -> tuple[list[SlowState], bool, tuple[str, str]]:
    """The ordered points, whether they close, and why the curve stops at either end."""
    forward, at_end = curve.walk(first, bounds)
    if at_end == CLOSED:
        return [first, *forward], True, (CLOSED, CLOSED)
    backward, at_start = curve.walk(first.turned(), bounds)
    return [*(s.turned() for s in reversed(backward)), first, *forward], False, (at_start, at_end)


def _collect(
    curve: SlowCurve, path: list[SlowState], closed: bool, ends: tuple[str, str], settled: np.ndarray
) -> SlowManifold:
    x, t, l = (np.array([getattr(s, name) for s in path]) for name in ("x", "t", "l"))
    drift = np.array([s.drift for s in path])
    pieces = _arcs(x, t, closed)
    arclengths = np.concatenate([[0.0], np.cumsum(pieces)])[: len(path)]
    crossings = _crossings(curve, path, arclengths, pieces)
    u = np.broadcast_to(curve.u, (len(x), curve.u.size))
    by_input = input_part(curve.system, x, u).cpu().numpy()
    return SlowManifold(
        states=x,
        arclengths=arclengths,
        drift=drift,
        eigenvalues=np.array([s.value for s in path]),
        transverse=np.array([s.others for s in path]),
        right=t,
        left=l,
        selection=np.einsum("pn,pni->pi", l, by_input),
        drive=curve.u,
        closed=closed,
        length=float(pieces.sum()),
        fixed_points=np.array([c[0] for c in crossings]).reshape(-1, x.shape[1]),
        fixed_arclengths=np.array([c[1] for c in crossings], float),
        fixed_holds=np.array([c[2] for c in crossings], bool),
        ends=ends,
        n_settled=len(settled),
        n_beside=_beside(x, pieces, settled),
        dynamics=curve.dynamics,
        step=1.0 if curve.dynamics == "map" else float(curve.system.dt or 1.0),
        dt=curve.system.dt_ms,
    )


def _beside(x: np.ndarray, pieces: np.ndarray, settled: np.ndarray) -> int:
    """How many settled states are farther from the points of the curve than these are from each other."""
    spacing = max(float(pieces.max(initial=0.0)), 1e-6 * (1 + float(np.abs(x).max())))
    return int((cdist(settled, x).min(axis=1, initial=np.inf) > spacing).sum())


def _arcs(x: np.ndarray, t: np.ndarray, closed: bool) -> np.ndarray:
    """Length of the circular arc from each point to the next, from its chord and the angle between its tangents."""
    after = np.roll(x, -1, axis=0), np.roll(t, -1, axis=0)
    chords = np.linalg.norm(after[0] - x, axis=1)
    half = np.arccos(np.clip((t * after[1]).sum(axis=1), -1, 1)) / 2
    arcs = chords / np.sinc(half / np.pi)
    return arcs if closed else arcs[:-1]


def _crossings(
    curve: SlowCurve, path: list[SlowState], arclengths: np.ndarray, pieces: np.ndarray
) -> list[tuple[np.ndarray, float, bool]]:
    """Isolated fixed points on the curve: state, arclength, and whether the drift points towards it.

    ``pieces`` are as many as the points on a ring, one fewer on a line.
    """
    n, closed, found = len(path), len(pieces) == len(path), []
    drift = np.array([s.drift for s in path])
    still = np.array([abs(s.drift) <= curve.still * (1 + np.abs(s.x).max()) for s in path])
    for k in range(len(pieces)):
        j = (k + 1) % n
        if drift[k] * drift[j] < 0 and not (still[k] or still[j]):
            root = curve.root(path[k], path[j])
            if root is not None:
                along = arclengths[k] + (root.x - path[k].x) @ path[k].t
                found.append((root.x, along, bool(drift[k] > 0)))
    for k in np.flatnonzero(still):
        before, after = (k - 1, (k + 1) % n) if closed else (max(k - 1, 0), min(k + 1, n - 1))
        if drift[before] * drift[after] < 0 and not (still[before] or still[after]):
            found.append((path[k].x, arclengths[k], bool(drift[before] > 0)))
    return sorted(found, key=lambda c: c[1])
