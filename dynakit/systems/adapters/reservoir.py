"""Reservoirs as systems: a leaky map in discrete time, a step along a flow in continuous time; their readouts."""

from __future__ import annotations

import torch
from torch import Tensor

from ...models.reservoir import Reservoir
from ..base import Bounds, System
from ..cells import ElmanCell, LeakyCell, zeros
from ..derived import WithReadout, Wrapped
from ..flow import NetworkStep, Relaxation
from ..pieces import Readout
from .copies import float64_copy


class WithSquares(Wrapped):
    """``inner``, handing on (o, o^2) where it hands on o."""

    def __init__(self, inner: System) -> None:
        super().__init__(inner, output_size=2 * inner.output_size)

    def _around(self, field: System) -> System:
        return WithSquares(field)

    def _observe(self, x: Tensor) -> Tensor:
        o = self.inner._observe(x)
        return torch.cat([o, o * o], -1)

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        C = self.inner._observe_jacobian(x)
        return torch.cat(
            [C, 2 * self.inner._observe(x)[..., None] * C], -2, out=zeros(x, 2 * C.shape[-2], C.shape[-1])
        )

    def _observe_push(self, x: Tensor, T: Tensor) -> Tensor:
        moved = self.inner._observe_push(x, T)
        return torch.cat([moved, 2 * self.inner._observe(x)[:, None] * moved], -1)

    def observe_bounds(self) -> Bounds | None:
        bounds = self.inner.observe_bounds()
        if bounds is None:
            return None
        ends = torch.stack([bounds.lo**2, bounds.hi**2])
        least = torch.where((bounds.lo <= 0) & (bounds.hi >= 0), torch.zeros_like(bounds.lo), ends.amin(0))
        return Bounds(torch.cat([bounds.lo, least]), torch.cat([bounds.hi, ends.amax(0)]))

    def readout_pieces(self) -> Readout | None:
        return None


def adapt_reservoir(model: Reservoir, device: torch.device | str | None) -> System:
    """``model`` in float64: the step along its flow in continuous time, a leaky map in discrete time."""
    twin = float64_copy(model, device)
    assert isinstance(twin, Reservoir)
    W_in, name = twin.sigma_in * twin.W_in, f"{model.form} reservoir"
    if model.leak is None:
        cell = ElmanCell(W_in, twin.W_rec, twin.b_rec)
    else:
        cell = LeakyCell(W_in, twin.W_rec, twin.b_rec, alpha=model.leak, activation="tanh", form="rate")
    cell.sparse = twin.sparse()
    states = cell if model.gamma is None else Relaxation(cell, model.gamma)
    read = WithReadout(
        WithSquares(states) if model.readout == "quadratic" else states, twin.W_out, twin.b_out
    )
    read.name = name
    return read if model.dt is None else NetworkStep(read, model.n_hidden, model.n_inputs, dt=model.dt)
