"""A system with states and inputs to look at it from, and what several of its clauses ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..seeding import torch_stream
from ..systems import System
from .contract import Broken, Unasked

CLEAR = 1e-3  # distance from kinks and from zero, where readouts may have theirs
MANY = 50  # times as many states are drawn as are kept


@dataclass(frozen=True)
class Case:
    """A system, states x (state, unit) and inputs u (state, input)."""

    system: System
    x: Tensor
    u: Tensor
    seed: int
    network: Any = None  # what the system was made of, if it was not given itself

    def generator(self, name: str) -> torch.Generator:
        """Random numbers of one clause."""
        return torch_stream(self.seed, name)

    def normal(self, name: str, *shape: int) -> Tensor:
        """Normal numbers of one clause."""
        return torch.randn(*shape, generator=self.generator(name), dtype=torch.float64)

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Numbers in [-1, 1] of one clause, half of the first axis corners."""
        values = 2 * torch.rand(*shape, generator=self.generator(name), dtype=torch.float64) - 1
        values[: len(values) // 2] = values[: len(values) // 2].sign()
        return values

    def smooth(self) -> tuple[Tensor, Tensor]:
        """The states at which the map can be differentiated, with their inputs."""
        self.differentiable()
        kept = (self.system.kinks(self.x, self.u) > 0) & self.system.step(self.x, self.u).isfinite().all(-1)
        if not bool(kept.any()):
            raise Unasked("at none of the states is the map finite and away from its kinks; give other states")
        return self.x[kept], self.u[kept]

    def differentiable(self) -> None:
        """Unasked of a map that jumps."""
        if self.system.regularity == "discontinuous":
            raise Unasked("the map is discontinuous and has no Jacobian")


def case_of(part: Any, states: Any, drives: Any, seed: int, n_states: int) -> Case:
    """States and inputs of a system, given or drawn: away from kinks as far as they are known."""
    from ..systems import as_system

    system = part if isinstance(part, System) else as_system(part)
    n, m = system.state_size, system.input_size
    n_drawn = MANY * n_states if states is None else 1
    generator = torch_stream(seed, "states")
    x = 0.8 * torch.randn(n_drawn, n, generator=generator, dtype=torch.float64)
    u = 0.5 * torch.randn(n_drawn, m, generator=generator, dtype=torch.float64)
    x = x if states is None else _rows("states", system.as_states("states", states), n)
    u = u[: len(x)].expand(len(x), -1) if drives is None else _rows("drives", system.as_drive("drives", drives), m)
    if len(u) not in (1, len(x)):
        raise InputError(f"drives must be one, or one for each of {len(x)} states, got {len(u)}")
    u = u.expand(len(x), -1)
    clear = _clear(system, x, u) if states is None else slice(None)
    x, u = (values[clear][: n_states if states is None else None].contiguous() for values in (x, u))
    return Case(system, x, u, seed, None if part is system else part)


def _rows(name: str, values: Tensor, width: int) -> Tensor:
    """Finite rows (row, width), at least one."""
    values = values.detach().reshape(-1, width)
    if not len(values) or not bool(values.isfinite().all()):
        raise InputError(f"{name} must be at least one row of finite numbers")
    return values


def _clear(system: System, x: Tensor, u: Tensor) -> Any:
    """Which rows are away from kinks; all of them where too few are, or the system cannot say."""
    try:
        clear = (system.kinks(x, u) > CLEAR) & (x.abs() > CLEAR).all(-1)
        return clear if int(clear.sum()) * MANY >= len(x) else slice(None)
    except Exception:  # the clause about kinks will say so
        return slice(None)


def apart(got: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to 1 and to the largest value; infinite where only one of two is finite."""
    if got.shape != expected.shape:
        raise Broken(f"has shape {tuple(got.shape)} where {tuple(expected.shape)} was expected")
    both = got.isfinite() & expected.isfinite()
    if not bool((both | (got == expected) | (got.isnan() & expected.isnan())).all()):
        return float("inf")
    if not bool(both.any()):
        return 0.0
    return float((got - expected)[both].abs().max()) / (1.0 + float(expected[both].abs().max()))


def held_by(thing: Any) -> dict[str, Any]:
    """What a module or a system holds: tensors as copies, and the mode of modules."""
    if isinstance(thing, nn.Module):
        modes = {f"{name or 'module'}.training": part.training for name, part in thing.named_modules()}
        flags = {f"{name}.requires_grad": p.requires_grad for name, p in thing.named_parameters()}
        tensors = {**dict(thing.named_parameters()), **dict(thing.named_buffers())}
        return {name: value.detach().clone() for name, value in tensors.items()} | modes | flags
    found: dict[str, Any] = {}
    for name, value in getattr(thing, "__dict__", {}).items():
        if isinstance(value, Tensor):
            found[name] = value.detach().clone()
        elif isinstance(value, nn.Module):
            found |= {f"{name}.{inner}": kept for inner, kept in held_by(value).items()}
    return found


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of what is no longer as it was."""

    def same(a: Any, b: Any) -> bool:
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            return a.shape == b.shape and bool(torch.equal(a.nan_to_num(7e77), b.nan_to_num(7e77)))
        return type(a) is type(b) and a == b

    return [name for name, value in before.items() if not same(value, after.get(name))]
