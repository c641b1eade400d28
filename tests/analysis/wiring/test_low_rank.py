"""Effective ranks by their closed forms, and directions that are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError


def orthogonal(seed, n=40):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


@pytest.mark.parametrize("n", [1, 5, 30])
def test_every_rank_of_a_rotation_is_its_size(n):
    ranks = dk.low_rank_structure(orthogonal(0, n)).effective_ranks
    assert_allclose([ranks[k] for k in ("participation", "entropy", "stable", "numerical")], n)
    assert ranks["energy_90"] == np.ceil(0.9 * n - 1e-9)


def test_ranks_of_known_singular_values():
    s = np.r_[3.0, 2.0, 1.0, np.zeros(37)]
    W = orthogonal(1) @ np.diag(s) @ orthogonal(2)
    ranks = dk.low_rank_structure(W).effective_ranks
    p = np.array([3, 2, 1]) / 6
    assert_allclose(ranks["participation"], 14**2 / 98)
    assert_allclose(ranks["stable"], 14 / 9)
    assert_allclose(ranks["entropy"], np.exp(-(p * np.log(p)).sum()), rtol=1e-6)
    assert [ranks[k] for k in ("energy_90", "numerical", "outliers")] == [2, 3, 3]


def test_the_directions_are_those_put_in_whatever_their_scale():
    rng, n = np.random.default_rng(0), 100
    U, V = orthogonal(3, n)[:, :2], orthogonal(4, n)[:, :2]
    W = 1e-3 * (rng.normal(size=(n, n)) / n**0.5 + (U * [6, 3]) @ V.T)
    found = dk.low_rank_structure(W, inputs=U, readout=V.T)
    assert found.n_outliers == 2
    assert found.stands_out.tolist() == [True] * 2 + [False] * 8
    assert_allclose(found.hidden[:2], [6e-3, 3e-3], rtol=0.06)
    assert_allclose(found.fidelity[:2], [1 - 1 / 36, 1 - 1 / 9], atol=0.02)
    assert_allclose(np.diag(found.writes_inputs[:2]) ** 2, found.fidelity[:2], atol=0.06)
    assert_allclose(np.diag(found.reads_readout[:2]) ** 2, found.fidelity[:2], atol=0.06)
    assert (found.reads_inputs[:2] < 5 * found.chance).all()
    assert (found.writes_readout[:2] < 5 * found.chance).all()
    assert_allclose(found.scale, 1e-3, rtol=0.02)


def test_many_outliers_do_not_hide_each_other():
    rng, n = np.random.default_rng(0), 60
    W = rng.normal(size=(n, n)) / n**0.5 + 3 * orthogonal(3, n)[:, :8] @ orthogonal(4, n)[:, :8].T
    assert dk.low_rank_structure(W).n_outliers == 8


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (3, 5), (6, 6)])
def test_nothing_learnt_has_rank_zero_exactly(shape):
    W = np.random.default_rng(0).normal(size=shape)
    found = dk.low_rank_structure(W, before=W)
    assert set(found.effective_ranks.values()) == {0.0}
    assert not found.spectrum.any()
    if W.size:
        assert found.relative_change == 0.0
        assert_allclose(dk.low_rank_structure(3 * W, before=W).relative_change, 2)


def test_training_at_rate_zero_learns_nothing_and_training_learns_something():
    task = dk.tasks.FlipFlop(n_bits=1, n_steps=10)
    learnt = []
    for rate in (0.0, 0.05):
        model = dk.models.Elman.for_task(task, 12, seed=0)
        before = dk.as_system(model).recurrent_weights()["W_rec"]
        dk.train(model, task, dk.training.BPTT(max_updates=3, batch_size=4, learning_rate=rate or 1e-300), seed=0)
        learnt.append(dk.low_rank_structure(dk.as_system(model).recurrent_weights()["W_rec"], before=before))
    assert learnt[0].relative_change == 0.0
    assert learnt[0].effective_ranks["participation"] == 0.0
    assert learnt[1].relative_change > 0.01


def test_lengths_that_do_not_fit_and_vectors_of_zeros_have_no_cosine():
    found = dk.low_rank_structure(np.ones((4, 6)), inputs=np.zeros((4, 1)), readout=np.ones((2, 6)))
    assert np.isnan(found.writes_inputs).all()
    assert np.isnan(found.reads_inputs).all()
    assert_allclose(found.reads_readout[0], 1)
    assert np.isnan(found.writes_readout).all()


@pytest.mark.parametrize(
    ("W", "kwargs", "word"),
    [
        (np.full((3, 3), np.nan), {}, "W must be finite"),
        (np.ones(3), {}, "W must have shape"),
        (np.eye(3), {"inputs": np.ones((4, 1))}, "inputs must have shape"),
        (np.eye(3), {"readout": np.ones((1, 4))}, "readout must have shape"),
        (np.eye(3), {"n_directions": 0}, "n_directions"),
    ],
)
def test_bad_arguments_are_named(W, kwargs, word):
    with pytest.raises(InputError, match=word):
        dk.low_rank_structure(W, **kwargs)


def test_the_picture_marks_what_stands_out():
    structure = dk.low_rank_structure(np.diag(np.r_[9.0, np.ones(20)]) + 0.01 * orthogonal(0, 21))
    ax = dk.plots.plot_singular_values(structure)
    drawn = {line.get_gid(): line.get_ydata() for line in ax.lines}
    assert_allclose(drawn["outliers"], structure.spectrum[:1])
    assert_allclose(drawn["bulk"], structure.spectrum[1:])
