"""Leaky rate networks as a pure map in float64, with closed-form Jacobians."""

from __future__ import annotations

import torch
from torch import Tensor

from ...models.activations import activation as activation_named
from ..base import Bounds
from ..pieces import OpenPieces, Readout
from ..rate_form import RateForm, of_layer
from .cells import Cell, affine_range, constant_box, fingerprint, norm, zeros


class LeakyCell(Cell):
    """The three leaky rate equations in use; alpha = dt / tau, a number or one per unit.

    "current":   x' = (1-a) x + a (W f(x) + W_in u + b)      (Song, Yang and Wang 2016)
    "rate":      r' = (1-a) r + a f(W r + W_in u + b)        (Yang et al. 2019)
    "rectified": r' = f((1-a) r + a (W r + W_in u + b))
    """

    def __init__(
        self,
        W_in: Tensor,
        W_rec: Tensor,
        b: Tensor,
        *,
        alpha: float | Tensor,
        activation: str = "relu",
        form: str = "current",
    ) -> None:
        self.f, self.form = activation_named(activation), form
        n = len(W_rec)
        super().__init__(
            W_in,
            W_rec,
            n,
            {"x" if form == "current" else "r": slice(0, n)},
            regularity="piecewise_linear" if self.f.piecewise_linear else "smooth",
            name=f"leaky network ({activation}, {form} form)",
        )
        self.b, self._alpha, self.euler = b, alpha, form != "rectified"
        each = isinstance(alpha, Tensor)
        self.alpha = alpha.numpy(force=True).copy() if each else alpha
        self.fingerprint = fingerprint(self.name, alpha if each else f"{alpha:.17g}", W_in, W_rec, b)

    def lipschitz(self) -> float:
        a, steepest, eye = self._alpha, self.f.steepest, torch.eye(len(self.W_rec)).to(self.W_rec)
        if self.form == "rectified":
            return steepest * norm((1 - a) * eye + self._leaking(self.W_rec))
        if not isinstance(a, Tensor):
            return abs(1 - a) + a * steepest * norm(self.W_rec)
        return norm((1 - a) * eye + steepest * self._leaking(self.W_rec).abs())  # no entry of a Jacobian is larger

    def _pre(self, x: Tensor, u: Tensor) -> Tensor:
        """What the activation is applied to."""
        if self.form == "current":
            return x
        drive = self._recurrent(x) + (u @ self.W_in.T + self.b)
        return drive if self.form == "rate" else torch.lerp(x, drive, self._alpha)

    def _leaking(self, W: Tensor) -> Tensor:
        """alpha W for weights (unit, ...): each row by the alpha of its unit."""
        return (self._alpha[:, None] if isinstance(self._alpha, Tensor) else self._alpha) * W

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        active = self.f.function(self._pre(x, u))
        if self.form == "current":
            return torch.lerp(x, active @ self.W_rec.T + (u @ self.W_in.T + self.b), self._alpha)
        return torch.lerp(x, active, self._alpha) if self.form == "rate" else active

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        a, slope = self._alpha, self.f.slope(self._pre(x, u))
        if self.form == "current":
            J = torch.mul(self._leaking(self.W_rec), slope[..., None, :], out=zeros(x, *self.W_rec.shape))
        else:
            J = torch.mul((a * slope)[..., None], self.W_rec, out=zeros(x, *self.W_rec.shape))
        leak = (1 - a) * slope if self.form == "rectified" else (1 - a) * torch.ones_like(slope)
        J.diagonal(dim1=-2, dim2=-1).add_(leak)
        return J

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        if self.form == "current":
            return self._leaking(self.W_in).expand(len(x), -1, -1)
        return (self._alpha * self.f.slope(self._pre(x, u)))[..., None] * self.W_in

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        a, slope = self._alpha, self.f.slope(self._pre(x, u))[:, None]
        if self.form == "current":
            moved = torch.lerp(T, self._drive_push(slope * T, V), a)
        elif self.form == "rate":
            moved = torch.lerp(T, slope * self._drive_push(T, V), a)
        else:
            moved = slope * torch.lerp(T, self._drive_push(T, V), a)
        return self._step(x, u), moved

    def _observe_push(self, x: Tensor, T: Tensor) -> Tensor:
        return self.f.slope(x)[:, None] * T if self.form == "current" else T

    def _observe(self, x: Tensor) -> Tensor:
        return self.f.function(x) if self.form == "current" else x

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        return torch.diag_embed(self.f.slope(x) if self.form == "current" else torch.ones_like(x))

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return self._pre(x, u).abs().amin(-1) if self.f.piecewise_linear else super()._kinks(x, u)

    def rate_form(self) -> RateForm | str:
        if self.form != "rectified":
            return of_layer(self, of_currents=self.form == "current", alpha=self._alpha)
        form = of_layer(self, of_currents=False, alpha=None)
        return form if self.f.piecewise_linear else form._replace(leak=self._alpha)

    def open_pieces(self) -> OpenPieces | None:
        if not self.f.piecewise_linear:
            return None
        a, W, V, b = self._alpha, self.W_rec, self.W_in, self.b
        aW, aV = self._leaking(W), self._leaking(V)
        eye, none, nothing = torch.eye(self.state_size).to(W), torch.zeros_like(V), torch.zeros_like(b)
        if self.form == "current":
            return OpenPieces(eye, none, nothing, (1 - a) * eye, aV, aW, a * b)
        if self.form == "rate":
            return OpenPieces(W, V, b, (1 - a) * eye, none, a * eye, nothing)
        return OpenPieces((1 - a) * eye + aW, aV, a * b, 0 * eye, none, eye, nothing)

    def readout_pieces(self) -> Readout | None:
        plain = super().readout_pieces()
        if self.form != "current" or plain is None:
            return plain
        return Readout(plain.Q, plain.P, plain.p) if self.f.piecewise_linear else None

    def _box(self, inputs: Bounds) -> Bounds | None:
        rates = self.observe_bounds()
        if rates is None or self.form != "current":
            return rates
        drive = affine_range(self.W_in, self.b, inputs)
        reach = affine_range(self.W_rec, torch.zeros_like(self.b), rates)
        slack = 1e-6 * (1 + torch.maximum(drive.lo.abs() + reach.lo.abs(), drive.hi.abs() + reach.hi.abs()))
        return Bounds(drive.lo + reach.lo - slack, drive.hi + reach.hi + slack)

    def observe_bounds(self) -> Bounds | None:
        return constant_box(self.f.bounds, self.b)
