"""The single steps from a trajectory to an orbit that closes, each where the answer can be written down."""

import numpy as np
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.cycles import shooting
from dynakit.analysis.cycles.autonomous import Autonomous
from dynakit.analysis.cycles.circle import Curve

TURN = 2 * np.pi


def test_what_attracts_comes_first():
    points = dk.find_limit_cycles(
        dk.catalog.tanh_unit(2.0), [[0.3]], periods=1, settings=dk.CycleSettings(60, 128)
    )
    assert points.verdicts.tolist() == ["attracting", "attracting", "repelling"]
    assert_allclose(points.states[2], 0.0, atol=1e-12)
    assert points.states[0] < 0 < points.states[1]
    assert points.start_object.tolist() == [1]
    assert points.starts_per_object.tolist() == [0, 1, 0]


def test_a_closed_sequence_that_goes_there_and_back_again_does_not_wind():
    there = np.radians(np.linspace(-150, 150, 40))
    out = np.stack([np.cos(there), np.sin(there)], 1)
    assert shooting.turns(np.concatenate([out, 0.8 * out[::-1]])) is None
    around = TURN * np.arange(7) * 2 / 7
    assert shooting.turns(np.stack([np.cos(around), -np.sin(around)], 1)) == -2


def test_a_small_residual_in_a_flat_place_is_no_fixed_point_yet():
    flat = Autonomous(dk.FunctionSystem(lambda x: x - x**3, 1), torch.zeros(0, dtype=torch.float64))
    x = np.array([[0.5]])
    assert shooting.close(flow=flat, x=x, max_steps=22) is None  # 1e-4 from it, where x^3 is 1e-12
    assert shooting.close(flow=flat, x=0 * x) is not None


def test_the_tail_is_that_of_the_last_eighth():
    c = 0.5 ** np.arange(17.0)[:, None] * np.ones((1, 2), complex)
    assert Curve(c, 0.1).tail == 2.0**-14  # of 16 harmonics the 15th, in terms of the first
