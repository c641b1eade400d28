"""A network and the world that it acts on, as one map of both their states.

In a step of a network that is a map, the network hears y, then acts, and the world moves under what it does:
x' = F(x, y), w' = G(w, observe(x')).  A world that flows does so under an action that stays the same over the step
(zero-order hold).  Two flows act on each other at all times: dx/dt = f(x, y), dw/dt = g(w, observe(x)).  Either is
still open here, its input what the network hears; :class:`dynakit.ClosedLoop` lets it hear the world,
y = observation(w).  All derivatives are blocks of those of the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..checks import count
from ..errors import InputError
from ..wording import counted
from .autodiff import autodiff
from .base import Bounds, System, joint_regularity
from .cells import fingerprint
from .foreign import bearing_float64
from .function import FunctionSystem, readout_size


class World(FunctionSystem):
    """A user's function as a world."""

    called = "world"

    def _beside_states(self, name: str) -> str:
        return f" and actions of {self.input_size}, called as {name}(w, action); see world_size"


class Embodied(System):
    """The states of a network and of its world, side by side."""

    def __init__(self, network: System, world: System, observation: Callable[[Tensor], Tensor] | None) -> None:
        n = network.state_size
        size = n + world.state_size
        super().__init__(
            size,
            network.input_size,
            output_size=network.input_size,
            parts={**{f"network.{name}": part for name, part in network.parts.items()}, "world": slice(n, size)},
            regularity=joint_regularity(network, world),
            device=network.device,
            name=f"{network.name} in {world.name}",
        )
        self.network, self.world, self.observation = network, world, observation
        timed = world if network.dt is None else network
        self.dt, self.time_unit = timed.dt, timed.time_unit
        if network.fingerprint and world.fingerprint and observation is None:
            self.fingerprint = fingerprint(type(self).__name__, network.fingerprint, world.fingerprint)

    def _split(self, z: Tensor) -> tuple[Tensor, Tensor]:
        n = self.network.state_size
        return z[..., :n], z[..., n:]

    def _observe(self, x: Tensor) -> Tensor:
        w = self._split(x)[1]
        return self.world._observe(w) if self.observation is None else self.observation(w.clone())

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        w, nothing = self._split(x)[1], x.new_zeros(len(x), self.output_size, self.network.state_size)
        if self.observation is None:
            return torch.cat([nothing, self.world._observe_jacobian(w)], -1)
        return torch.cat([nothing, autodiff(self.observation, w, out_size=self.output_size)], -1)

    def initial_state(self) -> Tensor:
        return torch.cat([self.network.initial_state(), self.world.initial_state()])

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        return self.network.recurrent_weights()


class Sampled(Embodied):
    """One step of the network, then one of the world under what the network then does."""

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        x, w = self._split(x)
        x = self.network._step(x, u)
        return torch.cat([x, self.world._step(w, self.network._observe(x))], -1)

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        (x, w), (T, S) = self._split(x), self._split(T)
        x, T = self.network._push(x, u, T, V)
        w, S = self.world._push(w, self.network._observe(x), S, self.network._observe_push(x, T))
        return torch.cat([x, w], -1), torch.cat([T, S], -1)

    def _after(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The world's state, what the network then does to it, and the derivative of w' with the network's x'."""
        x, w = self._split(x)
        x = self.network._step(x, u)
        a = self.network._observe(x)
        return w, a, self.world._input_jacobian(w, a) @ self.network._observe_jacobian(x)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        w, a, pull = self._after(x, u)
        own = self.network._jacobian(self._split(x)[0], u)
        return _blocks(own, pull @ own, self.world._jacobian(w, a))

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        pull = self._after(x, u)[2]
        own = self.network._input_jacobian(self._split(x)[0], u)
        return torch.cat([own, pull @ own], -2)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        (x, w), network = self._split(x), self.network
        a = network._observe(network._step(x, u))
        return torch.minimum(network._kinks(x, u), self.world._kinks(w, a))


    def rest_of_the_network(self) -> Bounds | None:
        """Where the network's own units rest, whatever it hears; its world may rest anywhere."""
        heard = torch.full((self.input_size,), torch.inf, dtype=torch.float64, device=self.device)
        box = self.network._box(Bounds(-heard, heard)) if self.network.box_holds_all else None
        if box is None or not bool(torch.isfinite(torch.stack(box)).all()):
            return None
        anywhere = heard.new_full((self.world.state_size,), torch.inf)
        return Bounds(torch.cat([box.lo, -anywhere]), torch.cat([box.hi, anywhere]))


class AtOnce(Embodied):
    """A field of both: the velocities of the network and of its world, each as the other is now."""

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        x, w = self._split(x)
        return torch.cat([self.network._step(x, u), self.world._step(w, self.network._observe(x))], -1)

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        (x, w), (T, S) = self._split(x), self._split(T)
        v, moved = self.network._push(x, u, T, V)
        force, pushed = self.world._push(w, self.network._observe(x), S, self.network._observe_push(x, T))
        return torch.cat([v, force], -1), torch.cat([moved, pushed], -1)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        x, w = self._split(x)
        a = self.network._observe(x)
        pull = self.world._input_jacobian(w, a) @ self.network._observe_jacobian(x)
        return _blocks(self.network._jacobian(x, u), pull, self.world._jacobian(w, a))

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        own = self.network._input_jacobian(self._split(x)[0], u)
        return torch.cat([own, x.new_zeros(len(x), self.world.state_size, self.input_size)], -2)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        x, w = self._split(x)
        return torch.minimum(self.network._kinks(x, u), self.world._kinks(w, self.network._observe(x)))


def embodied(
    network: System, world: Any, world_size: int | None, observation: Callable[[Tensor], Tensor] | None
) -> System:
    """``network`` in its world, still open: a Flow of two flows, else a map; InputError where they do not fit."""
    world = as_world(network, world, world_size)
    if observation is not None:
        observation = _observing(world, observation)
    _refuse_misfits(network, world, observation)
    own, its = network.flow(), world.flow()
    if own is None or its is None:
        return Sampled(network, world, observation)
    return own.over(AtOnce(own.field, its.field, observation))


def as_world(network: System, world: Any, world_size: int | None) -> System:
    """A System, or a function of the world's state and the action, as a system that takes the network's actions."""
    if isinstance(world, System):
        if world_size not in (None, world.state_size):
            raise InputError(f"world_size is {world_size}, but world ({world.name}) has {world.state_size} units")
        return world
    actions = counted(network.output_size, "action")
    call = "dk.ClosedLoop(system, world=step, world_size=n)"
    said = f"{call} with step(w, action) -> w, for states (batch, n) and {actions}"
    owner = getattr(world, "__self__", world)
    acts_alone = hasattr(owner, "reset") and hasattr(owner, "step")
    kept = (
        f"world ({type(owner).__name__}) is an environment, which keeps its state to itself; write its step as a "
        f"function of torch operations, {said}"
    )
    if isinstance(owner, nn.Module):
        raise InputError(
            f"world ({type(owner).__name__}) is a module: take it as a system on a copy, world=dk.as_system(world, "
            f"step='forward', state_size=n, input_size={network.output_size}, argument_order='state, input')"
        )
    if not callable(world):
        wrong = f"world must be a System or a function of torch operations, {said}; got {type(world).__name__}"
        raise InputError(kept if acts_alone else wrong)
    if world_size is None:
        raise InputError(
            kept if acts_alone else f"world_size must be given for a function, whose width cannot be read off: {said}"
        )
    world_size = count("world_size", world_size)
    try:
        return _function(world, world_size, network)
    except InputError as error:
        if acts_alone:
            raise InputError(f"{kept} (as it is, {error})") from error
        raise


def _function(world: Callable[..., Any], size: int, network: System) -> System:
    name = getattr(world, "__name__", type(world).__name__)
    made = World(
        world, size, network.output_size, argument_order="state, input", device=network.device, name=f"world {name}"
    )
    if network.regularity != "discontinuous":  # better refused now than in the middle of an analysis
        w = made.initial_state()[None] + 0.1
        try:
            made.jacobian(w)
            made.input_jacobian(w)
        except InputError as error:
            reason = str(error).removeprefix("f cannot be differentiated: ").partition("; use torch")[0]
            raise InputError(
                f"world must be differentiable: {reason}; write it in torch operations, or give its derivatives, world="
                f"dk.FunctionSystem(step, {size}, {network.output_size}, argument_order='state, input', jacobian=..., "
                "input_jacobian=...)"
            ) from error
    return made


def _observing(world: System, observation: Any) -> Callable[[Tensor], Tensor]:
    if not callable(observation):
        raise InputError(
            f"observation must be a function of the world's states (batch, {world.state_size}), "
            f"got {type(observation).__name__}"
        )
    return bearing_float64(observation, world.initial_state().expand(2, -1).contiguous())


def _refuse_misfits(network: System, world: System, observation: Callable[[Tensor], Tensor] | None) -> None:
    if network.input_size == 0:
        raise InputError(f"system ({network.name}) has no inputs: it cannot hear a world")
    if network.device != world.device:
        raise InputError(f"world lives on {world.device} and system on {network.device}: they must share a device")
    if world.input_size != network.output_size:
        raise InputError(
            f"world must take as many actions as system has outputs, {network.output_size}, but it takes "
            f"{counted(world.input_size, 'input')}; see readout= of dk.as_system"
        )
    heard, how = world.output_size, "the world puts out"
    if observation is not None:
        w = world.initial_state().expand(2, -1)
        heard, how = readout_size(observation, w, called="observation"), "observation gives"
    if heard != network.input_size:
        raise InputError(
            f"system hears {counted(network.input_size, 'value')}, but {how} {heard}: pass observation=, a function of "
            f"the world's states (batch, {world.state_size}) that gives (batch, {network.input_size})"
        )
    units = (network.time_unit, world.time_unit)
    if network.dt is None or world.dt is None or "" in units:
        return
    if network.flow() and world.flow() and units[0] == units[1]:
        return
    if units[0] != units[1] or abs(network.dt / world.dt - 1) > 1e-9:
        raise InputError(
            f"a step of world takes {world.dt:g} {units[1]} and one of system {network.dt:g} {units[0]}: they must "
            "take the same time, see dk.as_flow(world, dt=...)"
        )


def _blocks(own: Tensor, pull: Tensor, its: Tensor) -> Tensor:
    """[[own, 0], [pull, its]]: the network does not feel the world but by what it hears."""
    above = torch.cat([own, own.new_zeros(len(own), own.shape[1], its.shape[2])], -1)
    return torch.cat([above, torch.cat([pull, its], -1)], -2)
