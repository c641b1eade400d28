"""Recurrent networks that learn a stream as it comes, by replaying its last elements.

``rule="replay"``: after every element the last ``window`` are gone through once more, with one gradient step on the
error of each, followed back to the start of the window (Ramkumar 2019; a hundred steps per element).
``rule="batch"``: one step along the gradient of the whole window, from the state of zeros (Cui, Ahmad and Hawkins
2016, "LSTM-online").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from ... import checks
from ...errors import InputError, NumericalError
from ...seeding import as_seed
from ...surroundings import in_own_surroundings
from ..base import RecurrentModel, layer_shapes, own_randomness
from ..gru import GRU
from ..lstm import LSTM
from .learner import Element, Learner, Operations, Past, some_of
from .replay import Arrays, Replay, ReplayGRU, ReplayLSTM

RULES = ("replay", "batch")


class _OnlineRecurrent(Learner):
    """A linear layer into a gated one and a linear readout, in torch's parameters.

    Whoever changes the weights, by loading them or by a run of :func:`dynakit.train`, begins a new window.
    """

    layer_type: type[nn.LSTM] | type[nn.GRU]
    replay_type: type[Replay]
    n_blocks: int  # of rows, one per gate
    frozen_type: type[LSTM] | type[GRU]  # of :meth:`freeze`

    @in_own_surroundings
    def __init__(
        self,
        code_size: int,
        n_hidden: int = 20,
        *,
        window: int = 100,
        rule: str = "replay",
        learning_rate: float = 0.01,
        seed: Any = 0,
    ) -> None:
        super().__init__(code_size)
        self.n_hidden, self.window = checks.count("n_hidden", n_hidden), checks.count("window", window, least=2)
        self.rule = checks.one_of("rule", rule, RULES)
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0.0)
        self.seed = as_seed(seed)
        with own_randomness(self.seed, type(self).__name__):
            self.project = nn.Linear(self.code_size, self.n_hidden)
            self.rnn = self.layer_type(self.n_hidden, self.n_hidden)
            self.readout = nn.Linear(self.n_hidden, self.code_size)
        self._team: _Team | None = None

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that the three layers have with these arguments."""
        code, n = config["code_size"], config["n_hidden"]
        layer = layer_shapes(cls.n_blocks, {"n_inputs": n, "n_hidden": n, "n_outputs": code})
        return {**layer, "project.weight": (n, code)}

    def extra_repr(self) -> str:
        return f"window={self.window}, rule={self.rule}, learning_rate={self.learning_rate:g}"

    def _own(self) -> _Team:
        if self._team is None or not self._team.has_weights_of([self]):
            self._team = _Team([self])
        return self._team

    def predict(self, past: Past) -> np.ndarray | None:
        """What the network puts out for the last element, from the state that the replay ended in."""
        return self._own().predict([past])[0]

    def operations(self, past: Past) -> Operations:
        """One step: a multiply-accumulate for every weight."""
        n_weights = sum(p.numel() for p in self.parameters() if p.ndim == 2)
        return Operations(n_weights if len(past.codes) else 0, 0)

    def learn(self, element: Element) -> None:
        """Replay the window, then take the element in."""
        own = self._own()
        own.learn([element])
        if own.failed:
            raise NumericalError(own.failed[0])
        own.write_back()

    @classmethod
    def together(cls, learners: Sequence[Any]) -> Any:
        """The runs side by side in one set of arrays."""
        return _Team(learners)

    def kill(self, share: float, rng: np.random.Generator) -> None:
        """Units that die put out zero for good; InputError for gates that cannot be shut (those of a GRU)."""
        own = self._own()
        own.kill(0, share, rng)
        own.write_back()

    def freeze(self) -> RecurrentModel:
        """The network on codes, with the first layer folded into the input weights."""
        model = self.frozen_type(self.code_size, self.n_hidden, self.code_size).to(self.readout.weight.dtype)
        weights, into = self.rnn.state_dict(), self.project.state_dict()
        weights["bias_ih_l0"] = weights["bias_ih_l0"] + weights["weight_ih_l0"] @ into["bias"]
        weights["weight_ih_l0"] = weights["weight_ih_l0"] @ into["weight"]
        model.rnn.load_state_dict(weights)
        model.readout.load_state_dict(self.readout.state_dict())
        return model


class OnlineLSTM(_OnlineRecurrent):
    """An LSTM that learns as it goes; ``freeze()`` gives a :class:`dynakit.models.LSTM`.

    >>> OnlineLSTM(code_size=25).freeze().state_size
    40
    """

    layer_type, replay_type, frozen_type, n_blocks = nn.LSTM, ReplayLSTM, LSTM, 4


class OnlineGRU(_OnlineRecurrent):
    """A GRU that learns as it goes; ``freeze()`` gives a :class:`dynakit.models.GRU`."""

    layer_type, replay_type, frozen_type, n_blocks = nn.GRU, ReplayGRU, GRU, 3


class _Team:
    """Networks of one shape, on streams of one order."""

    def __init__(self, learners: Sequence[Any]) -> None:
        self.learners, first = learners, learners[0]
        if len({(one.window, one.rule, one.learning_rate, one.n_hidden) for one in learners}) > 1:
            raise InputError("models must be alike but for their weights to learn together")
        self.window, self.rate, self.rule = first.window, first.learning_rate, first.rule
        self.kernel = first.replay_type(_stacked(learners), first.window)
        self.codes: list[np.ndarray] = []  # the last window + 1, each (run, code)
        self.n = 0
        self.before = self.kernel.start()  # state at the start of the window
        self.state = self.kernel.start()  # at its end
        self.failed: dict[int, str] = {}

    def has_weights_of(self, learners: Sequence[Any]) -> bool:
        """Whether the arithmetic is done with the weights that the modules hold."""
        return all(
            self.kernel.w[name].dtype == value.dtype and np.array_equal(self.kernel.w[name], value)
            for name, value in _stacked(learners).items()
        )

    def learn(self, elements: Sequence[Element]) -> None:
        """Replay what came before with the element as the last target."""
        dtype = self.kernel.w["Q"].dtype
        self.codes.append(np.stack([element.code for element in elements]).astype(dtype))
        if len(self.codes) > self.window + 1:
            self.codes.pop(0)
        if len(self.codes) > 1:
            self._replay() if self.rule == "replay" else self._batch()
        self.n += 1
        for k in np.flatnonzero(~np.isfinite(self.kernel.w["Q"]).all(axis=(1, 2))):
            self.failed.setdefault(int(k), f"the weights are not finite: learning_rate={self.rate:g} is too large")

    def _replay(self) -> None:
        full = len(self.codes) == self.window + 1
        if self.kernel.compiled:
            first, self.state = self.kernel.replay(np.stack(self.codes), self.before, self.rate)
            self.before = first if full else self.before
            return
        state = self.before
        for j, (u, target) in enumerate(zip(self.codes, self.codes[1:])):
            state = self.kernel.forward(j, u, state)
            if j == 0 and full:
                self.before = state
            self.kernel.descend(j, state, target, self.rate)
        self.state = state

    def _batch(self) -> None:
        state = self.kernel.start()
        states = []
        for j, u in enumerate(self.codes[:-1]):
            state = self.kernel.forward(j, u, state)
            states.append(state)
        self.kernel.descend_all(states, self.codes[1:], self.rate)
        self.state = self.kernel.start()
        for u in self.codes[:-1]:
            self.state = self.kernel.forward(0, u, self.state)

    def predict(self, pasts: Sequence[Past]) -> list[np.ndarray | None]:
        """The outputs for the last element seen."""
        if not self.codes:
            return [None] * len(self.learners)
        state = self.kernel.forward(self.window - 1, self.codes[-1], self.state)
        outputs = self.kernel.read(state).astype(float)
        return [None if k in self.failed else y for k, y in enumerate(outputs)]

    def kill(self, k: int, share: float, rng: np.random.Generator) -> None:
        """Shut a share of the units of run ``k``."""
        dead = some_of(self.learners[k].n_hidden, share, rng)
        self.kernel.shut(k, dead)
        for state in (self.before, self.state):
            state[k, dead] = 0.0

    def write_back(self) -> None:
        """Write the weights back."""
        for k, learner in enumerate(self.learners):
            with torch.no_grad():
                for name, parameters in _places(learner).items():
                    value = torch.from_numpy(self.kernel.w[name][k])
                    for parameter, part in zip(parameters, value.split([p.shape[-1] for p in parameters], -1)):
                        parameter.copy_(part)


def _places(learner: Any) -> dict[str, list[torch.Tensor]]:
    """Where each array of the arithmetic lives in the module."""
    rnn = learner.rnn
    return {
        "P": [learner.project.weight],
        "p": [learner.project.bias],
        "W": [rnn.weight_ih_l0, rnn.weight_hh_l0],
        "b_x": [rnn.bias_ih_l0],
        "b_h": [rnn.bias_hh_l0],
        "Q": [learner.readout.weight],
        "q": [learner.readout.bias],
    }


def _stacked(learners: Sequence[Any]) -> Arrays:
    return {
        name: np.stack([torch.cat([p.detach() for p in _places(one)[name]], -1).numpy() for one in learners])
        for name in _places(learners[0])
    }
