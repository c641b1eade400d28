"""Newton's method on r(x) = F(x, u) - x, from many starts at once, each with its own trust region.

A step-capped Newton iteration without a merit function comes first: it crosses the ridges at which descent
stalls and, on a piecewise-linear map, jumps from region to region until a region holds its own fixed point.
Where most starts do not arrive that way, Powell's dogleg follows (Powell 1970; Nocedal and Wright 2006, ch. 4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .. import linalg
from ..systems.base import Box, System, minus_identity

CHUNK_BYTES = 64 * 2**20  # of Jacobians held at once
ROUGH = 1e-9  # residual at which a start is handed to the polish
ACCEPT = 1e-12  # residual of an accepted root, relative to max(1, |x|)

ACTIVE, CONVERGED, STALLED, RUNAWAY, NON_FINITE = range(5)
STATUS = ("unfinished", "converged", "stalled", "diverged", "non-finite start")


class Iterates(NamedTuple):
    """Where a batch of starts has got to."""

    x: Tensor  # (start, unit)
    status: Tensor  # (start,)  index into STATUS


def find_roots(system: System, starts: Tensor, u: Tensor, box: Box | None) -> tuple[Iterates, Tensor]:
    """Follow every start; returns the polished iterates and their residuals max |F(x) - x|."""
    x = starts.clone()
    finite = torch.isfinite(x).all(-1)
    x[~finite] = 0.0
    if box is not None:
        x = torch.minimum(torch.maximum(x, box.lo), box.hi)
    limit = _limits(x, box)
    status = torch.where(finite, ACTIVE, NON_FINITE)
    reached = x.clone()
    for strategy in (capped_newton, trust_region):
        todo = (status == ACTIVE) | (status == STALLED) | (status == RUNAWAY)
        if strategy is trust_region and (system.regularity != "smooth" or 2 * int(todo.sum()) <= len(todo)):
            break  # a piecewise-linear merit stalls at kinks; and where most starts arrive, the rest add nothing
        for rows in todo.nonzero()[:, 0].split(_chunk(system)):
            result = strategy(system, x[rows], u.expand(len(rows), -1), limit)
            reached[rows], status[rows] = result.x, result.status
    residual = torch.full(x.shape[:1], torch.inf, dtype=x.dtype, device=x.device)
    for rows in (status == CONVERGED).nonzero()[:, 0].split(_chunk(system)):
        reached[rows], residual[rows], sure = polish(system, reached[rows], u.expand(len(rows), -1))
        status[rows[~sure]] = STALLED
    return Iterates(reached, status), residual


def _chunk(system: System) -> int:
    return max(1, CHUNK_BYTES // (4 * 8 * system.state_size**2))


def _limits(x: Tensor, box: Box | None) -> Box:
    """How far an iterate may go before it counts as diverged."""
    if box is not None:
        middle, radius = (box.hi + box.lo) / 2, (box.hi - box.lo) / 2
        return Box(middle - 3 * radius - 1, middle + 3 * radius + 1)
    reach = 1e3 * (1 + x.abs().amax(0))
    return Box(-reach, reach)


def spread(x: Tensor) -> float:
    """Typical distance of a start from their mean; 1 for a single start."""
    distance = float((x - x.mean(0)).norm(dim=1).mean())
    return distance if distance > 0 else 1.0


def iterate(
    system: System,
    x: Tensor,
    u: Tensor,
    limit: Box,
    update: Callable[..., tuple[Tensor, Tensor]],
    max_steps: int,
) -> Iterates:
    """The loop both strategies share: ``update(rows, x, u, r, J) -> (next x, gave up)`` until each start is done."""
    x, status = x.clone(), torch.full(x.shape[:1], ACTIVE, device=x.device)
    for _ in range(max_steps):
        rows = (status == ACTIVE).nonzero()[:, 0]
        if not len(rows):
            break
        z, v = x[rows], u[rows]
        r = system.step(z, v) - z
        size = r.abs().amax(-1)
        done = size <= ROUGH * (1 + z.abs().amax(-1))
        away = ~torch.isfinite(size) | (z < limit.lo).any(-1) | (z > limit.hi).any(-1)
        status[rows[done]], status[rows[away]] = CONVERGED, RUNAWAY
        going = ~done & ~away
        if not bool(going.any()):
            continue
        rows, z, v, r = rows[going], z[going], v[going], r[going]
        x[rows], gave_up = update(rows, z, v, r, system.jacobian(z, v))
        status[rows[gave_up]] = STALLED
    return Iterates(x, torch.where(status == ACTIVE, STALLED, status))


def capped_newton(system: System, x: Tensor, u: Tensor, limit: Box, max_steps: int = 25) -> Iterates:
    """Full Newton steps, shortened to a cap where the map is smooth; no merit function, so no local minima."""
    smooth = system.regularity == "smooth"
    cap = max(0.2 * x.shape[-1] ** 0.5, 0.5 * spread(x)) if smooth else torch.inf

    def update(rows: Tensor, z: Tensor, v: Tensor, r: Tensor, J: Tensor) -> tuple[Tensor, Tensor]:
        p, usable = system.newton_step(z, v, r, J)
        length = p.norm(dim=-1, keepdim=True)
        return z + p * (cap / length.clamp_min(1e-300)).clamp_max(1.0), ~usable

    return iterate(system, x, u, limit, update, max_steps)


def trust_region(system: System, x: Tensor, u: Tensor, limit: Box, max_steps: int = 60) -> Iterates:
    """Powell's dogleg with one radius per start; a start whose merit has not fallen by 10 % in 6 steps gives up."""
    size = spread(x)
    radius = torch.full(x.shape[:1], 0.25 * size, dtype=x.dtype, device=x.device)
    record = torch.full_like(radius, torch.inf)
    patience = torch.zeros_like(radius)

    def update(rows: Tensor, z: Tensor, v: Tensor, r: Tensor, J: Tensor) -> tuple[Tensor, Tensor]:
        A = minus_identity(J)
        q = 0.5 * r.square().sum(-1)
        p = _dogleg(system, z, v, r, J, A, radius[rows])
        predicted = q - 0.5 * (r + _times(A, p)).square().sum(-1)
        trial = z + p
        q_trial = 0.5 * (system.step(trial, v) - trial).square().sum(-1)
        ratio = (q - q_trial) / predicted.clamp_min(1e-300)
        better = torch.isfinite(q_trial) & ((ratio > 1e-4) | ((q < 1e-20) & (q_trial <= q)))
        length = p.norm(dim=-1)
        grown = torch.maximum(radius[rows], 2.5 * length).clamp_max(2 * size)
        shrunk = 0.3 * torch.minimum(length, radius[rows])
        good, poor = better & (ratio > 0.75), ~better | (ratio < 0.25)
        radius[rows] = torch.where(good, grown, torch.where(poor, shrunk, radius[rows]))
        fell = q < 0.9 * record[rows]
        record[rows] = torch.where(fell, q, record[rows])
        patience[rows] = torch.where(fell, 0.0, patience[rows] + 1)
        return torch.where(better[:, None], trial, z), patience[rows] >= 6

    return iterate(system, x, u, limit, update, max_steps)


def _times(A: Tensor, v: Tensor) -> Tensor:
    return (A @ v[..., None])[..., 0]


def _dogleg(system: System, x: Tensor, u: Tensor, r: Tensor, J: Tensor, A: Tensor, radius: Tensor) -> Tensor:
    """The step along Powell's path: to the Cauchy point, then towards Newton's, as far as the radius allows."""
    g = _times(A.mT, r)
    Ag = _times(A, g)
    cauchy = -(g.square().sum(-1) / Ag.square().sum(-1).clamp_min(1e-300))[:, None] * g
    newton, usable = system.newton_step(x, u, r, J)
    newton = torch.where(usable[:, None], newton, cauchy)
    n_newton, n_cauchy = newton.norm(dim=-1), cauchy.norm(dim=-1)
    way = newton - cauchy
    a = way.square().sum(-1).clamp_min(1e-300)
    b = 2 * (cauchy * way).sum(-1)
    c = n_cauchy**2 - radius**2
    t = ((-b + (b * b - 4 * a * c).clamp_min(0).sqrt()) / (2 * a)).clamp(0, 1)
    between = cauchy + t[:, None] * way
    short = cauchy * (radius / n_cauchy.clamp_min(1e-300))[:, None]
    p = torch.where((n_cauchy >= radius)[:, None], short, between)
    return torch.where((n_newton <= radius)[:, None], newton, p)


def polish(system: System, x: Tensor, u: Tensor, max_steps: int = 40) -> tuple[Tensor, Tensor, Tensor]:
    """Newton to the last digit, keeping the best iterate; returns x, max |F(x) - x|, and whether it is a root.

    A root has a residual of at most ACCEPT and a short last Newton step, or I - J that is singular to working
    precision (a root that is not isolated): a small residual alone also occurs far from any root, in a valley.
    """
    best = x.clone()
    least = x.new_full(x.shape[:1], torch.inf)
    step = torch.full_like(least, torch.inf)
    for _ in range(max_steps):
        r = system.step(x, u) - x
        p, usable = system.newton_step(x, u, r)
        size, length = r.abs().amax(-1), p.abs().amax(-1)
        improved = size <= least
        best = torch.where(improved[:, None], x, best)
        least = torch.where(improved, size, least)
        step = torch.where(improved, torch.where(usable, length, 0.0), step)
        if bool(((length <= 1e-15 * (1 + x.abs().amax(-1))) | ~improved).all()):
            break
        x = torch.where((improved & usable)[:, None], x + p.clamp(-0.1, 0.1), x)
    scale = best.abs().amax(-1).clamp_min(1.0)
    long = step > 1e-4 * scale
    if bool(long.any()):
        step[long] = torch.where(_is_singular(system, best[long], u[long]), 0.0, step[long])
    return best, least, (least <= ACCEPT * scale) & (step <= 1e-4 * scale)


def _is_singular(system: System, x: Tensor, u: Tensor) -> Tensor:
    """Is I - J singular to working precision?"""
    A = minus_identity(system.jacobian(x, u))
    eps = A.shape[-1] * torch.finfo(A.dtype).eps
    smallest = [linalg.smallest_singular_value(a) for a in A.cpu().numpy()]
    return torch.tensor(smallest).to(A) <= 4 * eps * (1 + torch.linalg.matrix_norm(A))
