"""Do many networks move alike?  The distances of all pairs of their propagators.  See :mod:`.operators`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import chunks, linalg
from ...checks import flag
from ...chunks import FLOAT
from ...errors import InputError
from ...progress import Callback, expect, going, interruptible
from ...provenance import with_provenance
from ...results import Result
from ...wording import counted
from .alignment import aligned
from .bounds import lower_bound, spectrum
from .composition import Web
from .descent import sizes, transposed
from .given import square
from .operators import N_STARTS, angles, frames_of, power_of_two
from .starts import framed


@dataclass(frozen=True, kw_only=True, repr=False)
class OperatorDistances(Result):
    """How far operators are from each other, up to rotations; an operator that is not finite has rows of NaN.

    Attributes:
        distances: (operator, operator) symmetric, without a violated triangle; upper bounds of the least
        bounds: (operator, operator) no rotation has a smaller distance
        norms: (operator,) |A|_F as they were given
        normalized: whether each was divided by its norm first
        n_improved: pairs that were brought closer by way of a third, counted each time
    """

    distances: np.ndarray
    bounds: np.ndarray
    norms: np.ndarray
    normalized: bool
    n_improved: int

    @property
    def angles(self) -> np.ndarray:
        """(operator, operator) in radians, without the sizes; NaN where an operator is zero."""
        norms = np.where(self.norms > 0, 1.0, 0.0) if self.normalized else self.norms
        return angles(self.distances, norms[:, None], norms)

    def headline(self) -> str:
        k = len(self.norms)
        pairs = self.distances[np.triu_indices(k, 1)]
        found = pairs[np.isfinite(pairs)]
        if not len(found):
            return f"{counted(k, 'operator')}, no distances"
        missing = f", {counted(len(pairs) - len(found), 'pair')} without" if len(found) < len(pairs) else ""
        spread = f"{found.min():.3g} to {found.max():.3g}, mean {found.mean():.3g}"
        return f"{counted(k, 'operator')}: {spread}{missing}"

    def table(self) -> dict[str, np.ndarray]:
        """One row for each pair."""
        first, second = pair = np.triu_indices(len(self.norms), 1)
        numbers = {"distance": self.distances, "bound": self.bounds, "angle": self.angles}
        return {"first": first, "second": second, **{name: of[pair] for name, of in numbers.items()}}


@with_provenance
def compare_all_operators(
    operators: Any,
    *,
    normalized: bool = False,
    seed: Any = 0,
    n_starts: int = N_STARTS,
    callback: Callback | None = None,
) -> OperatorDistances:
    """How far the propagators of many networks are from each other, each pair as :func:`compare_operators` has it.

    All pairs walk down together.  Then what one pair has found helps the others: a rotation from b to a, and one from
    c to b, are together a start for a and c, and where three operators violate the triangle inequality, which the least
    distances obey, the way over the third is taken.  So distances are never above those of the pairs alone.

    Arguments:
        operators: (operator, unit, unit), or a list of matrices; one that is not finite has rows of NaN.
        normalized: divide each by its Frobenius norm first, so that operators that only grow or decay faster are alike.
        seed: of the random frames, which all pairs share.
        n_starts: how many of these.
        callback: called with the pairs done and {"total": pairs, "unit": "pair"}; StopIteration raised in it ends the
            call, and the pairs that were not reached are NaN (``interrupted``).

    Raises:
        InputError: naming the argument, for matrices that are not square or of different sizes, or fewer than two.
        ResourceError: if the rotations of all pairs would not fit into memory.

    Source: as :func:`compare_operators`.

    >>> A, Q = np.diag([0.9, 0.5, -0.2]), np.eye(3)[[2, 0, 1]]
    >>> compare_all_operators([A, Q @ A @ Q.T, A.T])
    OperatorDistances(3 operators: 0 to 0, mean 0)
    """
    A = _stacked(operators)
    frames = frames_of(A.shape[-1], n_starts, seed)
    norms, unit = sizes(A), power_of_two(A)
    A = A / unit
    if flag("normalized", normalized):
        A, unit = A / np.where(sizes(A) > 0, sizes(A), 1.0)[:, None, None], 1.0
    usable = np.flatnonzero(np.isfinite(A).all(axis=(1, 2)))
    distances, bounds = np.full((2, len(A), len(A)), np.nan)
    n_improved = 0
    if len(usable):
        with linalg.one_thread():
            at = np.ix_(usable, usable)
            distances[at], bounds[at], n_improved = _all_pairs(A[usable], frames)
    return OperatorDistances(
        distances=unit * distances,
        bounds=unit * np.minimum(bounds, distances),  # they may be equal, but for rounding
        norms=norms,
        normalized=normalized,
        n_improved=n_improved,
    )


def _stacked(operators: Any) -> np.ndarray:
    """The operators (k, n, n), which need not be finite."""
    if isinstance(operators, (list, tuple)):
        matrices = [square(f"operators[{k}]", one, finite=False) for k, one in enumerate(operators)]
        for k, one in enumerate(matrices):
            if one.shape != matrices[0].shape:
                raise InputError(
                    f"operators must be of one size, but operators[{k}] has shape {one.shape} and operators[0] "
                    f"{matrices[0].shape}; fit all with the same rank"
                )
        operators = np.stack(matrices) if matrices else np.zeros((0, 1, 1))
    A = square("operators", operators, finite=False)
    if A.ndim != 3 or len(A) < 2:
        raise InputError(
            f"operators must be at least two, of shape (operator, unit, unit), got shape {A.shape}"
        )
    size = FLOAT * len(A) ** 2 * A.shape[-1] ** 2
    chunks.refuse_larger(
        "operators: the rotations of all pairs", size, "compare fewer, or fit fewer coordinates"
    )
    return A


def _all_pairs(A: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Distances and bounds (k, k) of finite operators, and how many pairs were improved by others."""
    k, n = A.shape[:2]
    first, second = np.triu_indices(k, 1)
    of, spectra = framed(A), [spectrum(one) for one in A]
    distances, bounds = np.zeros((2, k, k))
    rotations = np.broadcast_to(np.eye(n), (k, k, n, n)).copy()
    expect(len(first), "pair")
    distances[first, second] = np.nan
    with interruptible("pair"):
        for part, found in aligned([of[a] for a in first], [of[b] for b in second], frames):
            a, b = first[part], second[part]
            distances[a, b], rotations[a, b] = found.distances, found.rotations
            bounds[a, b] = [lower_bound(spectra[i], spectra[j]) for i, j in zip(a, b)]
            if not going(part.stop, "pair"):
                break
    distances, bounds = distances + distances.T, bounds + bounds.T
    rotations[second, first] = transposed(rotations[first, second])
    web = Web(of, distances, rotations)
    if np.isfinite(distances).all():  # else it was ended before its time
        web.improve()
    return web.distances, bounds, web.n_improved
