"""Exponents keep their digits where units saturate, and are averaged as fits the motion."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from torch import nn

import dynakit as dk
from dynakit.analysis.exponents import frames

rng = np.random.default_rng(0)
NOISE = np.random.default_rng(2).normal(size=(700, 1))


def saturated(n: int, seed: int) -> tuple[dk.System, np.ndarray]:
    """tanh units of gain 2 under strong inputs, whose slopes fall to 1e-30."""
    draw = np.random.default_rng(seed)
    W, V, b = draw.normal(size=(n, n)) * 2, draw.normal(size=(n, 2)) * 2, draw.normal(size=n) * 2
    return dk.catalog.tanh_network(W, b=b, W_in=V), draw.normal(size=(600, 2))


def shut_lstm(n: int = 3) -> tuple[dk.System, np.ndarray]:
    """Gates so far shut that the rows of h' and of c' are parallel to all digits of the Jacobian."""
    layer, generator = nn.LSTM(2, n).double(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_(generator=generator).mul_(8 / n**0.5 if p.shape[-1] == n else 4)
    return dk.as_system(layer), 2 * np.random.default_rng(0).normal(size=(600, 2))


def exact_mean_log_det(factors) -> float:
    """The mean over time of ln |det| of products of matrices (time, n, n), by fractions: no rounding at all."""
    return float(np.mean([sum(exact_log_det(J[t]) for J in factors) for t in range(len(factors[0]))]))


def exact_log_det(matrix) -> float:
    rows = [[Fraction(v) for v in row] for row in matrix.tolist()]
    det = Fraction(1)
    for k in range(len(rows)):
        at = next(i for i in range(k, len(rows)) if rows[i][k])
        rows[k], rows[at] = rows[at], rows[k]
        det *= rows[k][k]
        for i in range(k + 1, len(rows)):
            share = rows[i][k] / rows[k][k]
            rows[i] = [a - share * b for a, b in zip(rows[i], rows[k])]
    return math.log(abs(det.numerator)) - math.log(det.denominator)


@pytest.mark.parametrize("make", [lambda: saturated(3, 3), lambda: saturated(3, 9), shut_lstm])
def test_finite_exponents_are_finite_and_sum_to_the_mean_of_ln_det_however_far_units_saturate(make):
    system, inputs = make()
    start = system.initial_state()
    lyap = dk.lyapunov_spectrum(system, start, inputs[:150], n_steps=50, n_transient=100)
    states = torch.cat([start[None], system.trajectory(start, inputs)])[100:150]
    factors = system._jacobian_factors(states, torch.from_numpy(inputs[100:150]))
    assert np.isfinite(lyap.exponents).all()
    assert_allclose(lyap.exponents.sum(), exact_mean_log_det([J.numpy() for J in factors]), rtol=1e-6)
    assert lyap.determinant_gaps[0] < 1e-5


def test_factors_of_a_jacobian_make_it_up():
    system, inputs = shut_lstm()
    x, u = rng.normal(size=(4, 6)), torch.from_numpy(inputs[:4])
    first, second, third = system._jacobian_factors(torch.from_numpy(x), u)
    assert_allclose(third @ second @ first, system.jacobian(x, u), rtol=1e-12, atol=1e-300)


def test_columns_of_any_size_leave_exponents_their_digits():
    """y' = W tanh(y) + V u is x' = tanh(W x + V u) for y = W x + V u; but it is columns that are small."""
    system, inputs = saturated(3, 3)
    draw = np.random.default_rng(3)
    W, V, b = (torch.from_numpy(2 * draw.normal(size=s)) for s in ((3, 3), (3, 2), 3))

    def jacobian(y, u):
        return W * (1 / torch.cosh(y).square())[:, None]

    outer = dk.FunctionSystem(
        lambda y, u: torch.tanh(y) @ W.T + u @ V.T + b,
        3,
        2,
        argument_order="state, input",
        jacobian=jacobian,
    )
    one = dk.lyapunov_spectrum(system, np.zeros(3), inputs, n_steps=500, n_transient=100)
    other = dk.lyapunov_spectrum(
        outer, b + V @ inputs[0], np.roll(inputs, -1, axis=0), n_steps=500, n_transient=100
    )
    assert_allclose(other.exponents, one.exponents, atol=0.2)
    assert other.determinant_gaps[0] < 1e-9


def test_superstable_exponents_are_minus_infinity():
    assert dk.lyapunov_spectrum(dk.catalog.logistic(2.0), [0.5], n_steps=50).exponents == -np.inf
    thin = dk.catalog.tanh_network(rng.normal(size=(6, 2)) @ rng.normal(size=(2, 6)), W_in=np.ones((6, 1)))
    lyap = dk.lyapunov_spectrum(thin, np.zeros(6), NOISE[:300], n_steps=200, n_transient=100)
    assert np.isneginf(lyap.exponents[0]).tolist() == [False] * 2 + [True] * 4


@pytest.mark.parametrize(("rate", "period"), [(2.0, 1), (1 + 5**0.5, 2), (3.831874055283316, 3)])
def test_orbits_that_rounding_keeps_beside_a_point_of_no_growth_are_superstable(rate, period):
    """Of x' = r x (1 - x) the orbit of 1/2 comes back to it at these r; in floating point it may miss it."""
    lyap = dk.lyapunov_spectrum(dk.catalog.logistic(rate), [0.3], n_steps=900)
    assert lyap.periods == [period]
    assert lyap.exponents == lyap.block_averages == -np.inf
    assert "largest exponent -inf nats" in lyap.headline()


def test_a_superstable_direction_leaves_the_others_their_exponents():
    def both(x):
        return torch.stack([2 * x[..., 0] * (1 - x[..., 0]), 0.5 * x[..., 1] + 0.3 * x[..., 0]], -1)

    lyap = dk.lyapunov_spectrum(dk.FunctionSystem(both, 2), [0.3, 0.1], n_steps=200)
    assert_allclose(lyap.exponents, [[np.log(0.5), -np.inf]], rtol=1e-9)


def test_a_saturated_unit_at_rest_is_not_superstable():
    net = dk.catalog.tanh_network(np.diag([20.0, 0.5]), b=[18.0, 0.0])
    rest = brentq(lambda x: np.tanh(20 * x + 18) - x, 0.5, 1.5)
    expected = np.log(20) - 2 * np.log(np.cosh(20 * rest + 18))
    lyap = dk.lyapunov_spectrum(net, [0.3, 0.1], n_steps=200)
    assert_allclose(lyap.exponents, [[np.log(0.5), expected]], rtol=1e-9)  # -71.6: finite


@pytest.mark.parametrize(("gain", "again"), [(3.0, False), (8.0, True)])
def test_steps_are_taken_again_only_where_digits_go_and_exponents_stay_the_same(gain, again, monkeypatch):
    layer, generator = nn.LSTM(2, 12).double(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_(generator=generator).mul_(gain / 12**0.5)
    system, inputs = dk.as_system(layer), np.random.default_rng(0).normal(size=(100, 2))
    calls, factors = [], type(system)._jacobian_factors
    monkeypatch.setattr(type(system), "_jacobian_factors", lambda *args: calls.append(1) or factors(*args))

    def spectrum():
        calls.clear()
        lyap = dk.lyapunov_spectrum(system, np.zeros(24), inputs, n_steps=40, n_transient=60, qr_interval=1)
        return lyap.exponents, len(calls) - 40  # but those for the determinants

    quick, n_again = spectrum()
    assert (n_again > 0) == again
    monkeypatch.setattr("dynakit.analysis.exponents.frames.DIGITS", 0.0)
    every, n_all = spectrum()
    assert n_all > n_again
    assert_allclose(quick, every, rtol=1e-7)


def test_entries_of_a_factor_that_are_not_doubted_are_right(monkeypatch):
    """Rows that lean on each other: ln |L_ii| of the rows as float32 against that of the rows themselves."""
    monkeypatch.setattr(frames, "DIGITS", 1e-4)
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(40, 40)) @ np.diag(np.geomspace(1, 1e-4, 40)) @ draw.normal(size=(40, 40))
    rough, exact = (np.linalg.qr(of.T)[1].T for of in (rows.astype(np.float32).astype(float), rows))
    off = np.abs(np.log(np.abs(rough.diagonal() / exact.diagonal())))
    lost = frames._digits_lost(torch.from_numpy(rough)[None].float())[0].numpy()
    assert 0 < lost.sum() < 20
    assert (off[~lost] < 1e-4).all()
    assert off[lost].max() > 1e-4


def test_under_inputs_an_exponent_is_the_plain_mean_of_its_growth():
    scaled = dk.FunctionSystem(lambda x, u: (0.5 + 0.1 * u) * x, 1, 1, argument_order="state, input")
    lyap = dk.lyapunov_spectrum(scaled, [1.0], NOISE, n_steps=600, n_transient=100)
    assert lyap.weights.tolist() == ["plain"]
    assert_allclose(lyap.exponents[0, 0], np.log(np.abs(0.5 + 0.1 * NOISE[100:])).mean(), rtol=1e-12)
    assert_allclose(lyap.exponents, lyap.convergence[:, -1])


def test_means_are_plain_under_inputs_however_regular():
    """Under inputs of an irrational period growth is as smooth as on a circle; still the sum is that over the steps."""
    inputs = np.sin(np.sqrt(2) * np.arange(700))[:, None]
    scaled = dk.FunctionSystem(lambda x, u: (0.5 + 0.1 * u) * x, 1, 1, argument_order="state, input")
    lyap = dk.lyapunov_spectrum(scaled, [1.0], inputs, n_steps=600, n_transient=100)
    assert lyap.weights.tolist() == ["plain"]
    assert_allclose(lyap.exponents[0, 0], np.log(0.5 + 0.1 * inputs[100:]).mean(), rtol=1e-12)


def test_standard_errors_of_plain_means_cover_the_truth():
    inputs = np.random.default_rng(1).normal(size=(300, 400, 1))
    scaled = dk.FunctionSystem(lambda x, u: (0.5 + 0.1 * u) * x, 1, 1, argument_order="state, input")
    lyap = dk.lyapunov_spectrum(scaled, np.ones((300, 1)), inputs, n_steps=400, n_transient=0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    truth = weights @ np.log(np.abs(0.5 + 0.1 * nodes)) / math.sqrt(2 * math.pi)
    off = np.abs(lyap.exponents[:, 0] - truth)
    assert 0.88 < (off < 2 * lyap.standard_errors[:, 0]).mean() < 0.99
    assert_allclose(np.sqrt((off**2).mean()), np.log(np.abs(0.5 + 0.1 * inputs)).std() / 20, rtol=0.15)


def test_weights_fit_the_motion():
    kinds = {
        "plain": (dk.catalog.henon(), [0.1, 0.1]),
        "bump": (dk.catalog.delayed_logistic(2.1), [0.5, 0.45]),
    }
    for weights, (system, x0) in kinds.items():
        lyap = dk.lyapunov_spectrum(system, x0, n_steps=800, n_transient=500)
        assert lyap.weights.tolist() == [weights]
    assert dk.lyapunov_spectrum(dk.catalog.logistic(3.2), [0.3], n_steps=200).weights == ["bump"]
