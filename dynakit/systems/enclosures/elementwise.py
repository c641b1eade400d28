"""Functions of one unit: those whose ranges are known, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from .arithmetic import add, div, elementwise, mul, neg, rsub, sub
from .constants import Unsupported
from .jets import Jet, operands, operation

_KNOWN = (
    "tanh sigmoid abs exp expm1 log log1p sin cos tan asin acos atan sinh cosh asinh atanh erf erfc sqrt rsqrt "
    "reciprocal tanhshrink"
)
for _name in _KNOWN.split():
    operation(_name)(partial(elementwise, _name))
for _name, _function in (("absolute", "abs"), ("arctan", "atan"), ("arcsinh", "asinh"), ("arctanh", "atanh")):
    operation(_name)(partial(elementwise, _function))


def in_place_if_asked(function: Callable[..., Jet], position: int) -> Callable[..., Jet]:
    """Of a function whose argument ``inplace`` comes at a position."""

    def call(input: Jet, *args: Any, inplace: bool = False, **kwargs: Any) -> Jet:
        inplace = bool(args[position - 1]) if len(args) >= position else inplace
        result = function(input, *args[: position - 1], **kwargs)
        return input.become(result) if inplace else result

    return call


def activation(name: str, *, inplace: int) -> Callable[[Callable[..., Jet]], Callable[..., Jet]]:
    """Register an activation that torch also has in place."""

    def register(function: Callable[..., Jet]) -> Callable[..., Jet]:
        operation(name)(in_place_if_asked(function, inplace))
        return function

    return register


for _name in ("relu", "silu", "mish"):
    activation(_name, inplace=1)(partial(elementwise, _name))
operation("softsign")(partial(elementwise, "softsign"))
relu = partial(elementwise, "relu")


@operation("clamp", "clip")
def clamp(input: Jet, min: Any = None, max: Any = None) -> Jet:
    """min + relu(x - min), and the same from above."""
    if min is not None:
        zero = isinstance(min, int | float) and min == 0
        input = relu(input) if zero else add(relu(sub(input, min)), min)
    return input if max is None else rsub(relu(rsub(input, max)), max)


@operation("clamp_min")
def _clamp_min(input: Jet, min: Any) -> Jet:
    return clamp(input, min)


@operation("clamp_max")
def _clamp_max(input: Jet, max: Any) -> Jet:
    return clamp(input, None, max)


@activation("hardtanh", inplace=3)
def _hardtanh(input: Jet, min_val: float = -1.0, max_val: float = 1.0) -> Jet:
    return clamp(input, min_val, max_val)


@activation("relu6", inplace=1)
def _relu6(input: Jet) -> Jet:
    return clamp(input, 0.0, 6.0)


@activation("hardsigmoid", inplace=1)
def _hardsigmoid(input: Jet) -> Jet:
    return div(clamp(add(input, 3.0), 0.0, 6.0), 6.0)


@activation("hardswish", inplace=1)
def _hardswish(input: Jet) -> Jet:
    return mul(input, _hardsigmoid(input))


@operation("softshrink")
def _softshrink(input: Jet, lambd: float = 0.5) -> Jet:
    return sub(relu(sub(input, lambd)), relu(sub(neg(input), lambd)))


@activation("leaky_relu", inplace=2)
def _leaky_relu(input: Jet, negative_slope: float = 0.01) -> Jet:
    return sub(relu(input), mul(relu(neg(input)), negative_slope))


@operation("prelu")
def _prelu(input: Jet, weight: Tensor) -> Jet:
    if not isinstance(weight, Tensor):
        raise Unsupported("slopes that depend on the state have no enclosure")
    each = weight.detach()
    if each.numel() > 1:
        each = each.reshape(-1, *(1,) * (input.ndim - 2))
    return sub(relu(input), mul(relu(neg(input)), each))


@activation("elu", inplace=2)
def elu(input: Jet, alpha: float = 1.0) -> Jet:
    """x above 0, alpha (e^x - 1) below."""
    if alpha <= 0:
        raise Unsupported("an elu that falls has no enclosure")
    return elementwise("elu", input, float(alpha))


@activation("selu", inplace=1)
def _selu(input: Jet) -> Jet:
    return mul(elu(input, 1.6732632423543772848170429916717), 1.0507009873554804934193349852946)


@activation("celu", inplace=2)
def _celu(input: Jet, alpha: float = 1.0) -> Jet:
    return elu(input) if alpha == 1 else mul(elu(div(input, alpha)), alpha)


@operation("gelu")
def _gelu(input: Jet, approximate: str = "none") -> Jet:
    if approximate == "none":
        return elementwise("gelu", input)
    inner = mul(add(input, mul(elementwise("power", input, 3), 0.044715)), math.sqrt(2 / math.pi))
    return mul(mul(input, 0.5), add(elementwise("tanh", inner), 1.0))


@operation("softplus")
def softplus(input: Jet, beta: float = 1.0, threshold: float = 20.0) -> Jet:
    """log(1 + e^(beta x)) / beta; above threshold / beta torch takes x, which jumps: below 36 by more than rounding."""
    scaled = input if beta == 1 else mul(input, beta)
    smooth = (
        elementwise("softplus", scaled)
        if threshold >= 36
        else elementwise("softplus_up_to", scaled, float(threshold))
    )
    return smooth if beta == 1 else div(smooth, beta)


@operation("log_sigmoid", "logsigmoid")
def _log_sigmoid(input: Jet) -> Jet:
    return neg(elementwise("softplus", neg(input)))


@operation("glu")
def _glu(input: Jet, dim: int = -1) -> Jet:
    value, gate = input.chunk(2, dim)
    return mul(value, elementwise("sigmoid", gate))


# --- the larger of two -----------------------------------------------------------------------------------------------


@operation("maximum", "fmax")
def maximum(a: Any, b: Any) -> Jet:
    """The value from the ends; the slope is that of b + relu(a - b)."""
    a, b, jet = operands(a, b)
    a, b = jet.constant(a), jet.constant(b)
    slope = sub(a, b).value.slope("relu")
    rest = jet.constant(1.0).value - slope
    return jet.like(a.value.maximum(b.value), a.tangent.scaled(slope) + b.tangent.scaled(rest))


@operation("minimum", "fmin")
def minimum(a: Any, b: Any) -> Jet:
    """The smaller of two, as -max(-a, -b)."""
    return neg(maximum(neg(a) if isinstance(a, Jet) else -a, neg(b) if isinstance(b, Jet) else -b))


@operation("max")
def _max(a: Jet, other: Any = None, **_: Any) -> Jet:
    return maximum(a, _of_two("max", other))


@operation("min")
def _min(a: Jet, other: Any = None, **_: Any) -> Jet:
    return minimum(a, _of_two("min", other))


def _of_two(name: str, other: Any) -> Any:
    if not isinstance(other, Jet | Tensor):
        raise Unsupported(f"the {name} along an axis has no enclosure")
    return other
