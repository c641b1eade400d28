"""The ways in which a forward may be called with a sequence: by the names of its parameters, then by place."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from ..base import System
from ..enclosures import Jet
from ..steps import STATE_NAMES

LENGTHS = {"lengths", "length", "lens", "seq_lengths", "seq_lens", "seq_len", "x_lengths", "input_lengths"}
COUNTS = {"n_steps", "steps", "num_steps", "t", "n_timesteps", "timesteps", "seq_length", "horizon"}
FLAGS = {
    "return_states",
    "return_dynamics",
    "return_sequences",
    "return_state",
    "return_hidden",
    "return_all",
}


@dataclass(frozen=True)
class Way:
    """One way to call: whether time comes first, whether a first state is given and in which form, or step by step."""

    arguments: Callable[[Any, Any, tuple[int, int]], tuple[tuple[Any, ...], dict[str, Any]]]
    said: str
    time_first: bool = False
    form: Callable[[Tensor], Any] | None = None
    stepwise: bool = False

    def given(self, x: Tensor, state: Tensor | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments for inputs (trial, time, input), or (trial, input) of a step, and states (trial, unit)."""
        value = self.form(state) if self.form is not None and state is not None else None
        sizes = (len(x), x.shape[1] if x.ndim == 3 else 1)  # trials, steps
        return self.arguments(x.transpose(0, 1) if self.time_first else x, value, sizes)


def ways(model: nn.Module, system: System) -> Iterator[Way]:
    """Ways to call the forward of ``model``, those without a first state first."""
    named = [way for way in by_name(model.forward) if _binds(model.forward, way[0])]
    orders = (False, True) if getattr(model, "batch_first", True) else (True, False)
    plain = [(f, said) for f, said, takes in named if not takes]
    with_state = [(f, said) for f, said, takes in named if takes]
    for arguments, said in plain:
        for time_first in orders:
            yield Way(arguments, said, time_first)
    for arguments, said in with_state:
        for form in _forms(system):
            for time_first in orders:
                yield Way(arguments, said, time_first, form)
            yield Way(arguments, said, form=form, stepwise=True)


def by_name(forward: Callable[..., Any]) -> list[tuple[Callable[..., Any], str, bool]]:
    """(arguments of (x, state), in words, whether the state is used)."""
    try:
        parameters = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    first = next((p.name for p in named if p.name.lower() not in STATE_NAMES), None)
    state = next((p.name for p in named if p.name != first and p.name.lower() in STATE_NAMES), None)
    needed = [p.name for p in named if p.default is p.empty and p.name not in (first, state)]
    flags = [p.name for p in named if p.name in FLAGS and p.default is False]
    found: list[tuple[Callable[..., Any], str, bool]] = []
    if first is not None and all(n.lower() in LENGTHS | COUNTS for n in needed):
        found += [
            (_named(first, state, needed, chosen, named), _said(first, needed), False)
            for chosen in ([], flags)
        ]
        if state is not None:
            found += [(_named(first, state, needed, flags, named), f"({first}, {state})", True)]
    return [
        *found,
        (lambda x, s, _: ((x, None), {}), "(x, None)", False),
        (lambda x, s, _: (({"inputs": x},), {}), "({'inputs': x})", False),
        (lambda x, s, _: ((x, s), {}), "(x, state)", True),
        (lambda x, s, _: ((s, x), {}), "(state, x)", True),
    ]


def _binds(forward: Callable[..., Any], arguments: Callable[..., Any]) -> bool:
    """Whether the signature of ``forward`` has places for these arguments."""
    args, kwargs = arguments(torch.zeros(1, 1, 1, device="cpu"), None, (1, 1))
    try:
        inspect.signature(forward).bind(*args, **kwargs)
    except TypeError:
        return False
    except ValueError:  # there is no signature
        return True
    return True


def _said(first: str, needed: list[str]) -> str:
    return f"({', '.join([first, *needed])})"


def _named(
    first: str, state: str | None, needed: list[str], flags: list[str], parameters: list[Any]
) -> Callable[..., Any]:
    must = {p.name for p in parameters if p.default is p.empty}

    def arguments(x: Tensor, value: Any, sizes: tuple[int, int]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        n_trials, n_steps = sizes
        filled: dict[str, Any] = {first: x, **dict.fromkeys(flags, True)}
        for name in needed:
            lengths = torch.full((n_trials,), n_steps, device="cpu")
            filled[name] = n_steps if name.lower() in COUNTS else lengths
        if state is not None and (value is not None or state in must):
            filled[state] = value
        places = [p.name for p in parameters if p.kind == p.POSITIONAL_ONLY and p.name in filled]
        return tuple(filled.pop(name) for name in places), filled

    return arguments


def _forms(system: System) -> list[Callable[[Tensor], Any]]:
    """The shapes in which a first state (trial, unit) may be wanted."""
    blocks = list(system.parts.values())
    sizes = {b.stop - b.start for b in blocks}
    kinds = len({name.rpartition(".")[2] for name in system.parts})
    forms: list[Callable[[Tensor], Any]] = [lambda s: s]
    if len(sizes) != 1 or len(blocks) % kinds:
        return forms
    width = sizes.pop()

    def parts(s: Tensor) -> list[Tensor]:  # of each kind (layer, trial, unit)
        cut = s.reshape(len(s), -1, kinds, width)
        return [cut[:, :, k].transpose(0, 1).contiguous() for k in range(kinds)]

    if kinds == 1:
        forms += [lambda s: parts(s)[0], lambda s: list(parts(s)[0])]
        return forms
    return [
        *forms,
        lambda s: tuple(parts(s)),
        lambda s: tuple(p[0] for p in parts(s)),
        lambda s: tuple(reversed(parts(s))),
        lambda s: tuple(p[0] for p in reversed(parts(s))),
    ]


def run(module: nn.Module, way: Way, x: Tensor, state: Tensor | None) -> list[Any]:
    """The floating-point tensors that come out, of steps stacked along a first axis."""
    if not way.stepwise:
        args, kwargs = way.given(x, state)
        return list(tensors(module(*args, **kwargs)))
    assert state is not None
    outcomes = []
    for t in range(x.shape[1]):
        args, kwargs = way.given(x[:, t], state[:, t])
        outcomes.append(list(tensors(module(*args, **kwargs))))
    return [torch.stack(values) for values in zip(*outcomes, strict=True)]


def tensors(value: Any) -> Iterator[Any]:
    """The floating-point tensors of what a forward returns."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, Jet):  # what stands in for one within an enclosure
        yield value
    elif isinstance(value, PackedSequence):
        yield pad_packed_sequence(value, batch_first=True)[0]
    elif isinstance(value, (tuple, list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from tensors(item)
    elif dataclasses.is_dataclass(value):
        yield from tensors(list(vars(value).values()))
