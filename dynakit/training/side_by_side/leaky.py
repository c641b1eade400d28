"""The three forms of the leaky rate network, as ``dynakit.models.leaky`` has them, with p = 1 - alpha.

    "current"    x' = p x + a,  r = f(x)         a = alpha (W r + d)
    "rate"       r' = p r + alpha f(a)           a = W r + d
    "rectified"  r' = f(a)                       a = p r + alpha (W r + d): the leak is one more synapse onto itself

What is drawn as noise is scaled as the drive d is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...models.time_constants import as_factor
from .cells import Pool, Stacked
from .functions import applied
from .population import Views

# magnitudes of raw weights, and their derivatives
_SIZES: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "abs": (torch.abs, torch.sign),
    "relu": (torch.relu, lambda raw: (raw > 0).to(raw)),
    "softplus": (functional.softplus, torch.sigmoid),
}


class StackedLeaky(Stacked):
    """Leaky networks, with Dale's law or without."""

    def __init__(self, models: Sequence[Any], n_trials: int, pool: Pool) -> None:
        super().__init__(models, n_trials, pool)
        model = self.model = models[0]
        self.f = applied(model.activation)
        alpha = as_factor(model.alpha, pool.like)
        self.alpha = alpha[:, None] if isinstance(alpha, Tensor) else alpha  # (unit, 1): for rows of units
        self.gain = 1.0 if model.form == "rate" else self.alpha
        masks = [m._connected for m in models]
        open_ = pool.like.new_ones(self.n_units, self.n_units)
        self.connected = None
        if any(mask is not None for mask in masks):
            self.connected = torch.stack([open_ if mask is None else mask.to(open_) for mask in masks])
        self.sign = None if model.sign is None else model.sign.to(open_)
        self.excites = None if model.signed_io or self.sign is None else (self.sign > 0).to(open_)

    def assemble(self, p: Views) -> None:
        W, W_in, W_out = p["W_rec"], p["W_in"], p["W_out"]
        if self.sign is not None:
            W = _SIZES[self.model.dale][0](W) * self.sign
        if self.connected is not None:
            W = W * self.connected
        if self.excites is not None:
            W_in, W_out = W_in.abs(), W_out.abs() * self.excites
        gain = self.gain
        self._fill(self.gates, gain * W, gain * W_in, (gain * p["b_rec"][:, :, None])[:, :, 0])
        self._fill_readout(W_out, p["b_out"])

    def scatter(self, p: Views, g: Views) -> None:
        d, d_out = self.gain * self.d_matrix[:, self.gates], self.d_matrix[:, self.readout]
        d_W, d_W_in, d_W_out = d[:, :, self.units], d[:, :, self.inputs], d_out[:, :, self.units]
        if self.sign is not None:
            d_W = d_W * _SIZES[self.model.dale][1](p["W_rec"]) * self.sign
        if self.connected is not None:
            d_W = d_W * self.connected
        if self.excites is not None:
            d_W_in, d_W_out = d_W_in * p["W_in"].sign(), d_W_out * p["W_out"].sign() * self.excites
        for name, value in (("W_rec", d_W), ("W_in", d_W_in), ("W_out", d_W_out)):
            g[name].copy_(value)
        g["b_rec"].copy_(d[:, :, -1])
        g["b_out"].copy_(d_out[:, :, -1])


class StackedCurrent(StackedLeaky):
    """The form "current"."""

    def begin(self) -> None:
        self.now = self.pool.take("now", *self.g.shape).zero_()
        self.f.apply(self.now, self.r[0])

    def advance(self, t: int) -> None:
        self.now.mul_(1 - self.alpha).add_(self.a)
        self.f.apply(self.now, self.r[t])

    def retreat(self, t: int) -> None:
        self.f.back(self.g, self.r[t], self.v[t - 1])
        self.v[t - 1].add_(self.v[t] * (1 - self.alpha))


class StackedRate(StackedLeaky):
    """The form "rate"."""

    def reserve(self, n_steps: int) -> None:
        super().reserve(n_steps)
        self.q = self.pool.take("q", n_steps, *self.g.shape).unbind(0)
        self.carry = self.pool.take("carry", *self.g.shape)

    def advance(self, t: int) -> None:
        q, kept = self.q[t - 1], 1 - self.alpha
        self.f.apply(self.a, q)
        torch.mul(self.r[t - 1], kept, out=self.r[t])
        self.r[t].add_(q * self.alpha)

    def end(self) -> None:
        self.carry.zero_()

    def retreat(self, t: int) -> None:
        self.carry.add_(self.g)
        torch.mul(self.carry, self.alpha, out=self.g)
        self.f.back(self.g, self.q[t - 1], self.v[t - 1])
        self.carry.mul_(1 - self.alpha)


class StackedRectified(StackedLeaky):
    """The form "rectified"."""

    def assemble(self, p: Views) -> None:
        super().assemble(p)
        kept = 1 - self.alpha
        own = self.matrix[:, self.gates, self.units].diagonal(dim1=1, dim2=2)
        own.add_(kept[:, 0] if isinstance(kept, Tensor) else kept)

    def advance(self, t: int) -> None:
        self.f.apply(self.a, self.r[t])

    def retreat(self, t: int) -> None:
        self.f.back(self.g, self.r[t], self.v[t - 1])


_FORMS: dict[str, type[StackedLeaky]] = {"current": StackedCurrent, "rate": StackedRate, "rectified": StackedRectified}


def stacked_leaky(models: Sequence[Any], n_trials: int, pool: Pool) -> StackedLeaky:
    """The cell of the form that the networks have."""
    return _FORMS[models[0].form](models, n_trials, pool)
