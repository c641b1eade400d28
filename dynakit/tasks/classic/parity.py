"""Parity: is the number of ones in a string odd?  (Hochreiter and Schmidhuber 1996, NIPS 9, 473)

The task on which guessing weights at random finds solutions sooner than following gradients does.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch

from ... import checks, seeding
from ...surroundings import in_own_surroundings
from ..timing import Gap, draw_gaps, ends, gap, halves, noisy
from ..trials import Trials
from .whole import WholeTrials


@dataclass(frozen=True)
class Parity(WholeTrials):
    """One bit per step; at the last step the target is 1 if the number of ones is odd, else 0.

    A network is at rest under the bit 0, which changes nothing, and each 1 is a pulse that flips it: two stable points
    under 0 and an orbit of period 2 under 1 solve strings of any length.  A network without a readout cannot answer in
    the very step of the last bit, as the answer is no threshold of that bit and of what came before: give it
    ``settling=1``.

    Args:
        length: bits of a string: a number, or a range (shortest, longest), ends included; (500, 600) as published.
        settling: further steps of bit 0 before the answer is asked for.
        signed: show the bits as -1 and 1, and not as 0 and 1.
        every_step: ask for the parity so far at every step, which gradients follow more easily.
        input_noise: standard deviation of Gaussian noise per step.

    Raises:
        InputError: a parameter is out of its range; the message names it.

    >>> Parity(length=(5, 8)).sample(4, seed=1)
    Trials(4 trials, 5 to 8 steps, 1 input, 1 output)
    """

    _: KW_ONLY
    length: Gap = (50, 60)
    settling: int = 0
    signed: bool = False
    every_step: bool = False
    input_noise: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", gap("length", self.length))
        checks.count("settling", self.settling, least=0)
        checks.number("input_noise", self.input_noise, above=0)

    @property
    def n_inputs(self) -> int:
        """One: the bit."""
        return 1

    @property
    def n_outputs(self) -> int:
        """One: the parity."""
        return 1

    @property
    def n_steps(self) -> int:
        """Steps of the longest string, settling included."""
        return ends(self.length)[1] + self.settling

    @property
    def rest(self) -> np.ndarray:
        """The bit 0, (1,): it changes nothing."""
        return np.array([-1.0 if self.signed else 0.0])

    @property
    def alphabet(self) -> dict[str, np.ndarray]:
        """The input (1,) that shows each bit."""
        return {"0": self.rest, "1": np.ones(1)}

    @property
    def automaton(self) -> dict[tuple[str, str], str]:
        """(parity, bit) -> parity: what each bit makes of the parity so far."""
        return {(at, "0"): at for at in ("even", "odd")} | self.machine

    @property
    def first(self) -> str:
        """The parity of no bits at all."""
        return "even"

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"``, the bit 0, and ``"1"``, under which the parity alternates."""
        return {"rest": self.rest, "1": np.ones(1)}

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """``"1"``: a single 1, (1, 1)."""
        return {"1": np.ones((1, 1))}

    @property
    def machine(self) -> dict[tuple[str, str], str]:
        """Each 1 flips the parity."""
        return {("even", "1"): "odd", ("odd", "1"): "even"}

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw random strings; conditions: ``"parity"``, ``"even"`` or ``"odd"``."""
        seed, n_trials = seeding.as_seed(seed), checks.count("n_trials", n_trials)
        n = draw_gaps(self.length, (n_trials,), seeding.stream(seed, "parity", "lengths"))
        shown = (n_trials, self.n_steps)
        bits = seeding.stream(seed, "parity", "bits").integers(0, 2, shown) * (np.arange(shown[1]) < n[:, None])
        odd = bits.cumsum(axis=1) % 2
        lengths = n + self.settling
        step = np.broadcast_to(np.arange(shown[1]), shown)
        last = step == lengths[:, None] - 1
        answer = np.pad(odd, ((0, 0), (self.settling, 0)))[:, : shown[1], None]
        values = (2 * bits - 1 if self.signed else bits).astype(np.float32)
        return Trials(
            noisy(values[:, :, None], self.input_noise, seeding.stream(seed, "parity", "noise")),
            torch.from_numpy(answer).float(),
            torch.from_numpy(step >= self.settling if self.every_step else last),
            {"parity": np.where(odd[:, -1] > 0, "odd", "even")},
            torch.from_numpy(lengths),
            torch.from_numpy(last) if self.every_step else None,
        )

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Right where output and target lie on the same side of 0.5."""
        return (outputs > 0.5) == (targets > 0.5)

    def decode(self, outputs: Any) -> np.ndarray:
        """``"odd"`` above 0.5, else ``"even"``, one per row of outputs (..., 1); NaN reads as ``"?"``."""
        return halves(outputs, ("even", "odd"))
