"""Circles of maps that take hundreds of steps per turn: the answer is that of the closed form, per step."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.cycles import circle
from dynakit.analysis.cycles.autonomous import Autonomous
from dynakit.analysis.cycles.creeping import stride


def euler(dt, omega=1.0):
    """Euler's step of z' = (1 + i omega) z - |z|^2 z."""

    def step(z):
        x, y = z[..., 0], z[..., 1]
        r2 = x * x + y * y
        return torch.stack([x + dt * (x - omega * y - r2 * x), y + dt * (y + omega * x - r2 * y)], -1)

    return dk.FunctionSystem(step, 2)


@pytest.mark.parametrize(("dt", "omega"), [(0.01, 1.0), (0.02, -1.0)])
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
    curve = circle.Curve(found.coefficients[0, : found.harmonics[0] + 1], found.rotation_numbers[0])
    flow = Autonomous(system, torch.zeros(0, dtype=torch.float64))
    assert circle.invariance(flow, curve) == pytest.approx(found.residuals[0], abs=1e-14)
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


def test_no_circle_of_a_map_that_keeps_areas_attracts():
    """Henon's quadratic map: its circles come in families, with pairs of multipliers that meet at one."""
    c, s = np.cos(2 * np.pi * 0.2114), np.sin(2 * np.pi * 0.2114)

    def henon(x):
        y = x[..., 1] - x[..., 0] ** 2
        return torch.stack([x[..., 0] * c - y * s, x[..., 0] * s + y * c], -1)

    cycles = dk.find_limit_cycles(dk.FunctionSystem(henon, 2), [[0.3, 0.05]])
    assert cycles.kinds.tolist() == ["invariant circle"]
    assert cycles.verdicts.tolist() == ["neutral"]


@pytest.mark.parametrize("rate", [1.003, 1.01, 1.5])
def test_what_runs_away_is_not_chaotic(rate):
    system = dk.FunctionSystem(lambda x: rate * x, 1)
    # four times the record, by which neighbours part by more than ten nats at each of these rates
    settings = dk.CycleSettings(n_transient=200, n_record=1024)
    cycles = dk.find_limit_cycles(system, [[0.3]], settings=settings)
    assert "chaotic" not in cycles.kinds
    if rate == 1.5:  # 0.3 * 1.5^n exceeds the bound of 1.3e10 from n = 61 on
        assert cycles.left_at.tolist() == [61]


def test_the_step_at_which_a_start_leaves_counts_the_transient():
    system = dk.FunctionSystem(lambda x: 1.5 * x, 1)
    steps = {
        n: int(dk.find_limit_cycles(system, [[1e-3]], settings=dk.CycleSettings(n)).left_at[0])
        for n in (10, 1000)
    }
    assert steps == {10: 74, 1000: 74}  # 1e-3 * 1.5^74 exceeds 1.001e10
