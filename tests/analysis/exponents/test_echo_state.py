"""Networks that forget their start, and networks that do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.analysis.exponents import squeeze
from dynakit.errors import InputError
from dynakit.systems import Bounds

rng = np.random.default_rng(0)
NOISE = rng.normal(size=(500, 1))
W = rng.normal(size=(30, 30)) / 30**0.5
INTO = rng.normal(size=(30, 1))


def one(f) -> dk.System:
    return dk.FunctionSystem(f, 1, 1, argument_order="state, input")


def linear(A: np.ndarray, w: np.ndarray) -> dk.System:
    """x' = A x + w u."""
    A, w = torch.from_numpy(A), torch.from_numpy(w)
    return dk.FunctionSystem(lambda x, u: x @ A.T + u @ w.T, len(A), 1, argument_order="state, input")


# --- the echo state ---------------------------------------------------------------------------------------


def test_a_contraction_has_it():
    net = dk.catalog.tanh_network(0.9 * W / np.linalg.norm(W, 2), W_in=INTO)
    echo = dk.check_echo_state(net, NOISE)
    assert echo.verdict == "echo state", echo
    assert echo.largest_exponent < np.log(0.9) < 0
    assert 0 < echo.meeting_times.min() <= echo.meeting_times.max() < np.log(1e-10) / np.log(0.9)


def test_linear_states_part_as_the_exponent_says():
    echo = dk.check_echo_state(one(lambda x, u: 0.8 * x + u), 0 * NOISE, [[[1.0], [2.0]]])
    assert_allclose(echo.largest_exponent, np.log(0.8))
    assert_allclose(echo.distances[0, :9], 0.8 ** np.arange(1, 10) / (1 + 0.8 ** np.arange(1, 10)))
    together = np.flatnonzero(0.8 ** np.arange(1, 500) / (1 + 0.8 ** np.arange(1, 500)) <= 1e-9)[0] + 1
    assert echo.meeting_times.tolist() == [together]


@pytest.mark.parametrize("dt", [0.1, 0.02])
def test_rates_and_times_of_a_flow_are_told_in_its_time(dt):
    """dx/dt = -x + u: states are 1e-9 (1 + x) apart after about ln(1e9) = 20.7 s, and part as exp(-t)."""
    flow = dk.Flow(lambda x, u: -x + u, 1, 1, dt=dt, time_unit="s", argument_order="state, input")
    echo = dk.check_echo_state(flow, np.zeros((round(30 / dt), 1)), [[[1.0], [2.0]]])
    assert echo.dynamics == "flow"
    assert_allclose(echo.exponents.per_time, -1, atol=1e-5)
    assert "exponent -1 +-" in echo.reason
    assert echo.reason.endswith("nats per s")
    said = float(echo.reason.split("within ")[1].split(" s;")[0])
    assert_allclose(said, np.log(1e9), atol=2 * dt)


def test_chaos_under_weak_input_has_not():
    echo = dk.check_echo_state(dk.catalog.tanh_network(5.0 * W, W_in=INTO), 0.1 * NOISE)
    assert echo.verdict == "no echo state"
    assert echo.largest_exponent > echo.standard_error > 0
    assert (echo.meeting_times == -1).mean() > 0.5


def test_two_memories_have_not_though_neighbours_approach():
    echo = dk.check_echo_state(dk.catalog.tanh_unit(2.0), 0.05 * NOISE)
    assert echo.verdict == "no echo state"
    assert "stay apart" in echo.reason
    assert echo.largest_exponent < -0.5


def test_strong_input_silences_chaos():
    """Molgedey, Schuchhardt and Schuster 1992: noise suppresses the chaos of the same network."""
    echo = dk.check_echo_state(dk.catalog.tanh_network(5.0 * W, W_in=INTO), 30 * NOISE)
    assert echo.verdict == "echo state", echo


@pytest.mark.parametrize(
    ("system", "verdict", "reason"),
    [
        (
            one(lambda x, u: x.tanh() + 0 * u),
            "undetermined",
            "still on their way",
        ),  # approaches as 1 / sqrt(t)
        (one(lambda x, u: x**2 + 2 + u**2), "unbounded", "all 4 states grow without bound"),
        (
            one(lambda x, u: 1.1 * x + u),
            "unbounded",
            "all 4 states grow without bound",
        ),  # no overflow by then
    ],
)
def test_what_is_no_answer_is_said(system, verdict, reason):
    echo = dk.check_echo_state(system, NOISE, [[[0.7], [-0.3]], [[0.5], [0.4]]])
    assert echo.verdict == verdict
    assert reason in echo.reason


# --- how many responses -------------------------------------------------------------------------------------

X = np.sqrt(1 - 1 / 2)  # where the slope of tanh(2 x + u) is 1 at the rest x
FOLD = 2 * X - np.arctanh(X)  # 0.53284: below it two responses to every input, whatever its course
FLIP = 2 * X + np.arctanh(X)  # 2.29559: below it two to +-a in turn, by the pitchfork of the second iterate


def driven_unit(inputs, w=2.0, **kwargs):
    return dk.check_echo_state(
        dk.catalog.tanh_network([[w]], W_in=[[1.0]]), np.reshape(inputs, (-1, 1)), **kwargs
    )


@pytest.mark.parametrize(("a", "n"), [(0.98 * FOLD, 2), (1.02 * FOLD, 1)])
def test_a_constant_input_has_two_responses_below_the_fold(a, n):
    echo = driven_unit(np.full(800, a))
    assert (echo.n_responses, echo.verdict) == (n, "echo state" if n == 1 else "no echo state")


@pytest.mark.parametrize(("a", "n"), [(0.98 * FLIP, 2), (1.02 * FLIP, 1)])
def test_alternating_inputs_have_two_responses_up_to_the_pitchfork(a, n):
    assert driven_unit(a * (-1.0) ** np.arange(1500)).n_responses == n


def test_just_beyond_the_pitchfork_states_are_on_their_way_and_no_count_is_claimed():
    echo = driven_unit(1.002 * FLIP * (-1.0) ** np.arange(1500))
    assert echo.verdict == "undetermined"
    assert "still on their way" in echo.reason


@pytest.mark.parametrize("w", [2.0, -2.0])
def test_any_input_below_the_fold_has_two_responses_with_their_shares(w):
    """x -> (-1)^t x turns w < -1 into w > 1: both have two responses to every input below the fold."""
    echo = driven_unit(rng.uniform(-0.9 * FOLD, 0.9 * FOLD, 600), w)
    assert (echo.n_responses, echo.horizon, echo.proved) == (2, 600, False)
    assert_allclose(echo.shares.sum(), 1)
    assert (echo.share_intervals[:, 0] <= echo.shares).all()
    assert (echo.shares <= echo.share_intervals[:, 1]).all()
    assert (echo.exponents.exponents[:, 0] < 0).all()
    assert "at least 2 responses within 600 steps" in echo.reason


@pytest.mark.parametrize(("a", "n_steps", "n"), [(0.6, 1000, 2), (0.6, 3000, 1), (0.8, 1000, 1)])
def test_above_the_fold_the_count_of_responses_to_random_inputs_belongs_to_its_horizon(a, n_steps, n):
    """In the end one: a run of equal signs that is long enough pushes all states across, and of 0.6 it comes late."""
    echo = driven_unit(a * np.random.default_rng(0).choice([-1.0, 1.0], n_steps))
    assert (echo.n_responses, echo.horizon) == (n, n_steps)
    assert n == 1 or "at least 2 responses within 1000 steps" in echo.reason


def test_units_side_by_side_have_the_product_of_their_responses():
    three = dk.catalog.tanh_network(2.0 * np.eye(3), W_in=np.ones((3, 1)))
    echo = dk.check_echo_state(three, rng.uniform(-0.5, 0.5, (400, 1)))
    assert echo.n_responses == len(echo.shares) == 8


def test_chaos_is_no_response():
    """Henon's map: neighbours part by .419 nats per step."""

    def henon(x, u):
        return torch.stack([1 - 1.4 * x[..., 0] ** 2 + x[..., 1] + 0 * u[..., 0], 0.3 * x[..., 0]], dim=-1)

    net = dk.FunctionSystem(henon, 2, 1, argument_order="state, input")
    echo = dk.check_echo_state(net, 0 * NOISE, rng.uniform(-0.1, 0.1, (4, 2, 2)))
    assert echo.n_responses == 0
    assert abs(echo.largest_exponent - 0.419) < 0.1


def test_a_norm_below_one_proves_one_response_to_every_input():
    small = 0.95 * W / np.linalg.norm(W, 2)
    echo = dk.check_echo_state(dk.catalog.tanh_network(small, W_in=INTO), NOISE, n_pairs=4)
    assert echo.proved
    assert np.abs(np.linalg.eigvals(small)).max() <= echo.contraction <= 0.95 * (1 + 1e-8)
    assert "one response is proved" in echo.reason


def test_a_diagonal_norm_shows_what_the_euclidean_one_does_not():
    """|W| = 5 and spectral radius 1/2: a small step in one unit is a large one in the other."""
    skew = np.array([[0.5, 5.0], [0.0, 0.5]])
    echo = dk.check_echo_state(dk.catalog.tanh_network(skew, W_in=np.ones((2, 1))), NOISE[:100], n_pairs=2)
    assert echo.proved
    assert echo.contraction < 1


@pytest.mark.parametrize("form", ["current", "rate", "rectified"])
def test_the_factor_of_leaky_networks_holds_for_pairs_of_states(form):
    model = dk.models.LeakyRNN(1, 6, 1, dt=20.0, tau=100.0, activation="tanh", form=form, seed=0)
    with torch.no_grad():
        model.W_rec.mul_(0.8 / torch.linalg.matrix_norm(model.W_rec, 2))
    system = dk.as_system(model)
    c = system.lipschitz()
    assert c < 1
    pairs, u = torch.from_numpy(rng.normal(size=(2, 50, 6))), torch.from_numpy(rng.normal(size=(50, 1)))
    J = system.jacobian(pairs[0], u)
    assert torch.linalg.matrix_norm(J, 2).max() <= c + 0.25  # in another norm at most a little more
    assert torch.linalg.eigvals(J).abs().max() <= c


def test_a_tube_proves_one_response_to_one_sequence_where_no_norm_does():
    """w = 2 contracts nowhere near 0, but inputs of size 3 keep it away from there."""
    echo = driven_unit(rng.uniform(-3, 3, 200), n_pairs=4)
    assert echo.proved
    assert np.isnan(echo.contraction)
    assert not driven_unit(rng.uniform(-0.5, 0.5, 200), n_pairs=4).proved


@pytest.mark.parametrize("layer", [nn.GRU, nn.LSTM])
def test_a_tube_holds_every_trajectory_of_a_gated_network(layer):
    torch.manual_seed(0)
    system = dk.as_system(layer(2, 3).double())
    inputs = torch.from_numpy(rng.normal(size=(60, 2)))
    box = system._box(Bounds(inputs.amin(0), inputs.amax(0)))
    x = box.lo + (box.hi - box.lo) * torch.from_numpy(rng.random((200, system.state_size)))
    lo, hi = box.lo, box.hi
    for u in inputs:
        lo, hi = squeeze.moved(system, lo, hi, u)
        x = system.step(x, u)
        assert ((x >= lo) & (x <= hi)).all()
    assert squeeze.tube_closes(system, box, inputs) or layer is nn.LSTM  # too wide for these inputs


def test_states_followed_as_one_meet_when_they_would_alone():
    net = dk.catalog.tanh_network(0.9 * W / np.linalg.norm(W, 2), W_in=INTO)
    starts = rng.uniform(-1, 1, (3, 2, 30))
    together = dk.check_echo_state(net, NOISE, starts)
    ends = [net.trajectory(starts[:, k], torch.from_numpy(NOISE).expand(3, -1, -1)) for k in (0, 1)]
    apart = (ends[0] - ends[1]).abs().amax(-1) / (1 + ends[0].abs().amax(-1))
    assert_allclose(together.distances, apart.numpy(), atol=1e-13)


def test_some_states_without_bound_are_no_echo_state():
    echo = dk.check_echo_state(
        one(lambda x, u: 0.5 * x + x**3 + 0.01 * u), NOISE, [[[0.1], [2.0]], [[0.2], [-0.1]]]
    )
    assert echo.verdict == "no echo state"
    assert "1 of 4 states grow without bound" in echo.reason
    assert echo.n_responses == 1
    assert echo.left_at[0] > 0 > echo.left_at[1]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: dk.check_echo_state(dk.catalog.henon(), NOISE), "system must have inputs"),
        (
            lambda: dk.check_echo_state(dk.catalog.tanh_unit(), NOISE[None]),
            "inputs must be one finite sequence",
        ),
        (
            lambda: dk.check_echo_state(dk.catalog.tanh_unit(), NOISE * np.nan),
            "inputs must be one finite sequence",
        ),
        (lambda: dk.check_echo_state(dk.catalog.tanh_unit(), NOISE, [[1.0]]), r"x0 must be pairs"),
        (lambda: dk.check_echo_state(nn.GRU(1, 2), NOISE), "system must be a System"),
    ],
)
def test_bad_arguments_are_named(ask, message):
    with pytest.raises(InputError, match=message):
        ask()
