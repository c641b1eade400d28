"""Everything that is said about points of which a proof has been attempted, in a canonical order."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...systems.base import Bounds, System, minus_identity
from ...systems.rest import dynamics_of, velocity
from ..fixed_points import canonical_order, certify, continua, isolation, spectra
from ..linearization import at_kinks, verdicts_of_step
from ..piecewise_linear import SAME, Enumeration
from .result import EVERY, ExactFixedPoints

ROOT = 1e-9  # residual, relative to 1 + |x|, above which a state is no fixed point


def collected(system: System, u: Tensor, found: Enumeration, **more: Any) -> ExactFixedPoints:
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
        "evidence": np.where(proof.certified, _evidence(found), "residual only"),
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
        unseen=(0.0, 0.0, 0.0) if found.verdict in (*EVERY, "proved in box") else (np.nan, np.nan, np.nan),
        degree=int(found.signs.sum()) if known else None,
        expected_degree=None,
        completeness=found.verdict,
        n_nodes=found.n_nodes,
        n_left=found.n_left,
        left=found.left,
        dynamics=dynamics,
        **more,
    )


def _evidence(found: Enumeration) -> str:
    """The word for a point with a certificate."""
    smooth = not found.regions.shape[1] and found.verdict != "proved"
    return "numerically verified" if smooth else "proved"


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
