"""The Jacobian of a map over a box, kept as what it is made of: sums of scaled rows of constant matrices.

A network's derivative is D = sum_k diag(a_k) B_k, with a_k vectors of intervals (slopes, gates) and B_k constant:
weights, rows of the identity, or W D' of an earlier D'.  In this form a box costs vectors, not matrices: with
a middle matrix M and a non-negative V,

    |D| V <= sum_k |a_k| (|B_k| V)        |D - M| V <= sum_k |a_k - m_k| (|B_k| V) + |m_k| (|B_k - M_k| V),

where M = sum_k diag(m_k) M_k (compare Neumaier 1990, sec. 3.1, on the matrices of a composed map).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .intervals import gamma, upward

Coefficients = Any  # a vector of intervals, in the arithmetic in use; None is one


@dataclass(frozen=True, eq=False)
class Select:
    """Rows of the identity: a part of the state itself.

    ``exact``: products of constant matrices are kept apart, for an arithmetic that rounds them itself.
    """

    columns: slice
    exact: bool = False

    def rows(self, s: slice) -> Tangent:
        start = self.columns.start
        return Tangent([(None, Select(slice(start + s.start, start + s.stop), self.exact))])


@dataclass(frozen=True, eq=False)
class Weights:
    """A constant matrix times a part of the state; it is within ``error`` of ``W``, entry by entry."""

    W: Tensor  # (unit, column)
    columns: slice
    error: Tensor | None = None
    exact: bool = False

    def rows(self, s: slice) -> Tangent:
        error = None if self.error is None else self.error[s]
        return Tangent([(None, Weights(self.W[s], self.columns, error, self.exact))])

    def behind(self, W: Tensor) -> Weights:
        """W times this: the effective weights of a loop that is closed."""
        error = gamma(W.shape[1]) * self.W.abs()
        error = upward(W.abs() @ (error if self.error is None else error + self.error), W.shape[1])
        return Weights(W @ self.W, self.columns, error)

    def plus(self, other: Weights) -> Weights:
        """The sum, of weights on the same part of the state."""
        total = self.W + other.W
        error = sum((e for e in (self.error, other.error) if e is not None), gamma(1) * total.abs())
        return Weights(total, self.columns, upward(error))


@dataclass(frozen=True, eq=False)
class Chain:
    """W times a quantity that depends on the state in any way."""

    W: Tensor
    inner: Tangent

    def rows(self, s: slice) -> Tangent:
        return Tangent([(None, Chain(self.W[s], self.inner))])

    @property
    def is_scaling(self) -> bool:
        """Whether the quantity is unit by unit a function of the state, so that W has its columns scaled."""
        return len(self.inner.terms) == 1 and isinstance(self.inner.terms[0][1], Select)


@dataclass(frozen=True, eq=False)
class Blocks:
    """Derivatives of quantities written one under the other; rows in none of the parts are zero."""

    parts: list[tuple[slice, Tangent]]
    n_rows: int

    def rows(self, s: slice) -> Tangent:
        kept = []
        for where, tangent in self.parts:
            start, stop = max(s.start, where.start), min(s.stop, where.stop)
            if start < stop:
                inside = tangent.rows(slice(start - where.start, stop - where.start))
                kept.append((slice(start - s.start, stop - s.start), inside))
        n_rows = s.stop - s.start
        if len(kept) == 1 and kept[0][0] == slice(0, n_rows):
            return kept[0][1]
        return Tangent([(None, Blocks(kept, n_rows))] if kept else [])


Base = Select | Weights | Chain | Blocks


class Tangent:
    """The derivative of a vector by the state, sum_k diag(a_k) B_k; without terms it is zero."""

    __slots__ = ("terms",)

    def __init__(self, terms: list[tuple[Coefficients, Base]]) -> None:
        self.terms = terms

    @classmethod
    def cat(cls, parts: list[Tangent], widths: list[int]) -> Tangent:
        """Derivatives one under the other."""
        stops = torch.tensor(widths).cumsum(0).tolist()
        blocks = [(slice(stop - width, stop), t) for t, width, stop in zip(parts, widths, stops) if t.terms]
        return cls([(None, Blocks(blocks, sum(widths)))] if blocks else [])

    def scaled(self, a: Coefficients) -> Tangent:
        """diag(a) D."""
        return Tangent([(a if own is None else own * a, base) for own, base in self.terms])

    def __add__(self, other: Tangent) -> Tangent:
        terms = list(self.terms)
        for term in other.terms:
            for at, known in enumerate(terms):
                total = _merged(known, term)
                if total is not None:
                    terms[at] = total
                    break
            else:
                terms.append(term)
        return Tangent(terms)

    def rows(self, s: slice) -> Tangent:
        """Consecutive rows."""
        total = Tangent([])
        for a, base in self.terms:
            piece = base.rows(s)
            total += piece if a is None else piece.scaled(a[s])
        return total

    def through(self, W: Tensor) -> Tangent:
        """W D."""
        a, base = self.terms[0] if len(self.terms) == 1 else (None, None)
        if a is None and isinstance(base, Select):
            return Tangent([(None, Weights(W, base.columns, exact=base.exact))])
        if a is None and isinstance(base, Weights) and not base.exact:
            return Tangent([(None, base.behind(W))])
        return Tangent([(None, Chain(W, self))] if self.terms else [])


def _merged(
    one: tuple[Coefficients, Base], two: tuple[Coefficients, Base]
) -> tuple[Coefficients, Base] | None:
    """Two terms as one, where they are multiples of the same matrix or constant matrices of the same units."""
    (a, B), (b, C) = one, two
    same = B is C or (isinstance(B, Select) and isinstance(C, Select) and B.columns == C.columns)
    if same and a is not None and b is not None:
        return a + b, B
    if (
        a is None
        and b is None
        and isinstance(B, Weights)
        and isinstance(C, Weights)
        and B.columns == C.columns
    ):
        return None, B.plus(C)
    return None


def _leaves(tangent: Tangent) -> int:
    """How many matrices are added, at most, for one row."""
    parts = (base.parts if isinstance(base, Blocks) else [] for _, base in tangent.terms)
    return sum(max((_leaves(t) for _, t in blocks), default=1) for blocks in parts)


class Spread:
    """Middle matrix, reach |D| V and gap |D - M| V of tangents over boxes, V (state, column) non-negative.

    The first radius must be zero: the middle is taken there.  Reach and gap are (radius, point, unit, column).
    """

    def __init__(self, V: Tensor, n_points: int) -> None:
        self.V, self.n_points = V, n_points
        self._known: dict[tuple[str, int], Tensor] = {}

    def middle(self, tangent: Tangent, width: int) -> Tensor:
        """M, (point, unit, state)."""
        shape = (self.n_points, width, self.V.shape[-2])
        # NumPy's zeros are pages that the kernel has cleared already, huge ones where they pay
        out = torch.from_numpy(np.zeros(shape)) if self.V.device.type == "cpu" else self.V.new_zeros(shape)
        self._write(tangent, None, out)
        return out

    def reach(self, tangent: Tangent) -> Tensor:
        return self._once("reach", tangent, partial(self._sum, self._reach_of_term))

    def gap(self, tangent: Tangent) -> Tensor:
        return self._once("gap", tangent, partial(self._sum, self._gap_of_term))

    def _once(self, kind: str, item: Any, compute: Callable[[Any], Tensor]) -> Tensor:
        """What ``compute`` says of an item, which lives as long as this object is used."""
        key = kind, id(item)
        if key not in self._known:
            self._known[key] = compute(item)
        return self._known[key]

    def _sum(self, of_term: Callable[..., Tensor], tangent: Tangent) -> Tensor:
        parts = [of_term(tangent, a, base) for a, base in tangent.terms]
        total = parts[0] if parts else self.V.new_zeros(1, 1, 1, self.V.shape[-1])
        for part in parts[1:]:
            total = total + part
        return upward(total, len(parts))

    def _reach_of_term(self, tangent: Tangent, a: Coefficients, base: Base) -> Tensor:
        reach = self._base_reach(base)
        return reach if a is None else a.magnitude[..., None] * reach

    def _gap_of_term(self, tangent: Tangent, a: Coefficients, base: Base) -> Tensor:
        """What a and B add to the gap, and the rounding of m_k M_k where M is formed."""
        gap, reach = self._base_gap(base), self._base_reach(base)
        rounding = gamma(_leaves(tangent) + 4) * (reach[:1] + gap[:1])
        if a is None:
            return gap + rounding
        middle = a.middle()
        return a.deviation(middle)[..., None] * reach + middle.abs()[..., None] * (gap + rounding)

    def _base_reach(self, base: Base) -> Tensor:
        if isinstance(base, Select):
            return self.V[base.columns][None, None]
        if isinstance(base, Weights):
            return self._once("reach", base, self._weights_reach)
        if isinstance(base, Blocks):
            return self._once("reach", base, partial(self._stacked, self.reach))
        return self._once("reach", base, self._chain_reach)

    def _base_gap(self, base: Base) -> Tensor:
        if isinstance(base, Select) or (isinstance(base, Weights) and base.error is None):
            return self.V.new_zeros(1, 1, 1, 1)
        if isinstance(base, Weights):
            return self._once("gap", base, self._weights_gap)
        if isinstance(base, Blocks):
            return self._once("gap", base, partial(self._stacked, self.gap))
        return self._once("gap", base, self._chain_gap)

    def _weights_reach(self, base: Weights) -> Tensor:
        largest = base.W.abs() if base.error is None else base.W.abs() + base.error
        return upward(largest @ self.V[base.columns], base.W.shape[1])[None, None]

    def _weights_gap(self, base: Weights) -> Tensor:
        assert base.error is not None
        return upward(base.error @ self.V[base.columns], base.W.shape[1])[None, None]

    def _chain_reach(self, base: Chain) -> Tensor:
        """|W| |D'| V, or |M| V and the gap where that is less: matrices in a row may cancel."""
        k = base.W.shape[1]
        apart = upward(base.W.abs() @ self.reach(base.inner), k)
        if base.is_scaling:
            return apart
        together = self._product(base).abs() @ self.V
        return torch.minimum(apart, upward(together, self.V.shape[-2]) + self._base_gap(base))

    def _chain_gap(self, base: Chain) -> Tensor:
        k, inner = base.W.shape[1], self.gap(base.inner)
        rounding = gamma(k) * (self.reach(base.inner)[:1] + inner[:1])
        return upward(base.W.abs() @ (inner + rounding), k)

    def _stacked(self, of: Callable[[Tangent], Tensor], base: Blocks) -> Tensor:
        parts = [(where, of(tangent)) for where, tangent in base.parts]
        lead = np.broadcast_shapes(*(part.shape[:2] for _, part in parts))
        out = self.V.new_zeros(*lead, base.n_rows, self.V.shape[-1])
        for where, part in parts:
            out[:, :, where] = part
        return out

    def _product(self, base: Chain) -> Tensor:
        """The middle of W D', (point, unit, state)."""
        compute = lambda item: item.W @ self.middle(item.inner, item.W.shape[1])  # noqa: E731
        return self._once("middle", base, compute)

    def _write(self, tangent: Tangent, scale: Tensor | None, out: Tensor) -> None:
        """Add diag(scale) M to ``out``."""
        for a, base in tangent.terms:
            m = scale if a is None else a.middle() if scale is None else scale * a.middle()
            if isinstance(base, Blocks):
                for where, part in base.parts:
                    self._write(part, None if m is None else m[..., where], out[:, where])
            elif isinstance(base, Select):
                diagonal = out[..., base.columns].diagonal(dim1=-2, dim2=-1)
                diagonal.add_(1.0 if m is None else m)
            else:
                self._write_matrix(base, m, out)

    def _write_matrix(self, base: Weights | Chain, m: Tensor | None, out: Tensor) -> None:
        if isinstance(base, Weights):
            matrix, out = base.W, out[..., base.columns]
        elif base.is_scaling:
            a, selected = base.inner.terms[0]
            assert isinstance(selected, Select)
            matrix, out = base.W * (1.0 if a is None else a.middle()[:, None, :]), out[..., selected.columns]
        else:
            matrix = self._product(base)
        out.add_(matrix) if m is None else out.addcmul_(m[..., None], matrix)
