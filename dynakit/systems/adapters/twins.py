"""Copies of a user's module that are run for comparison: in float64 where its code bears that, else as it is."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..base import System
from ..foreign import in_float64, untouched_containers, untouched_randomness
from ..steps import MeanOfNoise
from .calling import Way, run, tensors, ways
from .copies import copied, float64_copy, taking_one_hot


class Call(NamedTuple):
    """One call of the recurrent layer within a forward."""

    inputs: Any
    state: Any
    output: Any


class ForwardRun(NamedTuple):
    """What a forward returned, whether in float64, and how its recurrent layer was called meanwhile."""

    values: list[Tensor]
    precise: bool
    calls: list[Call]


class Twins:
    """``model`` in copies, with the name of the recurrent layer within it; raises InputError for unusable weights."""

    def __init__(
        self, model: nn.Module, device: torch.device | str | None = None, core: str | None = None
    ) -> None:
        self.model, self.core = taking_one_hot(model), core
        self.parts = [core] if core else []  # parts or methods that take the steps, by name
        self.hands_on: dict[Way, bool] = {}  # whether the forward, called so, hands on what they return
        self.double = float64_copy(self.model, device)
        weights = itertools.chain(self.double.parameters(), self.double.buffers())
        self.device = next((w.device for w in weights), torch.device(device or "cpu"))
        self._own: nn.Module | None = None
        self._kept: dict[tuple[Way, int], tuple[Tensor, ForwardRun | None]] = {}  # runs from its own start
        self.draws = 0  # of noise in a run, each replaced by its mean
        self._failed = self.trouble = ""  # why the last call, and the most likely one, failed, in the code's words

    @property
    def own(self) -> nn.Module:
        """The copy in the model's own dtype."""
        if self._own is None:
            self._own = copied(self.model).to(self.device).eval().requires_grad_(False)
        return self._own

    def ways(self, system: System) -> list[Way]:
        """The ways to call the forward, each the same object whenever it is asked for."""
        if not hasattr(self, "_ways"):
            self._ways = list(ways(self.model, system))
        return self._ways

    def run(self, way: Way, x: Tensor, state: Tensor | None) -> ForwardRun | None:
        """The forward called in this way, in float64 if it can be; None if it cannot be called so."""
        if state is not None:
            return self._run(way, x, state)
        if (way, id(x)) not in self._kept:
            self._kept[way, id(x)] = x, self._run(way, x, None)
        return self._kept[way, id(x)][1]

    def _run(self, way: Way, x: Tensor, state: Tensor | None) -> ForwardRun | None:
        for attempt in (self._plainly, self._wide, self._as_it_is):
            with contextlib.suppress(Exception):
                outcome = attempt(way, x, state)
                if (outcome.values or outcome.calls) and (outcome.precise or attempt == self._as_it_is):
                    return outcome
        self.trouble = self.trouble or self._failed
        return None

    def _plainly(self, way: Way, x: Tensor, state: Tensor | None) -> ForwardRun:
        return self._outcome(self.double, run, way, x, state)

    def _wide(self, way: Way, x: Tensor, state: Tensor | None) -> ForwardRun:
        return self._outcome(self.double, in_float64(run, self.device), way, x, state)

    def _as_it_is(self, way: Way, x: Tensor, state: Tensor | None) -> ForwardRun:
        dtype = next((p.dtype for p in self.model.parameters()), torch.get_default_dtype())
        state = None if state is None else state.to(dtype)
        with torch.device(self.device):
            return self._outcome(self.own, run, way, x.to(dtype), state)

    def _outcome(
        self, twin: nn.Module, runner: Callable[..., list[Tensor]], way: Way, x: Tensor, state: Tensor | None
    ) -> ForwardRun:
        calls: list[Call] = []
        try:
            with quietly(twin), self._watched(twin, calls), MeanOfNoise() as noise:
                values = runner(twin, way, x, state)
        except Exception as error:
            self._failed = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
            raise
        self.draws = max(self.draws, noise.draws)
        return ForwardRun(values, all(v.dtype == torch.float64 for v in values), calls)

    @contextlib.contextmanager
    def _watched(self, twin: nn.Module, calls: list[Call]) -> Iterator[None]:
        if self.core is None:
            yield
            return

        def note(_: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            given = [*args, *kwargs.values()]
            inputs = given[0] if given else None
            calls.append(Call(inputs, given[1] if len(given) > 1 else None, output))

        handle = None
        with contextlib.suppress(Exception):  # a compiled or scripted layer takes no hooks
            handle = twin.get_submodule(self.core).register_forward_hook(note, with_kwargs=True)
        try:
            yield
        finally:
            if handle is not None:
                handle.remove()


@contextlib.contextmanager
def quietly(module: nn.Module) -> Iterator[None]:
    """Run a copy's code without gradients and warnings; the generators and what its hooks collect are put back."""
    hooks = [
        h
        for m in module.modules()
        for held in (m._forward_hooks, m._forward_pre_hooks)
        for h in held.values()
    ]
    with untouched_randomness(), untouched_containers(hooks), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def first_state(call: Call, system: System) -> Tensor | None:
    """The state (trial, unit) that a layer was first called with, in the order of ``system``; None if not given."""
    given = list(tensors(call.state))
    if not given:
        return None
    if len(given) == 1 and given[0].ndim == 2 and given[0].shape[1] == system.state_size:
        return given[0].double()
    layers = [g[None] if g.ndim == 2 else g for g in given]
    try:  # of each kind (layer, trial, unit)
        flat = torch.stack(layers, 2).permute(1, 0, 2, 3).flatten(1)
    except RuntimeError:
        return None
    return flat.double() if flat.shape[1] == system.state_size else None
