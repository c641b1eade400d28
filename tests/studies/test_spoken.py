"""Real speech: what is read of the recordings, which phone each frame is given, and what is said without them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "classic_tasks"
FRAMES = np.arange(39, dtype=np.float32).reshape(3, 13) / 7


def cepstra_file(path, numbers=FRAMES, told=None):
    head = np.array([numbers.size if told is None else told], ">i4").tobytes()
    path.write_bytes(head + numbers.astype(">f4").tobytes())
    return path


def test_cepstra_are_read_with_the_high_byte_first(tmp_path):
    import spoken

    found = spoken.read_cepstra(cepstra_file(tmp_path / "a.mfc"))
    np.testing.assert_array_equal(found, FRAMES)
    assert found.dtype == np.float32


def test_a_file_that_holds_no_cepstra_is_refused(tmp_path):
    import spoken

    words = r"a\.mfc must hold frames of 13 cepstra, got"
    for numbers, told in ((FRAMES, 38), (FRAMES.ravel()[:38], 38), (FRAMES[:0], 0)):
        with pytest.raises(dk.InputError, match=words):
            spoken.read_cepstra(cepstra_file(tmp_path / "a.mfc", numbers, told))
    (tmp_path / "a.mfc").write_bytes(b"\0\0")
    with pytest.raises(dk.InputError, match=words):
        spoken.read_cepstra(tmp_path / "a.mfc")


def test_words_are_read_by_utterance(tmp_path):
    import spoken

    (tmp_path / "w.lsn").write_text("three oh (man.ah.3oa)\none (woman.ak.1b)\n")
    assert spoken.read_words(tmp_path / "w.lsn") == {"man.ah.3oa": "three oh", "woman.ak.1b": "one"}
    (tmp_path / "w.lsn").write_text("three oh\n")
    with pytest.raises(dk.InputError, match=r"w\.lsn must have lines like 'three oh \(man\.ah\.3oa\)', got 'three oh'"):
        spoken.read_words(tmp_path / "w.lsn")


class Decoder:
    """An aligner that hears what it should, keeps what it was told, and says durations that are wrong."""

    def __init__(self):
        self.told = []

    def set_align_text(self, words):
        self.told.append(words)

    def start_utt(self):
        self.told.append("start")

    def process_cep(self, data, full_utt):
        self.told.append((np.frombuffer(data, "<f4").reshape(-1, 13), full_utt))

    def end_utt(self):
        self.told.append("end")

    def set_alignment(self):
        self.told.append("phones")

    def get_alignment(self):
        said = [SimpleNamespace(name=n, start=k, duration=99) for n, k in [("SIL", 0), ("AY_five", 1), ("SIL", 2)]]
        return SimpleNamespace(phones=lambda: said)


def test_an_utterance_is_heard_twice_with_silence_around_its_words():
    import spoken

    decoder = Decoder()
    assert spoken.align(decoder, FRAMES, "five") == [("SIL", 0), ("AY_five", 1), ("SIL", 2)]
    assert [t for t in decoder.told if isinstance(t, str)] == [
        *("<sil> five <sil>", "start", "end"),
        *("phones", "start", "end"),
    ]
    for heard, full in (t for t in decoder.told if not isinstance(t, str)):
        np.testing.assert_array_equal(heard, FRAMES)
        assert full


def test_a_phone_lasts_until_the_next_begins():
    import spoken

    labels = spoken.frame_labels([("SIL", 0), ("AY_nine", 2), ("N_nine_2", 3), ("SIL", 6)], 8)
    assert labels == ["pau", "pau", "AY", "N", "N", "N", "pau", "pau"]
    for phones in ([("SIL", 1)], [("SIL", 0), ("AY_five", 8)], [("SIL", 0), ("A", 3), ("B", 3)], [("A", 0), ("B", -1)]):
        with pytest.raises(dk.InputError, match="phones must begin at frame 0 and rise to less than 8, got"):
            spoken.frame_labels(phones, 8)


def utterances():
    """Twelve made up: each phone has a mean frame of its own."""
    rng, phones = np.random.default_rng(0), ("pau", "AY", "N")
    means, found = dict(zip(phones, rng.normal(size=(3, 13)))), []
    for k in range(12):
        labels = [phones[i] for i in np.repeat(rng.permutation(3), rng.integers(2, 5, 3))]
        cepstra = np.array([means[p] + 0.1 * rng.normal(size=13) for p in labels], np.float32)
        found.append({"text": str(k), "voice": "man", "cepstra": cepstra, "labels": labels})
    return found


def test_six_other_utterances_are_held_out_for_each_seed():
    import spoken

    of = [spoken.corpus(utterances(), seed) for seed in (0, 1)]
    assert [int(arrays["test"].sum()) for arrays in of] == [6, 6]
    assert (of[0]["test"] != of[1]["test"]).any()
    assert [str(of[0]["phones"][k]) for k in of[0]["labels"]] == [p for each in utterances() for p in each["labels"]]


@pytest.mark.parametrize("kind", ["Elman", "BidirectionalLSTM"])
def test_a_network_learns_phones_that_can_be_told_apart(kind, tmp_path):
    import spoken

    np.savez(tmp_path / "c.npz", **spoken.corpus(utterances(), 0))
    row = spoken.measure(kind, 0, str(tmp_path / "c.npz"), epochs=40, n_hidden=16)
    assert (row["train utterances"], row["test utterances"], row["phones"]) == (6, 6, 3)
    held = [each for each, test in zip(utterances(), spoken.corpus(utterances(), 0)["test"]) if test]
    labels = [p for each in held for p in each["labels"]]
    assert row["test frames"] == len(labels)
    assert row["most frequent phone"] == pytest.approx(max(map(labels.count, labels)) / len(labels))
    assert row["test frames right"] > 0.9 > row["most frequent phone"]


def test_without_the_packages_it_is_said_in_one_sentence_what_to_install(monkeypatch, tmp_path, capsys):
    import parts
    import spoken

    monkeypatch.setattr(spoken, "DATA", tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("sys.argv", ["study.py", "--only", "spoken", "--out", str(tmp_path / "out")])
    parts.main("classic_tasks", {"spoken": spoken.run}, "")
    assert capsys.readouterr().out == (
        f"spoken: left out: it needs the recordings in {tmp_path} (on Debian or Ubuntu: apt-get install "
        "pocketsphinx-testdata) and the aligner (.venv/bin/pip install pocketsphinx)\n"
    )
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "tidigits").mkdir()
    (tmp_path / "tidigits" / "tidigits.lsn").touch()
    assert spoken.missing() == "left out: it needs the aligner (.venv/bin/pip install pocketsphinx)"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert spoken.missing() == ""
