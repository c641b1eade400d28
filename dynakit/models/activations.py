"""The activation functions f of rate networks, with slopes that stay right where f saturates.

``1 - tanh(x)^2`` is exactly zero from |x| = 9.1 (float32) or 19.1 (float64) on, and a Lyapunov sum then takes
the logarithm of zero.  Slopes are therefore computed from the pre-activation x: with e = exp(-2|x|),
tanh'(x) = 4e / (1 + e)^2.  Slopes from the output f(x) are kept beside them for training, where the output is
what is in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .. import checks

SOFTPLUS_LINEAR = 50.0  # from here on log(1 + e^x) = x in float64; torch's default of 20 is off by 2e-9


class Activation(NamedTuple):
    """One function, its derivative twice, and what is known of its range."""

    name: str
    function: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]  # f'(x) from the pre-activation x
    slope_from_output: Callable[[Tensor], Tensor]  # f'(x) from r = f(x): loses digits where f saturates
    bounds: tuple[float, float] | None  # the closure of the range if it is bounded
    piecewise_linear: bool
    steepest: float = 1.0  # sup |f'|
    kinks: tuple[float, ...] = ()  # where f has two slopes


def _softplus(x: Tensor) -> Tensor:
    return functional.softplus(x, threshold=SOFTPLUS_LINEAR)


def _relu_slope(x: Tensor) -> Tensor:
    return (x > 0).to(x.dtype)


def _tanh_slope(x: Tensor) -> Tensor:
    e = torch.exp(-2 * x.abs())
    return 4 * e / (1 + e).square()


def _sigmoid_slope(x: Tensor) -> Tensor:
    e = torch.exp(-x.abs())
    return e / (1 + e).square()


ACTIVATIONS: dict[str, Activation] = {
    a.name: a
    for a in (
        Activation("relu", torch.relu, _relu_slope, _relu_slope, None, True, kinks=(0.0,)),
        Activation("tanh", torch.tanh, _tanh_slope, lambda r: 1 - r.square(), (-1.0, 1.0), False),
        Activation("sigmoid", torch.sigmoid, _sigmoid_slope, lambda r: r * (1 - r), (0.0, 1.0), False, 0.25),
        Activation("softplus", _softplus, torch.sigmoid, lambda r: -torch.expm1(-r), None, False),
    )
}


def _hard(name: str, slope: float, reach: float) -> Activation:
    """A straight line between 0 and 1 that ends at +-``reach``."""

    def function(x: Tensor) -> Tensor:
        return torch.clamp(slope * x + 0.5, 0.0, 1.0)

    def inside(x: Tensor) -> Tensor:
        return slope * (x.abs() < reach).to(x.dtype)

    def from_output(r: Tensor) -> Tensor:
        return slope * ((r > 0) & (r < 1)).to(r.dtype)

    return Activation(name, function, inside, from_output, (0.0, 1.0), True, slope, (-reach, reach))


GATES: dict[str, Activation] = {
    a.name: a
    for a in (
        ACTIVATIONS["sigmoid"],
        _hard("hard_sigmoid", 1 / 6, 3.0),  # relu6(x + 3) / 6: torch, and Keras from version 3 on
        _hard("hard_sigmoid_keras2", 0.2, 2.5),  # clip(0.2 x + 0.5, 0, 1): Theano, and Keras up to version 2
    )
}


def gate(name: str) -> Activation:
    """The function of gates called ``name``, from 0 to 1; InputError with the nearest match if there is none.

    >>> gate("hard_sigmoid").kinks
    (-3.0, 3.0)
    """
    return GATES[checks.one_of("recurrent_activation", name, GATES)]


def activation(name: str) -> Activation:
    """The activation called ``name``; InputError with the nearest match if there is none.

    >>> activation("tanh").bounds
    (-1.0, 1.0)
    """
    return ACTIVATIONS[checks.one_of("activation", name, ACTIVATIONS)]
