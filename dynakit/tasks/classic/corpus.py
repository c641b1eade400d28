"""Frames of speech, each with the phone it is of: what lies on disk, and the slopes that are added on reading.

An npz of these arrays, the frames of all sentences end to end:

    cepstra (frame, 13)          log energy and 12 mel cepstra, every 10 ms
    labels  (frame,)             which of the phones each frame is of
    ends    (sentence,)          frames up to the end of each sentence
    texts, voices (sentence,)    what is said, and by whom
    test    (sentence,)          1 where the sentence is held out of training
    phones  (phone,)             their names
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...artifacts import read_npz
from ...errors import ArtifactError

OWN = Path(__file__).with_name("digits.npz")  # made by studies/classic_tasks/speech.py
REACH = 2  # frames to each side that a slope is taken over
AXES = {"cepstra": "frame", "labels": "frame", "ends": "sentence", "texts": "sentence"}
AXES |= {"voices": "sentence", "test": "sentence", "phones": "phone"}


@dataclass(frozen=True, eq=False)
class Corpus:
    """Sentences with a phone per frame, as they were read."""

    features: np.ndarray  # (frame, feature)  cepstra and their slopes
    labels: np.ndarray  # (frame,)  which phone
    ends: np.ndarray  # (sentence,)  frames up to the end of each
    texts: np.ndarray  # (sentence,)
    voices: np.ndarray  # (sentence,)
    test: np.ndarray  # (sentence,)  held out of training
    phones: tuple[str, ...]

    @property
    def starts(self) -> np.ndarray:
        """(sentence,) frames before each."""
        return np.concatenate([[0], self.ends[:-1]])

    @property
    def longest(self) -> int:
        """Frames of the longest sentence."""
        return int((self.ends - self.starts).max())


def read_corpus(path: str) -> Corpus:
    """The corpus in a file; "" is the package's own.

    Raises:
        ArtifactError: there is no such file, it is damaged, or it lacks something, such as its labels.
    """
    file = Path(path) if path else OWN
    try:
        status = file.stat()
        return _read(file, status.st_mtime_ns, status.st_size)
    except OSError as error:
        if isinstance(error, ArtifactError):
            raise
        raise ArtifactError(f"corpus must be the path of an npz file, got {str(file)!r}: {error.strerror}") from None


@lru_cache(maxsize=2)
def _read(file: Path, changed: int, size: int) -> Corpus:
    arrays = read_npz(file.read_bytes(), f"corpus {file}", packed=True)
    for name in AXES:
        if name not in arrays:
            raise ArtifactError(f"corpus {file} has no {name}; it holds {', '.join(arrays) or 'nothing'}")
    if problem := _problem(arrays):
        raise ArtifactError(f"corpus {file} is damaged: {problem}")
    cepstra, ends = arrays["cepstra"].astype(np.float64), arrays["ends"].astype(int)
    features = np.concatenate([cepstra, slopes(cepstra, ends)], axis=1)
    phones = tuple(map(str, arrays["phones"]))
    labels, texts, voices, test = (arrays[name] for name in ("labels", "texts", "voices", "test"))
    return Corpus(features, labels.astype(int), ends, texts, voices, test != 0, phones)


def _problem(arrays: dict[str, np.ndarray]) -> str:
    """What cannot be in these arrays, in words; empty if all can."""
    dimensions = {name: 2 if name == "cepstra" else 1 for name in AXES}
    for name, n in dimensions.items():
        if arrays[name].ndim != n or not arrays[name].size:
            return f"{name} has shape {arrays[name].shape}"
        if arrays[name].dtype.kind not in ("U" if name in ("texts", "voices", "phones") else "biuf"):
            return f"{name} has dtype {arrays[name].dtype}"
    sizes = {axis: {name: len(arrays[name]) for name in AXES if AXES[name] == axis} for axis in ("frame", "sentence")}
    for axis, found in sizes.items():
        if len(set(found.values())) > 1:
            return f"the numbers of {axis}s differ, {', '.join(f'{n} of {name}' for name, n in found.items())}"
    labels, ends, n_phones = arrays["labels"], arrays["ends"], len(arrays["phones"])
    if not np.isfinite(arrays["cepstra"]).all():
        return "cepstra are not finite"
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= n_phones:
        return f"labels must be whole numbers from 0 to {n_phones - 1}"
    if ends.dtype.kind not in "iu" or (np.diff(ends.astype(int), prepend=0) < 1).any() or ends[-1] != len(labels):
        return f"ends must be whole numbers that rise to the {len(labels)} frames"
    return ""


def slopes(cepstra: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """sum_k k (c_{t+k} - c_{t-k}) / (2 sum_k k^2), k = 1, 2 (frame, coefficient): the line through five frames.

    The first and the last frame of a sentence go on beyond it.
    """
    lengths = np.diff(ends, prepend=0)
    first, last = np.repeat(ends - lengths, lengths), np.repeat(ends - 1, lengths)
    at, found = np.arange(len(cepstra)), np.zeros_like(cepstra)
    for k in range(1, REACH + 1):
        found += k * (cepstra[np.minimum(at + k, last)] - cepstra[np.maximum(at - k, first)])
    return found / (2 * sum(k * k for k in range(1, REACH + 1)))
