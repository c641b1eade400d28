"""Bringing states onto a slow set: the fast modes carry nothing of the motion there.

With the projector P on the span of the d slow modes, x <- x - A^-1 (1 - P)(F(x) - x), A = (J - 1)(1 - P) + P, which is
J - 1 among the fast modes and regular where that is not; at its limit l_j.(F(x) - x) = 0 for every fast left mode l_j
(Maas and Pope 1992, for d dimensions).  It misses the invariant set by the drift times the curvature.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ... import linalg
from ...systems.base import System
from ...systems.rest import dynamics_of, linear_part, velocity

ROUNDS = 8
DONE = 1e-10  # of a step, relative to 1 + |x|
FAR = 0.5  # of the extent of the states, which one correction must not exceed
BYTES = 64 * 2**20
FLOOR = 1e-9  # of the fastest rate


class Slowest(NamedTuple):
    """Eigenvalues at states, slowest first, and the projectors on the slow ones."""

    J: np.ndarray  # (state, unit, unit)
    values: np.ndarray  # (state, unit)
    slow: np.ndarray  # (state, unit, unit)


def modes_at(system: System, u: np.ndarray, x: np.ndarray, d: int) -> Slowest:
    """Of the ``d`` slow modes at each of the states."""
    still = float(dynamics_of(system) == "map")
    J = linear_part(system, torch.from_numpy(x), u).cpu().numpy()
    found = linalg.eig(J)
    order = np.abs(found.values - still).argsort(axis=1)
    right = np.take_along_axis(found.right, order[:, None, :d], axis=2)
    left = np.take_along_axis(found.left, order[:, None, :d], axis=2)
    slow = np.einsum("sik,sjk->sij", right, left.conj()).real
    return Slowest(J, np.take_along_axis(found.values, order, axis=1), slow)


def onto(system: System, u: np.ndarray, states: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray]:
    """States (state, unit) on the slow set next to those given, and the eigenvalues there, slowest first.

    A state whose corrections lead away, or whose modes are not known, is left out.
    """
    extent = float(np.ptp(states, axis=0).max(initial=0.0)) or 1.0
    parts = max(1, len(states) * states.shape[1] ** 2 * 80 // BYTES)
    found = [_brought(system, u, x, d, FAR * extent) for x in np.array_split(states, parts) if len(x)]
    return np.concatenate([x for x, _ in found]), np.concatenate([values for _, values in found])


def _brought(
    system: System, u: np.ndarray, x: np.ndarray, d: int, far: float
) -> tuple[np.ndarray, np.ndarray]:
    still, eye = float(dynamics_of(system) == "map"), np.eye(x.shape[1])
    modes = modes_at(system, u, x, d)
    for _ in range(ROUNDS):
        v = velocity(system, torch.from_numpy(x), u).cpu().numpy()
        fast = v - np.einsum("sij,sj->si", modes.slow, v)
        A = (modes.J - still * eye) @ (eye - modes.slow) + modes.slow
        step, usable = linalg.solve(torch.from_numpy(A), torch.from_numpy(fast))
        kept = usable.numpy() & (np.linalg.norm(step.numpy(), axis=1) <= far)
        x, moved = x[kept] - step.numpy()[kept], step.numpy()[kept]
        modes = modes_at(system, u, x, d)
        if np.abs(moved).max(initial=0.0) <= DONE * (1 + np.abs(x).max(initial=0.0)):
            break
    known = np.isfinite(modes.values).all(axis=1) & np.isfinite(x).all(axis=1)
    return x[known], modes.values[known]


def gaps(values: np.ndarray, d: int, dynamics: str) -> np.ndarray:
    """Rate of the first fast mode over that of the last slow one, from eigenvalues (state, unit), slowest first."""
    rates = np.abs(values - float(dynamics == "map"))
    rates = np.maximum(rates, FLOOR * rates.max(axis=1, keepdims=True))
    if d >= rates.shape[1]:
        return np.full(len(rates), np.inf)
    return rates[:, d] / rates[:, d - 1] if d else np.full(len(rates), np.inf)
