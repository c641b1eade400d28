"""What lies between two attractors: the edge state, a saddle whose stable set parts their basins.

Edge tracking (Battelino, Grebogi, Ott, Yorke and Yorke 1988; Skufca, Yorke and Eckhardt 2006): the segment between
two states that go to different attractors is cut until its ends are close, both ends are followed until they have
separated, and the segment is cut again.  The pair stays on the boundary and is drawn to the attractor within it.  A
state is labelled by the attractor it stays near, however long that takes: a finite horizon would call slow states
those of the other side.  What the track settles on is then made exact by Newton's method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from ... import linalg, seeding
from ...checks import of_kind
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result
from ...systems.base import System
from ...wording import lasting
from ..cycles import Polished, polish, still
from .basins import as_run
from .given import as_targets
from .labelling import Rollout
from .proximity import OFF, fates
from .settings import EdgeSettings
from .targets import Targets

AS_USUAL = EdgeSettings()
PARTS = 16  # of the segment, looked at at once; ...
GOLDEN = 0.381966  # ... by this share of one, no cut is where a symmetry would put the boundary
CLOSE, SEPARATE = 1e-12, 1e-8  # of the first distance: cut to, and followed to
MOST_CUTS = 30


@dataclass(frozen=True, kw_only=True, repr=False)
class EdgeState(Result):
    """The edge state, and the track that led there.

    Attributes:
        kind: fixed point | periodic | limit cycle | invariant circle | unresolved, then the end of the track
        states: (point, unit) the point, the cycle, points of the curve, or the end of the track
        residual: of what is claimed, as in LimitCycles; NaN: unresolved
        multipliers: (k,) of the point per step, of one of a flow per unit of time; of a cycle per period, of a circle
            per step
        n_unstable: unstable directions; -1: not known
        period: in steps, of a flow in its unit of time; NaN: none
        rotation_number: turns per step, of a flow per unit of time; NaN: none
        distance: of the end of the track from it, max norm, in units of the state
        labels: the attractors on either side; -2: growth without bound
        pair: (2, unit) two states, one on either side, nearest to each other in the first cut
        track: (step, unit) on the boundary
        n_cuts: times the segment was cut
        n_unresolved: states on it whose attractor was not known
        dynamics: "map", or "flow": looked at in continuous time
        dt: time of one step of the track, of a flow in its unit of time, of a map in ms; None: not known
        time_unit: the unit of time of a flow, "" if it has no name; "steps" of a map
    """

    kind: str
    states: np.ndarray
    residual: float
    multipliers: np.ndarray
    n_unstable: int
    period: float
    rotation_number: float
    distance: float
    labels: tuple[int, int]
    pair: np.ndarray
    track: np.ndarray
    n_cuts: int
    n_unresolved: int
    dynamics: str
    dt: float | None = None
    time_unit: str = "steps"

    def headline(self) -> str:
        sides = " and ".join("growth without bound" if k == OFF else str(k) for k in self.labels)
        if self.kind == "unresolved":
            long = lasting(len(self.track), self.dt if self.dynamics == "flow" else None, self.time_unit)
            return f"between {sides}: unresolved after {long} on the boundary"
        some = "an unknown number of" if self.n_unstable < 0 else str(self.n_unstable)
        noun = "direction" if self.n_unstable == 1 else "directions"
        return f"{self.kind} between {sides}, {some} unstable {noun}, residual {self.residual:.0e}"


@with_provenance
def find_edge_state(
    system: System,
    a: Any,
    b: Any,
    attractors: Any,
    drive: Any = None,
    *,
    seed: Any = 0,
    settings: EdgeSettings = AS_USUAL,
) -> EdgeState:
    """Follow the boundary between the basins of two states, to the saddle on it.

    Arguments:
        system: the map, or a flow, whose edge state is looked at in continuous time.
        a, b: states (unit,) that go to different attractors; one of them may grow without bound.
        attractors: as for :func:`dynakit.map_basins`, not None.
        drive: the constant input, (input,); None is zero input.
        seed: of the directions in which multipliers of a circle are looked for.
        settings: how long to follow, see :class:`dynakit.analysis.EdgeSettings`.

    Returns:
        EdgeState.  Where the segment also meets the basin of a third attractor, the boundary is that of ``a``'s, and
        ``labels`` say whose the other side is.

    Raises:
        InputError: the two states go to one attractor, or one of them to none.

    >>> import dynakit as dk
    >>> system = dk.catalog.bistable()
    >>> edge = dk.find_edge_state(system, [-1.3], [0.4], dk.find_fixed_points(system))
    >>> edge.kind, bool(abs(edge.states[0, 0]) < 1e-12), edge.n_unstable
    ('fixed point', True, 1)
    """
    of_kind("settings", settings, EdgeSettings)
    with linalg.one_thread(), torch.no_grad(), np.errstate(all="ignore"):
        run = as_run(system, drive, settings.n_steps)
        targets = as_targets(system, attractors, run.u)
        first = _Pair(*(_one(system, name, x) for name, x in (("a", a), ("b", b))))
        tracker = _Tracker(run, targets, first)
        track = tracker.run(settings.n_track)
        found = polish(run.system, run.u, track, first.length, seeding.stream(seed, "edge"))
    return EdgeState(
        **_said(found, track),
        labels=(tracker.home, tracker.other),
        pair=tracker.nearest,
        track=track,
        n_cuts=tracker.n_cuts,
        n_unresolved=tracker.n_unresolved,
        **run.clock,
    )


class _Pair(NamedTuple):
    """The ends of a segment."""

    a: np.ndarray  # (unit,)  in the basin of a's attractor
    b: np.ndarray

    @property
    def length(self) -> float:
        return float(np.linalg.norm(self.b - self.a))

    @property
    def middle(self) -> np.ndarray:
        return (self.a + self.b) / 2


class _Tracker:
    """Keeps a pair on the boundary."""

    def __init__(self, run: Rollout, targets: Targets, first: _Pair) -> None:
        self.run_, self.targets, self.first = run, targets, first
        labels = fates(run, np.stack(first), targets)
        for name, label in zip("ab", labels):
            if label == -1:
                raise InputError(
                    f"{name} must go to one of the attractors, but its trajectory goes to none of them"
                )
        if labels[0] == labels[1]:
            raise InputError(f"a and b must go to different attractors, but both go to {labels[0]}")
        self.home, self.other = int(labels[0]), int(labels[1])
        self.n_cuts = self.n_unresolved = 0
        self.nearest = np.stack(first)

    def run(self, n_track: int) -> np.ndarray:
        """States along the boundary, (step, unit); fewer where the track has come to rest."""
        pair = self._cut(self.first)
        self.nearest = np.stack(pair)
        track = [pair.middle]
        while len(track) < n_track:
            before = len(track)
            while pair.length < SEPARATE * self.first.length and len(track) < n_track:
                x = torch.from_numpy(np.stack(pair)).to(self.run_.system.device)
                pair = _Pair(*self.run_.system.step(x, self.run_.u).cpu().numpy())
                track.append(pair.middle)
            pair = self._cut(pair)
            track[-1] = pair.middle
            if len(track) == before or still(self.run_.system, track[before - 1 :]):
                break
        return np.array(track)

    def _cut(self, pair: _Pair) -> _Pair:
        """The same boundary between nearer ends."""
        self.n_cuts += 1
        goal = CLOSE * self.first.length
        for _ in range(MOST_CUTS):
            if pair.length <= goal:
                break
            shares = np.concatenate([[0.0], (np.arange(1, PARTS) - GOLDEN) / (PARTS - 1), [1.0]])
            x = pair.a + shares[:, None] * (pair.b - pair.a)
            x[-1] = pair.b
            labels = np.concatenate([[self.home], fates(self.run_, x[1:-1], self.targets), [self.other]])
            self.n_unresolved += int((labels == -1).sum())
            end = int(np.flatnonzero((labels != self.home) & (labels != -1))[0])
            start = int(np.flatnonzero(labels[:end] == self.home)[-1])
            shorter = _Pair(x[start], x[end])
            self.other = int(labels[end])
            if not shorter.length < 0.9 * pair.length:  # nothing in between is told apart
                return shorter
            pair = shorter
        return pair


def _one(system: System, name: str, x: Any) -> np.ndarray:
    state = system.as_states(name, x)
    state = state[0] if state.ndim == 2 and len(state) == 1 else state
    if state.ndim != 1 or not bool(torch.isfinite(state).all()):
        raise InputError(
            f"{name} must be one finite state ({system.state_size},), got shape {tuple(state.shape)}"
        )
    return state.cpu().numpy()


def _said(found: Polished | None, track: np.ndarray) -> dict[str, Any]:
    """The fields that describe the object."""
    if found is not None:
        return found._asdict()
    return Polished(
        "unresolved", track[-len(track) // 2 :], np.nan, np.zeros(0), -1, np.nan, np.nan, 0.0
    )._asdict()
