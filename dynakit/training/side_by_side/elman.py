"""r' = f(a)  (Elman 1990)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .cells import Pool, StackedLayers
from .functions import applied


class StackedElman(StackedLayers):
    """Simple recurrent networks."""

    def __init__(self, models: Sequence[Any], n_trials: int, pool: Pool) -> None:
        super().__init__(models, n_trials, pool)
        self.f = applied(models[0].activation)

    def advance(self, t: int) -> None:
        self.f.apply(self.a, self.r[t])

    def retreat(self, t: int) -> None:
        self.f.back(self.g, self.r[t], self.v[t - 1])
