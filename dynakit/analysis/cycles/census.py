"""From many starts to the distinct objects they reach: simulate together, classify one, see who else is there.

A start whose object is known needs no analysis of its own.  Those that are not yet anywhere are followed ten times as
long, all together, before any of them is called slow.
"""

from __future__ import annotations

import numpy as np
import torch

from ...progress import ended, going
from ...seeding import stream
from ...systems.derived import Iterated
from ..exponents import grows
from ..fixed_points import find_fixed_points
from . import shooting
from .autonomous import settle
from .classify import classify
from .map_cycles import cycle_object
from .objects import Found, same
from .settings import CycleSettings
from .views import View

LONGER = 10  # times the transient for what has not arrived
ENOUGH = 2  # starts that turn out to be under way before all that are not known to have arrived go on
TAIL = 256  # states of each start that are compared with clouds
SHORT = 16  # longest of those
MOST_NEAR = 64  # starts looked at for that


class Census:
    """The objects found so far, and which of them each start reached."""

    def __init__(self, view: View, starts: np.ndarray, settings: CycleSettings, seed: int) -> None:
        self.view, self.settings, self.seed = view, settings, seed
        self.starts = starts
        self.objects: list[Found] = []
        self.reached = np.full(len(starts), -1)
        self.left_at = np.full(len(starts), -1)

    def run(self, n_transient: int) -> None:
        """Follow every start to its object."""
        states = self._settled(self.starts, n_transient, 0)
        slow = self._label(states, n_transient, final=False)
        if slow.any() and not ended():
            states[slow] = self._settled(states[slow], LONGER * n_transient, n_transient, slow)
            self._label(states, (1 + LONGER) * n_transient, final=True)

    def _settled(
        self, x: np.ndarray, n_steps: int, before: int, which: np.ndarray | None = None
    ) -> np.ndarray:
        after = settle(self.view, x, n_steps)
        rows = np.arange(len(self.starts)) if which is None else np.flatnonzero(which)
        gone = after.left_at >= 0
        self.left_at[rows[gone]] = before + after.left_at[gone]
        return after.states

    def _label(self, states: np.ndarray, before: int, *, final: bool) -> np.ndarray:
        """Give each start its object; True for those that are slow, which only the ``final`` round keeps as objects.

        ``before`` steps were taken to these states.
        """
        waiting = (self.reached < 0) & (self.left_at < 0)
        slow = np.zeros(len(states), bool)
        tails = np.full((len(states), TAIL + 1, self.view.size), np.nan)
        tails[waiting] = self.view.orbit(states[waiting], TAIL) if waiting.any() else 0.0
        alive = np.isfinite(tails).all(axis=(1, 2))
        for k, known in enumerate(self.objects):
            self._claim(k, known, waiting & alive, tails)
        for i in np.flatnonzero(waiting):
            if self.reached[i] >= 0:
                continue
            if not going(int(((self.reached >= 0) | (self.left_at >= 0)).sum()), "start"):
                break
            if slow.sum() >= ENOUGH:  # the others are likely to be under way as well
                slow[i] = True
                continue
            found = classify(self.view, states[i], self.settings, stream(self.seed, "cycle"), patient=final)
            if found is None:
                self.left_at[i] = before + settle(self.view, states[i : i + 1], 10**6).left_at[0]
            elif found.kind in ("slow", "unresolved") and final and self._grows(int(i), states[i]):
                self.left_at[i] = before
            elif found.kind == "slow" and not final:
                slow[i] = True
            else:
                k = self.add(found)
                self.reached[i] = k
                self._claim(k, self.objects[k], waiting & alive, tails)
        return slow

    def _grows(self, i: int, x: np.ndarray) -> bool:
        """Whether what start i came to is no object, since it grows without bound at its own pace."""
        view = self.view
        start, here = (torch.from_numpy(state[None]).to(view.u) for state in (self.starts[i], x))
        return bool(grows(view.system, start, here, view.u)[0])

    def _claim(self, k: int, known: Found, candidates: np.ndarray, tails: np.ndarray) -> None:
        rows = np.flatnonzero(candidates & (self.reached < 0))
        if len(rows):
            self.reached[rows[known.holds(tails[rows])]] = k
        rows = rows[self.reached[rows] < 0]
        if len(rows) and known.kind == "fixed point" and known.attracting:
            self.reached[rows[self.view.pulled(known.orbit[0], tails[rows])]] = k

    def add(self, found: Found) -> int:
        """The place of an object among those found, as a new one if it is."""
        for k, known in enumerate(self.objects):
            if same(known, found):
                return k
        self.objects.append(found)
        return len(self.objects) - 1

    def look_near(self) -> None:
        """Cycles beside which a start was given, stable or not: those of a few starts that soon come back."""
        some = self.starts[:MOST_NEAR]
        most = min(self.settings.max_period, SHORT)
        orbits = self.view.orbit(some[np.isfinite(some).all(axis=1)], most)
        for orbit in orbits:
            found = self.view.beside(orbit)
            if found is not None:
                self.add(found)

    def look_for(self, periods: list[int], max_starts: int) -> None:
        """Cycles of these periods, stable or not, by Newton's method on the iterated map from many starts."""
        for q in periods:
            if not going(None, "start"):
                break
            points = find_fixed_points(
                Iterated(self.view.system, q), self.starts, self.view.u, seed=self.seed, max_starts=max_starts
            )
            for x in points.states:
                if any(
                    float(known.distances(x[None])[0]) < 1e-9 for known in self.objects if known.curve is None
                ):
                    continue
                closed = shooting.close(self.view, self.view.orbit(x, q)[:-1])
                if closed is not None:
                    self.add(cycle_object(self.view, shooting.minimal(self.view, closed)))
