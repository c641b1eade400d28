"""Shares of basins that are known, and labels that depend on nothing but the sample."""

import dataclasses

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit import chunks
from dynakit.analysis.basins.basins import as_run
from dynakit.analysis.basins.given import as_targets
from dynakit.analysis.basins.targets import Target
from dynakit.analysis.exponents import UNBOUNDED
from dynakit.samplers import Box

ANGLES = 2 * np.pi * np.arange(256) / 256
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


def inside(basins, truth):
    return bool(((basins.intervals[:, 0] <= truth) & (truth <= basins.intervals[:, 1])).all())


@pytest.fixture(scope="module")
def bistable():
    system = dk.catalog.bistable()
    return system, dk.find_fixed_points(system)


@pytest.fixture(scope="module")
def circles():
    """The two limit cycles of a flow, given by their formula."""
    flow = dk.catalog.two_cycles(dt=0.02)
    return flow, [Target("periodic", r * CIRCLE, True, False, 2 * np.pi / 0.02) for r in (1.0, 3.0)]


def test_each_side_of_zero_belongs_to_its_own_point(bistable):
    system, points = bistable
    basins = dk.map_basins(system, points, Box([-2.0], [2.0]), n_samples=500, seed=1)
    sides = points.stable.states[basins.labels, 0]
    np.testing.assert_array_equal(np.sign(basins.states[:, 0]), np.sign(sides))
    assert inside(basins, [0.5, 0.5])
    np.testing.assert_allclose(basins.end_states[:, 0], sides, atol=0.11)
    assert basins.n_left == {}


def test_a_state_on_the_boundary_is_at_rest_and_no_ones(bistable):
    system, points = bistable
    basins = dk.map_basins(system, points, lambda n, rng: np.zeros((n, 1)), n_samples=3)
    assert basins.labels.tolist() == [-1] * 3
    assert basins.n_left == {"at rest at none of them": 3}
    assert basins.unseen_bound == 1.0


def test_slow_states_get_their_time(bistable):
    system, points = bistable
    near = lambda n, rng: np.full((n, 1), 1e-12)  # noqa: E731
    slow = dk.map_basins(system, points, near, n_samples=1, settings=dk.BasinSettings(40))
    assert points.stable.states[slow.labels[0], 0] == pytest.approx(1)
    assert slow.convergence_steps[0] == pytest.approx(np.log(1e12) / np.log(1.1), abs=40)
    tired = dk.map_basins(system, points, near, n_samples=1, settings=dk.BasinSettings(20))
    assert tired.reasons[0].startswith("unresolved (2")


@pytest.mark.parametrize("labelling", [None, dk.Proximity(0.2)])
def test_the_disc_inside_the_repelling_circle(circles, labelling):
    settings = dk.BasinSettings(labelling=labelling)
    basins = dk.map_basins(*circles, Box([-4.0, -4.0], 4.0), n_samples=600, seed=1, settings=settings)
    assert inside(basins, [np.pi * 4 / 64, 1 - np.pi * 4 / 64])
    assert basins.n_left == {}
    radius = np.linalg.norm(basins.states, axis=1)
    np.testing.assert_array_equal(basins.labels, (radius > 2).astype(int))


@pytest.mark.parametrize("labelling", [dk.Recurrence(), dk.Recurrence("outputs"), dk.Features()])
def test_attractors_are_found_where_none_is_given(labelling):
    flow = dk.catalog.two_cycles(dt=0.05)
    basins = dk.map_basins(
        flow, None, Box([-2.5, -2.5], 2.5), n_samples=120, settings=dk.BasinSettings(300, labelling)
    )
    radii = [float(np.linalg.norm(points[0])) for points in basins.attractors]
    assert sorted(np.round(radii, 3)) == [1, 3]
    np.testing.assert_array_equal(
        np.array(radii)[basins.labels] < 2, np.linalg.norm(basins.states, axis=1) < 2
    )
    for points, radius in zip(basins.attractors, radii):
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), radius, atol=1e-3)


def test_the_same_curve_in_both_directions_is_two_attractors():
    def step(z):
        """Plane and a switch: the switch says which way to turn."""
        way = torch.sign(z[:, 2])
        angle = torch.atan2(z[:, 1], z[:, 0]) + 0.2 * way
        r = (z[:, :2].norm(dim=1) + 1) / 2
        return torch.stack([r * angle.cos(), r * angle.sin(), 0.5 * z[:, 2] + 0.5e-9 * way], 1)

    system = dk.FunctionSystem(step, 3, readout=lambda z: z[:, :2])
    for labelling in (dk.Recurrence("outputs", n_axes=2), dk.Features()):
        basins = dk.map_basins(
            system, None, Box([-1.0] * 3, 1.0), n_samples=60, settings=dk.BasinSettings(60, labelling)
        )
        assert basins.n_attractors == 2
        assert len(set(zip(basins.labels.tolist(), np.sign(basins.states[:, 2]).tolist()))) == 2


def test_found_by_groups_but_not_in_the_list_is_said(bistable):
    system, points = bistable
    one = points.stable.states[[0]]
    for labelling in (dk.Recurrence(), dk.Features()):
        basins = dk.map_basins(
            system, one, Box([-1.5], [1.5]), n_samples=60, settings=dk.BasinSettings(200, labelling)
        )
        own = np.sign(basins.states[:, 0]) == np.sign(one[0, 0])
        np.testing.assert_array_equal(basins.labels, np.where(own, 0, -1))
        assert list(basins.n_left) == ["at another attractor"]


def test_two_units_have_four_quarters():
    system = dk.catalog.tanh_network(2.0 * np.eye(2))
    points = dk.find_fixed_points(system)
    basins = dk.map_basins(system, points, Box.of(system), n_samples=600)
    assert inside(basins, np.full(4, 0.25))
    signs = np.sign(points.stable.states)[basins.labels]
    np.testing.assert_array_equal(signs, np.sign(basins.states))


def test_newtons_map_of_the_cube_roots_has_three_equal_basins():
    def step(v):
        z = torch.complex(v[:, 0], v[:, 1])
        z = z - (z**3 - 1) / (3 * z**2)
        return torch.stack([z.real, z.imag], 1)

    roots = np.exp(2j * np.pi * np.arange(3) / 3)
    disc = lambda n, rng: (  # noqa: E731
        np.sqrt(rng.random((n, 1))) * 2 * np.stack([np.cos(t := 2 * np.pi * rng.random(n)), np.sin(t)], 1)
    )
    basins = dk.map_basins(
        dk.FunctionSystem(step, 2), np.stack([roots.real, roots.imag], 1), disc, n_samples=900
    )
    assert inside(basins, np.full(3, 1 / 3))
    assert basins.n_left == {}


@pytest.fixture(scope="module")
def henon():
    system = dk.catalog.henon()
    x = system.settle([0.0, 0.0], None, 100)
    cloud = Target("chaotic", system.trajectory(x, 1024).numpy(), False, True, 200)
    return system, dk.map_basins(system, cloud, Box([-2.0, -2.0], 2.0), n_samples=300)


def test_what_diverges_says_at_which_step(henon):
    _, basins = henon
    with np.errstate(over="ignore", invalid="ignore"):
        x, y = basins.states.T
        left = np.full(len(x), 0)
        for t in range(1, 60):
            x, y = 1 - 1.4 * x**2 + y, 0.3 * x
            gone = ~(np.maximum(np.abs(x), np.abs(y)) <= 1e10 * (1 + np.abs(basins.states).max(1)))
            left[gone & (left == 0)] = t
    np.testing.assert_array_equal(basins.labels, np.where(left > 0, -1, 0))
    said = [f"{UNBOUNDED} (step {t})" if t else "" for t in left]
    assert basins.reasons.tolist() == said
    assert basins.n_left == {UNBOUNDED: int((left > 0).sum())}
    assert np.isfinite(basins.end_states).all()
    assert basins.unseen_bound == pytest.approx(1 - 0.05 ** (1 / 300))


def test_samples_that_are_lost_never_change_their_neighbours(henon):
    system, basins = henon
    cloud = Target("chaotic", basins.attractor_states, False, True, 200)
    kept = basins[basins.labels == 0]
    alone = dk.map_basins(system, cloud, lambda n, rng: kept.states, n_samples=len(kept))
    np.testing.assert_array_equal(alone.convergence_steps, kept.convergence_steps)
    np.testing.assert_array_equal(alone.end_states, kept.end_states)
    broken = kept.states.copy()
    broken[::3] = np.nan
    some = dk.map_basins(system, cloud, lambda n, rng: broken, n_samples=len(kept))
    assert some.n_left == {"start not finite": len(broken[::3])}
    np.testing.assert_array_equal(some.convergence_steps[1::3], kept.convergence_steps[1::3])


def test_labels_do_not_depend_on_chunks_nor_on_the_order_of_attractors(monkeypatch):
    system = dk.catalog.tanh_network(2.0 * np.eye(2))
    points = dk.find_fixed_points(system).stable
    basins = dk.map_basins(system, points, Box.of(system), n_samples=100)
    run, targets = as_run(system, None, 1000), as_targets(system, points, torch.zeros(0))
    for n_bytes in (8 * 40 * 7, 8 * 40 * 33):
        monkeypatch.setattr(chunks, "BYTES", n_bytes)
        small = dk.Proximity().label(run, basins.states, targets)
        np.testing.assert_array_equal(small.labels, basins.labels)
        np.testing.assert_array_equal(small.steps, basins.convergence_steps)
    turned = dk.map_basins(system, points.states[::-1].copy(), Box.of(system), n_samples=100)
    np.testing.assert_array_equal(3 - turned.labels, basins.labels)
    quick = dataclasses.replace(run, n_steps=100)
    found = []
    for n_bytes in (64 * 2**20, 8 * 32 * 17):
        monkeypatch.setattr(chunks, "BYTES", n_bytes)
        found.append(dk.Recurrence().label(quick, basins.states[:40], None).labels)
    np.testing.assert_array_equal(*found)


def test_passing_an_attractor_is_not_reaching_it():
    """All is swept past a point that attracts its closest neighbours only, to a point farther on."""

    def step(z):
        here, on = z.norm(dim=1, keepdim=True), z.new_tensor([2.0, 0.0]) - z
        far = on.norm(dim=1, keepdim=True).clamp_min(1e-300)
        return torch.where(here < 0.01, z / 2, z + on / far * torch.clamp(far / 2, max=0.02))

    system = dk.FunctionSystem(step, 2)
    both = np.array([[0.0, 0.0], [2.0, 0.0]])
    passing = dk.map_basins(system, both, Box([-1.0, 0.03], [-0.5, 0.09]), n_samples=40)
    assert (passing.labels == 1).all()
    caught = dk.map_basins(system, both, Box([-0.005] * 2, 0.005), n_samples=10)
    assert (caught.labels == 0).all()


def test_what_is_given_twice_counts_once(bistable):
    system, points = bistable
    basins = dk.map_basins(
        system, [points, points.stable.states[::-1].copy()], Box([-2.0], [2.0]), n_samples=20
    )
    assert basins.n_attractors == 2


def test_limit_cycles_and_fixed_points_together():
    """z -> z^2-like radial switch: a point inside, a circle outside, parted by the circle r = 1/2."""

    def step(z):
        r = z.norm(dim=1)
        angle = torch.atan2(z[:, 1], z[:, 0]) + 0.7
        new = r + 0.5 * r * (r - 0.5) * (1 - r)
        return torch.stack([new * angle.cos(), new * angle.sin()], 1)

    system = dk.FunctionSystem(step, 2)
    cycles = dk.find_limit_cycles(system, [[1.1, 0.0]], settings=dk.CycleSettings(300, 512))
    basins = dk.map_basins(system, [np.zeros((1, 2)), cycles], Box([-1.0, -1.0], 1.0), n_samples=300)
    assert basins.kinds.tolist() == ["fixed point", "invariant circle"]
    np.testing.assert_array_equal(basins.labels, np.linalg.norm(basins.states, axis=1) > 0.5)


def test_intervals_cover_the_truth_as_often_as_they_say(bistable):
    system, points = bistable
    run, targets = as_run(system, None, 1000), as_targets(system, points.stable, torch.zeros(0))
    x = np.concatenate([Box([-1.0], [3.0])(60, np.random.default_rng(seed)) for seed in range(200)])
    labels = dk.Proximity().label(run, x, targets).labels.reshape(200, 60)
    one = dk.map_basins(system, points, Box([-1.0], [3.0]), n_samples=60)
    up = int(points.stable.states[:, 0].argmax())
    held = [
        low <= 0.75 <= high
        for row in labels
        for b in [dataclasses.replace(one, labels=row)]
        for low, high in [b.intervals[up]]
    ]
    assert 0.90 <= np.mean(held) <= 0.99


def test_a_trained_flip_flop_adds_up():
    task = dk.tasks.FlipFlop(n_bits=1, n_steps=40)
    model = dk.models.Elman.for_task(task, n_hidden=8, seed=0)
    dk.train(model, task, dk.training.BPTT(max_updates=150, learning_rate=0.02), seed=0)
    system = dk.as_system(model)
    points = dk.find_fixed_points(system)
    basins = dk.map_basins(system, points, Box.of(system, [0.0]), n_samples=200, drive=[0.0])
    assert basins.n_attractors == len(points.stable) == 2
    assert basins.fractions.sum() + basins.fraction_left == pytest.approx(1)
    assert basins.fraction_left < 0.05
    ends = system.settle(basins.states, None, 2000).numpy()
    reached = points.stable.states[basins.labels]
    np.testing.assert_allclose(ends[basins.labels >= 0], reached[basins.labels >= 0], atol=1e-6)


def test_seeds_repeat_and_results_come_back_from_disk(bistable, tmp_path):
    system, points = bistable
    one, two, other = (
        dk.map_basins(system, points, Box([-2.0], [2.0]), n_samples=30, seed=s) for s in (0, 0, 1)
    )
    assert one == two
    assert not (one.states == other.states).any()
    one.save(tmp_path / "basins")
    assert dk.load(tmp_path / "basins") == one
    assert one.sampler == "Box"
    assert "uniform in a box of 1 unit, -2 to 2" in one.description
    assert one.table()["samples"].sum() == 30


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"attractors": np.zeros((2, 3))}, r"attractors must have shape \(..., 1\), got \(2, 3\)"),
        ({"attractors": [[0.5]]}, "must be fixed points, but state 0 moves by 0.0375"),
        ({"attractors": []}, "at least one stable point"),
        ({"attractors": "all"}, "attractors must"),
        ({"n_samples": 0}, "n_samples must be at least 1"),
        ({"n_steps": 0}, "n_steps must be at least 1"),
        ({"sampler": lambda n, rng: np.zeros((n, 2))}, "sampler must return states of shape"),
        ({"confidence": 1.0}, "confidence must be"),
        ({"settings": {"n_steps": 9}}, "settings must be BasinSettings, got dict"),
        ({"labelling": "near"}, "labelling must be Proximity"),
        ({"labelling": dk.Recurrence}, "labelling must be Proximity"),
        ({"attractors": None, "labelling": dk.Proximity()}, "attractors must be given for Proximity"),
        ({"system": dk.catalog.tanh_unit(), "drive": np.zeros((2, 1))}, r"drive must have shape \(1,\)"),
        ({"labelling": dk.Recurrence("colour")}, "projection must be one of 'pca', 'outputs'"),
        ({"labelling": dk.Recurrence(lambda x: x[0])}, "projection must map states"),
    ],
)
def test_bad_input_is_one_sentence(bistable, change, sentence):
    system, points = bistable
    given = {"system": system, "attractors": points, "sampler": Box([-1.0], [1.0]), "n_samples": 4} | change
    settings = {name: given.pop(name) for name in ("n_steps", "labelling", "confidence") if name in given}
    system, attractors, sampler = (given.pop(name) for name in ("system", "attractors", "sampler"))
    with pytest.raises(dk.InputError, match=sentence):
        dk.map_basins(system, attractors, sampler, **{"settings": dk.BasinSettings(**settings)} | given)


def test_a_state_that_drifts_away_at_its_own_pace_is_unbounded():
    """x' = x / 2 below 1, x + 1/2 above: the upper half never comes to rest, and never overflows."""
    ramp = dk.FunctionSystem(lambda x: torch.where(x < 1, 0.5 * x, x + 0.5), 1)
    sampler = lambda n, rng: np.linspace(0.5, 1.5, n)[:, None]  # noqa: E731
    basins = dk.map_basins(ramp, [[0.0]], sampler, n_samples=10)
    assert basins.labels.tolist() == [0] * 5 + [-1] * 5
    assert basins.n_left == {"unbounded": 5}
