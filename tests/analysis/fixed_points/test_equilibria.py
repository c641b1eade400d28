"""Equilibria of a flow are the zeros of its right-hand side, whatever step approximates it."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import dynakit as dk
from dynakit.errors import DynakitWarning

W = np.array([[2.0, -2.0], [2.0, 0.5]])


def cubic(n: int, dt: float, **settings: object) -> dk.Flow:
    return dk.Flow(lambda x: x - x**3, n, dt=dt, **settings)


def driven_cubic(dt: float) -> dk.Flow:
    return dk.Flow(lambda x, u: x - x**3 + u, 1, 1, argument_order="state, input", dt=dt)


def focus(g: float, dt: float) -> dk.Flow:
    """x' = -x + tanh(g W x), whose eigenvalues at 0 are -1 + g (1.25 +- i sqrt(3.4375))."""
    weights = torch.from_numpy(W)
    return dk.Flow(lambda x: -x + torch.tanh(g * x @ weights.T), 2, dt=dt)


@pytest.mark.parametrize("dt", [0.01, 0.05, 0.5])
def test_a_cubic_in_three_units_rests_at_27_points(dt):
    points = dk.find_fixed_points(cubic(3, dt))
    expected = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=3)))
    assert (len(points), len(points.stable), len(points.repellers), points.degree) == (27, 8, 1, 1)
    assert points.dynamics == "flow"
    assert "of a flow" in repr(points)
    assert points.certified.all()
    apart = np.abs(points.states[:, None] - expected).max(-1)
    assert apart.min(1).max() < 1e-12
    assert len(np.unique(apart.argmin(1))) == 27
    slopes = 1 - 3 * points.states**2  # of each unit by itself
    assert_allclose(points.eigenvalues, -np.sort(-slopes, axis=1), atol=1e-9)
    assert_allclose(points.residuals, 0, atol=1e-13)
    assert points.n_unstable.tolist() == (slopes > 0).sum(1).tolist()
    assert points.signs.tolist() == np.sign(np.prod(-slopes, axis=1)).tolist()


@pytest.mark.parametrize("dt", [0.05, 0.2])
def test_van_der_pol_rests_at_one_point(dt):
    points = dk.find_fixed_points(dk.catalog.van_der_pol(dt=dt))
    assert_allclose(points.states, [[0.0, 0.0]], atol=1e-12)
    assert_allclose(points.eigenvalues, np.roots([1, -1, 1])[None], atol=1e-12)
    assert points.verdicts.tolist() == ["unstable"]


def test_a_step_that_is_too_long_is_told():
    flow = dk.Flow(lambda x: 5 * x * (1 - x), 1, dt=0.6)
    with pytest.warns(DynakitWarning, match="at 1 of 2 points"):
        points = dk.find_fixed_points(flow)
    assert_allclose(points.states[:, 0], [1.0, 0.0], atol=1e-12)
    assert_allclose(points.eigenvalues[:, 0], [-5.0, 5.0], atol=1e-9)
    assert points.verdicts.tolist() == ["stable", "unstable"]
    assert points.step_verdicts.tolist() == ["unstable", "unstable"]  # 1 - 3 + 9/2 - 9/2 + 27/8 = 1.375
    assert "1 judged otherwise by the step" in repr(points)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fine = dk.find_fixed_points(dk.as_flow(flow, dt=0.05))
    assert (fine.step_verdicts == fine.verdicts).all()


def test_an_unstable_focus_is_unstable_whatever_the_step():
    with pytest.warns(DynakitWarning, match="shorter"):
        modes = dk.linearize(focus(0.85, 1.0), [[0.0, 0.0]])
    assert (modes.verdicts.tolist(), modes.step_verdicts.tolist()) == (["unstable"], ["stable"])
    expected = np.linalg.eigvals(-np.eye(2) + 0.85 * W)
    assert_allclose(modes.eigenvalues[0], sorted(expected, key=lambda mu: -mu.imag), atol=1e-12)
    assert_allclose(modes.time_constants[0], -1 / expected.real)
    assert_allclose(modes.periods[0], 2 * np.pi / np.abs(expected.imag))
    assert (modes.flow_eigenvalues, modes.flow_verdicts, modes.time_constants_ms) == (None, None, None)
    assert modes.n_unstable.tolist() == [2]
    assert "of a flow" in repr(modes)
    assert "time constant 1 (time units)" in modes.table()


@pytest.mark.parametrize("around", ["driven", "iterated", "closed"])
def test_a_flow_in_other_clothes_rests_where_it_did(around):
    dt, drive = 0.1, 0.2
    root = [brentq(lambda x: x - x**3 + drive, *ends) for ends in ((1, 2), (-0.5, 0), (-1, -0.7))]
    if around == "closed":  # x' = x - x^3 + y with y = x / 10
        root = [np.sqrt(1.1), 0.0, -np.sqrt(1.1)]
        inner = dk.Flow(
            lambda x, u: x - x**3 + u, 1, 1, argument_order="state, input", dt=dt, readout=lambda x: 0.1 * x
        )
        points = dk.find_fixed_points(dk.ClosedLoop(inner))
        slope = 1.1
    else:
        system = (
            dk.Driven(driven_cubic(dt), [drive]) if around == "driven" else dk.Iterated(driven_cubic(dt), 3)
        )
        points = dk.find_fixed_points(system, drive=None if around == "driven" else [drive])
        slope = 1.0
    assert points.dynamics == "flow"
    assert_allclose(np.sort(points.states[:, 0]), np.sort(root), atol=1e-12)
    assert_allclose(points.eigenvalues, slope - 3 * points.states**2, atol=1e-9)
    assert points.verdicts.tolist() == ["stable", "stable", "unstable"]


def test_a_flow_along_a_network_knows_what_the_network_knows():
    rng = np.random.default_rng(0)
    network = dk.models.LeakyRNN(
        2, 12, 1, dt=20.0, tau=100.0, activation="tanh", form="rate", spectral_radius=2.0
    )
    u = rng.normal(size=2)
    of_map = dk.find_fixed_points(dk.as_system(network), drive=u)
    flow = dk.as_flow(network, dt=1.0)
    points = dk.find_fixed_points(flow, drive=u)
    assert (of_map.dynamics, points.dynamics) == ("map", "flow")
    assert (points.expected_degree, points.completeness) == (1, "consistent")  # its box holds for the field
    assert_allclose(np.sort(points.states, axis=0), np.sort(of_map.states, axis=0), atol=1e-10)
    for x, mu in zip(points.states, points.eigenvalues):
        J = np.asarray(flow.rhs_jacobian(x, u))
        assert_allclose(np.sort_complex(mu), np.sort_complex(np.linalg.eigvals(J)), atol=1e-12)
    coarse = dk.find_fixed_points(
        dk.as_flow(network, dt=150.0), drive=u
    )  # too long for the step's own averages
    assert coarse.expected_degree == 1


def test_units_of_time_do_not_matter():
    """The same flow in seconds and in units ten thousand times as long."""
    for rate in (1e-4, 1.0, 1e4):
        flow = dk.Flow(lambda x, rate=rate: rate * (torch.tanh(2 * x) - x), 1, dt=0.1 / rate)
        points = dk.find_fixed_points(flow)
        root = brentq(lambda x: np.tanh(2 * x) - x, 0.5, 1.5)
        assert_allclose(np.sort(points.states[:, 0]), [-root, 0.0, root], atol=1e-12)
        assert points.verdicts.tolist() == ["stable", "stable", "unstable"]
        assert_allclose(points.eigenvalues[2], rate, rtol=1e-12)


def test_a_center_of_a_flow_is_marginal():
    center = dk.Flow(lambda x: torch.stack([x[:, 1], -x[:, 0]], 1), 2, dt=0.1)
    points = dk.find_fixed_points(center)
    assert points.verdicts.tolist() == ["marginal"]
    assert_allclose(points.eigenvalues, [[1j, -1j]], atol=1e-12)


def test_a_defective_node_is_stable_beyond_doubt():
    """A Jordan block of 8 has condition numbers that overflow; its distance from instability has not."""
    J = torch.from_numpy(-np.eye(8) + np.eye(8, k=1)).double()
    modes = dk.linearize(dk.Flow(lambda x: x @ J.T, 8, dt=0.1), np.zeros((1, 8)))
    assert modes.verdicts.tolist() == ["stable"]
    assert modes.condition_numbers.max() > 1e6


def test_a_flow_at_its_kink_is_judged_by_its_sides():
    """x' = -x - relu(x) contracts on both sides of 0, x' = -x + 2 relu(x) leaves it on one."""

    class Hinge(dk.System):
        def __init__(self, slope: float) -> None:
            super().__init__(1, 0, regularity="piecewise_linear")
            self.slope = slope

        def _step(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
            return -x + self.slope * x.relu()

        def _jacobian(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
            return (-1 + self.slope * (x > 0).double())[..., None]

        def _kinks(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
            return x.abs()[:, 0]

    for slope, verdict in ((-1.0, "stable"), (2.0, "unstable")):
        modes = dk.linearize(dk.Flow(Hinge(slope), 1, dt=0.1), [[0.0]])
        assert modes.kinked.all()
        assert modes.verdicts.tolist() == [verdict]
        assert_allclose(np.sort(modes.one_sided[0, :, 0].real), sorted([-1.0, -1.0 + slope]))


@pytest.mark.parametrize("dt", [1e-10, 1e-4, 0.1])
def test_a_gap_at_a_fold_is_seen_however_short_the_steps_are(dt):
    """dx/dt = x^2 + c: none for c > 0, and two at +-sqrt(-c)."""
    assert not len(dk.find_fixed_points(dk.Flow(lambda x: x**2 + 1e-10, 1, dt=dt), max_starts=256))
    points = dk.find_fixed_points(dk.Flow(lambda x: x**2 - 1e-6, 1, dt=dt), max_starts=256)
    assert_allclose(points.states[:, 0], [-1e-3, 1e-3], rtol=1e-9)
    assert points.certified.all()
