"""Spectra that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError


def test_known_mode_is_recovered_with_its_left_partner():
    rng = np.random.default_rng(0)
    R = rng.normal(size=(5, 5))
    values = np.array([0.99, 0.5, -0.4, 0.3, 0.1])
    A = R @ np.diag(values) @ np.linalg.inv(R)
    modes = dk.linearize(dk.catalog.linear(A), np.zeros((1, 5)))
    assert_allclose(modes.eigenvalues[0].real, values, atol=1e-12)
    slow = R[:, 0] / np.linalg.norm(R[:, 0])
    assert_allclose(abs(modes.right[0, :, 0].conj() @ slow), 1, atol=1e-12)
    assert_allclose(modes.left[0].conj().T @ modes.right[0], np.eye(5), atol=1e-10)
    assert_allclose(modes.left[0].conj().T @ A, np.diag(values) @ modes.left[0].conj().T, atol=1e-10)
    assert_allclose(modes.time_constants[0, 0], -1 / np.log(0.99))


def test_rotation_has_its_period_and_time_constant():
    modes = dk.linearize(dk.catalog.rotation(angle=2 * np.pi / 7, radius=0.9), [[0.0, 0.0]])
    assert_allclose(modes.periods, 7)
    assert_allclose(modes.time_constants, -1 / np.log(0.9))
    assert modes.verdicts.tolist() == ["stable"]


def test_network_of_zero_weights():
    gru = torch.nn.GRU(1, 4)
    lstm = torch.nn.LSTM(1, 4)
    for module in (gru, lstm):
        for p in module.parameters():
            torch.nn.init.zeros_(p)
    assert_allclose(dk.linearize(dk.as_system(gru), np.zeros(4)).eigenvalues, 0.5)
    values = dk.linearize(dk.as_system(lstm), np.zeros(8)).eigenvalues[0]
    assert_allclose(np.abs(values), [0.5] * 4 + [0.0] * 4, atol=1e-15)


@pytest.mark.parametrize(
    ("A", "verdict"),
    [
        ([[0.5, 0.0], [0.0, -0.9]], "stable"),
        ([[1.5, 0.0], [0.0, 0.5]], "unstable"),
        ([[0.5, 0.0], [0.0, -1.2]], "unstable"),
        ([[1.0, 0.0], [0.0, 0.5]], "marginal"),
        ([[0.0, -1.0], [1.0, 0.0]], "marginal"),
        ([[1.0 + 1e-12, 0.0], [0.0, 0.5]], "marginal"),
    ],
)
def test_verdict_of_a_linear_map(A, verdict):
    assert dk.linearize(dk.catalog.linear(A), [[0.0, 0.0]]).verdicts.tolist() == [verdict]


def test_defective_matrix_on_the_circle_is_undetermined():
    n = 10
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(n, n)))[0]
    jordan = Q @ (np.eye(n) + np.diag(np.ones(n - 1), 1)) @ Q.T
    modes = dk.linearize(dk.catalog.linear(jordan), np.zeros((1, n)))
    assert modes.verdicts.tolist() == ["undetermined"]
    assert modes.condition_numbers.max() > 1e6
    assert modes.n_unstable.mask.all()


def test_a_bad_point_is_undetermined_and_its_neighbours_are_exact():
    system = dk.catalog.tanh_network(1.5 * np.eye(3))
    x = np.zeros((3, 3))
    x[1] = np.nan
    modes = dk.linearize(system, x)
    assert modes.verdicts.tolist() == ["unstable", "undetermined", "unstable"]
    assert_allclose(modes.eigenvalues[[0, 2]].real, 1.5)


def test_leaky_network_tells_time_in_milliseconds():
    model = dk.models.LeakyRNN(1, 3, 1, dt=10.0, tau=100.0)
    torch.nn.init.zeros_(model.W_rec)
    modes = dk.linearize(dk.as_system(model), np.full(3, -0.5))
    assert_allclose(modes.time_constants_ms, -10 / np.log(0.9))


def test_points_and_drive_together_are_refused():
    points = dk.find_fixed_points(dk.catalog.tanh_unit(2.0))
    with pytest.raises(InputError, match="drive"):
        dk.linearize(dk.catalog.tanh_unit(2.0), points, drive=[0.0])
    with pytest.raises(InputError, match="points must"):
        dk.linearize(dk.catalog.tanh_unit(2.0), np.zeros((2, 3)))


def test_no_points_give_no_modes():
    modes = dk.linearize(dk.catalog.henon(), np.zeros((0, 2)))
    assert len(modes) == 0
    assert modes.left.shape == (0, 2, 2)
