"""Departure from normality, where it is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError


def of(matrix, **settings) -> dk.NonNormality:
    return dk.nonnormality(dk.catalog.linear(matrix), np.zeros((1, len(matrix))), **settings)


@pytest.mark.parametrize("n", [2, 6, 11])
def test_the_shift(n):
    """Nilpotent: Henrici index 1, numerical radius cos(pi / (n + 1)) (Haagerup and de la Harpe 1992)."""
    shift = of(np.eye(n, k=1))
    assert_allclose(shift.henrici, 1, rtol=1e-12)
    assert_allclose(shift.numerical_radii, np.cos(np.pi / (n + 1)), rtol=1e-12)
    assert_allclose(shift.spectral_radii, 0, atol=1e-12)
    assert_allclose(shift.norms, 1)
    assert (shift.growth[0], shift.growth_steps[0], bool(shift.settled[0])) == (1, 0, True)


@pytest.mark.parametrize("seed", range(3))
def test_a_normal_matrix_is_its_eigenvalues(seed):
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    turn = 0.9 * np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    J = np.zeros((6, 6))
    J[:2, :2], J[2:, 2:] = turn, np.diag([0.8, 0.5, -0.7, 0.1])
    normal = of(Q @ J @ Q.T)
    assert_allclose(normal.henrici, 0, atol=1e-14)
    for name in ("spectral_radii", "numerical_radii", "norms"):
        assert_allclose(getattr(normal, name), 0.9, rtol=1e-9)
    assert_allclose(
        normal.stability_radii, 0.1, rtol=1e-6
    )  # |J - z| is least next to the eigenvalue 0.9 e^{i}
    assert normal.growth.tolist() == [1]


def test_a_hidden_chain_grows_before_it_decays():
    """J = [[a, b], [0, a]]: J^t = a^t [[1, t b / a], [0, 1]], largest near t = -1 / ln a."""
    a, b = 0.9, 5.0
    block = of([[a, b], [0.0, a]])
    powers = [np.linalg.norm(a**t * np.array([[1, t * b / a], [0, 1]]), 2) for t in range(1, 100)]
    assert_allclose(block.growth, max(powers), rtol=1e-12)
    assert block.growth_steps.tolist() == [1 + int(np.argmax(powers))]
    assert block.settled.tolist() == [True]
    exact = np.sqrt((1 - a) ** 2 + b**2 / 4) - b / 2  # smallest singular value of [[1 - a, -b], [0, 1 - a]]
    assert_allclose(block.stability_radii, exact, rtol=1e-6)


def test_the_stability_radius_is_the_smallest_change_that_puts_an_eigenvalue_on_the_circle():
    rng = np.random.default_rng(
        26
    )  # the minimum lies between the angles of the eigenvalues and those of the grid
    J = np.triu(rng.normal(size=(5, 5)))
    Q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    J = Q @ J @ Q.T + 0.1 * rng.normal(size=(5, 5))
    J *= 0.85 / np.abs(np.linalg.eigvals(J)).max()
    radius = of(J).stability_radii[0]
    fine = np.exp(1j * np.linspace(0, np.pi, 4001))
    svds = [np.linalg.svd(z * np.eye(5) - J) for z in fine]
    k = int(np.argmin([s[1][-1] for s in svds]))
    assert_allclose(radius, svds[k][1][-1], rtol=1e-5)
    U, s, Vh = svds[k]
    change = s[-1] * np.outer(U[:, -1], Vh[-1])
    assert np.abs(np.abs(np.linalg.eigvals(J + change)) - 1).min() < 1e-9


def test_orthogonal_coordinates_change_nothing():
    rng = np.random.default_rng(1)
    J, Q = rng.normal(size=(5, 5)) / 3, np.linalg.qr(rng.normal(size=(5, 5)))[0]
    here, there = of(J), of(Q @ J @ Q.T)
    for name in ("henrici", "numerical_radii", "norms", "growth", "stability_radii"):
        assert_allclose(getattr(here, name), getattr(there, name), rtol=1e-6)
    assert here.spectral_radii <= here.numerical_radii <= here.norms <= 2 * here.numerical_radii


def test_a_growing_mode_grows_without_end_and_a_long_transient_is_not_said_to_be_over():
    assert np.isinf(of([[1.1, 0.0], [0.0, 0.5]]).growth).all()
    short = of([[0.999, 1.0], [0.0, 0.999]], n_steps=10)
    assert short.settled.tolist() == [False]
    assert short.growth_steps.tolist() == [10]


def test_zero_weights_are_normal_and_do_nothing():
    zero = of(np.zeros((3, 3)))
    said = (zero.henrici[0], zero.numerical_radii[0], zero.growth[0], zero.stability_radii[0])
    assert_allclose(said, (0, 0, 1, 1))


def test_a_bad_point_is_unknown_and_its_neighbours_are_exact():
    system = dk.catalog.tanh_network(np.triu(np.full((3, 3), 0.5)))
    x = np.zeros((3, 3))
    x[1] = np.nan
    found = dk.nonnormality(system, x)
    assert np.isnan(found.henrici).tolist() == [False, True, False]
    assert found.henrici[0] == found.henrici[2] > 0.5


def test_points_may_be_results_and_are_saved(tmp_path):
    system = dk.catalog.tanh_network([[1.5, 2.0], [0.0, 0.5]])
    points = dk.find_fixed_points(system)
    found = dk.nonnormality(system, points)
    assert len(found) == len(points)
    found.save(tmp_path)
    assert dk.load(tmp_path) == found
    assert len(dk.nonnormality(system, np.zeros((0, 2)))) == 0


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: dk.nonnormality(s, np.zeros((2, 3))), "points must have shape"),
        (lambda s: dk.nonnormality(s, [[0.0]], n_steps=0), "n_steps must be at least 1"),
        (lambda s: dk.nonnormality(s, dk.find_fixed_points(s), drive=[0.0]), "drive is already in points"),
        (lambda s: dk.nonnormality(torch.nn.GRU(1, 2), [[0.0]]), r"see dk\.as_system"),
    ],
)
def test_bad_arguments_are_named(ask, message):
    with pytest.raises(InputError, match=message):
        ask(dk.catalog.tanh_unit(2.0))


def test_powers_beyond_the_range_of_floating_point_grow_without_end_and_neighbours_do_not_notice():
    system = dk.FunctionSystem(lambda x: torch.stack([1e200 * x[:, 1] * x[:, 0], x[:, 2], 0 * x[:, 0]], 1), 3)
    both = dk.nonnormality(system, [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    huge = of(1e200 * np.eye(4, k=1))
    assert_allclose(huge.henrici, 1)
    assert (huge.growth[0], huge.growth_steps[0], bool(huge.settled[0])) == (np.inf, -1, False)
    assert (both.growth[0], both.growth[1]) == (np.inf, 1.0)
