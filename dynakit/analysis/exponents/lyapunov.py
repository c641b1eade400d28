"""How fast do neighbouring trajectories part, or come together?  Lyapunov exponents of a map, driven or not.

lambda_i = lim 1/t ln of the growth of the i-th axis of a small ball carried by J_t ... J_1 (Oseledets 1968), by
orthonormal frames (Benettin, Galgani, Giorgilli and Strelcyn 1980; ``_frames``) whose logarithms are averaged with the
weights of Das, Saiki, Sander and Yorke 2017 (``_growth``).  Under an input they are conditional on it: the largest is
negative where all states come to do the same under the same input (Pecora and Carroll 1991).  The state is the whole
state: an LSTM of N units has 2N exponents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import linalg
from ...checks import count
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from .frames import LARGEST_SPREAD, LONGEST, Course, Frames, advance, settle_frames
from .growth import entropy_rate, estimate, kaplan_yorke
from .motion import kinds_of, recurrence

BYTES = 2**28  # of frames and growth held at once
ZERO = 1e-7  # exponents below it are said to be 0
DETERMINANTS = 64  # steps over which the sum of all exponents is compared with ln |det J|
CURVE = 60  # times at which the running mean is kept


@dataclass(frozen=True, kw_only=True, repr=False)
class LyapunovSpectrum(Result):
    """Lyapunov exponents along trajectories, a row for each start, also for one.

    Attributes:
        exponents: (start, exponent) nats per step, falling; -inf where the map loses a rank
        standard_errors: (start, exponent) of those, nats per step; NaN: too few steps to tell
        tolerances: (start, exponent) an exponent within it of zero counts as zero, nats per step
        block_averages: (start, exponent) equal exponents by their mean, which converges, nats per step
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

    exponents: np.ndarray = per_item()
    standard_errors: np.ndarray = per_item()
    tolerances: np.ndarray = per_item()
    block_averages: np.ndarray = per_item()
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
        "diverged"; of a driven system "consistent (echo state)", "inconsistent", "undetermined", "diverged".
        An exponent counts as positive or negative beyond its ``tolerances``.
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
            return f"{len(self)} starts: {said or 'none'}"
        if self.left_at[0] >= 0:
            return f"diverged at step {self.left_at[0]}"
        scale, unit = self._told()
        first = f"{scale * self.exponents[0, 0]:.6g} +- {scale * self.standard_errors[0, 0]:.1g}"
        return f"{self.kind}, largest exponent {first} nats per {unit}, dimension {self.kaplan_yorke:.4g}"

    def sentences(self) -> list[str]:
        """The kind of each motion and its exponents, one line for each start."""
        rows = zip(self.kinds, self.exponents, self.standard_errors)
        return [_in_words(str(kind), values, errors, self._told()) for kind, values, errors in rows]

    def _told(self) -> tuple[float, str]:
        """What exponents are multiplied by in words, and per what they then are: of a flow per unit of time."""
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
    finite = exponents[np.isfinite(exponents)]
    if not len(finite):
        return f"{kind}; no finite exponents"
    shown = ", ".join(f"{scale * v:.3g}" if abs(v) > ZERO else "0" for v in finite)
    return f"{kind}; exponents {shown} nats per {unit} (+- {scale * errors[0]:.1g})"


@with_provenance
def lyapunov_spectrum(
    system: System,
    x0: Any,
    inputs: Any = None,
    *,
    n_steps: int,
    n_exponents: int | None = None,
    n_transient: int = 500,
    qr_interval: int | None = None,
) -> LyapunovSpectrum:
    """Lyapunov exponents along the trajectory from each start.

    Arguments:
        system: the map, or a flow, by itself or under Driven, Iterated or ClosedLoop; those compare by ``per_time``.
        x0: where to start, (unit,) or (start, unit), or a result that has states; a start that is not finite is marked.
        inputs: (n_transient + n_steps, input), or (start, n_transient + n_steps, input), the transient first.  None is
            zero input, and the motion is judged as that of an autonomous map.
        n_steps: steps to average over.
        n_exponents: how many, from the largest; None: all.  A few of many cost a small share of all.
        n_transient: steps before, for the state to reach its attractor and the frame to align.
        qr_interval: steps between two orthonormalizations; None: as many as the spread that shows in the transient
            leaves safe.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.

    >>> import dynakit as dk, math
    >>> henon = dk.lyapunov_spectrum(dk.catalog.henon(), [0.1, 0.1], n_steps=4000)
    >>> henon.kind, henon.exponents.round(1).tolist(), math.isclose(henon.exponents.sum(), math.log(0.3))
    ('chaotic', [[0.4, -1.6]], True)
    """
    checked(system).refuse_jumps("a Lyapunov spectrum")
    n_steps, n_transient = count("n_steps", n_steps), count("n_transient", n_transient, least=0)
    k = (
        system.state_size
        if n_exponents is None
        else count("n_exponents", n_exponents, most=system.state_size)
    )
    interval = None if qr_interval is None else count("qr_interval", qr_interval)
    x, course = starts_and_inputs(system, x0, inputs, n_transient + n_steps)
    plan = _Plan(k, n_steps, n_transient, interval, inputs is not None)
    with linalg.one_thread(), torch.inference_mode(False), torch.no_grad():
        some = max(1, BYTES // (8 * ((6 * k + system.state_size) * system.state_size + 2 * n_steps * k)))
        parts = [_along(system, x[rows], course.of(rows), plan) for rows in torch.arange(len(x)).split(some)]
    fields: dict[str, Any] = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
    return LyapunovSpectrum(
        **fields,
        times=_times(plan),
        n_steps=n_steps,
        n_transient=n_transient,
        qr_interval=min(part[1] for part in parts),
        state_size=system.state_size,
        driven=plan.driven,
        dt=system.dt,
        time_unit=system.time_unit,
        dynamics="map" if system.flow() is None else "flow",
    )


class _Plan(NamedTuple):
    """How many exponents, and over which steps."""

    n_exponents: int
    n_steps: int
    n_transient: int
    interval: int | None
    driven: bool


def starts_and_inputs(
    system: System, x0: Any, inputs: Any, n_steps: int, said: str = "n_transient + n_steps"
) -> tuple[Tensor, Course]:
    """States (start, unit), and the inputs along the way."""
    x = system.as_states("x0", x0).detach()
    if x.ndim > 2:
        raise InputError(f"x0 must be (unit,) or (start, unit), got {tuple(x.shape)}")
    sequence = None
    if inputs is not None:
        sequence = system.as_tensor("inputs", inputs, system.input_size).detach()
        if sequence.ndim not in (2, 3) or sequence.shape[-2] != n_steps:
            raise InputError(
                f"inputs must be (time, input) or (start, time, input) with {said} = {n_steps} steps, in this order, "
                f"got {tuple(sequence.shape)}"
            )
        if sequence.ndim == 3:
            if x.ndim == 2 and len(x) != len(sequence):
                raise InputError(
                    f"inputs must hold one sequence per start, got {len(sequence)} for {len(x)} starts"
                )
            x = x.expand(len(sequence), -1)
    x = x.reshape(-1, system.state_size)
    if not len(x):
        raise InputError("x0 must hold at least one start, got none")
    return x, Course(sequence, x, system.input_size)


def _along(system: System, x: Tensor, course: Course, plan: _Plan) -> tuple[dict[str, np.ndarray], int]:
    """The fields of the result for some starts, and the interval of their frames."""
    frames = Frames(system, x, plan.n_exponents)
    interval = settle_frames(frames, course, plan.n_transient, plan.interval)
    settled = frames.x
    limit = LARGEST_SPREAD if plan.interval is None else np.inf
    growth, interval = advance(frames, course, plan.n_steps, interval, limit)
    logs, durations = torch.stack(growth.logs).cpu().numpy(), np.array(growth.durations)
    left_at = frames.left_at.cpu().numpy()
    known = estimate(logs, durations)
    periods = None if plan.driven else recurrence(system, frames.x) * (left_at < 0)
    spectra = list(zip(known.exponents, known.tolerances))
    fields = {
        "exponents": known.exponents,
        "standard_errors": known.standard_errors,
        "tolerances": known.tolerances,
        "block_averages": known.block_averages,
        "kinds": kinds_of(
            known.exponents, known.tolerances, left_at, periods, flow=system.flow() is not None
        ),
        "periods": np.zeros(len(x), int) if periods is None else periods,
        "kaplan_yorke_dimensions": np.array([kaplan_yorke(*of, system.state_size) for of in spectra]),
        "entropy_rates": np.array([entropy_rate(*of, system.state_size) for of in spectra]),
        "left_at": left_at,
        "end_states": frames.x.cpu().numpy(),
        "determinant_gaps": _determinant_gaps(system, settled, course, plan, logs, durations),
        "convergence": np.take_along_axis(_running(logs, durations, _times(plan)), known.order[:, None], 2),
    }
    return fields, interval


def _times(plan: _Plan) -> np.ndarray:
    first = min(plan.n_steps, max(LONGEST, plan.interval or 1))
    return np.unique(np.round(np.geomspace(first, plan.n_steps, CURVE)).astype(int))


def _running(logs: np.ndarray, durations: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The mean growth per step up to the last interval that ends by each time, (start, time, direction)."""
    ends = durations.cumsum()
    at = np.searchsorted(ends, times, side="right") - 1
    return (logs.cumsum(axis=0)[at] / ends[at, None, None]).swapaxes(0, 1)


def _determinant_gaps(
    system: System, x: Tensor, course: Course, plan: _Plan, logs: np.ndarray, durations: np.ndarray
) -> np.ndarray:
    """How far the growth of all directions is from ln |det J|, nats per step, over the first intervals."""
    if plan.n_exponents < system.state_size:
        return np.full(len(x), np.nan)
    ends = durations.cumsum()
    m = max(1, int((ends <= DETERMINANTS).sum()))
    total = np.zeros(len(x))
    for t in range(ends[m - 1]):
        u = course.at(plan.n_transient + t)
        total += linalg.log_abs_det(system._jacobian(x, u)).cpu().numpy()
        x = system._step(x, u)
    carried = logs[:m].sum(axis=(0, 2))
    same = np.isneginf(carried) & np.isneginf(total)
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, np.abs(carried - total) / ends[m - 1])
