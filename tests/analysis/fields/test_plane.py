"""The flow in a plane of a system of two units, whose field is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk


def test_of_a_flow_the_velocities_are_those_of_its_field_not_of_its_step():
    field = dk.plane_flow(dk.catalog.van_der_pol(1.0, dt=0.3), ranges=[[-2, 2], [-3, 3]], n_grid=7)
    x, y = np.meshgrid(field.grid_x, field.grid_y)
    assert_allclose(field.velocities, np.stack([y, (1 - x**2) * y - x], axis=-1), atol=1e-9)
    assert field.names == ("unit 1", "unit 2")
    assert (field.grid_x[[0, -1]].tolist(), field.grid_y[[0, -1]].tolist()) == ([-2, 2], [-3, 3])


def test_larger_systems_say_which_plane():
    network = dk.catalog.tanh_network(np.eye(3))
    with pytest.raises(dk.InputError, match="projection must be a Projection for a system of 3 units"):
        dk.plane_flow(network)
    with pytest.raises(dk.InputError, match="through must be given for a system of 3 units"):
        dk.plane_flow(network, dk.project(np.eye(3), 2))
    with pytest.raises(dk.InputError, match="ranges must rise along each axis"):
        dk.plane_flow(dk.catalog.henon(), ranges=[[0, 1], [1, 0]])
