"""A network that hears itself, or what it does to its world: nothing else comes in."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..wording import counted
from .base import Bounds, System, checked
from .derived import Wrapped
from .enclosures import invariant_box
from .foreign import untouched_randomness
from .pieces import OpenPieces, Pieces
from .rate_form import RateForm
from .world import Sampled, embodied


class ClosedLoop(Wrapped):
    """The network that hears itself, x' = F(x, observe(x)), or its world: autonomous.

    Arguments:
        system: the network; with a ``world``, its outputs are what it does.
        world: what it acts on: a System whose input is the action, such as a :class:`dynakit.Flow`, or a function
            ``world(w, action) -> w`` of torch operations, for states (batch, world_size) and actions (batch, output).
        world_size: width of the state of a function.
        observation: what the network hears of the world's states (batch, world_size), (batch, input); default: what the
            world puts out, which is its whole state where it has no readout.

    Raises:
        InputError: unless the readout is as wide as the input; for a world whose sizes do not fit, that draws at
            random, keeps its state to itself (an environment's ``step(action)``), or cannot be differentiated.

    :meth:`drive` takes one step under an input from outside, to cue the loop.

    The state of a network and its world is that of the network, ``parts`` "network.h" and the like, followed by the
    "world".  In a step the network hears y = observation(w) and the world moves under what it then does:
    x' = F(x, y), w' = G(w, observe(x')).  The action stays the same over the step, in a world that flows as well.  Two
    flows hear each other at all times: dx/dt = f(x, observation(w)), dw/dt = g(w, observe(x)), in steps of the
    network's.

    A flow hears itself at all times: the loop around one is the flow dx/dt = f(x, observe(x)), its step is the
    time-dt map of that, and :meth:`flow` has the same dynamics as the steps.  A map hears itself once per step; what
    is fed back to a network whose step integrates within itself stays the same over the step, as inputs do.  The flow
    of a leaky network that hears itself, or a world that flows, is ``dynakit.as_flow(loop)``.

    >>> import dynakit as dk
    >>> brake = dk.FunctionSystem(lambda x, v: 0.5 * x - v, 1, 1, argument_order="state, input")
    >>> loop = dk.ClosedLoop(brake, world=lambda v, force: v + 0.1 * force, world_size=1)
    >>> loop.step([0.0, 1.0]).tolist(), list(loop.parts)
    ([-1.0, 0.9], ['network.x', 'world'])
    """

    def __init__(
        self,
        system: System,
        *,
        world: Any = None,
        world_size: int | None = None,
        observation: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        if world is not None:
            system = embodied(checked(system), world, world_size, observation)
        elif world_size is not None or observation is not None:
            raise InputError("world_size and observation say something of a world: pass it as world=")
        if checked(system).output_size != system.input_size or system.input_size == 0:
            raise InputError(
                f"system must have a readout as wide as its input to close the loop, "
                f"got {counted(system.output_size, 'output')} and {counted(system.input_size, 'input')}"
            )
        super().__init__(system, input_size=0, name=f"closed loop of {system.name}")
        self.box_holds_all = system.box_holds_all and system.observe_bounds() is not None
        flow = system.flow()
        self.continuous: System | None = None if flow is None else flow.over(ClosedLoop(flow.field))

    def flow(self) -> Any:
        """The flow dx/dt = f(x, observe(x)) around a flow, else None."""
        return self.continuous

    def single_precision(self) -> System | None:
        return super().single_precision() if self.continuous is None else self.continuous.single_precision()

    def _around(self, field: System) -> System:
        return ClosedLoop(field)

    def drive(self, x: Any, u: Any) -> Tensor:
        """One step of the open loop under the input ``u``."""
        return self.inner.step(x, u)

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        if self.continuous is not None:
            return self.continuous._step(x, u)
        return self.inner._step(x, self.inner._observe(x))

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        if self.continuous is not None:
            return self.continuous._jacobian(x, u)
        y = self.inner._observe(x)
        return self.inner._jacobian(x, y) + self.inner._input_jacobian(x, y) @ self.inner._observe_jacobian(x)

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if self.continuous is not None:
            return self.continuous._push(x, u, T)
        return self.inner._push(x, self.inner._observe(x), T, self.inner._observe_push(x, T))

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return x.new_zeros(len(x), self.state_size, 0)

    def newton_step(self, x: Any, u: Any, r: Tensor) -> tuple[Tensor, Tensor]:
        return System.newton_step(self, x, u, r)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        if self.continuous is not None:
            return self.continuous._kinks(x, u)
        return self.inner._kinks(x, self.inner._observe(x))

    def _box(self, inputs: Bounds) -> Bounds | None:
        if self.continuous is not None:
            return self.continuous._box(inputs)
        heard = self.inner.observe_bounds()
        return self._box_of_code if heard is None else self.inner._box(heard)

    @cached_property
    def _box_of_code(self) -> Bounds | None:
        """From the code of what is in the loop, where an enclosure follows it and the loop keeps some box."""
        if self.regularity == "discontinuous":
            return None
        nothing = torch.zeros(0, dtype=torch.float64, device=self.device)
        with torch.no_grad(), untouched_randomness():
            ends = invariant_box(self._step, self.state_size, nothing, nothing)
        return None if ends is None else Bounds(*ends)

    def rest_within(self, u: Tensor) -> Bounds | None:
        if isinstance(self.inner, Sampled):
            return self.inner.rest_of_the_network()
        return super().rest_within(u)

    def _pieces(self, u: Tensor) -> Pieces | None:
        if self.continuous is not None:
            return None
        whole, heard = self.inner.open_pieces(), self.inner.readout_pieces()
        return None if whole is None or heard is None else whole.fed(heard)

    def rate_form(self) -> RateForm | str:
        """That of the network whose weights hold the way through the readout and back."""
        form = self.inner.rate_form()
        if isinstance(form, str) or self.continuous is not None:
            return form if isinstance(form, str) else super().rate_form()
        return form.fed()

    def open_pieces(self) -> OpenPieces | None:
        return None
