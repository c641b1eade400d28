"""Complex, selective and minimal cells: their one fixed point is that of division by hand, said to be the only one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.fixed_points.layered import only_point

from .linear_cells import LRU, S4D, Blocks, Mamba, MinimalGRU, MinimalLSTM

U = torch.tensor([0.7, -0.4], dtype=torch.float64)
KINDS = {"LRU": LRU, "S4D": S4D, "Mamba": Mamba, "minGRU": MinimalGRU, "minLSTM": MinimalLSTM}


def blocks(kind: type, **sizes: int) -> Blocks:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = Blocks(kind, **sizes)
        with torch.no_grad():
            for name, p in network.named_parameters():
                if not name.endswith("A_imag"):
                    p += 0.1 * torch.randn_like(p)  # of equal eigenvalues half the digits would be lost
        return network


def flat(states: object) -> np.ndarray:
    """As the system has it: tensors one after the other, of a complex one first all real parts."""
    if isinstance(states, (list, tuple)):
        return np.concatenate([flat(s) for s in states])
    values = states.detach().numpy().ravel()
    return np.concatenate([values.real, values.imag]) if np.iscomplexobj(values) else values


def both_of_pairs(values: torch.Tensor) -> np.ndarray:
    values = values.detach().numpy()
    return np.concatenate([values, values.conj()]) if np.iscomplexobj(values) else values


@pytest.mark.parametrize("name", KINDS)
def test_two_layers_rest_where_division_by_hand_says(name: str) -> None:
    network = blocks(KINDS[name])
    system = dk.as_system(network, step="step")
    points = dk.find_fixed_points(system, drive=U)
    assert points.only
    assert (len(points), points.completeness, points.certified.tolist()) == (1, "numerically verified", [True])
    wide = network._apply(lambda t: t.to(torch.complex128 if t.is_complex() else torch.float64))
    states, eigenvalues = wide.by_hand(U)
    assert_allclose(points.states[0], flat(states), rtol=1e-9, atol=1e-12)
    expected = np.concatenate([both_of_pairs(v) for v in eigenvalues])
    zero = np.abs(expected) == 0  # a line of delays: eigenvalues that rounding moves by its third root
    found = np.sort_complex(points.eigenvalues[0])
    found = found[np.argsort(-np.abs(found), kind="stable")][: (~zero).sum()]
    assert_allclose(np.sort(np.abs(found)), np.sort(np.abs(expected[~zero])), rtol=1e-9)
    assert_allclose(np.sort(found.real), np.sort(expected[~zero].real), rtol=1e-8, atol=1e-10)


def test_layers_of_which_some_units_hear_nothing_are_solved_as_others() -> None:
    """In S4D each channel's first number is real: nothing reaches its imaginary part, in whatever layer."""
    system = dk.as_system(blocks(S4D), step="step")
    J = system.jacobian(torch.zeros(system.state_size, dtype=torch.float64), U)
    heard = (J - torch.diag(torch.diagonal(J)) != 0).any(1)
    assert not heard[system.parts["1.im"]][::2].any()  # units of the second layer
    assert dk.find_fixed_points(system, drive=U).only


def test_states_written_over_have_the_derivatives_of_differences() -> None:
    system = dk.as_system(blocks(Mamba), step="step")
    x = torch.linspace(-1, 1, system.state_size, dtype=torch.float64)
    eye, h = torch.eye(system.state_size, dtype=torch.float64), 1e-6
    differences = (system.step(x + h * eye, U) - system.step(x - h * eye, U)).T / (2 * h)
    assert_allclose(system.jacobian(x, U), differences, atol=1e-8)
    bounds = system.jacobian_bounds(x, U, 1e-6)
    assert bool(((bounds.lo - 1e-8 <= differences) & (differences <= bounds.hi + 1e-8)).all())


class Rotation(torch.nn.Module):
    """z' = e^(i phase) z + u with a state of one complex number."""

    def __init__(self, phase: float) -> None:
        super().__init__()
        self.turn = torch.nn.Parameter(torch.polar(torch.ones(1), torch.tensor([phase])))

    def init_state(self, batch: int) -> torch.Tensor:
        return torch.zeros(batch, 1, dtype=torch.cfloat)

    def step(self, u: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return self.turn / self.turn.abs() * z + u


def test_the_centre_of_a_rotation_is_the_only_point_and_marginal() -> None:
    points = dk.find_fixed_points(dk.as_system(Rotation(0.7), step="step", input_size=1), drive=[1.0])
    centre = 1 / (1 - np.exp(0.7j))
    assert_allclose(points.states[0], [centre.real, centre.imag], atol=1e-6)  # the phase is a float32
    assert points.only
    assert points.verdicts.tolist() == ["marginal"]


@pytest.mark.parametrize("drive", [0.0, 1.0], ids=["all states rest", "none rests"])
def test_where_nothing_turns_no_point_is_said_to_be_the_only_one(drive: float) -> None:
    points = dk.find_fixed_points(
        dk.as_system(Rotation(0.0), step="step", input_size=1), drive=[drive], max_starts=100
    )
    assert not points.only
    assert points.completeness == "unknown"
    assert set(points.verdicts) <= {"marginal"}


class GateHearsItself(MinimalGRU):
    """Affine as far as can be seen from nearby, or nearly."""

    gain, beyond = 1e-3, 0.0

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden, gate = self.to_hidden_and_gate(x).chunk(2, dim=-1)
        gate = gate + self.gain * torch.relu(state - self.beyond)
        out = torch.lerp(state, positive_of(hidden), gate.sigmoid())
        return out, out


def positive_of(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.softplus(x, threshold=50)


class GateHearsItselfFromAfar(GateHearsItself):
    gain, beyond = 1.0, 50.0


class GateHearsItselfHardly(GateHearsItself):
    gain, beyond = 1e-14, -10.0


class TurnsFasterFurtherOut(LRU):
    def eigenvalues(self, heard: torch.Tensor) -> torch.Tensor:
        return super().eigenvalues(heard) * self.factor

    def forward(self, u: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.factor = 1 + torch.relu(state.abs() - 50)
        return super().forward(u, state)


UNLIKE = (GateHearsItself, GateHearsItselfFromAfar, GateHearsItselfHardly, TurnsFasterFurtherOut)


@pytest.mark.parametrize("kind", UNLIKE, ids=[kind.__name__ for kind in UNLIKE])
def test_gates_that_hear_the_state_leave_it_open_how_many_points_there_are(kind: type) -> None:
    system = dk.as_system(blocks(kind, layers=1), step="step")
    assert only_point(system, U) is None
