"""Fixed points, cycles and invariant circles that a map or a flow settles on: found in simulation, then made exact.

A closed curve of a map is as a rule no cycle with a period but an invariant circle, x = u(theta), on which the motion
is quasi-periodic: F(u(theta)) = u(theta + rho).  Each object comes with the check of what it claims to be:

- a cycle with its residual and, where the map can be enclosed, a proof that one exists within ``existence_radius``
  (``shooting``, ``map_cycles``);
- a circle with its residual max |F(u(theta)) - u(theta + rho)| / size, over a grid finer than its own (``circle``;
  Schilder, Osinga and Vogt 2005), and the digits of its rotation number (``birkhoff``; Das, Saiki, Sander and Yorke
  2017);
- a limit cycle of a flow with the residual of multiple shooting (``flow_cycles``), and a multiplier that must be 1.

What it does to its neighbours is said by multipliers: of the product of Jacobians around a cycle, and per step across a
circle (``transverse``; Jorba 2001).  The exponents come from a frame carried along (``frames``): another way to the
same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from ... import linalg
from ...checks import count, matches_shape, of_kind
from ...errors import InputError
from ...progress import Callback, ended, expect, interruptible
from ...provenance import with_provenance
from ...seeding import stream
from ...systems.base import System, checked
from .census import Census
from .columns import columns
from .random_states import random_states
from .result import LimitCycles
from .settings import CycleSettings
from .views import view_of

AS_USUAL = CycleSettings()
NEWTON_STARTS = 1024  # most, of a search for cycles of given periods


@with_provenance
def find_limit_cycles(
    system: System,
    starts: Any = None,
    drive: Any = None,
    *,
    max_starts: int = 24,
    periods: int | Sequence[int] = (),
    settings: CycleSettings = AS_USUAL,
    seed: Any = 0,
    callback: Callback | None = None,
) -> LimitCycles:
    """Find what a map or a flow settles on: fixed points, cycles, invariant circles, or something else.

    Arguments:
        system: a map; or a :class:`dynakit.Flow`, by itself or under Driven, Iterated or ClosedLoop, which is looked at
            in continuous time, whatever its steps.
        starts: states to start from, (start, unit) or (..., unit), or a result that has states; each is used, one that
            is not finite is marked.  None: ``max_starts`` random states of the system's box, or of several scales where
            it has none.
        drive: the constant input, (input,); None is zero input.
        max_starts: how many random states, where no starts are given.
        periods: periods of cycles of a map to look for by Newton's method as well, from many starts: the unstable ones
            are found that way.  Cycles beside given starts are found without, stable or not.
        settings: how far to look, see :class:`dynakit.analysis.CycleSettings`.
        seed: of random starts.
        callback: called from time to time with the starts whose object is known and {"total": how many, "unit":
            "start"}; StopIteration raised in it ends the search, which returns the objects found by then
            (``interrupted``).

    Returns:
        LimitCycles.  The order of objects does not depend on the starts.  A start that a stable fixed point draws in,
        however slowly, counts as arrived there once the linear part of the map says so, or once the deviation scaled
        down falls on every scale.  "slow" means that eleven times ``settings.n_transient`` steps were not enough.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.

    >>> import dynakit as dk
    >>> cycles = dk.find_limit_cycles(dk.catalog.logistic(3.5), [[0.3], [0.8]])
    >>> cycles.kinds.tolist(), cycles.periods.tolist(), bool(cycles.certified.all())
    (['periodic'], [4.0], True)
    """
    checked(system).refuse_jumps("a search for cycles")
    of_kind("settings", settings, CycleSettings)
    wanted = _periods(system, periods)
    u = system.as_drive("drive", drive)
    matches_shape("drive", u.shape, (system.input_size,))
    max_starts = count("max_starts", max_starts)
    with linalg.one_thread(), torch.no_grad(), np.errstate(all="ignore"):
        if starts is None:
            given = random_states(system, u, max_starts, stream(seed, "starts"))
        else:
            tensor = system.as_states("starts", starts)
            given = tensor.detach().cpu().numpy().reshape(-1, system.state_size)
        census = Census(view_of(system, u), given, settings, seed)
        expect(len(given), "start")
        with interruptible("start"):
            census.run(settings.n_transient)
            if starts is not None and not ended():
                census.look_near()
            census.look_for(wanted, NEWTON_STARTS)
        return LimitCycles(**columns(census))


def _periods(system: System, periods: Any) -> list[int]:
    values = list(periods) if isinstance(periods, Iterable) else [periods]
    if values and system.flow() is not None:
        raise InputError("periods must be empty for a flow: its cycles have no period in steps")
    return [count("periods", q) for q in values]
