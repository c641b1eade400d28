"""Minima of q(x) = 1/2 |r(x)|^2, r(x) = (F(x, u) - x) / alpha or f(x, u) of a flow, from many starts at once.

First Levenberg and Marquardt, whose matrix A^T A (A = dr/dx) leaves out the curvature of r: cheap, and enough to reach
a root.  At a minimum with r != 0 the gradient A^T r vanishes, so A is singular there and what it leaves out decides;
so a start that stalls goes on with Newton's method on the gradient, with the whole Hessian
H = A^T A + sum_k r_k d^2 r_k, inside a trust region that is solved exactly (More and Sorensen 1983), which cannot
come to rest at a saddle of q.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import chunks, linalg
from ...systems.base import Bounds, System, mean_alpha, minus_identity
from ...systems.rest import AtRest

ROOT = 1e-12  # max |r|, relative to max(1, |x|), at or below which r counts as zero
EPS = torch.finfo(torch.float64).eps
DIFFERENCE = EPS ** (1 / 3)  # step of a central difference, relative

ACTIVE, SLOW, FIXED, OUTSIDE, STALLED, NON_FINITE = range(6)
STATUS = ("unfinished", "slow point", "fixed point", "outside", "stalled", "non-finite start")


class Residual:
    """r(x) = (F(x, u) - x) / alpha under one drive, with its derivatives; alpha = 1 unless the network leaks.  Units
    that differ in their time constants have the alpha of their mean.

    Divided by the leak, r is the vector field of the network's flow: what is slow does not depend on the time step.
    Of a flow, whose map at rest is x + h f(x, u), h takes the place of alpha.
    """

    def __init__(self, system: System, u: Tensor) -> None:
        self.system, self.u = system, u
        alpha = 1.0 if system.alpha is None else mean_alpha(system.alpha)
        self.rate = 1.0 / (system.pace if isinstance(system, AtRest) else alpha)
        self.zero = max(ROOT, 200 * EPS * self.rate)  # the rounding of F - x grows with the rate
        self._differentiable: bool | None = None

    def __call__(self, x: Tensor) -> Tensor:
        return self.rate * (self.system.step(x, self.u) - x)

    def slope(self, x: Tensor) -> Tensor:
        """A = dr/dx, (start, unit, unit)."""
        return self.rate * minus_identity(self.system.jacobian(x, self.u))

    def pulled_back(self, x: Tensor, r: Tensor) -> Tensor:
        """A(x)^T r without A, where automatic differentiation agrees with the system's own Jacobian."""
        if self._differentiable is None:
            exact = times(self.slope(x[:1]).mT, r[:1])
            quick = self._reverse(x[:1], r[:1])
            self._differentiable = quick is not None and torch.allclose(quick, exact, rtol=1e-9, atol=1e-12)
        quick = self._reverse(x, r) if self._differentiable else None
        return times(self.slope(x).mT, r) if quick is None else quick

    def vanishes(self, x: Tensor, r: Tensor) -> Tensor:
        """Can r not be told from zero?"""
        return r.abs().amax(-1) <= self.zero * x.abs().amax(-1).clamp_min(1.0)

    def _reverse(self, x: Tensor, r: Tensor) -> Tensor | None:
        with torch.enable_grad():
            z = x.detach().clone().requires_grad_(True)
            try:
                moved = self.system.step(z, self.u)
                back = torch.autograd.grad(moved, z, r)[0]
            except (RuntimeError, TypeError):  # foreign code that torch cannot differentiate
                return None
        return self.rate * (back - r)

    def hessian(self, x: Tensor, r: Tensor, A: Tensor) -> Tensor:
        """H = A^T A + sum_k r_k d^2 r_k / dx^2 of q, (start, unit, unit)."""
        m, n = x.shape
        h = DIFFERENCE * (1 + x.abs())
        steps = torch.diag_embed(h)
        curved = torch.empty_like(A)
        for rows in torch.arange(m, device=x.device).split(chunks.at_once(16 * n * n * 8)):
            z, d = x[rows, None], steps[rows]
            probes = torch.cat([z + d, z - d], 1).reshape(-1, n)
            pulled = self.pulled_back(probes, r[rows, None].expand(-1, 2 * n, -1).reshape(-1, n))
            plus, minus = pulled.reshape(len(rows), 2 * n, n).split(n, 1)
            curved[rows] = (plus - minus) / (2 * h[rows, :, None])
        return A.mT @ A + (curved + curved.mT) / 2


class Local(NamedTuple):
    """What is said of minima of q, in units of r."""

    gradients: np.ndarray  # (point,)  |grad q|
    curvatures: np.ndarray  # (point,)  least eigenvalue of the Hessian of q
    smallest: np.ndarray  # (point,)  least singular value of A
    passage_times: np.ndarray  # (point,)
    widths: np.ndarray  # (point,)
    kinds: np.ndarray  # (point,)  "flat", "kink" or nothing


class Descent(NamedTuple):
    """Where a batch of starts has got to."""

    x: Tensor  # (start, unit)
    status: Tensor  # (start,)  index into STATUS


def descend(residual: Residual, starts: Tensor, limit: Bounds) -> Descent:
    """Follow every start down to a root, or to the neighbourhood of a minimum (then STALLED)."""
    x = starts.clone()
    finite = torch.isfinite(x).all(-1)
    x[~finite] = 0.0
    status = torch.where(finite, ACTIVE, NON_FINITE)
    for rows in finite.nonzero()[:, 0].split(chunks.at_once(4 * 8 * x.shape[1] ** 2)):
        x[rows], status[rows] = levenberg_marquardt(residual, x[rows], limit)
    return Descent(x, status)


def levenberg_marquardt(residual: Residual, x: Tensor, limit: Bounds, max_steps: int = 150) -> Descent:
    """Damped Gauss-Newton steps, one damping per start; a start whose q has not fallen by 10 % in 6 steps stalls."""
    x, n = x.clone(), x.shape[1]
    status = torch.full(x.shape[:1], ACTIVE, device=x.device)
    r = residual(x)
    A = residual.slope(x)
    q = 0.5 * r.square().sum(-1)
    damping = 1e-3 * A.square().sum((-2, -1)) / n
    growth = torch.full_like(q, 2.0)
    record, patience = torch.full_like(q, torch.inf), torch.zeros_like(q)
    for _ in range(max_steps):
        rows = (status == ACTIVE).nonzero()[:, 0]
        if not len(rows):
            break
        B, s = A[rows], r[rows]
        g = times(B.mT, s)
        normal = B.mT @ B
        normal.diagonal(dim1=-2, dim2=-1).add_(damping[rows, None])
        p, usable = linalg.solve(normal, -g)
        trial = x[rows] + p
        s_trial = residual(trial)
        q_trial = 0.5 * s_trial.square().sum(-1)
        predicted = 0.5 * (p * (damping[rows, None] * p - g)).sum(-1)
        ratio = (q[rows] - q_trial) / predicted.clamp_min(1e-300)
        better = usable & within(trial, limit) & (ratio > 1e-4)
        factor = torch.where(better, (1 - (2 * ratio - 1) ** 3).clamp(1 / 5, 2), growth[rows])
        damping[rows] = damping[rows] * factor
        growth[rows] = torch.where(better, 2.0, 2 * growth[rows])
        won = rows[better]
        x[won], r[won], q[won] = trial[better], s_trial[better], q_trial[better]
        if len(won):
            A[won] = residual.slope(x[won])
        fell = q[rows] < 0.9 * record[rows]
        record[rows] = torch.where(fell, q[rows], record[rows])
        patience[rows] = torch.where(fell, 0.0, patience[rows] + 1)
        status[rows] = torch.where(patience[rows] >= 6, STALLED, ACTIVE)
        status[rows[residual.vanishes(x[rows], r[rows])]] = FIXED
    return Descent(x, torch.where(status == ACTIVE, STALLED, status))


def newton_on_gradient(residual: Residual, x: Tensor, limit: Bounds, max_steps: int = 60) -> Descent:
    """Newton steps on A^T r = 0 in a trust region, to the last digit; SLOW where they end at a minimum.

    A trial counts if q falls, or, where the fall of q is lost in its rounding, if the gradient does.
    """
    x, status = x.clone(), torch.full(x.shape[:1], ACTIVE, device=x.device)
    radius = 0.1 * (1 + x.norm(dim=-1))
    for _ in range(max_steps):
        rows = (status == ACTIVE).nonzero()[:, 0]
        if not len(rows):
            break
        z = x[rows]
        r = residual(z)
        A = residual.slope(z)
        g, q = times(A.mT, r), 0.5 * r.square().sum(-1)
        p, predicted = trust_region_step(residual.hessian(z, r, A), g, radius[rows])
        trial = z + p
        r_trial = residual(trial)
        q_trial = 0.5 * r_trial.square().sum(-1)
        fall = (q - q_trial) / predicted.clamp_min(1e-300)
        rounding = 4 * EPS * residual.rate * (1 + z.norm(dim=-1)) * r.norm(dim=-1)
        lost = predicted <= rounding + 1e-11 * q  # of q
        g_trial = residual.pulled_back(trial, r_trial)
        better = torch.where(lost, g_trial.norm(dim=-1) < g.norm(dim=-1), fall > 1e-4) & within(trial, limit)
        length = p.norm(dim=-1)
        grown = torch.maximum(radius[rows], 2 * length)
        radius[rows] = torch.where(
            better & ((fall > 0.5) | lost), grown, torch.where(better, radius[rows], 0.25 * length)
        )
        x[rows] = torch.where(better[:, None], trial, z)
        tiny = length <= 1e-14 * (1 + z.norm(dim=-1))
        ended = tiny | (lost & ~better)
        status[rows[ended]] = SLOW
        status[rows[residual.vanishes(x[rows], r)]] = FIXED
    return Descent(x, torch.where(status == ACTIVE, STALLED, status))


def trust_region_step(H: Tensor, g: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """The p that minimises g.p + 1/2 p.Hp within |p| <= radius, and by how much (More and Sorensen 1983).

    p = -(H + shift I)^-1 g with the least shift >= 0 that makes H + shift I positive definite and p short enough.
    """
    values, vectors = linalg.symmetric_eig(H)
    c = times(vectors.mT, g)
    top = values.abs().amax(-1).clamp_min(1e-300)
    low = (-values[:, 0]).clamp_min(0.0) + 1e-15 * top
    high = low + g.norm(dim=-1) / radius + top

    def lengths(shift: Tensor) -> Tensor:
        return (c / (values + shift[:, None])).norm(dim=-1)

    for _ in range(60):  # bisection: |p| falls as the shift grows
        middle = torch.sqrt(low * high)
        long = lengths(middle) > radius
        low, high = torch.where(long, middle, low), torch.where(long, high, middle)
    shift = torch.where((values[:, 0] > 0) & (lengths(torch.zeros_like(high)) <= radius), 0.0, high)
    y = -c / (values + shift[:, None])
    return times(vectors, y), -(c * y).sum(-1) - 0.5 * (values * y * y).sum(-1)


def within(x: Tensor, limit: Bounds) -> Tensor:
    """Is the state finite and inside the box?"""
    return ((x >= limit.lo) & (x <= limit.hi)).all(-1)


def times(A: Tensor, v: Tensor) -> Tensor:
    """A v for each element of a batch."""
    return (A @ v[..., None])[..., 0]
