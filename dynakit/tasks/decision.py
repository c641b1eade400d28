"""Decisions from noisy evidence: context-dependent integration, random-dot motion, delayed comparison.

Durations are in ms and become steps of ``dt`` ms.  ``noise`` is the standard deviation of the evidence at
steps of 1 ms; at steps of ``dt`` it is noise / sqrt(dt), so that a trial carries the same information at every
step size.  ``ideal_score`` is what an observer scores who integrates without loss: no network can be expected
to score more.

References: Britten, Shadlen, Newsome and Movshon 1992, J. Neurosci. 12, 4745-4765 (random dots); Romo, Brody,
Hernandez and Lemus 1999, Nature 399, 470-473 (two vibrations); Mante, Sussillo, Shenoy and Newsome 2013,
Nature 503, 78-84 (context-dependent integration).
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from .. import checks, seeding
from ..surroundings import in_own_surroundings
from .choice import DelayedResponse, TwoChoices
from .evidence import balanced, gain, magnitudes, p_right, p_right_uniform, signed
from .timing import Duration, in_steps, noisy
from .trials import Trials

CONTEXTS = ("motion", "colour")


@dataclass(frozen=True)
class ContextIntegration(TwoChoices):
    """Integrate one of two noisy inputs, whichever the context names (Mante et al. 2013).

    Inputs: motion, colour, and a one-hot context that is on for the whole trial.  Motion and colour each have
    a constant mean, their signed coherence, and white noise of their own.  The answer is asked at the last
    step only: +1 if the mean of the cued input is positive, else -1.

    The published numbers are the defaults: 750 ms of evidence, noise of standard deviation 1 at steps of
    1 ms, and, in the analysis, coherences of +-0.009, +-0.036 and +-0.15.  For training they were drawn
    uniformly from [-0.1875, 0.1875]: ``coherences=None``.

    Args:
        coherences: strengths, each shown with both signs and combined with all others, equally often; None
            draws the means of both inputs uniformly from +-``max_coherence``.
        max_coherence: the end of that range.
        noise: standard deviation of each of the two inputs at steps of 1 ms.
        stimulus: length of a trial, in ms.
        dt: length of a step, in ms.

    Raises:
        InputError: a parameter is out of its range; the message names it.

    >>> task = ContextIntegration()
    >>> task.sample(72)
    Trials(72 trials, 150 steps, 4 inputs, 1 output)
    >>> round(task.ideal_score, 3), round(ContextIntegration(coherences=None).ideal_score, 3)
    (0.812, 0.922)
    """

    coherences: tuple[float, ...] | None = (0.009, 0.036, 0.15)
    _: KW_ONLY
    max_coherence: float = 0.1875
    noise: float = 1.0
    stimulus: float = 750.0
    dt: float = 5.0

    def __post_init__(self) -> None:
        if self.coherences is not None:
            object.__setattr__(self, "coherences", magnitudes("coherences", self.coherences, zero=False))
        checks.number("max_coherence", self.max_coherence, above=0, closed=False)
        checks.number("noise", self.noise, above=0)
        in_steps("stimulus", self.stimulus, self.dt)

    @property
    def n_inputs(self) -> int:
        """Four: motion, colour, motion context, colour context."""
        return 4

    @property
    def n_steps(self) -> int:
        """Length of a trial, in steps."""
        return in_steps("stimulus", self.stimulus, self.dt)

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"`` (no context), and each context without evidence: ``"motion context"``, ``"colour context"``."""
        return {"rest": self.rest, **{f"{name} context": np.eye(4)[2 + k] for k, name in enumerate(CONTEXTS)}}

    @property
    def ideal_score(self) -> float:
        """Expected score of an observer who integrates the cued input without loss."""
        slope = gain(self.n_steps, self.dt, self.noise)
        if self.coherences is None:
            return p_right_uniform(slope, self.max_coherence)
        return p_right(slope, self.coherences)

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials.

        Conditions: ``"context"`` (``"motion"`` or ``"colour"``), the signed coherences ``"motion"`` and
        ``"colour"``, and ``"correct"``, the right choice, +1 or -1.
        """
        seed, n_trials = seeding.as_seed(seed), checks.count("n_trials", n_trials)
        context, means = self._drawn(n_trials, seed)
        sd, noise = self.noise / math.sqrt(self.dt), seeding.stream(seed, "context-integration", "noise")
        evidence = noisy(np.repeat(means[:, None].astype(np.float32), self.n_steps, axis=1), sd, noise)
        cue = torch.eye(2)[context][:, None].expand(-1, self.n_steps, -1)
        right = np.where(means[np.arange(n_trials), context] > 0, 1, -1)
        asked = torch.zeros(n_trials, self.n_steps, 1)
        asked[:, -1] = 1
        labels = {"context": np.array(CONTEXTS)[context], "motion": means[:, 0], "colour": means[:, 1]}
        return Trials(
            torch.cat([evidence, cue], dim=2),
            asked * torch.from_numpy(right)[:, None, None],
            asked,
            {**labels, "correct": right},
        )

    def _drawn(self, n_trials: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The cued input of each trial (trial,), and the means of both (trial, 2)."""
        rng = seeding.stream(seed, "context-integration", "conditions")
        if self.coherences is None:
            means = seeding.stream(seed, "context-integration", "means").uniform(-1, 1, (n_trials, 2))
            return balanced(n_trials, 2, rng), self.max_coherence * means
        levels = signed(self.coherences)
        shape = (2, len(levels), len(levels))
        context, *which = np.unravel_index(balanced(n_trials, math.prod(shape), rng), shape)
        return context, levels[np.stack(which, axis=1)]


@dataclass(frozen=True)
class PerceptualDecision(DelayedResponse):
    """Which way do the dots move? (Britten et al. 1992)

    Inputs: fixation, evidence for right, and evidence for left: (1 + c)/2 and (1 - c)/2 while dots of signed
    coherence c are shown, each with white noise of its own, and 0 otherwise.  After a delay the fixation input
    ends; then the output must be +1 for right and -1 for left, and 0 until then.  The loss sees all of it, the
    score the response only.  With c = 0 the right answer is drawn by chance.

    Args:
        coherences: strengths, each shown with both signs (0 once), equally often.
        noise: standard deviation of each channel of evidence at steps of 1 ms.
        fixation: ms before the dots.
        stimulus: ms of dots.
        delay: ms after the dots: a number, or a range (shortest, longest) of which one is drawn per trial.
        response: ms in which the answer is asked for; what shorter trials leave over is quiet and masked.
        dt: length of a step, in ms.

    Raises:
        InputError: a parameter is out of its range; the message names it.

    >>> task = PerceptualDecision(delay=(100, 500))
    >>> task.sample(8)
    Trials(8 trials, 135 steps, 3 inputs, 1 output)
    >>> round(task.ideal_score, 3)
    0.922
    """

    ORDER: ClassVar[tuple[str, ...]] = ("fixation", "stimulus", "delay", "response")

    coherences: tuple[float, ...] = (0.0, 0.032, 0.064, 0.128, 0.256, 0.512)
    _: KW_ONLY
    noise: float = 1.0
    fixation: float = 100.0
    stimulus: float = 2000.0
    delay: Duration = 300.0
    response: float = 100.0
    dt: float = 20.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "coherences", magnitudes("coherences", self.coherences, below=1))
        super().__post_init__()

    @property
    def n_inputs(self) -> int:
        """Three: fixation, evidence for right, evidence for left."""
        return 3

    def _stimuli(self) -> dict[str, list[float]]:
        c = self.coherences[-1]
        return {"right": [(1 + c) / 2, (1 - c) / 2], "left": [(1 - c) / 2, (1 + c) / 2]}

    @property
    def ideal_score(self) -> float:
        """Expected score of an observer who integrates the difference of the two channels without loss."""
        slope = gain(self._n_stimulus, self.dt, math.sqrt(2) * self.noise)
        return p_right(slope, signed(self.coherences))

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials; conditions: the signed ``"coherence"``, and ``"correct"``, +1 (right) or -1 (left)."""
        seed, n_trials = seeding.as_seed(seed), checks.count("n_trials", n_trials)
        conditions, guesses = (
            seeding.stream(seed, "perceptual-decision", k) for k in ("conditions", "guesses")
        )
        levels = signed(self.coherences)
        coherence = levels[balanced(n_trials, len(levels), conditions)]
        guess = 2 * guesses.integers(0, 2, n_trials) - 1
        right = np.where(coherence == 0, guess, np.sign(coherence)).astype(int)
        dots = (1 + coherence[:, None] * np.array([1.0, -1.0])) / 2
        return self._trials(seed, [dots], right, {"coherence": coherence})


@dataclass(frozen=True)
class DelayedComparison(DelayedResponse):
    """Was the first vibration faster than the second? (Romo et al. 1999)

    Inputs: fixation, and a vibration of f Hz as f over the highest frequency, with white noise while it lasts,
    else 0.  Two vibrations are separated by a delay.  After the second the fixation input ends; then the output
    must be +1 if the first was faster and -1 otherwise, and 0 until then.  The loss sees all of it, the score
    the response only.

    The two of a pair differ by ``difference``, and either comes first, equally often.  Neither vibration alone
    gives the answer, except at the ends of the range.

    Args:
        frequencies: the lower frequency of each pair, in Hz.
        difference: Hz between the two of a pair.
        noise: standard deviation of the scaled vibration at steps of 1 ms.
        fixation: ms before the first vibration.
        stimulus: ms of each vibration.
        delay: ms between them: a number, or a range (shortest, longest) of which one is drawn per trial.
        response: ms in which the answer is asked for; what shorter trials leave over is quiet and masked.
        dt: length of a step, in ms.

    Raises:
        InputError: a parameter is out of its range; the message names it.

    >>> task = DelayedComparison(delay=(500, 3000))
    >>> task.sample(8)
    Trials(8 trials, 230 steps, 2 inputs, 1 output)
    >>> list(task.pulses)[:3]
    ['10 Hz', '14 Hz', '18 Hz']
    """

    ORDER: ClassVar[tuple[str, ...]] = ("fixation", "stimulus", "delay", "stimulus", "response")

    frequencies: tuple[float, ...] = (10.0, 14.0, 18.0, 22.0, 26.0)
    _: KW_ONLY
    difference: float = 8.0
    noise: float = 1.0
    fixation: float = 500.0
    stimulus: float = 500.0
    delay: Duration = 3000.0
    response: float = 100.0
    dt: float = 20.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "frequencies", magnitudes("frequencies", self.frequencies, zero=False))
        checks.number("difference", self.difference, above=0, closed=False)
        super().__post_init__()

    @property
    def n_inputs(self) -> int:
        """Two: fixation, and the vibration."""
        return 2

    @property
    def _highest(self) -> float:
        return self.frequencies[-1] + self.difference

    def _stimuli(self) -> dict[str, list[float]]:
        every = np.unique([f + d for f in self.frequencies for d in (0, self.difference)])
        return {f"{f:g} Hz": [float(f / self._highest)] for f in every}

    @property
    def ideal_score(self) -> float:
        """Expected score of an observer who compares the integrals of the two vibrations without loss."""
        slope = gain(self._n_stimulus, self.dt, math.sqrt(2) * self.noise)
        return p_right(slope, [self.difference / self._highest])

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials; conditions: ``"f1"`` and ``"f2"`` in Hz, and ``"correct"``, +1 (f1 > f2) or -1."""
        seed, n_trials = seeding.as_seed(seed), checks.count("n_trials", n_trials)
        lower = np.array(self.frequencies)
        conditions = seeding.stream(seed, "delayed-comparison", "conditions")
        pair, second_is_higher = np.divmod(balanced(n_trials, 2 * len(lower), conditions), 2)
        f1 = lower[pair] + self.difference * (1 - second_is_higher)
        f2 = lower[pair] + self.difference * second_is_higher
        shown = [f[:, None] / self._highest for f in (f1, f2)]
        return self._trials(seed, shown, np.where(f1 > f2, 1, -1), {"f1": f1, "f2": f2})
