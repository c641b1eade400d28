"""How much of its past input a network holds, where that is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import dynakit as dk
from dynakit.errors import InputError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def linear(A: np.ndarray, w: np.ndarray) -> dk.System:
    """x' = A x + w u, of as many inputs as w has columns."""
    A, w = torch.from_numpy(A), torch.from_numpy(w)
    return dk.FunctionSystem(lambda x, u: x @ A.T + u @ w.T, len(A), w.shape[1], argument_order="state, input")


@pytest.mark.parametrize("n", [1, 5, 20])
def test_a_delay_line_remembers_as_many_steps_as_it_has_units(n):
    line = linear(np.eye(n, k=-1), np.eye(n)[:, :1])
    memory = dk.memory_capacity(line)
    assert_allclose(memory.capacities[:n], 1, rtol=0, atol=1e-12)
    assert np.abs(memory.capacities[n:]).max() < 0.01
    assert abs(memory.capacities.sum() - n) < 4 * memory.standard_error
    assert n - 0.1 < memory.capacity <= n == memory.rank


def test_a_rotation_that_shrinks_remembers_as_many_steps_as_it_has_units(rng):
    Q = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    memory = dk.memory_capacity(linear(0.9 * Q, rng.normal(size=(12, 1))), n_delays=120)
    assert 11.4 < memory.capacity <= 12
    assert memory.capacities[:3].min() > 0.85


def test_a_map_without_memory_has_only_the_present(rng):
    memory = dk.memory_capacity(linear(np.zeros((6, 6)), rng.normal(size=(6, 1))))
    assert_allclose(memory.capacities[0], 1, atol=1e-12)
    assert abs(memory.past_capacity) < 0.02
    assert memory.rank == 1


def test_what_is_not_there_is_not_found_in_few_data(rng):
    """Without the correction 60 units fitted to 900 samples would lose 7 % at each of 150 delays."""
    deaf = dk.catalog.tanh_network(np.eye(60) * 0.5, W_in=1e-9 * rng.normal(size=(60, 1)))
    other = dk.FunctionSystem(lambda x, u: torch.sin(37.0 * x + torch.arange(1.0, 61.0)) + 1e-9 * u, 60, 1)
    for system in (deaf, other):
        memory = dk.memory_capacity(system, n_steps=1000, n_delays=150)
        past = memory.capacities[40:]
        assert abs(past.mean()) < 4 * past.std() / len(past) ** 0.5 + 0.003


def test_saturation_costs_memory(rng):
    net = dk.catalog.tanh_network(0.9 * rng.normal(size=(30, 30)) / 30**0.5, W_in=rng.normal(size=(30, 1)))
    weak, strong = (dk.memory_capacity(net, amplitude=a, n_steps=2000).capacity for a in (0.01, 3.0))
    assert 30 >= weak > 2 * strong > 1


@pytest.mark.parametrize("a", [0.5, 0.9, -0.8])
def test_a_leaky_unit_holds_a_geometric_share_of_each_step(a):
    """x' = a x + u: the input k steps back makes (1 - a^2) a^2k of the variance; the shares add up to one."""
    memory = dk.memory_capacity(linear(np.array([[a]]), np.ones((1, 1))), n_steps=40_000, n_delays=60)
    assert_allclose(memory.capacities, (1 - a**2) * a ** (2 * memory.delays), atol=0.02)
    assert memory.delays.tolist() == list(range(60))
    assert memory.capacity == pytest.approx(1, abs=0.03)
    assert memory.past_capacity == pytest.approx(a**2, abs=0.03)  # Jaeger counts from delay 1 on


def test_each_input_has_a_memory_of_its_own():
    """Two delay lines side by side, of two and of five units; a third input is not heard at all."""
    A, w = np.zeros((7, 7)), np.zeros((7, 3))
    A[1, 0] = A[3, 2] = A[4, 3] = A[5, 4] = A[6, 5] = w[0, 0] = w[2, 1] = 1.0
    found = [dk.memory_capacity(linear(A, w), channel=k) for k in range(3)]
    assert_allclose([memory.capacity for memory in found], [2, 5, 0], atol=0.05)
    assert [memory.rank for memory in found] == [2, 5, 0]


def test_a_linear_memory_does_not_depend_on_the_amplitude_nor_on_the_order_of_the_units(rng):
    A, w, order = 0.3 * rng.normal(size=(4, 4)), rng.normal(size=(4, 1)), np.array([2, 0, 3, 1])
    one = dk.memory_capacity(linear(A, w))
    for other in (
        dk.memory_capacity(linear(A, w), amplitude=50.0),
        dk.memory_capacity(linear(A[np.ix_(order, order)], w[order])),
    ):
        assert_allclose(other.capacities, one.capacities, atol=1e-9)


def test_a_seed_repeats_and_a_saved_result_comes_back(tmp_path):
    system = dk.catalog.tanh_network(0.5 * np.eye(3), W_in=np.ones((3, 1)))
    one, same, other = (dk.memory_capacity(system, n_steps=500, seed=s) for s in (3, 3, 4))
    assert_array_equal(same.capacities, one.capacities)
    assert (other.capacities != one.capacities).any()
    one.save(tmp_path)
    assert dk.load(tmp_path) == one


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: dk.memory_capacity(dk.catalog.henon()), "system must have inputs"),
        (lambda: dk.memory_capacity(dk.catalog.tanh_unit(), channel=1), "channel must be between 0 and 0"),
        (lambda: dk.memory_capacity(dk.catalog.tanh_unit(), n_steps=20), "n_steps must be at least"),
        (lambda: dk.memory_capacity(dk.catalog.tanh_unit(), n_delays=10**6), "n_delays must be between 1 and 5000"),
        (lambda: dk.memory_capacity(linear(np.array([[2.0]]), np.ones((1, 1)))), "system must keep its states finite"),
    ],
)
def test_bad_arguments_are_named(ask, message):
    with pytest.raises(InputError, match=message):
        ask()


def test_what_cannot_be_recalled_adds_little_however_the_states_are_distributed():
    """Slow units of a reservoir under strong inputs: few of the states lie far out, where a readout misses by most.

    Fits of 60 weights to 800 samples; as if the states were normally distributed, the 250 delays would add -112.
    """
    rng = np.random.default_rng(0)
    W = torch.from_numpy(rng.normal(size=(60, 60)))
    W *= 0.95 / torch.linalg.eigvals(W).abs().max()
    V = torch.from_numpy(3 * rng.normal(size=60) * (rng.random(60) < 0.2))
    system = dk.FunctionSystem(lambda x, u: 0.9 * x + 0.1 * torch.tanh(x @ W.T + u * V), 60, 1)
    beyond = [dk.memory_capacity(system, n_delays=400, n_steps=1000, seed=k).capacities[150:].sum() for k in range(8)]
    assert abs(np.mean(beyond)) < 15
