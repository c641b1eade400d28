"""The catalogue says what is true of its members; here it is checked."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from dynakit.errors import InputError
from dynakit.systems import catalog

GOLDEN = (math.sqrt(5) - 1) / 2


def turns(states):
    """The angle of each state from one to the next, in revolutions."""
    z = states[:, 0].numpy() + 1j * states[:, 1].numpy()
    return np.angle(z[1:] / z[:-1]) / (2 * np.pi)


@pytest.mark.parametrize(("mu", "omega", "dt"), [(1.0, 1.0, 0.2), (0.5, -2.0, 0.1)])
def test_eulers_stuart_landau_has_its_circle(mu, omega, dt):
    system = catalog.stuart_landau_euler(mu, omega, dt=dt)
    A = math.sqrt(1 - (omega * dt) ** 2)
    radius = math.sqrt(mu + (1 - A) / dt)
    states = system.trajectory(system.settle([radius + 0.1, 0.0], n_steps=400), 50)
    assert_allclose(states.norm(dim=1), radius, rtol=0, atol=1e-12)
    assert_allclose(turns(states), math.asin(omega * dt) / (2 * math.pi), rtol=0, atol=1e-13)
    J, angle = system.jacobian([radius, 0.0]).numpy(), math.asin(omega * dt)
    across = np.array([math.cos(angle), math.sin(angle)]) @ J[:, 0]  # radial to radial
    assert_allclose(across, 1 - 2 * dt * radius**2 * A, rtol=0, atol=1e-12)


def test_the_multiplier_printed_for_the_default_circle():
    A = math.sqrt(1 - 0.04)
    assert_allclose(1 - 0.4 * (1 + (1 - A) / 0.2) * A, 0.568489846928149, atol=1e-14)


def test_neimark_sacker_has_its_circle():
    mu, theta = 0.1, 0.7
    system, radius = catalog.neimark_sacker(mu, theta, c=-2.0), math.sqrt(mu / 2)
    states = system.trajectory([radius, 0.0], 20)
    assert_allclose(states.norm(dim=1), radius, atol=1e-13)
    assert_allclose(turns(states), theta / (2 * math.pi), atol=1e-13)
    J = system.jacobian([radius, 0.0]).numpy()
    assert_allclose(np.array([math.cos(theta), math.sin(theta)]) @ J[:, 0], 1 - 2 * mu, atol=1e-13)
    assert_allclose(np.abs(np.linalg.eigvals(system.jacobian([0.0, 0.0]).numpy())), 1 + mu, atol=1e-14)


@pytest.mark.parametrize("skew", [0.0, 0.5, -0.8])
def test_circle_map_turns_by_a_known_h(skew):
    system = catalog.circle_map(GOLDEN, skew=skew, across=0.3)
    w = np.exp(2j * np.pi * GOLDEN * np.arange(1, 200))
    start = np.array([1.0, 0.0])
    z = (w + skew) / (1 + skew * w)  # the same Moebius transform, in complex numbers
    assert_allclose(system.trajectory(start, 199), np.stack([z.real, z.imag], 1), atol=1e-11)
    drawn = system.trajectory(1.5 * start, 3)
    assert_allclose(drawn.norm(dim=1), 1 + 0.5 * 0.3 ** np.arange(1, 4), atol=1e-13)


def test_arnolds_map_is_locked_where_it_should_be():
    rigid = catalog.arnold(0.3, 0.0).trajectory([1.0, 0.0], 9)
    assert_allclose(turns(rigid), 0.3, atol=1e-13)
    Omega, K = 0.1, 0.9
    phi = math.asin(2 * math.pi * Omega / K)  # K sin(phi) = 2 pi Omega: a fixed point
    locked = catalog.arnold(Omega, K)
    assert_allclose(locked.step([math.cos(phi), math.sin(phi)]), [math.cos(phi), math.sin(phi)], atol=1e-14)
    assert_allclose(turns(locked.trajectory([1.0, 0.0], 500))[-1], 0.0, atol=1e-12)
    half = catalog.arnold(0.5, 0.9)
    x = half.settle([0.3, -1.0], n_steps=2000)
    assert_allclose(half.step(half.step(x)), x, atol=1e-9)  # a period-2 orbit


def test_bistable_points():
    system = catalog.bistable(0.1)
    assert_allclose(system.step([[-1.0], [0.0], [1.0]]), [[-1], [0], [1]])
    assert_allclose(system.jacobian([[-1.0], [0.0]])[:, 0, 0], [0.8, 1.1])
    assert_allclose(system.settle([[-1e-3], [1e-3]], n_steps=500), [[-1], [1]])
    with pytest.raises(InputError, match="dt must be"):
        catalog.bistable(1.0)


def test_fixed_points_of_the_chaotic_flows():
    q = math.sqrt(8 / 3 * 27)
    assert_allclose(catalog.lorenz().rhs([[q, q, 27.0], [-q, -q, 27.0]]), 0, atol=1e-13)
    assert_allclose(
        torch.einsum("bii->b", catalog.lorenz().rhs_jacobian(np.ones((2, 3)))), -41 / 3
    )  # the sum of exponents
    x = (5.7 + math.sqrt(5.7**2 - 4 * 0.04)) / 2
    assert_allclose(catalog.rossler().rhs([x, -x / 0.2, x / 0.2]), 0, atol=1e-12)


def test_two_cycles_turn_in_opposite_directions():
    flow = catalog.two_cycles()
    z = flow.settle([[0.1, 0.0], [1.9, 0.0], [0.0, 2.1], [3.5, 0.0]], n_steps=300)
    assert_allclose(z.norm(dim=1), [1, 1, 3, 3], atol=1e-4)
    assert_allclose(flow.rhs([[1.0, 0.0], [3.0, 0.0], [2.0, 0.0]]), [[0, 1], [0, -3], [0, 0]], atol=1e-13)
    for radius in (1.0, 3.0):  # which is also the rate across
        _, matrix = flow.monodromy([radius, 0.0], None, 2 * np.pi)
        moduli = np.sort(np.abs(np.linalg.eigvals(matrix.numpy())))
        assert_allclose(moduli, [np.exp(-2 * np.pi * radius), 1.0], rtol=0, atol=1e-11)
    assert_allclose(flow.rhs_jacobian([0.0, 0.0]), [[3, -2], [2, 3]])
