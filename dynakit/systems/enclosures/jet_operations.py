"""What torch may do to a jet: the operations a step can be made of, each with its range and its derivative."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .jets import Jet, Unsupported, affine, exact, operands, operation, scaled
from .tangents import Tangent


@operation("add", "radd")
def _add(a: Any, b: Any) -> Jet:
    a, b, jet = operands(a, b)
    if isinstance(a, Jet) and isinstance(b, Jet):
        return jet.like(a.value + b.value, a.tangent + b.tangent)
    return jet.like(jet.value + (b if jet is a else a), jet.tangent)


@operation("sub", "subtract")
def _sub(a: Any, b: Any) -> Jet:
    return _add(a, _neg(b) if isinstance(b, Jet) else -exact(b))


@operation("rsub")
def _rsub(a: Any, b: Any) -> Jet:
    return _sub(b, a)


@operation("neg")
def _neg(a: Jet) -> Jet:
    return a.like(-a.value, scaled(a, -1.0).tangent)


@operation("mul", "multiply", "rmul")
def _mul(a: Any, b: Any) -> Jet:
    if a is b:
        return _pow(a, 2)
    a, b, jet = operands(a, b)
    if isinstance(a, Jet) and isinstance(b, Jet):
        return jet.like(a.value * b.value, a.tangent.scaled(b.value) + b.tangent.scaled(a.value))
    return scaled(a, b) if isinstance(a, Jet) else scaled(b, a)


@operation("div", "truediv", "true_divide")
def _div(a: Any, b: Any) -> Jet:
    if isinstance(b, Jet):
        return _mul(a, _elementwise("reciprocal", b))
    return _mul(a, _elementwise("reciprocal", a.constant(b)))


@operation("rtruediv")
def _rdiv(a: Jet, b: Any) -> Jet:
    return _div(b, a)


@operation("pow")
def _pow(a: Any, n: Any) -> Jet:
    if not isinstance(a, Jet) or not isinstance(n, int | float) or n != int(n) or n < 1:
        raise Unsupported("only whole, positive powers have an enclosure")
    return a if n == 1 else _elementwise("power", a, int(n))


@operation("square")
def _square(a: Jet) -> Jet:
    return _pow(a, 2)


@operation("matmul")
def _matmul(a: Any, b: Any) -> Jet:
    if not isinstance(a, Jet) or not isinstance(b, Tensor) or b.ndim > 2:
        raise Unsupported("only a state times a constant matrix has an enclosure")
    product = affine(a, b.detach().T if b.ndim == 2 else b.detach()[None])
    product.is_column = b.ndim == 1
    return product


@operation("linear")
def _linear(input: Jet, weight: Tensor, bias: Tensor | None = None) -> Jet:
    return affine(input, weight.detach(), None if bias is None else bias.detach().to(torch.float64))


@operation("lerp")
def _lerp(input: Any, end: Any, weight: Any) -> Jet:
    """(1 - w) a + w b, derivative (1 - w) Da + w Db + (b - a) Dw: a gate whose value is close to 1 stays sharp."""
    model = next(v for v in (input, end, weight) if isinstance(v, Jet))
    a, b, w = (model.constant(v) for v in (input, end, weight))
    width = max(v.value.width for v in (a, b, w))
    a, b, w = a.widened(width), b.widened(width), w.widened(width)
    rest = w.constant(1.0).value - w.value
    tangent = a.tangent.scaled(rest) + b.tangent.scaled(w.value)
    if not w.tangent.terms:
        return model.like(a.value * rest + b.value * w.value, tangent)
    return model.like(a.value.lerp(b.value, w.value), tangent + w.tangent.scaled(b.value - a.value))


def _elementwise(name: str, a: Jet, *settings: Any) -> Jet:
    value = a.value.apply(name, *settings)
    return a.like(value, a.tangent.scaled(a.value.slope(name, *settings)) if a.tangent.terms else a.tangent)


for _name in ("tanh", "sigmoid", "abs", "exp", "sin", "cos", "reciprocal"):
    operation(_name)(partial(_elementwise, _name))


@operation("relu")
def _relu(input: Jet, inplace: bool = False) -> Jet:
    if inplace:
        raise Unsupported("a step that writes in place has no enclosure")
    return _elementwise("relu", input)


@operation("clamp", "clip")
def _clamp(input: Jet, min: Any = None, max: Any = None) -> Jet:
    """min + relu(x - min), and the same from above."""
    if min is not None:
        input = (
            _relu(input) if isinstance(min, int | float) and min == 0 else _add(_relu(_sub(input, min)), min)
        )
    return input if max is None else _rsub(_relu(_rsub(input, max)), max)


@operation("clamp_min")
def _clamp_min(input: Jet, min: Any) -> Jet:
    return _clamp(input, min)


@operation("clamp_max")
def _clamp_max(input: Jet, max: Any) -> Jet:
    return _clamp(input, None, max)


@operation("leaky_relu")
def _leaky_relu(input: Jet, negative_slope: float = 0.01, inplace: bool = False) -> Jet:
    return _sub(_relu(input, inplace), _mul(_relu(_neg(input)), negative_slope))


@operation("softplus")
def _softplus(input: Jet, beta: float = 1.0, threshold: float = 20.0) -> Jet:
    if (
        beta != 1.0 or threshold < 36.0
    ):  # where torch takes x for log(1 + e^x): below, the jump is above rounding
        raise Unsupported("softplus needs beta = 1 and a threshold of at least 36")
    return _elementwise("softplus", input)


# --- structure ---------------------------------------------------------------------------------------------


@operation("clone", "contiguous")
def _same(a: Jet) -> Jet:
    return a


@operation("type_as")
def _type_as(a: Any, other: Any) -> Jet:
    """A constant as what the state is; a way for a step to have its own constants rounded with care."""
    return other.constant(a)


@operation("expand")
def _expand(a: Jet, *sizes: Any) -> Jet:
    sizes = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    if a.is_column or len(sizes) != 2 or sizes[0] not in (-1, a.n_points):
        raise Unsupported("a step that expands other axes has no enclosure")
    return a if sizes[1] == -1 else a.widened(sizes[1])


@operation("zeros_like")
def _zeros_like(a: Jet) -> Jet:
    return a.constant(0.0)


@operation("ones_like")
def _ones_like(a: Jet) -> Jet:
    return a.constant(1.0)


def _rows(a: Jet, s: slice) -> Jet:
    return Jet(a.value[s], a.tangent.rows(s), a.n_points)


@operation("getitem")
def _getitem(a: Jet, index: Any) -> Jet:
    lead, item = index if isinstance(index, tuple) and len(index) == 2 else (None, None)
    if lead is not Ellipsis and lead != slice(None):
        raise Unsupported("only units can be picked, as in x[:, 2] or x[..., :3]")
    if item is None:
        return _unsqueeze(a, -1)
    if a.is_column or isinstance(item, bool) or not isinstance(item, int | np.integer | slice):
        raise Unsupported("only units can be picked, as in x[:, 2] or x[..., :3]")
    if isinstance(item, slice):
        start, stop, step = item.indices(a.value.width)
        if step != 1:
            raise Unsupported("a slice with steps has no enclosure")
        return _rows(a, slice(start, max(start, stop)))
    item = range(a.value.width)[item]
    column = _rows(a, slice(item, item + 1))
    column.is_column = True
    return column


@operation("unsqueeze")
def _unsqueeze(a: Jet, dim: int) -> Jet:
    if not a.is_column or dim not in (-1, 1):
        raise Unsupported("a step that adds other axes has no enclosure")
    return Jet(a.value, a.tangent, a.n_points)


@operation("split")
def _split(a: Jet, sizes: Any, dim: int = 0) -> tuple[Jet, ...]:
    _check_units(a, dim)
    width = a.value.width
    sizes = [min(sizes, width - k) for k in range(0, width, sizes)] if isinstance(sizes, int) else sizes
    starts = np.cumsum([0, *sizes]).tolist()
    if starts[-1] != width:
        raise Unsupported(f"{width} units do not split into {sizes}")
    return tuple(_rows(a, slice(i, j)) for i, j in pairwise(starts))


@operation("chunk")
def _chunk(a: Jet, chunks: int, dim: int = 0) -> tuple[Jet, ...]:
    return _split(a, math.ceil(a.value.width / chunks), dim)


@operation("unbind")
def _unbind(a: Jet, dim: int = 0) -> tuple[Jet, ...]:
    _check_units(a, dim)
    return tuple(_getitem(a, (Ellipsis, k)) for k in range(a.value.width))


@operation("cat", "concat", "concatenate")
def _cat(tensors: Any, dim: int = 0) -> Jet:
    model = next(v for v in tensors if isinstance(v, Jet))
    _check_units(model, dim)
    jets = [v if isinstance(v, Jet) else _beside(model, v) for v in tensors]
    widths = [jet.value.width for jet in jets]
    tangent = Tangent.cat([jet.tangent for jet in jets], widths)
    return Jet(model.value.cat([jet.value for jet in jets]), tangent, model.n_points)


def _beside(model: Jet, value: Any) -> Jet:
    """A constant (point, unit) with its own number of units."""
    full = exact(value)
    if not isinstance(full, Tensor) or full.ndim != 2 or len(full) != model.n_points:
        raise Unsupported("only constants of one row per state go side by side with one")
    return Jet.fixed(model.value.constant(full), model.n_points)


@operation("stack")
def _stack(tensors: Any, dim: int = 0) -> Jet:
    if dim not in (-1, 1) or not all(isinstance(v, Jet) and v.is_column for v in tensors):
        raise Unsupported("only units without their axis can be stacked, side by side")
    return _cat([_unsqueeze(v, -1) for v in tensors], -1)


@operation("roll")
def _roll(a: Jet, shifts: int, dims: int = 0) -> Jet:
    _check_units(a, dims)
    at = -shifts % a.value.width
    return a if at == 0 else _cat([_rows(a, slice(at, a.value.width)), _rows(a, slice(0, at))], -1)


@operation("sum")
def _sum(a: Jet, dim: Any = None, keepdim: bool = False) -> Jet:
    _check_units(a, dim)
    total = affine(a, torch.ones(1, a.value.width, dtype=a.dtype, device=a.device))
    total.is_column = not keepdim
    return total


def _check_units(a: Jet, dim: Any) -> None:
    if a.is_column or dim not in (-1, 1):
        raise Unsupported("only the axis of units can be taken apart, put together or summed")
