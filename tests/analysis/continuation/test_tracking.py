"""Fixed points through training: scripted runs whose bifurcations are known, and one real one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.continuation import tracking
from dynakit.errors import InputError

FOLD = 0.5328399753535520  # of tanh(2 x + b), at b = +-FOLD


def tracked(family, values, **kwargs):
    return dk.track_fixed_points([family(v) for v in values], updates=np.asarray(values, float), **kwargs)


def cubic(centre):
    """Fixed points at the centre and one to either side of it."""
    return dk.FunctionSystem(lambda x: x - 0.3 * ((x - centre) ** 3 - (x - centre)), 1)


@pytest.mark.parametrize("n", [5, 4])  # with 4 one checkpoint is at the pitchfork itself
def test_a_pitchfork_is_found_where_it_is(n):
    tracks = tracked(dk.catalog.tanh_unit, np.linspace(0.5, 2.0, n))
    birth = tracks.changes.births
    assert birth.kinds.tolist() == ["branch point"]
    assert_allclose(
        birth.updates, [1.0], atol=1e-9
    )  # the maps are blended linearly, and so is the slope at 0
    assert tracks.n_points.tolist() == [1 + 2 * (w > 1) for w in np.linspace(0.5, 2.0, n)]
    assert len(tracks.changes.deaths) == 0
    middle = tracks.of_track(0)
    assert_allclose(middle.states, 0, atol=1e-12)
    assert len(middle) == n
    assert (middle.verdicts[tracks.updates > 1] == "unstable").all()


def test_pairs_are_born_and_die_at_folds():
    for step in (0.1, 0.04):
        values = [-0.5 - step, -0.5, 0.5, 0.5 + step]
        tracks = tracked(lambda b: dk.catalog.tanh_unit(2.0, b), values)
        assert tracks.changes.effects.tolist() == ["birth", "death"]
        assert tracks.changes.kinds.tolist() == ["fold", "fold"]
        assert_allclose(tracks.changes.updates, [-FOLD, FOLD], atol=0.3 * step**2)
        born, dead = tracks.changes.tracks
        assert (
            len(set(born) & set(dead)) == 1
        )  # the middle point has one partner at birth and another at death
        assert tracks.n_tracks == 3
        lower = tracks.of_track(0)
        assert (np.diff(lower.states[:, 0]) > 0).all()
        assert lower.states.max() < 0


def test_a_point_keeps_its_identity_further_than_to_its_neighbour():
    centres = np.arange(0.0, 2.0, 0.9)  # in one step each point almost takes the next one's place
    tracks = tracked(cubic, centres, starts=np.linspace(-1.5, 1.5, 9)[:, None])
    assert tracks.n_tracks == 3
    assert len(tracks.changes) == 0
    for k in range(3):
        own = tracks.of_track(k)
        assert_allclose(own.states[:, 0] - own.states[0, 0], centres, atol=1e-10)


def test_a_point_that_jumps_is_followed_through_the_folds_between():
    tracks = tracked(lambda b: dk.catalog.tanh_unit(2.0, b), [-0.6, 0.6])
    assert tracks.n_points.tolist() == [1, 1]
    assert tracks.n_tracks == 1
    assert tracks.changes.effects.tolist() == ["change", "change"]
    assert tracks.changes.kinds.tolist() == ["fold", "fold"]
    assert_allclose(tracks.changes.updates.sum(), 0, atol=1e-9)


def test_a_change_of_stability_is_located():
    tracks = tracked(lambda w: dk.catalog.tanh_unit(-w), [0.5, 0.8, 1.3, 2.0])
    assert tracks.changes.effects.tolist() == ["change"]
    assert tracks.changes.kinds.tolist() == ["flip"]
    assert_allclose(tracks.changes.updates, [1.0], atol=1e-12)


def test_a_rectified_unit_gets_its_memory_in_a_border_collision():
    def family(w):  # x = 1 and x = 0.2 / (w - 1) from w = 1.2 on
        step = lambda x: torch.clamp(w * x - 0.2, 0, 1)  # noqa: E731
        return dk.FunctionSystem(step, 1, regularity="piecewise_linear")

    tracks = tracked(family, [1.0, 1.1, 1.3, 1.4], starts=np.linspace(0, 1, 21)[:, None])
    assert tracks.n_points.tolist() == [1, 1, 3, 3]
    assert tracks.changes.effects.tolist() == ["birth"]
    assert tracks.changes.kinds.tolist() == ["border collision"]
    assert tracks.changes.intervals.tolist() == [1]
    assert_allclose(tracks.of_track(0).states, 0, atol=1e-12)


def test_what_a_search_missed_is_found_by_following(monkeypatch):
    find, calls = tracking.find_fixed_points, itertools.count()

    def blind(*args, **kwargs):
        points = find(*args, **kwargs)
        return points[points.states[:, 0] > -0.5] if next(calls) in (0, 1, 3) else points

    monkeypatch.setattr(tracking, "find_fixed_points", blind)
    tracks = tracked(dk.catalog.tanh_unit, [2.0, 2.1, 2.2, 2.3])
    assert tracks.n_points.tolist() == [3, 3, 3, 3]
    assert tracks.n_tracks == 3
    assert len(tracks.changes) == 0
    assert sorted(tracks.checkpoint[~tracks.searched].tolist()) == [0, 1, 3]


def test_two_units_learn_one_after_the_other():
    weights = [(0.6, 0.7), (1.4, 0.8), (1.6, 0.9), (1.7, 1.5)]
    systems = [dk.catalog.tanh_network(np.diag(w)) for w in weights]
    tracks = dk.track_fixed_points(systems, losses=[4.0, 2.0, 1.9, 0.5])
    assert tracks.n_points.tolist() == [1, 3, 3, 9]
    births = tracks.changes.births
    assert births.kinds.tolist() == ["branch point"] * 4
    assert_allclose(births.updates, [0.5] + [2 + 1 / 6] * 3, atol=1e-8)
    assert births.intervals.tolist() == [0, 2, 2, 2]
    assert_allclose(births.losses_before / births.losses_after, [2.0, 3.8, 3.8, 3.8])
    assert_allclose(
        births.drop_ranks, [1 / 3, 2 / 3, 2 / 3, 2 / 3]
    )  # two, the loss falls when memories are born


def test_losses_of_every_update_are_read_at_the_checkpoints():
    losses = np.concatenate([np.full(10, 4.0), np.full(11, 1.0)])
    losses[10] = 100.0  # a burst at a checkpoint
    systems = [dk.catalog.tanh_unit(w) for w in (0.5, 0.6, 0.7)]
    tracks = dk.track_fixed_points(systems, updates=[0, 10, 20], losses=losses)
    assert_allclose(tracks.losses, [4.0, 4.0, 1.0])
    assert np.isnan(dk.track_fixed_points(systems).losses).all()


def test_a_callback_keeps_the_run_and_its_births_are_real():
    task = dk.tasks.FlipFlop(n_bits=1, n_steps=30)
    model = dk.models.Elman.for_task(task, n_hidden=6)
    kept = {0: dk.as_system(model)}

    def keep(update, info):
        if update % 20 == 0:
            kept[update] = dk.as_system(model)

    method = dk.training.BPTT(max_updates=120, batch_size=16, learning_rate=1e-2)
    history = dk.train(model, task, method, callback=keep)
    systems, updates = list(kept.values()), list(kept)
    assert len({system.fingerprint for system in systems}) == len(systems) == 7
    assert systems[-1].fingerprint == dk.as_system(model).fingerprint
    tracks = dk.track_fixed_points(systems, updates=updates, losses=history.losses)
    assert tracks.n_points[0] == 1
    assert tracks.n_points[-1] >= 3
    n = tracks.n_points[0] + sum(2 * (e == "birth") - 2 * (e == "death") for e in tracks.changes.effects)
    assert n == tracks.n_points[-1]  # points come and go in pairs
    for k, system in enumerate(systems):
        rows = tracks[tracks.checkpoint == k]
        assert np.abs(system.step(rows.states).numpy() - rows.states).max() < 1e-12
        assert len(set(rows.track)) == len(rows)


def test_tracks_come_back_from_disk(tmp_path):
    from dynakit.records import load_record

    tracks = tracked(dk.catalog.tanh_unit, [0.5, 1.5], losses=[1.0, 0.5])
    tracks.save(tmp_path / "t")
    assert load_record(tmp_path / "t") == tracks
    assert (
        repr(tracks)
        == "Tracks(2 checkpoints, 1 -> 3 points, 3 tracks, 1 birth, 0 deaths, 1 change of stability)"
    )


UNITS = [dk.catalog.tanh_unit(w) for w in (0.5, 0.6)]


@pytest.mark.parametrize(
    ("systems", "arguments", "message"),
    [
        (UNITS[0], {}, "systems must be a list of Systems, got ElmanCell"),
        (UNITS[:1], {}, "systems must hold at least two checkpoints, got 1"),
        ([UNITS[0], torch.nn.GRU(1, 1)], {}, r"got GRU at index 1; see dk\.as_system"),
        ([UNITS[0], dk.catalog.henon()], {}, "systems must have equal sizes"),
        (UNITS, {"updates": [0, 1, 2]}, r"updates must have shape \(2\)"),
        (UNITS, {"updates": [1, 1]}, "updates must rise"),
        (UNITS, {"updates": [0, np.nan]}, "updates must be finite"),
        (UNITS, {"updates": [0, 9], "losses": np.ones(5)}, "losses must hold one value per checkpoint"),
        (UNITS, {"drive": [0.0, 1.0]}, "drive must have shape"),
        (UNITS, {"drive": [[0.0], [1.0]]}, "drive must have shape"),
        (UNITS, {"starts": np.zeros((2, 3))}, "starts must have shape"),
    ],
)
def test_bad_arguments_are_named(systems, arguments, message):
    with pytest.raises(InputError, match=message):
        dk.track_fixed_points(systems, **arguments)
