"""Networks that hear a sequence from both ends (Schuster and Paliwal 1997; LSTM: Graves and Schmidhuber 2005).

y_t = W_out [h_t, k_t] + b_out with h run forward in time and k backward.  An output depends on the future, so that the
whole is no map of a state; each of its two directions is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .. import checks
from ..errors import InputError
from ..seeding import as_seed
from ..surroundings import in_own_surroundings
from .base import RecurrentModel, Trajectory, checked_sizes, own_randomness, sizes_of
from .elman import Elman
from .lstm import LSTM

DIRECTIONS = ("forward", "backward")


class Bidirectional(RecurrentModel):
    """What both kinds share: a bidirectional layer of torch, ``n_hidden`` units per direction, and a linear readout.

    ``states`` (trial, time, 2 n_hidden) are [h, k], what the readout sees.  Trials of unequal length are given with
    ``lengths``, since the backward direction begins at their ends.
    """

    causal = False
    layer: ClassVar[type[nn.LSTM] | type[nn.RNN]]
    alone: ClassVar[type[RecurrentModel]]
    n_blocks: ClassVar[int]  # of rows of the weights, one per gate
    state_layout = "[h, k]"

    @in_own_surroundings
    def __init__(self, n_inputs: int, n_hidden: int, n_outputs: int, *, seed: int = 0) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.seed = as_seed(seed)
        with own_randomness(self.seed, type(self).__name__):
            self.rnn = self.layer(self.n_inputs, self.n_hidden, bidirectional=True, batch_first=True)
            self.readout = nn.Linear(2 * self.n_hidden, self.n_outputs)

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that layer and readout have with these arguments."""
        n_inputs, n_hidden, n_outputs = sizes_of(config)
        rows = cls.n_blocks * n_hidden
        way = {"rnn.weight_ih_l0": (rows, n_inputs), "rnn.weight_hh_l0": (rows, n_hidden)}
        back = {f"{name}_reverse": shape for name, shape in way.items()}
        return {**way, **back, "readout.weight": (n_outputs, 2 * n_hidden)}

    @property
    def state_size(self) -> int:
        """Number of entries of one state: those of both directions."""
        return 2 * self.n_hidden

    def rates(self, states: Tensor) -> Tensor:
        """The activities of both directions."""
        return states

    def direction(self, name: str) -> RecurrentModel:
        """One direction as a causal network of its own, with its half of the readout; ``name``: "forward", "backward".

        The backward one is to be run over sequences in reverse; the bias of the readout goes with the forward one.
        """
        backward = checks.one_of("name", name, DIRECTIONS) == "backward"
        model = self.alone(self.n_inputs, self.n_hidden, self.n_outputs, seed=self.seed).to(
            self.readout.weight
        )
        ends = "_reverse" if backward else ""
        half = slice(self.n_hidden, None) if backward else slice(self.n_hidden)
        with torch.no_grad():
            for own, value in model.rnn.named_parameters():  # type: ignore[union-attr]
                value.copy_(getattr(self.rnn, own + ends))
            readout: Any = model.readout
            readout.weight.copy_(self.readout.weight[:, half])
            readout.bias.copy_(torch.zeros_like(self.readout.bias) if backward else self.readout.bias)
        return model

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """Refused: there is no step from a state that knows the future."""
        raise InputError(f"model ({type(self).__name__}) is not causal: it has no step; see its direction()")

    def forward(
        self,
        inputs: Tensor,
        x0: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        lengths: Tensor | None = None,
    ) -> Trajectory:
        """Run over ``inputs`` (trial, time, input); beyond ``lengths`` (trial,) states are 0 and outputs the bias.

        Raises InputError for inputs that do not fit, any ``x0``, or lengths that are not steps of the trials.
        """
        inputs = self._checked_inputs(inputs)
        if x0 is not None:
            raise InputError(
                f"x0 must be None: {type(self).__name__} starts at both ends of the sequence, at 0"
            )
        if lengths is None:
            states, _ = self.rnn(inputs)
        else:
            states = self._up_to(inputs, _ends(lengths, *inputs.shape[:2]).to(inputs.device))
        return Trajectory(self.readout(states), states)

    def _up_to(self, inputs: Tensor, ends: Tensor) -> Tensor:
        """States of trials that end at ``ends`` (trial,), 0 beyond: each direction by itself, the backward one over
        trials turned round within their lengths.  torch's packed sequences step batches of ever other sizes, which
        costs its gradient several times as much.
        """
        time = torch.arange(inputs.shape[1], device=inputs.device)
        within = time < ends[:, None]
        inputs = inputs.masked_fill(~within[..., None], 0.0)  # whatever stands there
        turned = torch.where(within, ends[:, None] - 1 - time, time)
        forward = self._one_way(inputs, "")
        backward = _at(self._one_way(_at(inputs, turned), "_reverse"), turned)
        return torch.cat([forward, backward], dim=2) * within[..., None]

    def _one_way(self, inputs: Tensor, ends: str) -> Tensor:
        """The states of one direction, whose weights' names end so."""
        layer = self.layer(self.n_inputs, self.n_hidden, batch_first=True, device="meta")
        own = {name: getattr(self.rnn, name + ends) for name, _ in layer.named_parameters()}
        return functional_call(layer, own, (inputs,))[0]


def _at(values: Tensor, steps: Tensor) -> Tensor:
    """The values (trial, time, unit) of each trial at its own steps (trial, time)."""
    return values.gather(1, steps[..., None].expand(-1, -1, values.shape[2]))


def _ends(lengths: Any, n_trials: int, n_steps: int) -> Tensor:
    """The steps of each trial, whole numbers of the time axis."""
    ends = torch.as_tensor(checks.rectangular("lengths", lengths))
    whole = ends.dtype in (torch.int64, torch.int32) and tuple(ends.shape) == (n_trials,)
    if not whole or bool(((ends < 1) | (ends > n_steps)).any()):
        raise InputError(
            f"lengths must be from 1 to {n_steps} steps for each of {n_trials} trials, got {lengths}"
        )
    return ends


class BidirectionalLSTM(Bidirectional):
    """An LSTM layer in each direction and a linear readout of both (Graves and Schmidhuber 2005).

    >>> BidirectionalLSTM(26, 64, 27)(torch.zeros(5, 10, 26)).outputs.shape
    torch.Size([5, 10, 27])
    """

    layer, alone, n_blocks = nn.LSTM, LSTM, 4


class BidirectionalElman(Bidirectional):
    """A tanh layer in each direction and a linear readout of both (Schuster and Paliwal 1997).

    >>> BidirectionalElman(26, 64, 27)(torch.zeros(5, 10, 26)).states.shape
    torch.Size([5, 10, 128])
    """

    layer, alone, n_blocks = nn.RNN, Elman, 1
