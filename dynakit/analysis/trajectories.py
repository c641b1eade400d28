"""Trajectories in few dimensions: principal axes, averages by condition, the flow in a plane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from .. import checks, chunks, linalg
from ..checks import count, matches_shape, reals, rectangular
from ..errors import InputError
from ..provenance import with_provenance
from ..results import Result, per_item
from ..systems.base import System, checked
from ..wording import counted

__all__ = ["ConditionAverages", "PlaneFlow", "Projection", "condition_average", "plane_flow", "project"]


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


@dataclass(frozen=True, kw_only=True, repr=False)
class PlaneFlow(Result):
    """The flow F(x) - x on a grid of a plane.

    Attributes:
        grid_x: (column,) scores along the first axis
        grid_y: (row,) scores along the second axis
        velocities: (row, column, 2) score change per step, in the plane
        leaving_share: (row, column) share of the speed that leaves the plane, 0..1
        names: of the two axes
        through: (unit,) the state the plane passes through
    """

    drawn_by: ClassVar[str] = "plot_flow"

    grid_x: np.ndarray
    grid_y: np.ndarray
    velocities: np.ndarray
    leaving_share: np.ndarray
    names: tuple[str, str]
    through: np.ndarray

    def headline(self) -> str:
        return (
            f"{self.velocities.shape[1]} x {self.velocities.shape[0]} grid over {' and '.join(self.names)}; "
            f"median share of speed leaving the plane {np.median(self.leaving_share):.2f}"
        )


def _plane(projection: Any, axes: Any, size: int) -> Projection:
    """The two chosen axes of a projection of states of this size."""
    if not isinstance(projection, Projection):
        raise InputError(f"projection must be a Projection (see dk.project), got {type(projection).__name__}")
    matches_shape("projection.components", projection.components.shape, ("component", size))
    if len(projection) < 2:
        raise InputError(f"projection must have at least 2 components to span a plane, got {len(projection)}")
    if not isinstance(axes, (tuple, list)) or len(axes) != 2 or axes[0] == axes[1]:
        raise InputError(f"axes must be two different components, got {axes!r}")
    return projection[[count("axes", k, least=0, most=len(projection) - 1) for k in axes]]


@with_provenance
def plane_flow(
    system: System,
    projection: Projection,
    drive: Any = None,
    *,
    through: Any,
    axes: tuple[int, int] = (0, 1),
    n_grid: int = 25,
) -> PlaneFlow:
    """The velocity field in the plane of two axes through a chosen state.

    Arguments:
        system: the map.
        projection: its axes span the plane; the grid covers its ``ranges``, with a margin.
        drive: constant input (input,).
        through: the state (unit,) the plane passes through, or a FixedPoints with one point.
        axes: which two components.
        n_grid: grid points along each axis.

    A plane is a slice: ``leaving_share`` says how much of the motion it does not show.

    Raises:
        InputError: naming the argument that does not fit the system, or axes that span no plane.
        ResourceError: for a grid that would not fit into memory.
    """
    size = checked(system).state_size
    point = checks.states("through", through, (..., size))
    point = reals("through", point[0] if point.ndim == 2 and len(point) == 1 else point, (size,))
    u = system.as_drive("drive", drive)
    matches_shape("drive", u.shape, (system.input_size,))
    n_grid = count("n_grid", n_grid, least=2)
    frame = _plane(projection, axes, size)
    basis = np.linalg.qr(frame.components.T)[0].T  # the plane itself, whatever the axes' lengths and angles
    ranges = np.where(np.isfinite(frame.ranges), frame.ranges, [-1.0, 1.0])
    here = frame.transform(point)
    margin = 0.12 * np.maximum(np.ptp(ranges, axis=1), 1e-9)
    gx, gy = (np.linspace(lo - m, hi + m, n_grid) for (lo, hi), m in zip(ranges, margin))
    chunks.refuse_larger(
        f"a grid of {n_grid} x {n_grid}", 6 * chunks.FLOAT * n_grid**2, "take fewer grid points along each axis"
    )
    offsets = (np.stack(np.meshgrid(gx, gy), -1) - here).reshape(-1, 2)
    lift = np.linalg.pinv(frame.components).T

    def seen(some: slice) -> dict[str, np.ndarray]:
        states = point + offsets[some] @ lift
        velocity = system.step(states, u).cpu().numpy() - states
        speed = np.linalg.norm(velocity, axis=-1)
        inside = np.linalg.norm(velocity @ basis.T, axis=-1)
        leaving = np.where(speed > 0, np.sqrt(np.clip(1 - (inside / speed) ** 2, 0, 1)), 0.0)
        return {"velocities": velocity @ frame.components.T, "leaving_share": leaving}

    with linalg.one_thread(), torch.no_grad(), np.errstate(divide="ignore", invalid="ignore"):
        parts = chunks.parts(len(offsets), 8 * chunks.FLOAT * size)
        field = chunks.gathered(len(offsets), ((part, seen(part)) for part in parts))
    return PlaneFlow(
        grid_x=gx,
        grid_y=gy,
        velocities=field["velocities"].reshape(n_grid, n_grid, 2),
        leaving_share=field["leaving_share"].reshape(n_grid, n_grid),
        names=(str(frame.names[0]), str(frame.names[1])),
        through=point,
    )
