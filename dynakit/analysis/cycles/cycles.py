"""Fixed points, cycles and invariant circles that a map or a flow settles on: found in simulation, then made exact.

A closed curve of a map is as a rule no cycle with a period but an invariant circle, x = u(theta), on which the motion
is quasi-periodic: F(u(theta)) = u(theta + rho).  Each object comes with the check of what it claims to be:

- a cycle with its residual and, where the map can be enclosed, a proof that one exists within ``existence_radius``
  (``_shooting``, ``_certificate``);
- a circle with its residual max |F(u(theta)) - u(theta + rho)| / size, over a grid finer than its own (``_circle``;
  Schilder, Osinga and Vogt 2005), and the digits of its rotation number (``_birkhoff``; Das, Saiki, Sander and Yorke
  2017);
- a limit cycle of a flow with the residual of multiple shooting (``_flow_cycles``), and a multiplier that must be 1.

What it does to its neighbours is said by multipliers: of the product of Jacobians around a cycle, and per step across a
circle (``_transverse``; Jorba 2001).  The exponents come from a frame carried along (``_frames``): another way to the
same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import linalg, seeding
from ...checks import count, matches_shape, reals
from ...errors import InputError
from ...provenance import Provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...systems.flow import Flow
from .autonomous import Autonomous
from .census import Census
from .circle import Curve
from .classify import Settings
from .columns import KINDS, columns
from .random_states import random_states


@dataclass(frozen=True, kw_only=True, repr=False)
class LimitCycles(Result):
    """The distinct objects that were found, by kind, those that attract first, then by period.

    An object is a "fixed point", "periodic", an "invariant circle", or "unresolved", "chaotic" or "slow" motion, of
    which only states and exponents are given.  Rows are padded with NaN where objects differ in length.

    Attributes:
        kinds: (object,) fixed point | periodic | ...
        periods: (object,) least, in steps; circle: 1 / |rho|; flow: in its time unit
        rotation_numbers: (object,) turns per step, (-1/2, 1/2], > 0 anticlockwise
        digits: (object,) of rotation numbers, on which halves of the orbit agree
        residuals: (object,) cycle: max |F(x_i) - x_(i+1)|; else relative to the size
        multipliers: (object, k) cycle: per period; circle: per step, along it first
        exponents: (object, k) Lyapunov's, falling; nats per step, flow: per time
        states: (object, unit) one state on each
        outputs: (object, output) the readout there
        verdicts: (object,) attracting | repelling | saddle | neutral | undetermined
        trivial_errors: (object,) | |multiplier along it| - 1 |, a check; NaN: none
        harmonics: (object,) of the curve; 0: none
        tails: (object,) last coefficients over the largest
        convergence: (object, j) residual of a circle cut off at 2^j harmonics
        existence_radius: (object,) an exact cycle is that near; NaN: not proved
        coefficients: (object, k, unit) complex, of the curve, k >= 0
        output_coefficients: (object, k, output) of the readout along it
        orbits: (object, step, unit) once around a cycle of a map
        output_orbits: (object, step, output)
        starts_per_object: (object,) that ended on it
        start_object: (start,) the object it reached, as numbered in the whole result; -1: none
        start_status: (start,) settled | slow | left | not finite
        left_at: (start,) the step at which a start left every bound; -1: it did not
        precision: of the numbers that were analysed, and of the weights where that is known
        continuous: a flow: periods in time units, exponents per unit of time
    """

    kinds: np.ndarray = per_item()
    periods: np.ndarray = per_item()
    rotation_numbers: np.ndarray = per_item()
    digits: np.ndarray = per_item()
    residuals: np.ndarray = per_item()
    multipliers: np.ndarray = per_item()
    exponents: np.ndarray = per_item()
    states: np.ndarray = per_item()
    outputs: np.ndarray = per_item()
    verdicts: np.ndarray = per_item()
    trivial_errors: np.ndarray = per_item()
    harmonics: np.ndarray = per_item()
    tails: np.ndarray = per_item()
    convergence: np.ndarray = per_item()
    existence_radius: np.ndarray = per_item()
    coefficients: np.ndarray = per_item()
    output_coefficients: np.ndarray = per_item()
    orbits: np.ndarray = per_item()
    output_orbits: np.ndarray = per_item()
    starts_per_object: np.ndarray = per_item()
    start_object: np.ndarray
    start_status: np.ndarray
    left_at: np.ndarray
    precision: str
    continuous: bool

    @property
    def certified(self) -> np.ndarray:
        """(object,) whether an exact cycle was proved to exist within ``existence_radius``, in the max norm."""
        return np.isfinite(self.existence_radius)

    @property
    def attracting(self) -> LimitCycles:
        """Those that attract beyond doubt."""
        return self[self.verdicts == "attracting"]

    @property
    def transverse_moduli(self) -> np.ndarray:
        """(object, k) moduli of the multipliers but the one along: of a circle per step, of a cycle per period."""
        moduli = np.abs(self.multipliers)
        own = self.kinds == "invariant circle"
        if self.continuous:
            own = self.kinds == "periodic"
        out = moduli.copy()
        for i in np.flatnonzero(own & np.isfinite(moduli).any(axis=1)):
            along = 0 if self.kinds[i] == "invariant circle" else int(np.nanargmin(np.abs(moduli[i] - 1)))
            out[i] = np.append(np.delete(moduli[i], along), np.nan)
        return out

    @property
    def decay_per_revolution(self) -> np.ndarray:
        """(object,) what is left of the slowest deviation after one turn, or one period; NaN where unknown."""
        first = self.transverse_moduli[:, 0] if self.multipliers.shape[1] else np.full(len(self), np.nan)
        turn = np.where(self.kinds == "invariant circle", self.periods, 1.0)
        return first**turn

    def curve(self, theta: Any, k: int = 0) -> np.ndarray:
        """States (..., unit) of object k at phases theta (...), one turn being 1, against the sense of time if rho < 0.

        Of a cycle of a map the states are those of the step that the phase falls into.  NaN where there is neither.
        """
        return self._along(theta, k, self.coefficients, self.orbits)

    def output_curve(self, theta: Any, k: int = 0) -> np.ndarray:
        """The readout (..., output) along :meth:`curve`."""
        return self._along(theta, k, self.output_coefficients, self.output_orbits)

    def _along(self, theta: Any, k: int, series: np.ndarray, orbits: np.ndarray) -> np.ndarray:
        if not len(self):
            raise InputError("k must be one of the objects, but none was found")
        k = count("k", k, least=-len(self), most=len(self) - 1)
        theta = reals("theta", theta, integers=True)
        if self.harmonics[k]:
            return Curve(series[k, : self.harmonics[k] + 1], 0.0).at(theta)
        orbit = orbits[k][np.isfinite(orbits[k]).all(axis=1)]
        if not len(orbit):
            return np.full((*theta.shape, orbits.shape[2]), np.nan)
        return orbit[np.floor((theta % 1.0) * len(orbit) + 1e-9).astype(int) % len(orbit)]

    def headline(self) -> str:
        counts = Counter(self.kinds.tolist())
        said = [f"{n} {_named(kind, n)}" for kind in KINDS if (n := counts[kind])]
        said.append(f"{int((self.verdicts == 'attracting').sum())} attracting")
        circles = self.kinds == "invariant circle"
        if circles.any():
            said.append(f"residuals of circles <= {self.residuals[circles].max():.0e}")
        lost = int((self.start_object < 0).sum())
        said.append(f"{lost} of {len(self.start_object)} starts nowhere")
        return ", ".join(said)

    def called(self, k: int) -> str:
        """Object k by its number: an attractor only where it was shown to attract."""
        return f"{'attractor' if self.verdicts[k] == 'attracting' else 'object'} {k}"

    def sentences(self) -> list[str]:
        """What each object is, one line each."""
        return [_in_words(self, k) for k in range(len(self))]

    def table(self) -> dict[str, np.ndarray]:
        leading = self.exponents[:, 0] if self.exponents.shape[1] else np.full(len(self), np.nan)
        return {
            "kind": self.kinds,
            "verdict": self.verdicts,
            "period": self.periods,
            "rotation number": self.rotation_numbers,
            "digits": self.digits,
            "residual": self.residuals,
            "harmonics": self.harmonics,
            "left after one turn": self.decay_per_revolution,
            "largest exponent": leading,
            "certified": self.certified,
            "starts": self.starts_per_object,
        }


def _in_words(found: LimitCycles, k: int) -> str:
    """One object: its kind, how sure that is, and what it does to its neighbours."""
    kind, verdict = _named(str(found.kinds[k]), 1), str(found.verdicts[k])
    said = [f"{found.called(k)}: {kind}" + (f", {verdict}" if verdict != "attracting" else "")]
    if np.isfinite(found.periods[k]) and kind != "fixed point":
        said.append(f"period {found.periods[k]:.6g} {'units of time' if found.continuous else 'steps'}")
    if np.isfinite(found.rotation_numbers[k]):
        said.append(f"rotation number {found.rotation_numbers[k]:+.8f}")
    if np.isfinite(found.residuals[k]):
        said.append(f"residual {found.residuals[k]:.0e}")
    if found.certified[k]:
        said.append(f"certified: an exact one within {found.existence_radius[k]:.0e}")
    moduli = found.transverse_moduli[k]
    moduli = moduli[np.isfinite(moduli)][:3]
    if len(moduli):
        per = "step" if kind in ("fixed point", "invariant circle") else "period"
        said.append(f"multipliers {', '.join(f'{m:.3g}' for m in moduli)} per {per}")
    return ", ".join(said)


def _named(kind: str, n: int) -> str:
    """A kind as a noun, where it is one."""
    noun = {"periodic": "cycle"}.get(kind, kind)
    return noun + "s" * (n != 1 and noun.endswith(("point", "cycle", "circle")))


def find_limit_cycles(
    system: System,
    starts: Any = None,
    drive: Any = None,
    *,
    seed: Any = 0,
    n_starts: int = 24,
    n_transient: int = 1000,
    n_record: int = 4096,
    max_period: int = 64,
    max_harmonics: int = 128,
    n_exponents: int = 4,
    periods: int | Sequence[int] = (),
) -> LimitCycles:
    """Find what a map or a flow settles on: fixed points, cycles, invariant circles, or something else.

    Arguments:
        system: the map; a :class:`dynakit.Flow` is looked at in continuous time.
        starts: states to start from, (start, unit) or (..., unit), each of which is used; a start that is not finite
            is marked.  None: ``n_starts`` random states of the system's box, or of several scales where it has none.
        drive: the constant input, (input,); None is zero input.
        seed: of random starts.
        n_starts: how many, where none are given.
        n_transient: steps before anything is looked at; starts that are still on their way get ten times as many more.
        n_record: steps looked at (four times as many where the rotation number has few digits).
        max_period: longest cycle of a map looked for; longer ones are taken for what they look like.
        max_harmonics: most harmonics of a curve.
        n_exponents: leading exponents, and multipliers of circles.
        periods: periods of cycles of a map to look for by Newton's method as well, from many starts: the unstable ones
            are found that way.  Cycles beside given starts are found without, stable or not.

    Returns:
        LimitCycles.  The order of objects does not depend on the starts.  "slow" means that eleven times
        ``n_transient`` steps were not enough.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.

    >>> import dynakit as dk
    >>> cycles = dk.find_limit_cycles(dk.catalog.logistic(3.5), [[0.3], [0.8]])
    >>> cycles.kinds.tolist(), cycles.periods.tolist(), bool(cycles.certified.all())
    (['periodic'], [4.0], True)
    """
    checked(system).refuse_jumps("a search for cycles")
    n_transient, n_record = count("n_transient", n_transient), count("n_record", n_record, least=64)
    settings = Settings(
        n_record,
        count("max_period", max_period, most=n_record // 2),
        count("max_harmonics", max_harmonics, least=4),
        count("n_exponents", n_exponents),
    )
    wanted = _periods(system, periods)
    u = system.as_drive("drive", drive)
    matches_shape("drive", u.shape, (system.input_size,))
    seed, n_starts = seeding.as_seed(seed), count("n_starts", n_starts)
    with linalg.one_thread(), torch.no_grad(), np.errstate(all="ignore"):
        if starts is None:
            given = random_states(system, u, n_starts, seeding.stream(seed, "starts"))
        else:
            tensor = system.as_states("starts", starts)
            given = tensor.detach().cpu().numpy().reshape(-1, system.state_size)
        census = Census(Autonomous(system, u), given, settings, seed)
        census.run(n_transient)
        if starts is not None and not isinstance(system, Flow):
            census.look_near()
        census.look_for(wanted, max_starts=1024)
        said = {"n_transient": n_transient, "periods": wanted, **settings._asdict()}
        return LimitCycles(**columns(census), provenance=Provenance.of(system, seed=seed, **said))


def _periods(system: System, periods: Any) -> list[int]:
    values = list(periods) if isinstance(periods, Iterable) else [periods]
    if values and isinstance(system, Flow):
        raise InputError("periods must be empty for a flow: its cycles have no period in steps")
    return [count("periods", q) for q in values]
