"""Slow points: where the speed q(x) = 1/2 |F(x, u) - x|^2 is least without being zero (Sussillo and Barak 2013).

At a stationary point of q with q > 0 the gradient A^T r = 0 (A = J - I, r = F(x) - x) says that r spans the left null
space of A: the map has an eigenvalue of exactly 1 there, and the motion is all along its left eigenvector l = r / |r|.
With the right eigenvector v (A v = 0, |v| = 1) the motion along that mode is, to second order,

    dy/dt = eps + a y^2,   eps = |r| / l.v,   a = r.d2F(v, v) / (2 |r| l.v),

the normal form of a saddle-node bifurcation just after the two points have met (Strogatz 2015, sec. 4.3): a ghost.
A trajectory takes pi / sqrt(a eps) steps to pass it.

Of a flow dx/dt = f(x, u) the same is said of q(x) = 1/2 |f(x, u)|^2, with df/dx for A and times in its unit of time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...checks import count
from ...errors import InputError
from ...progress import Callback, ended, expect, passed
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...systems.rest import at_rest, dynamics_of, linear_part, velocity
from ...wording import counted, span
from ..fixed_points import search_arguments
from ..linearization import contracting, drives_of, eigenvalues, expanding, in_ms
from .descent import STATUS
from .minima import MinimaSearch, search_minima

Known = Callable[[Tensor], Tensor]  # drive -> fixed points (point, unit)


@dataclass(frozen=True, kw_only=True, repr=False)
class SlowPoints(Result):
    """Minima of q with q > 0, the slowest first; never a fixed point, never outside the system's invariant box.

    The kinds: "ghost", at which all other modes contract, so that trajectories are drawn in, linger and leave;
    "saddle", at which some expand, so that only some trajectories pass; "shoulder", with a fixed point nearer than the
    ghost is wide; "flat", where q does not rise in every direction as far as can be told: a piece of a slow set; and
    "kink", of a piecewise-linear map, whose slow points lie at its kinks.

    Attributes:
        states: (point, unit) where the speed is least
        drives: (point, input) the constant input each was found under
        kinds: (point,) ghost | saddle | shoulder | flat | kink
        speeds: (point,) q = 1/2 |F(x) - x|^2 of a map, 1/2 |f(x)|^2 of a flow
        gradients: (point,) |grad q|: zero but for rounding; at a kink the least of all sides
        curvatures: (point,) smallest eigenvalue of the Hessian of q; at a kink, along it
        smallest_singular_values: (point,) of J - I, of a flow df/dx: zero but for rounding, not at a kink
        eigenvalues: (point, unit) of dF/dx, by falling modulus; of a flow those of df/dx, by falling real part
        passage_times: (point,) how long a trajectory takes to pass, pi / sqrt(a eps), in steps, of a flow in its unit
            of time; NaN at a kink
        widths: (point,) length of the slow stretch on either side, sqrt(eps / a), state units; NaN at a kink
        distances: (point,) to the nearest known fixed point under the same drive, state units; NaN if there is none
        starts_per_point: (point,) how many starts ended there
        start_status: (start,) slow point | fixed point | outside | stalled | non-finite start
        n_found: points of the whole search
        dynamics: "map" or "flow": what speeds, eigenvalues and times are those of
        dt: time of one step in ms; None if it is not known
        time_unit: the unit of time of a flow, "" if it has no name; "steps" of a map
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
    dynamics: str = "map"
    dt: float | None = None
    time_unit: str = "steps"

    @property
    def ghosts(self) -> SlowPoints:
        """The points that draw trajectories in and let them pass."""
        return self[self.kinds == "ghost"]

    @property
    def n_unstable(self) -> np.ndarray:
        """Number of expanding modes at each point, the slow one not counted."""
        grows = expanding(self.eigenvalues, self.dynamics)
        return (grows & _others(self.eigenvalues, self.dynamics)).sum(axis=1)

    @property
    def passage_times_ms(self) -> np.ndarray | None:
        """:attr:`passage_times` in ms, or None if the unit of time is not known."""
        return in_ms(self.passage_times, self.dynamics, self.dt, self.time_unit)

    def headline(self) -> str:
        said = [f"{counted(len(self), 'slow point')} of a {self.dynamics}"]
        said += [f"{int((self.kinds == kind).sum())} {kind}" for kind in np.unique(self.kinds)]
        if len(self):
            said.append(f"q from {self.speeds.min():.1e} to {self.speeds.max():.1e}")
        if len(self) == self.n_found:
            to_roots = int((self.start_status == "fixed point").sum())
            said.append(f"{to_roots} of {counted(len(self.start_status), 'start')} reached fixed points")
        return ", ".join(said)

    def sentences(self) -> list[str]:
        """How many there are, how slow, and how long trajectories linger at the ghosts among them."""
        if not len(self):
            return [f"none of {len(self.start_status)} descents in speed ended at a slow point besides the fixed ones"]
        least = np.sqrt(2 * self.speeds.min())
        speed = "|F(x) - x|" if self.dynamics == "map" else "|f(x)|"
        what = f"{counted(len(self), 'slow point')} besides the fixed ones, {speed} >= {least:.1e}"
        if not len(self.ghosts):
            return [what]
        times = span(self.ghosts.passage_times, self.time_unit or "time units")
        return [what, f"{counted(len(self.ghosts), 'ghost')} among them: trajectories linger there for about {times}"]

    def table(self) -> dict[str, np.ndarray]:
        return {
            "kind": self.kinds,
            "q": self.speeds,
            f"passage time ({self.time_unit or 'time units'})": self.passage_times,
            "n_unstable": self.n_unstable,
            "distance to a fixed point": self.distances,
            "|grad q|": self.gradients,
            "curvature": self.curvatures,
            "starts": self.starts_per_point,
        }


@with_provenance
def find_slow_points(
    system: System,
    starts: Any = None,
    drive: Any = None,
    *,
    fixed_points: Any = None,
    seed: Any = 0,
    max_starts: int = 256,
    callback: Callback | None = None,
) -> SlowPoints:
    """Find the slow points of a map or a flow under a constant drive: minima of its speed that are no fixed points.

    Arguments:
        system: the map or the flow.
        starts: as for :func:`dynakit.find_fixed_points`.  (start, unit): each is used; more axes, such as trajectories
            (trial, time, unit): a pool that is sub-sampled; None: random states.
        drive: the constant input, (input,), or (start, input) for several; None is zero input.
        fixed_points: FixedPoints, or states (..., unit), to measure distances from.  None: the fixed points that the
            search runs into.
        seed: of the sub-sampling and of the starts the search adds.
        max_starts: most starts to use under each drive.
        callback: called after each batch with the starts used and {"total": max_starts of all drives, "unit": "start"};
            StopIteration raised in it ends the search, which returns the points found by then (``interrupted``).

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
    given, drives, group = search_arguments(system, starts, drive)
    known = _known(system, fixed_points)
    system, found = at_rest(system), []
    with linalg.one_thread(), torch.no_grad():
        expect(max_starts * len(drives), "start", at_most=True)
        for k, u in enumerate(drives.detach()):
            rng = seeding.stream(seed, "slow points", k)
            own = given if given is None or group is None else given[group == k]
            found.append(search_minima(system, own, u, rng, max_starts))
            passed(len(found[-1].status), "start")
            if ended():
                break
    return _collect(system, found, known)


def _collect(system: System, searches: list[MinimaSearch], known: Known | None) -> SlowPoints:
    """Everything that is said about the points, the slowest first under each drive."""
    parts = [
        _describe(system, s, s.roots if known is None else known(s.landscape.residual.u)) for s in searches
    ]
    fields: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort([fields["speeds"], *fields["drives"].T[::-1]])
    return SlowPoints(
        **{name: value[order] for name, value in fields.items()},
        start_status=np.array(STATUS)[np.concatenate([s.status for s in searches])],
        n_found=len(order),
        dynamics=dynamics_of(system),
        dt=system.dt_ms,
        time_unit="steps" if dynamics_of(system) == "map" else system.time_unit,
    )


def _describe(system: System, search: MinimaSearch, roots: Tensor) -> dict[str, np.ndarray]:
    """The fields of the points under one drive."""
    residual, x, dynamics = search.landscape.residual, search.minima.x, dynamics_of(system)
    alpha = 1 / residual.rate if dynamics == "map" else 1.0  # the time of a step, in the units of the search
    local, J = search.landscape.describe(x), linear_part(system, x, residual.u).cpu().numpy()
    values = np.array([eigenvalues(A, dynamics) for A in J], complex).reshape(x.shape)
    away = torch.cdist(x, roots, compute_mode="donot_use_mm_for_euclid_dist").cpu().numpy()
    distances = away.min(axis=1, initial=np.inf) if len(roots) else np.full(len(x), np.nan)
    return {
        "states": x.cpu().numpy(),
        "drives": residual.u.expand(len(x), -1).cpu().numpy(),
        "kinds": _kinds(values, dynamics, local.kinds, distances <= local.widths),
        "speeds": velocity(system, x, residual.u).square().sum(-1).mul(0.5).cpu().numpy(),
        "gradients": alpha**2 * local.gradients,
        "curvatures": alpha**2 * local.curvatures,
        "smallest_singular_values": alpha * local.smallest,
        "eigenvalues": values,
        "passage_times": local.passage_times / alpha,
        "widths": local.widths,
        "distances": distances,
        "starts_per_point": np.array(search.minima.hits, int),
    }


def _kinds(values: np.ndarray, dynamics: str, known: np.ndarray, rooted: np.ndarray) -> np.ndarray:
    stays = (~contracting(values, dynamics) & _others(values, dynamics)).any(axis=1)
    return np.select([known != "", rooted, stays], [known, "shoulder", "saddle"], "ghost")


def _others(values: np.ndarray, dynamics: str) -> np.ndarray:
    """All eigenvalues (point, unit) but the slow one, which is nearest to 1, of a flow nearest to 0."""
    others = np.ones(values.shape, bool)
    if values.size:
        others[np.arange(len(values)), np.abs(values - (dynamics == "map")).argmin(axis=1)] = False
    return others


def _known(system: System, fixed_points: Any) -> Known | None:
    """A function from a drive to the fixed points to measure from under it; None where none were given."""
    if fixed_points is None:
        return None
    drives, states = drives_of(fixed_points), system.as_states("fixed_points", fixed_points)
    if not bool(torch.isfinite(states).all()):
        raise InputError("fixed_points must be finite")
    points = states.reshape(-1, system.state_size)
    rows = None if drives is None or np.ndim(drives) != 2 else np.asarray(drives)

    def under(u: Tensor) -> Tensor:
        same = slice(None) if rows is None else torch.from_numpy((rows == u.cpu().numpy()).all(axis=1))
        return points[same]

    return under
