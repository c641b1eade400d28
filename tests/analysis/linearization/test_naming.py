"""Names of points whose eigenvalues are known."""

import numpy as np
import pytest

import dynakit as dk


@pytest.mark.parametrize(
    ("mu", "name"), [(1.0, "unstable focus"), (-1.0, "stable focus"), (0.0, "centre")]
)
def test_the_origin_of_the_normal_form_of_a_hopf_bifurcation(mu, name):
    assert dk.linearize(dk.catalog.stuart_landau(mu), [[0.0, 0.0]]).types.tolist() == [name]


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ([[0.5, 0.0], [0.0, 0.8]], "stable node"),
        ([[-0.5, 0.0], [0.0, 0.8]], "stable node"),
        ([[1.5, 0.0], [0.0, 1.2]], "unstable node"),
        ([[0.5, 0.0], [0.0, 1.2]], "saddle"),
        ([[0.6, -0.6], [0.6, 0.6]], "stable focus"),
        ([[0.9, -0.9], [0.9, 0.9]], "unstable focus"),
        ([[0.6, -0.8], [0.8, 0.6]], "centre"),
        ([[1.0, 0.0], [0.0, 0.5]], "marginal"),
        ([[0.6, -0.6, 0.0], [0.6, 0.6, 0.0], [0.0, 0.0, 1.5]], "saddle focus"),
        ([[0.6, -0.6, 0.0], [0.6, 0.6, 0.0], [0.0, 0.0, 0.95]], "stable node"),
        ([[0.6, -0.6, 0.0], [0.6, 0.6, 0.0], [0.0, 0.0, 0.5]], "stable focus"),
    ],
)
def test_linear_maps(rows, name):
    matrix = np.array(rows)
    modes = dk.linearize(dk.catalog.linear(matrix), np.zeros((1, len(matrix))))
    assert modes.types.tolist() == [name]
