"""Is there a root near this state, how near, and how far is it to the next: F(x*, u) = x*, verified.

With A ~ dF/dx - I at x and C ~ A^-1, the fixed points of T(y) = y - C (F(y) - y) are the roots of F(y) - y.  Let
Y >= |C (F(x) - x)| and Z(r) >= |I - C (dF/dx(y) - I)| for all y with |y - x| <= r, in the max norm, rounding
included.  Then (Krawczyk 1969; Rump 2010, sec. 13; radii polynomials: van den Berg and Lessard 2015)

- Y + Z(r) r <= r with Z(r) < 1: exactly one root lies within r.  The smallest such r is the existence radius.
- Z(r) < 1: at most one root lies within r.  The largest such r is the uniqueness radius.

Both come with bounds for the accuracy of the machine's tanh and exp (see ``systems.intervals``): the result is
numerically verified; :mod:`dynakit.analysis.fixed_points.proof` needs no such assumption.

Two certified points are two roots if the balls of existence are disjoint, and one root if the ball of existence of one
lies in the ball of uniqueness of the other (:func:`compare`).  Neither may hold: then it is open.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from ... import chunks, linalg
from ...systems.base import System
from ...systems.enclosures import gamma, upward

NEAREST, FARTHEST, N_RADII = 1e-13, 1e2, 11  # the radii tried first, relative to 1 + |x|


class Certificates(NamedTuple):
    """What is known of the root near each point; NaN where nothing is."""

    certified: np.ndarray  # (point,)
    existence_radius: np.ndarray  # (point,)  exactly one root is within it
    uniqueness_radius: np.ndarray  # (point,)  and no other within this
    residual: np.ndarray  # (point,)  a bound of max |F(x) - x|, rounding included
    contraction: np.ndarray  # (point,)  Z at the existence radius
    jacobian_error: np.ndarray  # (point,)  a bound of the max norm of dF/dx(root) - dF/dx(x)


class Likeness(NamedTuple):
    """Whether points approximate the same root; neither where that is open."""

    same: np.ndarray  # (point, point)
    distinct: np.ndarray  # (point, point)


def certify(system: System, x: Any, u: Any = None) -> Certificates:
    """Test each state of x (point, unit) under the inputs u (point, input) for a root nearby.

    A point that is not finite, has a singular I - J, or belongs to a map without enclosures is not certified;
    its neighbours are as if they had been alone.
    """
    x, u, _ = system.as_batch(x, u)
    with torch.no_grad():
        rows = torch.arange(len(x), device=x.device).split(_chunk(system.state_size))
        parts = [_certify(system, x[i], u[i]) for i in rows] or [_refused(0)]
    return Certificates(*(np.concatenate(fields) for fields in zip(*parts)))


def _chunk(n: int) -> int:
    """Points at a time: about five matrices each, and the vectors of some thirty quantities at all radii."""
    return chunks.at_once(40 * n**2 + 8_000 * n)


def _refused(n_points: int) -> Certificates:
    nan = np.full(n_points, np.nan)
    return Certificates(np.zeros(n_points, bool), *[nan] * 5)


def _certify(system: System, x: Tensor, u: Tensor) -> Certificates:
    scale = 1 + x.abs().amax(-1)
    radii = _between(NEAREST * scale, FARTHEST * scale, N_RADII)
    enclosure = _around(system, x, u, radii)
    if enclosure is None:
        return _refused(len(x))
    test = _Krawczyk.of(enclosure, x)
    trials = _Trials(radii, *test.contraction(enclosure))
    radii = trials.finer()
    finer = _around(system, x, u, radii)
    assert finer is not None
    return trials.joined(_Trials(radii, *test.contraction(finer, another=True))).verdict(test)


def _around(system: System, x: Tensor, u: Tensor, radii: Tensor) -> Any:
    """F and its Jacobian for radii (radius, point), the first of which must be zero for an enclosure."""
    return system.enclosure(x, u, torch.cat([torch.zeros_like(radii[:1]), radii])[..., None])


def _between(low: Tensor, high: Tensor, n: int) -> Tensor:
    """Radii (radius, point) in geometric progression."""
    share = torch.linspace(0, 1, n, dtype=low.dtype, device=low.device)[:, None]
    return low * (high / low) ** share


class _Krawczyk(NamedTuple):
    """The test at a batch of points; each bound includes its own rounding."""

    residual: Tensor  # (point,)  max |F(x) - x|
    absC: Tensor  # (point, unit, unit)
    Y: Tensor  # (point,)
    Z_at_x: Tensor  # (point, unit)  rows of |I - C (M - I)| and of the rounding in M - I

    @classmethod
    def of(cls, enclosure: Any, x: Tensor) -> _Krawczyk:
        n = x.shape[-1]
        A = enclosure.middle()
        A.diagonal(dim1=-2, dim2=-1).sub_(1.0)
        C, usable = linalg.inverses(A)
        step = torch.stack([enclosure.lo[0] - x, enclosure.hi[0] - x])
        middle = step.mean(0)
        radius = (step - middle).abs().amax(0) + gamma(2) * step.abs().amax(0)
        newton, defect = _times(C, middle).abs(), C @ A
        defect.diagonal(dim1=-2, dim2=-1).sub_(1.0)
        absC = C.abs_().mul_(torch.where(usable, 1.0, torch.nan)[:, None, None])
        newton = newton + _times(absC, radius + gamma(n) * middle.abs())
        rounding = 2 * gamma(n) * _times(absC, A.abs_().sum(-1))  # of the product with C, and of M - I
        residual = upward(step.abs().amax((0, -1)))
        return cls(residual, absC, upward(newton.amax(-1), n), upward(defect.abs_().sum(-1) + rounding, n))

    def contraction(self, enclosure: Any, *, another: bool = False) -> tuple[Tensor, Tensor]:
        """Z and the gap |J - M| in the max norm for the radii of the enclosure but its first.

        The M of ``another`` enclosure than the one C is from may differ by rounding: the way is from J(y) to its own
        M, to J(x), and to the first M.
        """
        n = self.absC.shape[-1]
        gap = enclosure.gap(self.absC.new_ones(n, 1))[..., 0]
        gap = upward(gap + 2 * gap[:1]) if another else gap
        gap = gap.expand(len(enclosure.lo), *self.absC.shape[:2])[1:]
        rows = self.Z_at_x + (self.absC @ gap.permute(1, 2, 0)).permute(2, 0, 1)
        return upward(rows.amax(-1), n), gap.amax(-1)


def _times(A: Tensor, v: Tensor) -> Tensor:
    return (A @ v[..., None])[..., 0]


class _Trials(NamedTuple):
    """Radii tried (radius, point) and what the test said."""

    radii: Tensor
    Z: Tensor
    gap: Tensor

    def finer(self) -> Tensor:
        """Radii between the largest that passed and the next: evenly, and about where Z should reach 1."""
        passed = self.Z < 1
        inner = torch.where(passed, self.radii, 0.0).amax(0)
        inner = torch.where(inner > 0, inner, self.radii[0])
        outer = torch.where(~passed & (self.radii > inner), self.radii, torch.inf).amin(0)
        outer = torch.where(torch.isfinite(outer), outer, 2 * inner)
        guess = inner / torch.where(self.radii == inner, self.Z, 0.0).amax(0)  # a smooth Z grows as r does
        shares = torch.tensor([0.5, 0.7, 0.85, 0.95, 1.05, 1.2], dtype=guess.dtype, device=guess.device)
        smooth = torch.cat([_between(inner, outer, 6)[1:-1], shares[:, None] * guess])
        jumps = _between(inner, outer, len(smooth) + 2)[1:-1]
        return torch.where((guess > inner) & (guess < outer), smooth, jumps)

    def joined(self, other: _Trials) -> _Trials:
        return _Trials(*(torch.cat(pair) for pair in zip(self, other)))

    def verdict(self, test: _Krawczyk) -> Certificates:
        passed = self.Z < 1
        within = upward(test.Y / (1 - self.Z))
        holds = passed & (within <= self.radii)  # then Y + Z r <= r holds at r and at `within`
        existence, at = torch.where(holds, within, torch.inf).min(0)
        uniqueness = torch.where(passed, self.radii, 0.0).amax(0)
        certified = torch.isfinite(existence) & (existence <= uniqueness)
        fields = (existence, uniqueness, test.residual, _pick(self.Z, at), _pick(self.gap, at))
        return Certificates(
            certified.cpu().numpy(), *(torch.where(certified, f, torch.nan).cpu().numpy() for f in fields)
        )


def _pick(values: Tensor, at: Tensor) -> Tensor:
    return values.gather(0, at[None])[0]


def compare(x: Any, certificates: Certificates) -> Likeness:
    """Which points (point, unit) approximate the same root and which do not; all under one input.

    Distinct: the balls of existence, in the max norm, are disjoint.  Same: the ball of existence of one lies in
    the ball of uniqueness of the other.  A point that is not certified is neither, even to itself.
    """
    x = np.asarray(x)
    apart = cdist(x, x, "chebyshev")
    low, high = apart * (1 - 1e-15), apart * (1 + 1e-15)
    exists, unique = certificates.existence_radius, certificates.uniqueness_radius
    inside = high + exists[None, :] * (1 + 1e-15) <= unique[:, None]
    distinct = low > (exists[None, :] + exists[:, None]) * (1 + 1e-15)
    return Likeness(inside | inside.T, distinct)
