"""Counts and ranges as results say them: a noun in its number, values in three digits with their unit."""

from __future__ import annotations

from typing import Any

import numpy as np


def counted(n: Any, noun: str, several: str = "") -> str:
    """A count with its noun in the right number; ``several`` of nouns that end in neither a plain letter nor y.

    >>> counted(1, "slow point"), counted(0, "memory"), counted(2, "memory"), counted(2, "matrix", "matrices")
    ('1 slow point', '0 memories', '2 memories', '2 matrices')
    """
    if n == 1:
        return f"{n} {noun}"
    if several:
        return f"{n} {several}"
    return f"{n} {noun[:-1]}ies" if noun.endswith("y") else f"{n} {noun}s"


def three(value: float) -> str:
    """A value in three digits, and never with an exponent where plain figures are as short.

    >>> three(1184.3), three(0.01234), three(59.21), three(2.5e7)
    ('1184', '0.0123', '59.2', '2.5e+07')
    """
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def span(values: np.ndarray, unit: str) -> str:
    """One value, or the least and the greatest, in three digits.

    >>> span(np.array([2.0, 2.0]), "steps"), span(np.array([0.1234, 5678.0]), "ms")
    ('2 steps', '0.123 to 5678 ms')
    """
    low, high = three(values.min()), three(values.max())
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def lasting(steps: float, dt: float | None = None, unit: str = "") -> str:
    """How long so many steps are: of a flow, where ``dt`` says so, in its unit of time.

    >>> lasting(1), lasting(40), lasting(40, 0.05, "s"), lasting(1, 0.5)
    ('1 step', '40 steps', '2 s', '0.5 time units')
    """
    if dt is not None:
        return f"{steps * dt:.4g} {unit or 'time units'}"
    return counted(int(steps) if float(steps).is_integer() else round(float(steps), 1), "step")


def percent(share: float) -> str:
    """A share in whole per cent, and in tenths where it is nearly all or nearly nothing but not quite.

    >>> percent(1.0), percent(0.9961), percent(0.99999), percent(0.352), percent(0.002), percent(0.0)
    ('100 %', '99.6 %', '99.9 %', '35 %', '0.2 %', '0 %')
    """
    value = 100 * share
    if 0.5 <= value <= 99.5 or value in (0, 100):
        return f"{value:.0f} %"
    return f"{min(max(value, 0.1), 99.9):.1f} %"


def drive_in_words(drive: np.ndarray) -> str:
    """A constant input, by its channels where they are few.

    >>> drive_in_words(np.array([1.0, 0.0])), drive_in_words(np.zeros(3))
    ('input [1, 0]', 'zero input')
    """
    if not np.any(drive):
        return "zero input"
    if len(drive) <= 8:
        return f"input [{', '.join(f'{v:.3g}' for v in drive)}]"
    on = np.flatnonzero(drive)
    some = ", ".join(f"{drive[k]:.3g} in channel {k}" for k in on[:4])
    return f"input {some}{' and others' if len(on) > 4 else ''}, zero elsewhere"
