"""The linear map that carries the states of a network one step on, in coordinates that belong to no basis of its units.

States and their n_delays - 1 predecessors side by side, H (row, delay x unit), newest first; the singular vectors of
all rows of all trials, H = U S V^T, are whitened coordinates, of which r are kept; the operator is the least-squares A
of u_(t+1) = A u_t within trials (Ostrow et al. 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import checks, linalg
from ...checks import count, number
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result
from .shapes import SINGULAR


@dataclass(frozen=True, kw_only=True, repr=False)
class FittedOperator(Result):
    """A linear map that carries states one step on, and how well.

    Attributes:
        singular_values: (component,) of all delayed states, falling
        operator: (coordinate, coordinate) A, which carries coordinates one step on
        basis: (delay x unit, coordinate) delayed states, newest first, times this are the coordinates
        residual: |u_(t+1) - A u_t| relative to |u_(t+1)|, over all steps, 0..1
        n_delays: states side by side, the newest first
        ridge: what was added to the diagonal of the normal equations
        n_steps: pairs of rows it was fitted to
    """

    singular_values: np.ndarray
    operator: np.ndarray
    basis: np.ndarray
    residual: float
    n_delays: int
    ridge: float
    n_steps: int

    @property
    def rank(self) -> int:
        """How many coordinates were kept."""
        return len(self.operator)

    @property
    def eigenvalues(self) -> np.ndarray:
        """(coordinate,) of the operator, by falling modulus; stable inside the unit circle."""
        return linalg.eigvals(self.operator)

    @property
    def full(self) -> bool:
        """Whether every direction in which the states vary was kept."""
        return self.rank == _rank(self.singular_values)

    def headline(self) -> str:
        kept = "all" if self.full else f"{self.rank} of {_rank(self.singular_values)}"
        radius = np.abs(self.eigenvalues).max()
        return f"rank {self.rank} ({kept} directions), spectral radius {radius:.4g}, residual {self.residual:.2g}"

    def table(self) -> dict[str, np.ndarray]:
        """One row for each direction in which the states vary."""
        kept = np.arange(len(self.singular_values)) < self.rank
        return {"singular_value": self.singular_values, "kept": kept}


@with_provenance
def fit_operator(X: Any, *, n_delays: int = 1, rank: int | None = None, ridge: float = 0.0) -> FittedOperator:
    """The operator that carries states one step on, in whitened delay coordinates: what dynamical similarity compares.

    **At full rank the operator is the same, up to a rotation, for every invertible linear image of the states**, and
    linear copies of units change nothing.  A smaller rank keeps the directions of most variance, which depend on the
    coordinates: compare at two ranks.  States are not centred: what is linear about a point needs that point at 0.

    Arguments:
        X: (trial, time, unit) states, or (time, unit) of one trial.
        n_delays: how many states, the newest and those before it, are one row: more where units are not seen.
        rank: how many coordinates to keep; None: all in which the rows vary (singular values over 1e-10 of the first).
        ridge: added to the diagonal of the normal equations; the coordinates have norm 1 over all rows.

    Raises InputError, naming the argument: states that are not finite or all 0, trials of fewer steps than n_delays
    + 1, fewer steps than coordinates, a rank larger than the directions in which the states vary.

    Source: M. Ostrow, A. Eisen, L. Kozachkov and I. Fiete, NeurIPS (2023).

    >>> A, x = np.array([[0.9, -0.3], [0.3, 0.9]]), [np.array([1.0, 0.0])]
    >>> for _ in range(20):
    ...     x.append(A @ x[-1])
    >>> fit_operator(np.array(x)).eigenvalues.round(9).tolist()  # those of A, in whatever coordinates
    [(0.9+0.3j), (0.9-0.3j)]
    """
    states = _trials(X)
    n_delays = count("n_delays", n_delays)
    ridge = number("ridge", ridge, above=0.0)
    rows = _delayed(states, n_delays)
    with linalg.one_thread():
        left, s, right = np.linalg.svd(rows.reshape(-1, rows.shape[2]), full_matrices=False)
        r = _kept(rank, s)
        u = left[:, :r].reshape(*rows.shape[:2], r)
        before, after = u[:, :-1].reshape(-1, r), u[:, 1:].reshape(-1, r)
        if len(before) < r:
            raise InputError(
                f"X has {len(before)} steps and {r} coordinates: with fewer steps than coordinates every operator "
                "fits; use more trials, fewer delays, or a smaller rank"
            )
        A = _solved(before, after, ridge)
    return FittedOperator(
        singular_values=s,
        operator=A,
        basis=right[:r].T / s[:r],
        residual=float(np.linalg.norm(after - before @ A.T) / np.linalg.norm(after)),
        n_delays=n_delays,
        ridge=ridge,
        n_steps=len(before),
    )


def _trials(X: Any) -> np.ndarray:
    states = checks.states("X", X, (..., "time", "unit"), finite=True)
    if states.ndim not in (2, 3):
        raise InputError(f"X must have shape (trial, time, unit) or (time, unit), got {states.shape}")
    if not states.shape[-1]:
        raise InputError(f"X must have at least one unit, got shape {states.shape}")
    if not states.any():
        raise InputError("X must not be 0 throughout: nothing moves, and no direction is seen")
    return states.reshape(-1, *states.shape[-2:])


def _delayed(states: np.ndarray, n_delays: int) -> np.ndarray:
    """(trial, row, delay x unit), the newest state first."""
    n_times = states.shape[1]
    if n_times <= n_delays:
        raise InputError(
            f"X must have more than n_delays = {n_delays} steps in a trial, for rows to follow each other, got "
            f"{n_times}"
        )
    return np.concatenate([states[:, n_delays - 1 - d : n_times - d] for d in range(n_delays)], axis=2)


def _rank(s: np.ndarray) -> int:
    """In how many directions the rows vary."""
    return int((s > SINGULAR * s[0]).sum())


def _kept(rank: Any, s: np.ndarray) -> int:
    most = _rank(s)
    if rank is None:
        return most
    if count("rank", rank) > most:
        raise InputError(
            f"rank must be at most {most}, the directions in which the rows of X vary, got {rank}"
        )
    return int(rank)


def _solved(before: np.ndarray, after: np.ndarray, ridge: float) -> np.ndarray:
    if ridge > 0:
        return linalg.ridge(before, after, np.full(before.shape[1], ridge))[0].T
    return linalg.least_squares(before, after)[0].T
