"""Along which directions do trajectories part?  Covariant Lyapunov vectors, by the method of Ginelli et al. (2007).

The orthonormal frames Q of the forward pass depend on the order of orthonormalization; the covariant vectors do not:
J_t v_i(t) is along v_i(t + 1), and on average grows as lambda_i, forward and backward.  With J_t Q_t = Q_{t+1} R_{t+1},
v(t) = Q_t C_t where C_t = R_{t+1}^-1 C_{t+1}, its columns made unit vectors, from any upper triangular C far ahead
(eqs. 4-6 there).  At a fixed point they are the eigenvectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import linalg
from ...checks import count
from ...errors import InputError, NumericalError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...wording import counted
from .course import Course, advance
from .frames import Frames
from .lyapunov import starts_and_inputs


@dataclass(frozen=True, kw_only=True, repr=False)
class CovariantVectors(Result):
    """Covariant Lyapunov vectors along a trajectory, one entry per step.

    Attributes:
        states: (time, unit) along the trajectory, one after each step
        vectors: (time, unit, vector) unit columns, by falling exponent; of arbitrary sign
        growth: (time, vector) ln |J v| of each over the next step, nats
        exponents: (vector,) nats per step: the mean of ``growth``
        dynamics: "map", or "flow": the steps are those of one
        dt: time of one step; None: not known
    """

    states: np.ndarray = per_item()
    vectors: np.ndarray = per_item()
    growth: np.ndarray = per_item()
    exponents: np.ndarray
    dynamics: str = "map"
    dt: float | None = None

    @property
    def per_time(self) -> np.ndarray | None:
        """(vector,) exponents per unit of time, or None where dt is not known."""
        return None if self.dt is None else self.exponents / self.dt

    def angles(self, first: Any, second: Any) -> np.ndarray:
        """The smallest angle at each time between the spans of two groups of vectors, radians, 0 to pi/2.

        ``first`` and ``second`` are numbers of vectors, or lists of them, such as the unstable and the stable ones.
        """
        spans = [np.linalg.qr(self.vectors[:, :, np.atleast_1d(group)])[0] for group in (first, second)]
        cosines = np.linalg.svd(spans[0].swapaxes(1, 2) @ spans[1], compute_uv=False)
        return np.arccos(np.clip(cosines.max(axis=1), 0.0, 1.0))

    def headline(self) -> str:
        per_time = self.dynamics == "flow" and self.per_time is not None
        values = self.per_time if per_time and self.per_time is not None else self.exponents
        shown = ", ".join(f"{value:.4g}" for value in values[:4])
        unit = "unit of time" if per_time else "step"
        said = f"{counted(len(self.exponents), 'vector')} at {counted(len(self), 'state')}"
        return f"{said}, exponents {shown} nats per {unit}"


@with_provenance
def covariant_vectors(
    system: System,
    x0: Any,
    inputs: Any = None,
    *,
    n_steps: int,
    n_vectors: int | None = None,
    n_transient: int = 500,
    n_backward: int = 500,
) -> CovariantVectors:
    """The covariant Lyapunov vectors along the trajectory from one start.

    Arguments:
        system: the map.
        x0: where to start, (unit,).
        inputs: (n_transient + n_steps + n_backward, input), in this order; None is zero input.
        n_steps: steps at whose states the vectors are wanted.
        n_vectors: how many, from the fastest; None: all.
        n_transient, n_backward: steps before and after, for the vectors to turn into place: the gap between two
            exponents times these steps is how many nats they are then off.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.
        NumericalError: where the trajectory leaves the finite numbers, or a direction is lost to a singular Jacobian:
            ask for fewer vectors.

    >>> import dynakit as dk
    >>> found = dk.covariant_vectors(dk.catalog.linear([[2.0, 1.0], [0.0, 0.5]]), [0.0, 0.0], n_steps=1)
    >>> abs(found.vectors[0]).round(6).tolist()
    [[1.0, 0.5547], [0.0, 0.83205]]
    """
    checked(system).refuse_jumps("covariant vectors")
    n_steps = count("n_steps", n_steps)
    ahead, back = count("n_transient", n_transient, least=0), count("n_backward", n_backward, least=0)
    k = system.state_size if n_vectors is None else count("n_vectors", n_vectors, most=system.state_size)
    start = system.as_states("x0", x0)
    if start.ndim != 1 and (start.ndim != 2 or len(start) != 1):
        raise InputError(f"x0 must be one state (unit,), got shape {tuple(start.shape)}")
    x, course = starts_and_inputs(
        system, start.reshape(-1), inputs, ahead + n_steps + back, "n_transient + n_steps + n_backward"
    )
    if len(x) > 1:
        raise InputError(f"inputs must be one sequence (time, input), got {len(x)} of them")
    with linalg.one_thread(), torch.inference_mode(False), torch.no_grad():
        frames = Frames(system, x, k)
        advance(frames, course, ahead, 1)
        states, rows, lower = _forward(frames, course, n_steps + back)
        vectors, growth = _backward(rows, lower, n_steps)
    return CovariantVectors(
        states=states[:n_steps],
        vectors=vectors,
        growth=growth,
        exponents=growth.mean(axis=0),
        dynamics="map" if system.flow() is None else "flow",
        dt=system.dt,
    )


def _forward(frames: Frames, course: Course, n_steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States (time, unit), frames (time, vector, unit) and the factors R^T (time, vector, vector) that lead on."""
    states, rows, lower = [], [], []
    for _ in range(n_steps):
        states.append(frames.x[0])
        rows.append(frames.T[0])
        frames.step(course.at(frames.n_done))
        lower.append(frames.orthonormalize()[1][0])
        if not frames.all_inside:
            raise NumericalError(
                f"the trajectory from x0 left the finite numbers at step {int(frames.left_at[0])}"
            )
        if bool(frames.lost.any()):
            n_left = int((~frames.lost).sum())
            raise NumericalError(
                f"a direction was lost to a singular Jacobian at step {frames.n_done}: covariant vectors exist for the "
                f"{n_left} others; pass n_vectors={n_left} or fewer"
            )
    return tuple(torch.stack(items).cpu().numpy() for items in (states, rows, lower))  # type: ignore[return-value]


def _backward(rows: np.ndarray, lower: np.ndarray, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (time, unit, vector) and their growth, at the first ``n_steps`` of the frames."""
    k = rows.shape[1]
    C = np.triu(np.ones((k, k)))
    C /= np.linalg.norm(C, axis=0)
    vectors, growth = np.empty((n_steps, rows.shape[2], k)), np.empty((n_steps, k))
    for t in reversed(range(len(rows))):
        C = linalg.solve_upper(lower[t].T, C)
        size = np.linalg.norm(C, axis=0)
        C = C / size
        if t < n_steps:
            vectors[t], growth[t] = rows[t].T @ C, -np.log(size)
    return vectors, growth
