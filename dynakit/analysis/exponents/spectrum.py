"""A spectrum of Lyapunov exponents, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...results import Result, per_item
from ...wording import counted
from .motion import COLLAPSED, UNBOUNDED

ZERO = 1e-7  # exponents below it are said to be 0
TOLD = {
    UNBOUNDED: "unbounded: it grows without bound",
    COLLAPSED: "collapsed: rounding has put the orbit onto something that repels, where orbits of the map never stay",
}


@dataclass(frozen=True, kw_only=True, repr=False)
class LyapunovSpectrum(Result):
    """Lyapunov exponents along trajectories, a row for each start, also for one.

    Attributes:
        exponents: (start, exponent) nats per step, falling; -inf where the map loses a rank, as on superstable orbits
        standard_errors: (start, exponent) of those, nats per step; NaN: too few steps to tell
        tolerances: (start, exponent) an exponent within it of zero counts as zero, nats per step
        block_averages: (start, exponent) equal exponents by their mean, which converges, nats per step
        weights: (start,) "plain": exponents are means over the steps; "bump": of a regular orbit without inputs, means
            with weights ~ exp(-1 / (t (1 - t))), t from 0 to 1 along it, which converge faster
        kinds: (start,) what each motion is, see :attr:`kind`
        periods: (start,) of a map in steps, 1 at a fixed point; 0 where none was found, of a flow except at rest
        kaplan_yorke_dimensions: (start,) NaN where it needs more exponents than there are
        entropy_rates: (start,) sum of the positive exponents, nats per step
        left_at: (start,) step at which a trajectory left the finite numbers; -1: never
        end_states: (start, unit) the last finite state of each
        determinant_gaps: (start,) |sum of exponents - mean ln |det J||, nats per step; NaN: not all of them
        convergence: (start, time, exponent) the plain mean up to each of ``times``, nats per step
        times: (time,) steps since the end of the transient
        n_steps: steps that were averaged over
        n_transient: steps before them
        qr_interval: steps between two orthonormalizations
        state_size: numbers in a state
        driven: whether there were inputs, on which the exponents are conditional
        dt: time of one step, in ``time_unit``; None: not known
        time_unit: of ``dt`` and :attr:`per_time`, in words; empty: it has no name
        dynamics: "map", or "flow": the steps are those of one, in continuous time
    """

    drawn_by: ClassVar[str] = "plot_exponents"

    exponents: np.ndarray = per_item()
    standard_errors: np.ndarray = per_item()
    tolerances: np.ndarray = per_item()
    block_averages: np.ndarray = per_item()
    weights: np.ndarray = per_item()
    kinds: np.ndarray = per_item()
    periods: np.ndarray = per_item()
    kaplan_yorke_dimensions: np.ndarray = per_item()
    entropy_rates: np.ndarray = per_item()
    left_at: np.ndarray = per_item()
    end_states: np.ndarray = per_item()
    determinant_gaps: np.ndarray = per_item()
    convergence: np.ndarray = per_item()
    times: np.ndarray
    n_steps: int
    n_transient: int
    qr_interval: int
    state_size: int
    driven: bool
    dt: float | None = None
    time_unit: str = "ms"
    dynamics: str = "map"

    @property
    def kind(self) -> Any:
        """What each motion is, one string, or (start,) of them.

        "fixed point", "periodic" (the state of a map recurs), "limit cycle" (of a flow: its one zero exponent lies
        along it), "quasi-periodic", "chaotic", "hyperchaotic" (two or more positive exponents), "undetermined",
        "unbounded" (it grows without bound: beyond 1e10 times 1 + |start|, or at an even pace for 16 times the run),
        "collapsed" (rounding has put the orbit onto something that repels, as in maps that double: what is seen is not
        the map's own motion); of a driven system "contracts along this trajectory" (neighbours approach: whether all
        states do, :func:`dynakit.check_echo_state` asks), "inconsistent", "undetermined", "unbounded"; and "start not
        finite".  An exponent counts as positive or negative beyond its ``tolerances``.
        """
        return self._of_start(self.kinds)

    @property
    def kaplan_yorke(self) -> Any:
        """The Kaplan-Yorke dimension, a number or (start,); NaN where it needs more exponents than there are."""
        return self._of_start(self.kaplan_yorke_dimensions)

    @property
    def entropy_rate(self) -> Any:
        """The sum of the positive exponents, nats per step, a number or (start,); NaN as above."""
        return self._of_start(self.entropy_rates)

    @property
    def per_time(self) -> np.ndarray | None:
        """The exponents per unit of time (``time_unit``), or None where dt is not known."""
        return None if self.dt is None else self.exponents / self.dt

    def _of_start(self, values: np.ndarray) -> Any:
        return values.item() if len(values) == 1 else values

    def headline(self) -> str:
        if len(self) != 1:
            names, counts = np.unique(self.kinds, return_counts=True)
            said = ", ".join(f"{n} {name}" for name, n in zip(names, counts))
            return f"{counted(len(self), 'start')}: {said or 'none'}"
        if self.left_at[0] >= 0 or self.kind in TOLD:
            return self._cut_short()
        scale, unit = self.told()
        first, error = scale * self.exponents[0, 0], scale * self.standard_errors[0, 0]
        first = f"{first:.6g}" if np.isneginf(first) else f"{first:.6g} +- {error:.1g}"
        return f"{self.kind}, largest exponent {first} nats per {unit}, dimension {self.kaplan_yorke:.4g}"

    def _cut_short(self) -> str:
        if self.left_at[0] > 0:
            return f"{self.kind}: it left the finite numbers at step {self.left_at[0]}"
        scale, unit = self.told()
        first = f", largest exponent {scale * self.exponents[0, 0]:.6g} nats per {unit}"
        return f"{TOLD.get(str(self.kind), self.kind)}{first if self.left_at[0] < 0 else ''}"

    def sentences(self) -> list[str]:
        """The kind of each motion and its exponents, one line for each start."""
        rows = zip(self.kinds, self.exponents, self.standard_errors)
        return [_in_words(str(kind), values, errors, self.told()) for kind, values, errors in rows]

    def told(self) -> tuple[float, str]:
        """What words multiply exponents by, and per what they then are: of a flow per unit of time."""
        if self.dynamics == "map" or self.dt is None:
            return 1.0, "step"
        return 1 / self.dt, self.time_unit or "unit of time"

    def table(self) -> dict[str, np.ndarray]:
        """Of one start a row per exponent; of several a row per start."""
        if len(self) == 1:
            names = ("exponents", "standard_errors", "block_averages", "tolerances")
            return {name[:-1].replace("_", " "): getattr(self, name)[0] for name in names}
        return {
            "kind": self.kinds,
            "largest exponent": self.exponents[:, 0],
            "standard error": self.standard_errors[:, 0],
            "Kaplan-Yorke dimension": self.kaplan_yorke_dimensions,
            "entropy rate": self.entropy_rates,
            "left at": self.left_at,
        }


def _in_words(kind: str, exponents: np.ndarray, errors: np.ndarray, told: tuple[float, str]) -> str:
    scale, unit = told
    kind = TOLD.get(kind, kind)
    finite = exponents[np.isfinite(exponents)]
    if not len(finite):
        return f"{kind}; no finite exponents"
    shown = ", ".join(f"{scale * v:.3g}" if abs(v) > ZERO else "0" for v in finite)
    return f"{kind}; exponents {shown} nats per {unit} (+- {scale * errors[0]:.1g})"
