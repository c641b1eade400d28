"""Dynamical similarity with inputs: how networks answer them near their fixed points, without fitting anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .. import checks
from ..analysis.distances import RestingPoints, matched, unmatched
from ..analysis.similarity import Reach
from ..errors import InputError
from .measure import Compared, Measure, pairwise
from .members import NamedSystem, same_dynamics, same_size
from .multipliers import point_keys
from .probe import Probe

RIGHT_ANGLE = np.pi / 2


@dataclass(frozen=True, kw_only=True)
class InputDSA(Measure):
    """The angle between what inputs can reach near matched fixed points at rest: 0..pi/2, a pseudometric.

    At each point A = dF/dx and B = dF/du make K = [B, AB, ..., A^(n-1) B], compared up to a rotation in closed form
    (InputDSA: Huang and Ostrow et al. 2025, with Jacobians in place of regressions); 0 for (Q A Q^T, Q B).  A is drawn
    into the unit ball first, so that powers do not grow (``scaled`` of :func:`dynakit.compare_controllability`).
    Points are matched as by :class:`Multipliers`; one without a partner costs pi/2, the most that one with a partner
    does.  All networks need states of one size, and inputs.

    Args:
        max_starts: most starts of the search for fixed points.
        n_trials: trials from whose states the search starts, where there is a task.
    """

    name: ClassVar[str] = "dsa-inputs"

    max_starts: int = 1024
    n_trials: int = 64

    def __post_init__(self) -> None:
        checks.count("max_starts", self.max_starts)
        checks.count("n_trials", self.n_trials)

    @property
    def measure(self) -> str:
        """What the numbers are."""
        return "angle of what inputs reach at matched points, 0..pi/2 rad"

    def settled(self, networks: Sequence[NamedSystem]) -> InputDSA:
        """The same method."""
        same_size(networks, self.name)
        same_dynamics(networks, self.name)
        sizes = {network.name: network.system.input_size for network in networks}
        if len(set(sizes.values())) > 1 or not min(sizes.values()):
            raise InputError(f"networks must have inputs, as many each, for method {self.name!r}, got {sizes}")
        return self

    def look(self, network: NamedSystem, probe: Probe) -> RestingPoints:
        """At each point what inputs reach, of norm 1; zero where they reach nothing."""
        system = network.at_rest(probe.task)
        if not system.input_size:
            raise InputError("in its closed loop it hears no input")
        points = probe.points(network, "rest", probe.starts(network), self.max_starts)
        if not len(points):
            raise InputError("no fixed point was found at rest")
        jacobians = (system.jacobian, system.input_jacobian)  # of a flow those of its step
        A, B = (J(points.states, points.drives).cpu().numpy() for J in jacobians)
        K = np.stack([Reach.of(a, b, True).K for a, b in zip(A, B)])
        norms = np.linalg.norm(K, axis=(1, 2), keepdims=True)
        return RestingPoints(tuple(point_keys(network, probe, "rest", points)), K / np.where(norms > 0, norms, 1.0))

    def compare(self, looks: Sequence[RestingPoints]) -> Compared:
        """The mean angle over the points of the larger set, and how many have no partner."""
        angles = pairwise(looks, lambda a, b: matched(a, b, RIGHT_ANGLE, _angle))
        return Compared(angles, {"unmatched": pairwise(looks, unmatched)})


def _angle(one: np.ndarray, other: np.ndarray) -> float:
    """Between two of norm 1; between one and nothing a right angle."""
    if not one.any() or not other.any():
        return RIGHT_ANGLE * float(one.any() != other.any())
    return float(2 * np.arcsin(min(Reach(one).between(Reach(other)) / 2, 1.0)))
