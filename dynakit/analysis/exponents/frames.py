"""Trajectories that carry a frame of directions: T <- J T, brought back to orthonormal from time to time.

With the directions as columns Q, one interval of k steps gives J_k ... J_1 Q = Q' R; the logarithms of R's diagonal,
summed along a trajectory, grow as the Lyapunov exponents (Benettin, Galgani, Giorgilli and Strelcyn 1980).  Within an
interval all directions turn towards the fastest: the share of the slowest shrinks by the spread of the exponents times
k, and its digits with it, so k follows from the spread (von Bremen, Udwadia and Proskurowski 1997 on what is lost).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import linalg, resumption, seeding
from ...systems.base import System

SAFE_SPREAD = 20.0  # nats between the fastest and the slowest direction over one interval
DIGITS = 1e-6  # nats: to which the growth over an interval must be right
EVEN = 1e3  # between the sizes of columns: it costs no digits that matter


class StepAgain(NamedTuple):
    """How a step is taken again, for some starts (row,)."""

    jacobians: Callable[[Tensor], list[Tensor]]  # of rows: factors (row, unit, unit), the first acts first
    push: Callable[[Tensor, Tensor], Tensor] | None = None  # of rows and directions: those moved


class Carried(NamedTuple):
    """A frame that has been moved and made orthonormal again."""

    Q: Tensor  # (start, direction, unit)
    L: Tensor  # (start, direction, direction)  what was moved is L Q
    growth: Tensor  # (start, direction)  ln |L_ii|
    gone: Tensor  # (start, direction)  sent to zero


class Frames:
    """Flat batches of states x (start, unit) and directions T (start, direction, unit), moved together.

    A trajectory that leaves the finite numbers stays at its last finite state and is marked with the step.  A
    direction that the map sends to zero is lost for good: the product of Jacobians has lost a rank.  That it shrinks
    by more than 16 digits in a step is no loss: growth that drowns in the rounding of the fastest direction's is found
    again with the sizes of units taken out.  Lost directions are zero rows behind all others.
    """

    def __init__(self, system: System, x: Tensor, n_directions: int) -> None:
        self.system, self.x = system, x
        draws = seeding.stream(0, "frame").standard_normal((1, n_directions, system.state_size))
        frame = linalg.orthonormalize(torch.from_numpy(draws).to(x))[0]
        self.T = frame.expand(len(x), -1, -1).clone()  # generic: a frame along the axes may never turn
        self.lost = torch.zeros(len(x), n_directions, dtype=torch.bool, device=x.device)
        self.n_done = self.n_again = 0  # steps, and frames for which they had to be taken again
        self._from, self._steps = self.T, list[StepAgain]()  # since the frame was orthonormal
        self.left_at = torch.where(torch.isfinite(x).all(-1), -1, 0)
        self.x = torch.where(self.inside[:, None], x, 0.0)
        self.all_inside = bool(self.inside.all())

    def arrays(self) -> resumption.Arrays:
        """All that the steps to come go on from, where the frame is orthonormal."""
        counts = np.array([self.n_done, self.n_again])
        tensors = {"x": self.x, "T": self.T, "lost": self.lost, "left_at": self.left_at}
        return {"steps": counts, **{name: tensor.cpu().numpy() for name, tensor in tensors.items()}}

    def put(self, arrays: resumption.Arrays) -> None:
        """Go on from what :meth:`arrays` gave."""
        self.n_done, self.n_again = arrays["steps"].tolist()
        for name in ("x", "T", "lost", "left_at"):
            setattr(self, name, torch.from_numpy(arrays[name]).to(self.x.device))
        self._steps, self.all_inside = [], bool(self.inside.all())

    @property
    def inside(self) -> Tensor:
        """(start,)  still finite."""
        return self.left_at < 0

    def step(self, u: Tensor) -> None:
        """One step under the inputs u (start, input)."""
        system, x = self.system, self.x
        again = StepAgain(
            lambda rows: system._jacobian_factors(x[rows], u[rows]),
            lambda rows, T: system._push(x[rows], u[rows], T)[1],
        )
        self.moved(*system._push(x, u, self.T), again)

    def moved(self, x: Tensor, T: Tensor, again: StepAgain) -> None:
        """One step that leads to the states x and the directions T, and how it is taken again."""
        self.n_done += 1
        if not self._steps:
            self._from = self.T
        self._steps.append(again)
        if self.all_inside and bool(torch.isfinite(x.sum() + T.sum())):
            self.x, self.T = x, T
            return
        fine = torch.isfinite(x).all(-1) & torch.isfinite(T).all(-1).all(-1)
        self.left_at = torch.where(self.inside & ~fine, self.n_done, self.left_at)
        self.x = torch.where(self.inside[:, None], x, self.x)
        self.T = torch.where(self.inside[:, None, None], T, self.T)
        self.all_inside = bool(self.inside.all())

    def orthonormalize(self) -> tuple[Tensor, Tensor]:
        """Make the frame orthonormal again; the growth ln |R_ii| (start, direction) since the last time, and R^T.

        The growth is -inf for a direction that is lost, and NaN for a trajectory that has left.
        """
        Q, L = linalg.orthonormalize(self.T)
        growth = _log_diagonal(L)
        if not float(growth.amax() - growth.amin()) < SAFE_SPREAD / 2:  # NaN too
            Q, L, growth = self._again(Q, L, growth)
        self.T, self._steps = Q, []
        return growth if self.all_inside else torch.where(self.inside[:, None], growth, torch.nan), L

    def _again(self, Q: Tensor, L: Tensor, growth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same, step by step, for the starts whose slowest directions lie in the rounding of others."""
        doubted = (_digits_lost(L) & ~self.lost).any(-1) & self.inside
        if bool(doubted.any()) and self._steps:
            self.n_again += 1
            rows = doubted.nonzero()[:, 0]
            again = self._step_by_step(rows)
            Q, L, growth = (old.index_copy(0, rows, new) for old, new in zip((Q, L, growth), again))
        return Q.masked_fill(self.lost[..., None], 0.0), L, growth.masked_fill(self.lost, -torch.inf)

    def _step_by_step(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames, factors and growth of some starts since the last time, with all the digits that there are."""
        T, L = self._from[rows], torch.eye(self.T.shape[1]).to(self.T).expand(len(rows), -1, -1)
        growth = torch.zeros_like(T[..., 0])
        for step in self._steps:
            for following, factor, logs, gone in self._carry(step, rows, T):
                gone = gone & ~self.lost[rows]
                if bool(gone.any()):
                    self._lose(rows, gone)
                    return self._step_by_step(rows)
                T, L, growth = following, L @ factor, growth + logs
        return T, L, growth

    def _carry(self, step: StepAgain, rows: Tensor, T: Tensor) -> Iterator[Carried]:
        """A frame along one step: at once where that leaves the digits, or else factor by factor."""
        lost = self.lost[rows]
        if step.push is not None and len(self._steps) > 1:
            Q, L = linalg.orthonormalize(step.push(rows, T))
            if not bool((_digits_lost(L) & ~lost).any()):
                yield Carried(
                    Q.masked_fill(lost[..., None], 0.0), L, _log_diagonal(L), torch.zeros_like(lost)
                )
                return
        for J in step.jacobians(rows):
            moved = carried(T, J)
            T = moved.Q.masked_fill(lost[..., None], 0.0)
            yield moved._replace(Q=T)

    def _lose(self, rows: Tensor, gone: Tensor) -> None:
        """Zero the directions that are gone and put them last: a frame is built from the front."""
        lost = self.lost[rows] | gone
        order = lost.to(torch.int8).argsort(dim=-1, stable=True)
        lost = lost.gather(-1, order)
        T = self._from[rows]
        T = T.gather(1, order[..., None].expand_as(T)).masked_fill(lost[..., None], 0.0)
        self.lost, self._from = self.lost.index_copy(0, rows, lost), self._from.index_copy(0, rows, T)


def _digits_lost(L: Tensor) -> Tensor:
    """Which diagonal entries of L = R^T have few digits left (start, direction); so has a row of zeros.

    Errors dT_j of the rows T_j = (L Q)_j change ln |L_ii| by sum_j (L^-1)_ij dT_j . Q_i (Stewart 1977), and rounding is
    of the size of |T_j|: what they come to is the norm of row i of the inverse of L with rows of length one.
    """
    rounding = torch.finfo(L.dtype).eps / 2
    unit = L / L.norm(dim=-1, keepdim=True)
    eye = torch.eye(L.shape[-1], dtype=L.dtype, device=L.device).expand_as(L)
    return ~(rounding * torch.linalg.solve_triangular(unit, eye, upper=False).norm(dim=-1) < DIGITS)


def carried(T: Tensor, J: Tensor) -> Carried:
    """J T made orthonormal.

    ``T`` (start, direction, unit), ``J`` (start, unit, unit).  Saturated units make rows of J small, or columns, by
    more than 16 digits: first the columns' sizes are taken out, where they differ much, then the rows'.
    """
    sizes = J.abs().amax(-2)
    if bool((sizes.amin(-1) * EVEN >= sizes.amax(-1)).all()):
        only = linalg.orthonormalize_graded(T @ J.mT)
        return Carried(only.Q, only.L, _log_diagonal(only.L), only.dependent)
    first = linalg.orthonormalize_graded(T * sizes[:, None])
    second = linalg.orthonormalize_graded(first.Q @ (J / sizes.masked_fill(sizes == 0, 1.0)[:, None]).mT)
    gone = torch.where(first.dependent.any(-1, keepdim=True), first.dependent, second.dependent)
    growth = _log_diagonal(first.L) + _log_diagonal(second.L)
    return Carried(second.Q, first.L @ second.L, growth, gone)


def _log_diagonal(L: Tensor) -> Tensor:
    return L.diagonal(dim1=-2, dim2=-1).abs().log()
