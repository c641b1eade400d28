"""A trained rate network as a network of spikes, with the same weights.

An integrate-and-fire neuron without leak that is reset by subtraction, dv/dt = K x, spike at v >= 1, then v - 1, fires
K [x]_+ spikes per second under a constant x: its f-I curve is a ReLU.  Give each spike the area 1/K, and a leaky ReLU
network

    tau dx/dt = -x + W [x]_+ + W_in u + b,   y = W_out [x]_+ + b_out                ("current")
    tau dr/dt = -r + [W r + W_in u + b]_+,   y = W_out r + b_out                    ("rate")

becomes a spiking one by putting the spikes in the place of [.]_+ (Cao, Chen and Khosla 2015; Rueckauer et al. 2017,
for networks without recurrence).  A voltage does not fall below rest, v = 0: a neuron that was silent for long would
else be silent for as long again.  In the mean over a time T the neurons then stand at a fixed point of the rate
network, up to 1/(K T), except those whose x changes its sign again and again.  K, in spikes per second and unit of
rate, decides how many spikes there are to average over, and is the only parameter of the conversion.

One step of ``dt`` ms, in this order, with a = dt/tau, kappa = K dt / 1000 (spikes per step and unit of rate) and
z_t = s_t / kappa:

    "current"   input      x_t = (1 - a) x_{t-1} + a (W z_{t-1} + W_in u_t + b)
                integrate  v-  = max(v_{t-1} + kappa x_t, 0)
                spike      s_t = floor(v-),  v_t = v- - s_t
                trace      r_t = (1 - c) r_{t-1} + c z_t,  c = dt/tau_readout;  only with tau_readout
                output     y_t = W_out r_t + b_out;  without tau_readout y_t = W_out [x_t]_+ + b_out
    "rate"      integrate  v-  = max(v_{t-1} + kappa (W r_{t-1} + W_in u_t + b), 0)
                spike      s_t = floor(v-),  v_t = v- - s_t
                trace      r_t = (1 - a) r_{t-1} + a z_t
                output     y_t = W_out r_t + b_out
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ... import checks
from ...errors import InputError
from ...seeding import as_seed
from ..base import checked_sizes
from ..leaky import LeakyRNN
from ..time_constants import Times, as_factor, in_words, of_each, plain, time_constant, time_constants
from .spiking import SpikingNetwork, State

FORMS = ("current", "rate")
NO_COUNTERPART = "has no spiking counterpart: the f-I curve of an integrate-and-fire neuron is a ReLU"


class SpikingRNN(SpikingNetwork):
    """Integrate-and-fire neurons in the place of the ReLUs of a leaky rate network; :func:`to_spiking` makes one.

    The state is [current, voltage, spikes, trace] for the form "current", where ``current`` is x and ``trace`` is
    there with ``tau_readout`` only, and [trace, voltage, spikes] for "rate", where ``trace`` is r.  ``spikes`` counts
    the spikes of the last step, which are more than one where a neuron is to fire faster than once per ``dt``.  In
    training a spike count has the derivative of the ReLU that it stands for (straight through; Bengio, Leonard and
    Courville 2013).

    Arguments:
        gain: K, spikes per second and unit of rate.
        dt: time of one step, ms.
        tau: time constant of x ("current") or r ("rate"), ms, of all neurons or n_hidden numbers.
        form: "current" or "rate".
        tau_readout: for the form "current", time constant of the filter through which spikes are read, ms; None reads
            the rectified currents, as the rate network does.
    """

    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int,
        gain: float = 100.0,
        dt: float = 1.0,
        tau: float | Sequence[float] = 100.0,
        form: str = "current",
        tau_readout: float | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.gain = checks.number("gain", gain, above=0, closed=False)
        self.dt = checks.number("dt", dt, above=0, closed=False)
        self.tau = time_constants("tau", tau, self.n_hidden, dt=self.dt)
        self.form = checks.one_of("form", form, FORMS)
        if form == "rate" and tau_readout is not None:
            raise InputError("tau_readout belongs to form='current'; the form 'rate' is read through tau")
        self.tau_readout = None if tau_readout is None else time_constant("tau_readout", tau_readout, self.dt)
        self.seed = as_seed(seed)
        currents = ("current", "voltage", "spikes", "trace")[: 3 if tau_readout is None else 4]
        self._named(*(currents if form == "current" else ("trace", "voltage", "spikes")))
        self._draw(1.0)

    def config(self) -> dict[str, Any]:
        """The arguments that build this network anew."""
        return {**super().config(), "tau": plain(self.tau)}

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, gain={self.gain:g}, dt={self.dt:g}, tau={in_words(self.tau)}, {self.form!r}"

    def _heard(self, state: State) -> Tensor:
        return state["trace"] if "trace" in state else torch.relu(state["current"])

    def _advance(self, state: State, drive: Tensor) -> State:
        now, a, per_step = dict(state), self._share(self.tau, drive), self.gain * self.dt / 1000
        if self.form == "current":
            into = torch.addmm(drive, state["spikes"], self.W_rec.T, alpha=1 / per_step)
            h = now["current"] = torch.lerp(state["current"], into, a)
        else:
            h = torch.addmm(drive, state["trace"], self.W_rec.T)
        v = torch.add(state["voltage"], h, alpha=per_step).clamp(min=0)
        now["spikes"] = v.floor() + (v - v.detach())  # the second is zero, with the derivative of the ReLU
        now["voltage"] = v - now["spikes"]
        if "trace" in state:
            tau = self.tau if self.tau_readout is None else self.tau_readout
            now["trace"] = torch.lerp(state["trace"], now["spikes"] / per_step, self._share(tau, drive))
        return now

    def _share(self, tau: Times, like: Tensor) -> float | Tensor:
        return as_factor(of_each(lambda time: self.dt / time, tau), like)


def to_spiking(
    model: LeakyRNN, *, gain: float = 100.0, dt: float = 1.0, tau_readout: float | None = None
) -> SpikingRNN:
    """The spiking network with the weights of a leaky ReLU network, Dale's law or not.

    Arguments:
        model: a LeakyRNN with activation "relu", of the form "current" or "rate"; its noise is left out.
        gain: K, spikes per second and unit of rate.
        dt: time of one step of the spiking network, ms.  Inputs for steps of 20 ms are to be repeated 20 times for
            steps of 1 ms: ``inputs.repeat_interleave(20, dim=1)``.
        tau_readout: for the form "current", time constant of the filter through which spikes are read, ms; None reads
            the rectified currents, as the rate network does.

    Raises InputError for activations other than ReLU, and for the form "rectified", which rectifies the state and not a
    current: it has the fixed points of "rate", but no neuron follows it from step to step.

    >>> rates = LeakyRNN(2, 50, 1, dale="abs")
    >>> to_spiking(rates, gain=50.0)
    SpikingRNN(n_inputs=2, n_hidden=50, n_outputs=1, gain=50, dt=1, tau=100, 'current')
    """
    _refuse_others(model)
    spiking = SpikingRNN(
        model.n_inputs, model.n_hidden, model.n_outputs, gain, dt, model.tau, model.form, tau_readout
    ).to(model.W_rec)
    W_in, W_rec, W_out = model.effective_weights()
    given = {"W_in": W_in, "W_rec": W_rec, "W_out": W_out, "b_rec": model.b_rec, "b_out": model.b_out}
    with torch.no_grad():
        for name, value in given.items():
            spiking.get_parameter(name).copy_(value)
    return spiking.train(model.training)


def _refuse_others(model: Any) -> None:
    if not isinstance(model, LeakyRNN):
        raise InputError(f"model must be a LeakyRNN, got {type(model).__name__}")
    if model.activation != "relu":
        raise InputError(f"model has activation={model.activation!r}, which {NO_COUNTERPART}")
    if model.form not in FORMS:
        raise InputError(
            f"model has form={model.form!r}, which rectifies the leaky state itself and not the current of a neuron; "
            "train one of form 'current' or 'rate'"
        )
