"""Piecewise-linear maps given by their matrices: the shallow network of Hess, Monfared, Brenner and Durstewitz 2023."""

from __future__ import annotations

from torch import Tensor

from ...wording import counted
from ..base import System
from ..pieces import OpenPieces, Pieces
from .cells import fingerprint


class HingeMap(System):
    """x' = A x + c + B relu(W x + b), autonomous."""

    def __init__(self, pieces: Pieces) -> None:
        n = len(pieces.A)
        super().__init__(
            n,
            regularity="piecewise_linear",
            device=pieces.A.device,
            name=f"piecewise-linear map of {counted(n, 'unit')}",
        )
        self.form = pieces
        self.fingerprint = fingerprint(self.name, *pieces)

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return self.form.step(x)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        active = (self.form.hinges(x) > 0).to(x.dtype)
        return self.form.A + (self.form.B * active[:, None]) @ self.form.W

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        active = (self.form.hinges(x) > 0).to(x.dtype)
        return self._step(x, u), T @ self.form.A.T + (active[:, None] * (T @ self.form.W.T)) @ self.form.B.T

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return self.form.hinges(x).abs().amin(-1) if len(self.form.b) else super()._kinks(x, u)

    def open_pieces(self) -> OpenPieces:
        W, b, A, B, c, _ = self.form
        return OpenPieces(W, W.new_zeros(len(b), 0), b, A, A.new_zeros(len(c), 0), B, c)
