"""Time-delay network: the last few elements at once into a feedforward network (Waibel et al. 1989).

y = W_out relu(W_in [u_{t-lag+1}, ..., u_t] + b_in) + b_out, retrained now and then on the recent past, one sample at a
time in the order of the stream (Cui, Ahmad and Hawkins 2016; Ramkumar 2019).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy.linalg import get_blas_funcs
from torch import nn

from ... import checks
from ...errors import NumericalError
from ...seeding import as_seed
from ...surroundings import in_own_surroundings
from ..base import own_randomness
from .learner import Element, Learner, Operations, Past, some_of


class TDNN(Learner):
    """A network with one hidden layer of ReLU units on the codes of the last ``lag`` elements, oldest first.

    After every ``retrain_every`` elements it is trained on the last ``memory``: ``n_epochs`` passes of plain gradient
    descent on the squared error, in order, from the weights it has.  In between it is frozen.

    >>> TDNN(code_size=25)
    TDNN(
      lag=10, retrain_every=1000, memory=3000, n_epochs=5, learning_rate=0.01
      (hidden): Linear(in_features=250, out_features=200, bias=True)
      (readout): Linear(in_features=200, out_features=25, bias=True)
    )
    """

    @in_own_surroundings
    def __init__(
        self,
        code_size: int,
        n_hidden: int = 200,
        *,
        lag: int = 10,
        retrain_every: int = 1000,
        memory: int = 3000,
        n_epochs: int = 5,
        learning_rate: float = 0.01,
        seed: Any = 0,
    ) -> None:
        super().__init__(code_size)
        self.lag, self.n_hidden = checks.count("lag", lag), checks.count("n_hidden", n_hidden)
        self.retrain_every = checks.count("retrain_every", retrain_every)
        self.memory = checks.count("memory", memory, least=self.lag + 2)
        self.n_epochs = checks.count("n_epochs", n_epochs)
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0.0)
        self.seed = as_seed(seed)
        with own_randomness(self.seed, "TDNN"):
            self.hidden = nn.Linear(self.lag * self.code_size, self.n_hidden)
            self.readout = nn.Linear(self.n_hidden, self.code_size)
        self._recent: list[np.ndarray] = []
        self._n = 0

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that both layers have with these arguments."""
        code, n = config["code_size"], config["n_hidden"]
        return {"hidden.weight": (n, config["lag"] * code), "readout.weight": (code, n)}

    def extra_repr(self) -> str:
        return (
            f"lag={self.lag}, retrain_every={self.retrain_every}, memory={self.memory}, "
            f"n_epochs={self.n_epochs}, learning_rate={self.learning_rate:g}"
        )

    def forward(self, contexts: torch.Tensor) -> torch.Tensor:
        """Outputs (..., code) for contexts (..., lag * code)."""
        return self.readout(torch.relu(self.hidden(contexts)))

    def predict(self, past: Past) -> np.ndarray | None:
        """The output for the last ``lag`` codes; None before there are as many."""
        if len(past.codes) < self.lag:
            return None
        with torch.no_grad():
            now = torch.from_numpy(past.codes[-self.lag :].reshape(-1)).to(self.readout.weight.dtype)
            return self(now).numpy().astype(float)

    def operations(self, past: Past) -> Operations:
        """One multiply-accumulate for every weight."""
        n_weights = self.hidden.weight.numel() + self.readout.weight.numel()
        return Operations(n_weights if len(past.codes) >= self.lag else 0, 0)

    def learn(self, element: Element) -> None:
        """Keep the code; where it is time, retrain on what is kept."""
        self._recent.append(np.array(element.code, dtype=np.float32))
        self._n += 1
        if len(self._recent) > self.memory:
            self._recent.pop(0)
        if self._n % self.retrain_every == 0 and len(self._recent) > self.lag + 1:
            self._retrain(np.stack(self._recent))

    def _retrain(self, codes: np.ndarray) -> None:
        """Passes over the windows of ``codes`` (element, code), one gradient step each."""
        W, V = (layer.weight.detach().numpy() for layer in (self.hidden, self.readout))
        b, c = (layer.bias.detach().numpy() for layer in (self.hidden, self.readout))
        add_outer: Any = get_blas_funcs("ger", dtype=W.dtype)  # in place, which NumPy cannot
        flat, width = codes.reshape(-1).astype(W.dtype), self.lag * self.code_size
        rate, gain = W.dtype.type(self.learning_rate), W.dtype.type(2.0 / self.code_size)
        for _ in range(self.n_epochs):
            for i in range(len(codes) - self.lag - 1):  # not the newest, as published
                at = i * self.code_size
                x, target = flat[at : at + width], flat[at + width : at + width + self.code_size]
                h = W @ x + b
                np.maximum(h, 0, out=h)
                wrong = gain * (V @ h + c - target)
                back = (wrong @ V) * (h > 0)
                add_outer(-rate, h, wrong, a=V.T, overwrite_a=1)
                add_outer(-rate, x, back, a=W.T, overwrite_a=1)
                c -= rate * wrong
                b -= rate * back
        if not np.isfinite(W).all() or not np.isfinite(V).all():
            raise NumericalError(f"the weights of the TDNN are not finite: learning_rate={self.learning_rate:g}")
        self.retrained()

    def retrained(self) -> None:
        """What follows a retraining: nothing, unless the network has another form to keep up to date."""

    def freeze(self) -> Any:
        """A copy of the network as it now is, of which :func:`dynakit.as_system` makes a delay line."""
        return copy.deepcopy(self)

    def kill(self, share: float, rng: np.random.Generator) -> None:
        """Hidden units that die are read no more."""
        dead = torch.from_numpy(some_of(self.n_hidden, share, rng))
        with torch.no_grad():
            self.readout.weight[:, dead] = 0.0
            self.hidden.weight[dead] = 0.0
            self.hidden.bias[dead] = -1.0
