"""Tasks whose trials are right or wrong as a whole, as the classic benchmarks of sequence learning count them."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..base import Task
from ..trials import Trials, score_mask


@dataclass(frozen=True)
class WholeTrials(Task, abc.ABC):
    """A task in which a trial counts as right if everything that is asked in it is.

    Subclasses provide what any task does, and :meth:`right` where an output is judged by more than its target.
    """

    def right(self, outputs: Any, trials: Trials) -> np.ndarray:
        """Which trials are right: boolean (trial,), every output that is asked for being correct and finite.

        Raises:
            InputError: as :meth:`score`.
        """
        super().score(outputs, trials)  # whether they can be judged at all
        given = outputs.detach() if isinstance(outputs, torch.Tensor) else torch.tensor(np.asarray(outputs))
        targets, mask = trials.targets, score_mask(trials)
        assert targets is not None
        right = self._right(given, targets.to(given), trials) & torch.isfinite(given)
        if mask is not None:
            right = right | (mask.to(given.device) == 0)
        return right.flatten(1).all(1).cpu().numpy()

    def _right(self, outputs: torch.Tensor, targets: torch.Tensor, trials: Trials) -> torch.Tensor:
        return self.correct(outputs, targets)

    def score(self, outputs: Any, trials: Trials) -> float:
        """Share of the trials that are right, 0..1: see :meth:`right`.

        Raises:
            InputError: the trials have no targets, the shapes differ, or the mask leaves nothing to score.
        """
        return float(self.right(outputs, trials).mean())

    def solved(self, outputs: Any, trials: Trials) -> bool:
        """Whether these outputs meet the published criterion on these trials: all of them right.

        Raises:
            InputError: as :meth:`score`.
        """
        return bool(self.right(outputs, trials).all())
