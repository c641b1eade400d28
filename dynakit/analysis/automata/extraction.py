"""Reading a machine out of a network: the network is the teacher, and its states are asked for their futures.

Two states of a network stand for one state of a machine as long as no continuation in a set of suffixes tells them
apart; a word on which machine and network differ gives a new suffix (for trained networks: Weiss, Goldberg and Yahav
2018).  What is asked are states that words lead to, not fixed points alone: a counter modulo three has three states,
and none of them need be at rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import linalg
from ...checks import count, function, reals
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...seeding import stream
from ...systems.base import System, checked
from ...wording import counted
from .machine import NOWHERE, Automaton
from .table import ObservationTable
from .teacher import END, Teacher

LOOPS = (10, 30, 100)  # times that a symbol which leads a state to itself is repeated in the words of stress


@dataclass(frozen=True, kw_only=True, repr=False)
class Extraction(Result):
    """The machine that was read out of a network, and how far it holds.

    Attributes:
        access: (state,) the word that leads to each state of the machine, symbols joined by spaces
        labels: (state,) what the network says there; "." where the word is over, "!" where its state is not finite
        states: (state, unit) the state of the network after that word; NaN where the word is over
        transitions: (state, symbol) the state that each symbol leads to, -1 where it may not come
        symbols: the symbols, in the order of the transitions
        n_words: how many words machine and network were compared on
        n_agreeing: on how many of them they say the same after every symbol
        counterexample: a shortest of those on which they differ, cut where they do; None: there is none
        n_stress: how many words of stress there are: the way to a state, a symbol that leaves it where it is, again and
            again, and a future
        stress_example: the shortest of these on which they differ; None: there is none
        separation: share of the visited states of the network that lie nearest to the mean of their own machine state,
            means taken over half of the words and shares over the other; NaN without words
        complete: whether the search ended by itself, and not by its largest number of states
        median_length: of the words compared, in symbols: of long words it says little that short ones agree
        longest: of them
    """

    access: np.ndarray = per_item()
    labels: np.ndarray = per_item()
    states: np.ndarray = per_item()
    transitions: np.ndarray = per_item()
    symbols: list[str]
    n_words: int
    n_agreeing: int
    counterexample: list[str] | None
    n_stress: int
    stress_example: list[str] | None
    separation: float
    complete: bool
    median_length: float = float("nan")
    longest: int = 0

    @property
    def automaton(self) -> Automaton:
        """The minimal machine."""
        return Automaton(np.array(self.symbols), self.labels, self.transitions).minimal()

    def headline(self) -> str:
        size = counted(len(self.automaton), "state")
        said = f"{size}, in agreement with the network on {self.n_agreeing} of {counted(self.n_words, 'word')}"
        said += f" of up to {counted(self.longest, 'symbol')}" if self.longest else ""
        if self.counterexample is not None:
            said += f", but not after {_shown(self.counterexample)}"
        if not self.complete:
            said += "; the search was ended by max_states: do first= and whole= say how words begin and end?"
        if not self.n_stress:
            said += "; no words of stress, as no symbol leaves a state where it is"
        if self.stress_example is not None:
            said += f"; under stress they part after {_shown(self.stress_example)}"
        return said


@with_provenance
def extract_automaton(
    system: System,
    alphabet: Any,
    decode: Callable[[Any], Any] | None = None,
    *,
    words: Iterable[Sequence[str]] | int = 2000,
    legal: bool | None = None,
    whole: Callable[[list[str]], bool] | None = None,
    first: str | None = None,
    max_states: int = 64,
    seed: Any = 0,
) -> Extraction:
    """Read a finite automaton out of a network that is shown words symbol by symbol.

    Arguments:
        system: the network, started in its own first state.
        alphabet: symbol -> its input (input,); or a task that has ``alphabet``, ``decode`` and the rest of its own.
        decode: outputs (..., output) -> labels (...), such as ``task.decode``; numbers are read as their names.
        words: those on which network and machine are to agree, lists of symbols; or how many are drawn: from the task
            if one is given, else of 1 to 60 random symbols that may come, fewer where ``whole`` ends them before.
        legal: whether a label names the symbols that may come next, one character each, and no others are asked for;
            None: as the task has it, else False.
        whole: whether a word, a list of symbols, is over, so that nothing may come after it; None: of a language, as
            that accepts it, else none ever is.
        first: what counts as said before the first symbol, where a network is not taught it; None: of a task its own,
            else what the network says.
        max_states: states of the machine at most.

    Raises:
        InputError: an argument cannot be used.

    >>> import dynakit as dk, torch
    >>> flip = lambda x, u: torch.tanh(5 * torch.where(x == 0, 1.0, x) * (1 - 2 * u))
    >>> net = dk.FunctionSystem(flip, 1, 1, argument_order="state, input")
    >>> bits = {"0": [0.0], "1": [1.0]}
    >>> extract_automaton(net, bits, lambda y: np.where(y[..., 0] < 0, "odd", "even")).automaton
    Automaton(2 states, 2 symbols)
    """
    teacher = _teacher(checked(system), alphabet, decode, legal=legal, whole=whole, first=first)
    most = count("max_states", max_states)
    with linalg.one_thread(), torch.no_grad():
        tests = _words(teacher, alphabet, words, seed)
        table = ObservationTable(teacher, most)
        machine = table.close()
        found = _first(teacher, machine, tests)
        while found is not None and not table.full and table.learn(machine, found):
            machine = table.close()
            found = _first(teacher, machine, tests)
        stress = _stress(machine, table.suffixes)
        parted = _first(teacher, machine, stress)
        n_agreeing = teacher.partings(machine, tests).count(None)
        separation = _separation(teacher, machine, tests)
    return Extraction(
        access=np.array([" ".join(teacher.symbols[k] for k in word) for word in table.words]),
        labels=machine.labels,
        states=table.states.numpy(),
        transitions=machine.transitions,
        symbols=teacher.symbols,
        n_words=len(tests),
        n_agreeing=n_agreeing,
        counterexample=None if found is None else [teacher.symbols[k] for k in found],
        n_stress=len(stress),
        stress_example=None if parted is None else [teacher.symbols[k] for k in parted],
        separation=separation,
        complete=not table.full,
        median_length=float(np.median([len(word) for word in tests])) if tests else np.nan,
        longest=max(map(len, tests), default=0),
    )


def _first(teacher: Teacher, machine: Automaton, words: list[list[int]]) -> list[int] | None:
    """The shortest beginning of one of the words after which the machine says what the network does not."""
    ends = teacher.partings(machine, words)
    cut = [word[:end] for word, end in zip(words, ends) if end is not None]
    return min(cut, key=len, default=None)


def _teacher(
    system: System, alphabet: Any, decode: Any, *, legal: bool | None, whole: Any, first: str | None
) -> Teacher:
    table = getattr(alphabet, "alphabet", alphabet)
    decode = getattr(alphabet, "decode", None) if decode is None else decode
    if not isinstance(table, Mapping) or not table:
        raise InputError(f"alphabet must be a dict of symbols and inputs, or a task that has one, got {alphabet!r}")
    if not callable(decode):
        raise InputError("decode must be a function of outputs that gives labels, such as the decode of a task")
    if whole is not None:
        function("whole", whole, "a word, a list of symbols")
    inputs = np.stack([reals(f"alphabet[{name!r}]", value, (system.input_size,)) for name, value in table.items()])
    return Teacher(
        system,
        [str(name) for name in table],
        torch.from_numpy(inputs),
        decode,
        hasattr(alphabet, "legal") if legal is None else bool(legal),
        _accepts(alphabet) if whole is None else whole,
        getattr(alphabet, "first", None) if first is None else str(first),
    )


def _accepts(task: Any) -> Callable[[list[str]], bool] | None:
    """Whether a task with a grammar accepts a word; None of any other."""
    if not hasattr(task, "accepts"):
        return None
    return lambda word: bool(word) and task.accepts("".join(word))


def _words(teacher: Teacher, alphabet: Any, words: Any, seed: Any) -> list[list[int]]:
    """The words of the comparison as places of symbols."""
    places = {symbol: k for k, symbol in enumerate(teacher.symbols)}
    if isinstance(words, (int, np.integer)):
        n = count("words", words)
        return _of_task(teacher, alphabet, n, seed) if hasattr(alphabet, "sample") else _random(teacher, n, seed)
    if not isinstance(words, Iterable):
        raise InputError(f"words must be how many, or a list of words, got {words!r}")
    found = []
    for k, word in enumerate(words):
        if not isinstance(word, Iterable):
            raise InputError(f"words[{k}] must be a string or a list of symbols, got {word!r}")
        found.append([str(symbol) for symbol in word])
    for k, word in enumerate(found):
        for symbol in word:
            if symbol not in places:
                raise InputError(f"words[{k}] must hold only the symbols {', '.join(places)}, got {symbol!r}")
    return [[places[symbol] for symbol in word] for word in found]


def _of_task(teacher: Teacher, task: Any, n: int, seed: Any) -> list[list[int]]:
    """The words that the trials of a task show."""
    trials = task.sample(n, seed=seed)
    distances = torch.cdist(trials.inputs.double(), teacher.inputs)
    if float(distances.amin(-1)[trials.valid].max()) > 1e-3:
        raise InputError("alphabet must hold every input that the trials of the task show; give words instead")
    return [row[:end] for row, end in zip(distances.argmin(-1).tolist(), trials.lengths.tolist())]


def _random(teacher: Teacher, n: int, seed: Any) -> list[list[int]]:
    """Random words of 1 to 60 symbols, each of those that may come where it comes."""
    rng = stream(seed, "automaton", "words")
    lengths, found = rng.integers(1, 61, n), [[] for _ in range(n)]
    x, alive = teacher.system.initial_state().expand(n, -1), np.ones(n, bool)
    for t in range(int(lengths.max())):
        symbols = np.zeros(n, int)
        for row, label in enumerate(teacher.labels(x)):
            ways = teacher.may(label)
            alive[row] &= bool(ways) and t < lengths[row]
            if alive[row]:
                symbols[row] = ways[int(rng.integers(len(ways)))]
                found[row].append(int(symbols[row]))
                alive[row] = not teacher.over(found[row])
        x = teacher.system.step(x, teacher.inputs[symbols])
    return found


def _stress(machine: Automaton, suffixes: list[list[int]]) -> list[list[int]]:
    """The way to each state that a symbol leaves where it is, that symbol many times, and each future that may be."""
    return [
        [*machine.indices(way), *[int(symbol)] * n, *future]
        for state, way in enumerate(machine.words())
        for symbol in np.flatnonzero(machine.transitions[state] == state)
        for future in _futures(machine, state, suffixes)
        for n in LOOPS
    ]


def _futures(machine: Automaton, state: int, suffixes: list[list[int]]) -> list[list[int]]:
    """Those of the suffixes that may follow a state, and a shortest way from it to the end of a word, if any."""
    own, names = Automaton(machine.symbols, machine.labels, machine.transitions, state), machine.symbols.tolist()
    found = [suffix for suffix in suffixes if own.label([names[k] for k in suffix]) is not None]
    ways = [machine.indices(way) for way, label in zip(own.words(), machine.labels) if label == END and way]
    return found + [way for way in ways if way not in found]


def _separation(teacher: Teacher, machine: Automaton, words: list[list[int]]) -> float:
    """The share of visited states nearest to the mean of their machine state, by halves of the words."""
    halves: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    owners: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    names = machine.symbols.tolist()
    for k, (word, states) in enumerate(zip(words, teacher.along(words)[0])):
        path = machine.path([names[s] for s in word])
        keep = (path != NOWHERE) & (machine.labels[path] != END)
        halves[k % 2].append(states[keep])
        owners[k % 2].append(path[keep])
    if not all(halves):
        return float("nan")
    (x, y), (a, b) = (np.concatenate(h) for h in halves), (np.concatenate(o) for o in owners)
    known = np.unique(a)
    means = np.stack([x[a == s].mean(0) for s in known])
    nearest = torch.cdist(torch.from_numpy(y), torch.from_numpy(means)).argmin(1).numpy()
    return float((known[nearest] == b).mean())


def _shown(word: Sequence[str]) -> str:
    """A word in print, cut where it is long."""
    text = ("" if all(len(symbol) == 1 for symbol in word) else " ").join(word)
    return repr(text) if len(text) <= 40 else repr(text[:18] + "..." + text[-18:])
