"""FunctionSystem: any batched callable, checked by calling it."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError
from dynakit.systems import catalog


def numpy_map(x):
    return np.sin(np.asarray(x)) * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 2), "f must be callable, got int"),
        ((lambda x: x, 0), "state_size must be at least 1"),
        ((lambda x: x, 2.0), "state_size must be a whole number"),
        ((lambda x, u: x, 2, -1), "input_size must be at least 0"),
        ((lambda state, input: state, 2, 2), "argument_order must be stated.*both 2"),
        (
            (lambda x: x[:, :1], 2),
            r"f must return shape \(2, 2\) for a batch of 2 states of 2 units, got \(2, 1\)",
        ),
        ((lambda x: x.sum(), 2), r"f must return shape \(2, 2\).*got \(\)"),
        ((lambda x: (x, x), 2), "f must return one array, got tuple"),
        ((lambda x: None, 2), "f must return one array, got NoneType"),
        ((lambda x: x + 0j, 2), "f must return real numbers, got dtype torch.complex128"),
        ((lambda x: x - x.mean(0), 2), "a row changed with its neighbour"),
        ((lambda x: x @ torch.ones(3, 3).double(), 2), "f failed on a batch of 2 states of 2 units: mat1"),
        ((lambda x: torch.ones(2, 2).double() @ x, 2), "f failed on a batch of 1 state"),
        ((lambda x: x + torch.randn_like(x), 2), "deterministic"),
        ((lambda x: x.add_(1.0), 2), None),  # works on a copy while it is probed
        ((lambda u, x: x, 2, 3), r"f must return shape \(2, 2\).*called as f\(state, input\)"),
    ],
)
def test_functions_that_cannot_be_a_map(arguments, message):
    if message is None:
        assert dk.FunctionSystem(*arguments).state_size == 2
        return
    with pytest.raises(InputError, match=message):
        dk.FunctionSystem(*arguments)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"argument_order": "input,state"}, "argument_order must be one of .*; did you mean 'input, state'"),
        ({"regularity": "soft"}, "regularity must be one of"),
        ({"jacobian": lambda x: x}, r"jacobian must return shape \(2, 2, 2\).*got \(2, 2\)"),
        ({"jacobian": lambda x: 1 / 0}, "jacobian failed on a batch"),
        ({"jacobian": lambda x: [x]}, "jacobian must return one array, got list"),
        ({"readout": lambda x: x.sum(1)}, r"readout must return shape \(2, output\), got \(2,\)"),
        ({"readout": lambda x: 1.0}, "readout must return one array, got float"),
    ],
)
def test_keywords_that_cannot_be_used(keywords, message):
    with pytest.raises(InputError, match=message):
        dk.FunctionSystem(lambda x: x, 2, **keywords)


def test_the_two_argument_orders_are_one_map():
    step = lambda x, u: torch.tanh(x) + u.sum(-1, keepdim=True)  # noqa: E731
    slope = lambda x, u: torch.diag_embed(1 - torch.tanh(x) ** 2)  # noqa: E731
    first = dk.FunctionSystem(step, 3, 3, argument_order="state, input", jacobian=slope)
    second = dk.FunctionSystem(
        lambda u, x: step(x, u), 3, 3, argument_order="input, state", jacobian=lambda u, x: slope(x, u)
    )
    x, u = torch.rand(2, 5, 3, dtype=torch.float64)
    assert torch.equal(first.step(x, u), second.step(x, u))
    assert torch.equal(first.jacobian(x, u), second.jacobian(x, u))
    assert not torch.equal(first.step(x, u), first.step(u, x))


def test_numpy_functions_step_and_say_what_a_jacobian_needs():
    system = dk.FunctionSystem(numpy_map, 2)
    x = torch.rand(4, 2, dtype=torch.float64)
    assert_allclose(system.step(x), 2 * np.sin(x))
    assert_allclose(system.trajectory(x, 2)[:, 1], 2 * np.sin(2 * np.sin(x)))
    with pytest.raises(InputError, match=r"cannot be differentiated.*pass jacobian="):
        system.jacobian(x)
    hidden = dk.FunctionSystem(lambda x: torch.tensor(numpy_map(x.detach())), 2)
    with pytest.raises(InputError, match=r"carries no gradient.*pass jacobian="):
        hidden.jacobian(x)
    slope = lambda x: 2 * np.cos(np.asarray(x))[..., None] * np.eye(2)  # noqa: E731
    differentiable = dk.FunctionSystem(numpy_map, 2, jacobian=slope)
    h = 1e-6
    columns = [
        (differentiable.step(x + h * e) - differentiable.step(x - h * e)) / (2 * h) for e in torch.eye(2)
    ]
    assert_allclose(differentiable.jacobian(x), torch.stack(columns, -1), atol=1e-8)


def test_a_constant_map_has_a_zero_jacobian():
    system = dk.FunctionSystem(lambda x, u: torch.full_like(x, 0.5), 2, 1)
    assert torch.equal(system.jacobian(torch.rand(3, 2)), torch.zeros(3, 2, 2))
    assert torch.equal(system.input_jacobian(torch.rand(3, 2)), torch.zeros(3, 2, 1).double())


@pytest.mark.parametrize("n", [2, 5])
def test_a_map_with_an_operation_without_batching_rule(n):
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.from_numpy(x.detach().numpy() ** 3)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return torch.from_numpy(g.numpy() * 3 * x.detach().numpy() ** 2)

    x = torch.rand(3, n, dtype=torch.float64)
    J = dk.FunctionSystem(Cube.apply, n).jacobian(x)
    assert_allclose(J, torch.diag_embed(3 * x**2), atol=1e-14)


def test_results_of_any_real_dtype_become_float64():
    system = dk.FunctionSystem(lambda x: (x > 0).long(), 2)
    assert system.step([-1.0, 1.0]).tolist() == [0.0, 1.0]
    assert dk.FunctionSystem(lambda x: x.float(), 2).step([0.5, 1.0]).dtype == torch.float64


def test_global_generators_are_untouched_by_the_probe():
    def careless(x):
        np.random.rand()  # noqa: NPY002
        torch.rand(1)
        return x / 2

    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    dk.FunctionSystem(careless, 2)
    with pytest.raises(InputError, match="deterministic"):
        dk.FunctionSystem(lambda x: careless(x) + np.random.rand(), 2)  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002


def test_a_discontinuous_map_refuses_jacobians_and_still_runs():
    system = dk.FunctionSystem(torch.sign, 1, regularity="discontinuous")
    assert system.trajectory([0.3], 2).tolist() == [[1.0], [1.0]]
    for method in (system.jacobian, system.input_jacobian):
        with pytest.raises(InputError, match=r"a Jacobian needs a differentiable map.*trajectories"):
            method([0.3])


# --- maps with known answers ------------------------------------------------------------------------------


def test_catalog_maps_at_their_known_points():
    fixed = (-0.7 + np.sqrt(0.49 + 5.6)) / 2.8
    assert fixed == pytest.approx(0.63135447708950, abs=1e-14)
    henon, point = catalog.henon(), [fixed, 0.3 * fixed]
    assert_allclose(henon.step(point), point, atol=1e-15)
    assert_allclose(torch.linalg.det(henon.jacobian(torch.rand(5, 2))), -0.3, rtol=1e-12)
    assert_allclose(catalog.logistic(4.0).step([0.75]), [0.75])
    delayed = catalog.delayed_logistic(2.0)
    assert_allclose(np.abs(np.linalg.eigvals(delayed.jacobian([0.5, 0.5]))), 1.0, atol=1e-12)
    assert_allclose(catalog.tanh_unit(1.5).step([0.85855963664011]), [0.85855963664011], atol=1e-13)
    turn = np.linalg.eigvals(catalog.rotation(0.3, 0.9).jacobian([0.0, 0.0]))
    assert_allclose(sorted(np.angle(turn)), [-0.3, 0.3], atol=1e-14)
    assert_allclose(np.abs(turn), 0.9)
    A, b = np.array([[0.5, 0.2], [-0.3, 0.9]]), np.array([1.0, -1.0])
    point = np.linalg.solve(np.eye(2) - A, b)
    assert_allclose(catalog.linear(A, b).speed(point), 0.0, atol=1e-28)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: catalog.linear([[1.0, 2.0]]), "A must be square"),
        (lambda: catalog.linear([[np.nan]]), "A must be finite"),
        (lambda: catalog.linear([[1.0]], [1.0, 2.0]), r"b must have shape \(1\)"),
        (lambda: catalog.logistic("4"), "r must be a number"),
        (lambda: catalog.tanh_network([[1.0]], W_in=[[1.0], [1.0]]), "W_in must have shape"),
        (lambda: catalog.tanh_network([[1.0, 2.0]]), "W must be square"),
    ],
)
def test_catalog_refuses_wrong_parameters(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_function_that_works_in_place_changes_nothing_of_the_callers():
    plain = dk.FunctionSystem(lambda x: 0.5 * x, 2, readout=lambda x: x - 1)
    in_place = dk.FunctionSystem(lambda x: x.mul_(0.5), 2, readout=lambda x: x.sub_(1))
    x = torch.ones(2, dtype=torch.float64)
    for ask in ("step", "speed", "observe", "jacobian", "observe_jacobian"):
        assert torch.equal(getattr(in_place, ask)(x), getattr(plain, ask)(x))
    assert torch.equal(in_place.trajectory(x, 3), plain.trajectory(x, 3))
    assert torch.equal(x, torch.ones(2, dtype=torch.float64))
    layer = dk.as_system(torch.nn.RNN(1, 2), readout=lambda h: h.sub_(1))
    layer.observe(x)
    assert torch.equal(x, torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize(("n", "k"), [(40, 3), (40, 20), (8, 2)])
def test_directions_go_forward_as_by_the_jacobian(n, k):
    """Few directions of many go by forward differentiation; the answer is the same."""
    generator = torch.Generator().manual_seed(2)
    W, x, u, Q = (
        torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((n, n), (5, n), (5, 2), (5, n, k))
    )
    calls = []

    def f(x, u):
        calls.append(len(x))
        x *= 1.0  # works in place
        return torch.tanh(x @ W.T / n**0.5 + u.sum(1, keepdim=True)) + x**2 * u[:, :1]

    system = dk.FunctionSystem(f, n, 2)
    y, moved = system.push(x, u, Q)
    assert (calls[-1] == 5 * k) == (4 * k <= n and n >= 16)
    assert_allclose(moved, system.jacobian(x, u) @ Q, rtol=0, atol=1e-12)
    assert_allclose(y, system.step(x, u), rtol=0, atol=1e-13)


def test_directions_of_a_map_that_torch_cannot_follow():
    A = np.random.default_rng(0).normal(size=(20, 20))
    opaque = dk.FunctionSystem(lambda x: np.asarray(x) @ A.T, 20)
    with pytest.raises(InputError, match="f cannot be differentiated"):
        opaque.jvp(np.ones(20), None, np.ones((20, 1)))
    known = dk.FunctionSystem(
        lambda x: np.asarray(x) @ A.T, 20, jacobian=lambda x: np.tile(A, (len(x), 1, 1))
    )
    assert_allclose(known.jvp(np.ones(20), None, np.ones((20, 1)))[:, 0], A.sum(1), atol=1e-12)


def test_a_readout_that_cannot_be_differentiated_is_named_and_not_the_step():
    weights = np.ones((1, 2))
    system = dk.FunctionSystem(
        lambda x, u: 0.5 * x + u,
        2,
        1,
        argument_order="state, input",
        readout=lambda x: torch.from_numpy(x.detach().numpy() @ weights.T),
    )
    with pytest.raises(InputError, match="readout cannot be differentiated: its result carries no gradient"):
        dk.ClosedLoop(system).jacobian([0.1, 0.2])
