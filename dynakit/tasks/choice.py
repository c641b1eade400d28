"""Tasks of two choices: one output whose sign is the choice, at once or after a delay."""

from __future__ import annotations

import abc
import math
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from .. import checks, seeding
from .base import Task, sign_marks
from .timing import Duration, Gap, draw_gaps, ends, epochs, gap_in_steps, in_steps, noisy
from .trials import Trials


@dataclass(frozen=True)
class TwoChoices(Task):
    """One output whose sign is the choice."""

    @property
    def n_outputs(self) -> int:
        """One: its sign is the choice."""
        return 1

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Right where the sign is; an output of exactly 0 is wrong."""
        return outputs * targets > 0

    def decode(self, outputs: Any) -> np.ndarray:
        """The choice, ``"+"`` or ``"-"``, one per row of outputs (..., 1); 0 and NaN are ``"?"``."""
        return sign_marks(checks.reals("outputs", outputs, (..., 1), finite=False))


@dataclass(frozen=True)
class DelayedResponse(TwoChoices):
    """Stimuli under fixation, and the choice once the fixation input, which comes first, has ended."""

    ORDER: ClassVar[tuple[str, ...]]  # the epochs of a trial: names of fields, the response last

    _: KW_ONLY
    noise: float
    fixation: float
    stimulus: float
    delay: Duration
    response: float
    dt: float

    def __post_init__(self) -> None:
        checks.number("noise", self.noise, above=0)
        if isinstance(self.delay, list):
            object.__setattr__(self, "delay", tuple(self.delay))
        self._steps()

    def _steps(self) -> dict[str, Gap]:
        """The length of each kind of epoch, in steps; the stimulus and the response last at least one."""
        return {
            "fixation": in_steps("fixation", self.fixation, self.dt, least=0),
            "stimulus": in_steps("stimulus", self.stimulus, self.dt),
            "delay": gap_in_steps("delay", self.delay, self.dt),
            "response": in_steps("response", self.response, self.dt),
        }

    @property
    def _n_stimulus(self) -> int:
        return in_steps("stimulus", self.stimulus, self.dt)

    @property
    def n_steps(self) -> int:
        """Length of a trial, in steps: room for the longest delay."""
        steps = self._steps()
        return sum(ends(steps[name])[1] for name in self.ORDER)

    @property
    def rest(self) -> np.ndarray:
        """Fixation without a stimulus, as in the delay: (input,)."""
        return np.eye(self.n_inputs)[0]

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"`` (the delay), each stimulus of :attr:`pulses` for ever, and ``"response"``: no input at all."""
        shown = {name: pulse[0] for name, pulse in self.pulses.items()}
        return {"rest": self.rest, **shown, "response": np.zeros(self.n_inputs)}

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """The stimuli without noise, under fixation: name -> (stimulus steps, input)."""
        return {
            name: np.tile([1.0, *shown], (self._n_stimulus, 1)) for name, shown in self._stimuli().items()
        }

    @abc.abstractmethod
    def _stimuli(self) -> dict[str, list[float]]:
        """Stimuli worth looking at: name -> what each channel but fixation shows."""

    def _trials(
        self, seed: int, shown: list[Any], right: np.ndarray, labels: dict[str, np.ndarray]
    ) -> Trials:
        """Trials of the right choices (trial,), given what each stimulus shows, in order.

        What is shown is (trial, channel), the same at every step, or (trial, stimulus step, channel).
        """
        steps, (n_trials,) = self._steps(), right.shape
        delays = draw_gaps(steps["delay"], (n_trials,), seeding.stream(seed, type(self).__name__, "delays"))
        lengths = [delays if name == "delay" else np.full(n_trials, steps[name]) for name in self.ORDER]
        until = np.stack(lengths, axis=1).cumsum(axis=1)
        epoch = epochs(np.stack(lengths, axis=1), self.n_steps)[:, :, None]
        response = len(self.ORDER) - 1
        size = (n_trials, self.n_steps, self.n_inputs - 1)
        sd, rng = self.noise / math.sqrt(self.dt), seeding.stream(seed, type(self).__name__, "noise")
        noise = noisy(np.zeros(size, np.float32), sd, rng).numpy()
        inputs = np.zeros(size, np.float32)
        when = [k for k, name in enumerate(self.ORDER) if name == "stimulus"]
        for k, levels in zip(when, shown):
            if levels.ndim == 2:
                levels = levels[:, None]
            else:
                since = np.arange(self.n_steps) - (until[:, k, None] - self._n_stimulus)
                levels = np.take_along_axis(levels, since.clip(0, self._n_stimulus - 1)[:, :, None], axis=1)
            inputs = np.where(epoch == k, levels.astype(np.float32) + noise, inputs)
        before, during = torch.from_numpy(epoch < response), torch.from_numpy(epoch == response)
        return Trials(
            torch.cat([before.float(), torch.from_numpy(inputs)], dim=2),
            during * torch.from_numpy(right)[:, None, None].float(),
            before | during,
            {**labels, "correct": right},
            score_mask=during,
        )
