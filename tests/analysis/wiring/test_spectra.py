"""Spectra against the laws of random matrices, on draws whose law is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.wiring import laws
from dynakit.errors import InputError

N, DRAWS = 60, 24


def gaussian(seed, n=N, tau=0.0):
    """Entries of variance 1 / n; those across the diagonal correlated."""
    X = np.random.default_rng(seed).normal(size=(n, n)) / n**0.5
    S, A = (X + X.T) / 2**0.5, (X - X.T) / 2**0.5
    return ((1 + tau) / 2) ** 0.5 * S + ((1 - tau) / 2) ** 0.5 * A


def unit(seed, n=N):
    v = np.random.default_rng(seed).normal(size=n)
    return v / np.linalg.norm(v)


def row(result, name):
    """predicted, found and sd of a quantity."""
    k = result.quantities.tolist().index(name)
    return result.predicted[k], result.found[k], result.sd[k]


def mean_of(results, name):
    """Mean of what was found, what was predicted, and four standard errors of that mean."""
    rows = np.array([row(r, name) for r in results])
    return rows[:, 1].mean(), rows[:, 0].mean(), 4 * rows[:, 2].mean() / len(rows) ** 0.5


@pytest.fixture(scope="module")
def circular():
    return [dk.compare_with_law(gaussian(k)) for k in range(DRAWS)]


def test_a_gaussian_matrix_fills_a_disc_of_radius_one(circular):
    found, predicted, within = mean_of(circular, "radius")
    assert_allclose(predicted, 1, atol=0.01)
    assert abs(found - 1 - laws.overshoot(N)) < within
    found, predicted, within = mean_of(circular, "filling")
    assert abs(found - 0.5) < within
    assert_allclose([r.scale for r in circular], 1, atol=0.06)
    assert sum(r.verdict == "as predicted" for r in circular) >= DRAWS - 2
    assert sum(len(r.outliers) for r in circular) <= 2


@pytest.mark.parametrize("tau", [0.5, -0.5])
def test_correlated_entries_fill_an_ellipse(tau):
    results = [dk.compare_with_law(gaussian(k, tau=tau), "elliptic") for k in range(DRAWS)]
    assert_allclose(np.mean([r.tau for r in results]), tau, atol=0.02)
    for name, axis in (("real_axis", 1 + tau), ("imaginary_axis", 1 - tau)):
        found, predicted, within = mean_of(results, name)
        assert_allclose(predicted, axis, atol=0.03)
        assert abs(found - axis) < within + 0.08 * axis  # what is left of finite size at 60 units
    assert sum(r.verdict == "as predicted" for r in results) >= DRAWS - 2
    assert dk.compare_with_law(gaussian(0, tau=tau)).verdict == "departs"  # a disc it is not


def test_singular_values_end_where_marchenko_and_pastur_say():
    results = [dk.compare_with_law(gaussian(k), "marchenko_pastur") for k in range(DRAWS)]
    found, _, within = mean_of(results, "edge")
    tracy_widom = 1 - 1.2065 / 1.268 * laws.singular_edge_sd((N, N))
    assert abs(found - 2 * tracy_widom) < within + 0.02
    found, _, within = mean_of(results, "median")
    assert abs(found - 0.8079) < within
    assert sum(r.verdict == "as predicted" for r in results) >= DRAWS - 2


@pytest.mark.parametrize("shape", [(40, 120), (120, 40)])
def test_rectangles_too(shape):
    W = 3 * np.random.default_rng(0).normal(size=shape)
    result = dk.compare_with_law(W, "marchenko_pastur")
    predicted, found, sd = row(result, "edge")
    assert_allclose(predicted, 3 * (120**0.5 + 40**0.5), rtol=0.03)
    assert abs(found - predicted) < 4 * sd
    predicted, found, sd = row(result, "median")
    assert_allclose(predicted, 3 * 40**0.5 * laws.median_singular(1 / 3) * 3**0.5, rtol=0.03)
    assert result.verdict == "as predicted"
    x = np.linspace(0, 2 * result.axes[1], 20001)
    assert_allclose(np.trapezoid(result.density(x), x), 1, atol=1e-3)


def test_the_median_of_a_quarter_circle_is_that_of_its_closed_form():
    m = laws.median_singular(1.0)  # area up to x of sqrt(4 - x^2) / pi: (x sqrt(4 - x^2) / 2 + 2 asin(x / 2)) / pi
    assert_allclose((m * (4 - m**2) ** 0.5 / 2 + 2 * np.arcsin(m / 2)) / np.pi, 0.5, atol=1e-3)


def test_a_part_of_rank_one_shows_as_a_singular_value_with_its_overlap():
    results = []
    for k in range(DRAWS):
        u, v = unit(100 + k), unit(200 + k)
        results.append(dk.compare_with_law(gaussian(k) + 2 * np.outer(u, v), "marchenko_pastur", low_rank=(2 * u, v)))
    found, predicted, within = mean_of(results, "outlier")
    assert_allclose(predicted, 2.5, atol=0.02)
    assert abs(found - 2.5) < within
    for name in ("left_overlap", "right_overlap"):
        found, predicted, within = mean_of(results, name)
        assert_allclose(predicted, 0.75, atol=0.02)
        assert abs(found - 0.75) < within
    assert sum(r.verdict == "as predicted" for r in results) >= DRAWS - 3
    unknown = dk.compare_with_law(gaussian(0) + 2 * np.outer(u, v), "marchenko_pastur")
    assert (len(unknown.outliers), unknown.verdict) == (1, "departs")


def test_a_part_of_rank_one_shows_as_an_eigenvalue_where_its_overlap_is_large_enough():
    results = []
    for k in range(DRAWS):
        m = N**0.5 * unit(100 + k)
        n = 1.8 * m / N + unit(200 + k) / N**0.5
        n += (1.8 - n @ m) * m / (m @ m)  # n'm is 1.8
        results.append(dk.compare_with_law(gaussian(k) + np.outer(m, n), low_rank=(m, n)))
    found, predicted, within = mean_of(results, "outlier")
    assert_allclose(predicted, 1.8, atol=1e-6)
    assert abs(found - 1.8) < within
    assert_allclose(np.mean([r.predicted_outliers[0] for r in results]), 1.8)
    small = dk.compare_with_law(gaussian(0) + 0.5 * np.outer(m, m) / N, low_rank=(0.5 * m, m / N))
    assert (len(small.predicted_outliers), row(small, "n_outliers")[:2]) == (0, (0, 0))


def rajan_abbott(seed, *, zero_sums):
    sign = np.where(np.arange(N) < 0.8 * N, 1, -1)
    means = np.where(sign > 0, 1, -3.0) / N**0.5
    noise = gaussian(seed)
    if zero_sums:
        noise -= noise.mean(axis=1, keepdims=True)
    return noise + means, sign, means.sum()


@pytest.mark.parametrize("seed", range(4))
def test_the_outlier_of_rajan_and_abbott_is_exact_under_their_condition(seed):
    W, sign, mean = rajan_abbott(seed, zero_sums=True)
    result = dk.compare_with_law(W, "rajan_abbott", sign=sign)
    assert_allclose(row(result, "outlier")[:2], mean, atol=1e-12)
    assert_allclose(result.outliers, [mean], atol=1e-12)
    assert (result.verdict, result.reason) == ("as predicted", "")
    assert_allclose(result.scale, 1, atol=0.06)


def test_without_it_the_outliers_are_found_and_the_reason_is_said():
    W, sign, _ = rajan_abbott(0, zero_sums=False)
    result = dk.compare_with_law(W, "rajan_abbott", sign=sign)
    assert set(result.verdicts) == {"undetermined"}
    assert "rows sum to zero" in result.reason
    assert len(result.outliers) > 0
    assert_allclose(np.abs(np.linalg.eigvals(W)).max(), np.abs(result.outliers).max())


def test_a_rotation_departs_for_it_is_a_circle_and_no_disc():
    result = dk.compare_with_law(np.linalg.qr(gaussian(0))[0])
    assert result.verdicts[result.quantities == "filling"] == ["departs"]
    assert_allclose(row(result, "filling")[1], 1)


def test_the_jacobian_of_a_leaky_network_has_its_centre_at_what_stays():
    alpha = 0.2
    J = (1 - alpha) * np.eye(N) + alpha * gaussian(1)
    result = dk.compare_with_law(J, centre=1 - alpha)
    assert (result.verdict, result.centre) == ("as predicted", 0.8)
    assert_allclose(result.scale, alpha, rtol=0.05)
    assert_allclose(sorted(result.values.real), sorted(np.linalg.eigvals(J).real), atol=1e-12)
    assert dk.compare_with_law(J).verdict == "departs"


@pytest.mark.parametrize("law", ["circular", "elliptic", "rajan_abbott", "marchenko_pastur"])
@pytest.mark.parametrize(
    ("W", "reason"),
    [
        (np.zeros((0, 0)), "zero"),
        (np.zeros((20, 20)), "zero"),
        (np.ones((1, 1)), "large matrices"),
        (np.ones((20, 20)), "no"),
    ],
)
def test_where_no_law_can_hold_the_verdict_is_undetermined_and_the_reason_said(law, W, reason):
    sign = np.ones(len(W)) if law == "rajan_abbott" else None
    result = dk.compare_with_law(W, law, sign=sign)
    assert set(result.verdicts) == {"undetermined"}
    assert reason in result.reason
    if len(W) == 20:
        assert len(result.outliers) == W.any()


def test_nothing_learnt_is_nothing_exactly():
    W = gaussian(0)
    result = dk.compare_with_law(W, before=W)
    assert (result.scale, len(result.outliers), result.reason) == (0, 0, "the matrix is zero")
    learnt = dk.compare_with_law(W + np.outer(unit(1), unit(2)), "marchenko_pastur", before=W)
    assert_allclose(learnt.outliers, [1.0])


def test_permuting_and_scaling_change_nothing_but_the_scale():
    W, order = gaussian(3) + np.outer(unit(1), 2 * unit(1)), np.random.default_rng(0).permutation(N)
    one, other = dk.compare_with_law(W, "elliptic"), dk.compare_with_law(7 * W[np.ix_(order, order)], "elliptic")
    assert_allclose(other.found[:2], 7 * one.found[:2])
    assert_allclose([other.scale, other.tau], [7 * one.scale, one.tau])
    assert (other.verdicts == one.verdicts).all()


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1e160, 1e200])
@pytest.mark.parametrize("law", ["elliptic", "marchenko_pastur", "rajan_abbott"])
def test_weights_of_any_size_are_judged_alike(size, law):
    W = gaussian(3) + np.outer(unit(1), 2 * unit(1))
    sign = np.where(np.arange(N) < 40, 1, -1) if law == "rajan_abbott" else None
    one, other = (dk.compare_with_law(a * W, law, sign=sign) for a in (1.0, size))
    assert_allclose([other.scale, other.tau], [size * one.scale, one.tau], rtol=1e-9)
    assert (other.verdicts == one.verdicts).all()
    assert len(other.outliers) == len(one.outliers)


@pytest.mark.parametrize(
    ("W", "kwargs", "word"),
    [
        (np.zeros((3, 4)), {}, "W must be square"),
        (np.full((3, 3), np.inf), {}, "W must be finite"),
        (np.eye(3), {"law": "circle"}, "law must be one of .*did you mean 'circular'"),
        (np.eye(3), {"before": np.eye(4)}, "before must have shape"),
        (np.eye(3), {"low_rank": np.ones(3)}, "low_rank must be a pair"),
        (np.eye(3), {"low_rank": (np.ones(3), np.ones(4))}, "low_rank must be"),
        (np.eye(3), {"sign": [1, 1, -1]}, "sign must be None"),
        (np.eye(3) - 1, {"law": "rajan_abbott", "low_rank": (np.ones(3), np.ones(3))}, "low_rank must be None"),
        (np.array([[1.0, 1.0], [-1.0, 1.0]]), {"law": "rajan_abbott"}, "sign must say .* unit 0"),
        (np.eye(3), {"law": "marchenko_pastur", "centre": 1.0}, "centre"),
    ],
)
def test_bad_arguments_are_named(W, kwargs, word):
    with pytest.raises(InputError, match=word):
        dk.compare_with_law(W, **kwargs)


def test_the_picture_holds_every_eigenvalue_the_edge_and_what_was_expected():
    u, v = unit(1), unit(2)
    m = N**0.5 * unit(3)
    for result in (
        dk.compare_with_law(gaussian(0) + 2 * np.outer(m, m) / N, low_rank=(2 * m, m / N)),
        dk.compare_with_law(gaussian(0) + 4 * np.outer(u, v), "marchenko_pastur", low_rank=(4 * u, v)),
    ):
        ax = dk.plots.plot_law(result)
        drawn = {line.get_gid(): line.get_xdata() for line in ax.lines}
        assert_allclose(drawn["outliers"], result.outliers.real)
        assert_allclose(drawn["expected"], result.predicted_outliers.real)
        if result.law == "circular":
            assert len(drawn["bulk"]) == N - 1
            assert_allclose(np.ptp(drawn["law"]), 2 * result.scale * (1 + result.margins[0]), rtol=1e-3)
        dk.plots.close(ax.figure)
