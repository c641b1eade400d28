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
        Activation("relu", torch.relu, _relu_slope, _relu_slope, None, True),
        Activation("tanh", torch.tanh, _tanh_slope, lambda r: 1 - r.square(), (-1.0, 1.0), False),
        Activation("sigmoid", torch.sigmoid, _sigmoid_slope, lambda r: r * (1 - r), (0.0, 1.0), False, 0.25),
        Activation("softplus", _softplus, torch.sigmoid, lambda r: -torch.expm1(-r), None, False),
    )
}


def activation(name: str) -> Activation:
    """The activation called ``name``; InputError with the nearest match if there is none.

    >>> activation("tanh").bounds
    (-1.0, 1.0)
    """
    return ACTIVATIONS[checks.one_of("activation", name, ACTIVATIONS)]
