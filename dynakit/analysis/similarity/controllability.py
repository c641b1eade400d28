"""Do two networks answer inputs alike?  What inputs can reach, compared up to a rotation.

x' = A x + B u is carried by its inputs to the columns of

    K = [B, A B, A^2 B, ..., A^(n-1) B],        d = min over Q in O(n) of |K - Q K'|_F,

a Procrustes problem, so one SVD; a metric on the K, and 0 for (Q A Q^T, Q B) (Huang and Ostrow 2025).  If inputs reach
every state, K fixes A and B.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import checks, linalg
from ...checks import flag
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result
from .given import square
from .operators import angles


@dataclass(frozen=True, kw_only=True, repr=False)
class ControllabilityComparison(Result):
    """How far two driven systems are from each other, up to a rotation of the states.

    Attributes:
        distance: |K - Q K'|_F of the controllability matrices under the best rotation
        angle: the same without the sizes of K and K', in radians; NaN if inputs reach nothing
        rotation: (unit, unit) Q, orthogonal
        scaled: whether A was drawn into the unit ball first
        n_reached: how many directions inputs reach, of either system
    """

    distance: float
    angle: float
    rotation: np.ndarray
    scaled: bool
    n_reached: tuple[int, int]

    def headline(self) -> str:
        reached = " and ".join(map(str, self.n_reached))
        of = f"{reached} of {len(self.rotation)} directions reached"
        return f"distance {self.distance:.3g}, angle {self.angle:.3g}; {of}"


@dataclass(frozen=True)
class Reach:
    """What inputs reach of one system."""

    K: np.ndarray  # (unit, unit x input)

    @classmethod
    def of(cls, A: np.ndarray, B: np.ndarray, scaled: bool = False, name: str = "first") -> Reach:
        """From finite A (unit, unit) and B (unit, input)."""
        A = drawn_in(A) if scaled else A
        blocks = [B]
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(len(A) - 1):
                blocks.append(A @ blocks[-1])
            K = np.concatenate(blocks, axis=1)
            finite = np.isfinite(np.sum(K * K))
        if not finite:
            raise InputError(f"{name}: the powers of A leave the range of a float; use scaled=True")
        return cls(K)

    def rotation(self, other: Reach) -> np.ndarray:
        left, _, right = linalg.svd(self.K @ other.K.T)
        return left @ right

    def between(self, other: Reach) -> float:
        """The distance."""
        return float(np.linalg.norm(self.K - self.rotation(other) @ other.K))


def drawn_in(A: np.ndarray) -> np.ndarray:
    """A (1 + A^T A)^(-1/2): the same singular vectors, singular values s / sqrt(1 + s^2) below 1."""
    left, s, right = linalg.svd(A)
    return (left * (s / np.hypot(1.0, s))) @ right


@with_provenance
def compare_controllability(first: Any, second: Any, *, scaled: bool = False) -> ControllabilityComparison:
    """Do two networks answer their inputs alike?  In closed form, from A and B of both.

    Sees what dynamical similarity of A alone cannot: along which directions inputs enter.  A may be a Jacobian dF/dx
    and B dF/du at matched fixed points, for which nothing has to be fitted.

    Arguments:
        first: (A, B): (unit, unit) and (unit, input).
        second: as many units and inputs.
        scaled: put A (1 + A^T A)^(-1/2) for A, whose powers do not grow.  The map is one to one and commutes with
            rotations, so that distances stay a metric and 0 where they were; with A as it is, powers of an unstable one
            outweigh everything.

    Raises InputError, naming the argument, for shapes that do not fit, values or powers that are not finite.

    Source: A. Huang and M. Ostrow et al., InputDSA (2025), arXiv 2510.25943.

    >>> A, B, Q = np.diag([0.9, 0.5]), np.array([[1.0], [2.0]]), np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> compare_controllability((A, B), (Q @ A @ Q.T, Q @ B)).distance < 1e-12
    True
    """
    (A, B), (A2, B2) = _system("first", first), _system("second", second)
    scaled = flag("scaled", scaled)
    if A.shape != A2.shape or B.shape != B2.shape:
        raise InputError(
            f"first and second must have as many units and inputs, got {B.shape[0]} and {B.shape[1]} in first, "
            f"{B2.shape[0]} and {B2.shape[1]} in second"
        )
    with linalg.one_thread():
        K, K2 = Reach.of(A, B, scaled, "first"), Reach.of(A2, B2, scaled, "second")
        distance = K.between(K2)
        sizes = [np.asarray(np.linalg.norm(one.K)) for one in (K, K2)]
        return ControllabilityComparison(
            distance=distance,
            angle=float(angles(np.array(distance), *sizes)),
            rotation=K.rotation(K2),
            scaled=scaled,
            n_reached=(_directions(K), _directions(K2)),
        )


def _directions(of: Reach) -> int:
    s = linalg.svd(of.K)[1]
    return int((s > 1e-10 * max(s[0], np.finfo(float).tiny)).sum())


def _system(name: str, value: Any) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise InputError(f"{name} must be a pair (A, B) of arrays (unit, unit) and (unit, input)")
    A = square(f"{name}[0]", value[0])
    checks.matches_shape(f"{name}[0]", A.shape, ("unit", "unit"))
    B = checks.reals(f"{name}[1]", value[1], (len(A), "input"))
    if not B.shape[1]:
        raise InputError(f"{name}[1] must have at least one input, got shape {B.shape}")
    return A, B
