"""How far networks are from each other, and how far one is from itself: the matrix never comes without its null."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from ... import checks, seeding
from ...errors import InputError
from ...results import Result, per_item
from ...wording import counted, three
from .embedding import Embedding, scaled
from .groups import GroupDistances, compare_groups
from .jackknife import jackknifed, pair_mean

FLOOR, CHANCE = "the same network again", "rows that do not belong together"


@dataclass(frozen=True, kw_only=True, repr=False)
class Distances(Result):
    """Pairwise distances of networks, one entry each.

    Attributes:
        names: (network,) what each was given as
        null: (network,) what a network is from itself, seen a second time, by ``null_is``; NaN: not known
        shifted: (network,) the same against its own trials in another order, where rows stand for moments of trials;
            NaN: does not apply
        classes: (network,) networks of one number are alike, by order of appearance; -1: not asked, or no answer
        keys: (network,) hash of what decides that; "": none
        weights: (network,) SHA-256 of the weights of each; "": a plain function
        reasons: (network,) why there is no distance; "": there is
        matrix: (network, network) distances, symmetric, zero on the diagonal; NaN in the rows of a network that failed
        parts: (network, network) of each: what the distance is made of, and other ways to count it, by name
        method: by which
        measure: what the numbers are, with unit and range, in words
        null_is: "the same network again", seen on other trials or by another search: distances as small say nothing; or
            "rows that do not belong together", what unrelated networks give: distances as large say nothing
        library: whose hashes the keys are, with its version; "": none
    """

    drawn_by: ClassVar[str] = "plot_distances"

    names: np.ndarray = per_item()
    null: np.ndarray = per_item()
    shifted: np.ndarray = per_item()
    classes: np.ndarray = per_item()
    keys: np.ndarray = per_item()
    weights: np.ndarray = per_item()
    reasons: np.ndarray = per_item()
    matrix: np.ndarray
    parts: dict[str, np.ndarray] = field(default_factory=dict)
    method: str
    measure: str
    null_is: str = FLOOR
    library: str = ""

    def __getitem__(self, index: Any) -> Self:
        """The networks chosen, and the distances among them."""
        chosen = super().__getitem__(index)
        kept = np.atleast_1d(np.arange(len(self))[self._several(index) if isinstance(index, list) else index])
        among = np.ix_(kept, kept)
        return replace(chosen, matrix=self.matrix[among], parts={k: v[among] for k, v in self.parts.items()})

    @property
    def answered(self) -> np.ndarray:
        """(network,) whether there are distances of it."""
        return self.reasons == ""

    @property
    def mean(self) -> float:
        """Mean distance over all pairs that have one; NaN below two networks."""
        return pair_mean(self._known())

    @property
    def standard_error(self) -> float:
        """Of the mean, by leaving out one network at a time, because pairs share networks; NaN below three."""
        known = self._known()
        return jackknifed(len(known), lambda some: pair_mean(known[np.ix_(some, some)]))

    @property
    def null_mean(self) -> float:
        """Mean of the null over the networks that have one."""
        known = self.null[np.isfinite(self.null)]
        return float(known.mean()) if len(known) else float("nan")

    @property
    def n_classes(self) -> int:
        """Different classes, of networks that have one."""
        return len(set(self.classes[self.classes >= 0].tolist()))

    def _known(self) -> np.ndarray:
        return self.matrix[np.ix_(self.answered, self.answered)]

    def between(self, groups: Any, *, n: int = 999, seed: Any = 0) -> GroupDistances:
        """Are networks of one group nearer to each other than to those of others?

        Arguments:
            groups: what each network belongs to: one label each, in order, or {name: label}.
            n: random regroupings, against which the difference is held.
            seed: of these.

        Raises:
            InputError: labels that do not fit, or a single group.
        """
        labels = self._labels(groups)[self.answered]
        n, rng = checks.count("n", n), seeding.stream(seed, "groups")
        found = compare_groups(self._known(), labels, n, rng)
        return replace(found, null=self.null_mean, null_is=self.null_is, provenance=self.provenance)

    def embed(self, kind: str = "classical", *, n_axes: int = 2) -> Embedding:
        """Places of the networks on so many axes, by "classical" scaling or by "smacof", which goes on from there.

        Raises:
            InputError: another kind, or fewer than two networks with distances.
        """
        checks.one_of("kind", kind, ("classical", "smacof"))
        n_axes, known = checks.count("n_axes", n_axes), self._known()
        if len(known) < 2:
            raise InputError(f"two networks with distances are needed for places, got {len(known)}")
        found = scaled(known, self.names[self.answered], kind, n_axes)
        return replace(found, provenance=self.provenance)

    def linkage(self) -> np.ndarray:
        """The tree of average linkage over the networks that have distances, as SciPy writes it: (merger, 4)."""
        from scipy.cluster.hierarchy import linkage
        from scipy.spatial.distance import squareform

        known = self._known()
        return linkage(squareform(known, checks=False), "average") if len(known) > 1 else np.zeros((0, 4))

    def _labels(self, groups: Any) -> np.ndarray:
        """(network,) a text for each network."""
        if isinstance(groups, Mapping):
            missing = [name for name in self.names.tolist() if name not in groups]
            if missing:
                raise InputError(f"groups must name the group of every network; {missing[0]!r} has none")
            groups = [groups[name] for name in self.names.tolist()]
        labels = checks.rectangular("groups", groups)
        if labels.shape != (len(self),):
            raise InputError(f"groups must hold one label for each of the {len(self)} networks, got {labels.shape}")
        return labels.astype(str)

    def pairs(self) -> dict[str, np.ndarray]:
        """Columns with one row per pair: both names, the distance, and each of its parts."""
        i, j = np.triu_indices(len(self), 1)
        columns = {"network": self.names[i], "other": self.names[j], "distance": self.matrix[i, j]}
        return columns | {name: part[i, j] for name, part in self.parts.items()}

    def table(self) -> dict[str, np.ndarray]:
        """One row per network: its mean distance from the others beside what describes it."""
        others = np.where(np.eye(len(self), dtype=bool), np.nan, self.matrix)
        known = np.isfinite(others)
        sums = np.where(known, others, 0.0).sum(axis=1)
        with np.errstate(invalid="ignore"):
            mean = sums / np.where(known.any(axis=1), known.sum(axis=1), np.nan)
        columns = super().table()
        return {"names": columns.pop("names"), "mean_distance": mean} | columns

    def headline(self) -> str:
        error = self.standard_error
        mean = three(self.mean) + (f" +- {three(error)}" if np.isfinite(error) else "")
        line = f"{counted(len(self), 'network')} by {self.method}: mean {mean} ({self.measure})"
        line += f"; null {three(self.null_mean)} ({self.null_is})"
        known = self.shifted[np.isfinite(self.shifted)]
        line += f", shifted trials {three(float(known.mean()))}" if len(known) else ""
        alike = "all of one class" if self.n_classes == 1 else f"{self.n_classes} classes"
        line += f"; {alike}" if self.n_classes else ""
        failed = int((~self.answered).sum())
        return line + (f"; {failed} without an answer" if failed else "")
