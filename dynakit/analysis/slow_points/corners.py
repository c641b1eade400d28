"""Minima of q = 1/2 |r|^2 at the kinks of a piecewise-linear map.

On a linear piece r is affine, and q has no minimum with r != 0 unless its matrix is singular: minima lie at kinks.
With r(x) = M x + B relu(y) + c, y = W x + b, and K the hinges with y_k = 0, q changes in the direction d at the rate

    g.d + sum over K of beta_k max(w_k.d, 0),    g = (M + B_+ W_+)^T r,   beta = B^T r,

(+ the active hinges outside K), which is nowhere negative if and only if g = - sum t_k w_k with 0 <= t_k <= beta_k.
An active-set method finds such a point: least squares on a face {y_K = 0} of a piece, up to the next hinge, which
joins K; a hinge whose t_k lies outside its interval is let go to the side on which q falls (Nocedal and Wright 2006,
sec. 16.5).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from ... import linalg
from ...systems.base import Bounds, Pieces, System
from .descent import EPS, FIXED, SLOW, STALLED, Descent, Local, Residual, within

MAX_CHANGES = 400  # of the working set


class Corner(NamedTuple):
    """A minimum of q at a kink."""

    x: np.ndarray  # (unit,)
    r: np.ndarray  # (unit,)
    held: np.ndarray  # (hinge,)  bool: the hinges at zero
    gradient: np.ndarray  # (unit,)  g + sum t_k w_k: zero but for rounding
    curvature: float  # least eigenvalue of the Hessian along the face; infinite at a vertex


class Corners:
    """q near its minima, where the map is made of linear pieces."""

    def __init__(self, residual: Residual, pieces: Pieces) -> None:
        self.residual, self.hinged = residual, Hinged(pieces, residual.rate)

    @classmethod
    def of(cls, system: System, u: Tensor) -> Corners | None:
        """Corners of a map that can say its pieces, one layer of them; None for any other."""
        pieces = system.pieces(u) if system.regularity == "piecewise_linear" else None
        if pieces is None or (pieces.L is not None and bool(pieces.L.any())):
            return None
        return cls(Residual(system, u), pieces)

    def settle(self, x: Tensor, limit: Bounds) -> Descent:
        """The active-set descent from each row."""
        x, status = x.clone(), torch.full(x.shape[:1], STALLED, device=x.device)
        for i, start in enumerate(x.cpu().numpy()):
            corner = self.hinged.descend(start)
            if corner is not None:
                x[i], status[i] = torch.from_numpy(corner.x), SLOW
        status[self.residual.vanishes(x, self.residual(x))] = FIXED
        return Descent(x, torch.where(within(x, limit), status, STALLED))

    def same(self, here: Tensor, x: Tensor) -> Tensor:
        """Closer than rounding of r moves the minimum of a piece's face."""
        corner = self.hinged.descend(here.cpu().numpy())
        assert corner is not None
        size = self.residual.rate * (1 + float(here.norm()))
        spread = (
            1e3
            * EPS
            * len(here) ** 0.5
            * size
            / min(max(np.sqrt(corner.curvature), 1e-300), self.residual.rate)
        )
        return (x - here).norm(dim=-1) <= spread

    def describe(self, x: Tensor) -> Local:
        found = [self.hinged.descend(z) for z in x.cpu().numpy()]
        slopes = self.residual.slope(x).cpu().numpy()
        unknown = np.full(len(x), np.nan)
        return Local(
            gradients=np.array([np.linalg.norm(c.gradient) for c in found if c is not None]),
            curvatures=np.array([c.curvature for c in found if c is not None]),
            smallest=np.array([linalg.smallest_singular_value(A) for A in slopes]),
            passage_times=unknown,
            widths=unknown,
            kinds=np.array(["kink" if c is not None and c.held.any() else "flat" for c in found], "<U4"),
        )


class Hinged:
    """r of a piecewise-linear map with one layer of hinges, times the rate."""

    def __init__(self, pieces: Pieces, rate: float) -> None:
        self.W, self.b = pieces.W.cpu().numpy(), pieces.b.cpu().numpy()
        self.M = rate * (pieces.A.cpu().numpy() - np.eye(len(pieces.c)))
        self.B, self.c = rate * pieces.B.cpu().numpy(), rate * pieces.c.cpu().numpy()
        self.size = np.abs(self.W).sum(axis=1)

    def descend(self, x: np.ndarray) -> Corner | None:
        """Follow q down from ``x`` to a minimum; None if the search does not end."""
        held = self._touching(x)
        active = (self.W @ x + self.b > 0) & ~held
        for _ in range(MAX_CHANGES):
            matrix = self.M + self.B[:, active] @ self.W[active]
            r = self.M @ x + self.B[:, active] @ (self.W[active] @ x + self.b[active]) + self.c
            Z = _null_space(self.W[held]) if held.any() else np.eye(len(x))
            p = Z @ np.linalg.lstsq(matrix @ Z, -r, rcond=1e-14)[0] if Z.shape[1] else np.zeros(len(x))
            t, k = self._next_hinge(x, p, active, held)
            x = x + min(t, 1.0) * p
            if t < 1.0:
                held[k], active[k] = True, False
                continue
            r = r + matrix @ p
            falling, rising, multipliers = self._slack(matrix, r, held)
            slack = np.minimum(falling, rising)
            if (slack >= 0).all():
                curvature = np.linalg.svd(matrix @ Z, compute_uv=False)[-1] ** 2 if Z.shape[1] else np.inf
                gradient = matrix.T @ r + self.W[held].T @ multipliers
                return Corner(x, r, held, gradient, float(curvature))
            worst = int(slack.argmin())
            k = np.flatnonzero(held)[worst]
            held[k], active[k] = False, rising[worst] < falling[worst]
        return None

    def _touching(self, x: np.ndarray) -> np.ndarray:
        """The hinges that are at zero within rounding."""
        return np.abs(self.W @ x + self.b) <= 1e-13 * (self.size * (1 + np.abs(x).max()) + np.abs(self.b))

    def _next_hinge(
        self, x: np.ndarray, p: np.ndarray, active: np.ndarray, held: np.ndarray
    ) -> tuple[float, int]:
        """How far along p, as a share of it, the first hinge changes sides, and which."""
        y, slope = self.W @ x + self.b, self.W @ p
        towards = ~held & np.where(active, slope < 0, slope > 0) & (np.abs(slope) > 1e-14 * self.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(towards, np.maximum(-y / slope, 0.0), np.inf)
        k = int(share.argmin()) if share.size else 0
        return (float(share[k]), k) if share.size else (np.inf, 0)

    def _slack(self, matrix: np.ndarray, r: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, ...]:
        """The rates t_k and beta_k - t_k at which q grows where a hinge falls or rises, and the t_k; rounding allowed.

        Where several hinges meet in fewer dimensions the t_k are not unique: any that fit will do.
        """
        g, beta, W = matrix.T @ r, self.B[:, held].T @ r, self.W[held]
        t = np.linalg.lstsq(W.T, -g, rcond=None)[0]
        tolerance = 1e-10 * (np.abs(t) + np.abs(beta) + np.linalg.norm(g))
        if (
            (np.minimum(t, beta - t) < -tolerance).any()
            and (beta > 0).all()
            and np.linalg.matrix_rank(W) < len(W)
        ):
            bounded = scipy.optimize.lsq_linear(W.T, -g, (np.zeros_like(beta), beta), method="bvls")
            if np.linalg.norm(W.T @ bounded.x + g) <= 1e-10 * (1e-300 + np.linalg.norm(g)):
                return tolerance, tolerance, bounded.x
        return t + tolerance, beta - t + tolerance, t


def _null_space(rows: np.ndarray) -> np.ndarray:
    _, s, vt = np.linalg.svd(rows)
    return vt[int((s > 1e-12 * s[0]).sum()) :].T
