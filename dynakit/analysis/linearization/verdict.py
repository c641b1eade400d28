"""Stable or not?  What eigenvalues that are only known to within rounding allow to be said.

A computed eigenvalue is known to about eps |J| kappa, with kappa its condition number (Golub and Van Loan, sec. 7.2).
Near a defective matrix that bound is useless; there the question is whether any matrix within rounding of J has an
eigenvalue on the unit circle, and the answer is the smallest singular value of z I - J over |z| = 1 (Byers 1988;
Trefethen and Embree 2005, ch. 49): as long as it exceeds the rounding, the count of eigenvalues outside is certain.

At a kink a map has one Jacobian per side, and that all sides are stable by themselves proves nothing: what switches
between them may grow.  Contraction of all in one common quadratic norm does prove it (Liberzon 2003, sec. 2.1).
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.optimize

from ... import linalg

MARGIN = 1e-9  # distance from the unit circle below which no stability is claimed
ILL = 1e6  # condition number of an eigenvalue beyond which "marginal" is not said
EPS = float(np.finfo(float).eps)


def judge(
    values: np.ndarray,
    condition: np.ndarray,
    norms: np.ndarray,
    kinked: np.ndarray,
    jacobians: np.ndarray | None = None,
) -> np.ndarray:
    """The verdict on each point from its eigenvalues, their condition numbers and the norm of its Jacobian.

    ``jacobians`` (point, unit, unit) settle cases that the condition numbers leave open.  At a kink of the map the
    one-sided spectra may differ: undetermined.
    """
    verdicts = np.full(len(values), "undetermined", dtype="<U12")
    for i, modulus in enumerate(np.abs(values)):
        if np.isnan(modulus).any() or kinked[i]:
            continue
        doubt = np.maximum(MARGIN, 10 * EPS * norms[i] * condition[i])
        near = np.abs(modulus - 1) <= doubt
        if (modulus[~near] > 1).any():
            verdicts[i] = "unstable"
        elif not near.any():
            verdicts[i] = "stable"
        elif condition[i][near].max() < ILL:
            verdicts[i] = "marginal"
        elif jacobians is not None and clear_of_circle(jacobians[i], values[i]):
            verdicts[i] = "unstable" if (modulus > 1).any() else "stable"
    return verdicts


def count_unstable(eigenvalues: np.ndarray, verdicts: np.ndarray) -> np.ma.MaskedArray:
    """How many eigenvalues lie outside the unit circle; masked where the verdict is undetermined."""
    outside = (np.abs(eigenvalues) > 1 + MARGIN).sum(axis=1)
    return np.ma.array(outside, mask=verdicts == "undetermined")


def clear_of_circle(J: np.ndarray, values: np.ndarray) -> bool:
    """Has no matrix within rounding of J an eigenvalue on the unit circle?"""
    rounding = 10 * EPS * len(J) * max(float(np.abs(J).sum(axis=1).max()), 1.0)
    return circle_distance(J, values) > max(rounding, MARGIN * 1e-3)


def circle_distance(J: np.ndarray, values: np.ndarray) -> float:
    """The smallest singular value of z I - J over |z| = 1: how little must change for an eigenvalue on the circle.

    Looked for from the angles of the eigenvalues and from 16 others; of a real matrix in the upper half plane.
    """
    eye = np.eye(len(J))

    def distance(angle: float) -> float:
        return linalg.smallest_singular_value(np.exp(1j * angle) * eye - J)

    angles = np.concatenate([np.linspace(0, np.pi, 16), np.abs(np.angle(values[np.abs(values) > 0.5]))])
    found = np.array([distance(a) for a in angles])
    best = angles[found.argmin()]
    refined = scipy.optimize.minimize_scalar(
        distance, bounds=(best - np.pi / 16, best + np.pi / 16), method="bounded", options={"xatol": 1e-10}
    )
    return float(min(found.min(), refined.fun))  # type: ignore[union-attr]


def contract_together(matrices: list[np.ndarray]) -> bool:
    """Is there a quadratic norm in which every one of the matrices is a contraction, as far as this looks?

    Tried are the Lyapunov matrices of each and of their mean: P - M^T P M = I.
    """
    for M in [np.mean(matrices, axis=0), *matrices]:
        if not np.abs(linalg.eigvals(M)).max(initial=0.0) < 1 - MARGIN:
            continue
        P = scipy.linalg.solve_discrete_lyapunov(M.T, np.eye(len(M)))
        try:
            root = np.linalg.cholesky(P).T  # x.P x = |root x|^2
        except np.linalg.LinAlgError:
            continue
        inverse = np.linalg.inv(root)
        if all(np.linalg.norm(root @ A @ inverse, 2) < 1 - MARGIN for A in matrices):
            return True
    return False
