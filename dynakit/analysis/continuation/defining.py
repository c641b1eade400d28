"""Systems of equations whose regular solutions are the bifurcation points of fixed points.

A fixed point with the eigenvalue e^{i theta}: G(z) = 0 and g(z, theta) = 0, where g is the last entry of the solution
of the bordered system [[J - e^{i theta} I, b], [c^H, 0]] [v; g] = [0; 1] (Govaerts 2000, ch. 4; fold: theta = 0, flip:
theta = pi, Neimark-Sacker: theta unknown, g complex; of a flow 1 + i theta in place of e^{i theta}, Hopf: theta
unknown).  A branch point: G(z) + beta p = 0 and the two numbers g by which
dG/dz, bordered by p, misses the rank n - 1 (Allgower and Georg 1990, ch. 8); beta = 0 says that the branches do meet.

The derivatives of g need second derivatives of F along one vector only, taken by central differences of the
Jacobian; they set how fast Newton's method converges, not where to.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ... import linalg
from .family import DIFFERENCE, OneParameter

STEPS = 12


class Located(NamedTuple):
    """A solution of a defining system."""

    z: np.ndarray
    leg: int
    eigenvalue: complex
    right: np.ndarray  # null vector of J - eigenvalue, of length 1 (branch point: of dG/dz, (unit + 1, 2))
    left: (
        np.ndarray
    )  # left null vector, left^H right = 1 where the eigenvalue is simple (branch point: length 1)
    residual: float  # of all equations


def eigenvalue_point(
    curve: OneParameter, leg: int, z: np.ndarray, angle: float, *, free: bool
) -> Located | None:
    """The fixed point near z with an eigenvalue at that place of the line; ``free``: the place is unknown too."""
    shift = curve.on_line(angle) if free else np.round(np.cos(angle))
    A = curve.jacobian(z, leg) - shift * np.eye(curve.n)
    c, b = linalg.smallest_singular(A)[1].conj(), linalg.smallest_singular(A.conj().T)[1].conj()
    last = np.inf
    for _ in range(STEPS):
        shift = curve.on_line(angle) if free else shift
        A = curve.jacobian(z, leg) - shift * np.eye(curve.n)
        B = np.block([[A, b[:, None]], [c.conj()[None], np.zeros((1, 1))]])
        e = np.eye(curve.n + 1)[-1]
        right, left = linalg.solve_one(B, e), linalg.solve_one(B.conj().T, e)
        if right is None or left is None:
            return None
        v, w, g = right[:-1], left[:-1], right[-1]
        r = curve.residual(z, leg)
        size = max(np.abs(r).max(), abs(g))
        if not np.isfinite(size):
            return None
        if last <= 1e-9 and size >= 0.5 * last:
            break
        last = size
        best = z, complex(shift), v / np.linalg.norm(v), w, float(size)
        p = _newton_step(curve, leg, z, (r, g, v, w, curve.along_line(angle)), free)
        if p is None:
            return None
        z, angle = z + p[: curve.n + 1], angle + (p[-1] if free else 0.0)
    if last > 1e-9:
        return None
    z, value, v, w, size = best
    overlap = w.conj() @ v
    return Located(z, leg, value, v, w / np.conj(overlap) if overlap != 0 else w, size)


def _newton_step(curve: OneParameter, leg: int, z: np.ndarray, at: tuple, free: bool) -> np.ndarray | None:
    """The correction of (z, angle) for G = 0, g = 0."""
    r, g, v, w, along = at
    by_x = -(w.conj() @ curve.jacobian_along(z, leg, v)) * curve.c
    by_nu = -(w.conj() @ curve.jacobian_slope(z, leg) @ v)
    row = np.append(by_x, by_nu)
    top = curve.matrix(z, leg)
    if not free:
        return linalg.solve_one(np.vstack([top, np.real(row)]), -np.append(r, g.real))
    by_angle = along * (w.conj() @ v)
    matrix = np.block(
        [
            [top, np.zeros((curve.n, 1))],
            [np.real(row)[None], np.array([[np.real(by_angle)]])],
            [np.imag(row)[None], np.array([[np.imag(by_angle)]])],
        ]
    )
    return linalg.solve_one(matrix, -np.concatenate([r, [g.real, g.imag]]))


def branch_point(curve: OneParameter, leg: int, z: np.ndarray) -> Located | None:
    """The point near z where two branches cross."""
    n, beta, last = curve.n, 0.0, np.inf
    matrix = curve.matrix(z, leg)
    p, tangent = linalg.smallest_singular(matrix.T)[1], linalg.smallest_singular(matrix)[1]
    Q = np.stack([tangent, linalg.smallest_singular(np.vstack([matrix, tangent]))[1]], 1)
    for _ in range(STEPS):
        matrix = curve.matrix(z, leg)
        B = np.block([[matrix, p[:, None]], [Q.T, np.zeros((2, 1))]])
        rhs = np.zeros((n + 2, 3))
        rhs[n, 0] = rhs[n + 1, 1] = rhs[n + 1, 2] = 1.0
        first, second = linalg.solve_one(B, rhs[:, 0]), linalg.solve_one(B, rhs[:, 1])
        left = linalg.solve_one(B.T, rhs[:, 2])
        if first is None or second is None or left is None:
            return None
        V, psi, g = np.stack([first[:-1], second[:-1]], 1), left[:n], left[n:]
        r = curve.residual(z, leg) + beta * p
        size = max(np.abs(r).max(), np.abs(g).max(), abs(beta))
        if last <= 1e-9 and size >= 0.5 * last:
            break
        last, best = size, (z, V, psi)
        rows = -np.stack([psi @ matrix_along(curve, leg, z, V[:, k]) for k in range(2)])
        system = np.block([[matrix, p[:, None]], [rows, np.zeros((2, 1))]])
        correction = linalg.solve_one(system, -np.concatenate([r, g]))
        if correction is None:
            return None
        z, beta = z + correction[:-1], beta + correction[-1]
    if last > 1e-9:
        return None
    z, V, psi = best
    return Located(z, leg, 1.0 + 0j, np.linalg.qr(V)[0], psi / np.linalg.norm(psi), float(last))


def matrix_along(curve: OneParameter, leg: int, z: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The derivative of dG/dz along the vector v of length about 1."""
    lo, hi = sorted(curve.marks[leg : leg + 2])
    h = DIFFERENCE
    if z[-1] - h * abs(v[-1]) < lo or z[-1] + h * abs(v[-1]) > hi:  # stay within the leg
        inward = np.sign((lo + hi) / 2 - z[-1]) * (np.sign(v[-1]) or 1.0)
        values = [curve.matrix(z + k * inward * h * v, leg) for k in range(3)]
        return inward * (4 * values[1] - 3 * values[0] - values[2]) / (2 * h)
    return (curve.matrix(z + h * v, leg) - curve.matrix(z - h * v, leg)) / (2 * h)


def other_tangent(curve: OneParameter, leg: int, point: Located, tangent: np.ndarray) -> np.ndarray | None:
    """The tangent of the second branch through a branch point; None if there is no simple crossing.

    With V a basis of the kernel of dG/dz and psi its left null vector, the tangents V a are the two solutions of the
    algebraic branching equation sum_ij a_i a_j psi . G_zz[V_i, V_j] = 0 (Keller 1977, sec. 5).
    """
    V = point.right
    first = V.T @ tangent
    first = first / np.linalg.norm(first)
    V = np.stack([V @ first, V @ np.array([-first[1], first[0]])], 1)  # the known tangent comes first
    form = np.stack([point.left @ matrix_along(curve, leg, point.z, V[:, k]) @ V for k in range(2)])
    mixed, square = (form[0, 1] + form[1, 0]) / 2, form[1, 1]
    if abs(mixed) <= 1e-6 * (1 + np.abs(form).max()):
        return None
    other = V @ np.array([-square, 2 * mixed])  # from 2 mixed a b + square b^2 = 0 with b != 0
    return other / np.linalg.norm(other)
