"""Memories set by pulses: the n-bit flip-flop, and the set/reset flip-flop with turns.

Each asks for a value to be held after the input that set it is gone.  Whether a trained network holds it in
an attractor or in a transient of just the trained length depends on how long, and how unpredictably long,
it must be held: the parameters say so where it matters.

References: Sussillo and Barak 2013, "Opening the black box", Neural Computation 25, 626-649 (n-bit
flip-flop); Atanasov 2016, KerasCog (set/reset flip-flop).
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch

from .. import checks, seeding
from ..surroundings import in_own_surroundings
from .base import Task, sign_marks
from .timing import Gap, answers, draw_gaps, ends, gap, halves, last_pulses, noisy, turns
from .trials import Trials

MOST_MACHINE_BITS = 10  # the automaton of n bits has 2^n * 2n entries
_WAYS = {"up": 1, "down": -1}
_SWITCH = ("reset", "set")


@dataclass(frozen=True)
class FlipFlop(Task):
    """Set-and-hold memory of n bits, NOT a toggle (Sussillo and Barak 2013).

    Each channel receives pulses of +-``amplitude``; its output must hold the sign of its last pulse, from the
    onset of that pulse on.  All channels are pulsed at step 0.  While a channel is free, a pulse starts with
    probability ``p_flip`` per step, so onsets are ``pulse_width - 1 + Geometric(p_flip)`` steps apart.  The
    loss sees every step.  The score is the share of (step, channel) with the right sign, without the onset
    step of each pulse and the ``score_grace - 1`` steps after it.

    Frequent pulses (``p_flip`` of .1 and more with slow units) and short trials (25 steps) make a task that
    scores well without being remembered.

    Args:
        n_bits: channels, each an input and an output.
        n_steps: length of a trial, in steps.
        p_flip: chance per step and free channel that a pulse starts; 0 = no pulse after the first.
        pulse_width: length of a pulse, in steps.
        score_grace: steps from each onset that the score leaves out.
        input_noise: standard deviation of Gaussian noise per step and channel.
        amplitude: height of the pulses; targets are +-1 whatever it is.
        repulse_every: None, or pulse every channel anew, with a random sign, exactly every so many steps.
            Warning: networks trained so can score perfectly, but nothing has to be held beyond that interval,
            and often nothing is.

    Raises:
        InputError: a parameter is out of its range; the message names it.

    >>> task = FlipFlop(n_bits=2)
    >>> task.sample(64, seed=1)
    Trials(64 trials, 100 steps, 2 inputs, 2 outputs)
    >>> list(task.drives)
    ['rest', 'bit 1 up', 'bit 1 down', 'bit 2 up', 'bit 2 down']
    >>> task.machine["--", "bit 2 up"]
    '-+'
    """

    n_bits: int = 3
    _: KW_ONLY
    n_steps: int = 100
    p_flip: float = 0.05
    pulse_width: int = 2
    score_grace: int = 5
    input_noise: float = 0.0
    amplitude: float = 1.0
    repulse_every: int | None = None

    def __post_init__(self) -> None:
        checks.count("n_bits", self.n_bits)
        checks.count("n_steps", self.n_steps)
        checks.number("p_flip", self.p_flip, above=0, below=1)
        checks.count("pulse_width", self.pulse_width, most=self.n_steps)
        checks.count("score_grace", self.score_grace, least=0, most=self.n_steps - 1)
        checks.number("input_noise", self.input_noise, above=0)
        checks.number("amplitude", self.amplitude, above=0, closed=False)
        if self.repulse_every is not None:
            checks.count(
                "repulse_every", self.repulse_every, least=max(self.pulse_width, self.score_grace + 1)
            )

    @property
    def n_inputs(self) -> int:
        """One input per bit."""
        return self.n_bits

    @property
    def n_outputs(self) -> int:
        """One output per bit."""
        return self.n_bits

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"`` and, per bit, a pulse that never ends: ``"bit 1 up"``, ``"bit 1 down"``, ..."""
        return {"rest": self.rest, **{name: pulse[0] for name, pulse in self.pulses.items()}}

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """``"bit 1 up"``, ``"bit 1 down"``, ...: one pulse of one channel, (pulse_width, n_bits)."""
        rows = self.amplitude * np.eye(self.n_bits)  # + 0.0 below: no negative zeros
        signed = (
            (f"bit {bit + 1} {way}", s * rows[bit] + 0.0)
            for bit in range(self.n_bits)
            for way, s in _WAYS.items()
        )
        return {name: np.tile(row, (self.pulse_width, 1)) for name, row in signed}

    @property
    def machine(self) -> dict[tuple[str, str], str] | None:
        """Each pulse sets its own bit and leaves the others alone; None beyond 10 bits (too many)."""
        if self.n_bits > MOST_MACHINE_BITS:
            return None
        memories = ["".join(signs) for signs in itertools.product("-+", repeat=self.n_bits)]
        return {
            (memory, f"bit {bit + 1} {way}"): memory[:bit] + "-+"[s > 0] + memory[bit + 1 :]
            for memory in memories
            for bit in range(self.n_bits)
            for way, s in _WAYS.items()
        }

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials; ``Trials.conditions["final"]`` is the last memory of each, such as ``"+-+"``."""
        return self._draw(checks.count("n_trials", n_trials), [seeding.as_seed(seed)])

    @in_own_surroundings
    def sample_each(self, n_trials: int, seeds: Sequence[Any]) -> list[Trials]:
        """The trials that :meth:`sample` draws under each seed, drawn at once."""
        if type(self).sample is not FlipFlop.sample:
            return super().sample_each(n_trials, seeds)
        n_trials = checks.count("n_trials", n_trials)
        return self._draw(n_trials, [seeding.as_seed(seed) for seed in seeds]).parts(n_trials)

    def _draw(self, n_trials: int, seeds: Sequence[int]) -> Trials:
        """The trials of all seeds, one after another."""
        up, waits = self._numbers(n_trials, seeds)
        last, held = last_pulses(up, waits, self.pulse_width, self.repulse_every or self.n_steps)
        targets = np.where(held, np.float32(1), np.float32(-1))
        age = np.repeat(np.arange(self.n_steps, dtype=last.dtype), self.n_bits) - last.reshape(len(last), -1)
        age = age.reshape(targets.shape)
        inputs = np.where(age < self.pulse_width, np.float32(self.amplitude) * targets, np.float32(0))
        if self.input_noise > 0:
            for part, seed in zip(np.split(inputs, len(seeds)), seeds):
                part[:] = noisy(part, self.input_noise, seeding.stream(seed, "flip-flop", "noise"))
        return Trials(
            torch.from_numpy(inputs),
            torch.from_numpy(targets),
            torch.ones(targets.shape),
            {"final": self.decode(targets[:, -1])},
            score_mask=torch.from_numpy((age >= self.score_grace).astype(np.float32)),
        )

    def _numbers(self, n_trials: int, seeds: Sequence[int]) -> tuple[np.ndarray, np.ndarray | None]:
        """Whether a pulse would be up, (trial, time, bit), and the steps that channels are free, (trial, gap, bit)."""
        up, waits = [], []
        most = self.n_steps // self.pulse_width  # no more gaps than this fit into a trial
        for seed in seeds:
            signs = seeding.stream(seed, "flip-flop", "signs")
            up.append(signs.integers(0, 2, (n_trials, self.n_steps, self.n_bits), dtype=np.int8))
            if self.repulse_every is None and self.p_flip > 0:
                onsets = seeding.stream(seed, "flip-flop", "onsets")
                drawn = onsets.geometric(self.p_flip, (n_trials, most, self.n_bits))
                waits.append(np.minimum(drawn, self.n_steps).astype(np.int32))
        return np.concatenate(up), np.concatenate(waits) if waits else None

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Right where the sign is; an output of exactly 0 is wrong."""
        return outputs * targets > 0

    def decode(self, outputs: Any) -> np.ndarray:
        """Signs such as ``"+-+"``, one string per row of outputs (..., n_bits); 0 and NaN are ``"?"``."""
        y = checks.reals("outputs", outputs, (..., self.n_bits), finite=False)
        return sign_marks(y)


@dataclass(frozen=True)
class SetReset(Task):
    """One bit set by one input and reset by another, in turns (Atanasov 2016).

    After ``input_wait`` steps come ``n_turns`` turns: one of the two inputs, each with probability 1/2, fires
    (is 1) for ``stim_dur`` steps, then both are quiet.  Input 0 resets the output to 0, input 1 sets it to 1.
    Loss and score see the quiet periods only (mask 1); elsewhere the target is 0.5 and the mask 0.

    All durations are in steps.  With one fixed gap a network can score perfectly with a transient of just
    that length; gaps of unpredictable length call for two stable states.

    With a range of gaps, one is drawn for each trial and turn, uniformly with both ends included, and
    trials keep the common length ``n_steps`` = input_wait + n_turns * (stim_dur + mean gap), rounded up:
    turns that run past the end are cut, and a last quiet period that would stop early is held on to the end
    of the trial, though for no more than the longest gap; what remains is masked.

    Args:
        n_turns: firing and quiet periods per trial.
        input_wait: quiet steps before the first turn.
        stim_dur: steps an input fires.
        quiet_gap: quiet steps after it: a number, or a range (shortest, longest).
        input_noise: standard deviation of Gaussian noise per step and channel.

    Raises:
        InputError: a parameter is out of its range; the message names it.

    >>> task = SetReset(quiet_gap=20)
    >>> task.sample(8)
    Trials(8 trials, 153 steps, 2 inputs, 1 output)
    >>> task.machine["reset", "set"]
    'set'
    """

    n_turns: int = 5
    _: KW_ONLY
    input_wait: int = 3
    stim_dur: int = 10
    quiet_gap: Gap = (10, 80)
    input_noise: float = 0.1

    def __post_init__(self) -> None:
        checks.count("n_turns", self.n_turns)
        checks.count("input_wait", self.input_wait, least=0)
        checks.count("stim_dur", self.stim_dur)
        object.__setattr__(self, "quiet_gap", gap("quiet_gap", self.quiet_gap))
        checks.number("input_noise", self.input_noise, above=0)

    @property
    def n_inputs(self) -> int:
        """Two: input 0 resets, input 1 sets."""
        return 2

    @property
    def n_outputs(self) -> int:
        """One: 0 after a reset, 1 after a set."""
        return 1

    @property
    def n_steps(self) -> int:
        """Length of a trial, in steps."""
        quiet = math.ceil(self.n_turns * sum(ends(self.quiet_gap)) / 2)
        return self.input_wait + self.n_turns * self.stim_dur + quiet

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"``, and each input held on: ``"reset"`` and ``"set"``."""
        return {"rest": self.rest, "reset": np.array([1.0, 0.0]), "set": np.array([0.0, 1.0])}

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """``"reset"`` and ``"set"``: one input on for ``stim_dur`` steps, (stim_dur, 2)."""
        return {name: np.tile(self.drives[name], (self.stim_dur, 1)) for name in _SWITCH}

    @property
    def machine(self) -> dict[tuple[str, str], str]:
        """The last pulse decides, whatever was held before."""
        return {(memory, pulse): pulse for memory in _SWITCH for pulse in _SWITCH}

    def delayed(self, gap: int) -> SetReset:
        """The same task with all quiet periods as long as the longest, and so many steps more: asked at their ends."""
        return dataclasses.replace(self, quiet_gap=ends(self.quiet_gap)[1] + checks.count("gap", gap, least=0))

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials.

        Conditions: ``"last"``, the last pulse begun, and ``"quiet_gap"``, the mean quiet steps per turn.
        """
        seed, n_trials = seeding.as_seed(seed), checks.count("n_trials", n_trials)
        size = (n_trials, self.n_turns)
        gaps = draw_gaps(self.quiet_gap, size, seeding.stream(seed, "set-reset", "gaps"))
        values = seeding.stream(seed, "set-reset", "turns").integers(0, 2, size)
        starts = self.input_wait + np.cumsum(self.stim_dur + gaps, axis=1) - (self.stim_dur + gaps)
        turn, age = turns(starts, self.n_steps)
        value = np.take_along_axis(values, np.maximum(turn, 0), axis=1)
        firing = (turn >= 0) & (age < self.stim_dur)
        longest = self.stim_dur + ends(self.quiet_gap)[1]
        quiet = (turn >= 0) & (age >= self.stim_dur) & (age < longest)
        inputs = np.stack([firing & (value == 0), firing & (value == 1)], axis=-1).astype(np.float32)
        return Trials(
            noisy(inputs, self.input_noise, seeding.stream(seed, "set-reset", "noise")),
            *answers(value, quiet),
            {"last": np.array(_SWITCH)[value[:, -1]], "quiet_gap": quiet.sum(axis=1) / (turn[:, -1] + 1)},
        )

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Right where output and target lie on the same side of 0.5."""
        return (outputs > 0.5) == (targets > 0.5)

    def decode(self, outputs: Any) -> np.ndarray:
        """``"set"`` above 0.5, else ``"reset"``, one per row of outputs (..., 1); NaN reads as ``"?"``."""
        return halves(outputs, _SWITCH)
