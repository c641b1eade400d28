"""Minima of the speed that are no fixed points, where they are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError

FOLD = np.sqrt(2) - np.arctanh(np.sqrt(0.5))  # tanh(2x + b) loses two fixed points at |b| = 0.5328...


def nearly_a_fold(eps: float) -> dk.System:
    return dk.FunctionSystem(lambda x: x + eps + x**2, 1)


def chaotic(n: int, gain: float, seed: int = 0) -> tuple[dk.System, np.ndarray]:
    """A random network, and trajectories of it."""
    rng = np.random.default_rng(seed)
    system = dk.catalog.tanh_network(gain * rng.normal(size=(n, n)) / np.sqrt(n))
    return system, dk.record(system, np.zeros((16, 150, 0)), x0=rng.normal(size=(16, n))).states


@pytest.mark.parametrize("eps", [1e-2, 1e-4, 1e-6])
def test_after_a_fold_its_ghost_remains(eps):
    slow = dk.find_slow_points(nearly_a_fold(eps), [[0.5], [-0.5], [0.1]], max_starts=3)
    assert len(slow) == 1
    assert slow.kinds.tolist() == ["ghost"]
    assert_allclose(slow.states, 0, atol=1e-12)
    assert_allclose(slow.speeds, eps**2 / 2)
    assert_allclose(slow.passage_times, np.pi / np.sqrt(eps), rtol=1e-6)
    assert_allclose(slow.widths, np.sqrt(eps), rtol=1e-6)
    assert_allclose(slow.curvatures, 2 * eps, rtol=1e-6)  # q'' = r'^2 + r r''
    assert_allclose(slow.eigenvalues, 1)
    assert np.isnan(slow.distances).all()


@pytest.mark.parametrize("eps", [-1e-2, 0.0])
def test_before_a_fold_there_are_fixed_points_and_no_slow_one(eps):
    """At eps = -0.01 the speed is stationary at 0 too: a maximum, between the roots at +-0.1."""
    slow = dk.find_slow_points(nearly_a_fold(eps), [[0.0], [0.5], [-0.5], [0.1]], max_starts=4)
    assert len(slow) == 0
    assert (slow.start_status[1:] == "fixed point").all()


@pytest.mark.parametrize("b", [FOLD + 1e-5, 0.54, -0.6])
def test_the_ghost_of_a_bistable_unit(b):
    """q' = 0 with q > 0 where the slope of tanh(2x + b) is 1: at 2x + b = -sign(b) atanh(sqrt(1/2))."""
    slow = dk.find_slow_points(dk.catalog.tanh_unit(2.0, b))
    assert slow.kinds.tolist() == ["ghost"]
    where = (-np.sign(b) * np.arctanh(np.sqrt(0.5)) - b) / 2
    assert_allclose(slow.states, [[where]], atol=1e-12)
    assert_allclose(slow.speeds, (abs(b) - FOLD) ** 2 / 8, rtol=1e-9)
    root = dk.find_fixed_points(dk.catalog.tanh_unit(2.0, b)).states
    assert_allclose(slow.distances, abs(root[0] - where), rtol=1e-9)


@pytest.mark.parametrize("b", [0.0, FOLD - 1e-6, 5.0])
def test_a_bistable_unit_before_its_fold_and_far_beyond_it_has_none(b):
    """Far beyond the fold the stationary point has left the interval into which the map goes."""
    assert len(dk.find_slow_points(dk.catalog.tanh_unit(2.0, b))) == 0


def test_descents_that_leave_the_box_are_said_to():
    """For b = 1.2 the stationary point lies at -1.04; tanh maps everything into [-1, 1]."""
    slow = dk.find_slow_points(dk.catalog.tanh_unit(2.0, 1.2), [[-1.0], [1.0]], max_starts=2)
    assert slow.start_status.tolist() == ["outside", "fixed point"]
    assert len(slow) == 0


@pytest.mark.parametrize("eps", [1e-3, 1e-6])
@pytest.mark.parametrize("bend", [1.0, 0.3])
def test_a_ghost_in_oblique_coordinates_is_passed_in_the_same_time(eps, bend):
    """w' = (w1 + eps + bend w1^2, w2 / 2) seen as z = (w1 + w2, w2), in which the slow mode is oblique to the motion.

    q is least at w = (0, eps), where z moves by (eps, -eps) / 2; what passes is still w1, in pi / sqrt(bend eps) steps.
    """

    def step(z):
        w1, w2 = z[:, 0] - z[:, 1], z[:, 1]
        on, fast = w1 + eps + bend * w1**2, w2 / 2
        return torch.stack([on + fast, fast], dim=1)

    slow = dk.find_slow_points(dk.FunctionSystem(step, 2), [[0.01, 0.0], [0.0, 0.01]], max_starts=2)
    assert slow.kinds.tolist() == ["ghost"]
    assert_allclose(slow.states, [[eps, eps]], rtol=1e-6)
    assert_allclose(slow.speeds, eps**2 / 4)
    assert_allclose(slow.passage_times, np.pi / np.sqrt(bend * eps), rtol=1e-6)
    assert_allclose(slow.widths, np.sqrt(eps / bend), rtol=1e-6)


def test_twins_are_told_apart():
    """x' = x + 0.01 + (x^2 - d^2)^2 is slowest at both +-d."""
    d = 0.003
    twins = dk.FunctionSystem(lambda x: x + 0.01 + (x**2 - d**2) ** 2, 1)
    slow = dk.find_slow_points(twins, [[-0.004], [0.004], [-0.002], [0.002]], max_starts=4)
    assert_allclose(np.sort(slow.states[:, 0]), [-d, d], atol=1e-9)
    assert slow.starts_per_point.tolist() == [2, 2]
    assert_allclose(slow.speeds, 5e-5)


def test_a_root_of_third_order_is_a_fixed_point():
    slow = dk.find_slow_points(dk.catalog.tanh_unit(1.0), np.linspace(-1, 1, 9)[:, None], max_starts=9)
    assert len(slow) == 0
    assert (slow.start_status == "fixed point").all()


def test_trajectories_linger_as_long_as_the_ghost_says():
    """The number of steps from one end to the other, counted, against pi / sqrt(a eps)."""
    beyond = np.array([1e-4, 1e-5, 1e-6])
    said, counted = [], []
    for past in beyond:
        system = dk.catalog.tanh_unit(2.0, -FOLD - past)
        said.append(dk.find_slow_points(system).passage_times[0])
        counted.append((system.trajectory([1.0], 6000)[:, 0] > 0).sum().item())
    assert_allclose(np.diff(np.log(said)) / np.diff(np.log(beyond)), -0.5, atol=1e-4)
    assert_allclose(np.diff(np.log(counted)) / np.diff(np.log(beyond)), -0.5, atol=0.02)
    assert_allclose(said, counted, rtol=0.05)


def test_slow_points_of_a_chaotic_network_satisfy_their_definition():
    system, states = chaotic(50, 1.5)
    slow = dk.find_slow_points(system, states, max_starts=64)
    assert len(slow) >= 1
    x = torch.tensor(slow.states, requires_grad=True)
    speed = system.speed(x)
    gradient = torch.autograd.grad(speed.sum(), x, create_graph=True)[0]
    assert gradient.abs().max() < 1e-13
    for k in range(len(slow)):
        hessian = torch.autograd.functional.hessian(lambda z: system.speed(z), x[k].detach())
        assert_allclose(torch.linalg.eigvalsh(hessian)[0], slow.curvatures[k], rtol=1e-6)
    assert (slow.curvatures > 0).all()
    assert_allclose(slow.speeds, speed.detach())
    assert slow.smallest_singular_values.max() < 1e-13
    assert_allclose(np.abs(slow.eigenvalues - 1).min(axis=1), 0, atol=1e-10)  # A^T r = 0: 1 is an eigenvalue
    assert (slow.n_unstable > 0).all()
    assert set(slow.kinds) == {"saddle"}


def test_slow_points_of_an_odd_map_come_in_pairs():
    system, states = chaotic(20, 2.0, seed=3)
    starts = states.reshape(-1, 20)[:40]
    slow = dk.find_slow_points(system, np.concatenate([starts, -starts]), max_starts=80)
    assert len(slow) >= 2
    for x in slow.states:
        assert np.abs(slow.states + x).max(axis=1).min() < 1e-10


@pytest.mark.parametrize("form", ["current", "rate"])
def test_the_time_step_of_a_leaky_network_scales_q_and_nothing_else(form):
    def network(dt):
        model = dk.models.LeakyRNN(1, 2, 1, dt=dt, tau=100.0, activation="tanh", form=form)
        with torch.no_grad():
            for p in model.parameters():
                p.zero_()
            model.W_rec.copy_(torch.diag(torch.tensor([2.0, 0.5])))
            model.b_rec.copy_(torch.tensor([0.6 if form == "rate" else 0.5, 0.1]))
        return dk.as_system(model)

    fine, coarse = (dk.find_slow_points(network(dt)) for dt in (0.1, 50.0))
    assert len(fine) == len(coarse) == (form == "rate")
    if form == "rate":
        assert_allclose(fine.states, coarse.states, atol=1e-9)
        assert_allclose(fine.speeds * (50 / 0.1) ** 2, coarse.speeds, rtol=1e-6)
        assert_allclose(fine.curvatures * (50 / 0.1) ** 2, coarse.curvatures, rtol=1e-4)
        assert_allclose(fine.passage_times_ms, coarse.passage_times_ms, rtol=1e-6)
        assert (fine.kinds == coarse.kinds).all()


def test_a_short_time_step_does_not_make_a_slow_point_a_fixed_one():
    """The rate (F - x) / alpha is 5e-10, the step F - x only 5e-13: which would be a fixed point of a map."""
    model = dk.models.LeakyRNN(1, 1, 1, dt=0.1, tau=100.0, activation="tanh", form="rate").double()
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.W_rec.fill_(2.0)
        model.b_rec.fill_(FOLD + 1e-9)
    slow = dk.find_slow_points(dk.as_system(model), [[-0.71], [-0.7]], max_starts=2)
    assert slow.start_status.tolist() == ["slow point"] * 2
    assert_allclose(slow.speeds, (5e-13) ** 2 / 2, rtol=0.01)


def test_the_valley_of_closed_gates_is_no_slow_point():
    """Where h >> 1 closes the update gate, q falls to zero without a fixed point: outside the box, so never said."""
    gru = torch.nn.GRU(1, 3)
    with torch.no_grad():
        for p in gru.parameters():
            p.zero_()
        gru.weight_hh_l0[3:6] = 3 * torch.eye(3)  # z = sigmoid(3 h)
        gru.weight_hh_l0[6:] = torch.tensor([[0.0, 1.5, 0.0], [-1.5, 0.0, 0.0], [0.0, 0.0, 2.0]])
    system = dk.as_system(gru)
    far = np.full((4, 3), 12.0)
    assert float(system.speed(far).max()) < 1e-12
    assert np.abs(dk.find_fixed_points(system).states).max() < 1
    slow = dk.find_slow_points(system, far, max_starts=132)
    assert len(slow.start_status) == 132
    assert np.abs(slow.states).max(initial=0) <= 1
    assert not (slow.speeds < 1e-12).any()


def test_a_drift_that_is_the_same_along_a_line_is_flat():
    """x' = x + 0.01 (1, 0), y' = y / 2: the speed is the same wherever y = 0."""
    drifting = dk.FunctionSystem(lambda z: z * torch.tensor([1.0, 0.5]) + torch.tensor([0.01, 0.0]), 2)
    slow = dk.find_slow_points(drifting, [[0.0, 1.0], [3.0, -1.0]], max_starts=2)
    assert set(slow.kinds) == {"flat"}
    assert_allclose(slow.states[:, 1], 0, atol=1e-12)
    assert_allclose(slow.speeds, 5e-5)


@pytest.mark.parametrize(("left", "right"), [(1.0, 1.0), (0.3, 2.0), (1.5, 0.01)])
def test_the_ghost_of_two_lines_that_no_longer_cross_lies_at_the_kink(left, right):
    """x' = x + 0.01 + right max(x, 0) - left min(x, 0): q falls towards 0 from both sides."""
    system = dk.catalog.piecewise_linear([[1.0]], [[1.0], [-1.0]], [[right, left]], c=[0.01])
    slow = dk.find_slow_points(system, [[0.5], [-0.5]], max_starts=2)
    assert slow.kinds.tolist() == ["kink"]
    assert slow.starts_per_point.tolist() == [2]
    assert_allclose(slow.states, 0, atol=1e-14)
    assert_allclose(slow.speeds, 5e-5, rtol=1e-12)
    assert np.isnan(slow.passage_times).all()


@pytest.mark.parametrize(("other", "n_unstable"), [(0.5, 0), (-1.5, 1)])
def test_the_slow_mode_is_not_counted_among_the_unstable_ones(other, n_unstable):
    """x' = 0.01 + 1.2 x, or + 0.8 x left of its kink, beside a unit of multiplier ``other``; 1.2 is the slow mode."""
    system = dk.catalog.piecewise_linear(
        [[1.2, 0.0], [0.0, other]], [[-1.0, 0.0]], [[0.4], [0.0]], c=[0.01, 0.0]
    )
    slow = dk.find_slow_points(system, [[0.5, 0.1], [-0.5, 0.1]], max_starts=2)
    assert slow.kinds.tolist() == ["kink"]
    assert_allclose(slow.states, 0, atol=1e-12)
    assert_allclose(np.sort(slow.eigenvalues), [sorted([1.2, other])])
    assert slow.n_unstable.tolist() == [n_unstable]


def test_a_map_half_flat_is_left_at_its_kink():
    """x' = x + 0.01 - max(x, 0) / 2 drifts on the left, at the same speed everywhere, and has a root at 0.02."""
    system = dk.catalog.piecewise_linear([[1.0]], [[1.0]], [[-0.5]], c=[0.01])
    slow = dk.find_slow_points(system, [[0.0], [1.0], [-1.0]], max_starts=3)
    assert slow.start_status.tolist() == ["fixed point", "fixed point", "slow point"]
    assert slow.kinds.tolist() == ["flat"]


@pytest.mark.parametrize("alpha", [0.2, 0.01])
def test_a_rectified_unit_past_its_corner(alpha):
    """x' = (1 - a) x + a (2 max(x, 0) + 0.1): no root, and the rate -x + 0.1 (left), x + 0.1 (right) is least at 0."""
    model = dk.models.LeakyRNN(1, 1, 1, dt=100 * alpha, tau=100.0, activation="relu")
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.W_rec.fill_(2.0)
        model.b_rec.fill_(0.1)
    slow = dk.find_slow_points(dk.as_system(model), [[0.7], [-0.4]], max_starts=2)
    assert slow.kinds.tolist() == ["kink"]
    assert_allclose(slow.states, 0, atol=1e-9)
    assert_allclose(slow.speeds, (0.1 * alpha) ** 2 / 2, rtol=1e-6)


def test_slow_points_of_rectified_networks_are_minima():
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(6):
        W = 2 * rng.normal(size=(8, 8)) / np.sqrt(8)
        system = dk.catalog.piecewise_linear(0.5 * np.eye(8), W, 0.5 * np.eye(8), b=rng.normal(size=8))
        slow = dk.find_slow_points(system, 2 * rng.normal(size=(40, 8)), max_starts=40)
        found += len(slow)
        assert set(slow.kinds) <= {"kink"}
        directions = rng.normal(size=(3000, 8))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        for x, q in zip(slow.states, slow.speeds):
            for step in (1e-5, 1e-3):
                assert float(system.speed(x + step * directions).min()) > q
        assert_allclose(slow.gradients, 0, atol=1e-12)
    assert found >= 3


def test_permuted_units_give_permuted_points():
    system, states = chaotic(20, 2.0, seed=3)
    order = np.random.default_rng(1).permutation(20)
    starts = states.reshape(-1, 20)[:64]
    W = system.recurrent_weights()["W_rec"]
    slow = dk.find_slow_points(system, starts, max_starts=64)
    again = dk.find_slow_points(
        dk.catalog.tanh_network(W[np.ix_(order, order)]), starts[:, order], max_starts=64
    )
    assert len(slow) >= 1
    assert_allclose(slow.speeds, again.speeds, rtol=1e-8)
    for x in slow.states:
        assert np.abs(again.states - x[order]).max(axis=1).min() < 1e-8


def test_a_map_that_torch_cannot_differentiate_is_searched_through_its_jacobian():
    def step(z):
        return torch.from_numpy(np.tanh(2 * z.detach().numpy() + 0.6))

    system = dk.FunctionSystem(step, 1, jacobian=lambda z: (2 / torch.cosh(2 * z + 0.6) ** 2)[..., None])
    slow = dk.find_slow_points(system, [[-0.7], [0.0]], max_starts=2)
    assert_allclose(slow.states, [[(-np.arctanh(np.sqrt(0.5)) - 0.6) / 2]], atol=1e-12)


def test_drives_are_searched_one_by_one():
    system = dk.catalog.tanh_unit(2.0)
    drives = np.array([[0.0], [0.6], [-0.6]])
    slow = dk.find_slow_points(system, np.array([[0.7], [-0.7], [0.7]]), drives, max_starts=64)
    assert_allclose(slow.drives, [[-0.6], [0.6]])
    assert_allclose(slow.states[0], -slow.states[1], atol=1e-12)
    points = dk.find_fixed_points(system, drive=[0.6])
    given = dk.find_slow_points(system, np.zeros((2, 1)), [[0.6], [-0.6]], fixed_points=points, max_starts=32)
    assert np.isnan(given.distances).tolist() == [True, False]  # known under the drive 0.6 only


def test_a_start_that_is_not_finite_is_marked_and_its_neighbours_do_not_notice():
    system = dk.catalog.tanh_unit(2.0, 0.6)
    starts = np.array([[-0.7], [np.nan], [-0.75]])
    slow = dk.find_slow_points(system, starts, max_starts=3)
    assert slow.start_status.tolist() == ["slow point", "non-finite start", "slow point"]
    assert slow.starts_per_point.tolist() == [2]


def test_a_seed_repeats_and_a_saved_result_comes_back(tmp_path):
    system, states = chaotic(20, 2.0, seed=3)
    slow = dk.find_slow_points(system, states, seed=5, max_starts=64)
    assert slow == dk.find_slow_points(system, states, seed=5, max_starts=64)
    slow.save(tmp_path)
    assert dk.load(tmp_path) == slow
    assert len(slow.ghosts) == int((slow.kinds == "ghost").sum())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"starts": np.zeros((2, 3))}, "starts must have shape"),
        ({"drive": [np.nan]}, "drive must be finite"),
        ({"fixed_points": np.zeros((2, 3))}, r"fixed_points must have shape \(\.\.\., 1\)"),
        ({"max_starts": 0}, "max_starts must be at least 1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        dk.find_slow_points(dk.catalog.tanh_unit(2.0), **arguments)


def test_a_network_that_is_not_adapted_is_told_the_call_to_make():
    with pytest.raises(InputError, match=r"see dk\.as_system"):
        dk.find_slow_points(torch.nn.GRU(1, 2))  # type: ignore[arg-type]
