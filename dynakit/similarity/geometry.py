"""Geometry: the states of networks at the same moments of the same trials, up to rotations or linear maps.

What is compared row by row has no floor: a network is at 0 from itself on whatever trials.  The null is the other end:
a network against itself where the rows do not belong together, on other trials, or with its trials dealt anew.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import checks
from ..analysis.distances import CHANCE
from ..analysis.similarity import Basis, Kernel, Shape, mismatched
from .measure import Compared, Measure, pairwise
from .members import NamedSystem, same_size
from .probe import Probe

DEALT = 4  # times the trials of each network are dealt anew


class StateRows(NamedTuple):
    """What of a network is compared row by row, and other orders of its rows."""

    of: Any  # Shape, Kernel or Basis
    orders: np.ndarray  # (order, row)


class Geometry(Measure):
    """A comparison of rows that belong together."""

    needs_trials: ClassVar[bool] = True
    null_is: ClassVar[str] = CHANCE

    @abc.abstractmethod
    def prepared(self, rows: np.ndarray) -> Any:
        """What of centred rows (row, unit) does not depend on the pair."""

    def apart(self, one: Any, other: Any) -> float:
        """The distance of two that are prepared."""
        return one.between(other)

    def look(self, network: NamedSystem, probe: Probe) -> StateRows:
        return StateRows(self.prepared(probe.rows(network)), mismatched(*probe.shape, DEALT, probe.seed))

    def compare(self, looks: Sequence[StateRows]) -> Compared:
        return Compared(pairwise([look.of for look in looks], self.apart))

    def shifted(self, looks: Sequence[StateRows]) -> np.ndarray:
        return np.array(
            [np.mean([self.apart(of, of.reordered(order)) for order in orders]) for of, orders in looks], float
        )


@dataclass(frozen=True, kw_only=True)
class Procrustes(Geometry):
    """The angle between shapes, up to shifts, sizes and rotations (Williams et al. 2021): 0..pi/2, a metric.

    Args:
        alpha: 1 forgives rotations, 0 every invertible linear map, between them in part; below 1 all networks need
            states of one size that vary in all directions.
        n_trials: whose moments are the rows.
    """

    name: ClassVar[str] = "procrustes"

    alpha: float = 1.0
    n_trials: int = 64

    def __post_init__(self) -> None:
        checks.number("alpha", self.alpha, above=0.0, below=1.0)
        checks.count("n_trials", self.n_trials)

    @property
    def measure(self) -> str:
        """What the numbers are."""
        return "angle of shapes, 0..pi/2 rad"

    def settled(self, networks: Sequence[NamedSystem]) -> Procrustes:
        """The same method."""
        if self.alpha < 1:
            same_size(networks, self.name)
        return self

    def prepared(self, rows: np.ndarray) -> Shape:
        """The shape."""
        return Shape.of(rows, self.alpha, "states")


@dataclass(frozen=True, kw_only=True)
class CKA(Geometry):
    """arccos of the linear centred kernel alignment (Kornblith et al. 2019), 0..pi: a metric, which 1 - CKA is not.

    The alignment itself is in ``parts["similarity"]``.

    Args:
        debiased: take the bias of independent rows off (Murphy et al. 2024); moments of trials are not independent, so
            that the null is needed all the same.
        n_trials: whose moments are the rows.
    """

    name: ClassVar[str] = "cka"

    debiased: bool = True
    n_trials: int = 64

    def __post_init__(self) -> None:
        checks.flag("debiased", self.debiased)
        checks.count("n_trials", self.n_trials)

    @property
    def measure(self) -> str:
        """What the numbers are."""
        return f"arccos of {'debiased ' if self.debiased else ''}CKA, 0..pi rad"

    def prepared(self, rows: np.ndarray) -> Kernel:
        """The kernel."""
        return Kernel.of(rows, self.debiased, "states")

    def apart(self, one: Kernel, other: Kernel) -> float:
        """The angle."""
        return float(np.arccos(np.clip(one.between(other), -1.0, 1.0)))

    def compare(self, looks: Sequence[StateRows]) -> Compared:
        """The angles, and the alignments beside them."""
        found = super().compare(looks)
        return Compared(found.matrix, {"similarity": np.cos(found.matrix)})


@dataclass(frozen=True, kw_only=True)
class CCA(Geometry):
    """1 - mean canonical correlation of what carries ``variance`` of the variance (SVCCA: Raghu et al. 2017), 0..1.

    Args:
        variance: share of the variance whose principal components are kept.
        n_trials: whose moments are the rows.
    """

    name: ClassVar[str] = "cca"

    variance: float = 0.99
    n_trials: int = 64

    def __post_init__(self) -> None:
        checks.number("variance", self.variance, above=0.0, below=1.0)
        checks.count("n_trials", self.n_trials)

    @property
    def measure(self) -> str:
        """What the numbers are."""
        return f"1 - mean correlation of {100 * self.variance:g} % of the variance, 0..1"

    def prepared(self, rows: np.ndarray) -> Basis:
        """The principal components."""
        found = Basis.of(rows, self.variance)
        found.check(found, "two networks as this one")
        return found
