"""Spectra that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError


def test_known_mode_is_recovered_with_its_left_partner():
    rng = np.random.default_rng(0)
    R = rng.normal(size=(5, 5))
    values = np.array([0.99, 0.5, -0.4, 0.3, 0.1])
    A = R @ np.diag(values) @ np.linalg.inv(R)
    modes = dk.linearize(dk.catalog.linear(A), np.zeros((1, 5)))
    assert_allclose(modes.eigenvalues[0].real, values, atol=1e-12)
    slow = R[:, 0] / np.linalg.norm(R[:, 0])
    assert_allclose(abs(modes.right[0, :, 0].conj() @ slow), 1, atol=1e-12)
    assert_allclose(modes.left[0].conj().T @ modes.right[0], np.eye(5), atol=1e-10)
    assert_allclose(modes.left[0].conj().T @ A, np.diag(values) @ modes.left[0].conj().T, atol=1e-10)
    assert_allclose(modes.time_constants[0, 0], -1 / np.log(0.99))


def test_rotation_has_its_period_and_time_constant():
    modes = dk.linearize(dk.catalog.rotation(angle=2 * np.pi / 7, radius=0.9), [[0.0, 0.0]])
    assert_allclose(modes.periods, 7)
    assert_allclose(modes.time_constants, -1 / np.log(0.9))
    assert modes.verdicts.tolist() == ["stable"]


def test_network_of_zero_weights():
    gru = torch.nn.GRU(1, 4)
    lstm = torch.nn.LSTM(1, 4)
    for module in (gru, lstm):
        for p in module.parameters():
            torch.nn.init.zeros_(p)
    assert_allclose(dk.linearize(dk.as_system(gru), np.zeros(4)).eigenvalues, 0.5)
    values = dk.linearize(dk.as_system(lstm), np.zeros(8)).eigenvalues[0]
    assert_allclose(np.abs(values), [0.5] * 4 + [0.0] * 4, atol=1e-15)


@pytest.mark.parametrize(
    ("A", "verdict"),
    [
        ([[0.5, 0.0], [0.0, -0.9]], "stable"),
        ([[1.5, 0.0], [0.0, 0.5]], "unstable"),
        ([[0.5, 0.0], [0.0, -1.2]], "unstable"),
        ([[1.0, 0.0], [0.0, 0.5]], "marginal"),
        ([[0.0, -1.0], [1.0, 0.0]], "marginal"),
        ([[1.0 + 1e-12, 0.0], [0.0, 0.5]], "marginal"),
    ],
)
def test_verdict_of_a_linear_map(A, verdict):
    assert dk.linearize(dk.catalog.linear(A), [[0.0, 0.0]]).verdicts.tolist() == [verdict]


def test_defective_matrix_on_the_circle_is_undetermined():
    n = 10
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(n, n)))[0]
    jordan = Q @ (np.eye(n) + np.diag(np.ones(n - 1), 1)) @ Q.T
    modes = dk.linearize(dk.catalog.linear(jordan), np.zeros((1, n)))
    assert modes.verdicts.tolist() == ["undetermined"]
    assert modes.condition_numbers.max() > 1e6
    assert modes.n_unstable.mask.all()


def test_a_bad_point_is_undetermined_and_its_neighbours_are_exact():
    system = dk.catalog.tanh_network(1.5 * np.eye(3))
    x = np.zeros((3, 3))
    x[1] = np.nan
    modes = dk.linearize(system, x)
    assert modes.verdicts.tolist() == ["unstable", "undetermined", "unstable"]
    assert_allclose(modes.eigenvalues[[0, 2]].real, 1.5)


def test_leaky_network_tells_time_in_milliseconds():
    model = dk.models.LeakyRNN(1, 3, 1, dt=10.0, tau=100.0)
    torch.nn.init.zeros_(model.W_rec)
    modes = dk.linearize(dk.as_system(model), np.full(3, -0.5))
    assert_allclose(modes.time_constants_ms, -10 / np.log(0.9))


def test_points_and_drive_together_are_refused():
    points = dk.find_fixed_points(dk.catalog.tanh_unit(2.0))
    with pytest.raises(InputError, match="drive"):
        dk.linearize(dk.catalog.tanh_unit(2.0), points, drive=[0.0])
    with pytest.raises(InputError, match="points must"):
        dk.linearize(dk.catalog.tanh_unit(2.0), np.zeros((2, 3)))


def test_no_points_give_no_modes():
    modes = dk.linearize(dk.catalog.henon(), np.zeros((0, 2)))
    assert len(modes) == 0
    assert modes.left.shape == (0, 2, 2)


# --- verdicts that condition numbers cannot give


@pytest.mark.parametrize(
    ("block", "verdict"),
    [
        ([[1 - 1e-10, 1.0], [0.0, 1 - 1e-10]], "undetermined"),  # rounding may put it outside
        (
            [[1 - 1e-8, 1.0], [0.0, 1 - 1e-8]],
            "undetermined",
        ),  # at sqrt(eps), where a double eigenvalue moves to
        ([[0.99, 1.0], [0.0, 0.99]], "stable"),  # as ill-conditioned, but far enough inside
        ([[1.01, 1.0], [0.0, 1.01]], "unstable"),
        ([[-0.99, 1.0], [0.0, -0.99]], "stable"),
        ([[0.0, 5.0], [0.0, 0.0]], "stable"),  # nilpotent: gone after two steps
    ],
)
def test_defective_blocks(block, verdict):
    assert dk.linearize(dk.catalog.linear(block), [[0.0, 0.0]]).verdicts.tolist() == [verdict]


def test_a_long_chain_of_units_is_stable_but_cannot_be_told_from_unstable_when_it_amplifies():
    """Nilpotent, all eigenvalues zero; with weights of 10 a change of 1e-20 at the corner brings one to 1."""
    weak, strong = (np.diag(np.full(19, w), 1) for w in (0.5, 10.0))
    assert dk.linearize(dk.catalog.linear(weak), np.zeros((1, 20))).verdicts.tolist() == ["stable"]
    assert dk.linearize(dk.catalog.linear(strong), np.zeros((1, 20))).verdicts.tolist() == ["undetermined"]


# --- kinks


def tent(left: float, right: float) -> dk.System:
    """x' = left min(x, 0) + right max(x, 0): a kink at the fixed point 0."""
    system = dk.FunctionSystem(
        lambda x: left * x.clamp_max(0) + right * x.clamp_min(0), 1, regularity="piecewise_linear"
    )
    system._kinks = lambda x, u: x.abs().amax(-1)
    return system


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        (0.5, -0.9, "stable"),  # both contract in one norm
        (0.5, 1.2, "unstable"),  # the right side grows along its own ray
        (1.2, 0.5, "unstable"),
        (-1.2, 0.5, "undetermined"),  # leaves to the right, where it shrinks
    ],
)
def test_a_kink_of_one_unit(left, right, verdict):
    modes = dk.linearize(tent(left, right), [[0.0], [0.7]])
    assert modes.verdicts[0] == verdict
    assert_allclose(np.sort(modes.one_sided[0, :, 0].real), np.sort([left, right]))
    assert modes.kinked.tolist() == [True, False]
    assert np.isnan(modes.one_sided[1]).all()
    assert modes.verdicts[1] == ("stable" if abs(right) < 1 else "unstable")


def test_two_stable_sides_do_not_make_a_stable_switch():
    """Each side turns by a quarter and shrinks by 0.95, but in opposite half-planes stretches the other axis by 3."""
    sides = [np.array([[0.0, -3.0], [0.95**2 / 3, 0.0]]), np.array([[0.0, -(0.95**2) / 3], [3.0, 0.0]])]
    A, B = (torch.from_numpy(m) for m in sides)
    system = dk.FunctionSystem(
        lambda z: torch.where(z[:, :1] * z[:, 1:] >= 0, z @ A.T, z @ B.T), 2, regularity="piecewise_linear"
    )
    system._kinks = lambda x, u: x.abs().amin(-1)
    modes = dk.linearize(system, [[0.0, 0.0]])
    assert (np.abs(modes.one_sided) < 1).all()
    assert modes.verdicts.tolist() == ["undetermined"]
    assert system.trajectory([1.0, 0.1], 40)[-1].abs().max() > 100  # and it does grow


def test_a_relu_network_at_its_kink_is_judged_by_its_sides():
    elman = torch.nn.RNN(1, 2, nonlinearity="relu")
    with torch.no_grad():
        for p in elman.parameters():
            p.zero_()
        elman.weight_hh_l0.copy_(torch.tensor([[0.5, 0.2], [0.0, -0.4]]))
        elman.bias_hh_l0.copy_(torch.tensor([0.3, 0.0]))
    modes = dk.linearize(dk.as_system(elman), [[0.6, 0.0]])
    assert modes.kinked.tolist() == [True]
    assert_allclose(sorted(np.unique(modes.one_sided[0].real.round(9))), [-0.4, 0, 0.5])
    assert modes.verdicts.tolist() == ["stable"]


# --- the flow behind a leaky network


def leaky(W, alpha: float, form: str = "current", activation: str = "tanh") -> dk.System:
    W = np.atleast_2d(W)
    model = dk.models.LeakyRNN(1, len(W), 1, dt=100 * alpha, tau=100.0, activation=activation, form=form)
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.W_rec.copy_(torch.tensor(W))
    return dk.as_system(model)


def test_a_stable_flow_whose_euler_step_is_unstable():
    """dx/dt = -x - 1.5 tanh(x) decays at rate 2.5; its Euler step of a whole time constant multiplies by -1.5."""
    modes = dk.linearize(leaky(-1.5, alpha=1.0), [[0.0]])
    assert_allclose(modes.eigenvalues, -1.5)
    assert_allclose(modes.flow_eigenvalues, -2.5)
    assert (modes.verdicts.tolist(), modes.flow_verdicts.tolist()) == (["unstable"], ["stable"])
    assert_allclose(modes.flow_time_constants_ms, 100 / 2.5)


def test_a_slowly_decaying_rotation_grows_in_steps_that_are_too_long():
    """mu = -0.1 +- i: |1 + alpha mu| = 1 at alpha = 0.198."""
    W = [[0.9, -1.0], [1.0, 0.9]]
    for alpha, verdict in ((0.15, "stable"), (0.25, "unstable")):
        modes = dk.linearize(leaky(W, alpha), np.zeros((1, 2)))
        assert_allclose(modes.flow_eigenvalues[0], [-0.1 + 1j, -0.1 - 1j], atol=1e-6)
        assert (modes.verdicts.tolist(), modes.flow_verdicts.tolist()) == ([verdict], ["stable"])
        assert_allclose(modes.flow_time_constants_ms, 1000, rtol=1e-5)


@pytest.mark.parametrize("form", ["current", "rate"])
def test_the_flow_does_not_depend_on_the_step_and_a_stable_map_has_a_stable_flow(form):
    rng = np.random.default_rng(0)
    for _ in range(10):
        W = 1.5 * rng.normal(size=(6, 6)) / np.sqrt(6)
        coarse, fine = (dk.linearize(leaky(W, alpha, form), np.zeros((1, 6))) for alpha in (0.5, 0.01))
        assert_allclose(
            np.sort_complex(coarse.flow_eigenvalues), np.sort_complex(fine.flow_eigenvalues), atol=1e-5
        )
        assert (coarse.flow_verdicts == fine.flow_verdicts).all()
        assert coarse.verdicts[0] != "stable" or coarse.flow_verdicts[0] == "stable"


def test_a_flow_at_the_imaginary_axis_is_marginal():
    modes = dk.linearize(leaky(1.0, alpha=0.1, activation="tanh"), [[0.0]])
    assert modes.flow_verdicts.tolist() == ["marginal"]


def test_only_the_step_of_a_flow_has_flow_eigenvalues():
    assert (
        dk.linearize(leaky(0.5, 0.1, form="rectified", activation="relu"), [[1.0]]).flow_eigenvalues is None
    )
    assert dk.linearize(dk.catalog.tanh_unit(), [[0.0]]).flow_verdicts is None
    twice = dk.Iterated(leaky(0.5, 0.1), 2)
    assert dk.linearize(twice, [[0.0]]).flow_time_constants is None
    driven = dk.Driven(leaky(0.5, 0.1), [0.0])
    assert_allclose(dk.linearize(driven, [[0.0]]).flow_eigenvalues, -0.5, atol=1e-6)


def test_saved_modes_come_back(tmp_path):
    modes = dk.linearize(leaky([[0.9, -1.0], [1.0, 0.9]], 0.25), np.zeros((1, 2)))
    modes.save(tmp_path)
    back = dk.load(tmp_path)
    assert back == modes
    assert back.flow_verdicts.tolist() == ["stable"]


def test_a_mode_that_neither_grows_nor_decays_has_an_infinite_time_constant():
    modes = dk.linearize(dk.catalog.linear(np.diag([1.0, -1.0, 0.5])), [[0.0, 0.0, 0.0]])
    assert modes.time_constants[0, :2].tolist() == [np.inf, np.inf]
    assert (dk.linearize(dk.catalog.rotation(0.3), [[0.0, 0.0]]).time_constants == np.inf).all()
    centre = dk.Flow(lambda x: torch.stack([-x[:, 1], x[:, 0]], 1), 2, dt=0.1)
    assert (dk.linearize(centre, [[0.0, 0.0]]).time_constants == np.inf).all()
