"""What tasks made of stimuli and gaps share: gaps of fixed or random length, turns, epochs, input noise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from .. import checks
from ..errors import InputError

MANY_COLUMNS = 500  # from here on a loop in Python over steps is faster than one in C over columns
Gap = int | tuple[int, int]  # steps: fixed, or drawn uniformly from (shortest, longest), both included
Duration = float | tuple[float, float]  # ms: fixed, or a range, which becomes that of a Gap


def gap(name: str, value: Any) -> Gap:
    """``value`` as a number of steps or a (shortest, longest) pair."""
    if not isinstance(value, (tuple, list)):
        return checks.count(name, value)
    if len(value) != 2:
        raise InputError(f"{name} must be a number of steps or a pair (shortest, longest), got {value!r}")
    low, high = (checks.count(f"{name}[{i}]", v) for i, v in enumerate(value))
    if low > high:
        raise InputError(f"{name} must be a pair (shortest, longest), got {value!r}")
    return low, high


def ends(gap: Gap) -> tuple[int, int]:
    """Shortest and longest length of a gap."""
    return gap if isinstance(gap, tuple) else (gap, gap)


def draw_gaps(gap: Gap, size: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Gap lengths in steps, uniform with both ends included."""
    low, high = ends(gap)
    return rng.integers(low, high, size, endpoint=True)


def in_steps(name: str, duration: Any, dt: float, *, least: int = 1) -> int:
    """``duration`` in ms as a whole number of steps of ``dt`` ms, rounded, and at least ``least``."""
    dt = checks.number("dt", dt, above=0, closed=False)
    n_steps = round(checks.number(name, duration, above=0) / dt)
    if n_steps < least:
        raise InputError(f"{name} must last at least {least} step of {dt:g} ms, got {duration:g} ms")
    return n_steps


def gap_in_steps(name: str, duration: Any, dt: float) -> Gap:
    """A :data:`Duration` in ms, of which 0 may be a part, as steps of ``dt`` ms."""
    if not isinstance(duration, (tuple, list)):
        return in_steps(name, duration, dt, least=0)
    shortest_and_longest = [checks.number(f"{name}[{i}]", v, above=0) for i, v in enumerate(duration)]
    if len(duration) != 2 or shortest_and_longest != sorted(shortest_and_longest):
        raise InputError(f"{name} must be a number of ms or a pair (shortest, longest), got {duration!r}")
    low, high = (in_steps(f"{name}[{i}]", v, dt, least=0) for i, v in enumerate(duration))
    return low, high


def epochs(lengths: np.ndarray, n_steps: int) -> np.ndarray:
    """For every step the epoch it falls in, (trial, time), given the lengths (trial, epoch) in steps.

    Epochs may be empty; steps beyond the last count as one epoch more.
    """
    until = lengths.cumsum(axis=1)
    return (np.arange(n_steps)[:, None] >= until[:, None, :]).sum(axis=2)


def turns(starts: np.ndarray, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """For every step, the turn it falls in (-1 before the first) and how many steps ago that turn began.

    Args:
        starts: (trial, turn) first step of each turn, rising; those beyond ``n_steps`` never begin.
        n_steps: length of a trial.

    Returns:
        Two arrays (trial, time).
    """
    begins = np.zeros((len(starts), n_steps), dtype=np.int64)
    trial, turn = np.nonzero(starts < n_steps)
    begins[trial, starts[trial, turn]] = 1
    turn = begins.cumsum(axis=1) - 1
    return turn, np.arange(n_steps) - np.take_along_axis(starts, np.maximum(turn, 0), axis=1)


def last_pulses(
    up: np.ndarray, waits: np.ndarray | None, width: int, every: int
) -> tuple[np.ndarray, np.ndarray]:
    """For every step and channel, when the last pulse began and whether it was up.

    Args:
        up: (trial, time, channel) 1 where a pulse that began would be up, and 0.
        waits: (trial, gap, channel) steps that a channel is free before its next pulse; None: as ``every`` says.
        width: steps of a pulse.
        every: steps from pulse to pulse where there are no ``waits``; the first is at step 0.

    Returns:
        Two arrays (trial, time, channel).
    """
    n_steps, columns = up.shape[1], up.shape[0] * up.shape[2]
    flat = up.swapaxes(0, 1).reshape(n_steps, columns)  # time first: a step of all channels at once
    keys = np.zeros((n_steps, columns), np.int16 if n_steps < 2**14 else np.int32)  # twice the step, and the sign
    keys[::every] = 2 * np.arange(0, n_steps, every)[:, None] + flat[::every]
    for column, start in _starts(waits, width, n_steps, columns):
        keys[start, column] = 2 * start + flat[start, column]
    if columns < MANY_COLUMNS:
        np.maximum.accumulate(keys, axis=0, out=keys)
    else:  # accumulate takes column by column
        for before, now in pairwise(keys):
            np.maximum(before, now, out=now)
    keys = np.ascontiguousarray(keys.reshape(n_steps, up.shape[0], up.shape[2]).swapaxes(0, 1))
    return keys >> 1, (keys & 1).astype(bool)


def _starts(
    waits: np.ndarray | None, width: int, n_steps: int, columns: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The columns in which a pulse starts, and when; of many, first all first pulses, then all second ones."""
    if waits is None:
        return
    steps = waits.swapaxes(0, 1).reshape(-1, columns) + (width - 1)
    if columns < MANY_COLUMNS:
        starts = np.cumsum(steps, axis=0)
        gap, column = np.nonzero(starts < n_steps)
        yield column, starts[gap, column]
        return
    start = np.zeros_like(steps[0])
    for step in steps:
        start += step
        column = np.flatnonzero(start < n_steps)
        if not len(column):
            return
        yield column, start[column]


def answers(value: np.ndarray, asked: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Targets and mask, (trial, time, 1) each: the 0/1 ``value`` where ``asked``, else 0.5 and masked."""
    target = np.where(asked, value, np.float32(0.5)).astype(np.float32)
    return torch.from_numpy(target[:, :, None]), torch.from_numpy(asked[:, :, None].astype(np.float32))


def noisy(inputs: np.ndarray, sd: float, rng: np.random.Generator) -> torch.Tensor:
    """Float32 inputs plus independent Gaussian noise of standard deviation ``sd``."""
    if sd > 0:
        inputs = inputs + np.float32(sd) * rng.standard_normal(inputs.shape, dtype=np.float32)
    return torch.from_numpy(inputs)


def halves(outputs: Any, names: tuple[str, str]) -> np.ndarray:
    """Rows of outputs (..., 1) as the second name above 0.5, else the first; NaN reads as ``"?"``."""
    y = checks.reals("outputs", outputs, (..., 1), finite=False)[..., 0]
    return np.where(np.isnan(y), "?", np.where(y > 0.5, names[1], names[0]))
