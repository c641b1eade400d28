"""Strings of a language, shown symbol by symbol: at each step it is asked which symbols may come next."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import checks
from ...errors import InputError
from ...surroundings import in_own_surroundings
from ..trials import Trials
from .whole import WholeTrials


@dataclass(frozen=True)
class Language(WholeTrials, abc.ABC):
    """A language over :attr:`symbols`, each a unit; subclasses say which symbols are legal where.

    No symbol means that nothing happens, so that such a task has no input at rest: what a network does under each
    symbol, shown for ever, is in :attr:`drives`.
    """

    @property
    @abc.abstractmethod
    def symbols(self) -> str:
        """The alphabet; the k-th symbol is unit k."""

    @abc.abstractmethod
    def legal(self, string: str) -> str:
        """The symbols that may come next after the beginning ``string`` of a string, in the order of the symbols.

        Raises:
            InputError: ``string`` holds an unknown symbol, or is no beginning of a string of this language.
        """

    @abc.abstractmethod
    def accepts(self, string: str) -> bool:
        """Whether ``string`` is a string of this language; InputError for an unknown symbol."""

    @property
    def alphabet(self) -> dict[str, np.ndarray]:
        """The input (symbol,) that shows each symbol."""
        return dict(zip(self.symbols, np.eye(self.n_inputs)))

    @property
    def first(self) -> str:
        """The symbols with which a string may begin: what would be said before the first one."""
        return self.legal("")

    @property
    def n_inputs(self) -> int:
        """One per symbol."""
        return len(self.symbols)

    @property
    def n_outputs(self) -> int:
        """One per symbol."""
        return len(self.symbols)

    @property
    def rest_problem(self) -> str:
        """Why nothing can be said about what lasts at rest."""
        return "a language has no input at rest at which to ask what lasts: its symbols come one after the other"

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"``, no symbol, and each symbol shown for ever."""
        return {"rest": self.rest} | self.alphabet

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """Each symbol for one step, (1, symbol)."""
        return {symbol: row[None] for symbol, row in self.alphabet.items()}

    def as_indices(self, string: Any) -> np.ndarray:
        """The places (step,) of the symbols of a string; InputError where it is empty or holds another symbol."""
        if not isinstance(string, str) or not string:
            raise InputError(f"string must be one or more of the symbols {self.symbols}, got {string!r}")
        at = np.array([self.symbols.find(symbol) for symbol in string])
        for k in np.flatnonzero(at < 0)[:1]:
            raise InputError(f"string must hold only the symbols {self.symbols}, got {string[k]!r} at place {k}")
        return at

    @in_own_surroundings
    def show(self, strings: Iterable[str]) -> Trials:
        """Trials of given strings of this language, whole ones; condition: ``"string"``.

        Raises:
            InputError: one of them is no string of the language, or there is none.
        """
        strings = [strings] if isinstance(strings, str) else list(strings)
        if not strings:
            raise InputError("strings must hold at least one string")
        for k, string in enumerate(strings):
            if not self.accepts(string):
                raise InputError(f"strings[{k}] must be a string of the language, got {string!r}")
        return self._trials(strings)

    @abc.abstractmethod
    def _trials(self, strings: list[str], n_steps: int | None = None) -> Trials:
        """Trials of so many steps; None: as many as the longest string needs."""

    def _one_hot(self, strings: list[str], n_steps: int) -> np.ndarray:
        shown = np.zeros((len(strings), n_steps, len(self.symbols)), np.float32)
        for row, string in zip(shown, strings):
            at = self.as_indices(string)
            row[np.arange(len(at)), at] = 1
        return shown


def symbols_shown(trials: Trials) -> np.ndarray:
    """Which symbol each step shows, (trial, time)."""
    return trials.inputs.argmax(-1).cpu().numpy()


def in_order(symbols: str, chosen: Any) -> str:
    """The chosen ones (symbol,) of the symbols, as a string."""
    return "".join(symbol for symbol, here in zip(symbols, chosen) if here)


def chosen_symbols(symbols: str, outputs: Any, threshold: float) -> np.ndarray:
    """The symbols whose outputs (..., symbol) are above a threshold, "-" for none and "?" for NaN: strings (...)."""
    y = checks.reals("outputs", outputs, (..., len(symbols)), finite=False)
    bits = 2 ** np.arange(len(symbols))
    words = np.array([in_order(symbols, k & bits) or "-" for k in range(2 ** len(symbols))])
    return np.where(np.isnan(y).any(axis=-1), "?", words[(y > threshold) @ bits])


