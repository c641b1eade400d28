"""What a check of multifunctionality found: the verdict on each target, all attractors, and their words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...results import Result, per_item
from ...wording import counted, lasting
from ..basins import Basins, EdgeState, SmallestShocks
from ..cycles import LimitCycles
from ..exponents import UNBOUNDED
from ..fixed_points import FixedPoints
from ..proportions import upper_bound, wilson_interval


@dataclass(frozen=True, kw_only=True, repr=False)
class Multifunctionality(Result):
    """The verdict on each target, and all attractors; entries of targets describe the attractor they are judged by.

    That is the attractor that matches the target, or the one that most of its cues lead to.  NaN: not known, or not
    for this kind of target.

    Attributes:
        names: (target,) of the orbits asked for
        target_kinds: (target,) cycle | chaos | fixed point
        held: (target,) whether every clause is met
        failing: (target,) the first clause that fails, in one sentence; empty: held
        n_cues: (target,) cues that were given
        n_reached: (target,) cues that lead to an attractor that matches
        cue_lengths: (target,) shortest tried from which on all do that, in steps; -1: none
        attractor_index: (target,) into ``attractors``; -1: cues lead to none
        kinds: (target,) of the attractor, as in LimitCycles
        errors: (target,) Hausdorff distance of the curves / radius of the target
        roundness: (target,) (largest - smallest distance from the centre) / largest
        centres: (target, output) mean of the curve
        radii: (target,) largest distance from the centre
        period_ratios: (target,) period / that of the target
        senses: (target,) +1 along the target, -1 against it, 0 cannot be told
        cloud_distances: (target, 2) 99 % of attractor -> target, target -> attractor
        cloud_baselines: (target,) the same between halves of the target
        exponent_differences: (target,) largest exponent - the target's, per unit of time
        rotation_numbers: (target,) turns per step, of a flow per unit of time
        digits: (target,) decimal digits of those
        harmonics: (target,) how many the curve has; 0: it is none
        residuals: (target,) of the attractor, as in LimitCycles
        exponents: (target, k) equal ones averaged; nats per step, of a flow per unit of time
        exponents_per_time: (target, k) nats per unit of time of the target
        decays: (target,) what a revolution leaves of the slowest deviation
        returned: (target, size) random shocks of each size that came back, a count
        smallest_shocks: (target,) least found that makes it leave; inf: none; NaN: not sought
        fractions: (target,) basin, share of all samples
        intervals: (target, 2) of those, at ``confidence``
        convergence: (target, 2) median and 95 % of the time to come near, in the basin; in steps, of a flow in its
            unit of time
        confusion: (target, attractor + 1) cues by where they lead; last: to none
        matches: (target, attractor) whether the attractor is the target, clause by clause
        attractors: what cues and random states lead to
        attractor_means: (attractor, output) over time
        attractor_sds: (attractor, output) standard deviations over time
        untrained: (attractor,) those that are no target
        basins: where random states go; None: nothing attracts
        shocks: the smallest that make it leave each attractor; None: not sought, or nothing attracts
        fixed_points: those found from the ends of cues and random states
        edges: what lies between each two held targets, if asked for
        lost_cues: target, phase and reason of each cue that leads to no attractor
        n_samples: random states
        sampler: their law, in words
        confidence: of all intervals and bounds
        dynamics: "map", or "flow": looked at in continuous time
        cpu_seconds: what it took, seconds of processor time
    """

    drawn_by: ClassVar[str] = "plot_multifunctionality"

    names: np.ndarray = per_item()
    target_kinds: np.ndarray = per_item()
    held: np.ndarray = per_item()
    failing: np.ndarray = per_item()
    n_cues: np.ndarray = per_item()
    n_reached: np.ndarray = per_item()
    cue_lengths: np.ndarray = per_item()
    attractor_index: np.ndarray = per_item()
    kinds: np.ndarray = per_item()
    errors: np.ndarray = per_item()
    roundness: np.ndarray = per_item()
    centres: np.ndarray = per_item()
    radii: np.ndarray = per_item()
    period_ratios: np.ndarray = per_item()
    senses: np.ndarray = per_item()
    cloud_distances: np.ndarray = per_item()
    cloud_baselines: np.ndarray = per_item()
    exponent_differences: np.ndarray = per_item()
    rotation_numbers: np.ndarray = per_item()
    digits: np.ndarray = per_item()
    harmonics: np.ndarray = per_item()
    residuals: np.ndarray = per_item()
    exponents: np.ndarray = per_item()
    exponents_per_time: np.ndarray = per_item()
    decays: np.ndarray = per_item()
    returned: np.ndarray = per_item()
    smallest_shocks: np.ndarray = per_item()
    fractions: np.ndarray = per_item()
    intervals: np.ndarray = per_item()
    convergence: np.ndarray = per_item()
    confusion: np.ndarray = per_item()
    matches: np.ndarray = per_item()
    attractors: LimitCycles
    attractor_means: np.ndarray
    attractor_sds: np.ndarray
    untrained: np.ndarray
    basins: Basins | None
    shocks: SmallestShocks | None
    fixed_points: FixedPoints
    edges: tuple[EdgeState, ...]
    lost_cues: tuple[str, ...]
    n_samples: int
    sampler: str
    confidence: float
    dynamics: str
    cpu_seconds: float

    @property
    def verdict(self) -> str:
        """MULTIFUNCTIONAL if every target is held, PARTIAL if some are, else NO."""
        return "MULTIFUNCTIONAL" if self.held.all() else "PARTIAL" if self.held.any() else "NO"

    @property
    def existence_intervals(self) -> np.ndarray:
        """(target, 2) Wilson's intervals of the share of cues that lead to the target."""
        return wilson_interval(self.n_reached, self.n_cues, self.confidence)

    @property
    def return_intervals(self) -> np.ndarray:
        """(target, size, 2) intervals of the probability of coming back from a random shock of each size."""
        n = 0 if self.shocks is None else self.shocks.n_shocks
        return wilson_interval(self.returned, n, self.confidence)

    @property
    def attractor_fractions(self) -> np.ndarray:
        """(attractor,) shares of the basins."""
        return np.zeros(0) if self.basins is None else self.basins.fractions

    @property
    def attractor_intervals(self) -> np.ndarray:
        """(attractor, 2) of those."""
        return np.zeros((0, 2)) if self.basins is None else self.basins.intervals

    @property
    def unseen_bound(self) -> float:
        """Upper bound of the share of random states that go to an attractor that was not seen."""
        return 1.0 if self.basins is None else self.basins.unseen_bound

    @property
    def untrained_bound(self) -> float:
        """Upper bound of the share that goes to what nobody trained, seen or not (3 / n if 0 of n at 95 %)."""
        if self.basins is None:
            return 1.0
        known = int(self.basins.counts[~self.untrained].sum())
        off = sum(n for reason, n in self.basins.n_left.items() if reason == UNBOUNDED)
        return upper_bound(len(self.basins) - known - off, len(self.basins), self.confidence)

    @property
    def shock_units(self) -> str:
        """What shocks are measured in."""
        return "Euclidean norm, in standard deviations of each unit over cued states"

    def headline(self) -> str:
        said = [f"{self.verdict}: {int(self.held.sum())} of {counted(len(self), 'target')} held"]
        said += [f"{name} fails, {why}" for name, why in zip(self.names, self.failing) if why][:1]
        n = int(self.untrained.sum())
        said.append(
            f"{counted(n or 'no', 'untrained attractor')} (< {self.untrained_bound:.2g} of {self.sampler})"
        )
        return "; ".join(said)

    def table(self) -> dict[str, np.ndarray]:
        shown = {
            "target": "names",
            "held": "held",
            "cues": "n_cues",
            "reached": "n_reached",
            "attractor": "attractor_index",
            "kind": "kinds",
            "error": "errors",
            "direction": "senses",
            "period ratio": "period_ratios",
            "residual": "residuals",
            "left after one turn": "decays",
            "basin": "fractions",
            "smallest shock": "smallest_shocks",
        }
        columns = {title: np.asarray(getattr(self, name)) for title, name in shown.items()}
        return {**columns, "low": self.intervals[:, 0], "high": self.intervals[:, 1], "failing": self.failing}

    def sentences(self) -> list[str]:
        """What became of each target, and what random states find besides."""
        return [line for k in range(len(self)) for line in _target(self, k)] + _untrained(self)

    def summary(self) -> str:
        """Verdict, targets, what nobody asked for, confusions, what is not known, and what it cost, in words."""
        blocks = [[self.headline()], *(_target(self, k) for k in range(len(self))), _untrained(self)]
        blocks += [_confusion(self), _unknown(self), _between(self)]
        blocks.append([f"{self.cpu_seconds:.1f} s of processor time"])
        return "\n\n".join("\n".join(block) for block in blocks if block)


def _target(multi: Multifunctionality, k: int) -> list[str]:
    name = f"{str(multi.names[k])!r} ({multi.target_kinds[k]})"
    low, high = multi.existence_intervals[k]
    cues = f"{multi.n_reached[k]} of {counted(multi.n_cues[k], 'cue')} lead to it [{low:.2f}, {high:.2f}]"
    lines = [f"{name} {'is held' if multi.held[k] else 'FAILS, ' + multi.failing[k]}", f"  {cues}"]
    if multi.cue_lengths[k] > 0:
        lines[-1] += f"; a cue of {counted(multi.cue_lengths[k], 'step')} is enough"
    if multi.attractor_index[k] < 0:
        return lines
    lines.append(
        f"  {multi.attractors.called(multi.attractor_index[k])}: {multi.kinds[k]}, {_shape(multi, k)}"
    )
    lines += [f"  {said}" for said in (_certificate(multi, k), _basin(multi, k)) if said]
    shock = multi.smallest_shocks[k]
    if np.isfinite(shock):
        lines.append(f"  the smallest shock found that makes it leave is {shock:.3g} ({multi.shock_units})")
    return lines


def _shape(multi: Multifunctionality, k: int) -> str:
    if multi.target_kinds[k] == "chaos":
        there, back = multi.cloud_distances[k]
        return (
            f"clouds {there:.3g} and {back:.3g} apart (halves of the target {multi.cloud_baselines[k]:.3g}), "
            f"exponent off by {multi.exponent_differences[k]:.3g} per unit of time"
        )
    if multi.target_kinds[k] == "fixed point":
        return f"{multi.errors[k]:.3g} off the target"
    way = {1: "in its direction", -1: "AGAINST its direction"}.get(int(multi.senses[k]), "direction not told")
    return f"curve {multi.errors[k]:.3g} of the radius off, {way}, period {multi.period_ratios[k]:.5g} times its own"


def _certificate(multi: Multifunctionality, k: int) -> str:
    said = []
    tick = _tick(multi)
    if np.isfinite(multi.rotation_numbers[k]):
        said.append(f"rotation number {multi.rotation_numbers[k]:+.8f} per {tick}")
    if np.isfinite(multi.digits[k]):
        said.append(f"{multi.digits[k]:.0f} digits")
    if np.isfinite(multi.residuals[k]):
        said.append(f"residual {multi.residuals[k]:.0e} with {counted(multi.harmonics[k], 'harmonic')}")
    if np.isfinite(multi.decays[k]):
        said.append(f"{multi.decays[k]:.3g} of a deviation is left after a revolution")
    if multi.exponents.shape[1]:
        said.append(
            f"exponents {', '.join(f'{v:.3g}' for v in multi.exponents[k] if np.isfinite(v))} per {tick}"
        )
    return ", ".join(said)


def _basin(multi: Multifunctionality, k: int) -> str:
    (middle, late), (low, high) = multi.convergence[k], multi.intervals[k]
    share = f"basin {multi.fractions[k]:.3f} [{low:.3f}, {high:.3f}]"
    said = f"{share} of {counted(multi.n_samples, 'state')} ({multi.sampler})"
    if multi.basins is None or not np.isfinite(middle):
        return said
    flow, unit = multi.dynamics == "flow", multi.basins.time_unit
    soon, late = (lasting(time, 1.0 if flow else None, unit) for time in (middle, late))
    return f"{said}, {soon} to come near (95 %: {late})"


def _tick(multi: Multifunctionality) -> str:
    """What rates are counted in."""
    return "unit of time" if multi.dynamics == "flow" else "step"


def _confusion(multi: Multifunctionality) -> list[str]:
    wide = max(8, *(len(str(name)) for name in multi.names))
    columns = [f"{k:>6d}" for k in range(len(multi.attractors))] + ["  none"]
    lines = ["Cues (rows) and the attractors they lead to", " " * (wide + 2) + "".join(columns)]
    for name, row in zip(multi.names, multi.confusion):
        lines.append(f"  {name!s:<{wide}}" + "".join(f"{n:>6d}" for n in row))
    return lines


def _untrained(multi: Multifunctionality) -> list[str]:
    lines = []
    for k in np.flatnonzero(multi.untrained).tolist():
        mean, spread = multi.attractor_means[k], multi.attractor_sds[k]
        f, (low, high) = multi.attractor_fractions[k], multi.attractor_intervals[k]
        rho = multi.attractors.rotation_numbers[k]
        turns = f", {rho:+.5f} turns per {_tick(multi)}" if np.isfinite(rho) else ""
        lines.append(
            f"  {multi.attractors.called(k)}: {multi.attractors.kinds[k]}{turns}, "
            f"outputs {_numbers(mean)} +- {_numbers(spread)}, basin {f:.3f} [{low:.3f}, {high:.3f}]"
        )
    bound = (
        f"of {multi.n_samples} random states ({multi.sampler}) what nobody trained takes at most "
        f"{multi.untrained_bound:.2g}, one not seen less than {multi.unseen_bound:.2g} ({multi.confidence:.0%})"
    )
    return [f"{counted(len(lines) or 'no', 'untrained attractor')}; {bound}", *lines]


def _unknown(multi: Multifunctionality) -> list[str]:
    left = {} if multi.basins is None else multi.basins.n_left
    said = [f"  {n} of {multi.n_samples} random states: {reason}" for reason, n in left.items()]
    said += [f"  cue of {text}" for text in multi.lost_cues]
    return ["Not at any attractor", *said] if said else []


def _between(multi: Multifunctionality) -> list[str]:
    lines = [f"Fixed points: {multi.fixed_points.headline()}"]
    return lines + [f"Edge state: {edge.headline()}" for edge in multi.edges]


def _numbers(values: np.ndarray) -> str:
    return f"({', '.join(f'{v:.3g}' for v in values)})"
