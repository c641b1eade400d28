"""Does a driven network forget how it began?  The echo state property under a given input, tested in two ways.

It holds where any two states that receive the same inputs approach each other (Jaeger 2001, def. 1).  Exponents speak
of close neighbours, the largest conditional one being negative where they approach (Pecora and Carroll 1991; Wainrib
and Galtier 2016); pairs of far states speak of the rest, since trajectories may attract their neighbours and still be
several.  Neither is a proof: both are about these inputs and these starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...checks import count
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...wording import lasting
from .lyapunov import lyapunov_spectrum
from .spectrum import LyapunovSpectrum

MET = 1e-9  # distance relative to 1 + |x| at which two states are one
APART = 1e-3  # and from which on they are clearly two


@dataclass(frozen=True, kw_only=True, repr=False)
class EchoState(Result):
    """Whether a network forgets, by pairs of starts; the exponents are those of the first state of each pair.

    Words tell the rates and times of a flow in its unit of time.

    Attributes:
        distances: (pair, time) max norm, after each input; 0 where two states are the same
        meeting_times: (pair,) steps until the two stay within 1e-9; -1: not
        left_at: (pair,) step at which one of the two left the finite numbers; -1: never
        exponents: the spectrum of each pair's first state: its largest conditional exponent, nats per step
        verdict: in words: echo state | no echo state | undetermined
        reason: why, in one sentence with its numbers
    """

    distances: np.ndarray = per_item()
    meeting_times: np.ndarray = per_item()
    left_at: np.ndarray = per_item()
    exponents: LyapunovSpectrum
    verdict: str
    reason: str

    @property
    def dynamics(self) -> str:
        """What the steps are those of, "map" or "flow"."""
        return self.exponents.dynamics

    @property
    def largest_exponent(self) -> float:
        """The largest over the starts, nats per step."""
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
    n_pairs: int = 16,
    n_transient: int | None = None,
    seed: Any = 0,
) -> EchoState:
    """Whether states under the same inputs come together, and stay.

    Arguments:
        system: the map, with inputs.
        inputs: (time, input), as long as the question is: a network that forgets within it is an echo state network
            for it.
        x0: pairs of starts (pair, 2, unit); None: random ones, in the invariant box where there is one, else normal,
            of sizes 0.1, 1 and 10.
        n_pairs: random pairs.
        n_transient: steps left out of the exponents; None: a fifth.
        seed: of the random starts.

    "echo state" needs both: every pair met, and a largest exponent below zero beyond its tolerance.  A pair that is
    clearly apart at the end and came no closer over the last half, or an exponent above zero beyond its tolerance, is
    "no echo state".  Anything else is "undetermined", with the reason.

    Raises:
        InputError: naming the argument that does not fit the system.

    >>> import dynakit as dk, numpy as np
    >>> unit = dk.catalog.tanh_network([[0.5]], W_in=[[1.0]])
    >>> dk.check_echo_state(unit, np.random.default_rng(0).normal(size=(500, 1))).verdict
    'echo state'
    """
    checked(system).refuse_jumps("Lyapunov exponents")
    if not system.input_size:
        raise InputError("system must have inputs to be driven by, got an autonomous one")
    sequence = system.as_inputs(np.asarray(inputs) if isinstance(inputs, list) else inputs).detach()
    if sequence.ndim != 2 or not bool(torch.isfinite(sequence).all()):
        raise InputError(f"inputs must be one finite sequence (time, input), got {tuple(sequence.shape)}")
    skipped = (
        len(sequence) // 5
        if n_transient is None
        else count("n_transient", n_transient, least=0, most=len(sequence) - 1)
    )
    pairs = _pairs(system, x0, sequence, count("n_pairs", n_pairs), seed)
    with linalg.one_thread(), torch.no_grad():
        distances, left_at = _distances(system, pairs, sequence)
        exponents = lyapunov_spectrum(
            system,
            pairs[:, 0],
            sequence,
            n_steps=len(sequence) - skipped,
            n_exponents=1,
            n_transient=skipped,
        )
    met = _meeting_times(distances)
    verdict, reason = _judge(distances, met, left_at, exponents)
    return EchoState(
        distances=distances,
        meeting_times=met,
        left_at=left_at,
        exponents=exponents,
        verdict=verdict,
        reason=reason,
    )


def _pairs(system: System, x0: Any, inputs: Tensor, n_pairs: int, seed: Any) -> Tensor:
    """(pair, 2, unit)."""
    if x0 is not None:
        pairs = system.as_states("x0", x0).detach()
        if pairs.ndim != 3 or pairs.shape[1] != 2 or not len(pairs):
            raise InputError(f"x0 must be pairs of starts (pair, 2, unit), got {tuple(pairs.shape)}")
        return pairs
    rng, shape = seeding.stream(seed, "pairs"), (n_pairs, 2, system.state_size)
    box = system.box(inputs[0])
    if box is not None:
        return box.lo + (box.hi - box.lo) * torch.from_numpy(rng.random(shape)).to(box.lo)
    sizes = np.resize([0.1, 1.0, 10.0], n_pairs)[:, None, None]
    return torch.from_numpy(rng.standard_normal(shape) * sizes).to(system.device)


def _distances(system: System, pairs: Tensor, inputs: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Relative distances (pair, time), zero once below rounding, NaN from where one has left, and when it left."""
    x = pairs.reshape(-1, system.state_size)
    apart = x.new_empty(len(pairs), len(inputs))
    for t, u in enumerate(inputs):
        x = system._step(x, u.expand(len(x), -1))
        first, second = x.unflatten(0, (-1, 2)).unbind(1)
        apart[:, t] = (first - second).abs().amax(-1) / (1 + first.abs().amax(-1))
    distances = apart.cpu().numpy()
    gone = ~np.isfinite(distances)
    return np.where(np.logical_or.accumulate(gone, axis=1), np.nan, distances), np.where(
        gone.any(axis=1), gone.argmax(axis=1) + 1, -1
    )


def _meeting_times(distances: np.ndarray) -> np.ndarray:
    """Steps until each pair is together to the end; -1 where it is not."""
    apart = ~(distances <= MET)
    last = distances.shape[1] - apart[:, ::-1].argmax(axis=1)  # the step after which it is never apart again
    return np.where(apart[:, -1], -1, np.where(apart.any(axis=1), last + 1, 1))


def _judge(
    distances: np.ndarray, met: np.ndarray, left_at: np.ndarray, exponents: LyapunovSpectrum
) -> tuple[str, str]:
    n, half = len(met), distances.shape[1] // 2
    values, tolerances = exponents.exponents[:, 0], exponents.tolerances[:, 0]
    if (left_at >= 0).any():
        return "undetermined", f"{int((left_at >= 0).sum())} of {n} pairs left the finite numbers"
    late, early = distances[:, -max(1, half // 4) :], distances[:, half : half + max(1, half // 4)]
    stay = (late.min(axis=1) > MET) & (late.mean(axis=1) > np.maximum(APART, 0.9 * early.mean(axis=1)))
    worst = int(values.argmax())
    scale, unit = exponents.told()
    value, give = scale * values[worst], scale * tolerances[worst]
    said = f"largest conditional exponent {value:.3g} +- {give:.1g} nats per {unit}"
    if (values > tolerances).any():
        return "no echo state", f"{said}; {int((met < 0).sum())} of {n} pairs did not meet"
    if stay.any():
        return "no echo state", f"{int(stay.sum())} of {n} pairs stay apart; {said}"
    if (met < 0).any():
        return (
            "undetermined",
            f"{int((met < 0).sum())} of {n} pairs are still on their way to each other; {said}",
        )
    if not (values < -tolerances).all():
        return "undetermined", f"all {n} pairs met, but the {said}"
    of_flow = exponents.dynamics == "flow"
    soon = lasting(int(met.max()), exponents.dt if of_flow else None, exponents.time_unit)
    return "echo state", f"all {n} pairs met within {soon}; {said}"
