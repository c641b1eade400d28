"""The embedded Reber grammar: what comes second must come again as the last but one (Hochreiter and Schmidhuber 1997).

A string is B, then T or P, then a string of Reber's grammar (Reber 1967), then the same T or P, then E.  To know the
last but one symbol, the second has to be kept in mind while the inner string goes by (experiment 1, after Smith and
Zipser 1989 and Cleeremans, Servan-Schreiber and McClelland 1989).
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from ... import checks, seeding
from ...errors import InputError
from ...surroundings import in_own_surroundings
from ..base import cross_entropy
from ..trials import Trials
from .language import Language, chosen_symbols, in_order, symbols_shown

SYMBOLS = "BTPSXVE"
INNER = (  # (symbol, next) from each state of Reber's own automaton; 7: its end
    (("B", 1),),
    (("T", 2), ("P", 3)),
    (("S", 2), ("X", 4)),
    (("T", 3), ("V", 5)),
    (("X", 3), ("S", 6)),
    (("P", 4), ("V", 6)),
    (("E", 7),),
)
FIRST, BRANCH = 1, 9  # the state after the first B; states of a branch: 7 inner ones, before and after its symbol
SHORTEST = 9  # symbols of the shortest string
N_FIXED = 256  # strings in each fixed set


def _automaton() -> dict[tuple[int, str], int]:
    """(state, symbol) -> state: 0 before all, 1 after the first B, nine states for each branch, and the end, 20."""
    found = {(0, "B"): FIRST}
    for k, symbol in enumerate("TP"):
        first = FIRST + 1 + BRANCH * k
        found[FIRST, symbol] = first
        found |= {(first + i, s): first + after for i, ways in enumerate(INNER) for s, after in ways}
        found |= {(first + 7, symbol): first + 8, (first + 8, "E"): FIRST + 2 * BRANCH + 1}
    return found


AUTOMATON = _automaton()
END = FIRST + 2 * BRANCH + 1
NEXT = np.full((END + 1, len(SYMBOLS)), -1)
for (_at, _symbol), _after in AUTOMATON.items():
    NEXT[_at, SYMBOLS.index(_symbol)] = _after
LEGAL = NEXT >= 0  # (state, symbol)
WAYS = [[(s, after) for (state, s), after in AUTOMATON.items() if state == at] for at in range(END)]


@dataclass(frozen=True)
class EmbeddedReber(Language):
    """Predict the next symbol of each string; targets are the symbols that came, one-hot.

    A string is right if at every step each symbol that may come is more active than each that may not; the published
    criterion, :meth:`solved`, is that all strings are.  Both branches are taken with probability 1/2 everywhere, which
    gives 12 symbols on average.

    Args:
        strings: "fresh" draws new strings; "train" and "test" draw from two fixed sets of 256 strings, as published:
            random ones, those of the training set excluded from the test set.
        pair: which pair of fixed sets; three were published.
        longest: symbols of the longest string; longer ones are drawn again, which at 60 hardly ever happens.
        error: what training makes small: "squared", as published, or "entropy", the cross-entropy of the symbols under
            the softmax of the outputs, which is learnt from fewer strings.

    Raises:
        InputError: a parameter is out of its range; the message names it.

    >>> task = EmbeddedReber()
    >>> task.legal("BTBT"), task.accepts("BTBTXSETE")
    ('SX', True)
    """

    _: KW_ONLY
    strings: str = "fresh"
    pair: int = 0
    longest: int = 60
    error: str = "squared"

    def __post_init__(self) -> None:
        checks.one_of("strings", self.strings, ("fresh", "train", "test"))
        checks.count("pair", self.pair, least=0)
        checks.count("longest", self.longest, least=SHORTEST)
        checks.one_of("error", self.error, ("squared", "entropy"))

    @property
    def symbols(self) -> str:
        """B, T, P, S, X, V and E."""
        return SYMBOLS

    @property
    def n_steps(self) -> int:
        """Steps of the longest string: its last symbol is only to be predicted."""
        return self.longest - 1

    @property
    def automaton(self) -> dict[tuple[int, str], int]:
        """(state, symbol) -> state: 0 at the start, 20 at the end, and 19 that predict between.

        The second symbol is kept apart to the end; the minimal machine makes one of the two states before the last E.
        """
        return dict(AUTOMATON)

    @property
    def automaton_labels(self) -> dict[int, str]:
        """The symbols that may come in each state of :attr:`automaton`; "." at the end."""
        return {state: in_order(SYMBOLS, legal) or "." for state, legal in enumerate(LEGAL)}

    def states(self, string: str) -> np.ndarray:
        """The states (step,) of the automaton after each symbol of a string or of its beginning.

        Raises:
            InputError: the string holds an unknown symbol, or a symbol that may not come where it does.
        """
        state, found = 0, []
        for k, symbol in enumerate(self.as_indices(string)):
            if not LEGAL[state, symbol]:
                raise InputError(
                    f"string must begin a string of the grammar, got {string[k]!r} at place {k} of {string!r}, where "
                    f"{in_order(SYMBOLS, LEGAL[state]) or 'nothing'} may come"
                )
            state = int(NEXT[state, symbol])
            found.append(state)
        return np.array(found)

    def legal(self, string: str) -> str:
        """The symbols that may come next after the beginning ``string`` of a string; "" after a whole one.

        Raises:
            InputError: as :meth:`states`.
        """
        return in_order(SYMBOLS, LEGAL[self.states(string)[-1]]) if string else "B"

    def accepts(self, string: str) -> bool:
        """Whether ``string`` is a string of this grammar; InputError for an unknown symbol."""
        self.as_indices(string)
        try:
            return bool(self.states(string)[-1] == END)
        except InputError:
            return False

    def stressed(self, times: int) -> dict[str, str]:
        """Strings that go round each loop of the grammar so many times: {"BTBT(S)": "BTBTSSSXSETE", ...}.

        Drawn strings hardly ever stay in a loop, so that only these show whether the second symbol is kept there.
        """
        times = checks.count("times", times)
        found = {}
        for (state, symbol), after in AUTOMATON.items():
            if state == after:
                before, rest = _shortest(0, state), _shortest(state, END)
                found[f"{before}({symbol})"] = before + symbol * times + rest
        return found

    @in_own_surroundings
    def draw(self, n: int, seed: Any = 0) -> list[str]:
        """So many random strings."""
        n, seed = checks.count("n", n), seeding.as_seed(seed)
        found: list[str] = [""] * n
        left, attempt = list(range(n)), 0
        while left:
            turns = seeding.stream(seed, "reber", "turns", attempt).integers(0, 2, (n, self.longest))
            for k in left:
                found[k] = _walk(turns[k].tolist())
            left, attempt = [k for k in left if not found[k]], attempt + 1
        return found

    def fixed(self, which: str) -> list[str]:
        """The 256 strings of a fixed set, "train" or "test"."""
        return list(self._fixed[checks.one_of("which", which, ("train", "test"))])

    @cached_property
    def _fixed(self) -> dict[str, list[str]]:
        drawn = self.draw(17 * N_FIXED, seeding.stream(self.pair, "reber", "fixed"))
        train = drawn[:N_FIXED]
        known = set(train)
        return {"train": train, "test": [string for string in drawn[N_FIXED:] if string not in known][:N_FIXED]}

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw strings, of a fixed set each at most once as long as there are enough.

        Conditions: ``"string"``, and ``"outer"``, the symbol to keep in mind.
        """
        n_trials = checks.count("n_trials", n_trials)
        if self.strings == "fresh":
            return self._trials(self.draw(n_trials, seed), self.n_steps)
        strings = self.fixed(self.strings)
        n, rng = len(strings), seeding.stream(seeding.as_seed(seed), "reber", "rows")
        rows = rng.permutation(n)[:n_trials] if n_trials <= n else rng.integers(n, size=n_trials)
        return self._trials([strings[k] for k in rows], self.n_steps)

    def _trials(self, strings: list[str], n_steps: int | None = None) -> Trials:
        lengths = np.array([len(string) - 1 for string in strings])
        n_steps = int(lengths.max()) if n_steps is None else n_steps
        shown = torch.from_numpy(self._one_hot(strings, max(n_steps, int(lengths.max())) + 1))
        conditions = {"string": np.array(strings), "outer": np.array([string[1] for string in strings])}
        asked = torch.ones(shown[:, 1:].shape)
        return Trials(shown[:, :-1], shown[:, 1:], asked, conditions, torch.from_numpy(lengths))

    def ideal(self, trials: Trials) -> torch.Tensor:
        """The probability of each symbol to come, as far as it can be known: (trial, time, symbol)."""
        legal = self._legal(trials).astype(np.float32)
        return torch.from_numpy(legal / np.maximum(legal.sum(axis=-1, keepdims=True), 1))

    def _legal(self, trials: Trials) -> np.ndarray:
        """Which symbols may come after each step, boolean (trial, time, symbol)."""
        shown, found = symbols_shown(trials), np.zeros(trials.inputs.shape, bool)
        state = np.zeros(len(shown), int)
        for t in range(trials.n_steps):
            state = NEXT[state, shown[:, t]]  # beyond the end of a trial this is of no meaning, nor is it looked at
            found[:, t] = LEGAL[state]
        return found

    def _right(self, outputs: torch.Tensor, targets: torch.Tensor, trials: Trials) -> torch.Tensor:
        legal = torch.from_numpy(self._legal(trials)).to(outputs.device)
        least = outputs.where(legal, torch.inf).amin(-1, keepdim=True)
        most = outputs.where(~legal, -torch.inf).amax(-1, keepdim=True)
        return (least > most).expand(outputs.shape)

    def loss(self, outputs: Any, trials: Trials) -> torch.Tensor:
        """Mean squared error, or mean cross-entropy in nats, where the mask is 1: a differentiable scalar.

        Raises:
            InputError: the trials have no targets, the shapes differ, or the mask leaves nothing to compare.
        """
        if self.error == "squared":
            return super().loss(outputs, trials)
        return cross_entropy(outputs, trials)

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Whether the most active output is the symbol that came; a string is judged by all that might have come."""
        return (outputs.argmax(-1) == targets.argmax(-1))[..., None].expand(targets.shape)

    def decode(self, outputs: Any) -> np.ndarray:
        """The symbols that outputs (..., symbol) say may come: ``"TP"``, ...; ``"?"`` for NaN.

        Those above 0.25, of the outputs themselves or, with ``error="entropy"``, of their softmax.
        """
        if self.error == "entropy":
            y = checks.reals("outputs", outputs, (..., len(SYMBOLS)), finite=False)
            outputs = torch.softmax(torch.from_numpy(np.asarray(y, float)), -1).numpy()
        return chosen_symbols(SYMBOLS, outputs, 0.25)


def _shortest(start: int, end: int) -> str:
    """The shortest string that leads from one state to another."""
    ways = {start: ""}
    while end not in ways:
        ways |= {after: ways[s] + c for (s, c), after in AUTOMATON.items() if s in ways and after not in ways}
    return ways[end]


def _walk(turns: list[int]) -> str:
    """The string that these turns (symbol,) of 0 and 1 lead through; "" where they do not reach its end."""
    state, found = 0, []
    for turn in turns:
        ways = WAYS[state]
        symbol, state = ways[turn % len(ways)]
        found.append(symbol)
        if state == END:
            return "".join(found)
    return ""
