"""The rate at which a leaky unit rests that leaks inside of its function: psi with psi(z) = f((1 - a) psi(z) + a z).

r' = f((1-a) r + a z) stands still at r = psi(z).  The difference g(r) = f((1-a) r + a z) - r falls with r by at least
1 - (1-a) s, s the steepest slope of f, so that there is one such r, and a computed one is off by at most |g(r)| over
that.  Its slope is a f' / (1 - (1-a) f'), which rises with f'.

With w = (1-a) r + a z, computed within 3 u (|r| + |w|) of what it is: f is then off by at most 12 u (1 + |r|), because
|w| f'(w) stays below 1 where w < 0 or f is bounded; and ln f' moves no more than twice as far as w, so that beyond
|w| = 40 (where f' or 1 - f' is below 1e-17) an absolute error of 1e-28 covers it, and within a relative one of 300 u.
"""

from __future__ import annotations

import numpy as np

from .search import NoBox
from .units import U, Unit, unit

RESIDUAL = 16 * U  # relative to 1 + |r|, below which g is zero
MOST = 80  # steps


def resting(name: str, leak: np.ndarray | float) -> Unit:
    """psi of the function called ``name``; ``leak`` is a, for all units or for each (unit,), 0 < a <= 1."""
    f, a = unit(name), np.asarray(leak, float)
    if f.kinked:
        return f  # psi is relu itself
    least = float((1 - (1 - a) * f.steepest).min()) * (1 - 4 * U)
    steepest = 1.0 if f.steepest == 1 else float((a * f.steepest / (1 - (1 - a) * f.steepest)).max()) * (1 + 8 * U)
    off = (f.off + RESIDUAL + 20 * U) / least

    def value(z: np.ndarray) -> np.ndarray:
        return _solved(f, a, z)[0]

    def both(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r, slope = _solved(f, a, z)
        return r, a * slope / (1 - (1 - a) * slope)

    centre = 0.0 if f.bounds is None else (f.bounds[0] + f.bounds[1]) / 2
    peak = None if f.peak is None else -(1 - a) * centre / a
    relative, tiny = (f.relative + 300 * U + 4 * off) / least, 1e-28 / least
    beyond = f.beyond / float(a.min()) * (1 + 4 * U)
    return Unit(
        f"resting {name}", value, both, peak, f.bounds, steepest, beyond, off=off, relative=relative, tiny=tiny
    )


def _solved(f: Unit, a: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """psi(z) and f' there, by Newton's method between bounds that close in."""
    low, high = _between(f, a, z)
    r = np.clip(f.value(z), low, high)
    for _ in range(MOST):
        value, slope = f.both(r + a * (z - r))
        g = value - r
        if (np.abs(g) <= RESIDUAL * (1 + np.abs(r))).all():
            return r, slope
        low, high = np.where(g > 0, r, low), np.where(g < 0, r, high)
        nearer = r + g / (1 - (1 - a) * slope)
        r = np.where((nearer >= low) & (nearer <= high), nearer, (low + high) / 2)
    raise NoBox(f"the rate at which a leaky {f.name} unit rests could not be computed")


def _between(f: Unit, a: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if f.bounds is not None:
        return np.full_like(z, f.bounds[0]), np.full_like(z, f.bounds[1])
    least = np.maximum(z, 0.0)
    return least, least + f.beyond / a * (1 + 1e-9)
