"""Slow curves that are known in closed form: lines, rings, and what inputs do along them."""

from __future__ import annotations

import functools
import tracemalloc

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.manifolds import slow_curve
from dynakit.analysis.manifolds.slow_curve import SlowCurve
from dynakit.errors import InputError, NumericalError

ANGLES = np.linspace(0, 2 * np.pi, 20, endpoint=False)


def ring(bumps: float = 0.0, n_bumps: int = 3, turn: float = 0.0, radius: float = 1.0) -> dk.System:
    """r' = (r + radius) / 2, angle' = angle + turn + bumps sin(n_bumps angle): a ring attractor with a drift."""

    def polar(z):
        size, angle = z.norm(dim=1), torch.atan2(z[:, 1], z[:, 0])
        return size, angle, (size + radius) / 2, angle + turn + bumps * torch.sin(n_bumps * angle)

    def step(z):
        _, _, size, angle = polar(z)
        return size[:, None] * _unit(angle)

    def jacobian(z):
        size, angle, size_next, angle_next = polar(z)
        along = size_next / size * (1 + bumps * n_bumps * torch.cos(n_bumps * angle))
        out, on = _unit(angle_next), _unit(angle_next + torch.pi / 2)
        across = 0.5 * out[:, :, None] * _unit(angle)[:, None, :]
        return across + along[:, None, None] * on[:, :, None] * _unit(angle + torch.pi / 2)[:, None, :]

    return dk.FunctionSystem(step, 2, jacobian=jacobian)


def _unit(angle: torch.Tensor) -> torch.Tensor:
    return torch.stack([angle.cos(), angle.sin()], -1)


def around(radius: float = 1.0) -> np.ndarray:
    return 1.05 * radius * np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


@functools.cache
def traced_ring() -> dk.SlowManifold:
    return dk.trace_slow_manifold(ring(), around())


def traced(system: dk.System) -> dk.SlowManifold:
    return dk.trace_slow_manifold(system, around(), max_points=2)


def integrator(slow: float = 1.0, seed: int = 0) -> tuple[dk.System, np.ndarray, np.ndarray, np.ndarray]:
    """x' = A x + B u of two units, with the eigenvalues ``slow`` and 0.5 and known eigenvectors: map, r, l, B."""
    rng = np.random.default_rng(seed)
    R, B = rng.normal(size=(2, 2)), rng.normal(size=(2, 3))
    R[:, 0] /= np.linalg.norm(R[:, 0])
    L = np.linalg.inv(R)
    A = torch.from_numpy(R @ np.diag([slow, 0.5]) @ L)
    system = dk.FunctionSystem(lambda x, u: x @ A.T + u @ torch.from_numpy(B).T, 2, 3)
    return system, R[:, 0], L[0], B


@pytest.mark.parametrize("radius", [0.3, 1.0, 7.0])
def test_a_ring_attractor_is_a_closed_curve_of_the_right_length(radius):
    manifold = dk.trace_slow_manifold(ring(radius=radius), around(radius))
    assert manifold.closed
    assert_allclose(manifold.length, 2 * np.pi * radius, rtol=1e-12)
    assert_allclose(np.linalg.norm(manifold.states, axis=1), radius, rtol=1e-12)
    assert_allclose(manifold.drift, 0, atol=1e-14)
    assert_allclose(manifold.eigenvalues, 1, atol=1e-12)
    assert_allclose(manifold.transverse, 0.5, atol=1e-12)
    assert_allclose(manifold.gaps, 0.5, atol=1e-12)
    assert manifold.attracting.all()
    assert len(manifold.fixed_points) == 0  # a continuum: none of them is isolated
    tangents = np.stack([-manifold.states[:, 1], manifold.states[:, 0]], 1) / radius
    assert_allclose(np.abs((tangents * manifold.right).sum(axis=1)), 1, rtol=1e-12)


def test_the_points_of_a_ring_are_in_order():
    manifold = dk.trace_slow_manifold(ring(), around())
    angles = np.unwrap(np.arctan2(manifold.states[:, 1], manifold.states[:, 0]))
    steps = np.diff(angles) * np.sign(angles[1] - angles[0])
    assert (steps > 0).all()
    assert_allclose(np.diff(manifold.arclengths), steps, rtol=1e-9)
    assert abs(angles[-1] - angles[0]) < 2 * np.pi


@pytest.mark.parametrize("n_bumps", [1, 3, 4])
def test_a_bumpy_ring_has_its_drift_and_twice_as_many_fixed_points_as_bumps(n_bumps):
    eps = 1e-3
    manifold = dk.trace_slow_manifold(ring(eps, n_bumps), around())
    assert manifold.closed
    angles = np.arctan2(manifold.states[:, 1], manifold.states[:, 0])
    way = np.sign(manifold.states[:, 0] * manifold.right[:, 1] - manifold.states[:, 1] * manifold.right[:, 0])
    exact = way * 2 * np.sin(eps * np.sin(n_bumps * angles) / 2)
    assert_allclose(manifold.drift, exact, atol=20 * n_bumps**2 * eps**3)
    assert_allclose(np.linalg.norm(manifold.states, axis=1), 1, atol=4 * n_bumps * eps**2)
    found = np.sort(np.arctan2(manifold.fixed_points[:, 1], manifold.fixed_points[:, 0]) % (2 * np.pi))
    expected = np.arange(2 * n_bumps) * np.pi / n_bumps
    apart = np.abs(np.exp(1j * found)[:, None] - np.exp(1j * expected))
    assert_allclose(apart.min(axis=0), 0, atol=1e-9)
    assert len(found) == 2 * n_bumps
    holds = np.cos(n_bumps * np.arctan2(manifold.fixed_points[:, 1], manifold.fixed_points[:, 0])) < 0
    assert_allclose(manifold.fixed_holds, holds)


def test_a_ring_that_turns_has_no_fixed_point():
    manifold = dk.trace_slow_manifold(ring(turn=1e-3), around())
    assert manifold.closed
    assert_allclose(np.abs(manifold.drift), 1e-3, rtol=1e-5)
    assert len(np.unique(np.sign(manifold.drift))) == 1
    assert len(manifold.fixed_points) == 0


def test_a_linear_integrator_is_a_straight_line_within_the_range_of_the_starts():
    system, r, l, B = integrator()
    starts = np.linspace(-2, 2, 9)[:, None] * r + 0.01
    manifold = dk.trace_slow_manifold(system, starts)
    assert not manifold.closed
    assert manifold.ends == ("left the range of the starts",) * 2
    assert_allclose(manifold.states - np.outer(manifold.states @ r, r), 0, atol=1e-12)
    assert_allclose(manifold.drift, 0, atol=1e-14)
    assert manifold.length > 4
    way = np.sign(manifold.right[0] @ r)
    assert_allclose(manifold.left, np.tile(way * l, (len(manifold), 1)), atol=1e-10)
    assert_allclose(manifold.selection, np.tile(way * (l @ B), (len(manifold), 1)), atol=1e-10)


def test_a_leaky_integrator_drifts_to_its_fixed_point():
    system, r, _, _ = integrator(slow=0.99)
    manifold = dk.trace_slow_manifold(system, np.linspace(-2, 2, 9)[:, None] * r)
    along = manifold.states @ manifold.right[0]
    assert_allclose(manifold.drift, -0.01 * along, atol=1e-12)
    assert_allclose(manifold.fixed_points, [[0, 0]], atol=1e-11)
    assert manifold.fixed_holds.tolist() == [True]
    assert_allclose(manifold.time_constants, -1 / np.log(0.99), rtol=1e-9)
    at_root, _ = manifold.locate([0.0, 0.0])
    assert_allclose(manifold.fixed_arclengths, at_root, atol=1e-10)


def test_a_displacement_is_predicted_by_the_selection_vector():
    """A pulse of input, simulated until the fast mode is gone, against l.B u."""
    system, r, _, _ = integrator()
    pulse = np.array([0.3, -0.2, 0.5])
    manifold = dk.trace_slow_manifold(system, np.linspace(-2, 2, 9)[:, None] * r)
    chosen = dk.selection_vectors(system, [[0.0, 0.0]])
    for start in (0.3 * r, -1.1 * r):
        end = system.settle(system.step(start, pulse), None, 200).numpy()
        here, there = manifold.locate(np.stack([start, end]))[0]
        assert_allclose(there - here, manifold.responses([pulse])[0, 0], atol=1e-10)
        assert_allclose((end - start) @ chosen.right[0], chosen.responses([pulse])[0, 0], atol=1e-10)


def test_the_drive_is_already_in_the_drift():
    """Under a constant drive d an integrator moves by l.B d in each step, and more only by what is added to it."""
    system, r, l, B = integrator()
    d, more = np.array([0.1, -0.05, 0.02]), np.array([0.0, 0.03, 0.01])
    manifold = dk.trace_slow_manifold(system, np.linspace(-2, 2, 9)[:, None] * r, d)
    way = np.sign(manifold.right[0] @ r)
    assert_allclose(manifold.drift, way * (l @ B @ d), atol=1e-12)
    assert_allclose(
        np.diff(manifold.integrate(np.tile(d, (3, 1)), start=2.0), prepend=2.0), way * (l @ B @ d)
    )
    assert_allclose(manifold.integrate([d + more], start=2.0) - 2, way * (l @ B @ (d + more)))


def test_one_slow_coordinate_does_for_the_whole_network():
    """x' = tanh(W x + B u), nearly an integrator: its state under noisy input against the one-dimensional account."""
    rng = np.random.default_rng(1)
    r, l = np.array([0.6, 0.8, 0.0]), np.array([0.6, 0.8, 1.0])
    W = np.outer(r, l) + 0.2 * np.diag([0.0, 0.0, 1.0])
    system = dk.catalog.tanh_network(W, W_in=0.02 * rng.normal(size=(3, 2)))
    starts = np.linspace(-0.3, 0.3, 7)[:, None] * r
    manifold = dk.trace_slow_manifold(system, starts)
    inputs = rng.normal(size=(80, 2))
    states = system.trajectory(np.zeros(3), inputs).numpy()
    begin = manifold.locate(np.zeros(3))[0]
    walked = manifold.integrate(inputs, start=float(begin))
    truly = manifold.locate(states)[0]
    assert np.ptp(truly) > 0.1
    assert np.abs(walked - truly).max() < 0.02 * np.ptp(truly)


def test_a_pitchfork_seen_along_its_line():
    """x' = tanh(1.1 x): the line through the saddle at 0 ends beyond the two stable points."""
    manifold = dk.trace_slow_manifold(dk.catalog.tanh_unit(1.1), [[-1.0], [1.0]])
    roots = np.sort(dk.find_fixed_points(dk.catalog.tanh_unit(1.1)).states[:, 0])
    order = np.argsort(manifold.fixed_points[:, 0])
    assert_allclose(manifold.fixed_points[order, 0], roots, atol=1e-11)
    assert manifold.fixed_holds[order].tolist() == [True, False, True]


def test_a_curve_ends_where_the_time_scales_meet():
    """x' = x - 0.1 x^3, y' = 0.8 y: the slow slope 1 - 0.3 x^2 is twice as near to 1 as 0.8 up to |x| = 0.577."""
    system = dk.FunctionSystem(lambda z: torch.stack([z[:, 0] - 0.1 * z[:, 0] ** 3, 0.8 * z[:, 1]], 1), 2)
    manifold = dk.trace_slow_manifold(system, [[-3.0, 0.0], [3.0, 0.0], [0.0, 0.1]])
    assert manifold.ends == ("the slow mode is no longer apart from the next",) * 2
    reach = np.sqrt(0.1 / 0.3)
    assert_allclose(np.sort(manifold.states[[0, -1], 0]), [-reach, reach], atol=0.015)
    assert np.abs(manifold.states[:, 0]).max() <= reach


@pytest.mark.parametrize("leak", [0.0, 1e-3])
def test_a_line_with_a_corner_is_followed_round_it(leak):
    """x' = (1 - leak) x, y' = y / 2 + |x| / 10: on the left and on the right, y = +-k x with k near 0.2."""
    hinges = [[1.0, 0.0], [-1.0, 0.0]]
    system = dk.catalog.piecewise_linear([[1.0 - leak, 0.0], [0.0, 0.5]], hinges, [[0.0, 0.0], [0.1, 0.1]])
    manifold = dk.trace_slow_manifold(system, [[-2.0, 0.3], [2.0, 0.3], [0.3, 0.0]])
    x, y = manifold.states.T
    k = 0.1 / (0.5 - leak)
    assert_allclose(y, k * np.abs(x), atol=1e-12)
    assert (x.min(), x.max()) == pytest.approx((-2.4, 2.4), abs=0.05)
    assert (np.diff(x) * np.sign(x[-1] - x[0]) > 0).all()
    assert_allclose(manifold.drift * np.sign(x[-1] - x[0]), -leak * x * np.sqrt(1 + k**2), atol=1e-12)
    assert_allclose(manifold.fixed_points, np.zeros((int(leak > 0), 2)), atol=1e-9)


@pytest.mark.parametrize("push", [0.1, -0.1, -0.2])
def test_a_line_that_goes_on_beside_itself_is_followed_in_leaps(push):
    """x' = x + push + 0.2 max(-x, 0), y' = (x + y) / 2: two slow lines that end at x = 0, some way from each other."""
    hinges, weights = [[1.0, 0.0], [-1.0, 0.0]], [[0.0, 0.2], [0.0, 0.0]]
    system = dk.catalog.piecewise_linear([[1.0, 0.0], [0.5, 0.5]], hinges, weights, c=[push, 0.0])
    manifold = dk.trace_slow_manifold(system, [[-2.0, -3.0], [2.0, 2.0], [0.5, 0.5]])
    x, y = manifold.states.T
    assert x.min() < -0.4 < 1.5 < x.max()
    slope = np.where(x > 0, 1.0, 5 / 3)
    assert_allclose(y, slope * x - 2 * slope * push, atol=1e-9)


def test_a_ring_is_the_same_in_other_coordinates():
    """The map turned into five dimensions by an orthogonal matrix, with three more modes that die out."""
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    inner = ring(1e-3, 2)

    def step(x):
        z = x @ torch.from_numpy(Q)
        return torch.cat([inner.step(z[:, :2]), 0.3 * z[:, 2:]], 1) @ torch.from_numpy(Q).T

    def jacobian(x):
        J = torch.zeros(len(x), 5, 5).double()
        J[:, :2, :2], J[:, 2:, 2:] = inner.jacobian((x @ torch.from_numpy(Q))[:, :2]), 0.3 * torch.eye(3)
        return torch.from_numpy(Q) @ J @ torch.from_numpy(Q).T

    starts = np.concatenate([around(), np.zeros((20, 3))], 1) @ Q.T
    manifold = dk.trace_slow_manifold(dk.FunctionSystem(step, 5, jacobian=jacobian), starts)
    assert manifold.closed
    assert_allclose(manifold.length, 2 * np.pi, rtol=1e-5)
    assert_allclose(manifold.states @ Q[:, 2:], 0, atol=1e-12)
    assert len(manifold.fixed_points) == 4


def test_a_saved_manifold_comes_back(tmp_path):
    manifold = dk.trace_slow_manifold(ring(1e-3, 2), around())
    manifold.save(tmp_path)
    assert dk.load(tmp_path) == manifold


AXES = dk.Projection.onto(np.eye(2), ["x", "y"])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: dk.trace_slow_manifold(s, np.zeros((2, 3))), "starts must have shape"),
        (lambda s: dk.trace_slow_manifold(s, [[np.nan, 0.0]]), "starts must hold at least one finite state"),
        (lambda s: dk.trace_slow_manifold(s, around(), separation=0.5), "separation must be"),
        (lambda s: dk.trace_slow_manifold(s, around(), max_points=1), "max_points must be at least 2"),
        (lambda s: dk.trace_slow_manifold(s, around(), drive=np.zeros((2, 0))), "drive must be one vector"),
        (
            lambda s: traced_ring().responses(np.zeros((1, 2))),
            "directions must have shape",
        ),
        (lambda s: traced_ring().integrate(np.zeros((4, 1))), "inputs must have shape"),
        (lambda s: traced_ring().locate(np.zeros((4, 3))), "states must have shape"),
        (lambda s: traced_ring()[:0].locate([[0.0, 1.0]]), "at least 1 of the curve's"),
        (lambda s: traced_ring()[:0].integrate(np.zeros((4, 0))), "at least 1 of the"),
        (lambda s: dk.plots.plot_slow_manifold(traced_ring()[:1], AXES), "at least 2"),
        (lambda s: dk.trace_slow_manifold(torch.nn.GRU(1, 2), around()), r"see dk\.as_system"),
    ],
)
def test_bad_arguments_are_named(ask, message):
    with pytest.raises(InputError, match=message):
        ask(ring())


def test_a_network_without_a_slow_mode_says_so():
    with pytest.raises(NumericalError, match="no slow curve"):
        dk.trace_slow_manifold(dk.catalog.rotation(0.1, 0.9), [[1.0, 0.0], [0.0, 1.0]])


def test_states_are_located_in_the_memory_of_their_distances():
    line = dk.trace_slow_manifold(
        dk.catalog.linear(np.diag([1.0] + [0.2] * 49)), np.eye(50)[:1] * [[-1.0], [1.0]]
    )
    states = np.random.default_rng(0).normal(size=(500, 4, 50)) * 0.1
    tracemalloc.start()
    along, off = line.locate(states)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 8 * 2000 * len(line)  # bytes: not once more for each unit
    assert_allclose(off, np.linalg.norm(states[..., None, :] - line.states, axis=-1).min(axis=-1))
    assert_allclose(along, line.locate(np.eye(50)[0] * states[..., :1])[0], atol=1e-12)


# --- the dimension before the shape ------------------------------------------------------------------------


def scattered(n: int, size: int = 80) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(size, n))


def creeping(z: torch.Tensor) -> torch.Tensor:
    """radius -> 1, angle' = angle + .001 sin(3 angle): of each plane of the last axis."""
    size, angle = z.norm(dim=-1), torch.atan2(z[..., 1], z[..., 0])
    return (1 + 0.3 * (size - 1))[..., None] * _unit(angle + 1e-3 * torch.sin(3 * angle))


def torus(z: torch.Tensor) -> torch.Tensor:
    return torch.cat([creeping(z[..., :2]), creeping(z[..., 2:])], -1)


def sphere(z: torch.Tensor) -> torch.Tensor:
    """|y| -> 1 in three dimensions, creeping along the gradient of z^2 + x^2 / 2; two more that die out."""
    size = z[..., :3].norm(dim=-1, keepdim=True)
    y = z[..., :3] / size
    pull = y * torch.tensor([1.0, 0.0, 2.0])
    creep = 0.002 * (pull - (pull * y).sum(-1, keepdim=True) * y)
    return torch.cat([y * (1 + 0.5 * (size - 1)) + creep, 0.4 * z[..., 3:]], -1)


def plane_field(z: torch.Tensor) -> torch.Tensor:
    return torch.stack([-0.001 * z[..., 0], 0 * z[..., 1], -z[..., 2]], -1)


@pytest.mark.parametrize("size", [3, 80], ids=["few", "many"])
@pytest.mark.parametrize(
    "system",
    [
        dk.FunctionSystem(torus, 4),
        dk.FunctionSystem(sphere, 5),
        dk.catalog.linear(np.diag([1.0, 1.0, 0.5, 0.3])),
        dk.Flow(plane_field, 3, dt=0.1),
    ],
    ids=["torus", "sphere", "plane", "plane of a flow"],
)
def test_what_is_slow_in_two_dimensions_is_refused_by_name(system, size):
    with pytest.raises(NumericalError, match=rf"the slow set has dimension 2 at \d+ of {size} states"):
        dk.trace_slow_manifold(system, scattered(system.state_size, size))


def test_a_space_of_three_slow_dimensions_is_named_too():
    with pytest.raises(NumericalError, match="the slow set has dimension 3 at 80 of 80 states"):
        dk.trace_slow_manifold(dk.catalog.linear(np.diag([1.0, 0.999, 1.0, 0.4])), scattered(4))


def test_a_ring_and_a_line_among_more_units_are_of_one_dimension():
    ringed = dk.FunctionSystem(lambda z: torch.cat([creeping(z[..., :2]), 0.3 * z[..., 2:]], -1), 4)
    manifold = dk.trace_slow_manifold(ringed, scattered(4))
    assert manifold.closed
    assert_allclose(manifold.length, 2 * np.pi, rtol=1e-3)
    assert (len(manifold.fixed_points), manifold.n_settled, manifold.n_beside) == (6, 80, 0)
    line = dk.trace_slow_manifold(dk.catalog.linear(np.diag([1.0, 0.5, 0.5, 0.3])), scattered(4))
    assert not line.closed
    assert "beside" not in line.headline()


def test_of_two_lines_one_is_traced_and_the_states_on_the_other_are_counted():
    """x stays, y -> the nearer root of tanh(4 y) = y."""
    system = dk.FunctionSystem(
        lambda z: torch.stack([z[..., 0], z[..., 1] + 0.4 * (torch.tanh(4 * z[..., 1]) - z[..., 1])], -1), 2
    )
    starts = np.random.default_rng(0).uniform(-2, 2, (80, 2))
    manifold = dk.trace_slow_manifold(system, starts)
    side = np.sign(manifold.states[0, 1])
    assert_allclose(manifold.states[:, 1], manifold.states[0, 1], atol=1e-9)
    assert manifold.n_beside == (np.sign(starts[:, 1]) != side).sum()
    assert manifold.headline().endswith(f"{manifold.n_beside} of 80 settled states lie beside it")


def test_of_a_line_with_a_branch_the_states_on_the_branch_are_counted():
    """Downhill on (x y)^2 / (x^2 + y^2): both axes are lines of rest that cross."""

    def step(z):
        x, y = z[..., 0], z[..., 1]
        size = x * x + y * y + 1e-3
        share = (x * y) ** 2 / size
        return z - 0.8 / size[..., None] * torch.stack([x * (y * y - share), y * (x * x - share)], -1)

    starts = np.random.default_rng(0).uniform(-2, 2, (80, 2))
    system = dk.FunctionSystem(step, 2)
    manifold = dk.trace_slow_manifold(system, starts)
    on_x_axis = np.abs(manifold.states[:, 1]).max() < np.abs(manifold.states[:, 0]).max()
    assert_allclose(manifold.states[:, int(on_x_axis)], 0, atol=1e-6)
    assert 20 < manifold.n_beside < 80
    assert "settled states lie beside it" in manifold.headline()


def test_modes_and_states_that_disagree_are_told_apart():
    """A cat map, which fills its square, with one more unit that hardly moves and one that dies out."""

    def step(z):
        x, y = z[..., 0], z[..., 1]
        turn = torch.stack([1.9 * torch.sin(2 * x + y), 1.9 * torch.sin(x + 1.5 * y)], -1)
        return torch.cat([turn, 0.9999 * z[..., 2:]], -1)

    with pytest.raises(
        NumericalError, match=r"disagree: one mode is slow at \d+ of 80 states, .* fill \d dim"
    ):
        dk.trace_slow_manifold(dk.FunctionSystem(step, 3), scattered(3))


def wave(height: float, number: float) -> dk.System:
    """A line of fixed points y = height sin(number x), which everything falls onto by half at each step."""

    def step(z):
        x, y = z.unbind(-1)
        return torch.stack([x, (y + height * torch.sin(number * x)) / 2], -1)

    def jacobian(z):
        across = number * height * torch.cos(number * z[:, 0]) / 2
        rows = [torch.ones_like(across), torch.zeros_like(across), across, torch.full_like(across, 0.5)]
        return torch.stack(rows, -1).unflatten(-1, (2, 2))

    return dk.FunctionSystem(step, 2, jacobian=jacobian)


LEVEL = np.stack([np.linspace(-1, 1, 9), np.zeros(9)], 1)


def test_a_wavy_line_is_followed_to_its_ends_and_one_of_a_thousand_waves_is_left_with_the_reason():
    system = wave(0.05, 6.0)
    manifold = dk.trace_slow_manifold(system, LEVEL)
    assert_allclose(manifold.states[:, 1], 0.05 * np.sin(6 * manifold.states[:, 0]), atol=1e-12)
    assert manifold.ends == ("left the range of the starts",) * 2
    curled = dk.trace_slow_manifold(wave(1e-3, 3e3), LEVEL)
    assert {end[:31] for end in curled.ends} == {"only tiny steps follow it: it t"}
    assert len(curled) < 80


def test_no_more_steps_are_tried_than_the_budget_says(monkeypatch):
    calls, correct = [], SlowCurve.correct
    monkeypatch.setattr(SlowCurve, "correct", lambda *args: calls.append(1) or correct(*args))
    monkeypatch.setattr(slow_curve, "PATIENCE", 10**6)
    dk.trace_slow_manifold(wave(1e-3, 3e3), LEVEL, max_points=2)
    few = len(calls)
    curled = dk.trace_slow_manifold(wave(1e-3, 3e3), LEVEL, max_points=30)
    assert len(calls) - 2 * few <= 2 * 2 * (30 - 2)
    assert set(curled.ends) <= {"max_points was reached", "the budget of 2 max_points trial steps was spent"}


def test_a_slow_mode_that_turns_as_it_goes_takes_no_more_points_than_one_that_does_not():
    """x' = .8 x and w' = .5 w for w = y - 3 x^2: steps of Newton alone, blind to the turning, need 160 points."""

    def step(z):
        x, w = 0.8 * z[..., 0], 0.5 * (z[..., 1] - 3 * z[..., 0] ** 2)
        return torch.stack([x, w + 3 * x**2], -1)

    x = np.linspace(-1, 1, 9)
    manifold = dk.trace_slow_manifold(dk.FunctionSystem(step, 2), np.stack([x, 3 * x**2], 1), separation=1.5)
    assert len(manifold) < 40
    assert manifold.ends == ("not slow: the drift outruns the contraction",) * 2
    moves = step(torch.tensor(manifold.states)).numpy() - manifold.states
    assert_allclose(moves, manifold.drift[:, None] * manifold.right, atol=1e-10)
