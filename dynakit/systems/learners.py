"""The learners of a stream as systems: what they have learnt, frozen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..models.columnar import CSNN, LEAK, REFRACTORY, THRESHOLD
from ..models.learner import Learner
from ..models.spiking_time_delay import TDSNN
from ..models.time_delay import TDNN
from .base import System
from .cells import fingerprint
from .copies import weights_of
from .delay_line import DelayLine
from .layers import adapt_layer


def adapt_learner(learner: Learner, device: torch.device | str | None) -> System:
    """A learner as the map that its frozen network is; InputError for one that has no state."""
    if isinstance(learner, TDSNN):
        return SpikingDelayLine(learner, device)
    if isinstance(learner, TDNN):
        return DelayLine(learner, device)
    if isinstance(learner, CSNN):
        return Columns(learner, device)
    return adapt_layer(learner.freeze(), device)


class SpikingDelayLine(DelayLine):
    """A delay line observed through spikes: its readout jumps."""

    def __init__(self, network: TDSNN, device: torch.device | str | None = None) -> None:
        super().__init__(network, device)
        self.network = network.freeze()
        self.regularity, self.name = "discontinuous", f"TDSNN (lag {network.lag})"
        self.fingerprint = fingerprint(self.name, repr(network), repr(network.scales.tolist()), self.fingerprint)

    def _observe(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self.network.spiking_outputs(x.detach().cpu())).to(x)


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
            name=f"CSNN ({network.n_columns} columns of {network.n_neurons} neurons)",
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
