"""The objects of a census in order, side by side: one array for each question, a row for each object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...progress import ended
from ...systems.base import System
from ..exponents import UNBOUNDED
from .autonomous import Autonomous
from .census import Census
from .circle import Curve
from .objects import Found

KINDS = ("fixed point", "periodic", "limit cycle", "invariant circle", "unresolved", "chaotic", "slow")
CLEAR = 6  # decimals of periods and states that decide about the order: beyond all rounding


def columns(census: Census) -> dict[str, Any]:
    """The fields of the result of a search for cycles, but for its provenance."""
    order = sorted(range(len(census.objects)), key=lambda k: _rank(census.objects[k]))
    found = [census.objects[k] for k in order]
    places = np.full(len(found) + 1, -1)  # the last is that of -1
    places[order] = np.arange(len(found))
    reached = places[census.reached]
    return {
        **_claims(found),
        **_points(census.view, found),
        **_curves(census.view, found),
        "exponents": _padded([item.exponents for item in found]),
        "starts_per_object": np.bincount(reached[reached >= 0], minlength=len(found)),
        "start_object": reached,
        "start_status": _status(census.starts, reached, census.left_at, found),
        "left_at": census.left_at,
        "precision": _precision(census.view.system),
        "dynamics": census.view.dynamics,
    }


def _rank(item: Found) -> tuple[Any, ...]:
    """Place in the result: by kind, attracting first, period, then the state itself."""
    period = round(item.period, CLEAR) if np.isfinite(item.period) else 0.0
    return KINDS.index(item.kind), not item.attracting, period, *np.round(item.orbit[0], CLEAR).tolist()


def _claims(found: list[Found]) -> dict[str, np.ndarray]:
    """What is said of the objects, and the checks of it."""

    def each(name: str) -> np.ndarray:
        return np.array([getattr(item, name) for item in found], float)

    return {
        "kinds": np.array([item.kind for item in found], "<U16"),
        "periods": each("period"),
        "rotation_numbers": each("rho"),
        "digits": each("digits"),
        "residuals": each("residual"),
        "multipliers": _padded([item.multipliers for item in found], complex),
        "verdicts": np.array([item.verdict for item in found], "<U12"),
        "trivial_errors": each("trivial"),
        "existence_radius": each("existence_radius"),
    }


def _points(flow: Autonomous, found: list[Found]) -> dict[str, np.ndarray]:
    """One state on each object, all of each cycle of a map, and the readouts there."""
    states = np.array([item.orbit[0] for item in found]).reshape(-1, flow.size)
    outputs = flow.observe(states)
    around = [item.orbit if item.recurs else item.orbit[:0] for item in found]
    return {
        "states": states,
        "outputs": outputs,
        "orbits": _padded(around, float, states.shape[1:]),
        "output_orbits": _padded([flow.observe(x) for x in around], float, outputs.shape[1:]),
    }


def _curves(flow: Autonomous, found: list[Found]) -> dict[str, np.ndarray]:
    """The closed curves as Fourier series, and the readout along them."""
    curves = [item.curve for item in found]
    size, width = (flow.size,), (flow.system.output_size,)
    return {
        "harmonics": np.array([0 if curve is None else curve.n_harmonics for curve in curves], int),
        "tails": np.array([np.nan if curve is None else curve.tail for curve in curves], float),
        "convergence": _padded([item.convergence for item in found]),
        "coefficients": _padded([_no_rows(size) if c is None else c.c for c in curves], complex, size),
        "output_coefficients": _padded(
            [_no_rows(width) if c is None else _read_along(flow, c) for c in curves], complex, width
        ),
    }


def _read_along(flow: Autonomous, curve: Curve) -> np.ndarray:
    """Coefficients of the readout along a curve, as many as it has."""
    m = 4 * curve.n_harmonics + 1
    return (np.fft.rfft(flow.observe(curve.on_grid(m)), axis=0) / m)[: len(curve.c)]


def _status(starts: np.ndarray, reached: np.ndarray, left_at: np.ndarray, found: list[Found]) -> np.ndarray:
    """What became of each start, in a word."""
    status = np.where(reached >= 0, "settled", UNBOUNDED).astype("<U10")
    if ended():
        status[(reached < 0) & (left_at < 0)] = "unfinished"
    status[np.isin(reached, [k for k, item in enumerate(found) if item.kind == "slow"])] = "slow"
    status[~np.isfinite(starts).all(axis=1)] = "not finite"
    return status


def _precision(system: System) -> str:
    """What was computed in, and whether the weights are numbers that float32 holds: those of most trained networks."""
    weights = [np.asarray(W) for W in system.recurrent_weights().values()]
    weights = [W for W in weights if W.size]
    if weights and all((W.astype(np.float32) == W).all() for W in weights):
        return "float64, of float32 weights"
    return "float64"


def _no_rows(width: tuple[int, ...]) -> np.ndarray:
    return np.zeros((0, *width))


def _padded(rows: Sequence[np.ndarray], dtype: type = float, width: tuple[int, ...] = ()) -> np.ndarray:
    """Rows of different length as one array, NaN behind the shorter ones."""
    longest = max((len(row) for row in rows), default=0)
    out = np.full((len(rows), longest, *width), np.nan, dtype)
    for place, row in zip(out, rows):
        place[: len(row)] = row
    return out
