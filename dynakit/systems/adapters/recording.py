"""All states of a network, every layer and step, under given inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ... import linalg
from ...provenance import Provenance
from ...results import Result, per_item
from ...surroundings import in_own_surroundings
from ..base import System
from .adapters import as_system


@dataclass(frozen=True, kw_only=True, repr=False)
class Recording(Result):
    """What a network did, one entry per trial.

    Attributes:
        inputs: (trial, time, input) what came in at each step
        states: (trial, time, unit) the full state after each step
        outputs: (trial, time, output) the readout of the state after each step
        parts: the columns of each block of the state: {"h": (0, 16), "c": (16, 32)}
    """

    since: ClassVar[int] = 1

    inputs: np.ndarray = per_item()
    states: np.ndarray = per_item()
    outputs: np.ndarray = per_item()
    parts: dict[str, tuple[int, int]]

    def part(self, name: str) -> np.ndarray:
        """The states of one block, for example ``record.part("h")``: (trial, time, unit)."""
        start, stop = self.parts[name]
        return self.states[..., start:stop]

    def headline(self) -> str:
        n_trials, n_steps, n_units = self.states.shape
        return f"{n_trials} trials of {n_steps} steps, {n_units} state variables"


@in_own_surroundings
def record(model: Any, inputs: Any, x0: Any = None) -> Recording:
    """Run anything :func:`dynakit.as_system` takes on a batch of input sequences and keep everything.

    Arguments:
        model: the network (or System).
        inputs: (trial, time, input).
        x0: initial state, (unit,) or (trial, unit); default: the network's own (zeros).

    Runs in float64 without noise; the result is detached.  Raises InputError on shapes that do not fit.

    >>> import torch, dynakit as dk
    >>> dk.record(torch.nn.LSTM(2, 5), torch.zeros(4, 30, 2))
    Recording(4 trials of 30 steps, 10 state variables)
    """
    system = model if isinstance(model, System) else as_system(model)
    sequence = system.as_inputs(inputs)
    if sequence.ndim == 2:
        sequence = sequence[None]
    with linalg.one_thread():
        states = system.trajectory(system.initial_state() if x0 is None else x0, sequence)
        outputs = system.observe(states)
    return Recording(
        inputs=sequence.numpy(force=True).copy(),
        states=states.numpy(force=True),
        outputs=outputs.numpy(force=True),
        parts={name: (part.start, part.stop) for name, part in system.parts.items()},
        provenance=Provenance.of_call({"system": system, "inputs": inputs, "x0": x0}),
    )
