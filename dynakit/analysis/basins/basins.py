"""Which initial states go to which attractor, and how large is each basin, under a stated law of initial states.

The share of a basin is the probability that a state drawn from the law of ``sampler`` ends at its attractor (basin
stability: Menck, Heitzig, Marwan and Kurths 2013).  It is estimated by a count, so it comes with an interval (Wilson
1927), and what no sample reached with a bound.  What could not be labelled is -1, with the reason, and never left
out of n.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ... import chunks, linalg, samplers, seeding
from ...checks import count, of_kind
from ...errors import InputError
from ...progress import Callback, ended, expect
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...wording import counted
from ..exponents import UNBOUNDED, grows
from ..proportions import upper_bound, wilson_interval
from .given import as_targets
from .labelling import UNRESOLVED, Outcome, Rollout
from .proximity import Proximity
from .recurrence import Recurrence
from .settings import BasinSettings
from .targets import Targets

AS_USUAL = BasinSettings()


@dataclass(frozen=True, kw_only=True, repr=False)
class Basins(Result):
    """Samples and the attractors they go to, one entry per sample.

    Fractions, intervals and counts are those of the samples at hand: of ``basins[mask]`` they are those of the mask.

    Attributes:
        labels: (sample,) index of the attractor; -1: none
        reasons: (sample,) why none; empty where there is one
        convergence_steps: (sample,) step at which it came near for good; -1: not known
        states: (sample, unit) the initial states
        end_states: (sample, unit) the last ones that were followed
        kinds: (attractor,) fixed point | periodic | invariant circle | chaotic | recurrent | ...
        attractor_states: (point, unit) points on the attractors ...
        attractor_index: (point,) ... and the attractor each belongs to
        sampler: the law of the initial states: its name ...
        description: ... and what it is
        confidence: of the intervals and the bound
        dynamics: "map", or "flow": the steps are those of one
        dt: time of one step, of a flow in its unit of time, of a map in ms; None: not known
        time_unit: the unit of time of a flow, "" if it has no name; "steps" of a map
    """

    drawn_by: ClassVar[str] = "plot_basins"

    labels: np.ndarray = per_item()
    reasons: np.ndarray = per_item()
    convergence_steps: np.ndarray = per_item()
    states: np.ndarray = per_item()
    end_states: np.ndarray = per_item()
    kinds: np.ndarray
    attractor_states: np.ndarray
    attractor_index: np.ndarray
    sampler: str
    description: str
    confidence: float
    dynamics: str = "map"
    dt: float | None = None
    time_unit: str = "steps"

    @property
    def convergence_times(self) -> np.ndarray:
        """(sample,) :attr:`convergence_steps`, of a flow in its unit of time; NaN: not known."""
        length = self.dt if self.dynamics == "flow" and self.dt is not None else 1.0
        return np.where(self.convergence_steps >= 0, length * self.convergence_steps, np.nan)

    @property
    def n_attractors(self) -> int:
        """Attractors given or found, reached or not."""
        return len(self.kinds)

    @property
    def attractors(self) -> tuple[np.ndarray, ...]:
        """States on each attractor, (point, unit)."""
        return tuple(self.attractor_states[self.attractor_index == k] for k in range(self.n_attractors))

    @property
    def counts(self) -> np.ndarray:
        """(attractor,) samples that went there."""
        return np.bincount(self.labels[self.labels >= 0], minlength=self.n_attractors)

    @property
    def fractions(self) -> np.ndarray:
        """(attractor,) share of all samples; with ``fraction_left`` they add up to one."""
        return self.counts / max(len(self), 1)

    @property
    def fraction_left(self) -> float:
        """Share of the samples labelled -1."""
        return float((self.labels < 0).mean()) if len(self) else 0.0

    @property
    def intervals(self) -> np.ndarray:
        """(attractor, 2) Wilson's intervals of the shares, each for itself."""
        return wilson_interval(self.counts, len(self), self.confidence)

    @property
    def n_left(self) -> dict[str, int]:
        """Samples labelled -1, by reason."""
        return dict(Counter(text.partition(" (")[0] for text in self.reasons[self.labels < 0].tolist()))

    @property
    def unseen_bound(self) -> float:
        """Upper bound of the share of what is bounded and goes to none of the attractors (Clopper and Pearson).

        With every sample labelled it is 1 - (1 - confidence)^(1 / n), the rule of three: about 3 / n at 95 %.  A sample
        that came to rest elsewhere, or was not resolved, may be at an attractor not seen and counts as such.
        """
        n_elsewhere = sum(n for reason, n in self.n_left.items() if reason != UNBOUNDED)
        return upper_bound(n_elsewhere, len(self), self.confidence)

    def headline(self) -> str:
        shares = [
            f"{f:.3f} [{low:.3f}, {high:.3f}]" for f, (low, high) in zip(self.fractions, self.intervals)
        ]
        left = "".join(f", {n} {reason}" for reason, n in self.n_left.items())
        return (
            f"{counted(len(self), 'sample')} ({self.sampler}), {counted(self.n_attractors, 'attractor')}: "
            f"{', '.join(shares)}{left}, "
            f"unseen < {self.unseen_bound:.2g}"
        )

    def table(self) -> dict[str, np.ndarray]:
        """One row per attractor, the last for -1."""
        left = int((self.labels < 0).sum())
        ends = np.vstack([self.intervals, wilson_interval(left, len(self), self.confidence)])
        unit = "steps" if self.dynamics == "map" else f"time ({self.time_unit or 'time units'})"
        return {
            "attractor": np.append(np.arange(self.n_attractors), -1),
            "kind": np.append(self.kinds, "none"),
            "samples": np.append(self.counts, left),
            "fraction": np.append(self.fractions, self.fraction_left),
            "low": ends[:, 0],
            "high": ends[:, 1],
            f"median {unit}": np.array([*map(self._median, range(self.n_attractors)), np.nan]),
        }

    def _median(self, k: int) -> float:
        times = self.convergence_times[(self.labels == k) & (self.convergence_steps >= 0)]
        return float(np.median(times)) if len(times) else np.nan


@with_provenance
def map_basins(
    system: System,
    attractors: Any,
    sampler: Any,
    drive: Any = None,
    *,
    n_samples: int,
    seed: Any = 0,
    settings: BasinSettings = AS_USUAL,
    callback: Callback | None = None,
) -> Basins:
    """Draw initial states and find the attractor that each goes to.

    Arguments:
        system: the map; a flow is followed in its steps, and told in its unit of time.
        attractors: FixedPoints (the stable ones), LimitCycles (the attracting ones), states (attractor, unit), or a
            list of these; what is given twice counts once.  None: they are found from the samples, the largest basin
            first.
        sampler: the law of the initial states: one of ``dynakit.samplers``, or a function of (n, rng) that returns
            (n, unit).
        drive: the constant input, (input,); None is zero input.
        n_samples: how many; the interval of a share of one half is +-1 / sqrt(n_samples) at 95 %.
        seed: of the sampler.
        settings: how to label and how long to follow, see :class:`dynakit.analysis.BasinSettings`.
        callback: called from time to time with the samples whose fate is known and {"total": n_samples, "unit":
            "sample"}; StopIteration raised in it ends the call: the others are unresolved (``interrupted``).

    Returns:
        Basins.  The label -1 is for none of the attractors: it grows without bound (the reason says when it left),
        came to rest elsewhere, or was not resolved.  Steps are known where :class:`Proximity` labels.

    Raises:
        InputError: naming the argument that cannot be used.
        ResourceError: for samples that would not fit into memory.

    >>> import dynakit as dk
    >>> system = dk.catalog.bistable()
    >>> points = dk.find_fixed_points(system)
    >>> basins = dk.map_basins(system, points, dk.samplers.Box([-1.0], [3.0]), n_samples=400)
    >>> low, high = basins.intervals.T
    >>> bool((low <= [0.25, 0.75]).all() and ([0.25, 0.75] <= high).all()), basins.n_left
    (True, {})
    """
    n_samples, seed = count("n_samples", n_samples), seeding.as_seed(seed)
    of_kind("settings", settings, BasinSettings)
    with linalg.one_thread(), torch.no_grad(), np.errstate(all="ignore"):
        run = as_run(system, drive, settings.n_steps)
        chunks.refuse_larger(
            f"where {counted(n_samples, 'sample')} of {counted(system.state_size, 'unit')} begin and end",
            2 * chunks.FLOAT * n_samples * system.state_size,
            "take fewer samples, or several lots with seeds of their own",
        )
        targets = None if attractors is None else as_targets(system, attractors, run.u)
        usual = Recurrence() if targets is None else Proximity()
        how = usual if settings.labelling is None else settings.labelling
        x = samplers.draw(sampler, n_samples, system.state_size, seeding.stream(seed, "basins"))
        expect(n_samples, "sample")
        outcome = how.label(run, x, targets)
        outcome = outcome if ended() else _growing(run, x, outcome)
    known = Targets(outcome.found, system.state_size) if targets is None else targets
    name, description = samplers.describe(sampler)
    return Basins(
        labels=outcome.labels,
        reasons=outcome.reasons,
        convergence_steps=outcome.steps,
        states=x,
        end_states=outcome.ends,
        kinds=known.kinds,
        attractor_states=known.states,
        attractor_index=known.index,
        sampler=name,
        description=description,
        confidence=settings.confidence,
        **run.clock,
    )


def _growing(run: Rollout, x: np.ndarray, outcome: Outcome) -> Outcome:
    """Those that are unresolved since they grow without bound, by name."""
    open_ = np.flatnonzero(np.char.startswith(outcome.reasons, UNRESOLVED))
    reasons = outcome.reasons.astype("<U64")
    for rows in run.chunks(len(open_), 16 * run.system.state_size):
        some = open_[rows]
        starts, ends = (torch.from_numpy(states[some]).to(run.u.device) for states in (x, outcome.ends))
        growing = some[grows(run.system, starts, ends, run.u)]
        reasons[growing] = f"{UNBOUNDED} (still growing after {run.lasting(run.n_steps)})"
    return replace(outcome, reasons=reasons)


def as_run(system: System, drive: Any, n_steps: int, *, name: str = "drive") -> Rollout:
    """The map under one constant drive, None for none; ``name`` is that of the argument."""
    u: Tensor = checked(system).as_drive(name, drive)
    if u.ndim != 1:
        raise InputError(f"{name} must have shape ({system.input_size},), got {tuple(u.shape)}")
    return Rollout(system, u, count("n_steps", n_steps))
