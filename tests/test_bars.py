"""The bar that a long call tells its progress to."""

from __future__ import annotations

import io
import sys

import pytest

import dynakit as dk


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
