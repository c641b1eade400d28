"""Comparisons, and choices by them; the larger of two, and the largest along an axis.

A comparison is 0 or 1 where it is decided on the whole box.  Where it is not, what depends on it may jump: its values
are known, between those of both sides, and its derivative is not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from .arithmetic import add, elementwise, mul, neg, operands, sub
from .constants import Unsupported
from .jets import Jet, operation
from .rearranging import chosen, rearranged


def _compared(difference: Jet) -> Jet:
    """Whether a quantity is above 0."""
    mask = elementwise("step", difference)
    mask.is_mask = True
    return mask


@operation("gt", "greater")
def greater(a: Any, b: Any) -> Jet:
    """a > b."""
    return _compared(sub(a, b))


@operation("lt", "less")
def less(a: Any, b: Any) -> Jet:
    """a < b."""
    return _compared(sub(b, a))


@operation("ge", "greater_equal")
def _at_least(a: Any, b: Any) -> Jet:
    return negation(less(a, b))


@operation("le", "less_equal")
def _at_most(a: Any, b: Any) -> Jet:
    return negation(greater(a, b))


@operation("logical_not", "bitwise_not", "invert")
def negation(mask: Jet) -> Jet:
    """The opposite of a comparison, undecided where it is."""
    _check(mask)
    opposite = mask.like(mask.value.opposite(), neg(mask).tangent)
    opposite.is_mask = True
    return opposite


@operation("logical_and", "bitwise_and", "and", "rand")
def both(a: Any, b: Any) -> Jet:
    """Whether both hold; decided already where one of them is known not to."""
    mask = a if isinstance(a, Jet) else b
    _check(mask)
    other = b if mask is a else a
    if isinstance(other, Tensor):
        return where(other, mask, False)
    _check(other)
    product = mul(a, b)  # whose derivative is 0 or unknown, as it should be
    result = product.like(-(-a.value).maximum(-b.value), product.tangent)
    result.is_mask = True
    return result


@operation("logical_or", "bitwise_or", "or", "ror")
def either(a: Any, b: Any) -> Jet:
    """Whether one of them holds, as the opposite of neither."""
    return negation(both(*(negation(v) if isinstance(v, Jet) else ~v for v in (a, b))))


def _check(mask: Jet) -> None:
    if not mask.is_mask:
        raise Unsupported("only comparisons can be joined by and, or, not")


@operation("where")
def where(condition: Any, input: Any, other: Any) -> Jet:
    """One or the other; both, with an unknown derivative, where the condition is not decided."""
    if isinstance(condition, Tensor):
        return chosen(condition, input, other)
    _check(condition)
    shape = torch.broadcast_shapes(*(getattr(v, "shape", ()) for v in (condition, input, other)))
    mask = condition.expanded(shape)
    a, b = (v.expanded(shape) if isinstance(v, Jet) else mask.constant(v) for v in (input, other))
    if not a.axis == b.axis == mask.axis:
        raise Unsupported("the points of one lie along another axis than those of the other")
    yes = mask.value
    tangent = a.tangent.scaled(yes) + b.tangent.scaled(yes.opposite()) + mask.tangent
    return mask.like(yes.choice(a.value, b.value), tangent)


@operation("masked_fill")
def _masked_fill(a: Jet, mask: Any, value: Any) -> Jet:
    return where(mask, value, a)


@operation("threshold", "_threshold")
def _threshold(input: Jet, threshold: float, value: float, inplace: bool = False) -> Jet:
    """x above a threshold, elsewhere a value: continuous where they are the same."""
    if threshold == value:
        result = add(elementwise("relu", sub(input, threshold)), threshold)
    else:
        result = where(greater(input, threshold), input, value)
    return input.become(result) if inplace else result


@operation("hardshrink")
def _hardshrink(input: Jet, lambd: float = 0.5) -> Jet:
    return where(either(greater(input, lambd), less(input, -lambd)), input, 0.0)


@operation("sign", "sgn")
def _sign(a: Jet) -> Jet:
    above, below = (elementwise("step", v) for v in (a, neg(a)))
    return sub(above, below)


@operation("heaviside")
def _heaviside(a: Jet, values: Any) -> Jet:
    return where(greater(a, 0.0), 1.0, where(less(a, 0.0), 0.0, values))


# --- the larger of two, the largest of all along an axis -------------------------------------------------------------


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


class Extreme(NamedTuple):
    """What torch returns of an axis; where the largest lies jumps, and is not known."""

    values: Jet
    indices: Any = None


def _largest(a: Jet, dim: Any, keepdim: bool) -> Jet:
    """One after another along an axis: the slope is that of whichever may be the largest."""
    dims = [dim] if isinstance(dim, int) else list(dim)
    if len(dims) != 1:
        raise Unsupported("the largest along several axes has no enclosure")
    parts = rearranged(Tensor.unbind, a, dims[0])
    largest = parts[0]
    for part in parts[1:]:
        largest = maximum(largest, part)
    return largest.unsqueeze(range(a.ndim)[dims[0]]) if keepdim else largest


@operation("amax")
def _amax(input: Jet, dim: Any = (), keepdim: bool = False) -> Jet:
    return _largest(input, dim, keepdim)


@operation("amin")
def _amin(input: Jet, dim: Any = (), keepdim: bool = False) -> Jet:
    return neg(_largest(neg(input), dim, keepdim))


@operation("max")
def _max(a: Any, other: Any = None, keepdim: bool = False, *, dim: Any = None) -> Any:
    if isinstance(other, Jet | Tensor):
        return maximum(a, other)
    return Extreme(_largest(a, _axis(other if dim is None else dim), keepdim))


@operation("min")
def _min(a: Any, other: Any = None, keepdim: bool = False, *, dim: Any = None) -> Any:
    if isinstance(other, Jet | Tensor):
        return minimum(a, other)
    return Extreme(neg(_largest(neg(a), _axis(other if dim is None else dim), keepdim)))


def _axis(dim: Any) -> int:
    if not isinstance(dim, int):
        raise Unsupported("the largest of everything mixes the points of a batch")
    return dim
