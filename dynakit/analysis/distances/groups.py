"""Universality or individuality: are networks of one kind nearer to each other than to those of other kinds?

Mean distance between groups over mean distance within them (Maheswaranathan et al. 2019 ask it of architectures): 1
where groups do not matter.  The interval is a jackknife over networks on the logarithm; beside it stands the share of
random regroupings that part the networks as well (a permutation test: Anderson 2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...results import Result, per_item
from ...wording import counted, three
from .jackknife import between_pairs, jackknifed, pair_mean

COVERED = 0.95  # of intervals


@dataclass(frozen=True, kw_only=True, repr=False)
class GroupDistances(Result):
    """Mean distances within and between groups of networks, one entry per group.

    Attributes:
        groups: (group,) their names
        sizes: (group,) networks that have distances
        within: (group,) mean distance of its pairs; NaN for a single network
        means: (group, group) mean distance between the networks of two groups; within on the diagonal
        mean_within: over all pairs of one group
        mean_between: over all pairs of two groups
        ratio: between over within; infinite where networks of a group do not differ, NaN where none differ at all
        interval: (2,) 95 % of the ratio, by leaving out one network at a time; NaN where that says nothing
        p_value: share of random regroupings whose between exceeds within by as much
        null: mean distance of a network from itself, or of what does not belong together
        null_is: which of the two
    """

    groups: np.ndarray = per_item()
    sizes: np.ndarray = per_item()
    within: np.ndarray = per_item()
    means: np.ndarray = per_item()
    mean_within: float
    mean_between: float
    ratio: float
    interval: np.ndarray
    p_value: float
    null: float = float("nan")
    null_is: str = ""

    def headline(self) -> str:
        n = counted(int(self.sizes.sum()), "network")
        low, high = self.interval
        interval = f" [{three(low)}, {three(high)}]" if np.isfinite(self.interval).all() else ""
        parts = f"between {three(self.mean_between)}, within {three(self.mean_within)}"
        line = f"{n} in {counted(len(self), 'group')}: {parts}, ratio {three(self.ratio)}{interval}"
        return f"{line}, p = {self.p_value:.2g}; null {three(self.null)} ({self.null_is})"


def compare_groups(matrix: np.ndarray, labels: np.ndarray, n: int, rng: np.random.Generator) -> GroupDistances:
    """Distances (network, network), all finite, by the labels (network,), against n regroupings."""
    names, sizes = np.unique(labels, return_counts=True)
    if len(names) < 2 or sizes.max(initial=0) < 2:
        raise InputError(
            f"groups must be at least two, one of them of two networks that have distances, got "
            f"{dict(zip(names.tolist(), sizes.tolist()))}"
        )
    within, between = between_pairs(matrix, labels)
    drawn = [_excess(matrix, rng.permutation(labels)) for _ in range(n)]
    as_far = np.array(drawn) >= between - within - 1e-12 * (between + within)  # but for rounding
    means = np.array([[_mean(matrix, labels == a, labels == b, a == b) for b in names] for a in names])
    return GroupDistances(
        groups=names,
        sizes=sizes,
        within=np.diagonal(means).copy(),
        means=means,
        mean_within=within,
        mean_between=between,
        ratio=_ratio(between, within),
        interval=_interval(matrix, labels),
        p_value=float((1 + as_far.sum()) / (1 + n)),
    )


def _excess(matrix: np.ndarray, labels: np.ndarray) -> float:
    within, between = between_pairs(matrix, labels)
    return between - within


def _ratio(between: float, within: float) -> float:
    if within > 0:
        return between / within
    return float("inf") if between > 0 else float("nan")


def _mean(matrix: np.ndarray, one: np.ndarray, other: np.ndarray, same: bool) -> float:
    block = matrix[np.ix_(one, other)]
    return pair_mean(block) if same else float(block.mean())


def _interval(matrix: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """95 % of the ratio, from the jackknife error of its logarithm; NaN where a group vanishes or nothing differs."""
    from scipy import stats

    def log_ratio(some: np.ndarray) -> float:
        within, between = between_pairs(matrix[np.ix_(some, some)], labels[some])
        return float(np.log(between / within)) if within > 0 and between > 0 else float("nan")

    n = len(matrix)
    centre, error = log_ratio(np.arange(n)), jackknifed(n, log_ratio)
    reach = float(stats.t.ppf((1 + COVERED) / 2, n - 1)) * error
    return np.exp(centre + np.array([-reach, reach]))
