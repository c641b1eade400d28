"""A memory of labelled vectors that grows as it is used, and the label of the nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from . import compiled

METRICS = {"l1": 1.0, "l2": 2.0}
EXACT = "donot_use_mm_for_euclid_dist"  # a difference of squares would lose the order of near ones


class Rows:
    """An array that grows by one row at a time."""

    def __init__(self, *shape: int, dtype: Any) -> None:
        self._room, self.n = np.zeros((1024, *shape), dtype), 0

    def add(self, row: Any) -> None:
        """One more."""
        if self.n == len(self._room):
            self._room = np.concatenate([self._room, np.zeros_like(self._room)])
        self._room[self.n] = row
        self.n += 1

    @property
    def now(self) -> np.ndarray:
        """(row, ...) what there is, without a copy."""
        return self._room[: self.n]


def gaps(queries: Any, vectors: Any, metric: str) -> np.ndarray:
    """The distances (query, vector)."""
    pair = (torch.from_numpy(np.asarray(part)).float() for part in (queries, vectors))
    return torch.cdist(*pair, p=METRICS[metric], compute_mode=EXACT).numpy()


class Contexts:
    """Vectors (context, width) in float32 and the label of each, oldest first."""

    def __init__(self, width: int, metric: str) -> None:
        self.metric = metric
        self.vectors, self.labels = Rows(width, dtype=np.float32), Rows(dtype=np.int64)

    def add(self, vector: np.ndarray, label: int) -> None:
        """Store one more."""
        self.vectors.add(vector)
        self.labels.add(label)

    def nearest(self, vector: np.ndarray) -> int | None:
        """The label of the nearest, the oldest of equally near ones; None if there is none."""
        if not self.labels.n:
            return None
        if fast := compiled.compiled(compiled.nearest):
            at = fast(np.asarray(vector, np.float32), self.vectors.now, self.metric == "l2")
        else:
            at = gaps(vector[None], self.vectors.now, self.metric)[0].argmin()
        return int(self.labels.now[at])
