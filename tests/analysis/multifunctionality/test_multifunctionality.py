"""Targets against systems whose attractors are known: circles at radius 1 and 3, chaos beside a point, an eight."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import dynakit as dk

DT, TURN = 0.2, 2 * math.pi
BOX = dk.samplers.Box([-3.5, -3.5], 3.5)


def circle(name, radius, direction, *, period=TURN, dt=DT):
    def curve(p):
        return radius * np.array([np.cos(TURN * p), direction * np.sin(TURN * p)])

    return dk.Orbit.cycle(name, curve, period=period, dt=dt)


def rings(radius_of, turn_of):
    """r -> radius_of(r), theta -> theta + turn_of(r), in the plane."""

    def f(x):
        r = x.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        c, s = torch.cos(turn_of(r)), torch.sin(turn_of(r))
        x, y = x[..., :1], x[..., 1:]
        return torch.cat([c * x - s * y, s * x + c * y], -1) * radius_of(r) / r

    return f


def relaxed(r):
    """The interval map with stable points 1 and 3 and the unstable point 2; what is beyond 3.5 is at 3.5 first."""
    r = r.clamp(max=3.5)
    return r + 0.2 * r * (1 - r) * (r - 2) * (r - 3) / 2


@pytest.fixture(scope="module")
def two_rings():
    """r = 1 turns by +dt a step, r = 3 by -dt, r = 2 stands still."""
    return dk.FunctionSystem(rings(relaxed, lambda r: DT * (2 - r)), 2)


@pytest.fixture(scope="module")
def one_ring():
    """A closed loop that has one circle, run through anticlockwise."""
    f = rings(lambda r: r + 0.3 * r.clamp(max=2.0) * (1 - r.clamp(max=2.0)), lambda r: DT + 0 * r)
    heard = dk.FunctionSystem(lambda x, u: f(u) + 0 * x, 2, 2, argument_order="state, input")
    return dk.ClosedLoop(heard)


def check(system, targets, *, sampler=None, n_samples=60, seed=0, **settings):
    settings = dk.MultifunctionalitySettings(**{"n_shocks": 0, "n_steps": 300, **settings})
    return dk.check_multifunctionality(
        system, targets, sampler=sampler, n_samples=n_samples, settings=settings, seed=seed
    )


@pytest.fixture(scope="module")
def held():
    flow = dk.catalog.two_cycles(dt=0.1)
    box = dk.samplers.Box([-2.5, -2.5], 2.5)
    targets = [circle("A", 1.0, 1), circle("B", 3.0, -1)]
    return check(flow, targets, sampler=box, n_samples=120, seed=1)


def test_the_flow_with_two_opposite_cycles_is_multifunctional(held):
    assert held.verdict == "MULTIFUNCTIONAL"
    assert held.held.all()
    assert held.failing.tolist() == ["", ""]
    assert held.n_reached.tolist() == held.n_cues.tolist() == [8, 8]
    np.testing.assert_allclose(held.errors, 0, atol=1e-10)
    np.testing.assert_allclose(held.period_ratios, 1, atol=1e-10)
    np.testing.assert_allclose(held.radii, [1, 3], atol=1e-10)
    np.testing.assert_allclose(held.centres, 0, atol=1e-10)
    np.testing.assert_allclose(held.roundness, 0, atol=1e-10)
    np.testing.assert_allclose(held.rotation_numbers, [1 / TURN, -1 / TURN], rtol=1e-9)  # per unit of time
    np.testing.assert_allclose(held.decays, np.exp([-TURN, -3 * TURN]), rtol=1e-6)
    np.testing.assert_allclose(held.exponents_per_time, [[0, -1], [0, -3]], atol=1e-6)
    np.testing.assert_allclose(held.exponents, held.exponents_per_time, atol=1e-12)
    assert held.dynamics == "flow"
    assert held.senses.tolist() == [1, 1]


@pytest.mark.parametrize("around", ["input", "two steps"])
def test_a_flow_is_judged_alike_under_a_constant_drive_and_by_longer_steps(held, around):
    flow = dk.catalog.two_cycles(dt=0.1)
    pushed = dk.Flow(lambda x, u: flow.rhs(x) + u - 0.3, 2, 1, dt=0.1, jacobian=lambda x, u: flow.rhs_jacobian(x))
    system = {
        "input": lambda: dk.Driven(pushed, [0.3]),
        "two steps": lambda: dk.Iterated(flow, 2),
    }[around]()
    box = dk.samplers.Box([-2.5, -2.5], 2.5)
    found = check(system, [circle("A", 1.0, 1), circle("B", 3.0, -1)], sampler=box, n_samples=16, seed=1, n_phases=4)
    assert (found.verdict, found.dynamics) == (held.verdict, "flow")
    assert found.n_reached.tolist() == [4, 4]
    for name in ("kinds", "held", "senses"):
        assert getattr(found, name).tolist() == getattr(held, name).tolist()
    for name in ("rotation_numbers", "period_ratios", "errors", "decays", "exponents", "exponents_per_time"):
        np.testing.assert_allclose(getattr(found, name), getattr(held, name), rtol=0, atol=1e-8)


def test_basins_of_the_flow_are_those_of_the_two_sides_of_the_separatrix(held):
    inside = np.hypot(*held.basins.states.T) < 2
    assert (held.basins.labels == held.attractor_index[0]).tolist() == inside.tolist()
    assert held.intervals[0, 0] <= math.pi * 4 / 25 <= held.intervals[0, 1]
    assert held.sampler == "Box"


def test_how_long_a_flow_takes_is_told_in_its_time(held):
    mine = held.basins.labels == held.attractor_index[0]
    steps = np.quantile(held.basins.convergence_steps[mine], [0.5, 0.95])
    np.testing.assert_allclose(held.convergence[0], held.basins.dt * steps)
    assert f"{held.convergence[0, 0]:.4g} time units to come near" in held.summary()


def test_nothing_untrained_seen_gives_a_bound(held):
    assert not held.untrained.any()
    assert held.untrained_bound == held.unseen_bound == pytest.approx(1 - 0.05 ** (1 / 120))


@pytest.fixture(scope="module")
def mixed(two_rings):
    """One target that is right, one of the wrong direction, one too slow, and one on the separatrix."""
    targets = [circle("A", 1.0, 1), circle("B", 3.0, 1), circle("C", 2.0, 1)]
    return check(two_rings, [*targets, circle("slow", 1.0, 1, period=2 * TURN)], sampler=BOX, n_samples=100)


def test_a_target_of_the_wrong_direction_fails_by_its_direction_and_the_attractor_is_untrained(mixed):
    assert mixed.verdict == "PARTIAL"
    assert mixed.held.tolist() == [True, False, False, False]
    assert mixed.failing[1].startswith("direction: it runs clockwise")
    assert mixed.errors[1] < 1e-5  # the geometry is right
    assert mixed.senses[:2].tolist() == [1, -1]
    assert mixed.n_reached[:2].tolist() == [8, 0]
    outer = mixed.attractor_index[1]
    assert np.flatnonzero(mixed.untrained).tolist() == [outer]
    low, high = mixed.attractor_intervals.T
    share = 1 - math.pi * 4 / 49
    assert low[outer] <= share <= high[outer]
    assert mixed.untrained_bound >= share
    np.testing.assert_allclose(mixed.attractor_sds[outer], 3 / math.sqrt(2), rtol=0.05)


def test_the_separatrix_and_half_the_speed_are_no_memories(mixed):
    assert mixed.n_reached[2] == 0
    assert mixed.failing[2].split(":")[0] in ("reached", "direction", "curve", "kind")
    assert mixed.cue_lengths.tolist() == [1, -1, -1, -1]
    assert mixed.failing[3] == "period: 0.5 times that of the target; that attractor is 'A'"


def test_shocks_that_do_not_leave_and_those_that_do():
    system = dk.FunctionSystem(lambda x: x + 0.5 * (x - x**3), 1)
    multi = check(system, [dk.Orbit.fixed_point(f"{at:+g}", [at]) for at in (-1.0, 1.0)], n_shocks=8)
    unit = multi.shocks.scale[0]
    least = (math.sqrt(3) - 1) / unit  # beyond sqrt(3) the map changes the sign: nearer than 0
    np.testing.assert_allclose(multi.smallest_shocks, least, rtol=0.01)
    low, high = np.moveaxis(multi.return_intervals, -1, 0)
    assert multi.returned.shape == low.shape == (2, len(multi.shocks.shock_sizes))
    assert (multi.returned[:, multi.shocks.shock_sizes < 0.99 * least] == 8).all()
    assert ((low <= multi.returned / 8) & (multi.returned / 8 <= high)).all()


def test_saves_loads_and_speaks(mixed, tmp_path):
    mixed.save(tmp_path)
    assert dk.load(tmp_path) == mixed
    assert repr(mixed).startswith("Multifunctionality(PARTIAL: 1 of 4 targets held; B fails, direction:")
    assert "\n" not in repr(mixed)
    assert mixed[0].verdict == "MULTIFUNCTIONAL"
    assert mixed[1:].verdict == "NO"
    text = mixed.summary()
    for said in ("'A' (cycle) is held", "'B' (cycle) FAILS, direction", "1 untrained attractor", "AGAINST"):
        assert said in text
    assert mixed.table()["held"].tolist() == mixed.held.tolist()


def test_an_attractor_that_no_cue_leads_to_is_found_from_random_states(two_rings):
    multi = check(two_rings, [circle("A", 1.0, 1), circle("back", 1.0, -1)], sampler=BOX, n_samples=30)
    (other,) = np.flatnonzero(multi.untrained)
    assert multi.confusion[:, other].sum() == 0
    assert multi.attractors.rotation_numbers[other] == pytest.approx(-DT / TURN)
    assert multi.attractor_fractions[other] > 0.5


def test_on_one_circle_of_a_closed_loop_geometry_alone_would_hold_four_targets(one_ring):
    targets = [circle("A", 1.0, 1), circle("B", 1.0, -1), circle("far", 1.25, 1), circle("almost A", 1.01, 1)]
    multi = check(one_ring, targets)
    assert len(multi.attractors) == 1
    assert multi.confusion[:, 0].tolist() == [8, 8, 8, 8]
    assert multi.verdict == "NO"
    own = "own: its attractor is that of {!r} as well"
    assert multi.failing[[0, 3]].tolist() == [own.format("almost A"), own.format("A")]
    assert (multi.errors[:2] < 1e-6).all()
    assert multi.failing[1].startswith("direction: it runs anticlockwise")
    assert multi.failing[1].endswith("that attractor is 'A'")
    assert multi.errors[2] == pytest.approx(0.2, abs=1e-5)  # 0.25 of 1.25, and no sampling floor
    assert multi.failing[2].startswith("curve: it is 0.2 of its radius off")
    assert not multi.untrained.any()


def test_the_direction_along_a_figure_eight_which_winds_about_nothing():
    ring = rings(lambda r: r + 0.3 * r.clamp(max=2.0) * (1 - r.clamp(max=2.0)), lambda r: DT + 0 * r)
    shown = lambda x: torch.stack([x[..., 1], 1.6 * x[..., 0] * x[..., 1]], -1)  # noqa: E731
    system = dk.FunctionSystem(ring, 2, readout=shown)
    vars(system)["drive"] = lambda x, u: system.step(torch.where(x == 0, 1.0, x))
    forward = dk.Orbit.cycle(
        "forward", lambda p: [np.sin(TURN * p), 0.8 * np.sin(2 * TURN * p)], period=TURN, dt=DT
    )
    back = dk.Orbit.cycle(
        "back", lambda p: [-np.sin(TURN * p), -0.8 * np.sin(2 * TURN * p)], period=TURN, dt=DT
    )
    multi = check(system, [forward, back])
    assert forward.direction == 0
    assert multi.senses.tolist() == [1, -1]
    assert (multi.errors < 1e-4).all()
    assert multi.failing[1].startswith("direction: it runs backwards along the target")


def beside_chaos(x):
    """On s = 1 the logistic map, on s = -1 a contraction to 1/2; s is bistable."""
    y, s = x[..., 0], x[..., 1]
    w = (1 + s) / 2
    return torch.stack([w * 4 * y * (1 - y) + (1 - w) * (y / 2 + 0.25), s + 0.5 * (s - s**3)], -1)


def beside_chaos_jacobian(x):
    y, s = x[..., 0], x[..., 1]
    w = (1 + s) / 2
    by_y = [w * 4 * (1 - 2 * y) + (1 - w) / 2, torch.zeros_like(y)]
    by_s = [2 * y * (1 - y) - (y / 2 + 0.25) / 2, 1.5 - 1.5 * s**2]
    return torch.stack([torch.stack(by_y, -1), torch.stack(by_s, -1)], -1)


def logistic_series(n):
    y = np.empty(n)
    y[0] = 0.3
    for t in range(n - 1):
        y[t + 1] = 4 * y[t] * (1 - y[t])
    return np.stack([y, np.ones(n)], 1)


def test_chaos_and_a_fixed_point_are_judged_by_cloud_exponent_and_distance():
    system = dk.FunctionSystem(beside_chaos, 2, jacobian=beside_chaos_jacobian)
    chaos = dk.Orbit.chaos("chaos", logistic_series(4000), dt=1.0, exponent=math.log(2))
    point = dk.Orbit.fixed_point("point", [0.5, -1.0])
    law = dk.samplers.Box([0.1, -1.05], [0.9, 1.05])
    slower = dk.Orbit.chaos("slower", chaos.samples, dt=1.0, exponent=0.3)
    multi = check(system, [chaos, point, slower], sampler=law, n_samples=20, n_steps=1000)
    assert multi.held.tolist() == [True, True, False], multi.failing
    assert multi.kinds.tolist() == ["chaotic", "fixed point", "chaotic"]
    assert abs(multi.exponent_differences[0]) < 0.05
    assert multi.cloud_distances[0].max() < 3 * multi.cloud_baselines[0]
    assert multi.errors[1] < 1e-9
    assert multi.n_cues.tolist() == [8, 1, 8]
    assert multi.failing[2].startswith("exponent: 0.6")


def test_cues_that_diverge_are_listed_with_their_step():
    system = dk.FunctionSystem(lambda x: torch.where(x.norm(dim=-1, keepdim=True) > 2, 2 * x, x / 2), 2)
    multi = check(system, [circle("A", 3.0, 1), circle("B", 1.0, 1)])
    assert multi.verdict == "NO"
    assert "unbounded" in multi.failing[0]
    assert multi.failing[1].startswith("kind: the attractor is a fixed point")
    assert sum("'A' from phase" in text and "(step " in text for text in multi.lost_cues) == 8
    assert np.isfinite(multi.attractors.states).all()
    again = check(system, [circle("A", 3.0, 1), circle("B", 1.0, 1)])
    assert dataclasses.replace(again, cpu_seconds=multi.cpu_seconds) == multi


def test_a_trained_lstm_holds_both_cycles():
    task = dk.tasks.Cycles.seeing_double(radius=1.0)
    model = dk.models.LSTM.for_task(task, 32, seed=0)
    dk.train(model, task, dk.training.Curriculum(max_updates=120, batch_size=16), seed=0)
    loop = dk.ClosedLoop(dk.as_system(model))
    multi = check(loop, task.orbits, n_phases=4, n_samples=20)
    assert multi.verdict == "MULTIFUNCTIONAL", multi.summary()
    assert (multi.kinds == "invariant circle").all()
    assert (multi.residuals < 1e-9).all()
    assert (multi.rotation_numbers * [1, -1] > 0).all()
    assert len(set(multi.attractor_index.tolist())) == 2


TWO = [circle("A", 1.0, 1), circle("B", 3.0, -1)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"targets": TWO[:1]}, "targets must be at least two orbits"),
        ({"targets": "orbits"}, "targets must be one or more Orbits"),
        ({"targets": [TWO[0], dk.Orbit.fixed_point("C", [0.0])]}, "targets must be of one width"),
        ({"targets": [dk.Orbit.fixed_point(n, [0.0]) for n in "AB"]}, "as wide as the 2 outputs"),
        ({"n_steps": 0}, "n_steps must be at least 1"),
        ({"cue_steps": 0}, "cue_steps must be at least 1"),
        ({"error_tol": -1.0}, "error_tol must be"),
        ({"least_share": 2.0}, "least_share must be"),
        ({"confidence": 1.0}, "confidence must be"),
        ({"sampler": 3}, "sampler must be"),
        (
            {"system": dk.FunctionSystem(lambda x, u: x + u, 2, 2, argument_order="state, input")},
            "autonomous",
        ),
        ({"system": torch.nn.LSTM(2, 3)}, "system must be a System, got LSTM"),
        ({"system": dk.FunctionSystem(lambda x: x / 2, 3, readout=lambda x: x[..., :2])}, "drive"),
        ({"system": dk.catalog.linear(np.eye(3) / 2)}, "as wide as the 3 outputs"),
    ],
)
def test_bad_input_is_one_sentence(two_rings, settings, said):
    given = {"system": two_rings, "targets": TWO} | settings
    with pytest.raises(dk.InputError, match=said) as caught:
        check(given.pop("system"), given.pop("targets"), **given)
    assert "\n" not in str(caught.value)


def test_a_cue_longer_than_its_target_is_refused(two_rings):
    short = dk.Orbit.chaos("short", np.random.default_rng(0).standard_normal((40, 2)), dt=DT)
    with pytest.raises(dk.InputError, match="cue_steps must be at most the 40 samples of 'short', got 60"):
        check(two_rings, [TWO[0], short])


def test_less_than_a_revolution_is_no_target():
    angles = np.linspace(0, 3.0, 40)
    with pytest.raises(dk.InputError, match="at least one revolution"):
        dk.Orbit.recorded("arc", np.stack([np.cos(angles), np.sin(angles)], 1), dt=3 / 39, period=TURN)


def test_systems_that_jump_are_refused(two_rings, monkeypatch):
    monkeypatch.setattr(two_rings, "regularity", "discontinuous")
    with pytest.raises(dk.InputError, match="a check of multifunctionality needs a differentiable map"):
        check(two_rings, TWO)


def test_states_that_diverge_are_at_nothing_untrained():
    """x' = x + (x - x^3) / 2: what starts beyond sqrt(5) leaves, and the rest goes to -1 or to 1, both of them targets.

    Where x^2 > 3 the first step changes the sign; at sqrt(5) states alternate, beyond it they grow.
    """
    system = dk.FunctionSystem(lambda x: x + 0.5 * (x - x**3), 1)
    targets = [dk.Orbit.fixed_point(f"{at:+g}", [at]) for at in (-1.0, 1.0)]
    multi = check(system, targets, sampler=dk.samplers.Box([-4.0], 4.0), n_samples=200)
    gone = int((np.abs(multi.basins.states[:, 0]) > math.sqrt(5)).sum())
    assert multi.basins.n_left == {"unbounded": gone}
    assert 50 < gone < 150
    assert multi.verdict == "MULTIFUNCTIONAL"
    assert multi.untrained_bound == pytest.approx(1 - 0.05 ** (1 / 200))
    assert multi.unseen_bound == multi.untrained_bound


def test_a_check_that_was_ended_has_its_verdict_but_shook_nothing():
    system = dk.FunctionSystem(lambda x: x + 0.5 * (x - x**3), 1)
    heard = []

    def callback(done, info):
        heard.append((done, info["total"], info["unit"]))
        raise StopIteration

    targets = [dk.Orbit.fixed_point(f"{at:+g}", [at]) for at in (-1.0, 1.0)]
    settings = dk.MultifunctionalitySettings(n_phases=2, n_shocks=64)
    found = dk.check_multifunctionality(system, targets, n_samples=10, settings=settings, callback=callback)
    assert heard == [(1, 3, "stage")]
    assert found.interrupted == "interrupted after 1 of 3 stages"
    assert (found.verdict, found.shocks, found.edges) == ("MULTIFUNCTIONAL", None, ())
