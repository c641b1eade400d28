"""Clauses of a system as a map: a pure function of rows, of the sizes it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from .case import Case, apart, changed, held_by
from .contract import Broken, untouched_generators

ROUNDING = 1e-11  # relative: products of matrices of other sizes sum in another order
STEPS = 5
ROWS, MATRICES = 9, 2  # times that a batch is repeated


def _asked(case: Case) -> Iterator[tuple[str, Callable[[Tensor, Tensor], Tensor], tuple[int, ...]]]:
    """What can be asked about states and inputs, with the shape of the answer for one of them."""
    s = case.system
    n, m, k = s.state_size, s.input_size, s.output_size
    yield "step", s.step, (n,)
    yield "speed", s.speed, ()
    yield "observe", lambda x, u: s.observe(x), (k,)
    if s.regularity != "discontinuous":
        yield "jacobian", s.jacobian, (n, n)
        yield "input_jacobian", s.input_jacobian, (n, m)
    if s.regularity != "discontinuous" or not s.readout_jumps:
        yield "observe_jacobian", lambda x, u: s.observe_jacobian(x), (k, n)


def shapes(case: Case) -> None:
    n, m = case.system.state_size, case.system.input_size
    for name, ask, tail in _asked(case):
        for lead in ((), (0,), (1,), (2, 2)):
            x, u = case.x[0].expand(*lead, n), case.u[0].expand(*lead, m)
            _of_shape(f"{name} of states {tuple(x.shape)}", ask(x, u), lead + tail)
    for lead in ((), (0,), (2,)):
        x, u = case.x[0].expand(*lead, n), case.u[0].expand(*lead, STEPS, m)
        _of_shape(f"trajectory of states {tuple(x.shape)}", case.system.trajectory(x, u), (*lead, STEPS, n))
    _of_shape("initial_state", case.system.initial_state(), (n,))


def _of_shape(what: str, got: Tensor, expected: tuple[int, ...]) -> None:
    if tuple(got.shape) != expected:
        raise Broken(f"{what} has shape {tuple(got.shape)}, expected {expected}")
    if got.dtype != torch.float64:
        raise Broken(f"{what} is {got.dtype}, expected torch.float64")


def repeatable(case: Case) -> None:
    for name, ask, _ in _asked(case):
        first, again = (ask(case.x.clone(), case.u.clone()).detach().nan_to_num(7e77) for _ in range(2))
        if not torch.equal(first, again):
            raise Broken(f"{name} gives another answer the second time, by {apart(again, first):.1e}")


def arguments(case: Case) -> None:
    def look(what: str, x: Tensor, u: Tensor, call: Callable[[Tensor, Tensor], Any]) -> None:
        kept = x.clone(), u.clone()
        with torch.no_grad():
            call(x, u)
        for name, now, before in zip(("its state", "its input"), (x, u), kept):
            if not torch.equal(now, before):
                raise Broken(f"{what} writes into {name}; work on a copy")

    for name, ask, _ in _asked(case):
        look(name, case.x.clone(), case.u.clone(), ask)
    inputs = case.u[:, None].repeat(1, STEPS, 1)
    look("trajectory", case.x.clone(), inputs, case.system.trajectory)


def generators(case: Case) -> None:
    with untouched_generators():
        for _, ask, _ in _asked(case):
            ask(case.x.clone(), case.u.clone())
        case.system.initial_state()


def weights(case: Case) -> None:
    for what, thing in (("the system", case.system), ("the network given", case.network)):
        before = held_by(thing)
        for _, ask, _ in _asked(case):
            ask(case.x.clone(), case.u.clone())
        case.system.trajectory(case.x.clone(), STEPS)
        wrong = changed(before, held_by(thing))
        if wrong:
            raise Broken(f"being asked changes {wrong[0]} of {what}: a step must be a function of state and input")


def batch(case: Case) -> None:
    order = torch.randperm(len(case.x), generator=case.generator("batch"))
    for name, ask, _ in _asked(case):
        whole = ask(case.x.clone(), case.u.clone())
        for k in range(len(case.x)):
            _same(name, "one by one", ask(case.x[k].clone(), case.u[k].clone()), whole[k])
        _same(name, "in another order", ask(case.x[order], case.u[order]), whole[order])
        _same(name, "in a grid", ask(case.x[None].clone(), case.u[None].clone())[0], whole)
        repeated = ask(case.x.clone(), case.u[:1].repeat(len(case.u), 1))
        _same(name, "under one input", ask(case.x.clone(), case.u[0].clone()), repeated)
        copies = MATRICES if whole.ndim > 2 else ROWS
        many = ask(case.x.repeat(copies, 1), case.u.repeat(copies, 1))
        _same(name, "several times over", many, whole.repeat(copies, *(1 for _ in whole.shape[1:])))


def _same(name: str, how: str, got: Tensor, expected: Tensor) -> None:
    error = apart(got, expected)
    if error > ROUNDING:
        raise Broken(f"{name} of a batch of states differs from that of the same {how}, by {error:.1e}")


def neighbours(case: Case) -> None:
    x, u = (torch.cat([values[:1], values]) for values in (case.x, case.u))
    x[0] = torch.nan
    for name, ask, _ in _asked(case):
        if apart(ask(x.clone(), u.clone())[1:], ask(case.x.clone(), case.u.clone())) > ROUNDING:
            raise Broken(f"{name} lets a NaN in one row of a batch reach the others")


def speed(case: Case) -> None:
    expected = 0.5 * (case.system.step(case.x, case.u) - case.x).square().sum(-1)
    error = apart(case.system.speed(case.x, case.u), expected)
    if error > ROUNDING:
        raise Broken(f"speed is not half the squared length of F(x, u) - x, but differs by {error:.1e}")


def trajectory(case: Case) -> None:
    inputs = torch.stack([case.u, 0.5 * case.u, 0 * case.u], 1)
    states, x = case.system.trajectory(case.x.clone(), inputs.clone()), case.x.clone()
    for t in range(inputs.shape[1]):
        x = case.system.step(x, inputs[:, t])
        if apart(states[:, t], x) > 1e3 * ROUNDING:
            raise Broken(f"trajectory is not the step taken again and again, from step {t} on")


def settle(case: Case) -> None:
    x = case.x.clone()
    for _ in range(3):
        x = case.system.step(x, case.u)
    if apart(case.system.settle(case.x.clone(), case.u.clone(), 3), x) > 1e3 * ROUNDING:
        raise Broken("settle over 3 steps does not end where 3 steps do")


MAPS: dict[str, Callable[[Case], None]] = {
    clause.__name__: clause
    for clause in (shapes, repeatable, arguments, generators, weights, batch, neighbours, speed, trajectory, settle)
}
