"""Does a driven network forget how it began?  The responses to one input sequence, counted from many starts.

The echo state property holds where any two states that receive the same inputs approach each other (Jaeger 2001,
def. 1).  Where they do not, they may still gather in a few responses, each consistent in itself: the echo index under
this input is how many (Ceni, Ashwin, Livi and Postlethwaite 2020).  A negative conditional exponent (Pecora and Carroll
1991) says only that neighbours on one trajectory approach; so states from everywhere are followed, and grouped at last.
What was not started from was not seen: the count is a lower bound, and one response is certain only where a norm of the
Jacobian, or an enclosure of all trajectories, proves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...checks import count, reals
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import Bounds, System, checked
from ...wording import counted, lasting
from ..proportions import upper_bound, wilson_interval
from .course import Course
from .gathering import Gathering, Groups, follow, gathered
from .lyapunov import lyapunov_spectrum
from .spectrum import LyapunovSpectrum
from .squeeze import contraction, tube_closes

CORNERS = 8  # of the invariant box, beside the random starts
FAST, SLOW = (
    0.5,
    0.95,
)  # share of a distance that stays, over the last part of the way, if states approach fast or not
WAY = 3 / 8  # that part
MOST = 32  # groups of states whose exponents are found


@dataclass(frozen=True, kw_only=True, repr=False)
class EchoState(Result):
    """Whether a network forgets, by pairs of starts, and how many responses to the inputs there are.

    Words tell the rates and times of a flow in its unit of time.

    Attributes:
        distances: (pair, time) max norm, after each input; 0 where two states are the same
        meeting_times: (pair,) steps until the two stay within 1e-9; -1: not
        left_at: (pair,) step at which one of the two went beyond every bound; -1: never
        exponents: the spectrum along one trajectory of each group of states that ends together, the largest first: its
            largest conditional exponent, nats per step
        n_responses: how many groups of states were found that stay apart and contract, a lower bound of the echo index
            under these inputs; 0: none does, or all grow without bound
        shares: (group,) of the random starts that end in each group, the largest first
        share_intervals: (group, 2) 95 % intervals of those
        horizon: steps over which states were followed
        proved: whether it is proved, for every start in the invariant box, that there is one response to these inputs
        contraction: factor by which any two states approach each other in every step in one norm, under any input as
            large as these; NaN: none below 1 is known
        verdict: in words: echo state | no echo state | unbounded | undetermined
        reason: why, in one sentence with its numbers
    """

    distances: np.ndarray = per_item()
    meeting_times: np.ndarray = per_item()
    left_at: np.ndarray = per_item()
    exponents: LyapunovSpectrum
    n_responses: int
    shares: np.ndarray
    share_intervals: np.ndarray
    horizon: int
    proved: bool
    contraction: float
    verdict: str
    reason: str

    @property
    def dynamics(self) -> str:
        """What the steps are those of, "map" or "flow"."""
        return self.exponents.dynamics

    @property
    def largest_exponent(self) -> float:
        """The largest over the groups, nats per step."""
        return float(self.exponents.exponents[:, 0].max())

    @property
    def standard_error(self) -> float:
        """Of :attr:`largest_exponent`."""
        return float(self.exponents.standard_errors[self.exponents.exponents[:, 0].argmax(), 0])

    def headline(self) -> str:
        return f"{self.verdict}: {self.reason}"


@with_provenance
def check_echo_state(
    system: System,
    inputs: Any,
    x0: Any = None,
    *,
    n_pairs: int = 32,
    n_transient: int | None = None,
    seed: Any = 0,
) -> EchoState:
    """Whether states under the same inputs come together, and stay; and in how many responses, if not in one.

    Arguments:
        system: the map, with inputs.
        inputs: (time, input), as long as the question is: a network that forgets within it is an echo state network
            for it, and what is counted are the responses within it.
        x0: pairs of starts (pair, 2, unit); None: random ones and corners of the invariant box where there is one, else
            normal ones, of sizes 0.1, 1 and 10.
        n_pairs: random pairs.
        n_transient: steps left out of the exponents; None: a fifth.
        seed: of the random starts.

    "echo state" needs both: all states met, and a largest exponent below zero beyond its tolerance.  States that are
    clearly apart at the end and came no closer over the last half, or an exponent above zero beyond its tolerance, are
    "no echo state"; all states without bound, "unbounded".  Anything else is "undetermined", with the reason.

    Raises:
        InputError: naming the argument that does not fit the system.

    >>> import dynakit as dk, numpy as np
    >>> noise = np.random.default_rng(0).normal(size=(500, 1))
    >>> forgets = dk.check_echo_state(dk.catalog.tanh_network([[0.5]], W_in=[[1.0]]), noise)
    >>> forgets.verdict, forgets.n_responses, forgets.proved
    ('echo state', 1, True)
    >>> remembers = dk.check_echo_state(dk.catalog.tanh_network([[2.0]], W_in=[[1.0]]), 0.05 * noise)
    >>> remembers.verdict, remembers.n_responses
    ('no echo state', 2)
    """
    checked(system).refuse_jumps("Lyapunov exponents")
    if not system.input_size:
        raise InputError("system must have inputs to be driven by, got an autonomous one")
    sequence = system.as_inputs(reals("inputs", inputs, finite=False) if isinstance(inputs, list) else inputs).detach()
    if sequence.ndim != 2 or not bool(torch.isfinite(sequence).all()):
        raise InputError(f"inputs must be one finite sequence (time, input), got {tuple(sequence.shape)}")
    most = len(sequence) - 1
    skipped = (
        len(sequence) // 5 if n_transient is None else count("n_transient", n_transient, least=0, most=most)
    )
    n_pairs = count("n_pairs", n_pairs)
    with linalg.one_thread(), torch.no_grad():
        bounds = Course(sequence, sequence[:1], system.input_size).bounds()
        box = system._box(bounds)
        x, n_pairs = _starts(system, x0, box, n_pairs, seed)
        end = follow(system, x, sequence, 2 * n_pairs)
        groups, exponents = _grouped(system, x, sequence, end, 2 * n_pairs, skipped)
        factor = contraction(system)
        proved = factor < 1 or tube_closes(system, box, sequence)
    verdict, reason = _judge(end, groups, exponents, proved)
    return EchoState(
        distances=end.distances,
        meeting_times=end.meeting_times,
        left_at=end.pairs_left_at,
        exponents=exponents,
        n_responses=_n_responses(groups, exponents),
        shares=groups.shares,
        share_intervals=wilson_interval(groups.counts, 2 * n_pairs),
        horizon=len(sequence),
        proved=proved,
        contraction=factor if factor < 1 else np.nan,
        verdict=verdict,
        reason=reason,
    )


def _starts(system: System, x0: Any, box: Bounds | None, n_pairs: int, seed: Any) -> tuple[Tensor, int]:
    """States (start, unit), those of pairs one after the other and before any others; and the number of pairs."""
    if x0 is not None:
        pairs = system.as_states("x0", x0).detach()
        if pairs.ndim != 3 or pairs.shape[1] != 2 or not len(pairs):
            raise InputError(f"x0 must be pairs of starts (pair, 2, unit), got {tuple(pairs.shape)}")
        return pairs.flatten(0, 1), len(pairs)
    rng, shape = seeding.stream(seed, "pairs"), (n_pairs, 2, system.state_size)
    if box is not None:
        share = np.concatenate([rng.random(shape).reshape(2 * n_pairs, -1), _corners(rng, system.state_size)])
        return box.lo + (box.hi - box.lo) * torch.from_numpy(share).to(box.lo), n_pairs
    sizes = np.resize([0.1, 1.0, 10.0], n_pairs)[:, None, None]
    return torch.from_numpy(rng.standard_normal(shape) * sizes).flatten(0, 1).to(system.device), n_pairs


def _grouped(
    system: System, x: Tensor, inputs: Tensor, end: Gathering, n_random: int, skipped: int
) -> tuple[Groups, LyapunovSpectrum]:
    """Groups that stay apart, and the spectrum of one of each.

    Two states of one response approach as fast as its exponent says.  Where that would have brought them together,
    half of their distance left is a distance that stays; where it is slow, nearly all must be left.
    """
    for kept in (FAST, SLOW):
        groups = gathered(end, n_random, kept)
        exponents = lyapunov_spectrum(
            system,
            x[groups.first[:MOST]],
            inputs,
            n_steps=len(inputs) - skipped,
            n_exponents=1,
            n_transient=skipped,
        )
        slowest = np.nanmax(exponents.exponents[:, 0], initial=-np.inf)
        if slowest * WAY * len(inputs) < 2 * np.log(kept):
            break
    return groups, exponents


def _corners(rng: np.random.Generator, n: int) -> np.ndarray:
    """Of the unit cube: the lowest, the highest, and random ones."""
    return np.concatenate([np.zeros((1, n)), np.ones((1, n)), rng.integers(0, 2, (CORNERS - 2, n))])


def _n_responses(groups: Groups, exponents: LyapunovSpectrum) -> int:
    """Groups of states that contract: by their exponent, or since several met and it does not say otherwise."""
    if groups.lost:
        return 0
    values, tolerances = exponents.exponents[:, 0], exponents.tolerances[:, 0]
    met = (groups.all_met & (groups.counts > 1))[: len(values)]
    return int(((values < -tolerances) | (met & (values <= tolerances))).sum())


def _judge(end: Gathering, groups: Groups, exponents: LyapunovSpectrum, proved: bool) -> tuple[str, str]:
    values, tolerances = exponents.exponents[:, 0], exponents.tolerances[:, 0]
    met, n, n_gone = end.meeting_times, len(end.meeting_times), int((end.left_at >= 0).sum())
    if groups.lost:
        return "unbounded", f"all {len(end.left_at)} states grow without bound"
    worst = int(values.argmax())
    scale, unit = exponents.told()
    value, give = scale * values[worst], scale * tolerances[worst]
    said = f"largest conditional exponent {value:.3g} +- {give:.1g} nats per {unit}"
    if (values > tolerances).any():
        return "no echo state", f"neighbours part: {said}; {int((met < 0).sum())} of {counted(n, 'pair')} did not meet"
    if n_gone:
        stay = f"{n_gone} of {len(end.left_at)} states grow without bound, the others do not"
        return "no echo state", f"{stay}; {said}"
    if len(groups.shares) > 1:
        return _several(end, groups, exponents, said)
    if not groups.all_met.all():
        n_open, so_far = int((met < 0).sum()), _long(end.horizon, exponents)
        where = ", to the one response that is proved" * proved
        open_ = f"{n_open} of {counted(n, 'pair')} are still on their way to each other after {so_far}{where}"
        return "undetermined", f"{open_}; {said}"
    if not (values < -tolerances).all():
        return "undetermined", f"all {counted(n, 'pair')} met, but the {said}"
    return (
        "echo state",
        f"all {counted(n, 'pair')} met within {_long(int(met.max()), exponents)}; {_how_sure(end, proved)}; {said}",
    )


def _several(end: Gathering, groups: Groups, exponents: LyapunovSpectrum, said: str) -> tuple[str, str]:
    """Of states that stay apart: how many responses they are, or whether they only have not met yet."""
    n, found = len(end.distances), _n_responses(groups, exponents)
    apart = f"{groups.n_pairs_apart} of {counted(n, 'pair')} stay apart"
    if (
        found < 2 and 2 * groups.n_pairs_apart < n
    ):  # such as states on weak chaos, one of which kept to itself
        return "undetermined", f"{apart} over {_long(end.horizon, exponents)}; {said}"
    shares = ", ".join(f"{share:.2f}" for share in groups.shares[:8]) + ", ..." * (len(groups.shares) > 8)
    seen = (
        f"at least {counted(found, 'response')} within {_long(end.horizon, exponents)}"
        if found
        else "none contracts"
    )
    return "no echo state", f"{apart}: {seen}, reached from shares {shares} of the starts; {said}"


def _long(steps: int, exponents: LyapunovSpectrum) -> str:
    """So many steps in words, of a flow as a time."""
    return lasting(steps, exponents.dt if exponents.dynamics == "flow" else None, exponents.time_unit)


def _how_sure(end: Gathering, proved: bool) -> str:
    if proved:
        return "one response is proved"
    missed = 100 * upper_bound(0, len(end.left_at))
    return f"another response from less than {missed:.2g} % of the starts may be missed, at 95 %"
