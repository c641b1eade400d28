"""What the methods of gradient descent share: their settings, and what each must provide, its gradient."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from .. import checks
from ..errors import InputError
from ..models import RecurrentModel, Trajectory
from ..seeding import stream
from ..tasks import Task, Trials

OPTIMIZERS = ("adam", "sgd")
REDRAWS = 100  # of a batch in which nothing is asked


class Moment(NamedTuple):
    """Where a run is: the number of the update, from 0, and what its noise is drawn from."""

    update: int
    generator: torch.Generator


class Gradient(NamedTuple):
    """One gradient: it lies with the parameters, and this is what it is of."""

    loss: float  # without penalties; NaN where the trial is not over yet
    outputs: Tensor | None = None  # (trial, time, output), with the last step of a batch


@dataclass(frozen=True, kw_only=True)
class GradientDescent(abc.ABC):
    """Settings that the methods of gradient training share; each says by itself how the gradient is had.

    ``decay_to``: the learning rate is constant for the first half of ``max_updates`` and then falls linearly
    to this fraction (1 = constant).  ``clip_norm``: longest gradient, None = any.  The run ends early when
    the mean of the last 10 batches reaches ``stop_at_score`` or falls to ``stop_at_loss``.  ``optimizer``: "adam", or
    "sgd" with ``momentum``.  Penalties: ``l2_rate`` and ``l1_rate`` times the mean square and mean absolute firing
    rate, ``l2_weight`` and ``l1_weight`` times those of all weights (biases excepted), or of some: a dict gives each
    group its own strength, by the beginnings of parameters' names, as in ``{"rnn.weight_hh": 1e-3, "readout": 1e-4}``.
    The History has the loss without them.  ``checkpoint`` is a folder from which an interrupted run resumes, bit for
    bit, written every ``checkpoint_every`` seconds.
    """

    learning_rate: float = 3e-3
    batch_size: int = 64
    clip_norm: float | None = 1.0
    max_updates: int = 2000
    stop_at_score: float | None = None
    stop_at_loss: float | None = None
    decay_to: float = 0.05
    optimizer: str = "adam"
    momentum: float = 0.0
    l2_rate: float = 0.0
    l1_rate: float = 0.0
    l2_weight: float | Mapping[str, float] = 0.0
    l1_weight: float | Mapping[str, float] = 0.0
    checkpoint: str | Path | None = None
    checkpoint_every: float = 30.0

    def __post_init__(self) -> None:
        for name in ("batch_size", "max_updates"):
            checks.count(name, getattr(self, name))
        for name in ("learning_rate", "clip_norm"):
            if getattr(self, name) is not None or name == "learning_rate":
                checks.number(name, getattr(self, name), above=0, closed=False)
        for name in ("l2_rate", "l1_rate", "l2_weight", "l1_weight", "checkpoint_every"):
            value = getattr(self, name)
            groups = value if isinstance(value, Mapping) and name.endswith("weight") else {"": value}
            for group, strength in groups.items():
                if not isinstance(group, str):
                    raise InputError(f"{name} names weights by how their names begin, got {group!r} for a beginning")
                checks.number(f"{name}[{group!r}]" if group else name, strength, above=0)
        checks.number("decay_to", self.decay_to, above=0, below=1)
        checks.number("momentum", self.momentum, above=0, below=1)
        if checks.one_of("optimizer", self.optimizer, OPTIMIZERS) == "adam" and self.momentum:
            raise InputError("momentum belongs to optimizer='sgd'; Adam has its own")
        if self.stop_at_score is not None:
            checks.number("stop_at_score", self.stop_at_score, above=0, below=1)
        if self.stop_at_loss is not None:
            checks.number("stop_at_loss", self.stop_at_loss)

    @abc.abstractmethod
    def steps(self, model: RecurrentModel, task: Task, trials: Trials, at: Moment) -> Iterator[Gradient]:
        """Leave a gradient with the parameters, once for each step that the weights are to make on this batch."""

    def rate(self, update: int) -> float:
        """The learning rate of update ``update`` (from 0), before any rollback."""
        half = self.max_updates / 2
        late = max(0.0, update - half) / half
        return self.learning_rate * (1 - (1 - self.decay_to) * late)

    def penalty(self, model: RecurrentModel, states: Tensor) -> Tensor | float:
        """What is added to the loss for firing rates, of states (..., state), and for weights."""
        total: Tensor | float = 0.0
        if self.l2_rate or self.l1_rate:
            total = total + _penalty([model.rates(states)], self.l2_rate, self.l1_rate)
        for name, (l2, l1) in strengths(self.l2_weight, self.l1_weight).items():
            total = total + _penalty(list(penalized(model, name).values()), l2, l1)
        return total


def batch(task: Task, n_trials: int, seed: int, update: int) -> Trials:
    """The trials of one update, by the seed and its number alone; where nothing is asked in them, others are drawn."""
    return batches(task, n_trials, [seed], update)[0]


def batches(task: Task, n_trials: int, seeds: Sequence[int], update: int) -> list[Trials]:
    """The :func:`batch` of each seed."""
    found: dict[int, Trials] = {}
    for again in range(REDRAWS):
        names = ("batch", update, again) if again else ("batch", update)
        left = [seed for seed in dict.fromkeys(seeds) if again == 0 or not _asks(found[seed])]
        if not left:
            break
        drawn = [int(stream(seed, *names).integers(2**62)) for seed in left]
        each = task.sample_each(n_trials, drawn) if len(drawn) > 1 else [task.sample(n_trials, seed=drawn[0])]
        found.update((seed, trials.until_the_longest()) for seed, trials in zip(left, each))
    return [found[seed] for seed in seeds]


def _asks(trials: Trials) -> bool:
    """Whether anything is asked in these trials, and scored."""
    return all(mask is None or bool(mask.any()) for mask in (trials.mask, trials.score_mask))


def inputs_for(model: RecurrentModel, trials: Trials) -> Tensor:
    """The inputs of the trials in the precision and on the device of the model."""
    parameter = next(model.parameters())
    return trials.inputs.to(device=parameter.device, dtype=parameter.dtype)


def within(states: Tensor, trials: Trials) -> Tensor:
    """The states (..., state) of the steps that belong to the trials."""
    return states[trials.valid.to(states.device)] if trials.ragged else states


def over(model: RecurrentModel, trials: Trials, generator: torch.Generator | None) -> Trajectory:
    """The network over the inputs of the trials."""
    return model(inputs_for(model, trials), generator=generator, lengths=trials.lengths if trials.ragged else None)


def strengths(l2: float | Mapping[str, float], l1: float | Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Both penalties of each group of weights that has one; "" is the group of all."""
    groups = [given if isinstance(given, Mapping) else {"": given} for given in (l2, l1)]
    both = {name: (groups[0].get(name, 0.0), groups[1].get(name, 0.0)) for group in groups for name in group}
    return {name: strengths for name, strengths in both.items() if any(strengths)}


def penalized(model: RecurrentModel, beginning: str) -> Mapping[str, Tensor]:
    """The weights that are trained, biases excepted, whose names begin so."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad and p.ndim > 1}
    found = {name: p for name, p in trained.items() if name.startswith(beginning)}
    if not found:
        raise InputError(
            f"l2_weight and l1_weight name weights by how their names begin, and none begins with {beginning!r}: this "
            f"{type(model).__name__} has {', '.join(trained)}"
        )
    return found


def _penalty(tensors: Sequence[Tensor], l2: float, l1: float) -> Tensor:
    flat = torch.cat([t.reshape(-1) for t in tensors])
    return l2 * flat.square().mean() + l1 * flat.abs().mean()
