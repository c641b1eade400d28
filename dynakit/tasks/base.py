"""What a network is asked to do: the interface of a task.

A task is a frozen dataclass of its parameters.  It draws trials, measures how well given outputs solve them,
and says which constant inputs and which pulses are worth analysing.  It knows nothing of models.

To write a task: subclass :class:`Task`, provide ``n_inputs``, ``n_outputs``, ``sample``,
``correct`` and ``decode``, and the rest works; override ``drives``, ``pulses`` and ``machine`` where
there is more to say.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .. import checks
from ..errors import InputError
from ..records import Record
from .trials import Trials, score_mask


@dataclass(frozen=True)
class Task(Record, abc.ABC):
    """What a network must do: a frozen dataclass of its parameters that draws and judges trials."""

    @property
    @abc.abstractmethod
    def n_inputs(self) -> int:
        """Input channels."""

    @property
    @abc.abstractmethod
    def n_outputs(self) -> int | None:
        """Output channels; None for a user's trials without targets."""

    @abc.abstractmethod
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw ``n_trials`` trials; the same seed gives the same trials, bit for bit."""

    def sample_each(self, n_trials: int, seeds: Sequence[Any]) -> list[Trials]:
        """The trials that :meth:`sample` draws under each seed; for tasks that can draw them at once, bit for bit."""
        return [self.sample(n_trials, seed) for seed in seeds]

    @abc.abstractmethod
    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Which outputs are right: a boolean tensor of the shape of both arguments."""

    @abc.abstractmethod
    def decode(self, outputs: Any) -> np.ndarray:
        """The memory that readout values (..., output) stand for: strings (...), "?" where none."""

    @property
    def rest(self) -> np.ndarray:
        """The input at rest: (input,) zeros."""
        return np.zeros(self.n_inputs)

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """The constant drives worth analysing: name -> (input,), ``"rest"`` first."""
        return {"rest": self.rest}

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """What may hit a resting network: name -> (step, input)."""
        return {}

    @property
    def machine(self) -> dict[tuple[str, str], str] | None:
        """The ideal automaton, (memory, pulse) -> memory in the words of :meth:`decode`, or None."""
        return None

    @property
    def question(self) -> np.ndarray | None:
        """What asks for an answer that had to wait: the inputs (step, input) that end each trial; None: the trials say.

        Given where all kinds of inputs come before it, so that the trials show none under which they wait.
        """
        return None

    @property
    def unsaved(self) -> str | None:
        """Why this task is not saved with a report: its class is not of this package; None where it is saved."""
        ours = type(self).__module__.startswith(f"{__name__.partition('.')[0]}.")
        return None if ours else f"a {type(self).__name__} of your own is not saved; rebuild it"

    @property
    def rest_problem(self) -> str | None:
        """Why nothing can be said about what lasts at rest, or None."""
        return None

    @property
    def graded(self) -> bool:
        """Whether a value is remembered, and not one of a few answers."""
        return False

    def ideal(self, trials: Trials) -> torch.Tensor:
        """What a perfect network would answer, (trial, time, output): the targets, unless several answers are right.

        Raises:
            InputError: the trials have no targets.
        """
        if trials.targets is None:
            raise InputError("these trials have no targets, so that nothing is asked for")
        return trials.targets

    def score(self, outputs: Any, trials: Trials) -> float:
        """Fraction of correct outputs, 0..1, where the score mask of the trials is 1.

        Outputs (trial, time, output) may be a tensor or an array; NaN and infinite ones count as wrong.

        Raises:
            InputError: the trials have no targets, the shapes differ, or the mask leaves nothing to score.
        """
        outputs, targets = comparable(outputs, trials)
        outputs = outputs.detach()
        right = self.correct(outputs, targets) & torch.isfinite(outputs)
        return float(masked_mean(right.double(), score_mask(trials)))

    def loss(self, outputs: Any, trials: Trials) -> torch.Tensor:
        """Mean squared error of outputs (trial, time, output) where the mask is 1: a differentiable scalar.

        Raises:
            InputError: the trials have no targets, the shapes differ, or the mask leaves nothing to compare.
        """
        outputs, targets = comparable(outputs, trials)
        error = outputs - targets
        if trials.mask is not None:  # beyond the end of a trial outputs may be anything, NaN too
            error = error.where(trials.mask.to(error.device) > 0, 0.0)
        return masked_mean(error**2, trials.mask)


def sign_marks(values: np.ndarray) -> np.ndarray:
    """Signs such as ``"+-+"``, one string per row of values (..., output); 0 and NaN are ``"?"``."""
    marks = np.where(values > 0, "+", np.where(values < 0, "-", "?"))
    return np.ascontiguousarray(marks).view(f"U{marks.shape[-1]}")[..., 0]


def masked_mean(values: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Mean of ``values`` where ``mask`` is 1 (everywhere for None)."""
    if mask is None:
        return values.mean()
    mask = mask.to(values.device)
    n = mask.sum(dtype=torch.float64)
    if n == 0:
        raise InputError("the mask of these trials is 0 everywhere: there is nothing to compare")
    return (values * mask).sum() / n.to(values.dtype)


def comparable(outputs: Any, trials: Trials) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs as a tensor, and the targets on its device and in its precision."""
    if trials.targets is None:
        raise InputError(
            "these trials have no targets, so outputs can be neither scored nor trained; give targets"
        )
    if isinstance(outputs, tuple):
        raise InputError("outputs must be one array, got a tuple; of a model's answer pass .outputs")
    if not isinstance(outputs, torch.Tensor):
        outputs = torch.from_numpy(checks.reals("outputs", outputs, finite=False))
    checks.matches_shape("outputs", outputs.shape, tuple(trials.targets.shape))
    if not outputs.is_floating_point():
        raise InputError(f"outputs must be real floating-point numbers, got dtype {outputs.dtype}")
    return outputs, trials.targets.to(device=outputs.device, dtype=outputs.dtype)


def cross_entropy(outputs: Any, trials: Trials) -> torch.Tensor:
    """Mean of -sum_k target_k log softmax(outputs)_k, in nats, where the mask is 1: a differentiable scalar.

    Raises:
        InputError: as :meth:`Task.loss`.
    """
    outputs, targets, asked = _asked(outputs, trials)
    unlikely = -(targets * outputs.log_softmax(-1)).sum(-1, keepdim=True)
    return masked_mean(unlikely, None if asked is None else asked[..., :1])


def signs_entropy(outputs: Any, trials: Trials) -> torch.Tensor:
    """Mean over steps of sum_k log(1 + exp(-target_k output_k)), in nats, for targets of +-1, where the mask is 1.

    Raises:
        InputError: as :meth:`Task.loss`.
    """
    outputs, targets, asked = _asked(outputs, trials)
    return masked_mean(torch.nn.functional.softplus(-targets * outputs), asked) * outputs.shape[-1]


def _asked(outputs: Any, trials: Trials) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Outputs that are zero where they are not asked for, targets, and the mask."""
    outputs, targets = comparable(outputs, trials)
    if trials.mask is None:
        return outputs, targets, None
    asked = trials.mask.to(outputs)
    return outputs.where(asked > 0, 0.0), targets, asked  # beyond the end of a trial outputs may be anything
