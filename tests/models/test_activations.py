"""Slopes against formulas that lose no digits, saturated units included."""

import math

import numpy as np
import pytest
import torch

from dynakit.errors import InputError
from dynakit.models import ACTIVATIONS, activation

POINTS = torch.tensor([-40.0, -20.0, -3.0, -0.1, 0.2, 5.0, 30.0, 200.0], dtype=torch.float64)
EXACT = {  # written so that no digit is lost anywhere
    "relu": lambda x: float(x > 0),
    "tanh": lambda x: 1 / math.cosh(x) ** 2 if abs(x) < 300 else 0.0,
    "sigmoid": lambda x: 1 / (4 * math.cosh(x / 2) ** 2),
    "softplus": lambda x: 1 / (1 + math.exp(-x)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_keeps_its_digits_where_the_function_saturates(name):
    slopes = activation(name).slope(POINTS).numpy()
    np.testing.assert_allclose(slopes, [EXACT[name](float(x)) for x in POINTS], rtol=1e-13)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_is_the_derivative_and_agrees_with_the_one_from_the_output(name):
    a = activation(name)
    x = torch.linspace(-4, 4, 40, dtype=torch.float64, requires_grad=True)
    (derivative,) = torch.autograd.grad(a.function(x).sum(), x)
    torch.testing.assert_close(a.slope(x), derivative, rtol=1e-12, atol=0)
    torch.testing.assert_close(a.slope_from_output(a.function(x)), derivative, rtol=1e-11, atol=0)


@pytest.mark.parametrize("name", [name for name, a in ACTIVATIONS.items() if a.bounds])
def test_bounds_are_reached_and_never_left(name):
    low, high = activation(name).bounds
    values = activation(name).function(POINTS)
    assert low <= float(values.min()) < low + 1e-15
    assert high - 1e-15 < float(values.max()) <= high


def test_softplus_is_exact_beyond_20():
    x = torch.tensor([21.0], dtype=torch.float64)
    assert float(activation("softplus").function(x)) == pytest.approx(
        21 + math.log1p(math.exp(-21)), rel=1e-16
    )


def test_unknown_name_names_the_nearest():
    with pytest.raises(InputError, match=r"activation.*did you mean 'tanh'"):
        activation("thanh")
