"""The adding problem: two of many values are marked, and their sum is asked for at the end.

References: Hochreiter and Schmidhuber 1996, NIPS 9, 473, and 1997, Neural Computation 9, 1735, experiment 4; the modern
variant after Le, Jaitly and Hinton 2015, arXiv:1504.00941.
"""

from __future__ import annotations

import dataclasses
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch

from ... import checks, seeding
from ...surroundings import in_own_surroundings
from ..trials import Trials
from .whole import WholeTrials

TOLERANCE = 0.04  # within which an answer is right
MEAN_ERROR = 0.01  # mean squared error below which the task counts as solved, if all answers are right, too
EARLY = 10  # the first marked pair is among so many
SHORTEST = 20
GRAIN = 8  # parts of the range that words tell apart


@dataclass(frozen=True)
class Adding(WholeTrials):
    """Add the two marked values of a sequence of (value, marker) pairs; the answer is asked for at the last step.

    ``variant="1997"``: values uniform in [-1, 1]; of ``length`` to 1.1 ``length`` pairs one of the first ten is marked
    by 1, and one of the first half that is not yet; the first and the last pair have marker -1, the others 0; should
    the first pair be marked, its value counts as 0 and its marker stays -1.  The target is 0.5 + (X1 + X2) / 4.  To say
    0.5 has a mean squared error of 1/24, but for the pairs that count as 0, and is right in 15 % of the trials.

    ``variant="modern"``: another task: ``length`` pairs, values uniform in [0, 1], one marker of 1 in each half, 0
    elsewhere, and the target is the sum, whose variance is 1/6.

    An answer is right within 0.04; :meth:`solved` asks besides for a mean squared error below 0.01, as published for
    the last 2000 sequences.

    Args:
        length: pairs of the shortest sequence, at least 20.
        variant: "1997" | "modern".
        delay: further pairs without a marker before the last one.

    Raises:
        InputError: a parameter is out of its range; the message names it.

    >>> Adding(length=100).sample(4)
    Trials(4 trials, 103 to 109 steps, 2 inputs, 1 output)
    """

    _: KW_ONLY
    length: int = 100
    variant: str = "1997"
    delay: int = 0

    def __post_init__(self) -> None:
        checks.count("length", self.length, least=SHORTEST)
        checks.one_of("variant", self.variant, ("1997", "modern"))
        checks.count("delay", self.delay, least=0)

    @property
    def n_inputs(self) -> int:
        """Two: the value and the marker."""
        return 2

    @property
    def n_outputs(self) -> int:
        """One: the answer."""
        return 1

    @property
    def n_steps(self) -> int:
        """Steps of the longest sequence."""
        return self.length + self.delay + (0 if self.variant == "modern" else self.length // 10)

    @property
    def graded(self) -> bool:
        """A value is remembered, and not one of a few answers."""
        return True

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"``, the value 0 without a marker, and the extreme values ``"low"`` and ``"high"``."""
        low = 0.0 if self.variant == "modern" else -1.0
        extremes = {"low": np.array([low, 0.0])} if low else {}
        return {"rest": self.rest, **extremes, "high": np.array([1.0, 0.0])}

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """A value under a marker, (1, 2): ``"mark 1"``, and ``"mark -1"`` or ``"mark 0"``."""
        low = 0 if self.variant == "modern" else -1
        return {f"mark {value}": np.array([[value, 1.0]]) for value in (1, low)}

    @property
    def question(self) -> np.ndarray:
        """The last pair, of value 0: (1, 2)."""
        return np.array([[0.0, 0.0 if self.variant == "modern" else -1.0]])

    def delayed(self, gap: int) -> Adding:
        """The same task with so many pairs more before the last one."""
        return dataclasses.replace(self, delay=self.delay + checks.count("gap", gap, least=0))

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw sequences; conditions: the values ``"X1"`` and ``"X2"``, and ``"t1"`` and ``"t2"``, their steps."""
        seed, n_trials = seeding.as_seed(seed), checks.count("n_trials", n_trials)
        modern, rows = self.variant == "modern", np.arange(n_trials)
        own = seeding.stream(seed, "adding", "lengths").integers(self.length, self.n_steps - self.delay + 1, n_trials)
        lengths = own + self.delay
        low = 0.0 if modern else -1.0
        values = seeding.stream(seed, "adding", "values").uniform(low, 1.0, (n_trials, self.n_steps))
        places = self._places(n_trials, seed)
        markers = np.zeros(values.shape)
        markers[rows[:, None], places] = 1
        marked = values[rows[:, None], places]
        if not modern:
            marked[places == 0] = 0.0
            markers[:, 0] = markers[rows, lengths - 1] = -1
        answer = marked.sum(axis=1) if modern else 0.5 + marked.sum(axis=1) / 4
        last = np.arange(self.n_steps) == lengths[:, None] - 1
        named = {"X1": marked[:, 0], "X2": marked[:, 1], "t1": places[:, 0], "t2": places[:, 1]}
        inputs = torch.from_numpy(np.stack([values, markers], axis=-1))
        targets = torch.from_numpy(np.where(last, answer[:, None], 0.0)[:, :, None])
        return Trials(inputs, targets, torch.from_numpy(last), named, torch.from_numpy(lengths))

    def _places(self, n_trials: int, seed: int) -> np.ndarray:
        """The steps of the two markers, (trial, 2)."""
        rng, half = seeding.stream(seed, "adding", "markers"), self.length // 2
        drawn = rng.random((n_trials, 2))
        if self.variant == "modern":
            return np.floor(drawn * [half, self.length - half] + [0, half]).astype(int)
        first, second = np.floor(drawn * [EARLY, half - 1]).astype(int).T
        return np.stack([first, second + (second >= first)], axis=1)  # of the first half, the first is left out

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Right within 0.04."""
        return (outputs - targets).abs() < TOLERANCE

    def solved(self, outputs: Any, trials: Trials) -> bool:
        """Whether every answer is right and the mean squared error below 0.01.

        Raises:
            InputError: as :meth:`score`.
        """
        return super().solved(outputs, trials) and float(self.loss(outputs, trials)) < MEAN_ERROR

    def decode(self, outputs: Any) -> np.ndarray:
        """The nearest of nine values across the range of answers, one per row of outputs (..., 1); ``"?"`` for NaN."""
        y = checks.reals("outputs", outputs, (..., 1), finite=False)[..., 0]
        marks = np.linspace(0.0, 2.0 if self.variant == "modern" else 1.0, GRAIN + 1)
        nearest = np.abs(np.where(np.isfinite(y), y, 0.0)[..., None] - marks).argmin(axis=-1)
        return np.where(np.isfinite(y), np.array([f"{mark:.3g}" for mark in marks])[nearest], "?")
