"""Trajectories in few dimensions: principal axes, and averages by condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import checks, chunks, linalg
from ..checks import count, matches_shape, reals, rectangular
from ..errors import InputError
from ..provenance import with_provenance
from ..results import Result, per_item
from ..wording import counted

__all__ = ["ConditionAverages", "Projection", "condition_average", "project"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Projection(Result):
    """Axes fitted once and applied to everything: trajectories, fixed points, directions.

    Component k is a row of ``components``; ``names`` label the axes ("PC 1 (62 %)").

    Attributes:
        components: (component, unit) orthonormal for a PCA; as given for task axes
        mean: (unit,) what is taken off the states before they are projected
        explained_variance_ratio: (component,) share of the variance; NaN if unknown
        names: (component,) axis labels
        ranges: (component, 2) hold 96 % of the scores: excursions set no scale
        participation_ratio: (sum l)^2 / sum l^2 of the variances l: effective dimension
    """

    components: np.ndarray = per_item()
    mean: np.ndarray
    explained_variance_ratio: np.ndarray = per_item()
    names: np.ndarray = per_item()
    ranges: np.ndarray = per_item()
    participation_ratio: float = float("nan")

    @classmethod
    def onto(cls, vectors: Any, names: Sequence[str], mean: Any = None) -> Projection:
        """Task axes of your own: ``vectors`` (component, unit), one name each; scores are vectors @ (x - mean).

        >>> Projection.onto([[1.0, 0.0], [0.0, 1.0]], ["choice", "motion"]).transform([[2.0, 3.0]])
        array([[2., 3.]])
        """
        rows = reals("vectors", vectors, ("component", "unit"))
        if len(names) != len(rows):
            raise InputError(f"names must hold one name per vector: {counted(len(rows), 'vector')}, {len(names)} names")
        centre = np.zeros(rows.shape[1]) if mean is None else reals("mean", mean, (rows.shape[1],))
        unknown = np.full(len(rows), np.nan)
        return cls(
            components=rows,
            mean=centre,
            explained_variance_ratio=unknown,
            names=np.array(list(names)),
            ranges=np.stack([unknown, unknown], 1),
        )

    def transform(self, states: Any) -> np.ndarray:
        """Scores (..., component) of states (..., unit)."""
        states = checks.states("states", states, (..., self.mean.size))
        return (states - self.mean) @ self.components.T

    def inverse_transform(self, scores: Any) -> np.ndarray:
        """States (..., unit) of scores (..., component): the nearest states with these scores."""
        scores = reals("scores", scores, (..., len(self.components)), finite=False)
        return self.mean + scores @ np.linalg.pinv(self.components).T

    def headline(self) -> str:
        return f"{', '.join(self.names)}; participation ratio {self.participation_ratio:.2f}"

    def sentences(self) -> list[str]:
        """How much of the variance the axes hold, and in how many dimensions it lives."""
        axes = "1 principal axis holds" if len(self) == 1 else f"{len(self)} principal axes hold"
        share = f"{axes} {100 * self.explained_variance_ratio.sum():.0f} % of the variance"
        return [f"{share}; participation ratio {self.participation_ratio:.1f}"]


@with_provenance
def project(states: Any, n_components: int = 3) -> Projection:
    """Principal axes of states, fitted to all leading axes together.

    Arguments:
        states: (..., unit), for example trajectories (trial, time, unit); rows that are not finite are left out.
            They are read a part at a time and never copied whole, so that ``np.memmap`` may hold more than the memory.
        n_components: at most the number of units (fewer are returned if there are fewer units).

    The sign of each axis is fixed by its largest entry.  States without variance give zero ratios.
    Raises InputError if fewer than two finite rows are given.

    >>> import numpy as np
    >>> line = np.linspace(-1, 1, 50)[:, None] * np.array([[3.0, 4.0]]) / 5
    >>> project(line, 2).explained_variance_ratio.round(6).tolist()
    [1.0, 0.0]
    """
    given = checks.in_place("states", checks.states_of(states), (..., "unit"))
    if given.shape[-1] == 0:
        raise InputError(f"states must have at least one unit, got shape {given.shape}")
    given = given[None] if given.ndim == 1 else given
    n, mean, unit = _measured(given)
    if n < 2:
        raise InputError(f"states must hold at least 2 finite rows to fit axes, got {n}")
    n_components = min(count("n_components", n_components), given.shape[-1])
    with linalg.one_thread():
        covariance = np.zeros((given.shape[-1], given.shape[-1]))
        for rows in _finite_rows(given):
            centred = (rows - mean) / unit
            covariance += centred.T @ centred
        variances, axes = np.linalg.eigh(covariance / n)
    variances, axes = np.maximum(variances[::-1], 0.0), axes[:, ::-1].T
    axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1))
    total = variances.sum()
    ratios = variances / total if total > 0 else np.zeros_like(variances)
    return Projection(
        components=axes[:n_components],
        mean=mean,
        explained_variance_ratio=ratios[:n_components],
        names=np.array([f"PC {k + 1} ({100 * r:.0f} %)" for k, r in enumerate(ratios[:n_components])]),
        ranges=_ranges(given, n, mean, axes[:n_components]),
        participation_ratio=float(total**2 / (variances**2).sum()) if total > 0 else 0.0,
    )


def _finite_rows(states: np.ndarray) -> Iterator[np.ndarray]:
    """The rows (row, unit) that are finite, as many at a time as fit into memory."""
    for rows in chunks.rows(states):
        finite = np.isfinite(rows).all(axis=1)
        yield rows if finite.all() else rows[finite]


def _measured(states: np.ndarray) -> tuple[int, np.ndarray, float]:
    """How many rows are finite, their mean (unit,), and the largest distance from it: squares of very large or small
    states would leave the floats."""
    n, total, low, high = 0, np.zeros(states.shape[-1]), np.inf, -np.inf
    for rows in _finite_rows(states):
        n, total = n + len(rows), total + rows.sum(axis=0)
        low = np.minimum(low, rows.min(axis=0, initial=np.inf))
        high = np.maximum(high, rows.max(axis=0, initial=-np.inf))
    if not n:
        return 0, total, 1.0
    mean = total / n
    return n, mean, float(np.maximum(high - mean, mean - low).max()) or 1.0


def _ranges(states: np.ndarray, n: int, mean: np.ndarray, components: np.ndarray) -> np.ndarray:
    """(component, 2) between which 96 % of the scores lie."""
    ranges = []
    for some in chunks.parts(len(components), 3 * chunks.FLOAT * n):
        scores, at = np.empty((n, len(components[some]))), 0
        for rows in _finite_rows(states):
            scores[at : at + len(rows)] = (rows - mean) @ components[some].T
            at += len(rows)
        ranges.append(np.quantile(scores, [0.02, 0.98], axis=0).T)
    return np.concatenate(ranges)


@dataclass(frozen=True, kw_only=True, repr=False)
class ConditionAverages(Result):
    """Mean trajectory of each condition.

    Attributes:
        names: (condition,) "final = +-+" or "first = 1, second = 0"
        means: (condition, time, unit) averages over the trials of each condition
        counts: (condition,) trials averaged
    """

    names: np.ndarray = per_item()
    means: np.ndarray = per_item()
    counts: np.ndarray = per_item()

    def headline(self) -> str:
        return f"{counted(len(self), 'condition')}: {', '.join(self.names[:8])}{', ...' if len(self) > 8 else ''}"


@with_provenance
def condition_average(states: Any, trials: Any) -> ConditionAverages:
    """Average trajectories over the trials that share a condition.

    Arguments:
        states: (trial, time, unit).
        trials: Trials, or a dictionary of arrays (trial,); each combination of values that occurs is a condition.

    Where trials end at different steps, each step is averaged over those that have it; NaN where none has.

    Raises InputError if there are no conditions or their lengths differ from the number of trials.

    >>> import numpy as np
    >>> condition_average(np.ones((4, 2, 3)), {"choice": np.array(["left", "right", "left", "left"])}).counts.tolist()
    [3, 1]
    """
    states = checks.states("states", states, ("trial", "time", "unit"))
    if not len(states):
        raise InputError("states must hold at least one trial")
    conditions = getattr(trials, "conditions", trials)
    if conditions is not None and not isinstance(conditions, Mapping):
        raise InputError(f"trials must be Trials or a dictionary of arrays, got {type(trials).__name__}")
    if not conditions:
        raise InputError("trials must have conditions to average over, got none")
    conditions = {
        name: rectangular(f"trials.conditions[{name!r}]", values) for name, values in conditions.items()
    }
    for name, values in conditions.items():
        matches_shape(f"trials.conditions[{name!r}]", values.shape, (len(states),))
    labels = np.array(
        [
            ", ".join(f"{name} = {value}" for name, value in zip(conditions, row))
            for row in zip(*conditions.values())
        ]
    )
    names, which = np.unique(labels, return_inverse=True)
    within = np.arange(states.shape[1]) < _lengths(trials, states)[:, None]
    return ConditionAverages(
        names=names,
        means=np.stack([_mean(states[which == k], within[which == k]) for k in range(len(names))]),
        counts=np.bincount(which),
    )


def _lengths(trials: Any, states: np.ndarray) -> np.ndarray:
    """The steps of each trial (trial,), where they are said."""
    n_trials, n_steps = states.shape[:2]
    lengths = getattr(trials, "lengths", None)
    return np.full(n_trials, n_steps) if lengths is None else np.asarray(lengths)


def _mean(states: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Mean over trials (trial, time, unit) of the steps that are within them."""
    n = within.sum(axis=0)[:, None]
    total = np.where(within[:, :, None], states, 0.0).sum(axis=0)
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)
