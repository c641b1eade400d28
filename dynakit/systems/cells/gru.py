"""The gated recurrent unit, its reset gate after or before the product, as a pure map with closed-form Jacobians."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..base import Bounds, System
from .cells import affine_range, constant_box, fingerprint, zeros
from .gates import Gated, one_row


class GRUCell(Gated):
    """The gated recurrent unit as torch has it: the reset gate acts after the product (Cho 2014; cuDNN).

    r, z = sigmoid(W_rz h + ...), n = tanh(U_n u + b_n + r (W_n h + c_n)), h' = (1 - z) n + z h.
    """

    gates = "rzn"
    called = "GRU"

    def __init__(
        self,
        W_in: Tensor,
        W_rec: Tensor,
        b_in: Tensor,
        b_rec: Tensor,
        *,
        recurrent_activation: str = "sigmoid",
        activation: str = "tanh",
    ) -> None:
        n = W_rec.shape[1]
        super().__init__(W_in, W_rec, n, {"h": slice(0, n)}, name=self.called)
        self._choose(recurrent_activation, activation)
        self.b_in, self.b_rec = b_in, b_rec
        self.fingerprint = fingerprint(self.name, W_in, W_rec, b_in, b_rec)

    def _gates(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pre-activations of r and z, the recurrent drive of n, and the pre-activation of n."""
        r_in, z_in, n_in = (u @ self.W_in.T + self.b_in).chunk(3, -1)
        r_rec, z_rec, m = (x @ self.W_rec.T + self.b_rec).chunk(3, -1)
        a_r = r_in + r_rec
        return a_r, z_in + z_rec, m, n_in + self.s.function(a_r) * m

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return self._next(x, self._gates(x, u))

    def _stepping(self, u: Tensor) -> Callable[[Tensor], Tensor]:
        if not self.usual:
            return super()._stepping(u)
        drive, W, n = one_row(u) @ self.W_in.T + self.b_in, self.W_rec.T, self.state_size
        n_in = drive[:, 2 * n :].clone()
        drive[:, 2 * n :] = 0.0
        bias = drive + self.b_rec

        def step(x: Tensor) -> Tensor:
            gates = torch.addmm(bias, x, W)
            r, z = gates[:, : 2 * n].sigmoid_().chunk(2, -1)
            return torch.addcmul(n_in, r, gates[:, 2 * n :]).tanh_().lerp_(x, z)

        return step

    def _next(self, x: Tensor, gates: tuple[Tensor, ...]) -> Tensor:
        _, a_z, _, a_n = gates
        return torch.lerp(self.f.function(a_n), x, self.s.function(a_z))

    def _coefficients(self, x: Tensor, gates: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Derivatives of h' by a_r, a_z and a_n; then r and z."""
        a_r, a_z, m, a_n = gates
        by_n = self.s.function(-a_z) * self.f.slope(a_n)
        by_z = (x - self.f.function(a_n)) * self.s.slope(a_z)
        return by_n * m * self.s.slope(a_r), by_z, by_n, self.s.function(a_r), self.s.function(a_z)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        by_r, by_z, by_n, r, z = self._coefficients(x, self._gates(x, u))
        W_r, W_z, W_n = self.W_rec.chunk(3)
        J = torch.mul(by_z[..., None], W_z, out=zeros(x, *W_z.shape))
        J.addcmul_(by_r[..., None], W_r).addcmul_((by_n * r)[..., None], W_n)
        J.diagonal(dim1=-2, dim2=-1).add_(z)
        return J

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        by_r, by_z, by_n, *_ = self._coefficients(x, self._gates(x, u))
        U_r, U_z, U_n = self.W_in.chunk(3)
        return by_z[..., None] * U_z + by_r[..., None] * U_r + by_n[..., None] * U_n

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        gates = self._gates(x, u)
        by_r, by_z, by_n, r, z = (c[:, None] for c in self._coefficients(x, gates))
        to_r, to_z, to_n = (T @ self.W_rec.T).chunk(3, -1)
        moved = (by_r * to_r).addcmul_(by_z, to_z).addcmul_(by_n * r, to_n).addcmul_(z, T)
        if V is not None:
            to_r, to_z, to_n = (V @ self.W_in.T).chunk(3, -1)
            moved.addcmul_(by_r, to_r).addcmul_(by_z, to_z).addcmul_(by_n, to_n)
        return self._next(x, gates), moved

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        a_r, a_z, _, a_n = self._gates(x, u)
        return self._nearest(x, (a_r, a_z), (a_n,))

    def _box(self, inputs: Bounds) -> Bounds | None:
        box, n = self.observe_bounds(), self.state_size
        if box is None or not self.s.kinks:
            return box
        rows = slice(n, 2 * n)  # of z; where it may be 1 a unit stands still, at the edge of the box as well
        drive = affine_range(self.W_in[rows], self.b_in[rows] + self.b_rec[rows], inputs)
        reach = affine_range(self.W_rec[rows], torch.zeros_like(self.b_rec[rows]), box)
        opens = self.s.function(-(drive.hi + reach.hi)) > 1e-6
        return box if bool(opens.all()) else None

    def observe_bounds(self) -> Bounds | None:
        bounded = self.f.bounds is not None
        return constant_box((-1.0, 1.0), self.b_rec[: self.output_size]) if bounded else None


class EarlyResetGRUCell(GRUCell):
    """The gated recurrent unit whose reset gate acts before the product (Cho 2014, as published).

    r, z = sigmoid(W_rz h + ...), n = tanh(U_n u + W_n (r h) + b_n), h' = (1 - z) n + z h.
    """

    called = "GRU, reset before"

    def _gates(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pre-activations of r and z, the state (what r multiplies), and the pre-activation of n."""
        rows = 2 * self.state_size
        a, b_n = u @ self.W_in.T + self.b_in, self.b_rec[rows:]
        a_r, a_z = (a[..., :rows] + (x @ self.W_rec[:rows].T + self.b_rec[:rows])).chunk(2, -1)
        return a_r, a_z, x, a[..., rows:] + ((self.s.function(a_r) * x) @ self.W_rec[rows:].T + b_n)

    def _stepping(self, u: Tensor) -> Callable[[Tensor], Tensor]:
        return System._stepping(self, u)

    def _coefficients(self, x: Tensor, gates: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Derivatives of r h by a_r, of h' by a_z and a_n; then r and z."""
        a_r, a_z, _, a_n = gates
        by_n = self.s.function(-a_z) * self.f.slope(a_n)
        by_z = (x - self.f.function(a_n)) * self.s.slope(a_z)
        return x * self.s.slope(a_r), by_z, by_n, self.s.function(a_r), self.s.function(a_z)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        by_r, by_z, by_n, r, z = self._coefficients(x, self._gates(x, u))
        W_r, W_z, W_n = self.W_rec.chunk(3)
        heard = by_r[..., None] * W_r
        heard.diagonal(dim1=-2, dim2=-1).add_(r)
        J = torch.mul(by_z[..., None], W_z, out=zeros(x, *W_z.shape))
        J.addcmul_(by_n[..., None], W_n @ heard)
        J.diagonal(dim1=-2, dim2=-1).add_(z)
        return J

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        by_r, by_z, by_n, *_ = self._coefficients(x, self._gates(x, u))
        U_r, U_z, U_n = self.W_in.chunk(3)
        to_n = U_n + self.W_rec[2 * self.state_size :] @ (by_r[..., None] * U_r)
        return by_z[..., None] * U_z + by_n[..., None] * to_n

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        gates, rows = self._gates(x, u), 2 * self.state_size
        by_r, by_z, by_n, r, z = (c[:, None] for c in self._coefficients(x, gates))
        to_r, to_z = (T @ self.W_rec[:rows].T).chunk(2, -1)
        to_n = 0.0
        if V is not None:
            from_r, from_z, to_n = (V @ self.W_in.T).chunk(3, -1)
            to_r, to_z = to_r + from_r, to_z + from_z
        to_n = (by_r * to_r + r * T) @ self.W_rec[rows:].T + to_n
        return self._next(x, gates), by_z * to_z + by_n * to_n + z * T
