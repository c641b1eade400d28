"""Leaky integrate-and-fire networks (Lapicque 1907; Gerstner et al. 2014, ch. 1) with their whole state in the open.

One step of ``dt`` ms, in this order, with beta = exp(-dt/tau), alpha = exp(-dt/tau_syn), gamma = exp(-dt/tau_readout):

    input       a_t = W_in u_t + W_rec s_{t-1} + b_rec          recurrent spikes arrive one step later
    synapse     i_t = alpha i_{t-1} + a_t                       without tau_syn: i_t = a_t
    leak        v-  = beta v_{t-1} + i_t                        v- = v_{t-1} where k_{t-1} > 0
    spike       s_t = 1 where v- >= threshold and k_{t-1} = 0, else 0
    reset       v_t = v- - threshold s_t  ("subtract")   or   (1 - s_t) v-  ("zero")
    refractory  k_t = n s_t + max(k_{t-1} - 1, 0)               n = refractory / dt steps
    trace       r_t = gamma r_{t-1} + s_t
    output      y_t = W_out r_t + b_out                         without tau_readout: y_t = W_out s_t + b_out

A weight is thus the jump of the voltage (with ``tau_syn``: of the current) that one spike causes, whatever dt is; an
input and a bias act once per step (Neftci, Mostafa and Zenke 2019).  A refractory neuron keeps its
voltage and ignores its current, which goes on decaying.  tau = inf leaks nothing: the integrate-and-fire neuron.
Neurons may have a tau of their own each: then beta is one number per neuron.

In the backward pass the spikes have a surrogate derivative (:mod:`dynakit.models.spiking.surrogate`), except in the
reset and the refractory counter, where it does harm (Zenke and Vogels 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ... import checks
from ...errors import InputError
from ...seeding import as_seed, torch_stream
from ...surroundings import in_own_surroundings
from ..base import RecurrentModel, Trajectory, checked_sizes
from ..time_constants import Times, as_factor, in_words, of_each, plain, time_constant, time_constants
from .spiking_scan import Neuron, spiking_scan
from .surrogate import SURROGATES

RESETS = ("subtract", "zero")
LONGEST = 100.0  # ms of memory that the scale of initial weights reckons with
State = dict[str, Tensor]  # (trial, hidden) by the name of the part


class SpikingNetwork(RecurrentModel):
    """Base of the networks that spike: a state of named parts, taken on step by step.

    A subclass names the ``parts`` of its state, each with one entry per neuron, and takes one step in
    ``_advance(state, drive)``, or all of them in ``_scan(drive, state)``.  The parts "spikes", the spikes of the last
    step, and "trace", filtered spikes that the readout sees, have these names in all of them.
    """

    parts: dict[str, slice]
    dt: float  # ms
    W_in: nn.Parameter
    W_rec: nn.Parameter
    W_out: nn.Parameter
    b_rec: nn.Parameter
    b_out: nn.Parameter

    @property
    def state_size(self) -> int:
        """Number of entries of one state: one per neuron and part."""
        return len(self.parts) * self.n_hidden

    @property
    def state_layout(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The parts of the state in their order."""
        return f"[{', '.join(self.parts)}]"

    def rates(self, states: Tensor) -> Tensor:
        """The spikes (..., hidden) of the last step; their mean over time and trials is the rate per step."""
        return states[..., self.parts["spikes"]]

    def features(self, states: Tensor) -> Tensor:
        """What the readout is linear in (..., hidden): the trace, or the spikes where there is none."""
        return self._heard({name: states[..., part] for name, part in self.parts.items()})

    def linear_readout(self) -> tuple[nn.Parameter, nn.Parameter]:
        """W_out (output, hidden) and b_out (output,)."""
        return self.W_out, self.b_out

    def _named(self, *names: str) -> None:
        n = self.n_hidden
        self.parts = {name: slice(k * n, (k + 1) * n) for k, name in enumerate(names)}

    def _draw(self, scale: float | np.ndarray) -> None:
        """Normal weights, such that independent inputs of variance 1 have this scale together (of each neuron)."""
        generator = torch_stream(self.seed, "init", type(self).__name__)
        n, m, k, dtype = self.n_hidden, self.n_inputs, self.n_outputs, torch.get_default_dtype()

        def normal(rows: int, columns: int, scale: float | np.ndarray) -> nn.Parameter:
            values = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
            each = torch.as_tensor(scale, dtype=torch.float64).reshape(-1, 1)
            return nn.Parameter((values * each / math.sqrt(columns)).to(dtype))

        self.W_in, self.W_rec, self.W_out = normal(n, m, scale), normal(n, n, scale), normal(k, n, 1.0)
        self.b_rec, self.b_out = nn.Parameter(torch.zeros(n)), nn.Parameter(torch.zeros(k))

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        drive = functional.linear(inputs.transpose(0, 1), self.W_in, self.b_rec)
        parts = self._scan(drive, dict(zip(self.parts, x0.split(self.n_hidden, dim=1))))
        outputs = functional.linear(self._heard(parts), self.W_out, self.b_out)
        return Trajectory(outputs.transpose(0, 1), torch.cat(list(parts.values()), -1).transpose(0, 1))

    def _scan(self, drive: Tensor, state: State) -> State:
        """The parts (time, trial, hidden) of the state after each step."""
        visited = []
        for now in drive.unbind(0):
            state = self._advance(state, now)
            visited.append(state)
        return {name: torch.stack([x[name] for x in visited]) for name in self.parts}

    def _heard(self, state: State) -> Tensor:
        """What the readout is linear in."""
        return state["trace"] if "trace" in state else state["spikes"]

    def _advance(self, state: State, drive: Tensor) -> State:
        """The state one step later, under W_in u + b_rec (trial, hidden)."""
        raise NotImplementedError


class LIF(SpikingNetwork):
    """Leaky integrate-and-fire neurons with recurrent weights and a linear readout.

    The equations of a step are at the top of this file.

    The state is [voltage, current, refractory, spikes, trace], each part (n_hidden,); ``current`` is there with
    ``tau_syn`` only, ``refractory`` (steps still to wait) with ``refractory`` > 0 only, ``trace`` with
    ``tau_readout`` only.

    Arguments:
        dt: time of one step, ms.
        tau: membrane time constant, ms, of all neurons or n_hidden numbers; ``math.inf`` is the integrate-and-fire
            neuron.  As many equal numbers are kept as that one: they make the same network.
        tau_syn: time constant of exponential synaptic currents, ms; None: a spike is a jump of the voltage.
        refractory: ms after a spike during which a neuron waits, rounded to whole steps.
        threshold: voltage of a spike, from rest.
        reset: "subtract" takes the threshold off the voltage, "zero" sets it to rest.
        tau_readout: time constant of the trace that is read, ms; None reads the spikes themselves.
        surrogate: of the derivative: "fast_sigmoid", "arctan" or "triangular".
        steepness: of the surrogate, its k; None: the usual one.

    Weights are drawn so that independent inputs of variance 1 move the voltage by about the threshold.

    Raises:
        InputError: a time constant, the threshold or dt is out of its range; the message names it.

    >>> model = LIF(2, 50, 1, tau_syn=5.0, refractory=2.0)
    >>> list(model.parts)
    ['voltage', 'current', 'refractory', 'spikes', 'trace']
    >>> model(torch.ones(4, 30, 2)).states.shape
    torch.Size([4, 30, 250])
    """

    @in_own_surroundings
    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int,
        dt: float = 1.0,
        tau: float | Sequence[float] = 20.0,
        tau_syn: float | None = None,
        refractory: float = 0.0,
        threshold: float = 1.0,
        reset: str = "subtract",
        tau_readout: float | None = 20.0,
        surrogate: str = "fast_sigmoid",
        steepness: float | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.dt = checks.number("dt", dt, above=0, closed=False)
        self.tau = time_constants("tau", tau, self.n_hidden, dt=self.dt, endless=True)
        self.tau_syn = None if tau_syn is None else time_constant("tau_syn", tau_syn, self.dt)
        self.tau_readout = None if tau_readout is None else time_constant("tau_readout", tau_readout, self.dt)
        self.refractory = checks.number("refractory", refractory, above=0)
        if 0 < self.refractory < self.dt:
            raise InputError(f"refractory must be 0 or at least dt, got {refractory:g} < {self.dt:g} ms")
        self.threshold = checks.number("threshold", threshold, above=0, closed=False)
        self.reset = checks.one_of("reset", reset, RESETS)
        self.surrogate = checks.one_of("surrogate", surrogate, SURROGATES)
        self.steepness = (
            None if steepness is None else checks.number("steepness", steepness, above=0, closed=False)
        )
        self.seed = as_seed(seed)
        present = {
            "voltage": True,
            "current": self.tau_syn is not None,
            "refractory": self.n_refractory > 0,
            "spikes": True,
            "trace": self.tau_readout is not None,
        }
        self._named(*(name for name, there in present.items() if there))
        spread = [of_each(self._spread, time) for time in (self.tau, self.tau_syn) if time is not None]
        self._draw(self.threshold * math.prod(spread))

    @property
    def n_refractory(self) -> int:
        """Steps that a neuron waits after a spike."""
        return round(self.refractory / self.dt)

    def config(self) -> dict[str, Any]:
        """The arguments that build this network anew; an endless ``tau`` as "inf", which JSON can hold."""
        return {**super().config(), "tau": plain(self.tau)}

    def extra_repr(self) -> str:
        times = {name: getattr(self, name) for name in ("dt", "tau", "tau_syn", "refractory", "tau_readout")}
        said = ", ".join(f"{name}={in_words(time)}" for name, time in times.items() if time)
        return f"{super().extra_repr()}, {said}, threshold={self.threshold:g}, reset={self.reset!r}"

    def _scan(self, drive: Tensor, state: State) -> State:
        beta = as_factor(kept(self.dt, self.tau), drive)
        alpha, gamma = (
            0.0 if tau is None else decay(self.dt, tau) for tau in (self.tau_syn, self.tau_readout)
        )
        surrogate = SURROGATES[self.surrogate]
        steepness = surrogate.steepness if self.steepness is None else self.steepness
        settings = (self.n_refractory, self.threshold, self.reset, surrogate, steepness)
        return spiking_scan(drive, self.W_rec, state, Neuron(beta, alpha, gamma, *settings))


    def _spread(self, tau: float) -> float:
        """Standard deviation of the jumps that add up to one of 1 where a step leaves this of them."""
        d = decay(self.dt, min(tau, LONGEST))
        return math.sqrt(1 - d * d)


def kept(dt: float, tau: Times) -> float | np.ndarray:
    """What a step of dt leaves of the quantity of all neurons, or of each (neuron,)."""
    return of_each(lambda time: decay(dt, time), tau)


def decay(dt: float, tau: float) -> float:
    """What a step of dt leaves of a quantity with time constant tau."""
    return math.exp(-dt / tau)
