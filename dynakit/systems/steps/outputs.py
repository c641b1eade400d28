"""What a step returns beside its next state, as a readout of that state, where it is one.

The step is run once and each call of torch is numbered; the readout runs it again and puts given states in the place of
the results that were the next state.  What then comes out is a function of the state alone; whether it is what the step
returns is seen by comparing, under states and inputs of several scales.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..foreign import untouched_randomness
from .state_tree import BATCHES, Layout, aligned, at_path, branches, is_leaf
from .tree_step import TreeStep

SCALES = (0.1, 1.0, 5.0)
N_ROWS = 6  # of each scale
Place = tuple[int, int | None]  # the number of a call, and which of its results


class _Numbered(TorchFunctionMode):
    """The tensors that each call of torch returned."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[Place, Tensor]] = []
        self._n_calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        value = func(*args, **(kwargs or {}))
        for k, item in enumerate(value) if isinstance(value, (tuple, list)) else ((None, value),):
            if isinstance(item, Tensor):
                self.made.append(((self._n_calls, k), item))
        self._n_calls += 1
        return value

    def places_of(self, leaves: list[Tensor]) -> dict[Place, tuple[int, slice, int]]:
        """Which leaf (row, unit), or layer of it, is in which result, its rows along which axis.

        A layer returns its last state twice, once among all layers' and once as its output.
        """
        found = {}
        for place, made in self.made:
            for axis in (k for k, size in enumerate(made.shape) if size == BATCHES[1]):
                rows = made.movedim(axis, 0).reshape(BATCHES[1], -1)
                where = next(_within(leaves, rows), None)
                if where is not None:
                    found[place] = *where, axis
        return found


def _within(leaves: list[Tensor], rows: Tensor) -> Iterator[tuple[int, slice]]:
    """The leaves, and the columns of them, that hold these rows."""
    width = rows.shape[1]
    for k, leaf in enumerate(leaves):
        if width and leaf.dtype == rows.dtype and leaf.shape[1] % width == 0:
            for at in range(0, leaf.shape[1], width):
                if torch.equal(leaf[:, at : at + width], rows):
                    yield k, slice(at, at + width)


class _Replaced(TorchFunctionMode):
    """Other numbers in the place of certain results: rows (row, unit), and the axis that they are to lie along."""

    def __init__(self, instead: dict[Place, tuple[Tensor, int]]) -> None:
        super().__init__()
        self.instead, self._n_calls = instead, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        value, n = func(*args, **(kwargs or {})), self._n_calls
        self._n_calls += 1
        if not isinstance(value, (tuple, list)):
            return self._of((n, None), value)
        items = [self._of((n, k), item) for k, item in enumerate(value)]
        return type(value)(items) if any(a is not b for a, b in zip(items, value)) else value

    def _of(self, place: Place, value: Any) -> Any:
        if place not in self.instead:
            return value
        rows, axis = self.instead[place]
        return rows.reshape(value.movedim(axis, 0).shape).movedim(0, axis)


class StepOutputs:
    """The outputs of a step as a function of states (batch, unit) -> (batch, output).

    Attributes:
        names: the paths of those outputs that are functions of the state alone.
        parts: the columns of each.
        left_out: the paths of the others.
    """

    def __init__(self, step: TreeStep) -> None:
        self.step = step
        x, u = self._rows(BATCHES[1])
        with untouched_randomness(), torch.no_grad(), _Numbered() as numbered:
            value = step.value(x, u)
            state = aligned(at_path(value, step.path), step.layout.like) or []
        with untouched_randomness(), torch.no_grad():
            pairs = zip(step.layout.leaves, state, strict=True)
            rows = [leaf.movedim(axis, 0).reshape(BATCHES[1], -1) for axis, leaf in ((of.axis, v) for of, v in pairs)]
            self._places = numbered.places_of(rows)
            small = step.value(x[: BATCHES[0]], u[: BATCHES[0]])
        self._all: dict[str, Layout] = {}
        for name in _outputs(value, step.path):
            try:
                self._all[name] = Layout(_at(small, name), _at(value, name))
            except Exception:  # no batch axis, or no numbers: nothing that is read out of each state
                continue
        self.names = [name for name, equal in self._compared().items() if equal]
        self.left_out = [name for name in self._all if name not in self.names]

    @property
    def parts(self) -> dict[str, slice]:
        found, at = {}, 0
        for name in self.names:
            found[name] = slice(at, at + self._all[name].size)
            at += self._all[name].size
        return found

    def __call__(self, states: Tensor) -> Tensor:
        if not len(states):  # foreign code need not bear none
            return self(states.new_zeros(1, states.shape[1]))[:0]
        read = self._read(states)
        return torch.cat([read[name] for name in self.names], -1)

    def _read(self, states: Tensor) -> dict[str, Tensor]:
        layout = self.step.layout
        tensors = zip(layout.leaves, layout.tensors(states), strict=True)
        taken = [value.movedim(leaf.axis, 0).reshape(len(states), -1) for leaf, value in tensors]
        instead = {place: (taken[k][:, columns], axis) for place, (k, columns, axis) in self._places.items()}
        x = states.new_full((len(states), layout.size), 0.1)
        u = states.new_full((len(states), self.step.call.n_inputs), 0.1)
        with _Replaced(instead):
            value = self.step.value(x, u)
        return {name: each.flat(_at(value, name), len(states)) for name, each in self._all.items()}

    def _compared(self) -> dict[str, bool]:
        """Which outputs are what is read off the next state."""
        equal = dict.fromkeys(self._all, True)
        with untouched_randomness(), torch.no_grad():
            for scale in SCALES:
                x, u = (scale * v for v in self._rows(N_ROWS))
                value = self.step.value(x, u)
                try:
                    read = self._read(self.step.layout.flat(at_path(value, self.step.path), len(x)))
                except Exception:  # foreign code, which need not run in the same calls each time
                    return dict.fromkeys(self._all, False)
                for name, layout in self._all.items():
                    theirs = layout.flat(_at(value, name), len(x))
                    equal[name] &= torch.allclose(theirs, read[name], rtol=1e-9, atol=1e-9, equal_nan=True)
        return equal

    def _rows(self, n: int) -> tuple[Tensor, Tensor]:
        generator, size = torch.Generator().manual_seed(0), self.step.layout.size
        rows = torch.randn(
            n, size + self.step.call.n_inputs, generator=generator, dtype=torch.float64, device="cpu"
        )
        rows = rows.to(self.step.device)
        return rows[:, :size], rows[:, size:]


def _outputs(value: Any, path: tuple[str, ...], at: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of the real tensors of a returned value that are no part of its state, which lies at ``path``."""
    if at == path:
        return
    if is_leaf(value):
        if value.is_floating_point():
            yield ".".join(at)
        return
    try:
        below = branches(value)
    except TypeError:
        return
    for name, part in below:
        yield from _outputs(part, path, (*at, name))


def _at(value: Any, name: str) -> Any:
    return at_path(value, tuple(name.split(".")))
