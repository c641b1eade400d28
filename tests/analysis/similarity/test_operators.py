"""Dynamical similarity: closed forms, rotated copies, bounds that always hold, metrics, and neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import block_diag
from scipy.optimize import linear_sum_assignment

import dynakit as dk
from dynakit.analysis.similarity import aligned_pairs, lower_bound, spectrum
from dynakit.analysis.similarity.composition import Web
from dynakit.analysis.similarity.descent import descend
from dynakit.analysis.similarity.starts import framed
from dynakit.errors import InputError


def gaussian(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng([n, seed]).standard_normal((n, n)) / np.sqrt(n)


def orthogonal(n: int, seed: int) -> np.ndarray:
    return np.linalg.qr(gaussian(n, 1000 + seed))[0]


def turn(angle: float, size: float = 1.0) -> np.ndarray:
    return size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def normal(n: int, seed: int) -> np.ndarray:
    """Of complex eigenvalues only."""
    rng, Q = np.random.default_rng(seed), orthogonal(n, seed)
    blocks = [turn(a, r) for a, r in zip(rng.uniform(0.1, 3, n // 2), rng.uniform(0.3, 1, n // 2))]
    return Q @ block_diag(*blocks) @ Q.T


def hoffman_wielandt(A: np.ndarray, B: np.ndarray) -> float:
    cost = np.abs(np.linalg.eigvals(A)[:, None] - np.linalg.eigvals(B)) ** 2
    return float(np.sqrt(cost[linear_sum_assignment(cost)].sum()))


def parts(A: np.ndarray, B: np.ndarray) -> float:
    """The bound by symmetric and skew parts, by another road: the skew one's eigenvalues are those of a Hermitian."""
    gaps = [np.linalg.eigvalsh(A + A.T) - np.linalg.eigvalsh(B + B.T)]
    gaps += [np.linalg.eigvalsh(1j * (A - A.T)) - np.linalg.eigvalsh(1j * (B - B.T))]
    return float(np.linalg.norm(np.concatenate(gaps)) / 2)


def mirsky(A: np.ndarray, B: np.ndarray) -> float:
    return float(np.linalg.norm(np.linalg.svd(A, compute_uv=False) - np.linalg.svd(B, compute_uv=False)))


def by_eigenvalues(A: np.ndarray, B: np.ndarray) -> float:
    """Hoffman and Wielandt, less the departures from normality."""
    off = [np.sqrt(np.sum(M**2) - np.sum(np.abs(np.linalg.eigvals(M)) ** 2)) for M in (A, B)]
    return hoffman_wielandt(A, B) - sum(off)


@pytest.fixture(scope="module")
def pairs_of_ten():
    A, B = (np.array([gaussian(10, side + k) for k in range(20)]) for side in (0, 100))
    return A, B, aligned_pairs(A, B, seed=0, n_starts=16)


# --- known answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [10, 20])
def test_an_operator_and_its_rotated_copy_are_the_same(n):
    A = np.array([gaussian(n, k) for k in range(20)])
    Q = np.array([orthogonal(n, k) for k in range(20)])
    found = aligned_pairs(A, Q @ A @ Q.transpose(0, 2, 1), n_starts=4)
    assert found.distances.max() < 1e-12
    assert dk.compare_operators(A[0], Q[0] @ A[0] @ Q[0].T).exact
    assert not dk.compare_operators(A[0], A[1]).exact


def test_two_units_in_closed_form():
    """The minimum over all angles and both determinants, by brute force on a grid that is then refined."""
    rng = np.random.default_rng(0)
    for A, B in rng.standard_normal((8, 2, 2, 2)):
        angles = np.linspace(0, 2 * np.pi, 20001)
        C = np.moveaxis(np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]), -1, 0)
        C = np.concatenate([C, C @ np.diag([1.0, -1.0])])
        least = np.linalg.norm(A - C @ B @ C.transpose(0, 2, 1), axis=(1, 2)).min()
        said = dk.compare_operators(A, B)
        assert said.exact
        assert said.distance <= least + 1e-12
        assert said.distance == pytest.approx(least, abs=1e-6)
        assert np.linalg.norm(A - said.rotation @ B @ said.rotation.T) == pytest.approx(said.distance, abs=1e-12)


def test_the_descent_finds_the_closed_form_of_300_pairs():
    """Two units beside a third that is far from both: nothing but the closed form of the two is left to find."""
    A, B = np.random.default_rng(1).standard_normal((2, 300, 2, 2))
    with_third = [np.array([block_diag(M, 100.0) for M in of]) for of in (A, B)]
    found = aligned_pairs(*with_third, n_starts=8)
    assert found.starts[0] != "closed form"
    assert_allclose(found.distances, aligned_pairs(A, B).distances, atol=1e-9)


def test_rotations_differ_by_their_angles_in_either_sense():
    said = dk.compare_operators(turn(0.3), turn(1.0))
    assert said.distance == pytest.approx(2 * np.sqrt(2) * np.sin(0.35), abs=1e-14)
    assert said.angle == pytest.approx(0.7, abs=1e-12)
    assert dk.compare_operators(turn(0.3), turn(-0.3)).distance < 1e-14  # a reflection
    unlike = dk.compare_operators(turn(0.3, 0.5), turn(0.3, 0.99))  # the same but for how fast they decay
    assert unlike.distance == pytest.approx(0.49 * np.sqrt(2), abs=1e-12)
    assert unlike.angle < 1e-12


def test_eigenvalues_alone_are_no_bound_of_operators_that_are_not_normal():
    J, E = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0.0, 1.0], [0.01, 0.0]])
    said = dk.compare_operators(J, E)
    assert said.distance == pytest.approx(0.01, abs=1e-14)
    assert said.bound <= said.distance < hoffman_wielandt(J, E) / 14
    wide = [block_diag(M, np.diag([0.5, -0.4])) for M in (J, E)]
    said = dk.compare_operators(*wide)
    assert said.bound <= said.distance == pytest.approx(0.01, abs=1e-9)


@pytest.mark.parametrize("n", [4, 10])
def test_normal_operators_are_as_far_apart_as_their_eigenvalues(n):
    for k in range(10):
        A, B = normal(n, k), normal(n, 50 + k)
        said = dk.compare_operators(A, B, n_starts=0)
        assert said.distance == pytest.approx(hoffman_wielandt(A, B), abs=1e-12)
        assert said.exact


def test_symmetric_operators_are_as_far_apart_as_their_sorted_eigenvalues():
    A, B = (M + M.T for M in (gaussian(7, 0), gaussian(7, 1)))
    said = dk.compare_operators(A, B, n_starts=0)
    assert said.distance == pytest.approx(np.linalg.norm(np.linalg.eigvalsh(A) - np.linalg.eigvalsh(B)), abs=1e-12)
    assert said.exact


def test_one_unit_and_nothing_to_rotate():
    said = dk.compare_operators([[0.5]], [[-0.25]])
    assert (said.distance, said.angle, said.exact) == (0.75, pytest.approx(np.pi), True)
    zero = dk.compare_operators(np.zeros((3, 3)), gaussian(3, 0))
    assert zero.distance == pytest.approx(np.linalg.norm(gaussian(3, 0)))
    assert np.isnan(zero.angle)
    assert dk.compare_operators(np.zeros((3, 3)), np.zeros((3, 3))).distance == 0


# --- laws -------------------------------------------------------------------------------------------------


def test_no_distance_is_below_what_always_holds(pairs_of_ten):
    A, B, found = pairs_of_ten
    for a, b, C, distance in zip(A, B, found.rotations, found.distances):
        assert_allclose(C @ C.T, np.eye(10), atol=1e-12)
        assert np.linalg.norm(a - C @ b @ C.T) == pytest.approx(distance, abs=1e-12)
        bound = lower_bound(spectrum(a), spectrum(b))
        assert bound == pytest.approx(max(parts(a, b), mirsky(a, b), by_eigenvalues(a, b)), abs=1e-12)
        assert bound <= distance


def test_eigenvalues_less_the_departures_from_normality_are_a_bound():
    """What is nearly normal is judged by its eigenvalues, less what it is off."""
    for k in range(10):
        A, B = normal(6, k) + 1e-3 * gaussian(6, k), normal(6, 50 + k) + 1e-3 * gaussian(6, 50 + k)
        said = dk.compare_operators(A, B)
        assert said.bound <= said.distance
        assert said.bound > 0.8 * hoffman_wielandt(A, B)


def test_the_distance_is_the_same_from_either_side(pairs_of_ten):
    A, B, found = pairs_of_ten
    back = aligned_pairs(B, A, seed=0, n_starts=16)
    assert_allclose(back.distances, found.distances, rtol=0, atol=0)
    assert_allclose(back.rotations, found.rotations.transpose(0, 2, 1), rtol=0, atol=0)


def test_a_pair_among_many_is_as_if_it_were_alone(pairs_of_ten):
    A, B, found = pairs_of_ten
    for k in (0, 7):
        alone = dk.compare_operators(A[k], B[k], n_starts=16)
        assert alone.distance == pytest.approx(found.distances[k], abs=1e-12)
        assert alone.start == found.starts[k]


def test_rotating_either_operator_changes_nothing():
    A, B, Q = gaussian(6, 0), gaussian(6, 1), orthogonal(6, 2)
    said = dk.compare_operators(A, B)
    assert dk.compare_operators(Q @ A @ Q.T, B).distance == pytest.approx(said.distance, abs=1e-9)


@pytest.mark.parametrize("size", [1e-200, 1e-3, 1e160])
def test_the_distance_scales_with_its_operators(size):
    A, B = gaussian(5, 0), gaussian(5, 1)
    said, scaled = dk.compare_operators(A, B), dk.compare_operators(size * A, size * B)
    assert scaled.distance == pytest.approx(size * said.distance, rel=1e-9)
    assert scaled.angle == pytest.approx(said.angle, abs=1e-9)


def test_an_identity_added_to_both_is_not_seen_and_to_one_it_is():
    A, B, one = gaussian(5, 0), gaussian(5, 1), np.eye(5)
    apart = dk.compare_operators(A, B).distance
    assert dk.compare_operators(A + 3 * one, B + 3 * one).distance == pytest.approx(apart, abs=1e-9)
    centred = [M - np.trace(M) / 5 * one for M in (A, B)]
    least = dk.compare_operators(*centred).distance
    assert apart == pytest.approx(np.hypot(least, abs(np.trace(A - B)) / np.sqrt(5)), abs=1e-9)


def test_a_hundred_and_fifty_steps_lead_every_start_to_its_end():
    """Steepest descent is a tenth away after 400."""
    A, B = (np.broadcast_to(gaussian(6, k) - np.trace(gaussian(6, k)) / 6 * np.eye(6), (12, 6, 6)) for k in (0, 1))
    starts = np.stack([orthogonal(6, k) for k in range(12)])
    soon, late = (descend(A, B, starts, n_steps)[1] for n_steps in (150, 2000))
    assert_allclose(soon, late, atol=1e-8)


# --- many operators ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def population():
    operators = np.array([gaussian(6, k) for k in range(9)])
    return operators, dk.compare_all_operators(operators, n_starts=2)


def triangles(d: np.ndarray) -> float:
    """The worst violation: d(a, c) - d(a, b) - d(b, c)."""
    return float((d[:, None, :] - d[:, :, None] - d[None]).max())


def test_no_triangle_is_violated(population):
    _, said = population  # 84 triangles, from so few starts that pairs alone violate some
    assert_allclose(said.distances, said.distances.T, rtol=0, atol=0)
    assert (np.diag(said.distances) == 0).all()
    assert triangles(said.distances) < 1e-12
    assert (said.bounds <= said.distances).all()


def test_together_pairs_come_at_least_as_close_as_alone(population):
    operators, said = population
    first, second = np.triu_indices(len(operators), 1)
    alone = aligned_pairs(operators[first], operators[second], n_starts=2).distances
    assert (said.distances[first, second] <= alone + 1e-12).all()


@pytest.mark.parametrize("without", ["_start_again", "_mend"])
def test_what_one_pair_found_helps_another(without, monkeypatch):
    """A ring of rotated copies, of which only neighbours know each other: either way alone brings all together."""
    Q = [orthogonal(8, k) for k in range(5)]
    copies = framed(np.array([q @ gaussian(8, 5) @ q.T for q in Q]))
    rotations = np.broadcast_to(np.eye(8), (5, 5, 8, 8)).copy()
    for a, b in [(k, k + 1) for k in range(4)]:
        rotations[a, b], rotations[b, a] = Q[a] @ Q[b].T, Q[b] @ Q[a].T
    raw = np.array([of.operator for of in copies])
    apart = np.linalg.norm(raw[:, None] - rotations @ raw @ rotations.transpose(0, 1, 3, 2), axis=(2, 3))
    web = Web(copies, apart.copy(), rotations.copy())
    monkeypatch.setattr(Web, without, lambda self: 0)
    web.improve()
    assert apart.max() > 1 > 1e-12 > web.distances.max()
    assert web.n_improved >= 6


def test_normalized_operators_differ_by_more_than_their_size():
    A = [turn(0.3, 0.5), turn(0.3, 0.99), turn(1.0)]
    raw, normalized = dk.compare_all_operators(A), dk.compare_all_operators(A, normalized=True)
    assert raw.distances[0, 1] == pytest.approx(0.49 * np.sqrt(2))
    assert normalized.distances[0, 1] < 1e-14
    assert_allclose(normalized.angles[0], [0, 0, 0.7], atol=1e-7)
    assert_allclose(raw.angles, normalized.angles, atol=1e-7)
    assert_allclose(raw.norms, np.sqrt(2) * np.array([0.5, 0.99, 1.0]))


def test_where_no_operator_is_finite_no_pair_has_a_distance():
    found = dk.compare_all_operators(np.full((2, 3, 3), np.nan))
    assert np.isnan(found.distances).all()
    assert np.isnan(found.bounds).all()


def test_an_operator_that_is_not_finite_costs_its_neighbours_nothing(population):
    operators, said = population
    with_it = np.insert(operators, 3, np.nan, axis=0)
    found = dk.compare_all_operators(list(with_it), n_starts=2)
    others = np.delete(np.arange(10), 3)
    assert np.isnan(found.distances[3]).all()
    assert np.isnan(found.distances[:, 3]).all()
    assert_allclose(found.distances[np.ix_(others, others)], said.distances, atol=1e-12)
    assert "9 pairs without" in repr(found)
    assert set(found.table()) == {"first", "second", "distance", "bound", "angle"}
    assert len(found.table()["distance"]) == 45


def test_a_call_that_is_ended_has_the_pairs_it_reached(monkeypatch):
    monkeypatch.setattr("dynakit.chunks.BYTES", 1)  # one pair at a time
    seen = []

    def stop(done, info):
        seen.append((done, info["total"], info["unit"]))
        if done == 2:
            raise StopIteration

    said = dk.compare_all_operators([gaussian(3, k) for k in range(4)], n_starts=2, callback=stop)
    assert seen == [(1, 6, "pair"), (2, 6, "pair")]
    assert np.isfinite(said.distances[np.triu_indices(4, 1)]).sum() == 2
    assert said.interrupted == "interrupted after 2 of 6 pairs"


# --- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "ask"),
    [
        ("A must be square", lambda: dk.compare_operators(np.ones((2, 3)), np.eye(2))),
        ("B must be finite", lambda: dk.compare_operators(np.eye(2), [[1.0, np.nan], [0.0, 1.0]])),
        ("A and B must have as many units, got 2 and 3", lambda: dk.compare_operators(np.eye(2), np.eye(3))),
        ("A must have at least one unit", lambda: dk.compare_operators(np.zeros((0, 0)), np.zeros((0, 0)))),
        ("A must have shape", lambda: dk.compare_operators(np.zeros((2, 2, 2)), np.eye(2))),
        ("n_starts must be at least 0", lambda: dk.compare_operators(np.eye(3), np.eye(3), n_starts=-1)),
        ("seed must", lambda: dk.compare_operators(np.eye(3), np.eye(3), seed="one")),
        ("operators must be at least two", lambda: dk.compare_all_operators([np.eye(2)])),
        ("operators must be at least two", lambda: dk.compare_all_operators([])),
        (r"operators\[1\] must be square", lambda: dk.compare_all_operators([np.eye(2), np.ones((2, 3))])),
        (r"operators\[1\] has shape \(3, 3\)", lambda: dk.compare_all_operators([np.eye(2), np.eye(3)])),
        ("normalized must be True or False", lambda: dk.compare_all_operators([np.eye(2)] * 2, normalized="no")),
    ],
)
def test_the_message_names_the_argument(message, ask):
    with pytest.raises(InputError, match=message):
        ask()
