"""Frame-wise phonemes: which phone is being spoken, said at every 10 ms (Graves and Schmidhuber 2005).

Published on TIMIT, which is recorded speech, 61 phones and not free.  Here speech is synthesised: strings of digits
spoken by the five voices of flite, whose phones end when the synthesiser says.  It is much easier than TIMIT, so that
networks may be compared with each other on it, but not with what was published.

Reference: Graves and Schmidhuber 2005, Neural Networks 18, 602.
"""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from ... import checks, seeding
from ...errors import InputError
from ...surroundings import in_own_surroundings
from ..base import Task, cross_entropy
from ..trials import Trials
from .corpus import Corpus, read_corpus

PAUSE = "pau"  # silence, in flite's set of phones
SPLITS = ("train", "test", "voice")


@dataclass(frozen=True)
class Phonemes(Task):
    """Say of each frame of a sentence which phone it is of; a trial is a sentence, the score the share of right frames.

    Inputs are 26 features per frame of 10 ms: log energy and 12 mel cepstra of 25 ms, and the slopes of these 13 over
    five frames, each with mean 0 and deviation 1 over the training frames.  Targets are one-hot: the phone at the
    middle of the frame.  The loss is the cross-entropy of the phones under the softmax of the outputs.

    The corpus that comes with the package is synthesised: 500 different sentences (zip codes, street numbers,
    hundreds) spoken by flite at several rates and pitches, with a random channel, gain and white noise of 15 to 35 dB;
    27 phones, silence included.  Its labels are exact, and it is no TIMIT.  Two of its five voices, ``"kal"`` (up to 4
    kHz) and ``"kal16"``, are one speaker.

    Args:
        split: "train"; "test": sentences that are not in the training set, of the same voices; or "voice": those of the
            voice held out.  No text is in two of them.
        held_out: the voice that is only in the split "voice"; "" holds no voice out.
        input_noise: standard deviation of Gaussian noise on the inputs, which keeps networks from learning by heart.
        corpus: path of another corpus; "" is the package's own.  An npz of cepstra (frame, coefficient), labels
            (frame,), whole numbers, ends (sentence,), the frames up to the end of each, texts, voices and test
            (sentence,), 1 where held out of training, and phones (phone,), their names.

    Raises:
        InputError: a parameter is out of its range; the message names it.
        ArtifactError: the corpus is missing, damaged, or without labels.

    >>> task = Phonemes(split="test")
    >>> task.n_inputs, len(task.phones), task.n_sentences
    (26, 27, 80)
    """

    _: KW_ONLY
    split: str = "train"
    held_out: str = "rms"
    input_noise: float = 0.0
    corpus: str = ""

    def __post_init__(self) -> None:
        checks.one_of("split", self.split, SPLITS)
        checks.number("input_noise", self.input_noise, above=0)
        if not isinstance(self.corpus, (str, os.PathLike)):
            raise InputError(f"corpus must be the path of an npz file, got {self.corpus!r}")
        object.__setattr__(self, "corpus", os.fspath(self.corpus))
        if self.held_out != "":
            checks.one_of("held_out", self.held_out, self.voices)
        for split in ("train", self.split):
            if not self._rows(split).size:
                raise InputError(f"split {split!r} of this corpus has no sentence when held_out is {self.held_out!r}")

    @property
    def _read(self) -> Corpus:
        return read_corpus(self.corpus)

    @property
    def voices(self) -> list[str]:
        """Who speaks."""
        return sorted(set(map(str, self._read.voices)))

    @property
    def phones(self) -> list[str]:
        """The phones; the k-th is output k."""
        return list(self._read.phones)

    @property
    def n_inputs(self) -> int:
        """Features of a frame."""
        return self._read.features.shape[1]

    @property
    def n_outputs(self) -> int:
        """One per phone."""
        return len(self._read.phones)

    @property
    def n_steps(self) -> int:
        """Frames of the longest sentence of all splits."""
        return self._read.longest

    @property
    def n_sentences(self) -> int:
        """Sentences of this split; so many trials are all of them, each once."""
        return len(self._rows(self.split))

    def _rows(self, split: str) -> np.ndarray:
        """The sentences of a split, by their places in the corpus."""
        corpus = self._read
        ours, test = corpus.voices == self.held_out, corpus.test
        return np.flatnonzero({"train": ~ours & ~test, "test": ~ours & test, "voice": ours}[split])

    @cached_property
    def _features(self) -> np.ndarray:
        """(frame, feature) as they are shown: the training frames have mean 0 and deviation 1."""
        shown, seen = self._read.features, self._read.features[self._trained]
        deviation = seen.std(axis=0)
        return ((shown - seen.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)

    @property
    def _trained(self) -> np.ndarray:
        """Which frames are in the training set, boolean (frame,)."""
        corpus = self._read
        return np.repeat(np.isin(np.arange(len(corpus.ends)), self._rows("train")), corpus.ends - corpus.starts)

    @cached_property
    def _means(self) -> dict[str, np.ndarray]:
        """The mean training frame of each phone that is in the training set."""
        trained, labels = self._trained, self._read.labels
        frames = {phone: self._features[trained & (labels == k)] for k, phone in enumerate(self.phones)}
        return {phone: of.mean(axis=0, dtype=np.float64) for phone, of in frames.items() if len(of)}

    @property
    def rest(self) -> np.ndarray:
        """The mean frame of silence, (feature,); zero, the mean of all frames, in a corpus without."""
        return self._means.get(PAUSE, np.zeros(self.n_inputs)).copy()

    @property
    def rest_problem(self) -> str:
        """Why nothing can be said about what lasts at rest."""
        return "speech goes on: nothing of it is to be kept in silence"

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"``, silence, and the mean frame (feature,) of every other phone."""
        return {"rest": self.rest} | {p: frame.copy() for p, frame in self._means.items() if p != PAUSE}

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw sentences, each at most once as long as there are enough; conditions: ``"text"`` and ``"voice"``."""
        n_trials, seed = checks.count("n_trials", n_trials), seeding.as_seed(seed)
        members, rng = self._rows(self.split), seeding.stream(seed, "phonemes", "rows")
        n = len(members)
        chosen = members[rng.permutation(n)[:n_trials] if n_trials <= n else rng.integers(n, size=n_trials)]
        corpus, lengths = self._read, np.diff(self._read.ends, prepend=0)[chosen]
        frames = np.minimum(corpus.starts[chosen, None] + np.arange(self.n_steps), len(corpus.labels) - 1)
        inputs = self._features[frames]  # beyond the end of a sentence comes the next one, which Trials sets to zero
        if self.input_noise:
            draw = seeding.stream(seed, "phonemes", "noise").standard_normal(inputs.shape, np.float32)
            inputs = inputs + np.float32(self.input_noise) * draw
        targets = torch.eye(self.n_outputs)[torch.from_numpy(corpus.labels[frames])]
        conditions = {"text": corpus.texts[chosen], "voice": corpus.voices[chosen]}
        asked = torch.ones(targets.shape)
        return Trials(torch.from_numpy(inputs), targets, asked, conditions, torch.from_numpy(lengths))

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Whether the largest output is that of the phone."""
        return (outputs.argmax(-1) == targets.argmax(-1))[..., None].expand(targets.shape)

    def loss(self, outputs: Any, trials: Trials) -> torch.Tensor:
        """Mean cross-entropy in nats of the phones under the softmax of the outputs: a differentiable scalar.

        Raises:
            InputError: the trials have no targets, the shapes differ, or the mask leaves nothing to compare.
        """
        return cross_entropy(outputs, trials)

    def decode(self, outputs: Any) -> np.ndarray:
        """The phone of the largest output, one per row of outputs (..., phone); ``"?"`` for NaN."""
        y = checks.reals("outputs", outputs, (..., self.n_outputs), finite=False)
        return np.where(np.isnan(y).any(axis=-1), "?", np.array(self.phones)[y.argmax(axis=-1)])

    def spelled(self, outputs: Any, trials: Trials) -> list[list[str]]:
        """What outputs (trial, time, phone) say of each trial: its phones in order, of equal ones in a row one."""
        words = self.decode(outputs)
        found = []
        for row, length in zip(words, trials.lengths.tolist()):
            new = np.append(True, row[1:length] != row[: length - 1])
            found.append(row[:length][new].tolist())
        return found
