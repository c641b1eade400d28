"""A batch of trials, of one length or of several: what comes in, what should come out, and where it counts.

Trials of unequal length are filled up to the longest, and ``lengths`` says where each ends.  What lies beyond is no
part of a trial: it is set to zero when the batch is made, and the masks are 0 there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from .. import checks
from ..errors import InputError
from ..records import Record
from ..surroundings import in_own_surroundings
from ..wording import counted


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
        lengths: (trial,) steps of each trial, whole numbers from 1 on; None = all of the time axis.  What the arrays
            hold beyond a trial's end may be anything, NaN too: it becomes zero, and the masks are 0 there.
        score_mask: as ``mask``, for the score; None = ``mask``.

    Raises:
        InputError: an array has the wrong shape, disagrees with ``inputs``, or holds NaN or infinity.

    >>> trials = Trials(np.zeros((8, 50, 2)), conditions={"side": ["left", "right"] * 4})
    >>> trials
    Trials(8 trials, 50 steps, 2 inputs, no targets)
    >>> trials[trials.conditions["side"] == "left"]
    Trials(4 trials, 50 steps, 2 inputs, no targets)
    >>> Trials(np.ones((3, 50, 2)), lengths=[20, 50, 30])
    Trials(3 trials, 20 to 50 steps, 2 inputs, no targets)
    """

    inputs: torch.Tensor
    targets: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    conditions: dict[str, np.ndarray] = field(default_factory=dict)
    lengths: torch.Tensor = None  # type: ignore[assignment]  # int64 once made
    score_mask: torch.Tensor | None = None

    @in_own_surroundings
    def __post_init__(self) -> None:
        inputs = _tensor("inputs", self.inputs, ("trial", "time", "input"))
        lengths = _lengths(self.lengths, *inputs.shape[:2])
        beyond = ~_until(lengths, inputs.shape[1])[:, :, None] if (lengths < inputs.shape[1]).any() else None
        inputs = _finite("inputs", inputs, beyond)
        targets = self.targets
        if targets is not None:
            targets = _tensor("targets", targets, ("trial", "time", "output"))
            _agree("targets", targets, inputs)
            targets = _finite("targets", targets, beyond)
        masks = {name: getattr(self, name) for name in ("mask", "score_mask")}
        if masks["mask"] is None and targets is not None and beyond is not None:
            masks["mask"] = torch.ones_like(targets)
        masks = {
            name: None if m is None else _mask(name, m, inputs, targets, beyond) for name, m in masks.items()
        }
        labels = {
            name: _labels(name, values, len(inputs)) for name, values in dict(self.conditions or {}).items()
        }
        fields = {"inputs": inputs, "targets": targets, "conditions": labels, "lengths": lengths, **masks}
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def n_steps(self) -> int:
        """Length of the time axis, in steps: that of the longest trial, or more."""
        return self.inputs.shape[1]

    @property
    def ragged(self) -> bool:
        """Whether a trial ends before the time axis does."""
        return bool((self.lengths < self.n_steps).any())

    @property
    def valid(self) -> torch.Tensor:
        """Which steps belong to a trial: boolean (trial, time)."""
        return _until(self.lengths, self.n_steps)

    @property
    def last_asked(self) -> np.ndarray:
        """(trial,) the last step that is scored, from 0; of trials in which nothing is, the last step."""
        mask = score_mask(self)
        counted = self.valid if mask is None else self.valid & (mask != 0).any(2).to(self.valid.device)
        last = self.n_steps - 1 - counted.flip(1).long().argmax(1)
        return torch.where(counted.any(1), last, self.lengths - 1).numpy(force=True)

    @property
    def joined(self) -> torch.Tensor:
        """The inputs of all trials end to end: (step, input)."""
        return self.inputs[self.valid.to(self.inputs.device)]

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
        return self._of(rows.reshape(-1))  # an integer keeps the trial axis

    def parts(self, n_trials: int) -> list[Trials]:
        """The same trials, so many at a time: views, which hold what has been looked at already."""
        return [self._view(slice(k, k + n_trials)) for k in range(0, len(self), n_trials)]

    def _view(self, rows: slice) -> Trials:
        part = object.__new__(Trials)
        for name in ("inputs", "targets", "mask", "lengths", "score_mask"):
            value = getattr(self, name)
            object.__setattr__(part, name, None if value is None else value[rows])
        object.__setattr__(part, "conditions", {name: values[rows] for name, values in self.conditions.items()})
        return part

    def until_the_longest(self) -> Trials:
        """The same trials without the steps at the end that none of them has."""
        longest = int(self.lengths.max()) if len(self) else self.n_steps
        return self if longest == self.n_steps else self._of(slice(None), slice(longest))

    def _of(self, rows: Any, steps: slice = slice(None)) -> Trials:
        labels = {name: values[rows] for name, values in self.conditions.items()}
        inputs, targets, mask, score_mask = (
            None if tensor is None else tensor[rows, steps]
            for tensor in (self.inputs, self.targets, self.mask, self.score_mask)
        )
        assert inputs is not None
        return Trials(inputs, targets, mask, labels, self.lengths[rows], score_mask)

    def __repr__(self) -> str:
        sizes = {"trial": len(self), "step": self.n_steps, "input": self.n_inputs, "output": self.n_outputs}
        said = [f"{n} {unit}{'s' * (n != 1)}" if n is not None else "no targets" for unit, n in sizes.items()]
        if self.ragged:
            low, high = int(self.lengths.min()), int(self.lengths.max())
            said[1] = f"{low} to {counted(high, 'step')}" if low < high else f"{counted(low, 'step')} of {self.n_steps}"
        return f"Trials({', '.join(said)})"


def _tensor(name: str, value: Any, axes: tuple[str, str, str]) -> torch.Tensor:
    """``value`` as a float32 tensor with these axes, detached from any graph."""
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        tensor = value.detach().float()
    else:
        tensor = torch.from_numpy(checks.reals(name, value, finite=False)).float()
    checks.matches_shape(name, tensor.shape, axes)
    return tensor


def _finite(name: str, tensor: torch.Tensor, beyond: torch.Tensor | None) -> torch.Tensor:
    """The tensor, zero in what is beyond the ends of trials; InputError where it is not finite before."""
    if beyond is not None:
        tensor = tensor.masked_fill(beyond.to(tensor.device), 0.0)
    if not torch.isfinite(tensor.sum()):  # one cheap look; the thorough one names the first bad index
        checks.reals(name, tensor)
    return tensor


def _lengths(value: Any, n_trials: int, n_steps: int) -> torch.Tensor:
    """The steps of each trial, int64."""
    if value is None:
        return torch.full((n_trials,), n_steps)
    array = checks.rectangular("lengths", value)
    if array.shape != (n_trials,) or (array.size and array.dtype.kind not in "iu"):
        raise InputError(
            f"lengths must hold a whole number of steps per trial, shape ({n_trials},), got {array.dtype} of shape "
            f"{array.shape}"
        )
    for k in np.flatnonzero((array < 1) | (array > n_steps))[:1]:
        raise InputError(
            f"lengths must be from 1 to the {n_steps} steps of the time axis, got {array[k]} for trial {k}"
        )
    return torch.from_numpy(array.astype(np.int64))


def _until(lengths: torch.Tensor, n_steps: int) -> torch.Tensor:
    return torch.arange(n_steps) < lengths[:, None]


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


def _mask(
    name: str, value: Any, inputs: torch.Tensor, targets: torch.Tensor | None, beyond: torch.Tensor | None
) -> torch.Tensor:
    """A mask as zeros and ones of the shape of ``targets``, zero beyond the ends of trials."""
    if not isinstance(value, torch.Tensor):
        value = checks.rectangular(name, value)
        value = torch.from_numpy(
            value.astype(np.float32) if value.dtype.kind in "biu" else checks.reals(name, value, finite=False)
        )
    mask = value.float()[:, :, None] if value.ndim == 2 else value.float()
    checks.matches_shape(name, mask.shape, ("trial", "time", "output"))
    _agree(name, mask, inputs)
    if beyond is not None:
        mask = mask.masked_fill(beyond.to(mask.device), 0.0)
    if targets is not None:
        if mask.shape[2] == 1:
            mask = mask.expand_as(targets).contiguous()
        checks.matches_shape(name, mask.shape, tuple(targets.shape))
    if not ((mask == 0) | (mask == 1)).all():
        raise InputError(f"{name} must hold only 0 and 1, or be boolean")
    return mask


def _labels(name: str, values: Any, n_trials: int) -> np.ndarray:
    """One label per trial: numbers, booleans or strings."""
    array = checks.rectangular(f"conditions[{name!r}]", values)
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


def score_mask(trials: Trials) -> torch.Tensor | None:
    """The mask that scores use: ``trials.score_mask``, else ``trials.mask``."""
    return trials.mask if trials.score_mask is None else trials.score_mask
