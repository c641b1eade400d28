"""The stages of an analysis: each file of this folder holds one, as ``STAGE``, and nothing else lists them.

To add a stage is to add a file.  It is run after what it reads, and stands in the report at its ``place``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from pkgutil import iter_modules

from ...report import Stage


def find_stages() -> tuple[Stage, ...]:
    """Those of all files of this folder, in the order of the report."""
    stages = [import_module(f"{__name__}.{file.name}").STAGE for file in iter_modules(__path__)]
    return tuple(sorted(stages, key=lambda stage: (stage.place, stage.name)))


STAGES = find_stages()


def in_line(stages: Sequence[Stage], wanted: Iterable[str], *, closed_loop: bool) -> list[Stage]:
    """The wanted stages and those they need, each after what it reads; otherwise in the order of the report."""
    source = {name: stage for stage in stages for name in stage.gives}
    chosen, pending = set(), list(wanted)
    while pending:
        stage = source[pending.pop()]
        if stage.name not in chosen:
            chosen.add(stage.name)
            pending += stage.runs(closed_loop).needs
    line: dict[str, Stage] = {}

    def place(stage: Stage) -> None:
        run = stage.runs(closed_loop)
        for before in (source[name] for name in (*run.needs, *run.uses)):
            if before.name in chosen and before.name not in line:
                place(before)
        line.setdefault(stage.name, stage)

    for stage in stages:
        if stage.name in chosen:
            place(stage)
    return list(line.values())
