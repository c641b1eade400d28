"""Functions of one unit: those that ``ranges`` knows, and what is made of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from .arithmetic import add, elementwise, mul, neg, rsub, sub
from .jets import Jet, Unsupported, operation

for _name in ("tanh", "sigmoid", "abs", "exp", "sin", "cos", "reciprocal"):
    operation(_name)(partial(elementwise, _name))


@operation("relu")
def relu(input: Jet, inplace: bool = False) -> Jet:
    return _written(input, elementwise("relu", input), inplace)


def _written(input: Jet, result: Jet, inplace: bool) -> Jet:
    return input.become(result) if inplace else result


@operation("clamp", "clip")
def clamp(input: Jet, min: Any = None, max: Any = None) -> Jet:
    """min + relu(x - min), and the same from above."""
    if min is not None:
        zero = isinstance(min, int | float) and min == 0
        input = elementwise("relu", input) if zero else add(elementwise("relu", sub(input, min)), min)
    return input if max is None else rsub(elementwise("relu", rsub(input, max)), max)


@operation("clamp_min")
def _clamp_min(input: Jet, min: Any) -> Jet:
    return clamp(input, min)


@operation("clamp_max")
def _clamp_max(input: Jet, max: Any) -> Jet:
    return clamp(input, None, max)


@operation("leaky_relu")
def _leaky_relu(input: Jet, negative_slope: float = 0.01, inplace: bool = False) -> Jet:
    value = sub(elementwise("relu", input), mul(elementwise("relu", neg(input)), negative_slope))
    return _written(input, value, inplace)


@operation("softplus")
def _softplus(input: Jet, beta: float = 1.0, threshold: float = 20.0) -> Jet:
    if (
        beta != 1.0 or threshold < 36.0
    ):  # where torch takes x for log(1 + e^x): below, the jump is above rounding
        raise Unsupported("softplus needs beta = 1 and a threshold of at least 36")
    return elementwise("softplus", input)
