"""Following a curve G(z) = 0 of one dimension: predict along the tangent, correct by Newton's method.

The corrector solves G(z) = 0 together with t . (z - p) = 0, p = z_0 + h t the prediction, whose matrix stays regular
where the branch turns back in its parameter (Keller 1977).  A step counts only if it is short for what
the curve does: Newton's corrections contract from the first, the tangent turns little, and the chord keeps the
middle between the two tangents, as that of one smooth curve does to third order; a step onto a neighbouring branch
does not.  Otherwise it is halved.  At a kink of a piecewise-linear map the curve has a corner, on which no step
length helps: the corner is found, and the branch goes on along the tangent of the piece behind it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ... import linalg
from ..linearization import beyond
from .family import OneParameter

FIRST, LONGEST, SHORTEST = 1e-2, 5e-2, 1e-9  # steps along the curve, in units of z
TURN = 0.25  # most the tangent turns in a step, radians
SETTLED = 1e-8  # after a correction this short the next would be rounding, and dG/dz is known to this much
ACCEPT = 1e-10  # a corrected residual, relative to the states
FAR = 1e3  # where |x| is so many times the scale of the starting points, the branch has left


class Node(NamedTuple):
    """A point of a branch."""

    z: np.ndarray  # (unit + 1,)
    tangent: np.ndarray  # (unit + 1,)  of length 1
    side: int  # sign of det [dG/dz; tangent]: changes at branch points only
    values: np.ndarray  # (unit,)  eigenvalues of dF/dx, of a flow df/dx, those nearest to instability first
    leg: int
    n_beyond: int  # eigenvalues beyond the line of stability


class Corrected(NamedTuple):
    """Where Newton's method ended."""

    z: np.ndarray
    matrix: np.ndarray  # dG/dz there
    first: float  # length of the first correction
    contraction: float  # second over first


def correct(
    curve: OneParameter, leg: int, guess: np.ndarray, normal: np.ndarray, most: int = 10
) -> Corrected | None:
    """The solution of G(z) = 0, normal . (z - guess) = 0 next to ``guess``; None if Newton finds none."""
    z, lengths = guess, []
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    matrix = np.empty((0, 0))
    for _ in range(most):
        r = curve.residual(z, leg)
        if not np.isfinite(r).all():
            return None
        size = float(np.abs(r).max())
        done = bool(lengths) and lengths[-1] <= SETTLED * (1 + float(np.linalg.norm(z)))
        if not done:
            matrix = curve.matrix(z, leg)
        if best is not None and size >= best[0] and len(lengths) > 2:  # rounding is all that is left
            break
        best = (size, z, matrix) if best is None or size <= best[0] else best
        if done:
            break
        p = linalg.solve_one(np.vstack([matrix, normal]), -np.append(r, normal @ (z - guess)))
        if p is None:
            break
        lengths.append(float(np.linalg.norm(p)))
        z = z + p
    assert best is not None
    size, z, matrix = best
    if size > ACCEPT * (1 + curve.c * np.abs(z[:-1]).max()):
        return None
    first = lengths[0] if lengths else 0.0
    # below this, a second correction is rounding and says nothing about convergence
    contraction = lengths[1] / first if len(lengths) > 1 and first > 1e-7 else 0.0
    return Corrected(z, matrix, first, contraction)


def tangent_at(curve: OneParameter, found: Corrected, before: np.ndarray) -> np.ndarray | None:
    """The tangent of length 1 on the side of the vector ``before``; None at a singular point."""
    e = np.zeros(curve.n + 1)
    e[-1] = 1.0
    t = linalg.solve_one(np.vstack([found.matrix, before]), e)
    return None if t is None else t / np.linalg.norm(t)


def node_at(curve: OneParameter, leg: int, found: Corrected, before: np.ndarray) -> Node | None:
    """The node at a corrected point, its tangent on the side of ``before``; None at a singular point."""
    tangent = tangent_at(curve, found, before)
    return None if tangent is None else make_node(curve, leg, found, tangent)


def make_node(
    curve: OneParameter, leg: int, found: Corrected, tangent: np.ndarray, side_of: float = 0.0
) -> Node:
    """The node at a corrected point with a known tangent; at a kink, eigenvalues are those ``side_of`` along it."""
    bordered = torch.from_numpy(np.vstack([found.matrix, tangent]))[None]
    side = int(linalg.sign_det(bordered)[0])
    values = curve.eigenvalues(found.z + side_of * tangent, leg)
    return Node(found.z, tangent, side, values, leg, int((beyond(values, curve.dynamics) > 0).sum()))


def correct_at(curve: OneParameter, leg: int, guess: np.ndarray) -> Corrected | None:
    """:func:`correct` with the parameter of the guess, exactly."""
    normal = np.zeros(curve.n + 1)
    normal[-1] = 1.0
    found = correct(curve, leg, guess, normal, most=20)
    return None if found is None else found._replace(z=np.append(found.z[:-1], guess[-1]))


def first_node(curve: OneParameter, leg: int, z: np.ndarray, most_moved: float) -> Node | None:
    """The node at a given fixed point, its tangent towards higher nu; None if there is no fixed point."""
    found = correct_at(curve, leg, z)
    if found is None or np.linalg.norm(found.z - z) > most_moved:
        return None
    # of a matrix with one column more than rows, the last right singular vector spans the kernel
    tangent = linalg.smallest_singular(found.matrix)[1]
    return make_node(curve, leg, found, tangent if tangent[-1] >= 0 else -tangent)


def along(curve: OneParameter, a: Node, distance: float) -> Node | None:
    """The node whose projection on the tangent at ``a`` is that far away."""
    found = correct(curve, a.leg, a.z + distance * a.tangent, a.tangent)
    return None if found is None else node_at(curve, a.leg, found, a.tangent)


def turn(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between two tangents of length 1."""
    return float(2 * np.arcsin(min(np.linalg.norm(b - a) / 2, 1.0)))


class Step(NamedTuple):
    """A step that counts."""

    found: Corrected
    tangent: np.ndarray
    longer: float  # by how much the next step may be longer


def step(curve: OneParameter, a: Node, h: float, nu: float | None = None) -> Step | None:
    """The step of length h, to the scaled parameter ``nu`` exactly if that is given; None if h is too long."""
    guess = a.z + h * a.tangent
    if nu is None:
        found = correct(curve, a.leg, guess, a.tangent)
    else:
        found = correct_at(curve, a.leg, np.append(guess[:-1], nu))
    if found is None or found.contraction > 0.3 or found.first > 0.3 * h:
        return None
    tangent = tangent_at(curve, found, a.tangent)
    if tangent is None:
        return None
    angle = turn(a.tangent, tangent)
    chord, middle = found.z - a.z, a.tangent + tangent
    length = float(np.linalg.norm(chord))
    aside = np.linalg.norm(chord - length * middle / np.linalg.norm(middle))
    if angle > TURN or aside > length * (0.15 * angle + 1e-4):
        return None
    return Step(found, tangent, float(np.clip(0.5 * TURN / max(angle, 1e-9), 0.5, 2.0)))


def land(curve: OneParameter, a: Node, z: np.ndarray, nu: float) -> Node | None:
    """The node between ``a`` and the next point z at which the scaled parameter is exactly ``nu``."""
    guess = a.z + (nu - a.z[-1]) / (z[-1] - a.z[-1]) * (z - a.z)
    guess[-1] = nu
    found = correct_at(curve, a.leg, guess)
    if found is None or np.linalg.norm(found.z - guess) > 0.5 * np.linalg.norm(z - a.z):
        return None
    return node_at(curve, a.leg, found, a.tangent)
