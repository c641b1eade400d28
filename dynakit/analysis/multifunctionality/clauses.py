"""What a target needs to count as held, clause by clause, each failure in one sentence.

reached: cues along the target lead to an attractor.  kind: it is of the target's kind.  curve, direction, period: it
runs where, the way and as fast as the target does; of chaos: cloud and exponent.  certificate: the residual of what is
claimed is small.  attracting: its multipliers say so.  own: it is no other target's.  cues: enough of them lead there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...orbits import Orbit
from .against_target import Comparison, Seen

CLOUD = 3.0  # largest distance of clouds, in terms of that between the halves of the reference
EXPONENT = 0.25  # largest error of the largest exponent, relative


class Tolerances(NamedTuple):
    """How much an attractor may differ."""

    error: float  # of the curve, relative to the radius
    period: float  # relative
    residual: float  # of the certificate


class Claim(NamedTuple):
    """What the search for cycles says of an attractor."""

    residual: float
    verdict: str


def problems(target: Orbit, item: Seen, compared: Comparison, claim: Claim, tol: Tolerances) -> Iterator[str]:
    """The clauses that fail, in order; none: the attractor is the target."""
    if not compared.kind_fits:
        yield f"kind: the attractor is {_a(item.kind)}, the target {_a(target.kind)}"
        return
    if target.kind == "chaos":
        yield from _of_chaos(target, compared)
        return
    if not compared.error <= tol.error:
        unit = "" if target.kind == "fixed point" else " of its radius"
        yield f"curve: it is {compared.error:.3g}{unit} off the target, more than {tol.error:g}"
    if compared.sense < 0:
        yield f"direction: it runs {_ways(item.rotation_number, target)}"
    if target.kind == "cycle" and not abs(compared.period_ratio - 1) <= tol.period:
        yield f"period: {compared.period_ratio:.4g} times that of the target"
    if not claim.residual <= tol.residual:
        yield f"certificate: the residual is {claim.residual:.1g}, more than {tol.residual:g}"
    if claim.verdict != "attracting":
        yield f"attracting: its multipliers say {claim.verdict}"


def _of_chaos(target: Orbit, compared: Comparison) -> Iterator[str]:
    if not max(compared.cloud) <= CLOUD * compared.baseline:
        there, back = compared.cloud
        yield (
            f"curve: the clouds are {there:.3g} and {back:.3g} apart, the halves of the target {compared.baseline:.3g}"
        )
    if target.exponent is not None and not abs(compared.exponent_difference) <= EXPONENT * target.exponent:
        found = target.exponent + compared.exponent_difference
        yield f"exponent: {found:.3g} per unit of time, the target {target.exponent:.3g}"


def unreached(fates: list[str], reasons: list[str]) -> str:
    """The sentence where cues lead to no attractor: what those came to that were followed, else why none."""
    said = fates or reasons
    where = f"; they come to: {max(sorted(set(said)), key=said.count)}" if said else ""
    return f"reached: no cue leads to an attractor{where}"


def too_few(n: int, of: int) -> str:
    """The sentence where fewer cues lead to the attractor than are asked for."""
    return f"cues: only {n} of {of} lead to it"


def shared(other: str) -> str:
    """The sentence where two targets have come to one attractor."""
    return f"own: its attractor is that of {other!r} as well"


def _a(kind: str) -> str:
    return {"chaos": "chaos", "chaotic": "chaotic", "periodic": "periodic", "unresolved": "unresolved"}.get(
        kind, f"an {kind}" if kind.startswith("i") else f"a {kind}"
    )


def _ways(rho: float, target: Orbit) -> str:
    """Both directions in words, where they are directions about a centre."""
    if not (np.isfinite(rho) and target.direction):
        return "backwards along the target"
    mine, wanted = (
        f"{'anticlockwise' if r > 0 else 'clockwise'} ({r:+.4f} turns per step)"
        for r in (rho, target.rotation_number)
    )
    return f"{mine}, the target {wanted}"
