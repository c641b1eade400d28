"""What an input does to the slow mode: selection vectors (Mante et al. 2013, suppl. sec. 7.6).

Near a fixed or slow point all modes but the slowest die out, so that of a push dF/du du only its part along the slow
right eigenvector r remains: l.(dF/du) du, with the left eigenvector l, l.r = 1.  An input is selected where its
push has a part along l, and ignored where it is orthogonal to l, however large it is.  Of a flow dx/dt = f(x, u) the
same is said of df/du: a velocity along r.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import linalg
from ...checks import reals
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System
from ...systems.rest import dynamics_of, input_part, linear_part
from ...wording import counted
from .points import states_and_drives


@dataclass(frozen=True, kw_only=True, repr=False)
class Selection(Result):
    """The slow mode at each point and what moves it; NaN where the slowest mode turns (a complex eigenvalue).

    Attributes:
        states: (point, unit) the states looked at
        drives: (point, input) the constant input at each
        eigenvalues: (point,) the one nearest to 1, of a flow nearest to 0, per unit time
        right: (point, unit) the direction of the slow mode, |r| = 1
        left: (point, unit) the selection vector, l.r = 1
        selection: (point, input) l.dF/du, the step along r that a unit of each input leaves behind; of a flow l.df/du,
            the velocity along r that it makes, per unit time
        dynamics: "map" or "flow"
    """

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    right: np.ndarray = per_item()
    left: np.ndarray = per_item()
    selection: np.ndarray = per_item()
    dynamics: str = "map"

    def responses(self, directions: Any) -> np.ndarray:
        """Step, of a flow velocity, along the slow mode under inputs (direction, input): (point, direction)."""
        directions = reals("directions", directions, ("direction", self.drives.shape[1]))
        return self.selection @ directions.T

    def headline(self) -> str:
        known = self.eigenvalues[np.isfinite(self.eigenvalues)]
        said = f"{counted(len(self), 'point')} of a {self.dynamics}, {len(known)} with a real slow mode"
        return said + (f", eigenvalues {known.min():.4g} to {known.max():.4g}" if len(known) else "")


@with_provenance
def selection_vectors(system: System, points: Any, drive: Any = None) -> Selection:
    """The slow mode at each point, and the step along it that each input makes.

    Arguments:
        system: the map or the flow.
        points: states (..., unit), axes flattened, or a result that has ``states``, such as FixedPoints, which brings
            its own drives.
        drive: the constant input, (input,) or (point, input), of bare states; None is zero input.

    Slowest is the mode whose eigenvalue is nearest to 1, of a flow nearest to 0.  Its direction r at the first point is
    the one whose entries sum to something positive; at all others it points to the same side.

    Raises:
        InputError: for a discontinuous map, or points and drives that do not fit the system.

    >>> import dynakit as dk, torch
    >>> step = lambda x, u: x @ torch.tensor([[1.0, 0.5], [0.0, 0.5]]).double().T + u @ torch.eye(2).double()
    >>> integrator = dk.FunctionSystem(step, 2, 2, argument_order="state, input")
    >>> dk.selection_vectors(integrator, [[0.0, 0.0]]).selection.round(12).tolist()
    [[1.0, 1.0]]
    """
    x, u = states_and_drives(system, points, drive, "a selection vector")
    with linalg.one_thread(), torch.no_grad():
        eigen = linalg.eig(linear_part(system, x, u))
        by_input = input_part(system, x, u).cpu().numpy()
    rows, dynamics = np.arange(len(x)), dynamics_of(system)
    k = np.abs(np.nan_to_num(eigen.values, nan=np.inf) - (dynamics == "map")).argmin(axis=1)
    values, right, left = eigen.values[rows, k], eigen.right[rows, :, k], eigen.left[rows, :, k]
    unknown = ~((np.imag(values) == 0) & torch.isfinite(x).all(-1).cpu().numpy())
    signs = _orientation(np.where(unknown[:, None], 0.0, np.real(right)))[:, None]
    right, left = (np.where(unknown[:, None], np.nan, signs * np.real(v)) for v in (right, left))
    return Selection(
        states=x.numpy(force=True),
        drives=u.numpy(force=True),
        eigenvalues=np.where(unknown, np.nan, np.real(values)),
        right=right,
        left=left,
        selection=np.einsum("pn,pni->pi", left, by_input),
        dynamics=dynamics,
    )


def _orientation(right: np.ndarray) -> np.ndarray:
    """The signs that turn all vectors (point, unit) to one side."""
    given = np.linalg.norm(right, axis=1) > 0
    if not given.any():
        return np.ones(len(right))
    first = right[np.argmax(given)]
    first = first * (1.0 if first.sum() >= 0 else -1.0)
    return np.where(right @ first >= 0, 1.0, -1.0)
