"""The enclosures of one point in ball arithmetic of high precision: nothing is assumed of the machine's tanh.

Arb's balls hold a midpoint of any precision and a radius; every operation, exp and tanh included, is proved
to contain the exact result (Johansson 2017).  They take the place of :class:`Interval` under the same code of the
map, so that what rests on them is proved: up to the correctness of Arb, of python-flint and of this code.
Needs the extra ``proof``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .jets import Jet
from .tangents import Blocks, Chain, ConstantRows, Picked, Select, Tangent

PRECISION = 128  # bits


def library() -> Any:
    """python-flint, or an ImportError that names the extra."""
    try:
        import flint
    except ImportError:
        raise ImportError("a proof needs ball arithmetic: pip install 'dynakit[proof]'") from None
    return flint


class Balls:
    """A vector of balls; the other operand of ``+ - *`` is another, or an exact constant."""

    __slots__ = ("entries",)
    exact = True  # constant matrices are multiplied in balls
    device = torch.device("cpu")

    def __init__(self, entries: list[Any]) -> None:
        self.entries = entries

    @classmethod
    def around(cls, x: Tensor, radius: float = 0.0) -> Balls:
        """The box of all y with |y - x| <= radius."""
        arb = library().arb
        return cls([arb(value, radius) for value in x.tolist()])

    @staticmethod
    def constant(value: Tensor | float) -> Balls:
        """An exact constant."""
        return Balls(
            [library().arb(v) for v in torch.as_tensor(value, dtype=torch.float64).flatten().tolist()]
        )

    @staticmethod
    def cat(parts: list[Balls]) -> Balls:
        return Balls([entry for part in parts for entry in part.entries])

    @property
    def width(self) -> int:
        return len(self.entries)

    def __getitem__(self, units: slice | Tensor) -> Balls:
        if isinstance(units, slice):
            return Balls(self.entries[units])
        return Balls([self.entries[k] for k in units.tolist()])

    def __neg__(self) -> Balls:
        return Balls([-v for v in self.entries])

    def __add__(self, other: Balls | Tensor | float) -> Balls:
        return Balls([v + w for v, w in self._with(other)])

    def __sub__(self, other: Balls | Tensor | float) -> Balls:
        return Balls([v - w for v, w in self._with(other)])

    def __mul__(self, other: Balls | Tensor | float) -> Balls:
        return Balls([v * w for v, w in self._with(other)])

    def _with(self, other: Balls | Tensor | float) -> list[tuple[Any, Any]]:
        """Pairs of entries; one entry goes with all."""
        ours, theirs = self.entries, (other if isinstance(other, Balls) else self.constant(other)).entries
        n = max(len(ours), len(theirs))
        return [(ours[k % len(ours)], theirs[k % len(theirs)]) for k in range(n)]

    def lerp(self, end: Balls, weight: Balls) -> Balls:
        """(1 - w) start + w end; affine in w, so that the ends of w give the extremes."""
        ends = (Balls([w.lower() for w in weight.entries]), Balls([w.upper() for w in weight.entries]))
        low, high = (self * (self.constant(1.0) - w) + end * w for w in ends)
        return Balls([a.union(b) for a, b in zip(low.entries, high.entries)])

    def within(self, least: float, most: float) -> bool:
        """Whether all its values lie between two numbers."""
        return all(bool(v >= least) and bool(v <= most) for v in self.entries)

    def affine(self, W: Tensor, b: Tensor | None = None) -> Balls:
        """W v + b."""
        if not self.entries:
            product = self.constant(W.new_zeros(len(W)))
        else:
            column = library().arb_mat([[v] for v in self.entries])
            product = Balls((matrix(W) * column).entries())
        return product if b is None else product + b

    def apply(self, name: str, *settings: Any) -> Balls:
        """The range of a function."""
        return Balls([_RANGES[name](v, *settings) for v in self.entries])

    def slope(self, name: str, *settings: Any) -> Balls:
        """The range of its derivative; at a kink, of both one-sided derivatives and all between."""
        return Balls([_SLOPES[name](v, *settings) for v in self.entries])


def _rising(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The range of a function that rises."""
    return lambda v: f(v) if v.is_exact() else f(v.lower()).union(f(v.upper()))


def _bell(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The range of an even function that falls with the distance from 0."""

    def bounds(v: Any) -> Any:
        if v.is_exact():
            return f(abs(v))
        near, far = v.abs_lower(), v.abs_upper()
        return f(near).union(f(far))

    return bounds


def _sigmoid(v: Any) -> Any:
    return 1 / (1 + (-v).exp())


def _sigmoid_slope(distance: Any) -> Any:
    e = (-distance).exp()
    return e / ((1 + e) * (1 + e))


def _tanh_slope(distance: Any) -> Any:
    return 4 * _sigmoid_slope(2 * distance)


def _step(below: int, above: int) -> Callable[[Any], Any]:
    """A slope that jumps at 0."""

    def bounds(v: Any) -> Any:
        arb = library().arb
        if v > 0:
            return arb(above)
        return arb(below) if v < 0 else arb(below).union(arb(above)) + 0 * v  # NaN stays NaN

    return bounds


def _power(v: Any, n: int) -> Any:
    """v^n by products, whose ball holds the range; even powers of a wide ball from its absolute value."""
    v = v if n % 2 or v.is_exact() else v.abs_lower().union(v.abs_upper())
    product = library().arb(1)
    for _ in range(n):
        product = product * v
    return product


_RANGES: dict[str, Callable[..., Any]] = {
    "tanh": _rising(lambda v: v.tanh()),
    "sigmoid": _rising(_sigmoid),
    "softplus": _rising(lambda v: v.exp().log1p()),
    "relu": _rising(lambda v: v.max(0)),
    "abs": lambda v: v.abs_lower().union(v.abs_upper()) + 0 * v,
    "exp": _rising(lambda v: v.exp()),
    "sin": lambda v: v.sin(),
    "cos": lambda v: v.cos(),
    "power": _power,
    "reciprocal": lambda v: 1 / v,
}
_SLOPES: dict[str, Callable[..., Any]] = {
    "tanh": _bell(_tanh_slope),
    "sigmoid": _bell(_sigmoid_slope),
    "softplus": _rising(_sigmoid),
    "relu": _step(0, 1),
    "abs": _step(-1, 1),
    "exp": _rising(lambda v: v.exp()),
    "sin": lambda v: v.cos(),
    "cos": lambda v: -v.sin(),
    "power": lambda v, n: n * _power(v, n - 1),
    "reciprocal": lambda v: -1 / (v * v),
}


def matrix(W: Tensor) -> Any:
    """An exact matrix of floats."""
    return library().arb_mat(np.asarray(W.detach().cpu(), dtype=float).tolist())


class Dense:
    """Derivatives as matrices of balls that hold them for every state of the box."""

    def __init__(self, n_states: int) -> None:
        self.n_states = n_states
        self._known: dict[int, Any] = {}  # of tangents that live as long as the one asked for

    def of(self, tangent: Tangent, n_rows: int) -> Any:
        if id(tangent) not in self._known:
            zero = library().arb(0)
            rows = [[zero] * self.n_states for _ in range(n_rows)]
            self._add(tangent, None, rows)
            self._known[id(tangent)] = library().arb_mat(rows)
        return self._known[id(tangent)]

    def _add(self, tangent: Tangent, scale: list[Any] | None, rows: list[list[Any]]) -> None:
        """Add diag(scale) D to ``rows``."""
        for a, base in tangent.terms:
            m = scale if a is None else a.entries if scale is None else _products(scale, a.entries)
            if isinstance(base, Blocks):
                for where, part in base.parts:
                    inside = rows[where]  # a list of the same rows
                    self._add(part, None if m is None else m[where], inside)
                continue
            if isinstance(base, Select):
                for i, j in enumerate(_numbers(base.columns, len(rows))):
                    rows[i][j] += 1 if m is None else m[i]
                continue
            block, columns = self._matrix(base)
            for i, entries in enumerate(block):
                row = rows[i]
                for j, value in zip(columns, entries):
                    row[j] += value if m is None else m[i] * value

    def _matrix(self, base: ConstantRows | Chain | Picked) -> tuple[list[list[Any]], list[int]]:
        """The rows of a matrix and the units of the state that its columns are of."""
        if isinstance(base, ConstantRows):
            return matrix(base.W).tolist(), _numbers(base.columns, base.W.shape[1])
        if isinstance(base, Picked):
            whole = self.of(base.inner, base.n_inner).tolist()
            return [whole[k] for k in base.index.tolist()], list(range(self.n_states))
        return (matrix(base.W) * self.of(base.inner, base.W.shape[1])).tolist(), list(range(self.n_states))


def _numbers(units: slice | Tensor, n: int) -> list[int]:
    return list(range(units.start, units.start + n)) if isinstance(units, slice) else units.tolist()


def _products(a: list[Any], b: list[Any]) -> list[Any]:
    return [v * w for v, w in zip(a, b)]


def enclose_point(step: Any, x: Tensor, u: Tensor, radius: float) -> tuple[Any, Any] | None:
    """F (unit, 1) and dF/dx (unit, unit) over |y - x| <= radius around one state x (unit,) under u (input,)."""
    try:
        image = step(Jet.state(Balls.around(x, radius), 1), Jet.fixed(Balls.around(u), 1))
    except Exception:  # foreign code may fail in any way where it meets no tensor
        return None
    if not isinstance(image, Jet) or not image.is_plain or image.sizes != (len(x),):
        return None
    value, at_x = image.value.entries, step(x[None], u[None])[0].tolist()
    if not all(abs(v - y).lower() < 1e-9 * (1 + abs(y)) for v, y in zip(value, at_x)):
        return None  # not one function
    return library().arb_mat([[v] for v in value]), Dense(len(x)).of(image.tangent, len(x))
