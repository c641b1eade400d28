"""The resting rate of a unit that leaks inside of its function: its equation, its slope, and counts of points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_less

import dynakit as dk
from dynakit.analysis.completeness import UNITS, resting, unit
from dynakit.systems.cells import LeakyCell

mpmath = pytest.importorskip("mpmath")
mpmath.mp.prec = 120
EXACT = {
    "tanh": mpmath.tanh,
    "sigmoid": lambda w: 1 / (1 + mpmath.exp(-w)),
    "softplus": lambda w: mpmath.log1p(mpmath.exp(w)),
}
CASES = [(name, a) for name in EXACT for a in (0.1, 0.5, 1.0)]


def exact(name, a, z):
    """The root of f((1-a) r + a z) - r, by bisection in many digits."""
    a, z, f = mpmath.mpf(a), mpmath.mpf(z), EXACT[name]
    low, high = mpmath.mpf(-2), max(z, 0) + 2 / a
    for _ in range(110):
        middle = (low + high) / 2
        low, high = (middle, high) if f((1 - a) * middle + a * z) > middle else (low, middle)
    return low


@pytest.mark.parametrize(("name", "a"), CASES)
def test_values_and_secants_lie_within_their_bounds(name, a):
    f, draw = resting(name, a), np.random.default_rng(0)
    z = np.concatenate([[0.0, -30.0, 55.0, -(1 - a) / (2 * a)], draw.normal(size=12) * draw.choice([0.1, 1, 10], 12)])
    z = np.unique(z)
    known = [exact(name, a, value) for value in z.tolist()]
    low, high, _, _ = f.over(z, z)
    for k, value in enumerate(known):
        assert mpmath.mpf(low[k]) <= value <= mpmath.mpf(high[k])
    assert_array_less(high - low, 300 * 2.0**-53 * (1 + np.abs(low)) / a)
    i, j = np.triu_indices(len(z), 1)
    lo, hi = np.minimum(z[i], z[j]), np.maximum(z[i], z[j])
    least, most = f.slopes(lo, hi)
    for k in range(len(i)):
        secant = (known[i[k]] - known[j[k]]) / (mpmath.mpf(z[i[k]]) - mpmath.mpf(z[j[k]]))
        assert mpmath.mpf(least[k]) <= secant <= mpmath.mpf(most[k])


@pytest.mark.parametrize("name", UNITS)
def test_without_leak_it_is_the_function_itself(name):
    z = np.linspace(-9, 9, 41)
    for ours, plain in zip(resting(name, 1.0).both(z), unit(name).both(z)):
        assert_allclose(ours, plain, rtol=1e-12, atol=1e-14)


def test_every_unit_may_leak_at_its_own_rate():
    a, z = np.array([0.1, 0.7]), np.array([[0.3, 0.3], [2.0, -1.0]])
    both = resting("softplus", a).value(z)
    for k in range(2):
        assert_allclose(both[:, k], resting("softplus", a[k]).value(z[:, k]), rtol=1e-13)


@pytest.mark.parametrize("alpha", [0.2, torch.tensor([0.2, 0.7], dtype=torch.float64)])
def test_two_switches_that_leak_inside_of_tanh_have_nine_points(alpha):
    """r = tanh((1-a) r + a w r) with w = 1.5 for each unit alone: three rates, so nine states."""
    W = torch.tensor([[1.5, 0.0], [0.0, 1.5]], dtype=torch.float64)
    system = LeakyCell(W.new_zeros(2, 1), W, W.new_zeros(2), alpha=alpha, activation="tanh", form="rectified")
    points = dk.enumerate_fixed_points(system)
    assert (points.completeness, len(points), len(points.stable), points.degree) == ("proved", 9, 4, 1)
    assert_allclose(system.step(points.states, points.drives), points.states, atol=1e-12)
