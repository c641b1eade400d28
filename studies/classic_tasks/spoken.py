"""(j) A spot check on real speech: 31 recorded utterances, three networks.

The data are TIDIGITS utterances (Leonard 1984), strings of one to seven digits by a man and a woman, that come as
cepstra with Debian's package pocketsphinx-testdata, the words beside them.  Which phone is spoken when is found by
forced alignment: the package pocketsphinx (Huggins-Daines et al. 2006) fits the hidden Markov model of the digits that
lies with the data to the words.  Such labels are a machine's and not exact, and 31 utterances are few: what is learnt
is whether the order of the networks that synthesised speech gives is that of real speech, no more.

Features are the 13 cepstra as they are, and their slopes.  Each seed holds six other utterances out of training.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import torch

import dynakit as dk

DATA = Path(os.environ.get("POCKETSPHINX_TESTDATA", "/usr/share/pocketsphinx/test/data"))
N_CEPSTRA = 13
N_TEST = 6
HIDDEN = 48
EPOCHS = 200
BATCH = 13  # 25 utterances are two batches
RATE = 3e-3  # falls to nothing along half a cosine
NOISE = 0.1  # on the inputs, in training
KINDS: dict[str, Any] = {
    "Elman": dk.models.Elman,
    "LSTM": dk.models.LSTM,
    "BidirectionalLSTM": dk.models.BidirectionalLSTM,
}


def missing() -> str:
    """What this part needs and does not find, in a sentence; empty if all is there."""
    lacks = []
    if not (DATA / "tidigits" / "tidigits.lsn").is_file():
        lacks.append(f"the recordings in {DATA} (on Debian or Ubuntu: apt-get install pocketsphinx-testdata)")
    if importlib.util.find_spec("pocketsphinx") is None:
        lacks.append("the aligner (.venv/bin/pip install pocketsphinx)")
    return f"left out: it needs {' and '.join(lacks)}" if lacks else ""


def read_words(file: Path) -> dict[str, str]:
    """The words of each utterance, from lines such as ``three oh (man.ah.3oa)``."""
    found = {}
    for line in file.read_text().splitlines():
        words, _, name = line.partition("(")
        if not words.strip() or not name.endswith(")"):
            raise dk.InputError(f"{file.name} must have lines like 'three oh (man.ah.3oa)', got {line[:60]!r}")
        found[name[:-1]] = words.strip()
    return found


def read_cepstra(file: Path) -> np.ndarray:
    """(frame, 13) of a file of cepstra: how many numbers there are, then the numbers, the high byte first."""
    data = file.read_bytes()
    told, numbers = data[:4], np.frombuffer(data[4:], ">f4", count=max(0, len(data) // 4 - 1))
    if numbers.size == 0 or numbers.size % N_CEPSTRA or told != numbers.size.to_bytes(4, "big"):
        raise dk.InputError(f"{file.name} must hold frames of {N_CEPSTRA} cepstra, got {len(data)} bytes that are none")
    return numbers.reshape(-1, N_CEPSTRA).astype(np.float32)


def aligner() -> Any:
    """A decoder with the model and the dictionary of the digits."""
    from pocketsphinx import Decoder  # type: ignore[import-not-found]

    model = DATA / "tidigits"
    return Decoder(hmm=str(model / "hmm"), dict=str(model / "lm" / "tidigits.dic"), lm=None, loglevel="FATAL")


def align(decoder: Any, cepstra: np.ndarray, words: str) -> list[tuple[str, int]]:
    """The phones of an utterance, each with the frame it begins at, by two passes: words, then phones in them.

    Silence is put before and after the words: left to itself, the first phone often takes the silence before it.
    """

    def listen() -> None:
        decoder.start_utt()
        decoder.process_cep(cepstra.astype("<f4").tobytes(), full_utt=True)
        decoder.end_utt()

    decoder.set_align_text(f"<sil> {words} <sil>")
    listen()
    decoder.set_alignment()
    listen()
    return [(phone.name, phone.start) for phone in decoder.get_alignment().phones()]  # their durations are wrong


def frame_labels(phones: list[tuple[str, int]], n_frames: int) -> list[str]:
    """The phone (frame,) of each frame; the model's ``AY_five`` and ``AY_nine`` are one phone, silence is ``pau``."""
    starts = [start for _, start in phones]
    if starts[0] != 0 or sorted(set(starts)) != starts or starts[-1] >= n_frames:
        raise dk.InputError(f"phones must begin at frame 0 and rise to less than {n_frames}, got {starts}")
    names = [name.partition("_")[0] for name, _ in phones]
    plain = ["pau" if name == "SIL" else name for name in names]
    return np.repeat(plain, np.diff([*starts, n_frames])).tolist()


@functools.cache
def utterances() -> list[dict[str, Any]]:
    """All utterances with their cepstra and the phone of every frame."""
    decoder, found = aligner(), []
    for name, words in read_words(DATA / "tidigits" / "tidigits.lsn").items():
        cepstra = read_cepstra(DATA / "tidigits" / f"{name}.mfc")
        labels = frame_labels(align(decoder, cepstra, words), len(cepstra))
        found.append({"text": words, "voice": name.split(".")[0], "cepstra": cepstra, "labels": labels})
    return found


def corpus(spoken: list[dict[str, Any]], seed: int) -> dict[str, np.ndarray]:
    """The arrays of a corpus, as ``dk.tasks.Phonemes`` reads it; the seed draws the six that are held out."""
    held = np.random.default_rng(seed).permutation(len(spoken))[:N_TEST]
    phones = sorted({phone for each in spoken for phone in each["labels"]})
    return {
        "cepstra": np.concatenate([each["cepstra"] for each in spoken]),
        "labels": np.array([phones.index(phone) for each in spoken for phone in each["labels"]], np.uint8),
        "ends": np.cumsum([len(each["labels"]) for each in spoken]),
        "texts": np.array([each["text"] for each in spoken]),
        "voices": np.array([each["voice"] for each in spoken]),
        "test": np.isin(np.arange(len(spoken)), held),
        "phones": np.array(phones),
    }


def measure(kind: str, seed: int, path: str, epochs: int = EPOCHS, n_hidden: int = HIDDEN) -> dict[str, Any]:
    """One network, trained on the corpus in a file and judged on what is held out of it."""
    train, test = (dk.tasks.Phonemes(corpus=path, held_out="", split=split) for split in ("train", "test"))
    noisy = dk.tasks.Phonemes(corpus=path, held_out="", input_noise=NOISE)
    model = KINDS[kind].for_task(noisy, n_hidden, seed=seed)
    updates = epochs * -(-noisy.n_sentences // BATCH)
    method = dk.training.BPTT(learning_rate=RATE, batch_size=BATCH, max_updates=updates, decay_to=0.0)
    began = time.process_time()
    dk.train(model, noisy, method, seed=seed)
    seconds = time.process_time() - began
    return {
        "network": kind,
        "hidden": n_hidden,
        "weights": sum(p.numel() for p in model.parameters()),
        "seed": seed,
        "train utterances": train.n_sentences,
        "test utterances": test.n_sentences,
        "test frames": int(test.sample(test.n_sentences).lengths.sum()),
        "phones": len(test.phones),
        "sequences presented": updates * BATCH,
        "train frames right": frames_right(model, train),
        "test frames right": frames_right(model, test),
        "most frequent phone": most_frequent(test),
        "training CPU s": seconds,
    }


def frames_right(model: Any, task: Any) -> float:
    """The share of frames of a split whose phone the network says."""
    trials = task.sample(task.n_sentences).until_the_longest()
    with torch.no_grad():
        return task.score(model(trials.inputs, lengths=trials.lengths).outputs, trials)


def most_frequent(task: Any) -> float:
    """The share of frames right of one who always says the most frequent phone."""
    trials = task.sample(task.n_sentences)
    counts = trials.targets[trials.valid].sum(0)
    return float(counts.max() / counts.sum())


def run(out: Path, *, quick: bool, n_jobs: int) -> str:
    """Three networks, three seeds; with --quick one seed, few epochs.  Says what is missing where something is."""
    if reason := missing():
        return reason
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    folder = parts.OUT / "classic_tasks" / "spoken"
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        np.savez(folder / f"{seed}.npz", **corpus(utterances(), seed))  # type: ignore[arg-type]
    epochs = 20 if quick else EPOCHS
    jobs = [(kind, seed, str(folder / f"{seed}.npz"), epochs) for kind in KINDS for seed in seeds]
    rows = parts.rows(measure, jobs, n_jobs)
    parts.write("classic_tasks", out / "spoken.csv", rows, seeds=seeds, started=started, quick=quick)
    return ""
