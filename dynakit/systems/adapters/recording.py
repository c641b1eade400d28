"""All states of a network, every layer and step, under given inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from ... import checks, linalg
from ...errors import InputError
from ...provenance import Provenance
from ...results import Result, per_item
from ...surroundings import in_own_surroundings
from ...wording import counted
from ..base import System
from .adapters import as_system, compared_on


@dataclass(frozen=True, kw_only=True, repr=False)
class Recording(Result):
    """What a network did, one entry per trial; NaN beyond the end of a trial.

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
        return f"{counted(n_trials, 'trial')} of {counted(n_steps, 'step')}, {counted(n_units, 'state variable')}"


@in_own_surroundings
def record(
    model: Any, inputs: Any, x0: Any = None, *, time_axis: int | None = None, lengths: Any = None
) -> Recording:
    """Run anything :func:`dynakit.as_system` takes on a batch of input sequences and keep everything.

    Arguments:
        model: the network (or System).
        inputs: (trial, time, input), (time, input), or torch's PackedSequence, whose trials are NaN beyond their ends.
        x0: initial state, (unit,) or (trial, unit); default: the network's own (zeros, or what it has learnt).
        time_axis: 0 for ``inputs`` (time, trial, input).  A network that itself takes these, as torch's layers without
            ``batch_first`` do, must be told which of the two is meant.
        lengths: (trial,) steps of each trial, such as ``trials.lengths``; beyond its end a trial is NaN.  None: all.

    Runs in float64 without noise; the result is detached, and (trial, time, unit) in any case.  Raises InputError on
    shapes that do not fit, where it cannot be known which axis is time, and where the network's own forward does
    something else with these inputs than it did with those on which :func:`dynakit.as_system` compared it.

    >>> import torch, dynakit as dk
    >>> dk.record(torch.nn.LSTM(2, 5, batch_first=True), torch.zeros(4, 30, 2))
    Recording(4 trials of 30 steps, 10 state variables)
    >>> dk.record(torch.nn.LSTM(2, 5), torch.zeros(30, 4, 2), time_axis=0)
    Recording(4 trials of 30 steps, 10 state variables)
    """
    given = isinstance(model, System)
    system, ends = model if given else as_system(model), None
    if isinstance(inputs, PackedSequence):
        inputs, ends = pad_packed_sequence(inputs, batch_first=True)
    elif isinstance(inputs, (list, tuple)) and len({len(trial) for trial in inputs if hasattr(trial, "shape")}) > 1:
        raise InputError(
            "inputs must be trials of equal length; trials of several are given as "
            "torch.nn.utils.rnn.pack_sequence(trials, enforce_sorted=False), or filled up and with lengths="
        )
    checks.holds_numbers("inputs", inputs)
    if ends is None and not hasattr(inputs, "ndim") and not isinstance(inputs, int):
        inputs = checks.reals("inputs", inputs, finite=False)
    if getattr(inputs, "ndim", 0) == 3 and ends is None:
        inputs = _trials_first(inputs, time_axis, not given and system.time_first)
    sequence = system.as_inputs(inputs)
    if sequence.ndim == 2:
        sequence = sequence[None]
    if not given and x0 is None and sequence.shape[1]:
        compared_on(system, model, sequence, plainly=False)
    with linalg.one_thread():
        states = system.trajectory(system.initial_state() if x0 is None else x0, sequence)
        outputs = system.observe(states)
    ends = ends if lengths is None else _ends(lengths, len(sequence), sequence.shape[1])
    if ends is not None and bool((ends < sequence.shape[1]).any()):
        over = torch.arange(sequence.shape[1])[None, :, None] >= ends[:, None, None]
        sequence, states, outputs = (
            v.masked_fill(over.to(v.device), torch.nan) for v in (sequence, states, outputs)
        )
    return Recording(
        inputs=sequence.numpy(force=True).copy(),
        states=states.numpy(force=True),
        outputs=outputs.numpy(force=True),
        parts={name: (part.start, part.stop) for name, part in system.parts.items()},
        provenance=Provenance.of_call({"system": system, "inputs": inputs, "x0": x0}),
    )


def _ends(lengths: Any, n_trials: int, n_steps: int) -> torch.Tensor:
    """Where trials end, (trial,)."""
    ends = np.asarray(lengths.detach().cpu() if isinstance(lengths, torch.Tensor) else lengths)
    whole = ends.dtype.kind in "iu" and ends.shape == (n_trials,)
    if not whole or ends.min() < 1 or ends.max() > n_steps:
        raise InputError(
            f"lengths must hold a whole number of steps, 1 to {n_steps}, for each of the {n_trials} trials, got "
            f"{ends.dtype} of shape {ends.shape}" + (f", {ends.min()} to {ends.max()}" if whole else "")
        )
    return torch.from_numpy(ends.astype(np.int64))


def _trials_first(inputs: Any, time_axis: int | None, time_first: bool) -> Any:
    """Inputs (trial, time, input); refused where the network itself takes time first and nothing says what is meant."""
    if time_axis not in (None, 0, 1):
        raise InputError(f"time_axis must be 0 or 1, got {time_axis!r}")
    if time_axis is None and time_first:
        raise InputError(
            "inputs have three axes, and model itself takes (time, trial, input): say which axis of inputs is time, "
            "dk.record(model, inputs, time_axis=0), or time_axis=1 for (trial, time, input)"
        )
    if time_axis != 0:
        return inputs
    return inputs.transpose(0, 1) if isinstance(inputs, torch.Tensor) else np.swapaxes(inputs, 0, 1)
