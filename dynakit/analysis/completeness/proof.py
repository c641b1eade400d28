"""From weights to a proof: which equations decide the fixed points, and whether their solutions are all known."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from ...wording import counted
from .full_rank import FullRank
from .low_rank import LowRank
from .nearly import NearlyLowRank, factored
from .resting import resting
from .search import Budget, Closed, Equations, NoBox, closed
from .split import n_equations, split
from .units import UNITS, U, Unit, unit

MOST_EQUATIONS, MOST_OF_FACTORS = 3, 5  # beyond which boxes are too many
TOLD_APART = 5_000  # boxes; of more, as many drawn evenly
APART = 1e-3  # of the first box: parts nearer than that are one


class RateEquation(NamedTuple):
    """z = W f(z) + d, with W and d known up to errors."""

    W: np.ndarray  # (unit, unit)
    d: np.ndarray  # (unit,)
    name: str  # of f
    W_error: np.ndarray | float = 0.0
    d_error: np.ndarray | float = 0.0
    factors: tuple[np.ndarray, np.ndarray] | None = None
    leak: np.ndarray | float | None = None  # of units that leak inside of f (``resting``)

    @property
    def unit(self) -> Unit:
        return unit(self.name) if self.leak is None else resting(self.name, self.leak)


class OpenPart(NamedTuple):
    """A connected set of boxes that may hold fixed points, or none."""

    currents: np.ndarray  # (unit,)  in its middle
    extent: float  # greatest distance of two of its middles, in one unit, and the width of a box
    miss: float  # largest |G(kappa) - kappa| at the middles of its boxes
    n_boxes: int
    at_kink: bool  # does some unit change from one straight piece to another in it?


class Proof(NamedTuple):
    """What is known of the fixed points of a network."""

    currents: np.ndarray  # (point, unit)  z at each
    n_equations: int
    verdict: str  # proved | proved but for tubes | not attempted
    reason: str  # why no more than that
    tubes: list[OpenPart]
    n_boxes: int


class TooMany(Exception):
    """There are more equations than can be searched."""

    def __init__(self, r: int) -> None:
        self.r = r
        super().__init__(f"{r} equations decide its fixed points, too many to search")


def prove(network: RateEquation, budget: Budget) -> Proof:
    """Search all fixed points of ``network``."""
    none = np.zeros((0, len(network.d)))
    r = 0
    try:
        equations = _chosen(network)
        r = equations.r
        found = closed(equations, budget)
    except TooMany as error:
        return Proof(none, error.r, "not attempted", str(error), [], 0)
    except NoBox as error:
        return Proof(none, r, "not attempted", str(error), [], 0)
    z = equations.states(found.roots)
    if found.proved:
        return Proof(z, r, "proved", "", [], found.n_boxes)
    tubes = _tubes(equations, found)
    what = "time ran out with" if found.ended else "cannot be decided in double precision:"
    reason = f"{what} {len(found.C)} boxes of {found.n_boxes} open, in {counted(len(tubes), 'connected part')}"
    reason += " at kinks" if all(tube.at_kink for tube in tubes) else ""
    return Proof(z, r, "proved but for tubes", reason, tubes, found.n_boxes)


def _chosen(network: RateEquation) -> Equations:
    """The fewest equations, or the cheapest; raises TooMany or NoBox."""
    if network.name not in UNITS:
        raise NoBox(f"no bounds of {network.name} are known")
    if not (np.isfinite(network.W).all() and np.isfinite(network.d).all()):
        raise NoBox("its weights are not finite")
    f, W_error = network.unit, network.W_error
    if network.factors is not None:
        M, N = network.factors
        if M.shape[1] <= MOST_OF_FACTORS:
            with contextlib.suppress(NoBox):  # their product is all the same
                return LowRank(M, N, network.d, f, network.d_error)
        W_error = W_error + (M.shape[1] + 3) * U * (np.abs(M) @ np.abs(N.T))
    r = n_equations(network.W, f.steepest)
    few = factored(network.W, W_error, steepest=f.steepest, most=MOST_OF_FACTORS) if r else None
    if few is not None and (few.r <= MOST_EQUATIONS or few.r <= r or r > MOST_EQUATIONS):
        return NearlyLowRank(few, network.d, f, network.d_error)
    if r > MOST_EQUATIONS:
        raise TooMany(r)
    parts = split(network.W, W_error, steepest=f.steepest)
    if not parts.mu > 0:
        raise NoBox("the part of its weights that is left is not known to contract")
    return FullRank(parts, network.d, f, network.d_error)


def _tubes(equations: Equations, found: Closed) -> list[OpenPart]:
    """The connected parts of what is left."""
    C, R = found.C, found.R
    if len(C) > TOLD_APART:
        some = np.linspace(0, len(C) - 1, TOLD_APART).astype(int)
        C, R = C[some], R[some]
    gap = APART * found.start[1]
    tree = KDTree(C / np.maximum(2 * R.max(axis=0) + gap, 1e-300))
    pairs = tree.query_pairs(1.0, p=np.inf, output_type="ndarray")
    reach = (R[pairs[:, 0]] + R[pairs[:, 1]]) * (1 + 1e-9) + gap
    pairs = pairs[(np.abs(C[pairs[:, 0]] - C[pairs[:, 1]]) <= reach).all(axis=1)]
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), (len(C), len(C)))
    n, of = connected_components(graph, directed=False)
    return [_tube(equations, C[of == k], R[of == k]) for k in range(n)]


def _tube(equations: Equations, C: np.ndarray, R: np.ndarray) -> OpenPart:
    some = np.unique(np.linspace(0, len(C) - 1, 500).astype(int))
    z = equations.states(C[some])
    miss = np.abs(equations.image(z) - C[some]).max(initial=0.0)
    around = R @ equations.reach.T
    wide, crossed = float(around.max(initial=0.0)), bool((np.abs(z) <= around[some]).any())
    centre = equations.states(((C.min(axis=0) + C.max(axis=0)) / 2)[None])[0]
    extent = float(np.ptp(z, axis=0).max(initial=0.0)) + 2 * wide
    return OpenPart(centre, extent, float(miss), len(C), crossed and equations.unit.kinked)
