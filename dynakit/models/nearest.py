"""A memory of contexts: what followed the most similar one?  (Cover and Hart 1967, the nearest neighbour.)"""

from __future__ import annotations

import numpy as np

from .. import checks
from ._contexts import METRICS, Contexts
from .learner import Element, Learner, Past


class NearestNeighbours(Learner):
    """Predicts the symbol that followed the nearest context of ``lag`` elements; of equally near ones the oldest.

    Every context is stored with the symbol that came next.  ``memory`` is how many are kept, the latest; None keeps
    all, and then nothing is ever forgotten: a stream whose rules change leaves old contexts in the way.

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
        self._contexts = Contexts(self.lag * self.code_size, self.metric, self.memory)
        self._recent: list[np.ndarray] = []

    def extra_repr(self) -> str:
        return f"lag={self.lag}, metric={self.metric}, memory={self.memory}"

    def predict(self, past: Past) -> int | None:
        """The id that followed the nearest stored context; None before there is one."""
        if len(past.codes) < self.lag:
            return None
        return self._contexts.nearest(past.codes[-self.lag :].reshape(-1))

    def learn(self, element: Element) -> None:
        """Store the context before the element, and what it was."""
        if len(self._recent) == self.lag:
            self._contexts.add(np.concatenate(self._recent), element.id)
            self._recent.pop(0)
        self._recent.append(np.array(element.code, dtype=float))
