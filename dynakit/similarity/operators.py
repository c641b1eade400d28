"""Dynamical similarity: the linear maps that carry states one step on, up to a rotation."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..analysis import compare_all_operators, fit_operator
from ..analysis.similarity import aligned_pairs
from .measure import Compared, Measure
from .members import NamedSystem
from .probe import Probe


@dataclass(frozen=True, kw_only=True)
class DSA(Measure):
    """The least distance of propagators under a rotation (dynamical similarity: Ostrow et al. 2023), up from 0.

    Of each network one operator is fitted to its states on all trials (:func:`dynakit.fit_operator`).  The distance
    is |A - C B C^T|_F of the best rotation found; the angle, which forgets the sizes, and the bound that no rotation is
    below are in ``parts``.  The null is the same network on other trials.

    Args:
        rank: coordinates that are kept, of those of most variance; None: as many as the smallest state has.  At less
            than full rank the distance depends on the coordinates of the units: compare at two.
        n_delays: states side by side in a row.
        normalized: divide each operator by its norm first, so that how fast states decay is not seen.
        ridge: of the fit.
        n_starts: random frames from which the rotation is sought.
        n_trials: whose states are fitted.
    """

    name: ClassVar[str] = "dsa"
    needs_trials: ClassVar[bool] = True

    rank: int | None = 10
    n_delays: int = 1
    normalized: bool = False
    ridge: float = 0.0
    n_starts: int = 64
    n_trials: int = 64

    def __post_init__(self) -> None:
        if self.rank is not None:
            checks.count("rank", self.rank)
        for name, least in (("n_delays", 1), ("n_starts", 0), ("n_trials", 1)):
            checks.count(name, getattr(self, name), least=least)
        checks.flag("normalized", self.normalized)
        checks.number("ridge", self.ridge, above=0.0)

    @property
    def measure(self) -> str:
        """What the numbers are."""
        norm = " of norm 1" if self.normalized else ""
        return f"distance of operators{norm} of rank {self.rank}"

    def settled(self, networks: Sequence[NamedSystem]) -> DSA:
        """The method with the one rank of all operators."""
        most = self.n_delays * min(network.system.state_size for network in networks)
        return dataclasses.replace(self, rank=most if self.rank is None else min(self.rank, most))

    def look(self, network: NamedSystem, probe: Probe) -> np.ndarray:
        """The operator (coordinate, coordinate)."""
        fitted = fit_operator(probe.whole(network), n_delays=self.n_delays, rank=self.rank, ridge=self.ridge)
        A = fitted.operator
        return A / np.linalg.norm(A) if self.normalized and A.any() else A

    def compare(self, looks: Sequence[np.ndarray]) -> Compared:
        """All pairs, each helped by the others."""
        if len(looks) < 2:
            alone = np.zeros((len(looks), len(looks)))
            return Compared(alone, {"angle": alone, "bound": alone})
        found = compare_all_operators(list(looks), n_starts=self.n_starts)
        return Compared(found.distances, {"angle": found.angles, "bound": found.bounds})

    def nulls(self, looks: Sequence[Any], again: Sequence[Any]) -> np.ndarray:
        """All at once."""
        null, there = np.full(len(looks), np.nan), [i for i, other in enumerate(again) if other is not None]
        if there:
            first, second = (np.stack([side[i] for i in there]) for side in (looks, again))
            null[there] = aligned_pairs(first, second, n_starts=self.n_starts).distances
        return null
