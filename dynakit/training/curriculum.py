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
import time
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
from . import checkpoint
from .base import BY_CALLBACK, Callback, fit, fit_together, told
from .stacked import check_alike, rollout, stack

SNAPSHOT_EVERY = 10  # good updates between two copies of the weights
MOST_ROLLBACKS = 8  # in a row, to the same weights


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


@fit_together.register
def _train(
    method: Curriculum,
    models: Sequence[RecurrentModel],
    task: Task,
    seeds: Sequence[int],
    callback: Callback | None,
) -> list[History]:
    check_alike(models)
    if models[0].n_inputs != models[0].n_outputs:
        raise InputError(
            "a network that is fed its outputs needs as many as it has inputs, got "
            f"{counted(models[0].n_outputs, 'output')} and {counted(models[0].n_inputs, 'input')}; "
            "for such a task use BPTT"
        )
    members = [_Member(method, model, task, seed) for model, seed in zip(models, seeds)]
    began = time.monotonic()
    for update in range(method.max_updates):
        active = [member for member in members if not member.state.stopped]
        if not active:
            break
        losses, scores = _gradients(method, active, update)
        for member, loss, score in zip(active, losses, scores):
            member.take(loss, score, update, time.monotonic() - began)
        info = {"loss": float(np.mean(losses)), "score": float(np.mean(scores))}
        info.update(learning_rate=method.rate(update), total=method.max_updates)
        if not told(callback, update + 1, info) and update + 1 < method.max_updates:
            for member in members:
                member.state.stopped = member.state.stopped or BY_CALLBACK
    return [member.finish() for member in members]


def _gradients(
    method: Curriculum, members: Sequence[_Member], update: int
) -> tuple[list[float], list[float]]:
    """Loss and score of each network on its own batch; leaves the gradients with the parameters."""
    n_closed, like = method.closed(update), next(members[0].model.parameters())
    generators = [torch_stream(member.seed, "noise", update) for member in members]
    inputs, targets, mask = (
        torch.stack(part).to(like) for part in zip(*(member.batch(update, n_closed) for member in members))
    )
    forced = inputs[:, : method.steps_forced]
    if method.noise > 0:
        drawn = [torch.randn(forced.shape[1:], generator=generator) for generator in generators]
        forced = forced + method.noise * torch.stack(drawn).to(like)
    cells = stack([member.model for member in members])
    noise = cells.noise(targets.shape[1], targets.shape[2], generators)
    outputs, _ = rollout(cells, forced, n_closed, noise=noise)
    wrong = (mask * (outputs - targets).square()).flatten(1).sum(1)
    losses = wrong / mask.flatten(1).sum(1)
    for member in members:
        member.optimizer.zero_grad(set_to_none=True)
    losses.sum().backward()
    return losses.tolist(), _explained(wrong.detach(), targets, mask).tolist()


def _explained(wrong: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """R^2 of each network's outputs, clipped to 0..1: the score of a task of prediction."""
    mean = (mask * targets).sum((1, 2), keepdim=True) / mask.sum((1, 2), keepdim=True).clamp(min=1)
    variation = (mask * (targets - mean).square()).flatten(1).sum(1)
    return torch.nan_to_num(1 - wrong / variation, nan=0.0).clamp(0, 1)


class _Member:
    """One of the networks: its trials, its optimiser, and the guard that rolls it back."""

    def __init__(self, method: Curriculum, model: RecurrentModel, task: Task, seed: int) -> None:
        self.method, self.model, self.task, self.seed = method, model, task, seed
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        if not self.parameters:
            raise InputError("model has no parameter that requires a gradient: there is nothing to train")
        model.train()
        self.optimizer = torch.optim.Adam(self.parameters, lr=method.learning_rate)
        self.state = checkpoint.State()
        self.good = checkpoint.capture(model, self.optimizer)
        self.in_a_row = self.since_good = 0

    def batch(self, update: int, n_closed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, targets and mask of one update, (time, trial, unit): they depend on seed and update only."""
        seed = int(stream(self.seed, "batch", update).integers(2**62))
        trials = self.task.sample(self.method.batch_size, seed=seed)
        if update == 0:
            self._check(trials)
        assert trials.targets is not None
        mask = torch.ones_like(trials.targets) if trials.mask is None else trials.mask
        steps = slice(self.method.steps_forced + n_closed)
        return tuple(part[:, steps].transpose(0, 1) for part in (trials.inputs, trials.targets, mask))  # type: ignore[return-value]

    def _check(self, trials: Trials) -> None:
        method, needed = self.method, self.method.steps_forced + self.method.steps_closed
        if trials.targets is None:
            raise InputError("these trials have no targets, so nothing can be trained; give targets")
        if trials.n_steps < needed:
            raise InputError(
                f"steps_forced + steps_closed must be at most the {trials.n_steps} steps of a trial, got "
                f"{method.steps_forced} + {method.steps_closed}"
            )
        if trials.mask is not None and not bool(trials.mask[:, : method.steps_forced].any()):
            raise InputError(f"the mask of these trials is 0 in all {method.steps_forced} forced steps")

    def take(self, loss: float, score: float, update: int, seconds: float) -> None:
        """Step along the gradient that the parameters hold, or back if it or the loss is not finite.

        A large loss is no reason to go back: in a closed loop that has just grown it is expected.
        """
        longest = math.inf if self.method.clip_norm is None else self.method.clip_norm
        norm = float(nn.utils.clip_grad_norm_(self.parameters, longest))
        rate = self.method.rate(update) * self.state.scale
        if math.isfinite(loss) and math.isfinite(norm):
            self._keep(update)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
        else:
            self._roll_back()
        for name, value in zip(checkpoint.CURVES, (loss, score, seconds, rate)):
            getattr(self.state, name).append(value)

    def _keep(self, update: int) -> None:
        self.since_good += 1
        if self.since_good >= SNAPSHOT_EVERY or update == 0:
            self.good = checkpoint.capture(self.model, self.optimizer)
            self.in_a_row = self.since_good = 0

    def _roll_back(self) -> None:
        checkpoint.restore(self.model, self.optimizer, self.good)
        self.state.scale /= 2
        self.state.n_rollbacks += 1
        self.in_a_row += 1
        self.since_good = 0
        if self.in_a_row >= MOST_ROLLBACKS:
            self.state.stopped = f"diverged {MOST_ROLLBACKS} times in a row"

    def finish(self) -> History:
        for p in self.parameters:
            p.grad = None
        state, names = self.state, {"method": "Curriculum", "task": type(self.task).__name__}
        curves: dict[str, Any] = {name: np.array(getattr(state, name)) for name in checkpoint.CURVES}
        return History(
            **curves,
            n_rollbacks=state.n_rollbacks,
            stopped=state.stopped or f"all {counted(self.method.max_updates, 'update')} done",
            provenance=Provenance.of(seed=self.seed, **names, **dataclasses.asdict(self.method)),
        )
