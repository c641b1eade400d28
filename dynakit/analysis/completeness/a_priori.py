"""How far out can a fixed point lie?  Boxes for r equations kappa = N' f(M kappa + d), known before any search.

A bounded f puts kappa_k into the sum of n_ik [lo, hi].  For one that stays within ``beyond`` of relu (softplus, relu),
|kappa - N' relu(M kappa)| <= C = sum_i |n_i| (beyond + |d_i|), and the left side grows with |kappa|: it is at least
delta |kappa|, with delta its least value on the unit sphere.  Where delta is 0 there is no such box: the homogeneous
problem has a solution (it is not of class R0; Cottle, Pang and Stone 1992, sec. 3.8).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .search import GROW, NoBox, across
from .units import U

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


def of_rectified(M: np.ndarray, N: np.ndarray, size: float, off: float) -> tuple[np.ndarray, np.ndarray]:
    """The same for a function like relu, with C at most ``size`` and N' M wrong by ``off``; raises NoBox."""
    r = M.shape[1]
    delta = least_on_sphere(miss_of_relu(M, N), r) - off
    if not delta > 0:
        raise NoBox(NO_BOX)
    return np.zeros(r), np.full(r, size / delta * (1 + 1e-9) + 1e-9)


MissAndSlope = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def least_on_sphere(miss_and_slope: MissAndSlope, r: int, most: int = SPHERE) -> float:
    """A lower bound of min |s - H(s)| over |s| = 1 for an H with H(a s) = a H(s), a > 0; 0 if none above 0 was found.

    ``miss_and_slope`` bounds |H(s) - s| from below at the centres of boxes, and |DH - 1| from above over them.
    """
    if r == 0:
        return 1.0
    C, R = _faces(r)
    upper, lower, n_boxes = np.inf, np.inf, 0
    while len(C):
        n_boxes += len(C)
        if n_boxes > most:
            return 0.0
        parts = [miss_and_slope(C[k : k + 512], R[k : k + 512]) for k in range(0, len(C), 512)]
        miss, slope = (np.concatenate(part) for part in zip(*parts))
        size = np.linalg.norm(miss, axis=1)
        least = size - np.linalg.norm(np.einsum("bkl,bl->bk", slope, R), axis=1) * (1 + 1e-9) - 1e-12
        upper = min(upper, float(size.min()))
        if not upper > 1e-9:
            return 0.0
        good = least > 0.25 * upper
        lower = min(lower, float(least[good].min(initial=np.inf)))
        C, R = _halved(C[~good], R[~good])
    return lower / np.sqrt(r) * (1 - 1e-9)


def miss_of_relu(M: np.ndarray, N: np.ndarray) -> MissAndSlope:
    """Of H = N' relu(M s)."""
    r = M.shape[1]
    products = (N[:, :, None] * M[:, None, :]).reshape(len(M), -1)
    wrong = 2 * (len(M) + r + 8) * U  # of a sum over units, relative to the sum of moduli

    def bounds(C: np.ndarray, R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z, size = C @ M.T, np.abs(C) @ np.abs(M).T
        spread = (R @ np.abs(M).T + wrong * size) * (1 + 1e-9)
        miss = np.abs(np.maximum(z, 0) @ N - C) - wrong * (1 + size @ np.abs(N))
        low, high = (z - spread > 0).astype(float), (z + spread > 0).astype(float)
        A = (((low + high) / 2) @ products).reshape(-1, r, r) - np.eye(r)
        E = (((high - low) / 2 + wrong) @ np.abs(products)).reshape(-1, r, r)
        return np.maximum(miss, 0.0), (np.abs(A) + E + wrong) * (1 + 1e-9)

    return bounds


def _faces(r: int) -> tuple[np.ndarray, np.ndarray]:
    """The faces of the cube [-1, 1]^r."""
    C = np.concatenate([np.eye(r), -np.eye(r)])
    return C, 1 - np.abs(C)


def _halved(C: np.ndarray, R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    half, shift = across(R)
    half *= GROW
    return np.concatenate([C - shift, C + shift]), np.concatenate([half, half])
