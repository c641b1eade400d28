"""A linear complementarity problem in which some units are decided, as one in the free units.

    s = N r - p,   r >= 0,   s >= 0,   r_i s_i = 0

With A the active units (s_A = 0), Z the inactive (r_Z = 0) and F the free ones, r_A = x - X r_F where N_AA X =
N_AF and N_AA x = p_A; what remains is  s_F = (N_FF - N_FA X) r_F - (p_F - N_FA x)  with  r_A >= 0  and  s_Z >=
0  as side conditions. Every matrix comes with a bound of its error, the rounding of this elimination included.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...systems.enclosures import gamma


class LCP(NamedTuple):
    """s = N r - p."""

    N: np.ndarray  # (unit, unit)
    p: np.ndarray  # (unit,)
    error: float  # |true N - N| and |true p - p|, entry by entry


class ReducedProblem(NamedTuple):
    """The problem in the free units; the decided ones, active first, have r or s equal to G r + g."""

    free: np.ndarray
    active: np.ndarray
    inactive: np.ndarray
    N: np.ndarray  # (free, free)
    p: np.ndarray  # (free,)
    error: float  # entry by entry
    G: np.ndarray  # (decided, free)
    g: np.ndarray  # (decided,)
    side_error: float  # entry by entry


def reduced(lcp: LCP, state: np.ndarray) -> ReducedProblem | None:
    """Eliminate what ``state`` (unit,) decides, +1 active, -1 inactive; None where N_AA may be singular."""
    free, active, inactive = (np.flatnonzero(state == k) for k in (0, 1, -1))
    others = np.concatenate([free, inactive])
    kept = np.column_stack([lcp.N[np.ix_(others, free)], -lcp.p[others]])
    eliminated, X_error = np.zeros((0, len(free) + 1)), 0.0
    if len(active):
        onto = np.column_stack([lcp.N[np.ix_(active, free)], -lcp.p[active]])
        answer = solved(lcp.N[np.ix_(active, active)], onto, lcp.error)
        if answer is None:
            return None
        eliminated, X_error = answer
    across = lcp.N[np.ix_(others, active)]
    rows = kept - across @ eliminated
    size = np.abs(kept) + np.abs(across) @ np.abs(eliminated)
    error = (
        2 * gamma(len(active) + 2) * size.max(initial=0.0) + np.abs(across).sum(1).max(initial=0.0) * X_error
    )
    error += lcp.error * (1 + (np.abs(eliminated).sum(0).max(initial=0.0) + len(active) * X_error))
    n = len(free)
    decided = np.concatenate([-eliminated, rows[n:]])
    return ReducedProblem(
        *(free, active, inactive, rows[:n, :-1], -rows[:n, -1], error),
        *(decided[:, :-1], decided[:, -1], max(X_error, error)),
    )


def solved(A: np.ndarray, b: np.ndarray, error: float) -> tuple[np.ndarray, float] | None:
    """A^-1 b and a bound of its error in every entry; None where A may be singular."""
    try:
        C = np.linalg.inv(A)
    except np.linalg.LinAlgError:
        return None
    n, size = len(A), np.abs(C).sum(1).max()
    defect = np.abs(np.eye(n) - C @ A).sum(1).max()
    defect += size * (2 * gamma(n) * np.abs(A).sum(1).max() + n * error)
    if not defect < 0.1:
        return None
    x = C @ b
    x += C @ (b - A @ x)
    residual = np.abs(b - A @ x) + 2 * gamma(n) * (np.abs(A) @ np.abs(x) + np.abs(b))
    residual += error * (1 + np.abs(x).sum(0))
    return x, float((np.abs(C) @ residual).max(initial=0.0) / (1 - defect)) * (1 + 1e-9)
