"""What a network is asked to do: the interface of a task, and the trials it draws.

A task is a frozen dataclass of its parameters.  It draws trials, measures how well given outputs solve them,
and says which constant inputs and which pulses are worth analysing.  It knows nothing of models.

To write a task: subclass :class:`Task`, provide ``n_inputs``, ``n_outputs``, ``sample``,
``correct`` and ``decode``, and the rest works; override ``drives``, ``pulses`` and ``machine`` where
there is more to say.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from .. import checks
from ..errors import InputError
from ..records import Record
from ..surroundings import in_own_surroundings


@dataclass(frozen=True, eq=False, repr=False)
class Trials(Record):
    """A batch of trials: what comes in, what should come out, and where it counts.

    NumPy arrays and floating-point tensors are accepted and stored as float32 tensors; masks may also be
    boolean.  A mask of shape (trial, time) or (trial, time, 1) is spread over the outputs.

    Args:
        inputs: (trial, time, input).
        targets: (trial, time, output), or None where nothing is asked (trials that are only to be analysed).
        mask: (trial, time, output), 1 where the loss counts and 0 elsewhere; None = everywhere.
        conditions: name -> (trial,) array: what distinguishes the trials (a coherence, the last memory, ...).
        score_mask: as ``mask``, for the score; None = ``mask``.

    Raises:
        InputError: an array has the wrong shape, disagrees with ``inputs``, or holds NaN or infinity.

    >>> trials = Trials(np.zeros((8, 50, 2)), conditions={"side": ["left", "right"] * 4})
    >>> trials
    Trials(8 trials, 50 steps, 2 inputs, no targets)
    >>> trials[trials.conditions["side"] == "left"]
    Trials(4 trials, 50 steps, 2 inputs, no targets)
    """

    inputs: torch.Tensor
    targets: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    conditions: dict[str, np.ndarray] = field(default_factory=dict)
    score_mask: torch.Tensor | None = None

    @in_own_surroundings
    def __post_init__(self) -> None:
        inputs = _tensor("inputs", self.inputs, ("trial", "time", "input"))
        targets = self.targets
        if targets is not None:
            targets = _tensor("targets", targets, ("trial", "time", "output"))
            _agree("targets", targets, inputs)
        masks = {name: getattr(self, name) for name in ("mask", "score_mask")}
        masks = {name: None if m is None else _mask(name, m, inputs, targets) for name, m in masks.items()}
        labels = {
            name: _labels(name, values, len(inputs)) for name, values in dict(self.conditions or {}).items()
        }
        for name, value in {"inputs": inputs, "targets": targets, "conditions": labels, **masks}.items():
            object.__setattr__(self, name, value)

    @property
    def n_steps(self) -> int:
        """Length of the time axis, in steps."""
        return self.inputs.shape[1]

    @property
    def n_inputs(self) -> int:
        """Input channels."""
        return self.inputs.shape[2]

    @property
    def n_outputs(self) -> int | None:
        """Output channels; None without targets."""
        return None if self.targets is None else self.targets.shape[2]

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: Any) -> Trials:
        """The trials chosen by an integer, a slice, a list of integers or a boolean mask over trials."""
        rows = np.arange(len(self))[index]
        rows = rows.reshape(-1)  # an integer keeps the trial axis
        labels = {name: values[rows] for name, values in self.conditions.items()}
        targets, mask, score_mask = (
            None if tensor is None else tensor[rows] for tensor in (self.targets, self.mask, self.score_mask)
        )
        return Trials(self.inputs[rows], targets, mask, labels, score_mask)

    def __repr__(self) -> str:
        sizes = {"trial": len(self), "step": self.n_steps, "input": self.n_inputs, "output": self.n_outputs}
        said = (f"{n} {unit}{'s' * (n != 1)}" if n is not None else "no targets" for unit, n in sizes.items())
        return f"Trials({', '.join(said)})"


def _tensor(name: str, value: Any, axes: tuple[str, str, str]) -> torch.Tensor:
    """``value`` as a finite float32 tensor with these axes, detached from any graph."""
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        tensor = value.detach().float()
    else:
        tensor = torch.from_numpy(checks.reals(name, value, finite=False)).float()
    checks.matches_shape(name, tensor.shape, axes)
    if not torch.isfinite(tensor.sum()):  # one cheap look; the thorough one names the first bad index
        checks.reals(name, tensor)
    return tensor


def _agree(name: str, tensor: torch.Tensor, inputs: torch.Tensor) -> None:
    """Raise unless ``tensor`` has the trials and time steps of ``inputs``."""
    got, expected = tuple(tensor.shape[:2]), tuple(inputs.shape[:2])
    if got == expected:
        return
    text = f"{name} has {got[0]} trials of {got[1]} steps, inputs has {expected[0]} of {expected[1]}"
    if got == expected[::-1]:
        text += (
            "; one of the two seems to be time first: arrays are (trial, time, unit), "
            "so swap its first two axes, for example with .swapaxes(0, 1)"
        )
    raise InputError(text)


def _mask(name: str, value: Any, inputs: torch.Tensor, targets: torch.Tensor | None) -> torch.Tensor:
    """A mask as zeros and ones of the shape of ``targets``."""
    if not isinstance(value, torch.Tensor):
        value = np.asarray(value)
        value = torch.from_numpy(
            value.astype(np.float32) if value.dtype.kind in "biu" else checks.reals(name, value)
        )
    mask = value.float()[:, :, None] if value.ndim == 2 else value.float()
    checks.matches_shape(name, mask.shape, ("trial", "time", "output"))
    _agree(name, mask, inputs)
    if targets is not None:
        if mask.shape[2] == 1:
            mask = mask.expand_as(targets).contiguous()
        checks.matches_shape(name, mask.shape, tuple(targets.shape))
    if not ((mask == 0) | (mask == 1)).all():
        raise InputError(f"{name} must hold only 0 and 1, or be boolean")
    return mask


def _labels(name: str, values: Any, n_trials: int) -> np.ndarray:
    """One label per trial: numbers, booleans or strings."""
    array = np.asarray(values)
    if array.dtype.kind == "O" and all(isinstance(v, str) for v in array.ravel()):
        array = array.astype(str)
    if array.dtype.kind not in "biufU":
        raise InputError(f"conditions[{name!r}] must hold numbers or strings, got dtype {array.dtype}")
    if array.shape != (n_trials,):
        raise InputError(
            f"conditions[{name!r}] must hold one label per trial, shape ({n_trials},), got {array.shape}; "
            "constant inputs worth analysing are given as drives"
        )
    return array


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

    def score(self, outputs: Any, trials: Trials) -> float:
        """Fraction of correct outputs, 0..1, where the score mask of the trials is 1.

        Outputs (trial, time, output) may be a tensor or an array; NaN and infinite ones count as wrong.

        Raises:
            InputError: the trials have no targets, the shapes differ, or the mask leaves nothing to score.
        """
        outputs, targets = _comparable(outputs, trials)
        outputs = outputs.detach()
        right = self.correct(outputs, targets) & torch.isfinite(outputs)
        return float(masked_mean(right.double(), score_mask(trials)))

    def loss(self, outputs: Any, trials: Trials) -> torch.Tensor:
        """Mean squared error of outputs (trial, time, output) where the mask is 1: a differentiable scalar.

        Raises:
            InputError: the trials have no targets, the shapes differ, or the mask leaves nothing to compare.
        """
        outputs, targets = _comparable(outputs, trials)
        return masked_mean((outputs - targets) ** 2, trials.mask)


def score_mask(trials: Trials) -> torch.Tensor | None:
    """The mask that scores use: ``trials.score_mask``, else ``trials.mask``."""
    return trials.mask if trials.score_mask is None else trials.score_mask


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


def _comparable(outputs: Any, trials: Trials) -> tuple[torch.Tensor, torch.Tensor]:
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
