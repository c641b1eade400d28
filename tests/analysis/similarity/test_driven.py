"""Operators fitted to states, systems with inputs, and weights up to the order of their units."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.similarity.weights import by_sorted_weights
from dynakit.errors import InputError


def gaussian(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def rotation(n: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(gaussian(n, n, seed=seed))[0]


def linear_states(A: np.ndarray, n_trials: int = 8, n_times: int = 30) -> np.ndarray:
    x = [gaussian(n_trials, len(A))]
    for _ in range(n_times - 1):
        x.append(x[-1] @ A.T)
    return np.stack(x, axis=1)


# --- fitted operators -------------------------------------------------------------------------------------

A = rotation(5, 3) @ np.diag([0.95, 0.9, -0.7, 0.5, 0.3]) @ rotation(5, 4)
STATES = linear_states(A)


def test_a_linear_system_has_its_own_eigenvalues():
    fit = dk.fit_operator(STATES)
    assert fit.full
    assert fit.residual < 1e-12
    assert_allclose(np.sort_complex(fit.eigenvalues), np.sort_complex(np.linalg.eigvals(A)), atol=1e-12)


@pytest.mark.parametrize("n_units", [5, 12])
def test_at_full_rank_every_invertible_linear_image_moves_the_same_way(n_units):
    """Also one of more units, linear copies of each other; but not at a smaller rank."""
    image = STATES @ gaussian(5, n_units, seed=7)
    full = [dk.fit_operator(X).operator for X in (STATES, image)]
    assert dk.compare_operators(*full).distance < 1e-9
    cut = [dk.fit_operator(X, rank=3).operator for X in (STATES, image)]
    assert dk.compare_operators(*cut).distance > 0.1


def test_delays_see_what_the_recorded_units_do_not():
    seen = STATES[..., :1]
    eigenvalues = dk.fit_operator(seen, n_delays=5).eigenvalues
    assert_allclose(np.sort_complex(eigenvalues), np.sort_complex(np.linalg.eigvals(A)), atol=1e-5)


def test_no_step_leads_from_one_trial_to_the_next():
    still = np.repeat(gaussian(6, 1, 3), 4, axis=1)  # every trial rests, each elsewhere
    fit = dk.fit_operator(still)
    assert fit.n_steps == 6 * 3
    assert_allclose(fit.operator, np.eye(3), atol=1e-12)


def test_coordinates_are_whitened_and_the_basis_gives_them():
    fit = dk.fit_operator(STATES, rank=4)
    u = STATES.reshape(-1, 5) @ fit.basis
    assert_allclose(u.T @ u, np.eye(4), atol=1e-9)
    before, after = (u.reshape(8, 30, 4)[:, part].reshape(-1, 4) for part in (slice(0, -1), slice(1, None)))
    assert_allclose(fit.operator, np.linalg.lstsq(before, after, rcond=None)[0].T, atol=1e-9)
    assert fit.residual == pytest.approx(np.linalg.norm(after - before @ fit.operator.T) / np.linalg.norm(after))


def test_a_ridge_draws_the_operator_in():
    norms = [np.linalg.norm(dk.fit_operator(STATES, ridge=ridge).operator) for ridge in (0.0, 1e-3, 1.0)]
    assert norms[0] > norms[1] > norms[2] > 0
    u = STATES.reshape(-1, 5) @ dk.fit_operator(STATES).basis
    before, after = (u.reshape(8, 30, 5)[:, part].reshape(-1, 5) for part in (slice(0, -1), slice(1, None)))
    expected = np.linalg.solve(before.T @ before + np.eye(5), before.T @ after).T
    assert_allclose(dk.fit_operator(STATES, ridge=1.0).operator, expected, atol=1e-9)


def test_one_trial_may_come_without_its_axis():
    assert_allclose(dk.fit_operator(STATES[0]).operator, dk.fit_operator(STATES[:1]).operator, rtol=0)


@pytest.mark.parametrize(
    ("message", "ask"),
    [
        ("X must be finite", lambda: dk.fit_operator(np.where(STATES > 1, np.nan, STATES))),
        ("X must not be 0 throughout", lambda: dk.fit_operator(np.zeros((2, 5, 3)))),
        ("X must have at least one unit", lambda: dk.fit_operator(np.zeros((2, 5, 0)))),
        ("X must have more than n_delays = 1 steps", lambda: dk.fit_operator(STATES[:, :1])),
        ("X must have more than n_delays = 30 steps", lambda: dk.fit_operator(STATES, n_delays=30)),
        ("X has 3 steps and 4 coordinates", lambda: dk.fit_operator(gaussian(4, 6))),
        ("rank must be at most 5", lambda: dk.fit_operator(STATES, rank=6)),
        ("rank must be at least 1", lambda: dk.fit_operator(STATES, rank=0)),
        ("ridge must be", lambda: dk.fit_operator(STATES, ridge=-1.0)),
        ("X must have shape", lambda: dk.fit_operator(STATES[0, 0])),
    ],
)
def test_an_operator_that_cannot_be_fitted(message, ask):
    with pytest.raises(InputError, match=message):
        ask()


# --- inputs -----------------------------------------------------------------------------------------------


def system(seed: int, n: int = 5, m: int = 2) -> tuple[np.ndarray, np.ndarray]:
    return gaussian(n, n, seed=seed) / np.sqrt(n), gaussian(n, m, seed=100 + seed)


@pytest.mark.parametrize("scaled", [False, True])
def test_a_rotated_system_answers_alike_and_another_does_not(scaled):
    A, B = system(0)
    Q = rotation(5, 1)
    said = dk.compare_controllability((A, B), (Q @ A @ Q.T, Q @ B), scaled=scaled)
    assert said.distance < 1e-12
    assert said.n_reached == (5, 5)
    assert_allclose(said.rotation, Q.T, atol=1e-9)
    assert dk.compare_controllability((A, B), (A.T, B), scaled=scaled).distance > 0.1  # the same eigenvalues
    assert dk.compare_controllability((A, B), (Q @ A @ Q.T, B), scaled=scaled).distance > 0.1  # other directions


def test_the_distance_is_that_of_the_best_rotation_by_hand():
    """One unit: rotations are signs."""
    assert dk.compare_controllability(([[0.5]], [[2.0]]), ([[-0.9]], [[-3.0]])).distance == pytest.approx(1.0)
    A, A2, B = np.diag([0.5, 0.2]), np.diag([0.3, 0.2]), np.eye(2)
    K, K2 = np.hstack([B, A]), np.hstack([B, A2])
    angles = np.linspace(0, 2 * np.pi, 10001)
    turns = np.moveaxis(np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]), -1, 0)
    turns = np.concatenate([turns, turns @ np.diag([1.0, -1.0])])
    least = np.linalg.norm(K - turns @ K2, axis=(1, 2)).min()
    assert dk.compare_controllability((A, B), (A2, B)).distance == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize("scaled", [False, True])
def test_answers_to_inputs_are_a_metric(scaled):
    of = [system(k, 4) for k in range(8)]
    d = np.array([[dk.compare_controllability(a, b, scaled=scaled).distance for b in of] for a in of])
    assert_allclose(d, d.T, atol=1e-12)
    assert (d[:, None, :] <= d[:, :, None] + d[None] + 1e-12).all()


def test_singular_values_are_drawn_in_by_their_own_formula():
    """K = [1, s / sqrt(1 + s^2) 1]: of s = 1 and of 0 that is sqrt(2) / sqrt(2) apart."""
    one = np.eye(2)
    assert dk.compare_controllability((one, one), (0 * one, one), scaled=True).distance == pytest.approx(1.0)


def test_powers_of_an_unstable_map_do_not_decide_once_they_are_drawn_in():
    A, B = 40 * gaussian(60, 60) / np.sqrt(60), gaussian(60, 1, seed=1)
    other = (A, gaussian(60, 1, seed=2))
    assert dk.compare_controllability((A, B), other).distance > 1e80
    said = dk.compare_controllability((A, B), other, scaled=True)
    assert said.distance < 2 * np.sqrt(60) * np.linalg.norm(B)
    with pytest.raises(InputError, match="first: the powers of A leave the range of a float; use scaled=True"):
        dk.compare_controllability((1e9 * A, B), other)


def test_what_no_input_reaches_is_not_compared():
    A, B = np.diag([0.5, 0.7, 0.2]), np.array([[1.0], [1.0], [0.0]])
    said = dk.compare_controllability((A, B), (np.diag([0.5, 0.7, 0.9]), B))
    assert said.n_reached == (2, 2)
    assert said.distance < 1e-12
    assert np.isnan(dk.compare_controllability((A, 0 * B), (A, B)).angle)


@pytest.mark.parametrize(
    ("message", "ask"),
    [
        (r"first must be a pair \(A, B\)", lambda a, b: (a[0], b)),
        (r"first\[0\] must be square", lambda a, b: ((a[1], a[1]), b)),
        (r"second\[1\] must have shape \(5, input\)", lambda a, b: (a, (b[0], b[1][:3]))),
        ("as many units and inputs, got 5 and 2 in first, 5 and 1 in second", lambda a, b: (a, (b[0], b[1][:, :1]))),
        (r"first\[1\] must have at least one input", lambda a, b: ((a[0], a[1][:, :0]), b)),
        (r"second\[0\] must be finite", lambda a, b: (a, (b[0] * np.inf, b[1]))),
    ],
)
def test_systems_that_do_not_fit(message, ask):
    with np.errstate(invalid="ignore"), pytest.raises(InputError, match=message):
        dk.compare_controllability(*ask(system(0), system(1)))


# --- weights ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [5, 32])
def test_a_reordered_copy_has_the_same_weights(n):
    W, order = gaussian(n, n), np.random.default_rng(1).permutation(n)
    said = dk.compare_weights(W, W[np.ix_(order, order)], n_starts=0)
    assert (said.distance, said.bound, said.relative) == (0.0, 0.0, 0.0)
    assert (order[said.permutation] == np.arange(n)).all()


def test_few_units_by_all_their_orders():
    for k in range(6):
        W, V = gaussian(6, 6, seed=k), gaussian(6, 6, seed=50 + k)
        least = min(
            np.linalg.norm(W - V[np.ix_(order, order)]) for order in map(list, itertools.permutations(range(6)))
        )
        said = dk.compare_weights(W, V, n_starts=20)
        assert said.bound == pytest.approx(by_sorted_weights(W, V)[1])
        assert said.bound <= least <= said.distance + 1e-12
        assert said.distance < 1.05 * least
        assert said.distance == pytest.approx(np.linalg.norm(W - V[np.ix_(said.permutation, said.permutation)]))


@pytest.mark.parametrize("at", [(0, 0), (0, 1), (1, 0)])
def test_one_weight_each_is_bounded_by_their_difference(at):
    W, V = np.zeros((2, 3, 3))
    W[at], V[at] = 3.0, 1.0
    assert by_sorted_weights(W, V)[1] == pytest.approx(2.0)
    assert by_sorted_weights(W.T, V)[1] == pytest.approx(2.0)  # in another place


def test_the_distance_of_weights_is_the_same_from_either_side_and_relative_has_no_size():
    W, V = gaussian(12, 12), gaussian(12, 12, seed=1)
    said, back = dk.compare_weights(W, V), dk.compare_weights(V, W)
    assert said.distance == back.distance
    assert (said.permutation[back.permutation] == np.arange(12)).all()
    scaled = dk.compare_weights(1e160 * W, 1e160 * V)
    assert scaled.relative == pytest.approx(said.relative)
    assert scaled.distance == pytest.approx(1e160 * said.distance)
    assert said.relative == pytest.approx(said.distance / np.sqrt((np.sum(W**2) + np.sum(V**2)) / 2))


def test_more_starts_find_nothing_worse():
    W, V = gaussian(20, 20), gaussian(20, 20, seed=1)
    few, many = (dk.compare_weights(W, V, n_starts=n).distance for n in (0, 8))
    assert many <= few


@pytest.mark.parametrize(
    ("message", "ask"),
    [
        ("W1 must be square", lambda: dk.compare_weights(np.ones((2, 3)), np.eye(2))),
        ("W1 and W2 must have as many units, got 2 and 3", lambda: dk.compare_weights(np.eye(2), np.eye(3))),
        ("W2 must be finite", lambda: dk.compare_weights(np.eye(2), np.full((2, 2), np.nan))),
        ("W1 must have at least one unit", lambda: dk.compare_weights(np.zeros((0, 0)), np.zeros((0, 0)))),
        ("n_starts must be at least 0", lambda: dk.compare_weights(np.eye(2), np.eye(2), n_starts=-1)),
    ],
)
def test_weights_that_cannot_be_compared(message, ask):
    with pytest.raises(InputError, match=message):
        ask()


def test_one_unit_and_no_weights():
    assert dk.compare_weights([[2.0]], [[-1.0]]).distance == 3.0
    assert dk.compare_weights(np.zeros((3, 3)), np.zeros((3, 3))).relative == 0.0
