"""Sums of products over units: matrix products in every spelling, sums, means, convolutions.

With constants they are one matrix on the units of the jet.  Of two jets the products are formed unit by unit and
then summed, so that each is bounded as a product is.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from .arithmetic import add, affine, div, mul
from .constants import Unsupported, exact, of_every_row
from .jets import Jet, operation
from .rearranging import rearranged

Labels = list[int]  # one for each axis of an operand, as in torch.einsum


def contracted(a: Any, labels_a: Labels, b: Any, labels_b: Labels, out: Labels) -> Jet:
    """The sum over all labels but those of ``out`` of a times b, jets or constants."""
    if not isinstance(a, Jet):
        a, labels_a, b, labels_b = b, labels_b, a, labels_a
    if not isinstance(b, Jet):
        b = exact(b)
    if len(set(labels_a)) < len(labels_a) or len(set(labels_b)) < len(labels_b):
        raise Unsupported("a diagonal in a product has no enclosure")
    point = labels_a[a.axis]
    if point not in out:
        raise Unsupported("a step that mixes the points of a batch has no enclosure")
    if isinstance(b, Jet):
        return _of_two(a, labels_a, b, labels_b, out)
    W, labels_b = b, list(labels_b)
    if point in labels_b:  # a matrix for each point: they must be one
        W = of_every_row(W.movedim(labels_b.index(point), 0))
        labels_b.remove(point)
    own = [label for label in labels_a if label != point]
    kept = [label for label in out if label != point]
    size = dict(zip([*labels_b, *own], [*W.shape, *a.sizes]))
    matrix = _matrix(W, labels_b, own, kept, size)
    return affine(a, matrix, sizes=tuple(size[label] for label in kept), axis=out.index(point))


def _matrix(W: Tensor, labels: Labels, own: Labels, kept: Labels, size: dict[int, int]) -> Tensor:
    """The matrix (out, unit) of a constant with these labels on units with labels ``own``."""
    if any(label not in own and label not in kept and size[label] > 1 for label in labels):
        raise Unsupported("a constant that is summed before the product has no enclosure")
    operands, columns = [W, labels], []
    fresh = 1 + max([0, *size])
    for label in own:
        if label in kept:  # carried along: the identity
            operands += [torch.eye(size[label]).to(W), [label, fresh]]
            columns.append(fresh)
            fresh += 1
        else:
            if label not in labels:
                operands += [W.new_ones(size[label]), [label]]
            columns.append(label)
    compact = {
        label: k
        for k, label in enumerate(dict.fromkeys([*chain.from_iterable(operands[1::2]), *kept, *columns]))
    }
    operands[1::2] = [[compact[label] for label in group] for group in operands[1::2]]
    whole = torch.einsum(*operands, [compact[label] for label in (*kept, *columns)])
    return whole.reshape(math.prod(size[label] for label in kept), -1)


def _of_two(a: Jet, labels_a: Labels, b: Jet, labels_b: Labels, out: Labels) -> Jet:
    """Every product of two units, then their sums."""
    if labels_b[b.axis] != labels_a[a.axis]:
        raise Unsupported("a step that mixes the points of a batch has no enclosure")
    summed = [label for label in dict.fromkeys([*labels_a, *labels_b]) if label not in out]
    size = dict(zip([*labels_b, *labels_a], [*b.shape, *a.shape]))
    space = [*out, *summed]
    shape = [size[label] for label in space]
    a, b = (_spread_out(jet, labels, space, shape) for jet, labels in ((a, labels_a), (b, labels_b)))
    product = mul(a, b)
    return summed_last(product, len(summed)) if summed else product


def _spread_out(jet: Jet, labels: Labels, space: Labels, shape: list[int]) -> Jet:
    """The jet along all axes of ``space``."""

    def along(numbers: Tensor) -> Tensor:
        numbers = numbers.permute([labels.index(label) for label in space if label in labels])
        for at, label in enumerate(space):
            if label not in labels:
                numbers = numbers.unsqueeze(at)
        return numbers.expand(shape)

    return rearranged(along, jet)


def summed_last(jet: Jet, n_axes: int) -> Jet:
    """The sums over the last axes, none of which is that of the points."""
    n_summed = math.prod(jet.sizes[len(jet.sizes) - n_axes :])
    kept = jet.sizes[: len(jet.sizes) - n_axes]
    groups = torch.eye(math.prod(kept), dtype=torch.float64, device=jet.device)
    return affine(jet, groups.repeat_interleave(n_summed, 1), sizes=kept, axis=jet.axis)


@operation("einsum")
def _einsum(equation: str, *operands: Any) -> Jet:
    """Two at a time, from the left; "..." is as many letters as there are axes."""
    nested = len(operands) == 1 and isinstance(operands[0], tuple | list)
    given: list[Any] = list(operands[0] if nested else operands)
    if not isinstance(equation, str) or not given:
        raise Unsupported("only an einsum written with letters has an enclosure")
    parts, out = _labels(equation.replace(" ", ""), given)
    total, labels = given[0], parts[0]
    rest = list(zip(given[1:], parts[1:]))
    if not rest:
        rest = [(torch.ones((), dtype=torch.float64, device=total.device), [])]
    for k, (operand, own) in enumerate(rest):
        later = {label for _, more in rest[k + 1 :] for label in more} | set(out)
        kept = out if k == len(rest) - 1 else [v for v in dict.fromkeys([*labels, *own]) if v in later]
        total, labels = _product(total, labels, operand, own, kept), kept
    return total


def _labels(equation: str, operands: list[Any]) -> tuple[list[Labels], Labels]:
    """The labels of the operands and of the result."""
    left, arrow, right = equation.partition("->")
    parts, most = [], 0
    for part, operand in zip(left.split(","), operands, strict=True):
        n = operand.ndim - len(part.replace("...", "")) if "..." in part else 0
        parts.append((part, n))
        most = max(most, n)

    def read(part: str, n: int) -> Labels:
        before, dots, after = part.partition("...")
        return [*map(ord, before), *(-k for k in range(n, 0, -1) if dots), *map(ord, after)]

    once = sorted(c for c in set(left) - set(",.") if left.count(c) == 1)
    return [read(*part) for part in parts], read(right if arrow else "..." * bool(most) + "".join(once), most)


def _product(a: Any, labels_a: Labels, b: Any, labels_b: Labels, out: Labels) -> Any:
    """The sum over all labels but those of ``out``, of jets or constants."""
    if isinstance(a, Jet) or isinstance(b, Jet):
        return contracted(a, labels_a, b, labels_b, out)
    compact = {label: k for k, label in enumerate(dict.fromkeys([*labels_a, *labels_b]))}
    codes = [[compact[label] for label in labels] for labels in (labels_a, labels_b, out)]
    return torch.einsum(exact(a), codes[0], exact(b), codes[1], codes[2])


@operation("tensordot")
def _tensordot(a: Any, b: Any, dims: Any = 2, **_: Any) -> Jet:
    """Sums over pairs of axes: the last of a with the first of b, or those that are told."""
    if isinstance(dims, int):
        dims = list(range(-dims, 0)), list(range(dims))
    pairs = [[d] if isinstance(d, int) else list(d) for d in dims]
    labels = [list(range(a.ndim)), [a.ndim + k for k in range(b.ndim)]]
    summed = []
    for i, j in zip(*pairs, strict=True):
        labels[1][j] = labels[0][i]
        summed.append(labels[0][i])
    out = [label for own in labels for label in own if label not in summed]
    return contracted(a, labels[0], b, labels[1], out)


@operation("inner")
def _inner(input: Any, other: Any) -> Jet:
    return _tensordot(input, other, ([-1], [-1]))


@operation("linalg_multi_dot", "chain_matmul")
def _multi_dot(tensors: Any, *others: Any) -> Jet:
    tensors = tensors if isinstance(tensors, tuple | list) else (tensors, *others)
    product = tensors[0]
    for factor in tensors[1:]:
        product = product @ factor
    return product


@operation("matmul")
def matmul(a: Any, b: Any) -> Jet:
    """A product of matrices of which either, or both, depend on the state."""
    if isinstance(a, Jet) and a.is_plain and isinstance(b, Tensor) and b.ndim <= 2:
        return affine(a, b.T) if b.ndim == 2 else affine(a, b[None], sizes=())
    for v in (a, b):
        if not isinstance(v, Jet):
            exact(v)  # which says so of complex numbers
    row, column = a.ndim == 1, b.ndim == 1
    a = a[None] if row else a
    b = b[..., None] if column else b
    n_lead = max(a.ndim, b.ndim) - 2
    lead = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    labels, parts = list(range(3, 3 + n_lead)), []
    for value, last in ((a, [0, 1]), (b, [1, 2])):
        own = value.ndim - 2
        carried = [k for k in range(own) if value.shape[k] == lead[n_lead - own + k]]
        if len(carried) < own:
            value = value.reshape(*(value.shape[k] for k in carried), *value.shape[-2:])
        parts += [value, [labels[n_lead - own + k] for k in carried] + last]
    out = [*labels, *([] if row else [0]), *([] if column else [2])]
    a, labels_a, b, labels_b = _without(parts, row, column)
    return contracted(a, labels_a, b, labels_b, out)


def _without(parts: list[Any], row: bool, column: bool) -> list[Any]:
    """The operands of a product without the axis that a vector was given."""
    a, labels_a, b, labels_b = parts
    if row:
        a, labels_a = a.squeeze(-2), [label for label in labels_a if label != 0]
    if column:
        b, labels_b = b.squeeze(-1), [label for label in labels_b if label != 2]
    return [a, labels_a, b, labels_b]


@operation("rmatmul")
def _rmatmul(a: Any, b: Any) -> Jet:
    return matmul(b, a)


operation("mm", "bmm", "mv", "dot", "inner_product")(matmul)


@operation("addmm", "baddbmm", "addmv", "addbmm_")
def _addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Jet:
    product = matmul(mat1, mat2)
    product = product if alpha == 1 else mul(product, alpha)
    if beta == 0:
        return product
    return add(
        product, input if beta == 1 else (mul(input, beta) if isinstance(input, Jet) else beta * exact(input))
    )


@operation("linear")
def linear(input: Any, weight: Any, bias: Any = None) -> Jet:
    """x W^T + b; an image under constants where W is one."""
    constant = isinstance(weight, Tensor) and (bias is None or isinstance(bias, Tensor))
    if isinstance(input, Jet) and input.is_plain and constant:
        return affine(input, weight, None if bias is None else bias.detach().to(torch.float64))
    product = matmul(input, weight.transpose(-1, -2) if weight.ndim > 1 else weight)
    return product if bias is None else add(product, bias)


@operation("bilinear")
def _bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Jet:
    first = (
        torch.tensordot(input1, weight, 1)
        if isinstance(input1, Tensor)
        else contracted(
            input1,
            [*range(9, 9 + input1.ndim - 1), 0],
            weight,
            [1, 0, 2],
            [*range(9, 9 + input1.ndim - 1), 1, 2],
        )
    )
    lead = [*range(9, 9 + input2.ndim - 1)]
    product = contracted(first, [*lead, 1, 2], input2, [*lead, 2], [*lead, 1])
    return product if bias is None else add(product, bias)


def units_last(jet: Jet, dim: Any) -> tuple[Jet, list[int]]:
    """The jet with the axes ``dim`` (None: all) at its end, and their numbers; none may be that of the points."""
    dims = (
        range(jet.ndim) if dim is None or dim == () or dim == [] else [dim] if isinstance(dim, int) else dim
    )
    dims = sorted(range(jet.ndim)[d] for d in dims)
    if jet.axis in dims:
        raise Unsupported("a step that mixes the points of a batch has no enclosure")
    order = [k for k in range(jet.ndim) if k not in dims]
    return (jet if order + dims == list(range(jet.ndim)) else jet.permute(order + dims)), dims


def with_axes(jet: Jet, dims: list[int]) -> Jet:
    """The jet with axes of length one where axes have been summed over."""
    for d in dims:
        jet = jet.unsqueeze(d)
    return jet


@operation("sum")
def total(a: Jet, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Jet:
    """The sum along axes of units."""
    if a.is_plain and dim in (1, -1):
        ones = torch.ones(1, a.value.width, dtype=torch.float64, device=a.device)
        return affine(a, ones, sizes=(1,) if keepdim else ())
    last, dims = units_last(a, dim)
    summed = summed_last(last, len(dims))
    return with_axes(summed, dims) if keepdim else summed


@operation("mean")
def mean(a: Jet, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Jet:
    """The mean along axes of units."""
    summed = total(a, dim, keepdim)
    return div(summed, a.value.width // max(1, summed.value.width))
