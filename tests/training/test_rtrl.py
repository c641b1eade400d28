"""Gradients carried forward, cut short, or whole: they agree where they must, and differ by what was cut."""

import copy

import pytest
import torch

from dynakit.errors import InputError, ResourceError
from dynakit.models import GRU, LSTM, Elman, FullyConnected, LeakyRNN, Reservoir
from dynakit.seeding import stream
from dynakit.tasks import FlipFlop
from dynakit.training import BPTT, RTRL, TBPTT, train
from dynakit.training.descent import Moment
from dynakit.training.sensitivity import General, Layered

TASK = FlipFlop(n_bits=2, n_steps=50)
TRIALS = TASK.sample(3, seed=1)
KINDS = {
    "Elman": lambda: Elman(2, 8, 2),
    "Elman, ReLU": lambda: Elman(2, 8, 2, activation="relu"),
    "fully connected": lambda: FullyConnected(2, 8, 2, activation="tanh", scale=0.6),
    "fully connected, no bias": lambda: FullyConnected(2, 8, 2, activation="tanh", scale=0.6, bias=False),
    "LSTM": lambda: LSTM(2, 5, 2),
    "LSTM, peepholes": lambda: LSTM(2, 5, 2, peepholes=True),
    "GRU": lambda: GRU(2, 5, 2),
    "leaky, Dale": lambda: LeakyRNN(2, 10, 2, dale="abs", autapses=False),
    "leaky, rates": lambda: LeakyRNN(2, 8, 2, form="rate", activation="softplus"),
    "reservoir": lambda: Reservoir(2, 20, 2),
}


def gradient(model, method, trials=TRIALS):
    model.zero_grad(set_to_none=True)
    (step,) = method.steps(model, TASK, trials, Moment(0, torch.Generator()))
    return step, torch.cat([p.grad.flatten() for p in model.parameters()])


def off(found, wanted):
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("kind", KINDS)
def test_forward_and_backward_gradients_are_one(kind):
    model = KINDS[kind]().double()
    penalised = {"l2_rate": 0.1, "l1_weight": 0.01}
    back, wanted = gradient(model, BPTT(**penalised))
    forth, found = gradient(model, RTRL(**penalised))
    assert off(found, wanted) < 1e-10
    assert forth.loss == pytest.approx(back.loss, rel=1e-12)
    assert torch.allclose(forth.outputs, back.outputs, atol=1e-12)


@pytest.mark.parametrize("kind", ["Elman", "fully connected"])
def test_the_layered_step_is_the_general_one(kind):
    model = KINDS[kind]().double()
    general, layered = General(model, 4), Layered(model, 4)
    x = y = torch.zeros(4, 8, dtype=torch.float64)
    for u in torch.randn(20, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)):
        x, y = general.advance(x, u), layered.advance(y, u)
    order = [next(i for i, p in enumerate(general.parameters) if p is q) for q in layered.parameters]
    parts = general.J.split([p.numel() for p in general.parameters], dim=2)
    assert torch.allclose(torch.cat([parts[i] for i in order], 2), layered.J, atol=1e-14)


def test_frozen_weights_get_no_gradient():
    model = Elman(2, 6, 2).double()
    model.rnn.weight_ih_l0.requires_grad_(False)
    gradient_of_rest = {}
    for method in (BPTT(), RTRL()):
        model.zero_grad(set_to_none=True)
        list(method.steps(model, TASK, TRIALS, Moment(0, torch.Generator())))
        assert model.rnn.weight_ih_l0.grad is None
        gradient_of_rest[type(method)] = model.rnn.weight_hh_l0.grad.clone()
    assert torch.allclose(gradient_of_rest[BPTT], gradient_of_rest[RTRL], atol=1e-14)


@pytest.mark.parametrize("kind", ["Elman", "LSTM", "leaky, rates"])
def test_a_cut_gradient_nears_the_whole_one_as_the_cut_moves_back(kind):
    model = KINDS[kind]().double()
    _, wanted = gradient(model, BPTT())
    errors = [off(gradient(model, TBPTT(k=k))[1], wanted) for k in (2, 5, 10, 20)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.1 * errors[0]
    assert torch.equal(gradient(model, TBPTT(k=50))[1], wanted)
    assert torch.equal(gradient(model, TBPTT(k=80, every=7))[1], wanted)


@pytest.mark.parametrize(("k", "every"), [(1, 1), (3, 1), (4, 3), (5, 5), (7, 4), (49, 20)])
def test_a_cut_gradient_is_that_of_pieces_run_one_by_one(k, every):
    model = Elman(2, 5, 2).double()
    step, found = gradient(model, TBPTT(k=k, every=every))
    inputs, (outputs, states) = TRIALS.inputs.double(), model(TRIALS.inputs.double())
    model.zero_grad(set_to_none=True)
    pieces, end = [model(inputs[:, :k]).outputs], k
    while end < 50:
        new = min(every, 50 - end)
        end += new
        pieces.append(model(inputs[:, end - k : end], states[:, end - k - 1].detach()).outputs[:, -new:])
    TASK.loss(torch.cat(pieces, 1), TRIALS).backward()
    wanted = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert off(found, wanted) < 1e-12
    assert torch.allclose(step.outputs, outputs, atol=1e-12)


def test_weights_that_change_at_every_step_follow_the_slope_at_small_rates():
    """Many tiny steps of plain descent add up to one step along the gradient of the whole (to first order)."""
    model, rate = Elman(2, 6, 2).double(), 1e-6
    before = torch.cat([p.detach().flatten() for p in model.parameters()])
    method = RTRL(
        online=True, optimizer="sgd", learning_rate=rate, clip_norm=None, max_updates=1, batch_size=16, decay_to=1.0
    )
    own = TASK.sample(16, seed=int(stream(0, "batch", 0).integers(2**62)))
    _, whole = gradient(copy.deepcopy(model), BPTT(), own)
    train(model, TASK, method, seed=0)
    moved = torch.cat([p.detach().flatten() for p in model.parameters()]) - before
    assert off(moved, -rate * whole) < 1e-4


def test_one_bit_is_learnt_online():
    task = FlipFlop(n_bits=1, n_steps=20)
    model = Elman.for_task(task, 8)
    method = RTRL(online=True, learning_rate=5e-3, batch_size=32, max_updates=25)
    history = train(model, task, method)
    assert history.scores[-5:].mean() > 0.95 > history.scores[:2].mean()


def test_momentum_carries_a_step_into_the_next():
    weights = []
    for settings in ({"momentum": 0.0}, {"momentum": 0.9}):
        model = Elman(2, 4, 2)
        train(model, TASK, BPTT(optimizer="sgd", max_updates=2, learning_rate=0.1, decay_to=1.0, **settings))
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    first = Elman(2, 4, 2)
    start = torch.cat([p.detach().flatten() for p in first.parameters()])
    train(first, TASK, BPTT(optimizer="sgd", max_updates=1, learning_rate=0.1, decay_to=1.0))
    one = torch.cat([p.detach().flatten() for p in first.parameters()]) - start
    assert torch.allclose(weights[1] - weights[0], 0.9 * one, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: train(LeakyRNN(2, 8, 2, sigma_rec=0.1), TASK, RTRL(max_updates=1)), "noise in its states"),
        (lambda: train(LSTM(2, 800, 2), TASK, RTRL(max_updates=1)), "use BPTT, a smaller batch_size"),
        (lambda: TBPTT(k=0), "k must be at least 1"),
        (lambda: TBPTT(k=3, every=4), "every must be between 1 and 3"),
        (lambda: BPTT(optimizer="adamm"), "optimizer must be"),
        (lambda: BPTT(momentum=0.9), "momentum belongs to optimizer='sgd'"),
        (lambda: FullyConnected(2, 3, 4), "n_hidden counts all units, outputs included: at least 4, got 3"),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(make, words):
    with pytest.raises((InputError, ResourceError), match=words):
        make()
