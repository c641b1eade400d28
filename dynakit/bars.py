"""A progress bar for ``callback=``, where somebody watches: in a terminal or in a notebook."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

from .checks import number

AFTER = 2.0  # seconds that a call may take without a bar


class ProgressBar:
    """What a long call is told to tell its progress to: ``dk.analyze(model, task, callback=dk.ProgressBar())``.

    Arguments:
        description: what is going on.
        after: seconds until it shows; a call that ends before shows none.

    Of a sweep it tells the runs that are done, failed, running and open, how many are done in a minute, and the time
    that is left.  It shows in a terminal and in a notebook, and nowhere else; it goes when the last of what is counted
    is done, or with the ``with`` block that it was made for.  Raises InputError for an ``after`` that is no time.

    >>> import dynakit as dk
    >>> with dk.ProgressBar("searching") as bar:
    ...     points = dk.find_fixed_points(dk.catalog.tanh_unit(2.0), callback=bar)
    """

    def __init__(self, description: str = "", *, after: float = AFTER) -> None:
        self.description, self.after = str(description), number("after", after, above=0.0)
        self._since, self._shown, self._task = time.monotonic(), None, None
        self._first: tuple[int, float] | None = None  # what was done when it was first told, and when that was

    def __call__(self, done: int, info: dict[str, Any]) -> None:
        """``done`` of ``info["total"]``, counted in ``info["unit"]``."""
        total, now = info.get("total"), time.monotonic()
        if self._first is None:
            self._first = done, now
        if self._shown is None and time.monotonic() - self._since >= self.after:
            self._shown = _bar()
            self._task = self._shown.add_task(self.description or str(info.get("unit", "")), total=None, note="")
            self._shown.start()
        if self._shown is not None and self._task is not None:
            rate = done - self._first[0], now - self._first[1], (total or done) - done
            self._shown.update(self._task, completed=done, total=total, note=_note(info, *rate))
        if total is not None and done >= total:
            self.stop()

    def stop(self) -> None:
        """Take the bar away."""
        if self._shown is not None:
            self._shown.stop()
        self._since, self._shown, self._task, self._first = time.monotonic(), None, None, None

    def __enter__(self) -> Self:
        self._since = time.monotonic()
        return self

    def __exit__(self, *error: Any) -> None:
        self.stop()


def _note(info: dict[str, Any], new: int, seconds: float, left: int) -> str:
    """The stage that is run, the score that is reached, or how far a sweep is after so many ``new`` runs."""
    if "failed" in info:
        return _of_runs(info, new, seconds, left)
    if "stage" in info:
        return str(info["stage"]).replace("_", " ")
    return f"score {info['score']:.3f}" if "score" in info else ""


def _of_runs(info: dict[str, Any], new: int, seconds: float, left: int) -> str:
    """Runs by state, how many a minute, and how long it will take."""
    running = min(left, info["running"])
    done = (info["total"] or left) - left - info["failed"]
    states = {"done": done, "failed": info["failed"], "running": running, "open": left - running}
    note = ", ".join(f"{n} {state}" for state, n in states.items())
    if not new or not seconds:
        return note
    minutes = left * seconds / new / 60
    time_left = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
    return f"{note}; {60 * new / seconds:.3g} a minute, {'<1 min' if minutes < 1 else time_left} left"


def _bar() -> Any:
    """A bar of rich, silent where nobody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console()
    watched = sys.stdout.isatty() or console.is_jupyter  # whatever the environment says of colours
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[note]}"))
    return Progress(*columns, console=console, transient=True, disable=not watched)
