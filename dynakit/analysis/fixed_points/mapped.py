"""How many fixed points, and of which kinds, under each pair of values of two inputs.

Under each drive the search of :func:`dynakit.find_fixed_points` runs by itself.  Where a theorem says what the signs of
the points must sum to and they do not, it goes on, from the points of the neighbours; where they still do not, the cell
is marked: points are missing there.  Borders between cells are folds and other bifurcations, as far as the grid
shows them; :func:`dynakit.trace_fixed_points` finds where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...checks import count, reals
from ...errors import InputError
from ...progress import Callback, expect, going, interruptible, watching
from ...provenance import with_provenance
from ...results import Result
from ...systems.base import System, checked
from ...systems.rest import at_rest, dynamics_of
from ...wording import counted
from ..linearization import contracting, expanding
from .search import Sought, search
from .spectra import spectra

KINDS = ("stable", "saddle", "repeller", "undecided")
NOT_DONE = -1
LONGER = 16  # times the starts, where points are known to be missing


@dataclass(frozen=True, kw_only=True, repr=False)
class FixedPointMap(Result):
    """The number of fixed points of each kind on a grid of two inputs.

    Attributes:
        first: (column,) values of the first input
        second: (row,) values of the second
        counts: (row, column, kind) points that are stable, saddles, repellers, undecided; -1: not looked at
        missing: (row, column) points are missing there: their signs do not sum to what they must
        inputs: numbers of the two inputs
        drive: (input,) what the others are held at
        dynamics: "map" or "flow"
    """

    drawn_by: ClassVar[str] = "plot_fixed_point_map"

    first: np.ndarray
    second: np.ndarray
    counts: np.ndarray
    missing: np.ndarray
    inputs: tuple[int, int]
    drive: np.ndarray
    dynamics: str = "map"

    @property
    def totals(self) -> np.ndarray:
        """(row, column) points of all kinds; -1: not looked at."""
        return np.where((self.counts < 0).any(axis=2), NOT_DONE, self.counts.sum(axis=2))

    def headline(self) -> str:
        totals = self.totals[self.totals >= 0]
        numbers, cells = np.unique(totals, return_counts=True)
        said = ", ".join(f"{counted(int(n), 'point')} in {int(k)}" for n, k in zip(numbers, cells))
        lost = int(self.missing.sum())
        drives = counted(self.totals.size, "drive")
        whole = f"{drives} ({len(self.second)} x {len(self.first)}) of a {self.dynamics}: {said or 'none looked at'}"
        return whole + (f"; points are missing in {lost}" if lost else "")


@with_provenance
def map_fixed_points(
    system: System,
    first: Any,
    second: Any,
    *,
    inputs: tuple[int, int] = (0, 1),
    drive: Any = None,
    seed: Any = 0,
    max_starts: int = 128,
    callback: Callback | None = None,
) -> FixedPointMap:
    """Map the number and the kinds of fixed points over two inputs.

    Arguments:
        system: the map or the flow.
        first: (column,) values of the first input.
        second: (row,) values of the second.
        inputs: which two inputs these are.
        drive: (input,) what the others are held at; None: zero.
        seed: of the states the searches start from.
        max_starts: starts under each drive; sixteen times as many where points are known to be missing.
        callback: called after each drive with those done and {"total": of how many, "unit": "drive"}; StopIteration
            raised in it ends the call, which returns what it has (``interrupted``).

    Of points that are not isolated, samples are counted.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.

    >>> import dynakit as dk
    >>> system = dk.catalog.tanh_network([[2.0]], W_in=[[1.0, 0.5]])
    >>> dk.map_fixed_points(system, [0.0, 2.0], [0.0, 1.0]).totals.tolist()
    [[3, 1], [3, 1]]
    """
    checked(system).refuse_jumps("a search for fixed points")
    columns, rows = (reals(name, values, ("value",)) for name, values in (("first", first), ("second", second)))
    chosen = _two(system, inputs)
    held = system.as_drive("drive", drive)
    if held.ndim != 1:
        raise InputError(f"drive must be (input,), got shape {tuple(held.shape)}")
    max_starts = count("max_starts", max_starts)
    counts = np.full((len(rows), len(columns), len(KINDS)), NOT_DONE)
    missing = np.zeros(counts.shape[:2], bool)
    dynamics, system = dynamics_of(system), at_rest(system)
    known: dict[tuple[int, int], Tensor] = {}
    with linalg.one_thread(), torch.no_grad(), interruptible("drive"):
        expect(missing.size, "drive")
        for done, (j, k) in enumerate(np.ndindex(*missing.shape), start=1):
            u = held.clone()
            u[list(chosen)] = u.new_tensor([columns[k], rows[j]])
            beside = [known[at] for at in ((j - 1, k), (j, k - 1)) if len(known.get(at, ()))]
            with watching(None):  # drives are counted, not the starts under each
                sought = _sought(system, u, beside, seeding.stream(seed, "map", j, k), max_starts)
            known[j, k] = sought.roots.x
            counts[j, k], missing[j, k] = _kinds(system, sought, dynamics)
            if not going(done, "drive"):
                break
    drive = held.cpu().numpy()
    return FixedPointMap(
        first=columns, second=rows, counts=counts, missing=missing, inputs=chosen, drive=drive, dynamics=dynamics
    )


def _two(system: System, inputs: Any) -> tuple[int, int]:
    if system.input_size < 2:
        raise InputError(f"system must have two inputs to be mapped over, got {counted(system.input_size, 'input')}")
    if not isinstance(inputs, (tuple, list)) or len(inputs) != 2 or inputs[0] == inputs[1]:
        raise InputError(f"inputs must be the numbers of two different inputs, got {inputs!r}")
    i, j = (count("inputs", k, least=0, most=system.input_size - 1) for k in inputs)
    return i, j


def _sought(system: System, u: Tensor, beside: list[Tensor], rng: np.random.Generator, max_starts: int) -> Sought:
    """The points under a drive; where some are missing a longer search, from the points of the neighbours on."""
    sought = search(system, None, u, rng, max_starts)
    if sought.expected in (None, sought.roots.degree):
        return sought
    again = search(system, torch.cat(beside) if beside else None, u, rng, LONGER * max_starts)
    return max(again, sought, key=lambda one: (one.roots.degree == one.expected, len(one.roots)))


def _kinds(system: System, sought: Sought, dynamics: str) -> tuple[list[int], bool]:
    """How many points of each kind there are under a drive, and whether some are missing."""
    roots = sought.roots
    values, verdicts = spectra(system, roots.x, roots.u.expand(len(roots), -1))
    grows = expanding(values, dynamics).any(axis=1)
    decays = contracting(values, dynamics).any(axis=1)
    stable, unstable = verdicts == "stable", (verdicts == "unstable") & grows
    n = [int(which.sum()) for which in (stable, unstable & decays, unstable & ~decays)]
    return [*n, len(roots) - sum(n)], sought.expected is not None and roots.degree != sought.expected
