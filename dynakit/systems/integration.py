"""A field followed for any time, to nearly all digits.

SciPy's DOP853 (Hairer, Norsett and Wanner 1993, sec. II.5), with a step that keeps the relative error of each below
``rtol``; derivatives with respect to the start come from the variational equation, carried along.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor

from .base import System


def followed(
    field: System, x: Tensor, u: Tensor, ends: np.ndarray, rtol: float, *, vary: bool = False
) -> np.ndarray:
    """The state x (unit,) at each of the times ``ends`` after the first, (end, unit); NaN once it is not finite.

    ``field`` maps a state to its velocity under the constant input u (input,).  If ``vary``, the columns of the
    derivative with respect to the start follow each state.
    """
    from scipy.integrate import solve_ivp

    n, start = field.state_size, x.cpu().numpy()

    def velocity(_: float, y: np.ndarray) -> np.ndarray:
        state = torch.from_numpy(y[:n]).to(field.device)[None]
        if not vary:
            return field._step(state, u[None])[0].cpu().numpy()
        columns = torch.from_numpy(y[n:]).to(field.device).reshape(1, n, n)
        v, moved = field._push(state, u[None], columns)
        return torch.cat([v.reshape(-1), moved.reshape(-1)]).cpu().numpy()

    y = np.concatenate([start, np.eye(n).ravel()]) if vary else start
    atol = np.full(len(y), rtol)
    atol[:n] *= np.abs(start).max(initial=0.0) or 1.0
    states = np.full((len(ends) - 1, len(y)), np.nan)
    with np.errstate(all="ignore"):  # overflow is one of the answers
        for k, span in enumerate(itertools.pairwise(ends)):
            if not np.isfinite(y).all():
                break
            if span[0] == span[1]:
                states[k] = y
                continue
            flown = solve_ivp(velocity, span, y, method="DOP853", t_eval=span[1:], rtol=rtol, atol=atol)
            if not flown.success:
                break
            states[k] = y = flown.y[:, -1]
    return states
