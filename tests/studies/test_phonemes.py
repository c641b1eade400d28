"""Speech and phonemes: features and labels against what is known of a tone and of noise; the part in miniature."""

from __future__ import annotations

import math
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.fft import dct

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "classic_tasks"

# --- speech -------------------------------------------------------------------------------------------------

SECOND = np.arange(16_000) / 16_000
TONE = 0.5 * np.sin(2 * np.pi * 1000 * SECOND)
NOISE = np.random.default_rng(0).normal(0, 0.1, 16_000)


def test_a_second_is_98_frames_of_which_each_lies_whole_in_it():
    import speech

    assert speech.cepstra(TONE).shape == (98, 13)
    assert speech.cepstra(TONE[:400]).shape == (1, 13)
    with pytest.raises(dk.InputError, match="sound must be at least 400 samples long, one frame, got 399"):
        speech.cepstra(TONE[:399])


@pytest.mark.parametrize("sound", [TONE, NOISE], ids=["tone", "noise"])
@pytest.mark.parametrize("at", [1, 50])
def test_cepstra_are_those_of_the_formula_written_out(sound, at):
    import speech

    first = 160 * at
    frame = [(sound[first + t] - 0.97 * sound[first + t - 1]) for t in range(400)]
    frame = [x * (0.54 - 0.46 * math.cos(2 * math.pi * t / 399)) for t, x in enumerate(frame)]
    power = [abs(c) ** 2 / 512 for c in np.fft.rfft(frame + [0.0] * 112)]
    mel = [2595 * math.log10(1 + f / 700) for f in (60, 8000)]
    edges = [700 * (10 ** ((mel[0] + (mel[1] - mel[0]) * k / 27) / 2595) - 1) for k in range(28)]
    sums = [0.0] * 26
    for j in range(26):
        for k, p in enumerate(power):
            f = 31.25 * k
            if edges[j] < f <= edges[j + 1]:
                sums[j] += p * (f - edges[j]) / (edges[j + 1] - edges[j])
            elif edges[j + 1] < f < edges[j + 2]:
                sums[j] += p * (edges[j + 2] - f) / (edges[j + 2] - edges[j + 1])
    expected = dct(np.log(np.array(sums) + 1e-8), norm="ortho")[:13]
    expected *= [1 + 11 * math.sin(math.pi * n / 22) for n in range(13)]
    expected[0] = math.log(sum(x * x for x in frame))
    np.testing.assert_allclose(speech.cepstra(sound)[at], expected, rtol=1e-6, atol=1e-6)


def test_log_energy_is_that_of_a_tone_and_of_noise_through_the_pre_emphasis():
    import speech

    window = (np.hamming(400) ** 2).sum()
    gain = abs(1 - 0.97 * np.exp(-2j * np.pi * 1000 / 16_000)) ** 2
    np.testing.assert_allclose(speech.cepstra(TONE)[1:, 0], math.log(0.5**2 / 2 * gain * window), atol=0.01)
    expected = math.log(0.1**2 * (1 + 0.97**2) * window)
    assert speech.cepstra(NOISE)[:, 0].mean() == pytest.approx(expected, abs=0.05)


def test_twice_as_loud_changes_the_energy_alone():
    import speech

    soft, loud = speech.cepstra(NOISE), speech.cepstra(2 * NOISE)
    np.testing.assert_allclose(loud[:, 0] - soft[:, 0], math.log(4), atol=1e-6)
    np.testing.assert_allclose(loud[:, 1:], soft[:, 1:], atol=0.03)  # the floor of the logarithm


def test_a_frame_has_the_phone_at_its_middle():
    import speech

    spoken = speech.Spoken(TONE, ["s", "ih", "k"], np.array([0.1, 0.2, 0.5]))
    labels = speech.frame_labels(spoken, 60)
    middles = 0.0125 + 0.01 * np.arange(60)
    assert labels == ["s" if t < 0.1 else "ih" if t < 0.2 else "k" for t in middles]  # the last goes on to the end
    assert labels[8:11] == ["s", "ih", "ih"]


def written(path, rate=8000, seconds=0.5):
    samples = (12_000 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def test_a_wav_file_is_read_at_16_kilohertz_with_its_labels(tmp_path):
    import speech

    spoken = speech.read_spoken(written(tmp_path / "a.wav"), "pau:0.200 s:0.3 pau:0.5\n")
    assert spoken.phones == ["pau", "s", "pau"]
    np.testing.assert_array_equal(spoken.ends, [0.2, 0.3, 0.5])
    assert len(spoken.sound) == 8000
    t = np.arange(8000) / 16_000
    np.testing.assert_allclose(spoken.sound[500:-500], (0.3662 * np.sin(2 * np.pi * 440 * t))[500:-500], atol=2e-3)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("", r"a\.wav has no labels: give phones with their ends in seconds"),
        ("pau s", r"the labels of a\.wav must be written phone:end, got 'pau s'"),
        ("pau:0.3 s:0.2", r"the labels of a\.wav must be phones whose ends rise"),
    ],
)
def test_a_wav_file_without_labels_is_refused(tmp_path, labels, words):
    import speech

    with pytest.raises(dk.InputError, match=words):
        speech.read_spoken(written(tmp_path / "a.wav"), labels)


def test_without_flite_it_is_said_what_to_install(monkeypatch):
    import speech

    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("sys.argv", ["speech.py", "--sentences", "1", "--out", "nowhere.npz"])
    with pytest.raises(SystemExit, match="flite is not installed: on Debian or Ubuntu, apt-get install flite"):
        speech.main()


def test_sentences_are_different_and_made_of_numbers():
    import speech

    found = speech.different_sentences(300, np.random.default_rng(0))
    assert len(set(found)) == 300
    words = {word for text in found for word in text.split()}
    assert words <= {*speech.DIGITS, *speech.TEENS, *speech.TENS, "oh", "hundred", "and"}


def test_the_channel_keeps_the_signal_to_noise_ratio_between_15_and_35_decibels():
    import speech

    for seed in range(20):
        silent = np.concatenate([TONE, np.zeros(16_000)])
        heard = speech.through_a_channel(silent, np.random.default_rng(seed))
        noise = (heard[16_100:] ** 2).mean()
        ratio = 10 * math.log10(((heard**2).mean() - noise) / noise)
        assert 14.5 < ratio < 35.5


# --- the part in miniature ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "meant", "kinds"),
    [
        ("sitting", "kitten", (2, 1, 0)),
        ("kitten", "sitting", (2, 0, 1)),
        ("", "abc", (0, 0, 3)),
        ("abc", "", (0, 3, 0)),
        ("abc", "abc", (0, 0, 0)),
    ],
)
def test_edits_are_the_fewest_that_lead_from_one_string_to_the_other(said, meant, kinds):
    import phonemes

    steps = phonemes.edits(list(said), list(meant))
    assert "".join(ours for ours, _ in steps) == said
    assert "".join(theirs for _, theirs in steps) == meant
    changed = sum(1 for a, b in steps if a and b and a != b)
    assert (changed, sum(1 for _, b in steps if not b), sum(1 for a, _ in steps if not a)) == kinds


def test_cells_that_only_leak_have_the_time_constant_of_their_forget_gates():
    import phonemes

    model = dk.models.BidirectionalLSTM(26, 12, 27)
    bias = {"forward": 3.0, "backward": 4.0}
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.zero_()
            if "bias_ih" in name:
                p[12:24] = bias["backward" if name.endswith("reverse") else "forward"]
    rows = phonemes.time_constants(model, "BidirectionalLSTM", 0, 1)
    heard = set(phonemes.task("test").decode(phonemes.sentences("test").targets[phonemes.sentences("test").valid]))
    assert [{row["phone"] for row in rows if row["direction"] == way} for way in bias] == [heard, heard]
    for row in rows:
        leak = 1 / (1 + math.exp(-bias[row["direction"]]))
        for rank in (1, 10):
            assert row[f"time constant {rank} (ms)"] == pytest.approx(-10 / math.log(leak), rel=1e-5)
    assert phonemes.constant(np.array([0.0, 1.0, 1.2])).tolist() == [0.0, math.inf, math.inf]


def test_the_states_before_frames_are_those_of_the_run_in_its_direction():
    import phonemes

    model = dk.models.BidirectionalLSTM(26, 3, 27)
    trials = phonemes.sentences("test")
    states = model(trials.inputs, lengths=trials.lengths).states.detach().double().numpy()
    for way, own in (("forward", slice(3)), ("backward", slice(3, None))):
        system = dk.as_system(model.direction(way))
        found = phonemes.frames_by_phone(system, 2, reverse=way == "backward")
        assert len(found) > 20
        after = np.concatenate([system.step(x, u).numpy()[:, :3] for x, u in found.values()])
        known = states[trials.valid.numpy()][:, own]
        nearest = np.abs(after[:, None] - known).max(-1).min(1)
        assert nearest.max() < 1e-5


def test_networks_learn_and_are_drawn(tmp_path):
    import phoneme_figure
    import phonemes

    plain = phonemes.measure("Elman", 0, 2, 32)
    assert plain["sequences presented"] == 640
    assert 0.25 < plain["_curve"][-1] == plain["test frames right"] < 0.8  # of which silence is a sixth
    rows = [plain, plain | {"network": "BidirectionalLSTM"}]
    assert phonemes.learnt_after(plain, rows) == 640
    for curve, after in (([0.0, 1.0], 640), ([1.0, 1.0], 320), ([0.0, 0.0], "")):
        assert phonemes.learnt_after(rows[1] | {"_curve": curve}, rows) == after
    constants = [
        {"network": "BidirectionalLSTM", "direction": way, "phone": phone, "time constant 10 (ms)": 50.0}
        for way in ("forward", "backward")
        for phone in ("s", "pau")
    ]
    phoneme_figure.draw(rows, constants, tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 20_000


def test_errors_are_counted_per_hundred_phones():
    import phonemes

    trials = phonemes.sentences("test")
    right = phonemes.errors(trials.targets, "test")
    assert right == {f"{k} per 100": 0.0 for k in ("substitutions", "insertions", "deletions")} | {"most confused": ""}
    silent = torch.zeros(trials.targets.shape)
    silent[..., phonemes.task("test").phones.index("pau")] = 1
    found = phonemes.errors(silent, "test")
    n = sum(map(len, phonemes.task("test").spelled(trials.targets, trials)))
    assert found["deletions per 100"] == pytest.approx(100 * (n - len(trials)) / n)  # one silence each is right
    assert found["insertions per 100"] == found["substitutions per 100"] == 0
