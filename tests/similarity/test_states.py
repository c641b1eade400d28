"""Networks compared by their states on the same trials: copies in other coordinates, and nulls beside them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

import dynakit as dk

from .copies import bits, rotation, turned

TASK = dk.tasks.FlipFlop(2, n_steps=30, p_flip=0.2)
S = dk.similarity


def mixing(n: int, seed: int, n_inputs: int = 2) -> dk.System:
    """A tanh network whose memory fades, with inputs of its own."""
    rng = np.random.default_rng(seed)
    return dk.catalog.tanh_network(0.9 * rotation(n, seed), W_in=rng.normal(size=(n, n_inputs)))


def sheared(network: dk.System, M: np.ndarray) -> dk.System:
    """The same network in other linear coordinates."""
    M, n = torch.from_numpy(M), network.state_size
    back = torch.linalg.inv(M)
    return dk.FunctionSystem(
        lambda y, u: network.step(y @ back.T, u) @ M.T, n, 2, argument_order="state, input", regularity="smooth"
    )


@pytest.fixture(scope="module")
def networks():
    M = np.random.default_rng(5).normal(size=(4, 4)) + 2 * np.eye(4)
    first = mixing(4, 0)
    return {
        "first": first,
        "turned": sheared(first, rotation(4, 9)),
        "sheared": sheared(first, M),
        "second": mixing(4, 1),
        "third": mixing(4, 2),
    }


METHODS = {
    "procrustes": S.Procrustes(n_trials=16),
    "cka": S.CKA(n_trials=16),
    "plain cka": S.CKA(n_trials=16, debiased=False),
    "cca": S.CCA(n_trials=16, variance=1.0),
    "dsa": S.DSA(n_trials=16, rank=4),
    "angle": S.Procrustes(n_trials=16, alpha=0.0),
}
FORGIVE_SHEARS = {"cca", "dsa", "angle"}


@pytest.fixture(scope="module")
def found(networks):
    return {name: dk.compare_dynamics(networks, TASK, method=method) for name, method in METHODS.items()}


@pytest.mark.parametrize("name", METHODS)
def test_a_turned_copy_is_the_same_and_a_sheared_one_where_that_is_forgiven(found, name):
    D = found[name].matrix
    assert D[0, 1] < 1e-6
    assert (D[0, 2] < 1e-6) == (name in FORGIVE_SHEARS)
    assert D[0, 3] > 0.05


def test_the_null_of_given_trials_is_of_others_in_their_place(networks):
    some = {name: networks[name] for name in ("first", "second")}
    for method, few in [("procrustes", 2), ("cka", 2), ("dsa", 6)]:
        given = TASK.sample(few, seed=0)
        nulls = [dk.compare_dynamics(some, given, method=method, seed=seed).null for seed in range(3)]
        assert (np.array(nulls) > 1e-3).all()  # 0 where a trial stands in its own place, or all are there again
        alone = dk.compare_dynamics(some, given[[0]], method=method)
        assert np.isnan(alone.null).all()
        assert np.isfinite(alone.matrix).all()
    assert np.isnan(dk.compare_dynamics(some, TASK.sample(2, seed=0), method="dsa").null).all()  # the same two again


@pytest.mark.parametrize("name", METHODS)
def test_symmetric_and_zero_on_the_diagonal(found, name):
    D = found[name].matrix
    assert np.abs(D - D.T).max() <= 1e-12
    assert not np.diagonal(D).any()


@pytest.mark.parametrize("name", [name for name in METHODS if name != "cca"])
def test_the_triangle_holds(found, name):
    D = found[name].matrix
    assert all(D[i, k] <= D[i, j] + D[j, k] + 1e-9 for i, j, k in permutations(range(len(D)), 3))


@pytest.mark.parametrize("name", ["procrustes", "cka", "cca", "angle"])
def test_rows_that_do_not_belong_together_are_farther_than_networks(found, name):
    distances = found[name]
    assert distances.null_is == "rows that do not belong together"
    assert distances.null.min() > 2 * distances.matrix[0, 1]
    assert distances.shifted == pytest.approx(distances.null, rel=0.4)
    assert f"null {distances.null_mean:.3g} (rows that do not belong together)" in distances.headline()


def test_other_trials_give_nearly_the_same_operator(found):
    distances = found["dsa"]
    assert distances.null_is == "the same network again"
    assert np.isnan(distances.shifted).all()
    assert (distances.null > 0).all()
    assert distances.null.max() < 0.5 * distances.matrix[0, 3]
    assert (distances.parts["bound"] <= distances.matrix + 1e-12).all()


def test_values_are_those_of_the_comparisons_of_arrays(networks):
    trials = TASK.sample(16, seed=3)
    X, Y = (dk.record(networks[name], trials.inputs).states for name in ("first", "second"))
    pair = [networks["first"], networks["second"]]
    values = {
        "procrustes": dk.compare_shapes(X, Y).angle,
        "cka": dk.compare_kernels(X, Y).angle,
        "cca": dk.compare_subspaces(X, Y, variance=1.0).distance,
        "dsa": dk.compare_operators(*(dk.fit_operator(states, rank=4).operator for states in (X, Y))).distance,
    }
    for name, value in values.items():
        found = dk.compare_dynamics(pair, TASK, method=METHODS[name], seed=3)
        assert found.matrix[0, 1] == pytest.approx(value, abs=1e-9)


def test_networks_of_any_size_see_the_same_trials():
    """Appended copies of units change no angle but by their weight; a rotation with zeros added none at all."""
    Q = torch.from_numpy(rotation(6, 4)[:, :4])
    first = mixing(4, 0)
    wide = dk.FunctionSystem(lambda y, u: first.step(y @ Q, u) @ Q.T, 6, 2)
    found = dk.compare_dynamics([first, wide], TASK, method=METHODS["procrustes"])
    assert found.matrix[0, 1] < 1e-9


def test_operators_of_norm_one_forget_how_fast_states_decay():
    slow, fast = (bits([gain, gain]) for gain in (0.02, 0.01))  # nearly linear: x' = gain x + u
    short = dk.tasks.FlipFlop(2, n_steps=30, p_flip=0.1, amplitude=1e-3)
    raw, unit = (
        dk.compare_dynamics([slow, fast], short, method=S.DSA(rank=2, n_trials=16, normalized=n)) for n in (False, True)
    )
    assert raw.measure.startswith("distance of operators of rank 2")
    assert unit.measure.startswith("distance of operators of norm 1 of rank 2")
    assert unit.matrix[0, 1] == pytest.approx(2 * np.sin(unit.parts["angle"][0, 1] / 2), abs=1e-9)


def test_the_rank_is_one_for_all():
    found = dk.compare_dynamics([mixing(4, 0), mixing(6, 1)], TASK, method="dsa")
    assert found.measure == "distance of operators of rank 4"


def test_what_inputs_reach_near_fixed_points_is_the_same_in_turned_axes():
    gains = [1.5, 2.0]
    given = [bits(gains), turned(gains, rotation(2, 1)), bits([1.5, 2.5]), bits([0.5, 0.4])]
    found = dk.compare_dynamics(given, method=S.InputDSA(max_starts=1024))
    assert found.matrix[0, 1] < 1e-7
    assert 0.01 < found.matrix[0, 2] < found.matrix[0, 3] <= np.pi / 2
    assert found.parts["unmatched"][0, 3] == 8
    assert found.null.max() < 1e-7
    D = found.matrix
    assert all(D[i, k] <= D[i, j] + D[j, k] + 1e-12 for i, j, k in permutations(range(4), 3))


def test_inputs_along_other_directions_are_told_apart_where_the_loop_is_the_same():
    """A = w (1 - x^2), B = (1 - x^2) times the weights of the inputs: a turn of those is no turn of states."""
    straight, crossed = (
        dk.catalog.tanh_network(np.diag([0.9, 0.3]), W_in=W) for W in (np.eye(2), np.array([[1.0, 1.0], [0.0, 1.0]]))
    )
    found = dk.compare_dynamics([straight, crossed], method="dsa-inputs")
    pairs = [(np.diag([0.9, 0.3]), W) for W in (np.eye(2), np.array([[1.0, 1.0], [0.0, 1.0]]))]
    assert found.matrix[0, 1] == pytest.approx(dk.compare_controllability(*pairs, scaled=True).angle, abs=1e-9)


def test_a_network_whose_states_never_change_or_run_away_takes_none_along():
    dead = dk.FunctionSystem(lambda x, u: 0 * x, 2, 2, argument_order="state, input", regularity="smooth")
    runs = dk.FunctionSystem(lambda x, u: torch.exp(x + 5) + u, 2, 2, argument_order="state, input")
    first, second = mixing(4, 0), mixing(4, 1)
    for method in (METHODS["procrustes"], METHODS["cka"], METHODS["cca"], S.DSA(n_trials=8, rank=2)):
        found = dk.compare_dynamics([first, dead, runs, second], TASK, method=method)
        assert found.reasons[0] == found.reasons[3] == ""
        assert found.reasons[1]
        assert found.reasons[2].startswith("its states are not finite")
        alone = dk.compare_dynamics([first, second], TASK, method=method)
        assert found.matrix[0, 3] == pytest.approx(alone.matrix[0, 1], abs=1e-9)
        assert np.isnan(found.null[1:3]).all()
        assert np.isfinite(found.null[[0, 3]]).all()


def test_trials_of_several_lengths_are_compared_as_far_as_they_go():
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(n, 2)) for n in (12, 20, 15, 18, 20, 14)]
    words = dk.tasks.EmbeddedReber()  # of other lengths in the second look
    for task, n in ((dk.tasks.from_arrays(inputs), 2), (words, words.n_inputs)):
        for method in (S.Procrustes(n_trials=7), S.DSA(rank=4, n_trials=7)):
            found = dk.compare_dynamics([mixing(4, 0, n), mixing(4, 1, n)], task, method=method)
            assert not "".join(found.reasons)
            assert np.isfinite(found.null).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda p: dk.compare_dynamics(p, method="cka"), "task must be given for method 'cka'"),
        (
            lambda p: dk.compare_dynamics([*p, mixing(3, 0)], TASK, method=S.Procrustes(alpha=0.5)),
            "networks must have states of one size for method 'procrustes', got 'network 1' 4 and 'network 3' 3",
        ),
        (lambda p: dk.compare_dynamics([*p, mixing(3, 0)], method="dsa-inputs"), "states of one size for method 'dsa-"),
        (
            lambda p: dk.compare_dynamics([dk.catalog.linear([[w]]) for w in (0.5, 0.4)], method="dsa-inputs"),
            "networks must have inputs, as many each",
        ),
        (lambda p: dk.compare_dynamics({1: p[0], "1": p[1]}), "networks must have names that differ as texts"),
        (lambda p: dk.compare_dynamics(None), "in a list or by name, got None"),
        (lambda p: dk.compare_dynamics(p, dk.tasks.FlipFlop), "task must be a Task, Trials or None, got the class Fl"),
        (lambda p: dk.compare_dynamics(p, method=S.CKA), "settings of dk.similarity, got the class CKA"),
        (lambda p: S.Procrustes(alpha=1.5), "alpha must be"),
        (lambda p: S.CCA(variance=2.0), "variance must be"),
        (lambda p: S.DSA(rank=0), "rank must be at least 1"),
        (lambda p: S.CKA(debiased="no"), "debiased must be True or False"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(call, said):
    with pytest.raises(dk.InputError, match=said):
        call([mixing(4, 0), mixing(4, 1)])
