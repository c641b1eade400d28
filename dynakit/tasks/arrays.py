"""A user's own trials as a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from .. import checks, seeding
from ..errors import InputError
from ..surroundings import in_own_surroundings
from .answers import Reading, as_reading, explained_variance
from .base import Task
from .given import blank, ends_of, one_hot_classes, stacked
from .resting import Resting, as_rest, one_hot
from .trials import Trials

MOST_TOKENS = 100_000  # whole numbers up to here may be tokens


@dataclass(frozen=True, eq=False, repr=False)
class ArrayTask(Task):
    """Trials that were given, not generated; made by :func:`from_arrays`, which describes the arguments."""

    trials: Trials
    own_pulses: dict[str, np.ndarray] = field(default_factory=dict)
    own_drives: dict[str, np.ndarray] = field(default_factory=dict)
    own_rest: np.ndarray | None = None
    own_decode: Any = None
    own_machine: dict[tuple[str, str], str] | None = None
    dt: float | None = None

    def __post_init__(self) -> None:
        trials = self.trials
        if not len(trials) or not trials.n_steps:
            raise InputError(f"trials must hold at least one trial of at least one step, got {trials!r}")
        shape, size = ("step", trials.n_inputs), (trials.n_inputs,)
        pulses = {str(name): checks.reals(f"pulses[{name!r}]", p, shape) for name, p in self.own_pulses.items()}
        drives = {str(name): checks.reals(f"drives[{name!r}]", u, size) for name, u in self.own_drives.items()}
        if "rest" in drives:
            raise InputError("drives must not name 'rest': give it as rest=")
        object.__setattr__(self, "own_pulses", pulses)
        object.__setattr__(self, "own_drives", drives)
        if self.dt is not None:
            object.__setattr__(self, "dt", checks.number("dt", self.dt, above=0.0))
        object.__setattr__(self, "own_machine", self._machine_that_fits())
        if self.own_rest is not None:
            object.__setattr__(self, "own_rest", self.resting.input)

    @cached_property
    def reading(self) -> Reading:
        """How outputs are read: as given by ``decode``, or as the targets suggest."""
        return as_reading(self.own_decode, self.trials)

    @cached_property
    def resting(self) -> Resting:
        """The input at rest, and why."""
        return as_rest(self.own_rest, self.trials, self.own_drives)

    def _machine_that_fits(self) -> dict[tuple[str, str], str] | None:
        """The given automaton in strings; its pulses must be those of the task, its memories words of the reading."""
        reading, machine = self.reading, self.own_machine
        if machine is None:
            return None
        pairs = isinstance(machine, Mapping) and all(isinstance(k, tuple) and len(k) == 2 for k in machine)
        if not pairs:
            raise InputError("machine must be a dictionary {(memory, pulse): memory}")
        found = {(str(m), str(p)): str(after) for (m, p), after in machine.items()}
        for _, pulse in found:
            if pulse not in self.pulses:
                raise InputError(f"machine names a pulse {pulse!r}; those of the task are {list(self.pulses)}")
        if self.trials.targets is not None and not reading.graded:
            known = set(reading.words(self.trials.targets.cpu().numpy()).ravel().tolist())
            for memory in {m for m, _ in found} | set(found.values()):
                if memory not in known:
                    raise InputError(f"machine names a memory {memory!r}; targets decode to {sorted(known)[:12]}")
        return found

    @property
    def n_inputs(self) -> int:
        """Input channels of the trials."""
        return self.trials.n_inputs

    @property
    def n_outputs(self) -> int | None:
        """Output channels of the targets; None without targets."""
        return self.trials.n_outputs

    @property
    def n_steps(self) -> int:
        """Length of the time axis, in steps."""
        return self.trials.n_steps

    @property
    def rest(self) -> np.ndarray:
        """The input at rest, (input,): given, or guessed from the trials; see :attr:`rest_reason`."""
        return self.resting.input.copy()

    @property
    def rest_reason(self) -> str:
        """Why it is that input."""
        return self.resting.reason

    @property
    def rest_problem(self) -> str | None:
        """Why nothing can be said about what lasts at rest; None where the trials show it."""
        if self.resting.shown:
            return None
        return "the trials show no constant input at which to ask what lasts; name one of theirs with rest="

    @property
    def graded(self) -> bool:
        """Whether the targets are values, and not a few answers."""
        return self.reading.graded

    @property
    def unsaved(self) -> str | None:
        """A reading of the user's own is not saved."""
        return "its decode is a function of your own" if callable(self.own_decode) else super().unsaved

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """The pulses that were given, name -> (step, input); else, of one-hot inputs, the tokens but that at rest."""
        rows = self.trials.joined.cpu().numpy()
        if self.own_pulses or not one_hot(rows):
            return dict(self.own_pulses)
        tokens = np.eye(self.n_inputs)
        shown = (rows > 0).any(axis=0) & (self.rest == 0)
        return {f"token {k}": tokens[k : k + 1] for k in np.flatnonzero(shown)}

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"``, and the constant inputs that were given; else that of a response, or those of cues."""
        return {"rest": self.rest, **(self.own_drives or self.resting.drives)}

    @property
    def machine(self) -> dict[tuple[str, str], str] | None:
        """The automaton that was given."""
        return self.own_machine

    @property
    def levels(self) -> np.ndarray:
        """The distinct values that targets take where the score looks, rising; empty without targets."""
        return self.reading.levels

    @property
    def middle(self) -> float:
        """Half way between the smallest and the largest target; 0 without targets."""
        return self.reading.middle

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials, each at most once as long as there are enough of them, otherwise with repetition."""
        n_trials, n = checks.count("n_trials", n_trials), len(self.trials)
        rng = seeding.stream(seeding.as_seed(seed), "arrays", "rows")
        return self.trials[rng.permutation(n)[:n_trials] if n_trials <= n else rng.integers(n, size=n_trials)]

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Where the outputs give the answer of the targets; a graded value within a tenth of the range."""
        if self.graded:
            return (outputs - targets).abs() <= 0.1 * self.reading.spread
        said, asked = (self.reading.answers(y.detach().cpu().numpy()) for y in (outputs, targets))
        return torch.from_numpy((said == asked) & (asked != "?")).to(targets.device).expand(targets.shape)

    @property
    def by_variance(self) -> bool:
        """Whether the score is R^2: targets are graded, or never vary."""
        return self.graded or (len(self.levels) == 1 and self.reading.kind != "own")

    def score(self, outputs: Any, trials: Trials) -> float:
        """Mean over answers of the share that is right, for graded targets R^2 clipped to 0..1; under the score mask.

        The answers are classes (argmax), the sides of the midpoint or the levels of each output, or what a ``decode``
        of your own says.  R^2 is 1 minus the sum of squared errors over that of the targets about each output's mean;
        an output that is not finite there makes it 0, and so does any error on targets that never vary.

        Raises:
            InputError: as :meth:`Task.score`.
        """
        super().score(outputs, trials)
        if self.by_variance:
            return explained_variance(outputs, trials)
        shares = self.reading.shares(checks.reals("outputs", outputs, finite=False), trials)
        if not shares:
            raise InputError("decode finds no answer in these targets where the mask is 1: there is nothing to score")
        return float(np.mean(list(shares.values())))

    def decode(self, outputs: Any) -> np.ndarray:
        """What outputs (..., output) say: signs about :attr:`middle`, the class, the nearest levels, or your own."""
        return self.reading.words(checks.reals("outputs", outputs, (..., "output"), finite=False))

    def __repr__(self) -> str:
        pulses = f", pulses {', '.join(map(repr, self.pulses))}" if self.pulses else ""
        return f"ArrayTask({self.trials!r}{pulses})"


def _missing_axis(inputs: Any) -> str:
    """What is to be done with inputs (trial, time)."""
    array = torch.as_tensor(inputs).numpy(force=True)
    if array.dtype.kind in "iu" and array.size and array.min() >= 0 and 1 < array.max() < MOST_TOKENS:
        return f"; tokens are given one-hot, np.eye({array.max() + 1})[inputs]"
    return "; a single input still needs its axis, [:, :, None]"


@in_own_surroundings
def from_arrays(
    inputs: Any,
    targets: Any = None,
    mask: Any = None,
    conditions: Mapping[str, Any] | None = None,
    pulses: Mapping[str, Any] | None = None,
    *,
    rest: Any = None,
    drives: Mapping[str, Any] | None = None,
    decode: Any = None,
    machine: Mapping[tuple[str, str], str] | None = None,
    dt: float | None = None,
    lengths: Any = None,
) -> ArrayTask:
    """A task made of a user's own trials.

    Args:
        inputs: (trial, time, input), an array or a tensor, or a list of trials (time, input), which may differ in
            length.  Steps of NaN at the end of a trial are no part of it.
        targets: (trial, time, output), or None for a task that is only to be analysed; classes may be whole numbers
            (trial, time), and become one-hot; -1 and -100 are not asked for.
        mask: (trial, time, output), (trial, time) or (trial, time, 1), 1 or True where the targets count.
        conditions: name -> one label per trial, such as a coherence or a choice.
        pulses: name -> (step, input): what may hit a resting network; of one-hot inputs, None: the tokens.
        rest: (input,), the input under which it is asked what lasts, one that the trials show.  None: guessed, and
            ``rest_reason`` says why: the fixation input, the token under which answers stay, zero, the commonest.
        drives: name -> (input,): constant inputs worth analysing besides rest, such as contexts.
        decode: "sign" | "argmax" | "level" | a function (..., output) -> labels (...).  None: argmax for one-hot
            targets, the sign for two values, the level for more.
        machine: the automaton {(memory, pulse): memory} that the task asks for, memories in the words of ``decode``.
        dt: ms per step.
        lengths: (trial,), the steps of each trial where an array is filled up at the end with anything; what lies
            beyond is no part of a trial.  None: all of the time axis, or as the list or the NaN say.

    Returns:
        A task whose ``trials`` are all of them, and whose ``sample`` draws among them.

    Raises:
        InputError: an array has the wrong number of axes, trials differ in more than their length, arrays disagree, one
            seems to be time first, a value is not finite; a rest, drive, decode or machine does not fit the trials.

    >>> rng = np.random.default_rng(0)
    >>> inputs = rng.normal(size=(20, 50, 2))
    >>> task = from_arrays(inputs, targets=inputs.cumsum(axis=1)[:, :, :1])
    >>> task
    ArrayTask(Trials(20 trials, 50 steps, 2 inputs, 1 output))
    >>> trials = task.sample(5, seed=1)
    >>> task.score(trials.targets, trials)
    1.0
    """
    inputs, lengths = stacked("inputs", inputs, lengths)
    shape = tuple(np.shape(inputs))
    if len(shape) != 3:
        hint = _missing_axis(inputs) if len(shape) == 2 else ""
        raise InputError(f"inputs must have shape (trial, time, input), got {shape}{hint}")
    if 0 in shape[:2]:
        raise InputError(f"inputs must hold at least one trial of at least one step, got shape {shape}")
    own = np.full(shape[0], shape[1]) if lengths is None else lengths
    targets, mask = stacked("targets", targets, own)[0], stacked("mask", mask, own)[0]
    lengths = ends_of(inputs, lengths)
    targets, mask = blank(targets, lengths), blank(mask, lengths)
    targets, mask = one_hot_classes(targets, mask, decode)
    for name, named in (("conditions", conditions), ("pulses", pulses), ("drives", drives)):
        if named is not None and not isinstance(named, Mapping):
            raise InputError(f"{name} must be a dictionary of arrays by name, got {type(named).__name__}")
    trials = Trials(inputs, targets, mask, dict(conditions or {}), lengths)
    own_machine = dict(machine) if isinstance(machine, Mapping) else machine
    return ArrayTask(trials, dict(pulses or {}), dict(drives or {}), rest, decode, own_machine, dt)
