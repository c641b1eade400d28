"""Settled trajectories seen in few dimensions: what attractors are found from when none is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from ... import linalg
from ...checks import one_of
from ...errors import InputError
from .given import CLOUD, from_states
from .labelling import ELSEWHERE, Flight, Outcome, Run
from .targets import Targets

SNAPSHOTS = 8  # of each trajectory, from which principal components are fitted
View = Callable[[torch.Tensor], torch.Tensor]


class Windows(NamedTuple):
    """What settled trajectories do; one entry per sample."""

    points: np.ndarray  # (sample, step, axis)  NaN for those that left
    lost: np.ndarray  # (sample,)  why one left; empty for the others
    before: np.ndarray  # (sample, unit)  the state at the first of the steps

    @property
    def kept(self) -> np.ndarray:
        """Indices of the samples that are still there."""
        return np.flatnonzero(self.lost == "")


def settled(run: Run, x: np.ndarray, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The states after so many steps, and why samples were lost."""
    ends, lost = np.array(x), np.full(len(x), "", dtype="<U48")
    for rows in run.chunks(len(x), 16 * run.system.state_size):
        flight = run.flight(x[rows])
        flight.advance(n_steps)
        ends[rows], lost[rows] = flight.ends, flight.reasons()
    return ends, lost


def view(run: Run, x: np.ndarray, n_steps: int, projection: Any, n_axes: int) -> View:
    """How states are seen: "pca" of what settled trajectories do, "outputs", or a function of states."""
    if callable(projection):
        return lambda states: _seen(projection, states)
    if one_of("projection", projection, ("pca", "outputs")) == "outputs":
        return run.system.observe
    seen = []
    for rows in run.chunks(len(x), 32 * run.system.state_size):
        flight = run.flight(x[rows])
        for _ in range(SNAPSHOTS):
            seen.append(flight.x.clone())
            flight.advance(max(1, n_steps // SNAPSHOTS))
    states = torch.cat(seen) if seen else torch.zeros(0, run.system.state_size, dtype=torch.float64)
    if not len(states):
        return lambda states: states[:, :n_axes]
    mean = states.mean(0)
    axes = linalg.symmetric_eig(((states - mean).T @ (states - mean))[None])[1][0].flip(1)[:, :n_axes]
    return lambda states: (states - mean) @ axes


def watch(run: Run, x: np.ndarray, n_steps: int, see: View) -> Windows:
    """Follow states for so many steps and keep what is seen of them."""
    points, lost = [], []
    for rows in run.chunks(len(x), 16 * run.system.state_size):
        flight = run.flight(x[rows])
        width = see(torch.from_numpy(x[rows][:1]).to(run.system.device)).shape[1]
        seen = np.full((len(rows), n_steps, width), np.nan)
        for t in range(n_steps):
            _note(flight, seen, t, see)
            flight.advance(1)
        points.append(seen)
        lost.append(flight.reasons())
    if not points:
        return Windows(np.zeros((0, n_steps, 1)), np.zeros(0, "<U48"), x)
    return Windows(np.concatenate(points), np.concatenate(lost), x)


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
    run: Run,
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


def _attractor(run: Run, state: np.ndarray) -> Any:
    """What a settled state goes on to do."""
    after = run.system.trajectory(state, run.u.expand(CLOUD, -1)).cpu().numpy()
    after = after[np.isfinite(after).all(axis=1)]
    return from_states(after if len(after) else state[None])
