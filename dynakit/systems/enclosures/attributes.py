"""What code asks of a jet besides its values, its type and its sizes, and the tensors that it makes like one."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from .constants import Unsupported, exact
from .jets import OPERATIONS, Jet, operation
from .rearranging import rearranged


@operation("clone")
def _clone(a: Jet, *_: Any, **__: Any) -> Jet:
    return a.copy()


@operation("contiguous", "detach", "cpu", "requires_grad_", "conj", "real", "positive")
def _same(a: Jet, *_: Any, **__: Any) -> Jet:
    return a.alias()


@operation("double")
def _double(a: Jet, *_: Any, **__: Any) -> Jet:
    return _number(a) if a.is_mask else a.alias()


def _number(mask: Jet) -> Jet:
    """A comparison as 0 and 1."""
    return mask.like(mask.value, mask.tangent)


@operation("float")
def _float(a: Jet, *_: Any, **__: Any) -> Jet:
    return _in_type(a, torch.float32)


def _in_type(a: Jet, dtype: torch.dtype) -> Jet:
    """In a type of which the surroundings may make another, as :class:`..foreign.InFloat64` does."""
    meant = torch.empty(0, dtype=dtype).dtype
    if meant == torch.complex128:
        return OPERATIONS["as_complex"](a)
    if meant == torch.float64 or (a.is_mask and meant.is_floating_point):
        return _double(a)
    if meant == a.dtype:
        return a.alias()
    raise Unsupported(f"a step that rounds to {meant} has no enclosure")


@operation("to", "type")
def _to(a: Jet, *args: Any, **kwargs: Any) -> Jet:
    """To a type, a device, or those of another tensor; other types are refused."""
    wanted = [*args, kwargs.get("dtype"), kwargs.get("device"), kwargs.get("other")]
    types = [v.dtype if isinstance(v, Jet | Tensor) else v for v in wanted]
    types = [v for v in types if isinstance(v, torch.dtype)]
    if any(isinstance(v, str) and v.startswith("torch.") and v != "torch.DoubleTensor" for v in wanted):
        raise Unsupported("a step that rounds has no enclosure")
    return _in_type(a, types[0]) if types else a.alias()


@operation("type_as")
def _type_as(a: Any, other: Any) -> Any:
    """Constants (unit,) as what the state is; a way for a step to have its own constants rounded with care."""
    if isinstance(a, Jet):
        return _in_type(a, other.dtype)
    value = exact(a)
    if a.ndim != 1 or not isinstance(other, Jet):
        return value
    return Jet.fixed(other.value.constant(value), other.n_points)


@operation("size")
def _size(a: Jet, dim: int | None = None) -> Any:
    return a.shape if dim is None else a.shape[dim]


@operation("dim", "ndimension")
def _dim(a: Jet) -> int:
    return a.ndim


@operation("numel", "nelement")
def _numel(a: Jet) -> int:
    return a.shape.numel()


@operation("is_floating_point", "is_contiguous")
def _yes(a: Jet, *_: Any, **__: Any) -> bool:
    return not a.is_mask


@operation("is_complex", "is_inference", "is_conj", "is_neg")
def _no(_: Jet) -> bool:
    return False


@operation("get_device")
def _get_device(a: Jet) -> int:
    return -1 if a.device.type == "cpu" else a.device.index or 0


def _filled(value: float, a: Jet, **_: Any) -> Jet:
    return _number(a).constant(value)


operation("zeros_like", "empty_like")(partial(_filled, 0.0))
operation("ones_like")(partial(_filled, 1.0))


@operation("full_like")
def _full_like(a: Jet, fill_value: float, **_: Any) -> Jet:
    return _number(a).constant(fill_value)


@operation("randn_like", "rand_like")
def _drawn(a: Jet, **_: Any) -> Jet:
    """Noise as a constant, the same for each point: a step that does more than multiply it by zero is not one map."""
    return _number(a).constant(torch.randn(a.sizes, dtype=torch.float64, device=a.device).unsqueeze(a.axis))


@operation("zero")
def _zero(a: Jet) -> Jet:
    return a.constant(0.0)


@operation("fill", "copy")
def _copied(a: Jet, value: Any, non_blocking: bool = False) -> Jet:
    return value.expanded(a.shape) if isinstance(value, Jet) else a.constant(value)


def _new(name: str, a: Jet, *args: Any, **kwargs: Any) -> Tensor:
    """A tensor of the jet's type that knows nothing of it."""
    like = torch.empty(0, dtype=torch.float64, device=a.device)
    return getattr(like, name)(*args, **kwargs)


for _name in ("new_zeros", "new_ones", "new_full", "new_empty", "new_tensor"):
    operation(_name)(partial(_new, _name))


@operation("dropout", "alpha_dropout", "feature_dropout", "dropout1d", "dropout2d", "feature_alpha_dropout")
def _dropout(
    input: Jet, p: float = 0.5, training: bool = True, inplace: bool = False, train: bool = False
) -> Jet:
    if (training or train) and p:
        raise Unsupported("dropout draws: a step with it has no enclosure in training")
    return input.alias()


@operation("broadcast_tensors")
def _broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], tuple | list) else tensors
    shape = torch.broadcast_shapes(*(v.shape for v in given))
    return tuple(
        rearranged(Tensor.expand, v, shape) if isinstance(v, Jet) else v.expand(shape) for v in given
    )
