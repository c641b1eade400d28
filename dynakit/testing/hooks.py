"""Clauses about what a system says of itself beside its step: a box, linear pieces, its rest, blocks, weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..models.activations import activation
from ..wording import counted
from .case import Case, apart
from .contract import Broken, Unasked

MOST_BOXES = 2  # drives under which a box is asked for: it may cost a search
N_IN_BOX, STEPS_IN_BOX = 400, 20
EXACT = 1e-10  # relative
AT_REST = 1e-8  # relative, of what a state moved by EXACT may be off
SETTLING, NEWTON = 100, 30  # steps to a state at rest
ROUNDING = 1e-15  # a saturated unit is rounded onto the boundary


def box(case: Case) -> None:
    share = (1 + case.uniform("box", N_IN_BOX, case.system.state_size)) / 2
    for u in case.u[:MOST_BOXES]:
        bounds = case.system.box(u)
        if bounds is None:
            raise Unasked("the map has no invariant box that is known")
        if not bool((bounds.lo < bounds.hi).all()):
            raise Broken("box must have lo < hi in every unit")
        slack = ROUNDING * (1 + torch.maximum(bounds.lo.abs(), bounds.hi.abs()))
        x = bounds.lo + share * (bounds.hi - bounds.lo)
        for step in range(1, STEPS_IN_BOX + 1):
            x = case.system.step(x, u)
            out = (~((x >= bounds.lo - slack) & (x <= bounds.hi + slack))).nonzero()
            if len(out):
                k, i = out[0].tolist()
                held = f"[{float(bounds.lo[i]):.6g}, {float(bounds.hi[i]):.6g}]"
                after = counted(step, "step")
                raise Broken(f"states leave the box: unit {i} is {float(x[k, i]):.6g} after {after}, outside {held}")


def pieces(case: Case) -> None:
    asked = False
    for x, u in zip(case.x, case.u):
        linear = case.system.pieces(u)
        if linear is not None:
            asked = True
            error = apart(linear.step(x), case.system.step(x, u))
            if error > EXACT:
                raise Broken(f"the pieces do not give the step, but differ by {error:.1e}")
    readout = case.system.readout_pieces()
    if readout is not None:
        asked = True
        read = case.x @ readout.P.mT + case.x.relu() @ readout.Q.mT + readout.p
        error = apart(read, case.system.observe(case.x))
        if error > EXACT:
            raise Broken(f"the pieces of the readout do not give what is observed, but differ by {error:.1e}")
    if not asked:
        raise Unasked("the map has no linear pieces that are known")


def rate_form(case: Case) -> None:
    form = case.system.rate_form()
    if isinstance(form, str):
        if not form:
            raise Broken("rate_form must give the equation of the fixed points, or in words why there is none")
        return
    x, u = _at_rest(case)
    if not len(x):
        raise Unasked("no state at rest was found from the states at hand")
    for each, drive in zip(x, u):
        d, _ = form.constant(drive)
        z = each if form.of_currents else form.W @ each + d
        error = apart(form.states(z), each)
        if form.of_currents:
            error = max(error, apart(form.W @ activation(form.activation).function(z) + d, z))
        if error > AT_REST:
            raise Broken(f"states at rest do not solve z = W f(z) + W_in u + b, but are off by {error:.1e}")


def _at_rest(case: Case) -> tuple[Tensor, Tensor]:
    """The states at which Newton's method ends from those at hand, with their inputs."""
    system, u = case.system, case.u[:MOST_BOXES]
    x = system.settle(case.x[:MOST_BOXES], u, SETTLING)
    for _ in range(NEWTON):
        x = x + system.newton_step(x, u, system.step(x, u) - x)[0]
    still = (system.step(x, u) - x).abs().amax(-1) <= EXACT * (1 + x.abs().amax(-1))
    return x[still], u[still]


def parts(case: Case) -> None:
    system = case.system
    _cover("parts", system.parts, system.state_size, "the state")
    if system.readouts:
        _cover("readouts", system.readouts, system.output_size, "the readout")


def _cover(name: str, blocks: dict[str, slice], size: int, whole: str) -> None:
    found = np.concatenate([np.arange(size)[block] for block in blocks.values()]) if blocks else np.arange(0)
    if sorted(found.tolist()) != list(range(size)):
        raise Broken(f"{name} must cover each of the {size} values of {whole} once, got {blocks}")


def recurrent_weights(case: Case) -> None:
    for name, W in case.system.recurrent_weights().items():
        if W.dtype != np.float64 or W.ndim != 2 or W.shape[0] != W.shape[1] or len(W) > case.system.state_size:
            raise Broken(f"recurrent_weights[{name!r}] must be a square float64 matrix, got {W.dtype} of {W.shape}")
        if not np.isfinite(W).all():
            raise Broken(f"recurrent_weights[{name!r}] must be finite")
        if not W.flags.writeable:  # nobody can change the map through it
            continue
        before, kept = case.system.step(case.x, case.u), W.copy()
        W[:] = 0
        after = case.system.step(case.x, case.u)
        W[:] = kept
        if apart(after, before) > EXACT:
            raise Broken(f"recurrent_weights[{name!r}] is no copy: who writes into it changes the map")


HOOKS: dict[str, Callable[[Case], None]] = {
    clause.__name__: clause for clause in (box, pieces, rate_form, parts, recurrent_weights)
}
