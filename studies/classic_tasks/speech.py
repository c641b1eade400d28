"""The corpus of the phoneme part: numbers spoken by flite, and the phone of every frame.

    python3 studies/classic_tasks/speech.py [--sentences 500] [--out FILE.npz]

flite (Black and Lenzo 2001; Debian's package ``flite``) says when each phone of what it speaks ends, so that labels are
exact.  Each sentence is another; voices take turns, and of each voice's sentences every fifth is held out of training.
The file that comes with the package was made by this command, once; neither the study nor the tests need flite.

Features, at 16 kHz: x'_t = x_t - 0.97 x_{t-1}; frames of 25 ms every 10 ms, under a Hamming window; the power spectrum
P = |FFT_512|^2 / 512; the logarithm of its sums under 26 triangles that are equally wide in mel,
2595 log10(1 + f / 700), from 60 Hz to 8 kHz (Davis and Mermelstein 1980); their orthonormal DCT-II, coefficients 1 to
12, times 1 + 11 sin(pi n / 22); and in place of coefficient 0 the logarithm of the frame's energy.  Slopes are added by
the package on reading.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.fft import dct
from scipy.signal import resample_poly

import dynakit as dk

RATE = 16_000  # Hz
HOP, WINDOW, FFT = 160, 400, 512  # samples: 10 ms, 25 ms
N_MEL, N_CEPSTRA = 26, 13
LOWEST = 60.0  # Hz
FLOOR = 1e-8  # of powers, below which the logarithm does not follow
GRAIN = 8  # cepstra are kept in eighths, which errs by less than 2 % of their spread: they compress by a half
PITCH = {"kal": 105.0, "kal16": 105.0, "awb": 130.0, "rms": 100.0, "slt": 180.0}  # Hz, of each voice
FOLDS = 5  # of the sentences of a voice, every fifth is held out
OUT = Path(dk.__file__).parent / "tasks" / "classic" / "digits.npz"

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


@dataclass(frozen=True)
class Spoken:
    """A sound and the phones in it."""

    sound: np.ndarray  # (sample,) at 16 kHz
    phones: list[str]
    ends: np.ndarray  # (phone,) s


def cepstra(sound: np.ndarray) -> np.ndarray:
    """Log energy and 12 mel cepstra (frame, 13) of a sound (sample,) at 16 kHz: see the head of this file."""
    if len(sound) < WINDOW:
        raise dk.InputError(f"sound must be at least {WINDOW} samples long, one frame, got {len(sound)}")
    sound = np.append(sound[0], sound[1:] - 0.97 * sound[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP] * np.hamming(WINDOW)
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2 / FFT
    logarithms = np.log(power @ mel_filters().T + FLOOR)
    found = np.asarray(dct(logarithms, type=2, axis=1, norm="ortho"))[:, :N_CEPSTRA]
    found *= 1 + 11 * np.sin(np.pi * np.arange(N_CEPSTRA) / 22)
    found[:, 0] = np.log((frames**2).sum(axis=1) + FLOOR)
    return found


def mel_filters() -> np.ndarray:
    """Triangles (filter, frequency) of height 1, each from the middle of the last to that of the next, in Hz."""
    low, high = (2595 * np.log10(1 + f / 700) for f in (LOWEST, RATE / 2))
    edges = 700 * (10 ** (np.linspace(low, high, N_MEL + 2) / 2595) - 1)
    left, middle, right = (edges[k : k + N_MEL, None] for k in range(3))
    f = np.arange(FFT // 2 + 1) * RATE / FFT
    return np.maximum(0, np.minimum((f - left) / (middle - left), (right - f) / (right - middle)))


def frame_labels(spoken: Spoken, n_frames: int) -> list[str]:
    """The phone (frame,) at the middle of each frame."""
    middles = (np.arange(n_frames) * HOP + WINDOW / 2) / RATE
    which = np.minimum(np.searchsorted(spoken.ends, middles, side="right"), len(spoken.phones) - 1)
    return [spoken.phones[k] for k in which]


def read_spoken(sound: Path, durations: str) -> Spoken:
    """A wav file with what flite says of it, ``"phone:end phone:end ..."`` in seconds.

    Raises InputError for a wav file without labels, or with labels that are none.
    """
    pairs = [word.rpartition(":") for word in durations.split()]
    if not pairs:
        raise dk.InputError(f"{sound.name} has no labels: give phones with their ends in seconds, as 'pau:0.2 s:0.3'")
    try:
        phones, ends = [phone for phone, _, _ in pairs], np.array([float(end) for _, _, end in pairs])
    except ValueError:
        raise dk.InputError(f"the labels of {sound.name} must be written phone:end, got {durations[:40]!r}") from None
    if not all(phones) or (np.diff(ends, prepend=0) < 0).any():
        raise dk.InputError(f"the labels of {sound.name} must be phones whose ends rise, got {durations[:40]!r}")
    with wave.open(str(sound)) as file:
        rate, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return Spoken(resample_poly(samples / 32768, RATE, rate), phones, ends)


def speak(text: str, voice: str, stretch: float, pitch: float) -> Spoken:
    """What flite makes of a text: ``stretch`` times as slow as the voice is, at ``pitch`` Hz."""
    if shutil.which("flite") is None:
        raise dk.InputError("flite is not installed: on Debian or Ubuntu, apt-get install flite")
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sentence.wav"
        how = ["--setf", f"duration_stretch={stretch:.3f}", "--setf", f"int_f0_target_mean={pitch:.1f}", "-psdur"]
        command = ["flite", "-voice", voice, *how, "-t", text, "-o", str(sound)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return read_spoken(sound, said)


def through_a_channel(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sound tilted towards low or high frequencies, louder or softer, in white noise of 15 to 35 dB."""
    tilt, gain, ratio = rng.uniform(-0.3, 0.3), rng.uniform(0.3, 1.2), rng.uniform(15, 35)
    sound = gain * (sound + tilt * np.append(0, sound[:-1]))
    return sound + np.sqrt((sound**2).mean() / 10 ** (ratio / 10)) * rng.standard_normal(len(sound))


def sentence(rng: np.random.Generator) -> str:
    """A zip code, a few digits, a street number, hundreds, or a digit and a number of two."""
    kind = rng.choice(5, p=[0.45, 0.15, 0.2, 0.1, 0.1])
    if kind < 2:
        return " ".join(_digit(rng) for _ in range(5 if kind == 0 else rng.integers(2, 5)))
    if kind == 2:
        return f"{_two_digits(rng)} {_two_digits(rng)}"
    first = DIGITS[rng.integers(1, 10)]
    if kind == 4:
        return f"{first} {_two_digits(rng)}"
    rest = ["", _two_digits(rng), f"and {_two_digits(rng)}"][rng.choice(3, p=[0.4, 0.42, 0.18])]
    return f"{first} hundred {rest}".strip()


def _digit(rng: np.random.Generator) -> str:
    return "oh" if rng.random() < 0.12 else DIGITS[rng.integers(10)]


def _two_digits(rng: np.random.Generator) -> str:
    if rng.random() < 0.25:
        return TEENS[rng.integers(10)]
    tens = TENS[rng.integers(8)]
    return tens if rng.random() < 0.3 else f"{tens} {DIGITS[rng.integers(1, 10)]}"


def different_sentences(n: int, rng: np.random.Generator) -> list[str]:
    """So many sentences, no two of them equal."""
    found: dict[str, None] = {}
    while len(found) < n:
        found[sentence(rng)] = None
    return list(found)


def make(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """The arrays of a corpus of so many sentences; ``dk.tasks.Phonemes`` says what they are."""
    rng = np.random.default_rng(seed)
    texts, names = different_sentences(n, rng), list(PITCH)
    voices = [names[k % len(names)] for k in range(n)]
    rows, labels = [], []
    for text, voice in zip(texts, voices):
        spoken = speak(text, voice, rng.uniform(0.8, 1.3), PITCH[voice] * rng.uniform(0.85, 1.2))
        rows.append(cepstra(through_a_channel(spoken.sound, rng)))
        labels.append(frame_labels(spoken, len(rows[-1])))
    phones = sorted({phone for row in labels for phone in row})
    return {
        "cepstra": (np.round(np.concatenate(rows) * GRAIN) / GRAIN).astype(np.float16),
        "labels": np.array([phones.index(phone) for row in labels for phone in row], np.uint8),
        "ends": np.cumsum([len(row) for row in rows]),
        "texts": np.array(texts),
        "voices": np.array(voices),
        "test": np.arange(n) // len(names) % FOLDS == FOLDS - 1,
        "phones": np.array(phones),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    try:
        corpus = make(arguments.sentences)
    except dk.InputError as error:
        sys.exit(str(error))
    np.savez_compressed(arguments.out, **corpus)  # type: ignore[arg-type]
    print(f"{arguments.sentences} sentences, {len(corpus['labels'])} frames, {len(corpus['phones'])} phones")


if __name__ == "__main__":
    main()
