"""What a form says of a user's own step: against the same network as a LeakyRNN, and where the step says otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError
from dynakit.models import LeakyRNN

N, M = 4, 1
TIMES = (40.0, 60.0, 100.0, 400.0)  # ms
STEPS = {
    "current": lambda x, W, drive, f, a: x + a * (f(x) @ W.T + drive - x),
    "rate": lambda x, W, drive, f, a: (1 - a) * x + a * f(x @ W.T + drive),
    "rectified": lambda x, W, drive, f, a: f((1 - a) * x + a * (x @ W.T + drive)),
}


class Own(nn.Module):
    """A leaky cell as people write it."""

    def __init__(self, alpha=0.2, form="current", f=torch.tanh):
        super().__init__()
        self.hidden_size, self.input_size, self.alpha, self.form, self.f = N, M, alpha, form, f
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.into, self.rec = nn.Linear(M, N), nn.Linear(N, N, bias=False)
            self.rec.weight.data = 1.6 * torch.randn(N, N) / N**0.5
        self.register_buffer("mask", (torch.arange(N * N).reshape(N, N) % 5 > 0).float())

    def step(self, input, hidden):
        return STEPS[self.form](hidden, self.rec.weight, self.into(input), self.f, self.alpha)

    def masked(self, input, hidden):
        return STEPS[self.form](hidden, self.acting(), self.into(input), self.f, self.alpha)

    def acting(self):
        return self.rec.weight * self.mask

    def wrong_way(self, input, hidden):
        return STEPS[self.form](hidden, self.rec.weight.T, self.into(input), self.f, self.alpha)

    def turned(self):
        return self.rec.weight.T

    def velocity(self, input, hidden):  # per ms
        return (torch.tanh(hidden) @ self.rec.weight.T + self.into(input) - hidden) / 100


class Holder(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.hidden_size, self.input_size = Own(), N, M

    def recurrence(self, input, hidden):
        return self.cell.step(input, hidden)


def twin(own: Own, tau, form: str = "current") -> LeakyRNN:
    """The same network as a model of this package."""
    model = LeakyRNN(M, N, N, dt=20.0, tau=tau, form=form, activation="tanh").double()
    with torch.no_grad():
        model.W_rec.copy_(own.rec.weight)
        model.W_in.copy_(own.into.weight)
        model.b_rec.copy_(own.into.bias)
    return model


@pytest.mark.parametrize("form", ["current", "rate"])
@pytest.mark.parametrize("tau", [100.0, TIMES], ids=["one tau", "a tau per unit"])
def test_a_leaky_cell_of_ones_own_says_what_the_same_leaky_network_says(form, tau):
    alpha = 20.0 / torch.tensor(tau).double()
    own = Own(alpha, form)
    model = twin(own, tau, form)
    theirs = dk.as_system(model)
    for said in ({"alpha": alpha.tolist()}, {"tau": tau}):
        ours = dk.as_system(own, step="step", dt=20.0, form=dk.Form(weights="rec", **said))
        assert_allclose(ours.alpha, theirs.alpha, rtol=1e-14)
        assert_allclose(ours.recurrent_weights()["rec"], theirs.recurrent_weights()["W_rec"], rtol=0)
    points = dk.find_fixed_points(theirs, max_starts=50)
    a, b = (dk.linearize(system, points) for system in (ours, theirs))
    assert a.flow_verdicts.tolist() == b.flow_verdicts.tolist()
    assert_allclose(np.sort(a.flow_time_constants_ms), np.sort(b.flow_time_constants_ms), rtol=1e-9)
    assert_allclose(np.sort_complex(a.flow_eigenvalues), np.sort_complex(b.flow_eigenvalues), atol=1e-11)
    ours_flow, theirs_flow = dk.as_flow(ours, dt=1.0), dk.as_flow(theirs, dt=1.0)
    x = torch.randn(5, N, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert_allclose(ours_flow.rhs(x), theirs_flow.rhs(x), atol=1e-15)
    assert_allclose(ours_flow.step(x), theirs_flow.step(x), atol=1e-14)
    assert (ours_flow.time_unit, ours_flow.dt) == ("ms", 1.0)


def test_without_a_dt_times_are_in_time_constants():
    own = Own()
    system = dk.as_system(own, step="step", form=dk.Form(alpha=0.2))
    flow, x = dk.as_flow(system), torch.full((N,), 0.3, dtype=torch.float64)
    assert (flow.time_unit, flow.dt) == ("tau", 0.2)
    assert_allclose(flow.rhs(x), 100 * dk.as_flow(twin(own, 100.0)).rhs(x), atol=1e-13)
    modes = dk.linearize(system, [[0.0] * N])
    assert modes.flow_time_constants_ms is None
    assert_allclose(modes.flow_eigenvalues, (modes.eigenvalues - 1) / 0.2)


def test_a_velocity_has_its_time_constants_within():
    """The flow of ``rhs`` has the eigenvalues of (W diag(f') - 1) / tau."""
    own = Own()
    flow = dk.as_system(own, step="velocity", dt=20.0, form=dk.Form(right_hand_side=True, weights=("rec",)))
    W = own.rec.weight.detach().double().numpy()
    mu = np.linalg.eigvals((W * (1 - np.tanh(0.3) ** 2) - np.eye(N)) / 100)
    modes = dk.linearize(flow, [[0.3] * N])
    assert (modes.dynamics, flow.flow() is not None) == ("flow", True)
    assert_allclose(np.sort_complex(modes.eigenvalues[0]), np.sort_complex(mu), atol=1e-14)
    assert_allclose(np.sort(modes.time_constants[0]), np.sort(-1 / mu.real), rtol=1e-10)
    assert_allclose(flow.recurrent_weights()["rec"], W, rtol=0)
    for said in ({"alpha": 0.2}, {"tau": 100.0}):
        with pytest.raises(InputError, match=f"form.{next(iter(said))} is of a step .* leave {next(iter(said))} out"):
            dk.Form(right_hand_side=True, **said)


@pytest.mark.parametrize(
    ("model", "step", "name"),
    [
        (Own, "step", "rec"),
        (Own, "step", "rec.weight"),
        (Own, "masked", "acting"),
        (Own, "wrong_way", "turned"),
        (Holder, "recurrence", "cell.rec"),
        (Holder, "cell.step", "cell.rec.weight"),
        (Holder, "cell.step", "rec"),
    ],
)
def test_recurrent_matrices_are_named_wherever_they_are(model, step, name):
    """J = (1 - a) + a W diag(f'(x)) says which matrix acts."""
    system = dk.as_system(model(), step=step, form=dk.Form(weights=(name,)))
    W = system.recurrent_weights()[name]
    J = system.jacobian([[0.0] * N])[0].numpy()  # tanh' = 1 there
    assert_allclose(W, (J - 0.8 * np.eye(N)) / 0.2, atol=1e-12)
    W[:] = 0.0
    assert system.recurrent_weights()[name].any()


def test_gates_below_each_other_are_recurrent_matrices_each():
    cell = nn.GRUCell(M, N)
    cell.step = cell.forward
    found = dk.as_system(nn.ModuleDict({"cell": cell}), step="cell.forward", form=dk.Form(weights=("weight_hh",)))
    expected = dk.as_system(nn.GRUCell(M, N)).recurrent_weights()
    assert list(found.recurrent_weights()) == [f"weight_hh[{k}]" for k in range(len(expected))]
    assert_allclose(found.recurrent_weights()["weight_hh[2]"], cell.weight_hh[2 * N :].detach(), rtol=0)


def test_the_report_shows_the_matrix_that_was_named():
    task = dk.tasks.FlipFlop(n_bits=1, n_steps=12)
    own = Own()
    system = dk.as_system(own, step="step", dt=20.0, readout=nn.Linear(N, 1), form=dk.Form(tau=100.0, weights=("rec",)))
    report = dk.analyze(system, task, include=("connectivity",))
    W = own.rec.weight.detach().double().numpy()
    assert report.connectivity.name == "rec"
    assert_allclose(report.connectivity.spectral_radius, np.abs(np.linalg.eigvals(W)).max(), rtol=1e-12)
    assert_allclose(report.connectivity.in_strength, dk.graph_statistics(W).in_strength)


@pytest.mark.parametrize("form", ["current", "rate"])
@pytest.mark.parametrize("f", [torch.tanh, torch.relu, torch.sigmoid, nn.functional.softplus])
def test_an_alpha_that_the_step_belies_is_refused_and_the_true_one_said(f, form):
    own = Own(0.2, form, f)
    assert dk.as_system(own, step="step", form=dk.Form(alpha=0.2)).alpha == 0.2
    with pytest.raises(InputError, match=r"keeps 0.5, but this one keeps 0.8 of unit \d.*dk.Form\(alpha=0.2\)"):
        dk.as_system(own, step="step", form=dk.Form(alpha=0.5))
    with pytest.raises(InputError, match=r"form.tau .with dt. says .* leave form.tau out"):
        dk.as_system(own, step="step", dt=10.0, form=dk.Form(tau=100.0))
    each = torch.tensor([0.2, 0.2, 0.2, 0.7])
    uneven = Own(each, form, f)
    assert_allclose(dk.as_system(uneven, step="step", form=dk.Form(alpha=each)).alpha, each)
    with pytest.raises(InputError, match="of unit 3"):
        dk.as_system(uneven, step="step", form=dk.Form(alpha=0.2))


def test_maps_that_are_no_euler_steps_are_told_from_leaks():
    with pytest.raises(InputError, match=r"keeps 0 of unit 0.*; to have it as the map it is, leave form.alpha out"):
        dk.as_system(Own(0.2, "rectified"), step="step", form=dk.Form(alpha=0.2))
    with pytest.raises(InputError, match="no step x"):
        dk.as_system(nn.GRUCell(M, N), step="forward", form=dk.Form(alpha=0.2))


def test_what_never_saturates_is_taken_at_its_word():
    for f in (torch.sin, lambda x: 0.3 * x):  # there is no telling one alpha from another
        for alpha in (0.2, 0.5):
            assert dk.as_system(Own(0.2, "rate", f), step="step", form=dk.Form(alpha=alpha)).alpha == alpha


def test_the_flow_of_a_cell_of_ones_own_has_a_box_for_its_own_steps():
    """A box that F maps into itself holds averages of x and F: steps of at most the cell's own."""
    system = dk.as_system(Own(0.2, "rate"), step="step", dt=20.0, form=dk.Form(tau=100.0))
    own, longer = (dk.as_flow(system, dt=dt, method="euler") for dt in (20.0, 40.0))
    assert system.box() is not None
    assert own.box() is not None
    assert longer.box() is None
    x = torch.rand(2000, N, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    start = own.box().lo + x * (own.box().hi - own.box().lo)
    after = own.step(start)
    assert bool(((after >= own.box().lo) & (after <= own.box().hi)).all())


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"alpha": 1.5}, "form.alpha must be at most 1"),
        ({"alpha": [0.1, 0.0]}, r"form.alpha\[1\] must be a finite number in \(0, inf\), got 0"),
        ({"alpha": []}, "form.alpha must be a number or one per unit of the state, got none"),
        ({"alpha": "fast"}, "form.alpha must be a number, got 'fast'"),
        ({"alpha": [0.1] * 3}, "form.alpha must be a number or 4 numbers, one per unit of the state, got 3"),
        ({"tau": [100.0] * 3}, "form.tau must be a number or 4 numbers"),
        ({"tau": [100.0, 100.0, 100.0, 10.0]}, "dt must not exceed form.tau, got 20 > 10"),
        ({"weights": ("nothing",)}, "names 'nothing', which is no attribute of Own"),
        ({"weights": ("into",)}, r"names 'into', which must be a square matrix .* got \(4, 1\)"),
        ({"weights": ("into.bias",)}, r"names 'into.bias', which must be a square matrix .* got \(4,\)"),
        ({"weights": ("wrong_way",)}, "a method that fails without arguments"),
        ({"weights": ("turned",)}, r"acts as its transpose, \(pre, post\): name a method that returns it"),
    ],
)
def test_what_cannot_be_meant_is_named(form, message):
    with pytest.raises(InputError, match=message):
        dk.as_system(Own(), step="step", dt=20.0, form=dk.Form(**form))


class Adapting(nn.Module):
    """A rate and the slower adaptation that holds it down, by name."""

    def step(self, u, state):
        x, a = state["x"], state["a"]
        return {"x": x + 0.2 * (torch.tanh(1.8 * x - 0.7 * a + u) - x), "a": a + 0.01 * (x - a)}


def test_parts_of_a_state_may_leak_each_at_its_own_pace():
    """tau_x dx = tanh(1.8 x - 0.7 a) - x and tau_a da = x - a at the origin, with tau of 100 and 2000 ms."""
    start = lambda n: {"x": torch.zeros(n, 1), "a": torch.zeros(n, 1)}  # noqa: E731
    form = dk.Form(state=start, tau=(100.0, 2000.0))
    system = dk.as_system(Adapting(), step="step", dt=20.0, input_size=1, form=form)
    mu = np.linalg.eigvals(np.array([[0.8, -0.7], [1.0, -1.0]]) / [[100.0], [2000.0]])
    modes = dk.linearize(system, [[0.0, 0.0]])
    assert list(system.parts) == ["x", "a"]
    assert_allclose(np.sort(modes.flow_time_constants_ms[0]), np.sort(-1 / mu.real), rtol=1e-10)
    assert_allclose(modes.flow_eigenvalues[0].max(), mu.max() * 1050, rtol=1e-10)  # in units of the mean tau
    with pytest.raises(InputError, match=r"keeps 0\.99, but this one keeps 0\.8 of unit 0"):
        dk.as_system(Adapting(), step="step", input_size=1, form=dk.Form(state=start, alpha=(0.01, 0.2)))
