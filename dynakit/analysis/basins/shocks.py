"""How small a shock makes a system leave an attractor for another one?

The minimal fatal shock (Halekotte and Feudel 2020, Scientific Reports 10, 11783) is the smallest perturbation of a
state on the attractor from which the trajectory does not come back.  It is sought along random directions and
towards the other attractors, bisected, and the best direction is then turned for as long as a smaller shock does it.
 What is found is an upper bound.  The share of random shocks of a given size that come back, with its interval, says
 what is typical.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import linalg, seeding
from ...checks import of_kind, reals
from ...errors import InputError, Interrupted
from ...progress import Callback, expect, going, interruptible
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System
from ..proportions import wilson_interval
from .basins import as_run
from .given import as_targets
from .labelling import Rollout
from .proximity import OFF, fates
from .settings import ShockSettings
from .targets import Targets

AS_USUAL = ShockSettings()
PHASES = 4  # states that stand for an attractor that is not a point
SIZES, SMALLEST = 12, 1 / 64  # of shocks tried in each direction, the smallest relative to the largest
BEST = 8  # directions that are bisected
AT_ONCE, HALVINGS = 16, 3  # sizes in a round of bisection, and rounds: to 16^-3 of the bracket
TURNS, LESS = 24, 0.98  # rounds in which the best direction is turned, and by how much its shock must shrink


@dataclass(frozen=True, kw_only=True, repr=False)
class SmallestShocks(Result):
    """The smallest shock found at each attractor that was looked at; sizes are Euclidean norms of shock / scale.

    Attributes:
        attractors: (entry,) the attractor left
        targets: (entry,) the one reached; -2: it grows without bound; -1: no shock found
        sizes: (entry,) an upper bound of the smallest size; inf: no shock found
        shocks: (entry, unit) to be added to ...
        starts: (entry, unit) ... this state; NaN: no shock found
        found_along: (entry,) random | towards another | turned
        returned: (entry, size) random shocks of each size that came back, a count
        unresolved: (entry, size) random shocks whose fate is not known: not counted as returned
        shock_sizes: (size,) sizes that were tried, rising
        n_shocks: random shocks of each size at each attractor
        scale: (unit,) what a shock of size one is in each unit
        units: the same in words
        confidence: of the intervals, 0..1
    """

    attractors: np.ndarray = per_item()
    targets: np.ndarray = per_item()
    sizes: np.ndarray = per_item()
    shocks: np.ndarray = per_item()
    starts: np.ndarray = per_item()
    found_along: np.ndarray = per_item()
    returned: np.ndarray = per_item()
    unresolved: np.ndarray = per_item()
    shock_sizes: np.ndarray
    n_shocks: int
    scale: np.ndarray
    units: str
    confidence: float

    @property
    def fractions(self) -> np.ndarray:
        """(entry, size) estimated probability of coming back from a random shock of each size."""
        return self.returned / self.n_shocks

    @property
    def intervals(self) -> np.ndarray:
        """(entry, size, 2) its Wilson intervals."""
        return wilson_interval(self.returned, self.n_shocks, self.confidence)

    def headline(self) -> str:
        said = []
        for k, size, j in zip(self.attractors, self.sizes, self.targets):
            to = "growth without bound" if j == OFF else f"{j}"
            none = f"{k}: no shock up to {self.shock_sizes[-1]:.3g} switches"
            said.append(none if j == -1 else f"{k} -> {to} at most {size:.4g}")
        return f"{'; '.join(said)} ({self.units})"


@with_provenance
def find_smallest_shock(
    system: System,
    states: Any,
    attractors: Any,
    drive: Any = None,
    *,
    scale: Any = 1.0,
    seed: Any = 0,
    settings: ShockSettings = AS_USUAL,
    callback: Callback | None = None,
) -> SmallestShocks:
    """Find the smallest perturbation that makes the system switch from each attractor to another.

    Arguments:
        system: the map.
        states: where shocks hit, (unit,) or (state, unit), each on an attractor or in its basin; None: a few states on
            every attractor.
        attractors: as for :func:`dynakit.map_basins`, not None.
        scale: what a shock of size one is, a number or (unit,), such as the standard deviation of each unit.
        drive: the constant input, (input,); None is zero input.
        seed: of the directions.
        settings: how hard to look, see :class:`dynakit.analysis.ShockSettings`.
        callback: called after each attractor with those done and {"total": how many, "unit": "attractor"};
            StopIteration raised in it ends the search, which returns those done by then (``interrupted``).

    Returns:
        SmallestShocks, one entry per attractor that a state belongs to.  Every size is that of a shock that does
        switch: an upper bound of the smallest.

    Raises:
        InputError: a state that goes to no attractor, or an argument that does not fit.
        Interrupted: if it was ended before the search at any attractor was done.

    >>> import dynakit as dk
    >>> system = dk.catalog.bistable()
    >>> shocks = dk.find_smallest_shock(system, None, dk.find_fixed_points(system))
    >>> shocks.sizes.round(3).tolist(), shocks.targets.tolist()
    ([1.0, 1.0], [1, 0])
    """
    of_kind("settings", settings, ShockSettings)
    seed = seeding.as_seed(seed)
    with linalg.one_thread(), torch.no_grad(), np.errstate(all="ignore"):
        run = as_run(system, drive, settings.n_steps)
        targets = as_targets(system, attractors, run.u)
        unit = np.broadcast_to(_scale(scale, system.state_size), (system.state_size,))
        starts, homes = _starts(run, states, targets)
        far = _largest(targets, unit) if settings.largest is None else float(settings.largest)
        sizes = far * np.geomspace(SMALLEST, 1.0, SIZES)
        entries, asked = [], np.unique(homes).tolist()
        expect(len(asked), "attractor")
        with interruptible("attractor"):
            for k in asked:
                search = _Search(run, targets, starts[homes == k], k, unit, seeding.stream(seed, "shocks", k))
                entries.append(search.entry(settings.n_directions, sizes))
                if not going(len(entries), "attractor"):
                    break
    if not entries:
        raise Interrupted("interrupted before the search at any attractor was done")
    plain = bool((unit == 1).all())
    columns: dict[str, Any] = {name: np.array([entry[name] for entry in entries]) for name in entries[0]}
    return SmallestShocks(
        **columns,
        shock_sizes=sizes,
        n_shocks=settings.n_directions,
        scale=np.array(unit),
        units="Euclidean norm of the state" if plain else "Euclidean norm in units of scale",
        confidence=settings.confidence,
    )


class _Search:
    """The search at one attractor; a direction is a vector of unit length in units of ``unit``, at a state."""

    def __init__(
        self,
        run: Rollout,
        targets: Targets,
        starts: np.ndarray,
        home: int,
        unit: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        self.run, self.targets, self.starts, self.home = run, targets, starts, home
        self.unit, self.rng = unit, rng

    def entry(self, n: int, sizes: np.ndarray) -> dict[str, Any]:
        """Everything that is said about this attractor."""
        where, ways = (
            np.arange(n) % len(self.starts),
            self._normal(self.rng.standard_normal((n, len(self.unit)))),
        )
        fate = self._fates(where, ways, sizes)
        said: dict[str, Any] = {
            "attractors": self.home,
            "returned": (fate == self.home).sum(axis=0),
            "unresolved": (fate == -1).sum(axis=0),
        }
        at, towards = self._towards()
        fate = np.concatenate([fate, self._fates(at, towards, sizes)])
        where, ways = np.concatenate([where, at]), np.concatenate([ways, towards])
        first = np.where(self._leaves(fate), sizes, np.inf).min(axis=1)
        best = np.argsort(first, kind="stable")[:BEST]
        best = best[np.isfinite(first[best])]
        if not len(best):
            nothing = np.full(len(self.unit), np.nan)
            return said | {
                "targets": -1,
                "sizes": np.inf,
                "shocks": nothing,
                "starts": nothing,
                "found_along": "",
            }
        exact = self._thresholds(where[best], ways[best], first[best])
        i = int(best[exact.argmin()])
        size, way = self._turned(where[i], ways[i], float(exact.min()))
        along = "turned" if size < exact.min() else "random" if i < n else "towards another"
        reached = int(self._fates(where[[i]], way[None], np.array([size]))[0, 0])
        shock = size * way * self.unit
        return said | {
            "targets": reached,
            "sizes": size,
            "shocks": shock,
            "starts": self.starts[where[i]],
            "found_along": along,
        }

    def _normal(self, ways: np.ndarray) -> np.ndarray:
        return ways / np.linalg.norm(ways, axis=-1, keepdims=True)

    def _towards(self) -> tuple[np.ndarray, np.ndarray]:
        """From every state to the nearest point of every other attractor."""
        others = [t.states for k, t in enumerate(self.targets.list) if k != self.home]
        rows = [(i, p[np.linalg.norm((p - x) / self.unit, axis=1).argmin()] - x)
                for i, x in enumerate(self.starts) for p in others]  # fmt: skip
        at = np.array([i for i, _ in rows], int)
        gaps = np.array([gap for _, gap in rows]).reshape(-1, len(self.unit)) / self.unit
        return at, self._normal(gaps)

    def _fates(self, where: np.ndarray, ways: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """(direction, size) what becomes of each state under shocks of these sizes, (size,) or (direction, size)."""
        sizes = np.broadcast_to(sizes, (len(ways), np.shape(sizes)[-1]))
        x = self.starts[where][:, None] + sizes[..., None] * (ways * self.unit)[:, None]
        return fates(self.run, x.reshape(-1, x.shape[2]), self.targets).reshape(x.shape[:2])

    def _leaves(self, fate: np.ndarray) -> np.ndarray:
        return (fate != self.home) & (fate != -1)

    def _thresholds(self, where: np.ndarray, ways: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The smallest size known to leave in each direction, from ``high`` down, by bisection with many parts."""
        low, rows = np.zeros_like(high), np.arange(len(high))
        for _ in range(HALVINGS):
            sizes = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, AT_ONCE + 1)
            leaves = self._leaves(self._fates(where, ways, sizes[:, 1:]))
            leaves[:, -1] = True
            j = leaves.argmax(axis=1)
            low, high = sizes[rows, j], sizes[rows, j + 1]
        return high

    def _turned(self, where: int, way: np.ndarray, size: float) -> tuple[float, np.ndarray]:
        """The direction turned at random for as long as a smaller shock leaves; the shock shrinks with it."""
        angle = 0.5
        for _ in range(TURNS if len(way) > 1 else 0):
            step = self._normal(self.rng.standard_normal((AT_ONCE, len(way))))
            ways = self._normal(way + angle * step)
            leaves = self._leaves(self._fates(np.full(AT_ONCE, where), ways, np.array([LESS * size]))[:, 0])
            if leaves.any():
                trials = ways[leaves]
                exact = self._thresholds(
                    np.full(len(trials), where), trials, np.full(len(trials), LESS * size)
                )
                size, way = float(exact.min()), trials[int(exact.argmin())]
            else:
                angle *= 0.7
        return size, way


def _scale(scale: Any, width: int) -> np.ndarray:
    unit = reals("scale", scale)
    if unit.shape not in ((), (width,)) or not (unit > 0).all():
        raise InputError(f"scale must be a positive number or ({width},), got shape {unit.shape}")
    return unit


def _starts(run: Rollout, states: Any, targets: Targets) -> tuple[np.ndarray, np.ndarray]:
    """States that are hit, and the attractor each belongs to."""
    if states is None:
        rows = [t.states[:: max(1, len(t.states) // PHASES)][:PHASES] for t in targets.list]
        return np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(r) for r in rows])
    x = run.system.as_states("states", states)
    starts = (x[None] if x.ndim == 1 else x).cpu().numpy()
    if starts.ndim != 2 or not len(starts):
        raise InputError(f"states must be (unit,) or at least one (state, unit), got shape {starts.shape}")
    homes = fates(run, starts, targets)
    if (homes < 0).any():
        raise InputError(
            f"states must each go to one of the attractors, but state {int((homes < 0).argmax())} does not"
        )
    return starts, homes


def _largest(targets: Targets, unit: np.ndarray) -> float:
    points = targets.states / unit
    spread = float(np.linalg.norm(points - points.mean(axis=0), axis=1).max())
    return 4 * spread if spread > 0 else 2 * float(np.abs(points).max() + 1)
