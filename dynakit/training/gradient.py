"""Backpropagation through time (Werbos 1990) with Adam (Kingma and Ba 2015) on fresh batches.

Every update draws new trials, so there is no training set to over-fit: the score of a batch, taken before the
step, is a test score.  A guard keeps the last weights known to be good: when a loss or a gradient is not
finite, or a loss exceeds a hundred times that of the start, they come back and the learning rate is halved.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
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
from . import checkpoint
from .base import Callback, fit
from .checkpoint import State

STOP_WINDOW = 10  # updates whose mean score or loss decides whether to stop
SNAPSHOT_EVERY = 10  # good updates between two copies of the weights
EXPLOSION = 1e2  # times the loss of the start
MOST_ROLLBACKS = 8  # in a row, to the same weights


@dataclass(frozen=True, kw_only=True)
class BPTT:
    """Settings of gradient training; ``dk.train(model, task, BPTT(learning_rate=1e-2))``.

    ``decay_to``: the learning rate is constant for the first half of ``max_updates`` and then falls linearly
    to this fraction (1 = constant).  ``clip_norm``: longest gradient, None = any.  The run ends early when
    the mean of the last 10 batches reaches ``stop_at_score`` or falls to ``stop_at_loss``.  Penalties:
    ``l2_rate`` and ``l1_rate`` times the mean square and mean absolute firing rate, ``l2_weight`` and
    ``l1_weight`` times those of all weights (biases excepted); the History has the loss without them.
    ``checkpoint`` is a folder from which an interrupted run resumes, bit for bit, written every
    ``checkpoint_every`` seconds.
    """

    learning_rate: float = 3e-3
    batch_size: int = 64
    clip_norm: float | None = 1.0
    max_updates: int = 2000
    stop_at_score: float | None = None
    stop_at_loss: float | None = None
    decay_to: float = 0.05
    l2_rate: float = 0.0
    l1_rate: float = 0.0
    l2_weight: float = 0.0
    l1_weight: float = 0.0
    checkpoint: str | Path | None = None
    checkpoint_every: float = 30.0

    def __post_init__(self) -> None:
        for name in ("batch_size", "max_updates"):
            checks.count(name, getattr(self, name))
        for name in ("learning_rate", "clip_norm"):
            if getattr(self, name) is not None or name == "learning_rate":
                checks.number(name, getattr(self, name), above=0, closed=False)
        for name in ("l2_rate", "l1_rate", "l2_weight", "l1_weight", "checkpoint_every"):
            checks.number(name, getattr(self, name), above=0)
        checks.number("decay_to", self.decay_to, above=0, below=1)
        if self.stop_at_score is not None:
            checks.number("stop_at_score", self.stop_at_score, above=0, below=1)
        if self.stop_at_loss is not None:
            checks.number("stop_at_loss", self.stop_at_loss)

    def rate(self, update: int) -> float:
        """The learning rate of update ``update`` (from 0), before any rollback."""
        half = self.max_updates / 2
        late = max(0.0, update - half) / half
        return self.learning_rate * (1 - (1 - self.decay_to) * late)


@fit.register
def _(method: BPTT, model: nn.Module, task: Task, *, seed: int, callback: Callback | None) -> History:
    if not isinstance(model, RecurrentModel):
        raise InputError(f"model must be a RecurrentModel for BPTT, got a {type(model).__name__}")
    if not any(p.requires_grad for p in model.parameters()):
        raise InputError("model has no parameter that requires a gradient: there is nothing to train")
    return _Descent(method, model, task, seed, callback).go()


class _Descent:
    """One training run: the loop, its guard and its checkpoints."""

    def __init__(
        self, method: BPTT, model: RecurrentModel, task: Task, seed: int, callback: Callback | None
    ) -> None:
        self.method, self.model, self.task, self.seed, self.callback = method, model, task, seed, callback
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=method.learning_rate)
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
        while not self.state.stopped:
            self._update(self.state.update, began)
        for p in self.parameters:
            p.grad = None
        return self._history()

    def batch(self, update: int) -> Trials:
        """The trials of one update: they depend on the seed and its number only."""
        seed = int(stream(self.seed, "batch", update).integers(2**62))
        return self.task.sample(self.method.batch_size, seed=seed)

    def _update(self, update: int, began: float) -> None:
        trials = self.batch(update)
        loss, score, norm = self._gradient(trials, update)
        rate = self.method.rate(update) * self.state.scale
        if math.isfinite(loss) and math.isfinite(norm) and loss <= EXPLOSION * self.state.reference:
            self._keep()
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
        else:
            self._roll_back(loss, norm)
        state = self.state
        state.losses.append(loss)
        state.scores.append(score)
        state.seconds.append(time.monotonic() - began)
        state.learning_rates.append(rate)
        state.stopped = self._reason_to_stop()
        if state.stopped:
            self._save(force=True)
        if self.callback is not None:
            info = {"loss": loss, "score": score, "total": self.method.max_updates, "learning_rate": rate}
            self.callback(state.update, info)

    def _gradient(self, trials: Trials, update: int) -> tuple[float, float, float]:
        """Loss and score of a batch; leaves clipped gradients and returns their length before clipping."""
        parameter = next(self.model.parameters())
        inputs = trials.inputs.to(device=parameter.device, dtype=parameter.dtype)
        outputs, states = self.model(inputs, generator=torch_stream(self.seed, "noise", update))
        loss = self.task.loss(outputs, trials)
        self.optimizer.zero_grad(set_to_none=True)
        (loss + self._penalty(states)).backward()
        longest = math.inf if self.method.clip_norm is None else self.method.clip_norm
        norm = nn.utils.clip_grad_norm_(self.parameters, longest)
        return float(loss.detach()), float(self.task.score(outputs.detach(), trials)), float(norm)

    def _penalty(self, states: Tensor) -> Tensor | float:
        method, total = self.method, 0.0
        if method.l2_rate or method.l1_rate:
            total = total + _penalty([self.model.rates(states)], method.l2_rate, method.l1_rate)
        if method.l2_weight or method.l1_weight:
            matrices = [p for p in self.parameters if p.ndim > 1]
            total = total + _penalty(matrices, method.l2_weight, method.l1_weight)
        return total

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

    def _reason_to_stop(self) -> str:
        method, state = self.method, self.state
        if state.update >= STOP_WINDOW:
            score = float(np.mean(state.scores[-STOP_WINDOW:]))
            loss = float(np.mean(state.losses[-STOP_WINDOW:]))
            if method.stop_at_score is not None and score >= method.stop_at_score:
                return f"score {score:.4f} reached {method.stop_at_score:g}"
            if method.stop_at_loss is not None and loss <= method.stop_at_loss:
                return f"loss {loss:.3g} reached {method.stop_at_loss:g}"
        return f"all {method.max_updates} updates done" if state.update >= method.max_updates else ""

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
        parameter = next(self.model.parameters())
        inputs = first.inputs.to(device=parameter.device, dtype=parameter.dtype)
        with torch.no_grad():
            outputs = self.model(inputs, generator=torch_stream(self.seed, "noise", 0)).outputs
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
        curves: dict[str, Any] = {name: np.array(getattr(self.state, name)) for name in checkpoint.CURVES}
        names = {"method": type(self.method).__name__, "task": type(self.task).__name__}
        return History(
            **curves,
            n_rollbacks=self.state.n_rollbacks,
            stopped=self.state.stopped,
            provenance=Provenance.of(seed=self.seed, **names, **_settings(self.method)),
        )


def _penalty(tensors: Sequence[Tensor], l2: float, l1: float) -> Tensor:
    flat = torch.cat([t.reshape(-1) for t in tensors])
    return l2 * flat.square().mean() + l1 * flat.abs().mean()


def _digest(*tensors: Tensor | None) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(b"none" if tensor is None else tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _settings(method: BPTT) -> dict[str, Any]:
    """The settings as plain JSON values."""
    plain = {np.integer: int, np.floating: float, Path: str}
    values = dataclasses.asdict(method)
    return {
        k: next((to(v) for kind, to in plain.items() if isinstance(v, kind)), v) for k, v in values.items()
    }
