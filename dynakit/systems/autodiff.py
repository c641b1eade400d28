"""Derivatives of maps without a closed form: Jacobians by reverse mode, a few directions by forward mode."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.func import jvp, vmap

from ..errors import InputError

FEW = 2  # sweeps that cost less one by one than as a batch, which has to be set up


def autodiff(f: Any, x: Tensor, out_size: int | None = None, what: str = "f") -> Tensor:
    """The Jacobian (batch, out, in) of a batched map by reverse-mode differentiation.

    Rows of the batch must not influence each other.  A map whose value does not depend on ``x`` through torch
    operations gives zeros if it really is constant, and InputError if it is not.
    """
    if x.shape[-1] == 0:
        return x.new_zeros(len(x), out_size or 0, 0)
    remedy = "use torch operations" + (" or pass jacobian=" if what == "f" else " in it")
    with torch.enable_grad():
        z = x.detach().clone().requires_grad_(True)
        try:
            y = f(z)
        except (RuntimeError, TypeError) as error:  # most often NumPy, which takes no tensor with a gradient
            raise InputError(
                f"{what} cannot be differentiated: {error}; {remedy}"
            ) from error
        if not y.requires_grad:
            if torch.equal(f(z.detach() + 1e-3), y):
                return x.new_zeros(len(x), y.shape[-1], x.shape[-1])
            raise InputError(
                f"{what} cannot be differentiated: its result carries no gradient (is it NumPy, or under no_grad?); "
                f"{remedy}"
            )
        directions = torch.eye(y.shape[-1], dtype=y.dtype, device=y.device)
        directions = directions[:, None, :].expand(-1, len(x), -1)
        try:
            return _backwards(y, z, directions).transpose(0, 1)
        except RuntimeError as error:
            J = _forwards(f, x)
            if J is None:
                raise InputError(
                    f"{what} cannot be differentiated: {error}; {remedy}"
                ) from error
            return J


def _backwards(y: Tensor, z: Tensor, directions: Tensor) -> Tensor:
    """The directions (k, batch, out) taken back from y to z, all at once where that is cheaper."""
    if len(directions) > FEW:
        try:
            return torch.autograd.grad(y, z, directions, is_grads_batched=True, retain_graph=True)[0]
        except RuntimeError:  # a custom backward without a batching rule: one row at a time
            pass
    return torch.stack([torch.autograd.grad(y, z, d, retain_graph=True)[0] for d in directions])


def _forwards(f: Any, x: Tensor) -> Tensor | None:
    """The Jacobian in forward mode, which bears a state that is written over after it is used; None where it fails."""
    eye = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a function of torch's has no rule for batches but a loop
            columns = vmap(lambda e: jvp(f, (x,), (e.expand_as(x),))[1])(eye)
    except (RuntimeError, TypeError, NotImplementedError, InputError):
        return None
    return columns.permute(1, 2, 0)


def autodiff_push(f: Any, x: Tensor, T: Tensor) -> tuple[Tensor, Tensor] | None:
    """f(x) and J T by forward-mode differentiation, T (batch, k, in) and the result (batch, k, out) rows of directions.

    One batched call with each row repeated k times, so ``f`` need bear neither a Jacobian nor torch.func.  None
    where a step of ``f`` has no forward rule, or its value does not depend on ``x`` through torch operations.
    """
    m, k, n = T.shape
    try:
        with forward_ad.dual_level():
            repeated = x.detach()[:, None].expand(m, k, n).reshape(m * k, n).clone()
            y = f(forward_ad.make_dual(repeated, T.detach().reshape(m * k, n).clone()))
            y, moved = forward_ad.unpack_dual(y)
    except (RuntimeError, TypeError, NotImplementedError, InputError):
        return None
    return None if moved is None else (y.reshape(m, k, -1)[:, 0].clone(), moved.reshape(m, k, -1).clone())
