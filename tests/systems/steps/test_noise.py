"""Draws within a step: their mean in their place, or a refusal by name; the generators stay as they are."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dynakit.errors import InputError
from dynakit.systems.steps.noise import MeanOfNoise, without_noise

X = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3)


@pytest.mark.parametrize(
    ("draw", "mean"),
    [
        (lambda: torch.randn(2, 3), torch.zeros(2, 3)),
        (lambda: torch.randn((2, 3), dtype=torch.float64, generator=torch.Generator()), torch.zeros(2, 3)),
        (lambda: torch.randn_like(X), torch.zeros(2, 3)),
        (lambda: torch.normal(0.5, 2.0, (2, 3)), torch.full((2, 3), 0.5)),
        (lambda: torch.normal(mean=X, std=0.1), X),
        (lambda: torch.normal(mean=0.0, std=torch.ones(2, 3)), torch.zeros(2, 3)),
        (lambda: torch.empty(2, 3).normal_(), torch.zeros(2, 3)),
        (lambda: torch.empty(2, 3).normal_(1.5, 0.1), torch.full((2, 3), 1.5)),
        (lambda: torch.distributions.Normal(X, 0.2).rsample(), X),
    ],
)
def test_a_gaussian_draw_gives_its_mean_and_no_number_is_drawn(draw, mean):
    before = torch.random.get_rng_state()
    with MeanOfNoise() as noise:
        value = draw()
    assert torch.equal(value.double(), mean.double())
    assert noise.draws == 1
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: torch.rand(2),
        lambda: torch.rand_like(X),
        lambda: torch.bernoulli(torch.full((2,), 0.5)),
        lambda: torch.poisson(torch.ones(2)),
        lambda: F.dropout(X, 0.5),
        lambda: nn.Dropout(0.1)(X),
        lambda: F.gumbel_softmax(X),
        lambda: torch.empty(3).uniform_(),
    ],
)
def test_another_draw_is_refused_by_name(draw):
    with pytest.raises(InputError, match=r"draws from torch\.\w+ at every step, which has no mean map"), MeanOfNoise():
        draw()


def test_dropout_that_is_off_is_no_draw():
    with MeanOfNoise() as noise:
        assert torch.equal(nn.Dropout(0.5).eval()(X), X)
        assert torch.equal(F.dropout(X, 0.0), X)
        assert torch.equal(F.dropout(X, 0.5, False), X)
    assert noise.draws == 0


def test_the_step_without_its_noise_is_one_function():
    noisy = without_noise(lambda x: torch.tanh(x + torch.randn_like(x)))
    assert torch.equal(noisy(X), torch.tanh(X))
