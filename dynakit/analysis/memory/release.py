"""Does a memory last?  Leave the network alone and watch its readout.

A perfect score says nothing about attractors: a network trained with a fixed delay may have learnt a transient
of just that length.  So the states at the end of trials are released under the resting input, far longer than
any trial, and it is counted how many still say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import linalg
from ...checks import count, matches_shape
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ..exponents import FAR, grows


@dataclass(frozen=True, kw_only=True, repr=False)
class MemoryCheck(Result):
    """What released states remember, one entry per state.

    Attributes:
        labels: (state,) what the readout said at release
        end_labels: (state,) what it says at the end
        hold_times: (state,) steps until it first said something else (n_steps: never)
        end_states: (state, unit) where each is after the last step
        end_speeds: (state,) 1/2 |F(x) - x|^2 at the end
        unbounded: (state,) whether it grows without bound: beyond 1e10 times 1 + |release| it remembers nothing
        times: (time,) steps since release at which the readout was read
        kept: (time,) share of states whose label is that of the release
        outputs: (time, state, output) the readout at those times
    """

    labels: np.ndarray = per_item()
    end_labels: np.ndarray = per_item()
    hold_times: np.ndarray = per_item()
    end_states: np.ndarray = per_item()
    end_speeds: np.ndarray = per_item()
    unbounded: np.ndarray = per_item()
    times: np.ndarray
    kept: np.ndarray
    outputs: np.ndarray

    @property
    def kept_at_end(self) -> float:
        """Share of the states that remember to the end."""
        return float(self.kept[-1])

    @property
    def hold_time(self) -> int:
        """Steps for which every memory is still there: the smallest of the memories' median hold times.

        The median over all states would hide that a network with a single fixed point keeps the one memory
        that this point happens to stand for.
        """
        medians = [np.median(self.hold_times[self.labels == label]) for label in np.unique(self.labels)]
        return int(min(medians, default=0))

    def headline(self) -> str:
        n = int(self.unbounded.sum())
        return (
            f"{len(self)} states released, {100 * self.kept_at_end:.0f} % keep their memory "
            f"for {self.times[-1]} steps; "
            f"hold time {self.hold_time} steps" + f"; {n} grow without bound" * (n > 0)
        )


@with_provenance
def check_memory(
    system: System, states: Any, rest: Any, decode: Callable[[np.ndarray], np.ndarray], *, n_steps: int = 3000
) -> MemoryCheck:
    """Release states under a resting input and see whether the readout keeps saying the same.

    Arguments:
        system: the map, with its readout.
        states: (state, unit), for example the states at the end of trials.
        rest: the resting input, (input,).
        decode: labels of readouts, (..., output) -> (...); a task's ``decode``.
        n_steps: how long to watch.

    The readout is read at about 60 times, spaced by ratio; hold times are resolved to that.  A readout that is
    not finite remembers nothing, whatever its label, nor does a state that has grown beyond every bound.

    Raises:
        InputError: naming the argument that does not fit the system, or a ``decode`` of another shape.
    """
    n_steps = count("n_steps", n_steps)
    x, u, lead = checked(system).as_batch(states, system.as_drive("rest", rest), ("states", "rest"))
    matches_shape("states", (*lead, system.state_size), ("state", system.state_size))
    times = np.unique(np.round(np.geomspace(1, n_steps, 60)).astype(int))
    outputs, start, far = [system.observe(x).detach().cpu().numpy()], x, [torch.zeros(len(x), dtype=torch.bool)]
    bound = FAR * (1 + x.abs().amax(-1))
    with linalg.one_thread(), torch.no_grad():
        for steps in np.diff(times, prepend=0):
            x = system.settle(x, u, int(steps))
            outputs.append(system.observe(x).cpu().numpy())
            far.append(far[-1] | ~(x.abs().amax(-1) <= bound).cpu())  # NaN too
        speeds, unbounded = system.speed(x, u).cpu().numpy(), far[-1].numpy().copy()
        unbounded[~unbounded] = _grow(system, start, x, u, ~far[-1])
    readouts = np.stack(outputs)
    labels = np.asarray(decode(readouts))
    if labels.shape != readouts.shape[:2]:
        raise InputError(
            f"decode must return one label per readout, shape {readouts.shape[:2]} for {readouts.shape}, "
            f"got {labels.shape}"
        )
    same = (labels == labels[0]) & np.isfinite(readouts).all(axis=2) & ~torch.stack(far).numpy()
    lost = ~np.logical_and.accumulate(same, axis=0)
    times = np.concatenate([[0], times])
    return MemoryCheck(
        labels=labels[0],
        end_labels=labels[-1],
        hold_times=np.where(lost.any(axis=0), times[lost.argmax(axis=0)], n_steps),
        end_states=x.cpu().numpy(),
        end_speeds=speeds,
        unbounded=unbounded,
        times=times,
        kept=same.mean(axis=1) if same.shape[1] else np.full(len(times), np.nan),
        outputs=readouts,
    )


def _grow(system: System, start: torch.Tensor, x: torch.Tensor, u: torch.Tensor, which: torch.Tensor) -> np.ndarray:
    """Which of these states, under the inputs u (state, input) that are the same for all, still grow without bound."""
    rows = which.to(x.device)
    return grows(system, start[rows], x[rows], u[0]) if bool(rows.any()) else np.zeros(0, bool)
