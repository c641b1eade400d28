"""Where does a network move slowly, and of what dimension and shape is that set?

The set is what the fast modes leave behind: states at which l_j.(F(x, u) - x) = 0 for every fast left mode l_j (Maas
and Pope 1992).  Its dimension is asked of two witnesses (the module ``dimension``), its shape of a complex of landmarks
(``topology``) and, through the theorem of Poincare and Hopf, of the fixed points on it; how well it keeps what is
stored follows from the uniform norm of its drift, |x_t - x_0| <= t sup |F(x) - x| (Sagodi et al. 2024).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.spatial.distance import cdist

from ... import linalg, seeding
from ...checks import count, number
from ...errors import InputError, NumericalError
from ...provenance import with_provenance
from ...systems.base import System, checked
from ...systems.rest import dynamics_of, velocity
from ...wording import counted
from ..fixed_points import FixedPoints, find_fixed_points
from ..linearization import beyond
from .dimension import LEAST, SETTLE, commonest, filled_by, most_states, rates_at
from .slow_set import SlowSet
from .slow_space import gaps, onto
from .topology import betti_numbers, landmarks

CLOUD = 2000  # most starts that are left alone
WORK = 2**31  # multiplications for bringing states onto the set
FEWEST = 60  # states brought there, however many units
FAR = 1e6  # times 1 + |x|: a state that has gone so far grows without bound
TIMES = (1, 10, 100, 1000)  # steps after which it is seen how far states have moved
SEARCHED = 200  # states on the set, far apart, from which fixed points are looked for
TOLD = {1: 40, 2: 300, 3: 1000}  # states by which a shape of so many dimensions can be told
REACH = 2.0  # spacings of the cloud within which a fixed point lies on it


class _Cloud(NamedTuple):
    """Starts left alone until both witnesses agreed on their dimension, or until the last reading."""

    states: np.ndarray  # (state, unit)
    n_away: int
    readings: list[tuple[int, int, int]]  # steps, dimension by spectrum, by cloud

    @property
    def dimension(self) -> int:
        """What both say; else the smaller: a pair of modes may turn into one point, and states may be on their way."""
        _, by_rates, by_cloud = self.readings[-1]
        return by_rates if by_cloud < 0 else by_cloud if by_rates == 0 else min(by_rates, by_cloud)

    @property
    def n_slow(self) -> int:
        """Modes that are left alone when states are brought onto the set."""
        return self.readings[-1][1] or self.dimension


class _Placed(NamedTuple):
    """States brought onto the set."""

    x: np.ndarray  # (state, unit)
    values: np.ndarray  # (state, unit) eigenvalues, slowest first
    by_rates: np.ndarray  # (state,) slow modes
    n_lost: int


@with_provenance
def find_slow_manifold(
    system: System,
    starts: Any,
    drive: Any = None,
    *,
    separation: float = 2.0,
    max_states: int = 300,
    seed: Any = 0,
) -> SlowSet:
    """Find the slow set next to the states a network visits: its dimension, its drift, its shape.

    Arguments:
        system: the map or the flow.
        starts: at least 16 states the network visits: (start, unit), trajectories (trial, time, unit), or a result with
            ``states``; up to 2,000 of them are used.
        drive: the constant input, (input,); None is zero input.
        separation: how many times slower than every other mode a single slow one must be; several must be five times.
        max_states: most states that are brought onto the set; of networks of many units fewer are.
        seed: of the sub-sampling of the starts and of the search for fixed points.

    The starts are left alone for 30 steps, and for 100 and 300 more where the modes and the cloud disagree; ``after``
    holds what was said each time.  States left alone too briefly fill more than what is slow, and those left alone too
    long only its attractors.

    Returns:
        SlowSet, of dimension 0 (isolated points), 1, 2, 3, ...

    Raises:
        InputError: for a discontinuous map, fewer than 16 starts, or arguments that do not fit the system.
        NumericalError: if every start grows without bound, or none can be brought onto the set.

    >>> import dynakit as dk, numpy as np
    >>> plane = dk.catalog.linear(np.diag([1.0, 1.0, 0.5]))
    >>> found = dk.find_slow_manifold(plane, np.random.default_rng(0).uniform(-1, 1, (400, 3)))
    >>> found.dimension, found.shape, found.sup_drift < 1e-8
    (2, 'a sheet', True)
    """
    checked(system).refuse_jumps("a slow manifold")
    separation = number("separation", separation, above=1.0)
    max_states = count("max_states", max_states, least=LEAST)
    u = system.as_drive("drive", drive)
    if u.ndim != 1:
        raise InputError(f"drive must be one vector (input,), got shape {tuple(u.shape)}")
    known = _known(system, starts)
    drive = u.cpu().numpy()
    with linalg.one_thread(), torch.no_grad():
        rows = seeding.stream(seed, "slow set").permutation(len(known))[:CLOUD]
        cloud = _settled(system, drive, known[torch.from_numpy(rows)], separation)
        placed = _on_the_set(system, drive, cloud, max_states, separation)
        starts, _ = landmarks(placed.x, SEARCHED)
        points = find_fixed_points(system, starts, drive, seed=seed, max_starts=4 * SEARCHED)
        return _result(system, drive, cloud, placed, points)


def _known(system: System, starts: Any) -> torch.Tensor:
    """The finite states among the starts (state, unit)."""
    states = system.as_states("starts", starts).reshape(-1, system.state_size)
    known = states[torch.isfinite(states).all(-1)]
    if len(known) < LEAST:
        raise InputError(
            f"starts must hold at least {LEAST} finite states to say how many dimensions are slow, got {len(known)}"
        )
    return known


def _settled(system: System, u: np.ndarray, known: torch.Tensor, separation: float) -> _Cloud:
    """Ask both witnesses, after more and more steps until they agree."""
    x, waited, readings = known, 0, []
    limit = FAR * (1 + float(known.abs().max()))
    for steps in SETTLE:
        x, waited = system.settle(x, u, steps - waited), steps
        here = torch.isfinite(x).all(-1) & (x.abs().amax(-1) < limit)
        x = x[here]
        if len(x) < LEAST:
            raise NumericalError(
                f"{counted(len(known) - len(x), 'start')} of {len(known)} grow without bound within {steps} steps: "
                "too few are left to lie on a slow set"
            )
        states = x.cpu().numpy()
        asked = states[: most_states(states.shape[1])]
        by_rates = commonest(rates_at(system, u, asked, separation))[0]
        readings.append((steps, by_rates, filled_by(states[:600])))
        if readings[-1][2] in (-1, by_rates):
            break
    return _Cloud(x.cpu().numpy(), len(known) - len(x), readings)


def _on_the_set(
    system: System, u: np.ndarray, cloud: _Cloud, max_states: int, separation: float
) -> _Placed:
    """States where the fast modes are at rest, as many as can be afforded."""
    n = cloud.states.shape[1]
    most = min(len(cloud.states), max_states, max(FEWEST, WORK // (25 * n**3)))
    x, values = onto(system, u, cloud.states[:most], cloud.n_slow)
    if not len(x):
        raise NumericalError(
            f"none of {counted(most, 'state')} could be brought to where the fast modes are at rest; see dk.linearize"
        )
    return _Placed(x, values, rates_at(system, u, x, separation), most - len(x))


def _result(
    system: System, u: np.ndarray, cloud: _Cloud, placed: _Placed, points: FixedPoints
) -> SlowSet:
    x, values, by_rates, n_lost = placed
    d, dynamics = cloud.dimension, dynamics_of(system)
    drift = torch.linalg.vector_norm(velocity(system, torch.from_numpy(x), u), dim=-1).cpu().numpy()
    standing, along, across, euler = _standing(points, x, cloud, dynamics)
    step = 1.0 if dynamics == "map" else float(system.dt or 1.0)
    return SlowSet(
        states=x,
        by_rates=by_rates,
        gaps=gaps(values, cloud.n_slow, dynamics),
        eigenvalues=values,
        drift=drift,
        moved=_moved(system, u, x),
        times=step * np.array(TIMES, float),
        dimension=d,
        dimension_by_spectrum=cloud.readings[-1][1],
        dimension_by_cloud=cloud.readings[-1][2],
        after=np.array(cloud.readings, int),
        sup_drift=float(drift.max()),
        fixed_points=standing,
        index_along=along,
        index_across=across,
        euler=euler,
        betti=_shape(cloud) if d else (len(standing), 0, 0),
        drive=u,
        n_starts=len(cloud.states) + cloud.n_away,
        n_away=cloud.n_away,
        n_lost=n_lost,
        dynamics=dynamics,
        dt=system.dt_ms,
    )


def _shape(cloud: _Cloud) -> tuple[int, int, int] | None:
    """Betti numbers of the cloud; None where too few states, or too many dimensions, leave them in doubt."""
    enough = cloud.dimension in TOLD and len(cloud.states) >= TOLD[cloud.dimension]
    return betti_numbers(cloud.states) if enough else None


def _moved(system: System, u: np.ndarray, x: np.ndarray) -> np.ndarray:
    """How far each state is from where it was (state, time)."""
    y, away, waited = torch.from_numpy(x), [], 0
    for steps in TIMES:
        y, waited = system.settle(y, u, steps - waited), steps
        away.append(np.linalg.norm(y.cpu().numpy() - x, axis=1))
    return np.stack(away, axis=1)


def _standing(
    points: FixedPoints, x: np.ndarray, cloud: _Cloud, dynamics: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int | None]:
    """Isolated fixed points on the set, unstable directions within it and across it, and the sum of their signs."""
    d, every = cloud.n_slow, np.concatenate([x, cloud.states])
    near = cdist(points.states, every).min(axis=1, initial=np.inf) <= REACH * _spacing(every)
    here, values = points.states[near], points.eigenvalues[near]
    order = np.abs(values - float(dynamics == "map")).argsort(axis=1)
    growing = np.take_along_axis(beyond(values, dynamics) > 0, order, axis=1)
    along, across = growing[:, :d].sum(axis=1), growing[:, d:].sum(axis=1)
    alone = ~points.non_isolated[near]
    sure = bool((alone & np.isin(points.verdicts[near], ["stable", "unstable"])).all())
    euler = int(((-1) ** along).sum()) if sure and cloud.dimension else None
    return here[alone], along[alone], across[alone], euler


def _spacing(x: np.ndarray) -> float:
    """The largest distance of a state from its nearest neighbour, among up to 1,000 of them, tails left out."""
    apart = cdist(x[:1000], x[:1000])
    np.fill_diagonal(apart, np.inf)
    extent = float(np.ptp(x, axis=0).max(initial=0.0))
    return max(float(np.quantile(apart.min(axis=1), 0.99)), 1e-3 * extent, 1e-6 * (1 + float(np.abs(x).max())))
