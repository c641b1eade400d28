"""The gate to LAPACK: bad elements are marked, good ones are as if alone, and nothing crashes."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dynakit import linalg

BAD = [np.nan, np.inf, -np.inf]


def batch(m: int, n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((m, n, n))


# --- eigenvalues ------------------------------------------------------------------------------------------


@given(st.integers(1, 7), st.integers(0, 50))
def test_eigenvectors_are_biorthonormal_and_satisfy_their_equations(n, seed):
    (A,) = batch(1, n, seed)
    values, right, left, condition = (part[0] for part in linalg.eig(A[None]))
    scale = condition.max() * np.linalg.norm(A)
    assert_allclose(A @ right, right * values, atol=1e-13 * scale)
    assert_allclose(left.conj().T @ A, values[:, None] * left.conj().T, atol=1e-12 * scale)
    assert_allclose(left.conj().T @ right, np.eye(n), atol=1e-12 * scale)
    assert_allclose(np.linalg.norm(right, axis=0), 1, rtol=1e-13)
    assert (condition >= 1 - 1e-12).all()
    assert_allclose(condition, np.linalg.norm(left, axis=0), rtol=1e-9)
    assert (np.diff(np.abs(values)) <= 1e-11 * abs(values[0])).all()
    largest = right[np.abs(right).argmax(0), np.arange(n)]
    assert_allclose(largest.imag, 0, atol=1e-13)
    assert (largest.real > 0).all()


def test_condition_of_a_known_matrix():
    # [[1, a], [0, 2]]: unit right (1, 0), (a, 1)/s and left (1, -a)/s, (0, 1) with s = sqrt(1 + a^2)
    a = 3.0
    eigen = linalg.eig(np.array([[[1.0, a], [0.0, 2.0]], [[1.0, 0.0], [0.0, 2.0]]]))
    assert_allclose(eigen.values, [[2, 1], [2, 1]])
    assert_allclose(eigen.condition, [[np.sqrt(1 + a**2)] * 2, [1, 1]], rtol=1e-14)


def test_a_defective_matrix_has_a_huge_condition_and_no_crash():
    jordan = np.diag(np.full(3, 0.5)) + np.diag(np.ones(2), 1)
    eigen = linalg.eig(np.stack([jordan, np.eye(3)]))
    assert (eigen.condition[0] > 1e8).all()
    assert_allclose(eigen.values[0], 0.5, atol=1e-4)
    assert_allclose(eigen.condition[1], 1)


def test_values_fall_in_modulus_and_then_in_angle():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    A = np.zeros((6, 6))
    A[:2, :2], A[2:4, 2:4], A[4, 4], A[5, 5] = 0.5 * turn, 2 * turn, -2.0, 2.0
    expected = [-2, 2j, 2, -2j, 0.5j, -0.5j]
    assert_allclose(linalg.eig(A[None]).values[0], expected, atol=1e-14)
    assert_allclose(linalg.eigvals(A), expected, atol=1e-14)


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("position", [0, 2, 4])
def test_a_bad_matrix_is_marked_and_its_neighbours_are_as_if_alone(value, position):
    A = batch(5, 4)
    clean = linalg.eig(A)
    A[position, 1, 2] = value
    eigen = linalg.eig(torch.from_numpy(A))
    others = np.arange(5) != position
    for part, expected in zip(eigen, clean):
        assert np.isnan(part[position]).all()
        assert (part[others] == expected[others]).all()
    assert np.isnan(linalg.eigvals(A[position])).all()
    assert list(linalg.finite_elements(A)) == list(others)


def test_nothing_in_a_bad_batch_ends_the_interpreter():
    code = (
        "import numpy as np, torch\n"
        "from dynakit import linalg\n"
        "linalg.one_thread().__enter__()\n"
        "for bad in (np.nan, np.inf, -np.inf, 1e308):\n"
        "    for n in (1, 2, 60):\n"
        "        A = np.random.default_rng(0).standard_normal((3, n, n)); A[1] = bad\n"
        "        T = torch.from_numpy(A)\n"
        "        linalg.eig(A), linalg.sign_det(T), linalg.solve(T, T[:, 0])\n"
        "        [linalg.eigvals(a) for a in A], [linalg.smallest_singular(a) for a in A]\n"
        "print('alive')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_extreme_scales_neither_overflow_nor_vanish(scale):
    (A,) = batch(1, 4)
    expected = linalg.eig(A[None])
    eigen = linalg.eig(scale * A[None])
    assert_allclose(eigen.values / scale, expected.values, rtol=1e-9)
    assert_allclose(eigen.condition, expected.condition, rtol=1e-9)


def test_zero_matrices_and_empty_batches():
    assert (linalg.eig(np.zeros((2, 3, 3))).values == 0).all()
    empty = torch.zeros(0, 3, 3, dtype=torch.float64)
    assert linalg.eig(empty).right.shape == (0, 3, 3)
    assert linalg.finite_elements(empty).shape == (0,)
    assert linalg.sign_det(empty).shape == (0,)
    x, solved = linalg.solve(empty, empty[:, 0])
    assert x.shape == (0, 3)
    assert solved.shape == (0,)


# --- linear equations -------------------------------------------------------------------------------------


def test_solve_marks_what_cannot_be_solved_and_solves_the_rest():
    A, b = batch(6, 4), np.random.default_rng(1).standard_normal((6, 4))
    expected = np.linalg.solve(A, b[..., None])[..., 0]
    A[1] = np.nan
    A[2, 0, 0] = np.inf
    A[3] = np.ones((4, 4))  # of rank one
    b[4, 2] = np.nan
    x, solved = linalg.solve(torch.from_numpy(A), torch.from_numpy(b))
    assert solved.tolist() == [True, False, False, False, False, True]
    assert_allclose(x[solved], expected[solved.numpy()], rtol=1e-12)
    assert (x[~solved] == 0).all()


def test_solve_does_not_mistake_a_sum_that_overflows_for_a_bad_matrix():
    A = torch.full((2, 2, 2), 1e308, dtype=torch.float64)
    A[:, 0, 1] = 0.0
    x, solved = linalg.solve(A, torch.full((2, 2), 1e308, dtype=torch.float64))
    assert solved.all()
    assert_allclose(x, [[1, 0], [1, 0]], atol=1e-15)


def test_one_equation_is_solved_as_among_others_and_none_where_it_cannot():
    A, b = batch(6, 4)[0], np.random.default_rng(1).standard_normal(4)
    assert_allclose(A @ linalg.solve_one(A, b), b, rtol=1e-12)
    assert_allclose((A + 1j * np.eye(4)) @ linalg.solve_one(A + 1j * np.eye(4), b), b, rtol=1e-12)
    for matrix, rhs in [
        (np.ones((4, 4)), b),
        (np.full((4, 4), np.nan), b),
        (A, b * np.inf),
        (1e-308 * np.eye(4), 10 + b),
    ]:
        assert linalg.solve_one(matrix, rhs) is None


def test_sign_of_the_determinant():
    A = np.stack(
        [np.diag([1.0, -2.0]), np.eye(2), np.zeros((2, 2)), np.full((2, 2), np.nan), [[0, 1], [1, 0]]]
    )
    assert linalg.sign_det(torch.from_numpy(A)).tolist() == [-1, 1, 0, 0, -1]


def test_smallest_singular_value_and_vector():
    value, vector = linalg.smallest_singular(np.array([[3.0, 0.0], [0.0, 0.5]]))
    assert value == pytest.approx(0.5)
    assert_allclose(np.abs(vector), [0, 1], atol=1e-15)
    value, vector = linalg.smallest_singular(np.array([[np.nan, 0.0], [0.0, 0.5]]))
    assert np.isnan(value)
    assert np.isnan(vector).all()


# --- threads ----------------------------------------------------------------------------------------------


def test_one_thread_restores_also_after_an_exception():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with linalg.one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with pytest.raises(KeyError), linalg.one_thread():
            {}["an exception"]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_norms_do_not_overflow_where_squares_would():
    matrices = torch.tensor(
        [[[3.0, 0.0], [4.0, 0.0]], [[3e200, 0.0], [4e200, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]
    ).double()
    matrices[1] = torch.tensor([[3e200, 0.0], [4e200, 0.0]], dtype=torch.float64)
    np.testing.assert_allclose(linalg.norms(matrices), [5, 5e200, 0], rtol=1e-14)


def test_an_eigenpair_is_refined_from_a_rough_one():
    rng = np.random.default_rng(0)
    R = rng.normal(size=(12, 12))
    values = np.append(1.0, rng.uniform(-0.8, 0.8, 11))
    L = np.linalg.inv(R)
    A = R @ np.diag(values) @ L
    rough = 0.97, R[:, 0] + 0.1 * rng.normal(size=12), L[0] + 0.1 * rng.normal(size=12)
    value, right, left = linalg.eigenpair(A, *rough)
    assert value == pytest.approx(1, abs=1e-12)
    assert_allclose(np.abs(right @ R[:, 0]), np.linalg.norm(R[:, 0]), rtol=1e-12)
    assert_allclose(A @ right, right, atol=1e-11)
    assert_allclose(left @ A, left, atol=1e-11)
    assert left @ right == pytest.approx(1)
    again = linalg.eigenpair(A, value, right, left)  # the shift is an eigenvalue already
    assert again is not None
    assert again[0] == pytest.approx(1, abs=1e-12)


def test_an_eigenpair_that_is_complex_defective_or_not_finite_is_none():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert linalg.eigenpair(turn, 0.6, np.array([1.0, 0.3]), np.array([0.2, 1.0])) is None
    assert (
        linalg.eigenpair(np.array([[1.0, 1.0], [0.0, 1.0]]), 1.0, np.array([1.0, 0.0]), np.array([0.0, 1.0]))
        is None
    )
    assert linalg.eigenpair(np.full((2, 2), np.nan), 1.0, np.ones(2), np.ones(2)) is None


def test_symmetric_matrices_are_decomposed_and_bad_ones_marked():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    batch = torch.from_numpy(np.stack([Q @ np.diag([-1.0, 0.0, 2.0, 5.0]) @ Q.T] * 3))
    batch[1, 0, 0] = np.inf
    values, vectors = linalg.symmetric_eig(batch)
    assert_allclose(values[[0, 2]], [[-1, 0, 2, 5]] * 2, atol=1e-12)
    assert_allclose((batch[0] @ vectors[0] - vectors[0] * values[0]).abs().max(), 0, atol=1e-12)
    assert torch.isnan(values[1]).all()
    assert torch.isnan(vectors[1]).all()


@pytest.mark.parametrize("n", [1, 2, 9, 70])
def test_conditions_without_vectors_are_those_with_them(n):
    batch = np.random.default_rng(n).standard_normal((4, n, n))
    batch[1], batch[2] = np.nan, np.triu(batch[2])
    values, condition = linalg.conditions(batch)
    eigen = linalg.eig(batch)
    assert_allclose(values, eigen.values, rtol=1e-12)
    assert_allclose(np.minimum(condition, 1e12), np.minimum(eigen.condition, 1e12), rtol=1e-4)
    assert np.isnan(condition[1]).all()
    assert np.isfinite(condition[0]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [3, linalg.ONE_BY_ONE + 1])
def test_inverses_one_by_one_and_together(n, dtype):
    batch = torch.from_numpy(np.random.default_rng(n).standard_normal((4, n, n))).to(dtype)
    batch[1], batch[2, 0] = torch.nan, 0.0
    inverse, usable = linalg.inverses(batch)
    assert usable.tolist() == [True, False, False, True]
    assert inverse.dtype == dtype
    eye = torch.eye(n, dtype=dtype)
    assert_allclose(inverse[[0, 3]] @ batch[[0, 3]], eye.expand(2, n, n), atol=2e5 * torch.finfo(dtype).eps)
    assert_allclose(inverse[[1, 2]], eye.expand(2, n, n))
