"""What the distance of two operators cannot be below, and what it is for two units.

For every C in O(n), |A - C B C^T| is at least

  (i)   the distance of the sorted spectra of the symmetric parts, and that of the skew parts, as the legs of a right
        angle: the parts are orthogonal to each other, C turns each into itself, and each is normal (Hoffman and
        Wielandt 1953);
  (ii)  the distance of the sorted singular values (Mirsky 1960);
  (iii) the distance of the eigenvalues under their best assignment, less how far each operator is from normal,
        sqrt(|A|^2 - sum |lambda|^2) (Hoffman and Wielandt 1953; Henrici 1962).  Without that deduction it is no bound
        but for normal operators: [[0, 1], [0, 0]] and [[0, 1], [.01, 0]] are .01 apart, their eigenvalues .14.

An operator of two units is half its trace t, half its curl s, and the length m of its traceless symmetric part, and
nothing else that C does not change but the sign of s:  d^2 = 2 ((t - t')^2 + (|s| - |s'|)^2 + (m - m')^2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from ... import linalg
from .descent import sizes, transposed

NORMAL = 1e-15  # |A A^T - A^T A| relative to n |A|^2: rounding


class Spectrum(NamedTuple):
    """What the bounds need of one operator."""

    symmetric: np.ndarray  # (n,) eigenvalues of the symmetric part, sorted
    skew: np.ndarray  # (n,) singular values of the skew part, the moduli of its eigenvalues, sorted
    singular: np.ndarray  # (n,) sorted
    eigenvalues: np.ndarray  # (n,)
    departure: float  # from normality


def spectrum(A: np.ndarray) -> Spectrum:
    """Of one finite operator (n, n)."""
    symmetric = linalg.symmetric_eig(torch.from_numpy((A + A.T) / 2)[None])[0][0].numpy()
    eigenvalues = linalg.eigvals(A)
    return Spectrum(
        symmetric, linalg.svd(A - A.T)[1] / 2, linalg.svd(A)[1], eigenvalues, _departure(A, eigenvalues)
    )


def _departure(A: np.ndarray, eigenvalues: np.ndarray) -> float:
    size = max(float(sizes(A)), np.finfo(float).tiny)
    A = A / size
    if sizes(A @ A.T - A.T @ A) <= NORMAL * len(A):
        return 0.0
    return size * float(np.sqrt(max(0.0, 1 - np.sum(np.abs(eigenvalues / size) ** 2))))


def lower_bound(a: Spectrum, b: Spectrum) -> float:
    """The largest of the three for these two."""
    parts = float(np.hypot(np.linalg.norm(a.symmetric - b.symmetric), np.linalg.norm(a.skew - b.skew)))
    mirsky = float(np.linalg.norm(a.singular - b.singular))
    return max(parts, mirsky, assigned(a.eigenvalues, b.eigenvalues) - a.departure - b.departure)


def assigned(a: np.ndarray, b: np.ndarray) -> float:
    """The distance of two sets of eigenvalues under their best assignment; 0 where one could not be found."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0
    cost = np.abs(a[:, None] - b) ** 2
    return float(np.sqrt(cost[linear_sum_assignment(cost)].sum()))


def closed_form(A: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances (pair,) and C (pair, n, n) of operators (pair, n, n) of one or two units."""
    if A.shape[-1] == 1:
        return np.abs(A - B)[:, 0, 0], np.ones_like(A)
    (t, s, p, q), (t2, s2, p2, q2) = _parts(A), _parts(B)
    across = np.where(s * s2 < 0, -1.0, 1.0)  # a reflection turns the curl round, and one axis of the stretch
    turn = (np.arctan2(q, p) - np.arctan2(across * q2, p2)) / 2
    cos, sin = np.cos(turn), np.sin(turn)
    C = transposed(np.array([[cos, sin], [-across * sin, across * cos]]).transpose(2, 0, 1))
    gaps = [t - t2, np.abs(s) - np.abs(s2), np.hypot(p, q) - np.hypot(p2, q2)]
    return np.sqrt(2) * np.linalg.norm(gaps, axis=0), C


def _parts(A: np.ndarray) -> tuple[np.ndarray, ...]:
    """Half the trace, half the curl, and the traceless symmetric part of each."""
    (a, b), (c, d) = A.transpose(1, 2, 0)
    return (a + d) / 2, (c - b) / 2, (a - d) / 2, (b + c) / 2
