"""The learners of a stream as systems: what they have learnt, frozen; one step is one element."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...models.learners import (
    CSNN,
    LEAK,
    REFRACTORY,
    TDNN,
    TDSNN,
    THRESHOLD,
    Learner,
    LongestMatch,
    NearestNeighbours,
)
from ...wording import counted
from ..base import System
from ..cells import fingerprint
from .copies import weights_of
from .delay_line import DelayLine, Line, lags
from .layers import adapt_layer


def adapt_learner(learner: Learner, device: torch.device | str | None) -> System:
    """A learner as the map that its frozen network is; InputError for one that has no state."""
    if isinstance(learner, TDSNN):
        return SpikingDelayLine(learner, device)
    if isinstance(learner, TDNN):
        return DelayLine(learner, device)
    if isinstance(learner, CSNN):
        return ColumnCodes(learner, device)
    if isinstance(learner, (NearestNeighbours, LongestMatch)):
        return MemoryLine(learner, device)
    return adapt_layer(learner.freeze(), device)


class SpikingDelayLine(DelayLine):
    """A delay line observed through spikes: its readout jumps."""

    readout_jumps = True

    def __init__(self, network: TDSNN, device: torch.device | str | None = None) -> None:
        super().__init__(network, device)
        self.network = network.freeze()
        self.regularity, self.name = "discontinuous", f"TDSNN (lag {network.lag})"
        self.fingerprint = fingerprint(self.name, repr(network), repr(network.scales.tolist()), self.fingerprint)

    def _observe(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self.network.spiking_outputs(x.detach().cpu())).to(x)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return System._kinks(self, x, u)

    def raster(self, x: Tensor) -> np.ndarray:
        """Spikes (state, time, neuron) of the hidden layer for each state (state, unit)."""
        return np.stack(list(self.network.hidden_spikes(x.detach().cpu().numpy())), axis=1)


class MemoryLine(Line):
    """A line that is observed through a memory: the code of the symbol that followed what it holds most like the line.

    Zeros where the memory has no answer.
    """

    readout_jumps = True
    jumps = "jumps from one answer to the next; look at its outputs instead"

    def __init__(self, memory: NearestNeighbours | LongestMatch, device: torch.device | str | None = None) -> None:
        self.memory = memory.freeze()
        name = type(memory).__name__
        super().__init__(memory.reach, memory.code_size, name, "discontinuous", device)
        heard = (torch.from_numpy(part) for part in (self.memory.codes, self.memory.elements))
        self.fingerprint = fingerprint(self.name, repr(memory), *heard)

    def _observe(self, x: Tensor) -> Tensor:
        contexts = x.detach().cpu().numpy().reshape(len(x), -1, self.input_size)
        answers = (self.memory.recall(context) for context in contexts)
        nothing = np.zeros(self.input_size)
        return torch.from_numpy(np.stack([nothing if y is None else y for y in answers])).to(x)



class ColumnCodes(System):
    """The codes of the last elements, oldest first, and the spike counts of all neurons while they are shown.

    ``neurons`` is the network itself, one time step at a time.  What the counts stand for is known to the learner's
    memory, which is no part of the network.
    """

    def __init__(self, network: CSNN, device: torch.device | str | None = None) -> None:
        self.network, self.neurons = network.freeze(), Columns(network, device)
        line, code = network.n_columns * network.code_size, network.code_size
        super().__init__(
            line + network.size,
            code,
            output_size=network.size,
            parts=lags(network.n_columns, code) | {"counts": slice(line, line + network.size)},
            regularity="discontinuous",
            device=self.neurons.device,
            name=f"{self.neurons.name}, one element a step",
        )
        self.span = network.n_columns
        self.fingerprint = fingerprint(self.name, self.neurons.fingerprint)

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        line = self.state_size - self.network.size
        x = torch.cat([x[:, self.input_size : line], u.expand(len(x), -1)], dim=1)
        lines, which = np.unique(x.detach().cpu().numpy(), axis=0, return_inverse=True)  # many are alike once settled
        shown = lines.reshape(len(lines), self.network.n_columns, -1)
        counts = np.stack([self.network.present(codes)[0] for codes in shown])[which]
        return torch.cat([x, torch.from_numpy(counts).to(x)], dim=1)

    def _observe(self, x: Tensor) -> Tensor:
        return x[:, -self.network.size :]

    def raster(self, x: Tensor) -> np.ndarray:
        """Spikes (state, time, neuron) while the codes of each state (state, unit) are shown."""
        shown = x[:, None, : -self.network.size].repeat(1, self.network.n_steps, 1)
        shown[:, 0] = 0.0
        states = self.neurons.trajectory(x.new_zeros(len(x), self.neurons.state_size), shown)
        return states[..., self.neurons.parts["spikes"]].numpy(force=True)

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        """The learnt blocks as one matrix."""
        return self.neurons.recurrent_weights()


class Columns(System):
    """The neurons of all columns, one time step at a time, while the codes of the last elements are shown.

    The state is [voltage, waiting, spikes]: voltages above rest, steps left of the refractory period, and who spiked in
    the last step.  The input is one code per column, oldest first; it is silent in the first step of an element.
    """

    def __init__(self, network: CSNN, device: torch.device | str | None = None) -> None:
        read = weights_of(network, device)
        self.W_in, self.W_rec = read("W_in"), read("W_rec")
        self.alive = network.alive.detach().to(self.W_rec.device, torch.float64)
        n = network.size
        super().__init__(
            3 * n,
            network.n_columns * network.code_size,
            output_size=n,
            parts={"voltage": slice(0, n), "waiting": slice(n, 2 * n), "spikes": slice(2 * n, 3 * n)},
            regularity="discontinuous",
            device=self.W_rec.device,
            name=f"CSNN ({counted(network.n_columns, 'column')} of {counted(network.n_neurons, 'neuron')})",
        )
        self.dt = 1.0
        self.fingerprint = fingerprint(self.name, self.W_in, self.W_rec, self.alive)

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        v, waiting, spikes = x.chunk(3, dim=1)
        columns, code, _ = self.W_in.shape
        current = torch.einsum("bck,ckn->bcn", u.expand(len(x), -1).reshape(-1, columns, code), self.W_in)
        into = current.reshape(len(x), -1) + spikes @ self.W_rec
        v = v * LEAK + torch.where(waiting == 0, into, torch.zeros_like(into))
        fired = ((v >= THRESHOLD) & (self.alive > 0)).to(x.dtype)
        waiting = torch.where(fired > 0, torch.full_like(waiting, REFRACTORY), (waiting - 1).clamp_min(0))
        return torch.cat([v * (1 - fired), waiting, fired], dim=1)

    def _observe(self, x: Tensor) -> Tensor:
        return x.chunk(3, dim=1)[2]

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        """The learnt blocks as one matrix."""
        return {"W_rec": self.W_rec.T.numpy(force=True).copy()}
