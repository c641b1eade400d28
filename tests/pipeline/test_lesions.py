"""What lesions cost: scores against those computed by hand, and attractors that are gone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError

TASK = dk.tasks.FlipFlop(n_bits=3, n_steps=30, p_flip=0.1)
CUBE = dk.catalog.tanh_network(2 * np.eye(3), W_in=4 * np.eye(3))  # a unit for each bit, and each its own memory
BLOCKS = torch.kron(torch.eye(3).double(), torch.ones(2, 2))
PAIRS = dk.FunctionSystem(  # each bit in a unit and its understudy, either of which is enough
    lambda x, u: torch.tanh(2 * x @ BLOCKS + 4 * u.repeat_interleave(2, -1)),
    6,
    3,
    readout=lambda x: x[..., ::2] + x[..., 1::2],
)


def without(bits, n_trials=16):
    """The score of outputs in which some bits are zero."""
    trials = TASK.sample(n_trials, seed=0)
    outputs = dk.record(CUBE, trials.inputs.numpy()).outputs
    outputs = np.where(np.isin(np.arange(3), bits), 0.0, outputs)
    return TASK.score(outputs, trials)


def test_each_unit_of_independent_bits_costs_its_own_bit():
    sets = {"none": [], "first": [0], "last": [2], "two": [0, 2], "all": [0, 1, 2]}
    damage = dk.map_lesions(CUBE, TASK, sets=sets, n_trials=16)
    assert damage.scores.tolist() == [without(bits) for bits in sets.values()]
    assert damage.baseline == damage.scores[0] == without([])
    assert damage.baseline > 0.99
    assert damage.names.tolist() == list(sets)
    assert damage.sizes.tolist() == [0, 1, 1, 2, 3]
    assert_allclose(damage.shares, damage.sizes / 3)


def test_many_sets_at_once_cost_what_each_costs_alone():
    net = dk.models.GRU.for_task(TASK, 9, seed=1)
    together = dk.map_lesions(net, TASK, shares=[0.2, 0.5], n_sets=4, n_trials=8)
    for k, one in enumerate(together.removed):
        alone = dk.map_lesions(net, TASK, sets=[one[one >= 0]], n_trials=8)
        assert alone.scores[0] == pytest.approx(together.scores[k], abs=2e-3)
        lesioned = dk.lesion(dk.as_system(net), one[one >= 0])
        trials = TASK.sample(8, seed=0)
        score = TASK.score(dk.record(lesioned, trials.inputs.numpy()).outputs, trials)
        assert score == pytest.approx(together.scores[k], abs=2e-3)


def test_edges_are_cut_and_without_them_a_unit_forgets():
    damage = dk.map_lesions(CUBE, TASK, "edges", sets={"all": [0, 4, 8], "one": [4]}, n_trials=16)
    trials = TASK.sample(16, seed=0)
    cut = dk.record(dk.catalog.tanh_network(np.zeros((3, 3)), W_in=4 * np.eye(3)), trials.inputs.numpy())
    assert damage.scores[0] == TASK.score(cut.outputs, trials)
    assert damage.scores[0] < damage.scores[1] < damage.baseline
    assert (damage.n_parts, damage.of) == (3, "edges")


def test_attractors_that_say_something_else_are_lost_and_an_understudy_keeps_them():
    points = dk.find_fixed_points(CUBE)
    damage = dk.map_lesions(CUBE, TASK, sets=[[], [0]], attractors=points, n_trials=4)
    assert (damage.n_attractors, damage.lost.tolist()) == (8, [0, 8])  # without its unit, a bit says nothing
    six = np.repeat(points.stable.states, 2, axis=1)
    kept = dk.map_lesions(PAIRS, TASK, sets=[[], [1], [1, 2], [4, 5]], attractors=six, n_trials=4)
    assert kept.lost.tolist() == [0, 0, 0, 8]


def test_random_and_ranked_sets_are_of_the_shares_asked_for():
    net = dk.models.Elman.for_task(TASK, 20, seed=0)
    W = dk.as_system(net).recurrent_weights()["W_rec"]
    damage = dk.map_lesions(net, TASK, shares=[0.01, 0.25], n_sets=5, n_trials=4)
    assert damage.sizes.tolist() == [1] * 6 + [5] * 6
    assert damage.names.tolist() == (["random"] * 5 + ["ranked"]) * 2
    strongest = np.argsort(-np.abs(W).sum(axis=0))[:5]
    assert damage.removed[-1].tolist() == sorted(strongest)
    assert len({tuple(row) for row in damage.removed[:5]}) == 5
    own = dk.map_lesions(net, TASK, shares=[0.25], n_sets=0, ranking=np.arange(20.0), n_trials=4)
    assert own.removed.tolist() == [[15, 16, 17, 18, 19]]
    edges = dk.map_lesions(net, TASK, "edges", shares=[0.01], n_sets=0, n_trials=4)
    assert edges.removed[0].tolist() == sorted(np.argsort(-np.abs(W).ravel())[:4])


def test_curves_begin_with_the_whole_network_and_areas_are_those_of_the_curve():
    net = dk.models.Elman.for_task(TASK, 10, seed=0)
    damage = dk.map_lesions(net, TASK, shares=[0.2, 0.5], n_sets=6, n_trials=8)
    for name in ("random", "ranked"):
        at = damage.curve_names == name
        assert damage.curve_shares[at].tolist() == [0, 0.2, 0.5]
        own = [damage.scores[(damage.names == name) & (damage.shares == s)] for s in (0.2, 0.5)]
        assert_allclose(damage.curve_means[at], [damage.baseline, *(s.mean() for s in own)])
        area, low, high = damage.areas[name]
        assert_allclose(area * damage.baseline * 0.5, np.trapezoid(damage.curve_means[at], [0, 0.2, 0.5]))
        assert low <= area <= high
        assert (damage.curve_lows[at] <= damage.curve_means[at] + 1e-12).all()
        spread = own[0].std() / 6**0.5
        if name == "random":
            width = (damage.curve_highs - damage.curve_lows)[at][1]
            assert_allclose(width, 2 * 1.96 * spread, rtol=0.2)
        else:
            assert low == high


def test_what_takes_no_damage_has_an_area_of_one():
    damage = dk.map_lesions(PAIRS, TASK, shares=[0.2], n_sets=6, n_trials=8, ranking=None)
    assert damage.scores.tolist() == [damage.baseline] * 6
    assert damage.areas == {"random": [1.0, 1.0, 1.0]}


def test_communities_are_removed_one_by_one():
    net = dk.models.Elman.for_task(TASK, 12, seed=0)
    found = dk.find_communities(dk.as_system(net).recurrent_weights()["W_rec"])
    damage = dk.map_lesions(net, TASK, sets=found, n_trials=4)
    assert damage.sizes.tolist() == found.sizes.tolist()
    assert damage.names[0] == "community 0"
    assert not len(damage.curve_names)


def test_the_model_is_left_as_it_was_and_the_same_seed_gives_the_same():
    net = dk.models.LSTM.for_task(TASK, 6, seed=0)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    one, other = (dk.map_lesions(net, TASK, "edges", shares=[0.3], n_sets=2, n_trials=4, seed=5) for _ in range(2))
    assert all((before[name] == value).all() for name, value in net.state_dict().items())
    assert one == other


def test_a_call_that_is_ended_returns_what_is_done():
    def stop(done, info):
        if done >= 2:
            raise StopIteration

    damage = dk.map_lesions(CUBE, TASK, "edges", shares=[0.3, 0.6], n_sets=3, n_trials=4, callback=stop)
    assert len(damage) == 2
    assert damage.interrupted == "interrupted after 2 of 8 lesions"


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"of": "layers"}, "of must be one of"),
        ({"shares": [1.5]}, "shares must be"),
        ({"shares": []}, "nothing can be removed"),
        ({"shares": 0.1}, "shares must be a list, got 0.1"),
        ({"sets": 3}, "sets must be a list, got 3"),
        ({"sets": {"a": [3]}}, r"sets\['a'\] must hold 0 to 2, got 3"),
        ({"of": "edges", "sets": {"a": [1]}}, "must hold one of 3 weights that are not zero, got 1"),
        ({"sets": {"a": [0.5]}}, "must be numbers of units"),
        ({"ranking": [1.0, 2.0]}, "ranking must have shape"),
        ({"attractors": np.zeros((1, 2))}, "attractors must have shape"),
        ({"n_trials": 0}, "n_trials"),
    ],
)
def test_bad_arguments_are_named(kwargs, message):
    with pytest.raises(InputError, match=message):
        dk.map_lesions(CUBE, TASK, **kwargs)


def test_a_network_of_another_size_is_refused():
    with pytest.raises(InputError):
        dk.map_lesions(CUBE, dk.tasks.FlipFlop(n_bits=2))


def test_the_picture_shows_curves_or_bars():
    curves = dk.map_lesions(CUBE, TASK, shares=[0.3, 0.6], n_sets=3, n_trials=4)
    drawn = {line.get_gid(): line for line in dk.plots.plot_lesions(curves).lines}
    assert_allclose(drawn["random"].get_ydata(), curves.curve_means[curves.curve_names == "random"])
    assert_allclose(drawn["random sets"].get_ydata(), curves.scores[curves.names == "random"])
    bars = dk.map_lesions(CUBE, TASK, sets={"a": [0], "b": [0, 1]}, n_trials=4)
    ax = dk.plots.plot_lesions(bars)
    assert_allclose([bar.get_height() for bar in ax.patches], bars.scores)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b"]
