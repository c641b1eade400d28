"""Which attractor goes where under which pulse: the automaton a network implements.

From each attractor every pulse is applied once, the network is left alone, and the attractor it goes to is the next
state of the automaton.  Scaling a pulse down finds the amplitude at which it just fails: there the state lies on the
boundary between two basins (Sussillo and Barak 2013, fig. 3, right).  Where a network moves along its attractor, what
a pulse does depends on when it comes, so it is applied at several phases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ... import linalg
from ...checks import count, number, reals
from ...errors import InputError
from ...progress import Callback, ended, expect, passed
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System
from ...wording import counted
from ..basins import Targets, as_run, as_targets
from ..exponents import UNBOUNDED
from .pulses import AWAY, HALVINGS, ROUNDS, Runner, bisect

if TYPE_CHECKING:
    import networkx

PHASES = 8  # of a cycle, or states of a cloud, at which pulses are applied
NOWHERE, BY_PHASE = "near none of the attractors", "target differs by phase"


@dataclass(frozen=True, kw_only=True, repr=False)
class Transitions(Result):
    """The automaton: one entry per attractor.

    Attributes:
        targets: (attractor, pulse) index of the attractor reached from every phase; -1: there is none
        reasons: (attractor, pulse) why none: "near none of the attractors" | "unbounded" (it grows without bound from
            every phase) | "target differs by phase"; else ""
        phase_targets: (attractor, pulse, phase) index of the attractor reached; -1: none of them; of an attractor that
            stands for fewer phases the first ones are repeated
        distances: (attractor, pulse) of the end from the nearest attractor, Euclidean, the largest over the phases
        end_states: (attractor, pulse, unit) after the pulse at the first phase
        end_outputs: (attractor, pulse, output) the readout there
        critical_amplitudes: (attractor, pulse) factor of ``pulse - rest`` at which the switch just fails, at the phase
            where it takes most; NaN: no switch, or not sought
        states: (attractor, unit) a state on each attractor, at its first phase
        outputs: (attractor, output) the readout there
        kinds: (attractor,) fixed point | periodic | invariant circle | chaotic | ...
        given: (attractor,) which of the attractors that were given it is, counted through
        pulses: their names
        n_phases: phases of each attractor at which every pulse was applied; 1 where all are points
        n_left_out: given points and cycles that do not attract, or not beyond doubt
    """

    drawn_by: ClassVar[str] = "plot_transitions"

    targets: np.ndarray = per_item()
    reasons: np.ndarray = per_item()
    phase_targets: np.ndarray = per_item()
    distances: np.ndarray = per_item()
    end_states: np.ndarray = per_item()
    end_outputs: np.ndarray = per_item()
    critical_amplitudes: np.ndarray = per_item()
    states: np.ndarray = per_item()
    outputs: np.ndarray = per_item()
    kinds: np.ndarray = per_item()
    given: np.ndarray = per_item()
    pulses: tuple[str, ...]
    n_phases: int
    n_left_out: int

    @property
    def n_switches(self) -> int:
        """Edges that lead from one attractor to another."""
        return int(((self.targets >= 0) & (self.targets != np.arange(len(self))[:, None])).sum())

    def graph(self) -> networkx.MultiDiGraph:
        """The automaton as a graph: edges carry ``pulse`` and ``critical_amplitude``."""
        import networkx

        graph = networkx.MultiDiGraph()
        graph.add_nodes_from(range(len(self)))
        for i, j in zip(*np.nonzero(self.targets >= 0)):
            graph.add_edge(
                int(i),
                int(self.targets[i, j]),
                pulse=self.pulses[j],
                critical_amplitude=float(self.critical_amplitudes[i, j]),
            )
        return graph

    @property
    def _switches(self) -> str:
        return counted(self.n_switches, "switch", "switches")

    def headline(self) -> str:
        said = [counted(len(self), "attractor"), counted(len(self.pulses), "pulse"), self._switches]
        nowhere, differ, away = (int((self.reasons == why).sum()) for why in (NOWHERE, BY_PHASE, UNBOUNDED))
        said += [f"{nowhere} ends near no known attractor"] if nowhere else []
        said += [f"{away} grow without bound"] if away else []
        said += [f"{differ} depend on the phase of the pulse"] if differ else []
        said += [f"{self.n_left_out} given that do not attract left out"] if self.n_left_out else []
        return ", ".join(said)

    def sentences(self) -> list[str]:
        """How many pulses switch, how weak they may be, and how many lead nowhere known."""
        lines = [f"{self._switches} among {self.targets.size} (attractor, pulse) pairs"]
        critical = self.critical_amplitudes[np.isfinite(self.critical_amplitudes)]
        if len(critical):
            amplitudes = f"{critical.min():.2f} to {critical.max():.2f} of the trained amplitude"
            lines.append(f"the weakest pulse that still switches has {amplitudes}")
        away = int((self.reasons == UNBOUNDED).sum())
        lost = int((self.targets < 0).sum()) - away
        lines += [f"{lost} responses end near no known attractor"] if lost else []
        return lines + ([f"{away} responses grow without bound"] if away else [])

    def table(self) -> dict[str, np.ndarray]:
        columns = {"from": np.arange(len(self))}
        return columns | {name: self.targets[:, j] for j, name in enumerate(self.pulses)}


@with_provenance
def map_transitions(
    system: System,
    attractors: Any,
    pulses: dict[str, Any],
    *,
    rest: Any = None,
    n_settle: int = 1000,
    amplitudes: tuple[float, float] | None = None,
    callback: Callback | None = None,
) -> Transitions:
    """Apply every pulse at every attractor and see where the network goes.

    Arguments:
        system: the map.
        attractors: FixedPoints (the stable ones), LimitCycles (the attracting ones), Attractors, states (attractor,
            unit), or a list of these.  What does not attract is left out and counted; there may be none.
        pulses: name -> input during the pulse, (step, input).
        rest: input before and after, (input,); None is zero input.
        n_settle: steps after the pulse; an end state that is at no attractor gets up to ten times as many.
        amplitudes: (low, high) factors of ``pulse - rest`` between which to bisect for the weakest pulse that
            still switches, per edge; None: not sought.
        callback: called before each round of settling, or of the bisection, with the rounds done and {"total": at most,
            "unit": "round"}; StopIteration raised in it ends the call: what has not settled is at no attractor, and
            amplitudes are the weakest found to switch by then (``interrupted``).

    At a fixed point a pulse is applied once; at a cycle, a curve or a cloud at up to 8 phases, evenly around it.

    Returns:
        Transitions; a target of -1 means that the end state is near none of the attractors, that it grows without
        bound, or that the phase decides (``reasons`` says which, ``phase_targets`` the target at each phase).

    Raises:
        InputError: naming the pulse that does not fit, if there are no pulses, states that do not attract, points
            found under another input, or a factor that makes no sense.

    >>> import dynakit as dk
    >>> unit = dk.catalog.tanh_unit(2.0)
    >>> graph = dk.map_transitions(unit, dk.find_fixed_points(unit), {"up": [[3.0]], "down": [[-3.0]]})
    >>> graph.targets.tolist(), graph.n_left_out
    ([[1, 0], [1, 0]], 1)
    """
    n_settle = count("n_settle", n_settle)
    run = as_run(system, rest, n_settle, name="rest")
    factors = None if amplitudes is None else _factors(amplitudes)
    played = _pulse_inputs(system, pulses, run.u)
    with linalg.one_thread(), torch.no_grad():
        targets = as_targets(system, attractors, run.u, least=0)
        starts, n_phases = _starts(targets, system.state_size)
        runner = Runner(run, targets, torch.from_numpy(starts).to(run.u))
        expect(ROUNDS + (0 if factors is None else HALVINGS), "round", at_most=True)
        home = np.repeat(np.arange(len(targets)), len(played) * n_phases)
        start = np.arange(len(targets) * n_phases).reshape(-1, 1, n_phases).repeat(len(played), 1).ravel()
        which = np.tile(np.repeat(np.arange(len(played)), n_phases), len(targets))
        ends, reached, distances = runner.run(start, played[which])
        critical = np.full(len(start), np.nan)
        passed(ROUNDS, "round")
        if factors is not None and not ended():
            switched = np.flatnonzero((reached >= 0) & (reached != home))
            critical[switched] = bisect(
                runner, start[switched], played[which[switched]], reached[switched], *factors
            )
        grid = (len(targets), len(played), n_phases)
        return Transitions(
            **_together(reached.reshape(grid), distances.reshape(grid), critical.reshape(grid)),
            **_ends(system, ends, grid),
            **_homes(system, starts.reshape(len(targets), n_phases, system.state_size)),
            kinds=targets.kinds,
            given=targets.given,
            pulses=tuple(pulses),
            n_phases=n_phases,
            n_left_out=targets.n_left_out,
        )


def _starts(targets: Targets, width: int) -> tuple[np.ndarray, int]:
    """States at the phases of each attractor, (attractor and phase, unit), and how many phases; short ones repeat."""
    phases = [t.phases(PHASES) for t in targets.list]
    n_phases = max((len(x) for x in phases), default=1)
    rows = [x[np.arange(n_phases) % len(x)] for x in phases]
    return np.concatenate(rows or [np.zeros((0, width))]), n_phases


def _together(reached: np.ndarray, distances: np.ndarray, critical: np.ndarray) -> dict[str, Any]:
    """What is said of each attractor and pulse, from what was found at each phase (attractor, pulse, phase)."""
    agree = (reached == reached[..., :1]).all(axis=2)
    same = np.where(agree, reached[..., 0], -1)
    why = np.where(agree, np.where(same == AWAY, UNBOUNDED, NOWHERE), BY_PHASE)
    return {
        "targets": np.maximum(same, -1),
        "reasons": np.where(same >= 0, "", why),
        "phase_targets": np.maximum(reached, -1),
        "distances": distances.max(axis=2),
        "critical_amplitudes": np.where(same >= 0, critical.max(axis=2), np.nan),
    }


def _ends(system: System, ends: Tensor, grid: tuple[int, int, int]) -> dict[str, Any]:
    """Where the pulses at the first phases lead."""
    x = ends.reshape(*grid, system.state_size)[:, :, 0]
    return {"end_states": x.cpu().numpy(), "end_outputs": system.observe(x).cpu().numpy()}


def _homes(system: System, starts: np.ndarray) -> dict[str, Any]:
    """The attractors themselves, at their first phases, from (attractor, phase, unit)."""
    return {"states": starts[:, 0], "outputs": system.observe(starts[:, 0]).cpu().numpy()}


def _factors(amplitudes: Any) -> tuple[float, float]:
    """The two ends of the bisection, checked."""
    if not isinstance(amplitudes, (tuple, list)) or len(amplitudes) != 2:
        raise InputError(f"amplitudes must be a pair (low, high), got {amplitudes!r}")
    low, high = (number("amplitudes", a, above=0.0) for a in amplitudes)
    if not low < high:
        raise InputError(f"amplitudes must be (low, high) with low < high, got ({low:g}, {high:g})")
    return low, high


def _pulse_inputs(system: System, pulses: dict[str, Any], rest: Tensor) -> Tensor:
    """All pulses as deviations from rest, padded at the end to one length: (pulse, step, input)."""
    if not isinstance(pulses, Mapping):
        raise InputError(f"pulses must be a dictionary of name -> (step, input), got {type(pulses).__name__}")
    if not pulses:
        raise InputError("pulses must hold at least one pulse")
    arrays = []
    for name, pulse in pulses.items():
        array = reals(f"pulses[{name!r}]", pulse, ("step", system.input_size))
        arrays.append(torch.from_numpy(array).to(rest) - rest)
    longest = max(len(a) for a in arrays)
    return torch.stack([torch.cat([a, a.new_zeros(longest - len(a), a.shape[1])]) for a in arrays])
