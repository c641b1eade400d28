"""What tasks made of stimuli and gaps share: gaps of fixed or random length, turns, input noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .. import checks
from ..errors import InputError

Gap = int | tuple[int, int]  # steps: fixed, or drawn uniformly from (shortest, longest), both included


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
