"""What becomes of the stability at a bifurcation: the sign of the first coefficient of its normal form.

With right and left vectors q, p of the critical eigenvalue, p^H q = 1, and B, C the second and third derivatives of F
(Kuznetsov 2004, sec. 5.4.2): the fold has the coefficient p.B(q, q) / 2, which must not be zero; a flip has
p.C(q, q, q) / 6 + p.B(q, (I - J)^{-1} B(q, q)) / 2, positive where the 2-cycle that is born is stable (supercritical);
a Neimark-Sacker point has Re e^{-i theta} (p.C(q, q, q~) + 2 p.B(q, (I - J)^{-1} B(q, q~)) +
p.B(q~, (e^{2 i theta} I - J)^{-1} B(q, q))) / 2, negative where the invariant circle that is born is stable.  A Hopf
point of a flow has the first Lyapunov coefficient Re (p.C(q, q, q~) - 2 p.B(q, A^{-1} B(q, q~)) +
p.B(q~, (2 i omega I - A)^{-1} B(q, q))) / 2 omega with A = df/dx and its derivatives, negative where the limit cycle
that is born is stable (sec. 3.5.2).
"""

from __future__ import annotations

import numpy as np

from ... import linalg
from .defining import Located
from .family import OneParameter

STEP = 1e-4  # of second differences of the Jacobian: rounding and truncation are about 1e-8 each
SURE = 1e-5  # a coefficient below this share of its terms has no sign
UNDETERMINED = "undetermined"


def fold_form(curve: OneParameter, point: Located) -> str:
    """ "quadratic" where the branch turns like a parabola."""
    term = abs(point.left.conj() @ curve.jacobian_along(point.z, point.leg, point.right) @ point.right)
    size = np.linalg.norm(point.left) * np.linalg.norm(curve.jacobian_along(point.z, point.leg, point.right))
    return "quadratic" if term > SURE * size else UNDETERMINED


def flip_form(curve: OneParameter, point: Located) -> str:
    """Supercritical: the 2-cycle is stable."""
    p, q = point.left, point.right
    B = curve.jacobian_along(point.z, point.leg, q)
    cubic = p @ _second(curve, point, q) @ q / 6
    h = linalg.solve_one(np.eye(curve.n) - curve.jacobian(point.z, point.leg), B @ q)
    if h is None:
        return UNDETERMINED
    square = p @ (B @ h) / 2
    return _criticality(curve, np.array([cubic, square]), positive="supercritical")


def circle_form(curve: OneParameter, point: Located) -> str:
    """Supercritical: the invariant circle or limit cycle is stable; undetermined at the strong resonances 1:1 to 1:4.

    Of a flow all is said of F = x + h f: I - J is -h A, and twice the frequency is 1 + 2 (eigenvalue - 1).
    """
    p, q, turn, is_map = point.left, point.right, point.eigenvalue, curve.dynamics == "map"
    if is_map and min(abs(turn**k - 1) for k in (1, 2, 3, 4)) < 1e-3:
        return UNDETERMINED
    J = curve.jacobian(point.z, point.leg).astype(complex)
    along, back = (
        curve.jacobian_along(point.z, point.leg, q),
        curve.jacobian_along(point.z, point.leg, q.conj()),
    )
    still = linalg.solve_one(np.eye(curve.n) - J, along @ q.conj())
    double = linalg.solve_one((turn**2 if is_map else 2 * turn - 1) * np.eye(curve.n) - J, along @ q)
    if still is None or double is None:
        return UNDETERMINED
    terms = np.array([_cubic(curve, point, q), 2 * along @ still, back @ double]) @ p.conj()
    return _criticality(curve, (terms / (turn if is_map else abs(turn - 1))).real / 2, positive="subcritical")


def _criticality(curve: OneParameter, terms: np.ndarray, positive: str) -> str:
    value, size = curve.c**2 * terms.sum(), curve.c**2 * np.abs(terms).sum()  # per change of z, not of x
    if not np.isfinite(value) or abs(value) <= SURE * (1 + size):
        return UNDETERMINED
    other = "subcritical" if positive == "supercritical" else "supercritical"
    return positive if value > 0 else other


def _second(curve: OneParameter, point: Located, v: np.ndarray) -> np.ndarray:
    """F_xxx[v, v, .] for a real v."""
    move = np.append(v, 0.0) * STEP
    behind, here, ahead = (curve.jacobian(point.z + k * move, point.leg) for k in (-1, 0, 1))
    return (ahead - 2 * here + behind) / (STEP * curve.c) ** 2


def _cubic(curve: OneParameter, point: Located, q: np.ndarray) -> np.ndarray:
    """C(q, q, q~) of q = a + i b, from differences along real vectors."""
    a, b = np.real(q), np.imag(q)
    by_a, by_b = _second(curve, point, a), _second(curve, point, b)
    return by_a @ a + by_b @ a + 1j * (by_a @ b + by_b @ b)
