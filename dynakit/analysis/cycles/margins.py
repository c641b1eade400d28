"""How well multipliers are known, and what they say about neighbours beyond that.

A rounded matrix is one within E = SAFETY eps |A| of the exact one, so that a simple eigenvalue is known to E / |y^H x|,
y and x its left and right unit eigenvectors, and one of a pair that is about to meet to sqrt(E |A|) (Wilkinson 1965,
ch. 2; Golub and Van Loan, sec. 7.2).  Multipliers of a cycle are the q-th powers of the eigenvalues of the matrix with
the q Jacobians below its diagonal, cyclically: their condition is that of the cycle, where that of the product of
Jacobians may be many orders of magnitude worse (Fairgrieve and Jepson 1991; Bojanczyk, Golub and Van Dooren 1992).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from .shooting import in_blocks

EPS = float(np.finfo(float).eps)
SAFETY = 100.0  # roundings, each of the size of the largest entry, that the exact matrix is away at most
NEAR = 1e-2  # distance of a modulus from one beyond which its error does not matter
LEAST = 1e-9  # margin at best: a cycle is known to about that near a bifurcation, and its Jacobians with it
SWEEPS = 3  # of inverse iteration: the shift is an eigenvalue already


def verdict(excess: np.ndarray, margins: Any = 0.0) -> str:
    """What multipliers say about neighbours: attracting, repelling, saddle, neutral, or undetermined.

    ``excess``: how far each is outside the boundary of stability: |multiplier| - 1, or the real part of an eigenvalue
    of an equilibrium.  ``margins``: how well each is known.
    """
    if not len(excess) or np.isnan(excess).any():
        return "undetermined"
    margins = np.maximum(margins, LEAST)
    if (np.abs(excess) <= margins).any():
        return "saddle" if (excess > margins).any() else "neutral"
    return "attracting" if (excess < 0).all() else "repelling" if (excess > 0).all() else "saddle"


def radius(condition: Any, size: float, rounding: float = SAFETY * EPS) -> np.ndarray:
    """How well eigenvalues are known: condition numbers 1 / |y^H x| of a matrix of norm ``size``."""
    return np.minimum(rounding * size * np.asarray(condition), np.sqrt(rounding) * size)


def of_cycle(matrices: np.ndarray, values: np.ndarray, rounding: float = SAFETY * EPS) -> np.ndarray:
    """How well the multipliers ``values`` of the product of ``matrices`` (step, unit, unit) are known.

    Zero for those far from modulus one, whatever their error.
    """
    out = np.zeros(len(values))
    near = np.flatnonzero(np.abs(np.abs(values) - 1) < NEAR)
    if not len(near) or not np.isfinite(matrices).all():
        return out
    q, size = len(matrices), float(np.linalg.norm(matrices, axis=(1, 2)).max())
    C = _cyclic(matrices)
    for i in near:
        root = complex(values[i]) ** (1 / q)
        out[i] = q * float(radius(_condition(C, root), size, rounding))
    return out


def _cyclic(matrices: np.ndarray) -> scipy.sparse.csc_array:
    """C with C (x_0, ..., x_(q-1)) = (A_(q-1) x_(q-1), A_0 x_0, ..., A_(q-2) x_(q-2))."""
    return scipy.sparse.csc_array(in_blocks(matrices, 1), dtype=complex)


def _condition(C: scipy.sparse.csc_array, value: complex) -> float:
    """1 / |y^H x| of the eigenvalue of C at ``value``; infinite where its eigenvectors are not told apart."""
    n = C.indptr.size - 1
    shifted = value * (1 + 16 * EPS) + 16 * EPS  # not singular to the last digit
    try:
        solver = scipy.sparse.linalg.splu(scipy.sparse.csc_array(C - shifted * scipy.sparse.eye_array(n)))
    except RuntimeError:  # it is singular all the same
        return np.inf
    x = y = np.exp(1j * np.arange(n) ** 2) / np.sqrt(n)  # along no axis, and no symmetry
    for _ in range(SWEEPS):
        x, y = solver.solve(x), solver.solve(y, trans="H")
        x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    overlap = float(np.abs(np.vdot(y, x)))
    return 1 / overlap if overlap > 0 else np.inf
