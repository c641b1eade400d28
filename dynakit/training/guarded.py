"""The loop of gradient descent on fresh batches: Adam (Kingma and Ba 2015) or momentum, a guard, checkpoints.

Every update draws new trials, so there is no training set to over-fit: the score of a batch, taken before the
step, is a test score.  The guard keeps the last weights known to be good: when a loss or a gradient is not
finite, or a loss exceeds a hundred times that of the start, they come back and the learning rate is halved.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError, NumericalError
from ..models import RecurrentModel
from ..provenance import Provenance
from ..results import History
from ..seeding import torch_stream
from ..tasks import Task, Trials
from ..wording import counted
from . import checkpoint
from .base import BY_CALLBACK, Callback, fit, told
from .checkpoint import State
from .descent import GradientDescent, Moment, batch, over
from .optimizers import SGD, Adam, Optimizer

STOP_WINDOW = 10  # updates whose mean score or loss decides whether to stop
SNAPSHOT_EVERY = 10  # good updates between two copies of the weights
EXPLOSION = 1e2  # times the loss of the start
MOST_ROLLBACKS = 8  # in a row, to the same weights


@fit.register
def _(
    method: GradientDescent, model: nn.Module, task: Task, *, seed: int, callback: Callback | None
) -> History:
    if not isinstance(model, RecurrentModel):
        name = type(method).__name__
        raise InputError(f"model must be a RecurrentModel for {name}, got a {type(model).__name__}")
    if not any(p.requires_grad for p in model.parameters()):
        raise InputError("model has no parameter that requires a gradient: there is nothing to train")
    return _Descent(method, model, task, seed, callback).go()


class _Descent:
    """One training run: the loop, its guard and its checkpoints."""

    def __init__(
        self, method: GradientDescent, model: RecurrentModel, task: Task, seed: int, callback: Callback | None
    ) -> None:
        self.method, self.model, self.task, self.seed, self.callback = method, model, task, seed, callback
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = _optimizer(method, self.parameters)
        self.good = State(tensors=checkpoint.capture(model, self.optimizer))
        self.state = State()
        self.folder = None if method.checkpoint is None else Path(method.checkpoint)
        self.in_a_row = self.since_good = self.n_saved = 0
        self.saved_at = time.monotonic()

    def go(self) -> History:
        first = self.batch(0)
        self.identity = self._identity(first)
        self.model.train()
        self._resume(first)
        began = time.monotonic() - (self.state.seconds[-1] if self.state.seconds else 0.0)
        try:
            while not self.state.stopped:
                self._update(self.state.update, began)
        except KeyboardInterrupt:
            if self.folder is not None:  # of the update that was cut short nothing is kept
                checkpoint.save(self.folder, self.good, self.identity, self.n_saved)
            raise
        return self._history()

    def batch(self, update: int) -> Trials:
        """The trials of one update."""
        return batch(self.task, self.method.batch_size, self.seed, update)

    def _update(self, update: int, began: float) -> None:
        trials = self.batch(update)
        rate = self.method.rate(update) * self.state.scale
        loss, score = self._descend(trials, update, rate)
        state = self.state
        state.losses.append(loss)
        state.scores.append(score)
        state.seconds.append(time.monotonic() - began)
        state.learning_rates.append(rate)
        state.stopped = reason_to_stop(self.method, state)
        if state.stopped:
            self._save(force=True)
        info = {"loss": loss, "score": score, "total": self.method.max_updates, "learning_rate": rate}
        if not told(self.callback, state.update, info) and not state.stopped:
            self._save(force=True)  # a run that is ended so may be resumed
            state.stopped = BY_CALLBACK

    def _descend(self, trials: Trials, update: int, rate: float) -> tuple[float, float]:
        """Step along each gradient of a batch, or back at the first that is not good; returns loss and score."""
        self.optimizer.learning_rate = rate
        longest = math.inf if self.method.clip_norm is None else self.method.clip_norm
        loss, score, at = math.nan, math.nan, Moment(update, torch_stream(self.seed, "noise", update))
        self.optimizer.forget_gradients()
        for step in self.method.steps(self.model, self.task, trials, at):
            if step.outputs is not None:
                loss, score = step.loss, float(self.task.score(step.outputs, trials))
            norm = float(nn.utils.clip_grad_norm_(self.parameters, longest))
            bad = step.outputs is not None and not loss <= EXPLOSION * self.state.reference  # NaN is bad, too
            if bad or not math.isfinite(norm):
                self._roll_back(step.loss, norm)
                return step.loss, score
            if step.outputs is not None:
                self._keep()
            self.optimizer.step()
            self.optimizer.forget_gradients()
        return loss, score

    def _keep(self) -> None:
        """The weights of this moment gave a finite loss and gradient: copy them every few updates."""
        self.since_good += 1
        if self.since_good < SNAPSHOT_EVERY and self.state.update > 0:
            return
        self._copy()
        self._save()

    def _copy(self) -> None:
        curves = {name: list(getattr(self.state, name)) for name in checkpoint.CURVES}
        tensors = checkpoint.capture(self.model, self.optimizer)
        self.good = dataclasses.replace(self.state, tensors=tensors, **curves)
        self.in_a_row = self.since_good = 0

    def _roll_back(self, loss: float, norm: float) -> None:
        checkpoint.restore(self.model, self.optimizer, self.good.tensors)
        self.state.scale /= 2
        self.state.n_rollbacks += 1
        self.in_a_row += 1
        self.since_good = 0
        if self.in_a_row >= MOST_ROLLBACKS:
            self.state.stopped = f"diverged {MOST_ROLLBACKS} times in a row"
            raise NumericalError(
                f"training diverges: after {MOST_ROLLBACKS} rollbacks in a row and at {self.state.scale:.2g} "
                f"times the learning rate, the loss is {loss:.3g} and the gradient {norm:.3g}; the model has "
                f"its last good weights",
                partial=self._history(),
            )

    def _identity(self, first: Trials) -> dict[str, Any]:
        """What must be the same for a checkpoint to belong to this run; plain JSON values."""
        config = self.model.config()
        return {
            "seed": self.seed,
            "model": type(self.model).__name__,
            "task": type(self.task).__name__,
            "first batch": _digest(first.inputs, first.targets, first.mask),
            **{name: value for name, value in _settings(self.method).items() if "checkpoint" not in name},
            **{f"model.{k}": _digest(v) if isinstance(v, Tensor) else v for k, v in config.items()},
        }

    def _resume(self, first: Trials) -> None:
        kept = None if self.folder is None else checkpoint.load(self.folder, self.identity, self.good.tensors)
        if kept is None:
            self.state.reference = self._reference(first)
            return
        self.state, slot = kept
        self.n_saved = slot + 1  # the slot it came from is written last
        checkpoint.restore(self.model, self.optimizer, self.state.tensors)
        self._copy()
        self.since_good = -1  # the update to come was counted before it was interrupted

    def _reference(self, first: Trials) -> float:
        """The loss of the start, or of a silent output where that is larger (an already trained network)."""
        with torch.no_grad():
            outputs = over(self.model, first, torch_stream(self.seed, "noise", 0)).outputs
            losses = [float(self.task.loss(o, first)) for o in (outputs, torch.zeros_like(outputs))]
        return max((loss for loss in losses if math.isfinite(loss)), default=sys.float_info.max)

    def _save(self, *, force: bool = False) -> None:
        if self.folder is None:
            return
        if force:
            self._copy()
        elif time.monotonic() - self.saved_at < self.method.checkpoint_every:
            return
        checkpoint.save(self.folder, self.good, self.identity, self.n_saved)
        self.n_saved += 1
        self.saved_at = time.monotonic()

    def _history(self) -> History:
        return history_of(self.state, self.method, self.task, self.seed)


def reason_to_stop(method: GradientDescent, state: State) -> str:
    """Why a run that has come to ``state`` ends there; "" where it goes on."""
    if state.update >= STOP_WINDOW:
        if method.stop_at_score is not None and (score := _late_mean(state.scores)) >= method.stop_at_score:
            return f"score {score:.4f} reached {method.stop_at_score:g}"
        if method.stop_at_loss is not None and (loss := _late_mean(state.losses)) <= method.stop_at_loss:
            return f"loss {loss:.3g} reached {method.stop_at_loss:g}"
    return f"all {counted(method.max_updates, 'update')} done" if state.update >= method.max_updates else ""


def _late_mean(curve: list[float]) -> float:
    return float(np.mean(curve[-STOP_WINDOW:]))


def history_of(state: State, method: GradientDescent, task: Task, seed: int) -> History:
    """What is told of a run that has come to ``state``."""
    curves: dict[str, Any] = {name: np.array(getattr(state, name)) for name in checkpoint.CURVES}
    names = {"method": type(method).__name__, "task": type(task).__name__}
    return History(
        **curves,
        n_rollbacks=state.n_rollbacks,
        stopped=state.stopped,
        provenance=Provenance.of(seed=seed, **names, **_settings(method)),
    )


def _optimizer(method: GradientDescent, parameters: list[nn.Parameter]) -> Optimizer:
    if method.optimizer == "sgd":
        return SGD(parameters, method.learning_rate, method.momentum)
    return Adam(parameters, method.learning_rate)


def _digest(*tensors: Tensor | None) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(b"none" if tensor is None else tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _settings(method: GradientDescent) -> dict[str, Any]:
    """The settings as plain JSON values."""
    plain = {np.integer: int, np.floating: float, Path: str}
    values = dataclasses.asdict(method)
    return {
        k: next((to(v) for kind, to in plain.items() if isinstance(v, kind)), v) for k, v in values.items()
    }
