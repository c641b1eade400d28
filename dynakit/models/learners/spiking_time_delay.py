"""The time-delay network in spikes: rates of integrate-and-fire neurons in the place of ReLU units.

A neuron without leak adds up its current, spikes at the threshold 1 and is reset by subtraction, so that after T steps
it has spiked floor(T x) times for a constant current 0 <= x <= 1: a ReLU in units of spikes per step (Rueckauer, Lungu,
Hu, Pfeiffer and Liu 2017, sec. 2.2).  The codes come in as constant currents, every connection adds its bias at every
step, and each layer hears the one before a step late.

Larger activations than 1 are clipped at one spike per step.  Data-based normalisation divides the weights of a layer by
the largest activations that it shows on data (ibid., sec. 2.2.1), which the published learner of this stream did not
do: ``normalise=None`` is what it did, ``normalise=99.9`` what its text says (Ramkumar 2019).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import torch

from ... import checks
from ...errors import InputError
from ...surroundings import in_own_surroundings
from .learner import Operations, Past
from .time_delay import TDNN

READOUTS = ("difference", "count", "voltage")
N_DATA = 100  # windows on which activations are measured
THRESHOLD = 1.0


class TDSNN(TDNN):
    """A :class:`TDNN` that predicts by spikes: the weights are trained as rates and copied after each retraining.

    ``readout`` says what an output is: "count", spikes per step, which cannot be negative; "difference", with a second
    neuron of opposite weights for each output; or "voltage", the mean current of the output neurons, which then do
    not spike.  ``normalise`` is the percentile of activations that becomes one spike per step; None: weights as they
    are.
    """

    scales: torch.Tensor  # (2,) activations of the hidden and the output layer that are one spike per step

    @in_own_surroundings
    def __init__(
        self,
        code_size: int,
        n_hidden: int = 200,
        *,
        n_steps: int = 500,
        readout: str = "difference",
        normalise: float | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(code_size, n_hidden, **settings)
        self.n_steps = checks.count("n_steps", n_steps)
        self.read_by = checks.one_of("readout", readout, READOUTS)
        self.normalise = None if normalise is None else checks.number("normalise", normalise, above=0.0, below=100.0)
        if self.normalise == 0:
            raise InputError("normalise must be above 0: the least activation is no scale; None normalises nothing")
        self.register_buffer("scales", torch.ones(2))

    @classmethod
    def from_tdnn(cls, network: TDNN, contexts: Any = None, **settings: Any) -> Self:
        """The same network in spikes; ``contexts`` (window, lag * code) are the data of the normalisation."""
        if not isinstance(network, TDNN):
            raise InputError(f"network must be a TDNN, got a {type(network).__name__}")
        own = cls(**{**network.config(), **settings})
        for name in ("code_size", "lag", "n_hidden"):
            if getattr(own, name) != getattr(network, name):
                raise InputError(
                    f"{name} must be that of network, {getattr(network, name)}, or left out, got {getattr(own, name)}"
                )
        for name in ("hidden", "readout"):
            getattr(own, name).load_state_dict(getattr(network, name).state_dict())
        if own.normalise is not None:
            if contexts is None:
                raise InputError(f"contexts must be given for normalise={own.normalise:g}")
            contexts = checks.reals("contexts", contexts, ("window", network.lag * network.code_size))
            if not len(contexts):
                raise InputError("contexts must hold at least one window, on which activations are measured, got none")
            own.normalised_on(contexts)
        return own

    def config(self) -> dict[str, Any]:
        """The arguments that build it anew."""
        own = {"n_steps": self.n_steps, "readout": self.read_by, "normalise": self.normalise}
        return {name: getattr(self, name) for name in inspect.signature(TDNN).parameters} | own

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, n_steps={self.n_steps}, readout={self.read_by}, normalise={self.normalise}"

    def retrained(self) -> None:
        """Measure the activations anew on the first windows of what was trained on."""
        if self.normalise is not None:
            codes = np.stack(self._recent)
            n = min(N_DATA, len(codes) - self.lag)
            self.normalised_on(np.stack([codes[i : i + self.lag].reshape(-1) for i in range(n)]))

    def normalised_on(self, contexts: np.ndarray) -> None:
        """Take the scales from the activations on contexts (window, lag * code)."""
        assert self.normalise is not None
        with torch.no_grad():
            h = torch.relu(self.hidden(torch.from_numpy(contexts).to(self.hidden.weight.dtype)))
            y = self.readout(h)
        scales = (float(np.percentile(np.abs(a.numpy()), self.normalise)) for a in (h, y))
        self.scales.copy_(torch.tensor([max(scale, 1e-12) for scale in scales]))

    def predict(self, past: Past) -> np.ndarray | None:
        """The output of the spiking network for the last ``lag`` codes."""
        if len(past.codes) < self.lag:
            return None
        return self.spiking_outputs(past.codes[-self.lag :].reshape(1, -1))[0]

    def operations(self, past: Past) -> Operations:
        """The constant currents once, and a sum for each spike and output neuron that it arrives at.

        What spikes in the last step arrives nowhere.
        """
        if len(past.codes) < self.lag:
            return Operations(0, 0)
        context = past.codes[-self.lag :].reshape(1, -1).astype(float)
        arrive = sum(int(spikes.sum()) for spikes in list(self.hidden_spikes(context))[:-1])
        fan_out = self.code_size * (2 if self.read_by == "difference" else 1)
        return Operations(self.hidden.weight.numel(), arrive * fan_out)

    def spiking_outputs(self, contexts: Any) -> np.ndarray:
        """Outputs (context, code) of the spiking network for contexts (context, lag * code)."""
        return self.outputs_after(contexts, [self.n_steps])[0]

    def outputs_after(self, contexts: Any, steps: Sequence[int]) -> np.ndarray:
        """Outputs (number, context, code) that are read after so many time steps, for contexts (context, lag * code).

        InputError for a number of steps that is not among 1 .. n_steps.
        """
        contexts = checks.reals("contexts", contexts, ("context", self.lag * self.code_size))
        listed = np.atleast_1d(checks.rectangular("steps", steps)).ravel().tolist()
        wanted = [checks.count("steps", n, most=self.n_steps) for n in listed]
        first, second = self.scales.tolist()
        V, c = (p.detach().double().numpy() for p in (self.readout.weight, self.readout.bias))
        V, c = V * (first / second), c / second
        if self.read_by == "difference":
            V, c = np.concatenate([V, -V]), np.concatenate([c, -c])
        u, total = np.zeros((len(contexts), len(c))), np.zeros((len(contexts), len(c)))
        heard, found = np.zeros((len(contexts), self.n_hidden)), {}
        for t, spikes in enumerate(self.hidden_spikes(contexts)):
            current = heard @ V.T + c
            heard = spikes
            if self.read_by == "voltage":
                total += current
            else:
                u += current
                fired = u >= THRESHOLD
                u -= fired * THRESHOLD
                total += fired
            if t + 1 in wanted:
                found[t + 1] = self._read(total / (t + 1) * second)
        return np.array([found[n] for n in wanted]).reshape(len(wanted), len(contexts), self.code_size)

    def _read(self, rates: np.ndarray) -> np.ndarray:
        """What output neurons of these rates (context, neuron) say."""
        n = self.code_size
        return rates[:, :n] - rates[:, n:] if self.read_by == "difference" else rates

    def hidden_spikes(self, contexts: np.ndarray) -> Iterator[np.ndarray]:
        """Who spikes (context, unit) in each time step, 0.0 or 1.0, for contexts (context, lag * code)."""
        W, b = (p.detach().double().numpy() for p in (self.hidden.weight, self.hidden.bias))
        scale = float(self.scales[0])
        drive, v = (contexts @ W.T + b) / scale, np.zeros((len(contexts), self.n_hidden))
        for t in range(self.n_steps):
            v += drive if t else b / scale  # the codes arrive a step late
            spikes = (v >= THRESHOLD).astype(float)
            v -= spikes * THRESHOLD
            yield spikes
