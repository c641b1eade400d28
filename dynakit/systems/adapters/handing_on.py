"""Does a forward hand on what its cell returns as it is, whatever that is?

A comparison sees a network where it comes in twenty steps from rest.  A clip of the state, or a feedback past a
threshold, may begin beyond: so other, larger states are put in the place of those that the cell returns, and the next
call must be handed exactly these, and the same inputs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..foreign import in_float64
from ..steps import MeanOfNoise, leaves, rebuilt
from .calling import Way, run, tensors
from .twins import ForwardRun, Twins, quietly

WITHIN = 1.0  # a state that stays so in a run may be bounded: what is put in its place is so too


class _Call:
    """A call of a part: the tensors that it was given, and what it returned."""

    def __init__(self, part: str, given: Any, value: Any) -> None:
        self.part = part
        self.given: list[Tensor] = [t.clone() for t in tensors(given)]
        self.value = rebuilt(value, iter([t.clone() for _, t in leaves(value)]))

    @property
    def returned(self) -> list[Tensor]:
        return [t for _, t in leaves(self.value)]


def hands_back(outcome: ForwardRun, way: Way, states: Tensor, clear: Tensor, tolerance: float) -> bool:
    """Whether a forward of one step returns the next state in the form in which it was handed over."""
    assert way.form is not None
    each = [list(tensors(way.form(x))) for x in states.unbind(1)]
    returned = iter(outcome.values)
    return all(
        any(_is_state(value, torch.stack(part), clear, tolerance) for value in returned)
        for part in zip(*each, strict=True)
    )


def _is_state(value: Tensor, part: Tensor, clear: Tensor, tolerance: float) -> bool:
    """Whether values of steps (time, ...) are this part, wherever it is known."""
    if value.numel() != part.numel():
        return False
    off = (value.double().reshape(part.shape) - part).abs() <= tolerance * (1 + part.abs())
    trial = max(k for k in range(1, part.ndim) if part.shape[k] == clear.shape[0])
    known = clear.T.reshape([*part.shape[:1], *(part.shape[k] if k == trial else 1 for k in range(1, part.ndim))])
    return bool((off | ~known).all())


Replace = Callable[[int, Any], Any]  # of the number of a call, and what it returned


def hands_on(twins: Twins, way: Way, inputs: Tensor, state: Tensor | None) -> bool:
    """False where a part or method among ``twins.parts`` is handed something else than was returned before.

    True also where there is nothing to see: a layer that is called once, code that cannot be run so.
    """
    if way.stepwise or not twins.parts:
        return True
    try:
        plain = _calls(twins, way, inputs, state, lambda _, value: value)
        if not _is_loop(plain):
            return True
        others = _others(plain, twins.double)
        made = [
            rebuilt(call.value, iter([others.get(_key(t), t) for t in call.returned])) for call in plain
        ]
        replaced = _calls(twins, way, inputs, state, lambda k, _: made[k])
    except Exception:  # foreign code need not bear other states
        return True
    pairs = (
        (others.get(_key(a), a), b)
        for before, after in zip(plain, replaced)
        for a, b in zip(before.given, after.given)
    )
    return len(plain) == len(replaced) and all(torch.equal(a.ravel(), b.ravel()) for a, b in pairs)


def _calls(twins: Twins, way: Way, inputs: Tensor, state: Tensor | None, replace: Replace) -> list[_Call]:
    """The calls of the parts within one forward, each returning what ``replace`` says."""
    found: list[_Call] = []
    with quietly(twins.double), MeanOfNoise(), contextlib.ExitStack() as stack:
        for name in twins.parts:
            stack.enter_context(_watched(twins.double, name, found, replace))
        in_float64(run, twins.device)(twins.double, way, inputs, state)
    return found


@contextlib.contextmanager
def _watched(twin: nn.Module, name: str, found: list[_Call], replace: Replace) -> Iterator[None]:
    """Note the calls of a part, or of a method, of ``twin``."""
    prefix, _, last = name.rpartition(".")
    holder: Any = twin.get_submodule(prefix)
    if isinstance(getattr(holder, last), nn.Module):
        holder, last = getattr(holder, last), "forward"
    own, before = getattr(holder, last), vars(holder).get(last)

    def noted(*args: Any, **kwargs: Any) -> Any:
        value = own(*args, **kwargs)
        found.append(_Call(name, [*args, *kwargs.values()], value))
        return replace(len(found) - 1, value)

    vars(holder)[last] = noted
    try:
        yield
    finally:
        vars(holder).pop(last)
        if before is not None:
            vars(holder)[last] = before


def _others(calls: list[_Call], twin: nn.Module) -> dict[bytes, Tensor]:
    """Another tensor for each that was returned, the same for the same."""
    generator, known = torch.Generator().manual_seed(0), {}
    for name in dict.fromkeys(call.part for call in calls):
        own = [call.returned for call in calls if call.part == name]
        for k in range(min(map(len, own))):
            values = [returned[k] for returned in own if returned[k].is_floating_point()]
            bounded = _is_bounded(twin, name, k)
            if bounded is None:
                bounded = all(float(v.abs().amax()) <= WITHIN for v in values)
            positive = all(float(v.amin()) >= 0 for v in values)
            for v in values:
                z, wide = torch.randn(2, *v.shape, generator=generator, dtype=torch.float64, device="cpu").to(v)
                z = torch.tanh(3 * z) if bounded else z * 10 ** (1.5 * wide.abs())
                if bool(v.any()):  # nothing is told by a tensor of zeros
                    known[_key(v)] = z.abs() if positive else z
    return known


def _is_bounded(twin: nn.Module, name: str, k: int) -> bool | None:
    """Whether a state of torch's cell stays within -1 and 1; None where it is not known."""
    prefix, _, last = name.rpartition(".")
    part = getattr(twin.get_submodule(prefix), last)
    if isinstance(part, nn.RNNCell):
        return part.nonlinearity == "tanh"
    return k == 0 if isinstance(part, (nn.LSTMCell, nn.GRUCell)) else None


def _is_loop(calls: list[_Call]) -> bool:
    """Whether each call but the first of its part is handed something that was returned before."""
    returned: set[bytes] = set()
    seen: set[str] = set()
    for call in calls:
        if call.part in seen and not any(_key(a) in returned for a in call.given):
            return False
        seen.add(call.part)
        returned |= {_key(v) for v in call.returned}
    return len(calls) > len(seen)


def _key(value: Tensor) -> bytes:
    return value.detach().double().cpu().contiguous().numpy().tobytes()
