"""The bar that a long call tells its progress to."""

from __future__ import annotations

import io
import sys

import pytest

import dynakit as dk
from dynakit import bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def counting(monkeypatch, bar: dk.ProgressBar, out: io.StringIO) -> str:
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm")
    for done in range(1, 4):
        bar(done, {"total": 3, "unit": "start", "score": 0.25 * done})
    return out.getvalue()


def test_where_somebody_watches_it_shows_what_is_done_and_goes_with_the_last(monkeypatch):
    bar = dk.ProgressBar("searching", after=0)
    shown = counting(monkeypatch, bar, Terminal())
    assert "searching" in shown
    assert "score 0.750" in shown
    assert bar._shown is None


def test_where_nobody_watches_and_for_what_is_quickly_done_there_is_none(monkeypatch):
    assert counting(monkeypatch, dk.ProgressBar("searching", after=0), io.StringIO()) == ""
    assert counting(monkeypatch, dk.ProgressBar("searching"), Terminal()) == ""


def test_of_a_sweep_it_tells_states_rate_and_time_left(monkeypatch):
    clock = iter(range(0, 10_000, 60))
    monkeypatch.setattr(bars.time, "monotonic", lambda: next(clock))
    bar, notes = dk.ProgressBar("sweep"), []
    monkeypatch.setattr(bars, "_bar", lambda: Notes(notes))
    for done in (10, 14, 30):
        bar(done, {"total": 40, "unit": "run", "failed": 3, "running": 2})
    assert notes[0] == "7 done, 3 failed, 2 running, 28 open"
    assert notes[1:] == [
        "11 done, 3 failed, 2 running, 24 open; 2 a minute, 13 min left",
        "27 done, 3 failed, 2 running, 8 open; 6.67 a minute, 2 min left",
    ]


class Notes(list):
    """A bar that writes down what it is told."""

    def __init__(self, notes):
        self.notes = notes

    def add_task(self, *_, **__):
        return 0

    def update(self, *_, note, **__):
        self.notes.append(note)

    def start(self):
        pass


def test_it_goes_with_its_block_whatever_happens(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    bar = dk.ProgressBar(after=0)

    def fails():
        with bar:
            bar(1, {"total": None, "unit": "step"})
            assert bar._shown is not None
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert bar._shown is None


def test_a_time_that_is_none_is_named():
    with pytest.raises(dk.InputError, match="after must be"):
        dk.ProgressBar(after="soon")  # type: ignore[arg-type]
