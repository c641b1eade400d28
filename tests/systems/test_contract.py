"""What every system owes its users, whatever it was made from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.func import jacrev, vmap

from dynakit.errors import InputError
from dynakit.systems import ClosedLoop

from .members import MEMBERS, member, sample


@pytest.fixture(params=MEMBERS)
def system(request):
    return member(request.param)


def relative(error: torch.Tensor, scale: torch.Tensor) -> float:
    return float(error.abs().max() / (1 + scale.abs().max())) if error.numel() else 0.0


def central(f, x: torch.Tensor, h: float = 1e-6) -> torch.Tensor:
    """d f / dx by central differences, (batch, out, in)."""
    shifts = h * torch.eye(x.shape[-1], dtype=x.dtype)
    columns = [(f(x + s) - f(x - s)) / (2 * h) for s in shifts]
    return torch.stack(columns, -1) if columns else x.new_zeros(len(x), f(x).shape[-1], 0)


def test_a_batch_is_a_loop(system):
    x, u = sample(system)
    y, J = system.step(x, u), system.jacobian(x, u)
    assert y.dtype == J.dtype == torch.float64
    for i in range(len(x)):
        assert_allclose(system.step(x[i], u[i]), y[i], rtol=0, atol=1e-13)
        assert_allclose(system.jacobian(x[i], u[i]), J[i], rtol=0, atol=1e-13)


def test_jacobians_equal_automatic_differentiation(system):
    x, u = sample(system)
    J, oracle = system.jacobian(x, u), vmap(jacrev(system.step))(x, u)
    assert relative(J - oracle, oracle) < 1e-12
    if system.input_size:
        G, oracle = system.input_jacobian(x, u), vmap(jacrev(system.step, argnums=1))(x, u)
        assert relative(G - oracle, oracle) < 1e-12
    C, oracle = system.observe_jacobian(x), vmap(jacrev(system.observe))(x)
    assert relative(C - oracle, oracle) < 1e-12


def test_the_twin_in_single_precision_is_the_same_map(system):
    twin = system.single_precision()
    if twin is None:  # a callable of the user's own is only ever called in float64
        return
    x, u = sample(system)
    y, J = twin.step(x, u), twin.jacobian(x, u)
    assert y.dtype == J.dtype == torch.float32
    assert relative(y - system.step(x, u), y) < 1e-6
    assert relative(J - system.jacobian(x, u), J) < 1e-6
    assert system.step(x, u).dtype == torch.float64  # and the system itself is as it was


def test_jacobians_equal_finite_differences(system):
    x, u = sample(system)
    J = central(lambda z: system.step(z, u), x)
    assert relative(system.jacobian(x, u) - J, J) < 1e-7
    G = central(lambda v: system.step(x, v), u)
    assert system.input_jacobian(x, u).shape == (len(x), system.state_size, system.input_size)
    assert relative(system.input_jacobian(x, u) - G, G) < 1e-7
    C = central(system.observe, x)
    assert relative(system.observe_jacobian(x) - C, C) < 1e-7


def test_leading_axes_come_back_and_inputs_broadcast(system):
    x, u = sample(system, 6)
    n, m, k = system.state_size, system.input_size, system.output_size
    y = system.step(x, u)
    grid_x, grid_u = x.reshape(2, 3, n), u.reshape(2, 3, m)
    assert torch.equal(system.step(grid_x, grid_u), y.reshape(2, 3, n))
    assert torch.equal(system.jacobian(grid_x, grid_u), system.jacobian(x, u).reshape(2, 3, n, n))
    assert torch.equal(system.observe(grid_x), system.observe(x).reshape(2, 3, k))
    assert system.speed(grid_x, grid_u).shape == (2, 3)
    assert system.step(x[0], u[0]).shape == (n,)
    assert system.speed(x[0], u[0]).shape == ()
    assert_allclose(system.step(x, u[0]), torch.stack([system.step(row, u[0]) for row in x]), atol=1e-13)
    assert torch.equal(system.step(x), system.step(x, torch.zeros(m)))


def test_numpy_in_any_layout_gives_the_same(system):
    x, u = sample(system)
    y = system.step(x, u)
    turned = np.asfortranarray(x.numpy()[::-1])[::-1]
    turned.flags.writeable = False
    assert torch.equal(system.step(turned, u.numpy().astype(">f8")), y)
    assert torch.equal(system.step(x.tolist(), u.tolist()), y)
    assert_allclose(system.step(x.float(), u.float()), y, atol=1e-5)


def test_no_states_give_no_answers(system):
    n, m = system.state_size, system.input_size
    x, u = torch.zeros(0, n), torch.zeros(0, m)
    assert system.step(x, u).shape == (0, n)
    assert system.jacobian(x, u).shape == (0, n, n)
    assert system.input_jacobian(x, u).shape == (0, n, m)
    assert system.speed(x, u).shape == (0,)
    assert system.observe(x).shape == (0, system.output_size)
    assert system.trajectory(x, torch.zeros(0, 4, m)).shape == (0, 4, n)


def test_speed_is_half_the_squared_displacement(system):
    x, u = sample(system)
    expected = [0.5 * sum((system.step(a, b) - a).numpy() ** 2) for a, b in zip(x, u)]
    assert_allclose(system.speed(x, u), expected, rtol=1e-13)


def test_trajectory_is_repeated_step(system):
    x, _ = sample(system)
    inputs = (
        0.3 * torch.randn(len(x), 7, system.input_size, generator=torch.Generator().manual_seed(1)).double()
    )
    states = system.trajectory(x, inputs)
    for t in range(7):
        x = system.step(x, inputs[:, t])
        assert_allclose(states[:, t], x, rtol=1e-13, atol=1e-13)
    assert torch.equal(
        system.trajectory(states[0, 3], inputs[0, 4:]), system.trajectory(states[:1, 3], inputs[:1, 4:])[0]
    )


def test_settle_is_a_trajectory_without_the_way(system):
    x, u = sample(system)
    x = 0.1 * x
    assert_allclose(system.settle(x, u[0], 5), system.trajectory(x, u[:1].expand(5, -1))[:, -1], atol=1e-12)
    assert_allclose(system.settle(x, u, 1), system.step(x, u), atol=1e-14)


def test_newton_step_solves_the_linearized_equation(system):
    x, u = sample(system)
    r = system.step(x, u) - x
    p, solved = system.newton_step(x, u, r)
    assert solved.all()
    A = system.jacobian(x, u) - torch.eye(system.state_size)
    residual = (A @ p[..., None])[..., 0] + r
    assert float(residual.norm()) <= 1e-9 * float(A.norm() * p.norm() + r.norm())
    assert_allclose(p, torch.linalg.solve(A, -r), rtol=1e-8, atol=1e-9)


def test_box_is_mapped_into_its_interior(system):
    _, inputs = sample(system)
    for u in inputs:
        box = system.box(u)
        if box is None:
            return
        assert bool((box.lo < box.hi).all())
        generator = torch.Generator().manual_seed(3)
        share = torch.rand(400, system.state_size, generator=generator, dtype=torch.float64)
        share[:200] = share[:200].round()  # corners
        x = box.lo + share * (box.hi - box.lo)
        for _ in range(20):
            x = system.step(x, u)
            assert bool(((x > box.lo) & (x < box.hi)).all())


def test_parts_cover_the_state_once(system):
    covered = np.concatenate([np.arange(system.state_size)[part] for part in system.parts.values()])
    assert_allclose(covered, np.arange(system.state_size))


def test_recurrent_weights_are_square_and_a_copy(system):
    for W in system.recurrent_weights().values():
        assert W.dtype == np.float64
        assert W.shape[0] == W.shape[1] <= system.state_size
        before = system.step(*sample(system))
        W[:] = 0
        assert torch.equal(system.step(*sample(system)), before)


def test_jvp_is_the_jacobian_times_directions_without_it(system):
    x, u = sample(system)
    generator = torch.Generator().manual_seed(4)
    Q, other = torch.randn(2, len(x), system.state_size, 3, generator=generator, dtype=torch.float64)
    moved, expected = system.jvp(x, u, Q), system.jacobian(x, u) @ Q
    assert relative(moved - expected, expected) < 1e-12
    both = system.jvp(x, u, 2.0 * Q - 3.0 * other)
    assert relative(both - (2.0 * moved - 3.0 * system.jvp(x, u, other)), both) < 1e-12
    assert relative(system.push(x, u, Q)[0] - system.step(x, u), x) < 1e-12
    one = system.jvp(x[0], u[0], Q[0].numpy())
    assert relative(one - moved[0], moved) < 1e-12
    assert relative(system.jvp(x, u, Q[0]) - system.jacobian(x, u) @ Q[0], moved) < 1e-12


def test_directions_of_another_shape_are_refused(system):
    x, u = sample(system)
    for Q in (np.zeros(system.state_size), np.zeros((system.state_size + 1, 2))):
        with pytest.raises(InputError, match="Q must have shape"):
            system.jvp(x, u, Q)


def test_directions_reach_the_readout_and_come_from_the_input(system):
    """The two hooks that a closed loop and a stack are built from."""
    x, u = sample(system)
    generator = torch.Generator().manual_seed(5)
    T = torch.randn(len(x), 3, system.state_size, generator=generator, dtype=torch.float64)
    V = torch.randn(len(x), 3, system.input_size, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        seen, moved = system._observe_push(x, T), system._push(x, u, T, V)[1]
    assert relative(seen - T @ system.observe_jacobian(x).mT, seen) < 1e-12
    expected = T @ system.jacobian(x, u).mT + V @ system.input_jacobian(x, u).mT
    assert relative(moved - expected, expected) < 1e-12


def test_the_same_under_no_grad_inference_mode_and_other_defaults(system):
    x, u = sample(system)
    expected = system.step(x, u), system.jacobian(x, u), system.input_jacobian(x, u)

    def agrees(x, u):
        got = system.step(x, u), system.jacobian(x, u), system.input_jacobian(x, u)
        return all(torch.equal(a, b) for a, b in zip(got, expected))

    assert agrees(x.clone().requires_grad_(True), u)
    with torch.no_grad():
        assert agrees(x, u)
    with torch.inference_mode():
        assert agrees(x.clone(), u.clone())
        system.newton_step(x.clone(), u.clone(), system.step(x, u) - x)
    torch.set_default_dtype(torch.float64)
    try:
        assert agrees(x, u)
    finally:
        torch.set_default_dtype(torch.float32)


def test_step_is_differentiable_and_leaves_its_arguments_alone(system):
    x, u = sample(system)
    x0, u0 = x.clone(), u.clone()
    z = x.clone().requires_grad_(True)
    system.speed(z, u).sum().backward()
    displacement = (system.step(x, u) - x)[..., None]
    expected = ((system.jacobian(x, u) - torch.eye(system.state_size)).mT @ displacement)[..., 0]
    assert_allclose(z.grad, expected, rtol=1e-9, atol=1e-12)
    system.trajectory(x, u[:, None].expand(-1, 3, -1))
    assert torch.equal(x, x0)
    assert torch.equal(u, u0)


def test_wrong_states_are_refused_by_name(system):
    n, m = system.state_size, system.input_size
    u = torch.zeros(m)
    with pytest.raises(InputError, match=rf"x must have shape \(\.\.\., {n}\), got \({n + 1},\)"):
        system.step(torch.zeros(n + 1), u)
    with pytest.raises(InputError, match=rf"u must have shape \(\.\.\., {m}\)"):
        system.step(torch.zeros(n), torch.zeros(m + 1))
    for wrong in (
        np.zeros(n, int),
        torch.zeros(n, dtype=torch.int64),
        np.zeros(n, complex),
        np.zeros(n, bool),
    ):
        with pytest.raises(InputError, match="x must be real floating-point numbers, got dtype"):
            system.step(wrong, u)
    with pytest.raises(InputError, match="does not fit"):
        system.step(torch.zeros(3, n), torch.zeros(2, m))
    with pytest.raises(InputError, match="x0"):
        system.trajectory(torch.zeros(3, n), torch.zeros(2, 5, m))
    with pytest.raises(InputError, match="at least one step"):
        system.trajectory(torch.zeros(n), torch.zeros(0, m))
    with pytest.raises(InputError, match="inputs must be at least 1, got 0"):
        system.trajectory(torch.zeros(n), 0)


def test_repr_says_the_sizes(system):
    of = {"input": system.input_size, "output": system.output_size}
    read, told = (f"{n} {noun}{'s' * (n != 1)}" for noun, n in of.items())
    ending = f": {read} -> {system.state_size} state -> {told}"
    assert repr(system).endswith(ending)
    assert len(repr(system)) > len(ending)


def test_an_autonomous_system_has_no_inputs():
    assert isinstance(MEMBERS["closed GRU"](), ClosedLoop)
    assert MEMBERS["closed GRU"]().input_jacobian(torch.zeros(5)).shape == (5, 0)
