"""Minima of q of a smooth map: what tells them from other places and from each other, and how long they hold."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ... import linalg
from ...systems.base import Bounds
from .descent import EPS, SLOW, STALLED, Descent, Local, Residual, newton_on_gradient, times


class SmoothMinima:
    """q near its minima, where it has second derivatives."""

    def __init__(self, residual: Residual) -> None:
        self.residual = residual

    def settle(self, x: Tensor, limit: Bounds) -> Descent:
        """Newton on the gradient; what it ends at counts if the Hessian there has no clearly negative eigenvalue."""
        if self.residual.system.regularity != "smooth":  # kinks, at places that the system does not tell
            return Descent(x, torch.full(x.shape[:1], STALLED, device=x.device))
        x, status = newton_on_gradient(self.residual, x, limit)
        rows = (status == SLOW).nonzero()[:, 0]
        if len(rows):
            status[rows[~self._is_minimum(x[rows])]] = STALLED
        return Descent(x, status)

    def same(self, here: Tensor, x: Tensor) -> Tensor:
        """Their gradients cannot be told apart: H (x_i - x_j) = 0 within rounding."""
        r, A, H = self._derivatives(here[None])
        d = x - here
        rounding = self._gradient_rounding(here[None], r, A) + H[0].norm() * EPS * d.norm(dim=-1)
        return (d @ H[0]).norm(dim=-1) <= 64 * rounding

    def describe(self, x: Tensor) -> Local:
        r, A, H = self._derivatives(x)
        curvatures = linalg.symmetric_eig(H)[0][:, 0]
        passing = [_bottleneck(*(t[i].cpu().numpy() for t in (r, A, H))) for i in range(len(x))]
        smallest, passage_times, widths = np.array(passing).reshape(-1, 3).T
        flat = (curvatures <= _curvature_doubt(H, A)).cpu().numpy()
        return Local(
            gradients=times(A.mT, r).norm(dim=-1).cpu().numpy(),
            curvatures=curvatures.cpu().numpy(),
            smallest=smallest,
            passage_times=passage_times,
            widths=widths,
            kinds=np.where(flat, "flat", ""),
        )

    def _derivatives(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        r, A = self.residual(x), self.residual.slope(x)
        return r, A, self.residual.hessian(x, r, A)

    def _is_minimum(self, x: Tensor) -> Tensor:
        """Is the gradient zero within rounding, and no eigenvalue of the Hessian clearly negative?"""
        r, A, H = self._derivatives(x)
        still = times(A.mT, r).norm(dim=-1) <= 64 * self._gradient_rounding(x, r, A)
        return still & (linalg.symmetric_eig(H)[0][:, 0] >= -_curvature_doubt(H, A))

    def _gradient_rounding(self, x: Tensor, r: Tensor, A: Tensor) -> Tensor:
        """How much of A^T r is rounding, (start,): of F - x, which the rate magnifies, of A, and of the product."""
        size, norm = self.residual.rate * (1 + x.norm(dim=-1)), torch.linalg.matrix_norm(A)
        return 8 * EPS * x.shape[1] ** 0.5 * (norm * size + (norm + size) * r.norm(dim=-1))


def _curvature_doubt(H: Tensor, A: Tensor) -> Tensor:
    """How well the least eigenvalue of a Hessian is known: rounding, and the error of its differenced part."""
    curved = torch.linalg.matrix_norm(H - A.mT @ A)
    return 10 * EPS * torch.linalg.matrix_norm(H) + 1e-8 * curved


def _bottleneck(r: np.ndarray, A: np.ndarray, H: np.ndarray) -> tuple[float, float, float]:
    """Smallest singular value of A, passage time pi / sqrt(a eps), and half width sqrt(eps / a)."""
    smallest, v = linalg.smallest_singular(A)
    speed = float(np.linalg.norm(r))
    bend = max(float(v @ H @ v) - float(np.sum((A @ v) ** 2)), 0.0)  # r.d2F(v, v)
    overlap = abs(float(r @ v)) / speed
    if overlap < 1e-8:  # none of the motion is along the mode: the normal form is another
        return smallest, np.nan, np.nan
    if bend == 0:
        return smallest, np.inf, np.inf
    return smallest, np.pi * overlap * np.sqrt(2 / bend), speed * np.sqrt(2 / bend)
