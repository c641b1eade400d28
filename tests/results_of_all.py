"""One result of every public kind, of one small network of two units and one input, or of maps as wide."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch

import dynakit as dk
from dynakit.results import Result

UNITS = 2
SHORT = dk.CycleSettings(n_transient=50, n_record=128)
PULSES = {"up": [[3.0]], "down": [[-3.0]]}
KINDS = sorted(  # the names of all public classes of results, known before there is one of each
    kind.__name__
    for kind in {getattr(dk, name) for name in dk.__all__}
    if isinstance(kind, type) and issubclass(kind, Result)
)


def decode(outputs: np.ndarray) -> np.ndarray:
    return np.where(outputs[..., 0] > 0, "+", "-")


@functools.cache
def network() -> dk.System:
    """A bistable unit that an input drives, and one that follows it."""
    return dk.catalog.tanh_network([[1.2, 0.0], [0.1, 0.1]], W_in=[[1.0], [0.2]])


@functools.cache
def results() -> dict[str, Any]:
    """By the name of its class; of each class the ordinary case, two or more of a kind where it can be."""
    torch.manual_seed(0)
    net, rng = network(), np.random.default_rng(0)
    starts = rng.uniform(-1, 1, (6, UNITS))
    recording = dk.record(net, rng.normal(size=(6, 30, 1)), starts)
    points = dk.find_fixed_points(net, recording)
    relu = dk.as_system(dk.models.LeakyRNN(1, UNITS, 1, activation="relu"))
    box, plane = dk.samplers.Box([-1.0, -1.0], [1.0, 1.0]), dk.project(recording.states)
    closed = dk.Driven(net, [0.0])
    systems = [dk.catalog.tanh_network(w * np.eye(2)) for w in (0.9, 1.2)]
    memory = dk.check_memory(net, starts, None, decode, n_steps=50)
    tracks = dk.track_fixed_points(systems)
    found = [
        recording,
        points,
        memory,
        plane,
        tracks,
        tracks.changes,
        dk.enumerate_fixed_points(relu),
        dk.find_slow_points(net, recording, max_starts=8),
        dk.linearize(net, points),
        dk.nonnormality(net, points, n_steps=20),
        dk.selection_vectors(net, points),
        dk.compare_selection(net, points, (points.states, [0.1])),
        dk.find_limit_cycles(closed, starts[:2], settings=SHORT),
        (branches := dk.trace_fixed_points(net, points[:1], drives=[[0.0], [0.5]])),
        branches.events,
        dk.trace_slow_manifold(net, starts, max_points=40),
        dk.find_slow_manifold(net, np.repeat(starts, 3, axis=0), max_states=16),
        dk.map_unstable_manifolds(net, points, n_steps=100, n_samples=10),
        dk.map_scaffold(net, points, labels=decode),
        (apart := dk.compare_dynamics([*systems, net])),
        apart.embed(),
        apart.between(["a", "a", "b"], n=9),
        dk.lyapunov_spectrum(closed, starts[:2], n_steps=20, n_transient=5),
        dk.covariant_vectors(closed, starts[0], n_steps=20, n_transient=5, n_backward=5),
        dk.check_echo_state(net, np.zeros((50, 1)), n_pairs=2),
        dk.extract_automaton(net, {"0": [0.0], "1": [1.0]}, lambda y: np.where(y[..., 0] > 0, "+", "-"), words=9),
        dk.gradient_by_lag(net, trials().sample),
        dk.stress_strings(untrained(dk.tasks.EmbeddedReber()), dk.tasks.EmbeddedReber(), [1, 3]),
        dk.hold_time(untrained(dk.tasks.Xor()), dk.tasks.Xor(), [0, 5], n_trials=4),
        dk.list_attractors(net, points, None, decode, memory=memory),
        dk.map_transitions(net, points, PULSES),
        dk.map_basins(net, points, box, n_samples=6),
        dk.find_edge_state(net, [-1.0, 0.0], [0.7, 0.0], points),
        dk.find_smallest_shock(net, None, points, settings=dk.ShockSettings(4)),
        dk.trace_basins(
            lambda w: dk.catalog.tanh_network(w * np.eye(2)),
            [0.9],
            box,
            n_samples=4,
            settings=dk.BasinSettings(50),
        ),
        dk.memory_capacity(net, n_steps=200, n_delays=4),
        dk.map_phase_line(dk.catalog.tanh_unit(2.0), [[0.0], [1.0]], n_places=5),
        dk.map_fixed_points(dk.catalog.tanh_network([[0.5]], W_in=[[1.0, 1.0]]), [0.0], [0.0, 1.0], max_starts=8),
        dk.plane_flow(net, plane, through=starts[0], n_grid=3),
        dk.condition_average(recording.states, {"first": np.arange(6) % 2}),
        dk.psychometric_curve(np.arange(8) % 2 > 0, np.repeat([-1.0, 1.0], 4)),
        dk.graph_statistics(np.eye(2)[::-1].copy()),
        dk.compare_with_law(np.eye(12)[::-1] + rng.normal(size=(12, 12))),
        dk.low_rank_structure(rng.normal(size=(12, 12)), n_directions=3),
        dk.effective_rank(np.diag([2.0, 1.5, 0.5]), np.eye(3)),
        dk.map_lesions(untrained(trials.task), trials.task, shares=[0.5], n_sets=1, n_trials=4),
        dk.find_communities(np.eye(2)[::-1].copy()),
        dk.compare_with_null(np.ones((4, 4)), "reciprocity", n=3),
        dk.compare_shapes(recording.states, recording.states[:, :, :1], n_null=3),
        dk.compare_kernels(recording.states, recording.states[:, :, :1], n_null=3),
        dk.compare_subspaces(recording.states, recording.states[:, :, ::-1], variance=1.0, n_null=3),
        dk.compare_operators(*(operators := np.array([np.eye(2), [[0.5, 0.1], [0.0, 0.2]]]))),
        dk.compare_all_operators(operators),
        dk.fit_operator(recording.states),
        dk.compare_controllability(*((A, np.ones((2, 1))) for A in operators)),
        dk.compare_weights(*operators),
        dk.spike_statistics([[1.0, 2.0], [3.0]], t_stop=5.0),
        dk.as_spike_trains([[1.0, 2.0], [3.0]], t_stop=5.0),
        dk.check_multifunctionality(
            dk.catalog.tanh_network(2 * np.eye(2)),
            [dk.Orbit.fixed_point("A", [0.9575, 0.9575]), dk.Orbit.fixed_point("B", [-0.9575, 0.9575])],
            n_samples=8,
            settings=dk.MultifunctionalitySettings(n_shocks=0),
        ),
        dk.train(
            dk.models.Elman(1, 2, 1), trials().task, dk.training.BPTT(max_updates=2, batch_size=2), seed=0
        ),
        trials().sample,
        report(),
    ]
    return {type(one).__name__: one for one in found}


class trials:
    """A task of one channel, and some trials of it."""

    task = dk.tasks.FlipFlop(n_bits=1, n_steps=12)
    sample = task.sample(4, seed=0)


def untrained(task: Any) -> dk.System:
    """An Elman network of two units with the inputs and outputs of a task."""
    return dk.as_system(dk.models.Elman.for_task(task, UNITS))


@functools.cache
def report() -> Any:
    torch.manual_seed(0)
    model = dk.models.Elman(1, UNITS, 1)
    return dk.analyze(model, trials.task, include=["trajectories", "fixed_points", "modes"])
