"""kappa = N' f(M kappa + d): counts that are known beforehand, and proofs that must not be given."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynakit.analysis.completeness import Budget, Closed, LowRank, NoBox, RateEquation, closed, prove, unit

rng = np.random.default_rng(0)


def searched(M, N, d=None, name="tanh", **budget) -> tuple[Closed, LowRank]:
    M, N = np.asarray(M, float), np.asarray(N, float)
    equations = LowRank(M, N, np.zeros(len(M)) if d is None else np.asarray(d, float), unit(name))
    return closed(equations, Budget(**budget)), equations


def degree(found: Closed, equations: LowRank) -> int:
    J = equations.derivative(found.roots)
    return int(np.sign(np.linalg.det(np.eye(equations.r) - J)).sum())


def polygon(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Loadings at equal angles, of which the strength gives a ring of radius 1.5442."""
    angles = 2 * np.pi * np.arange(n) / n
    M = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return M, 1.9103 * M / n


def blocks(r: int, gain: float, n: int = 10) -> tuple[np.ndarray, np.ndarray]:
    M = np.kron(np.eye(r), np.ones((n, 1)))
    return M, gain * M / n


@pytest.mark.parametrize("r", [1, 2, 3, 4])
def test_independent_switches_have_three_to_the_r_points(r):
    found, equations = searched(*blocks(r, 1.5))
    assert found.proved
    assert len(found.roots) == 3**r
    stable = (np.abs(np.linalg.eigvals(equations.derivative(found.roots))) < 1).all(axis=1)
    assert stable.sum() == 2**r
    assert degree(found, equations) == 1


@pytest.mark.parametrize(("gain", "n"), [(1 + 1e-3, 9), (1 + 1e-5, 9), (1 - 1e-5, 1)])
def test_either_side_of_a_pitchfork_is_told_apart(gain, n):
    found, _ = searched(*blocks(2, gain))
    assert (found.proved, len(found.roots)) == (True, n)


def test_a_triple_root_is_a_spot_and_no_proof():
    found, _ = searched([[1.0]], [[1.0]])
    assert not found.proved
    assert not len(found.roots)
    assert not found.ended
    assert np.abs(found.C).max() < 1e-2


@pytest.mark.parametrize("n", [6, 8, 12, 16])
def test_an_even_polygon_has_as_many_nodes_and_saddles_as_corners(n):
    found, equations = searched(*polygon(n))
    assert (found.proved, len(found.roots), degree(found, equations)) == (True, 2 * n + 1, 1)


@pytest.mark.parametrize("n", [5, 7, 9])
def test_an_odd_polygon_is_one_of_twice_as_many_corners(n):
    found, equations = searched(*polygon(n))
    assert (found.proved, len(found.roots), degree(found, equations)) == (True, 4 * n + 1, 1)


def test_a_ring_whose_drift_is_below_rounding_is_a_tube():
    """Of 32 corners the drift along the ring is 7e-9: no box on it can be closed, and none off it is left."""
    found, _ = searched(*polygon(32), boxes=30_000)
    assert not found.proved
    radius = np.linalg.norm(found.C, axis=1)
    assert found.ended or (np.abs(radius - radius.mean()) < 0.1).all()


def overlapping(overlaps, n, seed) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian loadings with M' N near the overlaps."""
    draw = np.random.default_rng(seed)
    M = draw.normal(size=(n, len(overlaps)))
    return M, (M @ np.asarray(overlaps).T + 0.5 * draw.normal(size=M.shape)) / n


@pytest.mark.parametrize(
    ("overlaps", "n_points", "n"),
    [
        ([[0.6]], 1, 512),
        ([[1.8, 0], [0, 1.5]], 5, 512),
        ([[1.8, 0], [0, 1.5]], 5, 2000),
        ([[1.2, -1], [1, 1.2]], 1, 512),
        ([[2, 0, 0], [0, 1.7, 0], [0, 0, 1.5]], 7, 300),
    ],
)
def test_gaussian_loadings_have_the_points_of_mean_field_theory(overlaps, n_points, n):
    """A pair for each overlap above one, unless they are those of a cycle (Beiran et al. 2021)."""
    found, equations = searched(*overlapping(overlaps, n, 1))
    assert (found.proved, len(found.roots), degree(found, equations)) == (True, n_points, 1)


@pytest.mark.parametrize("name", ["softplus", "relu"])
@pytest.mark.parametrize("r", [1, 2, 3])
def test_the_degree_of_unbounded_units_does_not_depend_on_the_input(name, r):
    """Far out kappa - N' relu(M kappa) counts: with overlaps of 3 every direction is pushed out, so (-1)^r."""
    for seed in range(2):
        M, N = overlapping(3 * np.eye(r), 300, seed)
        found, equations = searched(M, N, 2 * rng.normal(size=300), name)
        assert (found.proved, degree(found, equations)) == (True, (-1) ** r)


def test_points_that_lie_far_apart_are_all_proved():
    """kappa = (1 + e) softplus(kappa - 3) has a root near log(e^3 / (e^3 - 1)) and one near 3 / e."""
    found, _ = searched([[1.0]], [[1 + 1e-8]], [-3.0], "softplus")
    assert found.proved
    assert_allclose(np.sort(found.roots[:, 0]), [np.log(np.exp(3) / (np.exp(3) - 1)), 3e8], rtol=1e-6)


def test_a_point_at_a_kink_is_left_and_said_to_be_one():
    M, N = overlapping([[0.5]], 20, 0)
    proof = prove(RateEquation(M @ N.T, np.zeros(20), "relu", factors=(M, N)), Budget())
    assert proof.verdict == "proved but for tubes"
    assert proof.reason.endswith("1 connected part at kinks")
    assert np.abs(proof.tubes[0].currents).max() < 1e-6


def test_factors_with_columns_that_depend_on_each_other_are_taken_by_their_product():
    M, N = blocks(2, 0.75)
    doubled = np.concatenate([M, M], axis=1), np.concatenate([N, N], axis=1)
    proof = prove(RateEquation(doubled[0] @ doubled[1].T, np.zeros(len(M)), "tanh", factors=doubled), Budget())
    assert (proof.verdict, len(proof.currents), proof.n_equations) == ("proved", 9, 2)


def pattern_points(M, N, d) -> np.ndarray:
    """All fixed points of kappa = N' relu(M kappa + d), from the patterns of active units."""
    points = []
    for pattern in itertools.product([0.0, 1.0], repeat=len(M)):
        on = np.array(pattern)[:, None]
        A = np.eye(M.shape[1]) - (N * on).T @ M
        if abs(np.linalg.det(A)) > 1e-12:
            x = np.linalg.solve(A, (N * on).T @ d)
            if ((M @ x + d > 0) == (on[:, 0] > 0)).all():
                points.append(x)
    return np.array(points).reshape(-1, M.shape[1])


@pytest.mark.parametrize("seed", range(60))
def test_rectified_networks_have_the_points_of_all_patterns(seed):
    draw = np.random.default_rng(seed)
    n, r = int(draw.integers(3, 9)), 1 + seed % 3
    M, d = draw.normal(size=(n, r)), draw.normal(size=n)
    N = (1.5 * M + draw.normal(size=(n, r))) / n
    found, equations = searched(M, N, d, "relu")
    known = pattern_points(M, N, d)
    assert found.proved
    assert len(found.roots) == len(known)
    z = equations.states(found.roots)
    for x in known:
        assert np.abs(z - (M @ x + d)).max(axis=1).min() < 1e-8


def test_permuted_units_and_other_coordinates_have_the_same_points():
    M = rng.normal(size=(40, 2))
    N, d = (1.7 * M + 0.5 * rng.normal(size=(40, 2))) / 40, 0.1 * rng.normal(size=40)
    order, T = rng.permutation(40), np.array([[1.0, 0.7], [-3.0, 0.2]])
    sets = []
    for found, equations, back in (
        (*searched(M, N, d), np.arange(40)),
        (*searched(M[order], N[order], d[order]), np.argsort(order)),
        (*searched(M @ T, N @ np.linalg.inv(T).T, d), np.arange(40)),
    ):
        assert found.proved
        z = equations.states(found.roots)[:, back]
        sets.append(z[np.lexsort(z.T.round(6))])
    assert_allclose(sets[1], sets[0], atol=1e-9)
    assert_allclose(sets[2], sets[0], atol=1e-9)


class Barred(LowRank):
    """One root is never certified."""

    def newton(self, C, hint=None):
        C, residual = super().newton(C, hint)
        return C, np.where(np.abs(C).max(axis=1) < 1e-6, 1.0, residual)


def test_a_root_barred_from_certification_stays_open():
    M, N = blocks(2, 1.5)
    found = closed(Barred(M, N, np.zeros(len(M)), unit("tanh")), Budget())
    assert not found.proved
    assert len(found.roots) == 8
    assert np.abs(found.C).max() < 1e-5


def test_a_budget_that_ends_leaves_boxes_that_hold_what_is_missing():
    M, N = blocks(3, 1.5)
    found, _ = searched(M, N, boxes=60)
    all_of_them, _ = searched(M, N)
    assert (found.ended, found.proved) == (True, False)
    for x in all_of_them.roots:
        known = len(found.roots) and np.abs(found.roots - x).max(axis=1).min() < 1e-9
        assert known or (np.abs(found.C - x) <= found.R).all(axis=1).any()


def test_where_nothing_bounds_the_points_the_reason_is_said():
    with pytest.raises(NoBox, match="stands still, or nearly so, along some direction"):
        searched([[1.0], [0.0]], [[1.0], [0.0]], [0.0, 1.0], "relu")  # relu(x) = x for all x > 0
    with pytest.raises(NoBox, match="not of the rank"):
        searched(np.ones((4, 2)), np.ones((4, 2)))


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus"])
def test_random_networks_miss_no_point_that_many_starts_find(name):
    draw = np.random.default_rng(5)
    steepest = unit(name).steepest
    for _ in range(15):
        n, r = int(draw.integers(4, 13)), int(draw.integers(1, 4))
        M = draw.normal(size=(n, r))
        N, d = (2 * M + draw.normal(size=(n, r))) / n / steepest, 0.3 * draw.normal(size=n)
        found, equations = searched(M, N, d, name)
        starts = draw.normal(size=(200, r)) * draw.choice([0.3, 1, 3], size=(200, 1))
        x, residual = equations.newton(starts)
        assert found.proved
        for k in np.flatnonzero(residual < 1e-10 * (1 + np.abs(x).max(axis=1))):
            assert np.abs(found.roots - x[k]).max(axis=1).min() < 1e-6
        if name != "softplus":
            assert degree(found, equations) == 1
