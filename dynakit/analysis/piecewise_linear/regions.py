"""Linear regions of a map made of hinges: jumping between them, and the solution that each can hold.

In the region whose active hinges are P the solution of s = N r - p, if it has one, is N_PP r_P = p_P.  Where
that has the signs of the region it is a solution; where it has not, its signs name the next region to look at
(Eisenmann, Monfared, Goring and Durstewitz 2023, sec. 3): a search that finds most solutions in a few jumps and
proves nothing.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linprog

from ... import linalg
from ...systems.enclosures import gamma
from .reduction import LCP, reduced
from .tube import Cuboid

MOST_OPEN = 10  # hinges of undecided sign for which both are tried


class Solution(NamedTuple):
    """One solution and what is known of its signs."""

    r: np.ndarray  # (unit,)
    on: np.ndarray  # (unit,)  r_i > 0, or at the kink either
    kinked: np.ndarray  # (unit,)  r_i = s_i = 0 as far as can be told
    singular: bool  # not isolated as far as can be told


def jump(lcp: LCP, starts: np.ndarray, n_jumps: int = 40) -> np.ndarray:
    """The regions (start, unit) in which jumping from the regions ``starts`` ends; no row changes what another does."""
    regions, N, p = torch.from_numpy(starts), torch.from_numpy(lcp.N), torch.from_numpy(lcp.p)
    eye = torch.eye(len(p), dtype=N.dtype)
    moving = torch.ones(len(regions), dtype=torch.bool)
    for _ in range(n_jumps):
        on = regions[moving]
        system = torch.where(on[:, None, :], N, -eye)  # the columns of r where on, of s elsewhere
        values, usable = linalg.solve(system, p.expand(len(on), -1))
        stays = (values > 0).all(1) | ~usable
        regions[moving] = torch.where(usable[:, None], ~(on ^ (values > 0)), on)
        rows = moving.nonzero()[:, 0]
        moving[rows[stays]] = False
        if not bool(moving.any()):
            break
    return regions.numpy()


def solution(lcp: LCP, on: np.ndarray) -> Solution | None:
    """The solution in the closure of a region if it has one; ``singular`` where that is open."""
    state = np.where(on, 1, -1).astype(np.int8)
    whole = reduced(lcp, state)
    if whole is None:
        return _any(lcp, on)
    if (whole.g < -whole.side_error).any():
        return None
    r, kinked = np.zeros(len(on)), np.zeros(len(on), bool)
    decided = np.concatenate([whole.active, whole.inactive])
    kinked[decided] = whole.g <= whole.side_error
    r[whole.active] = np.maximum(whole.g[: len(whole.active)], 0.0)
    return Solution(r, on & ~kinked, kinked, False)


def _any(lcp: LCP, on: np.ndarray) -> Solution | None:
    """Some solution in a region in which there is none or a continuum, inside it if it has an inside."""
    r, p = np.zeros(len(on)), lcp.p
    r[on] = np.linalg.lstsq(lcp.N[np.ix_(on, on)], p[on], rcond=1e-10)[0]
    r[on] += _inwards(lcp, on, r)
    s = lcp.N @ r - p
    size = 1e-9 * (1 + np.abs(p).max(initial=0.0) + np.abs(r).max(initial=0.0))
    if (np.abs(s[on]) > size).any() or (r < -size).any() or (s[~on] < -size).any():
        return None
    kinked = (np.abs(r) <= size) & (np.abs(s) <= size)
    return Solution(np.maximum(r, 0.0), on & ~kinked, kinked, True)


def _inwards(lcp: LCP, on: np.ndarray, r: np.ndarray) -> np.ndarray:
    """From one solution (active,) along those beside it to where all signs are clearest, a linear programme.

    The least squares end at a corner: of a ray of solutions, at its end.
    """
    _, sizes, right = linalg.svd(lcp.N[np.ix_(on, on)])
    along = right[sizes <= 1e-10 * (1 + sizes.max(initial=0.0))].T  # (active, direction)
    slack = np.concatenate([r[on], (lcp.N @ r - lcp.p)[~on]])
    moves = np.concatenate([along, lcp.N[np.ix_(~on, on)] @ along])
    far = 10 * (1 + np.abs(r).max(initial=0.0))
    n = along.shape[1]
    found = linprog(
        np.append(np.zeros(n), -1.0),
        np.concatenate([-moves, np.ones((len(moves), 1))], axis=1),
        slack,
        bounds=[(-far, far)] * n + [(0, 1)],
    )
    return along @ found.x[:n] if found.success and n else np.zeros(int(on.sum()))


def within(lcp: LCP, box: Cuboid) -> list[Solution] | None:
    """The solutions in a box: one, or none, or at kinks those in the closures of the regions around.

    None where these are too many.
    """
    certain, open_ = box.r[0] > 0, np.flatnonzero(box.open)
    found: list[Solution] = []
    for signs in itertools.product((False, True), repeat=min(len(open_), MOST_OPEN)):
        on = certain.copy()
        on[open_[: len(signs)]] = signs
        one = solution(lcp, on)
        if one is not None:
            found.append(one)
            if one.kinked[
                open_
            ].all():  # the regions around meet in this point, and the box is that of rounding
                return found
    return found if len(open_) <= MOST_OPEN else None


def is_only(lcp: LCP, one: Solution, exact: bool) -> bool:
    """Whether a solution exists, for certain, and is the only one in the regions that meet at its kinks.

    What is left of the problem there is one in the kinked units with a matrix S.  If S is a P-matrix it has one
    solution whatever the errors (Cottle, Pang and Stone 2009, thm. 3.3.7); if only no principal minor of S is
    zero, a solution known to be ``exact`` is the only one.
    """
    if not one.kinked.any():
        return True
    problem = reduced(lcp, np.where(one.kinked, 0, np.where(one.on, 1, -1)).astype(np.int8))
    if problem is None:
        return False
    S, n = problem.N, len(problem.free)
    doubt = 2 * n * problem.error + 4 * n * gamma(n) * (1 + np.abs(S).max())
    least, is_p = float(np.linalg.eigvalsh((S + S.T) / 2)[0]), True
    if least <= doubt and n <= MOST_OPEN:
        masks = np.array(list(itertools.product((False, True), repeat=n)))
        minors = np.where(masks[:, :, None] & masks[:, None, :], S, np.eye(n))
        least = float(np.linalg.svd(minors, compute_uv=False)[:, -1].min())
        is_p = bool((np.linalg.slogdet(minors)[0] > 0).all())
    if least <= doubt or exact:
        return least > doubt
    reach = np.sqrt(n) * (np.abs(problem.p).max() + problem.error) / (least - doubt)  # of the kinked r
    low = problem.g - problem.side_error - (np.abs(problem.G).sum(1) + n * problem.side_error) * reach
    return is_p and bool((low > 0).all())
