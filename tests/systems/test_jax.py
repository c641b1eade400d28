"""Functions of JAX: recognised, carried out by torch or in blocks of few sizes; its stand-in where it is missing."""

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


def test_few_sizes_of_what_torch_does_not_follow_are_compiled(jax, caplog):
    f = jax.jit(lambda x, u: jax.lax.fori_loop(0, 1, lambda _, z: jax.numpy.tanh(z @ W + u @ U), x))
    made = []
    assert len(compiled(jax, caplog, lambda: made.append(dk.FunctionSystem(f, 5, 3)))) == 1
    x, u = torch.rand(300, 5, dtype=torch.float64), torch.rand(300, 3, dtype=torch.float64)

    def use():
        for n in (1, 5, 70, 130, 300):
            assert_allclose(made[0].step(x[:n], u[:n]), torch_step(x[:n], u[:n]), atol=1e-14)
            J = dk.FunctionSystem(torch_step, 5, 3).jacobian(x[:n], u[:n])
            assert_allclose(made[0].jacobian(x[:n], u[:n]), J, atol=1e-14)

    assert len(compiled(jax, caplog, use)) == 2  # the map in blocks for many states, and its Jacobian


def written_in_jax(jax):
    """Functions of a batch (row, 5) and inputs (row, 3), and what torch calls the same."""
    jnp, nn, V = jax.numpy, jax.nn, rng.normal(size=(3, 5, 5))
    tw, tu, tv = torch.tensor(W), torch.tensor(U), torch.tensor(V)

    def lorenz(z, u):
        a, b, c, *_ = z
        return jnp.array([b - a, a * (2 - c) - b, a * b - c, u[0], u.sum()])

    return {
        "gate": (
            lambda x, u: (1 - nn.sigmoid(x @ W)) * jnp.tanh(u @ U) + nn.sigmoid(x @ W) * x,
            lambda x, u: (1 - torch.sigmoid(x @ tw)) * torch.tanh(u @ tu) + torch.sigmoid(x @ tw) * x,
        ),
        "one by one": (
            jax.vmap(lambda x, u: nn.silu(W.T @ x + U.T @ u)),
            lambda x, u: torch.nn.SiLU()(x @ tw + u @ tu),
        ),
        "parts": (
            lambda x, u: jnp.concatenate([nn.softplus(x[:, :2]), jnp.split(x**2, [2], -1)[1][:, ::-1]], -1),
            lambda x, u: torch.cat([torch.log1p(torch.exp(x[:, :2])), (x[:, 2:] ** 2).flip(-1)], -1),
        ),
        "columns": (
            jax.vmap(lorenz),
            lambda x, u: torch.stack(
                [
                    x[:, 1] - x[:, 0],
                    x[:, 0] * (2 - x[:, 2]) - x[:, 1],
                    x[:, 0] * x[:, 1] - x[:, 2],
                    u[:, 0],
                    u.sum(1),
                ],
                1,
            ),
        ),
        "einsum": (
            lambda x, u: jnp.einsum("bi,kij,bk->bj", x, V, u),
            lambda x, u: torch.einsum("bi,kij,bk->bj", x, tv, u),
        ),
        "pieces": (
            lambda x, u: (
                nn.leaky_relu(x @ W) + jnp.clip(x, -1, 0.5) + jnp.where(x > u.sum(-1, keepdims=True), 0, 1)
            ),
            lambda x, u: (
                torch.nn.functional.leaky_relu(x @ tw)
                + x.clamp(-1, 0.5)
                + (x <= u.sum(-1, keepdim=True)).double()
            ),
        ),
        "a norm": (
            lambda x, u: (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 0.1),
            lambda x, u: torch.nn.functional.layer_norm(x, (5,), eps=0.1),
        ),
        "shapes": (
            lambda x, u: jnp.tanh((x @ W).reshape(-1, 5, 1)[..., 0].T).T * jnp.ones((len(x), 1)),
            lambda x, u: torch.tanh(x @ tw),
        ),
    }


NAMES = ("gate", "one by one", "parts", "columns", "einsum", "pieces", "a norm", "shapes")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_in_jax_is_carried_out_by_torch(jax, caplog, name):
    f, same = written_in_jax(jax)[name]
    made = []
    built = lambda: made.append(dk.FunctionSystem(jax.jit(f), 5, 3))  # noqa: E731
    assert len(compiled(jax, caplog, built)) == 1  # for one comparison of values
    for n in (1, 2, 7, 0):
        x, u = torch.randn(n, 5, dtype=torch.float64), torch.randn(n, 3, dtype=torch.float64)
        assert_allclose(made[0].step(x, u), same(x, u), atol=1e-13)
    x, u = torch.randn(6, 5, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
    of_torch = dk.FunctionSystem(same, 5, 3)
    assert not compiled(
        jax, caplog, lambda: assert_allclose(made[0].jacobian(x, u), of_torch.jacobian(x, u), atol=1e-12)
    )
    radii = torch.tensor([0.0, 1e-6], dtype=torch.float64)[:, None, None]
    bounds = made[0].enclosure(x, u, radii)
    assert (bounds.lo[0] <= same(x, u)).all()
    assert (same(x, u) <= bounds.hi[0]).all()


def test_fixed_points_of_a_gru_of_jax_are_certified(jax, caplog):
    V = 1.5 * rng.normal(size=(3, 5, 5))

    def step(xp, sigmoid, V, x):
        r, z = sigmoid(x @ V[0]), sigmoid(x @ V[1])
        return (1 - z) * xp.tanh(r * (x @ V[2])) + z * x

    f = jax.jit(lambda x: step(jax.numpy, jax.nn.sigmoid, V, x))
    found = []
    search = lambda: found.append(dk.find_fixed_points(dk.as_system(f, state_size=5)))  # noqa: E731
    assert len(compiled(jax, caplog, search)) == 1
    same = dk.find_fixed_points(
        dk.as_system(lambda x: step(torch, torch.sigmoid, torch.tensor(V), x), state_size=5)
    )
    assert found[0].certified.all()
    assert found[0].completeness == same.completeness == "consistent"
    assert_allclose(found[0].states, same.states, atol=1e-12)


def test_a_function_that_only_bears_the_name_of_another_is_itself(jax):
    def relu(x):
        return jax.numpy.minimum(x, 0.5)

    x = torch.randn(9, 5, dtype=torch.float64)
    assert_allclose(dk.FunctionSystem(jax.jit(lambda x: jax.jit(relu)(x)), 5).step(x), x.clamp_max(0.5))


def test_values_that_depend_on_the_size_of_the_batch_are_not_followed(jax):
    f = lambda x: x * (len(x) > 2)  # noqa: E731 - another function for each size
    from dynakit.systems.jax_program import followed

    assert followed(jax, f, torch.zeros(2, 5, dtype=torch.float64)) is None
    assert followed(jax, lambda x: 2 * x, torch.zeros(2, 5, dtype=torch.float64)) is not None


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
