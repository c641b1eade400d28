"""Points that are not isolated, put together: a line, a ring or a plane of fixed points is one object.

From a point of the set one walks along the directions that J - I annuls, a small step at a time, and back onto the set
after each by Newton's method across them, with the pseudo-inverse of what is left (Ben-Israel 1966; Allgower and Georg
2003, ch. 3).  Two points belong to one set if a walk from one arrives at the other.  A line is followed both ways until
it ends, closes, or leaves the region that was searched; a set of more dimensions reaches as far as the two places
farthest apart that such walks met.  Where no walk is possible (the corner of a map with kinks) nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from ... import linalg
from ...systems.base import Bounds, System, minus_identity
from .newton import ACCEPT

STEPS = 40  # in the size of the region, if none is shortened
HALVINGS = 12  # of a step, to come near an end
MOST, FEWEST, WORK = (
    400,
    60,
    2**28,
)  # points of a walk one way: at most, at least, and multiplications for them
SETS = 16  # under one drive that are followed
FAR = 4e7  # beyond it rounding moves states by more than 1e-8, and a line is not told from a point
TURN = 0.3  # radians a direction may turn in a step
ANNULLED = 1e-5  # singular values of J - I below that, relative to 1 + the largest, are none


class Continua(NamedTuple):
    """The sets that points belong to."""

    of: np.ndarray  # (point,)  the number of the set, -1: of none
    dimensions: np.ndarray  # (set,)
    extents: np.ndarray  # (set,)  length of a line, of other sets the largest distance met
    closed: np.ndarray  # (set,)  a line that closes
    cut: np.ndarray  # (set,)  goes on where the search did not look

    def dimension_of(self, own: np.ndarray) -> np.ndarray:
        """That of the set each point (point,) lies in; its ``own`` where it lies in none."""
        return np.where(self.of < 0, own, self.dimensions[self.of] if len(self.dimensions) else own)


class _Place(NamedTuple):
    """A point of a set and the directions along it."""

    x: np.ndarray  # (unit,)
    along: np.ndarray  # (direction, unit)


def continua(
    system: System, u: Tensor, x: Tensor, dimensions: np.ndarray, open_: np.ndarray, region: Bounds
) -> Continua:
    """Group the points (point, unit) under one drive that lie in sets of these ``dimensions`` (point,); 0: none.

    A point that is ``open_`` (point,), not certified, joins a set if a walk arrives there: the end of a ray, which
    lies at a kink and has a singular I - J on one side only, or the edge of a plane.
    """
    of, sets = np.full(len(x), -1), []
    states = x.cpu().numpy()
    lo, hi = _widened(region.lo.cpu().numpy(), region.hi.cpu().numpy(), states[dimensions > 0])
    for first in np.argsort(-dimensions, kind="stable"):
        if of[first] >= 0 or dimensions[first] == 0 or len(sets) == SETS:
            continue
        walker = _Walker(system, u, int(dimensions[first]), lo, hi)
        start = walker.place(states[first])
        if start is None:
            continue
        of[first] = len(sets)
        extent, closed, cut, known = walker.extent(start)
        others = np.flatnonzero((of < 0) & (dimensions <= dimensions[first]) & (open_ | (dimensions > 0)))
        of[walker.reached(known, states, others)] = len(sets)
        sets.append((walker.dimension, extent, closed, cut))
    columns = list(zip(*sets)) or [(), (), (), ()]
    return Continua(of, *(np.array(c, kind) for c, kind in zip(columns, (int, float, bool, bool))))


def _widened(lo: np.ndarray, hi: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A region that holds all that was found, with a margin where it did not."""
    if not len(found) or ((found >= lo) & (found <= hi)).all():
        return lo, hi
    low, high = np.minimum(lo, found.min(axis=0)), np.maximum(hi, found.max(axis=0))
    margin = 0.1 * (high - low).max()
    return low - margin, high + margin


def joined(parts: Iterable[Continua]) -> Continua:
    """The sets under several drives, numbered on."""
    found, n = [], 0
    for part in parts:
        found.append(part._replace(of=np.where(part.of < 0, -1, part.of + n)))
        n += len(part.dimensions)
    return Continua(*(np.concatenate(columns) for columns in zip(*found)))


def region_of(states: Tensor, box: Bounds | None) -> Bounds:
    """Where a search looked: the box, or the range of the states it began with, around a single one its own size."""
    if box is not None:
        return box
    lo, hi = states.amin(0), states.amax(0)
    width = (hi - lo).max()
    if bool(width <= 1e-9 * (1 + states.abs().max())):
        width = 2 * (1 + states.abs().max())
    margin = torch.where(hi - lo < 0.1 * width, 0.5 * width, 0.0)  # a curve through starts on a line may bend
    return Bounds(lo - margin, hi + margin)


class _Walker:
    """Steps on a set of fixed points of one dimension."""

    def __init__(self, system: System, u: Tensor, dimension: int, lo: np.ndarray, hi: np.ndarray) -> None:
        self.system, self.u, self.dimension, self.lo, self.hi = system, u, dimension, lo, hi
        self.most = int(np.clip(WORK // (25 * len(lo) ** 3 + 1), FEWEST, MOST))
        self.margin = 1e-9 * (1 + float(np.abs(hi).max()))
        self.largest = max(float((hi - lo).max()), 1e-12) / STEPS

    def place(self, x: np.ndarray) -> _Place | None:
        """The directions along the set at ``x``, or None where J - I does not annul so many."""
        return self._placed(x, *self._parts(x)[1:])

    def _placed(self, x: np.ndarray, s: np.ndarray, right: np.ndarray) -> _Place | None:
        along = right[len(x) - self.dimension :]
        small = s[len(x) - self.dimension] <= ANNULLED * (1 + s[0])
        return _Place(x, along) if small and np.abs(x).max() < FAR else None

    def extent(self, start: _Place) -> tuple[float, bool, bool, list[_Place]]:
        """How far it reaches, whether it closes, whether it leaves the region, and all places that were met."""
        length, cut, known = 0.0, False, [start]
        for way in start.along:
            there, length, why = self._walk(start, way)
            known += there
            if why == "closed":
                if self.dimension == 1:
                    return length, True, False, known
                continue
            back, other, why_not = self._walk(start, -way)
            known, length = known + back, length + other
            cut = cut or "left" in (why, why_not)
        if self.dimension > 1:
            places = np.array([p.x for p in known])
            length = float(cdist(places, places).max())
        return length, False, cut, known

    def reached(self, known: list[_Place], x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Which of the rows of x a walk from the nearest known place arrives at; those reached are known then."""
        found, left = [], rows.tolist()
        while left:
            away = np.linalg.norm(np.array([p.x for p in known])[:, None] - x[left], axis=-1)
            order = away.min(axis=0).argsort()
            arrived = [left[k] for k in order if self._arrives(known[int(away[:, k].argmin())], x[left[k]])]
            if not arrived:
                break
            found += arrived
            known = [*known, *(p for p in map(self.place, x[arrived]) if p is not None)]
            left = [k for k in left if k not in arrived] if self.dimension > 1 else []
        return np.array(found, int)

    def _walk(self, start: _Place, way: np.ndarray) -> tuple[list[_Place], float, str]:
        here, path, length, step = start, [], 0.0, self.largest
        while len(path) < self.most:
            after, moved, turned = self._next(here, way, step)
            if after is None:
                return path, length, "ended"
            if (after.x < self.lo - self.margin).any() or (after.x > self.hi + self.margin).any():
                if step > self.largest / 2**HALVINGS:
                    step = min(step, moved) / 2
                    continue
                return path, length, "left"
            length += moved
            if len(path) > 2 and self._passes(here.x, after.x, start.x):
                past = float(np.linalg.norm(after.x - start.x))
                return path, length - past, "closed"
            path.append(after)
            here, way, step = after, turned, min(self.largest, 1.5 * moved)
        return path, length, "left"

    def _next(self, here: _Place, way: np.ndarray, step: float) -> tuple[_Place | None, float, np.ndarray]:
        """The next place, how far the set goes to it, and the direction there."""
        for _ in range(HALVINGS):
            after = self._onto(here.x + step * way, here)
            if after is not None:
                turned = after.along.T @ (after.along @ way)
                size = float(np.linalg.norm(turned))
                if size > np.cos(TURN):
                    chord, half = float(np.linalg.norm(after.x - here.x)), np.arccos(min(size, 1.0)) / 2
                    return after, chord / np.sinc(half / np.pi), turned / size
            step /= 2
        return None, 0.0, way

    def _onto(self, z: np.ndarray, here: _Place) -> _Place | None:
        """The place of the set across from ``z``, if there is one near it."""
        start, away = z, float(np.linalg.norm(z - here.x))
        left, s, right = self._parts(z)
        keep = len(z) - self.dimension
        for _ in range(8):
            r = self._residual(z)
            if np.abs(r).max() <= 0.1 * ACCEPT * (1 + np.abs(z).max()):
                break
            z = z - right[:keep].T @ ((left.T @ r)[:keep] / np.maximum(s[:keep], 1e-300))
        else:
            r = self._residual(z)
        if not np.abs(r).max() <= ACCEPT * (1 + np.abs(z).max()) or np.linalg.norm(z - start) > away / 2:
            return None
        return self._placed(z, s, right) if z is start else self.place(z)

    def _arrives(self, here: _Place, target: np.ndarray) -> bool:
        """Does a walk towards the target get there?"""
        close = 1e-6 * (1 + np.abs(target).max())
        for _ in range(2 * STEPS):
            way = target - here.x
            distance = float(np.linalg.norm(way))
            if distance <= close:
                return True
            along = here.along.T @ (here.along @ way)
            size = float(np.linalg.norm(along))
            if size < 0.3 * distance:
                return False
            after = self._onto(here.x + min(self.largest, 0.9999 * size) / size * along, here)
            if after is None or np.linalg.norm(target - after.x) > 0.99 * distance:
                return bool(distance <= 1e-3 * self.largest)  # at a kink
            here = after
        return False

    def _passes(self, before: np.ndarray, after: np.ndarray, first: np.ndarray) -> bool:
        chord = after - before
        along = (first - before) @ chord / max(chord @ chord, 1e-300)
        off = np.linalg.norm(before + along * chord - first)
        return bool(0 <= along <= 1 and off < 0.25 * np.linalg.norm(chord))

    def _residual(self, z: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(z).to(self.u)[None]
        return (self.system.step(x, self.u[None]) - x)[0].cpu().numpy()

    def _parts(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        J = self.system.jacobian(torch.from_numpy(z).to(self.u)[None], self.u[None])
        return linalg.svd(minus_identity(J)[0].cpu().numpy())
