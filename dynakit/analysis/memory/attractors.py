"""One table of what a network comes to rest in: each attractor, the memory it stands for, and its share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...provenance import Provenance
from ...results import Result, per_item
from ...systems.base import System
from ...wording import counted
from ..fixed_points import Arrival, FixedPoints
from .release import MemoryCheck


@dataclass(frozen=True, kw_only=True, repr=False)
class Attractors(Result):
    """Attractors under the resting input, one entry each.

    Attributes:
        kinds: (attractor,) "fixed point"
        periods: (attractor,) steps
        exponents: (attractor,) leading Lyapunov exponent, nats per step
        time_constants: (attractor,) steps, of the slowest mode
        memories: (attractor,) what the readout says there
        basin_shares: (attractor,) share of the released states that ended there
        states: (attractor, unit)
        outputs: (attractor, output)
        unresolved: share of the released states that came to rest at none of them
    """

    kinds: np.ndarray = per_item()
    periods: np.ndarray = per_item()
    exponents: np.ndarray = per_item()
    time_constants: np.ndarray = per_item()
    memories: np.ndarray = per_item()
    basin_shares: np.ndarray = per_item()
    states: np.ndarray = per_item()
    outputs: np.ndarray = per_item()
    unresolved: float

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
        count = f"{counted(len(self), 'stable fixed point')} at rest for {counted(self.n_memories, 'memory')}: {which}"
        if not self.unresolved > 0:
            return [count]
        return [count, f"{100 * self.unresolved:.0f} % of the released states are near none of them"]


def list_attractors(
    system: System,
    points: FixedPoints,
    decode: Callable[[np.ndarray], np.ndarray],
    memory: MemoryCheck | None = None,
) -> Attractors:
    """Tabulate the stable points under the resting input.

    Arguments:
        system: the map, with its readout.
        points: fixed points under the resting input.
        decode: labels of readouts, (..., output) -> (...).
        memory: released states; each is counted for the stable point it arrived at.
    """
    stable = points.stable
    outputs = system.observe(stable.states).detach().cpu().numpy()
    shares, unresolved = np.full(len(stable), np.nan), float("nan")
    if memory is not None and len(memory):
        which, _ = Arrival(stable).at(memory.end_states)
        shares = np.array([(which == k).mean() for k in range(len(stable))])
        unresolved = float((which < 0).mean())
    with np.errstate(divide="ignore"):
        exponents = np.log(np.abs(stable.eigenvalues[:, 0]))
        time_constants = -1 / exponents
    return Attractors(
        kinds=np.full(len(stable), "fixed point"),
        periods=np.ones(len(stable), int),
        exponents=exponents,
        time_constants=time_constants,
        memories=np.asarray(decode(outputs)) if len(stable) else np.zeros(0, "<U1"),
        basin_shares=shares,
        states=stable.states,
        outputs=outputs,
        unresolved=unresolved,
        provenance=Provenance.of(system),
    )
