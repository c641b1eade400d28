"""A cell of the user's own: any module (or object) with a method that takes the state one step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..base import System
from ..cells import fingerprint
from ..flow import Flow, RightHandSide
from ..foreign import in_float64, untouched_randomness
from ..function import ORDERS, FunctionSystem
from ..steps import (
    BATCHES,
    MIXES,
    NO_MEAN_MAP,
    CountsItsCalls,
    Form,
    Layout,
    Search,
    StepCall,
    StepOutputs,
    TreeStep,
    by_maker,
    order_by_name,
    refuse_counters,
    start_of,
    takes_no_state,
)
from .layers import LAYERS, refuse_variants
from .own_step import OwnStep, refuse_drawn_weights, tried
from .remedies import remedy_for
from .said import leak_of, matrices, refuse_another_leak

VELOCITIES = {
    "rhs",
    "right_hand_side",
    "dxdt",
    "dhdt",
    "dx_dt",
    "velocity",
    "vector_field",
    "derivative",
    "derivatives",
}
TELLING = ("state that grows", NO_MEAN_MAP, "time is part of its state", "form.", MIXES)  # these settle it
OPEN_ORDER = ("argument_order must be stated", "either order: pass")
UNREAD = ", without output"  # how a name says that there is no readout
Sizes = dict[str, int | None]


def adapt_own_cell(
    model: Any,
    step: str | Callable[..., Any],
    sizes: Sizes,
    argument_order: str | None,
    device: torch.device | str | None,
    *,
    form: Form | None = None,
    regularity: str | None = None,
    dt: float | None = None,
) -> System:
    """``model`` with its method ``step`` as a system, on a float64 copy of the method's module."""
    form = form or Form()
    own = OwnStep(model, step, device, form)
    _refuse_velocity(own, form, dt)
    if isinstance(own.holder, LAYERS):
        refuse_variants(own.holder)
    try:
        with warnings.catch_warnings():  # of states that are tried and are none
            warnings.simplefilter("ignore")
            system = _system(own, sizes, argument_order, form, regularity)
        refuse_drawn_weights(own, system, lambda twin: _system(twin, sizes, argument_order, form, regularity))
    except InputError as error:

        def retry(other: Form, said: dict[str, Any]) -> System:
            given = {name: said.get(name) for name in sizes}
            more = {"form": other, "regularity": regularity, "dt": dt}
            return adapt_own_cell(model, step, given, argument_order, device, **more)

        given = {**sizes, "argument_order": argument_order, "regularity": regularity}
        remedy = remedy_for(error, form, own.said, given, retry)
        raise InputError(f"step={own.said!r} of model ({own.kind}): {error}{remedy}") from error
    system.fingerprint = fingerprint(system.name, *map(_real, own.weights)) if own.weights else ""
    if form.right_hand_side:
        assert dt is not None
        return Flow(system, system.state_size, system.input_size, dt=dt, name=f"flow along {system.name}")
    alpha = leak_of(form, dt, system.state_size)
    if alpha is not None:
        refuse_another_leak(system, form, alpha)
        system.alpha, system.euler = alpha, True
    return system


def _system(
    own: OwnStep, sizes: Sizes, order: str | None, form: Form, regularity: str | None
) -> FunctionSystem:
    """The plain map of flat states where the step is one; else its states taken apart and put together."""
    n, m = (own.size(argument, given) for argument, given in sizes.items())
    kind = RightHandSide if form.right_hand_side else FunctionSystem
    settings = {"name": f"{own.kind}.{own.said}", "device": own.device, "regularity": regularity}
    plain: InputError | None = None
    keeps = form.kept_in or (bool(m) and takes_no_state(own.function))
    if (
        n is not None
        and m is not None
        and form.state is None
        and form.path is None
        and not keeps
        and not form.sequence
    ):
        try:
            system = _in_either_order(kind, own.function, n, m, order, settings)
            system.start = _plain_start(own, system)
            return _said(system, own, form)
        except InputError as error:
            if isinstance(error, CountsItsCalls) or any(words in str(error) for words in OPEN_ORDER):
                raise
            _refuse_clock(own, n, m, order)
            plain = error
    found = _found(own, {"state_size": n, "input_size": m}, sizes["state_size"], order, form, regularity)
    if isinstance(found, TreeStep):
        system = from_step(kind, found, settings.pop("name"), settings)
        system.start = found.start if found.start is not None else _learned(own, found)
        return _said(system, own, form)
    if plain is None:
        missing = next((a for a, v in (("state_size", n), ("input_size", m)) if v is None), None)
        none = " (0 for a step without inputs)" if missing == "input_size" else ""
        told = f"{missing} cannot be read off model ({own.kind}); pass {missing}={none}" if missing else found
        settled = form != Form() or any(word in found for word in TELLING)
        raise InputError(found if settled else told)
    told = NO_MEAN_MAP in found or (any(w in found for w in TELLING) and "with its neighbour" not in str(plain))
    raise InputError(found if told else f"{plain}; {_how(own)}")


def _refuse_clock(own: OwnStep, n: int, m: int, order: str | None) -> None:
    """Raise InputError if the step counts its calls, which may look like noise, or like mixed rows."""
    x, u = (torch.full((2, size), 0.2, dtype=torch.float64, device=own.device) for size in (n, m))
    given = ([x, u] if (order or order_by_name(own.function)) == ORDERS[0] else [u, x]) if m else [x]
    with untouched_randomness(), torch.no_grad():
        try:
            refuse_counters(lambda: in_float64(own.function, own.device)(*given), own.twin)
        except CountsItsCalls:
            raise
        except Exception:  # foreign code, called in another way
            return


def _found(
    own: OwnStep, sizes: Sizes, total: int | None, order: str | None, form: Form, regularity: str | None
) -> TreeStep | str:
    """The step with its state as a tree, or why there is none."""
    n, m = sizes["state_size"], sizes["input_size"]
    options = {
        "state_size": [n] if n is not None else own.widths(),
        "input_size": [m] if m is not None else own.input_widths(n),
    }
    if not options["input_size"]:
        return "input_size cannot be read off it; pass input_size="
    flags = regularity == "discontinuous"
    search = Search(own.function, own.twin, options, order, form, total=total, flags=flags, device=own.device)
    step = search.found()
    if step is not None:
        return step
    telling = sorted((r for r in search.reasons if any(w in r for w in TELLING)), key=lambda r: r != MIXES)
    telling += [r for r in search.reasons if not r.partition(":")[0].endswith(("Error", "Exception"))]
    return (telling or search.reasons or ["it runs with no state that could be found"])[0]


def from_step(
    kind: type[FunctionSystem], step: TreeStep, called: str, settings: dict[str, Any]
) -> FunctionSystem:
    """The system of a step that was found, read out by what the step returns beside the state."""
    with untouched_randomness():
        outputs = StepOutputs(step)
    readout = outputs if outputs.names else None
    layout, m = step.layout, step.call.n_inputs
    name = called if layout.is_plain else f"{called}, state ({layout})"
    name += f", {step.call.said}" if step.call.said else ""
    name += ", with the mean of its noise" if step.draws else ""
    name += ", the last entries of a state that grows" if step.cut else ""
    if outputs.left_out:
        name += f"{UNREAD} {' and '.join(outputs.left_out)}, which its state does not settle"
    system = kind(step, layout.size, m, argument_order="state, input", readout=readout, name=name, **settings)
    system.parts, system.start = dict(layout.parts), step.start
    system.readouts = outputs.parts if len(outputs.names) > 1 else {}
    return system


def _plain_start(own: OwnStep, system: FunctionSystem) -> Tensor | None:
    """Where a step of plain states (batch, unit) begins, by a method that makes first states, or by itself."""
    n, m = system.state_size, system.input_size
    layout = Layout(*(torch.zeros(k, n, dtype=torch.float64, device=own.device) for k in BATCHES))
    step = TreeStep(system._f, StepCall(0 if system._state_first else 1, m), layout, own.device)
    inputs = lambda k: torch.zeros(k, m, dtype=torch.float64, device=own.device)  # noqa: E731
    with untouched_randomness():
        made = (start_of(make, layout) for make in by_maker(own.twin, inputs))
        found = next((start for start in made if start is not None), None)
        return found if found is not None else _learned(own, step)


def _learned(own: OwnStep, step: TreeStep) -> Tensor | None:
    """The weights that a step begins with where no state is handed over to it, if it does not begin at zero."""
    if step.call.state_at is None or not step.call.n_inputs or not isinstance(own.twin, nn.Module):
        return None
    u = torch.linspace(-0.2, 0.2, 5 * step.call.n_inputs, dtype=torch.float64, device=own.device).reshape(
        5, -1
    )
    tried = [torch.zeros(step.layout.size).to(u), *_that_fit(own.twin, step.layout.size)]
    for state_at in (None, step.call.state_at):
        try:
            given, named = StepCall(state_at, step.call.n_inputs, step.call.said).arguments(u, None)
            begun = step.function(*given, **named)
            for path in step.path:
                begun = begun[int(path)] if path.isdigit() else begun[path]
            first = step.layout.flat(begun, 5)
        except Exception:  # foreign code
            continue
        same = (
            x
            for x in tried
            if torch.allclose(step(x.expand(5, -1).clone(), u), first, rtol=1e-12, atol=1e-12)
        )
        found = next(same, None)
        return None if found is None or not bool(found.any()) else found
    return None


def _that_fit(twin: nn.Module, size: int) -> list[Tensor]:
    held = [*twin.parameters(), *twin.buffers()]
    return [w.detach().reshape(-1).double().clone() for w in held if w.numel() == size and not w.is_complex()]


def _said(system: FunctionSystem, own: OwnStep, form: Form) -> FunctionSystem:
    """``system`` with what the form says of it: the names of its one part, what is held, and its recurrent matrices.

    Raises InputError for a step that counts its calls.
    """
    with untouched_randomness(), torch.no_grad():
        refuse_counters(lambda: tried(system, own.device), own.twin)
    if isinstance(own.holder, torch.jit.ScriptModule):
        system.name += ", scripted: certified only as the module that was scripted"
    if form.held:
        system.name += f", with {' and '.join(map(repr, form.held))} held"
    if form.names and len(system.parts) == len(form.names):
        system.parts = dict(zip(form.names, system.parts.values(), strict=True))
    elif form.names:
        raise InputError(f"form.names must name the {len(system.parts)} parts of the state, got {form.names}")
    system.weights = matrices(own, system, form)
    return system


def _refuse_velocity(own: OwnStep, form: Form, dt: float | None) -> None:
    """Raise InputError for a velocity that is not said to be one, or has no time of a step."""
    call = f"dk.as_system(model, step={own.said!r}, dt=0.1, form=dk.Form(right_hand_side=True))"
    if not form.right_hand_side and own.said.rpartition(".")[2] in VELOCITIES:
        raise InputError(
            f"step={own.said!r} of model ({own.kind}) is called as a velocity is, not as the next state: {call} steps "
            "along it, with the dt that is meant"
        )
    if form.right_hand_side and dt is None:
        raise InputError(f"a right-hand side needs the time of one step: {call}, with the dt that is meant")


def _how(own: OwnStep) -> str:
    """The call that hands over a state which cannot be found."""
    return (
        f"its state can be given: dk.as_system(model, step={own.said!r}, form=dk.Form(state=make)), where make(n) is "
        "the first state of n trials as the step takes it"
    )


def _real(weight: Tensor) -> Tensor:
    return torch.view_as_real(weight) if weight.is_complex() else weight


def _in_either_order(
    kind: type[FunctionSystem],
    f: Callable[..., Any],
    n: int,
    m: int,
    order: str | None,
    settings: dict[str, Any],
) -> FunctionSystem:
    """``f`` in the order that is known, or in the only one that works."""
    order = order or order_by_name(f)
    if order is not None or n == m or m == 0:
        return kind(f, n, m, argument_order=order, **settings)
    works, errors = [], []
    for candidate in ORDERS:
        try:
            works.append(kind(f, n, m, argument_order=candidate, **settings))
        except InputError as error:
            errors.append(str(error))
    if not works:
        raise InputError(f"it fails in either argument order: {errors[0]}")
    if len(works) > 1:
        raise InputError(f"it works in either order: pass argument_order={ORDERS[0]!r} or {ORDERS[1]!r}")
    return works[0]
