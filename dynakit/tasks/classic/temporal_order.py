"""Temporal order: in which order did two or three rare symbols come?

Reference: Hochreiter and Schmidhuber 1997, Neural Computation 9, 1735, experiment 6.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch

from ... import checks, seeding
from ...errors import InputError
from ...surroundings import in_own_surroundings
from ..timing import Gap, draw_gaps, ends, gap
from ..trials import Trials
from .whole import WholeTrials

SYMBOLS = "EBXYabcd"
N_RARE = 4  # E, B, X and Y come before the distractors
PLACES = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}  # of the rare symbols, both ends included
TOLERANCE = 0.3  # within which every output of a right answer is of its target
MEAN_ERROR = 0.1  # mean squared error below which the task counts as solved, if all answers are right, too


@dataclass(frozen=True)
class TemporalOrder(WholeTrials):
    """Say at the end in which order X and Y came: XX, XY, YX or YY (6a), or one of eight orders of three (6b).

    Eight symbols, one-hot: a string begins with E and ends with B, which asks for the answer; between them a, b, c and
    d come at random, but for X or Y at one of the steps 10 to 20 and one of 50 to 60 (of three: 10 to 20, 33 to 43, 66
    to 76).  Targets are 1 for the class and 0 for the others at the last step.  An answer is right if every output is
    within 0.3 of its target; :meth:`solved` asks besides for a mean squared error below 0.1, as published for the last
    2000 strings.

    With a ``tail`` the answer has to be kept for longer and for an unknown time, so that networks learn memories in
    place of transients that last as long as the strings do.

    Args:
        n_symbols: how many rare symbols there are, 2 (experiment 6a) or 3 (6b).
        length: symbols of a string without its tail: a number, or a range (shortest, longest), ends included.
        tail: most distractors more before the last symbol; how many is drawn uniformly from 0 on.

    Raises:
        InputError: a parameter is out of its range, or strings are too short for the rare symbols.

    >>> TemporalOrder(n_symbols=3).sample(4)
    Trials(4 trials, 105 to 110 steps, 8 inputs, 8 outputs)
    """

    _: KW_ONLY
    n_symbols: int = 2
    length: Gap = (100, 110)
    tail: int = 0

    def __post_init__(self) -> None:
        checks.one_of("n_symbols", self.n_symbols, PLACES)
        object.__setattr__(self, "length", gap("length", self.length))
        checks.count("tail", self.tail, least=0)
        last = PLACES[self.n_symbols][-1][1]
        if ends(self.length)[0] < last + 2:
            raise InputError(
                f"length must be at least {last + 2}, as rare symbols come up to step {last} (counted from 0) and one "
                f"more follows, got {self.length}"
            )

    @property
    def n_inputs(self) -> int:
        """Eight symbols."""
        return len(SYMBOLS)

    @property
    def n_outputs(self) -> int:
        """One per class."""
        return 2**self.n_symbols

    @property
    def classes(self) -> list[str]:
        """What came in which order, ``["XX", "XY", "YX", "YY"]``: the k-th is output k."""
        return ["".join(order) for order in itertools.product("XY", repeat=self.n_symbols)]

    @property
    def n_steps(self) -> int:
        """Steps of the longest string, tail included."""
        return ends(self.length)[1] + self.tail

    @property
    def rest(self) -> np.ndarray:
        """The first distractor, (8,)."""
        return self._symbol("a")

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"``, the distractor a for ever, and the others, ``"b"``, ``"c"`` and ``"d"``."""
        return {"rest": self.rest, **{symbol: self._symbol(symbol) for symbol in SYMBOLS[N_RARE + 1 :]}}

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """``"X"`` and ``"Y"`` for one step, (1, 8)."""
        return {symbol: self._symbol(symbol)[None] for symbol in "XY"}

    @property
    def question(self) -> np.ndarray:
        """The last symbol, B: (1, 8)."""
        return self._symbol("B")[None]

    def delayed(self, gap: int) -> TemporalOrder:
        """The same task with so many distractors more before the last symbol."""
        gap, (low, high) = checks.count("gap", gap, least=0), ends(self.length)
        return dataclasses.replace(self, length=(low + gap, high + gap))

    def _symbol(self, symbol: str) -> np.ndarray:
        return np.eye(len(SYMBOLS))[SYMBOLS.index(symbol)]

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw strings; conditions: ``"order"``, what came in which order."""
        seed, n_trials = seeding.as_seed(seed), checks.count("n_trials", n_trials)
        lengths = draw_gaps(self.length, (n_trials,), seeding.stream(seed, "order", "lengths"))
        lengths = lengths + seeding.stream(seed, "order", "tails").integers(0, self.tail, n_trials, endpoint=True)
        rows, shape = np.arange(n_trials), (n_trials, self.n_steps)
        at = seeding.stream(seed, "order", "distractors").integers(N_RARE, len(SYMBOLS), shape)
        low, high = np.array(PLACES[self.n_symbols]).T
        places = seeding.stream(seed, "order", "places").integers(low, high, (n_trials, self.n_symbols), endpoint=True)
        rare = seeding.stream(seed, "order", "rare").integers(0, 2, places.shape)
        at[rows[:, None], places] = SYMBOLS.index("X") + rare
        at[:, 0], at[rows, lengths - 1] = SYMBOLS.index("E"), SYMBOLS.index("B")
        which = rare @ (2 ** np.arange(self.n_symbols)[::-1])
        last = np.arange(self.n_steps) == lengths[:, None] - 1
        targets = np.where(last[:, :, None], np.eye(self.n_outputs, dtype=np.float32)[which][:, None], np.float32(0))
        inputs = torch.eye(len(SYMBOLS))[torch.from_numpy(at)]
        orders = {"order": np.array(self.classes)[which]}
        asked = torch.from_numpy(last)
        return Trials(inputs, torch.from_numpy(targets), asked, orders, torch.from_numpy(lengths))

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Right within 0.3."""
        return (outputs - targets).abs() < TOLERANCE

    def solved(self, outputs: Any, trials: Trials) -> bool:
        """Whether every answer is right and the mean squared error below 0.1.

        Raises:
            InputError: as :meth:`score`.
        """
        return super().solved(outputs, trials) and float(self.loss(outputs, trials)) < MEAN_ERROR

    def decode(self, outputs: Any) -> np.ndarray:
        """The class of the largest output, ``"XY"``, ..., one per row of outputs (..., class); ``"?"`` for NaN."""
        y = checks.reals("outputs", outputs, (..., self.n_outputs), finite=False)
        return np.where(np.isnan(y).any(axis=-1), "?", np.array(self.classes)[y.argmax(axis=-1)])
