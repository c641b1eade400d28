"""Elementary functions and their derivatives over balls of high precision.

Every operation of Arb holds the exact result for all numbers of its operands, so any formula in them does.  Monotone
functions are taken at the ends, which is as close as can be; the others as their formula stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Ball = Any  # of python-flint
Rule = Callable[..., Ball]


def library() -> Any:
    """python-flint, or an ImportError that names the extra."""
    try:
        import flint
    except ImportError:
        raise ImportError("a proof needs ball arithmetic: pip install 'dynakit[proof]'") from None
    return flint


def _monotone(f: Rule) -> Rule:
    """The range of a function that rises, or of one that falls."""
    return lambda v, *settings: (
        f(v, *settings) if v.is_exact() else f(v.lower(), *settings).union(f(v.upper(), *settings))
    )


def _even(f: Rule) -> Rule:
    """The range of an even function that rises or falls with the distance from 0."""

    def bounds(v: Ball) -> Ball:
        if v.is_exact():
            return f(abs(v))
        near, far = v.abs_lower(), v.abs_upper()
        return f(near).union(f(far))

    return bounds


def _sigmoid(v: Ball) -> Ball:
    return 1 / (1 + (-v).exp())


def _sigmoid_slope(distance: Ball) -> Ball:
    e = (-distance).exp()
    return e / ((1 + e) * (1 + e))


def _softplus(v: Ball) -> Ball:
    return v.exp().log1p()


def _step(below: int, above: int) -> Rule:
    """What jumps at 0."""

    def bounds(v: Ball) -> Ball:
        arb = library().arb
        if v > 0:
            return arb(above)
        return arb(below) if v < 0 else arb(below).union(arb(above)) + 0 * v  # NaN stays NaN

    return bounds


def _nothing() -> Ball:
    return library().arb("nan")


def _undecided(v: Ball) -> Ball:
    """The slope of what jumps at 0: none there."""
    return library().arb(0) if v > 0 or v < 0 else _nothing()


def _power(v: Ball, n: int) -> Ball:
    """v^n by products, whose ball holds the range; even powers of a wide ball from its absolute value."""
    v = v if n % 2 or v.is_exact() else v.abs_lower().union(v.abs_upper())
    product = library().arb(1)
    for _ in range(n):
        product = product * v
    return product


def _real_power(v: Ball, p: float) -> Ball:
    """x^p for x > 0, and for x = 0 itself where p > 0."""
    if v > 0:
        return _monotone(lambda x: (p * x.log()).exp())(v)
    return library().arb(0) if p > 0 and v == 0 else _nothing()


def _real_power_slope(v: Ball, p: float) -> Ball:
    if v > 0:
        return _monotone(lambda x: p * (p * x.log()).exp() / x)(v)
    return library().arb(0) if p > 1 and v == 0 else _nothing()


def _branches(v: Ball, place: float, below: Rule, above: Rule) -> Ball:
    """Two functions that do not meet at a place: neither across it."""
    if v > place:
        return above(v)
    return below(v) if v <= place else _nothing()


def _elu(v: Ball, alpha: float) -> Ball:
    return _monotone(lambda x: x if x > 0 else alpha * x.expm1())(v) if v == v or not v.is_exact() else v


def _elu_slope(v: Ball, alpha: float) -> Ball:
    arb = library().arb
    if v > 0:
        return arb(1)
    below = alpha * v.lower().exp()
    return below.union(alpha * v.upper().exp()) if v < 0 else below.union(arb(alpha)).union(arb(1)) + 0 * v


def _normal(v: Ball) -> Ball:
    return (-v / library().arb(2).sqrt()).erfc() / 2


def _bell_of_erf(distance: Ball) -> Ball:
    return 2 / library().arb.pi().sqrt() * (-distance * distance).exp()


def _gelu_slope(v: Ball) -> Ball:
    return _normal(v) + v * (-v * v / 2).exp() / (2 * library().arb.pi()).sqrt()


def _mish_slope(v: Ball) -> Ball:
    w = _softplus(v).tanh()
    return w + v * _sigmoid(v) * (1 - w * w)


def _silu_slope(v: Ball) -> Ball:
    s = _sigmoid(v)
    return s * (1 + v * (1 - s))


RANGES: dict[str, Rule] = {
    "tanh": _monotone(lambda v: v.tanh()),
    "sigmoid": _monotone(_sigmoid),
    "softplus": _monotone(_softplus),
    "softplus_up_to": lambda v, place: _branches(v, place, _monotone(_softplus), lambda x: x),
    "relu": _monotone(lambda v: v.max(0)),
    "abs": lambda v: v.abs_lower().union(v.abs_upper()) + 0 * v,
    "step": _step(0, 1),
    "exp": _monotone(lambda v: v.exp()),
    "expm1": _monotone(lambda v: v.expm1()),
    "log": _monotone(lambda v: v.log()),
    "log1p": _monotone(lambda v: v.log1p()),
    "sin": lambda v: v.sin(),
    "cos": lambda v: v.cos(),
    "tan": lambda v: v.tan(),
    "asin": lambda v: _monotone(lambda x: x.asin())(v) if -1 <= v <= 1 else _nothing(),
    "acos": lambda v: _monotone(lambda x: x.acos())(v) if -1 <= v <= 1 else _nothing(),
    "atan": _monotone(lambda v: v.atan()),
    "sinh": _monotone(lambda v: v.sinh()),
    "cosh": _even(lambda v: v.cosh()),
    "asinh": _monotone(lambda v: v.asinh()),
    "atanh": _monotone(lambda v: v.atanh()),
    "erf": _monotone(lambda v: v.erf()),
    "erfc": _monotone(lambda v: v.erfc()),
    "sqrt": _monotone(lambda v: v.sqrt()),
    "rsqrt": _monotone(lambda v: v.rsqrt()),
    "power": _power,
    "real_power": _real_power,
    "reciprocal": lambda v: 1 / v,
    "silu": lambda v: v * _sigmoid(v),
    "gelu": lambda v: v * _normal(v),
    "mish": lambda v: v * _softplus(v).tanh(),
    "softsign": _monotone(lambda v: v / (1 + abs(v))),
    "elu": _elu,
    "tanhshrink": _monotone(lambda v: v - v.tanh()),
}
SLOPES: dict[str, Rule] = {
    "tanh": _even(lambda v: 4 * _sigmoid_slope(2 * v)),
    "sigmoid": _even(_sigmoid_slope),
    "softplus": _monotone(_sigmoid),
    "softplus_up_to": lambda v, place: _branches(v, place, _monotone(_sigmoid), lambda x: 1 + 0 * x),
    "relu": _step(0, 1),
    "abs": _step(-1, 1),
    "step": _undecided,
    "exp": _monotone(lambda v: v.exp()),
    "expm1": _monotone(lambda v: v.exp()),
    "log": lambda v: 1 / v if v > 0 else _nothing(),
    "log1p": lambda v: 1 / (1 + v) if v > -1 else _nothing(),
    "sin": lambda v: v.cos(),
    "cos": lambda v: -v.sin(),
    "tan": lambda v: 1 + v.tan() * v.tan(),
    "asin": lambda v: (1 - v * v).rsqrt(),
    "acos": lambda v: -(1 - v * v).rsqrt(),
    "atan": _even(lambda v: 1 / (1 + v * v)),
    "sinh": _even(lambda v: v.cosh()),
    "cosh": _monotone(lambda v: v.sinh()),
    "asinh": _even(lambda v: (1 + v * v).rsqrt()),
    "atanh": lambda v: 1 / (1 - v * v) if -1 < v < 1 else _nothing(),
    "erf": _even(_bell_of_erf),
    "erfc": lambda v: -_even(_bell_of_erf)(v),
    "sqrt": lambda v: v.rsqrt() / 2,
    "rsqrt": lambda v: -v.rsqrt() / (2 * v),
    "power": lambda v, n: n * _power(v, n - 1),
    "real_power": _real_power_slope,
    "reciprocal": lambda v: -1 / (v * v),
    "silu": _silu_slope,
    "gelu": _gelu_slope,
    "mish": _mish_slope,
    "softsign": _even(lambda v: 1 / ((1 + v) * (1 + v))),
    "elu": _elu_slope,
    "tanhshrink": lambda v: _power(_monotone(lambda x: x.tanh())(v), 2),
}
