"""What does this orbit of a map do in the long run?  In order: a fixed point, a cycle, an invariant circle, or none.

Each answer is a claim with a check of its own: a cycle is closed by Newton's method and must attract the orbit or
hold it, a circle must be invariant and the orbit must lie on it or approach it.  What passes none is "chaotic" if its
leading exponent is positive beyond its standard error, "slow" if it still moves in one direction, and "unresolved"
otherwise (a torus, a circle with corners, weak chaos).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ..exponents import Estimates
from . import circle, margins, transverse
from .autonomous import ALIGN, Autonomous
from .creeping import per_step, stride, strided
from .irregular import REGULAR, RETURNS, diverges, irregular, on_its_way
from .objects import Found
from .rotation import rotation_number
from .settings import CycleSettings
from .views import View

ROUGH = 0.3  # residual of a first curve that is worth refining
INVARIANT = 1e-6  # largest residual of a circle
FEW_TURNS, MANY_TURNS = 8, 32  # of an orbit that tells a curve roughly, and of one that tells its numbers
ROUGHLY = 3.0  # digits of the rotation number over few turns
DOUBLED = 2  # times the record is doubled for an orbit that does not show what it is
SHORT = 512  # steps looked at first
ALIGNED, MOST_ALIGNING = (
    18.0,
    12_000,
)  # nats by which the directions of a frame are to be parted; most steps for it
PAIRED = 1e-7  # difference of exponents, per step, that are one


def classify(
    view: View, x: np.ndarray, settings: CycleSettings, rng: np.random.Generator, *, patient: bool = True
) -> Found | None:
    """The object on which the orbit from x (unit,) lies; None if the orbit leaves every bound.

    One that does not show what it is is followed further if ``patient``, and else "slow" for the time being.
    """
    orbit = view.orbit(x, max(SHORT, 2 * settings.max_period))
    found = _recurrent(view, orbit, settings) or _drawn(view, orbit)
    if found is None and np.isfinite(orbit).all() and len(orbit) <= settings.n_record:
        orbit = np.concatenate([orbit[:-1], view.orbit(orbit[-1], settings.n_record - len(orbit) + 1)])
        found = _recurrent(view, orbit, settings)
    if not np.isfinite(orbit).all():
        return None
    if found is not None:
        return found
    found = _creeping(view, orbit, settings, rng) if view.size > 1 else None
    if found is not None:
        return view.named(found, settings)
    for doubled in range(DOUBLED + 1 if patient else 1):
        orbit = np.concatenate([orbit, view.orbit(orbit[-1], len(orbit))[1:]]) if doubled else orbit
        spectrum = view.exponents(orbit, settings.n_exponents)
        if diverges(orbit, spectrum):
            return irregular("chaotic", orbit, view.pace * spectrum.exponents)
        found = _circle_of(view, orbit, settings, rng) if view.size > 1 else None
        if found is not None:
            return _named(view, found, orbit, spectrum, settings)
    kind = on_its_way(orbit, spectrum, settings.max_period) if patient else "slow"
    return irregular(kind, orbit, view.pace * spectrum.block_averages)


def _drawn(view: View, orbit: np.ndarray) -> Found | None:
    """The stable fixed point to which an orbit is drawn, however slowly; it need not be followed there."""
    found = view.around(orbit[-1]) if np.isfinite(orbit).all() else None
    near = found is not None and found.attracting and bool(view.pulled(found.orbit[0], orbit[None])[0])
    return found if near else None


def _recurrent(view: View, orbit: np.ndarray, settings: CycleSettings) -> Found | None:
    return view.recurrent(orbit, settings) if np.isfinite(orbit).all() else None


def _named(
    view: View, found: Found, orbit: np.ndarray, spectrum: Estimates, settings: CycleSettings
) -> Found:
    """A circle of the steps with its exponents, as what it is."""
    if (spectrum.weights == "plain").any():
        spectrum = view.exponents(orbit, settings.n_exponents, smooth=True)
    known = view.named(dataclasses.replace(found, exponents=spectrum.block_averages[0]), settings)
    better = _told_apart(view, found, orbit, settings.n_exponents) if known.kind == found.kind else None
    return known if better is None else dataclasses.replace(known, exponents=better.block_averages[0])


def _circle_of(
    flow: Autonomous, orbit: np.ndarray, settings: CycleSettings, rng: np.random.Generator
) -> Found | None:
    """The invariant circle on which an orbit lies, or which it approaches."""
    rho, digits = rotation_number(flow, orbit)
    refined = _refined(flow, orbit, rho, settings.max_harmonics) if digits >= REGULAR else None
    if refined is None:
        return None
    found = circle_object(flow, *refined, digits, settings.n_exponents, rng)
    return found if _arrives(found, orbit) else None


def _refined(flow: Autonomous, orbit: np.ndarray, rho: float, most: int) -> tuple[circle.Curve, float] | None:
    """The circle near an orbit that turns by about rho per step, and its residual."""
    if not np.isfinite(rho) or rho == 0:
        return None
    first, rough = _sampled(flow, orbit, rho, most)
    if not rough < ROUGH:
        return None
    curve, residual = circle.refine(flow, first, most)
    if not residual <= INVARIANT:
        return None
    curve, residual = circle.trimmed(flow, curve, residual)
    return curve.turned(), residual


def _sampled(flow: Autonomous, orbit: np.ndarray, rho: float, most: int) -> tuple[circle.Curve, float]:
    """The curve of an orbit, with harmonics doubled as long as each doubling halves what is wrong; its residual."""
    n = min(16, most)
    best = circle.from_orbit(orbit, rho, n)
    least = circle.invariance(flow, best)
    while n < most:
        n = min(2 * n, most)
        curve = circle.from_orbit(orbit, rho, n)
        residual = circle.invariance(flow, curve)
        if not residual < 0.5 * least:
            break
        best, least = curve, residual
    return best, least


def _told_apart(flow: Autonomous, found: Found, orbit: np.ndarray, k: int) -> Estimates | None:
    """Exponents after more steps in which the frame is aligned, where multipliers are so close that it needs them."""
    rates = np.sort(np.log(np.maximum(np.abs(found.multipliers), 1e-300)))[::-1]
    gaps = -np.diff(rates)
    gaps = gaps[gaps > PAIRED]  # a complex pair is averaged
    wanted = int(min(ALIGNED / gaps.min(), MOST_ALIGNING)) if len(gaps) else 0
    if not wanted > len(orbit) // ALIGN:
        return None
    return flow.exponents(flow.orbit(orbit[-1], wanted + len(orbit)), k, wanted, smooth=True)


def _arrives(found: Found, orbit: np.ndarray) -> bool:
    late, early = found.distances(orbit[[-1, len(orbit) // 2]])
    return bool(late <= 10 * INVARIANT or (late <= RETURNS and late < early))


def _creeping(
    flow: Autonomous, orbit: np.ndarray, settings: CycleSettings, rng: np.random.Generator
) -> Found | None:
    """The same for a map that takes many steps per turn, by several steps at once.

    A few turns tell the curve roughly enough for Newton's method; digits and exponents are those of an orbit on it.
    """
    k, n_turn = stride(orbit)
    if k == 1:
        return None
    fast, path = strided(flow, k), orbit[(len(orbit) - 1) % k :: k]
    missing = FEW_TURNS * n_turn - len(path)
    if missing > 0:
        path = np.concatenate([path[:-1], fast.orbit(path[-1], missing)])
    rho, digits = rotation_number(fast, path)
    refined = _refined(fast, path, rho, settings.max_harmonics) if digits >= ROUGHLY else None
    if refined is None:
        return None
    on_it = fast.orbit(refined[0].at(np.zeros(())), max(MANY_TURNS * n_turn, settings.n_record // k))
    digits = rotation_number(fast, on_it)[1]
    found = circle_object(fast, *refined, digits, settings.n_exponents, rng)
    if digits < REGULAR or not _arrives(found, path):
        return None
    spectrum = fast.exponents(on_it, settings.n_exponents, smooth=True)
    found = per_step(flow, dataclasses.replace(found, exponents=spectrum.block_averages[0]), k)
    return found if found.residual <= INVARIANT else None


def circle_object(
    flow: Autonomous,
    curve: circle.Curve,
    residual: float,
    digits: float,
    n_wanted: int,
    rng: np.random.Generator,
) -> Found:
    """All that is said about an invariant circle but its exponents."""
    across = transverse.multipliers(flow, curve, n_wanted, rng)
    known = across.uncertainty < 1e-6
    values = across.multipliers if known else np.full(1, np.nan, complex)
    return Found(
        kind="invariant circle",
        orbit=curve.at(np.zeros(1)),
        period=1 / abs(curve.rho),
        rho=curve.rho,
        digits=digits,
        residual=residual,
        curve=curve,
        multipliers=values,
        verdict=margins.verdict(np.abs(values[1:]) - 1, _known_to(across)) if known else "undetermined",
        trivial=across.uncertainty,
        convergence=circle.convergence(flow, curve),
    )


def _known_to(across: transverse.Transverse) -> np.ndarray:
    """How well the multipliers across a circle are known, of a pair about to meet to the square root of an error."""
    return np.maximum(across.margins[1:], np.sqrt(across.uncertainty))
