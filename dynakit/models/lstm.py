"""Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber, Cummins 2000).

i = s(a_i + p_i * c),  f = s(a_f + p_f * c),  g = tanh(a_g),  c' = f * c + i * g,
o = s(a_o + p_o * c'),  h' = o * tanh(c'),   with a = W_ih u + W_hh h + b;

the diagonal peepholes p (Gers and Schmidhuber 2000, "Recurrent nets that time and count") are absent or
learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import checks
from ..errors import InputError
from ..seeding import as_seed
from ..surroundings import in_own_surroundings
from .base import Trajectory, checked_sizes, layer_shapes, own_randomness
from .gated import INITS, GatedModel, begin, kept
from .layouts import from_layout


class LSTM(GatedModel):
    """An ``nn.LSTM`` layer and a linear readout; the state is [h, c], of 2 ``n_hidden`` entries.

    ``rnn`` is the layer (gate order i, f, g, o) and ``readout`` the ``nn.Linear``.  With ``peepholes`` the
    parameter ``peephole`` (3, n_hidden) holds p_i, p_f, p_o and the layer serves as the store of the other
    weights; without, ``peephole`` is None.  Initial values are torch's own (uniform in +-1/sqrt(n_hidden)),
    drawn from ``seed``, unless one of these is asked for:

    - ``init="glorot"``: uniform input weights and readout after Glorot and Bengio (2010), orthogonal recurrent weights
      (Saxe et al. 2014), all biases 0;
    - ``init="keras"``: the same laws for all gates as one matrix, which makes smaller weights, and 1 as the bias of the
      forget gates, as ``keras.layers.LSTM`` begins;
    - ``forget_bias``: the bias of every forget gate (1: Jozefowicz et al. 2015);
    - ``chrono``: the longest time T that is to be bridged, in steps; forget biases are log U(1, T - 1) and those of the
      input gates their negatives, so that cells live for times between 1 and T (Tallec and Ollivier 2018, eq. 15).

    Other maps than torch's are run by a loop in Python, several times slower:

    - ``recurrent_activation``: the function s of the gates, "sigmoid", "hard_sigmoid" (relu6(x + 3) / 6: torch, Keras
      from version 3 on) or "hard_sigmoid_keras2" (clip(0.2 x + 0.5, 0, 1): the function that Keras up to version 2 has
      under the same name);
    - ``activation``: the function in the place of both tanh, one of ``dynakit.models.ACTIVATIONS``.

    ``recurrent_dropout`` is the probability p with which a unit is unheard by all gates for a whole sequence, in
    training only; what is heard is scaled by 1 / (1 - p) (Gal and Ghahramani 2016).  Analysis is of the network
    without.

    >>> LSTM(2, 16, 1)(torch.zeros(5, 10, 2)).states.shape
    torch.Size([5, 10, 32])
    """

    state_layout = "[h, c]"
    usual: ClassVar[dict[str, Any]] = {"peepholes": False, "recurrent_activation": "sigmoid", "activation": "tanh"}

    @in_own_surroundings
    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int,
        peepholes: bool = False,
        init: str = "torch",
        forget_bias: float | None = None,
        chrono: float | None = None,
        *,
        recurrent_activation: str = "sigmoid",
        activation: str = "tanh",
        recurrent_dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.peepholes = checks.flag("peepholes", peepholes)
        self._choose(recurrent_activation, activation, recurrent_dropout)
        self.seed = as_seed(seed)
        with own_randomness(self.seed, "LSTM"):
            self.rnn = nn.LSTM(self.n_inputs, self.n_hidden)
            self.readout = nn.Linear(self.n_hidden, self.n_outputs)
            bound = 1 / math.sqrt(self.n_hidden)
            drawn = torch.empty(3, self.n_hidden).uniform_(-bound, bound)
        self.peephole = nn.Parameter(drawn) if self.peepholes else None
        self.init = checks.one_of("init", init, INITS)
        self.forget_bias = None if forget_bias is None else checks.number("forget_bias", forget_bias)
        self.chrono = None if chrono is None else checks.number("chrono", chrono, above=2, closed=False)
        if self.chrono is not None and self.forget_bias is not None:
            raise InputError("forget_bias and chrono both say what the forget gates begin with: give one of them")
        self._draw()

    @classmethod
    @in_own_surroundings
    def from_arrays(
        cls,
        layout: str,
        *,
        readout: tuple[Any, Any] | None = None,
        recurrent_activation: str | None = None,
        activation: str | None = None,
        **arrays: Any,
    ) -> LSTM:
        """The LSTM whose weights another framework holds, in the order that ``layout`` names.

        Arguments:
            layout: "keras" (kernel, recurrent_kernel, bias), "equinox" (weight_ih, weight_hh, bias), "haiku" (w, b: the
                1 that haiku adds to the forget gate is added), "flax" (the dictionary of parameters of a cell),
                "onnx" (W, R, B, P) or "torch" (weight_ih, weight_hh, bias_ih, bias_hh).
            readout: weights (output, hidden) and bias (output,) or None; without, the outputs are h.
            recurrent_activation, activation: as in the constructor.
            arrays: by the names they have there, of anything that NumPy reads; what has no bias may lack it.

        The model is float32 where all arrays are, else float64.  Raises InputError for other arrays, with the names and
        shapes that the layout has.

        >>> import numpy as np
        >>> weights = {"kernel": np.ones((3, 20)), "recurrent_kernel": np.zeros((5, 20)), "bias": np.zeros(20)}
        >>> LSTM.from_arrays("keras", **weights)
        LSTM(
          n_inputs=3, n_hidden=5, n_outputs=5
          (rnn): LSTM(3, 5)
          (readout): Linear(in_features=5, out_features=5, bias=True)
        )
        """
        options = {"recurrent_activation": recurrent_activation, "activation": activation}
        return from_layout(cls, layout, arrays, readout=readout, options=options)

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that layer and readout have with these arguments."""
        return layer_shapes(4, config)

    @property
    def state_size(self) -> int:
        """Number of entries of one state: h and c."""
        return 2 * self.n_hidden

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        h0, c0 = x0.split(self.n_hidden, dim=1)
        if self.training and self.recurrent_dropout:
            h, c = self._scan(inputs, h0, c0, kept(self.recurrent_dropout, x0, self.n_hidden, generator))
        elif not self._unusual():
            h, _ = self.rnn(inputs.transpose(0, 1).contiguous(), (h0[None].contiguous(), c0[None].contiguous()))
            h = h.transpose(0, 1)
            c = self._cells(inputs, h, h0, c0)
        else:
            h, c = self._scan(inputs, h0, c0)
        return Trajectory(self.readout(h), torch.cat([h, c], dim=2))

    def gates(self, inputs: Tensor, states: Tensor) -> dict[str, Tensor]:
        """Gates "i" and "f" in (0, 1) and candidates "g" in (-1, 1), each (trial, time, hidden), of a run from zero."""
        if self.training and self.recurrent_dropout:
            raise InputError("model drops units (recurrent_dropout), so its gates are not known from its states")
        h, c = (functional.pad(part[:, :-1], (0, 0, 1, 0)) for part in states.split(self.n_hidden, dim=2))
        W_ih, W_hh, b = self._weights()
        i, f, g, _ = (functional.linear(inputs, W_ih, b) + functional.linear(h, W_hh)).chunk(4, dim=2)
        if self.peephole is not None:
            i, f = i + self.peephole[0] * c, f + self.peephole[1] * c
        return {"i": self._s(i), "f": self._s(f), "g": self._f(g)}

    @torch.no_grad()
    def _draw(self) -> None:
        """The initial values that were asked for, over torch's own."""
        _, _, b_ih, b_hh = self.rnn.all_weights[0]
        opened, remembered = (slice(k * self.n_hidden, (k + 1) * self.n_hidden) for k in (0, 1))  # of i and f
        if self.init != "torch":
            with own_randomness(self.seed, "LSTM, Glorot"):
                begin(self.init, self.rnn, self.readout, 4)
        forget_bias = 1.0 if self.init == "keras" and self.forget_bias is None else self.forget_bias
        if forget_bias is not None:
            b_ih[remembered], b_hh[remembered] = forget_bias, 0.0
        if self.chrono is not None:
            with own_randomness(self.seed, "LSTM, chrono"):
                b_ih[remembered] = torch.empty(self.n_hidden).uniform_(1, self.chrono - 1).log()
            b_ih[opened] = -b_ih[remembered]
            b_hh[remembered], b_hh[opened] = 0.0, 0.0

    def _weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """W_ih, W_hh and the sum of both biases; rows in gate order i, f, g, o."""
        W_ih, W_hh, b_ih, b_hh = self.rnn.all_weights[0]
        return W_ih, W_hh, b_ih + b_hh

    def _cells(self, inputs: Tensor, h: Tensor, h0: Tensor, c0: Tensor) -> Tensor:
        """c at every step: torch's kernel keeps only the last, but h and u of all steps give every gate."""
        W_ih, W_hh, b = self._weights()
        rows = 3 * self.n_hidden  # i, f, g
        before = torch.cat([h0[:, None], h[:, :-1]], dim=1)
        gates = functional.linear(inputs, W_ih[:rows], b[:rows]) + functional.linear(before, W_hh[:rows])
        i, f, g = gates.chunk(3, dim=2)
        written = torch.sigmoid(i) * torch.tanh(g)
        cells, c = [], c0
        for old, new in zip(torch.sigmoid(f).unbind(1), written.unbind(1)):
            c = torch.addcmul(new, old, c)
            cells.append(c)
        return torch.stack(cells, dim=1)

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step in plain operations: torch's kernel has no derivatives of a batch of single trials."""
        h, c = self._scan(u[:, None], *x.split(self.n_hidden, dim=1))
        return torch.cat([h, c], dim=2)[:, 0]

    def _scan(self, inputs: Tensor, h: Tensor, c: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """h and c at every step; ``keep`` (trial, hidden) is what is heard of each unit."""
        W_ih, W_hh, b = self._weights()
        p_i, p_f, p_o = (0.0, 0.0, 0.0) if self.peephole is None else self.peephole.unbind(0)
        drive, recurrent = functional.linear(inputs, W_ih, b), W_hh.t()
        hs, cs = [], []
        for step in drive.unbind(1):
            heard = h if keep is None else h * keep
            i, f, g, o = torch.addmm(step, heard, recurrent).chunk(4, dim=1)
            old, new = self._s(f + p_f * c) * c, self._s(i + p_i * c) * self._f(g)
            c = old + new
            h = self._s(o + p_o * c) * self._f(c)
            hs.append(h)
            cs.append(c)
        return torch.stack(hs, dim=1), torch.stack(cs, dim=1)
