"""``as_system``: whatever the user has -> a System, or the one call that would make it one.

torch's layers and cells, this package's models, a module around one recurrent layer and a readout, a
(layer, readout) pair, a user's own cell by the name of its step method, any batched callable.  The weights are
copied in float64; the given object is never changed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...checks import number, one_of
from ...errors import InputError
from ...models.learners import Learner
from ...surroundings import in_own_surroundings
from ..base import REGULARITIES, System, mean_alpha
from ..closed_loop import ClosedLoop
from ..derived import Driven, WithReadout
from ..flow import Flow, Relaxation
from ..function import FunctionSystem
from ..steps import Form
from ..world import AtOnce, Sampled
from .by_step import stack_of
from .comparison import compare
from .copies import eager, on_a_copy
from .fronts import encoded_by
from .layers import KNOWN, is_plain
from .learners import adapt_learner
from .modules import adapt_module, adapt_whole, name_of_core
from .own_cell import adapt_own_cell
from .readouts import attribute, read_out
from .remedies import refuse_other_frameworks
from .spiking_libraries import adapt_spiking, is_of_a_spiking_library
from .twins import Twins


@in_own_surroundings
def as_system(
    model: Any,
    *,
    step: str | Callable[..., Any] | None = None,
    readout: Any = None,
    core: str | None = None,
    dt: float | None = None,
    device: torch.device | str | None = None,
    state_size: int | None = None,
    input_size: int | None = None,
    argument_order: str | None = None,
    regularity: str | None = None,
    form: Form | None = None,
) -> System:
    """Adapt a network to the one interface every analysis uses.

    Arguments:
        model: a model of this package; ``nn.RNN``, ``nn.GRU``, ``nn.LSTM`` (any number of layers) or one of
            their cells; a (layer, readout) pair; a list of layers that hear each other, with a readout at its end or
            without; a module that holds such a layer, whatever its forward makes of each input before it (tokens are
            one-hot) and of each state after it; a module with a method that takes one step, or whose forward takes a
            first state, or starts from one that is a weight of its own; layers of snnTorch, Norse, sinabs and
            SpikingJelly, networks and rows of them, which jump and carry what each layer hands on as ``spikes``; a
            module with ``step=``; a callable with ``state_size=``; or another System.
        step: the method (name, dotted for a part's, or bound method) that takes the state one step.  The state may be
            a tensor or any tuple, list, dictionary, named tuple or dataclass of them, handed over and returned, alone
            or beside outputs, or kept by the module itself; "forward" may take sequences.
        readout: the readout (a module, a callable, or the name of the module's attribute), or a dictionary of several,
            whose outputs stand side by side under ``system.readouts``; it replaces what was found.
        core: the name of the recurrent part of a module that holds more than one; "forward" or "backward" for one
            direction of a bidirectional layer of torch's.
        dt: time of one step in ms.
        form: what cannot be found out about a step of your own, see :class:`dynakit.Form`.
        device: where the float64 copy lives; default: where the model is.
        state_size, input_size, argument_order: for your own cell or callable, where they cannot be read off;
            see :class:`dynakit.FunctionSystem`.
        regularity: "discontinuous" for your own cell or callable if it spikes, so that no surrogate derivative is taken
            for a Jacobian; "piecewise_linear" or, by default, "smooth".

    Dropout is off.  Gaussian noise that a network draws within its step gives its mean, which the name then says: the
    mean map is the mean of the process only where the noise is added to the next state.  Raises InputError, naming what
    was found and what to call instead, for anything that is not one causal map: bidirectional layers, ``proj_size``,
    several recurrent layers side by side, non-finite weights, states that grow, a step that depends on its number, or
    draws in another way.

    >>> import torch, dynakit as dk
    >>> dk.as_system((torch.nn.GRU(3, 16), torch.nn.Linear(16, 2)))
    GRU: 3 inputs -> 16 state -> 2 outputs
    """
    sizes, model = {"state_size": state_size, "input_size": input_size}, eager(model)
    _refuse_beside(model, step, core, form)
    if step is None and state_size is None:
        refuse_other_frameworks(model)
    if step is not None:
        more = {"form": form, "regularity": regularity, "dt": dt}
        system = adapt_own_cell(model, step, sizes, argument_order, device, **more)
        if form is not None and form.encoder is not None:
            system = encoded_by(system, attribute(model, form.encoder, called="form.encoder"))
    elif callable(model) and not isinstance(model, nn.Module):
        system = _callable(model, sizes, argument_order, device)
    elif is_of_a_spiking_library(model):
        _refuse_unused({"state_size": state_size, "argument_order": argument_order, "regularity": regularity})
        system = adapt_spiking(model, input_size, device)
    else:
        _refuse_unused({**sizes, "argument_order": argument_order, "regularity": regularity})
        system, readout = _network(model, readout, device, core)
    if regularity is not None:
        system.regularity = one_of("regularity", regularity, REGULARITIES)
    if readout is not None:
        system = read_out(system, attribute(model, readout))
    if dt is not None and not (form is not None and form.right_hand_side):
        if isinstance(system, Flow):
            raise InputError("dt is part of a flow, whose steps it makes; see dk.as_flow(model, dt=...)")
        system = copy.copy(system)
        system.dt = number("dt", dt, above=0.0, closed=False)
    return system


@in_own_surroundings
def as_flow(model: Any, *, dt: float | None = None, method: str = "rk4", n_substeps: int = 1) -> Flow:
    """The flow that a network in continuous time follows, or of which a leaky network is Euler's step.

    A leaky network x' = x + alpha (G(x, u) - x) with alpha = dt / tau is Euler's step of tau dx/dt = G(x, u) - x: that
    flow, in ms where the network knows its dt and in units of tau where it does not (of the mean tau, where units
    differ in it).  A flow is taken as it is, with other steps.  A closed network, which hears itself from step to step,
    becomes dx/dt = f(x, observe(x)), which hears itself at every moment, as a closed flow does.  The two differ by the
    delay of half a step: a network trained on inputs that stay the same within a step follows its targets in the first,
    and in the second only as far as dt is small.

    Arguments:
        model: anything :func:`as_system` takes.
        dt: time of one step; default: that of the network.
        method, n_substeps: of the steps, see :class:`dynakit.Flow`.

    Raises InputError for a network that is no step of a flow.

    >>> import dynakit as dk
    >>> flow = as_flow(dk.models.LeakyRNN(2, 10, 1, dt=20.0, tau=100.0), dt=1.0)
    >>> flow.dt, flow.time_unit, flow.method
    (1.0, 'ms', 'rk4')
    """
    field, own, unit = _behind(as_system(model))
    settings = {"method": method, "n_substeps": n_substeps, "time_unit": unit}
    return Flow(field, field.state_size, field.input_size, dt=own if dt is None else dt, **settings)


def _behind(system: System) -> tuple[System, float, str]:
    """The vector field that ``system`` takes a step along, the time of the step, and its unit."""
    if isinstance(system, Flow):
        assert system.dt is not None
        return system.field, system.dt, system.time_unit
    if system.euler and system.alpha is not None:
        own, unit = (mean_alpha(system.alpha), "tau") if system.dt is None else (system.dt, system.time_unit)
        return Relaxation(system, 1 / own), own, unit
    if isinstance(system, Sampled) and system.network.euler and system.world.flow() is not None:
        its = system.world.flow()  # one step of the network lasts one of its world's
        relaxing = Relaxation(system.network, 1 / its.dt)
        return AtOnce(relaxing, its.field, system.observation), its.dt, its.time_unit
    if isinstance(system, ClosedLoop):
        field, own, unit = _behind(system.inner)
        return ClosedLoop(field), own, unit
    if isinstance(system, Driven):
        field, own, unit = _behind(system.inner)
        return Driven(field, system.constant), own, unit
    raise InputError(
        f"model ({system.name}) is no step of a flow; give the right-hand side: dk.Flow(rhs, state_size, dt=...)"
    )


@in_own_surroundings
def compared_on(system: System, model: Any, inputs: Any, *, plainly: bool = True) -> int:
    """Over how many steps of these trials (trial, time, input) the forward of ``model`` does what its ``system`` does.

    Steps are compared up to where a run that is rounded parts from itself, and all of them where the forward returns
    its states, each of which is then one step of ours from the one before.  What has no forward (a System, a callable,
    a learner) is what it was given as: then the steps compared before, if any; so is, unless ``plainly``, a layer to
    which nothing was done.  Raises InputError for a difference.
    """
    core = system.inner if isinstance(model, tuple) and isinstance(system, WithReadout) else system
    layer = eager(model[0] if isinstance(model, tuple) else model)
    if isinstance(core, FunctionSystem) and not core.compared:
        return 0  # a forward that is itself the step
    if not isinstance(layer, nn.Module) or isinstance(layer, Learner) or (is_plain(layer) and not plainly):
        return system.compared
    found = compare(Twins(layer, core.device, name_of_core(layer)), core, core.as_inputs(inputs))
    if found.why:
        raise InputError(
            f"model ({type(layer).__name__}) was taken for {system.name}, but on these trials it does something else: "
            f"{found.why}; write one step of it as a method and call dk.as_system(model, step='<method>')"
        )
    return found.steps


def _network(
    model: Any, readout: Any, device: torch.device | str | None, core: str | None
) -> tuple[System, Any]:
    """A System, a pair, a row of layers or a module as a system, and the readout that is still to be put on it."""
    if isinstance(model, System):
        if device is not None and torch.device(device) != model.device:
            raise InputError(
                f"device={str(device)!r} cannot be chosen for a System, which lives on {model.device}"
            )
        return model, readout
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], nn.Module):
        if readout is not None:
            raise InputError("readout is given twice: in the pair and as readout=")
        return adapt_whole(model[0], device), model[1]
    if isinstance(model, Learner):
        return adapt_learner(model, device), readout
    if isinstance(model, nn.Module):
        return adapt_module(model, device, find_readout=readout is None, core=core), readout
    if isinstance(model, list) and model and all(isinstance(part, nn.Module) for part in model):
        return _row(model, readout, device)
    kind, how = type(model).__name__, ""
    if isinstance(model, (str, Path)):
        how = f": dk.as_system(dk.models.read({str(model)!r})) reads one from a file"
    elif isinstance(model, Mapping):
        how = ": dk.as_system(dk.models.from_state_dict(weights)) takes the weights of a layer and its readout"
    raise InputError(f"model must be a network, a (layer, readout) pair, a callable or a System, got {kind}{how}")


def _row(parts: list[nn.Module], readout: Any, device: torch.device | str | None) -> tuple[System, Any]:
    """Layers that hear each other in this order, and the readout behind them, if the last part is one."""
    *layers, last = parts
    if isinstance(last, KNOWN):
        layers.append(last)
    elif readout is not None:
        raise InputError("readout is given twice: at the end of the row and as readout=")
    else:
        readout = last
    if not layers:
        raise InputError(f"model[0] ({type(last).__name__}) is no recurrent layer")
    return stack_of([adapt_whole(layer, device) for layer in layers]), readout


def _callable(
    f: Callable[..., Any], sizes: dict[str, int | None], order: str | None, device: torch.device | str | None
) -> System:
    if isinstance(f, type):
        raise InputError(f"model is the class {f.__name__}: hand over a network that is made of it, {f.__name__}(...)")
    if sizes["state_size"] is None:
        raise InputError(
            "model is a plain callable, whose sizes cannot be read off: call "
            "dk.FunctionSystem(f, state_size, input_size, argument_order=...)"
        )
    f = on_a_copy(f, device)  # the method of a module
    return FunctionSystem(
        f, sizes["state_size"], sizes["input_size"] or 0, argument_order=order, device=device or "cpu"
    )


def _refuse_beside(model: Any, step: Any, core: str | None, form: Form | None) -> None:
    """Refuse what says something of a step that is not given, or of a module that there is not."""
    if form is not None and not isinstance(form, Form):
        raise InputError(f"form must be a dk.Form, got {type(form).__name__}")
    if form is not None and step is None:
        raise InputError("form says how a step of your own is written: pass it with step=")
    if core is not None and (step is not None or not isinstance(model, nn.Module)):
        raise InputError("core names the recurrent part of a module: pass it with a module, and without step=")


def _refuse_unused(arguments: dict[str, Any]) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise InputError(f"{name} is read off this model; pass it only with step=, or with a callable")
