"""A network in its world: what neither does alone, against SciPy, finite differences and loops written by hand."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

import dynakit as dk
from dynakit import models
from dynakit.errors import InputError

from .members import seeded

W, B, b, K = (  # what float32 holds
    np.float32(a).astype(float)
    for a in ([[0.6, -0.4], [0.5, 0.3]], [[0.3, 1.5], [-0.5, 1.0]], [0.1, -0.2], [[0.5, 0.4]])
)
DT = 0.1
QUICK = dk.analysis.CycleSettings(n_transient=100, n_record=512, max_harmonics=64)


PUSHED = torch.tensor([[0.0], [1.0]], dtype=torch.float64)


def slope(w, a):
    J = w.new_zeros(len(w), 2, 2)
    J[:, 0, 1], J[:, 1, 0], J[:, 1, 1] = 1.0, -1 - 0.6 * w[:, 0] ** 2, -0.2
    return J


def controller():
    """A leaky network that hears position and speed: dx/dt = -x + tanh(W x + B y + b), output K x."""
    model = models.LeakyRNN(2, 2, 1, dt=DT, tau=1.0, form="rate", activation="tanh")
    with torch.no_grad():
        for name, value in {"W_rec": W, "W_in": B, "b_rec": b, "W_out": K, "b_out": [0.0]}.items():
            getattr(model, name).copy_(torch.tensor(value))
    return dk.as_system(model)


def spring(w, a):
    """A damped mass on a spring that hardens, pushed."""
    return torch.stack([w[:, 1], -w[:, 0] - 0.2 * w[:, 0] ** 3 - 0.2 * w[:, 1] + a[:, 0]], 1)


LEAKY = controller()
POLICY = dk.as_flow(LEAKY)
PLANT = dk.Flow(
    dk.FunctionSystem(spring, 2, 1, jacobian=slope, input_jacobian=lambda w, a: PUSHED.expand(len(w), 2, 1)),
    2,
    1,
    dt=DT,
)
ON_THE_CYCLE = [-0.2513, -0.0233, -1.5008, 1.4218]


def plain(z):
    """Both velocities, in NumPy."""
    x, (q, v) = z[:2], z[2:]
    return np.array([*(-x + np.tanh(W @ x + B @ z[2:] + b)), v, -q - 0.2 * q**3 - 0.2 * v + (K @ x)[0]])


def plain_jacobian(z):
    x, q = z[:2], z[2]
    slope = 1 - np.tanh(W @ x + B @ z[2:] + b) ** 2
    J = np.zeros((4, 4))
    J[:2] = np.hstack([slope[:, None] * W - np.eye(2), slope[:, None] * B])
    J[2, 3], J[3] = 1.0, [*K[0], -1 - 0.6 * q**2, -0.2]
    return J


def varied(_, y):
    """The variational equation."""
    return np.concatenate([plain(y[:4]), (plain_jacobian(y[:4]) @ y[4:].reshape(4, 4)).ravel()])


PRECISE = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13}


@pytest.fixture(scope="module")
def cycle_of_scipy():
    """Period and Floquet multipliers of the cycle, by events and the variational equation."""

    def turning(t, z):
        return z[3]

    turning.direction = -1
    settled = solve_ivp(lambda t, z: plain(z), (0, 200), ON_THE_CYCLE, **PRECISE).y[:, -1]
    flown = solve_ivp(lambda t, z: plain(z), (0, 20), settled, events=turning, **PRECISE)
    (start, period) = flown.y_events[0][0], flown.t_events[0][1] - flown.t_events[0][0]
    whole = solve_ivp(varied, (0, period), np.concatenate([start, np.eye(4).ravel()]), **PRECISE).y[:, -1]
    assert_allclose(whole[:4], start, atol=1e-10)
    return period, np.linalg.eigvals(whole[4:].reshape(4, 4))


def test_a_policy_that_rests_and_a_plant_that_rests_make_a_cycle_whose_multipliers_are_scipys(cycle_of_scipy):
    period, multipliers = cycle_of_scipy
    loop = dk.ClosedLoop(POLICY, world=PLANT)
    assert loop.flow() is not None
    for alone in (dk.Driven(POLICY, [0.0, 0.0]), dk.Driven(PLANT, [0.0])):
        assert np.abs(alone.trajectory([0.5, -0.5], 600)[-20:].diff(dim=0)).max() < 1e-3
    cycles = dk.find_limit_cycles(loop, [ON_THE_CYCLE], settings=QUICK)
    assert cycles.kinds.tolist() == ["limit cycle"]
    assert cycles.periods[0] == pytest.approx(period, abs=1e-6)
    assert_allclose(np.sort_complex(cycles.multipliers[0]), np.sort_complex(multipliers), atol=1e-6)
    assert cycles.verdicts[0] == "attracting"


def held(z, n_steps):
    """The sampled loop by hand: the plant integrated by SciPy under each action."""
    states = []
    for _ in range(n_steps):
        x = z[:2] + DT * (-z[:2] + np.tanh(W @ z[:2] + B @ z[2:] + b))
        a = (K @ x)[0]
        flown = solve_ivp(
            lambda t, w, a=a: [w[1], -w[0] - 0.2 * w[0] ** 3 - 0.2 * w[1] + a], (0, DT), z[2:], **PRECISE
        )
        z = np.concatenate([x, flown.y[:, -1]])
        states.append(z)
    return np.array(states)


def test_a_sampled_policy_acts_on_what_flows_between_its_samples():
    loop = dk.ClosedLoop(LEAKY, world=dk.as_flow(PLANT, method="dopri5", n_substeps=8))
    assert loop.flow() is None
    start = np.array(ON_THE_CYCLE)
    assert_allclose(loop.trajectory(start, 100), held(start, 100), atol=1e-9)
    assert loop.dt == pytest.approx(DT)
    assert list(loop.parts) == ["network.r", "world"]
    assert loop.parts["world"] == slice(2, 4)


def test_the_sampled_loop_turns_on_an_invariant_circle():
    loop = dk.ClosedLoop(LEAKY, world=PLANT)
    circle = dk.find_limit_cycles(loop, [ON_THE_CYCLE], settings=QUICK)
    assert circle.kinds.tolist() == ["invariant circle"]
    assert circle.residuals[0] < 1e-9
    theta = np.linspace(0, 1, 50, endpoint=False)
    ends = loop.step(circle.curve(theta))
    assert_allclose(ends, circle.curve(theta + circle.rotation_numbers[0]), atol=1e-7)
    assert_allclose(held(circle.curve(0.3), 30)[-1], circle.curve(0.3 + 30 * circle.rotation_numbers[0]), atol=1e-4)


def test_a_leaky_policy_in_a_plant_has_the_flow_of_both():
    flow = dk.as_flow(dk.ClosedLoop(LEAKY, world=PLANT))
    z = torch.tensor([ON_THE_CYCLE, [0.1, 0.2, 0.3, 0.4]], dtype=torch.float64)
    assert_allclose(flow.rhs(z), [plain(row) for row in z.numpy()], atol=1e-14)
    assert_allclose(flow.rhs_jacobian(z), [plain_jacobian(row) for row in z.numpy()], atol=1e-13)
    assert flow.dt == DT


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "Elman"])
def test_a_loop_is_the_one_a_user_writes(kind):
    model = seeded(lambda: getattr(models, kind)(3, 5, 2))
    system = dk.as_system(model)

    def world(w, action):
        return 0.9 * w + 0.3 * torch.sin(action @ torch.ones(2, 4).double() + w.roll(1, -1))

    def sight(w):
        return w[:, :3] ** 2

    loop = dk.ClosedLoop(system, world=world, world_size=4, observation=sight)
    x = torch.rand(3, system.state_size, generator=torch.Generator().manual_seed(0)).double()
    w = torch.rand(3, 4, generator=torch.Generator().manual_seed(1)).double()
    states = loop.trajectory(torch.cat([x, w], 1), 20)
    for t in range(20):
        x = system.step(x, sight(w))
        w = world(w, system.observe(x))
        assert_allclose(states[:, t], torch.cat([x, w], 1), atol=1e-13)
    assert torch.equal(loop.observe(states), states[..., -4:-1] ** 2)
    cue = torch.ones(3)
    moved = system.step(x, cue)
    told = loop.drive(torch.cat([x, w], 1), cue)
    assert_allclose(told, torch.cat([moved, world(w, system.observe(moved))], 1), atol=1e-13)
    assert set(loop.parts) == {f"network.{part}" for part in system.parts} | {"world"}


def test_points_of_a_loop_are_certified_through_both():
    loop = dk.ClosedLoop(POLICY, world=PLANT)
    points = dk.find_fixed_points(loop, max_starts=16)
    assert len(points) == 1
    assert points.certified.all()
    assert_allclose(plain(points.states[0]), 0, atol=1e-12)
    expected = np.linalg.eigvals(plain_jacobian(points.states[0]))
    assert_allclose(np.sort_complex(points.eigenvalues[0]), np.sort_complex(expected), atol=1e-9)


class Squashed(torch.nn.Module):
    """A policy whose head is no linear layer alone."""

    def __init__(self):
        super().__init__()
        self.rnn, self.mean = torch.nn.GRU(3, 4, batch_first=True), torch.nn.Linear(4, 1)

    def forward(self, x):
        return torch.tanh(self.mean(self.rnn(x)[0]))


def test_a_pendulum_and_its_policy_rest_at_whole_turns_and_nowhere_where_gates_only_seem_to_be_one():
    def pendulum(w, a):
        speed = w[:, 1] + 0.05 * (9.8 * torch.sin(w[:, 0]) + a[:, 0] - 3.0 * w[:, 1])
        return torch.stack([w[:, 0] + 0.05 * speed, speed], -1)

    heard = lambda w: torch.stack([torch.cos(w[:, 0]), torch.sin(w[:, 0]), w[:, 1]], -1)  # noqa: E731
    policy = dk.as_system(seeded(Squashed))
    loop = dk.ClosedLoop(policy, world=pendulum, world_size=2, observation=heard)
    starts = 10 * torch.randn(48, 6, generator=torch.Generator().manual_seed(0))
    points = dk.find_fixed_points(loop, starts, max_starts=48)
    assert points.certified.all()
    assert (points.dimensions == 0).all()
    assert (np.abs(points.states[:, :4]) <= 1).all()
    angle, push = points.states[:, 4], policy.observe(points.states[:, :4])[:, 0].numpy()
    assert_allclose(9.8 * np.sin(angle) + push, 0, atol=1e-9)
    assert_allclose(points.states[:, 5], 0, atol=1e-9)
    turns = np.unique(np.round(np.cos(angle), 6))
    assert len(turns) == 2  # up and down, each at several whole turns
    assert len(points) > 2


def test_kinks_and_jumps_of_the_world_are_those_of_the_loop():
    smooth = dk.as_system(seeded(lambda: models.GRU(2, 4, 1)))
    bouncing = dk.FunctionSystem(lambda w, a: torch.relu(w) - 0.5 * w + a, 2, 1)
    loop = dk.ClosedLoop(smooth, world=bouncing)
    assert loop.regularity == "smooth"  # but for its kinks: a GRU has no linear pieces
    assert float(loop.kinks(torch.zeros(6))) == 0.0
    jumping = dk.FunctionSystem(lambda w, a: torch.sign(w) + a, 2, 1, regularity="discontinuous")
    with pytest.raises(InputError, match="differentiable map"):
        dk.ClosedLoop(smooth, world=jumping).jacobian(torch.zeros(6))
    assert loop.box() is None


# --- bad input -------------------------------------------------------------------------------------------


class Environment:
    def __init__(self):
        self.state = np.zeros(4)

    def reset(self, seed=None):
        return self.state, {}

    def step(self, action):
        self.state = self.state + np.random.randn(4)  # noqa: NPY002
        return self.state, 0.0, False, False, {}


def wrong(name):
    """Arguments beside the network, which hears 2 values and puts out 1."""
    ok = lambda w, a: 0.5 * w + a  # noqa: E731
    return {
        "environment": {"world": Environment()},
        "environment's step": {"world": Environment().step, "world_size": 4},
        "number": {"world": 3},
        "no size": {"world": ok},
        "size of a system": {"world": PLANT, "world_size": 3},
        "size alone": {"world_size": 3},
        "too wide": {"world": ok, "world_size": 3},
        "other actions": {"world": dk.FunctionSystem(lambda w, a: w + a[:, :1], 2, 3)},
        "observation": {"world": ok, "world_size": 3, "observation": lambda w: w[:, :1]},
        "no function": {"world": ok, "world_size": 3, "observation": 2},
        "noise": {"world": lambda w, a: w + torch.randn_like(w), "world_size": 2},
        "numpy": {"world": lambda w, a: np.tanh(np.asarray(w)) + np.asarray(a), "world_size": 2},
        "one state": {"world": lambda w, a: torch.tensor([w[1], -w[0] + a]), "world_size": 2},
        "module": {"world": torch.nn.Bilinear(2, 1, 2), "world_size": 2},
        "not by itself": {"world": ok, "world_size": 2, "observation": lambda w: w - w.mean(0)},
        "draws": {"world": ok, "world_size": 2, "observation": lambda w: w + torch.randn_like(w)},
        "no width": {"world": ok, "world_size": 0},
        "too few": {"world": lambda w, a: w[:, :2] + a, "world_size": 3},
        "time": {"world": dk.Flow(spring, 2, 1, dt=5.0, time_unit="ms")},
    }[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("environment", r"Environment\) is an environment, which keeps its state.*world=step, world_size=n"),
        ("environment's step", r"Environment\) is an environment.*dk\.ClosedLoop\(system, world=step"),
        ("number", "world must be a System or a function.*got int"),
        ("no size", "world_size must be given for a function"),
        ("size of a system", "world_size is 3, but world .* has 2 units"),
        ("size alone", "pass it as world="),
        ("too wide", "system hears 2 values, but the world puts out 3: pass observation="),
        ("other actions", "world must take as many actions as system has outputs, 1, but it takes 3 inputs"),
        ("observation", "system hears 2 values, but observation gives 1"),
        ("no function", "observation must be a function of the world's states"),
        ("noise", "world must be deterministic"),
        ("numpy", r"world must be differentiable: Can.*world=dk.FunctionSystem\(step, 2, 1, .*input_jacobian="),
        ("not by itself", "observation must treat each row of a batch by itself"),
        ("draws", "observation must be deterministic"),
        ("no width", "world_size must be at least 1, got 0"),
        ("too few", r"world must return shape \(2, 3\).*world\(w, action\); see world_size, got \(2, 2\)"),
        ("one state", "world failed on a batch of 2 states"),
        ("module", r"world=dk.as_system\(world, step='forward'"),
        ("time", "a step of world takes 5 ms and one of system 20 ms"),
    ],
)
def test_worlds_that_do_not_fit(name, message):
    system = dk.as_system(seeded(lambda: models.LeakyRNN(2, 4, 1, dt=20.0, tau=100.0)))
    with pytest.raises(InputError, match=message):
        dk.ClosedLoop(system, **wrong(name))


def test_a_world_of_another_framework_comes_with_its_derivatives():
    own = dk.FunctionSystem(
        lambda w, a: np.tanh(np.asarray(w)) + 2 * np.asarray(a),
        2,
        1,
        jacobian=lambda w, a: (1 - np.tanh(np.asarray(w)) ** 2)[..., None] * np.eye(2),
        input_jacobian=lambda w, a: np.full((len(w), 2, 1), 2.0),
    )
    system = dk.as_system(seeded(lambda: models.GRU(2, 4, 1)))
    loop = dk.ClosedLoop(system, world=own)
    same = dk.ClosedLoop(system, world=lambda w, a: torch.tanh(w) + 2 * a, world_size=2)
    x = torch.rand(3, 6, dtype=torch.float64)
    assert_allclose(loop.step(x), same.step(x), atol=1e-14)
    assert_allclose(loop.jacobian(x), same.jacobian(x), atol=1e-14)
