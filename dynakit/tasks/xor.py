"""XOR of two pulses: remember the first, combine it with the second (Atanasov 2016, KerasCog)."""

from __future__ import annotations

import dataclasses
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch

from .. import checks, seeding
from ..surroundings import in_own_surroundings
from .base import Task
from .timing import Gap, answers, draw_gaps, ends, gap, halves, noisy, turns
from .trials import Trials


@dataclass(frozen=True)
class Xor(Task):
    """Two pulses, each 0 or 1; the output is their exclusive or, once both have been seen (Atanasov 2016).

    A value v is shown on two complementary channels: channel 0 is v and channel 1 is 1 - v while the pulse
    lasts, both are 0 otherwise.  A trial is ``input_wait`` quiet steps, a pulse of ``stim_dur`` steps,
    ``memory_gap`` quiet steps, the second pulse, and ``output_gap`` quiet steps, in which the target is the
    XOR and the mask 1; elsewhere the target is 0.5 and the mask 0.  All durations are in steps.  With a
    range of memory gaps one is drawn per trial, and the steps that shorter trials leave over at the end are
    quiet and masked.

    Args:
        input_wait: quiet steps before the first pulse.
        stim_dur: length of each pulse.
        memory_gap: quiet steps between the pulses: a number, or a range (shortest, longest), ends included.
        output_gap: steps in which the answer is asked for.
        input_noise: standard deviation of Gaussian noise per step and channel.

    Raises:
        InputError: a parameter is out of its range; the message names it.

    >>> Xor(memory_gap=(10, 30)).sample(4)
    Trials(4 trials, 75 steps, 2 inputs, 1 output)
    """

    _: KW_ONLY
    input_wait: int = 5
    stim_dur: int = 10
    memory_gap: Gap = 20
    output_gap: int = 20
    input_noise: float = 0.1

    def __post_init__(self) -> None:
        checks.count("input_wait", self.input_wait, least=0)
        checks.count("stim_dur", self.stim_dur)
        object.__setattr__(self, "memory_gap", gap("memory_gap", self.memory_gap))
        checks.count("output_gap", self.output_gap)
        checks.number("input_noise", self.input_noise, above=0)

    @property
    def n_inputs(self) -> int:
        """Two complementary channels."""
        return 2

    @property
    def n_outputs(self) -> int:
        """One: the exclusive or."""
        return 1

    @property
    def n_steps(self) -> int:
        """Length of a trial, in steps: room for the longest memory gap."""
        return self.input_wait + 2 * self.stim_dur + ends(self.memory_gap)[1] + self.output_gap

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"``, and each value shown for ever: ``"0"`` and ``"1"``."""
        return {"rest": self.rest, "0": np.array([0.0, 1.0]), "1": np.array([1.0, 0.0])}

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """``"0"`` and ``"1"``: one value shown for ``stim_dur`` steps, (stim_dur, 2)."""
        return {name: np.tile(self.drives[name], (self.stim_dur, 1)) for name in ("0", "1")}

    def delayed(self, gap: int) -> Xor:
        """The same task with so many quiet steps more between the pulses."""
        gap, (low, high) = checks.count("gap", gap, least=0), ends(self.memory_gap)
        return dataclasses.replace(self, memory_gap=(low + gap, high + gap))

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials; conditions: ``"first"`` and ``"second"`` (0 or 1), and ``"memory_gap"`` in steps."""
        seed, n_trials = seeding.as_seed(seed), checks.count("n_trials", n_trials)
        values = seeding.stream(seed, "xor", "values").integers(0, 2, (n_trials, 2))
        gaps = draw_gaps(self.memory_gap, (n_trials,), seeding.stream(seed, "xor", "gaps"))
        starts = np.stack(
            [np.full(n_trials, self.input_wait), self.input_wait + self.stim_dur + gaps], axis=1
        )
        turn, age = turns(starts, self.n_steps)
        value = np.take_along_axis(values, np.maximum(turn, 0), axis=1)
        shown = (turn >= 0) & (age < self.stim_dur)
        asked = (turn == 1) & (age >= self.stim_dur) & (age < self.stim_dur + self.output_gap)
        inputs = np.stack([shown & (value == 1), shown & (value == 0)], axis=-1).astype(np.float32)
        answer = np.broadcast_to(values[:, :1] ^ values[:, 1:], asked.shape)
        return Trials(
            noisy(inputs, self.input_noise, seeding.stream(seed, "xor", "noise")),
            *answers(answer, asked),
            {"first": values[:, 0], "second": values[:, 1], "memory_gap": gaps},
        )

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Right where output and target lie on the same side of 0.5."""
        return (outputs > 0.5) == (targets > 0.5)

    def decode(self, outputs: Any) -> np.ndarray:
        """``"1"`` above 0.5, else ``"0"``, one per row of outputs (..., 1); NaN reads as ``"?"``."""
        return halves(outputs, ("0", "1"))
