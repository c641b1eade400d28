"""Where to start looking: the caller's states, what has been found, and states of every scale left alone.

What a caller hands over, trajectories above all, shows where the system goes in the task and nothing else.  So states
of the whole box, of a third and of a tenth of it (of several sizes where there is no box) are stepped as well, and
where each has got to is a start of its own: an attractor that draws a noticeable share of any of these is not missed.
Saddles of saturating networks lie where a few units are between their ends and the others at them, near the faces of
the box, which uniform states of a box of many dimensions hardly ever are.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...systems.base import Bounds, System

BATCH = 128
RELAX = 100  # steps under the drive
FAR = 1e3  # times the size of the known states
CLOSER = 0.95  # of the distance to a box is left at most, of a state that is drawn into it
SHARES = (1.0, 0.3, 0.1)  # of the box
SIZES = (0.1, 1.0, 10.0)  # of states where there is no box
POOL = 4096  # states of trajectories from which starts are drawn: at most twice as many, evenly
WORK = 2**23  # multiplications in a Newton step of all states near faces
LOOKS = (BATCH // 4, 8 * BATCH)  # at least and at most so many of them


class Starts:
    """A supply of starts under one drive: first the given ones, then mixtures with what has been found.

    ``given`` rows are all used, in order; ``pool`` (trajectories) is sub-sampled.
    """

    def __init__(
        self, system: System, u: Tensor, given: Tensor | None, pool: Tensor | None, rng: np.random.Generator
    ) -> None:
        self.system, self.u, self.given, self.rng = system, u, given, rng
        self.box: Bounds | None = system.box(u)
        self.look = min(max(WORK // max(1, system.state_size) ** 3, LOOKS[0]), LOOKS[1])
        self.within = system.rest_within(u)  # the box, or as much as is known of one
        known = [t for t in (given, pool) if t is not None]
        if self.box is not None and not system.box_holds_all and not _come_in(system, u, self.box, known):
            self.box = None
        wide = self._wide(max(BATCH // 2, self.look // 2))
        states = torch.cat(known) if known else wide
        states = states[:: max(1, len(states) // POOL)]
        self.pool = states[torch.isfinite(states).all(-1)]
        if not len(self.pool):
            self.pool = wide
        self.scale = self.pool.std(0, correction=0) + 1e-3 * (1 + self.pool.abs().amax(0))
        self.paths, self.ends = self._relaxations(wide, len(known) > 0)

    def first(self) -> Tensor:
        """The first batch: the given starts, or states of the pool, some noisy, some on the way to rest."""
        if self.given is not None:
            return self.given
        return torch.cat([self._from_pool(BATCH // 4), self._noisy(BATCH // 4), self._on_paths(BATCH // 2)])

    def more(self, found: Tensor) -> Tensor:
        """A further batch: noisy and relaxing states, mixtures of found points and known states, random ones."""
        quarter = BATCH // 4
        mixed = [self._noisy(quarter // 2), self._on_paths(quarter), self._wide(quarter // 2)]
        if len(found):
            mixed += [
                self._mixtures(found, quarter // 2),
                self._parallelograms(found, quarter // 2),
                self._mixtures(torch.cat([found, self._from_pool(64)]), quarter),
            ]
        else:
            mixed += [self._noisy(2 * quarter)]
        return torch.cat(mixed)

    def everywhere(self) -> Tensor:
        """Where states of every scale have got to, and states near the faces of the box."""
        return torch.cat([self.ends, self._near_faces(self.look)])

    def comes_back(self) -> bool:
        """Do states from far away come closer, as under a map that draws everything into a bounded set?

        There the signs sum to +1, box or not (Nussbaum 1972).  A few states prove nothing: a search may aim at that
        sum, but not call it expected.
        """
        size = self.scale + self.pool.abs().amax(0)
        far = FAR * size * self._normal(BATCH // 8)
        return bool((self.system.settle(far, self.u, RELAX).norm(dim=-1) < far.norm(dim=-1)).all())

    def _relaxations(self, wide: Tensor, known: bool) -> tuple[Tensor, Tensor]:
        """States on their way, and where the wide ones end: what attracts lies there, saddles along the way."""
        states = torch.cat([self._from_pool(BATCH // 2), wide]) if known else wide
        rough = self.system.single_precision() or self.system  # these are starts: half the digits will do
        path = rough.trajectory(states.to(rough.dtype), self.u.to(rough.dtype).expand(RELAX, -1)).to(states)
        ends = path[-len(wide) :, -1]
        path = path.reshape(-1, states.shape[1])
        path = path[torch.isfinite(path).all(-1)]
        return (path if len(path) else self.pool), ends[torch.isfinite(ends).all(-1)]

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

    def _wide(self, n: int) -> Tensor:
        """Random states of the box and of shares of it; without a box, normal ones of several sizes."""
        n_units = self.system.state_size
        if self.box is None:
            wide = self._normal(n) * self._in_turn(SIZES, n)
            return wide if self.within is None else torch.clamp(wide, *self.within)
        draws = torch.from_numpy(self.rng.random((n, n_units)) - 0.5).to(self.box.lo)
        middle = (self.box.hi + self.box.lo) / 2
        return middle + draws * (self.box.hi - self.box.lo) * self._in_turn(SHARES, n)

    def _near_faces(self, n: int) -> Tensor:
        """States some of whose units, any share of them, are at an end of the box; without a box, wide ones."""
        if self.box is None:
            return self._wide(n)
        inside, at_end, upper = (self.rng.random((n, self.system.state_size)) for _ in range(3))
        share = np.where(at_end < self.rng.random((n, 1)), upper < 0.5, inside)
        return self.box.lo + torch.from_numpy(share).to(self.box.lo) * (self.box.hi - self.box.lo)

    def _in_turn(self, values: tuple[float, ...], n: int) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=self.system.device).repeat(n)[:n, None]


def _come_in(system: System, u: Tensor, box: Bounds, known: list[Tensor]) -> bool:
    """Whether the known states that lie outside the box are drawn into it.

    A box found from a map's code may lie around some of what attracts, and other fixed points beyond it.
    """
    x = torch.cat([box.lo[None], *(states[:: max(1, len(states) // BATCH)] for states in known)])
    x = x[torch.isfinite(x).all(-1)]
    for n_steps in (1, RELAX // 2, RELAX // 2):
        x = x[_beyond(x, box) > 0]
        if not len(x):
            return True
        before, x = _beyond(x, box), system.settle(x, u, n_steps)
    return bool((_beyond(x, box) <= CLOSER * before).all())


def _beyond(x: Tensor, box: Bounds) -> Tensor:
    """How far states lie outside of a box, (state,)."""
    return torch.maximum(box.lo - x, x - box.hi).amax(-1).nan_to_num(torch.inf, torch.inf)
