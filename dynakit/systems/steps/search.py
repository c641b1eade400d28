"""A user's step whose state is any tree of tensors, as a map of flat vectors: found by calling it.

A state to begin with and a way to call the step are tried together, with batches of 5 and of 7: what runs, gives back a
state of the same structure and treats each row by itself is the map.  Where two ways do and differ, none is chosen.
"""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ..foreign import in_float64, untouched_randomness
from . import first_states
from .calls import StepCall, calls, count_of_parts, takes_no_state
from .form import Form, Maker
from .kept_state import kept_state
from .noise import MeanOfNoise, refuse_unlike_its_mean, without_noise
from .state_tree import BATCHES, Layout, at_path, leaves, rebuilt
from .tree_step import TreeStep, Undecided
from .windows import lengthened

MIXES = "f must treat each row of a batch by itself: a row changed with its neighbour"
FAR = (30.0, -1000.0)  # times the states that a step is tried with
SETTLED = ("a counter or a flag", "no one axis of the batch")  # of a state that was told: no guess would be it
DRAWS_BY_OTHERS = (
    "it gives other states when it is called again, though torch draws nothing in it, which has no mean map: pass a "
    "step without what it draws, or one that leaves it out in eval mode"
)
NOT_ONE_BY_ONE = "a sequence of three elements does something else than three sequences of one"


class Search:
    """The map that a step is: which state, which call."""

    def __init__(
        self,
        function: Callable[..., Any],
        owner: Any,
        sizes: dict[str, list[int]],
        order: str | None,
        form: Form,
        *,
        total: int | None,
        flags: bool,
        device: torch.device,
    ) -> None:
        self.function, self.owner, self.order, self.form, self.flags = function, owner, order, form, flags
        self.widths, self.inputs, self.total, self.device = (
            sizes["state_size"],
            sizes["input_size"],
            total,
            device,
        )
        self.reasons: list[str] = []

    def found(self) -> TreeStep | None:
        """The one map; None, with ``reasons``, where none is; InputError where two are."""
        by_inputs = [step for step in map(self._of, self.inputs) if step is not None]
        if len(by_inputs) > 1:
            sizes = " and of ".join(str(step.call.n_inputs) for step in by_inputs)
            raise InputError(f"it runs with inputs of {sizes}: pass input_size=")
        return by_inputs[0] if by_inputs else None

    def _of(self, n_inputs: int) -> TreeStep | None:
        if n_inputs and (self.form.kept_in or (takes_no_state(self.function) and self.form.state is None)):
            kept = self._kept(n_inputs)
            if kept is not None or self.form.kept_in:
                return kept
        for group in (self._told, self._returned):
            before = len(self.reasons)
            for call in calls(self.function, self.order, n_inputs, self.form):
                for make in group(call):
                    step = self.tried(self.function, call, make)
                    if step is not None:
                        step.start = start_of(make, step.layout)
                        return self._in_one_order(step, make)
            settled = [reason for reason in self.reasons[before:] if any(word in reason for word in SETTLED)]
            if group == self._told and settled:
                raise InputError(settled[0])
            if self.form.state is not None:
                return None
        return self._guessed(n_inputs)

    def _kept(self, n_inputs: int) -> TreeStep | None:
        for function in (self.function, in_float64(self.function, self.device)):
            u = self.u(n_inputs, BATCHES[0])
            try:
                with untouched_randomness(), self._mean():
                    kept = kept_state(function, self.owner, u, self.form.kept_in)
                    before = None if kept is None else kept.now()
            except InputError:
                raise
            except Exception as error:  # foreign code
                self.reasons.append(str(error))
                continue
            if kept is None:
                self.reasons.append("it takes no state, and changes none that it keeps")
                continue
            step = self.tried(
                kept,
                StepCall(1, n_inputs),
                lambda n, k=kept: first_states.as_states(k.after(self.u(n_inputs, n))),
            )
            if step is not None:
                step.start = _kept_start(before, step.layout)
                return step
        return None

    def _told(self, call: StepCall) -> Iterator[Maker]:
        yield from first_states.given(self.form)
        if self.form.state is None:
            yield from first_states.by_maker(self.owner, lambda n: self.u(call.n_inputs, n))

    def _returned(self, call: StepCall) -> Iterator[Maker]:
        for state in ((), (None,)) if call.n_inputs else ():

            def without(n: int, state: tuple[None, ...] = state) -> Any:
                u = self.u(call.n_inputs, n)
                if not state:
                    return self._called(StepCall(None, call.n_inputs, call.said), u, None)
                return self._called(StepCall(call.state_at, call.n_inputs, call.said), u, None)

            yield from first_states.returned_by(without)

    def _guessed(self, n_inputs: int) -> TreeStep | None:
        found: dict[int, TreeStep] = {}
        mixed = False
        for call, units_first in _rounds(list(calls(self.function, self.order, n_inputs, self.form))):
            if mixed and units_first:  # it runs, rows first: units first would be another map
                continue
            count = count_of_parts(self.function, n_inputs) if call.spread else None
            guesses = first_states.by_width(self.widths, self.total, count, units_first=units_first)
            keys = first_states.by_key(
                lambda n, s, call=call: self._called(call, self.u(call.n_inputs, n), s),
                self.widths,
                self.total,
                n_inputs,
            )
            for make in guesses if units_first else itertools.chain(guesses, keys):
                try:
                    step = self.tried(self.function, call, make)
                except Undecided as undecided:
                    make = self._all_of(call, make, undecided)
                    step = None if make is None else self.tried(self.function, call, make)
                    if make is None or step is None:
                        raise
                if step is not None and step.layout.size not in found:
                    found[step.layout.size] = self._in_one_order(step, make)
                    if self.total or len(self.widths) == 1:
                        return step
                if step is None and self.reasons[-1] == MIXES:  # it runs: a state of another shape would be no better
                    mixed = True
                    break
                if step is None and self.reasons[-1] == NOT_ONE_BY_ONE:
                    raise InputError(NOT_ONE_BY_ONE)
            if found:
                break
        if len(found) > 1:
            raise InputError(
                f"it runs with states of {' and of '.join(map(str, found))} units: pass state_size="
            )
        return next(iter(found.values()), None)

    def _all_of(self, call: StepCall, make: Maker, undecided: Undecided) -> Maker | None:
        """A state as several parts of what came back are, where a guessed one is like each of them."""
        above = {path[:-1] for path in undecided.paths}
        if len(above) != 1 or () in undecided.paths:
            return None
        path = above.pop()

        def made(n: int) -> Any:
            parts = at_path(self._called(call, self.u(call.n_inputs, n), make(n)), path)
            return rebuilt(parts, (torch.zeros_like(leaf) for _, leaf in leaves(parts)))

        return made

    def tried(self, function: Callable[..., Any], call: StepCall, make: Maker) -> TreeStep | None:
        """The step called in this way from such states; None, with a reason, where that is none."""
        try:
            with untouched_randomness(), torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if self.form.window:
                    make = self._of_window(call, make, self.form.window)
                layout = Layout(*(make(n) for n in BATCHES), names=self.form.names, flags=self.flags)
                step = self._as_float64(function, call, layout)
                if step is not None and call.is_sequence:
                    settle_sequence(step, self.u(call.n_inputs, BATCHES[0]))
                return step
        except Undecided:
            raise
        except InputError as error:
            self.reasons.append(str(error))
        except Exception as error:  # foreign code
            self.reasons.append(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
        return None

    def _as_float64(self, function: Callable[..., Any], call: StepCall, layout: Layout) -> TreeStep | None:
        trouble: Exception | None = None
        for f in (function, in_float64(function, self.device)):
            step = TreeStep(f, call, layout, self.device, cut=self.form.window is not None)
            x, u = _states(layout.size, BATCHES[1], self.device), self.u(call.n_inputs, BATCHES[1])
            try:
                with self._mean() as noise:
                    values = [step.value(x[:n], u[:n]) for n in BATCHES]
                    far = _far(step, x, u)
            except Exception as error:  # foreign code
                trouble = trouble or error
                continue
            step.choose(values, self.form, far)
            others = self.form.mean_of_draws
            if noise.draws and refuse_unlike_its_mean(step, x, u, others=others):
                step.draws, step.function = noise.draws // len(BATCHES), without_noise(f, others=others)
            elif noise.draws:  # the same numbers at every call
                values = [step.value(x[:n], u[:n]) for n in BATCHES]
            flat = [layout.flat(at_path(v, step.path), n) for v, n in zip(values, BATCHES, strict=True)]
            if not _is_precise(at_path(values[1], step.path)):
                trouble = InputError(
                    "it answers in float32 where it is given float64: it computes with a tensor or cast of that type"
                )
                continue
            if not torch.allclose(flat[0], flat[1][: BATCHES[0]], rtol=1e-9, atol=1e-12, equal_nan=True):
                again = layout.flat(at_path(step.value(x[: BATCHES[0]], u[: BATCHES[0]]), step.path), BATCHES[0])
                raise InputError(MIXES if torch.equal(again, flat[0]) else DRAWS_BY_OTHERS)
            _refuse_mixing(step, far)
            return step
        assert trouble is not None
        raise trouble

    def _in_one_order(self, step: TreeStep, make: Maker) -> TreeStep:
        """``step``; InputError if with its first two arguments exchanged it runs too, and does something else."""
        call = step.call
        if not isinstance(call.state_at, int) or call.spread or not call.n_inputs:
            return step
        other = StepCall(1 - call.state_at, call.n_inputs, call.said)
        if other not in list(calls(self.function, self.order, call.n_inputs, self.form)):
            return step
        exchanged = self.tried(self.function, other, make)
        if exchanged is not None:
            x, u = _states(step.layout.size, BATCHES[0], self.device), self.u(call.n_inputs, BATCHES[0])
            if not torch.equal(step(x, u), exchanged(x, u)):
                raise InputError(
                    "it works in either order: pass argument_order='state, input' or 'input, state'"
                )
        return step

    def _called(self, call: StepCall, u: Tensor, state: Any) -> Any:
        given, named = call.arguments(u, state)
        with untouched_randomness(), torch.no_grad(), self._mean(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return in_float64(self.function, self.device)(*given, **named)

    def _of_window(self, call: StepCall, make: Maker, length: int) -> Maker:
        """Zeros of this length along the axis along which a state grows."""

        def made(n: int) -> Any:
            state = make(n)
            return lengthened(state, self._called(call, self.u(call.n_inputs, n), state), length)

        return made

    def _mean(self) -> MeanOfNoise:
        return MeanOfNoise(others=self.form.mean_of_draws)

    def u(self, n_inputs: int, n: int) -> Tensor:
        """Inputs to try, (batch, input)."""
        return _rows(n, n_inputs, -0.2, 0.2, self.device)


def _far(step: TreeStep, x: Tensor, u: Tensor) -> list[list[Any]]:
    """What a step returns for large states, of batches of both sizes: a threshold may tell apart what is equal here."""
    found = []
    for scale in FAR:
        with contextlib.suppress(Exception):  # foreign code need not bear them
            found.append([step.value(scale * x[:n], scale * u[:n]) for n in BATCHES])
    return found


def _refuse_mixing(step: TreeStep, far: list[list[Any]]) -> None:
    for values in far:
        few, all_ = (step.layout.flat(at_path(v, step.path), n) for v, n in zip(values, BATCHES, strict=True))
        if not torch.allclose(few, all_[: BATCHES[0]], rtol=1e-9, atol=1e-9, equal_nan=True):
            raise InputError(MIXES)


def _rounds(ways: list[StepCall]) -> list[tuple[StepCall, bool]]:
    """Calls, and whether to try states with their units first: those with rows first in all calls before."""
    units = [call for call in ways if call.said == "units first"]
    rows = [call for call in ways if not call.said]
    natural = [call for call in ways if call.said != "units first"]
    return [*((call, False) for call in natural), *((call, True) for call in [*units, *rows])]


def settle_sequence(step: TreeStep, u: Tensor) -> None:
    """Choose, among values that agree after one element, the one that is the state after several; or InputError."""
    trouble: list[InputError] = []
    for path in step.same:
        step.path = path
        try:
            return check_sequence(step, u)
        except InputError as error:
            trouble.append(error)
    raise trouble[-1]


def check_sequence(step: TreeStep, u: Tensor) -> None:
    """Raise InputError unless three elements at once do what three of one element do, one after another."""
    for scale in (1.0, *FAR):
        x = scale * _states(step.layout.size, len(u), u.device)
        inputs = scale * torch.stack([u, 2 * u, -u], 1)
        try:
            given, named = step.call.of_sequence(inputs, step.layout.taken(x))
            whole = step.layout.flat(at_path(step.function(*given, **named), step.path), len(u))
            for v in inputs.unbind(1):
                x = step(x, v)
        except Exception:  # foreign code need not bear large states
            if scale == 1.0:
                raise
            continue
        if not torch.allclose(whole, x, rtol=1e-9, atol=1e-9, equal_nan=True):
            raise InputError(NOT_ONE_BY_ONE)


def _is_precise(state: Any) -> bool:
    return all(
        v.dtype not in (torch.float32, torch.complex64, torch.float16, torch.bfloat16)
        for _, v in leaves(state)
    )


def _rows(n: int, width: int, lo: float, hi: float, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(n and width)
    u = torch.rand(BATCHES[1], width, generator=generator, dtype=torch.float64, device="cpu")
    return (lo + (hi - lo) * u)[:n].to(device)


def _states(size: int, n: int, device: torch.device) -> Tensor:
    return _rows(n, size, 0.1, 0.4, device)


def start_of(make: Maker, layout: Layout) -> Tensor | None:
    """The state of one trial that a maker makes, where it is the same for all trials."""
    try:
        flat = layout.flat(make(BATCHES[0]), BATCHES[0])
    except Exception:  # foreign code
        return None
    same = bool((flat == flat[:1]).all()) and bool(flat.any())
    return flat[0].clone() if same else None


def _kept_start(state: Any, layout: Layout) -> Tensor | None:
    """The state that a module keeps before its first call, where it is one of one trial."""
    try:
        flat = layout.flat(first_states.as_states(state), 1)
    except Exception:  # of another structure, or for another number of trials
        return None
    return flat[0].clone() if bool(flat.any()) else None
