"""How a user's step is called: which argument is the state, and in which form it wants the input."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..function import ORDERS
from .form import Form

STATE_NAMES = {
    *(
        "state",
        "states",
        "st",
        "hidden",
        "hidden_state",
        "hidden_states",
        "h",
        "hx",
        "h_prev",
        "h0",
        "h_0",
        "hc",
        "r",
    ),
    *(
        "x0",
        "r0",
        "rate",
        "rates",
        "prev_state",
        "prev_hidden",
        "init_state",
        "initial_state",
        "initial_states",
    ),
    *("init_hidden", "carry", "rnn_state", "rnn_states", "state0", "s0", "hidden0", "lstm_state"),
}
INPUT_NAMES = {"input", "inputs", "inp", "u", "i", "in_", "input_t", "u_t", "stimulus"}
PART_NAMES = STATE_NAMES | {"c", "cx", "c0", "c_prev", "cell", "cell_state", "mem", "syn", "v", "s", "a", "z"}
INPUT_FORMS: dict[str, Callable[[Any], Any]] = {
    "": lambda u: u,
    "units first": lambda u: u.T,
    "a sequence of one step": lambda u: u[:, None],
    "a sequence of one step, time first": lambda u: u[None],
}


@dataclass(frozen=True)
class StepCall:
    """One way to call a step: the state's place (or keyword; None: it is not handed over) and the input's form."""

    state_at: int | str | None
    n_inputs: int
    said: str = ""
    spread: bool = False  # the parts of a state are arguments of their own

    @property
    def is_sequence(self) -> bool:
        return self.said.startswith("a sequence")

    def arguments(self, u: Any, state: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """For inputs (batch, input) and a state as the step takes it."""
        return self._arguments(INPUT_FORMS[self.said](u), state)

    def of_sequence(self, u: Any, state: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """For inputs (batch, time, input)."""
        return self._arguments(u.transpose(0, 1) if self.said.endswith("time first") else u, state)

    def _arguments(self, u: Any, state: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given = [u] if self.n_inputs else []
        if self.state_at is None:
            return tuple(given), {}
        if isinstance(self.state_at, str):
            return tuple(given), {self.state_at: state}
        states = list(state) if self.spread else [state]
        return tuple(states + given if self.state_at == 0 else given + states), {}


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a callable; none where it has no signature."""
    try:
        return list(inspect.signature(getattr(function, "forward", function)).parameters.values())
    except (TypeError, ValueError):
        return []


def order_by_name(function: Callable[..., Any]) -> str | None:
    """The order of (state, input) if the parameters' names tell."""
    names = [p.name.lower() for p in parameters_of(function)][:2]
    if len(names) < 2:
        return None
    for known, orders in ((STATE_NAMES, ORDERS), (INPUT_NAMES, ORDERS[::-1])):
        if (names[0] in known) != (names[1] in known):
            return orders[0] if names[0] in known else orders[1]
    return None


def calls(function: Callable[..., Any], order: str | None, n_inputs: int, form: Form) -> Iterator[StepCall]:
    """The ways in which a step may be called, the likeliest first."""
    parameters = parameters_of(function)
    required = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    place = _keyword(parameters)
    if n_inputs == 0:
        places: list[int | str | None] = [0]
    elif place is not None and order is None:
        places = [place]
    else:
        order = order or order_by_name(function)
        places = [0, 1] if order is None else [0 if order == ORDERS[0] else 1]
        places = places[::-1] if order is None else places
    rest = [p.name.lower() for p in required]
    spread = len(rest) > 1 + bool(n_inputs) and sum(name in PART_NAMES for name in rest) >= len(rest) - 1
    for said in INPUT_FORMS if n_inputs else [""]:
        if form.sequence is None or form.sequence == said.startswith("a sequence"):
            for at in places:
                yield StepCall(at, n_inputs, said, spread)


def count_of_parts(function: Callable[..., Any], n_inputs: int) -> int:
    """How many arguments of a step are states, where each part of a state is one."""
    return sum(p.default is p.empty for p in parameters_of(function)) - bool(n_inputs)


def takes_no_state(function: Callable[..., Any]) -> bool:
    """Whether a step takes its input alone, so that it keeps its state itself."""
    parameters = parameters_of(function)
    needed = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return len(needed) == 1 and not any(p.name.lower() in STATE_NAMES for p in parameters)


def _keyword(parameters: list[inspect.Parameter]) -> str | None:
    """The parameter called as states are, where it is not one of the first two."""
    names = [p.name for p in parameters if p.kind != p.VAR_KEYWORD]
    if any(name.lower() in STATE_NAMES for name in names[:2]) and not any(
        p.kind == p.KEYWORD_ONLY and p.name.lower() in STATE_NAMES for p in parameters[:2]
    ):
        return None
    return next((name for name in names if name.lower() in STATE_NAMES), None)
