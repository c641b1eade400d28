"""How far a network counts: up to which n it is right on every string a^n b^n, or a^n b^n c^n.

All n up to a bound are judged in one go: the states after a^n, for every n, are steps of one run, and go through the b
side by side, each leaving after its own n.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ... import linalg
from ...checks import count
from ...errors import InputError
from ...systems.base import System, checked

FIRST = 64  # n up to which one looks at first, and by how many times further then
FURTHER = 4


def largest_n(system: System, task: Any, *, most: int = 1000) -> int:
    """The largest n up to which every string of a counting language is right at every step, 0 where n = 1 is wrong.

    Arguments:
        system: the network as a System, with its readout.
        task: a CountingLanguage; its range of n does not matter.
        most: the largest n that is looked at; the work grows like its square.

    Runs in float64: a counter in float32 stops at 2^24.  Returns ``most`` where no string up to there is wrong.

    Raises:
        InputError: the task is no counting language, or its sizes are not those of the system.

    The generalisation test of Gers and Schmidhuber (2001), over all n at once.

    >>> import dynakit as dk
    >>> task = dk.tasks.CountingLanguage("ab")
    >>> dk.largest_n(dk.as_system(dk.models.LSTM.for_task(task, 4)), task)
    0
    """
    letters = getattr(task, "letters", None)
    if not isinstance(letters, str):
        raise InputError(f"task must be a CountingLanguage, got {type(task).__name__}")
    most, size = count("most", most), len(letters) + 1
    if (checked(system).input_size, system.output_size) != (size, size):
        raise InputError(
            f"system must have {size} inputs and {size} outputs, one for each of the symbols {task.symbols}, got "
            f"{system.input_size} and {system.output_size}"
        )
    found, bound = 0, min(FIRST, most)
    with linalg.one_thread(), torch.no_grad():
        while True:
            found = _largest(system, bound)
            if found < bound or bound == most:
                return found
            bound = min(FURTHER * bound, most)


def _largest(system: System, most: int) -> int:
    """The same, of n up to ``most``."""
    size = system.input_size
    x = _shown(system, system.initial_state()[None], 0)
    begun = _says(system, x, {1})
    states, right = [], []
    for _ in range(most):
        x = _shown(system, x, 1)
        states.append(x)
        right.append(_says(system, x, {1, 2}))
    x, good = torch.cat(states), torch.cat(right).cumprod(0).bool() & begun  # row n - 1: after a^n
    for symbol in range(2, size):
        ends = torch.empty_like(x)
        for k in range(most):  # row 0 is now of n = k + 1, of which this is the last such letter
            x = _shown(system, x, symbol)
            good[k] &= _says(system, x[:1], {(symbol + 1) % size})[0]
            good[k + 1 :] &= _says(system, x[1:], {symbol})
            ends[k], x = x[0], x[1:]
        x = ends
    wrong = (~good).nonzero()
    return int(wrong[0]) if len(wrong) else most


def _shown(system: System, x: Tensor, symbol: int) -> Tensor:
    u = torch.eye(system.input_size, dtype=x.dtype, device=x.device)[symbol]
    return system.step(x, u)


def _says(system: System, x: Tensor, symbols: set[int]) -> Tensor:
    """Whether the outputs above 0 are those of these symbols: (state,)."""
    wanted = torch.tensor([k in symbols for k in range(system.output_size)], device=x.device)
    outputs = system.observe(x)
    return (((outputs > 0) == wanted) & torch.isfinite(outputs)).all(-1)
