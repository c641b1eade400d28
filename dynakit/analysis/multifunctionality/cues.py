"""Cues: a network is driven along stretches of each target, and left alone in the state it has got to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...orbits import Orbit
from ...systems.base import System

N_LENGTHS = 12  # lengths of cues that are tried
PROBES = 4  # states on which a readout is compared with the state


class Cued(NamedTuple):
    """Where cues lead; the phases of target k are the rows of ``states[k]``."""

    states: list[np.ndarray]  # of each target (phase, unit), at the end of the whole cue
    shorter: list[np.ndarray]  # of each target (length, phase, unit), after its last so many steps
    lengths: np.ndarray  # (length,)  the last is that of the whole cue
    seen: np.ndarray  # (state, unit)  states under way, finite

    @property
    def ends(self) -> np.ndarray:
        """All states at the ends of whole cues, (cue, unit)."""
        return np.concatenate(self.states)

    @property
    def owner(self) -> np.ndarray:
        """(cue,) the target of each."""
        return np.repeat(np.arange(len(self.states)), [len(x) for x in self.states])


def drive_along(system: System, targets: Sequence[Orbit], cue_steps: int, n_phases: int) -> Cued:
    """Cue the system along every target, from evenly spaced phases (of a fixed point there is one cue only).

    A shorter cue ends at the same point of the target as the whole one, so that only its length differs.
    """
    push = driver(system)
    lengths = np.unique(np.round(np.geomspace(1, cue_steps, N_LENGTHS)).astype(int))
    states, shorter, seen = [], [], []
    for target in targets:
        phases = np.zeros(1) if target.kind == "fixed point" else np.arange(n_phases) / n_phases
        points = torch.from_numpy(target.sample(cue_steps, phases)).to(system.device, system.dtype)
        ways = [_driven(system, push, points[:, cue_steps - n :]) for n in lengths]
        shorter.append(np.stack([way[-1] for way in ways]))
        states.append(shorter[-1][-1])
        seen.append(ways[-1][cue_steps // 2 :].reshape(-1, system.state_size))
    under_way = np.concatenate(seen)
    return Cued(states, shorter, lengths, under_way[np.isfinite(under_way).all(axis=1)])


def _driven(system: System, push: Callable[[Tensor, Tensor], Tensor], points: Tensor) -> np.ndarray:
    """The states after each point of cues (cue, step, output): (step, cue, unit)."""
    x, way = system.initial_state().expand(len(points), -1), []
    for u in points.unbind(1):
        x = push(x, u)
        way.append(x)
    return torch.stack(way).cpu().numpy()


def driver(system: System) -> Callable[[Any, Any], Tensor]:
    """How a cue takes hold of the system: by its ``drive``; where the output is the state, by being put there."""
    drive: Any = getattr(system, "drive", None)
    if drive is not None:
        return drive
    probes = torch.arange(PROBES * system.state_size, dtype=system.dtype).reshape(PROBES, -1) / 7 - 1
    probes = probes.to(system.device)
    if system.output_size == system.state_size and bool((system.observe(probes) == probes).all()):
        return lambda x, u: u
    raise InputError(
        f"system must take cues by a method drive(x, u), as dk.ClosedLoop does, or put out its whole state, "
        f"got {system!r}"
    )
