"""A network as a teacher of words: what it says after each symbol, and which symbols may come where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...systems.base import System
from .machine import NOWHERE, Automaton

STRAYED = "~"  # stands for the label of a future that leaves what may come
END = "."  # said once a word is over
LOST = "!"  # what a network says whose state is no longer finite, whatever its outputs are read as


@dataclass(frozen=True)
class Teacher:
    """A network that is shown symbols and read by labels."""

    system: System
    symbols: list[str]
    inputs: Tensor  # (symbol, input)
    decode: Callable[[Any], Any]
    legal: bool  # whether labels name the symbols that may come
    whole: Callable[[list[str]], bool] | None  # whether a word is over; None: none ever is
    first: str | None  # what is said before the first symbol; None: as the network says

    def labels(self, x: Tensor) -> np.ndarray:
        """What the network says in states (..., unit)."""
        said = np.asarray(self.decode(self.system.observe(x).numpy()))
        if said.shape != x.shape[:-1]:
            raise InputError(f"decode must give a label per row of outputs, {tuple(x.shape[:-1])}, got {said.shape}")
        said = said.astype(str).astype(object)  # numbers and truth values as a machine names them
        said[~torch.isfinite(x).all(-1).numpy()] = LOST
        if self.first is not None:
            said[(x == self.system.initial_state()).all(-1).numpy()] = self.first
        return said

    def may(self, label: str) -> list[int]:
        """The symbols that may come where this is said."""
        if label in (END, STRAYED):
            return []
        return [k for k, symbol in enumerate(self.symbols) if not self.legal or symbol in label]

    def over(self, word: list[int]) -> bool:
        """Whether a word is over, so that nothing comes after it."""
        return self.whole is not None and bool(self.whole([self.symbols[k] for k in word]))

    def after(self, suffix: list[int], x: Tensor, ways: list[list[int]]) -> np.ndarray:
        """What the network says (row,) at the end of a suffix from states (row, unit), to which these words led."""
        if suffix and not self.legal and self.whole is None:
            return self.labels(self.system.trajectory(x, self.inputs[suffix].expand(len(x), -1, -1))[:, -1])
        said = self.labels(x)
        for k, symbol in enumerate(suffix, start=1):
            strayed = np.array([symbol not in self.may(label) for label in said], dtype=bool)
            x = self.system.step(x, self.inputs[symbol].expand(len(x), -1))
            said = self.labels(x)
            if self.whole is not None:
                said[[self.over(way + suffix[:k]) for way in ways]] = END
            said[strayed] = STRAYED
        return said

    def along(self, words: list[list[int]]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """States (step + 1, unit) and labels (step + 1,) of the network along each word, its start first."""
        longest, start = max((len(word) for word in words), default=0), self.system.initial_state()
        inputs = torch.zeros(len(words), longest, self.inputs.shape[1], dtype=torch.float64)
        for row, word in zip(inputs, words):
            row[: len(word)] = self.inputs[word]
        states = start.expand(len(words), 1, -1)
        if longest:
            states = torch.cat([states, self.system.trajectory(start, inputs)], 1)
        labels, ends = self.labels(states), [len(word) + 1 for word in words]
        for row, word, end in zip(labels, words, ends):
            if self.over(word):
                row[end - 1] = END
        return [s[:end].numpy() for s, end in zip(states, ends)], [row[:end] for row, end in zip(labels, ends)]

    def partings(self, machine: Automaton, words: list[list[int]]) -> list[int | None]:
        """After how many symbols of each word the machine first says what the network does not; None: after none."""
        return [_parting(machine, word, said) for word, said in zip(words, self.along(words)[1])]


def _parting(machine: Automaton, word: list[int], said: np.ndarray) -> int | None:
    state = machine.start
    if machine.labels[state] != said[0]:
        return 0
    for k, symbol in enumerate(word, start=1):
        state = int(machine.transitions[state, symbol])
        if state == NOWHERE or machine.labels[state] != said[k]:
            return k
    return None
