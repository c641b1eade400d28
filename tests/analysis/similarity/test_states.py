"""Shapes, kernels and subspaces of states: answers known beforehand, laws, and what rows in the wrong order say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.similarity import mismatched
from dynakit.errors import InputError

TURN = np.linspace(0, 2 * np.pi, 100, endpoint=False)
CIRCLE = np.column_stack([np.cos(TURN), np.sin(TURN)])
ELLIPSE = CIRCLE * [1.0, 0.5]


def gaussian(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def rotation(n: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(gaussian(n, n, seed=seed))[0]


@pytest.fixture(scope="module")
def independent() -> list[np.ndarray]:
    return list(gaussian(2, 200, 50))


# --- shapes -----------------------------------------------------------------------------------------------


def test_a_rotated_scaled_shifted_copy_is_at_angle_zero_to_the_last_digits():
    X = gaussian(60, 5)
    said = dk.compare_shapes(X, 3.7 * X @ rotation(5) + 2.0)
    assert said.angle < 1e-14  # arccos of a nuclear norm would say 1e-8
    assert_allclose(said.rotation @ said.rotation.T, np.eye(5), atol=1e-12)
    turned = dk.compare_shapes(X, X @ rotation(5))
    assert turned.distance < 1e-12
    assert_allclose(turned.rotation, rotation(5).T, atol=1e-12)


def test_an_ellipse_and_a_circle():
    said = dk.compare_shapes(CIRCLE, ELLIPSE)
    assert said.angle == pytest.approx(np.arccos(3 / np.sqrt(10)), abs=1e-14)
    assert said.angle == pytest.approx(0.321750554, abs=1e-9)
    assert said.distance == pytest.approx(0.5 * np.sqrt(50), abs=1e-12)  # the second column is half as long
    assert dk.compare_shapes(CIRCLE, ELLIPSE, alpha=0.0).angle < 1e-14


def test_independent_gaussians_are_far_apart_and_no_right_angle(independent):
    assert dk.compare_shapes(*independent).angle == pytest.approx(1.148, abs=1e-3)


@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.0])
def test_shape_angles_obey_the_triangle_inequality(alpha):
    X = [gaussian(12, 3, seed=k) * np.random.default_rng(k).uniform(0.1, 3, 3) for k in range(12)]
    angles = np.array([[dk.compare_shapes(a, b, alpha=alpha, n_null=0).angle for b in X] for a in X])
    assert_allclose(angles, angles.T, atol=1e-12)
    assert (angles[:, None, :] <= angles[:, :, None] + angles[None] + 1e-12).all()


def test_without_whitening_a_stretch_is_seen_and_with_it_none():
    X, M = gaussian(80, 4), gaussian(4, 4, seed=1)
    angles = [dk.compare_shapes(X, X @ M, alpha=alpha, n_null=0).angle for alpha in (1.0, 0.5, 0.0)]
    assert angles[0] > angles[1] > 0.01
    assert angles[2] < 1e-12
    scaled = dk.compare_shapes(X, 1e3 * X @ M, alpha=0.5, n_null=0).angle
    assert scaled == pytest.approx(angles[1], abs=1e-12)


def test_an_angle_that_is_almost_nothing_has_its_digits():
    """An arccos would say 0."""
    thin = CIRCLE * [1.0, 1 - 1e-9]
    assert dk.compare_shapes(CIRCLE, thin).angle == pytest.approx(0.5e-9, rel=1e-5)


def test_whitening_in_part_is_by_the_inverse_root_of_the_covariance():
    def partly(X: np.ndarray) -> np.ndarray:
        X = X - X.mean(axis=0)
        values, vectors = np.linalg.eigh(X.T @ X)
        root = vectors / np.sqrt(values / values.mean()) @ vectors.T
        return X @ (0.3 * np.eye(X.shape[1]) + 0.7 * root)

    X, Y = (gaussian(40, 3, seed=k) * [3.0, 1.0, 0.2] @ rotation(3, k) for k in (0, 1))
    expected = dk.compare_shapes(partly(X), partly(Y), n_null=0)
    said = dk.compare_shapes(X, Y, alpha=0.3, n_null=0)
    assert said.angle == pytest.approx(expected.angle, abs=1e-12)
    assert said.distance == pytest.approx(expected.distance, abs=1e-12)


def test_units_that_are_always_zero_change_no_shape():
    X, Y = gaussian(30, 3), gaussian(30, 3, seed=1)
    wide = np.column_stack([Y, np.zeros((30, 2))])
    said = dk.compare_shapes(X, Y)
    for pair in [(X, wide), (wide, X)]:
        assert dk.compare_shapes(*pair).angle == pytest.approx(said.angle, abs=1e-12)
        assert dk.compare_shapes(*pair).distance == pytest.approx(said.distance, abs=1e-12)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_shapes_have_no_size(size):
    assert dk.compare_shapes(CIRCLE * size, ELLIPSE).angle == pytest.approx(0.321750554, abs=1e-9)
    assert dk.compare_kernels(CIRCLE * size, ELLIPSE, debiased=False).similarity == pytest.approx(
        0.857492926, abs=1e-9
    )


# --- kernels ----------------------------------------------------------------------------------------------


def hsic(X: np.ndarray, Y: np.ndarray) -> float:
    """The unbiased estimate by its n x n matrices, as Song et al. (2012) write it."""
    n = len(X)
    K, L = (Z @ Z.T * (1 - np.eye(n)) for Z in (X, Y))
    one = np.ones(n)
    total = np.trace(K @ L) + (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2))
    return float(total - 2 / (n - 2) * one @ K @ L @ one) / (n * (n - 3))


def test_the_kernels_of_an_ellipse_and_a_circle():
    assert dk.compare_kernels(CIRCLE, ELLIPSE, debiased=False).similarity == pytest.approx(
        5 / np.sqrt(34), abs=1e-14
    )


def test_kernels_have_angles_and_their_angles_are_a_metric_where_one_minus_similarity_is_none():
    """Of columns sqrt(cos t) a and sqrt(sin t) b, a and b orthogonal, the kernels are at the angles t of a circle."""
    a, b = CIRCLE.T
    said = [
        dk.compare_kernels(
            *(np.column_stack([np.cos(t) ** 0.5 * a, np.sin(t) ** 0.5 * b]) for t in pair), debiased=False
        )
        for pair in ((0.2, 0.6), (0.6, 1.3), (0.2, 1.3))
    ]
    assert_allclose([one.angle for one in said], [0.4, 0.7, 1.1], atol=1e-12)
    first, second, both = (1 - one.similarity for one in said)
    assert both > first + second + 0.2


def test_the_bias_of_independent_rows_is_p_over_n_plus_p(independent):
    assert dk.compare_kernels(*independent, debiased=False).similarity == pytest.approx(50 / 250, abs=3e-3)
    assert abs(dk.compare_kernels(*independent).similarity) < 0.03


def test_without_bias_independent_rows_are_unlike_on_average():
    draws = [
        dk.compare_kernels(
            gaussian(40, 10, seed=2 * k), gaussian(40, 10, seed=2 * k + 1), n_null=0
        ).similarity
        for k in range(200)
    ]
    assert abs(np.mean(draws)) < 4 * np.std(draws, ddof=1) / np.sqrt(len(draws))
    assert min(draws) < 0 < max(draws)


@pytest.mark.parametrize("shapes", [((30, 4), (30, 7)), ((4, 3), (4, 2)), ((25, 60), (25, 40))])
def test_the_kernel_without_matrices_of_rows_is_the_kernel_with_them(shapes):
    X, Y = (gaussian(*shape, seed=k) + 5.0 for k, shape in enumerate(shapes))
    A, B = (Z - Z.mean(axis=0) for Z in (X, Y))
    expected = hsic(A, B) / np.sqrt(hsic(A, A) * hsic(B, B))
    assert dk.compare_kernels(A, B).similarity == pytest.approx(expected, abs=1e-12)
    shifted = hsic(X, Y) / np.sqrt(hsic(X, X) * hsic(Y, Y))  # the same, but for what its larger sums cost
    assert dk.compare_kernels(X, Y).similarity == pytest.approx(shifted, abs=1e-10)


@pytest.mark.parametrize("debiased", [True, False])
def test_a_copy_has_the_same_kernel(debiased):
    X = gaussian(50, 6)
    said = dk.compare_kernels(X, 0.3 * X @ rotation(6) - 1.0, debiased=debiased)
    assert said.similarity == pytest.approx(1.0, abs=1e-12)
    assert said.angle < 1e-5


# --- subspaces --------------------------------------------------------------------------------------------


def test_shared_latents_correlate_and_others_do_not():
    latent, own = gaussian(500, 3), [gaussian(500, k, seed=k) for k in (5, 4)]
    X, Y = (
        np.column_stack([latent, one]) @ gaussian(3 + one.shape[1], 3 + one.shape[1], seed=9) for one in own
    )
    said = dk.compare_subspaces(X, Y, variance=1.0)
    assert said.n_components == (8, 7)
    assert len(said) == 7
    assert_allclose(said.correlations[:3], 1.0, atol=1e-12)
    assert said.correlations[3] < 0.25


def test_independent_signals_correlate_all_the_same_and_the_null_says_so(independent):
    said = dk.compare_subspaces(*independent, variance=1.0)
    assert 1 - said.distance == pytest.approx(0.436, abs=1e-3)
    assert said.null.min() - 0.01 < said.distance < said.null.max() + 0.01


def test_a_share_of_the_variance_keeps_the_components_that_carry_it():
    X = rotation(40)[:, :4] - rotation(40)[:, :4].mean(axis=0)
    U = np.linalg.svd(X, full_matrices=False)[0]
    X = U * np.sqrt([90.0, 8.0, 1.5, 0.5])
    kept = [dk.compare_subspaces(X, U, variance=v, n_null=0).n_components[0] for v in (0.9, 0.98, 0.99, 1.0)]
    assert kept == [1, 2, 3, 4]


# --- rows out of order ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_random_walks_that_know_nothing_of_each_other_look_alike_and_so_does_the_null(seed):
    """Rows of trajectories are no independent samples: no correction for independent rows helps."""
    X, Y = np.cumsum(gaussian(2, 1000, 50, seed=seed), axis=1)
    said, shape = dk.compare_kernels(X, Y), dk.compare_shapes(X, Y)
    assert said.similarity > 0.94
    assert said.null[0] == pytest.approx(said.similarity, abs=0.03)  # the walk backwards
    assert said.null[1:].max() < 0.8  # a circle breaks the drift, and would have said that 0.94 is much
    assert shape.null[0] == pytest.approx(shape.angle, abs=0.03)


def test_with_several_trials_the_other_trials_tell_walks_from_what_is_shared():
    X, Y = np.cumsum(gaussian(2, 6, 300, 20), axis=2)
    said = dk.compare_kernels(X, Y)
    assert 0.5 < said.similarity < said.null.max()


def test_what_is_shared_stands_out_from_the_null():
    trials = np.cumsum(gaussian(20, 50, 8), axis=1)
    noisy = trials @ rotation(8) + 0.5 * gaussian(20, 50, 8, seed=1)
    assert dk.compare_kernels(trials, noisy).similarity > dk.compare_kernels(trials, noisy).null.max() + 0.3
    assert dk.compare_shapes(trials, noisy).angle < dk.compare_shapes(trials, noisy).null.min() - 0.3
    said = dk.compare_subspaces(trials, noisy, variance=1.0)
    assert said.distance < said.null.min() - 0.3


@pytest.mark.parametrize(("n_trials", "n_times"), [(1, 2), (1, 50), (2, 5), (7, 3)])
def test_rows_of_the_null_are_out_of_their_place(n_trials, n_times):
    orders = mismatched(n_trials, n_times, 30, 0)
    rows = np.arange(n_trials * n_times)
    assert orders.shape == (30, len(rows))
    assert (np.sort(orders, axis=1) == rows).all()
    if n_trials == 1:
        assert (orders[0] == rows[::-1]).all()
        assert (orders[1:] != rows).all()
    else:
        assert (orders != rows).all()
        assert (orders % n_times == rows % n_times).all()  # other trials, the same times
        assert (np.diff(orders.reshape(30, n_trials, n_times), axis=2) == 1).all()


def test_the_null_repeats_with_its_seed_and_a_long_one_begins_like_a_short_one():
    X, Y = gaussian(6, 9, 3), gaussian(6, 9, 3, seed=1)
    assert_allclose(dk.compare_shapes(X, Y, seed=4).null, dk.compare_shapes(X, Y, seed=4).null, rtol=0)
    assert (dk.compare_shapes(X, Y, seed=4).null != dk.compare_shapes(X, Y, seed=5).null).any()
    long, short = (dk.compare_shapes(X, Y, n_null=n).null for n in (20, 5))
    assert_allclose(long[:5], short, rtol=0)
    for trials in (X, X[0]):
        assert dk.compare_shapes(trials, trials, n_null=0).null.shape == (0,)


# --- bad input --------------------------------------------------------------------------------------------

X = gaussian(10, 3)
SLIPS = {
    "rows": ("X and Y must hold the same rows", lambda f: f(X, X[:9])),
    "trials": ("X has 2 trials of 5 steps and Y 10 rows", lambda f: f(X.reshape(2, 5, 3), X)),
    "not finite": ("Y must be finite", lambda f: f(X, np.where(X > 1, np.nan, X))),
    "constant": ("Y is constant", lambda f: f(X, np.full((10, 3), 0.1))),
    "one row": ("X must have at least two rows", lambda f: f(X[:1], X[:1])),
    "no units": ("X must have at least one unit", lambda f: f(X[:, :0], X)),
    "too many axes": ("X must have shape", lambda f: f(X[None, None], X)),
    "one axis": ("X must have shape", lambda f: f(X[:, 0], X)),
    "draws": ("n_null must be at least 0", lambda f: f(X, X + X[::-1], n_null=-1)),
}


@pytest.mark.parametrize("compare", [dk.compare_shapes, dk.compare_kernels, dk.compare_subspaces])
@pytest.mark.parametrize("slip", SLIPS)
def test_the_message_names_the_argument(slip, compare):
    message, ask = SLIPS[slip]
    with pytest.raises(InputError, match=message):
        ask(compare)


@pytest.mark.parametrize(
    ("message", "ask"),
    [
        ("at least 4 rows", lambda: dk.compare_kernels(X[:3], X[:3])),
        ("debiased must be True or False", lambda: dk.compare_kernels(X, X, debiased=1)),
        (
            "5 correlations are 1 whatever the data",
            lambda: dk.compare_subspaces(gaussian(10, 7), gaussian(10, 7, seed=1), variance=1.0),
        ),
        ("variance must be", lambda: dk.compare_subspaces(X, X, variance=99)),
        ("alpha must be", lambda: dk.compare_shapes(X, X, alpha=-0.1)),
        ("as many units for alpha < 1", lambda: dk.compare_shapes(X, X[:, :2], alpha=0.5)),
        (
            "Y has 3 units whose 10 rows vary in 2 directions",
            lambda: dk.compare_shapes(X, X @ np.diag([1.0, 1.0, 0.0]), alpha=0.0),
        ),
    ],
)
def test_what_is_not_defined_is_refused(message, ask):
    with pytest.raises(InputError, match=message):
        ask()
