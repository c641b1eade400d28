"""From the arguments of a continuation to the family of maps, and to the places of the given points in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...checks import number, reals
from ...errors import InputError
from ...systems.base import System
from ...systems.rest import velocity
from ..linearization import drives_of
from .family import DIFFERENCE, AlongDrives, NotAMember, OfSystems, OneParameter, as_numpy, member_of

Starts = tuple[OneParameter, list[int], list[np.ndarray]]  # a family, the points that lie in it, their places


def points_of(system: System, points: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """States (point, unit) and the drive each was found under (point, input), None where that is not known."""
    states = as_numpy(system.as_states("points", points))
    if not np.isfinite(states).all():
        raise InputError(f"points must be finite, but {int((~np.isfinite(states)).sum())} values are not")
    x, own = states.reshape(-1, system.state_size), drives_of(points)
    if own is None:
        return x, None
    u = reals("points.drives", own, (..., system.input_size))
    lead = u.shape[:-1]
    u = u.reshape(*lead, *[1] * (states.ndim - 1 - len(lead)), system.input_size)
    return x, np.broadcast_to(u, (*states.shape[:-1], system.input_size)).reshape(len(x), system.input_size).copy()


def _scale(x: np.ndarray) -> float:
    return max(float(np.abs(x).max(initial=0.0)), 0.1)


def on_drives(system: System, x: np.ndarray, u: np.ndarray | None, drives: Any) -> Starts:
    """The path of drives, and each point where the path meets its own drive (None: at its first row)."""
    if system.input_size == 0:
        raise InputError("drives need a system with inputs, and this one has none; see family")
    rows = reals("drives", drives, ("row", system.input_size))
    if len(rows) < 2:
        raise InputError(f"drives must have at least two rows (row, {system.input_size}), got {len(rows)}")
    still = np.flatnonzero((np.diff(rows, axis=0) == 0).all(axis=1))
    if len(still):
        raise InputError(
            f"drives must move from row to row, but rows {still[0]} and {still[0] + 1} are equal"
        )
    curve = AlongDrives(system, rows, _scale(x))
    at = [curve.start] * len(x)
    for i, own in enumerate([] if u is None else u):
        met = curve.positions(own)
        if not len(met):
            raise InputError(
                f"drives must pass through the drive of every point, but not through {np.round(own, 6).tolist()} of "
                f"point {i}; make it a row"
            )
        at[i] = met[0]
    return curve, list(range(len(x))), [curve.join(state, mu) for state, mu in zip(x, at)]


def in_family(system: System, x: np.ndarray, u: np.ndarray | None, family: Any, span: Any) -> list[Starts]:
    """One family for each of the drives that the points were found under."""
    if not callable(family):
        raise InputError(f"family must be a function mu -> System, got {type(family).__name__}")
    member: Callable[..., Any] = family
    u = np.zeros((len(x), system.input_size)) if u is None else u
    ends = None if span is None else _ends(span)
    mu = _parameter(system, x, u, member, ends)
    ends = ends or (mu - max(1.0, abs(mu)), mu + max(1.0, abs(mu)))
    distinct, group = (
        np.unique(u, axis=0, return_inverse=True) if len(u) else (np.zeros((1, system.input_size)), u)
    )
    starts: list[Starts] = []
    for k, drive in enumerate(distinct):
        which = np.flatnonzero(np.ravel(group) == k).tolist()
        curve = OfSystems(member, ends, drive, _scale(x), system)
        starts.append((curve, which, [curve.join(x[i], mu) for i in which]))
    return starts


def _ends(span: Any) -> tuple[float, float]:
    if not isinstance(span, (tuple, list, np.ndarray)) or len(span) != 2:
        raise InputError(f"span must be a pair (lo, hi), got {span!r}")
    lo, hi = (number("span", end) for end in span)
    if lo == hi:
        raise InputError(f"span must be (lo, hi) with lo < hi, got ({lo:g}, {hi:g})")
    return min(lo, hi), max(lo, hi)


def _parameter(
    system: System,
    x: np.ndarray,
    u: np.ndarray,
    family: Callable[[float], Any],
    span: tuple[float, float] | None,
) -> float:
    """The mu of ``system``, from what the family's members do with the points and some states around them."""
    rng = np.random.default_rng(0)  # any states will do
    around = rng.normal(scale=0.3 * _scale(x), size=(8, system.state_size))
    states = np.concatenate([x[:8], around])
    inputs = np.concatenate([u[:8], np.zeros((8, system.input_size))])
    if span is not None:
        values = np.linspace(*span, 65)
    else:
        sizes = np.geomspace(1e-3, 1e3, 61)
        values = np.concatenate([[0.0], sizes, -sizes])
    mu = _matching(family, system, states, inputs, values)
    if mu is None or (span is not None and not span[0] - 1e-9 <= mu <= span[1] + 1e-9):
        where = "" if span is None else f" within span ({span[0]:g}, {span[1]:g})"
        raise InputError(f"system must be a member of family, but no parameter{where} makes it the same map")
    return mu if span is None else float(np.clip(mu, *span))


def _matching(
    family: Callable[[float], Any], system: System, x: np.ndarray, u: np.ndarray, values: np.ndarray
) -> float | None:
    """The mu at which ``family(mu)`` is ``system``, judged by how states x (state, unit) move; else None.

    The best of the given values are refined by Gauss and Newton's method in one unknown.
    """
    target = as_numpy(velocity(system, x, u))
    bound = 1e-10 * (1 + np.abs(target).max())

    def gap(mu: float) -> np.ndarray:
        return (as_numpy(velocity(member_of(family, mu, system), x, u)) - target).ravel()

    sizes = np.array([_size_or_infinity(gap, mu) for mu in values])
    if not np.isfinite(sizes).any():
        member_of(family, values[0], system)  # what is wrong with all of them it says itself
    for mu in values[np.argsort(sizes, kind="stable")[:4]]:
        for _ in range(30):
            here = _size_or_infinity(gap, mu)
            if here <= bound:
                return float(mu)
            if not np.isfinite(here):
                break
            h = DIFFERENCE * (1 + abs(mu))
            slope = (gap(mu + h) - gap(mu - h)) / (2 * h)
            if not slope @ slope > 0:
                break
            mu = mu - slope @ gap(mu) / (slope @ slope)
    return None


def _size_or_infinity(gap: Callable[[float], np.ndarray], mu: float) -> float:
    try:
        return float(np.nan_to_num(np.abs(gap(mu)).max(), nan=np.inf))
    except NotAMember:
        raise
    except (ValueError, ArithmeticError):  # outside the family's own range
        return float("inf")
