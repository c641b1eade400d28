"""How far a long call is, and how it ends before its time with what it has.

A public function that may take long has ``callback=``.  What loops inside asks ``going(done, unit)``: the callback is
told, and the answer is whether to go on.  ``StopIteration`` or ``KeyboardInterrupt`` raised in the callback ends the
call, which returns what it has, marked in ``result.interrupted``.  Any other exception raised there, and Ctrl-C while
such a loop runs, leaves the call and carries what there is as ``error.partial``: a script that is told to stop does
stop.  A call within a call has a watch of its own: a callback hears of one loop only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .errors import InputError
from .wording import counted

Callback = Callable[[int, dict[str, Any]], object]  # how many are done, and {"total": of how many, "unit": of what}


class Watch:
    """What is known of one call."""

    def __init__(self, callback: Callback | None) -> None:
        self.callback = callback
        self.total: int | None = None
        self.unit, self.limit = "", ""
        self.before = self.done = 0
        self.ended = False
        self.raised: BaseException | None = None  # to be raised again once what there is has been gathered

    @property
    def said(self) -> str:
        """That the call ended early, in words; empty if it did not."""
        if not self.ended:
            return ""
        noun = counted(self.done if self.total is None else self.total, self.unit).partition(" ")[2]
        whole = "" if self.total is None else f" of {self.limit}{self.total:,}"
        return f"interrupted after {self.done:,}{whole} {noun}"

    def end(self, error: BaseException | None = None) -> None:
        """Let the call end; with ``error``, if one is to leave it."""
        self.ended, self.raised = True, self.raised or error


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)


def as_callback(value: Any) -> Callback | None:
    """``value`` itself; InputError unless it is a function, or None."""
    if value is not None and not callable(value):
        raise InputError(f"callback must be a function of (done, info), got {type(value).__name__}")
    return value


@contextmanager
def watching(callback: Any) -> Iterator[Watch]:
    """A watch over what is done within; InputError unless ``callback`` is a function, or None."""
    watch = Watch(as_callback(callback))
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


def expect(total: int | None, unit: str, *, at_most: bool = False) -> None:
    """Say how much there is to do (None: not known), counted in what."""
    watch = _WATCH.get()
    if watch is not None:
        watch.total, watch.unit, watch.limit = total, unit, "at most " if at_most else ""


def going(done: int | None, unit: str, **info: Any) -> bool:
    """Tell the callback how much is done, besides what :func:`passed` (None: no more than before); whether to go on.

    ``unit`` is what the loop that asks counts in: one within another, which counts in something else, goes on.
    """
    watch = _counting(unit)
    if watch is None:
        return True
    if watch.ended:
        return False
    watch.done = watch.done if done is None else watch.before + done
    if watch.callback is not None:
        try:
            watch.callback(watch.done, {"total": watch.total, "unit": unit, **info})
        except (StopIteration, KeyboardInterrupt):
            watch.end()
        except Exception as error:
            watch.end(error)
    return not watch.ended


def passed(done: int, unit: str) -> None:
    """So many are done, and what :func:`going` counts from now on comes on top."""
    watch = _counting(unit)
    if watch is not None:
        watch.before += done


def ended() -> bool:
    """Whether the call that this is part of is to end."""
    watch = _WATCH.get()
    return watch is not None and watch.ended


@contextmanager
def interruptible(unit: str) -> Iterator[None]:
    """Ctrl-C ends the body, a loop that counts in ``unit``, but not the call: that gathers what there is first."""
    try:
        yield
    except KeyboardInterrupt as error:
        watch = _counting(unit)
        if watch is None or watch.ended:  # a second time it leaves at once
            raise
        watch.end(error)


def _counting(unit: str) -> Watch | None:
    """The watch over this call, if it counts in that."""
    watch = _WATCH.get()
    return watch if watch is not None and watch.unit == unit else None
