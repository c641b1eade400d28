"""A memory of labelled vectors that grows as it is used, and the label of the nearest."""

from __future__ import annotations

import numpy as np
import torch

METRICS = {"l1": 1.0, "l2": 2.0}


class Contexts:
    """Vectors (context, width) in float32 and the label of each, oldest first."""

    def __init__(self, width: int, metric: str, memory: int | None = None) -> None:
        self.p, self.memory = METRICS[metric], memory
        self.vectors = torch.zeros(0, width)
        self.labels = np.zeros(0, int)
        self.n = 0

    def add(self, vector: np.ndarray, label: int) -> None:
        """Store one more."""
        if self.n == len(self.labels):
            room = max(1024, 2 * self.n)
            vectors, labels = torch.zeros(room, self.vectors.shape[1]), np.zeros(room, int)
            vectors[: self.n], labels[: self.n] = self.vectors[: self.n], self.labels[: self.n]
            self.vectors, self.labels = vectors, labels
        self.vectors[self.n] = torch.from_numpy(vector)
        self.labels[self.n] = label
        self.n += 1

    def nearest(self, vector: np.ndarray) -> int | None:
        """The label of the nearest of the last ``memory``, the oldest of equally near ones; None if there is none."""
        first = 0 if self.memory is None else max(0, self.n - self.memory)
        if first >= self.n:
            return None
        query = torch.from_numpy(vector).float()[None]
        exact = "donot_use_mm_for_euclid_dist"  # a difference of squares would lose the order of near ones
        gaps = torch.cdist(query, self.vectors[first : self.n], p=self.p, compute_mode=exact)[0]
        return int(self.labels[first + int(gaps.argmin())])
