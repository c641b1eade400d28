"""A memory of contexts: what followed the most similar one?  (Cover and Hart 1967, the nearest neighbour.)"""

from __future__ import annotations

import numpy as np

from .. import checks
from ._contexts import METRICS, Rows, gaps
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
        self._symbols: dict[bytes, int] = {}  # the row of each code met so far
        self._codes = Rows(self.code_size, dtype=np.float32)
        self._elements, self._ids = Rows(dtype=np.int64), Rows(dtype=np.int64)

    def extra_repr(self) -> str:
        return f"lag={self.lag}, metric={self.metric}, memory={self.memory}"

    def predict(self, past: Past) -> int | None:
        """The id that followed the nearest stored context; None before there is one."""
        n = self._elements.n - self.lag  # contexts
        if n < 1 or len(past.codes) < self.lag:
            return None
        first = 0 if self.memory is None else max(0, n - self.memory)
        # a distance of contexts is a sum over lags of distances of codes, and few codes make up many contexts
        apart = gaps(past.codes[-self.lag :], self._codes.now, self.metric) ** METRICS[self.metric]
        elements, total = self._elements.now, np.zeros(n - first)
        for k in range(self.lag):
            total += apart[k, elements[first + k : n + k]]
        return int(self._ids.now[self.lag + first + int(total.argmin())])

    def learn(self, element: Element) -> None:
        """Store the element: it ends a context, and is the label of the one before."""
        code = np.array(element.code, dtype=np.float32)
        row = self._symbols.setdefault(code.tobytes(), len(self._symbols))
        if row == self._codes.n:
            self._codes.add(code)
        self._elements.add(row)
        self._ids.add(element.id)
