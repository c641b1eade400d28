"""Networks whose own code takes the step are taken by it, where it does what their forward does."""

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk

from ..members import K, M, N, seeded


class LowRank(nn.Module):
    """Nothing but parameters, a step and a readout that are methods, and no size by name."""

    def __init__(self):
        super().__init__()
        self.wi, self.wo = nn.Parameter(torch.zeros(M, N)), nn.Parameter(torch.zeros(N, K))
        self.m, self.n = nn.Parameter(torch.zeros(N, 2)), nn.Parameter(torch.zeros(N, 2))

    def one_step(self, h, u, noise=None):
        h = h + 0.2 * (-h + torch.tanh(h) @ self.n @ self.m.T + u @ self.wi)
        return h if noise is None else h + noise

    def readout(self, h):
        return torch.tanh(h) @ self.wo

    def forward(self, x):
        h, out = torch.zeros(len(x), N), []
        for u in x.unbind(1):
            h = self.one_step(h, u)
            out.append(self.readout(h))
        return torch.stack(out, 1)


class Rates(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden_size, self.input_size = N, M
        self.into, self.recurrent = nn.Linear(M, N), nn.Linear(N, N)

    def recurrence(self, x, hidden):
        return 0.8 * hidden + 0.2 * torch.tanh(self.into(x) + self.recurrent(hidden))


class ReturnsItsStates(nn.Module):
    """Time first; outputs, and the states beside them."""

    def __init__(self):
        super().__init__()
        self.rnn, self.fc = Rates(), nn.Linear(N, K)

    def forward(self, x):
        h, states = torch.zeros(x.shape[1], N), []
        for u in x:
            h = self.rnn.recurrence(u, h)
            states.append(h)
        return self.fc(torch.stack(states)), torch.stack(states)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (LowRank, "LowRank.one_step with readout 'readout'"),
        (ReturnsItsStates, "rnn.recurrence with readout 'fc'"),
    ],
)
def test_a_step_and_its_readout_are_found_and_compared(build, said):
    model = seeded(build)
    system = dk.as_system(model)
    assert said in repr(system)
    assert system.compared >= 20
    x = torch.randn(4, 30, M)
    theirs = model(x) if build is LowRank else model(x.transpose(0, 1))[0].transpose(0, 1)
    ours = dk.record(model, x, time_axis=1).outputs
    assert_allclose(ours, theirs.detach(), atol=1e-5)


class Tutorial(nn.Module):
    """Input and state in one matrix, a method that makes the first state, and no size of the input anywhere."""

    def __init__(self, width=K):
        super().__init__()
        self.hidden_size = N
        self.i2h, self.h2o = nn.Linear(M + N, N), nn.Linear(N, width)

    def init_hidden(self, batch_size=1):
        return torch.full((batch_size, N), 0.1)

    def forward(self, input, hidden):
        hidden = torch.tanh(self.i2h(torch.cat((input, hidden), 1)))
        return self.h2o(hidden), hidden


class TutorialLoop(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = Tutorial()

    def forward(self, x):
        hidden, out = self.rnn.init_hidden(len(x)), []
        for u in x.unbind(1):
            y, hidden = self.rnn(u, hidden)
            out.append(y)
        return torch.stack(out, 1)


class RepeatsItsStart(nn.Module):
    """A learned first state that is repeated for each trial, so that no batch of states can take its place."""

    def __init__(self):
        super().__init__()
        self.W, self.U, self.fc = nn.Linear(M, N), nn.Linear(N, N), nn.Linear(N, K)
        self.h0 = nn.Parameter(torch.rand(1, N))

    def forward(self, x):
        h, out, states = self.h0.repeat(len(x), 1), [], []
        for u in x.unbind(1):
            h = 0.8 * h + 0.2 * torch.tanh(self.W(u) + self.U(h))
            out.append(self.fc(h))
            states.append(h)
        return torch.stack(out, 1), torch.stack(states, 1)


class TwoStepsOfInput(TutorialLoop):
    def forward(self, x):
        return super().forward(x + torch.nn.functional.pad(x, (0, 0, 1, 0))[:, :-1])


@pytest.mark.parametrize(
    ("build", "outputs"), [(TutorialLoop, lambda y: y), (RepeatsItsStart, lambda y: y[0])]
)
def test_a_first_state_that_is_not_zero_is_where_trials_start(build, outputs):
    model = seeded(build)
    system, x = dk.as_system(model), torch.randn(4, 30, M)
    assert system.compared >= 20
    assert system.initial_state().all()
    ours = system.observe(system.trajectory(system.initial_state(), x.double()))
    assert_allclose(ours, outputs(model(x)).detach(), atol=1e-5)


def test_a_forward_of_one_step_is_the_step():
    model = seeded(Tutorial)
    system = dk.as_system(model)
    x, u = torch.rand(4, N), torch.rand(4, M)
    y, h = model(u, x)
    assert_allclose(system.step(x, u), h.detach(), atol=1e-6)
    assert_allclose(system.observe(h.detach()), y.detach(), atol=1e-6)
    assert_allclose(system.initial_state(), 0.1)
    assert dk.record(model, torch.rand(2, 5, M)).outputs.shape == (2, 5, K)


def test_what_decides_is_asked_of_a_forward_that_is_the_step():
    class Unclear(Tutorial):
        def init_hidden(self, batch_size=1):
            return torch.zeros(batch_size, N)

    with pytest.raises(
        dk.InputError, match=r"\(Unclear\): 0 and 1 .*form=dk.Form\(returned=.1.\)"
    ):
        dk.as_system(seeded(lambda: Unclear(width=N)))


def test_inputs_of_two_steps_are_no_step():
    with pytest.raises(dk.InputError, match="its forward takes no first state"):
        dk.as_system(seeded(TwoStepsOfInput))


def test_one_of_two_layers_is_chosen_by_name():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.GRU(M, N, batch_first=True), nn.LSTM(M, N, batch_first=True)
            self.fc, self.v = nn.Linear(N, K), nn.Linear(N, 1)

        def forward(self, x):
            return self.fc(self.a(x)[0]), self.v(self.b(x)[0])

    model, x = seeded(Both), torch.randn(4, 30, M)
    for core, place in (("a", 0), ("b", 1)):
        system = dk.as_system(model, core=core)
        ours = system.observe(system.trajectory(system.initial_state(), x.double()))
        assert_allclose(ours, model(x)[place].detach(), atol=1e-5)
    with pytest.raises(
        dk.InputError, match=r"core=.c. is no part of model .*, which holds a"
    ):
        dk.as_system(model, core="c")
    with pytest.raises(dk.InputError, match="without step="):
        dk.as_system(model, core="a", step="forward")


def test_layers_in_a_row_are_the_layers_one_after_another():
    a, b, fc = (
        seeded(lambda: nn.GRU(M, N, batch_first=True)),
        seeded(lambda: nn.LSTM(N, 4)),
        seeded(lambda: nn.Linear(4, K)),
    )
    x = torch.randn(20, 3, M)
    theirs = fc(b(a(x.transpose(0, 1))[0].transpose(0, 1))[0]).transpose(0, 1)
    for system in (dk.as_system([a, b, fc]), dk.as_system([a, b], readout=fc)):
        assert list(system.parts) == ["h", "layer2.h", "layer2.c"]
        ours = system.observe(system.trajectory(system.initial_state(), x.transpose(0, 1).double()))
        assert_allclose(ours, theirs.detach(), atol=1e-5)
    with pytest.raises(dk.InputError, match=r"model\[1\] takes 7 inputs, but model\[0\] hands on 5"):
        dk.as_system([a, nn.GRU(7, 2)])


def test_readouts_side_by_side_are_each_of_them():
    class Policy(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.actor = nn.GRU(M, N, batch_first=True), nn.Linear(N, K)
            self.critic = nn.Sequential(nn.Linear(N, 4), nn.Tanh(), nn.Linear(4, 1))

        def forward(self, x):
            h = self.rnn(x)[0]
            return self.actor(h), self.critic(h)

    model, h = seeded(Policy), torch.randn(4, N)
    for critic in ("critic", "actor"):
        system = dk.as_system(model, readout={"action": "actor", "value": critic})
        both = torch.cat([model.actor(h), getattr(model, critic)(h)], 1)
        assert_allclose(system.observe(h), both.detach(), atol=1e-6)
        assert system.readouts == {"action": slice(0, K), "value": slice(K, both.shape[1])}
        assert_allclose(system.observe_jacobian(h).shape, (4, both.shape[1], N))
    with pytest.raises(dk.InputError, match="readout='judge' is not an attribute"):
        dk.as_system(model, readout={"value": "judge"})


def test_compiled_and_parallel_modules_are_looked_behind():
    model = seeded(RepeatsItsStart)
    system, behind = dk.as_system(model), dk.as_system(nn.DataParallel(model))
    x = torch.rand(3, N, dtype=torch.float64)
    assert torch.equal(system.step(x), behind.step(x))
