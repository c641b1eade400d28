"""Leaky integrate-and-fire neurons over a whole sequence, with their backward pass in closed form.

With the equations at the top of :mod:`dynakit.models.spiking` and h_t the surrogate derivative at v-, the derivatives
of the loss follow, backwards in time and where no neuron waits,

    trace     R_t = dL/dr_t + gamma R_{t+1}
    spike     S_t = dL/ds_t + R_t + W_rec^T A_{t+1}
    voltage   V_t = (dL/dv_t + beta V_{t+1}) [1 - s_t, for the reset to zero] + h_t S_t
    current   A_t = dL/di_t + alpha A_{t+1} + V_t                     without tau_syn: A_t = V_t

and dL/dW_rec = sum_t A_t s_{t-1}^T.  A neuron that waits has h = 0, hands V on as it is, and none of it to its current.
The counter of the refractory steps has no derivative.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .surrogate import Surrogate

Parts = dict[str, Tensor]  # by the name of the part of the state


class Neuron(NamedTuple):
    """The constants of a neuron."""

    beta: float | Tensor  # what a step leaves of the voltage, of all neurons or of each (hidden,)
    alpha: float  # of the current; 0 where there is none
    gamma: float  # of the trace; 0 where there is none
    n_refractory: int  # steps
    threshold: float
    reset: str  # "subtract" | "zero"
    surrogate: Surrogate
    steepness: float


def spiking_scan(drive: Tensor, W_rec: Tensor, x0: Parts, neuron: Neuron) -> Parts:
    """The parts (time, trial, hidden) of the state after each step.

    ``drive`` (time, trial, hidden) is W_in u + b_rec, ``x0`` has the parts (trial, hidden) before the first step.  The
    result can be differentiated once, in everything that went in.
    """
    return dict(zip(x0, _SpikingScan.apply(drive, W_rec, neuron, tuple(x0), *x0.values())))


class _SpikingScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, drive: Tensor, W_rec: Tensor, neuron: Neuron, names: tuple[str, ...], *x0: Tensor
    ) -> tuple[Tensor, ...]:
        before = torch.empty_like(drive)  # voltages before the reset
        paths = {name: drive.new_empty(len(drive) + 1, *start.shape) for name, start in zip(names, x0)}
        for path, start in zip(paths.values(), x0):
            path[0] = start
        _forwards(drive, before, paths, W_rec, neuron)
        results = {name: path[1:] for name, path in paths.items()}
        counter = [paths["refractory"]] if "refractory" in paths else []
        ctx.save_for_backward(W_rec, before, paths["spikes"], *counter)
        ctx.neuron, ctx.names = neuron, names
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(results["refractory"] for _ in counter))
        return tuple(results.values())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (W_rec, before, spikes, *counter), neuron = ctx.saved_tensors, ctx.neuron
        z = (before - neuron.threshold).div_(neuron.threshold)
        slopes = neuron.surrogate.slope(z, neuron.steepness).div_(neuron.threshold)
        waiting = counter[0][:-1] > 0 if counter else None
        if waiting is not None:
            slopes.masked_fill_(waiting, 0.0)
        given = {name: g for name, g in zip(ctx.names, grads) if g is not None}
        g_drive, start = _backwards(given, W_rec, slopes, spikes[1:], waiting, neuron)
        g_W = g_drive.flatten(0, 1).t() @ spikes[:-1].flatten(0, 1)
        return g_drive, g_W, None, None, *(start.get(name) for name in ctx.names)


def _forwards(drive: Tensor, before: Tensor, paths: Parts, W_rec: Tensor, neuron: Neuron) -> None:
    """Fill ``before`` and the ``paths`` (time + 1, trial, hidden), whose first entry is there."""
    at, weights = {name: path.unbind(0) for name, path in paths.items()}, W_rec.t().contiguous()
    v, s, i, k, r = (at.get(name, ()) for name in ("voltage", "spikes", "current", "refractory", "trace"))
    threshold = drive.new_tensor(neuron.threshold)  # a tensor: a number would be made one at every step
    for t, (drive_t, now) in enumerate(zip(drive.unbind(0), before.unbind(0))):
        into = i[t + 1] if i else now
        torch.addmm(drive_t, s[t], weights, out=into)
        if i:
            into.add_(i[t], alpha=neuron.alpha)
        if isinstance(neuron.beta, Tensor):
            torch.addcmul(into, v[t], neuron.beta, out=now)
        else:
            torch.add(into, v[t], alpha=neuron.beta, out=now)
        waiting = k[t] > 0 if k else None
        if waiting is not None:
            torch.where(waiting, v[t], now, out=now)
        fired = torch.ge(now, threshold, out=s[t + 1])
        if waiting is not None:
            fired.masked_fill_(waiting, 0.0)
            torch.sub(k[t], 1, out=k[t + 1]).clamp_(min=0).add_(fired, alpha=neuron.n_refractory)
        if neuron.reset == "subtract":
            torch.sub(now, fired, alpha=neuron.threshold, out=v[t + 1])
        else:
            torch.addcmul(now, now, fired, value=-1, out=v[t + 1])
        if r:
            torch.add(fired, r[t], alpha=neuron.gamma, out=r[t + 1])


def _backwards(
    given: Parts, W_rec: Tensor, slopes: Tensor, spikes: Tensor, waiting: Tensor | None, neuron: Neuron
) -> tuple[Tensor, Parts]:
    """A of every step, and the derivatives in the parts before the first."""
    drives, S, R, V, into = torch.empty_like(slopes), *slopes.new_zeros(4, *slopes.shape[1:]).unbind(0)
    at = {name: g.unbind(0) for name, g in given.items()}
    kept = neuron.beta if isinstance(neuron.beta, Tensor) else slopes.new_tensor(neuron.beta)
    if waiting is not None:
        kept = torch.where(waiting, 1.0, kept)
    each = zip(drives.unbind(0), slopes.unbind(0), spikes.unbind(0), kept.expand_as(slopes).unbind(0))
    for t, (A, slope, fired, keep) in reversed(list(enumerate(each))):
        if "trace" in at:
            torch.add(at["trace"][t], R, alpha=neuron.gamma, out=R)
        torch.addmm(R, into, W_rec, out=S)
        if "spikes" in at:
            S.add_(at["spikes"][t])
        if "voltage" in at:
            V.add_(at["voltage"][t])
        if neuron.reset == "zero":
            V.addcmul_(V, fired, value=-1)
        torch.addcmul(V, S, slope, out=A)
        torch.mul(A, keep, out=V)
        if waiting is not None:
            A.masked_fill_(waiting[t], 0.0)
        if neuron.alpha:
            A.add_(into, alpha=neuron.alpha)
        if "current" in at:
            A.add_(at["current"][t])
        into = A
    start = {"voltage": V, "current": neuron.alpha * into, "spikes": into @ W_rec, "trace": neuron.gamma * R}
    return drives, start
