"""Does a memory last?  Leave the network alone and watch its readout.

A perfect score says nothing about attractors: a network trained with a fixed delay may have learnt a transient
of just that length.  So the states at the end of trials are released under the resting input, far longer than
any trial, and it is counted how many still say the same.  Every step is read: a memory that lapses and comes back was
lost, and shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ... import chunks, linalg
from ...checks import count, function, matches_shape
from ...errors import InputError
from ...progress import Callback, expect, going, interruptible
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...wording import counted
from ..exponents import FAR, grows

SAME = 1e-14  # relative distance at which states, the same but for rounding, are followed as one


@dataclass(frozen=True, kw_only=True, repr=False)
class MemoryCheck(Result):
    """What released states remember, one entry per state.

    Attributes:
        labels: (state,) what the readout said at release
        end_labels: (state,) what it says at the end
        hold_times: (state,) steps up to which it always said the same, the last of them included (n_steps: to the end)
        lapses: (state,) steps at which it said something else and later, once more, the same
        end_states: (state, unit) where each is after the last step
        end_speeds: (state,) 1/2 |F(x) - x|^2 at the end
        unbounded: (state,) whether it grows without bound: beyond 1e10 times 1 + |release| it remembers nothing
        times: (time,) steps since release at which the readout was read
        kept: (time,) share of states whose label is that of the release
        outputs: (time, state, output) the readout at those times
    """

    drawn_by: ClassVar[str] = "plot_memory"

    labels: np.ndarray = per_item()
    end_labels: np.ndarray = per_item()
    hold_times: np.ndarray = per_item()
    lapses: np.ndarray = per_item()
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

    @property
    def weakest(self) -> tuple[str, float]:
        """The memory of which the smallest share of states says nothing else to the end, and that share, 0..1."""
        kept = self.hold_times == self.times[-1]
        shares = {str(label): float(kept[self.labels == label].mean()) for label in np.unique(self.labels)}
        return min(shares.items(), key=lambda item: item[1], default=("", float("nan")))

    def headline(self) -> str:
        n_lapsed, n_away = int((self.lapses > 0).sum()), int(self.unbounded.sum())
        return (
            f"{counted(len(self), 'state')} released, {100 * self.kept_at_end:.0f} % keep their memory "
            f"for {counted(self.times[-1], 'step')}; "
            f"hold time {counted(self.hold_time, 'step')}"
            + f"; {n_lapsed} lapsed and came back" * (n_lapsed > 0)
            + f"; {n_away} grow without bound" * (n_away > 0)
        )


@with_provenance
def check_memory(
    system: System,
    states: Any,
    rest: Any,
    decode: Callable[[np.ndarray], np.ndarray],
    *,
    n_steps: int = 3000,
    callback: Callback | None = None,
) -> MemoryCheck:
    """Release states under a resting input and see whether the readout keeps saying the same.

    Arguments:
        system: the map, with its readout.
        states: (state, unit), for example the states at the end of trials.
        rest: the resting input, (input,).
        decode: labels of readouts, (..., output) -> (...); a task's ``decode``.
        n_steps: how long to watch.
        callback: called from time to time with the steps done and {"total": n_steps, "unit": "step"}; StopIteration
            raised in it ends the call, which returns what was read by then (``interrupted``).

    The readout is read at every step; about 60 of the readings, spaced by ratio, are kept to be drawn.  A readout that
    is not finite remembers nothing, whatever its label, nor does a state that has grown beyond every bound.

    Raises:
        InputError: naming the argument that does not fit the system, or a ``decode`` of another shape.
    """
    n_steps = count("n_steps", n_steps)
    function("decode", decode, "readouts (..., output), such as a task's decode")
    x, u, lead = checked(system).as_batch(states, system.as_drive("rest", rest), ("states", "rest"))
    matches_shape("states", (*lead, system.state_size), ("state", system.state_size))
    times = np.concatenate([[0], np.unique(np.round(np.geomspace(1, n_steps, 60)).astype(int))])
    with linalg.one_thread(), torch.no_grad():
        expect(n_steps, "step")
        watch, start = _Readings(system, decode, x), x
        with interruptible("step"):
            for steps in np.diff(times):
                watch.follow(u, int(steps))
                if not going(watch.t, "step"):
                    break
        x, times = watch.states, times[: len(watch.kept)]
        n_steps = int(times[-1])
        speeds, unbounded = system.speed(x, u).cpu().numpy(), watch.far.copy()
        unbounded[~unbounded] = _grow(system, start, x, u, torch.from_numpy(~watch.far))
    return MemoryCheck(
        labels=watch.labels[0],
        end_labels=watch.labels[-1],
        hold_times=np.where(watch.first_wrong < 0, n_steps, np.minimum(watch.first_wrong - 1, n_steps)),
        lapses=watch.lapses,
        end_states=x.cpu().numpy(),
        end_speeds=speeds,
        unbounded=unbounded,
        times=times,
        kept=np.array(watch.kept),
        outputs=np.stack(watch.outputs),
    )


def _grow(system: System, start: Tensor, x: Tensor, u: Tensor, which: Tensor) -> np.ndarray:
    """Which of these states, under the inputs u (state, input) that are the same for all, still grow without bound."""
    rows = which.to(x.device)
    return grows(system, start[rows], x[rows], u[0]) if bool(rows.any()) else np.zeros(0, bool)


class _Readings:
    """Reads the states at every step, and keeps what was read last of every stretch."""

    def __init__(self, system: System, decode: Callable[[np.ndarray], np.ndarray], x: Tensor) -> None:
        self.system, self.decode, self.t = system, decode, 0
        self._x, self._index = x, np.arange(len(x))  # the states that differ, and which of them each state is
        self.outputs: list[np.ndarray] = []
        self.labels: list[np.ndarray] = []
        self.kept: list[float] = []
        self.first_wrong = np.full(len(x), -1)  # (state,)  the step at which it was; -1: none so far
        self.wrong, self.lapses = np.zeros(len(x), int), np.zeros(len(x), int)
        self.bound, self.far = FAR * (1 + x.abs().amax(-1)), np.zeros(len(x), bool)
        readout = system.observe(x).detach().cpu().numpy()[None]
        self._keep(readout, self._labelled(readout))

    @property
    def states(self) -> Tensor:
        """Where each is now, (state, unit)."""
        return self._x[self._index]

    def follow(self, u: Tensor, n_steps: int) -> None:
        """So many steps on, under inputs (state, input) that are the same for all."""
        x, step = self._x, self.system._stepping(u[: len(self._x)])
        most = chunks.at_once(64 * max(x.numel(), len(x) * self.system.output_size))
        while n_steps:
            path = []
            for _ in range(min(n_steps, most)):
                x = step(x)
                path.append(x)
            n_steps -= len(path)
            outputs, labels = self._read(torch.stack(path))
        self._x = x
        self._keep(outputs, labels)
        self._merge()

    def _read(self, path: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Note what is said along (step, trajectory, unit); returns the readings and labels of each state."""
        size = path.abs().amax(-1)[:, self._index]
        near = size <= self.bound  # False of NaN too
        outputs = self.system.observe(path).cpu().numpy()
        labels = self._labelled(outputs)[:, self._index]
        outputs = outputs[:, self._index]
        for same, inside in zip(self._same(outputs, labels), near.cpu().numpy()):
            self.t += 1
            self.far |= ~inside
            same = same & ~self.far
            self.first_wrong[~same & (self.first_wrong < 0)] = self.t
            self.wrong += ~same
            self.lapses = np.where(same, self.wrong, self.lapses)
        return outputs, labels

    def _merge(self) -> None:
        """Follow those that are the same but for rounding as one: neighbours in the order of a weighted sum.

        On two sides of zero they are not the same however small they are: a readout may hear the sign alone.
        """
        order = (self._x @ torch.linspace(1, 2, self._x.shape[1]).to(self._x)).argsort()
        x = self._x[order]
        apart = (x[1:] - x[:-1]).abs().amax(-1) > SAME * (1 + x[1:].abs().amax(-1))
        apart |= (x[1:].sign() != x[:-1].sign()).any(-1)
        first = torch.cat([apart.new_ones(min(1, len(x))), apart | ~torch.isfinite(x[1:]).all(-1)])
        self._x, place = x[first], torch.empty_like(order)
        place[order] = first.cumsum(0) - 1
        self._index = place.cpu().numpy()[self._index]

    def _keep(self, outputs: np.ndarray, labels: np.ndarray) -> None:
        self.outputs.append(outputs[-1])
        self.labels.append(labels[-1])
        same = self._same(outputs[-1:], labels[-1:]) & ~self.far
        self.kept.append(float(same.mean()) if same.size else np.nan)

    def _same(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Does each reading (step, state) say what the first one did?"""
        return np.asarray((labels == (self.labels or labels)[0]) & np.isfinite(outputs).all(axis=2))

    def _labelled(self, outputs: np.ndarray) -> np.ndarray:
        labels = np.asarray(self.decode(outputs))
        if labels.shape != outputs.shape[:2]:
            raise InputError(
                f"decode must return one label per readout, shape {outputs.shape[:2]} for {outputs.shape}, "
                f"got {labels.shape}"
            )
        return labels
