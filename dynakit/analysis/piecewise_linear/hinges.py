"""The fixed points of a map made of hinges as a linear complementarity problem, and back.

With y = W x + L r + b, r = relu(y) and x = A x + B r + c, and r = relu(y), s = relu(-y):

    r - s = M r + q,   M = W (I - A)^-1 B + L,   q = W (I - A)^-1 c + b

(Eaves and Lemke 1981, on piecewise-linear equations as complementarity problems), that is s = (I - M) r - q.
Where I - A is singular some hinges are turned round, relu(y) = y + relu(-y), which makes the map's Jacobian
elsewhere the new A.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import torch

from ...systems.base import Pieces
from ...systems.enclosures import gamma
from .reduction import LCP, solved

UNIT = 2.0**-53


class Hinges(NamedTuple):
    """A problem, each hinge in a unit of its own, and the way from its solutions to states, x = X r + x0."""

    lcp: LCP
    flip: np.ndarray  # (hinge,)  turned round: there r of the problem is relu(-y)
    X: np.ndarray  # (unit, hinge)
    x0: np.ndarray  # (unit,)
    sign: int  # of det(I - A), for the index of a solution as a fixed point


def as_problem(pieces: Pieces, rng: np.random.Generator) -> Hinges | None:
    """The problem of a map, or None where I - J is singular in every region tried."""
    n = len(pieces.b)
    masks = [np.zeros(n, bool), np.ones(n, bool), *(rng.random((20, n)) < 0.5)]
    for flip in masks:
        turned = pieces.mirrored(torch.from_numpy(flip).to(pieces.A.device)) if flip.any() else pieces
        hinges = _problem(turned, flip)
        if hinges is not None:
            return hinges
    return None


def _problem(pieces: Pieces, flip: np.ndarray) -> Hinges | None:
    W, b, A, B, c = (t.numpy(force=True) for t in pieces[:5])
    n = len(b)
    L = np.zeros((n, n)) if pieces.L is None else pieces.L.numpy(force=True)
    if not all(np.isfinite(part).all() for part in (W, b, A, B, c, L)):  # turning them round may overflow
        return None
    inverse = _inverse_times(A, np.column_stack([B, c]))
    if inverse is None:
        return None
    X, X_error = inverse
    with np.errstate(over="ignore", invalid="ignore"):
        Mq, size = W @ X, np.abs(W) @ np.abs(X)
    if not np.isfinite(size).all():
        return None
    terms = min(int((W != 0).sum(1).max(initial=0)), int((X != 0).sum(0).max(initial=0)))
    Mq[:, :-1] += L
    Mq[:, -1] += b
    error = (2 * gamma(terms) if terms > 1 else 0.0) * size + 3 * UNIT * (np.abs(Mq) + size)
    error[:, :-1] += 3 * UNIT * np.eye(n)
    error += np.abs(W) @ np.broadcast_to(X_error, X.shape)
    N, p = np.eye(n) - Mq[:, :-1], Mq[:, -1].copy()
    scale, whole = _scales(N, p)
    rows = (whole * scale)[:, None]
    lcp = LCP(N / rows * scale, p / rows[:, 0], _largest(error / rows * np.append(scale, 1.0)))
    sign = int(np.linalg.slogdet(np.eye(len(A)) - A)[0])
    return Hinges(lcp, flip, X[:, :-1] * scale, X[:, -1], sign)


def _scales(N: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, float]:
    """Units of measurement for r, and by how much more s is, all powers of two.

    They balance N (Parlett and Reinsch 1969) and make its largest entry and that of p about one, so that one bound
    of the error serves all entries.
    """
    _, (scale, _) = scipy.linalg.matrix_balance(N, permute=False, separate=True)
    whole = _power(N / scale[:, None] * scale)
    return scale * _power(p / (whole * scale)), whole


def _power(a: np.ndarray) -> float:
    """The power of two next to the largest entry."""
    largest = _largest(a)
    return float(2.0 ** np.round(np.log2(largest))) if largest > 0 else 1.0


def _largest(a: np.ndarray) -> float:
    return float(np.abs(a).max(initial=0.0))


def _inverse_times(A: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Any] | None:
    """(I - A)^-1 b and a bound of its error, of all entries or of each; None where I - A may be singular."""
    rest = np.eye(len(A)) - A
    diagonal = np.diag(rest)
    if np.array_equal(
        rest, np.diag(diagonal)
    ):  # Elman and leaky networks: no elimination, hardly any rounding
        if not (np.abs(diagonal) > 1e-12).all():
            return None
        x = b / diagonal[:, None]
        return x, 4 * UNIT * np.abs(x)
    return solved(rest, b, 2 * UNIT * (1 + np.abs(A).max()))


def bounds(pieces: Pieces, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the hinges y over a box of states, by interval arithmetic."""
    W, b = pieces.W.numpy(force=True), pieces.b.numpy(force=True)
    middle, radius = high / 2 + low / 2, high / 2 - low / 2
    centre, spread = W @ middle + b, np.abs(W) @ radius
    spread += 2 * gamma(2 * W.shape[1] + 2) * (np.abs(W) @ np.abs(middle) + np.abs(b) + spread)
    if pieces.L is None:
        return centre - spread, centre + spread
    ends, L = np.stack([centre - spread, centre + spread]), pieces.L.numpy(force=True)
    for i in range(1, len(b)):
        heard = np.maximum(ends[:, :i], 0)
        up, down = np.maximum(L[i, :i], 0), np.minimum(L[i, :i], 0)
        reach = np.array([up @ heard[0] + down @ heard[1], up @ heard[1] + down @ heard[0]])
        slack = 2 * gamma(2 * i) * (np.abs(L[i, :i]) @ heard[1])
        ends[:, i] += reach + np.array([-slack, slack])
    return ends[0], ends[1]
