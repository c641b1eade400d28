"""What a method of comparison is: one look at each network, then all pairs of looks.

Whatever does not depend on the pair belongs into the look, so that k networks are looked at k times and not k (k - 1).
"""

from __future__ import annotations

import abc
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..analysis.distances import FLOOR
from .members import NamedSystem
from .probe import Probe


@dataclass(frozen=True)
class Compared:
    """Distances among networks (network, network), what they are made of, and which networks are alike."""

    matrix: np.ndarray
    parts: dict[str, np.ndarray] = field(default_factory=dict)
    classes: np.ndarray | None = None
    keys: tuple[str, ...] | None = None
    library: str = ""


class Measure(abc.ABC):
    """A method with its settings; the ways are a frozen dataclass each.

    Attributes:
        name: by which it is asked for
        needs_trials: whether it looks at what networks do on the trials of a task
        null_is: what its null says
        measure: what its numbers are
    """

    name: ClassVar[str]
    needs_trials: ClassVar[bool] = False
    null_is: ClassVar[str] = FLOOR
    n_trials: int = 64

    @property
    @abc.abstractmethod
    def measure(self) -> str:
        """What the numbers are, with unit and range, in words."""

    def settled(self, networks: Sequence[NamedSystem]) -> Measure:
        """The method with what depends on all networks decided; InputError where they cannot be compared by it."""
        return self

    @abc.abstractmethod
    def look(self, network: NamedSystem, probe: Probe) -> Any:
        """What of a network the distances are of; InputError where there is nothing."""

    @abc.abstractmethod
    def compare(self, looks: Sequence[Any]) -> Compared:
        """Distances of all pairs."""

    def nulls(self, looks: Sequence[Any], again: Sequence[Any]) -> np.ndarray:
        """(network,) the distance of each from itself, seen a second time; None in ``again`` where it could not be."""
        pairs = zip(looks, again)
        return np.array([np.nan if b is None else self.compare([a, b]).matrix[0, 1] for a, b in pairs])

    def shifted(self, looks: Sequence[Any]) -> np.ndarray:
        """(network,) the distance of each from itself with its trials in another order; NaN where there are none."""
        return np.full(len(looks), np.nan)


def pairwise(looks: Sequence[Any], distance: Callable[[Any, Any], float]) -> np.ndarray:
    """A symmetric function of all pairs: (network, network), zero on the diagonal."""
    matrix = np.zeros((len(looks), len(looks)))
    for i, j in itertools.combinations(range(len(looks)), 2):
        matrix[i, j] = matrix[j, i] = distance(looks[i], looks[j])
    return matrix
