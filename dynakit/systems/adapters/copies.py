"""Float64 copies of a user's modules: what is given is read and checked, never changed."""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ...errors import InputError

WEIGHT_MAKERS = (BasePruningMethod, WeightNorm, SpectralNorm)


def float64_copy(
    module: nn.Module,
    device: torch.device | str | None = None,
    *,
    called: str = "model",
    complex_too: bool = False,
) -> nn.Module:
    """A copy of ``module`` in float64, in eval mode, without gradients, on ``device`` (default: where it is).

    Raises InputError for weights that are not finite real (or ``complex_too``) numbers with data, naming the parameter
    and the argument that it belongs to, which is ``called`` so.
    """
    for name, p in module.named_parameters():
        _check(f"parameter {name} of {called}", p, complex_too=complex_too)
    for name, b in module.named_buffers():
        if b.is_meta or (b.is_complex() and not complex_too):
            raise InputError(f"buffer {name} of {called} must be real numbers, got {b.dtype} on {b.device}")
    twin, where = copied(module, called=called), _usable(device)
    for p in twin.parameters():
        if not p.is_leaf:  # the copy of a scripted module's
            p.detach_()
    twin = twin._apply(lambda t: t.to(where, _wide(t.dtype))) if complex_too else twin.to(where, torch.float64)
    for p in twin.parameters():  # a scripted module has no requires_grad_
        p.requires_grad_(False)
    return with_fresh_weights(twin.eval())


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.complex128 if dtype.is_complex else torch.float64 if dtype.is_floating_point else dtype


def eager(model: Any) -> Any:
    """The module behind ``torch.compile`` or a wrapper for several devices; anything else as it is."""
    while isinstance(model, nn.Module):
        if type(model).__module__.startswith("torch._dynamo") and "_orig_mod" in model._modules:
            model = model._orig_mod
        elif isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        else:
            break
    return model


def copied(module: nn.Module, *, called: str = "model") -> nn.Module:
    """A copy of ``module`` as it is, hooks and all."""
    # deepcopy refuses a tensor that is the result of a calculation, such as a state kept from the last call
    kept = (t for m in module.modules() for v in vars(m).values() for t in _held(v) if not t.is_leaf)
    try:
        return copy.deepcopy(module, {id(t): t.detach().clone() for t in kept})
    except Exception as error:
        raise InputError(f"{called} ({type(module).__name__}) cannot be copied: {error}") from error


class _OneHotEmbedding(nn.Embedding):
    """An embedding of weights of the tokens: the row of a token for its one-hot vector."""

    def forward(self, input: Tensor) -> Tensor:
        return input @ self.weight if input.is_floating_point() else super().forward(input)


def taking_one_hot(module: nn.Module) -> nn.Module:
    """``module``, or where it holds embeddings a copy whose embeddings take one-hot tokens as well."""
    if not any(_is_table(part) for part in module.modules()):
        return module
    twin = copied(module)
    for part in filter(_is_table, twin.modules()):
        part.__class__ = _OneHotEmbedding
    return twin


def _is_table(part: nn.Module) -> bool:
    return type(part) is nn.Embedding and part.max_norm is None


def with_fresh_weights(twin: nn.Module) -> nn.Module:
    """``twin`` with the weights that its hooks (pruning, weight and spectral norm of the old kind) make in a forward.

    Between two forwards such a weight is the one of the last forward, whatever the optimiser has done since.
    """
    for module in twin.modules():
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WEIGHT_MAKERS):
                with torch.no_grad():
                    hook(module, None)
    return twin


def weights_of(
    module: nn.Module, device: torch.device | str | None = None, *, called: str = "model"
) -> Callable[[str], Tensor]:
    """A reader of the module's weights as float64 copies, as any parametrization or mask leaves them."""
    twin = float64_copy(module, device, called=called)
    return lambda name: getattr(twin, name).detach()


def on_a_copy(function: Any, device: torch.device | str | None = None, *, called: str = "model") -> Any:
    """A module, or a method of one, on a float64 copy of the module; any other callable as it is."""
    holder = getattr(function, "__self__", None)
    if isinstance(holder, nn.Module):
        return types.MethodType(function.__func__, float64_copy(holder, device, called=called))
    return float64_copy(function, device, called=called) if isinstance(function, nn.Module) else function


def _held(value: Any) -> list[Tensor]:
    """The tensors among an attribute of a module: itself, or in a list or dictionary, such as that of its buffers."""
    among = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
    return [t for t in among if isinstance(t, Tensor)]


def _check(name: str, p: Tensor, *, complex_too: bool = False) -> None:
    if p.is_meta:
        raise InputError(f"{name} has no data (device meta)")
    if not p.is_floating_point() and not (complex_too and p.is_complex()):
        raise InputError(f"{name} must be real floating-point numbers, got dtype {p.dtype}")
    bad = ~torch.isfinite(p.detach())
    if bool(bad.any()):
        first = tuple(bad.nonzero()[0].tolist())
        raise InputError(
            f"{name} must be finite, but {int(bad.sum())} of {p.numel()} values are not; "
            f"the first is at index {first}"
        )


def _usable(device: torch.device | str | None) -> torch.device | None:
    if device is None:
        return None
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device={str(device)!r} cannot be used here: {str(error).splitlines()[0]}"
        ) from None
