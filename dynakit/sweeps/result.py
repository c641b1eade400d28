"""What a sweep has found so far: one row per run."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from .. import checks, models
from ..errors import ArtifactError, InputError
from ..pipeline import load
from ..report import Report
from ..results import History, Result, per_item
from ..wording import counted
from .settings import Run
from .table import columns, differing, flat, named


@dataclass(frozen=True, kw_only=True, repr=False)
class Sweep(Result):
    """The runs of a sweep that are done or have failed, one row each, in the order of the plan.

    Indexed by a number, a slice or a mask it is a sweep of fewer runs: ``sweep[sweep.table()["task.n_bits"] == 3]``.

    Attributes:
        ids: (run,) names of the runs
        statuses: (run,) "done" or "failed"
        errors: (run,) what was raised, in a line; "" where nothing was
        seconds: (run,) wall time that a run took; NaN where it is not known
        settings: of each run, with all defaults
        rows: what each run has found
        folder: where the sweep is kept
        counts: runs of the whole plan by their state
        plan: that was swept, if it was in this process
    """

    since = 3

    ids: np.ndarray = per_item()
    statuses: np.ndarray = per_item()
    errors: np.ndarray = per_item()
    seconds: np.ndarray = per_item()
    settings: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    folder: str
    counts: dict[str, int] = field(default_factory=dict)
    plan: Any = field(default=None, metadata={"saved": False})

    def headline(self) -> str:
        said = ", ".join(f"{n} {state}" for state, n in self.counts.items() if n)
        return f"{counted(sum(self.counts.values()), 'run')}{': ' if said else ''}{said}"

    def __getitem__(self, index: Any) -> Self:
        """The runs chosen by a number, a slice, a list or a mask."""
        numbered = dataclasses.replace(self, seconds=np.arange(len(self)))
        chosen = super(Sweep, numbered).__getitem__(index).seconds
        few = super().__getitem__(index)
        settings, rows = [self.settings[k] for k in chosen], [self.rows[k] for k in chosen]
        counts = dict(Counter(few.statuses.tolist()))
        return dataclasses.replace(few, settings=settings, rows=rows, counts=counts)

    def table(self) -> dict[str, np.ndarray]:
        """One row per run: its name, the settings in which runs differ, its status, and what it has found.

        Settings are called by where they stand in a plan ("task.n_bits", "model.name"), the block "block".  What a run
        has not found is NaN, or "" in a column of text.
        """
        settings = differing([named(flat(each)) for each in self.settings])
        heads = [
            {"id": name, **own, "status": status}
            for name, own, status in zip(self.ids.tolist(), settings, self.statuses.tolist())
        ]
        return columns([{**head, **row} for head, row in zip(heads, self.rows)])

    @property
    def values(self) -> list[Any]:
        """What the function of each job returned; of other runs the row."""
        return [row["value"] if [*row] == ["value"] else row for row in self.rows]

    @property
    def failures(self) -> dict[str, str]:
        """What was raised in the runs that failed, by their names."""
        return {name: error for name, error in zip(self.ids.tolist(), self.errors.tolist()) if error}

    def run(self, k: Any) -> Run:
        """The settings of a run, by its number or its name, as they were given.

        Raises InputError for a run of the user's own code, unless it was swept in this process.
        """
        number = self._number(k)
        if self.plan is not None:
            return self.plan.runs[self.plan.ids.index(str(self.ids[number]))]
        if "function" in self.settings[number]:
            raise InputError(f"run {k} is a function of your own, which was swept in another process")
        return Run(**self.settings[number])

    def task(self, k: Any) -> Any:
        """The task of a run, by its number or its name."""
        return self.run(k).task

    def untrained(self, k: Any) -> Any:
        """The network of a run as it was before training."""
        return self.run(k).untrained()

    def model(self, k: Any) -> Any:
        """The trained network of a run, by its number or its name.

        Raises ArtifactError if it was not kept.
        """
        return models.load(self.place(k))

    def report(self, k: Any) -> Report:
        """The whole report on a run; ArtifactError unless it was kept, as ``keep=("model", "report")`` asks."""
        return load(self._kept(k, "report"))

    def history(self, k: Any) -> History:
        """How a network was trained; ArtifactError unless it was kept, as ``keep=("model", "history")`` asks."""
        return load(self._kept(k, "history"))

    def place(self, k: Any) -> Path:
        """The folder in which a run left its network, its report and files of its own."""
        return Path(self.folder) / "runs" / str(self.ids[self._number(k)])

    def _kept(self, k: Any, what: str) -> Path:
        if not (place := self.place(k) / what).is_dir():
            raise ArtifactError(f"{place} is not there: keep must name {what!r} for it to be kept")
        return place

    def _number(self, k: Any) -> int:
        if isinstance(k, str):
            return self.ids.tolist().index(checks.one_of("run", k, self.ids.tolist()))
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
            raise InputError(f"run must be a number or a name, got {k!r}")
        if not -len(self) <= k < len(self):
            raise IndexError(f"run {k} of a sweep with {len(self)} runs")
        return int(k) % len(self)
