"""Many operators: what each pair has found helps the others, and no triangle is left violated.

If C brings b close to a, and D brings c close to b, then C D brings c to a within d(a, b) + d(b, c).  So compositions
are further starts for every pair; and where a triangle is violated, the composition itself mends it.
"""

from __future__ import annotations

import numpy as np

from ... import chunks
from ...chunks import FLOAT
from .descent import descend, sizes, transposed
from .starts import Framed

BETTER = 1e-9  # relative to the distance
ROUNDS = 8  # of further starts, at most; the next ones change almost nothing
STEPS = 400


class Web:
    """The operators (k, n, n), how far apart they are, and by which rotations."""

    def __init__(self, operators: list[Framed], distances: np.ndarray, rotations: np.ndarray) -> None:
        self.raw = np.stack([of.operator for of in operators])
        self.centred = np.stack([of.centred for of in operators])
        self.distances = distances  # (k, k), symmetric
        self.rotations = rotations  # (k, k, n, n), [a, b] brings b to a
        self.n_improved = 0

    def improve(self) -> None:
        """Start every pair again from its best composition, as long as that finds anything."""
        if self.raw.shape[-1] <= 2:  # what is there is exact
            return
        for _ in range(ROUNDS):
            if not self._start_again():
                break
        while self._mend():
            pass

    def _start_again(self) -> int:
        n_better = 0
        for a in range(len(self.raw) - 1):
            others = np.arange(a + 1, len(self.raw))
            starts = self._compositions(a, others)[1]
            A = np.broadcast_to(self.centred[a], starts.shape)
            C, _ = descend(A, self.centred[others], starts, STEPS)
            n_better += self._take(a, others, C, BETTER)
        return n_better

    def _mend(self) -> int:
        """Where a way over a third is shorter, take it."""
        return sum(
            self._take(a, others := np.arange(a + 1, len(self.raw)), self._compositions(a, others)[1], 1e-13)
            for a in range(len(self.raw) - 1)
        )

    def _compositions(self, a: int, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each of the others the best way from a over a third, which is neither: its distance, and C."""
        k, n = self.raw.shape[:2]
        best, rotations = np.full(len(others), np.inf), np.empty((len(others), n, n))
        for part in chunks.parts(len(others), 4 * FLOAT * k * n * n):
            some = others[part]
            C = self.rotations[a][:, None] @ self.rotations[:, some]  # (over, other, n, n)
            apart = sizes(self.raw[a] - C @ self.raw[some] @ transposed(C))
            apart[a] = np.inf
            apart[some, np.arange(len(some))] = np.inf
            over = apart.argmin(axis=0)
            best[part], rotations[part] = apart.min(axis=0), C[over, np.arange(len(some))]
        return best, rotations

    def _take(self, a: int, others: np.ndarray, C: np.ndarray, by: float) -> int:
        """Keep what is closer by that share of the distance; how many are."""
        apart = sizes(self.raw[a] - C @ self.raw[others] @ transposed(C))
        better = apart < self.distances[a, others] - by * np.maximum(apart, 1e-3 * sizes(self.raw[a]))
        some = others[better]
        self.distances[a, some] = self.distances[some, a] = apart[better]
        self.rotations[a, some], self.rotations[some, a] = C[better], transposed(C[better])
        self.n_improved += len(some)
        return len(some)
