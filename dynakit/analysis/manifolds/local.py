"""The unstable manifold of a fixed point near that point, to second order.

W(a) = x* + sum_i a_i v_i + 1/2 sum_ij a_i a_j w_ij over the unstable eigenvectors v_i, with F(W(a)) = W(lambda a),
which gives (lambda_i lambda_j I - J) w_ij = F_xx[v_i, v_j]: the parameterization method (Cabre, Fontich and de la
Llave 2005).  Of a flow mu_i + mu_j takes the place of lambda_i lambda_j, and f that of F.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ... import linalg
from ...systems.base import System
from ...systems.rest import dynamics_of, linear_part
from ..continuation import DIFFERENCE, as_numpy
from ..linearization import spectrum


class LocalManifold(NamedTuple):
    """The unstable directions of a fixed point and the curvature of what is tangent to them."""

    state: np.ndarray  # (unit,)
    values: np.ndarray  # (k,)  eigenvalues beyond the line of stability
    basis: np.ndarray  # (unit, k)  real and orthonormal, of their eigenspace
    coordinates: np.ndarray  # (k, k)  of the basis vectors in eigenvectors
    bends: np.ndarray  # (k, k, unit)  w_ij, zero where a resonance lambda_i lambda_j leaves them open

    def place(self, directions: np.ndarray) -> np.ndarray:
        """States (point, unit) on the manifold for displacements (point, k) in the basis."""
        a = directions @ self.coordinates.T
        bend = np.einsum("pi,pj,iju->pu", a, a, self.bends).real / 2
        return self.state + directions @ self.basis.T + bend


def local_manifold(system: System, x: np.ndarray, u: np.ndarray, n_unstable: int) -> LocalManifold:
    """The local manifold of the ``n_unstable`` first eigenvalues at the fixed point x (unit,)."""
    J, dynamics = as_numpy(linear_part(system, x, u)), dynamics_of(system)
    eigen = spectrum(J[None], dynamics)
    values, vectors = eigen.values[0, :n_unstable], eigen.right[0][:, :n_unstable]
    columns = [part for v, value in zip(vectors.T, values) for part in _real_parts(v, value)]
    basis = np.linalg.qr(np.stack(columns, 1))[0]
    gram = vectors.conj().T @ vectors
    coordinates = np.stack(
        [_or_zero(linalg.solve_one(gram, vectors.conj().T @ q), n_unstable) for q in basis.T.astype(complex)], 1
    )
    h = DIFFERENCE * (1 + np.abs(x).max())
    ahead, behind = (as_numpy(linear_part(system, torch.from_numpy(x + s * h * basis.T), u)) for s in (1, -1))
    along = np.einsum("km,kij->mij", coordinates_of(vectors, basis), (ahead - behind) / (2 * h))
    bends = np.zeros((n_unstable, n_unstable, len(x)), complex)
    for i in range(n_unstable):
        for j in range(n_unstable):
            joint = values[i] * values[j] if dynamics == "map" else values[i] + values[j]
            A = joint * np.eye(len(x)) - J
            bends[i, j] = _or_zero(linalg.solve_one(A, along[i] @ vectors[:, j]), len(x))
    return LocalManifold(x, values, basis, coordinates, bends)


def coordinates_of(vectors: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Each of the vectors (unit, k) in an orthonormal basis (unit, k): (basis vector, vector)."""
    return basis.T @ vectors


def _real_parts(v: np.ndarray, value: complex) -> list[np.ndarray]:
    """What a real eigenvalue, or the first of a complex pair, adds to the eigenspace."""
    if value.imag == 0:
        return [np.real(v)]
    return [np.real(v), np.imag(v)] if value.imag > 0 else []


def _or_zero(solution: np.ndarray | None, n: int) -> np.ndarray:
    return np.zeros(n, complex) if solution is None else solution
