"""The search for a machine: states are told apart by what is said after a growing set of suffixes.

Angluin 1987 (Information and Computation 75, 87), with the states of the teacher itself for the rows of the table; the
suffix in a word on which machine and teacher differ: Rivest and Schapire 1993 (ibid. 103, 299).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .machine import NOWHERE, Automaton
from .teacher import END, Teacher


class ObservationTable:
    """The states found so far, and the suffixes that tell them apart."""

    def __init__(self, teacher: Teacher, most: int) -> None:
        self.teacher, self.most, self.full = teacher, most, False
        self.suffixes: list[list[int]] = [[], *([k] for k in range(len(teacher.symbols)))]
        self.words: list[list[int]] = []
        self.states = torch.zeros(0, teacher.system.state_size, dtype=torch.float64)

    def close(self) -> Automaton:
        """Follow every symbol from every state until no new state appears; the machine of what was found."""
        self._restart()
        rows: list[np.ndarray] = []
        while len(rows) < len(self.found):
            rows.append(self._row(len(rows)))
        self.states = torch.stack(self.found)
        return Automaton(np.array(self.teacher.symbols), np.array(self.labels, dtype=str), np.stack(rows))

    def _restart(self) -> None:
        x = self.teacher.system.initial_state()[None]
        (signature,) = self._signatures(x, [[]])
        self.known, self.full = {signature: 0}, False
        self.found, self.labels, self.words = [x[0]], [signature[0]], [[]]

    def _row(self, at: int) -> np.ndarray:
        """Where each symbol leads from a state, (symbol,); states that are new join the others."""
        teacher, row = self.teacher, np.full(len(self.teacher.symbols), NOWHERE)
        words = {k: [*self.words[at], k] for k in teacher.may(self.labels[at])}
        on = [k for k, word in words.items() if not teacher.over(word)]
        for k in words.keys() - set(on):
            row[k] = self._place((END,), torch.full_like(self.found[0], torch.nan), words[k])
        if on:
            after = teacher.system.step(self.found[at].expand(len(on), -1), teacher.inputs[on])
            for k, signature, x in zip(on, self._signatures(after, [words[k] for k in on]), after):
                row[k] = self._place(signature, x, words[k])
        return row

    def _place(self, signature: tuple[str, ...], x: Tensor, word: list[int]) -> int:
        """The number of the state with this signature, a new one where none has it and there is room."""
        if signature not in self.known:
            if len(self.known) >= self.most:
                self.full = True
                return NOWHERE
            self.known[signature] = len(self.found)
            self.found.append(x)
            self.labels.append(signature[0])
            self.words.append(word)
        return self.known[signature]

    def _signatures(self, x: Tensor, words: list[list[int]]) -> list[tuple[str, ...]]:
        """What is said after each suffix from states (row, unit), to which these words led."""
        return list(zip(*(self.teacher.after(suffix, x, words).tolist() for suffix in self.suffixes)))

    def learn(self, machine: Automaton, word: list[int]) -> bool:
        """Take the suffix that tells two states apart from a word on which machine and network differ, if one does."""
        path = machine.path([self.teacher.symbols[k] for k in word])
        said = [self._end(state, word[i:]) for i, state in enumerate(path) if state != NOWHERE]
        for i, (before, after) in enumerate(pairwise(said)):
            if before != after and word[i + 1 :] not in self.suffixes:
                self.suffixes.append(word[i + 1 :])
                return True
        return False

    def _end(self, state: int, suffix: list[int]) -> str:
        """What the network says after a suffix from its own state for a state of the machine."""
        x = self.states[state]
        return END if bool(torch.isnan(x).any()) else str(self.teacher.after(suffix, x[None], [self.words[state]])[0])
