"""Frames of speech and their phones: the corpus of the package, one written by hand, and what is no corpus."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from dynakit.errors import ArtifactError, InputError
from dynakit.tasks import Phonemes
from dynakit.tasks.classic.corpus import slopes


def by_hand():
    """Six sentences of one or two phones each: s and a, spoken by three voices."""
    rng = np.random.default_rng(0)
    labels = [[0, 0, 0, 1], [1, 1], [0, 1, 1], [1], [0, 0], [1, 0, 1, 1, 1]]
    return {
        "cepstra": rng.normal(2.0, 3.0, (17, 13)).astype(np.float16),
        "labels": np.concatenate(labels).astype(np.uint8),
        "ends": np.cumsum([len(row) for row in labels]),
        "texts": np.array(["one", "two", "three", "four", "five", "six"]),
        "voices": np.array(["x", "x", "y", "y", "z", "z"]),
        "test": np.array([False, True, False, True, False, True]),
        "phones": np.array(["pau", "s"]),
    }


@pytest.fixture
def written(tmp_path):
    np.savez_compressed(tmp_path / "own.npz", **by_hand())
    return tmp_path / "own.npz"


def test_the_corpus_has_27_phones_and_no_sentence_in_two_splits():
    splits = {split: Phonemes(split=split) for split in ("train", "test", "voice")}
    trials = {split: task.sample(task.n_sentences) for split, task in splits.items()}
    texts = {split: of.conditions["text"].tolist() for split, of in trials.items()}
    assert [len(of) for of in texts.values()] == [320, 80, 100]
    assert len({text for of in texts.values() for text in of}) == 500
    task = splits["train"]
    assert len(task.phones) == len(set(task.phones)) == 27
    assert set(trials["voice"].conditions["voice"]) == {"rms"}
    others = ["awb", "kal", "kal16", "slt"]
    assert [sorted(set(trials[split].conditions["voice"])) for split in ("train", "test")] == [others, others]
    seconds = sum(int(of.lengths.sum()) for of in trials.values()) * 0.01
    assert 1.0 < seconds / 500 < 2.0  # a sentence takes between one and two seconds
    assert task.decode(trials["train"].targets[0, 0]) == "pau"  # each begins with silence


@pytest.mark.parametrize("held_out", ["slt", "kal"])
def test_training_frames_have_mean_0_and_deviation_1_whoever_is_held_out(held_out):
    task = Phonemes(held_out=held_out)
    shown = task.sample(task.n_sentences).joined.double()
    np.testing.assert_allclose(shown.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(shown.std(0, correction=0), 1, atol=1e-5)
    other = Phonemes(held_out=held_out, split="voice")
    assert other.sample(other.n_sentences).joined.mean(0).abs().max() > 0.1  # a voice of its own


def test_slopes_are_those_of_the_line_through_five_frames_of_one_sentence():
    rng = np.random.default_rng(1)
    cepstra, ends = rng.normal(size=(12, 3)), np.array([7, 8, 12])
    found = slopes(cepstra, ends)
    for first, last in ((0, 7), (7, 8), (8, 12)):
        own = np.pad(cepstra[first:last], ((2, 2), (0, 0)), mode="edge")
        for t in range(last - first):
            line = [np.polyfit(np.arange(5), own[t : t + 5, k], 1)[0] for k in range(3)]
            np.testing.assert_allclose(found[first + t], line, atol=1e-12)
    np.testing.assert_array_equal(found[7], 0.0)


def test_what_is_shown_is_what_was_written(written):
    task, arrays = Phonemes(corpus=written, held_out="z", split="test"), by_hand()
    trials = task.sample(2, seed=3)
    assert (task.voices, task.phones, task.n_steps, task.n_sentences) == (["x", "y", "z"], ["pau", "s"], 5, 2)
    train = np.r_[0:4, 6:9]  # of voices x and y, what is not held out: sentences 0 and 2
    features = np.concatenate([arrays["cepstra"], slopes(arrays["cepstra"].astype(float), arrays["ends"])], 1)
    shown = (features - features[train].mean(0)) / features[train].std(0)
    for text, inputs, targets, length in zip(
        trials.conditions["text"], trials.inputs, trials.targets, trials.lengths.tolist()
    ):
        frames = {"two": slice(4, 6), "four": slice(9, 10)}[text]
        assert length == frames.stop - frames.start
        np.testing.assert_allclose(inputs[:length], shown[frames], atol=1e-5)
        assert targets[:length].argmax(1).tolist() == arrays["labels"][frames].tolist()
        assert not inputs[length:].any()
    np.testing.assert_allclose(task.rest, shown[[0, 1, 2, 6]].mean(0), atol=1e-5)
    np.testing.assert_allclose(task.drives["s"], shown[[3, 7, 8]].mean(0), atol=1e-5)


def test_without_a_voice_held_out_all_voices_are_learnt_from(written):
    train, test = (Phonemes(corpus=written, held_out="", split=split) for split in ("train", "test"))
    held = by_hand()["test"] != 0
    assert (train.n_sentences, test.n_sentences) == ((~held).sum(), held.sum())
    assert set(train.sample(20).conditions["voice"]) == {"x", "y", "z"}
    frames = torch.cat([row[:n] for t in [train.sample(train.n_sentences)] for row, n in zip(t.inputs, t.lengths)])
    np.testing.assert_allclose(frames.mean(0), 0, atol=1e-5)
    with pytest.raises(InputError, match="split 'voice' of this corpus has no sentence when held_out is ''"):
        Phonemes(corpus=written, held_out="", split="voice")


def test_a_corpus_all_of_which_is_held_out_is_refused(tmp_path):
    np.savez(tmp_path / "own.npz", **(by_hand() | {"test": np.ones(6, int)}))
    with pytest.raises(InputError, match="split 'train' of this corpus has no sentence when held_out is 'z'"):
        Phonemes(corpus=tmp_path / "own.npz", held_out="z", split="test")


def test_noise_is_of_the_deviation_asked_for_and_ends_with_the_sentence():
    quiet, noisy = (Phonemes(input_noise=s).sample(40, seed=2) for s in (0.0, 0.3))
    added = noisy.inputs - quiet.inputs
    assert float(added[quiet.valid].std()) == pytest.approx(0.3, rel=0.01)
    assert not added[~quiet.valid].any()


def test_the_loss_is_the_cross_entropy_of_the_frames():
    task = Phonemes()
    trials = task.sample(3, seed=1).until_the_longest()
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=tuple(trials.targets.shape))
    total = [
        math.log(np.exp(y).sum()) - y[k]
        for row, labels, n in zip(outputs, trials.targets.argmax(-1).numpy(), trials.lengths.tolist())
        for y, k in zip(row[:n], labels)
    ]
    assert float(task.loss(outputs, trials)) == pytest.approx(np.mean(total), rel=1e-6)
    assert float(task.loss(np.zeros_like(outputs), trials)) == pytest.approx(math.log(27), rel=1e-6)
    beyond = torch.from_numpy(outputs).masked_fill(~trials.valid[:, :, None], torch.nan).requires_grad_()
    task.loss(beyond, trials).backward()
    assert beyond.grad is not None
    assert torch.isfinite(beyond.grad).all()
    assert not beyond.grad[~trials.valid].any()


def test_the_score_is_the_share_of_frames(written):
    task = Phonemes(corpus=str(written), held_out="z", split="voice")
    trials = task.sample(2)
    silent = torch.tensor([1.0, 0.0]).expand(trials.targets.shape)
    assert task.score(silent, trials) == pytest.approx(3 / 7)
    assert sorted(task.spelled(trials.targets, trials)) == [["pau"], ["s", "pau", "s"]]
    assert task.spelled(silent, trials) == [["pau"], ["pau"]]


def without(name):
    arrays = by_hand()
    del arrays[name]
    return arrays


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (without("labels"), "has no labels; it holds cepstra, ends"),
        (by_hand() | {"labels": np.zeros(16, int)}, "numbers of frames differ, 17 of cepstra, 16 of labels"),
        (by_hand() | {"labels": np.full(17, 2)}, "labels must be whole numbers from 0 to 1"),
        (by_hand() | {"labels": np.zeros(17)}, "labels must be whole numbers from 0 to 1"),
        (by_hand() | {"ends": np.array([4, 6, 9, 9, 12, 17])}, "ends must be whole numbers that rise to the 17"),
        (by_hand() | {"ends": np.array([4, 6, 9, 10, 12, 16])}, "ends must be whole numbers that rise to the 17"),
        (by_hand() | {"voices": np.array(["x"])}, "numbers of sentences differ"),
        (by_hand() | {"texts": np.arange(6)}, "texts has dtype int64"),
        (by_hand() | {"cepstra": np.full((17, 13), np.nan)}, "cepstra are not finite"),
        (by_hand() | {"cepstra": np.zeros(17)}, r"cepstra has shape \(17,\)"),
        (by_hand() | {"phones": np.array([], "U3")}, r"phones has shape \(0,\)"),
    ],
)
def test_a_corpus_that_cannot_be_is_refused(tmp_path, arrays, words):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(ArtifactError, match=words):
        Phonemes(corpus=tmp_path / "own.npz", held_out="z")


def test_a_corpus_that_is_missing_or_damaged_is_refused(tmp_path, written):
    with pytest.raises(ArtifactError, match=re.escape("corpus must be the path of an npz file, got ")):
        Phonemes(corpus=tmp_path / "none.npz")
    with pytest.raises(ArtifactError, match="corpus must be the path of an npz file"):
        Phonemes(corpus=tmp_path)
    whole = written.read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError, match=r"cut\.npz cannot be read as npz"):
        Phonemes(corpus=tmp_path / "cut.npz")


def test_a_corpus_that_changes_is_read_again(written):
    assert Phonemes(corpus=written, held_out="z").n_inputs == 26
    np.savez(written, **(by_hand() | {"cepstra": np.ones((17, 4))}))
    assert Phonemes(corpus=written, held_out="z").n_inputs == 8


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"split": "all"}, "split must be one of 'train', 'test', 'voice', got 'all'"),
        ({"held_out": "me"}, "held_out must be one of 'awb', 'kal', 'kal16', 'rms', 'slt', got 'me'"),
        ({"input_noise": -0.1}, "input_noise must be"),
        ({"corpus": 3}, "corpus must be the path of an npz file, got 3"),
    ],
)
def test_what_cannot_be_is_said(settings, words):
    with pytest.raises(InputError, match=words):
        Phonemes(**settings)
