"""Maps made of linear pieces: an affine map plus hinges.

    y = W x + V u + L r + b,   r = relu(y),   F(x, u) = A x + C u + B r + c

``L`` is strictly lower triangular: a hinge may hear the hinges before it, as in a stack of layers or in several
steps taken as one.  Networks with one nonlinear layer need none (the shallow piecewise-linear network of Hess,
Monfared, Brenner and Durstewitz 2023, eq. 2).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Pieces(NamedTuple):
    """A piecewise-linear map under one drive, F(x) = A x + c + B r with r = relu(W x + L r + b)."""

    W: Tensor  # (hinge, unit)
    b: Tensor  # (hinge,)
    A: Tensor  # (unit, unit)
    B: Tensor  # (unit, hinge)
    c: Tensor  # (unit,)
    L: Tensor | None = None  # (hinge, hinge), strictly lower triangular; None = zero

    def hinges(self, x: Tensor) -> Tensor:
        """The y of states (..., unit): positive where a hinge is active."""
        y = x @ self.W.T + self.b
        if self.L is None:
            return y
        for i in range(1, len(self.b)):  # each hears only those before it
            y[..., i] += y[..., :i].clamp_min(0) @ self.L[i, :i]
        return y

    def step(self, x: Tensor) -> Tensor:
        """F(x) for states (..., unit)."""
        return x @ self.A.T + self.c + self.hinges(x).clamp_min(0) @ self.B.T

    def mirrored(self, flip: Tensor) -> Pieces:
        """The same map with the hinges of the mask ``flip`` (hinge,) turned round: relu(y) = y + relu(-y)."""
        E, sign = torch.diag(flip.to(self.b)), 1 - 2 * flip.to(self.b)
        L = _or_zero(self.L, self.b)
        eye = torch.eye(len(L)).to(L)
        K = torch.linalg.solve_triangular(eye - L @ E, eye, upper=False)  # y = K (W x + L r' + b)
        W, b, L = K @ self.W, K @ self.b, K @ L
        through = self.B @ E
        return Pieces(
            sign[:, None] * W,
            sign * b,
            self.A + through @ W,
            self.B + through @ L,
            self.c + through @ b,
            None if self.L is None else sign[:, None] * L,
        )

    def after(self, first: Pieces) -> Pieces:
        """The composition: ``first``, then this map."""
        return Pieces(
            torch.cat([first.W, self.W @ first.A]),
            torch.cat([first.b, self.W @ first.c + self.b]),
            self.A @ first.A,
            torch.cat([self.A @ first.B, self.B], 1),
            self.A @ first.c + self.c,
            _lower(_or_zero(first.L, first.b), self.W @ first.B, _or_zero(self.L, self.b)),
        )

    def repeated(self, k: int) -> Pieces:
        """k steps as one."""
        whole = self
        for _ in range(k - 1):
            whole = self.after(whole)
        return whole


class Readout(NamedTuple):
    """What a system hands on, P x + Q relu(x) + p."""

    P: Tensor  # (output, unit)
    Q: Tensor  # (output, unit)
    p: Tensor  # (output,)

    def then(self, W: Tensor, b: Tensor) -> Readout:
        """An affine readout of it."""
        return Readout(W @ self.P, W @ self.Q, W @ self.p + b)

    def widened(self, n_units: int) -> Readout:
        """The same readout of the last units of a state of ``n_units``."""
        left = self.P.new_zeros(len(self.p), n_units - self.P.shape[1])
        return Readout(torch.cat([left, self.P], 1), torch.cat([left, self.Q], 1), self.p)


class OpenPieces(NamedTuple):
    """A piecewise-linear map with an input."""

    W: Tensor  # (hinge, unit)
    V: Tensor  # (hinge, input)
    b: Tensor  # (hinge,)
    A: Tensor  # (unit, unit)
    C: Tensor  # (unit, input)
    B: Tensor  # (unit, hinge)
    c: Tensor  # (unit,)
    L: Tensor | None = None  # (hinge, hinge), strictly lower triangular; None = zero

    def under(self, u: Tensor) -> Pieces:
        """The map under a constant input (input,)."""
        return Pieces(self.W, self.V @ u + self.b, self.A, self.B, self.C @ u + self.c, self.L)

    def fed(self, readout: Readout) -> Pieces:
        """The map that hears its own readout; the hinges relu(x) of the readout come first."""
        W, b = self.W + self.V @ readout.P, self.V @ readout.p + self.b
        A, c = self.A + self.C @ readout.P, self.C @ readout.p + self.c
        if not bool(readout.Q.any()):
            return Pieces(W, b, A, self.B, c, self.L)
        eye, nothing, into = torch.eye(len(A)).to(W), torch.zeros_like(c), self.V @ readout.Q
        if torch.equal(W, eye) and not bool(b.any()) and not bool(into.any()):  # its hinges are these already
            return Pieces(W, b, A, self.B + self.C @ readout.Q, c, self.L)
        L = _lower(_or_zero(None, nothing), into, _or_zero(self.L, b))
        B = torch.cat([self.C @ readout.Q, self.B], 1)
        return Pieces(torch.cat([eye, W]), torch.cat([nothing, b]), A, B, c, L)

    def onto(self, below: OpenPieces, heard: Readout) -> OpenPieces:
        """This layer on top of others, of whose next state x' it hears P x' + p in the same step."""
        V, C = self.V @ heard.P, self.C @ heard.P
        return OpenPieces(
            _lower(below.W, V @ below.A, self.W),
            torch.cat([below.V, V @ below.C]),
            torch.cat([below.b, self.b + self.V @ heard.p + V @ below.c]),
            _lower(below.A, C @ below.A, self.A),
            torch.cat([below.C, C @ below.C]),
            _lower(below.B, C @ below.B, self.B),
            torch.cat([below.c, self.c + self.C @ heard.p + C @ below.c]),
            _lower(_or_zero(below.L, below.b), V @ below.B, _or_zero(self.L, self.b)),
        )


def _lower(first: Tensor, between: Tensor, second: Tensor) -> Tensor:
    """The block lower triangular matrix [[first, 0], [between, second]]."""
    return torch.cat(
        [torch.cat([first, first.new_zeros(len(first), second.shape[1])], 1), torch.cat([between, second], 1)]
    )


def _or_zero(L: Tensor | None, b: Tensor) -> Tensor:
    return b.new_zeros(len(b), len(b)) if L is None else L
