"""A state to begin with: an example, a maker, what a call without a state returns, or a guess by width.

Each is a function of the number of trials.  Whether it is a state of the step at hand is seen by calling the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from .form import Form, Maker
from .state_tree import BATCHES, branches, is_leaf, leaves, rebuilt

MAKERS = (
    *("init_hidden", "initial_state", "get_initial_state", "init_state", "zero_state", "initial_hidden"),
    *("init_states", "initial_states", "begin_state", "default_state", "initialize_carry", "initial_carry"),
    *("init_leaky", "init_synaptic", "get_initial_hidden", "init_hidden_state", "make_state", "reset_state"),
)


def as_states(state: Any) -> Any:
    """A first state in float64; whole numbers and flags as they are."""
    wide = (
        v.detach().to(torch.complex128 if v.is_complex() else torch.float64) if _counts(v) else v
        for _, v in leaves(state)
    )
    return rebuilt(state, wide)


def _counts(value: Tensor) -> bool:
    return value.is_floating_point() or value.is_complex()


def given(form: Form) -> Iterator[Maker]:
    """The first state that the user has given."""
    state = form.state
    if state is None or form.kept_in:
        return
    if callable(state) and not is_leaf(state):
        yield lambda n: _of_tensors(state(n))
        return
    for axis in _axes(state, form.batch_axis):
        yield lambda n, axis=axis: as_states(rebuilt(state, (_of_size(v, axis, n) for _, v in leaves(state))))


def _axes(state: Any, axis: int | None) -> list[int | None]:
    """The axes along which the trials of an example may lie; None for an example of one trial without that axis."""
    try:
        shapes = [value.shape for _, value in leaves(state)]
    except TypeError as error:
        raise InputError(f"form.state must hold tensors, or be a function that makes them: {error}") from None
    if not shapes:
        raise InputError("form.state holds no tensors")
    if axis is not None:
        if any(not -len(s) <= axis < len(s) for s in shapes):
            raise InputError(
                f"form.batch_axis={axis} is no axis of form.state, whose shapes are {[tuple(s) for s in shapes]}"
            )
        return [axis]
    if all(len(s) == 1 for s in shapes):
        return [None]
    deep = min(map(len, shapes))
    return [k for k in range(deep) if len({s[k] for s in shapes}) == 1]


def _of_size(value: Tensor, axis: int | None, n: int) -> Tensor:
    if axis is None:
        return value.expand(n, *value.shape).clone()
    return value.index_select(axis, torch.arange(n, device=value.device) % value.shape[axis])


def by_maker(owner: Any, u_of: Callable[[int], Tensor]) -> Iterator[Maker]:
    """The methods of an object that are called as makers of first states are."""
    for name in MAKERS:
        make = getattr(owner, name, None)
        if not callable(make):
            continue
        for argue in (lambda n: (n,), lambda n: (u_of(n).shape,), lambda n: (u_of(n),), lambda n: (n, "cpu")):

            def maker(n: int, make: Any = make, argue: Any = argue) -> Any:
                return _of_tensors(make(*argue(n)))

            if _makes(lambda n, make=make, argue=argue: make(*argue(n))):
                yield maker
                break


def _makes(maker: Maker) -> bool:
    try:
        return all(any(n in v.shape for v in _tensors(maker(n))) for n in BATCHES)
    except Exception:  # foreign code
        return False


def _tensors(tree: Any) -> Iterator[Tensor]:
    """The tensors of a tree, whatever else it holds."""
    if is_leaf(tree):
        yield tree
    elif tree is not None:
        try:
            below = branches(tree)
        except TypeError:
            return
        for _, value in below:
            yield from _tensors(value)


def _of_tensors(state: Any) -> Any:
    """A first state in float64; InputError where it holds anything but tensors."""
    try:
        return as_states(state)
    except TypeError as error:
        raise InputError(
            f"{error}: a state holds tensors alone, so write a step without it; a counter or a flag may be a tensor of "
            "one for each trial, torch.zeros(n, dtype=torch.long), which regularity='discontinuous' carries along"
        ) from None


def returned_by(call: Callable[[int], Any]) -> Iterator[Maker]:
    """What a call without a state returns: the whole, or a part of it, the usual place of a state first."""
    try:
        value = call(BATCHES[0])
    except Exception:  # foreign code
        return
    yield lambda n: as_states(call(n))
    if not is_leaf(value) and value is not None:
        try:
            names = [name for name, _ in branches(value)]
        except TypeError:
            return
        for name in sorted(names, key=lambda name: name != "1"):
            yield lambda n, name=name: as_states(dict(branches(call(n)))[name])


def by_width(
    widths: list[int], total: int | None, count: int | None, *, units_first: bool
) -> Iterator[Maker]:
    """Zeros of the widths that a state may have; ``total`` over all parts if said, ``count`` parts if known."""
    for n_parts in (count,) if count else (1, 2):
        own = [total // n_parts] if total and total % n_parts == 0 else [] if total else widths
        for width in own:
            for shape, dtype in _units_first(width) if units_first else _rows_first(width):
                if n_parts == 1 and count is None:
                    yield lambda n, shape=shape, dtype=dtype: torch.zeros(shape(n), dtype=dtype)
                else:
                    yield lambda n, shape=shape, dtype=dtype, k=n_parts: tuple(
                        torch.zeros(shape(n), dtype=dtype) for _ in range(k)
                    )


Shapes = Iterator[tuple[Callable[[int], tuple[int, ...]], torch.dtype]]


def _rows_first(width: int) -> Shapes:
    yield lambda n: (n, width), torch.float64
    yield lambda n: (1, n, width), torch.float64
    yield lambda n: (n, width), torch.complex128


def _units_first(width: int) -> Shapes:
    yield lambda n: (width, n), torch.float64
    yield lambda n: (1, width, n), torch.float64
    yield lambda n: (width, n), torch.complex128


def by_key(
    call: Callable[[int, Any], Any], widths: list[int], total: int | None, n_inputs: int
) -> Iterator[Maker]:
    """Dictionaries of as many parts as the step asks of one that has any."""
    own = dict.fromkeys([total // k for k in range(1, 9) if total % k == 0] if total else widths)
    for tail in [*((width,) for width in own), *((1, width) for width in {*own, n_inputs} if width)]:
        asked = _Asked(BATCHES[0], tail)
        try:
            call(BATCHES[0], asked)
        except Exception:  # foreign code
            continue
        if asked and (len(tail) == 2 or total in (None, len(asked) * tail[0])):
            keys = tuple(asked)
            yield lambda n, keys=keys, tail=tail: {
                k: torch.zeros(n, *tail, dtype=torch.float64) for k in keys
            }


class _Asked(dict):
    """A dictionary that makes whatever part of a state is asked of it."""

    def __init__(self, n: int, tail: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = (n, *tail)

    def __missing__(self, key: str) -> Tensor:
        self[key] = torch.zeros(self.shape, dtype=torch.float64)
        return self[key]
