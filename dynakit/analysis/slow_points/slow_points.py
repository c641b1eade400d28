"""Slow points: where the speed q(x) = 1/2 |F(x, u) - x|^2 is least without being zero (Sussillo and Barak 2013).

At a stationary point of q with q > 0 the gradient A^T r = 0 (A = J - I, r = F(x) - x) says that r spans the left null
space of A: the map has an eigenvalue of exactly 1 there, and the motion is all along its left eigenvector l = r / |r|.
With the right eigenvector v (A v = 0, |v| = 1) the motion along that mode is, to second order,

    dy/dt = eps + a y^2,   eps = |r| / l.v,   a = r.d2F(v, v) / (2 |r| l.v),

the normal form of a saddle-node bifurcation just after the two points have met (Strogatz 2015, sec. 4.3): a ghost.
A trajectory takes pi / sqrt(a eps) steps to pass it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...checks import count, reals
from ...provenance import Provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...wording import counted, span
from ..fixed_points import search_arguments
from .descent import STATUS
from .minima import MinimaSearch, search_minima

Known = Callable[[Tensor], Tensor]  # drive -> fixed points (point, unit)
MARGIN = 1e-9  # distance from the unit circle below which a mode is not said to contract or expand


@dataclass(frozen=True, kw_only=True, repr=False)
class SlowPoints(Result):
    """Minima of q with q > 0, the slowest first; never a fixed point, never outside the map's invariant box.

    The kinds: "ghost", at which all other modes contract, so that trajectories are drawn in, linger and leave;
    "saddle", at which some expand, so that only some trajectories pass; "shoulder", with a fixed point nearer than the
    ghost is wide; "flat", where q does not rise in every direction as far as can be told: a piece of a slow set; and
    "kink", of a piecewise-linear map, whose slow points lie at its kinks.

    Attributes:
        states: (point, unit)
        drives: (point, input)
        kinds: (point,) ghost | saddle | shoulder | flat | kink
        speeds: (point,) q
        gradients: (point,) |grad q|: zero but for rounding; at a kink the least of all sides
        curvatures: (point,) smallest eigenvalue of the Hessian of q; at a kink, along it
        smallest_singular_values: (point,) of J - I: zero but for rounding, not at a kink
        eigenvalues: (point, unit) of J, by falling modulus
        passage_times: (point,) steps a trajectory takes to pass, pi / sqrt(a eps); NaN at a kink
        widths: (point,) length of the slow stretch on either side, sqrt(eps / a); NaN at a kink
        distances: (point,) to the nearest known fixed point under the same drive, or NaN
        starts_per_point: (point,)
        start_status: (start,) slow point | fixed point | outside | stalled | non-finite start
        n_found: points of the whole search
        dt: ms per step
    """

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    kinds: np.ndarray = per_item()
    speeds: np.ndarray = per_item()
    gradients: np.ndarray = per_item()
    curvatures: np.ndarray = per_item()
    smallest_singular_values: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    passage_times: np.ndarray = per_item()
    widths: np.ndarray = per_item()
    distances: np.ndarray = per_item()
    starts_per_point: np.ndarray = per_item()
    start_status: np.ndarray
    n_found: int
    dt: float | None = None

    @property
    def ghosts(self) -> SlowPoints:
        """The points that draw trajectories in and let them pass."""
        return self[self.kinds == "ghost"]

    @property
    def n_unstable(self) -> np.ndarray:
        """Number of expanding modes at each point, the slow one not counted."""
        return (np.abs(_others(self.eigenvalues)) > 1 + MARGIN).sum(axis=1)

    @property
    def passage_times_ms(self) -> np.ndarray | None:
        """:attr:`passage_times` in ms, or None if the system's ``dt`` is not known."""
        return None if self.dt is None else self.passage_times * self.dt

    def headline(self) -> str:
        said = [counted(len(self), "slow point")]
        said += [f"{int((self.kinds == kind).sum())} {kind}" for kind in np.unique(self.kinds)]
        if len(self):
            said.append(f"q from {self.speeds.min():.1e} to {self.speeds.max():.1e}")
        if len(self) == self.n_found:
            to_roots = int((self.start_status == "fixed point").sum())
            said.append(f"{to_roots} of {len(self.start_status)} starts reached fixed points")
        return ", ".join(said)

    def sentences(self) -> list[str]:
        """How many there are, how slow, and how long trajectories linger at the ghosts among them."""
        if not len(self):
            return [f"none of {len(self.start_status)} descents in speed ended at a slow point besides the fixed ones"]
        least = np.sqrt(2 * self.speeds.min())
        what = f"{counted(len(self), 'slow point')} besides the fixed ones, |F(x) - x| >= {least:.1e}"
        if not len(self.ghosts):
            return [what]
        times = span(self.ghosts.passage_times, "steps")
        return [what, f"{counted(len(self.ghosts), 'ghost')} among them: trajectories linger there for about {times}"]

    def table(self) -> dict[str, np.ndarray]:
        return {
            "kind": self.kinds,
            "q": self.speeds,
            "passage time (steps)": self.passage_times,
            "n_unstable": self.n_unstable,
            "distance to a fixed point": self.distances,
            "|grad q|": self.gradients,
            "curvature": self.curvatures,
            "starts": self.starts_per_point,
        }


def find_slow_points(
    system: System,
    starts: Any = None,
    drive: Any = None,
    *,
    fixed_points: Any = None,
    seed: Any = 0,
    max_starts: int = 256,
) -> SlowPoints:
    """Find the slow points of a map under a constant drive: minima of its speed that are no fixed points.

    Arguments:
        system: the map.
        starts: as for :func:`dynakit.find_fixed_points`.  (start, unit): each is used; more axes, such as trajectories
            (trial, time, unit): a pool that is sub-sampled; None: random states.
        drive: the constant input, (input,), or (start, input) for several; None is zero input.
        fixed_points: FixedPoints, or states (point, unit), to measure distances from.  None: the fixed points that the
            search runs into.
        seed: of the sub-sampling and of the starts the search adds.
        max_starts: most starts to use under each drive.

    Every start goes downhill in q.  Batches are added until two in a row bring no new point.  For a leaky network
    "slow" is measured in the rate (F(x) - x) / alpha, which does not depend on the time step.

    Returns:
        SlowPoints.  Where the map has no invariant box, points as far as a thousand times the starts are looked at.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.

    >>> import dynakit as dk
    >>> nearly = dk.FunctionSystem(lambda x: x + 0.01 + x**2, 1)
    >>> slow = dk.find_slow_points(nearly, [[0.5], [-0.5]], max_starts=2)
    >>> slow.kinds.tolist(), slow.speeds.round(9).tolist(), slow.passage_times.round(3).tolist()
    (['ghost'], [5e-05], [31.416])
    """
    checked(system).refuse_jumps("a search for slow points")
    max_starts = count("max_starts", max_starts)
    seed = seeding.as_seed(seed)
    given, drives, group = search_arguments(system, starts, drive)
    known = _known(system, fixed_points)
    found = []
    with linalg.one_thread(), torch.no_grad():
        for k, u in enumerate(drives.detach()):
            rng = seeding.stream(seed, "slow points", k)
            own = given if given is None or group is None else given[group == k]
            found.append(search_minima(system, own, u, rng, max_starts))
    provenance = Provenance.of(system, seed=seed, max_starts=max_starts)
    return _collect(system, found, known, provenance)


def _collect(
    system: System, searches: list[MinimaSearch], known: Known | None, provenance: Provenance
) -> SlowPoints:
    """Everything that is said about the points, the slowest first under each drive."""
    parts = [
        _describe(system, s, s.roots if known is None else known(s.landscape.residual.u)) for s in searches
    ]
    fields = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort([fields["speeds"], *fields["drives"].T[::-1]])
    return SlowPoints(
        **{name: value[order] for name, value in fields.items()},
        start_status=np.array(STATUS)[np.concatenate([s.status for s in searches])],
        n_found=len(order),
        dt=system.dt_ms,
        provenance=provenance,
    )


def _describe(system: System, search: MinimaSearch, roots: Tensor) -> dict[str, np.ndarray]:
    """The fields of the points under one drive."""
    residual, x, alpha = search.landscape.residual, search.minima.x, 1 / search.landscape.residual.rate
    local, values = search.landscape.describe(x), linalg.eig(system.jacobian(x, residual.u)).values
    away = torch.cdist(x, roots, compute_mode="donot_use_mm_for_euclid_dist").cpu().numpy()
    distances = away.min(axis=1, initial=np.inf) if len(roots) else np.full(len(x), np.nan)
    return {
        "states": x.cpu().numpy(),
        "drives": residual.u.expand(len(x), -1).cpu().numpy(),
        "kinds": _kinds(values, local.kinds, distances <= local.widths),
        "speeds": system.speed(x, residual.u).cpu().numpy(),
        "gradients": alpha**2 * local.gradients,
        "curvatures": alpha**2 * local.curvatures,
        "smallest_singular_values": alpha * local.smallest,
        "eigenvalues": values,
        "passage_times": local.passage_times / alpha,
        "widths": local.widths,
        "distances": distances,
        "starts_per_point": np.array(search.minima.hits, int),
    }


def _kinds(values: np.ndarray, known: np.ndarray, rooted: np.ndarray) -> np.ndarray:
    expands = (np.abs(_others(values)) > 1 - MARGIN).any(axis=1)
    return np.select([known != "", rooted, expands], [known, "shoulder", "saddle"], "ghost")


def _others(values: np.ndarray) -> np.ndarray:
    """The eigenvalues without the one nearest to 1, (point, unit - 1)."""
    if not values.size:
        return values[:, 1:]
    keep = np.ones(values.shape, bool)
    keep[np.arange(len(values)), np.abs(values - 1).argmin(axis=1)] = False
    return values[keep].reshape(len(values), -1)


def _known(system: System, fixed_points: Any) -> Known | None:
    """A function from a drive to the fixed points to measure from under it; None where none were given."""
    if fixed_points is None:
        return None
    states, drives = getattr(fixed_points, "states", fixed_points), getattr(fixed_points, "drives", None)
    points = torch.from_numpy(reals("fixed_points", states, ("point", system.state_size))).to(system.device)

    def under(u: Tensor) -> Tensor:
        same = slice(None) if drives is None else torch.from_numpy((drives == u.cpu().numpy()).all(axis=1))
        return points[same]

    return under
