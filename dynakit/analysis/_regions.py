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

from .. import linalg
from ._reduction import LCP, reduced
from ._tube import Box

MOST_OPEN = 4  # hinges of undecided sign for which both are tried


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
    """Some solution in a region in which there is none or a continuum, by least squares."""
    r, p = np.zeros(len(on)), lcp.p
    r[on] = np.linalg.lstsq(lcp.N[np.ix_(on, on)], p[on], rcond=1e-10)[0]
    s = lcp.N @ r - p
    size = 1e-9 * (1 + np.abs(p).max(initial=0.0) + np.abs(r).max(initial=0.0))
    if (np.abs(s[on]) > size).any() or (r < -size).any() or (s[~on] < -size).any():
        return None
    kinked = (np.abs(r) <= size) & (np.abs(s) <= size)
    return Solution(np.maximum(r, 0.0), on & ~kinked, kinked, True)


def within(lcp: LCP, box: Box) -> list[Solution]:
    """The solutions in a box: one, or none, or at kinks those in the closures of the regions around."""
    certain, open_, found = box.r[0] > 0, np.flatnonzero(box.open), []
    for signs in itertools.product((False, True), repeat=min(len(open_), MOST_OPEN)):
        on = certain.copy()
        on[open_[: len(signs)]] = signs
        one = solution(lcp, on)
        if one is not None:
            found.append(one)
            if one.kinked[
                open_
            ].all():  # the regions around meet in this point, and the box is no larger than rounding
                break
    return found
