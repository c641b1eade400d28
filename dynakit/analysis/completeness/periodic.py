"""Orbits of period k of a rate network, as the fixed points of a network k times as large.

Of a step x' = (1-a) x + a (W f(x) + d), k steps around an orbit give each state as a sum over the others:

    x_t = sum_j c_j (W f(x_{t-1-j}) + d),   c_j = a (1-a)^j / (1 - (1-a)^k),   j = 0 ... k-1,

and with c_j inside of W the same holds of the currents of r' = (1-a) r + a f(W r + d), Elman's network having a = 1.
So the k states are the fixed points of a network whose weights are blocks c_j W in a circle, and all that decides fixed
points decides orbits.  The sum of the c_j is 1: of slow networks most modes around the circle are damped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ...systems.base import RateForm
from .proof import RateEquation
from .units import U

Lift = Callable[[Tensor], Tensor]


def equation(form: RateForm, u: Tensor, k: int) -> tuple[RateEquation, Lift] | str:
    """z = W f(z) + d of orbits whose period divides k, and how z gives the first states; or why there is none."""
    d, d_error = form.constant(u)
    wrong = np.zeros_like(_numpy(form.W)) if form.W_error is None else _numpy(form.W_error)
    factors = None if form.factors is None else (_numpy(form.factors[0]), _numpy(form.factors[1]))
    leak = _numpy(form.leak) if isinstance(form.leak, Tensor) else form.leak
    one = RateEquation(_numpy(form.W), _numpy(d), form.activation, wrong, _numpy(d_error), factors, leak)
    if k == 1:
        return one, form.states
    if form.alpha is None:
        return "its orbits are not those of a network of blocks: the leak is inside of the function, or not known"
    a = np.broadcast_to(_numpy(form.alpha) if isinstance(form.alpha, Tensor) else np.asarray(form.alpha), one.d.shape)
    shares = a * (1 - a) ** np.arange(k)[:, None] / (1 - (1 - a) ** k)  # (step, unit)
    return _of_blocks(one, shares, form.of_currents), _first_states(form, torch.from_numpy(shares).to(u.device))


def _of_blocks(one: RateEquation, shares: np.ndarray, of_currents: bool) -> RateEquation:
    """The network around the circle; of factors only where the shares are 0 and 1, which are exact."""
    k, n = shares.shape
    blocks = [c[:, None] * one.W if of_currents else one.W * c for c in shares]
    wrong = [(c[:, None] if of_currents else c) * one.W_error for c in shares]
    W = _circle(blocks)
    W_error = (_circle(wrong) + 8 * (k + 2) * U * np.abs(W)) * (1 + 1e-12)
    d, d_error = np.tile(one.d, k), np.tile(np.broadcast_to(one.d_error, n), k)
    factors = None
    if one.factors is not None and (shares[0] == 1).all():
        M, N = one.factors
        factors = _circle([c[0] * M for c in shares]), np.kron(np.eye(k), N)
    return RateEquation(W, d, one.name, W_error, d_error, factors)


def _circle(blocks: list[np.ndarray]) -> np.ndarray:
    """The matrix whose block (t, t-1-j) is the j-th."""
    k = len(blocks)
    return np.block([[blocks[(t - 1 - s) % k] for s in range(k)] for t in range(k)])


def _first_states(form: RateForm, shares: Tensor) -> Lift:
    """The state x_0 of orbits from the currents of all k."""

    def first(z: Tensor) -> Tensor:
        z = z.reshape(*z.shape[:-1], *shares.shape)
        if form.of_currents:
            return z[..., 0, :]
        return (shares * form.rates(z.flip(-2))).sum(-2)  # x_0 hears x_{k-1} first

    return first


def _numpy(x: Tensor) -> np.ndarray:
    return x.numpy(force=True)
