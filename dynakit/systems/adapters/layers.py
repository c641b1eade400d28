"""torch's recurrent layers and cells, and the models of this package, as systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from ...errors import InputError
from ...models.base import RecurrentModel
from ...models.elman import Elman
from ...models.fully_connected import FullyConnected
from ...models.gru import GRU
from ...models.layered import LayeredNetwork
from ...models.leaky import LeakyRNN
from ...models.lstm import LSTM
from ...models.memory_blocks import MemoryBlocks
from ...models.reservoir import Reservoir
from ...models.spiking import SpikingNetwork
from ...models.time_constants import as_factor
from ...models.windowed import WindowedMLP
from ..base import System
from ..cells import Cell, EarlyResetGRUCell, ElmanCell, GRUCell, LeakyCell, LSTMCell, Stack, fingerprint
from ..derived import WithReadout
from ..function import FunctionSystem
from .copies import WEIGHT_MAKERS, float64_copy, weights_of
from .reservoir import adapt_reservoir
from .spiking import SpikingSystem

LAYERS = (nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell)
KNOWN = (RecurrentModel, *LAYERS)
DIRECTIONS = {"forward": "", "backward": "_reverse"}  # how torch's names of weights end


def adapt_layer(rnn: nn.Module, device: torch.device | str | None) -> System:
    """One of :data:`KNOWN` as a system; torch's layers are stacked, our models keep their readout."""
    if isinstance(rnn, LeakyRNN):
        return _leaky(rnn, device)
    if isinstance(rnn, FullyConnected):
        return _fully_connected(rnn, device)
    if isinstance(rnn, RecurrentModel) and not rnn.causal:
        raise InputError(
            f"model ({type(rnn).__name__}) is not causal: its outputs depend on what is still to come, so there is no "
            "map to analyse; of a bidirectional network each direction is one: model.direction('forward')"
        )
    if isinstance(rnn, (MemoryBlocks, WindowedMLP)):
        return _stepped(rnn, device)
    if isinstance(rnn, Reservoir):
        return adapt_reservoir(rnn, device)
    if isinstance(rnn, SpikingNetwork):
        return SpikingSystem(rnn, device)
    if isinstance(rnn, LayeredNetwork):
        return _layered(rnn, device)
    if isinstance(rnn, RecurrentModel):
        return _our_model(rnn, device)
    if not isinstance(rnn, LAYERS):
        raise InputError(
            f"model must be nn.RNN, nn.GRU, nn.LSTM or one of their cells, got {type(rnn).__name__}; "
            "a network of another kind is given as a whole: dk.as_system(model, step='...', readout='...')"
        )
    refuse_variants(rnn)
    read = weights_of(rnn, device)
    if isinstance(rnn, nn.RNNCellBase):
        return _one_layer(rnn, read, "")
    cells = [_one_layer(rnn, read, f"_l{k}") for k in range(rnn.num_layers)]
    return cells[0] if len(cells) == 1 else Stack(cells)


def is_plain(layer: nn.Module) -> bool:
    """Whether a layer, or a model of this package, is as it was written: then its weights say all that it does.

    Nothing hangs on it, none of its parts has a forward of its own, and the weights it runs with are those it shows.
    """
    written = type(layer) in LAYERS or (isinstance(layer, RecurrentModel) and _library(layer) == "dynakit")
    return written and all(_unchanged(part) for part in layer.modules())


def _library(part: nn.Module) -> str:
    return type(part).__module__.partition(".")[0]


def _unchanged(part: nn.Module) -> bool:
    if _library(part) not in ("torch", "dynakit") or is_parametrized(part) or "forward" in vars(part):
        return False
    running = zip(part._flat_weights, part._flat_weights_names) if isinstance(part, nn.RNNBase) else ()
    return not (part._forward_hooks or part._forward_pre_hooks) and all(
        weight is getattr(part, name) for weight, name in running
    )


def direction_of(layer: Any, which: str) -> nn.Module:
    """One direction of a bidirectional layer of torch's, the lowest where it has several, as a layer of its own."""
    kind, mode = type(layer), getattr(layer, "nonlinearity", None)
    more = {} if mode is None else {"nonlinearity": mode}
    twin = kind(layer.input_size, layer.hidden_size, bias=layer.bias, batch_first=layer.batch_first, **more)
    twin = twin.to(layer.weight_ih_l0)
    with torch.no_grad():
        for name, weight in twin.named_parameters():
            weight.copy_(getattr(layer, name + DIRECTIONS[which]))
    return twin


def refuse_variants(rnn: nn.Module, called: str = "model") -> None:
    """Raise InputError for a layer of torch's that is no map, or another than it seems."""
    if getattr(rnn, "bidirectional", False):
        raise InputError(
            f"{called} is bidirectional: its state at a time depends on the future, so there is no map to analyse; "
            f'each direction of its first layer is one: dk.as_system({called}, core="forward"), or "backward"'
        )
    if getattr(rnn, "proj_size", 0):
        raise InputError(f"{called} has proj_size={rnn.proj_size}, which is not supported; use proj_size=0")


def _one_layer(rnn: nn.Module, read: Callable[[str], Tensor], suffix: str) -> Cell:
    W_in, W_rec = read("weight_ih" + suffix), read("weight_hh" + suffix)
    if rnn.bias:
        b_in, b_rec = read("bias_ih" + suffix), read("bias_hh" + suffix)
    else:
        b_in = b_rec = W_in.new_zeros(len(W_in))
    if isinstance(rnn, (nn.RNN, nn.RNNCell)):
        acts = rnn.mode.removeprefix("RNN_").lower() if isinstance(rnn, nn.RNN) else rnn.nonlinearity
        return ElmanCell(W_in, W_rec, b_in + b_rec, acts)  # nn.RNN never looks at its nonlinearity again
    if isinstance(rnn, (nn.GRU, nn.GRUCell)):
        return GRUCell(W_in, W_rec, b_in, b_rec)
    return LSTMCell(W_in, W_rec, b_in + b_rec)


def _leaky(model: LeakyRNN, device: torch.device | str | None) -> System:
    twin = float64_copy(model, device)
    assert isinstance(twin, LeakyRNN)
    with torch.no_grad():
        W_in, W_rec, W_out = (w.clone() for w in twin.effective_weights())
    kind = {"alpha": as_factor(model.alpha, W_rec), "activation": model.activation, "form": model.form}
    cell = LeakyCell(W_in, W_rec, twin.b_rec.detach(), **kind)
    cell.dt = model.dt
    cell.name += ", Dale's law" if model.dale else ""
    return WithReadout(cell, W_out, twin.b_out.detach())


def _fully_connected(model: FullyConnected, device: torch.device | str | None) -> System:
    read = weights_of(model, device)
    W_rec = read("W_rec")
    bias = W_rec.new_zeros(len(W_rec)) if model.b_rec is None else read("b_rec")
    cell = ElmanCell(read("W_in"), W_rec, bias, model.activation)
    return WithReadout(cell, torch.eye(model.n_outputs, model.n_hidden).to(W_rec), W_rec.new_zeros(model.n_outputs))


def _stepped(model: RecurrentModel, device: torch.device | str | None) -> System:
    """A model without closed-form Jacobians: its step and its readout as they are, in float64."""
    twin = float64_copy(model, device)
    assert isinstance(twin, RecurrentModel)
    sizes = (twin.state_size, twin.n_inputs)
    system = FunctionSystem(twin.step, *sizes, argument_order="state, input", readout=twin.read)
    system.name = type(model).__name__
    system.fingerprint = fingerprint(system.name, *twin.parameters())
    return system


def _our_model(model: RecurrentModel, device: torch.device | str | None) -> System:
    rnn, readout = getattr(model, "rnn", None), getattr(model, "readout", None)
    if rnn is None or not isinstance(readout, nn.Linear):
        raise InputError(f"model ({type(model).__name__}) is not one causal map with a linear readout")
    read = weights_of(model, device)  # checks every parameter under its full name
    return linear_readout(_with_options(model, adapt_layer(rnn, device), read), readout)


def _with_options(model: RecurrentModel, cell: System, read: Callable[[str], Tensor]) -> System:
    """The cell of a model, which may do other things than the layer that holds its weights."""
    if isinstance(model, Elman) and isinstance(cell, ElmanCell):
        return ElmanCell(cell.W_in, cell.W_rec, cell.b, model.activation)
    if not isinstance(model, (GRU, LSTM)):
        return cell
    chosen = {"recurrent_activation": model.recurrent_activation, "activation": model.activation}
    if isinstance(cell, GRUCell) and isinstance(model, GRU):
        kind = GRUCell if model.reset == "after" else EarlyResetGRUCell
        return kind(cell.W_in, cell.W_rec, cell.b_in, cell.b_rec, **chosen)
    assert isinstance(cell, LSTMCell)
    peephole = None if getattr(model, "peephole", None) is None else read("peephole")
    return LSTMCell(cell.W_in, cell.W_rec, cell.b, peephole, **chosen)


def _layered(model: LayeredNetwork, device: torch.device | str | None) -> System:
    """Layers upon each other in closed form; by their steps where more than linear layers stand before or between."""
    twin = float64_copy(model, device)
    assert isinstance(twin, LayeredNetwork)
    cells: list[Cell] = []
    between: list[nn.Module] = []  # since the last recurrent layer, whose own readout is the first of them
    for layer in twin.layers:
        if not isinstance(layer, RecurrentModel):
            between.append(layer)
            continue
        found = _behind(between, layer) if isinstance(layer, (Elman, GRU, LSTM)) else None
        if found is None:
            return _named(_stepped(model, device), model)
        cells.append(found)
        between = [layer.get_submodule("readout")]
    stack: System = cells[0] if len(cells) == 1 else Stack(cells)
    affine = _affine(between, stack.output_size)
    if affine is not None:
        return _named(WithReadout(stack, *affine), model)
    system = WithReadout(stack, function=nn.Sequential(*between))
    system.fingerprint = fingerprint(stack.fingerprint, repr(between), *nn.Sequential(*between).parameters())
    return _named(system, model)


def _named(system: System, model: LayeredNetwork) -> System:
    if model.left_out:
        system.name += f", without its {' and '.join(model.left_out)}"
    return system


def _behind(before: list[nn.Module], layer: Elman | GRU | LSTM) -> Cell | None:
    """The cell of a layer that hears what linear layers make of its inputs; None behind layers of another kind."""
    rnn: Any = layer.rnn
    affine = _affine(before, layer.n_inputs)
    if affine is None:
        return None
    with torch.no_grad():
        W, (A, a) = rnn.weight_ih_l0, affine
        rnn.bias_ih_l0 = nn.Parameter(rnn.bias_ih_l0 + W @ a, requires_grad=False)
        rnn.weight_ih_l0 = nn.Parameter(W @ A, requires_grad=False)
    system = adapt_layer(layer, None)
    assert isinstance(system, WithReadout)
    assert isinstance(system.inner, Cell)
    return system.inner


def _affine(layers: list[nn.Module], width: int) -> tuple[Tensor, Tensor] | None:
    """What linear layers do one after another, as weights and bias; None if they do something else."""
    first = next((layer for layer in layers if isinstance(layer, nn.Linear)), None)
    if not all(is_linear(layer) for layer in layers):
        return None
    A = torch.eye(width if first is None else first.in_features, dtype=torch.float64)
    A = A if first is None else A.to(first.weight.device)
    a = A.new_zeros(len(A))
    for layer in layers:
        assert isinstance(layer, nn.Linear)
        with torch.no_grad():
            A, a = layer.weight @ A, layer.weight @ a + (0.0 if layer.bias is None else layer.bias)
    return A, a


def is_linear(readout: object) -> bool:
    """Whether a readout is ``nn.Linear`` in what it does, not by descent alone."""
    if not isinstance(readout, nn.Linear) or type(readout).forward is not nn.Linear.forward:
        return False
    hooks = [*readout._forward_hooks.values(), *readout._forward_pre_hooks.values()]
    return "forward" not in vars(readout) and all(isinstance(hook, WEIGHT_MAKERS) for hook in hooks)


def linear_readout(system: System, readout: nn.Linear) -> System:
    """``system`` read out by an ``nn.Linear``."""
    if readout.in_features != system.output_size:
        raise InputError(
            f"readout takes {readout.in_features} values, but model ({system.name}) hands on "
            f"{system.output_size}"
        )
    read = weights_of(readout, system.device, called="readout")
    return WithReadout(system, read("weight"), read("bias") if readout.bias is not None else None)
