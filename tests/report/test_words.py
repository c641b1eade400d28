"""What a report says in words, on networks about which the right sentence is known beforehand."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import dynakit as dk

N_STEPS = 12


def one_input(step, state_size, *, readout=None):
    return dk.FunctionSystem(step, state_size, 1, argument_order="state, input", readout=readout)


def pushed(signs):
    """A task whose trials begin with a push to the side that each sign says; its memory is the sign of the readout."""
    inputs = np.zeros((len(signs), N_STEPS, 1))
    inputs[:, 0, 0] = 3.0 * np.array(signs)
    targets = np.repeat(np.sign(inputs[:, :1]), N_STEPS, axis=1)
    return dk.tasks.from_arrays(inputs, targets)


def lines_of(report, start):
    return [line.strip() for line in report.summary().splitlines() if line.strip().startswith(start)]


def flipping_on_the_right():
    """x' = tanh(2 x + u), y' = -(1 + x) tanh(y): on the left a stable point, on the right one of multiplier -1.957.

    What the right side keeps, it keeps by a cycle of period 2.
    """

    def step(x, u):
        a, b = x[:, :1], x[:, 1:]
        return torch.cat([torch.tanh(2 * a + u), -(1 + a) * torch.tanh(b + u)], dim=1)

    return one_input(step, 2, readout=lambda x: x[:, :1])


@pytest.mark.parametrize(
    ("signs", "said"),
    [
        ([-1] * 199 + [1], "NOT SHOWN. 100 % of 200 released states keep their memory"),
        ([-1] * 20 + [1] * 20, "NOT SHOWN. 100 % of 40 released states keep their memory"),
    ],
)
def test_one_memory_with_a_fixed_point_and_one_without_is_no_yes(signs, said):
    """Also where so few states hold the other that nearly all have come to rest."""
    report = dk.analyze(flipping_on_the_right(), pushed(signs), include=["attractors"])
    assert report.memory.kept_at_end == 1
    assert report.attractors.n_memories == 1
    assert said in report.summary()
    assert "YES" not in report.summary()


def test_two_memories_with_a_fixed_point_each_are_a_yes():
    system = one_input(lambda x, u: torch.tanh(2 * x + u), 1)
    report = dk.analyze(system, pushed([-1] * 199 + [1]), include=["attractors"])
    assert "YES. 200 states from the ends of trials were left alone" in report.summary()
    assert "each of the 2 memories has a stable fixed point of its own" in report.summary()


def test_a_no_says_which_memory_is_lost_where_most_of_its_states_keep_it():
    """Above a half all rests at 1, below 0 all at -1, and between them a state sinks by 0.001 a step."""

    def step(x, u):
        x = x + u
        return torch.where(x > 0.5, 1.0, torch.where(x > 0, x - 0.001, -1.0)).to(x)

    report = dk.analyze(one_input(step, 1), pushed([1] * 9 + [0.1] + [-1] * 10), include=["attractors"])
    assert report.memory.kept_at_end == 0.95
    said = " ".join(report.summary().split())
    assert "only 95 % still say the same (most states of each memory do; of “+”, the weakest, 90 %)" in said


def test_a_yes_says_that_states_said_something_else_on_the_way():
    """The second unit counts down from 50 after the push; while it is above 20 and below 30 the readout is reversed."""

    def step(x, u):
        left = torch.where(u.abs() > 1, 50.0, (x[:, 1:] - 1).clamp_min(0))
        return torch.cat([torch.tanh(2 * x[:, :1] + u), left], dim=1)

    turned = lambda x: x[:, :1] * torch.where((x[:, 1:] > 20) & (x[:, 1:] < 30), -1.0, 1.0)  # noqa: E731
    report = dk.analyze(one_input(step, 2, readout=turned), pushed([-1] * 3 + [1] * 3), include=["attractors"])
    said = " ".join(report.summary().split())
    assert "YES." in said
    assert "On the way, 6 states said something else, for up to 9 steps." in said


def turning(radius_of, turns):
    """A map of the plane that turns by ``turns`` a step and changes the radius as told; its input moves both axes."""
    a = 2 * np.pi * turns
    R = torch.tensor([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]], dtype=torch.float64)

    def step(x, u):
        x = x + 0.3 * u
        r = x.norm(dim=1, keepdim=True)
        return radius_of(r) * x @ R.T / r.clamp_min(1e-300)

    return one_input(step, 2, readout=lambda x: x[:, :1])


def decaying(r):
    """A stable circle at radius 1 of transverse multiplier 0.6."""
    return r + 0.2 * r * (1 - r**2)


def test_multipliers_of_a_circle_are_per_step():
    report = dk.analyze(turning(decaying, (np.sqrt(5) - 1) / 20), pushed([-1, 1]), include=["cycles"])
    assert report.cycles.kinds.tolist() == ["invariant circle"]
    (line,) = lines_of(report, "attractor 0")
    assert "multipliers 0.6 per step" in line
    assert "per period" not in line


def test_multipliers_of_a_periodic_orbit_are_per_period():
    """x' = 1 - 1.1 x^2 has the 2-cycle x + y = 1 / 1.1, multiplier 4 (1 - 1.1) = -0.4."""
    report = dk.analyze(one_input(lambda x, u: 1 - 1.1 * (x + 0.1 * u) ** 2, 1), pushed([-1, 1]), include=["cycles"])
    assert report.cycles.periods.tolist() == [2]
    (line,) = lines_of(report, "attractor 0")
    assert "period 2 steps" in line
    assert "multipliers 0.4 per period" in line
    assert "per step" not in line


def test_what_does_not_attract_is_called_no_attractor():
    """Under a quarter turn, which no rounding disturbs, every orbit has period 4, and none of them attracts."""
    quarter = lambda x, u: torch.stack([-x[:, 1] - 0.3 * u[:, 0], x[:, 0] + 0.3 * u[:, 0]], dim=1)  # noqa: E731
    report = dk.analyze(one_input(quarter, 2), pushed([-1, 1]), include=["cycles"])
    assert set(report.cycles.periods.tolist()) == {4}
    assert "attracting" not in report.cycles.verdicts
    listed = lines_of(report, "object")
    assert len(listed) == len(report.cycles)
    assert all(re.match(r"object \d+: cycle, (?!attracting)\w+", line) for line in listed)
    assert not lines_of(report, "attractor")


def test_a_flow_is_spoken_of_in_its_own_time():
    """dx/dt = -x + tanh(2 x + 3 u) with a time constant of 1 / 0.834 at its two stable points."""
    field = lambda x, u: torch.tanh(2 * x + 3 * u) - x  # noqa: E731
    slope = 2 * (1 - 0.957504**2) - 1  # at the stable points, per unit of time
    flow = dk.Flow(field, 1, 1, dt=0.1, argument_order="state, input", time_unit="s")
    report = dk.analyze(flow, dk.tasks.FlipFlop(n_bits=1, pulse_width=20, n_steps=200), include=["modes", "attractors"])
    assert report.fixed_points["rest"].dynamics == report.modes.dynamics == "flow"
    text = report.summary()
    assert "max |f(x)| = " in text
    assert f"  slowest mode at the stable points: time constant {-1 / slope:.3g} s" in text.splitlines()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of a closed loop and of a network that answers."""
    loop = dk.analyze(
        dk.models.Elman(2, 8, 2),
        dk.tasks.Cycles.seeing_double(radius=1.0, n_steps=60),
        include=["modes", "trajectories", "projection"],
    )
    answers = dk.analyze(
        dk.models.Elman(1, 3, 1), dk.tasks.FlipFlop(n_bits=1), include=["modes", "trajectories", "projection"]
    )
    found = []
    for report in (loop, answers):
        folder = tmp_path_factory.mktemp("page")
        report.save(folder)
        found.append((report, (folder / "report.html").read_text()))
    return found


@pytest.mark.parametrize(
    ("figure", "of_loop", "of_answers"),
    [
        (
            "phase_portrait",
            "the fixed points and the flow of the closed loop",
            "Trajectories, fixed points at rest and their unstable directions",
        ),
        (
            "spectrum",
            "Eigenvalues of the Jacobian of the closed loop at each of its fixed points",
            "Eigenvalues of the Jacobian at each fixed point at rest",
        ),
        (
            "trials",
            "the next point of the orbit is predicted from the true last one",
            "targets (dotted where they do not count) and the network's outputs",
        ),
    ],
)
def test_captions_say_whether_the_network_hears_itself(pages, figure, of_loop, of_answers):
    (loop, its_page), (answers, other_page) = pages
    assert figure in loop.figures
    assert figure in answers.figures
    plain, other = (re.sub(r"\s+", " ", page).replace("&#39;", "'") for page in (its_page, other_page))
    assert of_loop in plain
    assert of_answers not in plain
    assert of_answers in other
    assert of_loop not in other
