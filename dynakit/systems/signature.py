"""The signature of a map: its sizes, blocks and step in time, and arguments as tensors that fit them.

Leading axes are free everywhere: a batch of states is broadcast against a batch of inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import checks
from ..errors import InputError
from ..surroundings import in_own_surroundings
from ..wording import counted


class Signature:
    """What a map says of itself, and what may be given to it; :class:`System` lists the attributes."""

    jumps = "jumps at its spikes; look at trajectories, spikes and connectivity instead"  # if it is discontinuous

    def __init__(
        self,
        state_size: int,
        input_size: int = 0,
        *,
        output_size: int | None = None,
        parts: dict[str, slice] | None = None,
        regularity: str = "smooth",
        device: torch.device | str = "cpu",
        name: str = "",
    ) -> None:
        self.state_size, self.input_size = state_size, input_size
        self.output_size = state_size if output_size is None else output_size
        self.parts = parts or {"x": slice(0, state_size)}
        self.regularity = regularity
        self.device, self.dtype = torch.device(device), torch.float64
        self.dt: float | None = None
        self.time_unit = "ms"
        self.alpha: float | np.ndarray | None = None
        self.euler = False
        self.fingerprint = ""
        self.compared, self.time_first = 0, False
        self.readouts: dict[str, slice] = {}
        self.name = name or type(self).__name__

    def __repr__(self) -> str:
        ends = [counted(self.input_size, "input"), counted(self.output_size, "output")]
        return f"{self.name}: {ends[0]} -> {self.state_size} state -> {ends[1]}"

    @property
    def dt_ms(self) -> float | None:
        """Time of one step in ms, or None where that is not known."""
        return self.dt if self.time_unit == "ms" else None

    def refuse_jumps(self, what: str) -> None:
        """Raise InputError if the map is discontinuous and ``what`` would mean nothing."""
        if self.regularity == "discontinuous":
            raise InputError(f"{what} needs a differentiable map, but system ({self.name}) {self.jumps}")

    def as_tensor(self, name: str, value: Any, width: int) -> Tensor:
        """The argument ``name`` as float64 on this system's device; InputError unless its last axis is ``width``."""
        checks.no_record(name, value, width)
        checks.holds_numbers(name, value)
        if not isinstance(value, Tensor):
            value = torch.from_numpy(checks.reals(name, value, finite=False))
        value = value if value.layout == torch.strided else value.to_dense()
        if not value.is_floating_point():
            tokens = name == "inputs" and not value.is_complex() and value.shape[-1:] != (width,)
            how = f"tokens are one-hot: system.encode({name}), or torch.nn.functional.one_hot({name}, {width}).double()"
            raise InputError(
                f"{name} must be real floating-point numbers, got dtype {value.dtype}; "
                f"{how if tokens else 'see x.double()'}"
            )
        if value.ndim == 0 or value.shape[-1] != width:
            raise InputError(
                f"{name} must have shape (..., {width}), got {tuple(value.shape)}{self._hint(name, value, width)}"
            )
        return value.to(self.device, self.dtype)

    def as_states(self, name: str, value: Any) -> Tensor:
        """States (..., unit), or a result that has them, as :meth:`as_tensor` reads them."""
        return self.as_tensor(name, checks.states_of(value), self.state_size)

    def _hint(self, name: str, value: Tensor, width: int) -> str:
        parts = list(self.parts)
        if (
            name in ("x", "x0", "starts")
            and len(parts) > 1
            and value.ndim
            and value.shape[-1] * len(parts) == width
        ):
            return f"; the state is [{', '.join(parts)}], {counted(width // len(parts), 'value')} each"
        return ""

    def as_inputs(self, inputs: Any) -> Tensor:
        """A sequence of inputs (..., time, input), or as many steps of zero input."""
        if isinstance(inputs, (int, np.integer)):
            n_steps = checks.count("inputs", inputs)
            nothing = torch.zeros(1, self.input_size, dtype=torch.float64, device=self.device)
            return nothing.expand(n_steps, -1)  # a view: however many steps, it takes no memory
        inputs = self.as_tensor("inputs", inputs, self.input_size)
        if inputs.ndim < 2 or inputs.shape[-2] == 0:
            raise InputError(
                f"inputs must be (trial, time, input) with at least one step, got {tuple(inputs.shape)}"
            )
        return inputs

    def as_drive(self, name: str, value: Any) -> Tensor:
        """The constant inputs ``name`` (..., input), which must be finite; None is zero input."""
        u = self.as_tensor(name, np.zeros(self.input_size) if value is None else value, self.input_size)
        bad = (~torch.isfinite(u)).nonzero()
        if len(bad):
            first = tuple(bad[0].tolist())
            raise InputError(f"{name} must be finite, but the value at index {first} is {float(u[first])}")
        return u

    def _is_batch(self, value: Any, width: int) -> bool:
        """Whether it is a flat batch already, on this device and in this precision."""
        return (
            type(value) is Tensor
            and value.dtype is self.dtype
            and value.device == self.device
            and value.layout is torch.strided
            and not value.is_nested
            and value.ndim == 2
            and value.shape[1] == width
            and not value.is_inference()
        )

    def as_batch(
        self, x: Any, u: Any, names: tuple[str, str] = ("x", "u")
    ) -> tuple[Tensor, Tensor, torch.Size]:
        """State and input as flat float64 batches of equal length, and the leading shape to restore."""
        if self._is_batch(x, self.state_size) and self._is_batch(u, self.input_size) and x.shape[0] == u.shape[0]:
            return x, u, x.shape[:1]  # as our own code calls: the checks below would take longer than a small step
        x = self.as_states(names[0], x)
        x = x.clone() if x.is_inference() else x
        u = x.new_zeros(self.input_size) if u is None else self.as_tensor(names[1], u, self.input_size)
        try:
            lead = torch.Size(np.broadcast_shapes(x.shape[:-1], u.shape[:-1]))  # torch's own loads sympy
        except ValueError:
            raise InputError(
                f"{names[1]} {tuple(u.shape)} does not fit {names[0]} {tuple(x.shape)} along the leading axes"
            ) from None
        flat = (lead.numel(),)
        x = x.expand(*lead, self.state_size).reshape(*flat, self.state_size)
        return x, u.expand(*lead, self.input_size).reshape(*flat, self.input_size), lead

    @in_own_surroundings
    def encode(self, given: Any) -> Tensor:
        """Inputs of this system from what its network is given: vectors as they are, tokens one-hot.

        Tokens are whole numbers 0, 1, ... below ``input_size``, without an axis of inputs; what stands before the
        recurrence, such as an embedding, is part of the step.  A network whose inputs have parts takes a dictionary of
        them, see :class:`dynakit.Form`.  Raises InputError for anything else.
        """
        if isinstance(given, dict):
            raise InputError(f"given must be one array, since the inputs of {self.name} have no parts")
        return encoded("given", given, self.input_size, self.device)


def encoded(name: str, given: Any, width: int, device: torch.device) -> Tensor:
    """Vectors (..., width) as they are, and whole numbers (...) as one-hot vectors."""
    value = given.detach() if isinstance(given, Tensor) else torch.as_tensor(np.asarray(given))
    value = value.to(device)
    if value.is_floating_point():
        if not value.ndim or value.shape[-1] != width:
            raise InputError(f"{name} must end in {counted(width, 'input')}, got shape {tuple(value.shape)}")
        return value.to(torch.float64)
    if value.is_complex() or value.dtype == torch.bool:
        raise InputError(f"{name} must be real vectors or whole numbers, got {value.dtype}")
    if value.numel() and not 0 <= int(value.min()) <= int(value.max()) < width:
        raise InputError(f"{name} must be tokens 0 to {width - 1}, got {int(value.min())} to {int(value.max())}")
    return torch.nn.functional.one_hot(value.long(), width).to(torch.float64)
