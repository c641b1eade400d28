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

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...checks import count, one_of
from ...errors import InputError
from ...progress import Callback, ended, expect, passed
from ...provenance import with_provenance
from ...systems.base import System, checked
from ...systems.rest import at_rest, dynamics_of, velocity
from ..linearization import verdicts_of_step, warn_of_step
from .continua import Continua, continua, joined
from .left_alone import LeftAlone, left_alone
from .newton import STATUS
from .proof import prove
from .result import FixedPoints
from .search import Sought, search, unseen
from .spectra import canonical_order, spectra


@with_provenance
def find_fixed_points(
    system: System,
    starts: Any = None,
    drive: Any = None,
    *,
    seed: Any = 0,
    max_starts: int = 4096,
    proof: bool = False,
    callback: Callback | None = None,
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
        callback: called after each batch with the starts used and {"total": max_starts of all drives, "unit": "start"};
            StopIteration raised in it ends the search, which returns the points found by then (``interrupted``).

    The search adds batches of starts (states from everywhere in the box, left alone or near its faces; then noisy
    ones, mixtures of found points, random states) until two in a row bring no new point (four without an invariant
    box; of 32 units or more half as many, once no point was reached by one start alone) and the points' signs sum to
    what they must; where they do not, until eight in a row bring none.  Without a
    box nothing is known of that sum, but where states from far away come back the search aims at +1.

    A map that is affine layer by layer, as one whose gates hear their inputs alone, is not searched: its point is
    solved for, only given starts are used, and that it is the only one is checked over a box of 1e30 around it.

    Returns:
        FixedPoints.  ``completeness`` is "incomplete" where the signs prove that points are missing (a system with an
        invariant box and no point found: one exists), "consistent" where the signs agree and the search had settled,
        "unknown" where no theorem holds, or where the search ran out of starts while points still turned up, and
        "numerically verified" where the point is the only one.
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
    with linalg.one_thread(), torch.no_grad():
        steps, beside = system, LeftAlone()
        system, outcomes = at_rest(system), []
        expect(max_starts * len(drives), "start", at_most=True)
        for k, u in enumerate(drives):
            rng = seeding.stream(seed, "starts", k)
            own = given if given is None or group is None else given[group == k]
            outcomes.append(search(system, own, u, rng, max_starts))
            beside = beside.and_(left_alone(steps, own, outcomes[-1], seed))
            passed(len(outcomes[-1].status), "start")
            if ended():
                break
        points = _collect(system, outcomes, proof)
    points = replace(points, **beside._asdict())
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
    sets = _sets(system, outcomes)
    degenerate |= sets.of >= 0
    fields = {
        "states": x.cpu().numpy(),
        "drives": u.cpu().numpy(),
        "residuals": velocity(system, x, u).abs().amax(-1).cpu().numpy(),
        "eigenvalues": values,
        "verdicts": verdicts,
        "step_verdicts": verdicts_of_step(system, x, u, verdicts),
        "signs": np.where(degenerate, 0, np.array([s for r in roots for s in r.signs], int)),
        "non_isolated": degenerate,
        "dimensions": sets.dimension_of(np.array([item.dimension for item in alone], int)),
        "set_of": sets.of,
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
        set_dimensions=sets.dimensions,
        set_extents=sets.extents,
        set_closed=sets.closed,
        set_cut=sets.cut,
        saturation=np.concatenate([np.insert(o.curve, 0, k, axis=1) for k, o in enumerate(outcomes)]),
        unseen=tuple(estimates.tolist()),
        degree=None if degenerate.any() else int(fields["signs"].sum()),
        expected_degree=expected,
        completeness=_completeness(outcomes, degenerate),
        dynamics=dynamics,
    )


def _sets(system: System, outcomes: list[Sought]) -> Continua:
    """The lines and other sets of fixed points under all drives."""
    parts = []
    for roots, region in ((o.roots, o.region) for o in outcomes):
        dimensions = np.array([item.dimension for item in roots.alone], int)
        uncertain = ~np.isfinite(roots.uniqueness.cpu().numpy())
        parts.append(continua(system, roots.u, roots.x, dimensions, uncertain, region))
    return joined(parts)


def _completeness(outcomes: list[Sought], degenerate: np.ndarray) -> str:
    """Whether the signs of the points contradict the theorem, under every drive, and whether the search ran out."""
    if degenerate.any() or any(o.expected is None for o in outcomes):
        return "unknown"
    if any(o.roots.degree != o.expected for o in outcomes):
        return "incomplete"
    if all(o.only for o in outcomes):
        return "numerically verified"
    return "consistent" if all(o.settled for o in outcomes) else "unknown"
