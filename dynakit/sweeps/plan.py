"""A plan: which runs there are, by which names, and which of them are done together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import checks
from ..errors import ArtifactError, DynakitError, InputError
from ..training import check_sizes
from ..wording import counted
from . import toml
from .folder import Folder
from .groups import Group, groups_of
from .identity import canonical
from .jobs import Job
from .settings import Run

FORMAT = 1


class Plan:
    """Runs, each once: ``Plan([Run("flip-flop", "gru", "bptt:max_updates=300", replicate=k) for k in range(5)])``.

    Arguments:
        runs: each a :class:`Run`, a :class:`Job`, or a dictionary of the arguments of a Run; with ``"seeds": n`` in it
            it stands for n replicates.

    Raises InputError for a plan without runs, for two runs that are the same, and for settings that do not fit each
    other, naming the run.

    >>> plan = Plan([{"task": "flip-flop:n_bits=1", "model": "gru:n_hidden=8", "seeds": 3}])
    >>> len(plan), len(set(plan.ids))
    (3, 3)
    """

    def __init__(self, runs: Any, *, source: str = "") -> None:
        if isinstance(runs, (Run, Job, Mapping)):
            runs = [runs]
        if not isinstance(runs, Iterable) or isinstance(runs, str):
            got = repr(runs) if isinstance(runs, str) else checks.kind_of(runs)
            raise InputError(f"plan must be a Plan, or a list of runs, got {got}; Plan.read reads a file")
        several = (_runs(given, f"run {k}") for k, given in enumerate(runs))
        self.runs: tuple[Run | Job, ...] = tuple(run for each in several for run in each)
        self.source = source
        if not self.runs:
            raise InputError("plan has no runs")
        self._refuse_duplicates()
        self._refuse_misfits()

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """The plan that a TOML file describes; see the page "Many networks".

        Raises InputError for a file that cannot be read or is no plan, naming the place in it.
        """
        try:
            text = checks.path("path", path, "TOML file").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = "it is no text" if isinstance(error, UnicodeDecodeError) else error.strerror
            raise InputError(f"plan {path} cannot be read: {reason}") from None
        return cls(toml.runs(text, str(path)), source=text)

    @classmethod
    def from_plain(cls, value: Any) -> Plan:
        """The plan that :meth:`plain` wrote; InputError where it has runs of the user's own code."""
        if not isinstance(value, Mapping) or value.get("format") != FORMAT or not isinstance(value.get("runs"), list):
            raise InputError(f"plan must be what Plan.plain() gives, of format {FORMAT}")
        return cls(value["runs"], source=str(value.get("source", "")))

    @classmethod
    def of_folder(cls, path: str | Path) -> Plan:
        """The plan of the sweep that is kept in a folder.

        Raises ArtifactError if there is none, or if its runs are code of your own, which only a script can name.
        """
        said = Folder.at(checks.folder("path", path)).said
        source = said["plan"].get("source", "") if isinstance(said.get("plan"), dict) else ""
        try:
            return cls([*said["settings"].values()], source=source)
        except InputError as error:
            raise ArtifactError(f"folder {path}: {error}") from None

    def plain(self) -> dict[str, Any]:
        """The whole plan as plain JSON."""
        runs = [{**run.plain(), "name": run.name} for run in self.runs]
        return {"format": FORMAT, "source": self.source, "runs": runs}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The name of each run."""
        return tuple(run.id for run in self.runs)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """What is claimed and done as one, networks trained side by side above all; sorted by name."""
        return groups_of(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __repr__(self) -> str:
        return f"Plan({counted(len(self), 'run')} in {counted(len(self.groups), 'group')})"

    def _refuse_duplicates(self) -> None:
        seen: dict[str, int] = {}
        for k, name in enumerate(self.ids):
            if name in seen:
                raise InputError(
                    f"plan has the same run twice, as {_place(self.runs, seen[name])} and as {_place(self.runs, k)}: "
                    "networks that differ in their seeds only are replicates (seeds = n)"
                )
            seen[name] = k

    def _refuse_misfits(self) -> None:
        """Build one network of each kind, and see that the task takes it."""
        seen = set()
        for k, run in enumerate(self.runs):
            if isinstance(run, Job):
                continue
            kind = canonical([run.model.plain(), run.task.n_inputs, run.task.n_outputs])
            if kind not in seen:
                seen.add(kind)
                try:
                    check_sizes(run.untrained(), run.task)
                except (DynakitError, TypeError) as error:
                    raise InputError(f"{_place(self.runs, k)}: {error}") from None


def _place(runs: Iterable[Run | Job], k: int) -> str:
    run = list(runs)[k]
    return f"run {k} (block {run.name!r})" if run.name else f"run {k}"


def _runs(value: Any, where: str) -> list[Run | Job]:
    """The runs that one entry of a plan stands for."""
    if isinstance(value, (Run, Job)):
        return [value]
    if not isinstance(value, Mapping):
        raise InputError(f"{where} of plan must be a Run, a Job or a dictionary, got {checks.kind_of(value)}")
    try:
        return list(runs_of(value))
    except InputError as error:
        raise InputError(f"{where} of plan: {error}") from None


def runs_of(entry: Mapping[str, Any]) -> Iterable[Run]:
    """The runs of a dictionary: the arguments of a Run, and perhaps how many replicates there are of it."""
    if "function" in entry:
        raise InputError(f"function ({entry['function']}) was given in Python: run that script again")
    known = ("task", "model", "training", "analysis", "replicate", "name", "seeds")
    for key in entry:
        checks.one_of("key", key, known)
    for key in ("task", "model"):
        if key not in entry:
            raise InputError(f"{key} is not given")
    own = {key: value for key, value in entry.items() if key != "seeds"}
    if "seeds" not in entry:
        return [Run(**own)]
    if "replicate" in own:
        raise InputError("seeds and replicate cannot both be given: seeds = n are the replicates 0 to n - 1")
    return [Run(**own, replicate=k) for k in range(checks.count("seeds", entry["seeds"]))]
