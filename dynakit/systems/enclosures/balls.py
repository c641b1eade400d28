"""The enclosures of one point in ball arithmetic of high precision: nothing is assumed of the machine's tanh.

Arb's balls hold a midpoint of any precision and a radius; every operation, exp and tanh included, is proved
to contain the exact result (Johansson 2017).  They take the place of :class:`Interval` under the same code of the
map, so that what rests on them is proved: up to the correctness of Arb, of python-flint and of this code.
Needs the extra ``proof``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import ball_functions
from .ball_functions import library
from .jets import Jet
from .tangents import Blocks, Chain, ConstantRows, Picked, Select, Tangent

PRECISION = 128  # bits


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

    def maximum(self, other: Balls) -> Balls:
        """The larger of two."""
        return Balls([v.max(w) for v, w in self._with(other)])

    def opposite(self) -> Balls:
        """1 - v of what is 0 or 1."""
        return Balls([1 - v for v in self.entries])

    def clipped(self, _: float) -> Balls:
        """As it is: bounds that its values are known to keep would cut nothing of a small ball."""
        return self

    def softmax(self, size: int) -> Balls:
        """e^x_i / sum_j e^x_j among every ``size`` units."""
        return Balls([1 / s for s in self._sums(size)])

    def log_softmax(self, size: int) -> Balls:
        return Balls([-s.log() for s in self._sums(size)])

    def _sums(self, size: int) -> list[Any]:
        """1 + sum_{j != i} e^(x_j - x_i)."""
        sums = []
        for start in range(0, len(self.entries), size):
            group = self.entries[start : start + size]
            for i, v in enumerate(group):
                sums.append(sum(((w - v).exp() for j, w in enumerate(group) if j != i), library().arb(1)))
        return sums

    def logsumexp(self, size: int) -> Balls:
        """log sum_j e^x_j of every ``size`` units."""
        groups = [self.entries[k : k + size] for k in range(0, len(self.entries), size)]
        return Balls(
            [(sum((v.exp() for v in group), library().arb(0)) + library().arb(0)).log() for group in groups]
        )

    def choice(self, a: Balls, b: Balls) -> Balls:
        """``a`` where this is 1, ``b`` where it is 0, else all between."""
        triples = zip(self.entries, a.entries, b.entries)
        return Balls([v if m == 1 else w if m == 0 else v.union(w) for m, v, w in triples])

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
        return Balls([ball_functions.RANGES[name](v, *settings) for v in self.entries])

    def slope(self, name: str, *settings: Any) -> Balls:
        """The range of its derivative; at a kink, of both one-sided derivatives and all between."""
        return Balls([ball_functions.SLOPES[name](v, *settings) for v in self.entries])


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
