"""A user's code run in float64, on the device of its system, whatever it was written for.

Code written for float32 makes zeros of that type, casts its inputs, closes over float32 tensors or over parameters
that record gradients.  :class:`InFloat64` answers each of torch's functions for it in float64 and without those
gradients; it is a mode of this thread, so that no global default is changed.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_WIDE = {torch.float32: torch.float64, torch.complex64: torch.complex128}
_CONTAINERS = (list, dict, set, collections.deque)


_RESTORED = ContextVar("an outer block of untouched_randomness puts the generators back", default=False)


@contextmanager
def untouched_randomness() -> Iterator[None]:
    """Run foreign code and put NumPy's and torch's global generators back afterwards."""
    if _RESTORED.get():  # to keep a state costs more than many a step
        yield
        return
    numpy_state = np.random.get_state()  # noqa: NPY002 - the caller's generator, to be restored
    inside = _RESTORED.set(True)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        _RESTORED.reset(inside)
        np.random.set_state(numpy_state)  # noqa: NPY002


class InFloat64(TorchFunctionMode):
    """float32 is float64, and leaves that record gradients do not."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.float and type(args[0]) is Tensor and args[0].dtype == torch.float64:
            return args[0]
        return _wide(func(*_wide(args), **_wide(kwargs or {})))


def _wide(value: Any) -> Any:
    if isinstance(value, Tensor):
        if value.requires_grad and value.is_leaf:
            value = value.detach()
        wide = _WIDE.get(value.dtype)
        return value if wide is None else value.to(wide)
    if isinstance(value, torch.dtype):
        return _WIDE.get(value, value)
    if type(value) in (list, tuple):
        return type(value)(_wide(item) for item in value)
    return {key: _wide(item) for key, item in value.items()} if type(value) is dict else value


def in_float64(f: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """``f`` under :class:`InFloat64`, making its tensors on ``device``."""

    @functools.wraps(f, updated=())
    def wide(*arguments: Any, **named: Any) -> Any:
        with torch.device(device), InFloat64():
            return f(*arguments, **named)

    return wide


def bearing_float64(f: Callable[..., Any], *arguments: Tensor) -> Callable[..., Any]:
    """``f`` itself if it turns these float64 tensors into such, else ``f`` in :func:`in_float64` if that does."""
    wide = in_float64(f, arguments[0].device)
    return wide if not _bears(f, arguments) and _bears(wide, arguments) else f


def _bears(f: Callable[..., Any], arguments: tuple[Tensor, ...]) -> bool:
    try:
        with untouched_randomness(), torch.enable_grad():
            value = f(*(a.clone() for a in arguments))
    except Exception:  # foreign code; whoever calls it next says why it fails
        return False
    if not isinstance(value, Tensor):
        return True
    return value.dtype != torch.float32 and value.device == arguments[0].device and not value.requires_grad


@contextmanager
def untouched_containers(functions: list[Any]) -> Iterator[None]:
    """Put back what these functions (hooks, say) write into the lists and dictionaries that they reach."""
    reached = {id(c): c for f in functions for c in _reached(f)}
    kept = [(container, container.copy()) for container in reached.values()]
    try:
        yield
    finally:
        for container, before in kept:
            container.clear()
            (container.extend if isinstance(container, (list, collections.deque)) else container.update)(
                before
            )


def _reached(f: Any) -> Iterator[Any]:
    """Containers in a function's closure, among the globals it names, and in the object it is a method of."""
    inner = getattr(f, "__func__", f)
    cells = [cell.cell_contents for cell in getattr(inner, "__closure__", None) or () if _filled(cell)]
    code, known = getattr(inner, "__code__", None), getattr(inner, "__globals__", {})
    names = [known[name] for name in (code.co_names if code else ()) if name in known]
    owner = getattr(f, "__self__", None if code else f)
    held = list(vars(owner).values()) if hasattr(owner, "__dict__") and not isinstance(owner, type) else []
    partial = [*getattr(f, "args", ()), *(getattr(f, "keywords", None) or {}).values()]
    for value in [*cells, *names, *held, *partial]:
        if isinstance(value, _CONTAINERS):
            yield value


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
