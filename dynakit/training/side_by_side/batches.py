"""The trials of several networks, each drawn as for itself, and what is said of the answers of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import InputError
from ...tasks import Task, Trials, score_mask
from ..descent import batches


class Judged(NamedTuple):
    """Loss and score of each network, and the derivative of its loss in its outputs."""

    losses: list[float]
    scores: list[float]
    errors: Tensor  # (network, trial, time, output)


@dataclass(frozen=True)
class Batch:
    """One batch for each network; shorter ones are filled up, and are asked nothing there."""

    task: Task
    each: Sequence[Trials]
    inputs: Tensor  # (network, trial, time, input)
    targets: Tensor  # (network, trial, time, output)
    mask: Tensor | None  # as the targets: where the loss counts
    scored: Tensor | None  # where the score counts
    lengths: Tensor | None  # (network, trial); None: all of the time axis

    @classmethod
    def draw(cls, task: Task, n_trials: int, seeds: Sequence[int], update: int, like: Tensor) -> Batch:
        """The batches of these seeds; equal seeds share theirs."""
        each = batches(task, n_trials, seeds, update)
        if any(trials.targets is None for trials in each):
            raise InputError("these trials have no targets, so outputs can be neither scored nor trained; give targets")
        n_steps = [trials.n_steps for trials in each]
        uneven, ragged = len(set(n_steps)) > 1, any(trials.ragged for trials in each)
        masked = uneven or any(trials.mask is not None or trials.score_mask is not None for trials in each)
        masks = [_masks(trials) for trials in each] if masked else [(None, None)]
        mask, scored = (None if part[0] is None else _stacked(part).to(like) for part in zip(*masks))
        return cls(
            task,
            each,
            _stacked([trials.inputs for trials in each]).to(like),
            _stacked([trials.targets for trials in each]).to(like),  # type: ignore[misc]
            mask,
            scored,
            torch.stack([trials.lengths for trials in each]) if uneven or ragged else None,
        )

    @property
    def n_steps(self) -> list[int]:
        """Steps of the batch of each network."""
        return [trials.n_steps for trials in self.each]

    @property
    def valid(self) -> Tensor | None:
        """Which steps belong to a trial, (network, trial, time); None: all."""
        return None if self.lengths is None else torch.arange(self.inputs.shape[2]) < self.lengths[:, :, None]

    def judge(self, outputs: Tensor) -> Judged:
        """What ``outputs`` (network, trial, time, output) are worth."""
        kind = type(self.task)
        losses, errors = self._square(outputs) if kind.loss is Task.loss else self._own_loss(outputs)
        scores = self._share_right(outputs) if kind.score is Task.score else self._own_score(outputs)
        return Judged(losses, scores, errors)

    def silent(self) -> list[float]:
        """The losses of outputs that are zero throughout."""
        return self.judge_loss(torch.zeros_like(self.targets))

    def judge_loss(self, outputs: Tensor) -> list[float]:
        """The losses alone."""
        return (self._square(outputs) if type(self.task).loss is Task.loss else self._own_loss(outputs))[0]

    def _square(self, outputs: Tensor) -> tuple[list[float], Tensor]:
        error = outputs - self.targets
        if self.mask is None:
            n = outputs.new_full((len(outputs), 1, 1, 1), outputs[0].numel())
        else:
            error = error.where(self.mask > 0, 0.0)
            n = self.mask.sum((1, 2, 3), keepdim=True, dtype=torch.float64)
            if not bool(n.all()):
                raise InputError("the mask of these trials is 0 everywhere: there is nothing to compare")
            n = n.to(outputs)
        losses = error.square().sum((1, 2, 3)) / n[:, 0, 0, 0]
        return losses.tolist(), error.mul_(2 / n)

    @torch.enable_grad()
    def _own_loss(self, outputs: Tensor) -> tuple[list[float], Tensor]:
        outputs = outputs.detach().requires_grad_()
        losses = [self.task.loss(y, trials) for y, trials in self._apart(outputs)]
        torch.stack(losses).sum().backward()
        assert outputs.grad is not None
        return [float(loss.detach()) for loss in losses], outputs.grad

    def _share_right(self, outputs: Tensor) -> list[float]:
        flat = outputs.flatten(0, 1)
        right = self.task.correct(flat, self.targets.flatten(0, 1)) & torch.isfinite(flat)
        right = right.view_as(outputs)
        if self.scored is None:
            return (right.sum((1, 2, 3)) / outputs[0].numel()).double().tolist()
        n = self.scored.sum((1, 2, 3), dtype=torch.float64)
        if not bool(n.all()):
            raise InputError("the mask of these trials is 0 everywhere: there is nothing to compare")
        return ((right & (self.scored > 0)).sum((1, 2, 3)).double() / n).tolist()

    def _own_score(self, outputs: Tensor) -> list[float]:
        return [float(self.task.score(y, trials)) for y, trials in self._apart(outputs)]

    def _apart(self, outputs: Tensor) -> list[tuple[Tensor, Trials]]:
        return [(y[:, : trials.n_steps], trials) for y, trials in zip(outputs, self.each)]


def _masks(trials: Trials) -> tuple[Tensor, ...]:
    """Where loss and score count."""
    assert trials.targets is not None
    ones = torch.ones_like(trials.targets)
    return tuple(ones if mask is None else mask for mask in (trials.mask, score_mask(trials)))


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    """(trial, time, unit) each, side by side; zero beyond the end of the shorter ones."""
    longest = max(part.shape[1] for part in parts)
    if all(part.shape[1] == longest for part in parts):
        return torch.stack(list(parts))
    whole = parts[0].new_zeros(len(parts), len(parts[0]), longest, parts[0].shape[2])
    for row, part in zip(whole, parts):
        row[:, : part.shape[1]] = part
    return whole
