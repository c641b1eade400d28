"""A plugin of pytest: no test leaves anything in the checkout, neither a new file nor a changed or a missing one.

What is left would be read by the next run.  The tree is compared before and after the whole session, once, by the
process that started it; caches of tools are not looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CACHES = {".git", ".hypothesis", ".pytest_cache", ".ruff_cache", ".mypy_cache", "__pycache__", "node_modules"}
BEFORE = pytest.StashKey[dict[str, tuple[int, int]]]()
LEFT = pytest.StashKey[list[str]]()


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file below a folder, by name; those of caches and environments are left out."""
    found = {}
    for here, folders, files in os.walk(folder):
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        folders[:] = [name for name in folders if name not in CACHES and not name.endswith(".egg-info")]
        for name in files:
            path = Path(here, name)
            if path.exists():  # no broken link, and nothing that another process has just removed
                found[path.relative_to(folder).as_posix()] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def differences(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> list[str]:
    """What is new, changed or gone, one line each."""
    new = [f"new: {name}" for name in after.keys() - before.keys()]
    changed = [f"changed: {name}" for name in after.keys() & before.keys() if after[name] != before[name]]
    return sorted([*new, *changed, *(f"gone: {name}" for name in before.keys() - after.keys())])


def started_here(config: pytest.Config) -> bool:
    """Whether this process is the one that was started, not a worker of pytest-xdist."""
    return not hasattr(config, "workerinput")


def pytest_sessionstart(session: pytest.Session) -> None:
    if started_here(session.config):
        session.config.stash[BEFORE] = tree(session.config.rootpath)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if BEFORE in config.stash:
        config.stash[LEFT] = differences(config.stash[BEFORE], tree(config.rootpath))
        if config.stash[LEFT] and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left = config.stash.get(LEFT, [])
    if left:
        terminalreporter.section("the checkout is not as it was before", sep="=", red=True, bold=True)
        terminalreporter.line("Tests write under tmp_path alone; while they ran, these files of the checkout changed:")
        for line in left:
            terminalreporter.line(f"FAILED {line}", red=True)
