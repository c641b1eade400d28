"""What every system owes its users, whatever it was made from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.func import jacrev, vmap

import dynakit as dk
from dynakit.errors import InputError
from dynakit.systems import ClosedLoop

from .members import MEMBERS, OURS, UNFOLLOWED, member, sample, seeded


@pytest.fixture(params=MEMBERS)
def system(request):
    return member(request.param)


def relative(error: torch.Tensor, scale: torch.Tensor) -> float:
    return float(error.abs().max() / (1 + scale.abs().max())) if error.numel() else 0.0


@pytest.mark.parametrize("name", MEMBERS)
def test_a_system_keeps_its_contract(name):
    skipped = dk.testing.check_system(member(name)).skipped
    followed = skipped.pop("jacobian_bounds", None) is None
    assert followed == (name not in UNFOLLOWED)
    assert skipped.keys() <= {"input_jacobian", "regularity", "box", "pieces", "rate_form", "single_precision"}


@pytest.mark.parametrize("name", [name for name in OURS if "LIF" in name or "spiking" in name])
def test_a_spiking_network_keeps_what_is_left_of_it(name):
    said = dk.testing.check_system(seeded(OURS[name]))
    assert said.skipped["jacobian"] == "the map is discontinuous and has no Jacobian"
    assert len(said.checked) == 14


def test_jacobians_equal_automatic_differentiation(system):
    x, u = sample(system)
    J, oracle = system.jacobian(x, u), vmap(jacrev(system.step))(x, u)
    assert relative(J - oracle, oracle) < 1e-12
    if system.input_size:
        G, oracle = system.input_jacobian(x, u), vmap(jacrev(system.step, argnums=1))(x, u)
        assert relative(G - oracle, oracle) < 1e-12
    C, oracle = system.observe_jacobian(x), vmap(jacrev(system.observe))(x)
    assert relative(C - oracle, oracle) < 1e-12


def test_numpy_in_any_layout_gives_the_same(system):
    x, u = sample(system)
    y = system.step(x, u)
    turned = np.asfortranarray(x.numpy()[::-1])[::-1]
    turned.flags.writeable = False
    assert torch.equal(system.step(turned, u.numpy().astype(">f8")), y)
    assert torch.equal(system.step(x.tolist(), u.tolist()), y)
    assert torch.equal(system.step(x), system.step(x, torch.zeros(system.input_size)))
    assert_allclose(system.step(x.float(), u.float()), y, atol=1e-5)


def test_directions_come_in_any_layout_one_set_or_one_for_each_state(system):
    x, u = sample(system)
    Q = torch.randn(len(x), system.state_size, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    moved = system.jvp(x, u, Q)
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
