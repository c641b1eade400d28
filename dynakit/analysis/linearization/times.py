"""How fast modes decay, grow and turn: per step of a map, per unit time of a flow."""

from __future__ import annotations

import numpy as np

ROUNDING = 4 * float(np.finfo(float).eps)  # of ln |lambda| where |lambda| is 1


def growth_rates(values: np.ndarray, dynamics: str = "map") -> np.ndarray:
    """ln |lambda| per step of a map, Re mu per unit time of a flow: negative where a mode decays."""
    with np.errstate(divide="ignore"):
        return np.log(np.abs(values)) if dynamics == "map" else np.real(values)


def constants(rates: np.ndarray) -> np.ndarray:
    """-1 / rate: positive where a mode decays, negative where it grows, +inf where it does neither but by rounding."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(rates) <= ROUNDING, np.inf, -1.0 / rates)


def frequencies(values: np.ndarray, dynamics: str = "map") -> np.ndarray:
    """|arg lambda|, radians per step of a map; |Im mu|, radians per unit time of a flow."""
    return np.abs(np.angle(values)) if dynamics == "map" else np.abs(np.imag(values))


def in_ms(times: np.ndarray, dynamics: str, dt: float | None, time_unit: str) -> np.ndarray | None:
    """Times in steps of ``dt`` ms, of a flow in its unit of time, in ms; None if that is not known."""
    if dynamics == "flow":
        return times if time_unit == "ms" else None
    return None if dt is None else times * dt
