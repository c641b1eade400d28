"""What of a matrix is random, and what its law says of each quantity of the spectrum beside what was found."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ... import linalg
from ...wording import three
from . import laws

EXACT = 1e-9  # of the norm of the matrix: what rounding may do to an eigenvalue that is known exactly


class Quantity(NamedTuple):
    """What a law says of one quantity, and what was found."""

    name: str
    predicted: float
    found: float
    sd: float


class Bulk(NamedTuple):
    """The random part of a matrix."""

    matrix: np.ndarray  # without what stands out
    s: float
    reason: str  # why no law can be held against it


class BesideLaw(NamedTuple):
    """A spectrum beside its law."""

    rows: list[Quantity]
    bulk: Bulk
    values: np.ndarray
    beyond: np.ndarray  # (value,) which are outliers
    axes: np.ndarray
    margins: np.ndarray
    predicted_outliers: np.ndarray
    tau: float = 0.0


def _bulk(W: np.ndarray, known: tuple[np.ndarray, np.ndarray] | None) -> Bulk:
    """The random part: W without the known part, or without its largest singular values."""
    rest = W if known is None else W - known[0] @ known[1].T
    values = linalg.svd(rest)[1]
    s, hidden = laws.bulk_scale(values, rest.shape)  # type: ignore[arg-type]
    if not np.any(W):
        return Bulk(rest, 0.0, "the matrix is zero")
    if min(W.shape) < laws.LEAST:
        return Bulk(rest, s, f"a law of large matrices, and this one is {W.shape[0]} x {W.shape[1]}")
    if not s > 0:
        return Bulk(rest, 0.0, f"there is no bulk, the matrix is of rank {len(hidden)}")
    if known is not None:
        return Bulk(rest, laws.norm(rest) / math.sqrt(len(rest)), "")
    return Bulk(laws.without_outliers(rest, len(hidden)), s, "")


def elliptic(W: np.ndarray, law: str, known: Any) -> BesideLaw:
    """Eigenvalues in an ellipse, or in a disc."""
    bulk, n = _bulk(W, known), len(W)
    tau = laws.correlation(bulk.matrix) if law == "elliptic" else 0.0
    axes = bulk.s * np.array([1 + tau, 1 - tau])
    margins, values = np.array(laws.margins(max(n, 1), tau)), linalg.eigvals(W)
    beyond = (distances(values, axes * (1 + margins)) > 1) & _above_rounding(values, W)
    inside: Any = values[~beyond]
    parts = [np.abs(inside.real).max(initial=0.0), np.abs(inside.imag).max(initial=0.0)]
    if law == "circular":
        rows = [Quantity("radius", bulk.s, float(np.abs(inside).max(initial=0.0)), bulk.s * _radius_sd(n))]
    else:
        sds = axes * laws.axis_sds(max(n, 1), tau)
        names = ("real_axis", "imaginary_axis")
        rows = [Quantity(name, *row) for name, *row in zip(names, axes.tolist(), map(float, parts), sds.tolist())]
    filled = float((distances(inside, axes) ** 2).mean()) if len(inside) and axes.min() > 0 else float("nan")
    rows.append(Quantity("filling", 0.5, filled, laws.filling_sd(max(n, 1), tau)))
    expected = _shown(known, bulk.s, tau, n, axes * (1 + margins))
    rows += _outlier_rows(expected, values[beyond], len(expected))
    return BesideLaw(
        rows, bulk, values, beyond, axes, margins, np.array([where for where, _ in expected], complex), tau
    )


def distances(values: Any, axes: np.ndarray) -> np.ndarray:
    """From the centre, in semi-axes; infinite along an axis of length 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.stack([values.real / axes[0], values.imag / axes[1]])
    return np.hypot(*np.where(np.isnan(parts), 0.0, parts))


def _above_rounding(values: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Which values are more than what rounding makes of zero: of a matrix of low rank alone most are not."""
    return np.abs(values) > EXACT * laws.norm(W)


def _radius_sd(n: int) -> float:
    return laws.radius_sd(max(n, 1))


def _shown(known: Any, s: float, tau: float, n: int, edge: np.ndarray) -> list[tuple[complex, float]]:
    """Where eigenvalues of the known part should show beyond the edge, and the standard deviation of each."""
    if known is None or not s > 0:
        return []
    m, n_vectors = known
    small = linalg.eig((n_vectors.T @ m)[None])
    lengths = np.linalg.norm(m @ small.right[0], axis=0) * np.linalg.norm(n_vectors @ small.left[0], axis=0)
    found = []
    for mu, length in zip(small.values[0].tolist(), lengths.tolist()):
        if not abs(mu) > s:
            continue
        where = laws.eigen_outlier(mu, s, tau)
        if distances(np.array([where]), edge)[0] > 1:  # length / |mu| is the condition number of mu in m n^T
            found.append((where, laws.eigen_outlier_sd(mu, s, length / abs(mu), n)))
    return found


def _outlier_rows(expected: list[tuple[complex, float]], found: np.ndarray, n_expected: int) -> list[Quantity]:
    rows = [Quantity("n_outliers", float(n_expected), float(len(found)), 0.0)]
    for where, sd in expected:
        nearest = found[np.abs(found - where).argmin()] if len(found) else np.nan
        rows.append(Quantity("outlier", abs(where), float(np.abs(nearest)), sd))
    return rows


def rajan_abbott(W: np.ndarray, signs: np.ndarray) -> BesideLaw:
    """Columns of mean mu_E or mu_I and noise whose rows sum to zero."""
    n, size = len(W), float(np.abs(W).sum(axis=1).max(initial=0.0))
    means = np.zeros(n)
    for kind in (1, -1):
        if (signs == kind).any():
            means[signs == kind] = W[:, signs == kind].mean()
    noise, sums = W - means, W.sum(axis=1)
    s = laws.norm(noise) / math.sqrt(n) if n else 0.0
    bulk = Bulk(noise, s, _bulk(W, None).reason or ("" if s > 0 else "the weights have no noise"))
    exact = bool(np.ptp(sums) <= EXACT * size) if n else False
    mean = float(sums.mean()) if n else 0.0
    margin = laws.margins(max(n, 1))[0]
    edge, values = s * (1 + margin), linalg.eigvals(W)
    beyond = (np.abs(values) > edge) & _above_rounding(values, W)
    nearest = values[np.abs(values - mean).argmin()] if n else complex("nan")
    inside = np.abs(values[~beyond]).max(initial=0.0)
    rows = [
        Quantity("radius", s, float(inside), s * _radius_sd(n)),
        Quantity("n_outliers", float(abs(mean) > edge), float(beyond.sum()), 0.0),
        Quantity("outlier", mean, float(nearest.real), EXACT * size),
    ]
    off = float(np.abs(sums - mean).max(initial=0.0))
    if not bulk.reason and not exact:
        bulk = bulk._replace(reason=f"it needs noise whose rows sum to zero, and row sums differ by up to {three(off)}")
    return BesideLaw(
        rows, bulk, values, beyond, np.array([s, s]), np.array([margin, margin]),
        np.array([mean] if abs(mean) > edge else [], complex),
    )  # fmt: skip


def singular(W: np.ndarray, known: Any) -> BesideLaw:
    """Singular values, a part of low rank known or not."""
    bulk, shape = _bulk(W, known), (len(W), W.shape[1])
    U, values, Vt = linalg.svd(W)
    usable = min(shape) > 0
    edge = laws.singular_edge(bulk.s, shape) if usable else 0.0
    sd = laws.singular_edge_sd(shape) if usable else 0.0
    beyond = (values > edge * (1 + 3 * sd)) & _above_rounding(values, W)
    c = min(shape) / max(shape) if usable else 1.0
    middle = bulk.s * laws.median_singular(c) * math.sqrt(max(shape) / shape[1]) if usable else 0.0
    found = float(np.median(values)) if usable else float("nan")
    rows = [
        Quantity("edge", edge, float(values[~beyond].max(initial=0.0)), edge * sd),
        Quantity("median", middle, found, 1.2 * bulk.s / max(min(shape), 1)),
    ]
    expected, more = _shown_singular(known, bulk.s, shape, (U, values, Vt), edge * (1 + 3 * sd))
    rows += [Quantity("n_outliers", float(len(expected)), float(beyond.sum()), 0.0), *more]
    return BesideLaw(
        rows, bulk, values, beyond, np.array([0.0, edge]), np.array([0.0, 3 * sd]), np.array(expected)
    )


def _shown_singular(
    known: Any, s: float, shape: tuple[int, int], found: tuple[np.ndarray, ...], limit: float
) -> tuple[list[float], list[Quantity]]:
    """Where singular values of the known part should show, and what of them does."""
    if known is None or not s > 0:
        return [], []
    U, values, Vt = found
    left, theta, right = linalg.svd(known[0] @ known[1].T)
    rows, expected = [], []
    for k, t in enumerate(theta[: known[0].shape[1]].tolist()):
        where = laws.singular_outlier(t, s, shape)
        if where <= limit:
            continue
        expected.append(where)
        r = (s / t) ** 2
        rows.append(Quantity("outlier", where, float(values[k]), s * math.sqrt(max(1 - r, 0.0) / shape[1])))
        for name, predicted, a, b in zip(
            ("left_overlap", "right_overlap"),
            laws.singular_overlaps(t, s, shape),
            (left[:, k], right[k]),
            (U[:, k], Vt[k]),
        ):
            rows.append(Quantity(name, predicted, float((a @ b) ** 2), laws.overlap_sd(t, s, min(shape))))
    return expected, rows


def verdict(row: Quantity) -> str:
    """Whether a quantity is as the law predicts it: within three standard deviations of draws of this size."""
    away = abs(row.found - row.predicted)
    if not math.isfinite(away):
        return "departs" if row.name == "outlier" else "undetermined"
    if row.name == "radius" and row.found > row.predicted:  # beyond it lies what is counted as outliers
        return "as predicted"
    return "as predicted" if away <= 3 * row.sd + 1e-12 * abs(row.predicted) else "departs"
