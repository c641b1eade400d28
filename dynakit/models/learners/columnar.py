"""Columnar spiking network: one column of spiking neurons per lag, Hebbian blocks between them, a memory as readout.

Column c sees the code of the element c back as a constant current.  Its leaky integrate-and-fire neurons follow

    v <- v exp(-1 / 100);  v <- v + I + sum_j w_j s_j  where not refractory;  spike where v >= 13, then v = 0,

with v counted from rest, and are refractory for 5 steps.  After each element the weight from neuron i of column a to
neuron j of column b grows by eta (g_ai - m_i)(g_bj - m_j), g being spike counts and m their mean over columns, for
pairs that both spiked in the last step.  The counts of all neurons are the context that a nearest-neighbour memory
reads (Ramkumar 2019, eqs. 14-16; the restriction to pairs of the last step is that of the published code).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import checks
from ...errors import NumericalError
from ...seeding import as_seed, stream
from ...surroundings import in_own_surroundings
from ...wording import counted
from . import compiled
from .contexts import METRICS, Contexts
from .learner import Element, Learner, Operations, Past, comparing, some_of

LEAK, THRESHOLD, REFRACTORY = float(np.exp(-1 / 100)), 13.0, 5
LARGEST = 1e6  # weight beyond which the network has run away: a spike more or less is then all there is


class CSNN(Learner):
    """Spiking columns that learn as the stream goes by, and a memory of their spike counts.

    Arguments:
        code_size: numbers in a code.
        n_columns: columns, one for each of the last elements.
        n_neurons: neurons in a column.
        n_steps: time steps that an element is shown for.
        eta: learning rate of the Hebbian blocks; 0 leaves the columns unconnected.
        pairs: which pairs learn: "last step" (both spiked in the last step) or "all".
        own_block: whether a column has weights onto itself.
        mean: what counts are compared with: the mean over "columns" of the neurons of one number, which have nothing in
            common (Ramkumar 2019, eq. 16), or over the "neurons" of their own column.
        metric: "l1" or "l2", of the memory.
        seed: of the input weights, uniform in [0, 0.3].

    >>> CSNN(code_size=25)
    CSNN(10 columns of 100 neurons, n_steps=100, eta=0.008, pairs=last step)
    """

    W_in: Tensor  # (column, code, neuron)
    W_rec: Tensor  # (neuron, neuron), from row to column
    alive: Tensor  # (neuron,)

    @in_own_surroundings
    def __init__(
        self,
        code_size: int,
        n_columns: int = 10,
        n_neurons: int = 100,
        *,
        n_steps: int = 100,
        eta: float = 0.008,
        pairs: str = "last step",
        own_block: bool = True,
        mean: str = "columns",
        metric: str = "l1",
        seed: Any = 0,
    ) -> None:
        super().__init__(code_size)
        self.n_columns, self.n_neurons = checks.count("n_columns", n_columns), checks.count("n_neurons", n_neurons)
        self.n_steps = checks.count("n_steps", n_steps)
        self.eta = checks.number("eta", eta, above=0.0)
        self.pairs = checks.one_of("pairs", pairs, ("last step", "all"))
        self.own_block = checks.flag("own_block", own_block)
        self.mean = checks.one_of("mean", mean, ("columns", "neurons"))
        self.metric = checks.one_of("metric", metric, METRICS)
        self.seed = as_seed(seed)
        size = self.n_columns * self.n_neurons
        drawn = stream(self.seed, "CSNN").uniform(0, 0.3, (self.n_columns, self.code_size, self.n_neurons))
        self.register_buffer("W_in", torch.from_numpy(drawn.astype(np.float32)))
        self.register_buffer("W_rec", torch.zeros(size, size))
        self.register_buffer("alive", torch.ones(size))  # 0 for the dead
        self._recent: list[np.ndarray] = []
        self._contexts = Contexts(size, self.metric)
        self._now: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None  # codes shown last, counts, last spikes

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that input weights and blocks have with these arguments."""
        code, columns, neurons = config["code_size"], config["n_columns"], config["n_neurons"]
        return {"W_in": (columns, code, neurons), "W_rec": (columns * neurons, columns * neurons)}

    def extra_repr(self) -> str:
        return (
            f"{counted(self.n_columns, 'column')} of {counted(self.n_neurons, 'neuron')}, "
            f"n_steps={self.n_steps}, eta={self.eta:g}, "
            f"pairs={self.pairs}"
        )

    @property
    def size(self) -> int:
        """Neurons in all columns."""
        return self.n_columns * self.n_neurons

    def currents(self, codes: np.ndarray) -> np.ndarray:
        """The input current (neuron,) of the last codes (column, code), oldest first."""
        W_in = self.W_in.numpy()
        return np.matmul(codes.astype(np.float32)[:, None], W_in)[:, 0].reshape(-1)

    def present(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Spike counts (neuron,) while the codes (column, code) are shown, and who spiked in the last step."""
        current, W, alive = self.currents(codes), self.W_rec.numpy(), self.alive.numpy() > 0
        if fast := compiled.compiled(compiled.columns):
            return fast(current, W, alive, self.n_steps, np.float32(LEAK), np.float32(THRESHOLD), REFRACTORY)
        v = np.zeros(self.size, np.float32)
        waiting = np.zeros(self.size, np.int8)
        counts = np.zeros(self.size, np.int64)
        spikes = np.zeros(0, np.int64)
        for t in range(self.n_steps):
            v *= LEAK
            into = current if t else np.zeros_like(current)
            if len(spikes):
                into = into + np.add.reduce(W[spikes], axis=0)
            np.add(v, into, out=v, where=waiting == 0)
            np.maximum(waiting - 1, 0, out=waiting)
            spikes = np.flatnonzero((v >= THRESHOLD) & alive)
            counts[spikes] += 1
            waiting[spikes] = REFRACTORY
            v[spikes] = 0.0
        return counts, spikes

    def predict(self, past: Past) -> int | None:
        """The id that followed the context with the most similar spike counts."""
        if len(past.codes) < self.n_columns:
            return None
        return self._contexts.nearest(self._shown(past.codes[-self.n_columns :])[0])

    def operations(self, past: Past) -> Operations:
        """The constant currents once, a sum for each spike and neuron that it arrives at, and the memory's distances.

        What spikes in the last step arrives nowhere, and nothing does where ``eta`` is 0.
        """
        if len(past.codes) < self.n_columns:
            return Operations(0, 0)
        counts, last = self._shown(past.codes[-self.n_columns :])
        fan_out = (self.size if self.own_block else self.size - self.n_neurons) if self.eta else 0
        read = comparing(self._contexts.labels.n, self.size, self.metric)
        arrived = (int(counts.sum()) - len(last)) * fan_out
        return Operations(self.W_in.numel() + read.multiply_accumulates, arrived + read.accumulates)

    def learn(self, element: Element) -> None:
        """Show the context before the element, let the blocks learn, and store counts and element."""
        if len(self._recent) == self.n_columns:
            counts, last = self._shown(np.stack(self._recent))
            self._hebb(counts, last)
            self._contexts.add(counts, element.id)
            self._recent.pop(0)
        self._recent.append(np.array(element.code, dtype=np.float32))
        self._now = None

    def _shown(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What :meth:`present` gives, kept because what is to be learnt was mostly predicted from just before."""
        codes = codes.astype(np.float32)
        if self._now is None or not np.array_equal(self._now[0], codes):
            self._now = (codes, *self.present(codes))
        return self._now[1:]

    def _hebb(self, counts: np.ndarray, last: np.ndarray) -> None:
        if not self.eta:
            return
        by_column = counts.reshape(self.n_columns, self.n_neurons)
        mean = by_column.mean(axis=0 if self.mean == "columns" else 1, keepdims=True)
        away = (by_column - mean).reshape(-1).astype(np.float32)
        who = last if self.pairs == "last step" else np.flatnonzero(away)
        if not len(who):
            return
        W = self.W_rec.numpy()
        change = np.float32(self.eta) * np.outer(away[who], away[who])
        if not self.own_block:
            column = who // self.n_neurons
            change[column[:, None] == column] = 0.0
        W[np.ix_(who, who)] += change
        if not float(np.abs(change).max()) < LARGEST:
            raise NumericalError(f"the weights of the columns run away: eta={self.eta:g} is too large")

    def freeze(self) -> Any:
        """A copy with the weights as they are; :func:`dynakit.as_system` makes the neurons of all columns of it."""
        return copy.deepcopy(self)

    def kill(self, share: float, rng: np.random.Generator) -> None:
        """Neurons that die never spike again."""
        self.alive[torch.from_numpy(some_of(self.size, share, rng))] = 0.0
        self._now = None
