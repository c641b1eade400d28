"""What a forward makes of its inputs before its recurrent layer: embeddings, encoders, norms, clamps.

A forward that hands its layer, at each step, something made of the input of that step alone is that layer with other
inputs.  The layer is replaced by a stub that says what it was handed; whether that is all is seen by the comparison
over whole sequences.  Tokens are one-hot: an embedding is linear in them.
"""

from __future__ import annotations

import inspect
import itertools
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..autodiff import autodiff
from ..base import Bounds, System
from ..cells import fingerprint
from ..derived import Wrapped
from ..enclosures import Jet
from ..foreign import bearing_float64
from ..pieces import Pieces
from ..signature import encoded
from ..steps import STATE_NAMES
from .calling import Way, run
from .comparison import ForwardComparison, compare, probes
from .copies import float64_copy, taking_one_hot
from .heads import learned_start
from .twins import Twins


class Encoded(Wrapped):
    """``inner`` whose inputs are made, step by step, by ``encode``: (batch, input) -> (batch, input of inner)."""

    def __init__(
        self, inner: System, front: Any, input_size: int, parts: dict[str, slice] | None = None
    ) -> None:
        super().__init__(inner, input_size=input_size)
        self.front, self.input_parts = front, parts or {}

    def encode(self, given: Any) -> Tensor:
        if (given.keys() if isinstance(given, dict) else set()) != self.input_parts.keys():
            expected = f"a dictionary of {list(self.input_parts)}" if self.input_parts else "one array"
            raise InputError(f"given must be {expected}, as the encoder takes it")
        if not self.input_parts:
            return encoded("given", given, self.input_size, self.device)
        each = (
            encoded(f"given[{name!r}]", given[name], part.stop - part.start, self.device)
            for name, part in self.input_parts.items()
        )
        return torch.cat([*each], -1)

    def _code(self, u: Any) -> Any:
        if isinstance(u, Jet):  # within an enclosure, for which constants count as computed
            return Jet.fixed(u.value.constant(self.front(_one_drive(u))), u.n_points)
        if len(u) > 1 and u.stride(0) == 0:  # one drive for all
            return self.front(u[:1]).expand(len(u), -1)
        return self.front(u.clone())  # it may work in place

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._step(x, self._code(u))

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._jacobian(x, self._code(u))

    def _jacobian_factors(self, x: Tensor, u: Tensor) -> list[Tensor]:
        return self.inner._jacobian_factors(x, self._code(u))

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        made = autodiff(self.front, u, out_size=self.inner.input_size)
        return self.inner._input_jacobian(x, self._code(u)) @ made

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if V is not None:
            V = V @ autodiff(self.front, u, out_size=self.inner.input_size).mT
        return self.inner._push(x, self._code(u), T, V)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._kinks(x, self._code(u))

    def newton_step(self, x: Any, u: Any, r: Tensor) -> tuple[Tensor, Tensor]:
        x, u, _ = self.as_batch(x, u)
        return self.inner.newton_step(x, self._code(u), r)

    def _box(self, inputs: Bounds) -> Bounds | None:
        if not torch.equal(inputs.lo, inputs.hi):
            return None
        drive = self.front(inputs.lo[None])[0]
        return self.inner._box(Bounds(drive, drive))

    def _pieces(self, u: Tensor) -> Pieces | None:
        return self.inner._pieces(self.front(u[None])[0])

    def open_pieces(self) -> None:
        """None: what stands before the layer need not be linear."""

    def single_precision(self) -> None:
        """None: the forward is called in float64."""

    def _around(self, field: System) -> System:
        return Encoded(field, self.front, self.input_size, self.input_parts)


def _one_drive(u: Jet) -> Tensor:
    """The inputs (point, input) themselves; TypeError where they are a range, or balls."""
    lo, hi = (getattr(u.value, end, None) for end in ("lo", "hi"))
    if lo is None or hi is None or len(lo) != 1 or not torch.equal(lo, hi):
        raise TypeError("a forward takes no range of inputs")
    return lo[0]


def behind_its_front(twins: Twins, core: System) -> tuple[System, ForwardComparison, Tensor] | None:
    """``core`` with inputs as the forward takes them, and those it was compared under; None if it is not so."""
    assert twins.core is not None
    before, twin = core.start, float64_copy(twins.model, core.device)
    for size in _widths(twins.model, twins.core, core.input_size):
        for way in twins.ways(core):
            front = _taken(_Front(twin, twins.core, core.state_size, way), size, core)
            if front is None:
                continue
            system = Encoded(core, front, size)
            inputs = probes(system)
            try:
                core.start = learned_start(twins, system, inputs)
                states = compare(twins, system, inputs, need="states")
            except Exception:  # foreign code, which bore a few rows, need not bear others
                continue
            if states.agrees:
                system.fingerprint = fingerprint(core.fingerprint, *twins.double.parameters())
                return system, states, inputs
    core.start = before
    return None


def fronts_of(twins: Twins, step: str, cell: System) -> Iterator[System]:
    """``cell``, whose step is a method, with inputs as the forward takes them, in each way in which it bears them."""
    for size in _widths(twins.model, step.rpartition(".")[0] or None, cell.input_size):
        for way in twins.ways(cell):
            front = _taken(_Front(float64_copy(twins.model, cell.device), step, cell.state_size, way), size, cell)
            if front is not None:
                yield Encoded(cell, front, size)
                break


def encoded_by(system: System, encoder: Any) -> System:
    """``system`` behind an encoder, or behind several side by side, a dictionary of them for parts of the inputs."""
    given = encoder if isinstance(encoder, dict) else {"": encoder}
    if not given:
        raise InputError("form.encoder names no encoders")
    made = []
    for name, one in given.items():
        called = f"form.encoder[{name!r}]" if name else "form.encoder"
        if not callable(one):
            raise InputError(f"{called} must be a module or a callable, got {type(one).__name__}")
        function, sizes = one, [system.input_size]
        holder = one if isinstance(one, nn.Module) else getattr(one, "__self__", None)
        method: Any = one
        if isinstance(holder, nn.Module):  # the module itself, or one of its methods
            twin = float64_copy(taking_one_hot(holder), system.device, called=called)
            function = twin if one is holder else types.MethodType(method.__func__, twin)
            sizes = [*dict.fromkeys(w for p in holder.parameters() for w in reversed(p.shape)), *sizes]
            sizes = [one.num_embeddings] if isinstance(one, nn.Embedding) else sizes
        found = next((f for size in sizes if (f := _bearing(function, size, system)) is not None), None)
        if found is None:
            raise InputError(f"{called} does not turn vectors (batch, width) into (batch, width), row by row")
        made.append(found)
    return _behind(system, list(given), made)


class _Part:
    """An encoder of ``size`` inputs into ``width``."""

    def __init__(self, function: Callable[..., Any], size: int, width: int) -> None:
        self.function, self.size, self.width = function, size, width


def _bearing(function: Callable[..., Any], size: int, system: System) -> _Part | None:
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(5, size, generator=generator, dtype=torch.float64, device="cpu").to(system.device)
    try:
        wide = bearing_float64(function, u)
        value, alone = wide(u), torch.cat([wide(row[None]) for row in u])
    except Exception:  # foreign code
        return None
    fits = value.ndim == 2 and value.shape == alone.shape and torch.allclose(value, alone, rtol=1e-9, atol=1e-9)
    return _Part(wide, size, value.shape[1]) if fits else None


def _behind(system: System, names: list[str], parts: list[_Part]) -> System:
    total = sum(part.width for part in parts)
    if total != system.input_size:
        raise InputError(f"form.encoder gives {total} values, but the step takes {system.input_size} inputs")
    ends = torch.tensor([0, *(part.size for part in parts)]).cumsum(0).tolist()
    columns = [slice(*pair) for pair in itertools.pairwise(ends)]
    front = lambda u: torch.cat([p.function(u[:, c]) for p, c in zip(parts, columns, strict=True)], -1)  # noqa: E731
    made = Encoded(system, front, ends[-1], dict(zip(names, columns, strict=True)) if names != [""] else None)
    made.name = f"{system.name}, behind its encoder"
    made.fingerprint = fingerprint(system.fingerprint, *(w for p in parts for w in _weights(p.function)))
    return made


def _weights(function: Any) -> list[Tensor]:
    inner = getattr(function, "__wrapped__", function)
    inner = getattr(inner, "__self__", inner)
    return list(inner.parameters()) if isinstance(inner, nn.Module) else []


def _widths(model: nn.Module, core: str | None, own: int) -> Iterator[int]:
    """How wide the inputs may be: as the weights are that do not belong to the core, or as the core's own."""
    seen = {own}
    yield own
    for name, weight in model.named_parameters():
        if not name.startswith(f"{core}."):
            for width in reversed(weight.shape):
                if width not in seen:
                    seen.add(width)
                    yield width


def _taken(front: _Front, size: int, core: System) -> Any:
    """``front`` as it bears inputs of this size in float64; None if it hands on nothing that ``core`` takes.

    What it hands on must be of one row each: a forward that takes rows for steps, or mixes them, is called wrongly.
    """
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(5, size, generator=generator, dtype=torch.float64, device="cpu").to(core.device)
    encode = bearing_float64(front, u)
    try:
        made, alone = encode(u), torch.cat([encode(row[None]) for row in u])
    except Exception:  # foreign code
        return None
    fits = made.shape == alone.shape == (5, core.input_size) and made.dtype == torch.float64
    return encode if fits and torch.allclose(made, alone, rtol=1e-9, atol=1e-9, equal_nan=True) else None


class _Reached(Exception):
    """The recurrent layer has been called."""


class _Front:
    """The inputs that a forward of one step hands to its layer."""

    def __init__(self, twin: nn.Module, core: str, state_size: int, way: Way) -> None:
        self.twin, self.way, self.state_size = twin, way, state_size
        prefix, _, last = core.rpartition(".")
        holder: Any = twin.get_submodule(prefix)
        own = getattr(holder, last)
        if isinstance(own, nn.Module):
            own.forward = _reach
        else:  # a method that takes a step
            vars(holder)[last] = _reaching(own)

    def __call__(self, u: Tensor) -> Tensor:
        if not len(u):  # foreign code need not bear none
            return self(u.new_zeros(1, u.shape[1]))[:0]
        lead = (len(u), 1) if self.way.stepwise else (len(u),)
        state = None if self.way.form is None else u.new_zeros(*lead, self.state_size)
        try:
            run(self.twin, self.way, u[:, None], state)
        except _Reached as reached:
            return reached.args[0].reshape(len(u), -1)
        raise RuntimeError("its forward does not call its recurrent layer")


def _reaching(method: Any) -> Any:
    """In the place of a step: says what its input is, the first argument that is not called as states are."""
    signature = inspect.signature(method)
    name = next(name for name in signature.parameters if name.lower() not in STATE_NAMES)

    def reach(*args: Any, **kwargs: Any) -> None:
        raise _Reached(signature.bind(*args, **kwargs).arguments[name])

    return reach


def _reach(inputs: Any, *_: Any, **__: Any) -> None:
    raise _Reached(inputs)
