"""A user's step as a map of flat vectors, and which of the values that it returns is the next state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from .calls import StepCall
from .form import Form
from .state_tree import BATCHES, Layout, at_path, is_leaf, leaves
from .windows import cut


class TreeStep:
    """f(x, u) of flat vectors: the state is taken apart, handed over, and put together again.

    Attributes:
        layout: how the state lies in a flat vector.
        path: where in what the step returns the next state is.
        draws: how many draws of noise a step makes, each replaced by its mean.
        cut: whether a state that comes back longer is cut to its last entries.
        start: the state that a maker makes for one trial, flat; None where nobody makes one.
    """

    def __init__(
        self, function: Callable[..., Any], call: StepCall, layout: Layout, device: torch.device, *, cut: bool = False
    ) -> None:
        self.function, self.call, self.layout, self.device = function, call, layout, device
        self.path: tuple[str, ...] = ()
        self.same: list[tuple[str, ...]] = []  # where else it is
        self.draws, self.cut = 0, cut
        self.start: Tensor | None = None

    def value(self, x: Any, u: Any) -> Any:
        """What the step returns, as it is."""
        state = self.layout.taken(x)
        given, named = self.call.arguments(u, state)
        value = self.function(*given, **named)
        return cut(value, state) if self.cut else value

    def __call__(self, x: Any, u: Any = None) -> Any:
        return self.layout.flat(at_path(self.value(x, u), self.path), len(x))

    def choose(self, values: list[Any], form: Form, far: list[list[Any]]) -> None:
        """Settle where the state is among what came back for batches of both sizes; InputError if it cannot be told.

        ``far`` came back for large states: what is a saturated copy of the state is equal to it for small ones.
        """
        found = [dict(self.layout.within(value, n)) for value, n in zip(values, BATCHES, strict=True)]
        paths = [path for path in found[0] if path in found[1]]
        if form.path is not None:
            paths = [path for path in paths if path == form.path]
        if not paths:
            _refuse_growth(self.layout, values[1])
            raise InputError(f"nothing that it returns is built as its state ({self.layout}) is")
        last = [found[1], *(dict(self.layout.within(large, BATCHES[1])) for _, large in far)]
        rows = ([self.layout.flat(at[path], BATCHES[1]) for at in last if path in at] for path in paths)
        flat = [torch.cat(each).nan_to_num() for each in rows]
        if any(not torch.equal(flat[0], other) for other in flat[1:]):
            places = [".".join(path) or "all of it" for path in paths]
            raise Undecided(
                f"{' and '.join(places)} of what it returns are built as its state is, and differ: say which is its "
                f"next state, form=dk.Form(returned={places[-1]!r})",
                paths,
            )
        self.path, self.same = paths[0], paths


class Undecided(InputError):
    """A step that runs, of which something has to be said: which of the values at ``paths`` is its next state."""

    def __init__(self, text: str, paths: list[tuple[str, ...]]) -> None:
        super().__init__(text)
        self.paths = paths


def _refuse_growth(layout: Layout, value: Any) -> None:
    """Raise InputError if what came back is the state with one tensor longer."""
    parts = (
        [value]
        if is_leaf(value) or isinstance(value, dict)
        else list(value)
        if isinstance(value, (tuple, list))
        else []
    )
    for part in [value, *parts]:
        try:
            back = leaves(part)
        except TypeError:
            continue
        if len(back) == len(layout.leaves):
            for leaf, (_, b) in zip(layout.leaves, back, strict=True):
                full = leaf.full(BATCHES[1])
                if (
                    b.ndim == len(full)
                    and sum(p != q for p, q in zip(b.shape, full)) == 1
                    and b.numel() > full.numel()
                ):
                    layout.flat(part, BATCHES[1])
