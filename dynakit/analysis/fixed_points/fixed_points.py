"""Fixed points of a driven map: states x* with F(x*, u) = x*.

Newton's method on r(x) = F(x, u) - x from many starts at once (``_newton``), one certificate per point
(``_certificate``: Krawczyk 1969; Rump 2010, sec. 13), distinct roots told apart by it (``_roots``), and a count
that can contradict: where the map sends a box into its own interior, the signs of det(I - J) over all its fixed points
sum to +1 (Lefschetz 1926; Granas and Dugundji 2003, sec. 9).  A sum that differs proves that points are missing; a
sum that agrees does not prove that none is.  Starts that lead nowhere are left out of the points, but counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...checks import count, one_of
from ...errors import InputError
from ...provenance import Provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...wording import counted
from ..linearization import count_unstable, judge
from .newton import STATUS, chunk_of
from .proof import prove
from .search import Sought, search, unseen


@dataclass(frozen=True, kw_only=True, repr=False)
class FixedPoints(Result):
    """Points where the map stands still, by rising dimension of the unstable set, then most stable first.

    The per-point fields follow indexing; ``degree``, ``completeness`` and the counts always speak of the whole
    search.

    Attributes:
        states: (point, unit)
        drives: (point, input) the constant input each was found under
        residuals: (point,) max |F(x*) - x*|
        eigenvalues: (point, unit) of dF/dx at x*, by falling modulus
        verdicts: (point,) stable | unstable | marginal | undetermined
        signs: (point,) sign of det(I - J): the index of the point
        non_isolated: (point,) I - J singular as far as can be told: never certified
        dimensions: (point,) of the set of fixed points it lies in; 0 for a single point
        certified: (point,) a root exists within existence_radius, and is the only one ...
        existence_radius: (point,) max norm; NaN where not certified
        uniqueness_radius: (point,) ... within this; max norm; NaN where not certified
        evidence: (point,) proved | numerically verified | residual only
        uncertainties: (point,) how far the true root may be
        starts_per_point: (point,)
        start_status: (start,) converged | stalled | diverged | non-finite start; given ones first
        n_found: points of the whole search
        saturation: (batch, 3) drive, starts used so far under it, points found so far
        unseen: points no start reached: estimate and 95 % interval (Chao 1984, 1987)
        degree: sum of the signs; None if a point is not isolated
        expected_degree: what it must be, where a theorem says so
        completeness: consistent | incomplete | unknown
    """

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    residuals: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    verdicts: np.ndarray = per_item()
    signs: np.ndarray = per_item()
    non_isolated: np.ndarray = per_item()
    dimensions: np.ndarray = per_item()
    certified: np.ndarray = per_item()
    existence_radius: np.ndarray = per_item()
    uniqueness_radius: np.ndarray = per_item()
    evidence: np.ndarray = per_item()
    uncertainties: np.ndarray = per_item()
    starts_per_point: np.ndarray = per_item()
    start_status: np.ndarray
    n_found: int
    saturation: np.ndarray
    unseen: tuple[float, float, float]
    degree: int | None
    expected_degree: int | None
    completeness: str

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
        if self.certified.any():
            which = "all" if self.certified.all() else str(int(self.certified.sum()))
            said.append(
                f"{which} {'proved' if (self.evidence == 'proved').sum() == self.certified.sum() else 'certified'}"
            )
        if self.non_isolated.any():
            said.append(f"{int(self.non_isolated.sum())} not isolated")
        if len(self) == self.n_found:
            if self.degree is not None:
                said.append(f"degree {self.degree:+d}")
            said.append(f"{self.n_failed} of {self.n_starts} starts failed")
            said.append({"unknown": "completeness unknown"}.get(self.completeness, self.completeness))
        return ", ".join(said)

    def sentences(self) -> list[str]:
        """What lies beside the stable points, what cannot be decided, and what is known of what is missing."""
        counts = self.n_unstable.compressed()
        unstable, lines = counts[counts > 0], []
        if len(unstable):
            each = (f"{(unstable == k).sum()} with {counted(k, 'unstable direction')}" for k in np.unique(unstable))
            lines.append(f"{counted(len(unstable), 'unstable point')}: {', '.join(each)}")
        doubtful = int(np.isin(self.verdicts, ("marginal", "undetermined")).sum())
        if doubtful:
            lines.append(
                f"{counted(doubtful, 'point')} whose stability floating point cannot decide (marginal or undetermined)"
            )
        merging = int(self.non_isolated.sum())
        if merging:
            lines.append(f"{counted(merging, 'point')} not isolated: part of a continuum, or about to merge")
        return [*lines, _completeness_in_words(self)]

    def table(self) -> dict[str, np.ndarray]:
        largest = np.abs(self.eigenvalues[:, 0]) if self.eigenvalues.shape[1] else np.zeros(len(self))
        return {
            "verdict": self.verdicts,
            "n_unstable": self.n_unstable.filled(-1),
            "|eigenvalue 1|": largest,
            "residual": self.residuals,
            "evidence": self.evidence,
            "uniqueness radius": self.uniqueness_radius,
            "sign": self.signs,
            "starts": self.starts_per_point,
        }


def _completeness_in_words(points: FixedPoints) -> str:
    """Whether points are missing, as far as the signs say, and what the search has cost."""
    used = f"{points.n_starts} starts, {points.n_failed} of which led nowhere"
    if len(points):
        used += f"; max |F(x) - x| = {points.residuals.max():.0e}"
    if points.completeness == "consistent":
        said = f"the signs of det(I - J) sum to {points.degree:+d}, as they must if no point is missing"
    elif points.completeness == "incomplete" and not points.n_found:
        said = "INCOMPLETE: a map of a box into itself has a fixed point, and none was found"
    elif points.completeness == "incomplete":
        sums = f"the signs sum to {points.degree}, not to {points.expected_degree}"
        said = f"INCOMPLETE: {sums}: points are missing"
    elif points.expected_degree is None:
        said = "no theorem says how many there must be: points may be missing"
    elif points.degree is None:
        said = "the signs of det(I - J) cannot be summed, because of points that are not isolated"
    else:
        said = "the search ran out of starts while points still turned up: points are likely to be missing"
    return f"{said} ({used})"


def find_fixed_points(
    system: System,
    starts: Any = None,
    drive: Any = None,
    *,
    seed: Any = 0,
    max_starts: int = 4096,
    proof: bool = False,
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
        proof: certify in ball arithmetic, so that ``evidence`` may say "proved": slower, and needs the extra
            ``proof`` (python-flint).  Otherwise certificates hold up to the accuracy of the machine's tanh and exp.

    The search adds batches of starts (noisy ones, mixtures of found points, random states) until two in a row
    bring no new point (four without an invariant box) and the points' signs sum to what they must; where they do not,
    until eight in a row bring none.  Without a box nothing is known of that sum, but where states from far away come
    back the search aims at +1.

    Returns:
        FixedPoints.  ``completeness`` is "incomplete" where the signs prove that points are missing (a map with an
        invariant box and no point found: one exists), "consistent" where the signs agree and the search had settled,
        and "unknown" where no theorem holds, or where the search ran out of starts while points still turned up.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.

    >>> import dynakit as dk
    >>> points = dk.find_fixed_points(dk.catalog.tanh_unit(w=2.0))
    >>> points.states.round(4).ravel().tolist(), bool(points.certified.all())
    ([-0.9575, 0.9575, 0.0], True)
    """
    checked(system).refuse_jumps("a search for fixed points")
    max_starts = count("max_starts", max_starts)
    proof = one_of("proof", proof, (False, True))
    seed = seeding.as_seed(seed)
    given, drives, group = search_arguments(system, starts, drive)
    outcomes = []
    with linalg.one_thread(), torch.no_grad():
        for k, u in enumerate(drives):
            rng = seeding.stream(seed, "starts", k)
            own = given if given is None or group is None else given[group == k]
            outcomes.append(search(system, own, u, rng, max_starts))
        provenance = Provenance.of(system, seed=seed, max_starts=max_starts, proof=proof)
        return _collect(system, outcomes, proof, provenance)


def search_arguments(system: System, starts: Any, drive: Any) -> tuple[Tensor | None, Tensor, Tensor | None]:
    """Starts, the distinct drives (drive, input), and which drive each start belongs to (None: to all)."""
    given = None if starts is None else system.as_states("starts", starts)
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


def _collect(system: System, outcomes: list[Sought], proof: bool, provenance: Provenance) -> FixedPoints:
    """Everything that is said about the points, in a canonical order."""
    roots = [o.roots for o in outcomes]
    x, residual, existence, uniqueness = (
        torch.cat([getattr(r, name) for r in roots]) for name in ("x", "residual", "existence", "uniqueness")
    )
    u = torch.cat([r.u.expand(len(r), -1) for r in roots])
    verified = torch.isfinite(uniqueness).cpu().numpy()
    evidence = np.where(verified, "numerically verified", "residual only").astype("<U20")
    if proof:
        proofs = prove(system, x, u)
        proved = torch.as_tensor(proofs.certified, device=x.device)
        existence = torch.where(proved, torch.as_tensor(proofs.existence_radius).to(x), existence)
        uniqueness = torch.where(proved, torch.as_tensor(proofs.uniqueness_radius).to(x), uniqueness)
        evidence[proofs.certified] = "proved"
    certified = torch.isfinite(uniqueness).cpu().numpy()
    values, verdicts = spectra(system, x, u)
    alone = [item for r in roots for item in r.alone]
    degenerate = ~certified & np.array([item.singular for item in alone], bool)
    fields = {
        "states": x.cpu().numpy(),
        "drives": u.cpu().numpy(),
        "residuals": residual.cpu().numpy(),
        "eigenvalues": values,
        "verdicts": verdicts,
        "signs": np.where(degenerate, 0, np.array([s for r in roots for s in r.signs], int)),
        "non_isolated": degenerate,
        "dimensions": np.array([item.dimension for item in alone], int),
        "certified": certified,
        "existence_radius": existence.cpu().numpy(),
        "uniqueness_radius": uniqueness.cpu().numpy(),
        "evidence": evidence,
        "uncertainties": np.where(certified, existence.cpu().numpy(), [item.uncertainty for item in alone]),
        "starts_per_point": np.array([h for r in roots for h in r.hits], int),
    }
    order = canonical_order(fields["states"], fields["drives"], values, verdicts)
    expected = None if any(o.expected is None for o in outcomes) else sum(o.expected or 0 for o in outcomes)
    estimates = np.array([unseen(r) for r in roots]).sum(axis=0)
    return FixedPoints(
        **{name: value[order] for name, value in fields.items()},
        start_status=np.array(STATUS)[np.concatenate([o.status for o in outcomes])],
        n_found=len(x),
        saturation=np.concatenate([np.insert(o.curve, 0, k, axis=1) for k, o in enumerate(outcomes)]),
        unseen=tuple(estimates.tolist()),
        degree=None if degenerate.any() else int(fields["signs"].sum()),
        expected_degree=expected,
        completeness=_completeness(outcomes, degenerate),
        provenance=provenance,
    )


def spectra(system: System, x: Tensor, u: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and verdict of each point, a few Jacobians at a time."""
    values = np.empty((len(x), system.state_size), complex)
    verdicts = np.empty(len(x), dtype="<U12")
    kinked = (system.kinks(x, u) < 1e-9 * (1 + x.abs().amax(-1))).cpu().numpy()
    for part in torch.arange(len(x)).split(chunk_of(system)):
        rows = part.numpy()
        J = system.jacobian(x[rows], u[rows])
        eigen = linalg.eig(J)
        values[rows] = eigen.values
        verdicts[rows] = judge(
            eigen.values, eigen.condition, linalg.norms(J) + 1, kinked[rows], J.cpu().numpy()
        )
    return values, verdicts


def _completeness(outcomes: list[Sought], degenerate: np.ndarray) -> str:
    """Whether the signs of the points contradict the theorem, under every drive, and whether the search ran out."""
    if degenerate.any() or any(o.expected is None for o in outcomes):
        return "unknown"
    if any(o.roots.degree != o.expected for o in outcomes):
        return "incomplete"
    return "consistent" if all(o.settled for o in outcomes) else "unknown"


def canonical_order(x: np.ndarray, u: np.ndarray, values: np.ndarray, verdicts: np.ndarray) -> np.ndarray:
    """By drive, dimension of the unstable set, spectral radius, then coordinates: independent of the starts."""
    unstable = count_unstable(values, verdicts).filled(10**6)
    radius = np.round(np.abs(values).max(axis=1, initial=0.0), 6)
    keys = [*np.round(x, 6).T[::-1][-8:], radius, unstable, *u.T[::-1]]
    return np.lexsort(keys) if len(x) else np.arange(0)
