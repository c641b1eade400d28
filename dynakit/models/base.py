"""What training and the adapters rely on: every recurrent model maps inputs to outputs *and* states.

``outputs`` are what the readout says, y_t = readout(x_t): not the hidden sequence that ``torch.nn.RNN``
returns under the name "output".  ``states`` are the full Markov state x_t after each step, so that running on
from ``states[:, t]`` with the remaining inputs continues the same trajectory: [h] for an Elman network or a
GRU, [h, c] for an LSTM, the membrane variable of a leaky network.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import checks
from ..errors import InputError
from ..seeding import torch_stream


class Trajectory(NamedTuple):
    """What a recurrent model returns."""

    outputs: Tensor  # (trial, time, output)  the readout at every step
    states: Tensor  # (trial, time, state)   the full state after every step


def arguments_of(module: nn.Module) -> dict[str, Any]:
    """What a module was built with, for a class that keeps each argument under its own name."""
    return {name: getattr(module, name) for name in inspect.signature(type(module)).parameters}


class RecurrentModel(nn.Module):
    """Base of the recurrent networks: checks the arguments of a call and knows how to describe itself.

    A subclass keeps every argument of its constructor as an attribute of the same name, and implements
    ``_run(inputs, x0, generator)`` for a full ``x0`` (trial, state).
    """

    n_inputs: int
    n_hidden: int
    n_outputs: int
    causal = True  # an output depends on no later input
    state_layout = "h"  # what a state holds, in the words of the error messages

    @property
    def state_size(self) -> int:
        """Number of entries of one state."""
        return self.n_hidden

    @classmethod
    def for_task(cls, task: Any, n_hidden: int = 100, **kwargs: Any) -> Self:
        """A network of the sizes that ``task`` asks for (``task.n_inputs``, ``task.n_outputs``)."""
        if not hasattr(task, "n_inputs") or getattr(task, "n_outputs", None) is None:
            raise InputError(f"task must be a task with targets, whose sizes can be read off, got {task!r}")
        return cls(n_inputs=task.n_inputs, n_hidden=n_hidden, n_outputs=task.n_outputs, **kwargs)

    def config(self) -> dict[str, Any]:
        """The arguments that build this network anew: ``type(model)(**model.config())``."""
        return arguments_of(self)

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that the largest weights of a network with these arguments have; nothing is built for it."""
        n_inputs, n_hidden, n_outputs = sizes_of(config)
        return {"W_in": (n_hidden, n_inputs), "W_rec": (n_hidden, n_hidden), "W_out": (n_outputs, n_hidden)}

    def extra_repr(self) -> str:
        return f"n_inputs={self.n_inputs}, n_hidden={self.n_hidden}, n_outputs={self.n_outputs}"

    def rates(self, states: Tensor) -> Tensor:
        """The firing rates (..., hidden) that belong to ``states`` (..., state)."""
        return states[..., : self.n_hidden]

    def features(self, states: Tensor) -> Tensor:
        """What the readout is linear in (..., feature): the firing rates, unless the network says otherwise."""
        return self.rates(states)

    def linear_readout(self) -> tuple[Tensor, Tensor | None]:
        """The weights (output, feature) and bias (output,) with which :meth:`features` are read.

        Raises InputError for a network whose readout is not free to take any weights.
        """
        readout = getattr(self, "readout", None)
        if not isinstance(readout, nn.Linear):
            raise InputError(f"model ({type(self).__name__}) has no linear readout")
        return readout.weight, readout.bias

    def read(self, states: Tensor) -> Tensor:
        """The outputs (..., output) that the readout says of ``states`` (..., state); differentiable."""
        return functional.linear(self.features(states), *self.linear_readout())

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step without noise, from states ``x`` (trial, state) under ``u`` (trial, input); for any derivative."""
        return self._run(u[:, None], x, None).states[:, 0]

    @property
    def noisy(self) -> bool:
        """Whether noise enters the states in training mode."""
        return False

    def gates(self, inputs: Tensor, states: Tensor) -> dict[str, Tensor]:
        """The gates (trial, time, hidden) that a run from zero over ``inputs`` had; ``states`` are those it returned.

        Raises InputError for a network without gates.
        """
        raise InputError(f"model ({type(self).__name__}) has no gates that could saturate; use an LSTM")

    def forward(
        self,
        inputs: Tensor,
        x0: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        lengths: Tensor | None = None,
    ) -> Trajectory:
        """Run the network over ``inputs`` (trial, time, input) from ``x0``.

        ``x0`` is (state,) for all trials or (trial, state); None is the state of zeros.  ``generator`` feeds
        the noise of networks that have some, in training mode only; None draws it from torch's own
        generator, as ``torch.nn.Dropout`` does.  ``lengths`` (trial,) are the steps of each trial, which only a network
        that hears the end needs to know.  Raises InputError for arguments of another shape or dtype.
        """
        inputs = self._checked_inputs(inputs)
        return self._run(inputs, self._checked_state(x0, inputs), generator)

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        raise NotImplementedError

    def _step_by_step(self, inputs: Tensor, x0: Tensor) -> Trajectory:
        """The run of a network that is written as its :meth:`step` alone."""
        x, steps = x0, []
        for u in inputs.unbind(1):
            x = self.step(x, u)
            steps.append(x)
        states = torch.stack(steps, 1)
        return Trajectory(self.read(states), states)

    def _checked_inputs(self, inputs: Tensor) -> Tensor:
        dtype = next(self.parameters()).dtype
        if not isinstance(inputs, Tensor):
            raise InputError(f"inputs must be a torch tensor, got {type(inputs).__name__}")
        if inputs.ndim != 3 or inputs.shape[2] != self.n_inputs or inputs.shape[1] == 0:
            raise InputError(
                f"inputs must have shape (trial, time, {self.n_inputs}) with at least one step, "
                f"got {tuple(inputs.shape)}"
            )
        if inputs.dtype != dtype:
            raise InputError(f"inputs must be {dtype}, as the model is, got {inputs.dtype}; see Tensor.to")
        return inputs

    def _checked_state(self, x0: Tensor | None, inputs: Tensor) -> Tensor:
        full = (len(inputs), self.state_size)
        if x0 is None:
            return inputs.new_zeros(full)
        if not isinstance(x0, Tensor):
            raise InputError(f"x0 must be a torch tensor, got {type(x0).__name__}")
        if tuple(x0.shape) not in ((self.state_size,), full):
            raise InputError(
                f"x0 must have shape ({self.state_size},) or {full}, got {tuple(x0.shape)}: the state of "
                f"{type(self).__name__} is {self.state_layout} with {self.n_hidden} hidden units"
            )
        if x0.dtype != inputs.dtype:
            raise InputError(f"x0 must be {inputs.dtype} as the model is, got {x0.dtype}")
        return x0.expand(full)


def sizes_of(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Inputs, hidden units and outputs as the arguments of a network say them."""
    return config["n_inputs"], config["n_hidden"], config["n_outputs"]


def layer_shapes(n_blocks: int, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """:meth:`RecurrentModel.shapes` of a layer of torch, with as many blocks of rows as it has gates, and a readout."""
    n_inputs, n_hidden, n_outputs = sizes_of(config)
    rows = n_blocks * n_hidden
    layer = {"rnn.weight_ih_l0": (rows, n_inputs), "rnn.weight_hh_l0": (rows, n_hidden)}
    return {**layer, "readout.weight": (n_outputs, n_hidden)}


@contextmanager
def own_randomness(seed: int, name: str) -> Iterator[None]:
    """Let torch's initialisers draw from the stream ``name`` of ``seed``; the caller's is untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(torch_stream(seed, "init", name).initial_seed())
        yield


def checked_sizes(
    n_inputs: int, n_hidden: int, n_outputs: int, *, least_inputs: int = 1
) -> tuple[int, int, int]:
    """The three sizes of a network as ints."""
    return (
        checks.count("n_inputs", n_inputs, least=least_inputs),
        checks.count("n_hidden", n_hidden),
        checks.count("n_outputs", n_outputs),
    )
