"""Circles of maps that take hundreds of steps per turn: the answer is that of the closed form, per step."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis import _circle
from dynakit.analysis._autonomous import Autonomous
from dynakit.analysis._creeping import stride


def euler(dt, omega=1.0):
    """Euler's step of z' = (1 + i omega) z - |z|^2 z."""

    def step(z):
        x, y = z[..., 0], z[..., 1]
        r2 = x * x + y * y
        return torch.stack([x + dt * (x - omega * y - r2 * x), y + dt * (y + omega * x - r2 * y)], -1)

    return dk.FunctionSystem(step, 2)


@pytest.mark.parametrize(("dt", "omega"), [(0.01, 1.0), (0.005, -1.0)])
def test_a_turn_of_hundreds_of_steps_has_the_numbers_of_the_closed_form(dt, omega):
    system = euler(dt, omega)
    found = dk.find_limit_cycles(system, [[1.0, 0.2]])
    A = np.sqrt(1 - dt**2)
    radius2 = 1 + (1 - A) / dt
    across = 1 - 2 * dt * radius2 * A
    assert found.kinds.tolist() == ["invariant circle"]
    assert found.verdicts.tolist() == ["attracting"]
    assert_allclose(found.rotation_numbers, np.arcsin(omega * dt) / (2 * np.pi), rtol=0, atol=1e-14)
    assert_allclose(found.periods, 2 * np.pi / np.arcsin(dt), rtol=1e-10)
    assert_allclose(np.linalg.norm(found.curve(np.linspace(0, 1, 50)), axis=1) ** 2, radius2, atol=1e-10)
    assert_allclose(found.transverse_moduli[0, 0], across, rtol=0, atol=1e-10)
    assert_allclose(found.exponents[0], [0.0, np.log(across)], atol=1e-10)
    curve = _circle.Curve(found.coefficients[0, : found.harmonics[0] + 1], found.rotation_numbers[0])
    flow = Autonomous(system, torch.zeros(0, dtype=torch.float64))
    assert _circle.invariance(flow, curve) == pytest.approx(found.residuals[0], abs=1e-14)
    assert found.residuals[0] < 1e-13
    assert found.digits[0] >= 10


def test_strides_keep_clear_of_resonances():
    n = 600
    turning = np.exp(2j * np.pi * np.arange(3 * n) / n)
    k, n_strides = stride(np.stack([turning.real, turning.imag], 1))
    assert 1 < k <= n // 26
    assert n_strides == n // k
    h = np.arange(1, 49)
    assert np.abs(k / n * h - np.round(k / n * h)).min() > 0.1 / 48
    assert stride(np.stack([turning.real, turning.imag], 1)[:: n // 20]) == (1, 0)
