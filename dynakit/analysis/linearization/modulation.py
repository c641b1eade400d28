"""How a context selects an input: by changing the input, or the selection vector (Mante et al. 2013).

What an input does to the slow mode is s.I, with the selection vector s and the effective input I.  Between two
contexts a and b it differs by

    s_a.I_a - s_b.I_b = mean(s).(I_a - I_b)  +  (s_a - s_b).mean(I)            input and selection-vector modulation
    mean(s).(I_a - I_b) = mean(r).(I_a - I_b) + mean(s - r).(I_a - I_b)        direct and indirect, r the slow mode

exactly (Pagan et al. 2025, Nature 639, 421).  How it falls apart depends on the coordinates and on the length of s.  In
rates, M = G W - 1 and I = G W_in with the gains G = diag f'(z) of a network W f(z) + W_in u + b, a network of rank one,
W = m n', has s along n whatever its gains: nothing but its input can be modulated.  In the currents z the same
network has M = W G - 1, s along G n, I = W_in: nothing but its selection vector can.  And with s.r = 1 in place of
|s| = 1 the length of s takes part.  So both are part of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from ... import linalg
from ...checks import one_of
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System
from ...systems.rest import at_rest, dynamics_of, input_part, linear_part
from ...wording import counted
from .points import states_and_drives

COORDINATES, NORMALISATIONS = ("rates", "states"), ("|s| = 1", "s.r = 1")
MATCHES = ("in order", "readout nearest to 0")


@dataclass(frozen=True, kw_only=True, repr=False)
class SelectionModulation(Result):
    """What sets two contexts apart at pairs of points; NaN where the slowest mode of one of them turns.

    Context 0 is the first, 1 the second; differences are first less second.  |r| = 1, and s.r > 0.

    Attributes:
        states: (pair, context, unit) the points
        drives: (pair, context, input) the constant input at each
        eigenvalues: (pair, context) of the slow mode: of G W the one nearest to 1, or of a step
        left: (pair, context, unit) selection vectors s
        right: (pair, context, unit) slow modes r
        effective: (pair, context, input, unit) effective inputs I
        responses: (pair, context, input) what each input does to the slow mode, s.I
        direct: (pair, input) mean(r).(I_a - I_b)
        indirect: (pair, input) mean(s - r).(I_a - I_b)
        selection: (pair, input) (s_a - s_b).mean(I)
        coordinates: "rates" or "states"
        normalisation: "|s| = 1" or "s.r = 1"
        matching: how the points of the contexts were paired
    """

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    left: np.ndarray = per_item()
    right: np.ndarray = per_item()
    effective: np.ndarray = per_item()
    responses: np.ndarray = per_item()
    direct: np.ndarray = per_item()
    indirect: np.ndarray = per_item()
    selection: np.ndarray = per_item()
    coordinates: str
    normalisation: str
    matching: str

    @property
    def input(self) -> np.ndarray:
        """(pair, input) input modulation, direct and indirect."""
        return self.direct + self.indirect

    @property
    def total(self) -> np.ndarray:
        """(pair, input) s_a.I_a - s_b.I_b, the sum of all parts."""
        return self.responses[:, 0] - self.responses[:, 1]

    @property
    def shares(self) -> np.ndarray:
        """(pair, input, 3) |part| / sum of |parts| for direct, indirect and selection; their signs are in the parts."""
        parts = np.abs(np.stack([self.direct, self.indirect, self.selection], axis=-1))
        with np.errstate(invalid="ignore"):
            return parts / parts.sum(axis=-1, keepdims=True)

    @property
    def selection_shares(self) -> np.ndarray:
        """(pair, input) the share of selection-vector modulation; NaN where the contexts do not differ."""
        return self.shares[..., 2]

    def headline(self) -> str:
        said = f"{counted(len(self), 'pair')} matched {self.matching}, in {self.coordinates} with {self.normalisation}"
        known = self.selection_shares[np.isfinite(self.selection_shares)]
        if not len(known):
            return said
        return f"{said}, by the selection vector {100 * known.min():.3g} to {100 * known.max():.3g} %"


class _Modes(NamedTuple):
    """One context in the coordinates asked for."""

    x: np.ndarray  # (point, unit)
    u: np.ndarray  # (point, input)
    values: np.ndarray  # (point,)
    s: np.ndarray  # (point, unit)
    r: np.ndarray  # (point, unit)
    inputs: np.ndarray  # (point, unit, input)


@with_provenance
def compare_selection(
    system: System,
    first: Any,
    second: Any,
    *,
    coordinates: str = "rates",
    normalisation: str = "|s| = 1",
    match: str = "in order",
) -> SelectionModulation:
    """What changes the effect of each input on the slow mode between two contexts: the input, or the selection vector.

    Modes are turned so that the first output rises along them, or the sum of the entries where it does not change.

    Arguments:
        system: the map or the flow; in rates a network that has an equation z = W f(z) + W_in u + b at rest.
        first: points of one context: a result with ``states`` and drives, such as FixedPoints, or (states, drive) with
            states (..., unit) and drive (input,) or (point, input).
        second: those of the other.
        coordinates: "rates", with M = G W - 1 and effective input G W_in; "states", with those of a step, dF/dx - 1
            and dF/du (of a flow df/dx, df/du), for every system.
        normalisation: "|s| = 1" or "s.r = 1" (|r| = 1).
        match: "in order" pairs the k-th point of one context with the k-th of the other; "readout nearest to 0" takes
            of each context the point at which the first output is nearest to zero.

    Raises:
        InputError: where the points do not pair, or a system without rates is asked for them.

    >>> import dynakit as dk, numpy as np
    >>> m, n = np.array([[1.0], [0.5]]), np.array([[1.0, 0.8]])     # rank one: the context cannot turn its selection
    >>> net = dk.catalog.tanh_network(m @ n, W_in=[[1.0, 1.0], [0.3, 1.0]])
    >>> found = dk.compare_selection(net, ([[0.0, 0.0]], [0.0, 1.0]), ([[0.0, 0.0]], [0.0, -2.0]))
    >>> bool(abs(found.selection).max() < 1e-12), bool(abs(found.input[0, 0]) > 0.1)
    (True, True)
    """
    one_of("coordinates", coordinates, COORDINATES)
    one_of("normalisation", normalisation, NORMALISATIONS)
    one_of("match", match, MATCHES)
    with linalg.one_thread(), torch.no_grad():
        points = [_of_context(system, name, given) for name, given in (("first", first), ("second", second))]
        if match == "readout nearest to 0":
            points = [_nearest(system, *each) for each in points]
        if len(points[0][0]) != len(points[1][0]):
            raise InputError(
                f"second must have as many points as first, to be matched in order, got {len(points[1][0])} and "
                f'{len(points[0][0])}; match="readout nearest to 0" takes one of each'
            )
        found = [_modes(system, x, u, coordinates, normalisation) for x, u in points]
    return _compared(*found, coordinates=coordinates, normalisation=normalisation, matching=match)


def _of_context(system: System, name: str, given: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """States (point, unit) and drives (point, input)."""
    if hasattr(given, "states"):
        return states_and_drives(system, given, None, "a selection vector")
    if not (isinstance(given, tuple) and len(given) == 2):
        raise InputError(f"{name} must be a result with states, or (states, drive), got {type(given).__name__}")
    return states_and_drives(system, *given, "a selection vector")


def _nearest(system: System, x: torch.Tensor, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The one point at which the first output is nearest to zero."""
    if not len(x):
        raise InputError("first and second must have a point each to be matched by their readout, got none")
    k = int(system.observe(x)[:, 0].abs().nan_to_num(nan=torch.inf).argmin())
    return x[k : k + 1], u[k : k + 1]


def _modes(system: System, x: torch.Tensor, u: torch.Tensor, coordinates: str, normalisation: str) -> _Modes:
    """The slow mode at each point, the sign that its readout gives it, and its selection vector."""
    M, inputs, slow, to_states = _in_rates(system, x, u) if coordinates == "rates" else _in_states(system, x, u)
    eigen = linalg.eig(M)
    rows = np.arange(len(x))
    k = np.abs(np.nan_to_num(eigen.values, nan=np.inf) - slow).argmin(axis=1)
    values, r, s = eigen.values[rows, k], eigen.right[rows, :, k], eigen.left[rows, :, k]
    unknown = ~((np.imag(values) == 0) & torch.isfinite(x).all(-1).numpy(force=True))
    values, r, s = (np.where(unknown.reshape(-1, *[1] * (v.ndim - 1)), np.nan, np.real(v)) for v in (values, r, s))
    r = r / np.linalg.norm(r, axis=1, keepdims=True)
    s = s / np.einsum("pn,pn->p", s, r)[:, None]
    moved = r if to_states is None else np.einsum("nm,pm->pn", to_states, r)
    rise = np.einsum("pn,pn->p", system.observe_jacobian(x)[:, 0].numpy(force=True), moved)
    sign = np.where(np.abs(rise) > 1e-12 * np.linalg.norm(moved, axis=1), np.sign(rise), np.sign(r.sum(axis=1)))
    sign = np.where(sign == 0, 1.0, sign)[:, None]
    if normalisation == "|s| = 1":
        s = s / np.linalg.norm(s, axis=1, keepdims=True)
    return _Modes(x.numpy(force=True), u.numpy(force=True), values, sign * s, sign * r, inputs)


def _in_rates(system: System, x: torch.Tensor, u: torch.Tensor) -> tuple[torch.Tensor, np.ndarray, float, Any]:
    """G W, G W_in, the eigenvalue of a mode that stands still, and what makes states of rates."""
    form = at_rest(system).rate_form()
    if isinstance(form, str):
        raise InputError(f'coordinates must be "states" for this system, which has no rates: {form}')
    gains = form.gains(x, u)[:, :, None]
    to_states = form.W.numpy(force=True) if form.of_currents else None
    return gains * form.W, (gains * form.W_in).numpy(force=True), 1.0, to_states


def _in_states(system: System, x: torch.Tensor, u: torch.Tensor) -> tuple[torch.Tensor, np.ndarray, float, Any]:
    """The same of the states themselves: dF/dx, dF/du, of a flow df/dx, df/du."""
    slow = float(dynamics_of(system) == "map")
    return linear_part(system, x, u), input_part(system, x, u).numpy(force=True), slow, None


def _compared(a: _Modes, b: _Modes, **said: Any) -> SelectionModulation:
    """The parts of the difference of two contexts."""
    change, mean = a.inputs - b.inputs, (a.inputs + b.inputs) / 2
    s, r = (a.s + b.s) / 2, (a.r + b.r) / 2

    def along(v: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        return np.einsum("pn,pni->pi", v, inputs)

    return SelectionModulation(
        states=np.stack([a.x, b.x], axis=1),
        drives=np.stack([a.u, b.u], axis=1),
        eigenvalues=np.stack([a.values, b.values], axis=1),
        left=np.stack([a.s, b.s], axis=1),
        right=np.stack([a.r, b.r], axis=1),
        effective=np.stack([a.inputs, b.inputs], axis=1).swapaxes(2, 3),
        responses=np.stack([along(a.s, a.inputs), along(b.s, b.inputs)], axis=1),
        direct=along(r, change),
        indirect=along(s - r, change),
        selection=along(a.s - b.s, mean),
        **said,
    )
