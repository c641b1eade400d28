"""Target orbits: geometry known in closed form, interpolation that is exact, and what is refused."""

import numpy as np
import pytest

import dynakit as dk
from dynakit.errors import InputError
from dynakit.orbits import Orbit, as_orbits
from dynakit.records import load_record, save_record

TURN = 2 * np.pi


def circle(centre=(0.0, 0.0), radius=1.0, direction=1, *, period=TURN, dt=0.2, name="circle"):
    def curve(p):
        return [centre[0] + radius * np.cos(TURN * p), centre[1] + direction * radius * np.sin(TURN * p)]

    return Orbit.cycle(name, curve, period=period, dt=dt)


def eight(p):
    return [np.sin(TURN * p), 0.8 * np.sin(2 * TURN * p)]


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize(("centre", "radius"), [((0.0, 0.0), 1.0), ((5.0, 0.0), 5.0), ((-3.0, 7.0), 0.01)])
def test_a_circle_has_the_centre_radius_and_direction_it_was_given(centre, radius, direction):
    orbit = circle(centre, radius, direction, period=3.0, dt=0.1)
    np.testing.assert_allclose(orbit.centre, centre, atol=1e-12)
    assert orbit.radius == pytest.approx(radius, rel=1e-12)
    assert orbit.direction == orbit.winding == direction
    assert orbit.period_steps == pytest.approx(30, rel=1e-15)
    assert orbit.rotation_number == pytest.approx(direction / 30, rel=1e-15)
    phases = np.random.default_rng(0).uniform(-3, 3, 50)
    exact = np.stack([np.cos(TURN * phases), direction * np.sin(TURN * phases)], axis=1)
    np.testing.assert_allclose(orbit(phases), np.array(centre) + radius * exact, atol=1e-12)


@pytest.mark.parametrize("n", [9, 10, 65])
def test_interpolation_is_exact_for_trigonometric_polynomials(n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=(2, 5, 3))  # harmonics 0..4 of three outputs

    def value(p):
        angle = TURN * np.asarray(p)[..., None] * np.arange(5)
        return np.cos(angle) @ a + np.sin(angle) @ b

    orbit = Orbit.cycle("polynomial", value(np.arange(n) / n), period=10.0, dt=1.0)
    phases = rng.uniform(0, 1, (4, 7))
    np.testing.assert_allclose(orbit(phases), value(phases), atol=1e-12)


def test_the_highest_harmonic_of_an_even_number_of_samples_is_its_cosine():
    orbit = Orbit.cycle("zigzag", np.array([[1.0], [-1.0], [1.0], [-1.0]]), period=8.0, dt=1.0)
    phases = np.linspace(0, 1, 9)
    np.testing.assert_allclose(orbit(phases)[:, 0], np.cos(2 * TURN * phases), atol=1e-14)


def test_smooth_curves_get_as_many_knots_as_they_need():
    def sharp(p):
        return [1 / (1.05 + np.cos(TURN * p)), np.sin(TURN * p)]

    orbit = Orbit.cycle("sharp", sharp, period=5.0, dt=0.1)
    phases = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(orbit(phases), np.stack(sharp(phases), axis=1), atol=1e-9)
    assert len(orbit.samples) == 257
    with pytest.raises(InputError, match=r"curve must be smooth .* misses it by"):
        Orbit.cycle("square", lambda p: [np.sign(np.sin(TURN * p)), p * 0], period=5.0, dt=0.1)
    with pytest.raises(InputError, match="of period 1 in its phase"):
        Orbit.cycle("radians", lambda p: [np.cos(p), np.sin(p)], period=5.0, dt=0.1)


@pytest.mark.parametrize(
    ("curve", "winding"),
    [
        (eight, 0),
        (
            lambda p: [
                np.cos(2 * TURN * p) + 0.2 * np.cos(TURN * p),
                np.sin(2 * TURN * p) + 0.2 * np.sin(TURN * p),
            ],
            2,
        ),
        (lambda p: [1.2 * np.cos(TURN * p), -0.6 * np.sin(TURN * p)], -1),
        (lambda p: [np.cos(TURN * p), np.sin(TURN * p), np.cos(TURN * p)], 0),
        (lambda p: [np.cos(TURN * p)], 0),
    ],
)
def test_winding_counts_turns_about_the_centre(curve, winding):
    orbit = Orbit.cycle("curve", curve, period=4.0, dt=0.1)
    assert orbit.winding == winding
    assert orbit.direction == np.sign(winding)
    assert orbit.rotation_number == pytest.approx((0.1 / 4.0) * (-1 if winding < 0 else 1))


def test_a_stretch_advances_by_the_rotation_number_and_batches_are_loops():
    orbit = circle(period=7.3, dt=0.2)
    phases = np.array([0.0, 0.3, 0.9])
    stretches = orbit.sample(200, phases)
    assert stretches.shape == (3, 200, 2)
    for phase, stretch in zip(phases, stretches):
        angles = TURN * (phase + np.arange(200) * 0.2 / 7.3)
        np.testing.assert_allclose(stretch, np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-12)
        np.testing.assert_array_equal(stretch, orbit.sample(200, phase))
    np.testing.assert_array_equal(orbit.sample(50, 0.1, dt=0.4), orbit.at(0.4).sample(50, 0.1))
    np.testing.assert_allclose(orbit.sample(50, 0.1, dt=0.4), orbit.sample(99, 0.1)[::2], atol=1e-12)


@pytest.mark.parametrize(
    "curve",
    [
        lambda p: 1.0,
        lambda p: None,
        lambda p: [],
        lambda p: "ab",
        lambda p: np.zeros((2, 3)),
        lambda p: [np.exp(1j * p)],
    ],
)
def test_a_curve_that_does_not_return_one_real_number_per_phase_is_refused(curve):
    with pytest.raises(InputError, match=r"curve must return real numbers \(output, point\) for phases"):
        Orbit.cycle("A", curve, period=4.0, dt=0.1)


def test_a_phase_may_be_a_whole_number():
    orbit = circle()
    np.testing.assert_allclose(orbit(np.arange(3)), np.tile([1.0, 0.0], (3, 1)), atol=1e-12)
    np.testing.assert_allclose(orbit.sample(5, np.int64(2)), orbit.sample(5, 0.0), atol=1e-12)


def test_a_recorded_series_of_any_length_gives_back_its_curve():
    t = np.arange(173) * 0.13  # about 4.5 revolutions, nowhere near a whole number
    shift = np.array([2.0, -1.0])
    series = np.stack(eight(t / 5.0), axis=1) + shift
    orbit = Orbit.recorded("eight", series, dt=0.13, period=5.0)
    phases = np.linspace(0, 1, 77)
    np.testing.assert_allclose(orbit(phases), np.stack(eight(phases), axis=1) + shift, atol=1e-10)
    np.testing.assert_allclose(orbit.sample(173), series, atol=1e-10)


def test_few_samples_a_revolution_are_enough_for_one_harmonic():
    t = np.arange(40) * 2.3
    orbit = Orbit.recorded(
        "wave", np.stack([3 + np.cos(TURN * t / 5.0), np.sin(TURN * t / 5.0)], axis=1), dt=2.3, period=5.0
    )
    np.testing.assert_allclose(orbit([0.0, 0.25]), [[4.0, 0.0], [3.0, 1.0]], atol=1e-12)


def test_chaos_gives_unbroken_stretches_of_its_series():
    series = np.random.default_rng(1).normal(size=(100, 3))
    orbit = Orbit.chaos("noise", series, dt=0.5, exponent=0.3)
    starts = orbit.sample(40, np.linspace(0, 1, 500, endpoint=False))
    firsts = [int(np.flatnonzero((series == s[0]).all(axis=1))[0]) for s in starts]
    assert set(firsts) == set(range(61))  # every stretch that fits, the last included
    for first, stretch in zip(firsts, starts):
        np.testing.assert_array_equal(stretch, series[first : first + 40])
    np.testing.assert_array_equal(orbit.sample(100, 0.7), series)
    np.testing.assert_array_equal(orbit.curve(), series)
    assert np.isnan(orbit.rotation_number)
    assert orbit.period_steps is None
    with pytest.raises(InputError, match="n_steps must be at most the 100 samples of 'noise', got 101"):
        orbit.sample(101)
    with pytest.raises(InputError, match=r"dt must be 0\.5, at which 'noise' was sampled, got 0\.1"):
        orbit.at(0.1)


def test_a_fixed_point_stays():
    orbit = Orbit.fixed_point("rest", [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(orbit.sample(4, [0.0, 0.5]), np.tile([1.0, 2.0, 3.0], (2, 4, 1)))
    assert orbit.rotation_number == orbit.winding == orbit.radius == 0


def test_the_given_samples_are_neither_kept_nor_open_to_change():
    given = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    orbit = Orbit.cycle("square", given, period=4.0, dt=1.0)
    given[:] = 7.0
    assert orbit.samples.max() == 1.0
    with pytest.raises(ValueError, match="read-only"):
        orbit.samples[0] = 0.0
    with pytest.raises(AttributeError):
        orbit.dt = 2.0


@pytest.mark.parametrize(
    "orbit",
    [circle(), Orbit.chaos("c", np.eye(4), dt=0.1, exponent=0.9), Orbit.fixed_point("f", [0.0, 1.0])],
    ids=repr,
)
def test_saved_and_loaded_is_the_same(orbit, tmp_path):
    save_record(orbit, tmp_path / "orbit")
    loaded = load_record(tmp_path / "orbit")
    assert loaded == orbit
    assert repr(loaded) == repr(orbit)
    assert loaded != circle(name="another")


def test_one_line_says_what_it_is():
    assert (
        repr(circle(direction=-1)) == "Orbit('circle', cycle, 2 outputs, 31.42 steps a revolution, clockwise)"
    )
    assert dk.Orbit is Orbit


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Orbit.cycle("c", [[0.0, 1.0], [1.0, 0.0]], period=4.0, dt=1.0),
            "of a cycle must be at least 3, got 2",
        ),
        (
            lambda: Orbit.cycle("c", np.ones((5, 2)), period=4.0, dt=1.0),
            "must move, but all 5 are the same point",
        ),
        (
            lambda: Orbit.cycle("c", np.ones(5), period=4.0, dt=1.0),
            r"samples must have shape \(time, output\)",
        ),
        (lambda: Orbit.cycle("c", [[0.0], [np.nan], [1.0]], period=4.0, dt=1.0), "samples must be finite"),
        (lambda: circle(period=0.3), r"period must be more than two steps of dt = 0\.2.*got 0\.3"),
        (lambda: circle(period=-1.0), "period must be a finite number"),
        (lambda: circle(dt=0.0), "dt must be a finite number"),
        (lambda: circle(name=""), "name must be a text"),
        (lambda: Orbit("c", np.eye(3), dt=1.0), "a cycle must have a period"),
        (lambda: Orbit("c", np.eye(3), kind="chaos", dt=1.0, period=9.0), "a chaos must have no period"),
        (lambda: Orbit("c", np.eye(3), kind="chaotic", dt=1.0), "did you mean 'chaos'"),
        (
            lambda: Orbit("c", np.eye(3), dt=1.0, period=9.0, exponent=0.1),
            r"exponent belongs to chaos, got 0\.1",
        ),
        (
            lambda: Orbit("c", np.eye(3), kind="fixed point", dt=1.0),
            "of a fixed point must be exactly 1, got 3",
        ),
        (lambda: Orbit.fixed_point("c", [[1.0]]), r"point must have shape \(output\)"),
        (lambda: Orbit.chaos("c", np.eye(3)[:1], dt=1.0), "of a chaos must be at least 2, got 1"),
        (lambda: Orbit.chaos("c", np.eye(3), dt=1.0, exponent=-0.1), "exponent must be a finite number"),
        (
            lambda: Orbit.recorded("c", np.random.default_rng(0).normal(size=(20, 2)), dt=0.1, period=4.0),
            r"series must cover at least one revolution, got 20 samples every 0\.1, 0\.5 of a period of 4",
        ),
        (
            lambda: Orbit.recorded("c", np.eye(4), dt=1.0, period=2.0),
            "period must be more than two steps of dt = 1",
        ),
        (lambda: circle().sample(0), "n_steps must be at least 1"),
        (lambda: circle().sample(5, np.nan), "phase must be finite"),
        (lambda: as_orbits("targets", []), r"targets must be one or more Orbits, got \[\]"),
        (lambda: as_orbits("targets", [circle(), 3]), "targets must be one or more Orbits"),
        (
            lambda: as_orbits("targets", [circle(), circle()]),
            "names of their own, but 'circle' is there twice",
        ),
        (
            lambda: as_orbits("targets", [circle(), Orbit.fixed_point("rest", [0.0])]),
            "of one width, but 'circle' has 2 outputs and 'rest' has 1",
        ),
    ],
)
def test_bad_input_is_one_sentence(make, words):
    with pytest.raises(InputError, match=words):
        make()
