"""The slow mode and what moves it, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import dynakit as dk
from dynakit.errors import InputError


def affine(J, B=None):
    """x' = J x + B u."""
    J, B = torch.tensor(J).double(), torch.tensor([] if B is None else B).double()
    if not len(B):
        return dk.FunctionSystem(lambda x: x @ J.T, len(J))
    step = lambda x, u: x @ J.T + u @ B.T  # noqa: E731
    return dk.FunctionSystem(step, len(J), B.shape[1], argument_order="state, input")


@pytest.mark.parametrize(("slow", "shear", "fast"), [(1.0, 0.5, 0.5), (0.98, -2.0, 0.3), (1.02, 1.0, -0.5)])
def test_vectors_of_a_shear(slow, shear, fast):
    """J = [[s, b], [0, f]]: right (1, 0), left (1, b / (s - f)), so an input e2 moves the mode by b / (s - f)."""
    chosen = dk.selection_vectors(affine([[slow, shear], [0, fast]], [[1.0, 0, 2], [0, 1, 3]]), [[0.3, -0.7]])
    left = [1, shear / (slow - fast)]
    assert_allclose(chosen.eigenvalues, [slow])
    assert_allclose(chosen.right, [[1, 0]], atol=1e-14)
    assert_allclose(chosen.left, [left])
    assert_allclose(chosen.selection, [[left[0], left[1], 2 * left[0] + 3 * left[1]]])


def test_vectors_of_a_symmetric_matrix_are_its_own():
    """Eigenvalue 1 along (3, 4) / 5, and 0.2 across: right and left are the same."""
    r, across = np.array([0.6, 0.8]), np.array([-0.8, 0.6])
    J = np.outer(r, r) + 0.2 * np.outer(across, across)
    chosen = dk.selection_vectors(affine(J, np.stack([r, across], axis=1)), [[0.0, 0.0]])
    assert_allclose(chosen.right, [r])
    assert_allclose(chosen.left, [r])
    assert_allclose(chosen.selection, [[1, 0]], atol=1e-14)
    assert_allclose(chosen.responses([[2.0, 5.0], [0.0, 7.0]]), [[2, 0]], atol=1e-13)


def test_slowest_is_what_is_nearest_to_one_and_not_what_is_largest():
    chosen = dk.selection_vectors(affine(np.diag([-1.5, 0.9, 0.1])), np.zeros((1, 3)))
    assert_allclose(chosen.eigenvalues, [0.9])
    assert_allclose(chosen.right, [[0, 1, 0]], atol=1e-14)


def test_selection_at_a_turning_mode_is_unknown_and_its_neighbours_are_not():
    turning = torch.tensor([[0.0, -1.0], [1.0, 0.0]]).double()

    def step(x):
        return torch.where(x[:, :1] > 5, x @ turning, torch.tensor([1.0, 0.5]).double() * x)

    chosen = dk.selection_vectors(dk.FunctionSystem(step, 2), [[0.0, 0.0], [9.0, 0.0], [1.0, np.nan]])
    assert np.isnan(chosen.eigenvalues).tolist() == [False, True, True]
    assert_allclose(chosen.right[0], [1, 0])


def test_selection_vectors_point_to_one_side():
    """The slow direction turns with the state, past (1, -1), where another of its entries becomes the largest."""

    def jacobian(z):
        angle = -torch.pi / 4 + 0.1 * torch.sin(z[:, 0])
        t = torch.stack([angle.cos(), angle.sin()], 1)
        return 0.5 * torch.eye(2).double() + 0.49 * t[:, :, None] * t[:, None, :]

    system = dk.FunctionSystem(lambda z: 0.5 * z, 2, jacobian=jacobian)
    chosen = dk.selection_vectors(system, [[-1.0, 0.0], [-0.3, 0.0], [0.3, 0.0], [1.0, 0.0]])
    assert_allclose(chosen.eigenvalues, 0.99)
    assert (chosen.right[1:] @ chosen.right[0] > 0.9).all()
    assert_allclose((chosen.left * chosen.right).sum(axis=1), 1)


def test_permuted_units_have_permuted_vectors_and_every_point_stands_for_itself():
    rng = np.random.default_rng(0)
    W, B, order = 1.2 * rng.normal(size=(5, 5)) / 5**0.5, rng.normal(size=(5, 2)), np.array([3, 1, 4, 0, 2])
    system = dk.catalog.tanh_network(W, W_in=B)
    mixed = dk.catalog.tanh_network(W[np.ix_(order, order)], W_in=B[order])
    states, drive = rng.normal(size=(7, 5)), [0.1, -0.2]
    whole, permuted = dk.selection_vectors(system, states, drive), dk.selection_vectors(mixed, states[:, order], drive)
    real = np.isfinite(whole.eigenvalues)
    assert real.sum() > 0
    assert_array_equal(np.isfinite(permuted.eigenvalues), real)
    assert_allclose(permuted.selection[real], whole.selection[real], rtol=1e-9)
    assert_allclose(permuted.left[real], whole.left[real][:, order], rtol=1e-9)
    for k in np.flatnonzero(real):
        alone = dk.selection_vectors(system, states[[k]], drive)
        way = np.sign(alone.right[0] @ whole.right[k])
        assert_allclose(way * alone.selection[0], whole.selection[k], rtol=1e-9)


def test_the_step_along_the_mode_is_that_of_a_simulation():
    """A small pulse at a saddle of two coupled units, followed until the fast mode is gone."""
    J, B = np.array([[1.0, 0.4], [0.0, 0.3]]), np.array([[0.5, -1.0], [2.0, 0.7]])
    system = affine(J, B)
    pulse = np.array([0.2, -0.3])
    end = system.settle(system.step(np.zeros((1, 2)), pulse), np.zeros(2), 100).numpy()[0]
    chosen = dk.selection_vectors(system, [[0.0, 0.0]])
    assert_allclose(end, chosen.responses([pulse])[0, 0] * chosen.right[0], atol=1e-12)


def test_points_bring_their_drives(tmp_path):
    system = dk.catalog.tanh_unit(2.0)
    points = dk.find_fixed_points(system, None, [0.1])
    chosen = dk.selection_vectors(system, points)
    assert_array_equal(chosen.drives, points.drives)
    slopes = 1 - points.states[:, 0] ** 2
    assert_allclose(chosen.eigenvalues, 2 * slopes)
    assert_allclose(chosen.selection[:, 0], slopes)
    assert "3 points of a map, 3 with a real slow mode" in chosen.headline()
    chosen.save(tmp_path)
    assert dk.load(tmp_path) == chosen


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        (np.zeros((4, 3)), {}, "points must have shape"),
        (np.zeros((4, 2)), {"drive": [1.0]}, "drive must have shape"),
        (np.zeros((4, 2)), {"drive": [np.nan, 0.0]}, "drive must be finite"),
    ],
)
def test_bad_arguments_are_named(points, options, message):
    with pytest.raises(InputError, match=message):
        dk.selection_vectors(affine(np.eye(2), np.eye(2)), points, **options)


def test_directions_must_fit_the_inputs():
    chosen = dk.selection_vectors(affine(np.eye(2), np.eye(2)), [[0.0, 0.0]])
    with pytest.raises(InputError, match="directions must have shape"):
        chosen.responses([[1.0, 2.0, 3.0]])
