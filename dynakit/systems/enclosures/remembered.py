"""What code computes twice, known to be one quantity.

In (1 - sigmoid(x W)) p + sigmoid(x W) q the gate is written out twice.  To an interval these are two quantities of the
same range, and what bounds the sum, that it lies between p and q, is lost.  While a box is looked for, the functions
that gates are made of give for the same arguments the same range: as an object, by which gates are recognized.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

FOLLOWED = "sigmoid hardsigmoid tanh linear matmul rmatmul mm addmm add radd sub rsub mul rmul truediv div neg"

Known = list[tuple[str, tuple[Any, ...], Any]]  # name, arguments, a copy of the result
_known: ContextVar[Known | None] = ContextVar("known", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Remember, within, what is computed from what."""
    token = _known.set([])
    try:
        yield
    finally:
        _known.reset(token)


def computed(name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``function`` of the arguments, or what it was of the same ones before."""
    known = _known.get()
    if known is None or name not in FOLLOWED.split() or kwargs:
        return function(*args, **kwargs)
    for called, given, result in known:
        if called == name and len(given) == len(args) and all(map(_same, given, args)):
            return result.copy()
    given = tuple(_kept(v) for v in args)  # before, as a function may write into its arguments
    result = function(*args)
    if hasattr(result, "tangent") and all(result is not v for v in args):
        known.append((name, given, result.copy()))
    return result


def _kept(value: Any) -> Any:
    """An argument as it is now: tensors and jets can be written over."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    return value.copy() if hasattr(value, "tangent") else value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        both = isinstance(one, Tensor) and isinstance(other, Tensor)
        return both and one.dtype == other.dtype and torch.equal(one, other)
    if hasattr(one, "tangent") and hasattr(other, "tangent"):
        shape = (one.sizes, one.axis, one.is_mask) == (other.sizes, other.axis, other.is_mask)
        return shape and one.value is other.value
    return type(one) is type(other) and isinstance(one, int | float) and one == other
