"""Linear functions that have no constants but their own: sums along axes, convolutions, means of neighbours.

Each is run on the unit vectors, which gives its matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .arithmetic import add, affine
from .constants import Unsupported, exact
from .jets import Jet, operation


def on_units(function: Callable[[Tensor], Tensor], jet: Jet) -> Jet:
    """A linear function of tensors with constants of its own that leaves the axis of points in its place."""
    n = jet.value.width
    basis = torch.eye(n, dtype=torch.float64, device=jet.device).reshape(n, *jet.sizes).movedim(0, jet.axis)
    image = function(basis).movedim(jet.axis, 0)
    return affine(jet, image.reshape(n, -1).T, sizes=tuple(image.shape[1:]), axis=jet.axis)


def _own_axis(a: Jet, dim: int) -> int:
    dim = range(a.ndim)[dim]
    if dim == a.axis:
        raise Unsupported("a step that mixes the points of a batch has no enclosure")
    return dim


@operation("cumsum")
def _cumsum(a: Jet, dim: int, *, dtype: Any = None) -> Jet:
    _own_axis(a, dim)
    return on_units(lambda v: v.cumsum(dim), a)


def _convolution(
    function: Callable[..., Tensor], input: Any, weight: Any, bias: Any = None, *args: Any, **kw: Any
) -> Jet:
    if (
        not isinstance(input, Jet)
        or not isinstance(weight, Tensor)
        or input.axis != 0
        or input.ndim != weight.ndim
    ):
        raise Unsupported("only a batch of states convolved with constants has an enclosure")
    W = exact(weight)
    image = on_units(lambda v: function(v, W, None, *args, **kw), input)
    return image if bias is None else add(image, bias.detach().reshape(-1, *(1,) * (image.ndim - 2)))


for _name in ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"):
    operation(_name)(partial(_convolution, getattr(functional, _name)))


def _pooled(function: Callable[..., Tensor], input: Jet, *args: Any, **kwargs: Any) -> Jet:
    if input.axis != 0:
        raise Unsupported("only a batch of states is pooled with an enclosure")
    return on_units(lambda v: function(v, *args, **kwargs), input)


for _name in ("avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d"):
    operation(_name)(partial(_pooled, getattr(functional, _name)))


@operation("index_add")
def _index_add(a: Jet, dim: int, index: Tensor, source: Any, *, alpha: float = 1) -> Jet:
    """a with rows of another added to those of these numbers."""
    if not isinstance(source, Jet):
        raise Unsupported("constants added to some rows have no enclosure")
    length = a.shape[_own_axis(a, dim)]

    def spread(v: Tensor) -> Tensor:
        sizes = [length if k == range(a.ndim)[dim] else n for k, n in enumerate(v.shape)]
        return v.new_zeros(sizes).index_add(dim, index, v)

    return add(a, on_units(spread, source), alpha=alpha)
