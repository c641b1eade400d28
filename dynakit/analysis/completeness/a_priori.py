"""How far out can a fixed point lie?  Boxes for r equations kappa = N' f(M kappa + d), known before any search.

A bounded f puts kappa_k into the sum of n_ik [lo, hi].  For one that stays within ``beyond`` of relu (softplus, relu),
|kappa - N' relu(M kappa)| <= C = sum_i |n_i| (beyond + |d_i|), and the left side grows with |kappa|: it is at least
delta |kappa|, with delta its least value on the unit sphere.  Where delta is 0 there is no such box: the homogeneous
problem has a solution (it is not of class R0; Cottle, Pang and Stone 1992, sec. 3.8).
"""

from __future__ import annotations

import numpy as np

from .search import GROW, NoBox
from .units import Unit

SPHERE = 200_000  # boxes on the cube around the sphere
NO_BOX = (
    "no bound of its fixed points is known: far out, a rectified network of these weights stands still, or nearly so, "
    "along some direction"
)


def of_bounded(N: np.ndarray, bounds: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Centre and radii of what N' f can be, for f in ``bounds``."""
    low, high = bounds
    middle = N.sum(axis=0) * (low + high) / 2
    return middle, np.abs(N).sum(axis=0) * ((high - low) / 2 * (1 + 1e-9)) + 1e-9 * np.abs(N).sum(axis=0)


def of_rectified(
    M: np.ndarray, N: np.ndarray, d: np.ndarray, unit: Unit, off: float
) -> tuple[np.ndarray, np.ndarray]:
    """The same for a function like relu; ``off`` bounds by how much M N' may be wrong. Raises NoBox."""
    r = M.shape[1]
    delta = (least_on_sphere(M, N) if r else 1.0) - off
    if not delta > 0:
        raise NoBox(NO_BOX)
    reach = (np.linalg.norm(N, axis=1) * (unit.beyond + np.abs(d))).sum() * (1 + 1e-9)
    return np.zeros(r), np.full(r, reach / delta * (1 + 1e-9) + 1e-9)


def least_on_sphere(M: np.ndarray, N: np.ndarray) -> float:
    """A lower bound, at least about a half, of min |s - N' relu(M s)| over |s| = 1; 0 where none above 0 was found."""
    r, weight = M.shape[1], np.abs(M).mean(axis=0)
    C, R = _faces(r)
    upper, lower, n_boxes = np.inf, np.inf, 0
    products = (N[:, :, None] * M[:, None, :]).reshape(len(M), -1)
    while len(C):
        n_boxes += len(C)
        if n_boxes > SPHERE:
            return 0.0
        z, spread = C @ M.T, (R @ np.abs(M).T) * (1 + 1e-9) + 1e-13 * (1 + np.abs(C) @ np.abs(M).T)
        miss = np.linalg.norm(np.maximum(z, 0) @ N - C, axis=1)
        low, high = (z - spread > 0).astype(float), (z + spread > 0).astype(float)
        A = (((low + high) / 2) @ products).reshape(-1, r, r) - np.eye(r)
        E = (((high - low) / 2) @ np.abs(products)).reshape(-1, r, r)
        moved = np.linalg.norm(np.einsum("bkl,bl->bk", np.abs(A) + E, R), axis=1) * (1 + 1e-9) + 1e-12
        upper, least = min(upper, float(miss.min())), miss - moved
        good = least > 0.25 * upper
        lower = min(lower, float(least[good].min(initial=np.inf)))
        if not upper > 1e-9:
            return 0.0
        C, R = _halved(C[~good], R[~good], weight)
    return lower / np.sqrt(r) * (1 - 1e-9)


def _faces(r: int) -> tuple[np.ndarray, np.ndarray]:
    """The faces of the cube [-1, 1]^r."""
    C = np.concatenate([np.eye(r), -np.eye(r)])
    return C, 1 - np.abs(C)


def _halved(C: np.ndarray, R: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, k = np.arange(len(C)), (R * weight).argmax(axis=1) if len(C) else np.zeros(0, int)
    half, shift = R.copy(), np.zeros_like(C)
    half[rows, k] /= 2
    shift[rows, k] = half[rows, k]
    half *= GROW
    return np.concatenate([C - shift, C + shift]), np.concatenate([half, half])
