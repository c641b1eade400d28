"""What the benchmarks of single steps share: variants that take turns, and their table of ratios."""

from __future__ import annotations

import csv
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def in_turn(steps: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each variant, round by round, so that a busy moment hits them all; two rounds warm up."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(-2, rounds):
        for name, step in steps.items():
            began = time.process_time()
            step()
            if round_ >= 0:
                times[name].append(time.process_time() - began)
    return times


def ratios(seconds: list[float], base: list[float]) -> list[str]:
    """Median and least milliseconds of a variant, and median, least and greatest of its ratio to ``base``."""
    of = [s / f for s, f in zip(seconds, base)]
    numbers = (1e3 * statistics.median(seconds), 1e3 * min(seconds), statistics.median(of), min(of), max(of))
    return [f"{x:.2f}" for x in numbers]


def write(name: str, rows: list[list[str]]) -> None:
    """The table beside the benchmarks, and on the terminal."""
    with open(Path(__file__).with_name(f"{name}.csv"), "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    width = max(len(cell) for row in rows for cell in row)
    sys.stdout.write("".join("  ".join(f"{cell:>{width}}" for cell in row) + "\n" for row in rows))


def write_against(name: str, times: dict[str, list[float]], base: str) -> None:
    """The table of all variants against one of them."""
    head = ["variant", "median_ms", "least_ms", f"ratio_to_{base}", "least_ratio", "greatest_ratio"]
    write(name, [head, *([variant, *ratios(seconds, times[base])] for variant, seconds in times.items())])
