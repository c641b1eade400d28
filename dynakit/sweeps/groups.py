"""Which runs are done together: small networks that differ in their seeds only are trained side by side.

Who trains beside whom decides the last bits of the weights.  So groups are a function of the plan alone: of the names
of its runs, and never of how many processes there are or of what is done already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..training import why_not_together
from .identity import canonical, name_of
from .jobs import Job
from .settings import Run

MOST = 32  # side by side: more gain nothing, and the more there are the more is done again after a kill


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that are claimed, done and taken up again as one: trained side by side, or one alone."""

    runs: tuple[Run | Job, ...]

    @property
    def id(self) -> str:
        """The name of its run where it is alone, else of them all."""
        return self._id

    @cached_property
    def _id(self) -> str:
        return self.runs[0].id if len(self.runs) == 1 else name_of([run.id for run in self.runs])


def groups_of(runs: Sequence[Run | Job]) -> tuple[Group, ...]:
    """The groups of a plan, each of at most 32 runs of about the same number, sorted by name."""
    alike: dict[str, list[Run | Job]] = {}
    for run in runs:
        alike.setdefault(_kind(run), []).append(run)
    found = []
    for members in alike.values():
        members = sorted(members, key=lambda run: run.id)
        n = -(-len(members) // MOST) if len(members) > 1 and _together(members[0]) else len(members)
        found += [Group(tuple(members[k::n])) for k in range(n)]
    return tuple(sorted(found, key=lambda group: group.id))


def _kind(run: Run | Job) -> str:
    """What runs that are trained side by side have in common; of others the name."""
    if isinstance(run, Job) or not isinstance(run.model.kind, type):
        return run.id
    settings = run.plain()
    return canonical([settings[part] for part in ("task", "model", "training")])


def _together(run: Run | Job) -> bool:
    return isinstance(run, Run) and not why_not_together([run.untrained()], run.training)
