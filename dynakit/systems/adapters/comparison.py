"""Is the system the user's network?  Its forward is run beside our steps, and what differs is refused.

A layer and a readout can be found in a module by their types; what the module's code does around them (a leak, a
feedback, several steps, an activation) cannot.  So the forward is called with sequences of several scales, and from
random first states where its signature lets one, and whatever it returns is compared with our own states and outputs.
A chaotic network parts from itself in rounding: steps are compared as long as a run of ours that is rounded as theirs
is stays by itself.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..base import System
from ..cells import Cell, Stack
from ..derived import Wrapped
from ..steps import STATE_NAMES
from .calling import Way, tensors
from .handing_on import hands_back, hands_on
from .twins import Call, ForwardRun, Twins, first_state

N_STEPS = 20
SCALES = (0.1, 1.0, 1.0, 10.0)  # of the inputs of a trial each
ELSEWHERE = (0.5, 0.5, 3.0, 30.0)  # of the first states of a trial each
TOLERANCE = {True: 1e-8, False: 1e-4}  # by whether the forward runs in float64
ROUNDING = {True: 1e-15, False: 2e-7}


@dataclass(frozen=True)
class ForwardComparison:
    """What was found equal: over how many steps, called how; and if it was not, why."""

    steps: int = 0
    way: Way | None = None
    outputs: bool = False  # whether outputs were equal, or states only
    why: str = ""
    calls: list[Call] = field(default_factory=list)
    no_values: bool = False  # whether what it returned was none

    @property
    def agrees(self) -> bool:
        return not self.why


class Ours:
    """Our own run from ``x0`` under ``inputs``."""

    def __init__(self, system: System, x0: Tensor, inputs: Tensor) -> None:
        self.system, self.x0, self.inputs = system, x0.expand(len(inputs), -1), inputs
        self.states = system.trajectory(self.x0, inputs)
        self.named = {"outputs": system.observe(self.states), "states": self.states}
        self.named |= {name: self.states[..., part] for name, part in system.parts.items()}
        self._clear: dict[bool, Tensor] = {}

    @functools.cached_property
    def finite(self) -> Tensor:
        """Where the run is finite, (trial, time) of bool."""
        return torch.isfinite(self.states).all(-1) & torch.isfinite(self.named["outputs"]).all(-1)

    def clear(self, precise: bool) -> Tensor:
        """Where the run does not depend on rounding either."""
        if precise not in self._clear:
            self._clear[precise] = self._stays(TOLERANCE[precise], ROUNDING[precise])
        return self._clear[precise]

    def _stays(self, tolerance: float, rounding: float) -> Tensor:
        if self.system.regularity == "discontinuous":
            return self.finite
        generator = torch.Generator().manual_seed(0)
        x, near = self.x0, []
        with torch.no_grad():
            for t, u in enumerate(self.inputs.unbind(1)):
                noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device="cpu").to(x.device)
                x = self.system._step(x, u)
                x = x + rounding * noise * (1 + x.abs())
                off = (x - self.states[:, t]).abs() / (1 + self.states[:, t].abs())
                near.append(off.amax(-1) <= 0.1 * tolerance)
        return self.finite & torch.stack(near, 1).cumprod(1).bool()

    def equal(self, outcome: ForwardRun, clear: Tensor, *, inside: bool) -> set[str]:
        """Which of our sequences are among the values of a forward, or ``inside`` of it among those of its layer."""
        tolerance = TOLERANCE[outcome.precise]
        values = (of_calls(outcome.calls) if inside else []) or outcome.values
        equal = {
            name
            for name, ours in self.named.items()
            if name != "outputs" and any(is_among(value, ours, clear, tolerance) for value in values)
        }
        return equal | ({"outputs"} if self._is_output(values, clear, tolerance) else set())

    def _is_output(self, values: list[Tensor], clear: Tensor, tolerance: float) -> bool:
        """Whether the first sequence of values, states apart, is our outputs; where there is none, some last step."""
        ours, n_steps = self.named["outputs"], self.inputs.shape[:2].numel()
        sequences = [value for value in values if value.numel() and value.numel() % n_steps == 0]
        for value in sequences:
            if is_among(value, ours, clear, tolerance):
                return True
            if not any(is_among(value, s, clear, tolerance) for name, s in self.named.items() if name != "outputs"):
                return False
        return any(is_among(value, ours, clear, tolerance) for value in values)

    def follows(self, outcome: ForwardRun) -> bool:
        """Whether every state of theirs is one step of ours from the state before."""
        return any(
            _is_orbit(self.system, states, self.inputs, TOLERANCE[outcome.precise])
            for value in [*outcome.values, *of_calls(outcome.calls)]
            for states in _arranged(value, self.states.shape)
        )


def is_among(value: Tensor, ours: Tensor, clear: Tensor, tolerance: float) -> bool:
    """Whether ``value`` holds our sequence (trial, time, ...), with axes in any order, or its last step."""
    if any(_near(theirs, ours, clear, tolerance) for theirs in _arranged(value, ours.shape)):
        return bool(clear[:, 0].any())
    n_trials, _, width = ours.shape
    if value.numel() != n_trials * width or not bool(clear[:, -1].all()):
        return False
    last, now = ours[:, -1], clear[:, -1]
    return any(
        _near(v, last, now, tolerance) for v in (value.reshape(last.shape), value.reshape(width, -1).T)
    )


def _arranged(value: Tensor, shape: torch.Size) -> Iterator[Tensor]:
    """``value`` as (trial, time, unit), whatever the order of its axes; a squeezed or flat axis is no difference."""
    if value.numel() != shape.numel() or 0 in shape:
        return
    for order in itertools.permutations(range(3)):
        back = [order.index(axis) for axis in range(3)]
        yield value.reshape([shape[axis] for axis in order]).permute(back)


def _near(theirs: Tensor, ours: Tensor, where: Tensor, tolerance: float) -> bool:
    off = (theirs.double() - ours).abs() <= tolerance * (1 + ours.abs())
    return bool((off.all(-1) | ~where).all())


def _is_orbit(system: System, states: Tensor, inputs: Tensor, tolerance: float) -> bool:
    states = states.double()
    if states.shape[1] < 2 or not bool(torch.isfinite(states).all()):
        return False
    on = system.step(states[:, :-1], inputs[:, 1:])
    return bool(((on - states[:, 1:]).abs() <= tolerance * (1 + on.abs())).all())


def of_calls(calls: list[Call]) -> list[Tensor]:
    """What a recurrent layer returned in its one call, or in as many calls as there were steps, stacked."""
    returned = [list(tensors(call.output)) for call in calls]
    if len(returned) == 1:
        return returned[0]
    if len({tuple(v.shape for v in values) for values in returned}) != 1:
        return []
    return [torch.stack(values) for values in zip(*returned, strict=True)]


def probes(system: System) -> Tensor:
    """Sequences of inputs of several scales, (trial, time, input); the last of each scale falls silent half way."""
    generator = torch.Generator().manual_seed(0)
    shape = (len(SCALES), N_STEPS, system.input_size)
    inputs = torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu")
    inputs = inputs * torch.tensor(SCALES, dtype=torch.float64, device="cpu")[:, None, None]
    inputs[1::2, N_STEPS // 2 :] = 0
    return inputs.to(system.device)


def compare(twins: Twins, system: System, inputs: Tensor, *, need: str = "outputs") -> ForwardComparison:
    """Compare the forward of a module with ``system`` under ``inputs`` (trial, time, input).

    ``need`` is "outputs", or "states" where the readout is not the forward's own: then what the core returns within
    the forward is compared.
    """
    return _Inquiry(twins, system, inputs, need).verdict()


class _Inquiry:
    """The comparison of one forward, way by way."""

    def __init__(self, twins: Twins, system: System, inputs: Tensor, need: str) -> None:
        self.twins, self.system, self.inputs, self.need = twins, system, inputs, need
        self.plain = Ours(system, system.initial_state(), inputs)
        self.ran: list[tuple[Way, ForwardRun, set[str]]] = []

    def verdict(self) -> ForwardComparison:
        best: ForwardComparison | None = None
        named_state_ran = stated = False
        for way in self.twins.ways(self.system):
            if stated or (best is not None and way.form is None):
                continue
            found, ran = self._try(way)
            if found is not None:
                best, stated = best or found, stated or way.form is not None
            named_state_ran |= ran and way.form is not None and _names_a_state(way)
        if best is not None and named_state_ran and not stated:
            return self._refused("from a given first state it does something else")
        if best is not None and not self._hands_on(best.way):
            return self._refused(f"with large states, it hands on something else than '{self.twins.parts[0]}' returns")
        return best or self._refused("")

    def _hands_on(self, way: Way | None) -> bool:
        if way is not None and way not in self.twins.hands_on:
            state = None if way.form is None else self.plain.x0
            self.twins.hands_on[way] = hands_on(self.twins, way, self.inputs, state)
        return way is None or self.twins.hands_on[way]

    def _try(self, way: Way) -> tuple[ForwardComparison | None, bool]:
        ours = self.plain if way.form is None else self._from_elsewhere
        state = None if way.form is None else ours.x0
        if way.stepwise:
            state = torch.cat([ours.x0[:, None], ours.states[:, :-1]], 1)
        outcome = self.twins.run(way, self.inputs, state)
        if outcome is None:
            return None, False
        inside, clear = self.need == "states", ours.finite
        equal = ours.equal(outcome, clear, inside=inside)
        if "outputs" not in equal and not torch.equal(clear, ours.clear(outcome.precise)):
            clear = ours.clear(outcome.precise)
            equal = ours.equal(outcome, clear, inside=inside)
        self.ran.append((way, outcome, equal))
        if not equal or (self.need == "outputs" and "outputs" not in equal):
            return None, True
        if self.need == "states" and outcome.calls and "outputs" not in equal:  # what the core hands on
            return None, True
        if way.stepwise and not hands_back(outcome, way, ours.states, clear, TOLERANCE[outcome.precise]):
            return None, True
        steps = int(clear.sum(1).min())
        if steps < clear.shape[1] and ours.follows(outcome):
            steps = clear.shape[1]
        return ForwardComparison(steps, way, "outputs" in equal, calls=outcome.calls), True

    @property
    def _from_elsewhere(self) -> Ours:
        """Our run from random states, or for a map that jumps from states that it reaches."""
        if not hasattr(self, "_elsewhere"):
            if self.system.regularity == "discontinuous":
                x0 = self.plain.states[:, -1]
            else:
                generator = torch.Generator().manual_seed(1)
                shape = (len(self.inputs), self.system.state_size)
                x0 = torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu")
                scales = torch.tensor(ELSEWHERE, dtype=torch.float64, device="cpu")
                x0 *= scales[torch.arange(len(x0), device="cpu") % len(scales), None]
                x0 = torch.where(_stays_small(self.system).cpu(), x0.clamp(-1, 1), x0)
            self._elsewhere = Ours(self.system, x0.to(self.system.device), self.inputs)
        return self._elsewhere

    def _refused(self, why: str) -> ForwardComparison:
        if not self.ran:
            tried = "(inputs), (inputs, None), (inputs, state) or (state, inputs)"
            said = f"its forward cannot be called with {tried}, which ended in {self.twins.trouble}"
            return ForwardComparison(why=said)
        way, outcome, _ = max(self.ran, key=lambda entry: len(entry[2]))
        said = why or self._what_differs(way, outcome)
        return ForwardComparison(way=way, why=said, calls=outcome.calls, no_values=not outcome.values)

    def _what_differs(self, way: Way, outcome: ForwardRun) -> str:
        calls, core, n_steps = outcome.calls, self.twins.core, self.inputs.shape[1]
        shapes = ", ".join(str(tuple(v.shape)) for v in outcome.values[:3])
        does = f"gives other values, of shape {shapes}" if shapes else "returns no floating-point numbers"
        if core is not None and calls and not way.stepwise:
            if len(calls) not in (1, n_steps):
                does = f"calls '{core}' {len(calls)} times in {n_steps} steps"
            elif not _hears(calls, self.inputs):
                does = f"hands other inputs to '{core}' than its own"
            elif len(calls) > 1 and not _hands_on(calls):
                does = f"does not hand on from step to step the state that '{core}' returns"
            elif way.form is None and _starts_elsewhere(calls[0], self.system):
                does = f"starts '{core}' from a state that depends on the inputs"
        return f"called as {way.said}, its forward {does}"


def _stays_small(system: System) -> Tensor:
    """Which units of torch's cells stay within -1 and 1, so that no state beyond is theirs, (unit,)."""
    while isinstance(system, Wrapped):
        system = system.inner
    box = system.box() if isinstance(system, (Cell, Stack)) else None
    if box is None:
        return torch.zeros(system.state_size, dtype=torch.bool, device=system.device)
    return (box.lo >= -1) & (box.hi <= 1)


def _starts_elsewhere(call: Call, system: System) -> bool:
    first = first_state(call, system)
    return first is not None and not bool((first == first[:1]).all())


def _names_a_state(way: Way) -> bool:
    return any(word.strip("() ") in STATE_NAMES - {"state"} for word in way.said.lower().split(","))


def _hears(calls: list[Call], inputs: Tensor) -> bool:
    """Whether a layer was given the inputs, at once or step by step."""
    given: Any = [next(tensors(call.inputs), None) for call in calls]
    if any(g is None for g in given):
        return False
    heard = given[0] if len(given) == 1 else torch.stack([g.reshape(len(inputs), -1) for g in given])
    everywhere = torch.ones(inputs.shape[:2], dtype=torch.bool, device=inputs.device)
    return any(_near(v, inputs, everywhere, 1e-4) for v in _arranged(heard, inputs.shape))


def _hands_on(calls: list[Call]) -> bool:
    """Whether the state of each call is among what the call before returned."""
    for before, after in itertools.pairwise(calls):
        returned = list(tensors(before.output))
        for state in tensors(after.state):
            if not any(
                state.numel() == r.numel() and torch.equal(state.reshape(-1), r.reshape(-1)) for r in returned
            ):
                return False
    return True
