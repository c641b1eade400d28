"""Multipliers: the spectra at matched fixed points, which no smooth change of coordinates alters."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import checks
from ..analysis import FixedPoints
from ..analysis.distances import RestingPoints, matched, unmatched
from ..errors import InputError
from .measure import Compared, Measure, pairwise
from .members import NamedSystem, same_dynamics
from .probe import Probe

SCALES = ("raw", "rates")


class Spectra(NamedTuple):
    """The fixed points of a network under each drive, with their spectra as they are and as rates."""

    raw: RestingPoints
    rates: RestingPoints


@dataclass(frozen=True, kw_only=True)
class Multipliers(Measure):
    """The eigenvalues at fixed points under every drive, matched by the memory that a point stands for.

    Points are matched within a drive and a number of unstable directions, stable ones by what the task decodes from
    the readout there; among points alike in all that, the best assignment is taken.  The distance is the mean over the
    points of the larger set of min(``cutoff``, distance of the two spectra), where a point without a partner costs
    ``cutoff``: 0..``cutoff``, a pseudometric among networks with states of one size (OSPA: Schuhmacher et al. 2008).
    The spectra of smaller states are filled up with zeros; then the triangle inequality may fail.

    Args:
        scale: which of the two the distance is: "raw" eigenvalues of a map (of a flow, of its right-hand side), or
            "rates", log of the modulus of each, per step (of a flow the real part); both are in ``parts``.
        cutoff: what a point without a partner costs, and the most that one with a partner does.
        floor: modulus below which a multiplier is as good as zero: its rate is log(floor).
        max_starts: most starts of each search for fixed points.
        n_trials: trials from whose states the searches start, where there is a task.
    """

    name: ClassVar[str] = "multipliers"

    scale: str = "raw"
    cutoff: float = 1.0
    floor: float = 1e-3
    max_starts: int = 1024
    n_trials: int = 64

    def __post_init__(self) -> None:
        checks.one_of("scale", self.scale, SCALES)
        checks.number("cutoff", self.cutoff, above=0.0, closed=False)
        checks.number("floor", self.floor, above=0.0, below=1.0, closed=False)
        checks.count("max_starts", self.max_starts)
        checks.count("n_trials", self.n_trials)

    @property
    def measure(self) -> str:
        kind = "of eigenvalues" if self.scale == "raw" else "of rates per step"
        return f"Euclidean distance {kind} at matched points, 0..{self.cutoff:g}"

    def settled(self, networks: Sequence[NamedSystem]) -> Multipliers:
        same_dynamics(networks, self.name)
        return self

    def look(self, network: NamedSystem, probe: Probe) -> Spectra:
        starts = probe.starts(network)
        found = {drive: probe.points(network, drive, starts, self.max_starts) for drive in probe.drives}
        if not any(len(points) for points in found.values()):
            raise InputError(f"no fixed point was found under {' or '.join(map(repr, found))}")
        keys = tuple(key for drive, points in found.items() for key in point_keys(network, probe, drive, points))
        raw = np.concatenate([points.eigenvalues for points in found.values()])
        flow = network.at_rest(probe.task).flow() is not None
        rates = np.real(raw) if flow else np.log(np.maximum(np.abs(raw), self.floor))
        return Spectra(RestingPoints(keys, raw), RestingPoints(keys, rates))

    def compare(self, looks: Sequence[Spectra]) -> Compared:
        parts = {
            scale: pairwise([getattr(look, scale) for look in looks], lambda a, b: matched(a, b, self.cutoff))
            for scale in SCALES
        }
        parts["unmatched"] = pairwise([look.raw for look in looks], unmatched)
        return Compared(parts[self.scale], parts)


def point_keys(network: NamedSystem, probe: Probe, drive: str, points: FixedPoints) -> list[Hashable]:
    """What each point is matched by: the drive, its unstable directions and, if it is stable, its memory."""
    reader, decode = probe.asked(network.at_rest(probe.task)), probe.decode
    indices = np.ma.filled(points.n_unstable, -1).astype(int)
    said: Any = np.full(len(points), "")
    if decode is not None and len(points):
        said = np.asarray(decode(reader.observe(points.states).detach().cpu().numpy())).astype(str)
    return [(drive, k, text if k == 0 else "") for k, text in zip(indices.tolist(), said.tolist())]
