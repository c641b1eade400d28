"""Fixed points without a certificate: how far the true root may be, and whether it stands alone.

A point at which I - J is singular belongs to a continuum of fixed points (a line attractor, a plane of them) or is
a degenerate root (two or three roots in one).  The two are told apart by a walk: along a continuum there is another
root a small step away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import linalg
from ...systems.base import System
from .newton import ACCEPT

WALK = 1e-2  # length of the step along a direction in which I - J is singular, relative to 1 + |x|


class Isolation(NamedTuple):
    """What is known of one point's neighbourhood."""

    uncertainty: float  # how far the true root may be
    singular: bool  # I - J is singular as far as can be told
    dimension: int  # of the set of fixed points it lies in; 0 for a single point


def isolation(
    system: System, x: Tensor, u: Tensor, A: Tensor, residual: float, existence: float
) -> Isolation:
    """Look at one point (unit,) with ``A`` = J - I and the radius of its certificate, NaN if there is none.

    Without a certificate, the test is the linear part of Newton-Kantorovich's: does J change by less than its distance
    from singular within the reach of the rounding errors?  It fails at a double root and on a continuum.
    """
    if np.isfinite(existence):
        return Isolation(existence, False, 0)
    matrix = A.cpu().numpy()
    eps = np.finfo(float).eps * np.sqrt(len(matrix))  # errors of n terms add up like a random walk
    s, v = linalg.smallest_singular(matrix)
    doubt = float(residual + eps * (1 + float(x.abs().amax()))) / max(float(s), 1e-300)  # may be infinite
    if s > 4 * eps * np.sqrt(len(matrix)) * (1 + np.abs(matrix).sum(axis=1).max()):
        smooth = system.regularity == "smooth"
        if not smooth or _change(system, x, u, torch.from_numpy(v * doubt).to(x), A) < 0.5 * s:
            return Isolation(doubt, False, 0)
    return Isolation(doubt, True, _dimension(system, x, u, matrix))


def _change(system: System, x: Tensor, u: Tensor, reach: Tensor, A: Tensor) -> float:
    """How much J differs from its value at x a little way off, on both sides."""
    ends = system.jacobian(torch.stack([x + reach, x - reach]), u.expand(2, -1))
    eye = torch.eye(len(x), dtype=x.dtype, device=x.device)
    return float((ends - A - eye).norm(dim=(1, 2)).max())


def _dimension(system: System, x: Tensor, u: Tensor, matrix: np.ndarray) -> int:
    """In how many of the directions that I - J annuls there is another root a step away.

    The step is corrected across the other directions only: Newton's method in the row space of J - I.
    """
    left, s, right = linalg.svd(matrix)
    null = s <= 1e-5 * (1 + s[0])
    if not null.any():
        return 0
    inverse = torch.from_numpy((right[~null].T / s[~null]) @ left[:, ~null].T).to(x)
    step = WALK * (1 + float(x.abs().amax()))
    z = x + step * torch.from_numpy(right[null]).to(x)
    drive = u.expand(len(z), -1)
    for _ in range(8):
        r = system.step(z, drive) - z
        z = z - r @ inverse.T
    r = system.step(z, drive) - z
    there = (r.abs().amax(-1) <= ACCEPT * (1 + z.abs().amax(-1))) & ((z - x).norm(dim=-1) > step / 2)
    return int(there.sum())
