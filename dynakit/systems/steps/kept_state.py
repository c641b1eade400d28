"""A state that a module keeps in its own buffers or attributes, as one that is handed over and comes back.

The attributes that a call changes are set before each call, on a copy, and read after it.
"""

from __future__ import annotations

import collections
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from .state_tree import aligned, branches, is_leaf, leaves, rebuilt

_TORCHS = set(vars(nn.Module()))
ELSEWHERE = (*range(1, 65), 99, 1000)  # how far a counter is put off
LOUDER = (1.0, 1.0, 30.0, 30.0, -30.0, -30.0, 1000.0, -1000.0)  # times the inputs of calls one after another
PLAIN = ("builtins", "collections", "torch")  # whose objects hold nothing of their users'


class CountsItsCalls(InputError):
    """A step that depends on a number that it counts up; ``name`` is that number's."""

    def __init__(self, name: str) -> None:
        super().__init__(f"what a step does depends on '{name}', a number that it counts up: time is part of its state")
        self.name = name


def held(function: Callable[..., Any], owner: Any, names: tuple[str, ...]) -> Callable[..., Any]:
    """``function`` with numbers of its owner put back after every call; InputError where it keeps no such number."""
    kept = {name: _number(owner, name) for name in names}
    missing = [name for name, value in kept.items() if type(value) not in (int, float)]
    if missing:
        raise InputError(f"form.held names {missing[0]!r}, which is no number that {type(owner).__name__} keeps")

    @functools.wraps(getattr(function, "forward", function), updated=())
    def holding(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        finally:
            _set_all(owner, kept)

    return holding


class KeptState:
    """``function(u)`` of an object that keeps its state in ``attributes``, as (u, state) -> (value, state)."""

    def __init__(self, function: Callable[..., Any], owner: Any, attributes: list[str]) -> None:
        self.function, self.attributes = function, attributes
        self._places = {name: _holder(owner, name) for name in attributes}
        for holder, last in self._places.values():
            if isinstance(holder, nn.Module) and last in holder._buffers:  # a buffer takes tensors alone
                vars(holder)[last] = holder._buffers.pop(last)

    def __call__(self, *arguments: Any) -> tuple[Any, dict[str, Any]]:
        *given, state = arguments
        before = self.now()
        try:
            self._set(state)
            value = self.function(*given)
            return value, self.now()
        finally:
            self._set(before)

    def now(self) -> dict[str, Any]:
        """The state that is kept at present."""
        return {name: getattr(holder, last) for name, (holder, last) in self._places.items()}

    def _set(self, state: dict[str, Any]) -> None:
        for name, (holder, last) in self._places.items():  # in containers of its own, which the code may write into
            setattr(holder, last, rebuilt(state[name], (leaf for _, leaf in leaves(state[name]))))

    def after(self, u: Tensor) -> dict[str, Any]:
        """The state after one call from what is kept at present, which stays; of one trial where all shared it."""
        after = self(u, rebuilt(self.now(), (leaf.clone() for _, leaf in leaves(self.now()))))[1]
        return rebuilt(after, (_for_each(leaf, len(u)) for _, leaf in leaves(after)))


def kept_state(
    function: Callable[..., Any], owner: Any, u: Tensor, named: tuple[str, ...]
) -> KeptState | None:
    """The step of an ``owner`` that keeps its state itself; None where a call changes nothing in it."""
    if named:
        missing = [name for name in named if not _has(owner, name)]
        if missing:
            raise InputError(
                f"form.state names {missing[0]!r}, which is no attribute of {type(owner).__name__}"
            )
        return KeptState(function, owner, list(named))
    before = dict(_held(owner))
    changed = _changed_by_calls(function, owner, u, before)
    if not changed:
        return None
    kept = KeptState(function, owner, changed)
    state = kept.after(u)
    refuse_counters(lambda: kept(u, state)[1], owner)
    return kept


def _changed_by_calls(
    function: Callable[..., Any], owner: Any, u: Tensor, before: dict[str, Any]
) -> list[str]:
    """The attributes that calls change, some of which only large states may: what is kept of spikes, say."""
    changed: dict[str, None] = {}
    try:
        for scale in LOUDER:
            try:
                function(scale * u)
            except Exception:  # foreign code need not bear loud inputs
                if scale == LOUDER[0]:
                    raise
                continue
            changed |= {name: None for name, value in _held(owner) if not _same(before.get(name), value)}
    finally:
        _set_all(owner, before)
    return list(changed)


def refuse_counters(call: Callable[[], Any], owner: Any) -> None:
    """Raise InputError if the state that a call gives depends on a number that it counts up."""
    before = _numbers(owner)
    first = call()
    counted = [name for name, value in _numbers(owner).items() if value != before.get(name)]
    _set_all(owner, {name: before[name] for name in counted if name in before})
    for name, further in itertools.product(counted, ELSEWHERE):
        if name not in before:
            continue
        _set_all(owner, {name: before[name] + further})
        other = call()
        _set_all(owner, before)
        if not _alike(first, other):
            raise CountsItsCalls(name)


def _for_each(leaf: Tensor, n: int) -> Tensor:
    """What one trial is kept for, as it is for all: a part that a call left alone has not met the batch yet."""
    shared = leaf.ndim > 1 and len(leaf) == 1 and n not in leaf.shape
    return leaf.expand(n, *leaf.shape[1:]).clone() if shared else leaf


def _alike(a: Any, b: Any) -> bool:
    found = aligned(b, a)
    return found is not None and all(torch.equal(v, w) for (_, v), w in zip(leaves(a), found, strict=True))


def _parts(owner: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(owner, nn.Module):
        yield from owner.named_modules()
    else:
        yield "", owner


def _attributes(owner: Any) -> Iterator[tuple[str, Any]]:
    for prefix, part in _parts(owner):
        known = _TORCHS if isinstance(part, nn.Module) else set()
        held = {k: v for k, v in getattr(part, "__dict__", {}).items() if k not in known}
        buffers = dict(part._buffers) if isinstance(part, nn.Module) else {}
        for name, value in {**held, **buffers}.items():
            full = f"{prefix}.{name}" if prefix else name
            yield full, value
            if type(value).__module__.partition(".")[0] not in PLAIN and not isinstance(value, nn.Module):
                yield from ((f"{full}.{last}", inner) for last, inner in getattr(value, "__dict__", {}).items())


def _held(owner: Any) -> Iterator[tuple[str, Any]]:
    """The trees of tensors among an object's attributes and buffers, copied."""
    for name, value in _attributes(owner):
        if isinstance(value, (nn.Parameter, nn.Module)) or callable(value):
            continue
        copied = _copied(value)
        if copied is not None:
            yield name, copied


def names_kept(owner: Any) -> set[str]:
    """The attributes of an object that hold tensors."""
    return {name for name, _ in _held(owner)}


def _copied(value: Any) -> Any:
    """A tree with copies of its tensors; None for what is none, numbers and words among it."""
    if is_leaf(value):
        return value.clone()
    if not isinstance(value, (list, tuple, dict, collections.deque)) or not value:
        return None
    try:
        below = [_copied(part) for _, part in branches(value)]
    except TypeError:
        return None
    if any(part is None for part in below):
        return None
    if isinstance(value, collections.deque):
        return collections.deque(below, value.maxlen)
    return dict(zip(value, below, strict=True)) if isinstance(value, dict) else type(value)(below)


def _same(a: Any, b: Any) -> bool:
    if a is None:
        return False
    found = aligned(b, a)
    own = [leaf for _, leaf in leaves(a)]
    return found is not None and all(
        v.shape == w.shape and torch.equal(v, w) for v, w in zip(own, found, strict=True)
    )


def _numbers(owner: Any) -> dict[str, Any]:
    """The numbers among an object's attributes, those in its lists and dictionaries too, by dotted names."""
    found: dict[str, Any] = {}
    for name, value in _attributes(owner):
        among = [("", value)]
        if type(value) in (list, dict):
            among = [(f".{key}", item) for key, item in (value.items() if type(value) is dict else enumerate(value))]
        found |= {name + key: item for key, item in among if type(item) in (int, float)}
    return found


def _number(owner: Any, name: str) -> Any:
    try:
        holder, last = _holder(owner, name)
        return holder[_place(holder, last)] if isinstance(holder, (list, dict)) else getattr(holder, last)
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def _place(holder: Any, name: str) -> Any:
    return int(name) if isinstance(holder, list) else name


def _holder(owner: Any, name: str) -> tuple[Any, str]:
    prefix, _, last = name.rpartition(".")
    for part in prefix.split(".") if prefix else ():
        if isinstance(owner, dict):
            owner = owner[part]
        else:
            owner = owner[int(part)] if part.isdigit() else getattr(owner, part)
    return owner, last


def _has(owner: Any, name: str) -> bool:
    try:
        holder, last = _holder(owner, name)
    except (AttributeError, IndexError, TypeError):
        return False
    return hasattr(holder, last)


def _set_all(owner: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        holder, last = _holder(owner, name)
        if isinstance(holder, (list, dict)):
            holder[_place(holder, last)] = value
        else:
            setattr(holder, last, value)
