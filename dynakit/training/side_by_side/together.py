"""Gradient descent of many networks side by side, each as if it were alone.

Every network has its own trials, its own clipping, its own guard and its own end: all of it is about its row of the
weights, so that a network that diverges is rolled back without its neighbours' notice, and one that has ended leaves.
Networks are passed through in blocks, whose buffers are used again: small networks are many to a block, so that calls
cost little, and of large ones a block holds few, so that a step of all of them stays in the cache.
"""

from __future__ import annotations

import abc
import math
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ...results import History
from ...tasks import Task
from ...wording import counted
from ..base import BY_CALLBACK, Callback, told
from ..checkpoint import State
from .cells import Pool, Stacked
from .kinds import cell_of
from .population import Population, Views

SNAPSHOT_EVERY = 10  # good updates between two copies of the weights
MOST_ROLLBACKS = 8  # in a row, to the same weights
BLOCK = 2**15  # numbers that the units of a block say in one step


class Member:
    """One of the networks: what it has done, and its guard."""

    def __init__(self, model: Any, seed: int) -> None:
        self.model, self.seed, self.state = model, seed, State()
        self.in_a_row = self.since_good = 0


class Block:
    """Some of the networks, of which one pass is made at once; ``p`` and ``g`` are their weights and gradients."""

    def __init__(self, members: Sequence[Member], cell: Stacked, p: Views, g: Views) -> None:
        self.members, self.cell, self.p, self.g = members, cell, p, g
        self.models, self.seeds = [m.model for m in members], [m.seed for m in members]


class SideBySide(abc.ABC):
    """One run of many networks; a method says how the gradients are had, and what is told of each network."""

    notes_the_last = True  # whether the update at which a network is given up is part of its history

    def __init__(
        self, method: Any, models: Sequence[Any], task: Task, seeds: Sequence[int], callback: Callback | None
    ) -> None:
        self.method, self.task, self.callback = method, task, callback
        for model in models:
            model.train()
        self.all = self.active = [Member(model, seed) for model, seed in zip(models, seeds)]
        self.population = Population(models)
        self.pool = Pool(self.population.gradient)
        self.began = time.monotonic()
        self._regroup()

    @abc.abstractmethod
    def gradients(self, block: Block, update: int) -> tuple[list[float], list[float]]:
        """Loss and score of each network of the block on its own batch; leaves the gradients in ``block.g``."""

    @abc.abstractmethod
    def history(self, member: Member) -> History:
        """What is told of a network that has ended."""

    def is_good(self, member: Member, loss: float, norm: float) -> bool:
        """Whether a network may go on from here; large losses are no reason to go back."""
        return math.isfinite(loss) and math.isfinite(norm)

    def reason_to_stop(self, state: State) -> str:
        """Why a network ends; "" where it goes on."""
        most = self.method.max_updates
        return f"all {counted(most, 'update')} done" if state.update >= most else ""

    def go(self) -> list[History]:
        """All updates of all networks, whose weights are theirs again afterwards."""
        try:
            for update in range(self.method.max_updates):
                self._update(update)
                self._part()
                if not self.active:
                    break
        finally:
            self._write()
        return [self.history(member) for member in self.all]

    def _regroup(self) -> None:
        """Blocks of networks, as even as can be."""
        first, n = self.active[0].model, len(self.active)
        most = max(1, BLOCK // (first.n_hidden * self.method.batch_size))
        n_blocks = math.ceil(n / most)
        p, g = self.population.views(self.population.rows.values), self.population.views(self.population.gradient)
        self.blocks = []
        for start, end in pairwise(n * k // n_blocks for k in range(n_blocks + 1)):
            members = self.active[start:end]
            cell = cell_of([m.model for m in members], self.method.batch_size, self.pool)
            own = ({name: view[start:end] for name, view in views.items()} for views in (p, g))
            self.blocks.append(Block(members, cell, *own))

    def _update(self, update: int) -> None:
        """One step of each network along its gradient, or back to its last good weights."""
        parts = [self.gradients(block, update) for block in self.blocks]
        losses, scores = ([value for part in curve for value in part] for curve in zip(*parts))
        longest = math.inf if self.method.clip_norm is None else self.method.clip_norm
        norms = self.population.clip(longest)
        bad = [k for k, (m, *found) in enumerate(zip(self.active, losses, norms)) if not self.is_good(m, *found)]
        self._keep(update, bad)
        rate = self.method.rate(update)
        rates = [rate * member.state.scale for member in self.active]
        self.population.step(rates, getattr(self.method, "optimizer", "adam"), getattr(self.method, "momentum", 0.0))
        self._roll_back(bad)
        self._note(losses, scores, rates)
        self._tell(update, losses, scores)

    def _keep(self, update: int, bad: Sequence[int]) -> None:
        """Copy, every few updates, the weights that gave a finite loss and gradient."""
        chosen = []
        for k, member in enumerate(self.active):
            if k not in bad:
                member.since_good += 1
                if member.since_good >= SNAPSHOT_EVERY or update == 0:
                    member.in_a_row = member.since_good = 0
                    chosen.append(k)
        self.population.keep(chosen)

    def _roll_back(self, bad: Sequence[int]) -> None:
        self.population.restore(bad)
        for member in (self.active[k] for k in bad):
            member.state.scale /= 2
            member.state.n_rollbacks += 1
            member.in_a_row += 1
            member.since_good = 0
            if member.in_a_row >= MOST_ROLLBACKS:
                member.state.stopped = f"diverged {MOST_ROLLBACKS} times in a row"

    def _note(self, losses: Sequence[float], scores: Sequence[float], rates: Sequence[float]) -> None:
        seconds = time.monotonic() - self.began
        for member, loss, score, rate in zip(self.active, losses, scores, rates):
            state = member.state
            if state.stopped and not self.notes_the_last:
                continue
            state.losses.append(loss)
            state.scores.append(score)
            state.seconds.append(seconds)
            state.learning_rates.append(rate)
            state.stopped = state.stopped or self.reason_to_stop(state)

    def _tell(self, update: int, losses: Sequence[float], scores: Sequence[float]) -> None:
        if self.callback is None:
            return
        self._write()
        info = {"loss": float(np.mean(losses)), "score": float(np.mean(scores))}
        info.update(learning_rate=self.method.rate(update), total=self.method.max_updates)
        if not told(self.callback, update + 1, info):
            for member in self.active:
                member.state.stopped = member.state.stopped or BY_CALLBACK

    def _part(self) -> None:
        """Those that have ended leave with their weights."""
        stay = [k for k, member in enumerate(self.active) if not member.state.stopped]
        if len(stay) == len(self.active):
            return
        self._write()
        self.active = [self.active[k] for k in stay]
        if self.active:
            self.population.leave_only(stay)
            self._regroup()

    def _write(self) -> None:
        """Give the networks their weights of this moment."""
        for k, member in enumerate(self.active):
            self.population.write(k, member.model)
