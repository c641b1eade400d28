"""Functions of JAX: recognised, run in blocks of few sizes, differentiated by JAX; its stand-in where it is missing."""

import sys
import types

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError

rng = np.random.default_rng(0)
W, U = rng.normal(size=(5, 5)), rng.normal(size=(3, 5))


def torch_step(x, u):
    return torch.tanh(x @ torch.tensor(W) + u @ torch.tensor(U))


# --- a stand-in, which refuses tensors as JAX does ----------------------------------------------------------


class Array(np.ndarray):
    pass


def stand_in(x64=True):
    """As much of a module as is asked for: vmap by a loop, jit without effect, derivatives by differences."""
    jax = types.ModuleType("jax")
    jax.Array, jax.jit = Array, lambda f: f
    jax.tree_util = types.SimpleNamespace(tree_leaves=lambda v: list(v) if isinstance(v, tuple) else [v])
    jax.config = types.SimpleNamespace(jax_enable_x64=x64)
    jax.vmap = lambda f: lambda *a: np.stack([f(*row) for row in zip(*a, strict=True)]).view(Array)

    def jacfwd(f, place):
        def slope(*row):
            steps = 1e-6 * np.eye(row[place].size)
            moved = [[*row[:place], row[place] + s * h, *row[place + 1 :]] for s in (1, -1) for h in steps]
            up, down = np.split(np.array([f(*at) for at in moved]), 2)
            return (up - down).T / 2e-6

        return slope

    jax.jacfwd = jacfwd
    return jax


@pytest.fixture
def sizes(monkeypatch):
    """The sizes of batches that a function of the stand-in sees."""
    monkeypatch.setitem(sys.modules, "jax", stand_in())
    return set()


def counting(sizes):
    def f(x, u):
        if isinstance(x, torch.Tensor):
            raise TypeError("not a valid JAX type")
        sizes.add(len(x))
        return np.tanh(x @ W + u @ U).view(Array)

    return f


def test_batches_of_all_sizes_are_run_in_blocks_of_two(sizes):
    system = dk.FunctionSystem(counting(sizes), 5, 3)
    assert sizes == {64}  # its probes have one and two rows
    x, u = torch.rand(1200, 5, dtype=torch.float64), torch.rand(3, dtype=torch.float64)
    for n in (1, 2, 63, 64, 65, 200, 1024, 1025, 1200):
        assert_allclose(system.step(x[:n], u), torch_step(x[:n], u), atol=1e-14)
    assert sizes == {64, 1024}
    assert system.step(x[:0], u).shape == (0, 5)


def test_a_function_of_one_state_is_mapped_over_the_batch(sizes):
    def one(x, u):
        if isinstance(x, torch.Tensor) or x.ndim != 1:
            raise TypeError("one state at a time")
        return np.tanh(W.T @ x + U.T @ u).view(Array)

    system = dk.FunctionSystem(one, 5, 3)
    x, u = torch.rand(7, 5, dtype=torch.float64), torch.rand(7, 3, dtype=torch.float64)
    assert_allclose(system.step(x, u), torch_step(x, u), atol=1e-14)


def test_single_precision_names_the_flag(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", stand_in(x64=False))
    with pytest.raises(InputError, match=r"f computes in float32.*jax_enable_x64"):
        dk.FunctionSystem(lambda x, u: np.tanh(np.asarray(x) @ W).astype(np.float32).view(Array), 5, 3)


def test_what_is_not_jaxs_stays_what_it_is(sizes):
    system = dk.FunctionSystem(torch_step, 5, 3)
    x, u = torch.rand(4, 5, dtype=torch.float64), torch.rand(4, 3, dtype=torch.float64)
    assert torch.equal(system.step(x, u), torch_step(x, u))
    with pytest.raises(InputError, match="f failed on a batch"):
        dk.FunctionSystem(lambda x, u: 1 / 0, 5, 3)


def test_jax_is_not_imported_for_those_who_have_not():
    before = "jax" in sys.modules
    dk.FunctionSystem(torch_step, 5, 3)
    assert ("jax" in sys.modules) == before


# --- JAX itself ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jax():
    jax = pytest.importorskip("jax", reason="the extra 'jax' is not installed")
    jax.config.update("jax_enable_x64", True)
    return jax


@pytest.mark.parametrize("jitted", [True, False])
@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("order", ["state, input", "input, state"])
def test_a_function_of_jax_is_that_of_torch(jax, jitted, single, order):
    one, many = (lambda x, u: jax.numpy.tanh(W.T @ x + U.T @ u)), (lambda x, u: jax.numpy.tanh(x @ W + u @ U))
    h = one if single else many
    g = h if order == "state, input" else lambda u, x: h(x, u)
    readout = jax.jit(lambda x: x[:, :2] ** 2)
    f = jax.jit(g) if jitted else g
    system = dk.FunctionSystem(f, 5, 3, argument_order=order, readout=readout)
    same = dk.FunctionSystem(torch_step, 5, 3, readout=lambda x: x[:, :2] ** 2)
    x, u = torch.rand(7, 5, dtype=torch.float64), torch.rand(7, 3, dtype=torch.float64)
    for what in ("step", "jacobian", "input_jacobian"):
        assert_allclose(getattr(system, what)(x, u), getattr(same, what)(x, u), atol=1e-13)
    assert_allclose(system.observe_jacobian(x), same.observe_jacobian(x), atol=1e-14)
    assert_allclose(system.trajectory(x, 5), same.trajectory(x, 5), atol=1e-13)


def compiled(jax, caplog, run):
    """The functions that JAX compiles meanwhile."""
    caplog.clear()
    with jax.log_compiles(), caplog.at_level("WARNING"):
        run()
    return [r.getMessage() for r in caplog.records if r.getMessage().startswith("Compiling")]


def test_few_sizes_are_compiled(jax, caplog):
    f = jax.jit(lambda x, u: jax.numpy.tanh(x @ W + u @ U))
    made = []
    assert len(compiled(jax, caplog, lambda: made.append(dk.FunctionSystem(f, 5, 3)))) == 1
    x, u = torch.rand(300, 5, dtype=torch.float64), torch.rand(300, 3, dtype=torch.float64)

    def use():
        for n in (1, 5, 70, 130, 300):
            made[0].step(x[:n], u[:n])
            made[0].jacobian(x[:n], u[:n])

    assert len(compiled(jax, caplog, use)) == 2  # the map in blocks for many states, and its Jacobian


def test_a_jitted_map_has_the_fixed_points_of_torchs(jax):
    system = dk.as_system(jax.jit(lambda x: jax.numpy.tanh(2.0 * x)), state_size=3)
    grid = np.stack(np.meshgrid(*3 * [[-0.9, 0.05, 0.9]]), -1).reshape(-1, 3)
    points = dk.find_fixed_points(system, grid)
    assert len(points) == 27
    assert_allclose(np.unique(np.abs(points.states).round(12)), [0.0, 0.957504024078], atol=1e-11)


def test_a_flow_of_jax_in_a_world_of_torch(jax):
    field = dk.Flow(
        jax.jit(lambda x, u: -x + jax.numpy.tanh(x @ W + u @ U)), 5, 3, dt=0.1, readout=lambda x: x[:, :1]
    )
    world = dk.Flow(lambda w, a: a - w, 3, 1, dt=0.1)
    loop = dk.ClosedLoop(field, world=world)
    z = torch.rand(2, 8, dtype=torch.float64)
    h = 1e-6 * torch.eye(8, dtype=torch.float64)
    J = torch.stack([(loop.step(z + e) - loop.step(z - e)) / 2e-6 for e in h], -1)
    assert_allclose(loop.jacobian(z), J, atol=1e-8)
