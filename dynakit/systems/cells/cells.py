"""What cells share, and the layer without gates (Elman) as a pure map in float64, with closed-form Jacobians.

Derivatives of the activations are taken from the pre-activations, so they stay accurate where a unit saturates.
"""

from __future__ import annotations

import copy
import hashlib
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...models.activations import activation as activation_named
from ..base import Bounds, System
from ..pieces import OpenPieces, Readout
from ..rate_form import RateForm, of_layer


def zeros(like: Tensor, *shape: int) -> Tensor:
    """A matrix of zeros of this shape per element of the batch ``like``.

    NumPy asks the kernel for huge pages where torch does not, and fresh pages are zero already; for a batch of
    Jacobians of 32 MB the page faults would otherwise take longer than the arithmetic.
    """
    if like.device.type != "cpu":
        return like.new_zeros(len(like), *shape)
    dtype = np.float32 if like.dtype == torch.float32 else np.float64
    return torch.from_numpy(np.zeros((len(like), *shape), dtype))


def in_single_precision(system: System) -> Any:
    """A shallow copy of ``system`` that holds, takes and returns float32."""
    twin = copy.copy(system)
    for name, value in vars(system).items():
        if isinstance(value, Tensor):
            setattr(twin, name, value.float())
    twin.dtype = torch.float32
    return twin


def affine_range(W: Tensor, b: Tensor, box: Bounds) -> Bounds:
    """Bounds of W v + b over the box, by interval arithmetic."""
    middle, radius = (box.hi + box.lo) / 2, (box.hi - box.lo) / 2
    centre, spread = W @ middle + b, W.abs() @ radius
    return Bounds(centre - spread, centre + spread)


def norm(W: Tensor) -> float:
    """An upper bound of |D W v| / |D v| over all v, rounding included, for the better of two diagonal D: one, and that
    of Perron's vectors of |W|, for which it is no more than the spectral radius of |W| (Buehner and Young 2006)."""
    values, right = torch.linalg.eig(W.abs())
    left = torch.linalg.eig(W.abs().T)
    r, l = (
        vectors[:, of.real.argmax()].real.abs().clamp_min(1e-6)
        for of, vectors in ((values, right), (left[0], left[1]))
    )
    scale = (l / r).sqrt()
    scaled = scale[:, None] * W / scale
    least = min(float(torch.linalg.matrix_norm(A, 2)) for A in (W, scaled))
    return least * (1 + 1e-9)


def fingerprint(*items: Tensor | str | None) -> str:
    """SHA-256 over names, other fingerprints, and the shapes, dtypes and values of tensors."""
    digest = hashlib.sha256()
    for item in items:
        if isinstance(item, str):
            digest.update(item.encode())
        elif item is not None:
            array = item.detach().cpu().contiguous().numpy()
            digest.update(f"{array.shape}{array.dtype}".encode() + array.tobytes())
    return digest.hexdigest()


class Cell(System):
    """A layer that hands on the first ``output_size`` units of its state, and whose weights are float64 tensors.

    ``gates`` names the blocks of rows of W_in and W_rec, in their order; empty for a layer without gates.
    """

    gates = ""
    copies = 4

    def __init__(self, W_in: Tensor, W_rec: Tensor, n: int, parts: dict[str, slice], **kwargs: Any) -> None:
        state_size = max(s.stop for s in parts.values())
        super().__init__(state_size, W_in.shape[1], output_size=n, parts=parts, device=W_rec.device, **kwargs)
        self.W_in, self.W_rec = W_in, W_rec
        self.sparse: Tensor | None = None  # W_rec in compressed rows, where products with it are to be faster

    def single_precision(self) -> System:
        return in_single_precision(self)

    def _observe(self, x: Tensor) -> Tensor:
        return x[..., : self.output_size]

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        eye = torch.eye(self.output_size, self.state_size, dtype=x.dtype, device=x.device)
        return eye.expand(len(x), -1, -1)

    def _observe_push(self, x: Tensor, T: Tensor) -> Tensor:
        return T[..., : self.output_size]

    def _recurrent(self, x: Tensor) -> Tensor:
        """W_rec x for x (..., unit)."""
        if self.sparse is not None and type(x) is Tensor:
            with suppress(RuntimeError):  # torch.func.vmap has no rule for sparse products
                return (self.sparse @ x.reshape(-1, x.shape[-1]).T).T.reshape(x.shape)
        return x @ self.W_rec.T

    def _drive_push(self, T: Tensor, V: Tensor | None) -> Tensor:
        """What directions do to W_rec x + W_in u."""
        moved = self._recurrent(T)
        return moved if V is None else moved + V @ self.W_in.T

    def rate_form(self) -> RateForm | str:
        return "it has gates" if self.gates else super().rate_form()

    def readout_pieces(self) -> Readout | None:
        P = torch.eye(self.output_size, self.state_size).to(self.W_rec)
        return Readout(P, torch.zeros_like(P), P.new_zeros(self.output_size))

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        gates = self.gates or ("rec",)
        return {
            f"W_{gate}": W.numpy(force=True).copy() for gate, W in zip(gates, self.W_rec.chunk(len(gates)))
        }

    def rewired(self, weights: dict[str, np.ndarray]) -> System:
        blocks = [torch.from_numpy(weights[name]).to(self.W_rec) for name in self.recurrent_weights()]
        twin = copy.copy(self)
        twin.W_rec, twin.sparse = torch.cat(blocks), None
        twin.fingerprint = fingerprint(self.fingerprint, twin.W_rec)
        return twin


class ElmanCell(Cell):
    """h' = f(W h + W_in u + b) (Elman 1990)."""

    def __init__(self, W_in: Tensor, W_rec: Tensor, b: Tensor, activation: str = "tanh") -> None:
        self.f = activation_named(activation)
        super().__init__(
            W_in,
            W_rec,
            len(W_rec),
            {"h": slice(0, len(W_rec))},
            regularity="piecewise_linear" if self.f.piecewise_linear else "smooth",
            name=f"Elman ({activation})",
        )
        self.b, self.fingerprint = b, fingerprint(self.name, W_in, W_rec, b)

    def _pre(self, x: Tensor, u: Tensor) -> Tensor:
        return self._recurrent(x) + (u @ self.W_in.T + self.b)

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return self.f.function(self._pre(x, u))

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.mul(
            self.f.slope(self._pre(x, u))[..., None], self.W_rec, out=zeros(x, *self.W_rec.shape)
        )

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self.f.slope(self._pre(x, u))[..., None] * self.W_in

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        pre = self._pre(x, u)
        return self.f.function(pre), self.f.slope(pre)[:, None] * self._drive_push(T, V)

    def lipschitz(self) -> float:
        return self.f.steepest * norm(self.W_rec)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return self._pre(x, u).abs().amin(-1) if self.f.piecewise_linear else super()._kinks(x, u)

    def rate_form(self) -> RateForm | str:
        return of_layer(self, of_currents=False)

    def open_pieces(self) -> OpenPieces | None:
        if not self.f.piecewise_linear:
            return None
        eye, b = torch.eye(self.state_size).to(self.W_rec), self.b
        return OpenPieces(self.W_rec, self.W_in, b, 0 * eye, 0 * self.W_in, eye, torch.zeros_like(b))

    def _box(self, inputs: Bounds) -> Bounds | None:
        return self.observe_bounds()

    def observe_bounds(self) -> Bounds | None:
        return constant_box(self.f.bounds, self.b)


def constant_box(bounds: tuple[float, float] | None, like: Tensor) -> Bounds | None:
    """The same interval for every unit, or None without bounds."""
    if bounds is None:
        return None
    return Bounds(torch.full_like(like, bounds[0]), torch.full_like(like, bounds[1]))
