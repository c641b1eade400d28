"""Spikes that can be trained: a step forwards, a surrogate of its derivative backwards.

A neuron spikes where v >= theta, whose derivative by v is zero almost everywhere.  With z = (v - theta) / theta, the
backward pass takes for ds/dz

    "fast_sigmoid"  1 / (1 + k |z|)^2                 (Zenke and Ganguli 2018; k = 10)
    "arctan"        (k / 2) / (1 + (pi k z / 2)^2)    (Fang et al. 2021; k = 2)
    "triangular"    0.3 max(0, 1 - k |z|)             (Bellec et al. 2018; k = 1)

The forward pass is the exact step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ... import checks
from ...errors import InputError

DAMPENING = 0.3  # of the triangle: keeps the gradient from growing over many steps


class Surrogate(NamedTuple):
    """A stand-in for the derivative of the step, and the steepness it usually has."""

    name: str
    slope: Callable[[Tensor, float], Tensor]  # ds/dz from z and the steepness k
    steepness: float


def _fast_sigmoid(z: Tensor, k: float) -> Tensor:
    return z.abs().mul_(k).add_(1.0).pow_(-2)


def _arctan(z: Tensor, k: float) -> Tensor:
    return (z * (math.pi * k / 2)).square_().add_(1.0).reciprocal_().mul_(k / 2)


def _triangular(z: Tensor, k: float) -> Tensor:
    return z.abs().mul_(-k).add_(1.0).clamp_(min=0.0).mul_(DAMPENING)


SURROGATES: dict[str, Surrogate] = {
    s.name: s
    for s in (
        Surrogate("fast_sigmoid", _fast_sigmoid, 10.0),
        Surrogate("arctan", _arctan, 2.0),
        Surrogate("triangular", _triangular, 1.0),
    )
}


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, threshold: float, surrogate: Surrogate, steepness: float) -> Tensor:
        ctx.save_for_backward(v)
        ctx.settings = threshold, surrogate, steepness
        return (v >= threshold).to(v.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (v,), (threshold, surrogate, steepness) = ctx.saved_tensors, ctx.settings
        slope = surrogate.slope((v - threshold).div_(threshold), steepness)
        return slope.mul_(grad).div_(threshold), None, None, None


def spike(
    v: Tensor, *, threshold: float = 1.0, surrogate: str = "fast_sigmoid", steepness: float | None = None
) -> Tensor:
    """1 where ``v`` >= ``threshold``, else 0; the gradient is that of the ``surrogate``.

    Raises InputError unless ``v`` is a floating-point tensor, ``threshold`` and ``steepness`` are above 0 and
    ``surrogate`` is a name in ``SURROGATES``.

    >>> v = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)
    >>> spike(v, surrogate="triangular")
    tensor([0., 1., 1.], grad_fn=<_SpikeBackward>)
    """
    if not isinstance(v, Tensor) or not v.is_floating_point():
        raise InputError(f"v must be a floating-point tensor, got {getattr(v, 'dtype', type(v).__name__)}")
    threshold = checks.number("threshold", threshold, above=0, closed=False)
    chosen = SURROGATES[checks.one_of("surrogate", surrogate, SURROGATES)]
    k = chosen.steepness if steepness is None else checks.number("steepness", steepness, above=0, closed=False)
    return _Spike.apply(v, threshold, chosen, k)  # pyright: ignore[reportReturnType]
