"""All fixed points of a piecewise-linear map, and the proof that there are no others.

A map made of hinges, F(x) = A x + c + B relu(W x + b), has as fixed points the solutions of a linear
complementarity problem in the r = relu(W x + b) (``_hinges``; Eaves and Lemke 1981).  Branch and bound over its
complementary pairs (``_complementarity``) finds them all: a sub-problem is closed as soon as its quadratic form
d'DNd, for a diagonal D > 0 of choice, is not positive in at most one direction, because then its solutions lie
on one path that can be followed to both ends; others are refuted by a linear programme or split further.
Bounds of the rounding errors enter every decision, so that "proved" means proved of the map with the weights it
has.  Jumping between linear regions (Eisenmann et al. 2023) finds most points before that, and is what is left
where time runs out.

The flow dx/dt = rate (F(x, u) - x) of such a map rests where the map does.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...checks import count, number, reals
from ...errors import InputError
from ...progress import Callback, expect, going
from ...provenance import with_provenance
from ...results import per_item
from ...systems.base import Bounds, Pieces, System, checked, minus_identity
from ...systems.derived import Iterated
from ...systems.rest import at_rest, dynamics_of, velocity
from ..fixed_points import FixedPoints, canonical_order, certify, continua, isolation, spectra, what_in_words
from ..linearization import at_kinks, verdicts_of_step, warn_of_step
from .enumeration import SAME, Enumeration, enumerated

ROOT = 1e-9  # residual, relative to 1 + |x|, above which a state is no fixed point


@dataclass(frozen=True, kw_only=True, repr=False)
class ExactFixedPoints(FixedPoints):
    """Fixed points whose list is complete if ``completeness`` says so.

    ``completeness`` is "proved" (no others in the whole state space), "proved in box", or "incomplete"; then
    ``left`` says what is open: also a point at a kink that rounding errors may have made, moved or split, unless it
    is one whatever they are, or stands in rational arithmetic. ``starts_per_point`` counts the region jumps that
    ended in a point, 0 where only the proof found it. ``expected_degree`` is None: no theorem says it here.

    Attributes:
        regions: (point, hinge) which hinges are active, W x + b > 0
        at_kink: (point,) whether some hinge is at zero as far as can be told, so that there are one-sided Jacobians
        n_nodes: sub-problems of the branch and bound that were visited
        n_left: sub-problems and regions without an answer
        left: what they are, in words; "" where nothing is left
    """

    regions: np.ndarray = per_item()
    at_kink: np.ndarray = per_item()
    n_nodes: int
    n_left: int
    left: str

    def headline(self) -> str:
        said = what_in_words(self)
        if len(self) == self.n_found:
            said += [] if self.degree is None else [f"degree {self.degree:+d}"]
            said.append(self.completeness + (f" ({self.left})" if self.left else ""))
        return ", ".join(said)

    def table(self) -> dict[str, np.ndarray]:
        return {**super().table(), "active": self.regions.sum(axis=1), "at kink": self.at_kink}


@with_provenance
def enumerate_fixed_points(
    system: System,
    drive: Any = None,
    *,
    period: int = 1,
    box: Any = None,
    time_limit: float = 60.0,
    seed: Any = 0,
    callback: Callback | None = None,
) -> ExactFixedPoints:
    """Find all fixed points of a piecewise-linear map, or all equilibria of its flow, with proof.

    Arguments:
        system: a map of linear pieces: ReLU Elman and leaky ReLU networks in the three forms, with Dale's law
            or without, stacks, their closed loops, iterates, and ``dk.catalog.piecewise_linear``; or the flow of such
            a network, ``dk.as_flow``.
        drive: the constant input (input,); None is zero input.
        period: the points of F^period instead: those on orbits whose period divides it; of a flow 1.
        box: intervals (unit, 2), or one (low, high) for every unit: only the points in this box, which is faster.
        time_limit: seconds after which the search stops and says what is open.
        seed: of the regions that are jumped from.
        callback: called for each sub-problem with how many were looked at and {"total": None, "unit": "sub-problem"};
            StopIteration raised in it ends the search as ``time_limit`` does (``interrupted``).

    Returns:
        ExactFixedPoints.

    Raises:
        InputError: for a system that is not made of linear pieces, or arguments that do not fit it.

    >>> import dynakit as dk
    >>> hat = dk.catalog.piecewise_linear([[0.0]], [[1.0]], [[2.0]], c=[-1.0])  # x' = 2 relu(x) - 1
    >>> points = dk.enumerate_fixed_points(hat)
    >>> points.states.ravel().tolist(), points.completeness
    ([-1.0, 1.0], 'proved')
    """
    start = time.monotonic()
    period, seconds = count("period", period), number("time_limit", time_limit, above=0, closed=False)
    u = checked(system).as_drive("drive", drive)
    if u.ndim != 1:
        raise InputError(
            f"drive must be one vector of {system.input_size} values, got shape {tuple(u.shape)}"
        )
    if period > 1 and dynamics_of(system) == "flow":
        raise InputError(f"period must be 1 for a flow, which has no orbits of {period} steps, got {period}")
    whole = at_rest(system)
    pieces = _pieces(whole, u)
    limits = None if box is None else _limits(box, system.state_size)
    whole = whole if period == 1 else Iterated(whole, period)
    with linalg.one_thread(), torch.no_grad():
        rng, end = seeding.stream(seed, "regions"), start + seconds
        expect(None, "sub-problem")
        looked = itertools.count()
        stop = lambda: not going(next(looked), "sub-problem") or time.monotonic() > end  # noqa: E731
        found = enumerated(whole, u, pieces.repeated(period), limits, rng, stop=stop)
        points = _collect(whole, u, found)
    warn_of_step(whole, points.verdicts, points.step_verdicts)
    return points


def _pieces(system: System, u: Tensor) -> Pieces:
    system.refuse_jumps("an enumeration of fixed points")
    pieces = system.pieces(u)
    if pieces is None:
        what, still = "is smooth", torch.zeros(system.state_size, dtype=torch.float64, device=u.device)
        if system.regularity != "smooth" or bool(torch.isfinite(system.kinks(still, u))):
            what = (
                "does not say what its linear pieces are, and they cannot be read off its code (a leaky ReLU network "
                "given as dk.models.LeakyRNN says them)"
            )
        raise InputError(
            f"system ({system.name}) must be made of linear pieces to enumerate its fixed points, but it {what}; "
            "see dk.find_fixed_points"
        )
    return pieces


def _limits(box: Any, n: int) -> np.ndarray:
    """(2, unit)"""
    intervals = reals("box", box)
    if intervals.shape not in ((2,), (n, 2)):
        raise InputError(
            f"box must be one interval (low, high) or have shape ({n}, 2), got {intervals.shape}"
        )
    limits = np.array(np.broadcast_to(intervals, (n, 2)).T)
    if (limits[0] > limits[1]).any():
        unit = int(np.flatnonzero(limits[0] > limits[1])[0])
        raise InputError(
            f"box must have low <= high, but at unit {unit} it is {limits[0, unit]} > {limits[1, unit]}"
        )
    return limits


def _collect(system: System, u: Tensor, found: Enumeration) -> ExactFixedPoints:
    """Everything that is said about the points, in a canonical order."""
    drives = u.expand(len(found.states), -1)
    x, residual = _polished(system, torch.from_numpy(found.states).to(u.device), drives)
    kept = _points_of(system, x, residual, found.singular | (found.n_kinks > 0))
    found, x, residual, drives = found.where(kept.numpy()), x[kept], residual[kept], drives[kept]
    keep = _stand_still(x.cpu().numpy(), residual.cpu().numpy(), found.singular | (found.n_kinks > 0))
    found, x, residual, drives = found.where(keep), x[keep], residual[keep], drives[keep]
    A = minus_identity(system.jacobian(x, drives))
    proof = certify(system, x, drives)
    alone = [isolation(system, *row) for row in zip(x, drives, A, residual.tolist(), proof.existence_radius)]
    singular = found.singular | np.array([item.singular for item in alone], bool)
    dimensions = np.array([item.dimension for item in alone], int)
    sets = continua(system, u, x, dimensions, ~proof.certified, _region(system, u, x))
    singular, dimensions = singular | (sets.of >= 0), sets.dimension_of(dimensions)
    values, verdicts = spectra(system, x, drives)
    verdicts = np.where((found.n_kinks > 0) & ~at_kinks(system, x, drives), "undetermined", verdicts)
    dynamics = dynamics_of(system)
    fields = {
        "states": x.cpu().numpy(),
        "drives": drives.cpu().numpy(),
        "residuals": velocity(system, x, drives).abs().amax(-1).cpu().numpy(),
        "eigenvalues": values,
        "verdicts": verdicts,
        "step_verdicts": verdicts_of_step(system, x, drives, verdicts),
        "signs": np.where(singular, 0, found.signs),
        "non_isolated": singular,
        "dimensions": dimensions,
        "set_of": sets.of,
        "certified": proof.certified,
        "existence_radius": proof.existence_radius,
        "uniqueness_radius": proof.uniqueness_radius,
        "evidence": np.where(proof.certified, "proved", "residual only"),
        "uncertainties": np.array([item.uncertainty for item in alone], float),
        "starts_per_point": found.hits,
        "regions": found.regions,
        "at_kink": found.n_kinks > 0,
    }
    order = canonical_order(fields["states"], fields["drives"], values, fields["verdicts"], dynamics)
    known = not singular.any() and not (found.n_kinks > 1).any()
    n_jumped = int(found.hits.sum())
    return ExactFixedPoints(
        **{name: value[order] for name, value in fields.items()},
        start_status=np.repeat(["converged", "stalled"], [n_jumped, found.n_starts - n_jumped]),
        n_found=len(x),
        set_dimensions=sets.dimensions,
        set_extents=sets.extents,
        set_closed=sets.closed,
        set_cut=sets.cut,
        saturation=np.array([[0, found.n_starts, int((found.hits > 0).sum())]]),
        unseen=(0.0, 0.0, 0.0) if found.verdict != "incomplete" else (np.nan, np.nan, np.nan),
        degree=int(found.signs.sum()) if known else None,
        expected_degree=None,
        completeness=found.verdict,
        n_nodes=found.n_nodes,
        n_left=found.n_left,
        left=found.left,
        dynamics=dynamics,
    )


def _stand_still(x: np.ndarray, residual: np.ndarray, unsure: np.ndarray) -> np.ndarray:
    """Which points rest, each once: at a kink, or where I - J is singular, one may be rounding, or stand twice."""
    size = SAME * (1 + np.abs(x).max(1, initial=0.0))
    keep = ~unsure | (residual <= size)
    for k in np.flatnonzero(unsure & keep):
        keep[k] = False
        keep[k] = not (keep & (np.abs(x - x[k]).max(1) <= size[k])).any()
    return keep


def _points_of(system: System, x: Tensor, residual: Tensor, doubtful: np.ndarray) -> Tensor:
    """Which states are points, each once (state,): no residual above rounding, and of doubtful twins the first."""
    size = 1 + x.abs().amax(-1)
    kept = residual <= ROOT * size
    twins = torch.cdist(x, x, p=torch.inf) <= SAME * torch.minimum(size[:, None], size)
    for k in range(len(x)):
        if bool(doubtful[k]):
            earlier = twins[k, :k] & kept[:k]
            later = twins[k, k + 1 :] & kept[k + 1 :] & ~torch.from_numpy(doubtful[k + 1 :])
            kept[k] &= not bool(earlier.any() | later.any())
    return kept.cpu()


def _region(system: System, u: Tensor, x: Tensor) -> Bounds:
    """How far sets of points are followed: through the box, or ten times as far as the points lie."""
    far = 10 * (1 + x.abs().amax()) if len(x) else x.new_ones(())
    return system.box(u) or Bounds(-far.expand(system.state_size), far.expand(system.state_size))


def _polished(system: System, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """One Newton step where it helps, and the residuals max |F(x) - x|."""
    residual = system.step(x, u) - x
    step, _ = system.newton_step(x, u, residual)
    largest = lambda z: (system.step(z, u) - z).abs().amax(-1)  # noqa: E731
    before, after = largest(x), largest(x + step)
    return torch.where((after < before)[:, None], x + step, x), torch.minimum(before, after)
