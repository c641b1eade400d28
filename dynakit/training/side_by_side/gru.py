"""r, z = s(a_r), s(a_z),  n = f(d + r q),  h' = (1 - z) n + z h,  with q = W_hn h + b_hn and d = W_in u + b_in.

(Cho et al. 2014, in torch's variant.)  The matrix has four blocks of rows, of r, z, q and d: the reset gate acts
between the last two, so that they are not one sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from .cells import Pool, StackedLayers
from .functions import applied
from .population import Views


class StackedGRU(StackedLayers):
    """Gated recurrent units whose reset acts after the product."""

    n_gates: ClassVar[int] = 4

    def __init__(self, models: Sequence[Any], n_trials: int, pool: Pool) -> None:
        super().__init__(models, n_trials, pool)
        self.s, self.f = applied(models[0].recurrent_activation), applied(models[0].activation)
        n = self.n_units
        self.both, self.q, self.d = slice(2 * n), slice(2 * n, 3 * n), slice(3 * n, 4 * n)
        self.named = (self.both, self.q, self.d)

    def assemble(self, p: Views) -> None:
        W, W_in = p["rnn.weight_hh_l0"], p["rnn.weight_ih_l0"]
        b, b_in, n = p["rnn.bias_hh_l0"], p["rnn.bias_ih_l0"], slice(2 * self.n_units, None)
        both = self.both
        self._fill(both, W[:, both], W_in[:, both], b[:, both] + b_in[:, both])
        self.matrix[:, self.q, self.units], self.matrix[:, self.q, -1] = W[:, n], b[:, n]
        self.matrix[:, self.d, self.inputs], self.matrix[:, self.d, -1] = W_in[:, n], b_in[:, n]
        self._fill_readout(p["readout.weight"], p["readout.bias"])

    def scatter(self, p: Views, g: Views) -> None:
        d, n = self.d_matrix, self.n_units
        recurrent, heard = d[:, : 3 * n], torch.cat([d[:, self.both], d[:, self.d]], dim=1)
        g["rnn.weight_hh_l0"].copy_(recurrent[:, :, self.units])
        g["rnn.bias_hh_l0"].copy_(recurrent[:, :, -1])
        g["rnn.weight_ih_l0"].copy_(heard[:, :, self.inputs])
        g["rnn.bias_ih_l0"].copy_(heard[:, :, -1])
        self._scatter_readout(g)

    def reserve(self, n_steps: int) -> None:
        super().reserve(n_steps)
        K, B, n = self.n_networks, self.n_trials, self.n_units
        gates = self.pool.take("gates", n_steps, K, 2 * n, B)
        self.rz, self.reset, self.z = gates.unbind(0), gates[:, :, :n].unbind(0), gates[:, :, n:].unbind(0)
        self.new = self.pool.take("new", n_steps, K, n, B).unbind(0)
        self.kept = self.pool.take("q", n_steps, K, n, B).unbind(0)
        self.a_both, self.a_q, self.a_d = (self.a[:, rows] for rows in self.named)
        split = (slice(n), slice(n, 2 * n), self.q, self.d)
        self.v_parts = [tuple(v[:, rows] for rows in split) for v in self.v]
        self.carry = self.pool.take("carry", K, n, B)
        self.spare = self.pool.take("spare", K, n, B)

    def advance(self, t: int) -> None:
        rz, new, q = self.rz[t - 1], self.new[t - 1], self.kept[t - 1]
        self.s.apply(self.a_both, rz)
        q.copy_(self.a_q)
        torch.addcmul(self.a_d, self.reset[t - 1], q, out=self.spare)
        self.f.apply(self.spare, new)
        torch.lerp(new, self.r[t - 1], self.z[t - 1], out=self.r[t])

    def end(self) -> None:
        self.carry.zero_()

    def retreat(self, t: int) -> None:
        reset, z, new, q = self.reset[t - 1], self.z[t - 1], self.new[t - 1], self.kept[t - 1]
        v_r, v_z, v_q, v_d = self.v_parts[t - 1]
        g, spare = self.g.add_(self.carry), self.spare
        torch.mul(g, z, out=self.carry)
        torch.sub(g, self.carry, out=spare)  # g (1 - z)
        self.f.back(spare, new, v_d)
        torch.mul(v_d, reset, out=v_q)
        torch.mul(v_d, q, out=spare)
        self.s.back(spare, reset, v_r)
        torch.sub(self.r[t - 1], new, out=spare).mul_(g)
        self.s.back(spare, z, v_z)
