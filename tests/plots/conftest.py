"""Small systems whose portraits are known, drawn once and for all."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import dynakit as dk


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def cube():
    """Three independent bistable units: 27 points, of which 8 stable, 12 + 6 saddles and one repeller."""
    system = dk.catalog.tanh_network(1.5 * np.eye(3), W_in=2 * np.eye(3))
    points = dk.find_fixed_points(system)
    rng = np.random.default_rng(0)
    states = dk.record(system, np.zeros((12, 30, 3)), x0=rng.uniform(-0.5, 0.5, (12, 3))).states
    pulses = {
        f"bit {k + 1} {way}": s * np.eye(3)[[k]] for k in range(3) for way, s in (("up", 1), ("down", -1))
    }
    transitions = dk.map_transitions(system, points.stable, pulses, rest=np.zeros(3))
    projection = dk.project(states)
    labels = ["".join("+" if v > 0 else "-" for v in x) for x in points.stable.states]
    return SimpleNamespace(
        system=system,
        points=points,
        modes=dk.linearize(system, points),
        states=states,
        projection=projection,
        transitions=transitions,
        labels=labels,
        flow=dk.plane_flow(system, projection, through=np.zeros(3), n_grid=9),
    )


@pytest.fixture(scope="session")
def apart():
    """Distances of five networks on a line, two by two and one alone, and one without an answer."""
    places = np.array([0.0, 1.0, 0.1, 2.0, 1.15])
    matrix = np.full((6, 6), np.nan)
    matrix[:5, :5] = np.abs(places[:, None] - places[None])
    return dk.Distances(
        names=np.array(["a", "c", "b", "e", "d", "lost"]),
        null=np.array([0.2] * 5 + [np.nan]),
        shifted=np.full(6, np.nan),
        classes=np.full(6, -1),
        keys=np.full(6, ""),
        weights=np.full(6, ""),
        reasons=np.array([""] * 5 + ["no fixed point"]),
        matrix=matrix,
        method="topology",
        measure="share that differs, 0..1",
    )


@pytest.fixture(scope="session")
def cycles():
    """An attracting invariant circle round a repelling fixed point."""
    return dk.find_limit_cycles(
        dk.catalog.delayed_logistic(2.02), [[0.505, 0.505]], settings=dk.CycleSettings(n_record=1024)
    )


@pytest.fixture(scope="session")
def memory():
    """One unit with two memories, released: of four states two are undecided first and make up their minds."""
    states = np.array([[0.9], [-0.9], [0.5], [-0.2]])

    def decode(outputs):
        return np.select([outputs[..., 0] > 0.6, outputs[..., 0] < -0.6], ["+", "-"], "?")

    return dk.check_memory(dk.catalog.tanh_unit(w=2.0), states, np.zeros(1), decode, n_steps=200)


@pytest.fixture(scope="session")
def history():
    from dynakit.results import History

    n = 300
    losses = np.geomspace(1.0, 1e-3, n)
    return History(
        losses=losses, scores=np.linspace(0.5, 1, n), seconds=np.arange(n), learning_rates=np.ones(n)
    )


@pytest.fixture(scope="session")
def trials():
    rng = np.random.default_rng(1)
    mask = np.ones((4, 20, 2), np.float32)
    mask[:, 5:9] = 0
    return dk.tasks.Trials(rng.normal(size=(4, 20, 3)), rng.normal(size=(4, 20, 2)), mask)


@pytest.fixture(scope="session")
def dale():
    """A Dale matrix with types and strengths in no order."""
    rng = np.random.default_rng(2)
    sign = np.array([1, -1, 1, 1, -1, 1, 1])
    return np.abs(rng.normal(size=(7, 7))) * rng.permutation(7) * sign + 0.01 * sign, sign


@pytest.fixture(scope="session")
def curve():
    """Twenty choices at each of five strengths, the stronger the evidence the more of them +."""
    strengths = np.repeat([-2.0, -1.0, 0.0, 1.0, 2.0], 20)
    return dk.psychometric_curve(np.arange(100) % 20 < np.repeat([0, 4, 10, 15, 20], 20), strengths)


@pytest.fixture(scope="session")
def slow_line():
    """A line of fixed points, as a slow set."""
    starts = np.random.default_rng(0).normal(size=(60, 2))
    return dk.find_slow_manifold(dk.catalog.linear([[1.0, 0.0], [0.0, 0.5]]), starts, max_states=30)


@pytest.fixture(scope="session")
def bumpy_ring():
    """A ring of radius 1 with three stable and three unstable points on it, and axes to see it in."""

    def step(z):
        size, angle = z.norm(dim=1), torch.atan2(z[:, 1], z[:, 0])
        angle, size = angle + 1e-3 * torch.sin(3 * angle), (size + 1) / 2
        return torch.stack([size * torch.cos(angle), size * torch.sin(angle)], 1)

    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    starts = np.stack([np.cos(angles), np.sin(angles)], 1)
    axes = dk.Projection.onto(np.eye(2), ["a", "b"])
    return dk.trace_slow_manifold(dk.FunctionSystem(step, 2), starts), axes


@pytest.fixture(scope="session")
def branches():
    """One unit over its input: two folds."""
    unit = dk.catalog.tanh_unit(2.0)
    return dk.trace_fixed_points(unit, dk.find_fixed_points(unit), drives=[[-1.0], [1.0]])


@pytest.fixture(scope="session")
def tracks():
    """One unit whose weight grows past the pitchfork, and its loss."""
    systems = [dk.catalog.tanh_unit(w) for w in (0.6, 0.9, 1.2, 1.5)]
    return dk.track_fixed_points(systems, updates=[0, 10, 20, 30], losses=[2.0, 1.8, 0.4, 0.3])


@pytest.fixture(scope="session")
def manifolds(cube):
    return dk.map_unstable_manifolds(cube.system, cube.points, n_steps=200)


@pytest.fixture(scope="session")
def basins(cube):
    """The eight corners of the cube, and three states on its faces that belong to none."""
    box = dk.samplers.Box.of(cube.system, np.zeros(3))

    def sampler(n, rng):
        states = box(n, rng)
        states[:3, 0] = 0.0
        return states

    return dk.map_basins(cube.system, cube.points, sampler, n_samples=200, drive=np.zeros(3))


@pytest.fixture(scope="session")
def traced():
    """One unit whose weight grows past the pitchfork."""
    box = dk.samplers.Box([-1.0], [1.0])
    settings = {"attractors": dk.find_fixed_points, "n_samples": 60, "drive": [0.0]}
    return dk.trace_basins(dk.catalog.tanh_unit, [0.7, 0.9, 1.3, 1.6], box, **settings)


@pytest.fixture(scope="session")
def multi():
    """Two points that are held, and one between them that is not."""
    system = dk.FunctionSystem(
        lambda x: x + (x - x**3) * x.new_tensor([0.5, 0.0]) - x * x.new_tensor([0.0, 0.5]), 2
    )
    targets = [
        dk.Orbit.fixed_point(name, [at, 0.0])
        for name, at in (("left", -1.0), ("middle", 0.0), ("right", 1.0))
    ]
    return dk.check_multifunctionality(
        system, targets, n_samples=20, settings=dk.MultifunctionalitySettings(n_shocks=0)
    ), targets


@pytest.fixture(scope="session")
def line():
    """One unit with two memories, at rest and pushed up, where one is left."""
    return dk.map_phase_line(dk.catalog.tanh_unit(2.0), {"rest": [0.0], "up": [1.0]})


@pytest.fixture(scope="session")
def cusp():
    """x' = tanh(2 x + u1 + u2 / 2): three points while the sum is within 0.5328 of zero, one outside."""
    system = dk.catalog.tanh_network([[2.0]], W_in=[[1.0, 0.5]])
    return dk.map_fixed_points(system, [-1.0, 0.0, 0.4], [-1.0, 0.0, 1.0])


@pytest.fixture(scope="session")
def oscillator():
    """Van der Pol's: one unstable focus; x stands still on y = 0, y on y = x / (1 - x^2)."""
    system = dk.catalog.van_der_pol()
    return dk.plane_flow(system, ranges=[[-3, 3], [-4, 4]], n_grid=121), dk.linearize(system, [[0.0, 0.0]])


def noise_matrix():
    """Twelve units wired at random."""
    return np.random.default_rng(3).normal(size=(12, 12)) / 12**0.5


@pytest.fixture(scope="session")
def drawings(
    apart,
    line,
    cusp,
    oscillator,
    multi,
    basins,
    traced,
    cycles,
    cube,
    memory,
    history,
    trials,
    dale,
    bumpy_ring,
    curve,
    branches,
    tracks,
    manifolds,
    slow_line,
):
    """name -> how to draw it on given axes: every plot function with its ordinary argument."""
    P = dk.plots
    return {
        "plot_distances": lambda **how: P.plot_distances(apart, **how),
        "plot_embedding": lambda **how: P.plot_embedding(apart, groups=list("abacbc"), **how),
        "plot_phase_line": lambda **how: P.plot_phase_line(line, **how),
        "plot_cobweb": lambda **how: P.plot_cobweb(line, [0.1, 0.2, 0.38, 0.64, 0.86], **how),
        "plot_fixed_point_map": lambda **how: P.plot_fixed_point_map(cusp, **how),
        "plot_nullclines": lambda **how: P.plot_nullclines(*oscillator, **how),
        "plot_basins": lambda **how: P.plot_basins(basins, cube.projection, **how),
        "plot_basin_fractions": lambda **how: P.plot_basin_fractions(traced, **how),
        "plot_trials": lambda **how: P.plot_trials(trials, np.zeros((4, 20, 2)), **how),
        "plot_training": lambda **how: P.plot_training(history, **how),
        "plot_activity": lambda **how: P.plot_activity(cube.states, **how),
        "plot_phase_portrait": lambda **how: P.plot_phase_portrait(
            cube.projection, cube.states, cube.points, cube.modes, **how
        ),
        "plot_flow": lambda **how: P.plot_flow(cube.flow, **how),
        "plot_spectrum": lambda **how: P.plot_spectrum(cube.modes, **how),
        "plot_transitions": lambda **how: P.plot_transitions(cube.transitions, labels=cube.labels, **how),
        "plot_connectivity": lambda **how: P.plot_connectivity(dale[0], **how),
        "plot_communities": lambda **how: P.plot_communities(dk.find_communities(noise_matrix()), **how),
        "plot_lesions": lambda **how: P.plot_lesions(
            dk.map_lesions(
                dk.catalog.tanh_network(1.5 * np.eye(3), W_in=2 * np.eye(3)),
                dk.tasks.FlipFlop(n_bits=3, n_steps=10),
                n_sets=2,
                n_trials=4,
            ),
            **how,
        ),
        "plot_law": lambda **how: P.plot_law(dk.compare_with_law(noise_matrix() + 0.5), **how),
        "plot_singular_values": lambda **how: P.plot_singular_values(
            dk.low_rank_structure(noise_matrix() + 0.5), **how
        ),
        "plot_psychometric": lambda **how: P.plot_psychometric(curve, **how),
        "plot_raster": lambda **how: P.plot_raster([[1.0, 4.0], [], [2.5]], t_stop=5.0, **how),
        "plot_slow_manifold": lambda **how: P.plot_slow_manifold(bumpy_ring[0], bumpy_ring[1], **how),
        "plot_slow_set": lambda **how: P.plot_slow_set(slow_line, **how),
        "plot_branches": lambda **how: P.plot_branches(branches, **how),
        "plot_tracks": lambda **how: P.plot_tracks(tracks, **how),
        "plot_heteroclinic": lambda **how: P.plot_heteroclinic(
            manifolds, cube.points, cube.projection, **how
        ),
        "plot_scaffold": lambda **how: P.plot_scaffold(
            dk.map_scaffold(cube.system, cube.points, labels=dk.tasks.FlipFlop(3).decode), **how
        ),
        "plot_multipliers": lambda **how: P.plot_multipliers(cycles, **how),
        "plot_cycles": lambda **how: P.plot_cycles(cycles, **how),
        "plot_convergence": lambda **how: P.plot_convergence(cycles, **how),
        "plot_multifunctionality": lambda **how: P.plot_multifunctionality(*multi, **how),
        "plot_confusion": lambda **how: P.plot_confusion(multi[0], **how),
        "plot_memory": lambda **how: P.plot_memory(memory, **how),
        "plot_exponents": lambda **how: P.plot_exponents(
            dk.lyapunov_spectrum(dk.catalog.henon(), [[0.1, 0.1], [5.0, 0.0]], n_steps=80), **how
        ),
    }
