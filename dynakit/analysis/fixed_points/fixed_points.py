"""Fixed points of a driven map: states x* with F(x*, u) = x*.

Newton's method on r(x) = F(x, u) - x from many starts at once (``newton``), one certificate per point
(``certificate``: Krawczyk 1969; Rump 2010, sec. 13), distinct roots told apart by it (``roots``), and a count
that can contradict: where the map sends a box into its own interior, the signs of det(I - J) over all its fixed points
sum to +1 (Lefschetz 1926; Granas and Dugundji 2003, sec. 9).  A sum that differs proves that points are missing; a
sum that agrees does not prove that none is.  Starts that lead nowhere are left out of the points, but counted.

Of a flow dx/dt = f(x, u) the equilibria are found, f(x*, u) = 0, as the fixed points of x + h f(x, u) (see
:mod:`dynakit.systems.rest`): never those of a Runge-Kutta step, which has others.  Where the field points inwards on
the border of a box, the signs of det(-df/dx) sum to +1 (Poincare and Hopf; Milnor 1965, sec. 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...checks import count, one_of
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...systems.rest import at_rest, dynamics_of, velocity
from ...wording import counted
from ..linearization import contracting, count_unstable, growth_rates, verdicts_of_step, warn_of_step
from .newton import STATUS
from .proof import prove
from .search import Sought, search, unseen
from .spectra import canonical_order, spectra


@dataclass(frozen=True, kw_only=True, repr=False)
class FixedPoints(Result):
    """Points where a map or a flow stands still, by rising dimension of the unstable set, then most stable first.

    The per-point fields follow indexing; ``degree``, ``completeness`` and the counts always speak of the whole
    search.

    Attributes:
        states: (point, unit) where the system rests
        drives: (point, input) the constant input each was found under
        residuals: (point,) max |F(x*) - x*| of a map, in state units; max |f(x*)| of a flow, per unit time
        eigenvalues: (point, unit) of dF/dx at x*, by falling modulus; of a flow those of df/dx, per unit time, by
            falling real part
        verdicts: (point,) stable | unstable | marginal | undetermined
        step_verdicts: (point,) of a flow, the verdict on its time-dt map, which may differ; of a map, ``verdicts``
        signs: (point,) sign of det(I - J), of a flow det(-df/dx): the index of the point; 0 if it is not isolated
        non_isolated: (point,) I - J, or df/dx, is singular as far as can be told: never certified
        dimensions: (point,) of the set of fixed points it lies in; 0 for a single point
        certified: (point,) a root exists within existence_radius, and no other within uniqueness_radius
        existence_radius: (point,) of the ball that holds the true root, max norm, state units; NaN where not certified
        uniqueness_radius: (point,) of the ball that holds no other root; NaN where not certified
        evidence: (point,) proved | numerically verified | residual only
        uncertainties: (point,) how far the true root may be, state units
        starts_per_point: (point,) how many starts ended there
        start_status: (start,) converged | stalled | diverged | non-finite start; given ones first
        n_found: points of the whole search
        saturation: (batch, 3) number of the drive, starts used so far under it, points found so far
        unseen: points that no start reached, estimated, with the 95 % interval (Chao 1984, 1987)
        degree: sum of the signs; None if a point is not isolated
        expected_degree: what the sum must be, where a theorem says so; None elsewhere
        completeness: consistent | incomplete | unknown
        dynamics: "map" or "flow": what eigenvalues, verdicts and residuals are those of
    """

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    residuals: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    verdicts: np.ndarray = per_item()
    step_verdicts: np.ndarray = per_item()
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
    dynamics: str = "map"

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
        return count_unstable(self.eigenvalues, self.verdicts, self.dynamics)

    @property
    def growth_rates(self) -> np.ndarray:
        """ln |lambda| per step, of a flow Re mu per unit time (point, unit): negative where a mode decays."""
        return growth_rates(self.eigenvalues, self.dynamics)

    @property
    def stable(self) -> Self:
        """The points all of whose modes decay, beyond doubt: |lambda| < 1 of a map, Re mu < 0 of a flow."""
        return self[self.verdicts == "stable"]

    @property
    def saddles(self) -> Self:
        """Unstable points with at least one contracting direction."""
        return self[(self.verdicts == "unstable") & self.contracting]

    @property
    def repellers(self) -> Self:
        """Unstable points without a contracting direction."""
        return self[(self.verdicts == "unstable") & ~self.contracting]

    @property
    def contracting(self) -> np.ndarray:
        """Has the point a contracting direction (point,)?"""
        return np.asarray(contracting(self.eigenvalues, self.dynamics).any(axis=1))

    def headline(self) -> str:
        said = [f"{len(self)} point{'' if len(self) == 1 else 's'} of a {self.dynamics}"]
        for verdict in ("stable", "unstable", "marginal", "undetermined"):
            n = int((self.verdicts == verdict).sum())
            if n or verdict in ("stable", "unstable"):
                said.append(f"{n} {verdict}")
        if self.certified.any():
            which = "all" if self.certified.all() else str(int(self.certified.sum()))
            said.append(
                f"{which} {'proved' if (self.evidence == 'proved').sum() == self.certified.sum() else 'certified'}"
            )
        wrong = int((self.step_verdicts != self.verdicts).sum())
        said += [f"{wrong} judged otherwise by the step"] if wrong else []
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
        wrong = int((self.step_verdicts != self.verdicts).sum())
        if wrong:
            lines.append(f"{counted(wrong, 'point')} of whose stability the time step says otherwise than the flow")
        return [*lines, _completeness_in_words(self)]

    def table(self) -> dict[str, np.ndarray]:
        is_map = self.dynamics == "map"
        first = self.eigenvalues[:, 0] if self.eigenvalues.shape[1] else np.zeros(len(self))
        return {
            "verdict": self.verdicts,
            "n_unstable": self.n_unstable.filled(-1),
            "|eigenvalue 1|" if is_map else "Re eigenvalue 1": np.abs(first) if is_map else np.real(first),
            "residual" if is_map else "|rhs|": self.residuals,
            "evidence": self.evidence,
            "uniqueness radius": self.uniqueness_radius,
            "sign": self.signs,
            "starts": self.starts_per_point,
        }


def _completeness_in_words(points: FixedPoints) -> str:
    """Whether points are missing, as far as the signs say, and what the search has cost."""
    is_map = points.dynamics == "map"
    used = f"{points.n_starts} starts, {points.n_failed} of which led nowhere"
    if len(points):
        used += f"; max {'|F(x) - x|' if is_map else '|f(x)|'} = {points.residuals.max():.0e}"
    index = f"det({'I - J' if is_map else '-df/dx'})"
    if points.completeness == "consistent":
        said = f"the signs of {index} sum to {points.degree:+d}, as they must if no point is missing"
    elif points.completeness == "incomplete" and not points.n_found:
        box = "map of a box into itself" if is_map else "flow into a box"
        said = f"INCOMPLETE: a {box} has a fixed point, and none was found"
    elif points.completeness == "incomplete":
        sums = f"the signs sum to {points.degree}, not to {points.expected_degree}"
        said = f"INCOMPLETE: {sums}: points are missing"
    elif points.expected_degree is None:
        said = "no theorem says how many there must be: points may be missing"
    elif points.degree is None:
        said = f"the signs of {index} cannot be summed, because of points that are not isolated"
    else:
        said = "the search ran out of starts while points still turned up: points are likely to be missing"
    return f"{said} ({used})"


@with_provenance
def find_fixed_points(
    system: System,
    starts: Any = None,
    drive: Any = None,
    *,
    seed: Any = 0,
    max_starts: int = 4096,
    proof: bool = False,
) -> FixedPoints:
    """Find the fixed points of a map, or the equilibria of a flow, under a constant drive.

    Arguments:
        system: the map or the flow; of a flow (``system.flow()`` is not None) the zeros of its right-hand side are
            found, and everything that is said of them is said of the flow.
        starts: states to start from, or a result that has ``states``.  (start, unit): each is used.  More axes, such
            as trajectories (trial, time, unit): a pool that is sub-sampled.  None: random states of the system's box,
            or of several scales, half of them settled, where it has no box; an empty array is as None.  A start that
            is not finite is marked and left out.
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
        FixedPoints.  ``completeness`` is "incomplete" where the signs prove that points are missing (a system with an
        invariant box and no point found: one exists), "consistent" where the signs agree and the search had settled,
        and "unknown" where no theorem holds, or where the search ran out of starts while points still turned up.
        Warns (DynakitWarning) where the step of a flow disagrees with the flow about the stability of a point.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.

    >>> import dynakit as dk
    >>> points = dk.find_fixed_points(dk.catalog.tanh_unit(w=2.0))
    >>> points.states.round(4).ravel().tolist(), bool(points.certified.all())
    ([-0.9575, 0.9575, 0.0], True)
    >>> dk.find_fixed_points(dk.catalog.van_der_pol())
    FixedPoints(1 point of a flow, 0 stable, 1 unstable, all certified, degree +1, ...completeness unknown)
    """
    checked(system).refuse_jumps("a search for fixed points")
    max_starts = count("max_starts", max_starts)
    proof = one_of("proof", proof, (False, True))
    given, drives, group = search_arguments(system, starts, drive)
    system, outcomes = at_rest(system), []
    with linalg.one_thread(), torch.no_grad():
        for k, u in enumerate(drives):
            rng = seeding.stream(seed, "starts", k)
            own = given if given is None or group is None else given[group == k]
            outcomes.append(search(system, own, u, rng, max_starts))
        points = _collect(system, outcomes, proof)
    warn_of_step(system, points.verdicts, points.step_verdicts)
    return points


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


def _collect(system: System, outcomes: list[Sought], proof: bool) -> FixedPoints:
    """Everything that is said about the points, in a canonical order."""
    roots = [o.roots for o in outcomes]
    x, existence, uniqueness = (
        torch.cat([getattr(r, name) for r in roots]) for name in ("x", "existence", "uniqueness")
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
        "residuals": velocity(system, x, u).abs().amax(-1).cpu().numpy(),
        "eigenvalues": values,
        "verdicts": verdicts,
        "step_verdicts": verdicts_of_step(system, x, u, verdicts),
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
    dynamics = dynamics_of(system)
    order = canonical_order(fields["states"], fields["drives"], values, verdicts, dynamics)
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
        dynamics=dynamics,
    )


def _completeness(outcomes: list[Sought], degenerate: np.ndarray) -> str:
    """Whether the signs of the points contradict the theorem, under every drive, and whether the search ran out."""
    if degenerate.any() or any(o.expected is None for o in outcomes):
        return "unknown"
    if any(o.roots.degree != o.expected for o in outcomes):
        return "incomplete"
    return "consistent" if all(o.settled for o in outcomes) else "unknown"
