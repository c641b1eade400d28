"""The one gate for attractors: what may be given as attractors, read as targets.

Points, cycles and clouds of states come in: FixedPoints, LimitCycles, tables of attractors (what has ``kinds`` and
states on each: Attractors, Basins), bare states that are fixed points, or a list of these.  What does not attract is no
attractor: of a result it is left out and counted, of bare states it is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import linalg
from ...errors import InputError
from ...systems.base import System
from ..cycles import ON_CURVE, LimitCycles
from ..fixed_points import FixedPoints
from .targets import Target, Targets, apart

CLOUD_STEPS = 200  # how long a state must stay with a cloud, which no distance tells apart in a moment
CLOUD = 1024  # states that stand for a chaotic attractor
SAME = 1e-6  # relative distance below which two given attractors are one
MOVES = 0.01  # most a state given as an attractor may move in a step, of a flow in the time its field takes to change,
# relative to 1 + |x|
ROUND, LEFT = 4096, 0.02  # steps a state on a cycle is followed, once around at most; distance from it / its size
GROWS = 1e-6  # beyond the unit circle, or the imaginary axis of a flow: a bare state that does not attract
CURVES = ("invariant circle", "limit cycle", "quasi-periodic")  # kinds of attractors whose points are joined


def as_targets(system: System, attractors: Any, u: Tensor, *, least: int = 1) -> Targets:
    """Targets of FixedPoints (the stable ones), LimitCycles (the attracting ones), Attractors, states, or a list.

    What is given twice counts once.  Of chaotic and unresolved motion a cloud of states is made under the drive ``u``.
    Raises InputError for anything else, states of another width, that move or do not attract, or fewer than ``least``.
    """
    if attractors is None:
        raise InputError(
            "attractors must be given: find them with dk.find_fixed_points or dk.find_limit_cycles"
        )
    if isinstance(attractors, Targets):
        return attractors
    found: list[Target] = []
    given: list[int] = []
    read = [target for part in _parts(attractors) for target in _targets(system, part, u)]
    for i, target in enumerate(read):
        if target is not None and not _known(target, found):
            found.append(target)
            given.append(i)
    if len(found) < least:
        raise InputError(
            f"attractors must hold at least one stable point or attracting cycle, got none among {len(read)}"
        )
    n_left_out = sum(target is None for target in read)
    return Targets(found, system.state_size, system.device, given=given, n_left_out=n_left_out)


def _parts(attractors: Any) -> list[Any]:
    """What a list holds, unless it is one of states."""
    if isinstance(attractors, (list, tuple)) and not all(_depth(part) == 1 for part in attractors):
        return list(attractors)
    return [attractors] if not isinstance(attractors, (list, tuple)) or attractors else []


def _depth(value: Any) -> int:
    """Axes of an array, or of lists of numbers."""
    if isinstance(value, (list, tuple)):
        return 1 + max((_depth(item) for item in value), default=0)
    return getattr(value, "ndim", 0)


def _known(target: Target, found: list[Target]) -> bool:
    """Whether it is one of those found."""
    limit = SAME * target.scale
    if len(target.states) > 1:
        return any(apart(target.states, t.states) <= limit for t in found)
    points = [t.states for t in found if len(t.states) == 1]
    return bool(points) and bool(
        (np.linalg.norm(np.concatenate(points) - target.states, axis=1) <= limit).any()
    )


def _targets(system: System, part: Any, u: Tensor) -> list[Target | None]:
    """Each of the attractors of one argument; None for what is none."""
    if isinstance(part, Targets):
        return list(part.list)
    if isinstance(part, Target):
        return [part]
    if isinstance(part, LimitCycles):
        return [_cycle(system, part, k, u) for k in range(len(part))]
    if isinstance(part, FixedPoints):
        return _points(system, part, u)
    orbits = getattr(part, "orbits", getattr(part, "attractors", None))
    if isinstance(orbits, LimitCycles):  # Multifunctionality holds those it judged
        return _targets(system, orbits, u)
    if hasattr(part, "kinds") and orbits is not None:
        return _tabulated(system, part, orbits)
    return [point(x) for x in _attracting(system, _rows(system, part), u)]


def _points(system: System, points: FixedPoints, u: Tensor) -> list[Target | None]:
    """The stable ones, which must be at rest under this drive."""
    x, stable = _rows(system, points.states), points.verdicts == "stable"
    _refuse_another_drive(points, stable, u)
    moves, most = _moves(system, x, u)
    bad = np.flatnonzero(stable & ~(moves <= most))
    if len(bad):
        raise InputError(
            f"attractors must be fixed points of system under this drive, but point {bad[0]} moves by "
            f"{moves[bad[0]]:.3g} {_while(system)}; find them under the same drive"
        )
    leading = points.eigenvalues[:, 0] if points.eigenvalues.shape[1] else np.full(len(x), np.nan)
    with np.errstate(divide="ignore"):
        exponents = np.real(leading) if getattr(points, "dynamics", "map") == "flow" else np.log(np.abs(leading))
    return [
        point(x[i], radius=float(points.uniqueness_radius[i]), exponent=float(exponents[i]))
        if stable[i]
        else None
        for i in range(len(x))
    ]


def _cycle(system: System, cycles: LimitCycles, k: int, u: Tensor) -> Target | None:
    """Object k, unless it repels or has not settled."""
    kind = str(cycles.kinds[k])
    exponent = float(cycles.exponents[k, 0]) if cycles.exponents.shape[1] else np.nan
    state = _rows(system, cycles.states[k])
    if kind in ("chaotic", "unresolved"):
        after = system.trajectory(state[0], u.expand(CLOUD, -1)).cpu().numpy()
        return _cloud(kind, after, exponent) if np.isfinite(after).all() else None
    if cycles.verdicts[k] != "attracting":
        return None
    if kind == "fixed point":
        return point(state[0], exponent=exponent)
    if kind == "periodic":
        orbit = cycles.orbits[k]
        orbit = orbit[np.isfinite(orbit).all(axis=1)]
        found = Target(kind, orbit, steps=float(len(orbit)), exponent=exponent)
    else:
        curve = cycles.curve(np.arange(ON_CURVE) / ON_CURVE, k)
        steps = cycles.periods[k] / (system.dt or 1.0) if cycles.dynamics == "flow" else cycles.periods[k]
        found = Target(kind, curve, closed=True, steps=float(steps), exponent=exponent)
        if not np.isfinite(curve).all():
            return None
    _refuse_left(system, found, k, u)
    return found


def _refuse_left(system: System, cycle: Target, k: int, u: Tensor) -> None:
    """Raise InputError where a state on a cycle does not go round on it under the drive ``u``."""
    n_steps = int(np.clip(np.ceil(cycle.steps), 1, ROUND))
    x = system.trajectory(cycle.states[0], u.expand(n_steps, -1)).cpu()
    far = float(Targets([cycle], system.state_size).distances(x).max())
    if not far <= LEFT * max(cycle.size, SAME * cycle.scale):
        raise InputError(
            f"attractors must be cycles of system under this drive, but a state on object {k} is {far:.3g} away from "
            f"it within {n_steps} steps; find them under the same drive"
        )


def _tabulated(system: System, table: Any, orbits: Any) -> list[Target | None]:
    """The attractors of a table, each given by states on it (point, unit), padded with NaN."""
    n = len(table.kinds)
    known = {name: getattr(table, name, np.full(n, np.nan)) for name in ("radii", "exponents")}
    found: list[Target | None] = []
    for k, kind in enumerate(np.asarray(table.kinds).tolist()):
        x = _rows(system, np.asarray(orbits[k])[np.isfinite(orbits[k]).all(axis=1)])
        said: dict[str, Any] = {"radius": float(known["radii"][k]), "exponent": float(known["exponents"][k])}
        if len(x) == 1:
            found.append(point(x[0], kind, **said))
        elif kind in CURVES:
            found.append(Target(kind, x, closed=True, steps=CLOUD_STEPS, **said))
        elif kind == "periodic":
            found.append(Target(kind, x, steps=float(len(x)), **said))
        else:
            found.append(_cloud(kind, x, said["exponent"]))
    return found


def from_states(states: np.ndarray, kind: str = "") -> Target:
    """An attractor of which only states are known: a point if they are all one, else a cloud."""
    spread = float(np.abs(states - states[0]).max())
    if len(states) == 1 or spread <= SAME * (1 + float(np.abs(states).max())):
        return point(states[-1], kind or "fixed point")
    return _cloud(kind or "recurrent", states)


def point(
    x: np.ndarray, kind: str = "fixed point", *, radius: float = np.nan, exponent: float = np.nan
) -> Target:
    """One state (unit,) as an attractor."""
    return Target(kind, x[None], radius=radius, exponent=exponent)


def _cloud(kind: str, states: np.ndarray, exponent: float = np.nan) -> Target:
    return Target(kind, states, cloud=True, steps=CLOUD_STEPS, exponent=exponent)


def _rows(system: System, states: Any) -> np.ndarray:
    x = system.as_states("attractors", states)
    x = x[None] if x.ndim == 1 else x
    if x.ndim != 2 or not bool(torch.isfinite(x).all()):
        raise InputError(
            f"attractors must be FixedPoints, LimitCycles, Attractors or finite states (attractor, "
            f"{system.state_size}), got shape {tuple(x.shape)}"
        )
    return x.cpu().numpy()


def _refuse_another_drive(points: FixedPoints, stable: np.ndarray, u: Tensor) -> None:
    """Raise where a point says that it was found under another input."""
    own, asked = np.asarray(points.drives), u.cpu().numpy()
    if own.shape[1] != len(asked):  # found under Driven, where the input is part of the system
        return
    bad = np.flatnonzero(stable & ~np.isclose(own, asked, rtol=1e-6, atol=1e-12).all(axis=1))
    if len(bad):
        raise InputError(
            f"attractors must be fixed points of system under this drive, but point {bad[0]} was found under "
            f"{own[bad[0]].round(6).tolist()}, not {asked.round(6).tolist()}; pass the drive they were found under"
        )


def _moves(system: System, states: np.ndarray, u: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """How far each moves in a step, of a flow in 1 / |df/dx|, which does not depend on its step; and how far it may."""
    flow = system.flow()
    if flow is None:
        way = system.step(states, u).detach().cpu().numpy() - states
    else:
        norms = np.linalg.norm(flow.rhs_jacobian(states, u).cpu().numpy(), axis=(1, 2))
        way = flow.rhs(states, u).detach().cpu().numpy() / np.maximum(norms, 1e-300)[:, None]
    return np.abs(way).max(axis=1, initial=0.0), MOVES * (1 + np.abs(states).max(axis=1, initial=0.0))


def _while(system: System) -> str:
    return "in a step" if system.flow() is None else "in the time 1 / |df/dx|"


def _attracting(system: System, states: np.ndarray, u: Tensor) -> np.ndarray:
    """Bare states, which must be fixed points, roughly, and draw in what is near."""
    moves, most = _moves(system, states, u)
    bad = np.flatnonzero(~(moves <= most))
    if len(bad):
        raise InputError(
            f"attractors given as states must be fixed points, but state {bad[0]} moves by {moves[bad[0]]:.3g} "
            f"{_while(system)}; pass what dk.find_limit_cycles returns for cycles"
        )
    growth = _growth(system, states, u)
    bad = np.flatnonzero(growth > GROWS)
    if len(bad):
        raise InputError(
            f"attractors given as states must attract, but state {bad[0]} is unstable: nearby states leave it by "
            f"{100 * growth[bad[0]]:.3g} % a {'unit of time' if system.flow() else 'step'}"
        )
    return states


def _growth(system: System, states: np.ndarray, u: Tensor) -> np.ndarray:
    """By how much the fastest deviation from each grows: |eigenvalue| - 1 of a map, Re of a flow."""
    if system.regularity == "discontinuous" or not len(states):
        return np.full(len(states), -np.inf)
    flow = system.flow()
    J = (system.jacobian if flow is None else flow.rhs_jacobian)(states, u).detach()
    values = np.stack([linalg.eigvals(one) for one in J.cpu().numpy()])
    growth = np.abs(values) - 1 if flow is None else np.real(values)
    return growth.max(axis=1, initial=-np.inf)
