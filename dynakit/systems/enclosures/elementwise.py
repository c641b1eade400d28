"""Functions of one unit: those whose ranges are known, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from .arithmetic import add, div, elementwise, mul, neg, rsub, sub
from .constants import Unsupported
from .jets import Jet, operation

_KNOWN = (
    "tanh sigmoid abs exp expm1 log log1p sin cos tan asin acos atan sinh cosh asinh atanh erf erfc sqrt rsqrt "
    "reciprocal tanhshrink"
)
for _name in _KNOWN.split():
    operation(_name)(partial(elementwise, _name))
_ALSO = "absolute:abs arctan:atan arcsinh:asinh arctanh:atanh special_expit:sigmoid special_erf:erf special_erfc:erfc"
for _pair in _ALSO.split():
    operation(_pair.partition(":")[0])(partial(elementwise, _pair.partition(":")[2]))


def _log_of(base: float, a: Jet) -> Jet:
    """log of a number, as an interval."""
    return elementwise("log", a.constant(base))


@operation("exp2")
def _exp2(a: Jet) -> Jet:
    return elementwise("exp", mul(a, _log_of(2.0, a)))


@operation("rpow")
def _rpow(a: Jet, base: Any) -> Jet:
    """base^a of a positive number."""
    if not isinstance(base, int | float) or base <= 0:
        raise Unsupported("only powers of a positive number have an enclosure")
    return elementwise("exp", mul(a, _log_of(float(base), a)))


@operation("log2")
def _log2(a: Jet) -> Jet:
    return div(elementwise("log", a), _log_of(2.0, a))


@operation("log10")
def _log10(a: Jet) -> Jet:
    return div(elementwise("log", a), _log_of(10.0, a))


@operation("logit", "special_logit")
def _logit(input: Jet, eps: float | None = None) -> Jet:
    if eps is not None:
        input = clamp(input, eps, 1 - eps)
    return sub(elementwise("log", input), elementwise("log", rsub(input, 1.0)))


@operation("special_ndtr")
def _ndtr(a: Jet) -> Jet:
    """The normal distribution function, 1/2 erfc(-x / sqrt 2)."""
    return mul(elementwise("erfc", mul(neg(a), elementwise("rsqrt", a.constant(2.0)))), 0.5)


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


@operation("rrelu")
def _rrelu(
    input: Jet, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Jet:
    if training:
        raise Unsupported("slopes that are drawn have no enclosure")
    result = _leaky_relu(input, (lower + upper) / 2)
    return input.become(result) if inplace else result


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
