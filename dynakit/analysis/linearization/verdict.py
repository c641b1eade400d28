"""Stable or not?  What eigenvalues that are only known to within rounding allow to be said.

A map is stable inside the unit circle, a flow to the left of the imaginary axis: the line of stability of each.  A
computed eigenvalue is known to about eps |J| kappa, with kappa its condition number (Golub and Van Loan, sec. 7.2).
Near a defective matrix that bound is useless; there the question is whether any matrix within rounding of J has an
eigenvalue on the line, and the answer is the smallest singular value of z I - J along it (Byers 1988; Trefethen and
Embree 2005, ch. 49): as long as it exceeds the rounding, the count of eigenvalues beyond is certain.

At a kink a system has one Jacobian per side, and that all sides are stable by themselves proves nothing: what switches
between them may grow.  Contraction of all in one common quadratic norm does prove it (Liberzon 2003, sec. 2.1).
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.optimize
from torch import Tensor

from ... import linalg

MARGIN = (
    1e-9  # distance from the line of stability below which none is claimed; of a flow, times the largest |mu|
)
ILL = 1e6  # condition number of an eigenvalue beyond which "marginal" is not said
EPS = float(np.finfo(float).eps)


def beyond(values: np.ndarray, dynamics: str = "map") -> np.ndarray:
    """How far beyond the line of stability eigenvalues (..., mode) lie: |lambda| - 1 of a map, Re mu of a flow."""
    return np.abs(values) - 1 if dynamics == "map" else np.real(values)


def margin(values: np.ndarray, dynamics: str = "map") -> np.ndarray:
    """The distance from the line (..., 1) at which eigenvalues (..., mode) begin to count as beyond it or behind it."""
    largest = np.abs(values).max(axis=-1, keepdims=True, initial=0.0)
    return np.full_like(largest, MARGIN) if dynamics == "map" else MARGIN * largest


def expanding(values: np.ndarray, dynamics: str = "map") -> np.ndarray:
    """Which eigenvalues (..., mode) belong to modes that grow, beyond doubt."""
    return beyond(values, dynamics) > margin(values, dynamics)


def contracting(values: np.ndarray, dynamics: str = "map") -> np.ndarray:
    """Which eigenvalues (..., mode) belong to modes that decay, beyond doubt."""
    return beyond(values, dynamics) < -margin(values, dynamics)


def order_of(values: np.ndarray, dynamics: str) -> np.ndarray:
    """Indices that sort eigenvalues (mode,): by falling modulus of a map, by falling real part of a flow."""
    if dynamics == "map":
        return linalg.spectral_order(values)
    scale = np.abs(values).max(initial=0.0) or 1.0
    return np.lexsort((-np.imag(values), -np.round(np.real(values) / scale, 12)))


def spectrum(matrices: Tensor | np.ndarray, dynamics: str = "map") -> linalg.Eigen:
    """Eigenvalues (batch, mode) with their vectors, those nearest to instability first."""
    eigen = linalg.eig(matrices)
    if dynamics == "map":
        return eigen
    order = np.array([order_of(row, dynamics) for row in eigen.values], int).reshape(eigen.values.shape)
    at = order[:, None]
    return linalg.Eigen(
        np.take_along_axis(eigen.values, order, 1),
        np.take_along_axis(eigen.right, at, 2),
        np.take_along_axis(eigen.left, at, 2),
        np.take_along_axis(eigen.condition, order, 1),
    )


def conditioned(matrices: Tensor | np.ndarray, dynamics: str = "map") -> tuple[np.ndarray, np.ndarray]:
    """The eigenvalues (batch, mode) of :func:`spectrum` and their condition numbers: all that a verdict needs."""
    values, condition = linalg.conditions(matrices)
    if dynamics == "map":
        return values, condition
    order = np.array([order_of(row, dynamics) for row in values], int).reshape(values.shape)
    return np.take_along_axis(values, order, 1), np.take_along_axis(condition, order, 1)


def eigenvalues(matrix: np.ndarray, dynamics: str = "map") -> np.ndarray:
    """Eigenvalues of one matrix, those nearest to instability first; all NaN if they cannot be found."""
    values = linalg.eigvals(matrix)
    return values if dynamics == "map" else values[order_of(values, dynamics)]


def judge(
    values: np.ndarray,
    condition: np.ndarray,
    norms: np.ndarray,
    kinked: np.ndarray,
    jacobians: np.ndarray | None = None,
    dynamics: str = "map",
) -> np.ndarray:
    """The verdict on each point from its eigenvalues, their condition numbers and the norm of its Jacobian.

    ``jacobians`` (point, unit, unit), of the right-hand side for a flow, settle cases that the condition numbers leave
    open.  At a kink the one-sided spectra may differ: undetermined.
    """
    verdicts = np.full(len(values), "undetermined", dtype="<U12")
    distance, least = beyond(values, dynamics), margin(values, dynamics)
    for i, d in enumerate(distance):
        if np.isnan(d).any() or kinked[i]:
            continue
        near = np.abs(d) <= np.maximum(least[i], 10 * EPS * norms[i] * condition[i])
        if (d[~near] > 0).any():
            verdicts[i] = "unstable"
        elif not near.any():
            verdicts[i] = "stable"
        elif condition[i][near].max() < ILL:
            verdicts[i] = "marginal"
        elif jacobians is not None and clear_of_line(jacobians[i], values[i], dynamics):
            verdicts[i] = "unstable" if (d > 0).any() else "stable"
    return verdicts


def judge_flow_of_step(
    values: np.ndarray, condition: np.ndarray, norms: np.ndarray, verdicts: np.ndarray
) -> np.ndarray:
    """The verdict on the flow of which a map with these eigenvalues is Euler's step, by Re (lambda - 1).

    A stable map implies a stable flow; a point at a kink is given as NaN.
    """
    with np.errstate(invalid="ignore"):
        rate = np.real(values) - 1
        near = np.abs(rate) <= np.maximum(MARGIN, 10 * EPS * norms[:, None] * condition)
        grows = ((rate > 0) & ~near).any(axis=1)
    ill = (near & (condition >= ILL)).any(axis=1)
    choices = [verdicts == "stable", ~np.isfinite(values).all(axis=1), grows, ill, near.any(axis=1)]
    return np.select(choices, ["stable", "undetermined", "unstable", "undetermined", "marginal"], "stable")


def count_unstable(values: np.ndarray, verdicts: np.ndarray, dynamics: str = "map") -> np.ma.MaskedArray:
    """How many modes grow; masked where the verdict is undetermined, or due to another side of a kink."""
    growing = expanding(values, dynamics).sum(axis=-1)
    elsewhere = (verdicts == "unstable") & (growing == 0)
    return np.ma.array(growing, mask=(verdicts == "undetermined") | elsewhere)


def clear_of_line(J: np.ndarray, values: np.ndarray, dynamics: str = "map") -> bool:
    """Has no matrix within rounding of J an eigenvalue on the line of stability?"""
    size = float(np.abs(J).sum(axis=1).max(initial=0.0))
    scale = 1.0 if dynamics == "map" else size
    rounding = 10 * EPS * len(J) * max(size, scale)
    return line_distance(J, values, dynamics) > max(rounding, MARGIN * 1e-3 * scale)


def line_distance(J: np.ndarray, values: np.ndarray, dynamics: str = "map") -> float:
    """The smallest singular value of z I - J along the line: how little must change for an eigenvalue on it.

    Looked for from the frequencies of the eigenvalues and from 16 others; of a real matrix in the upper half plane.
    """
    eye, circle = np.eye(len(J)), dynamics == "map"

    def distance(w: float) -> float:
        return linalg.smallest_singular_value((np.exp(1j * w) if circle else 1j * w) * eye - J)

    top = np.pi if circle else float(np.linalg.norm(J, 2)) or 1.0  # above |J| the distance only grows
    known = np.abs(np.angle(values[np.abs(values) > 0.5])) if circle else np.abs(np.imag(values))
    looked = np.concatenate([np.linspace(0, top, 16), known])
    found = np.array([distance(w) for w in looked])
    best = looked[found.argmin()]
    refined = scipy.optimize.minimize_scalar(
        distance,
        bounds=(best - top / 16, best + top / 16),
        method="bounded",
        options={"xatol": 1e-10 * top / np.pi},
    )
    return float(min(found.min(), refined.fun))  # type: ignore[union-attr]


def contract_together(matrices: list[np.ndarray], dynamics: str = "map") -> bool:
    """Is there a quadratic norm in which every one of the matrices contracts, as far as this looks?

    Tried are the Lyapunov matrices of each and of their mean: P - M^T P M = I, of a flow M^T P + P M = -I.
    """
    for M in [np.mean(matrices, axis=0), *matrices]:
        if not contracting(linalg.eigvals(M), dynamics).all():
            continue
        eye = np.eye(len(M))
        P = (
            scipy.linalg.solve_discrete_lyapunov(M.T, eye)
            if dynamics == "map"
            else scipy.linalg.solve_continuous_lyapunov(M.T, -eye)
        )
        try:
            root = np.linalg.cholesky((P + P.T) / 2).T  # x.P x = |root x|^2
        except np.linalg.LinAlgError:
            continue
        inverse = np.linalg.inv(root)
        if all(_shrinks(root @ A @ inverse, dynamics) for A in matrices):
            return True
    return False


def _shrinks(A: np.ndarray, dynamics: str) -> bool:
    """Does the Euclidean norm fall, in a step of a map A or along a flow dx/dt = A x?"""
    if dynamics == "map":
        return bool(np.linalg.norm(A, 2) < 1 - MARGIN)
    return bool(np.linalg.eigvalsh(A + A.T)[-1] < -MARGIN * np.linalg.norm(A, 2))
