"""Where does a network go that leaves a saddle? Its unstable manifolds, grown until they reach an attractor.

The unstable manifold of a fixed point is all that comes from it.  One direction has two branches, each grown from seeds
in a fundamental domain, the stretch of the local manifold that one step maps onto the next: the iterates of the seeds,
in their order, run along the branch (Krauskopf et al. 2005, sec. 2; local part: ``local``).  Of more
directions single orbits are followed.  Saddles and the attractors they lead to make the graph of possible decisions.

Of a flow the saddles and their directions are those of the right-hand side, the orbits those of its steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from ... import linalg, seeding
from ...checks import count
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...systems.rest import dynamics_of
from ...wording import counted
from ..basins import Targets, as_targets
from ..exponents import UNBOUNDED, grows
from ..fixed_points import FixedPoints
from .local import LocalManifold, local_manifold

if TYPE_CHECKING:
    import networkx

NEAR = 1e-4  # of the seeds to their saddle, relative to the states: what is left out is about NEAR^3
SPACING, FEWEST, MOST = 1.05, 8, 64  # of the seeds: ratio of their distances, and how many on a branch
MOVED = 5e-3  # states closer than this to the one before, relative to the states, are not kept
FAR = 1e6  # of the state, relative: no orbit is drawn so far out
STILL = 1e-15  # an orbit that moves less in a step, relative to the states, has come to rest where no point is known
NOWHERE = "near none of the stable points"
AWAY = -2  # in place of a target, until it is said in words: it grows without bound


@dataclass(frozen=True, kw_only=True, repr=False)
class UnstableManifolds(Result):
    """Branches and orbits that leave the unstable fixed points, one entry each, saddle by saddle.

    Attributes:
        saddles: (path,) index of the fixed point it leaves
        targets: (path,) index of the stable fixed point it reaches; -1: none of them
        reasons: (path,) why none: "near none of the stable points" | "unbounded" (it grows without bound); else ""
        shares: (path,) of its seeds that end so: below 1, the branch itself divides
        n_steps: (path,) steps until the last seed has arrived, or has gone too far to be drawn
        dimensions: (path,) unstable directions of the saddle
        directions: (path, unit) in which it leaves, of length 1
        states: (path, sample, unit) along the path, saddle and end included; then NaN
        n_points: fixed points that were given
        dynamics: "map" or "flow"
    """

    saddles: np.ndarray = per_item()
    targets: np.ndarray = per_item()
    reasons: np.ndarray = per_item()
    shares: np.ndarray = per_item()
    n_steps: np.ndarray = per_item()
    dimensions: np.ndarray = per_item()
    directions: np.ndarray = per_item()
    states: np.ndarray = per_item()
    n_points: int
    dynamics: str = "map"

    def graph(self) -> networkx.DiGraph:
        """Fixed points as nodes, an edge from each saddle to each attractor it leads to, with its ``n_paths``."""
        import networkx

        graph = networkx.DiGraph()
        graph.add_nodes_from(range(self.n_points))
        for saddle, target in zip(self.saddles.tolist(), self.targets.tolist()):
            if target >= 0:
                n = graph.edges[saddle, target]["n_paths"] if graph.has_edge(saddle, target) else 0
                graph.add_edge(saddle, target, n_paths=n + 1)
        return graph

    def headline(self) -> str:
        n, away = len(np.unique(self.saddles)), int((self.reasons == UNBOUNDED).sum())
        lost = int((self.targets < 0).sum()) - away
        said = f"{counted(len(self), 'path')} from {counted(n, 'unstable point')}"
        reached = len(np.unique(self.targets[self.targets >= 0]))
        said += f" to {counted(reached, 'attractor')}"
        said += f", {away} grow without bound" if away else ""
        return said + (f", {lost} reach none" if lost else "")


class _Seeds(NamedTuple):
    """Where the paths of one saddle begin, path by path in the order of growing distance."""

    saddle: int
    direction: np.ndarray  # (unit,)
    states: np.ndarray  # (seed, unit)
    stride: int  # steps between two visits of the same branch: 2 where the eigenvalue is negative
    dimension: int


@with_provenance
def map_unstable_manifolds(
    system: System,
    points: FixedPoints,
    *,
    n_directions: int = 8,
    n_steps: int = 20_000,
    n_samples: int = 200,
    seed: Any = 0,
) -> UnstableManifolds:
    """Follow the unstable manifold of every unstable fixed point to the attractors it reaches.

    Arguments:
        system: the map or the flow.
        points: its fixed points; the stable ones are the attractors, each under its own drive.
        n_directions: orbits from a point with two or more unstable directions: around a circle, or random; 0: none.
        n_steps: most steps of an orbit.
        n_samples: most states kept along a path.
        seed: of the random directions.

    Returns:
        UnstableManifolds; ``saddles`` and ``targets`` are indices into ``points``.

    Raises:
        InputError: for a discontinuous map, or points that do not fit it.

    >>> import dynakit as dk
    >>> unit = dk.catalog.tanh_unit(w=2.0)
    >>> dk.map_unstable_manifolds(unit, dk.find_fixed_points(unit))
    UnstableManifolds(2 paths from 1 unstable point to 2 attractors)
    """
    checked(system).refuse_jumps("an unstable manifold")
    if not isinstance(points, FixedPoints):
        raise InputError(f"points must be FixedPoints, got {type(points).__name__}; see find_fixed_points")
    x = system.as_states("points", points.states).cpu().numpy()
    u = system.as_drive("points.drives", points.drives).cpu().numpy()
    n_directions = count("n_directions", n_directions, least=0)
    n_steps, n_samples = count("n_steps", n_steps), count("n_samples", n_samples, least=3)
    rng = seeding.stream(seed, "directions")
    n_unstable = np.ma.filled(points.n_unstable, 0) * (points.verdicts == "unstable")
    paths: list[dict[str, Any]] = []
    dt = system.dt if dynamics_of(system) == "flow" else None
    with linalg.one_thread(), torch.no_grad():
        for drive in np.unique(u, axis=0):
            here = np.flatnonzero((u == drive).all(axis=1))
            seeds = [
                s
                for i in here[n_unstable[here] > 0]
                for s in _seeds(
                    local_manifold(system, x[i], drive, int(n_unstable[i])), int(i), n_directions, rng, dt
                )
            ]
            stable = here[points.verdicts[here] == "stable"]
            attractors = as_targets(system, points[stable], system.as_drive("drive", drive), least=0)
            grown = _grow(system, drive, seeds, attractors, n_steps)
            ends = stable[attractors.given]
            paths += [_path(x, s, g, ends, n_samples) for s, g in zip(seeds, grown)]
    paths.sort(key=lambda path: path["saddles"])
    return _result(system, paths, n_samples, len(points))


def _seeds(
    local: LocalManifold, saddle: int, n_directions: int, rng: np.random.Generator, dt: float | None
) -> list[_Seeds]:
    """The seeds of each path that leaves one point; ``dt`` is the time of one step of a flow."""
    k = len(local.values)
    near = NEAR * (1 + float(np.abs(local.state).max()))
    if k == 1:
        growth = float(local.values[0].real)
        growth = growth if dt is None else float(np.exp(growth * dt))
        stride = 1 if growth > 0 else 2
        growth = abs(growth) ** stride
        n = int(np.clip(np.ceil(np.log(growth) / np.log(SPACING)), FEWEST, MOST))
        sizes = near * growth ** (np.arange(n) / n)
        ways = [(np.array([side]), sizes, stride) for side in (1.0, -1.0)]
    else:
        ways = [(way, np.array([near]), 1) for way in _sphere(k, n_directions, rng)]
    return [
        _Seeds(saddle, local.basis @ way, local.place(size[:, None] * way), stride, k)
        for way, size, stride in ways
    ]


def _sphere(k: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Directions (n, k): evenly around a circle, random on a sphere."""
    if k == 2:
        angles = 2 * np.pi * np.arange(n) / max(n, 1)
        return np.stack([np.cos(angles), np.sin(angles)], 1)
    ways = rng.normal(size=(n, k))
    return ways / np.linalg.norm(ways, axis=1, keepdims=True)


class _Grown(NamedTuple):
    """The orbits of the seeds of one path."""

    targets: np.ndarray  # (seed,)  which attractor, -1: none, AWAY
    n_steps: np.ndarray  # (seed,)
    states: np.ndarray  # (kept, unit)  in the order of the branch


def _grow(
    system: System, drive: np.ndarray, seeds: list[_Seeds], attractors: Targets, n_steps: int
) -> list[_Grown]:
    """Iterate all seeds at once until each has arrived, has left for good, or has had its steps."""
    owner = np.repeat(np.arange(len(seeds)), [len(s.states) for s in seeds])
    rank = np.concatenate([np.arange(len(s.states)) for s in seeds] or [np.zeros(0, int)])
    stride = np.array([s.stride for s in seeds], int)[owner]
    x = torch.from_numpy(np.concatenate([s.states for s in seeds] or [np.zeros((0, system.state_size))]))
    x = x.to(system.device)
    u = torch.from_numpy(drive).to(x)
    scale = 1 + max(float(np.abs(known).max(initial=0.0)) for known in (x.cpu().numpy(), attractors.states))
    targets, steps, first, ends = np.full(len(x), -1), np.full(len(x), n_steps), x, x.clone()
    alive, last = np.arange(len(x)), x.cpu().numpy().copy()
    kept = [(np.zeros(len(x), int), np.arange(len(x)), last.copy())]
    for k in range(1, n_steps + 1):
        if not len(alive):
            break
        before, x = x, system.step(x, u.expand(len(x), -1))
        ends[torch.from_numpy(alive).to(x.device)] = x
        now = x.cpu().numpy()
        rests = at_rest(before, x, scale)
        here, _ = attractors.at(now)
        gone = ~(np.abs(now).max(axis=1) < FAR * scale)  # true for NaN
        moved = (np.abs(now - last[alive]).max(axis=1) > MOVED * scale) & (k % stride[alive] == 0)
        moved |= (here >= 0) & ~gone
        rows = alive[moved & ~gone]
        last[rows] = now[moved & ~gone]
        kept.append((np.full(len(rows), k), rows, last[rows]))
        over = (here >= 0) | gone | rests
        targets[alive], steps[alive[over]], on = here, k, ~over
        alive, x = alive[on], x[torch.from_numpy(on).to(x.device)]
    lost = np.flatnonzero(targets < 0)
    of = torch.from_numpy(lost).to(x.device)
    targets[lost[grows(system, first[of], ends[of], u)]] = AWAY
    when, rows, states = (np.concatenate([part[i] for part in kept]) for i in range(3))
    order = np.lexsort((rank[rows], when // stride[rows], owner[rows]))
    bounds = np.searchsorted(owner[rows][order], np.arange(len(seeds) + 1))
    return [
        _Grown(targets[owner == p], steps[owner == p], states[order[bounds[p] : bounds[p + 1]]])
        for p in range(len(seeds))
    ]


def at_rest(before: torch.Tensor, after: torch.Tensor, scale: float) -> np.ndarray:
    """(state,) whether a step moved it by rounding only."""
    return ((after - before).abs().amax(1) <= STILL * scale).cpu().numpy()


def _path(x: np.ndarray, seeds: _Seeds, grown: _Grown, stable: np.ndarray, n_samples: int) -> dict[str, Any]:
    """One entry of the result."""
    ends, counts = np.unique(grown.targets, return_counts=True)
    end = int(ends[counts.argmax()])
    target = int(stable[end]) if end >= 0 else -1
    reason = "" if end >= 0 else UNBOUNDED if end == AWAY else NOWHERE
    rows = [x[[seeds.saddle]], grown.states] + ([x[[target]]] if target >= 0 else [])
    return {
        "saddles": seeds.saddle,
        "targets": target,
        "reasons": reason,
        "shares": counts.max() / len(grown.targets),
        "n_steps": int(grown.n_steps.max()),
        "dimensions": seeds.dimension,
        "directions": seeds.direction,
        "states": _thinned(np.concatenate(rows), n_samples),
    }


def _thinned(states: np.ndarray, n: int) -> np.ndarray:
    """At most n of the states (state, unit), about evenly along their way, padded with NaN."""
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(states, axis=0), axis=1))])
    if len(states) > n:
        wanted = np.searchsorted(way, np.linspace(0, way[-1], n)).clip(max=len(states) - 1)
        wanted[-1] = len(states) - 1
        states = states[np.unique(wanted)]
    return np.concatenate([states, np.full((n - len(states), states.shape[1]), np.nan)])


def _result(system: System, paths: list[dict[str, Any]], n_samples: int, n_points: int) -> UnstableManifolds:
    n = system.state_size
    shapes = {"directions": (-1, n), "states": (-1, n_samples, n)}
    kinds = {"saddles": int, "targets": int, "n_steps": int, "dimensions": int, "reasons": "<U30"}
    names = ("saddles", "targets", "reasons", "shares", "n_steps", "dimensions", "directions", "states")
    fields: dict[str, Any] = {
        name: np.array([path[name] for path in paths], kinds.get(name, float)).reshape(
            shapes.get(name, (-1,))
        )
        for name in names
    }
    return UnstableManifolds(**fields, n_points=n_points, dynamics=dynamics_of(system))
