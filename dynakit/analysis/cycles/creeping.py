"""Circles on which a map moves little per step are looked at through k steps at once.

A network in continuous time takes hundreds of steps per turn.  One step then tells nearly nothing: a record holds few
turns, divisors 1 - exp(2 pi i rho) are small, and what contracts within a turn hardly does so within a step.  F^k with
k |rho| about 1/36 has the same circle with rotation number k rho, multipliers to the k-th power and k times the
exponents.  An isolated circle of F^k is invariant under F as well, because F commutes with F^k; that is measured.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ...systems.derived import Iterated
from . import circle
from .autonomous import Autonomous
from .objects import Found
from .rotation import last_turn

LONG = 64  # steps per turn from which on several are taken at once
FEWEST, MOST = 26, 52  # of those per turn: the 24 harmonics that tell a frequency are not to coincide
RESONANT = 64  # harmonics whose divisors are to be far from zero


def stride(orbit: np.ndarray) -> tuple[int, int]:
    """How many steps of an orbit (step, unit) to take at once, and how many such strides make a turn; (1, 0): none.

    Where q strides are nearly p turns the divisor of harmonic q is nearly zero: the stride furthest from that is taken.
    """
    n = last_turn(orbit)
    if n is None or n < LONG:
        return 1, 0
    k = np.arange(-(-n // MOST), n // FEWEST + 1)
    h = np.arange(1, RESONANT + 1)
    turns = np.multiply.outer(k / n, h)
    clear = (h * np.abs(turns - np.round(turns))).min(axis=1)
    best = int(k[clear.argmax()])
    return best, n // best


def strided(flow: Autonomous, k: int) -> Autonomous:
    """The map that takes k steps at once."""
    return Autonomous(Iterated(flow.system, k), flow.u)


def per_step(flow: Autonomous, found: Found, k: int) -> Found:
    """A circle of k steps of ``flow`` at once as one of ``flow``; its residual is that of ``flow``.

    Of the k roots of a multiplier the one nearest to the positive numbers is taken; all have the same modulus.
    """
    assert found.curve is not None
    curve = found.curve._replace(rho=found.rho / k)
    values = np.abs(found.multipliers) ** (1 / k) * np.exp(1j * np.angle(found.multipliers) / k)
    return dataclasses.replace(
        found,
        period=1 / abs(curve.rho),
        rho=curve.rho,
        digits=float(min(found.digits + np.log10(k), 16.0)),
        residual=circle.invariance(flow, curve),
        curve=curve,
        multipliers=values,
        exponents=found.exponents / k,
        verdict=found.verdict,
        trivial=found.trivial / k,
        convergence=circle.convergence(flow, curve),
    )
