"""Newton's method on r(x) = F(x, u) - x, from many starts at once.

The rough phase runs in float32 where the map has a twin in float32.  A step-capped Newton iteration without a merit
function comes first: it crosses the ridges at which descent stalls and, on a piecewise-linear map, jumps from
region to region until a region holds its own fixed point.  Where most starts do not arrive that way, Powell's
dogleg follows, with one trust radius per start (Powell 1970; Nocedal and Wright 2006, ch. 4).  What arrives is
polished in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import chunks, linalg, resumption
from ...systems.base import Bounds, System, minus_identity
from .known import FROM, Known

NEAR = 1e-3  # residual and Newton step, relative to 1 + |x|, at which a start is handed to the polish
SMALL = {torch.float64: 1e-9, torch.float32: 2e-6}  # and the residual, relative to 1 + |x|, at which any start is
FLAT = 1e-6  # singular value of J - I that is taken for none where the matrix has no inverse
GLANCE = 16  # starts that are asked first whether lines of roots may be near
TAIL = 8  # steps after which the last few starts of a batch are given up: fresh ones find more
FEW, FEW_LARGE = (
    1 / 32,
    1 / 10,
)  # which share of the batch that is; of a large system, where a step costs more
ACCEPT = 1e-12  # residual of an accepted root, relative to max(1, |x|)

ACTIVE, CONVERGED, STALLED, RUNAWAY, NON_FINITE, HELD = range(6)
STATUS = ("unfinished", "converged", "stalled", "diverged", "non-finite start", "converged")


class Iterates(NamedTuple):
    """Where a batch of starts has got to."""

    x: Tensor  # (start, unit)
    status: Tensor  # (start,)  index into STATUS; HELD is within a region where a root is known to be alone
    owner: Tensor  # (start,)  the root that holds it, or -1


Strategy = Callable[[System, Tensor, Tensor, Bounds, Known], Iterates]


def chunk_of(system: System) -> int:
    """How many states' Jacobians may be in memory at once, with what is made of them."""
    itemsize = torch.finfo(system.dtype).bits // 8
    return chunks.at_once(4 * itemsize * system.state_size**2)


class Newton:
    """The search under one drive: from starts to the neighbourhood of roots."""

    def __init__(self, system: System, u: Tensor, box: Bounds | None) -> None:
        self.rough = system.single_precision() or system
        self.smooth = system.regularity == "smooth"
        self.u, self.box = u.to(self.rough.dtype), box
        self.chunk = chunk_of(self.rough)

    def clip(self, starts: Tensor) -> Tensor:
        """Starts within the box, infinite along some units maybe; rows that are not finite stay, to be marked later."""
        if self.box is None:
            return starts
        return torch.minimum(torch.maximum(starts, self.box.lo), self.box.hi)

    def follow(self, strategy: Strategy, starts: Tensor, known: Known) -> Iterates:
        """Follow every start; those that are not finite are marked and left where they are."""
        x = starts.to(self.rough.dtype, copy=True)  # they may be the caller's own
        finite = torch.isfinite(x).all(-1)
        status = torch.where(finite, STALLED, NON_FINITE)
        owner = torch.full_like(status, -1)
        if bool(finite.any()):
            limit = _limits(x[finite], self.box)
            n_parts = -(-int(finite.sum()) // self.chunk)
            for rows in finite.nonzero()[:, 0].tensor_split(n_parts):
                result = self._followed(strategy, x[rows], limit, known)
                x[rows], status[rows], owner[rows] = result.x, result.status, result.owner
        return Iterates(x.to(starts.dtype), status, owner)

    def _followed(self, strategy: Strategy, x: Tensor, limit: Bounds, known: Known) -> Iterates:
        """What a strategy makes of a chunk of starts, now or in a call that was killed."""
        u = self.u.expand(len(x), -1)
        which = resumption.of_map(self.rough, x, u)
        decided_by = which and (*which, strategy.__name__, x, self.u, *limit, *known.arrays())

        def make() -> dict[str, np.ndarray]:
            made = strategy(self.rough, x, u, limit, known)
            return {name: part.cpu().numpy() for name, part in made._asdict().items()}

        found = resumption.kept(decided_by, make)
        return Iterates(*(torch.from_numpy(found[name]).to(x.device) for name in Iterates._fields))


def _limits(x: Tensor, box: Bounds | None) -> Bounds:
    """How far an iterate may go before it counts as diverged."""
    reach = 1e3 * (1 + x.abs().amax(0))
    if box is None:
        return Bounds(-reach, reach)
    middle, radius = (box.hi + box.lo) / 2, (box.hi - box.lo) / 2
    lo, hi = (torch.where(torch.isfinite(middle), middle + k * (3 * radius + 1), k * reach) for k in (-1, 1))
    return Bounds(lo.to(x.dtype), hi.to(x.dtype))


def spread(x: Tensor) -> float:
    """Typical distance of a start from their mean; 1 for a single start."""
    distance = float((x - x.mean(0)).norm(dim=1).mean())
    return distance if distance > 0 else 1.0


def iterate(
    system: System,
    x: Tensor,
    u: Tensor,
    limit: Bounds,
    known: Known,
    update: Callable[..., tuple[Tensor, Tensor]],
    max_steps: int,
) -> Iterates:
    """The loop both strategies share: ``update(rows, x, u, r, p) -> (next x, gave up)`` until each start is done.

    A start is done where residual r and Newton step p are short.  A small r alone also occurs in slow regions and in
    valleys far from any root, where Newton's method would go on for ever; the polish tells these apart.
    """
    floor, x = SMALL[x.dtype], x.clone()
    owner = torch.full(x.shape[:1], -1, device=x.device)
    status, rows = torch.full_like(owner, ACTIVE), torch.arange(len(x), device=x.device)
    for k in range(max_steps):
        if not len(rows) or (k >= TAIL and len(rows) <= _few(status, x.shape[1])):
            break
        z, v = x[rows], u[rows]
        r = system.step(z, v) - z
        owner[rows] = held = known.owns(z, v, r)
        status[rows[held >= 0]] = HELD
        rows, z, v, r = (t[held < 0] for t in (rows, z, v, r))
        p, usable = system.newton_step(z, v, r)
        size, length, scale = r.abs().amax(-1), p.abs().amax(-1), 1 + z.abs().amax(-1)
        close = usable & (size <= NEAR * scale) & (length <= NEAR * scale)
        done = close | (size <= floor * scale)
        following, gave_up = update(rows, z, v, r, torch.where(usable[:, None], p, torch.nan))
        z = torch.where(close[:, None], z + p, torch.where(done[:, None], z, following))
        away = ~(torch.isfinite(size) & (z >= limit.lo).all(-1) & (z <= limit.hi).all(-1))
        now = torch.where(done, CONVERGED, torch.where(away, RUNAWAY, torch.where(gave_up, STALLED, ACTIVE)))
        x[rows], status[rows] = z, now
        rows = rows[now == ACTIVE]
    rows = (owner < 0).nonzero()[:, 0]
    owner[rows] = held = known.holds(x[rows])
    status[rows[held >= 0]] = HELD
    return Iterates(x, torch.where(status == ACTIVE, STALLED, status), owner)


def _few(status: Tensor, n_units: int) -> int:
    """How many starts (start,) of a batch are not worth more steps."""
    arrived = int(((status == HELD) | (status == CONVERGED)).sum())
    return int((FEW_LARGE if n_units >= FROM and 2 * arrived >= len(status) else FEW) * len(status))


def capped_newton(
    system: System, x: Tensor, u: Tensor, limit: Bounds, known: Known, max_steps: int = 40
) -> Iterates:
    """Full Newton steps, shortened to a cap where the map is smooth; no merit function, so no local minima."""
    smooth = system.regularity == "smooth"
    cap = 0.25 * max(x.shape[-1] ** 0.5, spread(x)) if smooth else torch.inf

    def update(rows: Tensor, z: Tensor, v: Tensor, r: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        length = p.norm(dim=-1, keepdim=True)
        following = z + p * (cap / length.clamp_min(1e-30)).clamp_max(1.0)
        lost = torch.isnan(length[:, 0])  # J - I is singular
        return torch.where(lost[:, None], z, following), lost

    return iterate(system, x, u, limit, known, update, max_steps)


def shortest_newton(
    system: System, x: Tensor, u: Tensor, limit: Bounds, known: Known, max_steps: int = 20
) -> Iterates:
    """Newton steps onto a line of roots the shortest way, from starts at which J - I has no inverse.

    The pseudo-inverse in place of the inverse (Ben-Israel 1966).  From other starts this is no good advice: in a
    valley, where J - I loses its rows one by one and no root is near, it would solve for the rest.
    """
    x, status = x.clone(), torch.full(x.shape[:1], STALLED, device=x.device)
    rows = torch.arange(len(x), device=x.device)[:GLANCE]
    if bool(_has_step(system, x[rows], u[rows]).all()):  # then hardly any of the others is such a start
        rows = rows[:0]
    else:
        rows = (~_has_step(system, x, u)).nonzero()[:, 0]
    for _ in range(max_steps):
        if not len(rows):
            break
        z, v = x[rows], u[rows]
        r = system.step(z, v) - z
        status[rows[r.abs().amax(-1) <= 0.1 * ACCEPT * (1 + z.abs().amax(-1))]] = CONVERGED
        p = _shortest_step(system, z, v, r)
        going = torch.isfinite(p).all(-1) & (status[rows] != CONVERGED)
        going &= ((z + p >= limit.lo) & (z + p <= limit.hi)).all(-1)
        rows = rows[going]
        x[rows] += p[going]
    return Iterates(x, status, torch.full_like(status, -1))


def _has_step(system: System, x: Tensor, u: Tensor) -> Tensor:
    """Where has Newton's method a step, that is J - I an inverse?"""
    return system.newton_step(x, u, system.step(x, u) - x)[1]


def _shortest_step(system: System, z: Tensor, v: Tensor, r: Tensor) -> Tensor:
    """-pinv(J - I) r; NaN where that leaves half of the residual."""
    A = minus_identity(system.jacobian(z, v))
    finite = torch.isfinite(A).all(-1).all(-1)
    A = torch.where(finite[:, None, None], A, 0.0)
    p = -_times(torch.linalg.pinv(A, atol=FLAT, rtol=0.0), r)
    stays = (r + _times(A, p)).norm(dim=-1) > 0.5 * r.norm(dim=-1)
    return torch.where((stays | ~finite)[:, None], torch.nan, p)


def trust_region(
    system: System, x: Tensor, u: Tensor, limit: Bounds, known: Known, max_steps: int = 60
) -> Iterates:
    """Powell's dogleg with one radius per start; a start whose merit has not fallen by 10 % in 6 steps gives up."""
    size = spread(x)
    radius = torch.full(x.shape[:1], 0.25 * size, dtype=x.dtype, device=x.device)
    record = torch.full_like(radius, torch.inf)
    patience = torch.zeros_like(radius)
    tiny = torch.finfo(x.dtype).tiny

    def update(rows: Tensor, z: Tensor, v: Tensor, r: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        A = minus_identity(system.jacobian(z, v))
        q = 0.5 * r.square().sum(-1)
        p = _dogleg(A, r, p, radius[rows])
        predicted = q - 0.5 * (r + _times(A, p)).square().sum(-1)
        trial = z + p
        q_trial = 0.5 * (system.step(trial, v) - trial).square().sum(-1)
        ratio = (q - q_trial) / predicted.clamp_min(tiny)
        better = torch.isfinite(q_trial) & (ratio > 1e-4)
        length = p.norm(dim=-1)
        grown = torch.maximum(radius[rows], 2.5 * length).clamp_max(2 * size)
        shrunk = 0.3 * torch.minimum(length, radius[rows])
        good, poor = better & (ratio > 0.75), ~better | (ratio < 0.25)
        radius[rows] = torch.where(good, grown, torch.where(poor, shrunk, radius[rows]))
        fell = q < 0.9 * record[rows]
        record[rows] = torch.where(fell, q, record[rows])
        patience[rows] = torch.where(fell, 0.0, patience[rows] + 1)
        return torch.where(better[:, None], trial, z), patience[rows] >= 6

    return iterate(system, x, u, limit, known, update, max_steps)


def _times(A: Tensor, v: Tensor) -> Tensor:
    return (A @ v[..., None])[..., 0]


def _dogleg(A: Tensor, r: Tensor, newton: Tensor, radius: Tensor) -> Tensor:
    """The step along Powell's path: to the Cauchy point, then towards Newton's, as far as the radius allows."""
    tiny = torch.finfo(r.dtype).tiny
    g = _times(A.mT, r)
    Ag = _times(A, g)
    cauchy = -(g.square().sum(-1) / Ag.square().sum(-1).clamp_min(tiny))[:, None] * g
    newton = torch.where(torch.isnan(newton), cauchy, newton)
    n_newton, n_cauchy = newton.norm(dim=-1), cauchy.norm(dim=-1)
    way = newton - cauchy
    a = way.square().sum(-1).clamp_min(tiny)
    b = 2 * (cauchy * way).sum(-1)
    c = n_cauchy**2 - radius**2
    t = ((-b + (b * b - 4 * a * c).clamp_min(0).sqrt()) / (2 * a)).clamp(0, 1)
    between = cauchy + t[:, None] * way
    short = cauchy * (radius / n_cauchy.clamp_min(tiny))[:, None]
    p = torch.where((n_cauchy >= radius)[:, None], short, between)
    return torch.where((n_newton <= radius)[:, None], newton, p)


def polish(system: System, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Newton to the last digit, keeping the best iterate; returns x, max |F(x) - x|, and whether it is a root.

    A root has a residual of at most ACCEPT and a short last Newton step, or I - J that is singular to working
    precision (a root that is not isolated): a small residual alone also occurs far from any root, in a valley.
    """
    parts = [_polish(system, *rows) for rows in zip(*(t.split(chunk_of(system)) for t in (x, u)))]
    best, least, sure = (torch.cat(items) for items in zip(*parts))
    return best, least, sure


def _polish(system: System, x: Tensor, u: Tensor, max_steps: int = 40) -> tuple[Tensor, Tensor, Tensor]:
    x, best = x.clone(), x.clone()
    least = x.new_full(x.shape[:1], torch.inf)
    step = torch.full_like(least, torch.inf)
    rows = torch.arange(len(x), device=x.device)
    for _ in range(max_steps):
        z = x[rows]
        r = system.step(z, u[rows]) - z
        p, usable = system.newton_step(z, u[rows], r)
        size, before = r.abs().amax(-1), least[rows]
        improved = rows[size <= before]
        best[improved] = x[improved]
        least[improved] = size[size <= before]
        step[improved] = torch.where(usable, p.abs().amax(-1), 0.0)[size <= before]
        x[rows] = z + p.clamp(-0.1, 0.1)
        rows = rows[usable & (size < 0.5 * before)]
        if not len(rows):
            break
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
