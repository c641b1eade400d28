"""Backpropagation through time of many networks, each as :mod:`dynakit.training.guarded` trains one."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ...errors import InputError
from ...results import History
from ...seeding import torch_stream
from ...tasks import Task
from ..base import Callback, fit_together, not_together
from ..checkpoint import State
from ..descent import penalized, strengths
from ..gradient import BPTT
from ..guarded import EXPLOSION, history_of, reason_to_stop
from .batches import Batch
from .cells import Stacked
from .kinds import unlike
from .noise import add_noise
from .together import Block, Member, SideBySide


@not_together.register
def _(method: BPTT, models: Sequence[Any]) -> str:
    name = type(method).__name__
    if type(method) is not BPTT:
        return f"{name} trains networks one at a time: call dk.train for each, or use BPTT"
    if method.saturation:
        return "BPTT with saturation trains networks one at a time: call dk.train for each"
    if method.checkpoint is not None:
        return "BPTT with a checkpoint trains networks one at a time: call dk.train for each, or leave checkpoint out"
    return unlike(models)


@fit_together.register
def _(
    method: BPTT, models: Sequence[Any], task: Task, seeds: Sequence[int], callback: Callback | None
) -> list[History]:
    if reason := not_together(method, models):
        raise InputError(reason)
    return _Descents(method, models, task, seeds, callback).go()


class _Descents(SideBySide):
    notes_the_last = False
    method: BPTT

    def gradients(self, block: Block, update: int) -> tuple[list[float], list[float]]:
        batch = Batch.draw(self.task, self.method.batch_size, block.seeds, update, self.pool.like)
        generators = [torch_stream(seed, "noise", update) for seed in block.seeds] if block.models[0].noisy else []
        inputs, noise = add_noise(block.models, batch.inputs, batch.n_steps, generators)
        outputs = block.cell.forward(block.p, inputs, noise).permute(1, 3, 0, 2)
        judged = batch.judge(outputs)
        if update == 0:
            self._look_at_the_start(block, judged.losses, batch.silent())
        block.cell.backward(block.p, block.g, judged.errors.permute(2, 0, 3, 1), self._on_rates(block.cell, batch))
        self._on_weights(block)
        return judged.losses, judged.scores

    def _look_at_the_start(self, block: Block, *losses: Sequence[float]) -> None:
        """The loss of the start, or of a silent output where that is larger, is what later ones are compared with."""
        for member, own in zip(block.members, zip(*losses)):
            member.state.reference = max((x for x in own if math.isfinite(x)), default=sys.float_info.max)

    def _on_rates(self, cell: Stacked, batch: Batch) -> Tensor | None:
        """The derivative of the penalty on firing rates, (time, network, unit, trial)."""
        l2, l1 = self.method.l2_rate, self.method.l1_rate
        if not (l2 or l1):
            return None
        r, valid = cell.rates, batch.valid
        if valid is None:
            n = r[:, 0].numel()
            return _slope(r, l2 / n, l1 / n)
        each = (valid.sum((1, 2)) * r.shape[2]).to(r)[:, None, None]
        inside = valid.permute(2, 0, 1)[:, :, None].to(r.device)
        return (_slope(r, l2, l1) / each).where(inside, 0.0)

    def _on_weights(self, block: Block) -> None:
        """Add the derivative of the penalties on weights."""
        for beginning, (l2, l1) in strengths(self.method.l2_weight, self.method.l1_weight).items():
            names = list(penalized(block.models[0], beginning))
            n = sum(block.p[name][0].numel() for name in names)
            for name in names:
                block.g[name].add_(_slope(block.p[name], l2 / n, l1 / n))

    def is_good(self, member: Member, loss: float, norm: float) -> bool:
        return loss <= EXPLOSION * member.state.reference and math.isfinite(norm)  # NaN is not

    def reason_to_stop(self, state: State) -> str:
        return reason_to_stop(self.method, state)

    def history(self, member: Member) -> History:
        return history_of(member.state, self.method, self.task, member.seed)


def _slope(x: Tensor, l2: float, l1: float) -> Tensor:
    """The derivative of l2 x^2 + l1 |x|."""
    return 2 * l2 * x + l1 * x.sign()
