"""A forward of whole sequences that starts from a weight of its own: a step is a sequence of one, started elsewhere.

Where a forward takes no first state but has one, a parameter or buffer such as ``h0``, states are put in its place on a
copy.  The next state is among what the forward returns, as the last of its states; three elements at once must do what
three sequences of one element do, one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..steps import BATCHES, STATE_NAMES, Form, Search, StepCall, TreeStep
from .calling import by_name, tensors

TELLING = ("h0", "x0", "r0", "init", "start")
SAID = ("a sequence of one step", "a sequence of one step, time first")


class FromOwnStart:
    """(inputs, state) -> (outputs, next state) of a forward whose first state is its weight ``name``."""

    def __init__(
        self, twin: nn.Module, name: str, arguments: Callable[..., Any], time_axis: int, k: int
    ) -> None:
        self.twin, self.arguments, self.time_axis, self.k = twin, arguments, time_axis, k
        prefix, _, self.last = name.rpartition(".")
        self.holder = twin.get_submodule(prefix)
        for kind in (self.holder._parameters, self.holder._buffers):  # which take tensors alone
            if self.last in kind:
                vars(self.holder)[self.last] = kind.pop(self.last)

    def values(self, u: Any, state: Any) -> list[Any]:
        """The tensors that the forward returns."""
        own = vars(self.holder)[self.last]
        vars(self.holder)[self.last] = state
        try:
            sizes = (u.shape[1 - self.time_axis], u.shape[self.time_axis])
            given, named = self.arguments(u, None, sizes)
            return list(tensors(self.twin(*given, **named)))
        finally:
            vars(self.holder)[self.last] = own

    def __call__(self, u: Any, state: Any) -> tuple[list[Any], Any]:
        values = self.values(u, state)
        last = values.pop(self.k)
        if last.ndim == state.ndim + 1 or last.ndim == 3:
            last = last.select(self.time_axis, -1)
        return values, last.reshape(state.shape)


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
    twin, none = build(), {"state_size": [], "input_size": []}
    for name, weight in own_starts(twin):
        shapes = (lambda n, w=weight: _batched(w, n),)
        for arguments, _, takes_state in by_name(twin.forward):
            for axis in () if takes_state else (1, 0):
                for n_inputs in widths:
                    for k in _candidates(build(), name, arguments, axis, weight, n_inputs, device):
                        function = FromOwnStart(build(), name, arguments, axis, k)
                        call = StepCall(1, n_inputs, SAID[1 - axis])
                        search = Search(
                            function,
                            twin,
                            none,
                            None,
                            Form(returned="1"),
                            total=None,
                            flags=False,
                            device=device,
                        )
                        step = search.tried(function, call, shapes[0])
                        if step is not None:
                            step.start = weight.detach().reshape(-1).clone()
                            yield step


def _batched(weight: Tensor, n: int) -> Tensor:
    """Zeros for a batch, in the shape that a first state of the shape of ``weight`` is expanded to."""
    shape = list(weight.shape)
    places = [k for k, size in enumerate(shape) if size == 1]
    if not places:
        return weight.new_zeros(n, *shape)
    shape[places[-1]] = n
    return weight.new_zeros(shape)


def _candidates(
    twin: nn.Module,
    name: str,
    arguments: Callable[..., Any],
    axis: int,
    weight: Tensor,
    n_inputs: int,
    device: torch.device,
) -> list[int]:
    """Which of the tensors that come back may end in the next state."""
    n, size = BATCHES[0], weight.numel()
    step = FromOwnStart(twin, name, arguments, axis, 0)
    u = torch.zeros(n, 1, n_inputs, dtype=torch.float64, device=device)
    try:
        with torch.no_grad():
            values = step.values(u if axis == 1 else u.transpose(0, 1), _batched(weight, n))
    except Exception:  # foreign code
        return []
    return [
        k for k, v in enumerate(values) if v.shape[-1:] == (size,) and v.numel() in (n * size, 2 * n * size)
    ]


def missing(model: nn.Module) -> str:
    """What a forward of whole sequences lacks, so that no step can be taken through it."""
    if own_starts(model):
        return "its forward starts from a weight of its own but returns no states: let it return them too"
    return "its forward takes no first state: give it an argument state=None, and let it return the last state too"
