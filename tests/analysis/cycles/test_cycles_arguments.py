"""What cannot be used in the search for cycles, attractors and their limits: one sentence that names the argument."""

import dataclasses

import numpy as np
import pytest
import torch

import dynakit as dk

TURN = 2 * np.pi
BOX = dk.samplers.Box([-1.5], 1.5)
TWO = [
    dk.Orbit.cycle(n, lambda p, d=d: [np.cos(TURN * p), d * np.sin(TURN * p)], period=TURN, dt=0.2)
    for n, d in (("A", 1), ("B", -1))
]
SERIES = np.random.default_rng(0).standard_normal((40, 2))


@pytest.fixture(scope="module")
def bistable():
    return dk.catalog.bistable()


@pytest.fixture(scope="module")
def points(bistable):
    return dk.find_fixed_points(bistable)


@pytest.fixture(scope="module")
def driven():
    return dk.FunctionSystem(lambda x, u: torch.tanh(x + u), 2, 2, argument_order="state, input")


def jumping():
    return dk.FunctionSystem(lambda x: x.round(), 1, regularity="discontinuous")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: dk.Orbit.recorded("A", SERIES, dt=0.1, period=5.0),
            "series must cover at least one revolution",
        ),
        (
            lambda: dk.Orbit.cycle("A", SERIES[:2], period=5.0, dt=0.1),
            "samples of a cycle must be at least 3",
        ),
        (lambda: dk.Orbit.cycle("A", SERIES * np.nan, period=5.0, dt=0.1), "samples must be finite"),
        (lambda: TWO[0].sample(0), "n_steps must be at least 1"),
        (
            lambda: dk.Orbit.chaos("A", SERIES, dt=0.1).sample(41),
            "n_steps must be at most the 40 samples of 'A'",
        ),
        (lambda: dk.tasks.Cycles([TWO[0], dk.Orbit.fixed_point("p", [0.0])]), "orbits must be of one width"),
        (lambda: dk.tasks.Cycles(TWO, n_steps=50, cue_steps=51), "cue_steps must be at most n_steps = 50"),
        (lambda: dk.tasks.Cycles(TWO, n_steps=0), "n_steps must be at least 1"),
    ],
)
def test_targets(ask, said):
    with pytest.raises(dk.InputError, match=said) as caught:
        ask()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda s, a: dk.find_limit_cycles(jumping()), "a search for cycles needs a differentiable map"),
        (lambda s, a: dk.lyapunov_spectrum(jumping(), [0.1], n_steps=9), "needs a differentiable map"),
        (
            lambda s, a: dk.find_edge_state(jumping(), [-1.3], [0.4], [[-1.0], [0.0]]),
            "needs a differentiable map",
        ),
        (
            lambda s, a: dk.find_limit_cycles(s, settings=dk.CycleSettings(0)),
            "n_transient must be at least 1",
        ),
        (lambda s, a: dk.find_limit_cycles(s, max_starts=0), "max_starts must be at least 1"),
        (lambda s, a: dk.find_limit_cycles(s, periods=2.0), "periods must be a whole number"),
        (lambda s, a: dk.find_limit_cycles(s, periods=None), "periods must be a whole number"),
        (lambda s, a: dk.find_limit_cycles(s, periods="3"), "periods must be a whole number"),
        (lambda s, a: dk.find_limit_cycles(s, "here"), "starts must be real"),
        (lambda s, a: dk.find_limit_cycles(s, 0.3), "starts must have shape"),
        (
            lambda s, a: dk.find_limit_cycles(s, [[np.nan]]).curve(0.0),
            "k must be one of the objects, but none",
        ),
        (lambda s, a: dk.BasinSettings(0), "n_steps must be at least 1"),
        (lambda s, a: dk.map_basins(s, a, BOX, n_samples=0), "n_samples must be at least 1"),
        (
            lambda s, a: dk.map_basins(s, [[0.5]], BOX, n_samples=3),
            "attractors given as states must be fixed points",
        ),
        (lambda s, a: dk.lyapunov_spectrum(s, [0.1], n_steps=0), "n_steps must be at least 1"),
        (lambda s, a: dk.EdgeSettings(n_steps=0), "n_steps must be at least 1"),
        (lambda s, a: dk.EdgeSettings(n_track=0), "n_track must be at least 1"),
        (lambda s, a: dk.find_edge_state(s, [-1.0], [-0.4], a), "a and b must go to different attractors"),
        (
            lambda s, a: dk.find_edge_state(s, [-1.0], [0.4], a, settings=9),
            "settings must be EdgeSettings, got int",
        ),
        (lambda s, a: dk.find_smallest_shock(s, np.zeros((0, 1)), a), "states must be .* at least one"),
        (
            lambda s, a: dk.find_smallest_shock(s, [[np.nan]], a),
            "states must each go to one of the attractors",
        ),
        (lambda s, a: dk.find_smallest_shock(s, None, a, scale=0.0), "scale must be a positive number"),
    ],
)
def test_searches(bistable, points, ask, said):
    with pytest.raises(dk.InputError, match=said) as caught:
        ask(bistable, points)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda s: dk.check_multifunctionality(s, TWO),
            r"system must be autonomous, got 2 inputs .*dk\.ClosedLoop",
        ),
        (lambda s: dk.map_basins(s, None, BOX, [0.0], n_samples=3), "drive must have shape"),
        (lambda s: dk.find_edge_state(s, [0.0, 0.0], [1.0, 1.0], [[0.0, 0.0]], [0.0]), "drive must have shape"),
        (lambda s: dk.find_smallest_shock(s, None, [[0.0, 0.0]], [0.0]), "drive must have shape"),
        (lambda s: dk.find_limit_cycles(s, drive=[np.nan, 0.0]), "drive must be finite"),
    ],
)
def test_a_system_that_hears_inputs(driven, ask, said):
    with pytest.raises(dk.InputError, match=said):
        ask(driven)


@pytest.mark.parametrize("edges", ["yes", 2, None])
def test_whether_to_look_for_edges_is_yes_or_no(edges):
    with pytest.raises(dk.InputError, match="edges must be one of False, True"):
        dk.MultifunctionalitySettings(edges=edges)


def test_what_diverges_is_labelled_with_its_step_and_adds_no_row():
    system = dk.FunctionSystem(lambda x: 3 * x + 1, 1)
    found = dk.find_limit_cycles(system, [[1.0], [1e300], [np.inf]], settings=dk.CycleSettings(60, 128))
    assert len(found) == 0
    assert found.start_status.tolist() == ["unbounded", "unbounded", "not finite"]
    assert 0 <= found.left_at[1] < found.left_at[0]
    logistic = dk.catalog.logistic(3.5)
    basins = dk.map_basins(
        logistic, dk.find_limit_cycles(logistic, [[0.3]]), dk.samplers.Box([2.0], 3.0), n_samples=4
    )
    assert basins.labels.tolist() == [-1] * 4
    assert all(reason.startswith("unbounded (step ") for reason in basins.reasons)
    assert dk.lyapunov_spectrum(logistic, [2.0], n_steps=50).left_at[0] > 0


def test_starts_in_any_precision_and_with_gradients_are_the_same_starts():
    system = dk.catalog.logistic(3.5)
    plain = dk.find_limit_cycles(system, [[0.25]], settings=dk.CycleSettings(60, 128))
    for starts in (torch.tensor([[0.25]], requires_grad=True), np.float32([[0.25]]), torch.tensor([0.25])):
        found = dk.find_limit_cycles(system, starts, settings=dk.CycleSettings(60, 128))
        assert dataclasses.replace(found, provenance=plain.provenance) == plain


@pytest.mark.parametrize(
    "system", [dk.catalog.rotation(0.5, 1.05), dk.FunctionSystem(lambda x: x + 1, 2)], ids=["spiral", "drift"]
)
def test_what_grows_without_bound_is_no_object(system):
    found = dk.find_limit_cycles(system, [[1.0, 0.5]])
    assert len(found) == 0
    assert found.start_status.tolist() == ["unbounded"]
    assert "1 of 1 start unbounded" in found.headline()
