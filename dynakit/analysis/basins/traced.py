"""How do attractors and their basins change with a parameter?

At each value the attractors are found and the shares of their basins estimated from the same random states;
attractors of neighbouring values are matched so that the sum of their distances is least (Kuhn 1955; Datseris, Luiz
Rossi and Wagemakers 2023, "global continuation").  What finds no partner near enough is born, or has died.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from ...checks import count, number, of_kind, reals
from ...errors import InputError
from ...progress import Callback, expect, going, interruptible
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System
from ...wording import counted
from ..proportions import wilson_interval
from .basins import AS_USUAL, Basins, map_basins
from .settings import BasinSettings
from .targets import apart

FAR = 0.5  # of the spread of all attractors: a greater distance is no match


@dataclass(frozen=True, kw_only=True, repr=False)
class TracedBasins(Result):
    """Attractors followed over a parameter: one entry per value; each attractor keeps its number.

    Attributes:
        values: (value,) of the parameter
        counts: (value, attractor) samples that went there; 0 where it does not exist
        present: (value, attractor) whether it exists
        n_left: (value,) samples labelled -1
        n_samples: at each value
        confidence: of the intervals, 0..1
        basins: at each value, with its own numbers ...
        numbers: ... and what they are in common
        births: pairs of the first value at which it exists and the attractor, but for those of the first value
        deaths: pairs of the first value at which it no longer exists and the attractor
    """

    drawn_by: ClassVar[str] = "plot_basin_fractions"

    values: np.ndarray = per_item()
    counts: np.ndarray = per_item()
    present: np.ndarray = per_item()
    n_left: np.ndarray = per_item()
    n_samples: int
    confidence: float
    basins: tuple[Basins, ...]
    numbers: tuple[tuple[int, ...], ...]
    births: tuple[tuple[float, int], ...]
    deaths: tuple[tuple[float, int], ...]

    @property
    def fractions(self) -> np.ndarray:
        """(value, attractor) shares; NaN where an attractor does not exist."""
        return np.where(self.present, self.counts / self.n_samples, np.nan)

    @property
    def intervals(self) -> np.ndarray:
        """(value, attractor, 2) Wilson's intervals of the shares; NaN where an attractor does not exist."""
        ends = wilson_interval(self.counts, self.n_samples, self.confidence)
        return np.where(self.present[..., None], ends, np.nan)

    def headline(self) -> str:
        span = f"{self.values[0]:g} to {self.values[-1]:g}" if len(self) else "no value"
        changes = f"{counted(len(self.births), 'birth')}, {counted(len(self.deaths), 'death')}"
        return f"{counted(len(self), 'value')} from {span}, {counted(self.counts.shape[1], 'attractor')}, {changes}"


@with_provenance
def trace_basins(
    family: Callable[[float], System],
    values: Any,
    sampler: Any,
    drive: Any = None,
    *,
    attractors: Callable[[System], Any] | None = None,
    n_samples: int,
    max_distance: float | None = None,
    seed: Any = 0,
    settings: BasinSettings = AS_USUAL,
    callback: Callback | None = None,
) -> TracedBasins:
    """Estimate the shares of basins at each value of a parameter, attractors matched from value to value.

    Arguments:
        family: value -> System; all of one state size.
        values: (value,), in the order in which attractors are to be followed.
        sampler, n_samples: as for :func:`dynakit.map_basins`; the same states are used at every value.
        drive: the constant input at every value, (input,); None is zero input.
        attractors: system -> attractors, such as ``dynakit.find_fixed_points``; None: found from the samples.
        max_distance: between states of an attractor at neighbouring values, at most; None: half the spread of all.
        seed: of the sampler.
        settings: how to label and how long to follow, see :class:`dynakit.analysis.BasinSettings`.
        callback: called after each value with the values done and {"total": how many, "unit": "value"}; StopIteration
            raised in it ends the call, which returns the values done by then (``interrupted``).

    Returns:
        TracedBasins.

    Raises:
        InputError: a value that is not finite, a family that returns something else, or as map_basins does.

    >>> import dynakit as dk
    >>> traced = dk.trace_basins(
    ...     dk.catalog.tanh_unit, [0.8, 1.5, 2.0], dk.samplers.Box([-1.0], [1.0]),
    ...     attractors=dk.find_fixed_points, n_samples=100)
    >>> traced.present.sum(axis=1).tolist(), traced.births[0][0]
    ([1, 2, 2], 1.5)
    """
    points = reals("values", values, ("value",))
    if not len(points) or not callable(family):
        raise InputError(
            f"family must be a function value -> System and values not empty, got {counted(len(points), 'value')}"
        )
    of_kind("settings", settings, BasinSettings)
    count("n_samples", n_samples)
    limit = None if max_distance is None else number("max_distance", max_distance, above=0.0)
    basins: list[Basins] = []
    expect(len(points), "value")
    with interruptible("value"):
        for value in points.tolist():
            system = family(value)
            if not isinstance(system, System):
                raise InputError(f"family must return a System, got {type(system).__name__} at {value:g}")
            known = None if attractors is None else attractors(system)
            basins.append(
                map_basins(system, known, sampler, drive, n_samples=n_samples, seed=seed, settings=settings)
            )
            if not going(len(basins), "value"):
                break
    points, numbers = points[: len(basins)], _numbered(basins, limit)
    return TracedBasins(
        **_laid_out(points, basins, numbers),
        values=points,
        n_left=np.array([int((b.labels < 0).sum()) for b in basins]),
        n_samples=n_samples,
        confidence=settings.confidence,
        basins=tuple(basins),
        numbers=tuple(tuple(row) for row in numbers),
    )


def _numbered(basins: Sequence[Basins], limit: float | None) -> list[list[int]]:
    """For each value, the common number of each of its attractors.  One that comes back later is a new one."""
    known = 0
    numbers: list[list[int]] = []
    for k, here in enumerate(basins):
        row = [-1] * here.n_attractors
        if k:
            for i, j in match(basins[k - 1].attractors, here.attractors, limit):
                row[j] = numbers[-1][i]
        for j, number_ in enumerate(row):
            if number_ < 0:
                row[j], known = known, known + 1
        numbers.append(row)
    return numbers


def match(
    before: Sequence[np.ndarray], after: Sequence[np.ndarray], limit: float | None = None
) -> list[tuple[int, int]]:
    """Pairs of attractors, each given by states (point, unit), of least total distance; none beyond the limit."""
    if not before or not after:
        return []
    cost = np.array([[apart(a, b) for b in after] for a in before])
    if limit is None:
        points = np.concatenate([*before, *after])
        spread = float(np.linalg.norm(points - points.mean(axis=0), axis=1).max())
        limit = FAR * spread if len(before) + len(after) > 2 else np.inf
    rows, columns = linear_sum_assignment(
        np.minimum(cost, 1e3 * (limit + 1e-300)) if np.isfinite(limit) else cost
    )
    return [(int(i), int(j)) for i, j in zip(rows, columns) if cost[i, j] <= limit]


def _laid_out(points: np.ndarray, basins: Sequence[Basins], numbers: list[list[int]]) -> dict[str, Any]:
    n = 1 + max((i for row in numbers for i in row), default=-1)
    counts, present = np.zeros((len(basins), n), int), np.zeros((len(basins), n), bool)
    for k, (here, row) in enumerate(zip(basins, numbers)):
        counts[k, row], present[k, row] = here.counts, True
    births, deaths = [], []
    for k in range(1, len(basins)):
        births += [(float(points[k]), int(i)) for i in np.flatnonzero(present[k] & ~present[k - 1])]
        deaths += [(float(points[k]), int(i)) for i in np.flatnonzero(~present[k] & present[k - 1])]
    return {"counts": counts, "present": present, "births": tuple(births), "deaths": tuple(deaths)}
