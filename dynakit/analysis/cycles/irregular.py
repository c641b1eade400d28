"""Orbits that are on no curve: chaotic, still on their way, or unresolved."""

from __future__ import annotations

import numpy as np

from ..exponents import Estimates, birkhoff, signs
from .objects import Found

RETURNS = 1e-3  # a state that comes back this close, relative to 1 + |x|, may be on a cycle
REGULAR = 7.0  # least digits of the rotation number of a circle
PARTED = 10.0  # nats that neighbours of a chaotic orbit part by along it
DRIFT = 1e-6  # change of the mean between halves, relative to the size, of an orbit that has arrived
GROWING = (
    2.0  # times the extent of its first half that the second of an orbit may have that stays where it is
)
HOPS = 16  # returns over which an orbit that creeps moves on
SAMPLE = 1024  # states kept of what is neither cycle nor circle


def diverges(orbit: np.ndarray, spectrum: Estimates) -> bool:
    """Is the orbit irregular, and its leading exponent positive beyond doubt?

    An orbit that creeps along a closed curve, leaves an unstable object or runs away parts from its neighbours too, but
    not irregularly, not for long, or not within bounds.
    """
    half = len(orbit) // 2
    if np.ptp(orbit[half:], axis=0).max() > GROWING * np.ptp(orbit[:half], axis=0).max():
        return False
    positive = signs(spectrum.exponents, spectrum.tolerances)[0, 0] > 0
    parted = spectrum.exponents[0, 0] * len(orbit)
    return bool(positive and parted > PARTED and _digits(orbit) < REGULAR)


def on_its_way(orbit: np.ndarray, spectrum: Estimates, longest: int) -> str:
    """Of an orbit that is not chaotic: "slow" if it still approaches something, or "unresolved"."""
    moves = float(birkhoff.halves(orbit).max()) > DRIFT * _size(orbit)
    falls = signs(spectrum.exponents, spectrum.tolerances)[0, 0] < 0
    return "slow" if moves or falls or _creeps(orbit, longest) else "unresolved"


def _creeps(orbit: np.ndarray, longest: int) -> bool:
    """Does an orbit that nearly comes back after a few steps move on in one direction from each time to the next?"""
    back = np.abs(orbit[-1 - longest : -1] - orbit[-1]).max(axis=1)[::-1]
    q = int(back.argmin()) + 1
    each = orbit[::-q][: HOPS + 1]
    path, net = np.abs(np.diff(each, axis=0)).max(axis=1).sum(), np.abs(each[0] - each[-1]).max()
    return bool(q > 1 and back[q - 1] <= RETURNS * min(_size(orbit), 50 * back[0]) and net > 0.5 * path)


def irregular(kind: str, orbit: np.ndarray, exponents: np.ndarray) -> Found:
    """An orbit (step, unit) as an object of its own, with at most a thousand of its states."""
    every = max(1, len(orbit) // SAMPLE)
    return Found(kind=kind, orbit=orbit[::every], digits=_digits(orbit), exponents=exponents[0])


def _digits(orbit: np.ndarray) -> float:
    """Digits on which two halves agree about the mean of the orbit, relative to its size."""
    return birkhoff.digits((orbit - orbit.mean(0)) / _size(orbit))


def _size(orbit: np.ndarray) -> float:
    return float(np.abs(orbit - orbit.mean(0)).max()) or 1.0
