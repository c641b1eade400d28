"""``as_system``: whatever the user has -> a System, or the one call that would make it one.

torch's layers and cells, this package's models, a module around one recurrent layer and a readout, a
(layer, readout) pair, a user's own cell by the name of its step method, any batched callable.  The weights are
copied in float64; the given object is never changed.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..checks import matches_shape, number
from ..errors import InputError
from ..models.base import RecurrentModel
from ..models.leaky import LeakyRNN
from .base import System
from .cells import Cell, ElmanCell, GRUCell, LeakyCell, LSTMCell
from .derived import Stack, WithReadout
from .function import ORDERS, FunctionSystem, untouched_randomness

LAYERS = (nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell)
STATE_NAMES = {"state", "states", "hidden", "hidden_state", "h", "hx", "h_prev", "h0", "r", "rate", "rates", "prev"}
INPUT_NAMES = {"input", "inputs", "inp", "u", "i", "in_", "input_t", "u_t", "stimulus"}
STATE_SIZES = ("state_size", "hidden_size", "n_hidden", "hidden_dim", "n_rec", "N_rec", "n_units", "n_rnn")
INPUT_SIZES = ("input_size", "n_inputs", "input_dim", "n_in", "N_in", "n_input")


def as_system(
    model: Any,
    *,
    step: str | Callable[..., Any] | None = None,
    readout: Any = None,
    dt: float | None = None,
    device: torch.device | str | None = None,
    state_size: int | None = None,
    input_size: int | None = None,
    argument_order: str | None = None,
) -> System:
    """Adapt a network to the one interface every analysis uses.

    Arguments:
        model: a model of this package; ``nn.RNN``, ``nn.GRU``, ``nn.LSTM`` (any number of layers) or one of
            their cells; a (layer, readout) pair; a module that holds exactly one of these and at most one linear
            readout; a module with ``step=``; a callable with ``state_size=``; or another System.
        step: the method (name or bound method) that takes the state one step, for a cell of your own.
        readout: the readout (a module, a callable, or the name of the module's attribute).
        dt: time of one step in ms.
        device: where the float64 copy lives; default: where the model is.
        state_size, input_size, argument_order: for your own cell or callable, where they cannot be read off;
            see :class:`dynakit.FunctionSystem`.

    Noise and dropout are off.  Raises InputError, naming what was found and what to call instead, for anything
    that is not one causal map: bidirectional layers, ``proj_size``, several recurrent layers side by side,
    non-finite weights, a step that is not deterministic.

    >>> import torch, dynakit as dk
    >>> dk.as_system((torch.nn.GRU(3, 16), torch.nn.Linear(16, 2)))
    GRU: 3 inputs -> 16 state -> 2 outputs
    """
    own = {"state_size": state_size, "input_size": input_size, "argument_order": argument_order}
    if step is not None:
        system = _own_cell(model, step, own)
    elif isinstance(model, System):
        system = model
    elif isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], nn.Module):
        if readout is not None:
            raise InputError("readout is given twice: in the pair and as readout=")
        system, readout = _layers(model[0], device), model[1]
    elif isinstance(model, nn.Module):
        system, readout = _from_module(model, readout, device)
    elif callable(model):
        if state_size is None:
            raise InputError(
                "model is a plain callable, whose sizes cannot be read off: call "
                "dk.FunctionSystem(f, state_size, input_size, argument_order=...)"
            )
        system = FunctionSystem(model, state_size, input_size or 0, argument_order=argument_order)
    else:
        raise InputError(
            f"model must be a network, a (layer, readout) pair, a callable or a System, got {type(model).__name__}"
        )
    if readout is not None:
        system = _with_readout(system, _attribute(model, readout, "readout"))
    if dt is not None:
        system = copy.copy(system)
        system.dt = number("dt", dt, above=0.0, closed=False)
    return system


# --- torch's layers and our models ------------------------------------------------------------------------


def _weights(module: nn.Module, device: torch.device | str | None) -> Callable[[str], Tensor]:
    """A reader of the module's parameters as finite float64 copies."""
    found = {name: p for name, p in module.named_parameters()}
    for name, p in found.items():
        _check_weight(name, p)

    def read(name: str) -> Tensor:
        return found[name].detach().to(device or found[name].device, torch.float64).clone()

    return read


def _check_weight(name: str, p: Tensor) -> None:
    if p.is_meta:
        raise InputError(f"parameter {name} of model has no data (device meta)")
    if not p.is_floating_point():
        raise InputError(f"parameter {name} of model must be real floating-point numbers, got dtype {p.dtype}")
    bad = ~torch.isfinite(p.detach())
    if bool(bad.any()):
        first = tuple(bad.nonzero()[0].tolist())
        raise InputError(
            f"parameter {name} of model must be finite, but {int(bad.sum())} of {p.numel()} values are not; "
            f"the first is at index {first}"
        )


def _layers(rnn: nn.Module, device: torch.device | str | None) -> System:
    """One of torch's recurrent layers or cells as a system, layers stacked."""
    if isinstance(rnn, RecurrentModel):
        return _our_model(rnn, device)
    if not isinstance(rnn, LAYERS):
        raise InputError(f"model must be nn.RNN, nn.GRU, nn.LSTM or one of their cells, got {type(rnn).__name__}")
    if getattr(rnn, "bidirectional", False):
        raise InputError(
            "model is bidirectional: its state at a time depends on the future, so there is no map to analyse; "
            "use a network with bidirectional=False"
        )
    if getattr(rnn, "proj_size", 0):
        raise InputError(f"model has proj_size={rnn.proj_size}: projected LSTMs are not supported; use proj_size=0")
    read = _weights(rnn, device)
    if isinstance(rnn, nn.RNNCellBase):
        return _one_layer(rnn, read, "")
    cells = [_one_layer(rnn, read, f"_l{k}") for k in range(rnn.num_layers)]
    return cells[0] if len(cells) == 1 else Stack(cells)


def _one_layer(rnn: nn.Module, read: Callable[[str], Tensor], suffix: str) -> Cell:
    W_in, W_rec = read("weight_ih" + suffix), read("weight_hh" + suffix)
    if rnn.bias:
        b_in, b_rec = read("bias_ih" + suffix), read("bias_hh" + suffix)
    else:
        b_in = b_rec = W_in.new_zeros(len(W_in))
    if isinstance(rnn, (nn.RNN, nn.RNNCell)):
        return ElmanCell(W_in, W_rec, b_in + b_rec, rnn.nonlinearity)
    if isinstance(rnn, (nn.GRU, nn.GRUCell)):
        return GRUCell(W_in, W_rec, b_in, b_rec)
    return LSTMCell(W_in, W_rec, b_in + b_rec)


def _our_model(model: RecurrentModel, device: torch.device | str | None) -> System:
    read = _weights(model, device)
    if isinstance(model, LeakyRNN):
        W_in, W_rec, W_out = (w.detach().to(device or w.device, torch.float64) for w in model.effective_weights())
        cell = LeakyCell(
            W_in, W_rec, read("b_rec"), alpha=model.alpha, activation=model.activation, form=model.form
        )
        cell.dt = model.dt
        return WithReadout(cell, W_out, read("b_out"))
    cell = _layers(model.rnn, device)
    if getattr(model, "peephole", None) is not None:
        assert isinstance(cell, LSTMCell)
        cell = LSTMCell(cell.W_in, cell.W_rec, cell.b, read("peephole"))
    return _with_readout(cell, model.readout)


# --- modules of the user's own ----------------------------------------------------------------------------


def _from_module(model: nn.Module, readout: Any, device: torch.device | str | None) -> tuple[System, Any]:
    """A recurrent layer, or a module that holds exactly one; with the readout found inside."""
    if isinstance(model, (RecurrentModel, *LAYERS)):
        return _layers(model, device), readout
    found = {n: m for n, m in model.named_modules() if isinstance(m, (RecurrentModel, *LAYERS))}
    found = {n: m for n, m in found.items() if not any(n.startswith(o + ".") for o in found)}
    if len(found) != 1:
        raise InputError(_how_to_call(model, found))
    name, rnn = next(iter(found.items()))
    system = _layers(rnn, device)
    if readout is not None:
        readout = _attribute(model, readout, "readout")
        system.name += f", layer '{name}' of {type(model).__name__}"
        return system, readout
    if isinstance(rnn, RecurrentModel):
        return system, None
    linear_name, readout = _find_readout(model, name, system.output_size)
    system.name += f", layer '{name}' of {type(model).__name__}"
    if readout is None:
        return system, None
    system.name += f" with readout '{linear_name}'"
    _check_forward(model, rnn, _with_readout(system, readout), name, linear_name)
    return system, readout


def _how_to_call(model: nn.Module, found: dict[str, nn.Module]) -> str:
    kind = type(model).__name__
    if not found:
        held = ", ".join(f"{n} ({type(m).__name__})" for n, m in model.named_children()) or "nothing"
        return (
            f"model ({kind}) holds no recurrent layer that is known here (found: {held}); name the method that takes "
            "one step: dk.as_system(model, step='...', readout='...')"
        )
    held = ", ".join(f"{n} ({type(m).__name__})" for n, m in found.items())
    first = next(iter(found))
    return (
        f"model ({kind}) holds {len(found)} recurrent layers: {held}; choose one, for example "
        f"dk.as_system((model.{first}, model.<readout>))"
    )


def _find_readout(model: nn.Module, rnn_name: str, width: int) -> tuple[str, nn.Linear | None]:
    """The one linear layer that can read the recurrent layer; anything else with weights is an error."""
    weighted = {
        n: m
        for n, m in model.named_modules()
        if n and n != rnn_name and next(m.parameters(recurse=False), None) is not None
    }
    linear = {n: m for n, m in weighted.items() if isinstance(m, nn.Linear) and m.in_features == width}
    if not weighted:
        return "", None
    if len(weighted) == 1 and len(linear) == 1:
        return next(iter(linear.items()))
    held = ", ".join(f"{n} ({type(m).__name__})" for n, m in weighted.items())
    raise InputError(
        f"model ({type(model).__name__}) holds the recurrent layer '{rnn_name}' and also {held}: which of them reads "
        f"it out, and what stands before it, cannot be told; call dk.as_system((model.{rnn_name}, model.<readout>)), "
        "whose inputs are those of the recurrent layer itself"
    )


def _check_forward(model: nn.Module, rnn: nn.Module, system: System, name: str, linear: str) -> None:
    """Compare with the module's own forward pass, where it can be called with one input."""
    first = bool(getattr(rnn, "batch_first", False))
    inputs = torch.linspace(-1, 1, 2 * 3 * system.input_size, dtype=torch.float64).reshape(2, 3, system.input_size)
    try:
        twin = copy.deepcopy(model).double().cpu().eval()
        with untouched_randomness(), torch.no_grad():
            theirs = twin(inputs if first else inputs.transpose(0, 1))
    except Exception:
        return  # a forward with other arguments: nothing to compare with
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    ours = system.observe(system.trajectory(system.initial_state(), inputs)).cpu()
    if not isinstance(theirs, Tensor):
        return
    for candidate in (ours, ours.transpose(0, 1), ours[:, -1]):
        if candidate.shape == theirs.shape and torch.allclose(candidate, theirs, rtol=1e-6, atol=1e-8):
            return
    raise InputError(
        f"model ({type(model).__name__}) does something else than reading '{name}' by '{linear}': its forward gives "
        f"other values or shapes {tuple(theirs.shape)}; say what to take: dk.as_system((model.{name}, readout))"
    )


def _attribute(model: Any, value: Any, argument: str) -> Any:
    if not isinstance(value, str):
        return value
    if not hasattr(model, value):
        raise InputError(f"{argument}={value!r} is not an attribute of model ({type(model).__name__})")
    return getattr(model, value)


def _with_readout(system: System, readout: Any) -> System:
    if isinstance(readout, nn.Linear):
        read = _weights(readout, system.device)
        matches_shape("readout.weight", readout.weight.shape, ("output", system.output_size))
        return WithReadout(system, read("weight"), read("bias") if readout.bias is not None else None)
    if isinstance(readout, nn.Module):
        _weights(readout, system.device)
        readout = copy.deepcopy(readout).to(system.device, torch.float64).eval().requires_grad_(False)
    if not callable(readout):
        raise InputError(f"readout must be a module or a callable, got {type(readout).__name__}")
    return WithReadout(system, function=readout)


# --- a cell of the user's own -----------------------------------------------------------------------------


class _Step(NamedTuple):
    function: Callable[..., Any]
    holder: Any


def _own_cell(model: Any, step: str | Callable[..., Any], own: dict[str, Any]) -> System:
    """A module whose method ``step`` takes its state one step, on a float64 copy of the module."""
    bound = _bind(model, step)
    sizes = []
    for argument, names in (("state_size", STATE_SIZES), ("input_size", INPUT_SIZES)):
        value = own[argument]
        if value is None:
            value = next((getattr(model, n) for n in names if isinstance(getattr(model, n, None), (int, np.integer))), None)
        if value is None:
            raise InputError(f"{argument} cannot be read off model ({type(model).__name__}); pass {argument}=")
        sizes.append(int(value))
    order = own["argument_order"] or _order_by_name(bound.function)
    return _in_either_order(bound.function, sizes[0], sizes[1], order, f"{type(model).__name__}.{bound.function.__name__}")


def _bind(model: Any, step: str | Callable[..., Any]) -> _Step:
    if not isinstance(model, nn.Module):
        function = _attribute(model, step, "step")
    else:
        for name, p in model.named_parameters():
            _check_weight(name, p)
        twin = copy.deepcopy(model).to(torch.float64).eval().requires_grad_(False)
        name = step if isinstance(step, str) else getattr(step, "__name__", "")
        if isinstance(step, str) or getattr(step, "__self__", None) is model:
            function = _attribute(twin, name, "step")
        else:
            function = step
    if not callable(function):
        raise InputError(f"step={step!r} is not a method of model ({type(model).__name__})")
    return _Step(function, model)


def _order_by_name(function: Callable[..., Any]) -> str | None:
    """The order of (state, input) if the parameters' names tell."""
    try:
        names = [p.lower() for p in inspect.signature(function).parameters][:2]
    except (TypeError, ValueError):
        return None
    if len(names) < 2:
        return None
    if names[0] in STATE_NAMES and names[1] not in STATE_NAMES:
        return ORDERS[0]
    if names[1] in STATE_NAMES and names[0] not in STATE_NAMES:
        return ORDERS[1]
    if names[0] in INPUT_NAMES and names[1] not in INPUT_NAMES:
        return ORDERS[1]
    return None


def _in_either_order(f: Callable[..., Any], n: int, m: int, order: str | None, name: str) -> System:
    if order is not None or n == m or m == 0:
        return FunctionSystem(f, n, m, argument_order=order, name=name)
    errors = []
    for candidate in ORDERS:
        try:
            return FunctionSystem(f, n, m, argument_order=candidate, name=name)
        except InputError as error:
            errors.append(str(error))
    raise InputError(f"step of model fails in either argument order: {errors[0]}")
