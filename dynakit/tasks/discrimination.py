"""Trains of pulses, told apart by their rate or by the input they come in on.

A train of f pulses per second, of period P = 1000 / f ms, has its pulses at

    P (phase + k + jitter v_k),   k = 0, 1, ...,   phase uniform in [0, 1), v_k uniform in [-1, 1],

as far as they fall within the stimulus.  Told by rate, the two trains of a trial share one input and nothing but how
often it is on says which is which; told by channel, the rate says nothing.

References: Atanasov 2016, "Dynamic working memory in recurrent neural networks", Yale (pulses of different frequency
against different input neurons); Romo, Brody, Hernandez and Lemus 1999, Nature 399, 470-473 (two vibrations).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from .. import checks, seeding
from ..errors import InputError
from ..surroundings import in_own_surroundings
from .choice import DelayedResponse
from .evidence import balanced, magnitudes
from .timing import Duration, in_steps
from .trials import Trials

WAYS = ("frequency", "channel")


@dataclass(frozen=True)
class FrequencyDiscrimination(DelayedResponse):
    """Which of two trains of pulses was the faster one, or which came in on the earlier channel?

    Inputs: fixation, and pulses of height 1 with white noise while a train lasts.  Two trains are separated by a delay.
    After the second the fixation input ends; then the output must be the answer, and 0 until then.  The loss sees all
    of it, the score the response only.

    ``by="frequency"``: both trains come in on one input, at two different rates, all ordered pairs equally often; the
    answer is +1 if the first was faster and -1 otherwise.  ``by="channel"``: there are as many inputs as rates, the two
    trains come in on two of them, all ordered pairs equally often, and the rates are drawn on their own; the answer is
    +1 if the first train came in on the earlier input and -1 otherwise.

    Of two rates, or two inputs, each train alone tells the answer, and nothing has to be held; three or more ask for a
    comparison.

    Args:
        frequencies: the rates, in Hz (pulses per second), at least two.
        by: what tells the trains apart: "frequency" or "channel".
        pulse: ms of one pulse.
        jitter: how far a pulse may be from its place, as a share of the period.
        noise: standard deviation of each channel at steps of 1 ms.
        fixation: ms before the first train.
        stimulus: ms of each train.
        delay: ms between them: a number, or a range (shortest, longest) of which one is drawn per trial.
        response: ms in which the answer is asked for; what shorter trials leave over is quiet and masked.
        dt: length of a step, in ms.

    Raises:
        InputError: a parameter is out of its range, pulses of the fastest train would touch, or a train may be empty.

    >>> FrequencyDiscrimination().sample(8)
    Trials(8 trials, 240 steps, 2 inputs, 1 output)
    >>> list(FrequencyDiscrimination(by="channel").pulses)
    ['channel 1', 'channel 2', 'channel 3']
    """

    ORDER: ClassVar[tuple[str, ...]] = ("fixation", "stimulus", "delay", "stimulus", "response")

    frequencies: tuple[float, ...] = (5.0, 10.0, 20.0)
    _: KW_ONLY
    by: str = "frequency"
    pulse: float = 20.0
    jitter: float = 0.0
    noise: float = 0.3
    fixation: float = 100.0
    stimulus: float = 600.0
    delay: Duration = (200.0, 1000.0)
    response: float = 100.0
    dt: float = 10.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "frequencies", magnitudes("frequencies", self.frequencies, zero=False))
        checks.one_of("by", self.by, WAYS)
        if len(self.frequencies) < 2:
            raise InputError(f"frequencies must be at least two to be told apart, got {self.frequencies}")
        checks.number("jitter", self.jitter, above=0, below=0.5)
        super().__post_init__()
        slow, fast = (1000 / self.frequencies[k] for k in (0, -1))
        if self._width * self.dt >= fast * (1 - 2 * self.jitter):
            raise InputError(
                f"pulse must leave a gap between pulses {fast:g} ms apart with jitter {self.jitter:g}, "
                f"got {self._width} steps of {self.dt:g} ms"
            )
        if self.stimulus < 2 * slow:
            raise InputError(
                f"stimulus must last two periods of the slowest train, {2 * slow:g} ms, or it may hold no pulse, "
                f"got {self.stimulus:g} ms"
            )

    @property
    def _width(self) -> int:
        return in_steps("pulse", self.pulse, self.dt)

    @property
    def n_channels(self) -> int:
        """Inputs that pulses come in on: one, or as many as rates for ``by="channel"``."""
        return 1 if self.by == "frequency" else len(self.frequencies)

    @property
    def n_inputs(self) -> int:
        """Fixation and the channels."""
        return 1 + self.n_channels

    def _stimuli(self) -> dict[str, list[float]]:
        if self.by == "frequency":
            return {"pulse": [1.0]}
        return {f"channel {k + 1}": shown.tolist() for k, shown in enumerate(np.eye(self.n_channels))}

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """One pulse on each channel, under fixation: name -> (pulse steps, input)."""
        return {name: np.tile([1.0, *shown], (self._width, 1)) for name, shown in self._stimuli().items()}

    @property
    def trains(self) -> dict[str, np.ndarray]:
        """Whole trains without noise and jitter, from phase 0, under fixation: name -> (stimulus steps, input)."""
        shown = {}
        for f, (name, channel) in itertools.product(self.frequencies, self._stimuli().items()):
            on = self._on(np.array([f]), np.zeros(1), np.zeros((1, self._most)))[0]
            place = "" if self.by == "frequency" else f" on {name}"
            shown[f"{f:g} Hz{place}"] = np.column_stack([np.ones(len(on)), on[:, None] * np.array(channel)])
        return shown

    @property
    def _most(self) -> int:
        """Places of pulses that a train may have within a stimulus."""
        return math.ceil(self.stimulus * self.frequencies[-1] / 1000) + 1

    def _on(self, rates: np.ndarray, phases: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """Whether a pulse is on, (trial, stimulus step), for rates and phases (trial,) and shifts (trial, pulse)."""
        places = phases[:, None] + np.arange(shifts.shape[1]) + self.jitter * shifts  # in periods
        onsets = np.floor(places * (1000 / rates[:, None]) / self.dt + 1e-9)[:, :, None]
        steps = np.arange(self._n_stimulus)
        within = (onsets >= 0) & (onsets < self._n_stimulus)
        return (within & (steps >= onsets) & (steps < onsets + self._width)).any(axis=1).astype(np.float32)

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials; conditions: ``"f1"`` and ``"f2"`` in Hz, and ``"correct"``, +1 or -1.

        By channel also ``"channel1"`` and ``"channel2"``, which each train came in on, from 1.
        """
        seed, n_trials = seeding.as_seed(seed), checks.count("n_trials", n_trials)
        conditions, others = (seeding.stream(seed, "frequency-discrimination", k) for k in ("conditions", "rates"))
        pairs = np.array(list(itertools.permutations(range(len(self.frequencies)), 2)))
        pair = pairs[balanced(n_trials, len(pairs), conditions)]
        if self.by == "frequency":
            rates, channels = np.array(self.frequencies)[pair], np.zeros_like(pair)
        else:
            rates, channels = np.array(self.frequencies)[others.integers(0, len(self.frequencies), pair.shape)], pair
        shown = [self._train(rates[:, k], channels[:, k], k, seed) for k in (0, 1)]
        labels = {"f1": rates[:, 0], "f2": rates[:, 1]}
        if self.by == "channel":
            labels |= {"channel1": 1 + channels[:, 0], "channel2": 1 + channels[:, 1]}
        first_is_higher = pair[:, 0] > pair[:, 1]
        return self._trials(seed, shown, np.where(first_is_higher == (self.by == "frequency"), 1, -1), labels)

    def _train(self, rates: np.ndarray, channels: np.ndarray, k: int, seed: int) -> np.ndarray:
        """What train ``k`` of each trial shows, given its rate and channel: (trial, stimulus step, channel)."""
        phases, shifts = (seeding.stream(seed, "frequency-discrimination", name, k) for name in ("phases", "shifts"))
        n_trials = len(rates)
        on = self._on(rates, phases.random(n_trials), shifts.uniform(-1, 1, (n_trials, self._most)))
        return on[:, :, None] * np.eye(self.n_channels)[channels][:, None]
