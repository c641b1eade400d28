"""Sums, products, quotients and powers of jets."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .constants import Unsupported, aligned, exact
from .jets import Factor, Jet, operation
from .linear_part import added


def operands(a: Any, b: Any) -> tuple[Any, Any, Jet]:
    """Two operands, jets or constants, in one shape; and one of them that is a jet."""
    if isinstance(a, Jet) and isinstance(b, Jet):
        if a.sizes != b.sizes or a.axis != b.axis:
            shape = torch.broadcast_shapes(a.shape, b.shape)
            a, b = a.expanded(shape), b.expanded(shape)
            if a.axis != b.axis:
                raise Unsupported("the points of one lie along another axis than those of the other")
        return a, b, a
    jet, value = (a, exact(b)) if isinstance(a, Jet) else (b, exact(a))
    if isinstance(value, Tensor) and not (
        jet.is_plain and value.ndim < 2 and value.numel() in (1, jet.sizes[0])
    ):
        jet = jet.expanded(torch.broadcast_shapes(jet.shape, value.shape))
    value = aligned(value, jet)
    return (jet, value, jet) if isinstance(a, Jet) else (value, jet, jet)


def scaled(jet: Jet, c: Tensor | float) -> Jet:
    """The jet times a constant, a number or one for each unit."""
    full = torch.as_tensor(c, dtype=torch.float64, device=jet.device)
    full = full.expand(*full.shape[:-1], jet.value.width)
    product = jet.like(jet.value * c, jet.tangent.scaled(jet.value.constant(full)))
    return product if jet.form is None else product.formed(jet.form.times(c))


def affine(
    jet: Jet, W: Tensor, b: Tensor | None = None, *, sizes: tuple[int, ...] | None = None, axis: int = 0
) -> Jet:
    """W x + b of the units of a jet, with W (out, unit), in the shape (point, out) unless another is told."""
    W = exact(W)  # type: ignore[assignment]
    if W.shape[1] != jet.value.width or (sizes is not None and math.prod(sizes) != len(W)):
        raise Unsupported(f"a matrix of {W.shape[1]} columns for {jet.value.width} units")
    return Jet(jet.value.affine(W, b), jet.tangent.through(W), jet.n_points, sizes=sizes, axis=axis)


@operation("add", "radd")
def add(a: Any, b: Any, *, alpha: float = 1) -> Jet:
    """a + b; exact linear parts add up, and of a gate z, (1 - z) p + z q and p + z (q - p) lie between p and q."""
    if alpha != 1:
        b = mul(b, alpha)
    a, b, jet = operands(a, b)
    if isinstance(a, Jet) and isinstance(b, Jet):
        value = _gated(a, b) or _moved(a, b) or _moved(b, a) or a.value + b.value
        total = jet.like(value, a.tangent + b.tangent)
        return total.formed(added(a.form, a.value, b.form, b.value))
    constant: Any = b if jet is a else a
    total = jet.like(jet.value + constant, jet.tangent)
    return total if jet.form is None else total.formed(jet.form.plus(constant))


def either_way(factors: tuple[Factor, Factor] | None) -> list[tuple[Factor, Factor]]:
    """Two factors in either order; nothing where they are not known."""
    return [] if factors is None else [factors, (factors[1], factors[0])]


def _gated(a: Jet, b: Jet) -> Any:
    """(1 - z) p + z q for a z within [0, 1], where both are known for such products; else None."""
    for one, other in ((a.factors, b.factors), (b.factors, a.factors)):
        for gate, p in either_way(one):
            for z, q in either_way(other):
                if gate.complement is z.value and z.value.within(0.0, 1.0):
                    return p.value.lerp(q.value, z.value)
    return None


def _moved(p: Jet, b: Jet) -> Any:
    """p + z (q - p) for a z within [0, 1], where b is known for such a product; else None."""
    for z, away in either_way(b.factors):
        if away.difference is not None and away.difference[1] is p.value and z.value.within(0.0, 1.0):
            return p.value.lerp(away.difference[0], z.value)
    return None


@operation("sub", "subtract")
def sub(a: Any, b: Any, *, alpha: float = 1) -> Jet:
    """a - b, remembered as that; 1 - b as the complement of b."""
    if alpha != 1:
        b = mul(b, alpha)
    difference = add(a, neg(b) if isinstance(b, Jet) else -exact(b))
    if isinstance(b, Jet) and isinstance(a, int | float) and a == 1:
        difference.complement = b.value
    if isinstance(b, Jet) and b.sizes == difference.sizes and not isinstance(a, int | float):
        minuend = a if isinstance(a, Jet) else difference.constant(a)
        if minuend.sizes == difference.sizes:
            difference.difference = (minuend.value, b.value)
    return difference


@operation("rsub")
def rsub(a: Any, b: Any, *, alpha: float = 1) -> Jet:
    """b - a, as torch calls it where the number comes first."""
    return sub(b, a, alpha=alpha)


@operation("neg", "negative")
def neg(a: Jet) -> Jet:
    """-a, its exact linear part with it."""
    opposite = a.like(-a.value, scaled(a, -1.0).tangent)
    if a.difference is not None:
        opposite.difference = (a.difference[1], a.difference[0])
    if a.factors is not None:  # -(z (p - q)) is z (q - p)
        for one, other in either_way(a.factors):
            if other.difference is not None:
                p, q = other.difference
                opposite.factors = (one, Factor(-other.value, None, (q, p)))
    return opposite if a.form is None else opposite.formed(a.form.times(-1.0))


@operation("mul", "multiply", "rmul")
def mul(a: Any, b: Any) -> Jet:
    """a b by the product rule; a quantity times itself is its square, which is never negative."""
    if a is b:
        return power(a, 2)
    a, b, jet = operands(a, b)
    if isinstance(a, Jet) and isinstance(b, Jet):
        product = jet.like(a.value * b.value, a.tangent.scaled(b.value) + b.tangent.scaled(a.value))
        product.factors = (Factor(a.value, a.complement, a.difference), Factor(b.value, b.complement, b.difference))
        return product
    return scaled(a, b) if isinstance(a, Jet) else scaled(b, a)


@operation("div", "divide", "truediv", "true_divide")
def div(a: Any, b: Any) -> Jet:
    """a / b as a times 1 / b; by a power of two without rounding."""
    if isinstance(b, Jet):
        return mul(a, elementwise("reciprocal", b))
    if isinstance(b, int | float) and abs(math.frexp(b)[0]) == 0.5:
        return mul(a, 1.0 / b)  # exact
    return mul(a, elementwise("reciprocal", a.constant(b)))


@operation("rtruediv")
def rdiv(a: Jet, b: Any) -> Jet:
    """b / a."""
    return div(b, a)


@operation("pow", "float_power")
def power(a: Any, n: Any) -> Jet:
    """a^n for a fixed n; whole powers wherever a is, others where it is positive."""
    if isinstance(n, Tensor) and n.numel() == 1 and not n.is_complex():
        n = n.item()
    if not isinstance(a, Jet) or not isinstance(n, int | float):
        raise Unsupported("only powers of fixed exponent have an enclosure")
    if n == 0:
        return a.constant(1.0)
    if n == 1:
        return a.like(a.value, a.tangent)
    if n == int(n):
        return elementwise("power", a, int(n)) if n > 0 else elementwise("reciprocal", power(a, -int(n)))
    return elementwise("real_power", a, float(n))


@operation("square")
def square(a: Jet) -> Jet:
    """a^2."""
    return power(a, 2)


@operation("lerp")
def lerp(input: Any, end: Any, weight: Any) -> Jet:
    """(1 - w) a + w b, derivative (1 - w) Da + w Db + (b - a) Dw: a gate whose value is close to 1 stays sharp."""
    number = lambda v: torch.as_tensor(exact(v), dtype=torch.float64)  # noqa: E731
    given = [v if isinstance(v, Jet | Tensor) else number(v) for v in (input, end, weight)]
    shape = torch.broadcast_shapes(*(v.shape for v in given))
    model = next(v for v in given if isinstance(v, Jet)).expanded(shape)
    a, b, w = (v.expanded(shape) if isinstance(v, Jet) else model.constant(v) for v in given)
    if not a.axis == b.axis == w.axis:
        raise Unsupported("the points of one lie along another axis than those of the other")
    rest = w.constant(1.0).value - w.value
    tangent = a.tangent.scaled(rest) + b.tangent.scaled(w.value)
    if not isinstance(weight, Jet):
        forms = [None if v.form is None else v.form.times(by) for v, by in ((a, rest), (b, w.value))]
        start, stop = a.value * rest, b.value * w.value
        return model.like(start + stop, tangent).formed(added(forms[0], start, forms[1], stop))
    return model.like(a.value.lerp(b.value, w.value), tangent + w.tangent.scaled(b.value - a.value))


@operation("addcmul")
def _addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Jet:
    product = mul(tensor1, tensor2)
    return add(input, product if value == 1 else mul(product, value))


@operation("addcdiv")
def _addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Jet:
    quotient = div(tensor1, tensor2)
    return add(input, quotient if value == 1 else mul(quotient, value))


def elementwise(name: str, a: Jet, *settings: Any) -> Jet:
    """A function of each unit by itself."""
    if a.is_mask:
        raise Unsupported("a function of a comparison has no enclosure")
    value = a.value.apply(name, *settings)
    return a.like(value, a.tangent.scaled(a.value.slope(name, *settings)) if a.tangent.terms else a.tangent)
