"""Networks as a newcomer hands them over: heads side by side, lists of states, counters, noise of NumPy, no forward.

What is known before: a plain loop over the network's own code, or the call that a refusal names, which is then made.
"""

import re
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError

from ..members import seeded

N, I = 6, 3


class AllStates(nn.Module):
    """Noise while it is trained; a first state may be given; outputs and the states of all steps come back."""

    def __init__(self, time_first=False):
        super().__init__()
        self.W, self.J = nn.Parameter(torch.randn(I, N)), nn.Parameter(0.8 * torch.randn(N, N))
        self.out, self.dt, self.time_axis = nn.Parameter(torch.randn(N, 2)), 0.2, 0 if time_first else 1

    def forward(self, u, x0=None):
        x = torch.zeros(u.shape[1 - self.time_axis], N) if x0 is None else x0
        outputs, states = [], []
        for v in u.unbind(self.time_axis):
            x = x + self.dt * (-x + torch.tanh(x) @ self.J.T + v @ self.W)
            if self.training:
                x = x + 0.1 * torch.randn_like(x)
            outputs.append(torch.tanh(x) @ self.out)
            states.append(x)
        return torch.stack(outputs, self.time_axis), torch.stack(states, self.time_axis)


@pytest.mark.parametrize("time_first", [False, True])
def test_a_forward_that_returns_the_states_of_all_steps_is_stepped_from_the_state_it_is_given(time_first):
    net = seeded(lambda: AllStates(time_first))
    system = dk.as_system(net)
    inputs = torch.randn(4, 25, I, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = net.eval()(inputs.transpose(0, 1) if time_first else inputs)
    outputs, states = (v.transpose(0, 1) if time_first else v for v in theirs)
    record = dk.record(system, inputs)
    assert_allclose(record.outputs, outputs, atol=1e-5)
    assert_allclose(record.states, states, atol=1e-5)
    assert dk.find_fixed_points(system, max_starts=16, seed=0).certified.all()


class TwoHeads(nn.Module):
    """A policy whose first output is squashed; its second is linear, and would be found first."""

    def __init__(self):
        super().__init__()
        self.encoder, self.rnn = nn.Linear(I, 5), nn.LSTM(5, N, batch_first=True)
        self.policy, self.value = nn.Linear(N, 2), nn.Linear(N, 1)

    def forward(self, x, hidden=None):
        states, hidden = self.rnn(torch.relu(self.encoder(x)), hidden)
        return torch.softmax(self.policy(states), -1), self.value(states), hidden


def test_of_outputs_of_several_heads_the_first_is_the_output():
    net = seeded(TwoHeads)
    inputs = torch.randn(4, 25, I, generator=torch.Generator().manual_seed(0))
    record = dk.record(net, inputs)
    assert_allclose(record.outputs, net(inputs)[0].detach(), atol=1e-6)
    both = dk.as_system(net, readout={"policy": "policy", "value": "value"})
    assert_allclose(dk.record(both, inputs).outputs[..., both.readouts["value"]], net(inputs)[1].detach(), atol=1e-6)


class ListOfStates(nn.Module):
    """Two layers that step a list; a single tensor in its place would be read row by row, without an error."""

    def __init__(self):
        super().__init__()
        self.hidden_size, self.input_size = N, I
        self.first, self.cells = nn.Linear(I, N), nn.ModuleList(nn.GRUCell(N, N) for _ in range(2))

    def step(self, x, hs):
        x, after = self.first(x), []
        for cell, h in zip(self.cells, hs):
            x = cell(x, h)
            after.append(x)
        return x, after


def test_a_list_of_states_is_found_out():
    net = seeded(ListOfStates)
    system = dk.as_system(net, step="step")
    assert system.state_size == 2 * N
    inputs = torch.randn(4, 10, I, generator=torch.Generator().manual_seed(0))
    hs, ours = [torch.zeros(4, N)] * 2, dk.record(system, inputs)
    for t, u in enumerate(inputs.unbind(1)):
        _, hs = net.step(u, hs)
        assert_allclose(ours.states[:, t], torch.cat(hs, 1).detach(), atol=1e-6)


class WithState(nn.Module):
    def __init__(self, **more):
        super().__init__()
        self.hidden_size, self.input_size, self.more = N, I, more
        self.W, self.U = nn.Linear(I, N), nn.Linear(N, N)

    def init_state(self, n):
        return {"h": torch.zeros(n, N), **self.more}

    def step(self, x, state):
        h = torch.tanh(self.W(x) + self.U(state["h"]))
        if "t" in state:
            h, state = h * (1.0 if state["t"] % 2 == 0 else 0.5), {**state, "t": state["t"] + 1}
        return h, {**state, "h": h}


@pytest.mark.parametrize("more", [{"t": 0}, {"t": torch.tensor(0)}, {"t": torch.tensor(0.0)}, {"mode": "fast"}])
def test_what_is_no_state_of_each_trial_is_refused_by_name_and_never_guessed(more):
    net, name = seeded(lambda: WithState(**more)), next(iter(more))
    with pytest.raises(InputError, match=f"part '{name}' of the state"):
        dk.as_system(net, step="step")


class Warns(WithState):
    """Its state is a dictionary, and it warns where it is handed a tensor."""

    def step(self, x, state):
        if isinstance(state, torch.Tensor):
            warnings.warn("a tensor is read as a dictionary", stacklevel=1)
        return super().step(x, state)


def test_looking_for_a_state_says_nothing():
    net = seeded(Warns)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert dk.as_system(net, step="step").state_size == N
    assert not said


class DrawsByNumPy(nn.Module):
    def __init__(self, draw):
        super().__init__()
        self.hidden_size, self.input_size, self.draw = N, I, draw
        self.W, self.U, self.out = nn.Linear(I, N), nn.Linear(N, N), nn.Linear(N, 2)

    def recurrence(self, input, hidden):
        return torch.tanh(self.W(input) + self.U(hidden)) + self.draw(hidden)

    def forward(self, x):
        h, outputs = torch.zeros(len(x), N), []
        for u in x.unbind(1):
            h = self.recurrence(u, h)
            outputs.append(self.out(h))
        return torch.stack(outputs, 1)


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda h: torch.from_numpy(np.random.randn(*h.shape)).to(h), "called again, though torch draws nothing"),  # noqa: NPY002
        (lambda h: torch.rand_like(h), "draws from torch.rand_like"),
    ],
)
@pytest.mark.parametrize("step", [None, "recurrence"])
def test_draws_without_a_mean_are_what_is_told_whether_the_step_is_named_or_found(draw, told, step):
    with pytest.raises(InputError, match=f"step='recurrence' of model .*{told}.*no mean map"):
        dk.as_system(DrawsByNumPy(draw), step=step)


class NoForward(nn.Module):
    """Methods for the two heads, and no forward."""

    def __init__(self):
        super().__init__()
        self.fc, self.lstm = nn.Linear(I, N), nn.LSTM(N, N, batch_first=True)
        self.pi_head, self.v_head = nn.Linear(N, 2), nn.Linear(N, 1)

    def pi(self, x, hidden):
        x, hidden = self.lstm(torch.relu(self.fc(x)).view(-1, 1, N), hidden)
        return torch.softmax(self.pi_head(x), 2), hidden

    def v(self, x, hidden):
        return self.v_head(self.lstm(torch.relu(self.fc(x)).view(-1, 1, N), hidden)[0])


def test_without_a_forward_the_step_to_name_is_named():
    net = seeded(NoForward)
    with pytest.raises(InputError, match="no forward to be compared with") as refused:
        dk.as_system(net)
    system = eval(re.search(r"dk\.as_system\(.*\)", str(refused.value))[0], {"dk": dk, "model": net})
    inputs, hidden = torch.randn(4, 8, I, generator=torch.Generator().manual_seed(0)), None
    record = dk.record(system, inputs)
    for t, u in enumerate(inputs.unbind(1)):
        outputs, hidden = net.pi(u, hidden)
        assert_allclose(record.outputs[:, t], outputs[:, 0].detach(), atol=1e-6)


class OverAllTime(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.GRU(I, N, batch_first=True), nn.Linear(N, 2)

    def forward(self, x):
        states = self.rnn(x)[0]
        return self.fc(states - states.mean(1, keepdim=True))


class Placed(OverAllTime):
    def forward(self, x):
        return self.fc(self.rnn(x + torch.arange(x.shape[1])[:, None])[0])


@pytest.mark.parametrize(("build", "start"), [(OverAllTime, "its states are those of"), (Placed, "its own; ")])
def test_the_call_that_takes_what_there_is_comes_before_what_would_have_to_be_written(build, start):
    net = seeded(build)
    with pytest.raises(InputError) as refused:
        dk.as_system(net)
    told = str(refused.value)
    call = re.search(r"dk\.as_system\(.*?\)(?=;| takes)", told)[0]
    assert told.index(start) < told.index(call) < told.index("write one step")
    system = eval(call, {"dk": dk, "model": net})
    inputs = torch.randn(4, 8, I, generator=torch.Generator().manual_seed(0))
    assert_allclose(dk.record(system, inputs).states, net.rnn(inputs)[0].detach(), atol=1e-6)


def test_a_class_is_no_network():
    with pytest.raises(InputError, match=r"model is the class GRU: hand over a network that is made of it"):
        dk.as_system(nn.GRU)


class NoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden_size, self.U = N, nn.Linear(N, N)

    def step(self, h):
        return torch.tanh(self.U(h))


def test_a_step_without_inputs_is_told_what_to_say():
    net = seeded(NoInputs)
    with pytest.raises(InputError, match=r"pass input_size= \(0 for a step without inputs\)"):
        dk.as_system(net, step="step")
    assert dk.as_system(net, step="step", input_size=0).input_size == 0
