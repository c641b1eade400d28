"""What ``form=`` says of a step's leak and its recurrent matrices, and as much of it as can be checked.

Any step is x' = x + alpha (G(x, u) - x) for any alpha and a G of its own.  What is meant is a G that does not keep the
state: a bounded function of what a unit hears.  Where that is saturated, a step keeps 1 - alpha of the unit and hears
nothing else, and this can be seen; of a unit that never saturates, nothing is.
"""

from __future__ import annotations

import operator
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...models.time_constants import of_each
from ..steps import Form
from .own_step import OwnStep

FAR = (30.0, 1e3, 1e6)  # sizes of states at which most that saturates does
ALONE = 1e-5  # what a row may still hear of other units there
AGREES = 1e-3  # how far what is kept may be from what is said: the rounding of a number that somebody typed
DIRECTIONS = 4
COLUMNS = 8  # of a Jacobian that a recurrent matrix is compared with


def leak_of(form: Form, dt: float | None, n: int) -> float | np.ndarray | None:
    """The leak per step that a form says, of all units or of each of ``n``; None if it says none."""
    name, given = ("form.alpha", form.alpha) if form.tau is None else ("form.tau", form.tau)
    if given is None:
        return None
    each = given if isinstance(given, tuple) else (cast(float, given),)
    if isinstance(given, tuple) and len(each) != n:
        raise InputError(f"{name} must be a number or {n} numbers, one per unit of the state, got {len(each)}")
    times = each[0] if len(set(each)) == 1 else each
    if form.tau is None:
        return of_each(float, times)
    if dt is None:
        raise InputError("form.tau is a time constant in the unit of dt: pass dt=, the time of one step")
    shortest = min(each)
    if dt > shortest:
        raise InputError(f"dt must not exceed form.tau, got {dt:g} > {shortest:g}: alpha = dt/tau is at most 1")
    return of_each(lambda tau: dt / tau, times)


def refuse_another_leak(system: Any, form: Form, alpha: float | np.ndarray) -> None:
    """Raise InputError where saturated units keep another share of themselves than 1 - ``alpha``."""
    found = kept_when_saturated(system)
    said = np.broadcast_to(1 - np.asarray(alpha), system.state_size)
    wrong = [k for k, shares in enumerate(found) if len(shares) and not (np.abs(shares - said[k]) <= AGREES).any()]
    if not wrong:
        return
    kept = [round(float(found[k][0]), 6) + 0.0 for k in wrong]
    other = 1 - kept[0]
    better = f"give form=dk.Form(alpha={other:.6g}), or" if len(set(kept)) == 1 and 0 < other < 1 else ""
    name = "form.alpha" if form.tau is None else "form.tau (with dt)"
    raise InputError(
        f"{name} says that of a unit whose input is saturated a step keeps {said[wrong[0]]:.6g}, but this one keeps "
        f"{kept[0]:.6g} of unit {wrong[0]}, so that it is no step x + alpha (G(x, u) - x) of that alpha; "
        f"{better or 'to have it as the map it is,'} leave {name.partition(' ')[0]} out"
    )


def kept_when_saturated(system: Any) -> list[np.ndarray]:
    """For each unit the shares of itself that it keeps at large states where it hears nothing else; maybe none.

    Only shares that are others than near the origin count: what is linear everywhere does not saturate.
    """
    n, random = system.state_size, torch.Generator().manual_seed(0)
    draw = lambda *shape: 0.5 + torch.rand(*shape, generator=random, dtype=torch.float64)  # noqa: E731
    signs = torch.cat([torch.ones(1, n), -torch.ones(1, n), torch.sign(draw(4, n) - 1)]).double()
    Q = draw(n, DIRECTIONS)  # a row that hears one unit alone moves them alike
    scales = torch.tensor([0.1, *FAR], dtype=torch.float64)
    x = scales[:, None, None] * signs * draw(len(scales), len(signs), n)
    try:
        shares = (system.jvp(x.flatten(0, 1), None, Q).cpu() / Q).reshape(len(scales), len(signs), n, -1)
    except Exception:  # foreign code need not bear such states
        return [np.zeros(0)] * n
    near, far = shares[0], shares[1:].flatten(0, 1)
    alone = far.amax(-1) - far.amin(-1) <= ALONE
    saturated = ((far[:, None] - near[None]).abs().amax((1, 3)) > AGREES) & alone
    return [far[saturated[:, k], k, 0].numpy() for k in range(n)]


def matrices(own: OwnStep, system: Any, form: Form) -> dict[str, np.ndarray]:
    """The recurrent matrices that a form names, by name; gates below each other apart."""
    found: dict[str, np.ndarray] = {}
    widths = {part.stop - part.start for part in system.parts.values()}
    for name in form.weights:
        W = _named(own, name, widths)
        n = W.shape[1]
        blocks = [W] if len(W) == n else W.split(n)
        for k, block in enumerate(blocks):
            found[name if len(blocks) == 1 else f"{name}[{k}]"] = block.numpy(force=True).astype(float)
        if len(blocks) == 1:
            _refuse_transposed(system, name, W)
    return found


def _named(own: OwnStep, name: str, widths: set[int]) -> Tensor:
    """The matrix under a name, of the module of the step or of the whole model; of a method, what it returns."""
    inside = own.said.rpartition(".")[0]
    path = name.removeprefix(f"{inside}.") if inside else name
    value: Any = None
    try:
        value = operator.attrgetter(path)(own.twin)
    except AttributeError:
        raise InputError(f"form.weights names {name!r}, which is no attribute of {own.kind}") from None
    value = getattr(value, "weight", value)
    if callable(value) and not isinstance(value, Tensor):
        try:
            value = value()
        except Exception as error:
            raise InputError(f"form.weights names {name!r}, a method that fails without arguments: {error}") from error
    shape = tuple(value.shape) if isinstance(value, Tensor) else ()
    square = len(shape) == 2 and shape[0] == shape[1] > 0
    if not square and not (len(shape) == 2 and shape[1] in widths and shape[0] and shape[0] % shape[1] == 0):
        got = shape if isinstance(value, Tensor) else type(value).__name__
        raise InputError(
            f"form.weights names {name!r}, which must be a square matrix (post, pre), or gates in rows, got {got}"
        )
    value = (value if value.layout == torch.strided else value.to_dense()).detach()
    if value.is_complex() or not bool(torch.isfinite(value).all()):
        raise InputError(f"form.weights names {name!r}, which must hold finite real numbers")
    return value


def _refuse_transposed(system: Any, name: str, W: Tensor) -> None:
    """Raise InputError where the Jacobian is W^T with its rows or columns scaled, and not W so."""
    parts = [part for part in system.parts.values() if part.stop - part.start == len(W)]
    if len(parts) != 1 or system.regularity == "discontinuous":
        return
    part, W = parts[0], W.cpu().double()
    random = torch.Generator().manual_seed(0)
    x = torch.rand(1, system.state_size, generator=random, dtype=torch.float64) - 0.5
    columns = torch.arange(min(COLUMNS, len(W)))
    Q = torch.eye(system.state_size, dtype=torch.float64)[:, part][:, columns]
    try:
        J = system.jvp(x, None, Q).cpu()[0, part]
    except Exception:  # foreign code
        return
    others = torch.eye(len(W), dtype=torch.float64)[:, columns] == 0
    fits = [_is_scaled(J * others, V[:, columns] * others) for V in (W, W.T)]
    if fits == [False, True]:
        raise InputError(
            f"form.weights names {name!r}, which acts as its transpose, (pre, post): name a method that returns it as "
            "W[post, pre], such as def recurrent(self): return self.W.T"
        )


def _is_scaled(J: Tensor, W: Tensor) -> bool:
    """Whether J is W with each row, or each column, times a number of its own."""
    for axis in (0, 1):
        size = W.square().sum(axis, keepdim=True)
        scale = torch.where(size > 0, (J * W).sum(axis, keepdim=True) / size.clamp_min(1e-300), 0.0)
        if float((J - scale * W).abs().amax()) <= 1e-7 * float(J.abs().amax()):
            return True
    return False
