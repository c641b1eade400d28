"""Memory blocks as they were first published: cells that never forget, and gates that hear each other.

Hochreiter and Schmidhuber 1997 (Neural Computation 9, 1735), eqs. 1-9.  A block has cells that share an input and an
output gate; with the squashing functions g(a) = 4 s(a) - 2 and h(c) = 2 s(c) - 1, s the logistic function,

    i = s(a_i),  o = s(a_o),  c' = c + i g(a_c),  z' = o h(c'),   y = s(W_out z' + b_out),

where every a is W_in u + W_rec [z, i, o] + b: cells and gates alike feed back.  There is no forget gate (that came with
Gers, Schmidhuber and Cummins 2000), so every cell has the eigenvalue 1 of a perfect integrator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import checks
from ..errors import InputError
from ..seeding import as_seed
from ..surroundings import in_own_surroundings
from .base import RecurrentModel, Trajectory, checked_sizes, own_randomness, sizes_of

BIASES = ("gates", "all")


class MemoryBlocks(RecurrentModel):
    """The LSTM of 1997; the state is [z, i, o, c] with one entry per cell in z and c and one per block in i and o.

    ``n_hidden`` counts the cells, in blocks of ``block_size``.  ``biases``: "gates" gives biases to the gates alone,
    "all" to cells and outputs, too.  ``input_bias`` and ``output_bias`` are those of the gates at the start, one number
    or one per block (the papers let blocks open one after the other, as -1, -2, -3, -4).  All other weights are uniform
    in +-``scale``, drawn from ``seed``.

    Raises:
        InputError: a size is not a positive number, or the cells do not fill the blocks.

    >>> sizes = (4, 1), (6, 2)  # the two networks of the first experiment: 264 and 276 weights
    >>> [sum(p.numel() for p in MemoryBlocks(7, n, 7, block_size=size).parameters()) for n, size in sizes]
    [264, 276]
    """

    state_layout = "[z, i, o, c]"
    _cells: Tensor

    @in_own_surroundings
    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int,
        block_size: int = 1,
        biases: str = "gates",
        input_bias: float | Sequence[float] = 0.0,
        output_bias: float | Sequence[float] = 0.0,
        scale: float = 0.2,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.block_size = checks.count("block_size", block_size)
        if self.n_hidden % self.block_size:
            raise InputError(
                f"n_hidden counts the cells: it must be a multiple of block_size={block_size}, got {n_hidden}"
            )
        self.biases = checks.one_of("biases", biases, BIASES)
        self.input_bias, self.output_bias = _numbers("input_bias", input_bias), _numbers("output_bias", output_bias)
        self.scale, self.seed = checks.number("scale", scale, above=0), as_seed(seed)
        of_block = torch.eye(self.n_blocks).repeat_interleave(self.block_size, dim=0)
        self.register_buffer("_cells", of_block, persistent=False)  # (cell, block): whose gates a cell has
        self._draw()

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that the weights have with these arguments."""
        n_inputs, n_hidden, n_outputs = sizes_of(config)
        units = n_hidden + 2 * (n_hidden // config["block_size"])
        return {"W_in": (units, n_inputs), "W_rec": (units, units), "W_out": (n_outputs, n_hidden)}

    @property
    def n_blocks(self) -> int:
        """Memory blocks, each with two gates."""
        return self.n_hidden // self.block_size

    @property
    def state_size(self) -> int:
        """Number of entries of one state."""
        return 2 * (self.n_hidden + self.n_blocks)

    def read(self, states: Tensor) -> Tensor:
        """The outputs (..., output) in (0, 1): logistic units that see the cells."""
        return torch.sigmoid(functional.linear(self.rates(states), self.W_out, self.b_out))

    def linear_readout(self) -> tuple[Tensor, Tensor | None]:
        """Refused: the outputs are logistic units."""
        raise InputError("model (MemoryBlocks) has no linear readout: its outputs are logistic units")

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step from states ``x`` (trial, state) under ``u`` (trial, input)."""
        n, blocks = self.n_hidden, self.n_blocks
        heard, c = x[:, : n + 2 * blocks], x[:, n + 2 * blocks :]
        a = functional.linear(u, self.W_in) + functional.linear(heard, self.W_rec, self._bias())
        a_c, gates = a[:, :n], torch.sigmoid(a[:, n:])
        i, o = (functional.linear(gate, self._cells) for gate in (gates[:, :blocks], gates[:, blocks:]))
        c = c + i * (4 * torch.sigmoid(a_c) - 2)
        return torch.cat([o * (2 * torch.sigmoid(c) - 1), gates, c], dim=1)

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        return self._step_by_step(inputs, x0)

    def _bias(self) -> Tensor:
        return self.b_rec if self.biases == "all" else functional.pad(self.b_rec, (self.n_hidden, 0))

    def _draw(self) -> None:
        n, blocks, units = self.n_hidden, self.n_blocks, self.n_hidden + 2 * self.n_blocks
        gates = torch.cat([self._opening("input_bias"), self._opening("output_bias")])
        with own_randomness(self.seed, "MemoryBlocks"):

            def uniform(*shape: int) -> Tensor:
                return torch.empty(shape).uniform_(-self.scale, self.scale)

            self.W_in, self.W_rec = nn.Parameter(uniform(units, self.n_inputs)), nn.Parameter(uniform(units, units))
            self.W_out = nn.Parameter(uniform(self.n_outputs, n))
            cells = uniform(n)
            b_out = uniform(self.n_outputs)
        everywhere = self.biases == "all"
        self.b_rec = nn.Parameter(torch.cat([cells, gates]) if everywhere else gates)
        self.b_out = nn.Parameter(b_out) if everywhere else None
        assert len(gates) == 2 * blocks

    def _opening(self, name: str) -> Tensor:
        """The biases that the gates of one kind have at the start, (block,)."""
        value = getattr(self, name)
        if not isinstance(value, tuple):
            return torch.full((self.n_blocks,), value)
        if len(value) != self.n_blocks:
            raise InputError(f"{name} must be one number or one per block, {self.n_blocks}, got {len(value)}")
        return torch.tensor(value, dtype=torch.get_default_dtype())


def _numbers(name: str, value: Any) -> float | tuple[float, ...]:
    """One number, or several as a tuple, whether they came in an array, a tensor or, from a file, in a list."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        return tuple(checks.number(name, entry) for entry in value)
    return checks.number(name, value)
