"""How does the choice depend on the strength of the evidence?

At each signed strength c the share of trials that chose "+" is counted, with the interval of Wilson (1927, JASA
22, 209-212).  The curve through them is a cumulative normal, P(+) = Phi(slope c + offset), fitted by maximum
likelihood (Finney 1971, Probit Analysis).  Evidence that does not matter has slope 0; an observer who
integrates white noise of standard deviation s for a time T without loss has slope sqrt(T) / s and offset 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import log_ndtr, ndtr

from ..checks import matches_shape, reals
from ..errors import InputError
from ..provenance import with_provenance
from ..results import Result, per_item
from ..wording import counted
from .proportions import wilson_interval

__all__ = ["PsychometricCurve", "psychometric_curve"]

MOST_STEPS = 100


@dataclass(frozen=True, kw_only=True, repr=False)
class PsychometricCurve(Result):
    """Choices against strength, one entry per strength, and the cumulative normal through them.

    Where every choice is told by the strength, the slope is infinite and the offset NaN; where all choices are
    alike, or there is one strength only, both are NaN.

    Attributes:
        strengths: (strength,) rising
        n_trials: (strength,) trials with a choice
        n_chosen: (strength,) trials that chose "+"
        intervals: (strength, 2) Wilson's 95 % interval of the share that chose "+", 0..1
        slope: per unit of strength
        offset: in standard deviations: Phi(offset) is the share at strength 0
        slope_error: standard error of the slope, from the Fisher information
        offset_error: standard error of the offset, in standard deviations
        n_undecided: trials without a choice: left out
    """

    drawn_by: ClassVar[str] = "plot_psychometric"

    strengths: np.ndarray = per_item()
    n_trials: np.ndarray = per_item()
    n_chosen: np.ndarray = per_item()
    intervals: np.ndarray = per_item()
    slope: float
    offset: float
    slope_error: float
    offset_error: float
    n_undecided: int = 0

    @property
    def shares(self) -> np.ndarray:
        """Share of "+" at each strength, (strength,)."""
        return self.n_chosen / self.n_trials

    @property
    def bias(self) -> float:
        """The strength at which both choices are equally likely."""
        return -self.offset / self.slope if self.slope else float("nan")

    def predict(self, strengths: Any) -> np.ndarray:
        """P(+) of the fitted curve at other strengths, of the shape given; NaN where nothing was fitted."""
        at = reals("strengths", strengths, (...,))
        with np.errstate(invalid="ignore"):  # an infinite slope
            return ndtr(self.slope * at + self.offset)

    def table(self) -> dict[str, np.ndarray]:
        return super().table() | {
            "share": self.shares,
            "low": self.intervals[:, 0],
            "high": self.intervals[:, 1],
        }

    def headline(self) -> str:
        said = f"{counted(int(self.n_trials.sum()), 'trial')} at {counted(len(self), 'strength')}"
        fit = f"slope {self.slope:.3g} +- {self.slope_error:.2g}, bias {self.bias:.2g}"
        return f"{said}, {fit}" + (f"; {self.n_undecided} without a choice" if self.n_undecided else "")


@with_provenance
def psychometric_curve(choices: Any, strengths: Any) -> PsychometricCurve:
    """Count choices at each strength of the evidence and fit a cumulative normal.

    Arguments:
        choices: (trial,) booleans, or numbers, such as outputs, whose sign is the choice: 0 and NaN are none.
        strengths: (trial,) signed strength of the evidence; trials with equal values are counted together.

    Raises:
        InputError: naming the argument of the wrong shape, or if no trial has a choice.

    >>> import numpy as np
    >>> strengths = np.repeat([-1.0, 0.0, 1.0], 100)
    >>> choices = np.arange(300) % 100 < np.repeat([16, 60, 84], 100)
    >>> psychometric_curve(choices, strengths)
    PsychometricCurve(300 trials at 3 strengths, slope 0.997 +- 0.11, bias -0.11)
    """
    strengths = reals("strengths", strengths, ("trial",))
    array = np.asarray(choices.detach().cpu() if hasattr(choices, "detach") else choices)
    signs = np.where(array, 1.0, -1.0) if array.dtype.kind == "b" else _signs(array)
    matches_shape("choices", signs.shape, strengths.shape)
    decided = signs != 0
    if not decided.any():
        raise InputError("choices must hold at least one choice: all are 0 or NaN")
    levels, which = np.unique(strengths[decided], return_inverse=True)
    n_trials = np.bincount(which)
    n_chosen = np.bincount(which, weights=signs[decided] > 0).astype(int)
    (offset, slope), (offset_error, slope_error) = _probit(levels, n_trials, n_chosen)
    return PsychometricCurve(
        strengths=levels,
        n_trials=n_trials,
        n_chosen=n_chosen,
        intervals=wilson_interval(n_chosen, n_trials),
        slope=float(slope),
        offset=float(offset),
        slope_error=float(slope_error),
        offset_error=float(offset_error),
        n_undecided=int((~decided).sum()),
    )


def _signs(values: np.ndarray) -> np.ndarray:
    """The sign of each number; NaN is no sign."""
    numbers = values.astype(float) if values.dtype.kind in "iu" else reals("choices", values, finite=False)
    return np.sign(np.nan_to_num(numbers, nan=0.0))


def _probit(x: np.ndarray, n: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(offset, slope) of P = Phi(offset + slope x) and their standard errors, by Fisher scoring.

    The likelihood is concave; it has a maximum unless the strength tells all choices apart.
    """
    nothing = np.full(2, np.nan)
    plus, minus = x[k > 0], x[k < n]
    if len(x) < 2 or not len(plus) or not len(minus):
        return nothing, nothing
    if minus.max() <= plus.min() or plus.max() <= minus.min():
        return np.array([np.nan, np.inf if minus.max() <= plus.min() else -np.inf]), nothing
    middle, unit = np.average(x, weights=n), x[-1] - x[0]
    A, w = np.stack([np.ones(len(x)), (x - middle) / unit], axis=1), np.zeros(2)
    back = np.array([[1, -middle / unit], [0, 1 / unit]])
    for _ in range(MOST_STEPS):
        gradient, covariance = _score(A, w, n, k)
        step = covariance @ gradient
        longest = (1 + np.abs(w).max()) / max(np.abs(step).max(), 1e-300)  # far out a step is too long
        w = w + step * min(1.0, longest)
        if np.abs(step).max() < 1e-12 * (1 + np.abs(w).max()):
            return back @ w, np.sqrt(np.diag(back @ _score(A, w, n, k)[1] @ back.T))
    return nothing, nothing


def _score(A: np.ndarray, w: np.ndarray, n: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of the log-likelihood, and the inverse of the Fisher information."""
    eta = A @ w
    log_density = -(eta**2) / 2 - np.log(2 * np.pi) / 2
    up, down = np.exp(log_density - log_ndtr(eta)), np.exp(log_density - log_ndtr(-eta))
    (a, b), (_, d) = A.T @ (A * (n * up * down)[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = np.array([[d, -b], [-b, a]]) / (a * d - b * b)
    return A.T @ (k * up - (n - k) * down), covariance
