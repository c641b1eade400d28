"""From the pieces of a map to all its fixed points: the search, the regions of what it found, and what is left."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...progress import ended
from ...systems.base import Pieces, System
from .arrangement import candidates
from .complementarity import Tree, search
from .hinges import Hinges, as_problem, bounds
from .reduction import LCP, reduced
from .regions import Solution, is_only, jump, solution, within

N_STARTS = 128  # regions to jump from
SAME = 1e-9  # relative distance below which two solutions at a kink are one


class Enumeration(NamedTuple):
    """The fixed points and what is known of their number."""

    states: np.ndarray  # (point, unit)
    regions: np.ndarray  # (point, hinge)  active
    n_kinks: np.ndarray  # (point,)  hinges at zero as far as can be told
    singular: np.ndarray  # (point,)  not isolated as far as can be told
    signs: np.ndarray  # (point,)  sign of det(I - J); at one kink the index of the point, at several 0
    hits: np.ndarray  # (point,)  region jumps that ended there
    n_starts: int
    n_nodes: int
    n_left: int
    left: str
    verdict: str  # proved | proved in box | incomplete

    def where(self, mask: np.ndarray) -> Enumeration:
        """Only some of the points."""
        points = {name: getattr(self, name)[mask] for name in self._fields[:6]}
        return self._replace(**points)


def enumerated(
    system: System,
    u: Tensor,
    pieces: Pieces,
    limits: np.ndarray | None,
    rng: np.random.Generator,
    stop: Callable[[], bool],
) -> Enumeration:
    """All fixed points of the map that ``pieces`` are, within ``limits`` (2, unit) if given."""
    hinges = as_problem(pieces, rng)
    if hinges is None:
        return _nothing(pieces, "I - J is singular or out of the range of numbers in every region tried")
    found = _Found(hinges.lcp)
    regions = candidates(pieces)
    if regions is None:
        tree = search(hinges.lcp, _decided(pieces, hinges, limits), stop=stop)
    else:
        tree = _decided_by(hinges, regions)
    around = [within(hinges.lcp, box) for box in tree.boxes]
    seen = {found.add(one) for solutions in around for one in solutions or []}
    seen |= {found.add(solution(hinges.lcp, on)) for on in _turned(hinges, regions)}
    ends = jump(hinges.lcp, _starting_regions(system, u, pieces, hinges, rng))
    for on in ends:
        found.add(solution(hinges.lcp, on), hit=1)
    for state in tree.singular:
        found.add(solution(hinges.lcp, state > 0))
    points = _Points.of(hinges, found)
    sure = np.array([_is_sure(pieces, hinges, one) for one in found.solutions], bool)
    inside = np.ones(len(points.states), bool) if limits is None else within_box(points.states, limits)
    left = {
        "sub-problem{s} open when "
        + ("the call was ended" if ended() else "time ran out"): len(tree.open),
        "region{s} in which I - J is singular as far as can be told": len(tree.singular),
        "place{s} where too many hinges are near zero": sum(part is None for part in around),
        "point{s} at a kink that may be none or several": int((inside & ~sure).sum()),
    }
    if not any(left.values()):
        missed = set(np.flatnonzero(inside).tolist()) - seen
        left["point{s} found where the proof has none"] = len(missed)
    said = [f"{n} " + what.format(s="" if n == 1 else "s") for what, n in left.items() if n]
    verdict = "incomplete" if said else "proved" if limits is None else "proved in box"
    counts = (len(ends), tree.n_nodes, sum(left.values()))
    return points.where(inside).counted(*counts, ", ".join(said), verdict)


def _turned(hinges: Hinges, regions: np.ndarray | None) -> np.ndarray:
    """Regions of the map as regions of the problem."""
    return np.zeros((0, len(hinges.flip)), bool) if regions is None else regions ^ hinges.flip


def _decided_by(hinges: Hinges, regions: np.ndarray) -> Tree:
    """The tree where all regions that may hold a point are known: what remains are those in which I - J is singular."""
    states = [np.where(on, 1, -1).astype(np.int8) for on in _turned(hinges, regions)]
    return Tree([], [state for state in states if reduced(hinges.lcp, state) is None], [], len(regions))


def _nothing(pieces: Pieces, left: str) -> Enumeration:
    none = np.zeros(0, int)
    states, regions = np.zeros((0, len(pieces.A))), np.zeros((0, len(pieces.b)), bool)
    return _Points(states, regions, none, none > 0, none, none).counted(0, 0, 1, left, "incomplete")


def within_box(states: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Which states lie in the box, its border included as far as rounding can tell."""
    slack = 1e-12 * (1 + np.abs(limits).clip(0, 1e300))
    return ((states >= limits[0] - slack[0]) & (states <= limits[1] + slack[1])).all(1)


class _Points(NamedTuple):
    """The first fields of an Enumeration."""

    states: np.ndarray
    regions: np.ndarray
    n_kinks: np.ndarray
    singular: np.ndarray
    signs: np.ndarray
    hits: np.ndarray

    @classmethod
    def of(cls, hinges: Hinges, found: _Found) -> _Points:
        shape = len(found.solutions), len(hinges.flip)
        r = np.array([one.r for one in found.solutions]).reshape(shape)
        on = np.array([one.on for one in found.solutions], bool).reshape(shape)
        kinked = np.array([one.kinked for one in found.solutions], bool).reshape(shape)
        signs = [_index(hinges, one) for one in found.solutions]
        return cls(
            r @ hinges.X.T + hinges.x0,
            (on ^ hinges.flip) & ~kinked,
            kinked.sum(1),
            np.array([one.singular for one in found.solutions], bool),
            np.array(signs, int),
            np.array(found.hits, int),
        )

    def where(self, mask: np.ndarray) -> _Points:
        return _Points(*(field[mask] for field in self))

    def counted(self, n_starts: int, n_nodes: int, n_left: int, left: str, verdict: str) -> Enumeration:
        return Enumeration(*self, n_starts, n_nodes, n_left, left, verdict)


def _index(hinges: Hinges, one: Solution) -> int:
    """The index of a fixed point: the sign of det(I - J); at one kink the mean of the two, 0 being a fold."""
    if one.singular or one.kinked.sum() > 1:
        return 0
    sides = [one.on, one.on | one.kinked]
    signs = [np.linalg.slogdet(hinges.lcp.N[np.ix_(on, on)])[0] for on in sides]
    return int(hinges.sign * (signs[0] + signs[1]) / 2)


def _is_sure(pieces: Pieces, hinges: Hinges, one: Solution) -> bool:
    """Whether a solution is one fixed point, whatever the rounding errors."""
    exact = one.kinked.any() and _is_exact(pieces, hinges.X @ one.r + hinges.x0, one.kinked)
    return not one.singular and is_only(hinges.lcp, one, bool(exact))


def _is_exact(pieces: Pieces, x: np.ndarray, kinked: np.ndarray) -> bool:
    """Whether F(x) = x with the hinges ``kinked`` at zero, in rational numbers."""
    state, below = [Fraction(v) for v in x.tolist()], []
    W, b, A, B, c = (t.tolist() for t in pieces[:5])
    L = [[]] * len(b) if pieces.L is None else pieces.L.tolist()
    for i, at_zero in enumerate(kinked.tolist()):
        y = Fraction(b[i]) + _dot(W[i], state) + _dot(L[i], below)
        if at_zero and y != 0:
            return False
        below.append(max(y, Fraction(0)))
    return all(Fraction(c[i]) + _dot(A[i], state) + _dot(B[i], below) == v for i, v in enumerate(state))


def _dot(row: list[float], values: list[Fraction]) -> Fraction:
    return sum((Fraction(a) * v for a, v in zip(row, values) if a and v), Fraction(0))


def _starting_regions(
    system: System, u: Tensor, pieces: Pieces, hinges: Hinges, rng: np.random.Generator
) -> np.ndarray:
    """Regions of random states of several scales and of what they become, and regions at random."""
    scale = np.array([0.1, 1.0, 10.0]).repeat(N_STARTS // 6)[:, None]
    states = torch.from_numpy(scale * rng.standard_normal((len(scale), system.state_size))).to(u.device)
    settled = system.settle(states, u, 200)
    settled = settled[torch.isfinite(settled).all(-1)]
    known = pieces.hinges(torch.cat([states, settled])).cpu().numpy() > 0
    random = rng.random((N_STARTS - len(known), len(hinges.flip))) < 0.5
    return np.concatenate([known, random]) ^ hinges.flip


def _decided(pieces: Pieces, hinges: Hinges, limits: np.ndarray | None) -> np.ndarray:
    """What a box of states decides of the units: +1 active, -1 inactive, 0 free."""
    if limits is None:
        return np.zeros(len(hinges.flip), np.int8)
    low, high = bounds(pieces, *limits)
    return (np.where(hinges.flip, -1, 1) * ((low > 0).astype(int) - (high < 0).astype(int))).astype(np.int8)


class _Found:
    """Distinct solutions."""

    def __init__(self, lcp: LCP) -> None:
        self.lcp, self.solutions, self.hits = lcp, [], []
        self._index: dict[bytes, int] = {}

    def add(self, one: Solution | None, hit: int = 0) -> int | None:
        """The index of a solution, new or not."""
        if one is None:
            return None
        k = self._known(one)
        if k is None:
            k = len(self.solutions)
            self.solutions.append(one)
            self.hits.append(0)
        if not one.kinked.any():  # it tells more than one at a kink that is the same as far as can be told
            self.solutions[k] = one
            self._index[one.on.tobytes()] = k
        elif one.singular:
            self.solutions[k] = self.solutions[k]._replace(singular=True)
        self.hits[k] += hit
        return k

    def _known(self, one: Solution) -> int | None:
        if not one.kinked.any():
            known = self._index.get(one.on.tobytes())
            if known is not None:
                return known
        return next((k for k, other in enumerate(self.solutions) if self._one(one, other)), None)

    def _one(self, one: Solution, other: Solution) -> bool:
        """Whether two are the same as far as can be told."""
        if not (one.kinked.any() or other.kinked.any()):
            return False
        size = SAME * (np.abs(one.r).max(initial=0.0) + np.abs(self.lcp.p).max(initial=0.0) + 1e-300)
        return bool(np.abs(one.r - other.r).max() <= size)
