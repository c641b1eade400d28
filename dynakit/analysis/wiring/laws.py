"""What the spectrum of a large random matrix is, and how far one of finite size lies from it.

With entries of mean 0 and variance s^2 / N, as N grows:

    circular          the eigenvalues fill the disc of radius s (Girko 1985; Tao and Vu 2010)
    elliptic          with tau the correlation of W_ij and W_ji, an ellipse of semi-axes s (1 + tau) and s (1 - tau)
                      (Sommers, Crisanti, Sompolinsky and Stein 1988)
    quarter circle    the singular values fill [0, 2 s]; of N x M entries of variance v the largest is
                      sqrt(v) (sqrt N + sqrt M) (Marchenko and Pastur 1967)
    part of low rank  an eigenvalue mu of it with |mu| > s is an outlier at mu + tau s^2 / mu (Tao 2013; O'Rourke and
                      Renfrew 2014); a singular value theta > s is one at (theta^2 + s^2) / theta, with vectors of
                      squared overlap 1 - s^2 / theta^2 with its own (Benaych-Georges and Nadakuditi 2012)

The spread of a finite matrix is known in closed form for singular values (Tracy and Widom; Johnstone 2001).  For
eigenvalues it is a power of N fitted to draws of 10 to 400 units, good to a third (``benchmarks/bench_wiring.py``).
"""

from __future__ import annotations

import functools
import math

import numpy as np

from ... import linalg

LEAST = 10  # units from which on a law of large matrices is held against one
TRACY_WIDOM = 1.268  # standard deviation of its distribution, of real matrices


def overshoot(n: int) -> float:
    """How much the largest modulus of n eigenvalues lies beyond the radius on average, as a share of it."""
    return 0.16 * n**-0.25


def radius_sd(n: int) -> float:
    """Standard deviation of the largest modulus, as a share of the radius."""
    return 0.69 * n**-0.62


def axis_sds(n: int, tau: float) -> tuple[float, float]:
    """Standard deviations of the largest real and the largest imaginary part, as shares of the semi-axes."""
    size = (n / 100) ** -0.57
    return 0.055 * size * max(1 + tau, 1e-3) ** -0.55, 0.044 * size * max(1 - tau, 1e-3) ** -0.55


def margins(n: int, tau: float = 0.0) -> tuple[float, float]:
    """By how much of each semi-axis an eigenvalue may lie beyond: overshoot and three standard deviations."""
    sd = 3 * radius_sd(n)
    return tuple(overshoot(n) + sd * max(1 + sign * tau, 1e-3) ** -0.55 for sign in (1, -1))  # type: ignore[return-value]


def filling_sd(n: int, tau: float) -> float:
    """Standard deviation of the mean squared distance from the centre, in semi-axes, about 1/2."""
    return 0.75 / n / max(1 - tau**2, 1e-3)


def eigen_outlier(mu: complex, s: float, tau: float) -> complex:
    """Where an eigenvalue ``mu`` of the part of low rank shows, beyond the bulk."""
    return mu + tau * s**2 / mu


def eigen_outlier_sd(mu: complex, s: float, condition: float, n: int) -> float:
    """Its standard deviation, for an eigenvalue of the part with this condition number."""
    r = min((s / abs(mu)) ** 2, 1 - 1e-9)
    return float(abs(mu) * condition * math.sqrt(r / (1 - r) / n))


def singular_edge(s: float, shape: tuple[int, int]) -> float:
    """The largest singular value of entries of variance s^2 / columns."""
    rows, columns = shape
    return s * (1 + math.sqrt(rows / columns))


def singular_edge_sd(shape: tuple[int, int]) -> float:
    """Its standard deviation, as a share of it."""
    a, b = math.sqrt(shape[0]), math.sqrt(shape[1])
    return TRACY_WIDOM / 2 * (1 / a + 1 / b) ** (1 / 3) / (a + b)


def singular_outlier(theta: float, s: float, shape: tuple[int, int]) -> float:
    """Where a singular value ``theta`` of the part of low rank shows: at the edge if it is too small."""
    c = shape[0] / shape[1]
    if theta <= s * c**0.25:
        return singular_edge(s, shape)
    return math.sqrt((theta**2 + s**2) * (theta**2 + c * s**2)) / theta


def hidden_value(value: float, s: float, shape: tuple[int, int]) -> float:
    """The theta whose outlier stands at ``value``; 0 within the bulk: the inverse of :func:`singular_outlier`."""
    if value <= singular_edge(s, shape):
        return 0.0
    c = shape[0] / shape[1]
    b = value**2 - s**2 * (1 + c)
    return math.sqrt((b + math.sqrt(max(b**2 - 4 * c * s**4, 0.0))) / 2)


def singular_overlaps(theta: float, s: float, shape: tuple[int, int]) -> tuple[float, float]:
    """Squared overlaps of the left and the right singular vector with those of the part; 0 below the threshold."""
    c = shape[0] / shape[1]
    if theta <= s * c**0.25:
        return 0.0, 0.0
    t = (theta / s) ** 2 if s > 0 else math.inf
    if not math.isfinite(t):
        return 1.0, 1.0
    return 1 - c * (1 + t) / (t * (t + c)), 1 - (c + t) / (t * (t + 1))


def overlap_sd(theta: float, s: float, n: int) -> float:
    """Standard deviation of a squared overlap."""
    r = min((s / theta) ** 2, 1 - 1e-9)
    return 1.4 * r / math.sqrt((1 - r) * n)


@functools.lru_cache(maxsize=64)
def median_singular(c: float) -> float:
    """The median singular value of rows x columns entries of variance 1 / columns, c = rows / columns <= 1."""
    low, high = 1 - math.sqrt(c), 1 + math.sqrt(c)
    # x = (low + high) / 2 - (high - low) / 2 cos(phi): the density's roots at both ends are smooth in phi
    phi = np.linspace(0, np.pi, 4001)[1:]
    x = (low + high) / 2 - (high - low) / 2 * np.cos(phi)
    density = np.sqrt(np.maximum((high**2 - x**2) * (x**2 - low**2), 0)) / x * np.sin(phi)
    cumulative = np.cumsum(density)
    return float(np.interp(0.5, cumulative / cumulative[-1], x))


def bulk_scale(values: np.ndarray, shape: tuple[int, int]) -> tuple[float, np.ndarray]:
    """The s of the bulk, sqrt(columns) times the spread of its entries, and the hidden values above it.

    From all singular values: first by their median (Gavish and Donoho 2014), which outliers do not move, then by the
    sum of squares without what stands out.  0 where half of the singular values are 0: there is no bulk.
    """
    largest = float(values.max(initial=0.0))
    if not largest > 0:
        return 0.0, np.zeros(0)
    s, hidden = _scale_of_one(values / largest, shape)
    return largest * s, largest * hidden


def _scale_of_one(values: np.ndarray, shape: tuple[int, int]) -> tuple[float, np.ndarray]:
    """The same for values of which the largest is 1."""
    rows, columns = shape
    spread = float(np.median(values)) / median_singular(min(shape) / max(shape))
    if not spread > 1e-12:
        return 0.0, values[values > 1e-12]
    s = spread * math.sqrt(columns / max(shape))
    hidden = np.zeros(0)
    for _ in range(20):
        before, limit = len(hidden), singular_edge(s, shape) * (1 + 3 * singular_edge_sd(shape))
        hidden = np.array([hidden_value(v, s, shape) for v in values[values > limit].tolist()])
        rest = float((values**2).sum() - (hidden**2).sum())
        if rest <= 0:
            break
        s = math.sqrt(rest / rows)
        if len(hidden) == before:
            break
    return s, hidden


def norm(W: np.ndarray) -> float:
    """The Frobenius norm, of entries whose squares may be too large or too small for floating point."""
    largest = float(np.abs(W).max(initial=0.0))
    return largest * float(np.linalg.norm(W / largest)) if largest > 0 else 0.0


def correlation(W: np.ndarray) -> float:
    """tau: sum of W_ij W_ji over pairs of units, over the sum of their squares; 0 without weights."""
    off = W / (np.abs(W).max(initial=0.0) or 1.0)
    off = off - np.diag(np.diag(off))
    total = float((off**2).sum())
    return float((off * off.T).sum()) / total if total > 0 else 0.0


def without_outliers(W: np.ndarray, n_hidden: int) -> np.ndarray:
    """W without its ``n_hidden`` largest singular values."""
    if not n_hidden:
        return W
    U, s, Vt = linalg.svd(W)
    return W - (U[:, :n_hidden] * s[:n_hidden]) @ Vt[:n_hidden]
