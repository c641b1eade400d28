"""The stream of sequences against the published one, and its options against what they say."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from dynakit.errors import InputError
from dynakit.tasks import SequenceStream
from dynakit.tasks.sequence import N_DIGITS, SEQUENCES, endings, windowed_accuracy

PUBLISHED_BEFORE = [168, 145, 131, 154, 161, 145, 125, 149]
DIGEST = "d6918c03a2186eced55c64324efc924de7007a992fbb0a1092e5729cc38d068b"
PUBLISHED_AFTER = [138, 157, 151, 158, 145, 131, 155, 143]


@pytest.fixture(scope="module")
def published():
    return SequenceStream().draw(seed=3)


def test_the_stream_is_the_published_one(published):
    assert len(published) == 20_002
    assert len(published.ends) == 2356
    assert np.bincount(published.kinds[~published.swapped]).tolist() == PUBLISHED_BEFORE
    assert np.bincount(published.kinds[published.swapped]).tolist() == PUBLISHED_AFTER
    first = int(np.flatnonzero(published.swapped)[0])
    assert published.ends[first - 1] + 2 == 10_004  # one noise symbol, then the first exchanged sequence
    digest = hashlib.sha256(published.symbols.astype("<i8").tobytes()).hexdigest()
    assert digest == DIGEST


def test_every_noise_symbol_occurs_once_and_stands_after_a_sequence(published):
    noise = published.symbols >= N_DIGITS
    assert np.flatnonzero(noise).tolist() == (published.ends + 1).tolist()
    assert len(np.unique(published.symbols[noise])) == len(published.ends)
    assert published.ids[noise].tolist() == list(range(N_DIGITS, N_DIGITS + len(published.ends)))


def test_the_exchange_changes_every_ending_and_nothing_else(published):
    for kind, sequence in enumerate(SEQUENCES):
        for swapped in (False, True):
            some = np.flatnonzero((published.kinds == kind) & (published.swapped == swapped))
            for k in some[:5]:
                end = published.ends[k]
                got = published.symbols[end - len(sequence) + 1 : end + 1].tolist()
                assert got[:-1] == list(sequence[:-1])
                assert (got[-1] == sequence[-1]) is not swapped
    assert (published.symbols[published.ends] == published.endings[:, 0]).all()


def test_a_table_of_prefixes_reaches_the_known_ceiling(published):
    """The last ending seen after each prefix: .9852 by the score of the table, 16 errors."""
    table, hits = {}, []
    begin = np.concatenate([[0], published.ends[:-1] + 2])
    for a, end in zip(begin, published.ends):
        prefix = tuple(published.symbols[a:end])
        hits.append(table.get(prefix) == published.symbols[end])
        table[prefix] = published.symbols[end]
    assert len(hits) - sum(hits) == 16
    assert windowed_accuracy(hits).mean() == pytest.approx(0.9852, abs=5e-5)


def test_only_the_codes_depend_on_the_seed_of_the_published_stream(published):
    other = SequenceStream().draw(seed=4)
    assert np.array_equal(other.symbols, published.symbols)
    assert not np.array_equal(other.codes, published.codes)
    assert np.array_equal(SequenceStream(code_seed=3).draw(seed=4).codes, published.codes)
    assert np.abs(published.codes).max() <= 1
    gaps = ((published.codes[:1000] - published.codes[1000:2000]) ** 2).sum(axis=1)
    assert gaps.mean() == pytest.approx(25 * 2 / 3, rel=0.02)


def test_one_hot_codes_tell_all_digits_apart_and_noise_takes_the_rest_in_turn(published):
    stream = SequenceStream(codes="one-hot", code_size=13).draw(seed=3)
    assert np.array_equal(stream.symbols, published.symbols)
    assert np.array_equal(stream.codes[:10], np.eye(13)[:10])
    assert stream.codes[10:].argmax(axis=1)[:7].tolist() == [10, 11, 12, 10, 11, 12, 10]
    assert (stream.codes.sum(axis=1) == 1).all()
    assert set(np.unique(stream.codes)) == {0.0, 1.0}
    whole = SequenceStream(codes="one-hot", code_size=10 + 2356).draw(0)
    assert np.array_equal(whole.codes, np.eye(2366))


def test_one_hot_trials_decode_to_what_they_were_made_of():
    task = SequenceStream(codes="one-hot", code_size=14)
    trials = task.sample(12, seed=1)
    noise = trials.mask[..., 0].numpy() == 0
    place = trials.targets.numpy().argmax(-1)
    assert set(place[noise].tolist()) == {10, 11, 12, 13}
    assert (place[~noise] < 10).all()
    assert (task.decode(trials.targets)[~noise] == place[~noise].astype(str)).all()
    assert (trials.targets.sum(-1) == 1).all()


def test_fresh_streams_differ_and_repeat():
    task = SequenceStream(fresh=True, n_elements=2000, swap_at=1000)
    assert np.array_equal(task.draw(1).symbols, task.draw(1).symbols)
    assert not np.array_equal(task.draw(1).symbols[:500], task.draw(2).symbols[:500])
    assert 0 < task.draw(1).swapped.mean() < 1


def test_codes_become_known_one_after_the_other(published):
    assert published.n_known[0] == N_DIGITS
    assert published.n_known[-1] == N_DIGITS + 2356
    assert (np.diff(published.n_known) == (published.symbols[1:] >= N_DIGITS)).all()


@pytest.mark.parametrize("n", [1, 2, 4, 5])
@pytest.mark.parametrize("swapped", [False, True])
def test_several_endings_never_belong_to_both_of_a_pair(n, swapped):
    for kind in range(0, 8, 2):
        one, other = (set(endings(k, n, swapped=swapped)) for k in (kind, kind + 1))
        assert len(one) == len(other) == n
        assert not one & other


def test_several_endings_are_drawn_equally_often():
    stream = SequenceStream(n_endings=4).draw(0)
    place = (stream.endings == stream.symbols[stream.ends][:, None]).argmax(axis=1)
    assert np.bincount(place) == pytest.approx(np.full(4, 2356 / 4), rel=0.15)


def test_temporal_noise_hits_one_of_the_elements_two_to_four():
    clean = SequenceStream().draw(0)
    stream = SequenceStream(temporal_noise=1.0, noise_from=12_000).draw(0)
    changed = np.flatnonzero(stream.symbols != clean.symbols)
    assert changed.min() >= 12_000
    begin = np.concatenate([[0], stream.ends[:-1] + 2])
    place = changed - begin[np.searchsorted(begin, changed, side="right") - 1]
    assert set(place.tolist()) == {1, 2, 3}
    n_after = (begin >= 12_000).sum()
    assert len(changed) / n_after == pytest.approx(0.9, abs=0.03)  # a tenth draw the digit that stood there


def test_the_window_holds_a_hundred_and_one_results():
    hits = np.zeros(300)
    hits[150] = 1
    accuracy = windowed_accuracy(hits)
    assert np.flatnonzero(accuracy).tolist() == list(range(150, 251))
    assert accuracy[150] == pytest.approx(1 / 101)
    assert windowed_accuracy([1, 0, 0, 1]).tolist() == pytest.approx([1, 1 / 2, 1 / 3, 2 / 4])


def test_trials_ask_for_endings_and_teach_everything_but_noise():
    task = SequenceStream()
    trials = task.sample(20, seed=1)
    n_scored = trials.score_mask[..., 0].sum() / trials.mask[..., 0].numel()
    assert float(n_scored) == pytest.approx(1 / 8.5, rel=0.05)
    noise = trials.mask[..., 0] == 0
    labels = task.decode(trials.targets)
    nearest = np.linalg.norm(trials.targets.numpy()[:, :, None] - task.digits, axis=-1).min(-1)
    assert (nearest[~noise.numpy()] < 1e-6).all()
    assert (nearest[noise.numpy()] > 1).all()
    assert set(labels[trials.score_mask[..., 0].numpy() > 0]) == {"0", "1", "5", "6"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"code_size": 0}, "code_size must be at least 1"),
        ({"codes": "binary"}, "codes must be one of 'random', 'one-hot', got 'binary'"),
        ({"codes": "one-hot", "code_size": 10}, "code_size must be at least 11"),
        ({"n_elements": 0}, "n_elements must be at least 1"),
        ({"n_endings": 6}, "n_endings must be between 1 and 5"),
        ({"temporal_noise": 1.5}, "temporal_noise must be"),
        ({"n_noise": 60_000}, "n_noise is 50000 in the published stream"),
        ({"n_noise": 10, "fresh": True}, "n_noise must be at least"),
        ({"swap_at": -1}, "swap_at must be at least 0"),
        ({"code_seed": np.random.default_rng(0)}, "code_seed must be a whole number"),
    ],
)
def test_bad_settings_are_named(settings, said):
    with pytest.raises(InputError, match=said):
        replace(SequenceStream(), **settings)
