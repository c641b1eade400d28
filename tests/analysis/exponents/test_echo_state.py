"""Networks that forget their start, and networks that do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError

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
    ("system", "reason"),
    [
        (one(lambda x, u: x.tanh() + 0 * u), "still on their way"),  # approaches as 1 / sqrt(t)
        (one(lambda x, u: x**2 + 2 + u**2), "left the finite numbers"),
    ],
)
def test_what_cannot_be_told_is_said(system, reason):
    echo = dk.check_echo_state(system, NOISE, [[[0.7], [-0.3]], [[0.5], [0.4]]])
    assert echo.verdict == "undetermined"
    assert reason in echo.reason


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
