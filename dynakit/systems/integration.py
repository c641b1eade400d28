"""A field followed for any time, to nearly all digits.

SciPy's DOP853 (Hairer, Norsett and Wanner 1993, sec. II.5), with a step that keeps the relative error of each below
``rtol``; derivatives with respect to the start come from the variational equation, carried along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from .base import System

MOST, WIDE = 8, 2**18  # starts that share their steps, and numbers that are followed together
LEAST = 2.5e-14  # relative error that SciPy's steps can keep to


def followed(field: System, x: Tensor, u: Tensor, ends: np.ndarray, rtol: float) -> np.ndarray:
    """The state x (unit,) at each of the times ``ends`` after the first, (end, unit); NaN once it is not finite.

    ``field`` maps a state to its velocity under the constant input u (input,).
    """
    start, inputs = x.cpu().numpy(), u[None]

    def velocity(_: float, y: np.ndarray) -> np.ndarray:
        return field._step(torch.from_numpy(y).to(field.device)[None], inputs)[0].cpu().numpy()

    return _run(velocity, start, np.full_like(start, rtol * _size(start)), ends, rtol)


def varied(field: System, x: Tensor, u: Tensor, times: np.ndarray, rtol: float) -> np.ndarray:
    """The states x (start, unit) after a time each, and then the columns of the derivatives with respect to the start.

    (start, unit + unit^2).  A few starts of one time share their steps, which costs as much as one: the error allowed
    in their mean is so small that no one's exceeds ``rtol``.  Where one of them leaves the finite numbers, each goes
    by itself.
    """
    found = np.full((len(x), x.shape[1] * (1 + x.shape[1])), np.nan)
    most = min(MOST, int((rtol / LEAST) ** 2), WIDE // max(1, found.shape[1]))
    for group in _groups(times, max(1, most)):
        found[group] = _varied(field, x[group], u[group], float(times[group[0]]), rtol / np.sqrt(len(group)))
        if len(group) > 1 and not np.isfinite(found[group]).all():
            for i in group:
                found[i] = _varied(field, x[[i]], u[[i]], float(times[i]), rtol)[0]
    return found


def _groups(times: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Indices of starts of one time, at most so many at once."""
    for time in np.unique(times):
        same = np.flatnonzero(times == time)
        yield from (same[k : k + most] for k in range(0, len(same), most))


def _varied(field: System, x: Tensor, u: Tensor, time: float, rtol: float) -> np.ndarray:
    (m, n), start = x.shape, x.cpu().numpy()

    def velocity(_: float, y: np.ndarray) -> np.ndarray:
        rows = torch.from_numpy(y.reshape(m, -1)).to(field.device)
        v, moved = field._push(rows[:, :n], u, rows[:, n:].reshape(m, n, n))
        return torch.cat([v, moved.reshape(m, n * n)], 1).cpu().numpy().ravel()

    y, atol = np.tile(np.eye(n).ravel(), (m, 1)), np.full((m, n + n * n), rtol)
    atol[:, :n] *= np.array([_size(one) for one in start])[:, None]
    y = np.concatenate([start, y], 1)
    return _run(velocity, y.ravel(), atol.ravel(), np.array([0.0, time]), rtol)[0].reshape(m, -1)


def _size(x: np.ndarray) -> float:
    return float(np.abs(x).max(initial=0.0)) or 1.0


def _run(
    velocity: Callable[[float, np.ndarray], np.ndarray],
    y: np.ndarray,
    atol: np.ndarray,
    ends: np.ndarray,
    rtol: float,
) -> np.ndarray:
    """y at each of the times after the first, (end, entry); each stretch begins with the step that the last found."""
    from scipy.integrate import DOP853

    states = np.full((len(ends) - 1, len(y)), np.nan)
    if not np.isfinite(y).all():
        return states
    with np.errstate(all="ignore"):  # overflow is one of the answers
        solver = DOP853(velocity, ends[0], y, ends[-1], rtol=rtol, atol=cast(Any, atol))  # one for each entry
        for k, end in enumerate(ends[1:]):
            solver.t_bound, solver.status = end, "running"
            while solver.t != end and solver.status != "failed":
                solver.step()
            if solver.status == "failed" or not np.isfinite(solver.y).all():
                break
            states[k] = solver.y
    return states
