"""Batches of starts under one drive until nothing new turns up.

How many points were not seen is estimated from how often each was: with f_1 points reached by one start and f_2 by
two, about f_1 (f_1 - 1) / (2 (f_2 + 1)) are missing (Chao 1984; the interval: Chao 1987, eq. 8).  The starts are
not independent draws, so this is an indication, not a proof.  Another is the sum of the signs where a map without a box
seems to draw everything into a bounded set (``Starts.comes_back``): the search aims at +1, but claims nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...progress import ended, going, interruptible, watching
from ...systems.base import Bounds, System
from .continua import region_of
from .known import FROM
from .layered import FAR, only_point
from .newton import (
    CONVERGED,
    HELD,
    RUNAWAY,
    STALLED,
    Newton,
    Strategy,
    capped_newton,
    shortest_newton,
    trust_region,
)
from .reduced import reduced_roots
from .roots import Roots
from .starts import BATCH, Starts

QUIET = 2  # batches in a row without a new point that end a search; of a large system half as many, if none was rare
UNCHECKED = 4  # and that end it where no theorem says what the signs must sum to
FEW = 0.01  # share of the starts that must arrive somewhere before a search can be said to have seen all
TURNS = 8  # times a strategy may go on with one batch
PATIENCE = 8  # and that end it even where points are known to be missing, if they are half of all batches


class Sought(NamedTuple):
    """What one search has to show."""

    roots: Roots
    status: np.ndarray  # (start,)  index into STATUS
    curve: np.ndarray  # (batch, 2)  starts used and points found after each batch
    expected: int | None  # what the signs of det(I - J) must sum to
    region: Bounds  # where it looked
    ends: Tensor  # (state, unit)  where states of every scale have got to that were left alone
    settled: bool  # ended because nothing spoke of points not seen: not for want of starts, nor of any that arrive
    only: bool = False  # solved for instead: there is no other within the radius of its uniqueness


def search(
    system: System, given: Tensor | None, u: Tensor, rng: np.random.Generator, max_starts: int
) -> Sought:
    """Look for every root under the drive ``u`` with at most ``max_starts`` starts.

    ``given`` (start, unit): each is used, first; with more axes, a pool to draw from.  Where the only root there is
    can be solved for, no others are.
    """
    x = only_point(system, u)
    if x is not None and given is None:
        return _alone(_with_only(Roots(system, u), x))
    rows = given if given is not None and given.ndim == 2 else None
    pool = None if given is None or rows is not None else given.reshape(-1, system.state_size)
    supply = Starts(system, u, rows, pool, rng)
    roots = Roots(system, u, odd=_is_odd(system, u, supply))
    roots = roots if x is None else _with_only(roots, x)
    for factor in system.factors():
        with watching(None):  # the starts that are counted are those of the system itself
            roots.include_relatives(search(factor, given, u, rng, max_starts).roots.x)
    roots.include_relatives(reduced_roots(system, u, torch.cat([supply.pool, supply.ends])))
    newton, status, curve = _Batches(system, u, supply), [], []
    expected = roots.degree if x is not None else None if supply.box is None else 1
    aim = 1 if expected == 1 or supply.comes_back() else None
    usual = QUIET if expected == 1 else UNCHECKED
    n_used, quiet, settled, n_batches = 0, 0, False, 1
    batch, follow = supply.first()[:max_starts], newton.run
    while len(batch):
        before, first = roots.n_isolated, not status
        for part in batch.split(n_batches * BATCH if follow == newton.run else len(batch)):
            with interruptible("start"):
                status.append(follow(part, roots).cpu().numpy())
                n_used += len(part)
                curve.append((n_used, len(roots)))
            if not going(n_used, "start"):
                break
        if ended() or x is not None:
            break
        quiet = 0 if roots.n_isolated > before else quiet + n_batches
        enough = usual // 2 if system.state_size >= FROM and _all_seen_twice(roots) else usual
        settled = quiet >= enough and _may_be_all(roots, aim)
        if settled or quiet >= max(PATIENCE, len(curve) // 2):
            break
        if first:
            batch, follow = supply.everywhere()[: max_starts - n_used], newton.glance
            continue
        n_batches = (
            max(1, min(enough, QUIET) - quiet) if roots.degree == aim else 1
        )  # a last look, all at once
        batch, follow = torch.cat([supply.more(roots.x) for _ in range(n_batches)]), newton.run
        batch = batch[: max_starts - n_used]
    region = region_of(supply.pool, supply.box)
    came = np.concatenate([np.zeros(0, int), *status])
    arrived = np.isin(came, (CONVERGED, HELD)).mean() if len(came) else 0.0
    curve = np.array(curve, int).reshape(-1, 2)
    if x is None and supply.box is not None and not _all_within(roots.x, supply.box):
        expected = None  # the sum is that of the points in the box
    settled = x is not None or (settled and bool(arrived >= FEW))
    return Sought(roots, came, curve, expected, region, supply.ends, settled, only=x is not None)


def _with_only(roots: Roots, x: Tensor) -> Roots:
    """The roots with the only one there is."""
    roots.include(x[None], (roots.system.step(x, roots.u) - x).abs().amax()[None], hit=0)
    roots.uniqueness = torch.full_like(roots.uniqueness, FAR)
    roots.seen.clear()
    return roots


def _alone(roots: Roots) -> Sought:
    """What there is to show of the only root where nobody gave starts."""
    nothing, x = np.zeros(0, int), roots.x
    region = Bounds(x[0] - 1, x[0] + 1)
    return Sought(roots, nothing, nothing.reshape(0, 2), roots.degree, region, x, True, only=True)


def _all_within(x: Tensor, box: Bounds) -> bool:
    return bool(((x >= box.lo) & (x <= box.hi)).all())


def _may_be_all(roots: Roots, aim: int | None) -> bool:
    """Does neither the sum of the signs (None: any will do) nor the number of points seen once speak of others?"""
    return aim in (None, roots.degree) and unseen(roots)[0] < 0.5


def _all_seen_twice(roots: Roots) -> bool:
    """Did more than one start lead to each point that any led to, of as many as a batch has?

    The share of further starts that would lead to points not seen yet is about the share of those used that led to
    points seen once (Good 1953): none.
    """
    hits = np.array(roots.hits, int)[roots.isolated]
    return int(hits.sum()) >= BATCH and bool((hits != 1).all())


class _Batches:
    """The strategies in order; one that was asked and brought nothing is not asked again."""

    def __init__(self, system: System, u: Tensor, supply: Starts) -> None:
        self.system, self.u = system, u
        self.newton = Newton(system, u, supply.box or supply.within)
        smooth = system.regularity == "smooth"  # the merit of a piecewise-linear map stalls at its kinks
        self.further: list[Strategy] = [capped_newton, trust_region] if smooth else []

    def run(self, starts: Tensor, roots: Roots) -> Tensor:
        """Follow a batch of starts into the set of roots; returns the status of each.

        Where most starts arrive nowhere, Newton's method goes on from where it stands as long as that brings new
        roots: on rugged maps it wanders from valley to valley.
        """
        x, status = self._follow(capped_newton, self.newton.clip(starts), roots)
        for strategy in list(self.further):
            for turn in range(TURNS):
                stuck = ((status == STALLED) | (status == RUNAWAY)).nonzero()[:, 0]
                if 2 * len(stuck) <= len(starts):
                    return status
                before = roots.n_isolated
                x[stuck], status[stuck] = self._follow(strategy, x[stuck], roots)
                if roots.n_isolated == before:
                    if turn == 0:
                        self.further.remove(strategy)
                    break
        return status

    def glance(self, starts: Tensor, roots: Roots) -> Tensor:
        """Follow starts by the quickest strategy alone: of many that are anywhere, most lead nowhere."""
        return self._follow(capped_newton, self.newton.clip(starts), roots)[1]

    def _follow(self, strategy: Strategy, starts: Tensor, roots: Roots) -> tuple[Tensor, Tensor]:
        """Where a strategy leads from each start, and the status there."""
        found = self.newton.follow(strategy, starts, roots.known(self.newton.rough.dtype))
        status = roots.absorb(found)
        lost = ((status == STALLED) & (found.status == CONVERGED)).nonzero()[:, 0]
        if len(lost) and self.newton.rough is not self.system:  # float32 could not bring these close enough
            status[lost] = self._in_double(capped_newton, found.x[lost], roots)
        stuck = (status == STALLED).nonzero()[:, 0]
        if len(stuck) and strategy is capped_newton:
            status[stuck] = self._in_double(shortest_newton, starts[stuck], roots)
        return found.x, status

    def _in_double(self, strategy: Strategy, x: Tensor, roots: Roots) -> Tensor:
        newton = Newton(self.system, self.u, self.newton.box)
        newton.rough, newton.u = self.system, self.u
        return roots.absorb(newton.follow(strategy, x, roots.known(x.dtype)))


def _is_odd(system: System, u: Tensor, supply: Starts) -> bool:
    """Does F(-x) = -F(x) hold as far as a few states can tell?  Mirrored roots are verified like any other."""
    x = supply.pool[:8]
    forth, back = system.step(x, u), system.step(-x, u)
    return bool(((forth + back).abs() <= 8 * torch.finfo(x.dtype).eps * (1 + forth.abs())).all())


def unseen(roots: Roots) -> tuple[float, float, float]:
    """Estimate of isolated points no start reached, with its 95 % interval."""
    return chao(np.array(roots.hits, int)[roots.isolated])


def chao(hits: np.ndarray) -> tuple[float, float, float]:
    """Estimated number of points that no start reached, with its 95 % interval (Chao 1987), from hits per point."""
    hits = hits[hits > 0]
    once, twice = int((hits == 1).sum()), int((hits == 2).sum())
    missing = once * (once - 1) / (2 * (twice + 1))
    if missing == 0:  # as many as random hits at the mean rate would leave out
        share = np.exp(-hits.mean()) if len(hits) else 0.0
        return 0.0, 0.0, float((share * len(hits) + 1.96 * np.sqrt(share * len(hits))) / (1 - share))
    variance = (
        missing
        + once * (2 * once - 1) ** 2 / (4 * (twice + 1) ** 2)
        + once**2 * twice * (once - 1) ** 2 / (4 * (twice + 1) ** 4)
    )
    factor = float(np.exp(1.96 * np.sqrt(np.log1p(variance / missing**2))))
    return missing, missing / factor, missing * factor
