"""The objects that a search for cycles found: what they are, what they do to their neighbours, and in which words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...checks import count, reals
from ...errors import InputError
from ...results import Result, per_item
from ...wording import counted
from ..exponents import UNBOUNDED
from .circle import Curve
from .columns import KINDS


@dataclass(frozen=True, kw_only=True, repr=False)
class LimitCycles(Result):
    """The distinct objects that were found, by kind, those that attract first, then by period.

    An object of a map is a "fixed point", "periodic" or an "invariant circle", one of a flow a "fixed point" or a
    "limit cycle", or it is "unresolved", "chaotic" or "slow" motion, of which only states and exponents are given.
    Rows are padded with NaN where objects differ in length.

    Attributes:
        kinds: (object,) fixed point | periodic | limit cycle | invariant circle | unresolved | chaotic | slow
        periods: (object,) least, in steps; of a circle 1 / |rho|; of a flow in its unit of time, NaN for a fixed point
        rotation_numbers: (object,) turns per step, in (-1/2, 1/2], > 0 anticlockwise; of a flow per unit of time
        digits: (object,) decimal digits of rotation numbers, on which halves of the orbit agree
        residuals: (object,) of a cycle of a map max |F(x_i) - x_(i+1)|, of a fixed point of a flow max |f|; of a circle
            or a limit cycle the largest gap relative to its size
        multipliers: (object, k) of a cycle per period; of a circle per step, that along it first; of a fixed point of a
            flow per unit of time
        exponents: (object, k) Lyapunov's, falling; nats per step, of a flow per unit of time
        states: (object, unit) one state on each
        outputs: (object, output) the readout there
        verdicts: (object,) attracting | repelling | saddle | neutral | undetermined
        trivial_errors: (object,) | |multiplier along it| - 1 |, a check; NaN where none is known
        harmonics: (object,) how many the curve has; 0: it is none
        tails: (object,) last coefficients of the curve over the largest
        convergence: (object, j) residual of a circle cut off at 2^j harmonics, relative to its size
        existence_radius: (object,) an exact cycle is that near, max norm; NaN: not proved
        coefficients: (object, k, unit) complex, of the curve, k >= 0
        output_coefficients: (object, k, output) of the readout along it
        orbits: (object, step, unit) once around a cycle of a map
        output_orbits: (object, step, output) the readout along that
        starts_per_object: (object,) how many starts ended on it
        start_object: (start,) the object it reached, as numbered in the whole result; -1: none
        start_status: (start,) settled | slow | unbounded | not finite | unfinished: the search was ended before
        left_at: (start,) the step at which a start left every bound; -1: it did not
        precision: of the numbers that were analysed, and of the weights where that is known
        dynamics: "map", or "flow": looked at in continuous time
    """

    drawn_by: ClassVar[str] = "plot_cycles"

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
    dynamics: str

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
        """(object, k) moduli of ``multipliers`` without the one along a circle or a limit cycle."""
        moduli = np.abs(self.multipliers)
        own = np.isin(self.kinds, ("invariant circle", "limit cycle"))
        out = moduli.copy()
        for i in np.flatnonzero(own & np.isfinite(moduli).any(axis=1)):
            along = 0 if self.kinds[i] == "invariant circle" else int(np.nanargmin(np.abs(moduli[i] - 1)))
            out[i] = np.append(np.delete(moduli[i], along), np.nan)
        return out

    @property
    def decay_per_revolution(self) -> np.ndarray:
        """(object,) what is left of the slowest deviation after one turn, or one period; NaN where unknown.

        Of a fixed point after one step, of one of a flow after one unit of time.
        """
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
        lost, n = int((self.start_object < 0).sum()), len(self.start_object)
        gone = int((self.start_status == UNBOUNDED).sum())
        said += [f"{gone} of {counted(n, 'start')} unbounded"] if gone else []
        said += [f"{lost - gone} of {counted(n, 'start')} nowhere"] if lost > gone or not gone else []
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
    kind, verdict = str(found.kinds[k]), str(found.verdicts[k])
    tick = "unit of time" if found.dynamics == "flow" else "step"
    said = [f"{found.called(k)}: {_named(kind, 1)}" + (f", {verdict}" if verdict != "attracting" else "")]
    if np.isfinite(found.periods[k]) and kind != "fixed point":
        said.append(
            f"period {found.periods[k]:.6g} {tick.replace('unit', 'units') if ' ' in tick else 'steps'}"
        )
    if np.isfinite(found.rotation_numbers[k]):
        said.append(f"rotation number {found.rotation_numbers[k]:+.8f} per {tick}")
    if np.isfinite(found.residuals[k]):
        said.append(f"residual {found.residuals[k]:.0e}")
    if found.certified[k]:
        said.append(f"certified: an exact one within {found.existence_radius[k]:.0e}")
    moduli = found.transverse_moduli[k]
    moduli = moduli[np.isfinite(moduli)][:3]
    if len(moduli):
        per = tick if kind in ("fixed point", "invariant circle") else "period"
        said.append(f"multipliers {', '.join(f'{m:.3g}' for m in moduli)} per {per}")
    return ", ".join(said)


def _named(kind: str, n: int) -> str:
    """A kind as a noun, where it is one."""
    noun = {"periodic": "cycle"}.get(kind, kind)
    return noun + "s" * (n != 1 and noun.endswith(("point", "cycle", "circle")))
