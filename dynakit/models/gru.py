"""The gated recurrent unit (Cho et al. 2014), in the variant of cuDNN and torch:

r = s(W_ir u + b_ir + W_hr h + b_hr),  z = s(W_iz u + b_iz + W_hz h + b_hz),
n = tanh(W_in u + b_in + r * (W_hn h + b_hn)),  h' = (1 - z) * n + z * h.

As first published, and in Keras with ``reset_after=False`` and in haiku, the reset acts before the product:
n = tanh(W_in u + b_in + W_hn (r * h) + b_hn).  No layer of torch does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import checks
from ..seeding import as_seed
from ..surroundings import in_own_surroundings
from .base import Trajectory, checked_sizes, layer_shapes, own_randomness
from .gated import INITS, GatedModel, begin, kept
from .layouts import from_layout

RESETS = ("after", "before")


class GRU(GatedModel):
    """An ``nn.GRU`` layer and a linear readout.

    ``rnn`` is the layer, ``readout`` the ``nn.Linear``; initial values are torch's own (uniform in
    +-1/sqrt(n_hidden)), drawn from ``seed``, unless ``init`` asks for "glorot" or "keras" (see :class:`LSTM`).

    ``reset="before"`` lets the reset gate act before the product with the recurrent weights.  That,
    ``recurrent_activation`` (the function s of both gates) and ``activation`` (in the place of tanh) make other maps
    than torch's, which a loop in Python runs, several times slower; these and ``recurrent_dropout`` are as in
    :class:`LSTM`.

    >>> GRU(2, 16, 1)(torch.zeros(5, 10, 2)).states.shape
    torch.Size([5, 10, 16])
    """

    usual: ClassVar[dict[str, Any]] = {"reset": "after", "recurrent_activation": "sigmoid", "activation": "tanh"}

    @in_own_surroundings
    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int,
        *,
        init: str = "torch",
        reset: str = "after",
        recurrent_activation: str = "sigmoid",
        activation: str = "tanh",
        recurrent_dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.init, self.reset = checks.one_of("init", init, INITS), checks.one_of("reset", reset, RESETS)
        self._choose(recurrent_activation, activation, recurrent_dropout)
        self.seed = as_seed(seed)
        with own_randomness(self.seed, "GRU"):
            self.rnn = nn.GRU(self.n_inputs, self.n_hidden)
            self.readout = nn.Linear(self.n_hidden, self.n_outputs)
            if self.init != "torch":
                begin(self.init, self.rnn, self.readout, 3)

    @classmethod
    @in_own_surroundings
    def from_arrays(
        cls,
        layout: str,
        *,
        readout: tuple[Any, Any] | None = None,
        reset: str | None = None,
        recurrent_activation: str | None = None,
        activation: str | None = None,
        **arrays: Any,
    ) -> GRU:
        """The GRU whose weights another framework holds, in the order that ``layout`` names.

        Arguments:
            layout: "keras" (kernel, recurrent_kernel, bias: two rows of it reset after the product, one before),
                "equinox" (weight_ih, weight_hh, bias, bias_n), "haiku" (w_i, w_h, b: resets before), "flax" (the
                dictionary of parameters of a cell), "onnx" (W, R, B) or "torch" (weight_ih, weight_hh, bias_ih,
                bias_hh).
            reset: "after" or "before", where the arrays do not say it; "onnx" wants to hear it.
            readout, recurrent_activation, activation, arrays: see :meth:`LSTM.from_arrays`.

        Raises InputError for other arrays, with the names and shapes that the layout has.

        >>> import numpy as np
        >>> GRU.from_arrays("haiku", w_i=np.ones((3, 15)), w_h=np.zeros((5, 15)), b=np.zeros(15)).reset
        'before'
        """
        options = {"reset": reset, "recurrent_activation": recurrent_activation, "activation": activation}
        return from_layout(cls, layout, arrays, readout=readout, options=options)

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that layer and readout have with these arguments."""
        return layer_shapes(3, config)

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step in plain operations: torch's kernel takes no batch of networks."""
        W_ih, _, b_ih, _ = self.rnn.all_weights[0]
        return self._advance(x, functional.linear(u, W_ih, b_ih))

    def _advance(self, x: Tensor, drive: Tensor, keep: Tensor | None = None) -> Tensor:
        """One step under what the inputs do to the gates; ``keep`` (trial, hidden) is what is heard of each unit."""
        _, W_hh, _, b_hh = self.rnn.all_weights[0]
        heard = x if keep is None else x * keep
        r, z, n = drive.chunk(3, dim=1)
        if self.reset == "after":
            r_x, z_x, n_x = functional.linear(heard, W_hh, b_hh).chunk(3, dim=1)
            new = n + self._s(r + r_x) * n_x
        else:
            rows = 2 * self.n_hidden
            r_x, z_x = functional.linear(heard, W_hh[:rows], b_hh[:rows]).chunk(2, dim=1)
            new = n + functional.linear(self._s(r + r_x) * heard, W_hh[rows:], b_hh[rows:])
        z = self._s(z + z_x)
        return (1 - z) * self._f(new) + z * x

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        drops = self.training and self.recurrent_dropout > 0
        if not drops and not self._unusual():
            states, _ = self.rnn(inputs.transpose(0, 1).contiguous(), x0[None].contiguous())  # time first is faster
            return Trajectory(self.readout(states).transpose(0, 1), states.transpose(0, 1))
        keep = kept(self.recurrent_dropout, x0, self.n_hidden, generator) if drops else None
        W_ih, _, b_ih, _ = self.rnn.all_weights[0]
        x, steps = x0, []
        for drive in functional.linear(inputs, W_ih, b_ih).unbind(1):
            x = self._advance(x, drive, keep)
            steps.append(x)
        states = torch.stack(steps, dim=1)
        return Trajectory(self.readout(states), states)
