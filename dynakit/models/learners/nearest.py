"""A memory of contexts: what followed the most similar one?  (Cover and Hart 1967, the nearest neighbour.)"""

from __future__ import annotations

import numpy as np

from ... import checks
from .contexts import METRICS, gaps
from .memory import Memory


class NearestNeighbours(Memory):
    """Predicts the symbol that followed the nearest context of ``lag`` elements; of equally near ones the oldest.

    Every context is stored with the symbol that came next.  ``memory`` is how many of them, the latest, are looked
    through; with None all are, and nothing is forgotten: a stream whose rules change leaves old contexts in the way.

    >>> NearestNeighbours(code_size=25, memory=3000)
    NearestNeighbours(lag=10, metric=l1, memory=3000)
    """

    def __init__(
        self, code_size: int, *, lag: int = 10, metric: str = "l1", memory: int | None = None
    ) -> None:
        super().__init__(code_size)
        self.lag = checks.count("lag", lag)
        self.metric = checks.one_of("metric", metric, METRICS)
        self.memory = None if memory is None else checks.count("memory", memory)

    def extra_repr(self) -> str:
        return f"lag={self.lag}, metric={self.metric}, memory={self.memory}"

    @property
    def reach(self) -> int:
        """The elements of a context."""
        return self.lag

    def following(self, context: np.ndarray) -> int | None:
        """The element that followed the nearest stored context; None before there is one."""
        n = len(self.elements) - self.lag  # contexts
        if n < 1 or len(context) < self.lag:
            return None
        first = 0 if self.memory is None else max(0, n - self.memory)
        # a distance of contexts is a sum over lags of distances of codes, and few codes make up many contexts
        apart = gaps(context[-self.lag :], self.codes, self.metric) ** METRICS[self.metric]
        total = np.zeros(n - first)
        for k in range(self.lag):
            total += apart[k, self.elements[first + k : n + k]]
        return self.lag + first + int(total.argmin())
