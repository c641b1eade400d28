"""What is made of all units together: softmax, norms, variances, and layers that normalize.

The derivative of each is that of the single units and a term of rank one: of softmax diag(p) D - p (p' D), of a
normalized y = (x - mean) / s it is (D - mean D - y (y' D) / n) / s.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .arithmetic import add, affine, div, elementwise, mul, neg, square, sub
from .constants import Unsupported
from .contractions import mean, summed_last, total, units_last, with_axes
from .elementwise import clamp
from .jets import OPERATIONS, Jet, operation
from .rearranging import rearranged
from .tangents import Picked, Tangent


def _sums_of_groups(tangent: Tangent, size: int, width: int, device: torch.device) -> Tangent:
    """The sums of every ``size`` rows."""
    if not tangent.terms:
        return tangent
    groups = torch.eye(width // size, dtype=torch.float64, device=device)
    return tangent.through(groups.repeat_interleave(size, 1))


def _to_all_of_group(tangent: Tangent, size: int, n_groups: int, device: torch.device) -> Tangent:
    """Each row for every one of ``size`` units."""
    if not tangent.terms:
        return tangent
    index = torch.arange(n_groups, device=device).repeat_interleave(size)
    return Tangent([(None, Picked(tangent, index, n_groups))])


def _back(jet: Jet, like: Jet, dims: list[int]) -> Jet:
    """From the axes ``dims`` at the end to the order of ``like``."""
    order = [k for k in range(like.ndim) if k not in dims] + dims
    if order == list(range(like.ndim)):
        return jet
    return jet.permute([order.index(k) for k in range(like.ndim)])


@operation("softmax")
def softmax(input: Jet, dim: Any = None, *_: Any, **__: Any) -> Jet:
    """p_i = e^(x_i) / sum of e^(x_j), with the derivative diag(p) - p p'."""
    last, dims = units_last(input, _one(dim))
    size = last.sizes[-1]
    p = last.value.softmax(size)
    own = last.tangent.scaled(p)
    mean = _sums_of_groups(own, size, last.value.width, last.device)
    away = _to_all_of_group(mean, size, last.value.width // size, last.device).scaled(-p)
    return _back(last.like(p, own + away), input, dims)


@operation("softmin")
def _softmin(input: Jet, dim: Any = None, *_: Any, **__: Any) -> Jet:
    return softmax(neg(input), dim)


@operation("log_softmax")
def _log_softmax(input: Jet, dim: Any = None, *_: Any, **__: Any) -> Jet:
    last, dims = units_last(input, _one(dim))
    size = last.sizes[-1]
    summed = _logsumexp_last(last)
    away = _to_all_of_group(summed.tangent, size, summed.value.width, last.device)
    minus = last.value.constant(-torch.ones(last.value.width, dtype=torch.float64, device=last.device))
    return _back(last.like(last.value.log_softmax(size), last.tangent + away.scaled(minus)), input, dims)


def _one(dim: Any) -> int:
    if not isinstance(dim, int):
        raise Unsupported("a softmax needs its axis as a number")
    return dim


def _logsumexp_last(last: Jet) -> Jet:
    size = last.sizes[-1]
    tangent = _sums_of_groups(
        last.tangent.scaled(last.value.softmax(size)), size, last.value.width, last.device
    )
    value = last.value.logsumexp(size)
    return Jet(value, tangent, last.n_points, sizes=last.sizes[:-1], axis=last.axis)


@operation("logsumexp")
def logsumexp(input: Jet, dim: Any, keepdim: bool = False) -> Jet:
    """log of the sum of e^(x_j), whose derivative is the softmax."""
    last, dims = units_last(input, dim if isinstance(dim, int) else dim[0] if len(dim) == 1 else None)
    if len(dims) != 1:
        raise Unsupported("a logsumexp along several axes has no enclosure")
    summed = _logsumexp_last(last)
    return with_axes(summed, dims) if keepdim else summed


@operation("logaddexp")
def _logaddexp(a: Any, b: Any) -> Jet:
    return logsumexp(torch.stack(torch.broadcast_tensors(a, b), -1), -1)


# --- deviations ------------------------------------------------------------------------------------------------------


def _deviations(last: Jet, n_axes: int) -> Jet:
    """x - mean over the last axes: one matrix, so that what cancels does."""
    size = math.prod(last.sizes[len(last.sizes) - n_axes :])
    n_groups = last.value.width // size
    centre = size * torch.eye(size) - torch.ones(size, size)  # exact; divided afterwards
    W = torch.block_diag(*[centre] * n_groups).to(last.device, torch.float64)
    return div(affine(last, W, sizes=last.sizes, axis=last.axis), size)


def _normalized(last: Jet, n_axes: int, eps: float, *, about_mean: bool) -> Jet:
    """(x - mean) / sqrt(variance + eps), or x / sqrt(mean square + eps), over the last axes."""
    size = math.prod(last.sizes[len(last.sizes) - n_axes :])
    top = _deviations(last, n_axes) if about_mean else last
    spread = div(summed_last(square(top), n_axes), size)
    scale = elementwise("rsqrt", add(spread, eps))
    for _ in range(n_axes):
        scale = scale.unsqueeze(-1)
    y = mul(top, scale)
    most = math.sqrt(size - 1 if about_mean else size)
    return y.like(y.value.clipped(most * (1 + 2.0**-50)), y.tangent)


def _with_weights(y: Jet, weight: Any, bias: Any) -> Jet:
    y = y if weight is None else mul(y, weight)
    return y if bias is None else add(y, bias)


@operation("layer_norm")
def _layer_norm(
    input: Jet, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any
) -> Jet:
    last = units_last(input, list(range(-len(normalized_shape), 0)))[0]
    return _with_weights(_normalized(last, len(normalized_shape), eps, about_mean=True), weight, bias)


@operation("rms_norm")
def _rms_norm(input: Jet, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Jet:
    last, _ = units_last(input, list(range(-len(normalized_shape), 0)))
    eps = torch.finfo(torch.float64).eps if eps is None else eps
    return _with_weights(_normalized(last, len(normalized_shape), eps, about_mean=False), weight, None)


def _by_channel(constant: Any, input: Jet) -> Any:
    return constant if constant is None else constant.detach().reshape(-1, *(1,) * (input.ndim - 2))


@operation("group_norm")
def _group_norm(
    input: Jet, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any
) -> Jet:
    groups = input.reshape(input.shape[0], num_groups, -1)
    units_last(groups, -1)  # refuses groups of points
    y = _normalized(groups, 1, eps, about_mean=True).reshape(input.shape)
    return _with_weights(y, _by_channel(weight, input), _by_channel(bias, input))


@operation("batch_norm")
def _batch_norm(
    input: Jet,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *_: Any,
) -> Jet:
    if training or running_mean is None:
        raise Unsupported("a batch norm in training mixes the points of a batch")
    spread = add(input.constant(_by_channel(running_var, input)), eps)
    y = mul(sub(input, _by_channel(running_mean, input)), elementwise("rsqrt", spread))
    return _with_weights(y, _by_channel(weight, input), _by_channel(bias, input))


@operation("var")
def var(
    a: Jet, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None
) -> Jet:
    """The variance along axes of units."""
    last, dims = units_last(a, dim)
    size = math.prod(last.sizes[len(last.sizes) - len(dims) :])
    fewer = int(unbiased) if correction is None else correction
    result = div(summed_last(square(_deviations(last, len(dims))), len(dims)), size - fewer)
    return with_axes(result, dims) if keepdim else result


@operation("std")
def _std(a: Jet, *args: Any, **kwargs: Any) -> Jet:
    return elementwise("sqrt", var(a, *args, **kwargs))


@operation("var_mean")
def _var_mean(a: Jet, dim: Any = None, *args: Any, keepdim: bool = False, **kwargs: Any) -> tuple[Jet, Jet]:
    return var(a, dim, *args, keepdim=keepdim, **kwargs), mean(a, dim, keepdim)


@operation("std_mean")
def _std_mean(a: Jet, dim: Any = None, *args: Any, keepdim: bool = False, **kwargs: Any) -> tuple[Jet, Jet]:
    spread, middle = _var_mean(a, dim, *args, keepdim=keepdim, **kwargs)
    return elementwise("sqrt", spread), middle


@operation("norm", "linalg_vector_norm", "linalg_norm", "vector_norm")
def norm(a: Jet, p: Any = 2, dim: Any = None, keepdim: bool = False, *, ord: Any = None, **_: Any) -> Jet:
    """The Euclidean norm along axes of units, or the sum of absolute values."""
    p = p if ord is None else ord
    if p in (2, "fro", None):
        return elementwise("sqrt", total(square(a), dim, keepdim))
    if p == 1:
        return total(elementwise("abs", a), dim, keepdim)
    raise Unsupported("only the 1- and the 2-norm have an enclosure")


@operation("normalize")
def _normalize(input: Jet, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None) -> Jet:
    return div(input, clamp(norm(input, p, dim, keepdim=True), eps))


@operation("prod")
def _prod(a: Jet, dim: int, keepdim: bool = False, *, dtype: Any = None) -> Jet:
    factors = rearranged(Tensor.unbind, a, dim)
    product = factors[0]
    for factor in factors[1:]:
        product = mul(product, factor)
    return product.unsqueeze(dim) if keepdim else product


@operation("cumprod")
def _cumprod(a: Jet, dim: int, *, dtype: Any = None) -> Jet:
    products = list(rearranged(Tensor.unbind, a, dim))
    for k in range(1, len(products)):
        products[k] = mul(products[k - 1], products[k])
    return OPERATIONS["stack"](products, dim)
