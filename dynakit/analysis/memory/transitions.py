"""Which attractor goes where under which pulse: the automaton a network implements.

From each attractor every pulse is applied once, the network is left alone, and the attractor it comes to rest
at is the next state of the automaton.  Scaling a pulse down finds the amplitude at which it just fails: there
the state lies on the boundary between two basins (Sussillo and Barak 2013, fig. 3, right).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ... import linalg
from ...checks import count, number, reals
from ...errors import InputError
from ...provenance import Provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ..fixed_points import Arrival

if TYPE_CHECKING:
    import networkx

ROUNDS = 10  # an end state still on its way is given this many times n_settle steps
HALVINGS = 20


@dataclass(frozen=True, kw_only=True, repr=False)
class Transitions(Result):
    """The automaton: one entry per attractor.

    Attributes:
        targets: (attractor, pulse) index of the attractor reached; -1 = none of them
        distances: (attractor, pulse) of the end from the nearest attractor, max-norm
        end_states: (attractor, pulse, unit)
        end_outputs: (attractor, pulse, output)
        critical_amplitudes: (attractor, pulse) factor where it just fails; NaN: no switch
        outputs: (attractor, output) readout at each attractor
        pulses: TODO
    """

    targets: np.ndarray = per_item()
    distances: np.ndarray = per_item()
    end_states: np.ndarray = per_item()
    end_outputs: np.ndarray = per_item()
    critical_amplitudes: np.ndarray = per_item()
    outputs: np.ndarray = per_item()
    pulses: tuple[str, ...]

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

    def headline(self) -> str:
        unknown = int((self.targets < 0).sum())
        return f"{len(self)} attractors, {len(self.pulses)} pulses, {self.n_switches} switches" + (
            f", {unknown} ends near no known attractor" if unknown else ""
        )

    def sentences(self) -> list[str]:
        """How many pulses switch, how weak they may be, and how many lead nowhere known."""
        lines = [f"{self.n_switches} switches among {self.targets.size} (attractor, pulse) pairs"]
        critical = self.critical_amplitudes[np.isfinite(self.critical_amplitudes)]
        if len(critical):
            amplitudes = f"{critical.min():.2f} to {critical.max():.2f} of the trained amplitude"
            lines.append(f"the weakest pulse that still switches has {amplitudes}")
        lost = int((self.targets < 0).sum())
        return lines + ([f"{lost} responses end near no known attractor"] if lost else [])

    def table(self) -> dict[str, np.ndarray]:
        columns = {"from": np.arange(len(self))}
        return columns | {name: self.targets[:, j] for j, name in enumerate(self.pulses)}


def map_transitions(
    system: System,
    attractors: Any,
    pulses: dict[str, Any],
    *,
    rest: Any,
    n_settle: int = 1000,
    amplitudes: tuple[float, float] | None = None,
) -> Transitions:
    """Apply every pulse at every attractor and see where the network comes to rest.

    Arguments:
        system: the map.
        attractors: stable FixedPoints, or states (attractor, unit).
        pulses: name -> input during the pulse, (step, input).
        rest: input before and after, (input,).
        n_settle: steps after the pulse; an end state still moving gets up to ten times as many.
        amplitudes: (low, high) factors of ``pulse - rest`` between which to bisect for the weakest pulse that
            still switches, per edge; None: not sought.

    Returns:
        Transitions; a target of -1 means that the end state is near none of the attractors.

    Raises:
        InputError: naming the pulse that does not fit, if there are no pulses, or a factor that makes no sense.
    """
    states = attractors.states if hasattr(attractors, "states") else attractors
    x = checked(system).as_states("attractors", states)
    if x.ndim != 2:
        raise InputError(f"attractors must have shape (attractor, {system.state_size}), got {tuple(x.shape)}")
    if not bool(torch.isfinite(x).all()):
        raise InputError("attractors must be finite; leave out the states that are not")
    quiet = system.as_drive("rest", rest)
    if quiet.ndim != 1:
        raise InputError(f"rest must have shape ({system.input_size},), got {tuple(quiet.shape)}")
    n_settle = count("n_settle", n_settle)
    factors = None if amplitudes is None else _factors(amplitudes)
    played = _pulse_inputs(system, pulses, quiet)
    with linalg.one_thread(), torch.no_grad():
        runner = _Runner(system, x, Arrival(attractors), quiet, n_settle)
        n = len(x)
        start = torch.arange(n).repeat_interleave(len(played))
        which = torch.arange(len(played)).repeat(n)
        ends, targets, distances = runner.run(start, played[which])
        critical = np.full(len(start), np.nan)
        if factors is not None:
            switched = np.flatnonzero((targets >= 0) & (targets != start.numpy()))
            critical[switched] = _bisect(
                runner, start[switched], played[which[switched]], targets[switched], *factors
            )
        end_outputs = system.observe(ends).cpu().numpy()
        outputs = system.observe(x).cpu().numpy()
    grid = (n, len(played))
    return Transitions(
        targets=targets.reshape(grid),
        distances=distances.reshape(grid),
        end_states=ends.cpu().numpy().reshape(*grid, system.state_size),
        end_outputs=end_outputs.reshape(*grid, system.output_size),
        critical_amplitudes=critical.reshape(grid),
        outputs=outputs,
        pulses=tuple(pulses),
        provenance=Provenance.of(system, n_settle=n_settle),
    )


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


class _Runner:
    """Plays pulses at attractors and names the attractor where each run ends."""

    def __init__(
        self, system: System, attractors: Tensor, arrival: Arrival, rest: Tensor, n_settle: int
    ) -> None:
        self.system, self.attractors, self.arrival = system, attractors, arrival
        self.rest, self.n_settle = rest, n_settle

    def play(self, start: Tensor, deviations: Tensor) -> Tensor:
        """The states right after the pulses."""
        x = self.attractors[start]
        for step in deviations.unbind(1):
            x = self.system.step(x, self.rest + step)
        return x

    def reaches(self, start: Tensor, deviations: Tensor, targets: np.ndarray) -> np.ndarray:
        """Whether each run comes near its target within n_settle steps; stops as soon as all are near something."""
        x = self.play(start, deviations)
        arrived = np.full(len(start), -1)
        for _ in range(10):
            x = self.system.settle(x, self.rest, -(-self.n_settle // 10))
            arrived, _ = self.arrival.at(x)
            if (arrived >= 0).all():
                break
        return arrived == targets

    def run(self, start: Tensor, deviations: Tensor) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """End states, the attractors they belong to (-1: none) and the distance from the nearest one."""
        x = self.play(start, deviations)
        targets, distance = self.arrival.at(x)
        for _ in range(ROUNDS):
            x = self.system.settle(x, self.rest, self.n_settle)
            targets, distance = self.arrival.at(x)
            moving = (self.system.step(x, self.rest) - x).abs().amax(-1) > 1e-13 * (1 + x.abs().amax(-1))
            if not (moving.cpu().numpy() & (targets < 0)).any():
                break
        return x, targets, distance


def _bisect(
    runner: _Runner, start: Tensor, deviations: Tensor, targets: np.ndarray, low: float, high: float
) -> np.ndarray:
    """The factor at which each pulse begins to reach its target, to 2^-20 of the bracket."""
    lo, hi = np.full(len(start), low), np.full(len(start), high)
    if not len(start):
        return lo
    reaches = lambda f: runner.reaches(start, deviations * torch.from_numpy(f)[:, None, None], targets)  # noqa: E731
    bracketed = ~reaches(lo) & reaches(hi)
    for _ in range(HALVINGS):
        middle = (lo + hi) / 2
        there = reaches(middle)
        lo, hi = np.where(there, lo, middle), np.where(there, middle, hi)
    return np.where(bracketed, hi, np.nan)
