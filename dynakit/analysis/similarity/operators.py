"""Do two networks move alike?  The distance of their propagators, whatever the coordinates.

    d(A, B) = min over C in O(n) of |A - C B C^T|_F          (dynamical similarity: Ostrow et al. 2023)

A metric on operators up to rotation.  The minimum is not known in closed form beyond two units, and has local ones:
what is found is a distance that some C has, from above, beside a bound that no C can beat, from below (:mod:`.bounds`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import linalg, seeding
from ...checks import count
from ...provenance import with_provenance
from ...results import Result
from .alignment import Aligned, aligned
from .bounds import lower_bound, spectrum
from .descent import sizes
from .given import pair_of_matrices
from .starts import framed, random_frames

N_STARTS = 64
ROUNDING = 1e-12  # radians: the same, but for their sizes


@dataclass(frozen=True, kw_only=True, repr=False)
class OperatorComparison(Result):
    """How far two operators are from each other, up to a rotation.

    Attributes:
        distance: |A - C B C^T|_F of the best rotation found: an upper bound of the least
        angle: the same without the sizes of A and B, in radians, 0..pi; NaN if one is zero
        rotation: (unit, unit) C, orthogonal, of either determinant
        bound: no rotation has a smaller distance
        start: from where the rotation was found
    """

    distance: float
    angle: float
    rotation: np.ndarray
    bound: float
    start: str

    @property
    def exact(self) -> bool:
        """Whether the distance is, but for rounding, the bound: then there is no smaller one."""
        met = self.distance <= self.bound * (1 + 1e-9) or self.angle <= ROUNDING
        return self.start == "closed form" or met

    def headline(self) -> str:
        least = "no less" if self.exact else f"at least {self.bound:.3g}"
        return f"distance {self.distance:.3g}, {least}; angle {self.angle:.3g}, {self.start}"


@with_provenance
def compare_operators(A: Any, B: Any, *, seed: Any = 0, n_starts: int = N_STARTS) -> OperatorComparison:
    """How far two propagators are from each other when one may be rotated: dynamical similarity.

    Of two units the answer is a closed form.  Else the best of many starts is followed down (:mod:`.descent`): frames
    of the eigenspaces of both, which are exact for B = Q A Q^T and for normal operators whose best assignment of
    eigenvalues pairs real with real and complex with complex; of their symmetric parts; and random ones.  Between
    operators that are far from normal the least distance is not always found: more starts only lower it, and ``bound``
    says how far it can fall.  d(A, B) and d(B, A) are the same to the last bit.

    Arguments:
        A: (unit, unit) an operator: of :func:`fit_operator`, a Jacobian, or weights.
        B: (unit, unit) another.
        seed: of the random frames.
        n_starts: how many of these, half of each determinant.

    The cost of a pair of 10 units is 20 ms, of 30 units .2 s, of 100 units 3 s.

    Raises InputError, naming the argument, for matrices that are not square, not finite, or of different sizes.

    Sources: M. Ostrow, A. Eisen, L. Kozachkov and I. Fiete, NeurIPS (2023); A. J. Hoffman and H. W. Wielandt, Duke Math
    J 20 (1953); L. Mirsky, Quarterly J Math 11 (1960); P. Henrici, Numerische Mathematik 4 (1962).

    >>> slow, fast = (np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in (0.3, 1.0))
    >>> compare_operators(slow, fast)  # rotations: the difference of their angles, 2 sqrt(2) sin(0.35)
    OperatorComparison(distance 0.97, no less; angle 0.7, closed form)
    """
    A, B = pair_of_matrices(("A", "B"), A, B, "; fit both with the same rank")
    frames = frames_of(len(A), n_starts, seed)
    unit = power_of_two(A, B)
    A, B = A / unit, B / unit
    with linalg.one_thread():
        a, b = framed(np.stack([A, B]))
        ((_, found),) = aligned([a], [b], frames)
        bound = lower_bound(spectrum(A), spectrum(B))
    C, distance = found.rotations[0], float(found.distances[0])
    return OperatorComparison(
        distance=unit * distance,
        angle=float(angles(np.array(distance), sizes(A), sizes(B))),
        rotation=C,
        bound=unit * min(bound, distance),  # they may be equal, but for rounding
        start=found.starts[0],
    )


def aligned_pairs(A: np.ndarray, B: np.ndarray, seed: int = 0, n_starts: int = N_STARTS) -> Aligned:
    """Each of finite operators A (pair, unit, unit) with the one of B beside it, all pairs together."""
    whole = Aligned(np.empty(len(A)), np.empty(A.shape), [])
    with linalg.one_thread():
        for part, found in aligned(framed(A), framed(B), frames_of(A.shape[-1], n_starts, seed)):
            whole.distances[part], whole.rotations[part] = found.distances, found.rotations
            whole.starts.extend(found.starts)
    return whole


def frames_of(n: int, n_starts: Any, seed: Any) -> np.ndarray:
    """The random frames for operators of n units."""
    return random_frames(n, (count("n_starts", n_starts, least=0) + 1) // 2, seeding.as_seed(seed))


def power_of_two(*arrays: np.ndarray) -> float:
    """The power of two above the largest finite entry, to divide by without rounding; 1 where all are zero."""
    largest = max(float(np.abs(a[np.isfinite(a)]).max(initial=0.0)) for a in arrays)
    return float(np.ldexp(1.0, min(int(np.frexp(largest)[1]), 1023))) if largest > 0 else 1.0


def angles(distances: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The angle between things of these sizes at these distances; NaN where one has no size."""
    with np.errstate(invalid="ignore"):
        product = np.where(first * second > 0, first * second, np.nan)
        half = (distances**2 - (first - second) ** 2) / (4 * product)
        return 2 * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
