"""Motion that grows without bound, or that rounding has ended, is no attractor's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import dynakit as dk

NOISE = np.random.default_rng(2).normal(size=(700, 1))

def spiral(growth: float) -> dk.System:
    return dk.catalog.rotation(0.5, growth)


@pytest.mark.parametrize(
    ("system", "x0"),
    [
        (dk.catalog.linear([[1.1, 0.0], [0.0, 1.05]]), [1.0, 1.0]),
        (dk.catalog.linear([[1.1, 0.0], [0.0, 0.5]]), [1.0, 1.0]),
        (dk.catalog.linear([[-1.05]]), [1.0]),
        (spiral(1.02), [1.0, 1.0]),  # 10^4 within the steps that are averaged over
        (dk.FunctionSystem(lambda x: x + 1, 2), [0.0, 0.0]),  # at an even pace
        (dk.FunctionSystem(lambda x: 0.5 * x + x**3, 1), [2.0]),  # beyond the finite numbers in a few steps
        (dk.Flow(lambda x: 0.3 * x, 2, dt=0.1), [1.0, 1.0]),
    ],
)
def test_motion_that_grows_without_bound_is_unbounded(system, x0):
    lyap = dk.lyapunov_spectrum(system, x0, n_steps=300, n_transient=100)
    assert lyap.kind == "unbounded"
    assert lyap.headline().startswith("unbounded")
    assert np.isnan(lyap.kaplan_yorke)
    assert np.isnan(lyap.entropy_rate)


def test_motion_under_inputs_may_grow_without_bound_too():
    grows = dk.FunctionSystem(lambda x, u: 1.02 * x + u, 1, 1, argument_order="state, input")
    assert dk.lyapunov_spectrum(grows, [0.0], NOISE, n_steps=600, n_transient=100).kind == "unbounded"


def test_what_grows_ever_more_slowly_is_undetermined():
    root = dk.FunctionSystem(lambda x: (x**2 + 1).sqrt(), 1)
    assert dk.lyapunov_spectrum(root, [3.0], n_steps=100, n_transient=20).kind == "undetermined"


def test_an_orbit_that_winds_out_to_a_circle_far_away_is_not_unbounded():
    far = dk.FunctionSystem(
        lambda x: 1.3 * x @ rotation(0.5) / (1 + (x * 1e-8).square().sum(1, keepdim=True)).sqrt(), 2
    )
    lyap = dk.lyapunov_spectrum(far, [1.0, 0.0], n_steps=600, n_transient=20)
    assert lyap.kind != "unbounded"


def rotation(angle: float) -> torch.Tensor:
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, s], [-s, c]], dtype=torch.float64)


@pytest.mark.parametrize(
    "system", [dk.catalog.tent(), dk.FunctionSystem(lambda x: (2 * x) % 1, 1)], ids=["tent", "doubling"]
)
def test_maps_that_double_are_said_to_collapse_in_floating_point(system):
    lyap = dk.lyapunov_spectrum(system, [[0.1234], [0.0]], n_steps=100, n_transient=100)
    assert lyap.kind.tolist() == ["collapsed", "fixed point"]
    assert "rounding" in lyap[0].headline()
    assert "rounding" in lyap.sentences()[0]


def test_a_start_on_the_stable_set_of_a_saddle_has_not_collapsed():
    saddle = dk.catalog.linear([[0.5, 0.0], [0.0, 2.0]])
    assert dk.lyapunov_spectrum(saddle, [1.0, 0.0], n_steps=100, n_transient=100).kind == "fixed point"
