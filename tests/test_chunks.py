"""What is held on the way to a result keeps to one budget; a result larger than the memory is refused by its size."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit import chunks
from dynakit.samplers import Box

MIB = 2**20


def test_parts_are_all_items_once_and_keep_to_the_budget(monkeypatch):
    monkeypatch.setattr(chunks, "BYTES", 100)
    assert [(p.start, p.stop) for p in chunks.parts(7, 30)] == [(0, 3), (3, 6), (6, 7)]
    assert chunks.at_once(1000) == 1  # one item is made however large it is
    assert list(chunks.parts(0, 8)) == [slice(0, 0)]
    squares = chunks.mapped(lambda x, y: x * y[:, None], 40, torch.arange(14.0).reshape(7, 2), torch.arange(7.0))
    np.testing.assert_array_equal(squares, np.arange(14.0).reshape(7, 2) * np.arange(7)[:, None])
    rows = np.arange(14).reshape(7, 2)
    made = chunks.gathered(7, ((part, {"rows": rows[part]}) for part in chunks.parts(7, 30)))
    np.testing.assert_array_equal(made["rows"], rows)


def test_what_is_free_is_the_least_of_what_limits(monkeypatch):
    assert 0 < chunks.free() < 2**60
    monkeypatch.setattr(chunks, "_of_container", lambda: 1234.0)
    assert chunks.free() == 1234.0


def calls(n_units=40, n_states=50):
    """Each by name: the call that asks for more than there is, and the words its sentence must hold."""
    system = dk.catalog.tanh_network(0.5 * np.eye(n_units))
    driven = dk.as_system(torch.nn.RNN(3, n_units, batch_first=True))
    x = np.zeros((n_states, n_units))
    outcome = {
        "jacobian": (lambda: system.jacobian(x), "50 matrices of 40 x 40 would take 0.61 MiB"),
        "input_jacobian": (lambda: driven.input_jacobian(x), "50 matrices of 40 x 3"),
        "observe_jacobian": (lambda: driven.observe_jacobian(x), "50 matrices of 40 x 40"),
        "linearize": (lambda: dk.linearize(system, x), "the modes of 50 points of 40 units"),
        "trajectory": (lambda: system.trajectory(x, 1000), "1000 steps of 50 trials of 40 units would take 15.3 MiB"),
        "map_basins": (
            lambda: dk.map_basins(system, x[:1], Box([-1.0] * n_units, 1.0), n_samples=10**5),
            "where 100000 samples of 40 units begin and end would take 61 MiB",
        ),
        "plane_flow": (
            lambda: dk.plane_flow(system, dk.project(np.eye(n_units)), through=x[0], n_grid=3000),
            "a grid of 3000 x 3000",
        ),
    }
    return outcome


@pytest.mark.parametrize("name", list(calls()))
def test_a_result_larger_than_the_memory_is_refused_before_it_is_made(name, monkeypatch):
    call, words = calls()[name]
    monkeypatch.setattr(chunks, "BYTES", 1000)
    monkeypatch.setattr(chunks, "free", lambda: 40_000.0)
    with pytest.raises(dk.ResourceError, match=r"and 0.03 MiB may be used: ") as refused:
        call()
    assert words in str(refused.value)
    assert isinstance(refused.value, MemoryError)


def answers(system, states, near):
    """What each call that works in parts says, as arrays by name."""
    modes, axes = dk.linearize(system, states), dk.project(states.reshape(5, 8, -1), 2)
    field = dk.plane_flow(system, axes, through=states[0], n_grid=9)
    box = Box([-1.0] * system.state_size, 1.0)
    kinds = (dk.Proximity(), dk.Recurrence(window=40), dk.Features(window=40))
    basins = [
        dk.map_basins(system, near, box, n_samples=40, settings=dk.BasinSettings(100, labelling=kind)) for kind in kinds
    ]
    return {
        "jacobian": system.jacobian(states),
        "eigenvalues": modes.eigenvalues,
        "directions": modes.right,
        "components": axes.components,
        "ranges": axes.ranges,
        "velocities": field.velocities,
        "leaving_share": field.leaving_share,
        **{f"labels by {type(kind).__name__}": found.labels for kind, found in zip(kinds, basins)},
        **{f"ends by {type(kind).__name__}": found.end_states for kind, found in zip(kinds, basins)},
    }


def test_parts_say_what_the_whole_says(monkeypatch):
    system = dk.catalog.tanh_network(1.5 * np.eye(3) + 0.3 * np.roll(np.eye(3), 1, 0))
    states = np.random.default_rng(0).normal(size=(40, 3))
    near = dk.find_fixed_points(system).stable.states
    whole = answers(system, states, near)
    monkeypatch.setattr(chunks, "BYTES", 8000)
    for name, said in answers(system, states, near).items():
        np.testing.assert_allclose(said, whole[name], rtol=0, atol=1e-12, err_msg=name)


def test_axes_are_fitted_without_a_copy_of_the_states(monkeypatch):
    states = np.random.default_rng(0).normal(size=(100, 400, 64)).astype(np.float32)
    whole = dk.project(states)
    monkeypatch.setattr(chunks, "BYTES", MIB)
    tracemalloc.start()
    try:
        parts = dk.project(states)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * MIB < states.nbytes / 3
    np.testing.assert_allclose(parts.components, whole.components, atol=1e-9)
    np.testing.assert_allclose(parts.ranges, whole.ranges, atol=1e-9)


def test_a_grid_and_samples_are_followed_within_the_budget(monkeypatch):
    system = dk.catalog.tanh_network(0.5 * np.eye(64))
    axes = dk.project(np.eye(64), 2)
    monkeypatch.setattr(chunks, "BYTES", MIB)
    tracemalloc.start()
    try:
        dk.plane_flow(system, axes, through=np.zeros(64), n_grid=200)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * MIB < 8 * 64 * 200**2 / 3


LIMITED = """
import resource
import numpy as np, dynakit as dk, torch
from dynakit import chunks
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
W = 0.1 * torch.from_numpy(np.random.default_rng(0).normal(size=(64, 64)))
small, large = dk.FunctionSystem(lambda x: torch.tanh(x @ W.T), 64), dk.catalog.tanh_network(0.5 * np.eye(512))
small.jacobian(np.zeros((2, 64))), large.jacobian(np.zeros((2, 512))), large.trajectory(np.zeros(512), 2)
for budget in (2**20, 2**40):
    chunks.BYTES = budget
    open("/proc/self/clear_refs", "w").write("5")
    before = peak()
    J = small.jacobian(np.zeros((1500, 64)))
    print(peak() - before - J.numel() * 8 / 2**20)
    del J
chunks.BYTES = 2**26
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, used + 2**29))
for ask in (lambda: large.jacobian(np.zeros((1000, 512))), lambda: large.trajectory(np.zeros((2000, 512)), 100000)):
    try:
        ask()
    except dk.ResourceError as refused:
        print(refused)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says what a process takes, and may take")
def test_derivatives_are_made_within_the_budget_and_a_limit_on_addresses_is_kept_to():
    run = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True)
    within, beyond, matrices, steps = run.stdout.splitlines()
    assert float(within) < 16 < float(beyond)  # MiB besides the result
    assert matrices.startswith("1000 matrices of 512 x 512 would take 1.95 GiB, and ")
    assert "MiB may be used: ask for fewer states" in matrices
    assert steps.startswith("100000 steps of 2000 trials of 512 units would take 763 GiB, and ")
