"""The orthogonal C that brings C B C^T closest to A, from many starts at once.

With M = C B C^T, f = |A - M|^2 / 2 changes along C(t) = e^(tW) C, W skew, by

    f' = -<A, [W, M]> = -<G, W>,   G = skew part of A M^T - M^T A,       f'' at 0 = -<A, [W, [W, M]]> :

conjugate gradients (Polak and Ribiere, with restarts) in the skew matrices, each step as long as Newton's along its
line, which f'' gives for two products of matrices (Absil, Mahony and Sepulchre 2008, ch. 8).  A start whose step would
not descend stays where it is and tries a shorter one, so that f never rises.  Since f is a square and no difference of
products, it is exact to rounding where the two operators are alike.
"""

from __future__ import annotations

import numpy as np

LONGEST = 0.7  # the largest angle, in radians, that one step may turn any vector
SETTLED = 1e-10  # |G| relative to |A| |B|: no more is gained than its square
SHORTEST = 1e-5  # of Newton's step: below it, f has come down to its rounding
TOGETHER = 8  # steps between two looks at who has settled


def transposed(batch: np.ndarray) -> np.ndarray:
    """Each matrix of a batch, turned over."""
    return np.swapaxes(batch, -1, -2)


def sizes(batch: np.ndarray) -> np.ndarray:
    """The Frobenius norm of each matrix of a batch."""
    return np.sqrt(np.einsum("...ij,...ij->...", batch, batch))


def inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The sum of the products of the entries of each pair."""
    return np.einsum("...ij,...ij->...", a, b)


def descend(A: np.ndarray, B: np.ndarray, C: np.ndarray, most_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each start C (start, n, n) comes down to between its own A and B (start, n, n): C, and |A - C B C^T|.

    All finite; C orthogonal.  A start is as if it had been alone.
    """
    whole, distances = C.copy(), np.empty(len(C))
    left, walk = np.arange(len(C)), _Walk(A, B, C)
    for step in range(1, most_steps + 1):
        walk.step()
        if step % TOGETHER == 0 or step == most_steps:
            done = walk.settled if step < most_steps else np.ones(len(left), bool)
            if done.any():
                whole[left[done]], distances[left[done]] = walk.C[done], sizes(walk.A - walk.M)[done]
                left = left[~done]
                walk.keep(~done)
        if not len(left):
            break
    return whole, distances


class _Walk:
    """Starts on their way down; every array has one entry for each."""

    def __init__(self, A: np.ndarray, B: np.ndarray, C: np.ndarray) -> None:
        self.A, self.B, self.C = A, B, C
        self.M = C @ B @ transposed(C)
        self.f = inner(A - self.M, A - self.M) / 2
        self.size = np.maximum(sizes(A) * sizes(B), np.finfo(float).tiny)
        self.G = self._slope()
        self.W = self.G
        self.share = np.ones(len(C))  # of Newton's step, smaller after one that did not descend

    def keep(self, some: np.ndarray) -> None:
        """Go on with these alone."""
        for name, array in vars(self).items():
            setattr(self, name, array[some])

    @property
    def settled(self) -> np.ndarray:
        return (sizes(self.G) <= SETTLED * self.size) | (self.share < SHORTEST)

    def step(self) -> None:
        """One step of each."""
        D = _turned(self._length()[:, None, None] * self.W, self.C)
        M = D @ self.B @ transposed(D)
        R = self.A - M
        f = inner(R, R) / 2
        down = f < self.f
        at = down[:, None, None]
        self.C, self.M, self.f = np.where(at, D, self.C), np.where(at, M, self.M), np.where(down, f, self.f)
        self.share = np.where(down, 1.0, self.share / 4)
        self._turn(down)

    def _slope(self) -> np.ndarray:
        P = self.A @ transposed(self.M) - transposed(self.M) @ self.A
        return (P - transposed(P)) / 2

    def _length(self) -> np.ndarray:
        """How far Newton's method goes along W, no further than by the longest turn."""
        K = self.W @ self.M - self.M @ self.W
        first, second = inner(self.A, K), inner(self.A, self.W @ K - K @ self.W)
        widest = np.abs(self.W).sum(axis=-1).max(axis=-1)  # no eigenvalue of a skew W exceeds it
        tiny = np.finfo(float).tiny
        return self.share * np.minimum(
            first / np.maximum(np.abs(second), tiny), LONGEST / np.maximum(widest, tiny)
        )

    def _turn(self, down: np.ndarray) -> None:
        """The next direction: of steepest descent after a step that failed, else conjugate to the last."""
        G = self._slope()
        beta = np.maximum(inner(G, G - self.G), 0.0) / np.maximum(inner(self.G, self.G), np.finfo(float).tiny)
        W = G + np.where(down, beta, 0.0)[:, None, None] * self.W
        self.W = np.where((inner(W, G) > 0)[:, None, None], W, G)
        self.G = G


def _turned(X: np.ndarray, C: np.ndarray) -> np.ndarray:
    """e^X C for skew X of angles up to :data:`LONGEST`: four terms, then Newton and Schulz's steps back to O(n)."""
    square = X @ X
    D = C + (X + square / 2 + square @ (X / 6 + square / 24)) @ C
    for _ in range(2):  # squares the error, and that which C had
        D = D @ (1.5 * np.eye(C.shape[-1]) - transposed(D) @ D / 2)
    return D
