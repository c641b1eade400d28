"""A window of inputs and a perceptron: what can be said without any memory but the window.

y_t = W_out f(W_in [u_{t-before}, ..., u_{t+after}] + b_in) + b_out: the baseline of recurrent networks (time-delay
networks: Waibel et al. 1989).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import checks
from ..errors import InputError
from ..seeding import as_seed
from ..surroundings import in_own_surroundings
from .activations import ACTIVATIONS
from .base import RecurrentModel, Trajectory, checked_sizes, own_randomness, sizes_of


class WindowedMLP(RecurrentModel):
    """One hidden layer that sees ``before`` inputs, the present one and ``after`` more; zeros beyond the ends.

    The state is the window itself, oldest first.  With ``after > 0`` the network is not causal.

    >>> WindowedMLP(26, 64, 27, before=5, after=5)(torch.zeros(2, 9, 26)).outputs.shape
    torch.Size([2, 9, 27])
    """

    state_layout = "the window of inputs"

    @in_own_surroundings
    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int,
        before: int = 10,
        after: int = 0,
        activation: str = "tanh",
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.before, self.after = (
            checks.count(name, value, least=0) for name, value in (("before", before), ("after", after))
        )
        self.activation = checks.one_of("activation", activation, ACTIVATIONS)
        self.causal, self.seed = self.after == 0, as_seed(seed)
        with own_randomness(self.seed, "WindowedMLP"):
            self.hidden = nn.Linear(self.state_size, self.n_hidden)
            self.readout = nn.Linear(self.n_hidden, self.n_outputs)

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that the weights have with these arguments."""
        n_inputs, n_hidden, n_outputs = sizes_of(config)
        window = n_inputs * (config["before"] + 1 + config["after"])
        return {"hidden.weight": (n_hidden, window), "readout.weight": (n_outputs, n_hidden)}

    @property
    def state_size(self) -> int:
        """Number of entries of the window."""
        return self.n_inputs * (self.before + 1 + self.after)

    def rates(self, states: Tensor) -> Tensor:
        """The activities of the hidden layer (..., hidden)."""
        return ACTIVATIONS[self.activation].function(self.hidden(states))

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """The window moves on by one input; refused where it holds inputs that are still to come."""
        if not self.causal:
            raise InputError(f"model (WindowedMLP) is not causal: it sees {self.after} steps ahead and has no step")
        return torch.cat([x[:, self.n_inputs :], u], dim=1)

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        past = x0.unflatten(1, (-1, self.n_inputs))[:, 1 : self.before + 1]  # until the present of that moment
        line = functional.pad(torch.cat([past, inputs], 1), (0, 0, 0, self.after))
        windows = line.unfold(1, self.before + 1 + self.after, 1)  # (trial, time, input, lag)
        states = windows.transpose(2, 3).flatten(2)
        return Trajectory(self.read(states), states)
