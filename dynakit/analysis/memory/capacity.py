"""How much of its past input does a network hold?  Jaeger's linear memory capacity.

Under independent random inputs u, capacity MC_k = max over w of corr(w x_t, u_{t-k})^2 is how well a linear readout of
the state gives the input k steps back; their sum is at most the number of units (Jaeger 2001, "Short term memory in
echo state networks", prop. 2; Dambre, Verstraeten, Schrauwen and Massar 2012).  Delay 0 is the input of the step that
led to the state; Jaeger counts from delay 1.

Readouts are least-squares fits X, judged on states x that they have not seen.  There they miss by (1 - MC) times the
mean of 1 + x (X'X)^-1 x' of the variance, which is solved for MC: what cannot be recalled comes out as 0 on average,
not above or below, also where the states are far from normally distributed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import linalg, seeding
from ...checks import count, number
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked

FOLDS = 5


@dataclass(frozen=True, kw_only=True, repr=False)
class MemoryCapacity(Result):
    """Capacity by delay.

    Attributes:
        delays: (delay,) steps; 0: the input of the step that led to the state
        capacities: (delay,) squared correlation, 0..1 but for sampling error
        capacity: their sum, at most ``rank``
        standard_error: of the sum, over folds
        rank: directions in which the states vary: the bound
        state_size: units
    """

    delays: np.ndarray = per_item()
    capacities: np.ndarray = per_item()
    capacity: float
    standard_error: float
    rank: int
    state_size: int

    @property
    def past_capacity(self) -> float:
        """The sum from delay 1 on, as Jaeger counts."""
        return float(min(self.rank, self.capacities[self.delays > 0].sum()))

    def headline(self) -> str:
        return (
            f"{self.capacity:.4g} +- {self.standard_error:.1g} steps of at most {self.rank}, "
            f"over delays 0 to {self.delays[-1]}"
        )


@with_provenance
def memory_capacity(
    system: System,
    *,
    n_delays: int | None = None,
    n_steps: int | None = None,
    channel: int = 0,
    amplitude: float = 1.0,
    seed: Any = 0,
) -> MemoryCapacity:
    """The linear memory capacity of a driven network.

    Arguments:
        system: the map, with inputs.
        n_delays: delays 0 to n_delays - 1 are tried, at most n_steps; None: three times the number of units, at
            least 50.
        n_steps: steps to fit and judge on, after as many delays and 500 more; at least ten per unit.  None: a hundred
            per unit, at least 5000: what cannot be recalled adds noise to the sum, delay by delay.
        channel: which input carries the signal, uniform in [-amplitude, amplitude]; the others are zero.
        amplitude: how strong it is: a network is nearly linear under a weak one.
        seed: of the inputs.

    Raises:
        InputError: for a system without inputs, too few steps, or states that leave the finite numbers.

    >>> import dynakit as dk, numpy as np
    >>> line = dk.catalog.tanh_network(np.eye(4, k=-1), W_in=np.eye(4)[:, :1])  # each unit hands on to the next
    >>> round(dk.memory_capacity(line, amplitude=1e-3).capacity, 3)
    4.0
    """
    if not checked(system).input_size:
        raise InputError("system must have inputs to remember, got an autonomous one")
    n, channel = system.state_size, count("channel", channel, least=0, most=system.input_size - 1)
    n_steps = max(5000, 100 * n) if n_steps is None else count("n_steps", n_steps, least=10 * (n + FOLDS))
    n_delays = max(50, 3 * n) if n_delays is None else count("n_delays", n_delays, most=n_steps)
    size, seed = number("amplitude", amplitude, above=0.0, closed=False), seeding.as_seed(seed)
    total = 500 + n_delays + n_steps
    signal = seeding.stream(seed, "signal").uniform(-1.0, 1.0, total)
    inputs = torch.zeros(total, system.input_size, dtype=torch.float64)
    inputs[:, channel] = torch.from_numpy(size * signal)
    with linalg.one_thread():
        states = system.trajectory(system.initial_state(), inputs)[-n_steps:].cpu().numpy()
        if not np.isfinite(states).all():
            raise InputError(
                f"system must keep its states finite under inputs of size {size:g}, but they leave"
            )
        targets = np.stack([signal[total - n_steps - k : total - k] for k in range(n_delays)], axis=1)
        folds, rank = _fitted(states, targets)
    capacities = folds.mean(axis=0)
    return MemoryCapacity(
        delays=np.arange(n_delays),
        capacities=capacities,
        capacity=float(min(rank, capacities.sum())),
        standard_error=float(folds.sum(axis=1).std(ddof=1) / np.sqrt(FOLDS)),
        rank=rank,
        state_size=n,
    )


def _fitted(states: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, int]:
    """Capacity on each fold, left out in turn, (fold, delay), and the rank of the states."""
    spread = states.std(axis=0)
    states = (states - states.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    fold = np.arange(len(states)) * FOLDS // len(states)
    found, most = np.empty((FOLDS, targets.shape[1])), 0
    for k in range(FOLDS):
        seen, kept = fold != k, fold == k
        level = states[seen].mean(axis=0), targets[seen].mean(axis=0)
        known, asked, at = states[seen] - level[0], targets[kept] - level[1], states[kept] - level[0]
        weights, rank = linalg.least_squares(known, targets[seen] - level[1])
        missed = asked - at @ weights
        share = (missed**2).mean(axis=0) / (asked**2).mean(axis=0)
        # x (X'X)^-1 x' of each state that was left out: by so much more than the rest its readout misses
        surplus = float((linalg.least_squares(known.T @ known, at.T)[0] * at.T).sum(axis=0).mean())
        found[k] = 1 - share / (1 + surplus)
        most = max(most, rank)
    return found, most
