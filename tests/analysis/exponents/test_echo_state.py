"""Networks that forget their start and networks that do not, and how much of their input they hold."""

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


# --- memory capacity --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 5, 20])
def test_a_delay_line_remembers_as_many_steps_as_it_has_units(n):
    line = linear(np.eye(n, k=-1), np.eye(n)[:, :1])
    memory = dk.memory_capacity(line)
    assert_allclose(memory.capacities[:n], 1, rtol=0, atol=1e-12)
    assert np.abs(memory.capacities[n:]).max() < 0.01
    assert abs(memory.capacities.sum() - n) < 4 * memory.standard_error
    assert n - 0.1 < memory.capacity <= n == memory.rank


def test_a_rotation_that_shrinks_remembers_as_many_steps_as_it_has_units():
    Q = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    memory = dk.memory_capacity(linear(0.9 * Q, rng.normal(size=(12, 1))), n_delays=120)
    assert 11.4 < memory.capacity <= 12
    assert memory.capacities[:3].min() > 0.9


def test_a_map_without_memory_has_only_the_present():
    memory = dk.memory_capacity(linear(np.zeros((6, 6)), rng.normal(size=(6, 1))))
    assert_allclose(memory.capacities[0], 1, atol=1e-12)
    assert abs(memory.past_capacity) < 0.02
    assert memory.rank == 1


def test_what_is_not_there_is_not_found_in_few_data():
    """Without the correction 60 units fitted to 900 samples would lose 7 % at each of 150 delays."""
    deaf = dk.catalog.tanh_network(np.eye(60) * 0.5, W_in=1e-9 * rng.normal(size=(60, 1)))
    other = dk.FunctionSystem(lambda x, u: torch.sin(37.0 * x + torch.arange(1.0, 61.0)) + 1e-9 * u, 60, 1)
    for system in (deaf, other):
        memory = dk.memory_capacity(system, n_steps=1000, n_delays=150)
        past = memory.capacities[40:]
        assert abs(past.mean()) < 4 * past.std() / len(past) ** 0.5 + 0.003


def test_saturation_costs_memory():
    net = dk.catalog.tanh_network(0.9 * W, W_in=INTO)
    weak, strong = (dk.memory_capacity(net, amplitude=a, n_steps=2000).capacity for a in (0.01, 3.0))
    assert 30 >= weak > 2 * strong > 1


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
        (lambda: dk.memory_capacity(dk.catalog.henon()), "system must have inputs"),
        (lambda: dk.memory_capacity(dk.catalog.tanh_unit(), channel=1), "channel must be between 0 and 0"),
        (lambda: dk.memory_capacity(dk.catalog.tanh_unit(), n_steps=20), "n_steps must be at least"),
        (lambda: dk.memory_capacity(dk.catalog.tanh_unit(), n_delays=10**6), "n_delays must be between 1 and 5000"),
        (lambda: dk.memory_capacity(one(lambda x, u: 2 * x + u)), "system must keep its states finite"),
    ],
)
def test_bad_arguments_are_named(ask, message):
    with pytest.raises(InputError, match=message):
        ask()
