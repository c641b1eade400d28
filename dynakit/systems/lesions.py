"""A network without some of its units, or without some of its recurrent weights.

A silenced unit is held at a state in which it sends nothing, at every step: zero, unless the network's activation is
not zero there.  It still has its place in the state, so that what was found of the whole network can be compared.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import rectangular
from ..errors import InputError
from ..wording import counted
from .base import Bounds, System, checked
from .cells import LeakyCell, Stack, fingerprint, in_single_precision
from .derived import Wrapped

QUIET = -1e3  # where sigmoid and softplus are 0 to the last digit


class Lesioned(Wrapped):
    """``inner`` with the units held at ``silent`` where ``keep`` (unit,), or one row per state, is False."""

    def __init__(self, inner: System, keep: Tensor, silent: float) -> None:
        super().__init__(inner, name=f"{inner.name}, lesioned")
        self.keep, self.silent = keep.to(inner.device), silent
        self.fingerprint = fingerprint(inner.fingerprint, keep)

    def _around(self, field: System) -> System:
        raise InputError("system must be a map to be lesioned; of a flow, leave the units out of its field")

    def _held(self, x: Tensor) -> Tensor:
        return torch.where(self.keep, x, self.silent)

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return self._held(self.inner._step(self._held(x), u))

    def _mask(self, x: Tensor) -> Tensor:
        return self.keep.to(x.dtype).expand(x.shape)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        mask = self._mask(x)
        return mask[..., None] * self.inner._jacobian(self._held(x), u) * mask[..., None, :]

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self._mask(x)[..., None] * self.inner._input_jacobian(self._held(x), u)

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mask = self._mask(x)[:, None]
        after, moved = self.inner._push(self._held(x), u, T * mask, V)
        return self._held(after), moved * mask

    def _observe(self, x: Tensor) -> Tensor:
        return self.inner._observe(self._held(x))

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        return self.inner._observe_jacobian(self._held(x)) * self._mask(x)[..., None, :]

    def _observe_push(self, x: Tensor, T: Tensor) -> Tensor:
        return self.inner._observe_push(self._held(x), T * self._mask(x)[:, None])

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._kinks(self._held(x), u)

    def _box(self, inputs: Bounds) -> Bounds | None:
        """That of the whole network: silenced units go to their place within it, if it lies there."""
        box = self.inner._box(inputs)
        if box is None or self.keep.ndim > 1:
            return None
        inside = (box.lo < self.silent) & (self.silent < box.hi)
        return box if bool((inside | self.keep).all()) else None

    def rest_within(self, u: Tensor) -> Bounds | None:
        return System.rest_within(self, u)

    def newton_step(self, x: Any, u: Any, r: Tensor) -> tuple[Tensor, Tensor]:
        return System.newton_step(self, x, u, r)

    def _pieces(self, u: Tensor) -> None:
        """None: they are those of the whole network."""

    def open_pieces(self) -> None:
        """None: they are those of the whole network."""

    def readout_pieces(self) -> None:
        """None: they are those of the whole network."""

    def single_precision(self) -> System | None:
        inner = self.inner.single_precision()
        if inner is None:
            return None
        twin = in_single_precision(self)
        twin.inner, twin.keep = inner, self.keep
        return twin

    def initial_state(self) -> Tensor:
        return self._held(self.inner.initial_state())

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        """Those of the whole network, but what silenced units send."""
        weights, keep = self.inner.recurrent_weights(), self.keep.cpu().numpy()
        n = next((W.shape[1] for W in weights.values()), 0)
        sends = keep[..., :n] if keep.ndim == 1 and n <= len(keep) else np.ones(n, bool)
        return {name: W * sends for name, W in weights.items()}


def lesion(system: System, units: Any = None, *, edges: Any = None) -> System:
    """A network without some units, or without some recurrent weights; the one given stays as it is.

    Arguments:
        system: the map.
        units: numbers of the units that are silenced, or a mask (unit,).  A unit of an LSTM is its h and its c; of a
            network of layers, units are counted layer after layer.
        edges: which recurrent weights are cut, a mask (unit, unit) as W[post, pre], or a dictionary of masks by the
            names of ``system.recurrent_weights()``.

    A silenced unit is held, at every step, where it sends nothing: at zero, and where the activation is not zero there
    (sigmoid and softplus of a voltage), far below.  Fixed points, Jacobians and exponents are those of the rest, with
    an eigenvalue of zero for each state held.

    Raises InputError, naming the argument; for a system that is no map, or names no weights that could be cut.

    >>> import dynakit as dk
    >>> net = dk.catalog.tanh_network([[2.0, 0.0], [1.0, 0.5]])
    >>> dk.lesion(net, [0]).step([0.9, 0.4]).tolist() == [0.0, float(np.tanh(0.2))]
    True
    >>> dk.lesion(net, edges=np.array([[True, True], [False, False]])).recurrent_weights()["W_rec"].tolist()
    [[0.0, 0.0], [1.0, 0.5]]
    """
    whole = checked(system)
    if whole.flow() is not None:
        raise InputError("system must be a map to be lesioned; of a flow, leave the units out of its field")
    if units is None and edges is None:
        raise InputError("units or edges must say what is to be removed")
    if edges is not None:
        whole = cut(whole, edges)
    if units is None:
        return whole
    return silenced(whole, states_of_units(whole, units_of("units", units, len(neurons(whole)))))


def neurons(system: System) -> list[np.ndarray]:
    """The places in the state of each unit: of an LSTM two, of a layer after another those of the first, then the next.

    Where the parts of a layer differ in size each place of the state is a unit.
    """
    layers: dict[str, list[np.ndarray]] = {}
    for name, part in system.parts.items():
        layers.setdefault(name.rpartition(".")[0], []).append(np.arange(part.start, part.stop))
    covered = sorted(np.concatenate([part for parts in layers.values() for part in parts] or [np.zeros(0, int)]))
    alike = all(len({len(part) for part in parts}) == 1 for parts in layers.values())
    if not alike or covered != list(range(system.state_size)):
        return list(np.arange(system.state_size)[:, None])
    return [row for parts in layers.values() for row in np.stack(parts, axis=1)]


def units_of(name: str, value: Any, n: int) -> np.ndarray:
    """Numbers or a mask as a mask (unit,)."""
    array = rectangular(name, value)
    if array.dtype.kind == "b" and array.shape != (n,):
        raise InputError(f"{name} must be a mask of {counted(n, 'unit')}, got shape {array.shape}")
    if array.dtype.kind == "b":
        return array
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError(f"{name} must be numbers of units or a mask (unit,), got {value!r}")
    mask, numbers = np.zeros(n, bool), array.astype(int)
    wrong = numbers[(numbers < 0) | (numbers >= n)]
    if len(wrong):
        raise InputError(f"{name} must be between 0 and {n - 1}, got {wrong[0]}")
    mask[numbers] = True
    return mask


def states_of_units(system: System, units: np.ndarray) -> np.ndarray:
    """Which places of the state (..., state) are those of units (..., unit)."""
    held = np.zeros((*units.shape[:-1], system.state_size), bool)
    for k, places in enumerate(neurons(system)):
        held[..., places] = units[..., k, None]
    return held


def silenced(system: System, held: np.ndarray) -> System:
    """``system`` with these places of its state held, (state,), or one row for each state of a flat batch."""
    keep = torch.from_numpy(~held)
    if isinstance(system, Stack):
        sizes = [layer.state_size for layer in system.layers]
        layers: Any = [silenced(layer, part.numpy()) for layer, part in zip(system.layers, (~keep).split(sizes, -1))]
        return Stack(layers)
    if isinstance(system, Wrapped) and not isinstance(system, Lesioned):
        twin = copy.copy(system)
        twin.inner, twin.fingerprint = silenced(system.inner, held), fingerprint(system.fingerprint, keep)
        twin.name = f"{system.name}, lesioned"
        return twin
    return Lesioned(system, keep, _silent(system))


def _silent(system: System) -> float:
    """A state in which any unit sends nothing."""
    inner = system.inner if isinstance(system, Wrapped) else system
    if not isinstance(inner, LeakyCell) or inner.form != "current":
        return 0.0
    for state in (-1.0, 0.0, QUIET) if inner.f.piecewise_linear else (0.0, QUIET):  # off the kink, if it can be
        if float(inner.f.function(torch.tensor(state, dtype=torch.float64))) == 0.0:
            return state
    raise InputError("units cannot be silenced: the activation of this network is zero nowhere; cut edges instead")


def cut(system: System, edges: Any) -> System:
    """``system`` without the recurrent weights that are marked."""
    weights = system.recurrent_weights()
    if not weights:
        raise InputError("edges cannot be cut: the network names no recurrent matrix")
    masks = dict(edges) if isinstance(edges, Mapping) else dict.fromkeys(weights, edges)
    for name in masks:
        if name not in weights:
            raise InputError(f"edges must name recurrent matrices, {', '.join(weights)}, got {name!r}")
    for name, mask in masks.items():
        array = rectangular("edges", mask)
        if array.dtype.kind != "b" or array.shape != weights[name].shape:
            raise InputError(f"edges must be a mask {weights[name].shape} for {name}, got {array.dtype} {array.shape}")
        weights[name] = np.where(array, 0.0, weights[name])
    return system.rewired(weights)
