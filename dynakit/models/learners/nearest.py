"""A memory of contexts: what followed the most similar ones?  (Cover and Hart 1967, the nearest neighbours.)"""

from __future__ import annotations

import numpy as np

from ... import checks
from .contexts import METRICS, gaps
from .learner import Operations, Past, comparing
from .memory import Memory


class NearestNeighbours(Memory):
    """Predicts the symbol that most often followed the ``k`` nearest contexts of ``lag`` elements.

    Of equally near contexts the oldest count as nearer; of symbols with equally many votes the one whose context is the
    nearest is taken.  ``metric`` is "l1", the sum of absolute differences, or "l2", Euclid's distance.

    Every context is stored with the symbol that came next.  ``memory`` is how many of them, the latest, are looked
    through; with None all are, and nothing is forgotten: a stream whose rules change leaves old contexts in the way.

    >>> NearestNeighbours(code_size=25, memory=3000)
    NearestNeighbours(k=1, lag=10, metric=l1, memory=3000)
    """

    def __init__(
        self, code_size: int, *, k: int = 1, lag: int = 10, metric: str = "l1", memory: int | None = None
    ) -> None:
        super().__init__(code_size)
        self.k = checks.count("k", k)
        self.lag = checks.count("lag", lag)
        self.metric = checks.one_of("metric", metric, METRICS)
        self.memory = None if memory is None else checks.count("memory", memory)

    def extra_repr(self) -> str:
        return f"k={self.k}, lag={self.lag}, metric={self.metric}, memory={self.memory}"

    @property
    def reach(self) -> int:
        """The elements of a context."""
        return self.lag

    def following(self, context: np.ndarray) -> int | None:
        """The element that followed the nearest stored context with the symbol that wins; None before there is one."""
        first, n = self._looked_through()
        if n <= first or len(context) < self.lag:
            return None
        # a distance of contexts is a sum over lags of distances of codes, and few codes make up many contexts
        apart = gaps(context[-self.lag :], self.codes, self.metric) ** METRICS[self.metric]
        total = np.zeros(n - first)
        for back in range(self.lag):
            total += apart[back, self.elements[first + back : n + back]]
        return self.lag + first + self._winner(total, self.elements[self.lag + first :])

    def operations(self, past: Past) -> Operations:
        """Every number of the context against that of each context looked through: products for "l2", sums for "l1"."""
        first, n = self._looked_through()
        known = max(0, n - first) if len(past.codes) >= self.lag else 0
        return comparing(known, self.lag * self.code_size, self.metric)

    def _looked_through(self) -> tuple[int, int]:
        """The first of the contexts that are looked through, and the number of all."""
        n = len(self.elements) - self.lag
        return (0 if self.memory is None else max(0, n - self.memory)), n

    def _winner(self, total: np.ndarray, followers: np.ndarray) -> int:
        """Which context (context,) at these distances speaks for its follower (context,)."""
        if self.k == 1:
            return int(total.argmin())
        k = min(self.k, len(total))
        near = np.flatnonzero(total <= np.partition(total, k - 1)[k - 1])
        near = near[np.argsort(total[near], kind="stable")][:k]  # the nearest first, of equally near ones the oldest
        _, places, votes = np.unique(followers[near], return_index=True, return_counts=True)
        return int(near[places[votes == votes.max()].min()])
