"""Teacher forcing, then a closed loop that grows: how a network learns to go on by itself.

Teacher forcing (Williams and Zipser 1989) asks for the next point given the true last one, and never sees where
the errors of a network that hears itself lead.  Here the network is forced for a while and then fed its own
outputs, and gradients run through that feedback; the closed segment grows from nothing in the course of
training, in the spirit of scheduled sampling (Bengio, Vinyals, Jaitly and Shazeer 2015), until the orbit is
learnt as an attractor of the closed loop and not only as a prediction.

Many networks can be trained at once, each on trials and noise of its own seed.  What is not finite in one of
them rolls that one back, as in BPTT, and stays with it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import checks
from ..errors import InputError, NumericalError
from ..models import RecurrentModel
from ..provenance import Provenance
from ..results import History
from ..seeding import stream, torch_stream
from ..tasks import Task, Trials
from ..wording import counted
from .base import Callback, fit, fit_together, not_together
from .checkpoint import CURVES
from .side_by_side import Block, Member, SideBySide, add_noise, unlike


@dataclass(frozen=True, kw_only=True)
class Curriculum:
    """Settings of teacher forcing followed by a growing closed loop; for tasks that predict their next input.

    Each update runs ``steps_forced`` steps on the inputs of fresh trials with ``noise`` (standard deviation) and
    then :meth:`closed` steps on the network's own outputs, against the same targets; the loss is the mean
    square error over both segments where the mask is 1.  The closed segment grows from 0 to ``steps_closed``
    over the first half of ``max_updates``.  Adam; the learning rate falls along half a cosine to ``decay_to``
    of its start, and ``clip_norm`` is the longest gradient of each network (None: any).
    ``steps_closed=0`` is pure teacher forcing.

    A task whose next target is not its next input (see :class:`dynakit.tasks.Cycles` for one) is trained, but
    the closed segment then means nothing.

    >>> method = Curriculum(steps_closed=60, max_updates=300)
    >>> [method.closed(update) for update in (0, 75, 150, 299)]
    [0, 30, 60, 60]
    """

    steps_forced: int = 40
    steps_closed: int = 60
    noise: float = 0.02
    learning_rate: float = 5e-3
    batch_size: int = 32
    clip_norm: float | None = 1.0
    max_updates: int = 600
    decay_to: float = 0.02

    def __post_init__(self) -> None:
        for name in ("steps_forced", "batch_size", "max_updates"):
            checks.count(name, getattr(self, name))
        checks.count("steps_closed", self.steps_closed, least=0)
        checks.number("noise", self.noise, above=0)
        checks.number("learning_rate", self.learning_rate, above=0, closed=False)
        checks.number("decay_to", self.decay_to, above=0, below=1)
        if self.clip_norm is not None:
            checks.number("clip_norm", self.clip_norm, above=0, closed=False)

    def closed(self, update: int) -> int:
        """Steps in the closed loop at update ``update`` (from 0)."""
        return round(self.steps_closed * min(1.0, 2 * update / self.max_updates))

    def rate(self, update: int) -> float:
        """The learning rate of update ``update`` (from 0), before any rollback."""
        fallen = 0.5 * (1 - math.cos(math.pi * min(1.0, update / self.max_updates)))
        return self.learning_rate * (1 - (1 - self.decay_to) * fallen)


@fit.register
def _(method: Curriculum, model: nn.Module, task: Task, *, seed: int, callback: Callback | None) -> History:
    if not isinstance(model, RecurrentModel):
        raise InputError(f"model must be a RecurrentModel for Curriculum, got a {type(model).__name__}")
    (history,) = _train(method, [model], task, [seed], callback)
    if history.stopped.startswith("diverged"):
        raise NumericalError(
            f"training diverges: {history.stopped}; the last loss is {history.losses[-1]:.3g}, and the model "
            f"has its last good weights",
            partial=history,
        )
    return history


@not_together.register
def _(method: Curriculum, models: Sequence[Any]) -> str:
    return unlike(models)


@fit_together.register
def _train(
    method: Curriculum,
    models: Sequence[RecurrentModel],
    task: Task,
    seeds: Sequence[int],
    callback: Callback | None,
) -> list[History]:
    if reason := not_together(method, models):
        raise InputError(reason)
    if models[0].n_inputs != models[0].n_outputs:
        raise InputError(
            "a network that is fed its outputs needs as many as it has inputs, got "
            f"{counted(models[0].n_outputs, 'output')} and {counted(models[0].n_inputs, 'input')}; "
            "for such a task use BPTT"
        )
    return _Taught(method, models, task, seeds, callback).go()


class _Taught(SideBySide):
    """Networks that are forced for a while, and then hear themselves."""

    method: Curriculum

    def gradients(self, block: Block, update: int) -> tuple[list[float], list[float]]:
        n_closed, like = self.method.closed(update), self.pool.like
        inputs, targets, mask = (
            torch.stack(part).to(like) for part in zip(*(self._batch(seed, update, n_closed) for seed in block.seeds))
        )
        inputs, n_forced = inputs.clone(), self.method.steps_forced
        inputs[:, :, n_forced:] = 0
        generators = [torch_stream(seed, "noise", update) for seed in block.seeds]
        if self.method.noise > 0:
            shape = (n_forced, inputs.shape[1], inputs.shape[3])
            drawn = torch.stack([torch.randn(shape, generator=generator) for generator in generators])
            inputs[:, :, :n_forced] += self.method.noise * drawn.transpose(1, 2).to(like)
        inputs, noise = add_noise(block.models, inputs, [inputs.shape[2]] * len(generators), generators)
        outputs = block.cell.forward(block.p, inputs, noise, n_closed).permute(1, 3, 0, 2)
        error, n_asked = mask * (outputs - targets), mask.sum((1, 2, 3))
        wrong = error.square().sum((1, 2, 3))
        error = error * (2 / n_asked)[:, None, None, None]
        block.cell.backward(block.p, block.g, error.permute(2, 0, 3, 1))
        return (wrong / n_asked).tolist(), _explained(wrong, targets, mask).tolist()

    def _batch(self, seed: int, update: int, n_closed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, targets and mask of one update, (trial, time, unit): they depend on seed and update only."""
        trials = self.task.sample(self.method.batch_size, seed=int(stream(seed, "batch", update).integers(2**62)))
        if update == 0:
            _check(trials, self.method)
        assert trials.targets is not None
        mask = torch.ones_like(trials.targets) if trials.mask is None else trials.mask
        steps = slice(self.method.steps_forced + n_closed)
        return trials.inputs[:, steps], trials.targets[:, steps], mask[:, steps]

    def history(self, member: Member) -> History:
        state, names = member.state, {"method": "Curriculum", "task": type(self.task).__name__}
        curves: dict[str, Any] = {name: np.array(getattr(state, name)) for name in CURVES}
        return History(
            **curves,
            n_rollbacks=state.n_rollbacks,
            stopped=state.stopped,
            provenance=Provenance.of(seed=member.seed, **names, **dataclasses.asdict(self.method)),
        )


def _explained(wrong: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """R^2 of each network's outputs (network, trial, time, output), clipped to 0..1: the score of a prediction."""
    mean = (mask * targets).sum((1, 2), keepdim=True) / mask.sum((1, 2), keepdim=True).clamp(min=1)
    variation = (mask * (targets - mean).square()).flatten(1).sum(1)
    return torch.nan_to_num(1 - wrong / variation, nan=0.0).clamp(0, 1)


def _check(trials: Trials, method: Curriculum) -> None:
    needed = method.steps_forced + method.steps_closed
    if trials.targets is None:
        raise InputError("these trials have no targets, so nothing can be trained; give targets")
    if trials.n_steps < needed:
        raise InputError(
            f"steps_forced + steps_closed must be at most the {trials.n_steps} steps of a trial, got "
            f"{method.steps_forced} + {method.steps_closed}"
        )
    if trials.mask is not None and not bool(trials.mask[:, : method.steps_forced].any()):
        raise InputError(f"the mask of these trials is 0 in all {method.steps_forced} forced steps")
