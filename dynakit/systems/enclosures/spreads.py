"""How far the Jacobian of a map spreads over a box, from the terms it is made of.

With a middle matrix M = sum_k diag(m_k) M_k, formed once for each point, and a non-negative V,

    |D| V <= sum_k |a_k| (|B_k| V)        |D - M| V <= sum_k |a_k - m_k| (|B_k| V) + |m_k| (|B_k - M_k| V)

(compare Neumaier 1990, sec. 3.1, on the matrices of a composed map), the rounding of every sum included.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .intervals import gamma, upward
from .tangents import Base, Blocks, Chain, Coefficients, ConstantRows, Picked, Select, Tangent


def _leaves(tangent: Tangent) -> int:
    """How many matrices are added, at most, for one row."""
    return sum(_leaves_of_base(base) for _, base in tangent.terms)


def _leaves_of_base(base: Base) -> int:
    if isinstance(base, Blocks):
        return max((_leaves(t) for _, t in base.parts), default=1)
    if isinstance(base, ConstantRows) and isinstance(base.columns, Tensor):
        return len(base.columns)  # columns of the same unit are added up
    return 1


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
        if isinstance(base, ConstantRows):
            return self._once("reach", base, self._weights_reach)
        if isinstance(base, Blocks):
            return self._once("reach", base, partial(self._stacked, self.reach))
        if isinstance(base, Picked):
            return self._once("reach", base, partial(_picked, self.reach))
        return self._once("reach", base, self._chain_reach)

    def _base_gap(self, base: Base) -> Tensor:
        if isinstance(base, Select) or (isinstance(base, ConstantRows) and base.error is None):
            return self.V.new_zeros(1, 1, 1, 1)
        if isinstance(base, ConstantRows):
            return self._once("gap", base, self._weights_gap)
        if isinstance(base, Blocks):
            return self._once("gap", base, partial(self._stacked, self.gap))
        if isinstance(base, Picked):
            return self._once("gap", base, partial(_picked, self.gap))
        return self._once("gap", base, self._chain_gap)

    def _weights_reach(self, base: ConstantRows) -> Tensor:
        largest = base.W.abs() if base.error is None else base.W.abs() + base.error
        return upward(largest @ self.V[base.columns], base.W.shape[1])[None, None]

    def _weights_gap(self, base: ConstantRows) -> Tensor:
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

    def _product(self, base: Chain | Picked) -> Tensor:
        """The middle of W D', or of rows of D', (point, unit, state)."""
        return self._once("middle", base, self._formed)

    def _formed(self, base: Chain | Picked) -> Tensor:
        if isinstance(base, Picked):
            return self.middle(base.inner, base.n_inner)[:, base.index]
        return base.W @ self.middle(base.inner, base.W.shape[1])

    def _write(self, tangent: Tangent, scale: Tensor | None, out: Tensor) -> None:
        """Add diag(scale) M to ``out``."""
        for a, base in tangent.terms:
            m = scale if a is None else a.middle() if scale is None else scale * a.middle()
            if isinstance(base, Blocks):
                for where, part in base.parts:
                    self._write(part, None if m is None else m[..., where], out[:, where])
            elif isinstance(base, Select):
                self._write_units(base, m, out)
            else:
                self._write_matrix(base, m, out)

    def _write_units(self, base: Select, m: Tensor | None, out: Tensor) -> None:
        scale = 1.0 if m is None else m
        if isinstance(base.columns, slice):
            out[..., base.columns].diagonal(dim1=-2, dim2=-1).add_(scale)
        else:  # each row once
            out[:, torch.arange(len(base.columns), device=out.device), base.columns] += scale

    def _write_matrix(self, base: ConstantRows | Chain | Picked, m: Tensor | None, out: Tensor) -> None:
        if isinstance(base, ConstantRows):
            matrix = base.W
            if isinstance(base.columns, Tensor):
                n_states = out.shape[-1]
                matrix = matrix.new_zeros(len(matrix), n_states).index_add_(1, base.columns, matrix)
            else:
                out = out[..., base.columns]
        elif isinstance(base, Chain) and base.is_scaling:
            a, selected = base.inner.terms[0]
            assert isinstance(selected, Select)
            matrix, out = base.W * (1.0 if a is None else a.middle()[:, None, :]), out[..., selected.columns]
        else:
            matrix = self._product(base)
        out.add_(matrix) if m is None else out.addcmul_(m[..., None], matrix)


def _picked(of: Callable[[Tangent], Tensor], base: Picked) -> Tensor:
    whole = of(base.inner)
    return whole[:, :, base.index] if whole.shape[2] == base.n_inner else whole  # a width of 1 stands for all
