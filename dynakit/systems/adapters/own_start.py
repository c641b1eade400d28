"""A forward of whole sequences that starts from a weight of its own: a step is a sequence of one, started elsewhere.

Where a forward takes no first state but has one, a parameter or buffer such as ``h0``, states are put in its place on a
copy.  The next state is among what the forward returns, as the last of its states; three elements at once must do what
three sequences of one element do, one after another.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..steps import BATCHES, STATE_NAMES, Form, MeanOfNoise, Search, StepCall, TreeStep
from .calling import by_name, tensors

TELLING = ("h0", "x0", "r0", "init", "start")
SAID = ("a sequence of one step", "a sequence of one step, time first")


class _Begun(TorchFunctionMode):
    """Puts states (trial, unit) where a forward has repeated its one first state, ``mark``, for each trial."""

    def __init__(self, mark: Tensor, rows: Any) -> None:
        super().__init__()
        self.mark, self.rows, self.found = mark, rows, False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        value = func(*args, **(kwargs or {}))
        with torch._C.DisableTorchFunction():  # what is looked up here is no call of the forward's
            return self._of(value)

    def _of(self, value: Any) -> Any:
        n = len(self.rows)
        if type(value) is not Tensor or value.dtype != self.mark.dtype or value.numel() != n * len(self.mark):
            return value
        for axis in (k for k, size in enumerate(value.shape) if size == n):
            first = value.movedim(axis, 0)
            if bool((first.reshape(n, -1) == self.mark).all()):
                self.found = True
                return self.rows if value.ndim == 2 and axis == 0 else self.rows.reshape(first.shape).movedim(0, axis)
        return value


class FromOwnStart:
    """(inputs, state) -> (outputs, next state) of a forward whose first state is its weight ``name``.

    ``k`` is the place of the state among the tensors that it returns; ``alone`` says that its forward repeats one first
    state for each trial, in whose place the states are put.
    """

    def __init__(
        self, twin: nn.Module, name: str, arguments: Callable[..., Any], time_axis: int, *, alone: bool, k: int = 0
    ) -> None:
        self.twin, self.arguments, self.time_axis, self.alone, self.k = twin, arguments, time_axis, alone, k
        prefix, _, self.last = name.rpartition(".")
        self.holder = twin.get_submodule(prefix)
        self.shape, self.device = getattr(self.holder, self.last).shape, getattr(self.holder, self.last).device
        for kind in (self.holder._parameters, self.holder._buffers):  # which take tensors alone
            if self.last in kind:
                vars(self.holder)[self.last] = kind.pop(self.last)

    def __call__(self, u: Any, state: Any) -> tuple[list[Any], Any]:
        values = self.values(u, state)
        last = values.pop(self.k)
        if last.ndim == 3:
            last = last.select(self.time_axis, -1)
        return values, last.reshape(state.shape)

    def values(self, u: Any, state: Any) -> list[Any]:
        """The tensors that the forward returns."""
        if not self.alone:
            return self._values(u, state)
        axis = _trial_axis(self.shape) if 1 in self.shape else 0
        plain, n = state.ndim == 2 and axis == 0, u.shape[1 - self.time_axis]
        rows = state if plain else state.movedim(axis, 0).reshape(n, -1)
        mark = torch.linspace(0.1, 0.7, self.shape.numel(), dtype=torch.float64, device=self.device).sin()
        with _Begun(mark, rows) as begun:
            values = self._values(u, mark.reshape(self.shape))
        if not begun.found:
            raise RuntimeError("its forward does not repeat its first state for each trial")
        return values

    def _values(self, u: Any, state: Any) -> list[Any]:
        own = vars(self.holder)[self.last]
        vars(self.holder)[self.last] = state
        try:
            sizes = (u.shape[1 - self.time_axis], u.shape[self.time_axis])
            given, named = self.arguments(u, None, sizes)
            return list(tensors(self.twin(*given, **named)))
        finally:
            vars(self.holder)[self.last] = own


class FromGivenStart:
    """(inputs, state) -> (outputs, next state) of a forward that takes a first state and returns all states."""

    def __init__(self, twin: nn.Module, arguments: Callable[..., Any], time_axis: int, k: int = 0) -> None:
        self.twin, self.arguments, self.time_axis, self.k = twin, arguments, time_axis, k

    def __call__(self, u: Any, state: Any) -> tuple[list[Any], Any]:
        values = self.values(u, state)
        return values, values.pop(self.k).select(self.time_axis, -1)

    def values(self, u: Any, state: Any) -> list[Any]:
        """The tensors that the forward returns."""
        given, named = self.arguments(u, state, (u.shape[1 - self.time_axis], u.shape[self.time_axis]))
        return list(tensors(self.twin(*given, **named)))


def from_given_start(twin: nn.Module, widths: list[int], device: torch.device) -> Iterator[TreeStep]:
    """The steps of a forward of sequences that takes its first state (batch, unit) and returns all states."""
    named = [arguments for arguments, _, takes_state in by_name(twin.forward) if takes_state][:2]
    for arguments, axis, size, n_inputs in itertools.product(named, (1, 0), widths, widths):
        weight = torch.zeros(size, dtype=torch.float64, device=device)
        for k in _candidates(FromGivenStart(twin, arguments, axis), weight, n_inputs, device, times=(1,)):
            step = _tried(FromGivenStart(twin, arguments, axis, k), weight, n_inputs, device)
            if step is not None:
                yield step


def own_starts(module: nn.Module) -> list[tuple[str, Tensor]]:
    """The weights of a module that may be its first state, by their names."""
    held = [*module.named_parameters(), *module.named_buffers()]
    named = [(name, name.rpartition(".")[2].lower(), w) for name, w in held]
    return [
        (name, w)
        for name, last, w in named
        if (last in STATE_NAMES or any(word in last for word in TELLING))
        and w.numel() == max(w.shape, default=0)
    ]


def from_own_start(
    build: Callable[[], nn.Module], widths: list[int], device: torch.device
) -> Iterator[TreeStep]:
    """The steps of a forward that starts from one of its weights; ``build`` makes a copy of its module."""
    twin = build()
    plain = [arguments for arguments, _, takes_state in by_name(twin.forward) if not takes_state]
    for (name, weight), arguments, axis, alone in itertools.product(own_starts(twin), plain, (1, 0), (False, True)):
        for n_inputs in widths:
            make = lambda k=0: FromOwnStart(build(), name, arguments, axis, alone=alone, k=k)  # noqa: B023, E731
            for k in _candidates(make(), weight, n_inputs, device):
                step = _tried(make(k), weight, n_inputs, device)
                if step is not None:
                    step.start = weight.detach().reshape(-1).clone()
                    yield step


def _tried(
    function: FromOwnStart | FromGivenStart, weight: Tensor, n_inputs: int, device: torch.device
) -> TreeStep | None:
    nowhere: dict[str, list[int]] = {"state_size": [], "input_size": []}
    search = Search(
        function, function.twin, nowhere, None, Form(returned="1"), total=None, flags=False, device=device
    )
    call = StepCall(1, n_inputs, SAID[1 - function.time_axis])
    return search.tried(function, call, lambda n: _batched(weight, n))


def _trial_axis(shape: torch.Size) -> int:
    """The axis along which first states of a weight's shape have their trials; the first where the weight has none."""
    return max((k for k, size in enumerate(shape) if size == 1), default=0)


def _batched(weight: Tensor, n: int) -> Tensor:
    """Zeros for a batch, in the shape that a first state of the shape of ``weight`` is expanded to."""
    axis, shape = _trial_axis(weight.shape), list(weight.shape)
    rest = shape[:axis] + shape[axis + 1 :] if 1 in shape else shape
    return weight.new_zeros(*rest[:axis], n, *rest[axis:])


def _candidates(
    function: FromOwnStart | FromGivenStart,
    weight: Tensor,
    n_inputs: int,
    device: torch.device,
    *,
    times: tuple[int, ...] = (1, 2),  # the states may begin with the first
) -> list[int]:
    """Which of the tensors that come back may end in the next state."""
    n, size = BATCHES[0], weight.numel()
    u = torch.zeros(n, 1, n_inputs, dtype=torch.float64, device=device)
    try:
        with torch.no_grad(), MeanOfNoise():
            values = function.values(u if function.time_axis == 1 else u.transpose(0, 1), _batched(weight, n))
    except Exception:  # foreign code
        return []
    sizes = [k * n * size for k in times]
    return [k for k, v in enumerate(values) if v.shape[-1:] == (size,) and v.numel() in sizes]


def missing(model: nn.Module) -> str:
    """What a forward of whole sequences lacks, so that no step can be taken through it."""
    if own_starts(model):
        return "its forward starts from a weight of its own but returns no states: let it return them too"
    return "its forward takes no first state: give it an argument state=None, and let it return the last state too"
