"""One table of what a network comes to rest in: each attractor, the memory it stands for, and its share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import linalg
from ...checks import function
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...wording import counted
from ..basins import Targets, as_targets
from ..linearization import constants
from .arrival import arrivals
from .release import MemoryCheck

PATIENCE = 10  # times the steps since their release that states on their way may take
MOVING = "changes"  # the memory of an attractor along which the readout says different things


@dataclass(frozen=True, kw_only=True, repr=False)
class Attractors(Result):
    """Attractors under the resting input, one entry each; whatever takes attractors takes this table.

    Attributes:
        kinds: (attractor,) fixed point | periodic | invariant circle | chaotic | ...
        periods: (attractor,) once around, in steps, of a flow in its unit of time; NaN: none
        exponents: (attractor,) leading Lyapunov exponent, nats per step, of a flow per unit of time; NaN: not known
        time_constants: (attractor,) of the slowest decay to a fixed point, in steps, of a flow in its unit of time;
            NaN: motion along its attractor does not decay
        memories: (attractor,) what the readout says there; "changes" where it says different things along the way
        basin_shares: (attractor,) share of the released states that ended there, 0..1; NaN: none were released
        states: (attractor, unit) a state on each
        outputs: (attractor, output) the readout of that state
        orbits: (attractor, point, unit) states that stand for each, padded with NaN
        radii: (attractor,) a state within this Euclidean distance has arrived; -1: of a cloud no distance says it
        unresolved: share of the released states that came to rest at none of them, 0..1; NaN: none were released
        followed: steps since their release after which it was certain where the released states go, or not followed on
        n_left_out: given points and cycles that do not attract, or not beyond doubt
        dynamics: "map" or "flow": what steps and times mean
    """

    kinds: np.ndarray = per_item()
    periods: np.ndarray = per_item()
    exponents: np.ndarray = per_item()
    time_constants: np.ndarray = per_item()
    memories: np.ndarray = per_item()
    basin_shares: np.ndarray = per_item()
    states: np.ndarray = per_item()
    outputs: np.ndarray = per_item()
    orbits: np.ndarray = per_item()
    radii: np.ndarray = per_item()
    unresolved: float
    followed: int
    n_left_out: int
    dynamics: str

    @property
    def n_memories(self) -> int:
        """Different memories that the attractors stand for."""
        return len(set(self.memories.tolist()))

    def headline(self) -> str:
        rest = (
            f", {100 * self.unresolved:.0f} % of released states at none of them"
            if self.unresolved > 0
            else ""
        )
        return f"{counted(len(self), 'attractor')} for {counted(self.n_memories, 'memory')}{rest}"

    def sentences(self) -> list[str]:
        """How many there are, for which memories, and how many released states are near none."""
        if not len(self):
            return ["no stable fixed point was found at rest"]
        which = ", ".join(dict.fromkeys(self.memories.tolist()))
        noun = "stable fixed point" if (self.kinds == "fixed point").all() else "attractor"
        count = f"{counted(len(self), noun)} at rest for {counted(self.n_memories, 'memory')}: {which}"
        if not self.unresolved > 0:
            return [count]
        away = f"{100 * self.unresolved:.0f} % of the released states are near none of them"
        return [count, f"{away} after {counted(self.followed, 'step')}"]


@with_provenance
def list_attractors(
    system: System,
    attractors: Any,
    rest: Any,
    decode: Callable[[np.ndarray], np.ndarray],
    *,
    memory: MemoryCheck | None = None,
) -> Attractors:
    """Tabulate the attractors under the resting input.

    Arguments:
        system: the map, with its readout.
        attractors: FixedPoints (the stable ones), LimitCycles (the attracting ones), states (attractor, unit), or a
            list of these.  What does not attract is left out and counted; there may be none.
        rest: the resting input (input,); None is zero input.
        decode: labels of readouts, (..., output) -> (...).
        memory: released states; each is counted for the attractor it arrived at.  Those that come nearer to a stable
            point are followed on, for at most ten times as long, until they are drawn in as by its linear part.

    Raises:
        InputError: naming the argument that does not fit, or points that are none under this input.

    >>> import dynakit as dk
    >>> unit = dk.catalog.tanh_unit(2.0)
    >>> sign = lambda y: np.where(y[..., 0] > 0, "+", "-")
    >>> dk.analysis.list_attractors(unit, dk.find_fixed_points(unit), None, sign).memories.tolist()
    ['-', '+']
    """
    u = checked(system).as_drive("rest", rest)
    function("decode", decode, "readouts (..., output), such as a task's decode")
    if u.ndim != 1:
        raise InputError(f"rest must have shape ({system.input_size},), got {tuple(u.shape)}")
    with linalg.one_thread(), torch.no_grad():
        targets = as_targets(system, attractors, u, least=0)
        states = np.concatenate([t.states[:1] for t in targets.list] or [np.zeros((0, system.state_size))])
        outputs = system.observe(states).detach().cpu().numpy()
        memories = _memories(system, decode, targets)
    shares, unresolved, followed = np.full(len(targets), np.nan), float("nan"), 0
    if memory is not None and len(memory):
        budget = PATIENCE * int(memory.times[-1])
        with linalg.one_thread(), torch.no_grad():
            which, more = arrivals(system, u, targets, memory.end_states, budget)
        followed = int(memory.times[-1]) + more
        shares = np.array([(which == k).mean() for k in range(len(targets))])
        unresolved = float((which < 0).mean())
    exponents, flow = np.array([t.exponent for t in targets.list], float), system.flow()
    decays = np.where([len(t.states) == 1 for t in targets.list], constants(exponents), np.nan)
    return Attractors(
        kinds=targets.kinds,
        periods=np.array([np.nan if t.cloud else t.steps for t in targets.list]) * _unit(system),
        exponents=exponents,
        time_constants=decays,
        memories=memories,
        basin_shares=shares,
        states=states,
        outputs=outputs,
        orbits=_padded(targets, system.state_size),
        radii=targets.radii.cpu().numpy(),
        unresolved=unresolved,
        followed=followed,
        n_left_out=targets.n_left_out,
        dynamics="map" if flow is None else "flow",
    )


def _unit(system: System) -> float:
    """The length of a step in the unit of periods."""
    return 1.0 if system.flow() is None else float(system.dt or 1.0)


def _memories(system: System, decode: Callable[[np.ndarray], np.ndarray], targets: Targets) -> np.ndarray:
    """What the readout says along each."""
    said = (
        np.asarray(decode(system.observe(targets.states).detach().cpu().numpy()))
        if len(targets)
        else np.zeros(0, "<U1")
    )
    own = [np.unique(said[targets.index == k]) for k in range(len(targets))]
    if all(len(labels) == 1 for labels in own):
        return np.concatenate(own) if own else said
    return np.array([str(labels[0]) if len(labels) == 1 else MOVING for labels in own])


def _padded(targets: Targets, width: int) -> np.ndarray:
    longest = max((len(t.states) for t in targets.list), default=0)
    orbits = np.full((len(targets), longest, width), np.nan)
    for row, target in zip(orbits, targets.list):
        row[: len(target.states)] = target.states
    return orbits
