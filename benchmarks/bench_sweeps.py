"""What a sweep costs besides its runs, and what a second process brings:  python benchmarks/bench_sweeps.py"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dynakit.sweeps import engines
from dynakit.sweeps.folder import Folder

HERE = Path(__file__).parent
COLUMNS = ["runs", "engine", "n", "wall_ms_per_run", "cpu_ms_per_run", "times_faster", "rss_before", "rss_after"]  # MiB


class Run(NamedTuple):
    """What a sweep asks of a run."""

    id: str


class Group(NamedTuple):
    """What a sweep asks of a group."""

    id: str
    runs: tuple[Run, ...]


def trivial(group: Group, folder: Folder) -> None:
    """A run that costs nothing."""
    for run in group.runs:
        folder.write(run.id, {"value": 1.0})


def busy(group: Group, folder: Folder) -> None:
    """A run that keeps a processor busy: a fixed number of turns."""
    x = 0.5
    for _ in range(2_500_000):
        x = 3.9 * x * (1 - x)
    for run in group.runs:
        folder.write(run.id, {"value": x})


def sweep(n: int, do: Callable[..., None], how: Any) -> tuple[float, float]:
    """Wall and processor time of this process, in ms per run."""
    groups = [Group(f"{k:05x}", (Run(f"{k:05x}"),)) for k in range(n)]
    settings, ids = {group.id: {"number": group.id} for group in groups}, {group.id: [group.id] for group in groups}
    with tempfile.TemporaryDirectory() as place:
        folder = Folder.begin(Path(place) / "sweep", settings=settings, groups=ids)
        wall, cpu = time.perf_counter(), time.process_time()
        engines.run(groups, folder, do, how)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert folder.counts().done == n
    return 1e3 * wall / n, 1e3 * cpu / n


def rss() -> float:
    """Resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def rows() -> list[list[Any]]:
    """The table."""
    sweep(20, trivial, engines.Processes())  # loads what there is to load
    found = []
    for n in (100, 1000):
        before = rss()
        wall, cpu = sweep(n, trivial, engines.Processes())
        found.append(["trivial", "this process", n, f"{wall:.2f}", f"{cpu:.2f}", "", f"{before:.1f}", f"{rss():.1f}"])
    one = sweep(200, busy, engines.Processes(1, apart=True))[0]
    two = sweep(200, busy, engines.Processes(2))[0]
    found.append(["busy", "one process beside", 200, f"{one:.1f}", "", "1", "", ""])
    found.append(["busy", "two processes", 200, f"{two:.1f}", "", f"{one / two:.2f}", "", ""])
    return found


def main() -> None:
    """Write the table."""
    table = rows()
    with open(HERE / "sweeps.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *table])
    for row in table:
        print(*row)
    print("load", *os.getloadavg(), os.cpu_count(), "processors", file=sys.stderr)


if __name__ == "__main__":
    main()
