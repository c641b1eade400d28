"""Moore machines: in each state a label is said, and each symbol leads on to one state or nowhere.

The minimal machine is found by refining the labels until equal states have equal successors (Moore 1956); two machines
are compared over pairs of states reached by the same word (Hopcroft and Karp 1971), breadth first, so that the word on
which they first differ is a shortest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...checks import count, of_kind, rectangular
from ...errors import InputError
from ...records import Record
from ...wording import counted

Word = Sequence[str]
NOWHERE = -1


@dataclass(frozen=True, eq=False, repr=False)
class Automaton(Record):
    """A deterministic machine that says a label in each state.

    Args:
        symbols: (symbol,) names.
        labels: (state,) what each state says, strings.
        transitions: (state, symbol) the next state, -1 where the symbol may not come.
        start: the state before the first symbol.

    Raises:
        InputError: the shapes disagree, a symbol has no name of its own, or a transition or the start is no state.

    >>> parity = Automaton(["0", "1"], ["even", "odd"], [[0, 1], [1, 0]])
    >>> parity
    Automaton(2 states, 2 symbols)
    >>> parity.label("1101"), parity.difference(parity) is None
    ('odd', True)
    """

    symbols: np.ndarray
    labels: np.ndarray
    transitions: np.ndarray
    start: int = 0

    def __post_init__(self) -> None:
        symbols, labels = (rectangular(name, getattr(self, name)).astype(str) for name in ("symbols", "labels"))
        transitions = rectangular("transitions", self.transitions)
        if symbols.ndim != 1 or not symbols.size or len(set(symbols.tolist())) < len(symbols):
            raise InputError(f"symbols must be names, each once, and at least one, got {self.symbols!r}")
        if labels.ndim != 1 or not labels.size:
            raise InputError(f"labels must be one per state, and at least one, got {self.labels!r}")
        if transitions.shape != (len(labels), len(symbols)) or transitions.dtype.kind not in "iu":
            raise InputError(
                f"transitions must be whole numbers of shape {(len(labels), len(symbols))}, by labels and symbols, got "
                f"{transitions.shape} of {transitions.dtype}"
            )
        if ((transitions < NOWHERE) | (transitions >= len(labels))).any():
            raise InputError(f"transitions must be states from 0 to {len(labels) - 1}, or -1 for nowhere")
        start = count("start", self.start, least=0, most=len(labels) - 1)
        own = {"symbols": symbols, "labels": labels, "transitions": transitions.astype(np.int64), "start": start}
        for name, value in own.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_table(
        cls, table: Mapping[tuple[Any, str], Any], labels: Mapping[Any, str], start: Any, symbols: Iterable[str] = ()
    ) -> Automaton:
        """A machine from {(state, symbol): state} and {state: label}; states may have any names.

        Raises:
            InputError: a key is no pair, or a state has no label.

        >>> Automaton.from_table({("a", "x"): "b"}, {"a": "go", "b": "end"}, "a").label("x")
        'end'
        """
        for name, value in (("table", table), ("labels", labels)):
            of_kind(name, value, Mapping)
        for key in table:
            if not isinstance(key, tuple) or len(key) != 2:
                raise InputError(f"table must have keys (state, symbol), got {key!r}")
        if start not in labels:
            raise InputError(f"start must be a state with a label, got {start!r}")
        names = list(labels)
        known = list(symbols) or sorted({symbol for _, symbol in table}, key=str)
        transitions = np.full((len(names), len(known)), NOWHERE)
        for (state, symbol), after in table.items():
            if state not in labels or after not in labels or symbol not in known:
                raise InputError(f"table[{(state, symbol)!r}] names a state without a label, or an unknown symbol")
            transitions[names.index(state), known.index(symbol)] = names.index(after)
        return cls(np.array(known), np.array([labels[name] for name in names]), transitions, names.index(start))

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Automaton({counted(len(self), 'state')}, {counted(len(self.symbols), 'symbol')})"

    def indices(self, word: Word) -> list[int]:
        """The places of the symbols of a word; InputError for an unknown one."""
        places = {name: k for k, name in enumerate(self.symbols.tolist())}
        if not isinstance(word, Iterable):
            raise InputError(f"word must be a string or a list of symbols, got {word!r}")
        for k, symbol in enumerate(word):
            if symbol not in places:
                raise InputError(f"word must hold only the symbols {', '.join(places)}, got {symbol!r} at place {k}")
        return [places[symbol] for symbol in word]

    def path(self, word: Word) -> np.ndarray:
        """The states (len(word) + 1,) along a word, the start first; -1 from where it may not go on."""
        found = [self.start]
        for symbol in self.indices(word):
            found.append(int(self.transitions[found[-1], symbol]) if found[-1] != NOWHERE else NOWHERE)
        return np.array(found)

    def label(self, word: Word) -> str | None:
        """What is said after a word; None where the word may not be."""
        state = self.path(word)[-1]
        return None if state == NOWHERE else str(self.labels[state])

    def minimal(self) -> Automaton:
        """The smallest machine that says the same after every word, its states in the order of their shortest words."""
        seen = self._reachable()
        block = np.unique(self.labels, return_inverse=True)[1]
        while True:
            after = np.where(self.transitions == NOWHERE, NOWHERE, block[self.transitions])
            refined = np.unique(np.column_stack([block, after])[seen], axis=0, return_inverse=True)[1].reshape(-1)
            if len(np.unique(refined)) == len(np.unique(block[seen])):
                break
            block = np.full(len(self), NOWHERE)
            block[seen] = refined
        order = list(dict.fromkeys(block[seen].tolist()))
        first = [next(s for s in seen if block[s] == b) for b in order]
        place = {b: k for k, b in enumerate(order)}
        transitions = [[NOWHERE if t == NOWHERE else place[block[t]] for t in self.transitions[s]] for s in first]
        return Automaton(self.symbols, self.labels[first], np.array(transitions).reshape(len(first), -1))

    def _reachable(self) -> list[int]:
        """The states that some word leads to, breadth first."""
        seen = [self.start]
        for state in seen:
            seen += [t for t in dict.fromkeys(self.transitions[state].tolist()) if t != NOWHERE and t not in seen]
        return seen

    def words(self) -> list[list[str]]:
        """A shortest word to each state; an empty one for the start and for states that none leads to."""
        found: dict[int, list[str]] = {self.start: []}
        for state in (queue := [self.start]):
            for symbol, after in zip(self.symbols.tolist(), self.transitions[state].tolist()):
                if after != NOWHERE and after not in found:
                    found[after] = [*found[state], symbol]
                    queue.append(after)
        return [found.get(state, []) for state in range(len(self))]

    def difference(self, other: Automaton) -> list[str] | None:
        """A shortest word after which one machine says what the other does not, or may not be; None: there is none.

        Raises:
            InputError: the other is no Automaton, or has other symbols.
        """
        of_kind("other", other, Automaton)
        if sorted(self.symbols.tolist()) != sorted(other.symbols.tolist()):
            raise InputError(f"other must have the symbols {', '.join(self.symbols)}, got {', '.join(other.symbols)}")
        columns = [(name, k, other.symbols.tolist().index(name)) for k, name in enumerate(self.symbols.tolist())]
        found: dict[tuple[int, int], list[str]] = {(self.start, other.start): []}
        for pair in (queue := [(self.start, other.start)]):
            mine, its = pair
            if self.labels[mine] != other.labels[its]:
                return found[pair]
            for name, k, j in columns:
                after = int(self.transitions[mine, k]), int(other.transitions[its, j])
                if (after[0] == NOWHERE) != (after[1] == NOWHERE):
                    return [*found[pair], name]
                if after[0] != NOWHERE and after not in found:
                    found[after] = [*found[pair], name]
                    queue.append(after)
        return None
