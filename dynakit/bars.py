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

    It shows in a terminal and in a notebook, and nowhere else; it goes when the last of what is counted is done, or
    with the ``with`` block that it was made for.  Raises InputError for an ``after`` that is no time.

    >>> import dynakit as dk
    >>> with dk.ProgressBar("searching") as bar:
    ...     points = dk.find_fixed_points(dk.catalog.tanh_unit(2.0), callback=bar)
    """

    def __init__(self, description: str = "", *, after: float = AFTER) -> None:
        self.description, self.after = str(description), number("after", after, above=0.0)
        self._since, self._shown, self._task = time.monotonic(), None, None

    def __call__(self, done: int, info: dict[str, Any]) -> None:
        """``done`` of ``info["total"]``, counted in ``info["unit"]``."""
        total = info.get("total")
        if self._shown is None and time.monotonic() - self._since >= self.after:
            self._shown = _bar()
            self._task = self._shown.add_task(self.description or str(info.get("unit", "")), total=None, note="")
            self._shown.start()
        if self._shown is not None and self._task is not None:
            self._shown.update(self._task, completed=done, total=total, note=_note(info))
        if total is not None and done >= total:
            self.stop()

    def stop(self) -> None:
        """Take the bar away."""
        if self._shown is not None:
            self._shown.stop()
        self._since, self._shown, self._task = time.monotonic(), None, None

    def __enter__(self) -> Self:
        self._since = time.monotonic()
        return self

    def __exit__(self, *error: Any) -> None:
        self.stop()


def _note(info: dict[str, Any]) -> str:
    """The stage that is run, or the score that is reached."""
    if "stage" in info:
        return str(info["stage"]).replace("_", " ")
    return f"score {info['score']:.3f}" if "score" in info else ""


def _bar() -> Any:
    """A bar of rich, silent where nobody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console()
    watched = sys.stdout.isatty() or console.is_jupyter  # whatever the environment says of colours
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[note]}"))
    return Progress(*columns, console=console, transient=True, disable=not watched)
