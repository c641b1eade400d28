"""Where to start looking: the caller's states, what has been found, and random states of the box."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...systems.base import Bounds, System

BATCH = 128
RELAX = 100  # steps under the drive
FAR = 1e3  # times the size of the known states


class Starts:
    """A supply of starts under one drive: first the given ones, then mixtures with what has been found.

    ``given`` rows are all used, in order; ``pool`` (trajectories) is sub-sampled.
    """

    def __init__(
        self, system: System, u: Tensor, given: Tensor | None, pool: Tensor | None, rng: np.random.Generator
    ) -> None:
        self.system, self.u, self.given, self.rng = system, u, given, rng
        self.box: Bounds | None = system.box(u)
        self.width = torch.full((system.state_size,), 2.0, dtype=torch.float64, device=system.device)
        known = [t for t in (given, pool) if t is not None]
        states = torch.cat(known) if known else self._random(4 * BATCH)
        self.pool = states[torch.isfinite(states).all(-1)]
        if not len(self.pool):
            self.pool = self._random(4 * BATCH)
        self.scale = self.pool.std(0, correction=0) + 1e-3 * (1 + self.pool.abs().amax(0))
        self.width = (6 * self.scale).clamp_min(2.0)  # of random states: a box may be far wider than what is used
        self.paths = self._relaxations()

    def first(self) -> Tensor:
        """The first batch: the given starts, or states of the pool, some noisy, some on the way to rest."""
        if self.given is not None:
            return self.given
        return torch.cat([self._from_pool(BATCH // 4), self._noisy(BATCH // 4), self._on_paths(BATCH // 2)])

    def more(self, found: Tensor) -> Tensor:
        """A further batch: noisy and relaxing states, mixtures of found points and known states, random ones."""
        quarter = BATCH // 4
        mixed = [self._noisy(quarter // 2), self._on_paths(quarter), self._random(quarter // 2)]
        if len(found):
            mixed += [
                self._mixtures(found, quarter // 2),
                self._parallelograms(found, quarter // 2),
                self._mixtures(torch.cat([found, self._from_pool(64)]), quarter),
            ]
        else:
            mixed += [self._noisy(2 * quarter)]
        return torch.cat(mixed)

    def comes_back(self) -> bool:
        """Do states from far away come closer, as under a map that draws everything into a bounded set?

        There the signs sum to +1, box or not (Nussbaum 1972).  A few states prove nothing: a search may aim at that
        sum, but not call it expected.
        """
        size = self.scale + self.pool.abs().amax(0)
        far = FAR * size * self._normal(BATCH // 8)
        return bool((self.system.settle(far, self.u, RELAX).norm(dim=-1) < far.norm(dim=-1)).all())

    def _relaxations(self) -> Tensor:
        """Known states left alone under the drive: what attracts lies at the end, saddles along the way."""
        states = self._from_pool(BATCH // 2)
        path = self.system.trajectory(states, self.u.expand(RELAX, -1)).reshape(-1, states.shape[1])
        path = path[torch.isfinite(path).all(-1)]
        return path if len(path) else self.pool

    def _on_paths(self, n: int) -> Tensor:
        rows = torch.from_numpy(self.rng.integers(len(self.paths), size=n)).to(self.paths.device)
        return self.paths[rows]

    def _normal(self, n: int) -> Tensor:
        draws = self.rng.standard_normal((n, self.system.state_size))
        return torch.from_numpy(draws).to(self.system.device)

    def _from_pool(self, n: int) -> Tensor:
        rows = self.rng.choice(len(self.pool), n, replace=len(self.pool) < n)
        return self.pool[torch.from_numpy(rows).to(self.pool.device)]

    def _noisy(self, n: int) -> Tensor:
        return self._from_pool(n) + 0.5 * self.scale * self._normal(n)

    def _mixtures(self, states: Tensor, n: int) -> Tensor:
        """Convex combinations of two or three states: between attractors is where saddles are."""
        rows = torch.from_numpy(self.rng.integers(len(states), size=(n, 3))).to(states.device)
        weights = torch.from_numpy(self.rng.dirichlet((1.0, 1.0, 1.0), n)).to(states)
        weights[: n // 2, 2] = 0.0
        weights /= weights.sum(1, keepdim=True)
        return (states[rows] * weights[..., None]).sum(1) + 0.05 * self.scale * self._normal(n)

    def _parallelograms(self, states: Tensor, n: int) -> Tensor:
        """a + b - c: where the next point is if the network is made of parts that do not heed each other."""
        rows = torch.from_numpy(self.rng.integers(len(states), size=(n, 3))).to(states.device)
        a, b, c = states[rows].unbind(1)
        return a + b - c + 0.05 * self.scale * self._normal(n)

    def _random(self, n: int) -> Tensor:
        """Random states of the box; without a box, normal ones of several scales, half of them settled."""
        if self.box is not None:
            width = torch.minimum(self.box.hi - self.box.lo, self.width)
            middle = (self.box.hi + self.box.lo) / 2
            draws = torch.from_numpy(self.rng.random((n, self.system.state_size))).to(middle)
            return middle + (draws - 0.5) * width
        size = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64, device=self.system.device).repeat(n)[:n]
        states = self._normal(n) * size[:, None]
        settled = self.system.settle(states[::2], self.u, 200)
        usable = torch.isfinite(settled).all(-1) & (settled.abs().amax(-1) < 1e6)
        states[::2] = torch.where(usable[:, None], settled, states[::2])
        return states
