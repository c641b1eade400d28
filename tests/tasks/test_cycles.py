"""Orbits to be held: the published circles, the trials drawn from them, and two attractors with known laws."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from dynakit.errors import InputError
from dynakit.orbits import Orbit
from dynakit.tasks import Cycles
from dynakit.tasks.chaos import standardised

TURN = 2 * np.pi


@pytest.mark.parametrize(("x_cen", "radius"), [(0.0, 5.0), (6.5, 5.0), (2.0, 1.0)])
def test_seeing_double_is_as_published(x_cen, radius):
    a, b = Cycles.seeing_double(x_cen, radius, dt=0.1).orbits
    t = np.linspace(0, 20, 300)
    exact_a = np.stack([x_cen + radius * np.cos(t), radius * np.sin(t)], axis=1)
    exact_b = np.stack([-x_cen - radius * np.cos(t), radius * np.sin(t)], axis=1)
    assert_allclose(a(t / TURN), exact_a, atol=1e-12)
    assert_allclose(b(t / TURN), exact_b, atol=1e-12)
    assert (a.direction, b.direction) == (1, -1)
    assert a.period == b.period == TURN
    assert_allclose(b(0.0), [-x_cen - radius, 0], atol=1e-12)  # the far side


def test_one_circle_holds_every_direction_at_every_speed():
    orbits = Cycles.on_one_circle(directions=(1, -1), speeds=(1.0, 2.0, 0.5), radius=3.0, dt=0.1).orbits
    assert len(orbits) == 6
    assert_allclose([o.radius for o in orbits], 3.0, rtol=1e-12)
    numbers = np.outer([1.0, 2.0, 0.5], [1, -1]).ravel() * 0.1 / TURN
    assert_allclose([o.rotation_number for o in orbits], numbers, rtol=1e-12)
    assert_allclose([o(0.0) for o in orbits], [[3.0, 0.0]] * 6, atol=1e-12)


def test_shapes_lie_over_one_another_at_three_speeds():
    circle, eight, ellipse = Cycles.shapes().orbits
    p = np.linspace(0, 1, 40)
    assert_allclose(eight(p), np.stack([np.sin(TURN * p), 0.8 * np.sin(2 * TURN * p)], axis=1), atol=1e-12)
    assert_allclose(
        ellipse(p), np.stack([1.2 * np.cos(TURN * p), -0.6 * np.sin(TURN * p)], axis=1), atol=1e-12
    )
    assert_allclose([TURN / o.period for o in (circle, eight, ellipse)], [1.0, 0.7, 1.6], rtol=1e-12)
    assert [o.winding for o in (circle, eight, ellipse)] == [1, 0, -1]
    assert_allclose([o.centre for o in (circle, eight, ellipse)], 0, atol=1e-12)


def slopes(series, dt, component, *terms):
    """Coefficients of a least-squares fit of d(component)/dt by the terms, the derivative of fourth order."""
    x = series[:, component]
    derivative = (8 * (x[3:-1] - x[1:-3]) - (x[4:] - x[:-4])) / (12 * dt)
    basis = np.stack([term[2:-2] for term in terms], axis=1)
    fitted, *_ = np.linalg.lstsq(basis, derivative, rcond=None)
    assert np.abs(basis @ fitted - derivative).max() < 1e-3 * np.abs(derivative).max()
    return fitted


def test_the_lorenz_series_obeys_its_equations_in_any_affine_coordinates():
    series = standardised("Lorenz", 0.005, 6000)  # x = sx X + mx, y = sy Y + my, z = sz Z + mz
    X, Y, Z = series.T
    one = np.ones_like(X)
    own, to_y, _ = slopes(series, 0.005, 0, X, Y, one)  # x' = 10 (y - x)
    assert own == pytest.approx(-10, rel=1e-3)
    to_x, own, to_xz, _, _ = slopes(series, 0.005, 1, X, Y, X * Z, Z, one)  # y' = x (28 - z) - y
    assert own == pytest.approx(-1, rel=1e-2)
    to_xy, per_x, per_y, own, constant = slopes(series, 0.005, 2, X * Y, X, Y, Z, one)  # z' = x y - 8/3 z
    assert own == pytest.approx(-8 / 3, rel=1e-3)
    y_per_x = to_y / 10  # sy / sx
    sz = -to_xz * y_per_x
    mx_my = per_x * per_y * sz / to_xy
    mz = (mx_my - constant * sz) * 3 / 8
    assert to_x * y_per_x + mz == pytest.approx(28, rel=1e-3)


def test_the_roessler_series_obeys_its_equations_in_any_affine_coordinates():
    series = standardised("Rössler", 0.02, 6000)
    X, Y, Z = series.T
    one = np.ones_like(X)
    per_y, own, _ = slopes(series, 0.02, 1, X, Y, one)
    assert own == pytest.approx(0.2, rel=1e-3)
    sx, x, z, _ = slopes(
        series, 0.02, 2, X * Z, X, Z, one
    )  # z' = 0.2 + z (x - c) with x = sx X + mx, z = sz Z + mz
    to_y, to_z, _ = slopes(series, 0.02, 0, Y, Z, one)
    assert to_y == pytest.approx(-1 / per_y, rel=1e-3)
    mz = x * -to_z  # sz / sx = -to_z; the means of x' and y' vanish: mx = 0.2 mz
    assert 0.2 * mz - z == pytest.approx(5.7, rel=1e-2)
    assert sx > 0


def test_both_attractors_are_standardised_to_one_box_with_their_exponents():
    lorenz, roessler = Cycles.lorenz_rossler(4000).orbits
    for orbit in (lorenz, roessler):
        assert orbit.samples.shape == (4000, 3)
        assert_allclose(orbit.samples.mean(axis=0), 0, atol=1e-12)
        assert_allclose(orbit.samples.std(axis=0), 0.5, rtol=1e-12)
    assert (lorenz.dt, lorenz.exponent) == (0.03, 0.9056)
    assert (roessler.dt, roessler.exponent) == (0.2, 0.0714)


def test_a_trial_is_one_orbit_and_asks_for_its_next_point():
    task = Cycles.seeing_double(x_cen=2.0, radius=1.0, n_steps=70, grace=3)
    trials = task.sample(40, seed=3)
    by_name = {orbit.name: orbit for orbit in task.orbits}
    names, counts = np.unique(trials.conditions["orbit"], return_counts=True)
    assert dict(zip(names, counts)) == {"A": 20, "B": 20}
    for inputs, targets, name, phase in zip(
        trials.inputs, trials.targets, trials.conditions["orbit"], trials.conditions["phase"]
    ):
        exact = by_name[name].sample(71, phase)
        assert_allclose(inputs.numpy(), exact[:-1], atol=1e-6)
        assert_allclose(targets.numpy(), exact[1:], atol=1e-6)
    assert not trials.mask[:, :3].any()
    assert trials.mask[:, 3:].all()
    phases = task.sample(4000, seed=1).conditions["phase"]
    assert abs(phases.mean() - 0.5) < 0.02
    assert abs(phases.std() - 12**-0.5) < 0.01


def test_noise_is_on_the_inputs_only():
    quiet, loud = (Cycles.seeing_double(noise=noise).sample(200, seed=4) for noise in (0.0, 0.3))
    assert torch.equal(quiet.targets, loud.targets)
    added = (loud.inputs - quiet.inputs).numpy()
    assert abs(added.std() - 0.3) < 0.005
    assert abs(np.corrcoef(added[:, 1:].ravel(), added[:, :-1].ravel())[0, 1]) < 0.02


def test_one_step_prediction_scores_by_explained_variance():
    task = Cycles.seeing_double(radius=1.0)
    trials = task.sample(64)
    assert task.score(trials.targets + 0.1, trials) == pytest.approx(1 - 0.01 / 0.5, abs=2e-3)
    assert task.score(trials.inputs, trials) == pytest.approx(1 - 2 * (1 - np.cos(0.2)) / 1.0, abs=2e-3)
    assert bool(task.correct(trials.targets + 0.099, trials.targets).all())
    assert not bool(task.correct(trials.targets + 0.101, trials.targets).any())


def test_cues_are_the_beginnings_of_orbits():
    task = Cycles.seeing_double(x_cen=1.0, cue_steps=25)
    cues = task.cues(phase=0.25)
    assert list(cues) == ["A", "B"]
    assert_allclose(cues["B"], task.orbits[1].sample(25, 0.25))
    assert task.cue("A", [0.0, 0.5, 0.75]).shape == (3, 25, 2)
    with pytest.raises(InputError, match="orbit must be one of 'A', 'B'"):
        task.cue("C")


def test_points_are_named_where_one_orbit_alone_passes():
    task = Cycles.seeing_double(x_cen=10.0, radius=1.0)
    named = task.decode([[11.0, 0.0], [-9.05, 0.0], [0.0, 0.0], [np.nan, 1.0], [10.0, 1.2]])
    assert named.tolist() == ["A", "B", "?", "?", "?"]
    crossing = Cycles.seeing_double(x_cen=0.0, radius=1.0)
    assert set(crossing.decode(crossing.orbits[0].curve(50))) == {"?"}


def test_one_dt_for_all_orbits():
    slow, fast = Cycles.shapes(dt=0.2), Cycles(Cycles.shapes().orbits, dt=0.05)
    assert [o.dt for o in fast.orbits] == [0.05] * 3
    assert_allclose([o.period for o in slow.orbits], [o.period for o in fast.orbits])
    assert Cycles() == Cycles.seeing_double(x_cen=0.0, radius=5.0, dt=0.2)
    assert Cycles(Orbit.fixed_point("rest", [1.0]), n_steps=60).sample(2).inputs.unique().tolist() == [1.0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Cycles(n_steps=50), "cue_steps must be at most n_steps = 50.*got 60"),
        (lambda: Cycles(orbits="circle"), "orbits must be one or more Orbits"),
        (lambda: Cycles(dt=4.0), "period must be more than two steps"),
        (lambda: Cycles(dt=0.0), "dt must be a finite number"),
        (lambda: Cycles(grace=100), "grace must be between 0 and 99"),
        (lambda: Cycles(noise=-1.0), "noise must be a finite number"),
        (lambda: Cycles.lorenz_rossler(80), "n_steps must be less than the 80 samples of 'Lorenz', got 100"),
        (lambda: Cycles.seeing_double(radius=0.0), "radius must be a finite number"),
        (lambda: Cycles.on_one_circle(directions=(1, 2)), "directions must be one of 1, -1, got 2"),
        (lambda: Cycles.on_one_circle(speeds=(1.0, 1.0)), "names of their own"),
        (lambda: Cycles.on_one_circle(directions=()), "orbits must be one or more Orbits"),
        (
            lambda: Cycles((*Cycles.shapes().orbits, *Cycles.lorenz_rossler(200).orbits)),
            "of one width, but 'circle' has 2 outputs and 'Lorenz' has 3",
        ),
    ],
)
def test_bad_input_is_one_sentence(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_a_task_of_many_orbits_is_shown_on_one_short_line():
    assert repr(Cycles.seeing_double()) == "Cycles('A', 'B', dt=0.2, n_steps=100, cue_steps=60, grace=5)"
    many = repr(Cycles.on_one_circle(speeds=(1.0, 2.0, 3.0)))
    assert "and 2 more" in many
    assert len(many) < 200
