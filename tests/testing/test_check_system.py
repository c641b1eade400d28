"""Each clause of a system's contract finds what breaks it, and nothing else does."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from torch import Tensor, nn

import dynakit as dk
from dynakit.systems import Bounds, System
from dynakit.systems.rate_form import RateForm
from dynakit.testing.case import Case
from dynakit.testing.contract import Broken
from dynakit.testing.differences import differences
from dynakit.testing.systems import CLAUSES

W = torch.tensor([[0.9, -0.4], [0.6, 0.7]], dtype=torch.float64)
B = torch.tensor([[1.0], [-0.5]], dtype=torch.float64)


class Right(System):
    """x' = tanh(W x + B u), read out as the square of the first unit; everything in closed form."""

    def __init__(self) -> None:
        super().__init__(2, 1, output_size=1, parts={"a": slice(0, 1), "b": slice(1, 2)}, name="map")
        self.W, self.B, self.calls, self.count = W.clone(), B.clone(), 0, torch.zeros(())

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.tanh(x @ self.W.mT + u @ self.B.mT)

    def _slopes(self, x: Tensor, u: Tensor) -> Tensor:
        return 1 - torch.tanh(x @ self.W.mT + u @ self.B.mT)[..., None] ** 2

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self._slopes(x, u) * self.W

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self._slopes(x, u) * self.B

    def _observe(self, x: Tensor) -> Tensor:
        return x[..., :1] ** 2

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        return torch.stack([2 * x[..., :1], torch.zeros_like(x[..., :1])], -1)

    def _box(self, inputs: Bounds) -> Bounds:
        one = torch.ones(2, dtype=torch.float64)
        return Bounds(-1.5 * one, 1.5 * one)

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        return {"W": self.W.numpy().copy()}

    def single_precision(self) -> System:
        twin = copy.copy(self)
        twin.W, twin.B, twin.dtype = self.W.float(), self.B.float(), torch.float32
        return twin


def broken(**methods: Callable[..., object]) -> System:
    """The map with some of its methods replaced."""
    return type("Wrong", (Right,), methods)()


def form_of(shift: float) -> Callable[[Right], RateForm]:
    """The equation of the map's fixed points, with another bias."""
    return lambda self: RateForm(self.W, self.B, torch.full((2,), shift).double(), "tanh", of_currents=False)


def saying(**attributes: object) -> System:
    """The map with some of its attributes replaced."""
    system = Right()
    vars(system).update(attributes)
    return system


def hinged(**methods: Callable[..., object]) -> System:
    """A ReLU network with some of its methods replaced."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = dk.as_system(dk.models.Elman(1, 2, 1, activation="relu"))
    system.__class__ = type("Wrong", (type(system),), methods)
    return system


def alternating(self, x, u):
    self.calls ^= 1
    return Right._step(self, x, u) * (1 + self.calls * 5e-16)


def counting(self, x, u):
    self.count += 1
    return Right._step(self, x, u)


def drawing(self, x, u):
    torch.rand(1)
    return Right._step(self, x, u)


def drawing_numpy(self, x, u):
    np.random.random()  # noqa: NPY002
    return Right._step(self, x, u)


def mixing(self, x, u):
    y = Right._step(self, x, u)
    return y + 1e-10 * y.nanmean(0) if len(y) else y


def spreading(self, x, u):
    y = Right._step(self, x, u)
    return y * torch.nan if torch.isnan(y).any() else y


def flattening(self, x, u=None):
    y = Right.step(self, x, u)
    return y.reshape(-1, 2) if y.shape[:2] == (2, 2) and y.ndim == 3 else y


def overwriting(self, x0, inputs):
    states = Right.trajectory(self, x0, inputs)
    if isinstance(inputs, Tensor):
        inputs.zero_()
    return states


def twice_the_gradient(self, x, u):
    y = Right._step(self, x, u)
    return 2 * y - y.detach()


def detached_step(self, x, u=None):
    return Right.step(self, x, u).detach()


def other_twin(self):
    twin = Right.single_precision(self)
    twin.W = 1.1 * twin.W
    return twin


def too_narrow(self, x, u=None, radius=0.0):
    return Right.jacobian_bounds(self, x, u)


def wrong_pieces(self, u):
    right = super(type(self), self)._pieces(u)
    return right._replace(c=right.c + 1e-3)


def wrong_readout(self):
    right = super(type(self), self).readout_pieces()
    return right._replace(p=right.p + 1e-3)


CASES = {
    "a grid is flattened": (
        "shapes",
        lambda: broken(step=flattening),
        r"step of states \(2, 2, 2\) has shape \(4, 2\), expected \(2, 2, 2\)",
    ),
    "a start in single precision": (
        "shapes",
        lambda: broken(initial_state=lambda self: torch.zeros(2)),
        "initial_state is torch.float32, expected torch.float64",
    ),
    "every other call is another": (
        "repeatable",
        lambda: broken(_step=alternating),
        "step gives another answer the second time, by",
    ),
    "inputs are written into": ("arguments", lambda: broken(trajectory=overwriting), "writes into its input"),
    "a global generator": ("generators", lambda: broken(_step=drawing), "generator of torch was drawn from"),
    "NumPy's": ("generators", lambda: broken(_step=drawing_numpy), "generator of numpy was drawn from"),
    "calls are counted": ("weights", lambda: broken(_step=counting), "changes count of the system"),
    "rows influence each other": (
        "batch",
        lambda: broken(_step=mixing),
        "step of a batch of states differs from that of the same one by one",
    ),
    "a NaN spreads": ("neighbours", lambda: broken(_step=spreading), "step lets a NaN in one row"),
    "twice the speed": (
        "speed",
        lambda: broken(speed=lambda self, x, u=None: 2 * Right.speed(self, x, u)),
        "speed is not half",
    ),
    "a trajectory that starts a step late": (
        "trajectory",
        lambda: broken(trajectory=lambda self, x, i: Right.trajectory(self, Right.step(self, x), i)),
        "trajectory is not the step taken again and again, from step 0 on",
    ),
    "a step too many": (
        "settle",
        lambda: broken(settle=lambda self, x, u=None, n_steps=9: Right.settle(self, x, u, n_steps + 1)),
        "settle over 3 steps",
    ),
    "a transposed Jacobian": (
        "jacobian",
        lambda: broken(
            _jacobian=lambda self, x, u: self._slopes(x, u) * self.W.mT, enclosure=lambda *_: None, step=detached_step
        ),
        r"dF/dx is not what differences give: entry \[(0, 1|1, 0)\] is ",
    ),
    "no input": (
        "input_jacobian",
        lambda: broken(_input_jacobian=lambda self, x, u: 0 * self._slopes(x, u) * self.B),
        r"dF/du is not what differences give: entry \[[01], 0\] is 0 at state",
    ),
    "half the slope of a readout": (
        "observe_jacobian",
        lambda: broken(_observe_jacobian=lambda self, x: 0.5 * Right._observe_jacobian(self, x)),
        r"d observe / dx is not what differences give: entry \[0, 0\]",
    ),
    "twice the gradient": ("gradient", lambda: broken(_step=twice_the_gradient), "gradient that runs through step"),
    "half of J Q": (
        "jvp",
        lambda: broken(jvp=lambda self, x, u, Q: 0.5 * Right.jvp(self, x, u, Q)),
        "jvp is not the Jacobian times the directions",
    ),
    "a Newton step backwards": (
        "newton_step",
        lambda: broken(newton_step=lambda self, x, u, r: System.newton_step(self, x, u, -r)),
        "newton_step does not solve",
    ),
    "a Newton step given up": (
        "newton_step",
        lambda: broken(newton_step=lambda self, x, u, r: (0 * r, torch.zeros(len(r), dtype=torch.bool))),
        "newton_step gives up on equations",
    ),
    "bounds at a point for those of a ball": (
        "jacobian_bounds",
        lambda: broken(jacobian_bounds=too_narrow),
        r"within 0.001 of state \d, outside its bounds",
    ),
    "smooth, said to be piecewise linear": (
        "regularity",
        lambda: saying(regularity="piecewise_linear"),
        "its Jacobian is not constant",
    ),
    "a negative distance": (
        "kinks",
        lambda: broken(_kinks=lambda self, x, u: -x.norm(dim=1)),
        "kinks must be a distance of at least 0",
    ),
    "a twin with other weights": ("single_precision", lambda: broken(single_precision=other_twin), "is another map"),
    "a twin in double precision": (
        "single_precision",
        lambda: broken(single_precision=lambda self: self),
        "answers step in torch.float64",
    ),
    "a box that is left": (
        "box",
        lambda: broken(_box=lambda self, inputs: Bounds(-0.01 * torch.ones(2).double(), 0.01 * torch.ones(2).double())),
        r"states leave the box: unit [01] is .* after 1 step, outside \[-0.01, 0.01\]",
    ),
    "an empty box": (
        "box",
        lambda: broken(_box=lambda self, inputs: Bounds(*torch.zeros(2, 2).double())),
        "box must have lo < hi",
    ),
    "pieces that are shifted": ("pieces", lambda: hinged(_pieces=wrong_pieces), "do not give the step, but differ by"),
    "pieces of a readout": ("pieces", lambda: hinged(readout_pieces=wrong_readout), "pieces of the readout do not"),
    "an equation of other fixed points": (
        "rate_form",
        lambda: broken(rate_form=form_of(0.1)),
        r"states at rest do not solve z = W f\(z\) \+ W_in u \+ b, but are off by",
    ),
    "no equation and no reason": ("rate_form", lambda: broken(rate_form=lambda self: ""), "or in words why there is"),
    "a unit in two parts": (
        "parts",
        lambda: saying(parts={"a": slice(0, 2), "b": slice(1, 2)}),
        "parts must cover each of the 2 values of the state once",
    ),
    "readouts with a gap": ("parts", lambda: saying(readouts={"actor": slice(0, 0)}), "readouts must cover each"),
    "weights that are no matrix": (
        "recurrent_weights",
        lambda: broken(recurrent_weights=lambda self: {"W": self.B.numpy().copy()}),
        r"recurrent_weights\['W'\] must be a square float64 matrix, got float64 of \(2, 1\)",
    ),
    "weights that are the map's own": (
        "recurrent_weights",
        lambda: broken(recurrent_weights=lambda self: {"W": self.W.numpy()}),
        r"recurrent_weights\['W'\] is no copy",
    ),
    "weights that are not finite": (
        "recurrent_weights",
        lambda: broken(recurrent_weights=lambda self: {"W": np.full((2, 2), np.nan)}),
        "must be finite",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_clause_finds_what_breaks_it_and_no_other_does(name):
    clause, make, said = CASES[name]
    with pytest.raises(dk.ContractError, match=said) as caught:
        dk.testing.check_system(make())
    assert list(caught.value.failures) == [clause]
    assert str(caught.value).count("\n") == 1


def test_every_clause_has_a_system_that_breaks_it():
    assert {clause for clause, _, _ in CASES.values()} == set(CLAUSES)


def test_the_equation_of_its_fixed_points_is_kept():
    assert "rate_form" in dk.testing.check_system(broken(rate_form=form_of(0.0))).checked


def test_what_is_right_keeps_every_clause():
    said = dk.testing.check_system(Right())
    assert set(said.checked) | set(said.skipped) == set(CLAUSES)
    assert said.skipped == {
        "regularity": "the map does not say that it is made of linear pieces",
        "pieces": "the map has no linear pieces that are known",
    }
    assert repr(said) == "Contract(map: 23 clauses kept; not asked: regularity, pieces)"
    said = dk.testing.check_system(hinged())
    assert {"regularity", "pieces"} <= set(said.checked)
    assert said.skipped == {"box": "the map has no invariant box that is known"}


def test_all_that_is_broken_is_told_at_once():
    wrong = broken(speed=lambda self, x, u=None: 2 * Right.speed(self, x, u), single_precision=other_twin)
    wrong.parts = {}
    with pytest.raises(AssertionError) as caught:
        dk.testing.check_system(wrong)
    assert list(caught.value.failures) == ["speed", "single_precision", "parts"]
    lines = str(caught.value).split("\n  ")
    assert lines[0] == "map breaks 3 of 25 clauses"
    assert [line.split(":")[0] for line in lines[1:]] == ["speed", "single_precision", "parts"]


def test_what_fails_for_one_reason_is_told_once():
    def fails(self, x, u):
        raise RuntimeError("no\nway")

    with pytest.raises(dk.ContractError, match=r"shapes, repeatable, .*: raised RuntimeError: no way") as caught:
        dk.testing.check_system(broken(_step=fails))
    assert set(caught.value.failures.values()) == {"raised RuntimeError: no way"}


def test_a_map_that_jumps_is_not_asked_for_slopes():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        said = dk.testing.check_system(dk.models.LIF(2, 4, 1))
    assert said.skipped["jacobian"] == "the map is discontinuous and has no Jacobian"
    assert {"jvp", "newton_step", "jacobian_bounds", "gradient"} <= said.skipped.keys()
    assert {"shapes", "repeatable", "batch", "generators"} <= set(said.checked)


def test_a_surrogate_derivative_is_no_slope():
    class Surrogate(torch.autograd.Function):
        @staticmethod
        def forward(ctx, v):
            return (v > 0).to(v)

        @staticmethod
        def backward(ctx, g):
            return 0.3 * g

    spikes = dk.FunctionSystem(lambda x: 0.9 * x - 0.5 * Surrogate.apply(x), 3)
    with pytest.raises(dk.ContractError, match=r"jacobian: dF/dx is not what differences give: entry .* 0.9"):
        dk.testing.check_system(spikes)


def test_a_network_is_taken_as_as_system_takes_it():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.GRU(3, 4)
    before = copy.deepcopy(net.state_dict())
    said = dk.testing.check_system((net, nn.Linear(4, 2).requires_grad_(False)), seed=3)
    assert said.subject == "GRU"
    assert said.provenance.seed == 3
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
    with pytest.raises(dk.InputError, match="bidirectional"):
        dk.testing.check_system(nn.GRU(3, 4, bidirectional=True))


def test_states_and_drives_may_be_given():
    root = dk.FunctionSystem(lambda x, u: torch.sqrt(x) + u, 1, 1, argument_order="state, input")
    nowhere = dk.testing.check_system(root, [[-1.0], [-2.0]])
    assert nowhere.skipped["jacobian"] == (
        "at none of the states is the map finite and away from its kinks; give other states"
    )
    assert "jacobian" in dk.testing.check_system(root, [[1.0], [2.0]], drives=[0.5]).checked
    bad = [([[1.0, 2.0]], None, "states"), ([[np.nan]], None, "states"), ([1.0], [[0.0], [1.0]], "drives must be one")]
    for states, drives, said in bad:
        with pytest.raises(dk.InputError, match=said):
            dk.testing.check_system(root, states, drives=drives)
    with pytest.raises(dk.InputError, match="n_states"):
        dk.testing.check_system(root, n_states=0)


def test_states_at_a_kink_have_no_slope_to_compare():
    relu = dk.FunctionSystem(lambda x: torch.relu(x) - 0.5, 1)
    assert "jacobian" in dk.testing.check_system(relu).checked
    assert "away from its kinks" in dk.testing.check_system(relu, [[0.0]]).skipped["jacobian"]


def test_the_same_is_said_again_and_kept():
    first, again = (dk.testing.check_system(Right(), seed=5) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_differences_are_as_good_as_they_say(scale):
    """exp(k x): its slope is known, and rounding rises with its values."""
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    got, doubt = differences(lambda x: scale * torch.exp(3 * x), x, torch.eye(1, dtype=torch.float64))
    truth = 3 * scale * torch.exp(3 * x)[..., None]
    error = (got - truth).abs()
    assert bool((error < 1e-10 * truth).all())
    assert bool((error < 100 * doubt + 1e-12 * truth).all())


def test_a_kink_near_by_spoils_no_difference():
    x = torch.tensor([[3e-5], [2e-3], [-3e-5]], dtype=torch.float64)
    got, _ = differences(torch.relu, x, torch.eye(1, dtype=torch.float64))
    assert_array_equal(got.flatten().round(decimals=9), [1.0, 1.0, 0.0])


def test_wide_maps_are_looked_at_along_random_directions():
    A = 0.1 * torch.randn(40, 40, generator=torch.Generator().manual_seed(0)).double()
    dense = dk.catalog.linear(A)
    assert "jacobian" in dk.testing.check_system(dense).checked
    wrong = A.clone()
    wrong[7, 31] += 1e-4
    one_off = dk.FunctionSystem(lambda x: x @ A.T, 40, jacobian=lambda x: wrong.expand(len(x), -1, -1))
    with pytest.raises(dk.ContractError, match="row 7 along a random direction") as caught:
        dk.testing.check_system(one_off)
    assert "jacobian" in caught.value.failures


def test_a_network_that_is_changed_by_being_asked_is_named():
    net = nn.BatchNorm1d(2)

    def updating(self, x, u):
        net.running_mean += 1
        return Right._step(self, x, u)

    x, u = torch.ones(1, 2, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    with pytest.raises(Broken, match="being asked changes running_mean of the network given"):
        CLAUSES["weights"](Case(broken(_step=updating), x, u, 0, net))
