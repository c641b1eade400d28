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
from .base import Task, Trials, score_mask, sign_marks


@dataclass(frozen=True, eq=False, repr=False)
class ArrayTask(Task):
    """Trials that were given, not generated; made by :func:`from_arrays`.

    Args:
        trials: all of them.
        own_pulses: name -> (step, input), what may hit a resting network.
        own_drives: name -> (input,), constant inputs worth analysing besides rest.
    """

    trials: Trials
    own_pulses: dict[str, np.ndarray] = field(default_factory=dict)
    own_drives: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.trials) or not self.trials.n_steps:
            raise InputError(f"trials must hold at least one trial of at least one step, got {self.trials!r}")
        shape = ("step", self.trials.n_inputs)
        pulses = {
            name: checks.reals(f"pulses[{name!r}]", p, shape) for name, p in dict(self.own_pulses).items()
        }
        drives = {
            name: checks.reals(f"drives[{name!r}]", u, (self.trials.n_inputs,))
            for name, u in dict(self.own_drives).items()
        }
        if "rest" in drives:
            raise InputError("drives must not name 'rest': it is the input at rest, and always there")
        object.__setattr__(self, "own_pulses", pulses)
        object.__setattr__(self, "own_drives", drives)

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
    def pulses(self) -> dict[str, np.ndarray]:
        """The pulses that were given: name -> (step, input)."""
        return dict(self.own_pulses)

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"``, and the constant inputs that were given: name -> (input,)."""
        return {"rest": self.rest, **self.own_drives}

    @cached_property
    def levels(self) -> np.ndarray:
        """The distinct values that targets take where the score looks, rising; empty without targets."""
        if self.trials.targets is None:
            return np.zeros(0, dtype=np.float32)
        mask = score_mask(self.trials)
        targets = self.trials.targets if mask is None else self.trials.targets[mask > 0]
        return np.unique(targets.cpu().numpy())

    @property
    def middle(self) -> float:
        """Half way between the smallest and the largest target; 0 without targets."""
        return float(self.levels[0] + self.levels[-1]) / 2 if len(self.levels) else 0.0

    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials, each at most once as long as there are enough of them, otherwise with repetition."""
        n_trials, n = checks.count("n_trials", n_trials), len(self.trials)
        rng = seeding.stream(seeding.as_seed(seed), "arrays", "rows")
        return self.trials[rng.permutation(n)[:n_trials] if n_trials <= n else rng.integers(n, size=n_trials)]

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Right where output and target lie on the same side of :attr:`middle`."""
        return (outputs > self.middle) == (targets > self.middle)

    def score(self, outputs: Any, trials: Trials) -> float:
        """Fraction of right outputs if all targets take exactly two values, otherwise R^2 clipped to 0..1.

        An output is right on its target's side of the midpoint between the two values.  R^2 is 1 minus the
        sum of squared errors over that of the targets about each output's mean, where the score mask is 1;
        an output that is not finite there makes it 0, and so does any error on targets that never vary.

        Raises:
            InputError: as :meth:`Task.score`.
        """
        fraction = super().score(outputs, trials)
        return fraction if len(self.levels) == 2 else explained_variance(outputs, trials)

    def decode(self, outputs: Any) -> np.ndarray:
        """``"+"`` above and ``"-"`` below :attr:`middle`, one mark per output, ``"?"`` on it or for NaN."""
        return sign_marks(checks.reals("outputs", outputs, (..., "output"), finite=False) - self.middle)

    def __repr__(self) -> str:
        pulses = f", pulses {', '.join(map(repr, self.own_pulses))}" if self.own_pulses else ""
        return f"ArrayTask({self.trials!r}{pulses})"


def explained_variance(outputs: Any, trials: Trials) -> float:
    """Share of the targets' variance that the outputs explain under the score mask, clipped to 0..1."""
    target = checks.reals("targets", trials.targets)
    error = (checks.reals("outputs", outputs, finite=False) - target) ** 2
    mask = score_mask(trials)
    weight = np.ones_like(target) if mask is None else checks.reals("mask", mask)
    total = weight.sum(axis=(0, 1))
    mean = (weight * target).sum(axis=(0, 1)) / np.maximum(total, 1)
    unexplained = error[weight > 0].sum()
    variation = (weight * (target - mean) ** 2).sum()
    if not np.isfinite(unexplained) or unexplained >= variation:
        return float(unexplained == 0)
    return float(1 - unexplained / variation)


def from_arrays(
    inputs: Any,
    targets: Any = None,
    mask: Any = None,
    conditions: Mapping[str, Any] | None = None,
    pulses: Mapping[str, Any] | None = None,
    *,
    drives: Mapping[str, Any] | None = None,
) -> ArrayTask:
    """A task made of a user's own trials.

    Args:
        inputs: (trial, time, input), an array, a tensor or a list of (time, input) trials of one length.
        targets: (trial, time, output), or None for a task that is only to be analysed.
        mask: (trial, time, output), (trial, time) or (trial, time, 1), 1 or True where the targets count.
        conditions: name -> one label per trial, such as a coherence or a choice.
        pulses: name -> (step, input): what may hit a resting network.
        drives: name -> (input,): constant inputs worth analysing, besides rest.

    Returns:
        A task whose ``trials`` are all of them, whose ``sample`` draws among them, and whose rest is zero input.

    Raises:
        InputError: an array has the wrong number of axes, trials differ in length, arrays disagree, one seems
            to be time first, or a value is not finite.

    >>> rng = np.random.default_rng(0)
    >>> inputs = rng.normal(size=(20, 50, 2))
    >>> task = from_arrays(inputs, targets=inputs.cumsum(axis=1)[:, :, :1])
    >>> task
    ArrayTask(Trials(20 trials, 50 steps, 2 inputs, 1 output))
    >>> trials = task.sample(5, seed=1)
    >>> task.score(trials.targets, trials)
    1.0
    """
    inputs = _stack("inputs", inputs)
    shape = tuple(np.shape(inputs))
    if len(shape) != 3:
        hint = "; a single input still needs its axis, [:, :, None]" if len(shape) == 2 else ""
        raise InputError(f"inputs must have shape (trial, time, input), got {shape}{hint}")
    if 0 in shape[:2]:
        raise InputError(f"inputs must hold at least one trial of at least one step, got shape {shape}")
    targets = None if targets is None else _stack("targets", targets)
    mask = None if mask is None else _stack("mask", mask)
    for name, named in (("conditions", conditions), ("pulses", pulses), ("drives", drives)):
        if named is not None and not isinstance(named, Mapping):
            raise InputError(f"{name} must be a dictionary of arrays by name, got {type(named).__name__}")
    trials = Trials(inputs, targets, mask, dict(conditions or {}))
    return ArrayTask(trials, dict(pulses or {}), dict(drives or {}))


def _stack(name: str, value: Any) -> Any:
    """A list of equally long trials as one array; anything else as it is."""
    if not isinstance(value, (list, tuple)):
        return value
    rows = [_plain(f"{name}[{i}]", row) for i, row in enumerate(value)]
    for i, row in enumerate(rows):
        if row.shape != rows[0].shape:
            raise InputError(
                f"{name} must hold trials of one shape, but trial 0 has shape {rows[0].shape} and "
                f"trial {i} has {row.shape}; pad them to one length and mask the padding"
            )
    return np.stack(rows) if rows else np.zeros(0)


def _plain(name: str, value: Any) -> np.ndarray:
    """An array, a tensor or nested lists as an array; whole numbers in lists are read as floats."""
    if hasattr(value, "dtype"):
        return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name} must be a rectangular array of numbers ({error})") from None
    return array.astype(float) if array.dtype.kind in "iu" else array
