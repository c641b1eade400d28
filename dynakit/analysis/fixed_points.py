"""Fixed points of a driven map: states x* with F(x*, u) = x*.

Newton's method on r(x) = F(x, u) - x from many starts at once (see ``_newton``), distinct roots merged by their own
condition (``_cluster``), and a count that can contradict: where the map sends a box into its own interior, the
signs of det(I - J) over all its fixed points sum to +1 (Lefschetz 1926; Granas and Dugundji 2003, sec. 9).  A sum that
differs proves that points are missing; a sum that agrees does not prove that none is.  Starts that lead
nowhere are left out of the points, but counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .. import linalg, seeding
from ..checks import count
from ..errors import InputError
from ..results import Provenance, Result, per_item
from ..systems.base import System, checked
from ._cluster import Roots
from ._newton import CONVERGED, STATUS, find_roots
from ._starts import Starts
from .linearization import count_unstable, judge


@dataclass(frozen=True, kw_only=True, repr=False)
class FixedPoints(Result):
    """Points where the map stands still, by rising dimension of the unstable set, then most stable first.

    The per-point fields follow indexing; ``degree``, ``completeness`` and the counts always speak of the whole
    search.
    """

    states: np.ndarray = per_item()  # (point, unit)
    drives: np.ndarray = per_item()  # (point, input)  the constant input each was found under
    residuals: np.ndarray = per_item()  # (point,)  max |F(x*) - x*|
    eigenvalues: np.ndarray = per_item()  # (point, unit)  of dF/dx at x*, by falling modulus
    verdicts: np.ndarray = per_item()  # (point,)  stable | unstable | marginal | undetermined
    signs: np.ndarray = per_item()  # (point,)  sign of det(I - J): the index of the point
    non_isolated: np.ndarray = per_item()  # (point,)  I - J singular as far as can be told
    uncertainties: np.ndarray = per_item()  # (point,)  how far the true root may be
    starts_per_point: np.ndarray = per_item()  # (point,)
    start_status: np.ndarray  # (start,)  converged | stalled | diverged | non-finite start; given ones first
    n_found: int  # points of the whole search
    degree: int | None  # sum of the signs; None if a point is not isolated
    expected_degree: int | None  # what it must be, where a theorem says so
    completeness: str  # consistent | incomplete | unknown

    @property
    def n_starts(self) -> int:
        """Starts used, the given ones and those the search added."""
        return len(self.start_status)

    @property
    def n_failed(self) -> int:
        """Starts that came to rest nowhere."""
        return int((self.start_status != "converged").sum())

    @property
    def n_unstable(self) -> np.ma.MaskedArray:
        """Dimension of each unstable manifold; masked where the verdict is undetermined."""
        return count_unstable(self.eigenvalues, self.verdicts)

    @property
    def stable(self) -> FixedPoints:
        """The points whose every eigenvalue lies inside the unit circle, beyond doubt."""
        return self[self.verdicts == "stable"]

    @property
    def saddles(self) -> FixedPoints:
        """Unstable points with at least one contracting direction."""
        return self[(self.verdicts == "unstable") & (np.abs(self.eigenvalues) < 1).any(axis=1)]

    @property
    def repellers(self) -> FixedPoints:
        """Unstable points without a contracting direction."""
        return self[(self.verdicts == "unstable") & ~(np.abs(self.eigenvalues) < 1).any(axis=1)]

    def headline(self) -> str:
        said = [f"{len(self)} point{'' if len(self) == 1 else 's'}"]
        for verdict in ("stable", "unstable", "marginal", "undetermined"):
            n = int((self.verdicts == verdict).sum())
            if n or verdict in ("stable", "unstable"):
                said.append(f"{n} {verdict}")
        if self.non_isolated.any():
            said.append(f"{int(self.non_isolated.sum())} not isolated")
        if len(self) == self.n_found:
            if self.degree is not None:
                said.append(f"degree {self.degree:+d}")
            said.append(f"{self.n_failed} of {self.n_starts} starts failed")
            said.append({"unknown": "completeness unknown"}.get(self.completeness, self.completeness))
        return ", ".join(said)

    def table(self) -> dict[str, np.ndarray]:
        largest = np.abs(self.eigenvalues[:, 0]) if self.eigenvalues.shape[1] else np.zeros(len(self))
        return {
            "verdict": self.verdicts,
            "n_unstable": self.n_unstable.filled(-1),
            "|eigenvalue 1|": largest,
            "residual": self.residuals,
            "sign": self.signs,
            "starts": self.starts_per_point,
        }


class _Search(NamedTuple):
    roots: Roots
    status: np.ndarray
    expected: int | None


def find_fixed_points(
    system: System, starts: Any = None, drive: Any = None, *, seed: Any = 0, max_starts: int = 4096
) -> FixedPoints:
    """Find the fixed points of a map under a constant drive.

    Arguments:
        system: the map.
        starts: states to start from.  (start, unit): each is used.  More axes, such as trajectories (trial,
            time, unit): a pool that is sub-sampled.  None: random states of the system's box, or of several
            scales, half of them settled, where it has no box; an empty array is as None.  A start that is not
            finite is marked and left out.
        drive: the constant input, (input,), or (start, input) for several; None is zero input.
        seed: of the sub-sampling and of the starts the search adds.
        max_starts: most starts to use under each drive.

    The search adds batches of starts (noisy ones, mixtures of found points, random states) until two in a row
    bring no new point and, where the sum of the points' signs is known, that sum is met.

    Returns:
        FixedPoints.  For a map with an invariant box and no point found, ``completeness`` is "incomplete": one exists.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.

    >>> import dynakit as dk
    >>> dk.find_fixed_points(dk.catalog.tanh_unit(w=2.0)).states.round(4).ravel().tolist()
    [-0.9575, 0.9575, 0.0]
    """
    checked(system).refuse_jumps("a search for fixed points")
    max_starts = count("max_starts", max_starts)
    seed = seeding.as_seed(seed)
    given, drives, group = _arguments(system, starts, drive)
    searches = []
    with linalg.one_thread(), torch.no_grad():
        for k, u in enumerate(drives):
            rng = seeding.stream(seed, "starts", k)
            own = given if given is None or group is None else given[group == k]
            searches.append(_search(system, own, u, rng, max_starts))
        return _collect(system, searches, Provenance.of(system, seed=seed, max_starts=max_starts))


def _arguments(system: System, starts: Any, drive: Any) -> tuple[Tensor | None, Tensor, Tensor | None]:
    """Starts, the distinct drives (drive, input), and which drive each start belongs to (None: to all)."""
    given = None if starts is None else system.as_tensor("starts", starts, system.state_size)
    if given is not None and given.ndim == 1:
        given = given[None]
    if given is not None and not given.numel():
        given = None
    u = system.as_drive("drive", drive)
    if u.ndim == 1:
        return given, u[None], None
    if u.ndim != 2 or not len(u) or (given is not None and (given.ndim != 2 or len(given) != len(u))):
        got = None if given is None else tuple(given.shape)
        raise InputError(
            f"drive must be (input,) or (start, input) with one row per start, got {tuple(u.shape)} for starts {got}"
        )
    distinct, group = torch.unique(u, dim=0, return_inverse=True)
    return given, distinct, None if given is None else group


def _search(
    system: System, given: Tensor | None, u: Tensor, rng: np.random.Generator, max_starts: int
) -> _Search:
    """Batches of starts under one drive until nothing new turns up."""
    rows = given if given is not None and given.ndim == 2 else None
    pool = None if given is None or rows is not None else given.reshape(-1, system.state_size)
    supply = Starts(system, u, rows, pool, rng)
    roots, status, quiet = Roots(system, u), [], 0
    expected = None if supply.box is None else 1
    batch = supply.first()[:max_starts]
    while len(batch):
        iterates, residual = find_roots(system, batch, u, supply.box)
        good = iterates.status == CONVERGED
        before = roots.n_isolated
        roots.add(iterates.x[good], residual[good])
        status.append(iterates.status.cpu().numpy())
        quiet = 0 if roots.n_isolated > before else quiet + 1
        if quiet >= 2 and (expected is None or expected == _degree(roots)):
            break
        batch = supply.more(roots.x)[: max_starts - sum(map(len, status))]
    return _Search(roots, np.concatenate(status), expected)


def _degree(roots: Roots) -> int:
    return int(linalg.sign_det(-roots.A).sum())


def _collect(system: System, searches: list[_Search], provenance: Provenance) -> FixedPoints:
    """Everything that is said about the points, in a canonical order."""
    x = torch.cat([s.roots.x for s in searches])
    u = torch.cat([s.roots.u.expand(len(s.roots), -1) for s in searches])
    A = torch.cat([s.roots.A for s in searches])
    residual = torch.cat([s.roots.residual for s in searches])
    eigen = linalg.eig(A + torch.eye(system.state_size, dtype=A.dtype, device=A.device))
    norms = linalg.norms(A) + 1
    scale = 1 + x.abs().amax(-1) if len(x) else residual
    kinked = (system.kinks(x, u) < 1e-9 * scale).cpu().numpy()
    verdicts = judge(eigen.values, eigen.condition, norms, kinked)
    doubt, degenerate = _isolation(system, x, u, A, residual)
    order = _canonical_order(x.cpu().numpy(), u.cpu().numpy(), eigen.values, verdicts)
    fields = {
        "states": x.cpu().numpy(),
        "drives": u.cpu().numpy(),
        "residuals": residual.cpu().numpy(),
        "eigenvalues": eigen.values,
        "verdicts": verdicts,
        "signs": np.where(degenerate, 0, linalg.sign_det(-A)),
        "non_isolated": degenerate,
        "uncertainties": doubt,
        "starts_per_point": np.array([h for s in searches for h in s.roots.hits], int),
    }
    degree = None if degenerate.any() else int(fields["signs"].sum())
    expected = None if any(s.expected is None for s in searches) else sum(s.expected or 0 for s in searches)
    return FixedPoints(
        **{name: value[order] for name, value in fields.items()},
        start_status=np.array(STATUS)[np.concatenate([s.status for s in searches])],
        n_found=len(x),
        degree=degree,
        expected_degree=expected,
        completeness=_completeness(searches, degenerate),
        provenance=provenance,
    )


def _completeness(searches: list[_Search], degenerate: np.ndarray) -> str:
    """Whether the signs of the points contradict the theorem, under every drive."""
    if any(s.expected is None for s in searches):
        return "unknown"
    if degenerate.any():
        return "unknown"
    return "consistent" if all(_degree(s.roots) == s.expected for s in searches) else "incomplete"


def _isolation(
    system: System, x: Tensor, u: Tensor, A: Tensor, residual: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """How far the true root may be, and whether J changes by more than its distance from singular within that.

    This is the linear part of the Newton-Kantorovich test: it fails at a double root and on a continuum.
    """
    doubt, degenerate = np.full(len(x), np.nan), np.zeros(len(x), bool)
    eps = np.finfo(float).eps * np.sqrt(system.state_size)  # errors of n terms add up like a random walk
    for i in range(len(x)):
        matrix = A[i].cpu().numpy()
        s, v = linalg.smallest_singular(matrix)
        noise = float(residual[i]) + eps * (1 + float(x[i].abs().amax()))
        doubt[i] = noise / max(s, 1e-300)
        if not s > 4 * eps * np.sqrt(len(matrix)) * (1 + np.abs(matrix).sum(axis=1).max()):
            degenerate[i] = True
            continue
        reach = torch.from_numpy(v * doubt[i]).to(x)
        ends = system.jacobian(torch.stack([x[i] + reach, x[i] - reach]), u[i].expand(2, -1))
        change = float(
            (ends - A[i] - torch.eye(len(matrix), dtype=A.dtype, device=A.device)).norm(dim=(1, 2)).max()
        )
        degenerate[i] = not change < 0.5 * s and system.regularity == "smooth"
    return doubt, degenerate


def _canonical_order(x: np.ndarray, u: np.ndarray, values: np.ndarray, verdicts: np.ndarray) -> np.ndarray:
    """By drive, dimension of the unstable set, spectral radius, then coordinates: independent of the starts."""
    unstable = count_unstable(values, verdicts).filled(10**6)
    radius = np.round(np.abs(values).max(axis=1, initial=0.0), 6)
    keys = [*np.round(x, 6).T[::-1][-8:], radius, unstable, *u.T[::-1]]
    return np.lexsort(keys) if len(x) else np.arange(0)
