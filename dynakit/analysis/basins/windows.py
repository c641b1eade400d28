"""Settled trajectories seen in few dimensions: what attractors are found from when none is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from ... import linalg
from ...checks import one_of
from ...errors import InputError
from ...progress import going, interruptible
from .given import CLOUD, from_states
from .labelling import BETWEEN, ELSEWHERE, Flight, Outcome, Rollout
from .targets import Targets

COPIES = 8  # of what is seen of a trajectory that are held while it is looked at
SNAPSHOTS = 8  # of each trajectory, from which principal components are fitted
View = Callable[[torch.Tensor], torch.Tensor]


class Windows(NamedTuple):
    """What settled trajectories do; one entry per sample."""

    points: np.ndarray  # (sample, step, axis)  NaN for those that left
    lost: np.ndarray  # (sample,)  why one left; empty for the others

    @property
    def kept(self) -> np.ndarray:
        """Indices of the samples that are still there."""
        return np.flatnonzero(self.lost == "")


def settled(run: Rollout, x: np.ndarray, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The states after so many steps, and why samples were lost."""
    ends, lost = np.array(x), np.full(len(x), "", dtype="<U48")
    for rows in run.chunks(len(x), 16 * run.system.state_size):
        flight = run.flight(x[rows])
        flight.go(n_steps)
        ends[rows], lost[rows] = flight.ends, flight.reasons()
    return ends, lost


def view(run: Rollout, x: np.ndarray, n_steps: int, projection: Any, n_axes: int) -> View:
    """How states are seen: "pca" of what settled trajectories do, "outputs", or a function of states."""
    if callable(projection):
        return lambda states: _seen(projection, states)
    if one_of("projection", projection, ("pca", "outputs")) == "outputs":
        return run.system.observe
    fit = _Fit(run.system.state_size)
    for rows in run.chunks(len(x), 32 * run.system.state_size):
        flight = run.flight(x[rows])
        for _ in range(SNAPSHOTS):
            fit.take(flight.x)
            flight.go(max(1, n_steps // SNAPSHOTS))
    if not fit.n:
        return lambda states: states[:, :n_axes]
    mean, axes = fit.mean, fit.axes(n_axes)
    return lambda states: (states - mean) @ axes


class _Fit:
    """The principal axes of states that are taken in one lot after the other."""

    def __init__(self, width: int) -> None:
        self.n, self.origin = 0, torch.zeros(width, dtype=torch.float64)
        self.sum, self.squares = self.origin.clone(), torch.zeros(width, width, dtype=torch.float64)

    def take(self, states: torch.Tensor) -> None:
        """So many more (state, unit), measured from the mean of the first so that no digits are lost."""
        if not self.n and len(states):
            self.origin = states.mean(0)
            self.sum, self.squares = self.sum.to(states), self.squares.to(states)
        away = states - self.origin
        self.n += len(states)
        self.sum += away.sum(0)
        self.squares += away.T @ away

    @property
    def mean(self) -> torch.Tensor:
        return self.origin + self.sum / self.n

    def axes(self, n_axes: int) -> torch.Tensor:
        """Columns (unit, axis), the longest axis first."""
        scatter = self.squares - torch.outer(self.sum, self.sum) / self.n
        return linalg.symmetric_eig(scatter[None])[1][0].flip(1)[:, :n_axes]


def watched(run: Rollout, x: np.ndarray, n_steps: int, see: View) -> Iterator[tuple[np.ndarray, Windows]]:
    """Follow states for so many steps; what is seen of as many at a time as fit into memory, and which these are."""
    width = see(torch.from_numpy(x[:1]).to(run.system.device)).shape[1]
    for rows in run.chunks(len(x), 16 * run.system.state_size + COPIES * n_steps * width):
        yield rows, watch(run, x[rows], n_steps, see)


def watch(run: Rollout, x: np.ndarray, n_steps: int, see: View) -> Windows:
    """Follow all states for so many steps and keep what is seen of them."""
    width = see(torch.from_numpy(x[:1]).to(run.system.device)).shape[1]
    points, lost = np.full((len(x), n_steps, width), np.nan), np.full(len(x), "", dtype="<U48")
    for rows in run.chunks(len(x), 16 * run.system.state_size):
        flight = run.flight(x[rows])
        with interruptible("sample"):
            for t in range(n_steps):
                if t % BETWEEN == 0 and not going(0, "sample"):
                    break
                _note(flight, points[rows[0] : rows[-1] + 1] if len(rows) else points, t, see)
                flight.advance(1)
        lost[rows] = flight.reasons()
    return Windows(points, lost)


def _note(flight: Flight, seen: np.ndarray, t: int, see: View) -> None:
    if len(flight):
        seen[flight.index.cpu().numpy(), t] = see(flight.x).cpu().numpy()


def _seen(projection: Callable[..., Any], states: torch.Tensor) -> torch.Tensor:
    y = torch.as_tensor(projection(states)).to(states)
    if y.ndim != 2 or len(y) != len(states):
        raise InputError(
            f"projection must map states (state, unit) to (state, axis), got shape {tuple(y.shape)}"
        )
    return y


def outcome(
    run: Rollout,
    x: np.ndarray,
    groups: np.ndarray,
    reasons: np.ndarray,
    ends: np.ndarray,
    targets: Targets | None,
) -> Outcome:
    """Groups of samples, -1 for none, as labels: the largest group first, or the given attractor it lies on."""
    order = [
        g
        for g in np.argsort(-np.bincount(groups[groups >= 0]), kind="stable").tolist()
        if (groups == g).any()
    ]
    found = [_attractor(run, ends[int(np.flatnonzero(groups == g)[0])]) for g in order]
    places = list(range(len(order))) if targets is None else [targets.nearest(t.states) for t in found]
    labels, reasons = np.full(len(x), -1), reasons.astype("<U48")
    for g, place in zip(order, places):
        labels[groups == g] = place
        if place < 0:
            reasons[groups == g] = ELSEWHERE
    return Outcome(labels, np.full(len(x), -1), reasons, ends, found if targets is None else [])


def _attractor(run: Rollout, state: np.ndarray) -> Any:
    """What a settled state goes on to do."""
    after = run.system.trajectory(state, run.u.expand(CLOUD, -1)).cpu().numpy()
    after = after[np.isfinite(after).all(axis=1)]
    return from_states(after if len(after) else state[None])
