"""Languages that ask for counting: a^n b^n and a^n b^n c^n.

Reference: Gers and Schmidhuber 2001, IEEE Transactions on Neural Networks 12, 1333.
A string is shown after a start symbol.  After each symbol the set of those that may come next is asked for, and after
the last b (or c) the end, which is the same unit as the start.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch

from ... import checks, seeding
from ...errors import InputError
from ...surroundings import in_own_surroundings
from ..base import signs_entropy
from ..timing import Gap, ends, gap
from ..trials import Trials
from .language import Language, chosen_symbols

START = "S"


@dataclass(frozen=True)
class CountingLanguage(Language):
    """Say after each symbol of ``S a^n b^n`` (``"ab"``) or ``S a^n b^n c^n`` (``"abc"``) which may come next.

    Targets are +1 for what may come and -1 for what may not, read at 0: ``a`` after the start, ``a`` and ``b`` after an
    ``a``, then ``b``, and from the last ``b`` on what must come; the end is the unit of the start.  A string is right
    if every output is at every step; the published criterion, :meth:`solved`, is that all strings are.

    Args:
        letters: "ab" | "abc".
        n: how many of each letter: a number, or a range (fewest, most), ends included, each drawn equally often.
        error: what training makes small: "squared", or "entropy", the cross-entropy of each symbol under the logistic
            of its output, in nats and summed over symbols.  A squared error asks for outputs of +-1 at any count; the
            entropy asks for the side of 0 alone, so that counts can become exact.

    Raises:
        InputError: a parameter is out of its range; the message names it.

    >>> task = CountingLanguage("abc", n=(1, 10))
    >>> task.legal("Saa"), task.legal("Saab"), task.legal("Saabb"), task.legal("Saabbcc")
    ('ab', 'b', 'c', 'S')
    >>> task.sample(4)
    Trials(4 trials, 10 to 25 steps, 4 inputs, 4 outputs)
    """

    letters: str = "ab"
    _: KW_ONLY
    n: Gap = (1, 10)
    error: str = "squared"

    def __post_init__(self) -> None:
        checks.one_of("letters", self.letters, ("ab", "abc"))
        object.__setattr__(self, "n", gap("n", self.n))
        checks.one_of("error", self.error, ("squared", "entropy"))

    @property
    def symbols(self) -> str:
        """The start (and end), and the letters."""
        return START + self.letters

    @property
    def n_steps(self) -> int:
        """Steps of the longest string, its start included."""
        return 1 + len(self.letters) * ends(self.n)[1]

    def legal(self, string: str) -> str:
        """The symbols that may come next after the beginning ``string`` of a string; ``"S"``: it is whole.

        Raises:
            InputError: ``string`` holds an unknown symbol, or is no beginning of a string of this language.
        """
        return self._after(self._runs(string)) if string else START

    def _after(self, runs: list[int]) -> str:
        n, done = runs[0], sum(run > 0 for run in runs)
        if done < 2:
            return self.letters[: 1 + done]  # a at first, then a or b
        if runs[done - 1] < n:
            return self.letters[done - 1]
        return self.letters[done] if done < len(self.letters) else START

    def _runs(self, string: str) -> list[int]:
        """How many of each letter a beginning of a string has."""
        self.as_indices(string)
        match = re.fullmatch(START + "".join(f"({letter}*)" for letter in self.letters), string)
        runs = [len(run) for run in match.groups()] if match else []
        done = sum(run > 0 for run in runs)
        whole = all(runs[:done]) and all(run == runs[0] for run in runs[: done - 1])  # no letter left out or too few
        if not match or not whole or max(runs) > runs[0]:
            raise InputError(f"string must begin a string {START}{'^n '.join(self.letters)}^n, got {string!r}")
        return runs

    def accepts(self, string: str) -> bool:
        """Whether ``string`` is a string of this language; InputError for an unknown symbol."""
        self.as_indices(string)
        try:
            return self.legal(string) == START
        except InputError:
            return False

    def string(self, n: int) -> str:
        """The string of this ``n``."""
        n = checks.count("n", n)
        return START + "".join(letter * n for letter in self.letters)

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw strings, in random order, no n twice before each has come once; conditions: ``"string"`` and ``"n"``."""
        rng, n_trials = seeding.stream(seeding.as_seed(seed), "counting", "n"), checks.count("n_trials", n_trials)
        low, high = ends(self.n)
        rounds = -(-n_trials // (high - low + 1))
        n = low + np.concatenate([rng.permutation(high - low + 1) for _ in range(rounds)])[:n_trials]
        return self._trials([self.string(int(k)) for k in n], self.n_steps)

    def every(self, numbers: Iterable[int]) -> Trials:
        """One trial for each of these ``n``."""
        return self.show([self.string(n) for n in numbers])

    def _trials(self, strings: list[str], n_steps: int | None = None) -> Trials:
        lengths = np.array([len(string) for string in strings])
        n_steps = int(lengths.max()) if n_steps is None else n_steps
        targets = np.zeros((len(strings), n_steps, len(self.symbols)), np.float32)
        for row, string in zip(targets, strings):
            row[: len(string)] = self._sets(string)
        numbers = (lengths - 1) // len(self.letters)
        return Trials(
            torch.from_numpy(self._one_hot(strings, n_steps)),
            torch.from_numpy(targets),
            torch.ones(targets.shape),
            {"string": np.array(strings), "n": numbers},
            torch.from_numpy(lengths),
        )

    def _sets(self, string: str) -> np.ndarray:
        """+1 for what may come after each symbol of a whole string, -1 for the rest: (step, symbol)."""
        n, k = (len(string) - 1) // len(self.letters), len(self.letters)
        may = np.zeros((len(string), k + 1), bool)
        may[: n + 1, 1] = True  # a after the start and after each a
        may[1 : n + 1, 2] = True  # b after each a
        for letter in range(1, k):
            first = 1 + n * letter  # where these begin
            may[first : first + n - 1, letter + 1] = True
            may[first + n - 1, (letter + 2) % (k + 1)] = True
        return np.where(may, 1.0, -1.0)

    def loss(self, outputs: Any, trials: Trials) -> torch.Tensor:
        """Mean squared error, or mean over steps of the cross-entropy, where the mask is 1: a differentiable scalar.

        Raises:
            InputError: the trials have no targets, the shapes differ, or the mask leaves nothing to compare.
        """
        return super().loss(outputs, trials) if self.error == "squared" else signs_entropy(outputs, trials)

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Right where output and target lie on the same side of 0."""
        return (outputs > 0) == (targets > 0)

    def decode(self, outputs: Any) -> np.ndarray:
        """The symbols that outputs (..., symbol) say may come, those above 0: ``"ab"``, ...; ``"?"`` for NaN."""
        return chosen_symbols(self.symbols, outputs, 0.0)
