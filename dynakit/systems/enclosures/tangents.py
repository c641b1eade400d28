"""The Jacobian of a map over a box, kept as what it is made of: sums of scaled rows of constant matrices.

A network's derivative is D = sum_k diag(a_k) B_k, with a_k vectors of intervals (slopes, gates) and B_k constant:
weights, rows of the identity, or W D' of an earlier D'.  In this form a box costs vectors, not matrices: ``spreads``
bounds its reach, and how far it is from a middle matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .intervals import gamma, upward

Coefficients = Any  # a vector of intervals, in the arithmetic in use; None is one


Units = slice | Tensor  # consecutive ones, or the numbers of any, repeated or not


@dataclass(frozen=True, eq=False)
class Select:
    """Rows of the identity: units of the state itself.

    ``exact``: products of constant matrices are kept apart, for an arithmetic that rounds them itself.
    """

    columns: Units
    exact: bool = False

    def rows(self, s: Units) -> Tangent:
        own = self.columns
        if isinstance(own, slice):
            chosen: Units = (
                slice(own.start + s.start, own.start + s.stop) if isinstance(s, slice) else own.start + s
            )
        else:
            chosen = own[s]
        return Tangent([(None, Select(chosen, self.exact))])


@dataclass(frozen=True, eq=False)
class ConstantRows:
    """A constant matrix times a part of the state; it is within ``error`` of ``W``, entry by entry."""

    W: Tensor  # (unit, column)
    columns: Units
    error: Tensor | None = None
    exact: bool = False

    def rows(self, s: Units) -> Tangent:
        error = None if self.error is None else self.error[s]
        return Tangent([(None, ConstantRows(self.W[s], self.columns, error, self.exact))])

    def behind(self, W: Tensor) -> ConstantRows:
        """W times this: the effective weights of a loop that is closed."""
        error = gamma(W.shape[1]) * self.W.abs()
        error = upward(W.abs() @ (error if self.error is None else error + self.error), W.shape[1])
        return ConstantRows(W @ self.W, self.columns, error)

    def plus(self, other: ConstantRows) -> ConstantRows:
        """The sum, of weights on the same part of the state."""
        total = self.W + other.W
        error = sum((e for e in (self.error, other.error) if e is not None), gamma(1) * total.abs())
        return ConstantRows(total, self.columns, upward(error))


@dataclass(frozen=True, eq=False)
class Chain:
    """W times a quantity that depends on the state in any way."""

    W: Tensor
    inner: Tangent

    def rows(self, s: Units) -> Tangent:
        return Tangent([(None, Chain(self.W[s], self.inner))])

    @property
    def is_scaling(self) -> bool:
        """Whether the quantity is unit by unit a function of the state, so that W has its columns scaled."""
        base = self.inner.terms[0][1] if len(self.inner.terms) == 1 else None
        return isinstance(base, Select) and isinstance(base.columns, slice)


@dataclass(frozen=True, eq=False)
class Picked:
    """Units of a quantity in any order, repeated or left out."""

    inner: Tangent
    index: Tensor
    n_inner: int

    def rows(self, s: Units) -> Tangent:
        return Tangent([(None, Picked(self.inner, self.index[s], self.n_inner))])


@dataclass(frozen=True, eq=False)
class Blocks:
    """Derivatives of quantities written one under the other; rows in none of the parts are zero."""

    parts: list[tuple[slice, Tangent]]
    n_rows: int

    def rows(self, s: Units) -> Tangent:
        if not isinstance(s, slice):
            return self._picked(s)
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

    def _picked(self, index: Tensor) -> Tangent:
        least, most = (int(index.min()), int(index.max())) if len(index) else (0, -1)
        for where, tangent in self.parts:
            if where.start <= least and most < where.stop:
                return tangent.rows(index - where.start)
        return Tangent([(None, Picked(Tangent([(None, self)]), index, self.n_rows))])


Base = Select | ConstantRows | Chain | Blocks | Picked


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

    def rows(self, s: Units) -> Tangent:
        """Rows of any number, consecutive ones by a slice."""
        total = Tangent([])
        for a, base in self.terms:
            piece = base.rows(s)
            total += piece if a is None else piece.scaled(a[s])
        return total

    def through(self, W: Tensor) -> Tangent:
        """W D."""
        a, base = self.terms[0] if len(self.terms) == 1 else (None, None)
        if a is None and isinstance(base, Select):
            return Tangent([(None, ConstantRows(W, base.columns, exact=base.exact))])
        if a is None and isinstance(base, ConstantRows) and not base.exact:
            return Tangent([(None, base.behind(W))])
        return Tangent([(None, Chain(W, self))] if self.terms else [])


def _merged(
    one: tuple[Coefficients, Base], two: tuple[Coefficients, Base]
) -> tuple[Coefficients, Base] | None:
    """Two terms as one, where they are multiples of the same matrix or constant matrices of the same units."""
    (a, B), (b, C) = one, two
    same = B is C or (isinstance(B, Select) and isinstance(C, Select) and _same_units(B.columns, C.columns))
    if same and a is not None and b is not None:
        return a + b, B
    if (
        a is None
        and b is None
        and isinstance(B, ConstantRows)
        and isinstance(C, ConstantRows)
        and _same_units(B.columns, C.columns)
    ):
        return None, B.plus(C)
    return None


def _same_units(one: Units, two: Units) -> bool:
    if isinstance(one, slice) or isinstance(two, slice):
        return isinstance(one, slice) and isinstance(two, slice) and one == two
    return one is two or torch.equal(one, two)
