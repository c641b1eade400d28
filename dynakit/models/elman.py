"""The simple recurrent network: h' = f(W_hh h + W_ih u + b)  (Elman 1990, "Finding structure in time")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import checks
from ..seeding import as_seed
from ..surroundings import in_own_surroundings
from .activations import ACTIVATIONS
from .base import RecurrentModel, Trajectory, checked_sizes, layer_shapes, own_randomness
from .layouts import from_layout


class Elman(RecurrentModel):
    """An ``nn.RNN`` layer and a linear readout.

    ``activation`` is "tanh" or "relu", as torch has them, or another of ``dynakit.models.ACTIVATIONS``, which a loop in
    Python runs, several times slower.
    ``rnn`` is the layer, ``readout`` the ``nn.Linear``; initial values are torch's own (uniform in
    +-1/sqrt(n_hidden)), drawn from ``seed``.

    >>> Elman(2, 16, 1)(torch.zeros(5, 10, 2)).outputs.shape
    torch.Size([5, 10, 1])
    """

    @in_own_surroundings
    def __init__(
        self, n_inputs: int, n_hidden: int, n_outputs: int, activation: str = "tanh", *, seed: int = 0
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.activation = checks.one_of("activation", activation, ACTIVATIONS)
        self.seed = as_seed(seed)
        with own_randomness(self.seed, "Elman"):
            mode = activation if self._as_torch_has_it else "tanh"
            self.rnn = nn.RNN(self.n_inputs, self.n_hidden, nonlinearity=mode)
            self.readout = nn.Linear(self.n_hidden, self.n_outputs)

    @classmethod
    @in_own_surroundings
    def from_arrays(
        cls, layout: str, *, readout: tuple[Any, Any] | None = None, activation: str | None = None, **arrays: Any
    ) -> Elman:
        """The simple recurrent network whose weights another framework holds, in the order that ``layout`` names.

        Arguments:
            layout: "keras" (kernel, recurrent_kernel, bias), "haiku" (linear, linear_1: the dictionaries of the two
                layers of a VanillaRNN), "flax" (i, h: those of a SimpleCell), "onnx" (W, R, B) or "torch" (weight_ih,
                weight_hh, bias_ih, bias_hh).
            activation: as in the constructor; default: "relu" for haiku, "tanh" elsewhere.
            readout, arrays: see :meth:`LSTM.from_arrays`.

        Raises InputError for other arrays, with the names and shapes that the layout has.

        >>> import numpy as np
        >>> Elman.from_arrays("keras", kernel=np.ones((3, 5)), recurrent_kernel=np.zeros((5, 5))).activation
        'tanh'
        """
        return from_layout(cls, layout, arrays, readout=readout, options={"activation": activation})

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that layer and readout have with these arguments."""
        return layer_shapes(1, config)

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step in plain operations: torch's kernel takes no batch of networks."""
        W_ih, W_hh, b_ih, b_hh = self.rnn.all_weights[0]
        drive = functional.linear(u, W_ih, b_ih) + functional.linear(x, W_hh, b_hh)
        return ACTIVATIONS[self.activation].function(drive)

    @property
    def _as_torch_has_it(self) -> bool:
        return self.activation in ("tanh", "relu")

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        if not self._as_torch_has_it:
            return self._step_by_step(inputs, x0)
        states, _ = self.rnn(inputs.transpose(0, 1).contiguous(), x0[None].contiguous())  # time first is faster
        return Trajectory(self.readout(states).transpose(0, 1), states.transpose(0, 1))
