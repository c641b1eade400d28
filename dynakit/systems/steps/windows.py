"""A state that grows by an entry a step, kept at a length: a window upon its last entries."""

from __future__ import annotations

from typing import Any

from .state_tree import aligned, branches, is_leaf, leaves, rebuilt


def cut(value: Any, state: Any) -> Any:
    """What a step returned, each part of a state in it cut to the last entries, as many as ``state`` has."""
    own = [leaf for _, leaf in leaves(state)]
    found = aligned(value, state)
    if found is not None and all(v.ndim == w.ndim for v, w in zip(found, own, strict=True)):
        return rebuilt(state, (_last(v, w) for v, w in zip(found, own, strict=True)))
    if is_leaf(value) or value is None:
        return value
    try:
        below = [cut(part, state) for _, part in branches(value)]
    except TypeError:
        return value
    if isinstance(value, dict):
        return type(value)(zip(value, below, strict=True))
    if hasattr(value, "_fields"):
        return type(value)(*below)
    return type(value)(below) if type(value) in (tuple, list) else value


def lengthened(state: Any, value: Any, length: int) -> Any:
    """``state`` at this length along the axis along which it came back longer in ``value``; else as it is."""
    own = [leaf for _, leaf in leaves(state)]
    found = _within(value, state)
    if found is None:
        return state
    return rebuilt(state, (_of_length(w, _longer(v, w), length) for v, w in zip(found, own, strict=True)))


def _of_length(own: Any, axis: int | None, length: int) -> Any:
    return own.new_zeros([length if k == axis else size for k, size in enumerate(own.shape)])


def _within(value: Any, state: Any) -> list[Any] | None:
    """The first part of a value that is built as a state, some part of it longer."""
    own = [leaf for _, leaf in leaves(state)]
    found = aligned(value, state)
    if found is not None and any(_longer(v, w) is not None for v, w in zip(found, own, strict=True)):
        return found
    try:
        below = [] if is_leaf(value) or value is None else branches(value)
    except TypeError:
        return None
    return next((inner for _, part in below if (inner := _within(part, state)) is not None), None)


def _longer(value: Any, own: Any) -> int | None:
    """The one axis along which a tensor is longer than another."""
    if value.ndim != own.ndim:
        return None
    differ = [k for k, (a, b) in enumerate(zip(value.shape, own.shape, strict=True)) if a != b]
    return differ[0] if len(differ) == 1 and value.shape[differ[0]] > own.shape[differ[0]] else None


def _last(value: Any, own: Any) -> Any:
    axis = _longer(value, own)
    if axis is None:
        return value
    return value[(slice(None),) * axis + (slice(value.shape[axis] - own.shape[axis], None),)]
