"""Long short-term memory as a pure map with closed-form Jacobians; the state is [h, c]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ... import linalg
from ..base import Bounds
from .cells import affine_range, constant_box, fingerprint, zeros
from .gates import Gated, one_row


class LSTMCell(Gated):
    """Long short-term memory with forget gate, state [h, c] (Hochreiter and Schmidhuber 1997; Gers 2000).

    i, f, o = sigmoid(...), g = tanh(...), c' = f c + i g, h' = o tanh(c').  With ``peephole`` (3, n) the gates
    i and f also see c, and o sees c' (Gers and Schmidhuber 2000).
    """

    gates = "ifgo"

    def __init__(
        self,
        W_in: Tensor,
        W_rec: Tensor,
        b: Tensor,
        peephole: Tensor | None = None,
        *,
        recurrent_activation: str = "sigmoid",
        activation: str = "tanh",
    ) -> None:
        n = W_rec.shape[1]
        name = "LSTM" if peephole is None else "LSTM with peepholes"
        super().__init__(W_in, W_rec, n, {"h": slice(0, n), "c": slice(n, 2 * n)}, name=name)
        self._choose(recurrent_activation, activation)
        self.b, self.peephole = b, peephole
        self.fingerprint = fingerprint(self.name, W_in, W_rec, b, peephole)

    def _gates(self, x: Tensor, u: Tensor) -> tuple[Tensor, ...]:
        """c, the pre-activations of i, f, g and o, and the next c."""
        h, c = x.chunk(2, -1)
        a_i, a_f, a_g, a_o = (h @ self.W_rec.T + (u @ self.W_in.T + self.b)).chunk(4, -1)
        if self.peephole is not None:
            a_i, a_f = a_i + self.peephole[0] * c, a_f + self.peephole[1] * c
        c_next = self.s.function(a_f) * c + self.s.function(a_i) * self.f.function(a_g)
        if self.peephole is not None:
            a_o = a_o + self.peephole[2] * c_next
        return c, a_i, a_f, a_g, a_o, c_next

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return self._next(self._gates(x, u))

    def _stepping(self, u: Tensor) -> Callable[[Tensor], Tensor]:
        if self.peephole is not None or not self.usual:
            return super()._stepping(u)
        bias, W, n = one_row(u) @ self.W_in.T + self.b, self.W_rec.T, self.output_size

        def step(x: Tensor) -> Tensor:
            gates, following = torch.addmm(bias, x[:, :n], W), torch.empty_like(x)
            (i, f), o = gates[:, : 2 * n].sigmoid_().chunk(2, -1), gates[:, 3 * n :].sigmoid_()
            h, c = following.chunk(2, -1)
            torch.mul(f, x[:, n:], out=c).addcmul_(i, gates[:, 2 * n : 3 * n].tanh_())
            torch.mul(o, torch.tanh(c), out=h)
            return following

        return step

    def _next(self, gates: tuple[Tensor, ...]) -> Tensor:
        *_, a_o, c_next = gates
        return torch.cat([self.s.function(a_o) * self.f.function(c_next), c_next], -1)

    def _coefficients(self, gates: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Derivatives of c' by a_i, a_f, a_g and c, and of h' by a_o and c'."""
        c, a_i, a_f, a_g, a_o, c_next = gates
        a = torch.stack([a_i, a_f, a_o])
        (i, f, o), (i_slope, f_slope, o_slope) = self.s.function(a), self.s.slope(a)
        a = torch.stack([a_g, c_next])
        (g, y), (g_slope, y_slope) = self.f.function(a), self.f.slope(a)
        by_i, by_f, by_g, by_c = g * i_slope, c * f_slope, i * g_slope, f
        by_o, through = y * o_slope, o * y_slope
        if self.peephole is not None:
            by_c = by_c + by_i * self.peephole[0] + by_f * self.peephole[1]
            through = through + by_o * self.peephole[2]
        return by_i, by_f, by_g, by_c, by_o, through

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        by_i, by_f, by_g, by_c, by_o, through = self._coefficients(self._gates(x, u))
        n, m = self.output_size, len(x)
        J = zeros(x, 2 * n, 2 * n)
        J[:, :n, n:].diagonal(dim1=-2, dim2=-1).copy_(through * by_c)
        J[:, n:, n:].diagonal(dim1=-2, dim2=-1).copy_(by_c)
        h_by_gates = torch.stack([through * by_i, through * by_f, through * by_g, by_o], -1)
        c_by_gates = torch.stack([by_i, by_f, by_g, torch.zeros_like(by_o)], -1)
        mixing = torch.stack([h_by_gates, c_by_gates], 1).reshape(2 * m, n, 4)
        _mix(mixing, self.W_rec, out=J.view(2 * m, n, 2 * n)[:, :, :n])
        return J

    def _jacobian_factors(self, x: Tensor, u: Tensor) -> list[Tensor]:
        """[h, c] -> [c', h] -> [by_o W_o h, c'] -> [h', c']: where gates are shut, rows of h' and c' are parallel to
        more digits than their sum has."""
        by_i, by_f, by_g, by_c, by_o, through = self._coefficients(self._gates(x, u))
        n = self.output_size
        to_c, to_o, to_h = zeros(x, 2 * n, 2 * n), zeros(x, 2 * n, 2 * n), zeros(x, 2 * n, 2 * n)
        mixing = torch.stack([by_i, by_f, by_g, torch.zeros_like(by_o)], -1)
        _mix(mixing, self.W_rec, out=to_c[:, :n, :n])
        to_c[:, :n, n:].diagonal(dim1=-2, dim2=-1).copy_(by_c)
        torch.mul(by_o[..., None], self.W_rec[3 * n :], out=to_o[:, :n, n:])
        to_h[:, :n, n:].diagonal(dim1=-2, dim2=-1).copy_(through)
        for one in (to_c[:, n:, :n], to_o[:, n:, :n], to_h):
            one.diagonal(dim1=-2, dim2=-1).fill_(1.0)
        return [to_c, to_o, to_h]

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        by_i, by_f, by_g, _, by_o, through = self._coefficients(self._gates(x, u))
        U_i, U_f, U_g, U_o = self.W_in.chunk(4)
        c_by_u = by_i[..., None] * U_i + by_f[..., None] * U_f + by_g[..., None] * U_g
        return torch.cat([through[..., None] * c_by_u + by_o[..., None] * U_o, c_by_u], -2)

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        gates, n = self._gates(x, u), self.output_size
        by_i, by_f, by_g, by_c, by_o, through = (c[:, None] for c in self._coefficients(gates))
        to_i, to_f, to_g, to_o = self._drive_push(T[..., :n], V).chunk(4, -1)
        moved = T.new_empty(T.shape)
        h, c = moved.chunk(2, -1)
        torch.mul(by_c, T[..., n:], out=c)
        c.addcmul_(by_i, to_i).addcmul_(by_f, to_f).addcmul_(by_g, to_g)
        torch.mul(through, c, out=h).addcmul_(by_o, to_o)
        return self._next(gates), moved

    def newton_step(self, x: Any, u: Any, r: Tensor) -> tuple[Tensor, Tensor]:
        """Solve (J - I) p = -r through the Schur complement of c, whose block is diagonal: n x n, not 2n."""
        flat, inputs, _ = self.as_batch(x, u)
        by_i, by_f, by_g, by_c, by_o, through = self._coefficients(self._gates(flat, inputs))
        gap = 1 - by_c
        if not bool((gap.abs() > 1e-8).all()):  # a cell that neither forgets nor leaks: use the whole matrix
            return super().newton_step(x, u, r)
        n, by_h = self.output_size, through / gap  # h' by what feeds c, once c has been eliminated
        mixing = torch.stack([by_h * by_i, by_h * by_f, by_h * by_g, by_o], -1)
        M = _mix(mixing, self.W_rec, out=zeros(flat, n, n))
        M.diagonal(dim1=-2, dim2=-1).sub_(1.0)
        r_h, r_c = r.chunk(2, -1)
        p_h, usable = linalg.solve(M, -r_h - by_h * by_c * r_c)
        a_i, a_f, a_g = (p_h @ self.W_rec[: 3 * n].T).chunk(3, -1)
        p_c = (r_c + by_i * a_i + by_f * a_f + by_g * a_g) / gap
        return torch.where(usable[:, None], torch.cat([p_h, p_c], -1), 0.0), usable

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        _, a_i, a_f, a_g, a_o, c_next = self._gates(x, u)
        return self._nearest(x, (a_i, a_f, a_o), (a_g, c_next))

    def _box(self, inputs: Bounds) -> Bounds | None:
        h = self.observe_bounds()
        if (
            self.peephole is not None or h is None
        ):  # a positive forget peephole can hold any c: no bound in general
            return None
        drive = affine_range(self.W_in, self.b, inputs)
        reach = affine_range(self.W_rec, torch.zeros_like(self.b), h)
        lo, hi = (drive.lo + reach.lo).chunk(4), (drive.hi + reach.hi).chunk(4)
        g = torch.maximum(self.f.function(lo[2]).abs(), self.f.function(hi[2]).abs())
        c = self.s.function(hi[0]) * g / self.s.function(-hi[1])  # |c'| <= f c + i g
        c = c * (1 + 1e-6) + 1e-6
        if not bool(torch.isfinite(c).all()):  # a forget gate that is 1, be it in floating point
            return None
        return Bounds(torch.cat([h.lo, -c]), torch.cat([h.hi, c]))

    def observe_bounds(self) -> Bounds | None:
        bounded = self.f.bounds is not None
        return constant_box((-1.0, 1.0), self.b[: self.output_size]) if bounded else None


def _mix(coefficients: Tensor, W: Tensor, out: Tensor) -> Tensor:
    """Row k of the result mixes row k of the four gates: one product per unit, written in place.

    ``coefficients`` (batch, n, 4), W (4 n, n), ``out`` (batch, n, n).
    """
    gates = W.unflatten(0, (4, -1)).transpose(0, 1)
    torch.bmm(coefficients.transpose(0, 1), gates, out=out.transpose(0, 1))
    return out
