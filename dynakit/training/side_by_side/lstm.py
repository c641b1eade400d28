"""i, f = s(a_i + p_i c), s(a_f + p_f c),  c' = f c + i tanh(a_g),  o = s(a_o + p_o c'),  h' = o tanh(c').

(Hochreiter and Schmidhuber 1997; peepholes p, which may be absent: Gers and Schmidhuber 2000.)  The rows of the matrix
are in the order of torch's layer, i, f, g, o.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from .cells import Pool, StackedLayers
from .functions import applied
from .population import Views


class StackedLSTM(StackedLayers):
    """Long short-term memory, with peepholes or without."""

    n_gates: ClassVar[int] = 4

    def __init__(self, models: Sequence[Any], n_trials: int, pool: Pool) -> None:
        super().__init__(models, n_trials, pool)
        self.s, self.f = applied(models[0].recurrent_activation), applied(models[0].activation)
        self.peeps = models[0].peephole is not None
        n = self.n_units
        self.rows = tuple(slice(k * n, (k + 1) * n) for k in range(4))

    def assemble(self, p: Views) -> None:
        super().assemble(p)
        if self.peeps:
            self.p_i, self.p_f, self.p_o = p["peephole"][:, :, :, None].unbind(1)

    def scatter(self, p: Views, g: Views) -> None:
        super().scatter(p, g)
        if self.peeps:
            g["peephole"].copy_(torch.stack(self.d_peeps, dim=1))

    def reserve(self, n_steps: int) -> None:
        super().reserve(n_steps)
        K, B, n = self.n_networks, self.n_trials, self.n_units
        gates = self.pool.take("gates", n_steps, K, 4 * n, B)
        self.both = gates[:, :, : 2 * n].unbind(0)
        self.i, self.forget, self.new, self.o = (gates[:, :, rows].unbind(0) for rows in self.rows)
        self.c = self.pool.take("c", n_steps + 1, K, n, B).unbind(0)
        self.said = self.pool.take("said", n_steps, K, n, B).unbind(0)  # f(c)
        self.a_i, self.a_f, self.a_g, self.a_o = (self.a[:, rows] for rows in self.rows)
        self.a_both = self.a[:, : 2 * n]
        self.v_parts = [tuple(v[:, rows] for rows in self.rows) for v in self.v]
        self.carry = self.pool.take("carry", K, n, B)  # dL/dc
        self.spare = self.pool.take("spare", K, n, B)

    def begin(self) -> None:
        super().begin()
        self.c[0].zero_()

    def advance(self, t: int) -> None:
        before, c, k = self.c[t - 1], self.c[t], t - 1
        if self.peeps:
            self.a_i.addcmul_(self.p_i, before)
            self.a_f.addcmul_(self.p_f, before)
        self.s.apply(self.a_both, self.both[k])
        self.f.apply(self.a_g, self.new[k])
        torch.mul(self.forget[k], before, out=c)
        c.addcmul_(self.i[k], self.new[k])
        if self.peeps:
            self.a_o.addcmul_(self.p_o, c)
        self.s.apply(self.a_o, self.o[k])
        self.f.apply(c, self.said[k])
        torch.mul(self.o[k], self.said[k], out=self.r[t])

    def end(self) -> None:
        self.carry.zero_()
        self.d_peeps = [self.carry.new_zeros(self.n_networks, self.n_units) for _ in range(3 * self.peeps)]

    def retreat(self, t: int) -> None:
        k, carry, spare = t - 1, self.carry, self.spare
        v_i, v_f, v_g, v_o = self.v_parts[k]
        i, forget, new, o = self.i[k], self.forget[k], self.new[k], self.o[k]
        torch.mul(self.g, self.said[k], out=spare)
        self.s.back(spare, o, v_o)
        self.g.mul_(o)
        self.f.back(self.g, self.said[k], spare)
        carry.add_(spare)
        if self.peeps:
            carry.addcmul_(v_o, self.p_o)
        torch.mul(carry, new, out=spare)
        self.s.back(spare, i, v_i)
        torch.mul(carry, self.c[k], out=spare)
        self.s.back(spare, forget, v_f)
        torch.mul(carry, i, out=spare)
        self.f.back(spare, new, v_g)
        carry.mul_(forget)
        if self.peeps:
            carry.addcmul_(v_i, self.p_i).addcmul_(v_f, self.p_f)
            for d, v, c in zip(self.d_peeps, (v_i, v_f, v_o), (self.c[k], self.c[k], self.c[t])):
                d.add_(torch.linalg.vecdot(v, c))
