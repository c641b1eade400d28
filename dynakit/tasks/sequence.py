"""A stream of sequences whose endings are exchanged half way: learn on the fly, forget, learn anew.

Eight sequences, in pairs of one body, follow each other at random, each with a symbol of noise after it.  How one
ends depends on its first element, so a learner must keep that in mind for six or seven elements; at ``swap_at`` all
endings change places within their pairs.

References: Cui, Ahmad and Hawkins 2016, Neural Computation 28, 2474 (the task); Ramkumar 2019, "Dynamical neural
network models for sequence learning", UMass Amherst (these sequences, codes and this score).
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch

from .. import checks, seeding
from ..errors import InputError
from ..records import Record
from ..surroundings import in_own_surroundings
from .base import Task
from .trials import Trials

SEQUENCES = (  # start, body, ending before the exchange
    (6, 8, 7, 4, 2, 3, 0),
    (1, 8, 7, 4, 2, 3, 5),
    (6, 3, 4, 2, 7, 8, 5),
    (1, 3, 4, 2, 7, 8, 0),
    (0, 9, 7, 8, 5, 3, 4, 1),
    (2, 9, 7, 8, 5, 3, 4, 6),
    (0, 4, 3, 5, 8, 7, 9, 6),
    (2, 4, 3, 5, 8, 7, 9, 1),
)
N_DIGITS = 10
CODES = ("random", "one-hot")
WINDOW = 101  # evaluations that the windowed accuracy averages: the present one and the hundred before


@dataclass(frozen=True, eq=False, repr=False)
class Stream(Record):
    """One stream of symbols, the code of each, and where it is judged.

    An evaluation asks for the last element of a sequence, given everything before it.
    """

    symbols: np.ndarray  # (element,)  digits 0..9, and noise from 10 on
    ids: np.ndarray  # (element,)  row of the symbol's code: digits first, noise by first appearance
    codes: np.ndarray  # (symbol, code)  real vectors
    ends: np.ndarray  # (evaluation,)  position of the last element of each sequence
    kinds: np.ndarray  # (evaluation,)  which of the eight sequences
    endings: np.ndarray  # (evaluation, ending)  symbols that may stand there; one, unless there are several endings
    swapped: np.ndarray  # (evaluation,)  whether the endings were exchanged

    def __len__(self) -> int:
        return len(self.symbols)

    def __repr__(self) -> str:
        n_swapped = int(self.swapped.sum())
        return f"Stream({len(self)} elements, {len(self.ends)} sequences, {n_swapped} with exchanged endings)"

    @property
    def n_known(self) -> np.ndarray:
        """(element,) how many codes have been met up to and with each element; digits are known from the start."""
        return np.maximum(np.maximum.accumulate(self.ids) + 1, N_DIGITS)


@dataclass(frozen=True)
class SequenceStream(Task):
    """Predict what comes next in a stream of sequences; only their last elements are judged.

    ``draw(seed)`` gives the :class:`Stream` that :class:`dynakit.training.Online` runs a learner on.  The published
    stream is one for all seeds: 20,002 elements in 2,356 sequences; only the codes differ.  Every symbol is shown as a
    vector of ``code_size`` numbers, uniform in [-1, 1] or one-hot; an output stands for the symbol of the nearest code
    among those known so far, noise symbols included.

    :meth:`sample` cuts trials out of fresh streams, for training in batches and for :func:`dynakit.analyze`; there
    targets are the next codes, noise excepted, and the score asks for the endings.  Its codes are those of
    ``code_seed``: a learner that was trained under another seed never saw them, unless ``code_seed`` is given.

    Args:
        fresh: draw the order of sequences and the noise from the seed; False: the published order.
        n_elements: elements after which no further sequence begins.
        swap_at: element from which sequences have exchanged endings; None: never.
        codes: "random", or "one-hot": of the numbers of a code one is 1, the others 0.  The first ten belong to the
            digits; noise symbols take the others in turn, as they come, so that those far apart share a code.
        code_size: numbers in a code.
        n_noise: how many different noise symbols there are; each occurs once at most.
        n_endings: endings that each sequence may have, drawn anew each time; a prediction may be any of them.
        temporal_noise: share of sequences in which one of the elements 2 to 4 is any digit, in one of ten its own.
        noise_from: element from which that happens.
        code_seed: of the codes; None: the seed of the run, and 0 for :meth:`sample`.  A learner that was trained with
            seed k is analysed on a stream with ``code_seed=k``: trials of other codes mean nothing to it.
        n_steps: length of the trials of :meth:`sample`, in elements.

    Raises:
        InputError: a parameter is out of its range, or the published stream is asked for with settings it has not.

    >>> task = SequenceStream()
    >>> task.draw(seed=0)
    Stream(20002 elements, 2356 sequences, 1178 with exchanged endings)
    """

    _: KW_ONLY
    fresh: bool = False
    n_elements: int = 20_000
    swap_at: int | None = 10_000
    codes: str = "random"
    code_size: int = 25
    n_noise: int = 50_000
    n_endings: int = 1
    temporal_noise: float = 0.0
    noise_from: int = 0
    code_seed: int | None = None
    n_steps: int = 100

    def __post_init__(self) -> None:
        checks.count("n_elements", self.n_elements)
        if self.swap_at is not None:
            checks.count("swap_at", self.swap_at, least=0)
        checks.one_of("codes", self.codes, CODES)
        checks.count("code_size", self.code_size, least=1 if self.codes == "random" else N_DIGITS + 1)
        checks.count("n_noise", self.n_noise, least=self.n_elements // len(SEQUENCES[0]) + 1)
        checks.count("n_endings", self.n_endings, most=(N_DIGITS - 2) // 2 + 1)
        checks.number("temporal_noise", self.temporal_noise, above=0.0, below=1.0)
        checks.count("noise_from", self.noise_from, least=0)
        checks.count("n_steps", self.n_steps)
        if self.code_seed is not None:
            checks.count("code_seed", self.code_seed, least=0)  # no generator: the codes must stay what they are
        if not self.fresh and self.n_noise != type(self).n_noise:
            raise InputError(
                f"n_noise is {type(self).n_noise} in the published stream, got {self.n_noise}; fresh=True takes any"
            )

    @property
    def n_inputs(self) -> int:
        """The numbers of a code."""
        return self.code_size

    @property
    def n_outputs(self) -> int:
        """The numbers of a code."""
        return self.code_size

    @in_own_surroundings
    def draw(self, seed: Any = 0) -> Stream:
        """The stream of a run, with its codes."""
        seed = seeding.as_seed(seed)
        elements: list[int] = []
        rows: list[tuple[int, int, tuple[int, ...], bool]] = []
        used: set[int] = set()
        own = seeding.stream(seed, "endings")
        while len(elements) < self.n_elements:
            at = max(0, len(elements) - 1)  # the place of the last element that was out when this one is drawn
            swapped = self.swap_at is not None and at >= self.swap_at
            kind, noise = self._next(seed, at, used)
            allowed = endings(kind, self.n_endings, swapped=swapped)
            body = list(SEQUENCES[kind][:-1])
            if at >= self.noise_from and self.temporal_noise and own.random() < self.temporal_noise:
                body[1 + int(own.integers(3))] = int(own.integers(N_DIGITS))
            last = allowed[int(own.integers(self.n_endings))]
            rows.append((len(elements) + len(body), kind, allowed, swapped))
            elements += [*body, last, noise]
        symbols = np.array(elements)
        ids = _ids(symbols)
        places, kinds, choices, flags = (np.array(column) for column in zip(*rows))
        codes = self.codes_of(int(ids.max()) + 1, self.code_seed if self.code_seed is not None else seed)
        return Stream(symbols, ids, codes, places, kinds, choices, flags)

    def _next(self, seed: int, at: int, used: set[int]) -> tuple[int, int]:
        """The next sequence and its noise: of the published stream a function of the place alone."""
        if self.fresh:
            generator = seeding.torch_stream(seed, "sequence", at)
        else:
            generator = torch.Generator().manual_seed(at)
        kind = int(torch.randint(0, len(SEQUENCES), (1,), generator=generator))
        while True:
            noise = int(torch.randint(N_DIGITS, N_DIGITS + self.n_noise, (1,), generator=generator))
            if noise not in used:
                used.add(noise)
                return kind, noise

    def codes_of(self, n_symbols: int, seed: Any = 0) -> np.ndarray:
        """The codes (symbol, code) of the digits and then of noise; the first do not depend on how many follow."""
        if self.codes == "one-hot":
            noise = np.arange(max(0, n_symbols - N_DIGITS)) % (self.code_size - N_DIGITS)
            return np.eye(self.code_size)[np.concatenate([np.arange(N_DIGITS), N_DIGITS + noise])[:n_symbols]]
        return seeding.stream(seed, "codes").uniform(-1.0, 1.0, (n_symbols, self.code_size))

    @property
    def digits(self) -> np.ndarray:
        """The codes (10, code) of the digits in trials."""
        return self.codes_of(N_DIGITS, self.code_seed or 0)

    @property
    def drives(self) -> dict[str, np.ndarray]:
        """``"rest"``, no input, and each digit shown for ever."""
        return {"rest": self.rest, **{f"digit {k}": code for k, code in enumerate(self.digits)}}

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        """Each digit for one step, (1, code)."""
        return {str(k): code[None] for k, code in enumerate(self.digits)}

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials (trial, time, code): pieces of streams with unexchanged endings, each from its start.

        No element is replaced, and of several endings the one that was drawn is asked for.
        """
        n_trials, seed = checks.count("n_trials", n_trials), seeding.as_seed(seed)
        codes, inputs, ends = self.digits, [], []
        for k in range(n_trials):
            own = seeding.stream(seed, "trial", k)
            at, kinds = self._pieces(own)
            noise = self._noise(len(at), own)
            inputs.append(np.where(at[:, None] < N_DIGITS, codes[np.minimum(at, N_DIGITS - 1)], noise))
            ends.append(kinds)
        shown = torch.from_numpy(np.stack(inputs)).float()
        ending = torch.from_numpy(np.stack(ends)[:, 1:])
        taught, judged = ((ending > least).float() for least in (-2, -1))
        return Trials(shown[:, :-1], shown[:, 1:], taught, {}, score_mask=judged)

    def _noise(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Codes (symbol, code) of ``n`` noise symbols."""
        if self.codes == "one-hot":
            return np.eye(self.code_size)[rng.integers(N_DIGITS, self.code_size, n)]
        return rng.uniform(-1.0, 1.0, (n, self.code_size))

    def _pieces(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Symbols (step + 1,), noise as 10, and what each is: a sequence's number at its end, -2 noise, -1 neither."""
        symbols: list[int] = []
        marks: list[int] = []
        while len(symbols) <= self.n_steps:
            kind = int(rng.integers(len(SEQUENCES)))
            last = endings(kind, self.n_endings, swapped=False)[int(rng.integers(self.n_endings))]
            symbols += [*SEQUENCES[kind][:-1], last, N_DIGITS]
            marks += [-1] * (len(SEQUENCES[kind]) - 1) + [kind, -2]
        return np.array(symbols[: self.n_steps + 1]), np.array(marks[: self.n_steps + 1])

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Whether the nearest digit is that of the target."""
        codes = torch.from_numpy(self.digits).to(targets)
        nearest = [torch.cdist(x.reshape(-1, self.code_size), codes).argmin(-1) for x in (outputs, targets)]
        right = (nearest[0] == nearest[1]).reshape(targets.shape[:-1])
        return right[..., None].expand(targets.shape)

    def decode(self, outputs: Any) -> np.ndarray:
        """The digit of the nearest code, one string per row of outputs (..., code); NaN reads as ``"?"``."""
        outputs = checks.reals("outputs", outputs, (..., self.code_size), finite=False)
        gaps = np.linalg.norm(outputs[..., None, :] - self.digits, axis=-1)
        return np.where(np.isfinite(outputs).all(-1), gaps.argmin(-1).astype(str), "?")


def endings(kind: int, n: int, *, swapped: bool) -> tuple[int, ...]:
    """The digits that may end sequence ``kind``: ``n`` of them, none shared with the other of the pair."""
    partner = next(
        k for k, other in enumerate(SEQUENCES) if k != kind and other[1:-1] == SEQUENCES[kind][1:-1]
    )
    own, theirs = SEQUENCES[kind][-1], SEQUENCES[partner][-1]
    others = [digit for digit in range(N_DIGITS) if digit not in (own, theirs)]
    first = kind < partner
    sets = {own: (own, *others[not first :: 2][: n - 1]), theirs: (theirs, *others[first::2][: n - 1])}
    return sets[theirs if swapped else own]


def windowed_accuracy(hits: Any, window: int = WINDOW) -> np.ndarray:
    """Mean (..., evaluation) of each and the ``window`` - 1 results before it, fewer at the start."""
    hits = np.asarray(hits, dtype=float)
    if hits.ndim == 0:
        raise InputError("hits must have an axis of evaluations")
    window = checks.count("window", window)
    total = np.concatenate([np.zeros((*hits.shape[:-1], 1)), np.cumsum(hits, axis=-1)], axis=-1)
    at = np.arange(1, hits.shape[-1] + 1)
    first = np.maximum(0, at - window)
    return (total[..., at] - total[..., first]) / (at - first)


def _ids(symbols: np.ndarray) -> np.ndarray:
    """Rows of codes: digits keep their number, noise is numbered as it comes."""
    _, first, inverse = np.unique(symbols, return_index=True, return_inverse=True)
    noise = symbols[first] >= N_DIGITS
    numbers = np.where(noise, 0, symbols[first])
    order = np.argsort(first[noise])
    fresh = np.empty(int(noise.sum()), int)
    fresh[order] = N_DIGITS + np.arange(len(order))
    numbers[noise] = fresh
    return numbers[inverse]
