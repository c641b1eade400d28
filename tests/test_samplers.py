"""Laws of initial states: their moments, their support, and what they refuse."""

import numpy as np
import pytest

import dynakit as dk
from dynakit import samplers

SEEN = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]])


def drawn(sampler, n=4000):
    return samplers.draw(sampler, n, 2, np.random.default_rng(0))


def test_a_box_is_uniform_between_its_ends():
    x = drawn(samplers.Box([-1.0, 0.0], [1.0, 3.0]))
    assert (x.min(0) >= [-1, 0]).all()
    assert (x.max(0) <= [1, 3]).all()
    np.testing.assert_allclose(np.quantile(x, 0.25, axis=0), [-0.5, 0.75], atol=0.06)


def test_numbers_stand_for_every_unit():
    assert drawn(samplers.Box([-1.0, -2.0], 5.0), 3).shape == (3, 2)
    assert drawn(samplers.Gaussian([0.0, 1.0], 1.0), 3).shape == (3, 2)


def test_the_box_of_a_system_is_its_invariant_box():
    box = samplers.Box.of(dk.catalog.tanh_network(np.eye(2)))
    np.testing.assert_allclose([box.low, box.high], [[-1, -1], [1, 1]], atol=1e-9)
    with pytest.raises(dk.InputError, match="no known invariant box"):
        samplers.Box.of(dk.catalog.henon())


def test_a_gaussian_has_its_moments():
    x = drawn(samplers.Gaussian([1.0, -1.0], [0.5, 2.0]))
    np.testing.assert_allclose(x.mean(0), [1, -1], atol=0.1)
    np.testing.assert_allclose(x.std(0), [0.5, 2], rtol=0.05)


def test_around_adds_noise_relative_to_the_spread_of_each_unit():
    exact = drawn(samplers.Around(SEEN, 0.0))
    assert {tuple(row) for row in exact} == {tuple(row) for row in SEEN}
    x = drawn(samplers.Around(SEEN, 0.5))
    np.testing.assert_allclose(x.var(0), [1 + 0.25, 4 + 1], rtol=0.1)


def test_the_hull_holds_every_mixture():
    x = drawn(samplers.Hull(SEEN[:3], 3))
    assert (x >= -1e-12).all()
    assert (x[:, 0] / 2 + x[:, 1] / 4 <= 1 + 1e-12).all()
    assert len(np.unique(x[:, 0])) > 1000


def test_states_that_are_not_finite_are_left_out():
    assert len(samplers.Hull(np.array([[np.nan, 0.0], [1.0, 2.0]])).states) == 1


def test_any_function_will_do_and_is_named():
    def ring(n, rng):
        """On a ring."""
        return rng.normal(size=(n, 2))

    assert drawn(ring, 5).shape == (5, 2)
    assert samplers.describe(ring) == ("ring", "On a ring.")
    assert samplers.describe(samplers.Box([0.0], [1.0]))[0] == "Box"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: samplers.Box([1.0], [0.0]), "low must be below high, but in unit 0"),
        (lambda: samplers.Box([0.0, 0.0], [1.0, 1.0, 1.0]), "as wide as low"),
        (lambda: samplers.Gaussian([0.0], [-1.0]), "std must be positive"),
        (lambda: samplers.Gaussian([0.0, 0.0], [1.0, 1.0, 1.0]), "as wide as mean"),
        (lambda: samplers.Around(SEEN, -1.0), "size must be"),
        (lambda: samplers.Hull(SEEN, 0), "n_mixed must be"),
        (lambda: samplers.Hull(SEEN, True), "n_mixed must be"),
        (lambda: samplers.Box([], []), r"low must be a number or \(unit,\), got shape \(0,\)"),
        (lambda: samplers.Gaussian([], []), r"mean must be a number or \(unit,\)"),
        (lambda: samplers.Box(-1e308, 1e308), "less than 1.8e308 apart"),
        (lambda: samplers.Box.of(None), "system must be a System, got NoneType"),
        (lambda: samplers.Around([]), r"at least one finite state, got shape \(0,\)"),
        (lambda: samplers.Hull(np.zeros((3, 0))), r"at least one finite state, got shape \(3, 0\)"),
        (lambda: samplers.Hull(np.full((2, 2), np.nan)), "at least one finite state"),
        (lambda: drawn(lambda n, rng: np.zeros((n, 3))), r"shape \(4000, 2\), got \(4000, 3\)"),
        (lambda: drawn("box"), "one of dk.samplers or a function"),
    ],
)
def test_bad_input_is_one_sentence(make, sentence):
    with pytest.raises(dk.InputError, match=sentence):
        make()
