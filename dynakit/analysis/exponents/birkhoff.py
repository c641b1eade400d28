"""Averages along orbits that converge fast: rotation numbers, frequencies, and how many digits to believe.

The weighted Birkhoff average sum_n w_n g(x_n), w_n ~ exp(-1 / (t (1 - t))), t = n / (N + 1), of a smooth function
along a smooth quasi-periodic orbit converges faster than any power of N (Das, Saiki, Sander and Yorke 2017, eq. 3).  On
chaotic orbits it does not: the agreement of two halves tells them apart (Sander and Meiss 2020, eq. 10).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MOST_DIGITS = 16.0
HARMONICS = 24  # looked at to tell the fundamental frequency from its multiples
CLEAR = 0.02  # least distance from the centre, relative to the largest, of a plane curve that winds around it


def weights(n: int) -> np.ndarray:
    """The weights of n values; they sum to one."""
    t = np.arange(1, n + 1) / (n + 1)
    w = np.exp(-1 / (t * (1 - t)))
    return w / w.sum()


def average(values: np.ndarray) -> np.ndarray:
    """The weighted Birkhoff average over the first axis."""
    return weights(len(values)) @ values


def halves(values: np.ndarray) -> np.ndarray:
    """How far the averages over the two halves are apart."""
    n = len(values) // 2
    return np.abs(average(values[:n]) - average(values[n : 2 * n]))


def digits(values: np.ndarray) -> float:
    """Decimal digits on which the averages over the two halves agree."""
    return float(min(MOST_DIGITS, -np.log10(halves(values).max() + 10.0 ** (-MOST_DIGITS))))


def wrapped(rho: float) -> float:
    """A rotation number in (-1/2, 1/2]."""
    return float(0.5 - (0.5 - rho) % 1.0)


class Rotation(NamedTuple):
    """Mean angle per step of a plane curve."""

    number: float  # revolutions per step, in (-1/2, 1/2]
    digits: float
    clear: float  # least distance from the centre over the largest


def rotation(points: np.ndarray) -> Rotation:
    """The rotation of plane points (step, 2) around the middle of their extremes."""
    z = (points - (points.max(0) + points.min(0)) / 2) @ np.array([1, 1j])
    radius = np.abs(z)
    turn = _unwrapped(np.angle(z[1:] / np.where(z[:-1] == 0, 1.0, z[:-1])) / (2 * np.pi))
    largest = radius.max(initial=0.0)
    clear = float(radius.min() / largest) if largest > 0 else 0.0
    return Rotation(wrapped(float(average(turn))), digits(turn), clear)


def _unwrapped(turn: np.ndarray) -> np.ndarray:
    """Angles mod 1, cut open where there are fewest: an orbit may turn by about one half."""
    ordered = np.sort(turn % 1.0)
    gaps = np.diff(ordered, append=ordered[:1] + 1.0)
    at = int(gaps.argmax())
    cut = ordered[at] + gaps[at] / 2
    return (turn - cut) % 1.0 + cut


def coefficients(values: np.ndarray, rho: float, n_harmonics: int) -> np.ndarray:
    """u_k = sum_n w_n x_n exp(-2 pi i k n rho), k = 0..n_harmonics, of real values (step, unit)."""
    turns = np.exp(-2j * np.pi * ((np.arange(len(values)) * rho) % 1.0))
    weighted, power, rows = weights(len(values))[:, None] * values, np.ones_like(turns), []
    for _ in range(n_harmonics + 1):
        rows.append(power @ weighted)
        power = power * turns
    return np.array(rows)


class Fundamental(NamedTuple):
    """The frequency of which all others are multiples, as far as the harmonics looked at can tell."""

    number: float  # (0, 1/2]
    captured: float  # share of the variance in its harmonics


def fundamental(values: np.ndarray, more: list[float]) -> Fundamental:
    """The base frequency of quasi-periodic values (step, unit), up to its sign, and beside its aliases.

    Candidates are the largest peaks of the spectrum, the ``more`` that the caller knows, and their fractions.  All
    but a multiple of the true one capture the variance; the true one needs the lowest harmonics for it.
    """
    values = values - average(values)
    short = values[: 2 ** int(np.log2(min(len(values), 2048)))]
    variance = float(average((short**2).sum(axis=1))) or 1.0
    tried: list[tuple[float, float, float]] = []
    for peak in [*_peaks(values), *more]:
        for m in range(1, 5):
            for j in range(m):
                rho = abs(wrapped((peak + j) / m))
                if rho > 1e-6 and all(abs(rho - other) > 1e-7 for other, _, _ in tried):
                    tried.append((rho, *_captured(short, rho, variance)))
    if not tried:
        return Fundamental(np.nan, 0.0)
    best = max(share for _, share, _ in tried)
    rho, share, _ = min((t for t in tried if t[1] > best - 0.02), key=lambda t: t[2])
    return Fundamental(rho, share)


def _captured(values: np.ndarray, rho: float, variance: float) -> tuple[float, float]:
    """Share of the variance in the harmonics of rho, and their mean square order."""
    power = 2 * (np.abs(coefficients(values, rho, HARMONICS)[1:]) ** 2).sum(axis=1)
    order = np.arange(1, HARMONICS + 1)
    share = float(power.sum() / variance)
    share = min(share, 2 - share)  # above one: harmonics that coincide were counted twice
    return share, float((order**2 * power).sum() / max(power.sum(), 1e-300))


def _peaks(values: np.ndarray, n: int = 4) -> list[float]:
    """The frequencies of the n largest peaks of the spectrum, refined."""
    w = weights(len(values))[:, None] * values
    power = (np.abs(np.fft.rfft(w, axis=0)) ** 2).sum(axis=1)
    inner = np.flatnonzero((power[1:-1] >= power[:-2]) & (power[1:-1] >= power[2:])) + 1
    chosen = inner[np.argsort(-power[inner], kind="stable")[:n]]
    return [_refined(w, float(k) / len(values)) for k in chosen]


def _refined(weighted: np.ndarray, f: float) -> float:
    """The frequency of the local maximum of the windowed spectrum, by Newton's method."""
    n = np.arange(len(weighted)) - len(weighted) / 2
    for _ in range(8):
        turns = np.exp(-2j * np.pi * n * f)
        a, b, c = (turns * n**p @ weighted for p in (0, 1, 2))
        slope = 4 * np.pi * float(np.imag(a.conj() @ b))
        curve = 8 * np.pi**2 * float(np.linalg.norm(b) ** 2 - np.real(a.conj() @ c))
        if not curve < 0:
            break
        f -= float(np.clip(slope / curve, -0.3 / len(n), 0.3 / len(n)))
    return f


def filtered(values: np.ndarray, rho: float) -> np.ndarray:
    """The part of values (step, unit) that turns at about rho, as plane points: it winds once whatever the curve.

    A window slides along the orbit: each point is made of delays of the whole state.
    """
    length = len(values) // 4
    along = coefficients(values, rho, 1)[1].conj()
    signal = (values - average(values)) @ along
    kernel = weights(length) * np.exp(2j * np.pi * rho * np.arange(length))
    n = len(signal) + length - 1
    z = np.fft.ifft(np.fft.fft(signal, n) * np.fft.fft(kernel, n))[length - 1 : len(signal)]
    return np.stack([z.real, z.imag], 1)
