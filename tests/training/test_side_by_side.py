"""Many networks side by side: gradients in closed form are those of autograd, and each network ends as if alone."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from dynakit.errors import InputError, NumericalError
from dynakit.models import ACTIVATIONS, GRU, LSTM, Elman, LeakyRNN, RecurrentModel
from dynakit.seeding import torch_stream
from dynakit.tasks import Adding, EmbeddedReber, FlipFlop, Parity, from_arrays
from dynakit.training import BPTT, RTRL, TBPTT, Online, train, train_together, why_not_together
from dynakit.training.side_by_side import together
from dynakit.training.side_by_side.batches import Batch
from dynakit.training.side_by_side.cells import Pool
from dynakit.training.side_by_side.kinds import cell_of
from dynakit.training.side_by_side.population import Population

MASK = (torch.arange(36).reshape(6, 6) % 5 > 0).float()
SIZES = (2, 6, 3)
FORMS = ("current", "rate", "rectified")
NETWORKS = {
    **{f"elman {f}": lambda s, f=f: Elman(*SIZES, f, seed=s) for f in ACTIVATIONS},
    "gru": lambda s: GRU(*SIZES, seed=s),
    "gru hard": lambda s: GRU(*SIZES, recurrent_activation="hard_sigmoid_keras2", activation="softplus", seed=s),
    "lstm": lambda s: LSTM(*SIZES, seed=s),
    "lstm with peepholes": lambda s: LSTM(*SIZES, peepholes=True, seed=s),
    "lstm hard": lambda s: LSTM(*SIZES, peepholes=True, recurrent_activation="hard_sigmoid", activation="relu", seed=s),
    **{
        f"leaky {form} {f}": lambda s, form=form, f=f: LeakyRNN(
            *SIZES, dt=30.0, form=form, activation=f, sigma_rec=0.1, sigma_in=0.2, seed=s
        )
        for form in FORMS
        for f in ACTIVATIONS
    },
    **{
        f"leaky {form}, a tau per unit": lambda s, form=form: LeakyRNN(
            *SIZES, dt=30.0, tau=range(40, 100, 10), form=form, sigma_rec=0.1, seed=s
        )
        for form in FORMS
    },
    **{
        f"dale {dale}": lambda s, dale=dale: LeakyRNN(
            *SIZES, dale=dale, signed_io=False, autapses=False, mask_rec=MASK if s else None, seed=s
        )
        for dale in ("abs", "relu", "softplus")
    },
}
FEW = ("elman tanh", "gru", "lstm with peepholes", "leaky rate tanh", "leaky current relu", "dale abs")


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS.keys())
def make(request):
    return request.param


@pytest.fixture(params=[NETWORKS[name] for name in FEW], ids=FEW)
def some(request):
    return request.param


def spread(model):
    """Biases that are zero at the start could be forgotten unseen."""
    for j, p in enumerate(model.parameters()):
        if p.ndim == 1:
            p.data += 0.3 * torch.randn(p.shape, generator=torch_stream(j, "bias")).to(p)
    return model


def drawn(*shape):
    return torch.randn(shape, generator=torch_stream(5, *shape), dtype=torch.float64)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def passed(models, inputs, n_closed=0):
    """The cell of these networks after a pass forward, its weights, and the outputs (network, trial, time, output)."""
    held = Population(models)
    cell = cell_of(models, inputs.shape[1], Pool(held.gradient))
    outputs = cell.forward(held.views(held.rows.values), inputs, n_closed=n_closed).permute(1, 3, 0, 2).clone()
    return cell, held, outputs


def closing(model, inputs, n_closed):
    """The same step by step: in the last steps the outputs of the step before are heard besides."""
    n_open, x, steps = inputs.shape[1] - n_closed, inputs.new_zeros(len(inputs), model.state_size), []
    for t, u in enumerate(inputs.unbind(1)):
        x = model.step(x, u if t < n_open else u + model.read(x))
        steps.append(x)
    states = torch.stack(steps, 1)
    return model.read(states), model.rates(states)


@pytest.mark.parametrize("n_closed", [0, 4])
def test_gradients_are_those_of_autograd(make, n_closed):
    models = [spread(make(seed)).double().eval() for seed in range(3)]
    if n_closed:  # what is heard besides must have as many inputs
        models = [spread(type(m)(**{**m.config(), "n_inputs": 3})).double().eval() for m in models]
    inputs, errors, d_rates = drawn(3, 5, 9, models[0].n_inputs), drawn(3, 5, 9, 3), drawn(3, 5, 9, 6)
    cell, held, outputs = passed(models, inputs, n_closed)
    p, g = held.views(held.rows.values), held.views(held.gradient)
    cell.backward(p, g, errors.permute(2, 0, 3, 1), d_rates.permute(2, 0, 3, 1))
    for k, model in enumerate(models):
        y, rates = closing(model, inputs[k], n_closed)
        torch.testing.assert_close(outputs[k], y.detach(), atol=1e-12, rtol=1e-12)
        ((y * errors[k]).sum() + (rates * d_rates[k]).sum()).backward()
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(g[name][k], parameter.grad, atol=1e-10, rtol=1e-10)


def test_buffers_leave_no_trace_of_what_they_held(some):
    """Not even of what a network left there that has no numbers any more."""
    models = [some(seed).double().eval() for seed in range(2)]
    cell, held, _ = passed(models, drawn(2, 5, 12, 2))
    p, g, results = held.views(held.rows.values), held.views(held.gradient), []
    for left in (0.0, torch.nan):
        for buffer in cell.pool._flat.values():
            buffer.fill_(left)
        outputs = cell.forward(p, drawn(2, 5, 7, 2)).clone()
        cell.backward(p, g, drawn(7, 2, 3, 5))
        results.append((outputs, held.gradient.clone()))
    assert bool(torch.isfinite(results[1][1]).all())
    assert all(torch.equal(*pair) for pair in zip(*results))


TASK = from_arrays(drawn(20, 12, 2), targets=drawn(20, 12, 3).clamp(-1, 1))
SHORT = BPTT(max_updates=6, batch_size=4)


def check_as_alone(make, task, method, *, seeds=(3, 8, 5), atol=2e-5, rtol=1e-4):
    """Each of the networks together is the network alone; returns the histories."""
    together = [make(seed) for seed in seeds]
    histories = train_together(together, task, method, seeds=seeds)
    for seed, model, history in zip(seeds, together, histories):
        twin = make(seed)
        alone = train(twin, task, method, seed=seed)
        torch.testing.assert_close(weights(model), weights(twin), rtol=rtol, atol=atol)
        np.testing.assert_allclose(history.losses, alone.losses, rtol=1e-4)
        np.testing.assert_allclose(history.scores, alone.scores, atol=1e-6)
        np.testing.assert_array_equal(history.learning_rates, alone.learning_rates)
        assert (history.stopped, history.n_rollbacks) == (alone.stopped, alone.n_rollbacks)
        assert history.provenance == alone.provenance
        assert not torch.equal(weights(model), weights(make(seed)))
    return histories


def test_together_is_each_alone_noise_included(make):
    check_as_alone(make, TASK, SHORT)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.05},
        {"clip_norm": None},
        {"clip_norm": 1e-2},
        {"decay_to": 1.0},
        {"l2_rate": 0.3, "l1_rate": 0.2},
        {"l2_weight": {"r": 0.5}, "l1_weight": {"readout": 0.1}},
    ],
    ids=str,
)
def test_every_setting_acts_as_alone(settings):
    check_as_alone(NETWORKS["elman tanh"], TASK, dataclasses.replace(SHORT, **settings))


def double(seed):
    return NETWORKS["lstm with peepholes"](seed).double()


def test_in_double_precision_together_is_alone_to_twelve_digits():
    check_as_alone(double, TASK, dataclasses.replace(SHORT, clip_norm=1e-2), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    "task",
    [EmbeddedReber(), Parity(), Adding(), FlipFlop(n_bits=2, n_steps=20)],
    ids=lambda task: type(task).__name__,
)
def test_every_task_is_trained_on_as_alone(task):
    def make(seed):
        return GRU.for_task(task, 6, seed=seed)

    check_as_alone(make, task, dataclasses.replace(SHORT, l2_rate=0.1))


def test_trials_of_many_lengths_and_masks_are_those_of_each_alone():
    lengths = np.tile([3, 12, 7, 5], 5)
    mask = (drawn(20, 12, 3) > 0).float()
    task = from_arrays(drawn(20, 12, 2), targets=drawn(20, 12, 3), lengths=lengths, mask=mask)
    for name in ("gru", "leaky rate tanh"):  # the noise of a network is as long as its own batch
        check_as_alone(NETWORKS[name], task, dataclasses.replace(SHORT, batch_size=2, l2_rate=0.1))


def test_infinite_answers_are_not_right():
    batch = Batch.draw(FlipFlop(n_bits=1, n_steps=20), 4, [0, 1], 0, torch.zeros(()))
    assert batch.judge(batch.targets).scores == [1.0, 1.0]
    assert batch.judge(torch.inf * batch.targets).scores == [0.0, 0.0]


def test_equal_seeds_share_their_trials():
    check_as_alone(NETWORKS["elman tanh"], TASK, SHORT, seeds=(4, 4, 7))


def test_blocks_change_nothing(monkeypatch):
    runs = []
    for size in (1, 60, together.BLOCK):  # one network to a block, two, all
        monkeypatch.setattr(together, "BLOCK", size)
        models = [NETWORKS["gru"](seed) for seed in range(5)]
        train_together(models, TASK, SHORT)
        runs.append(torch.stack([weights(model) for model in models]))
    torch.testing.assert_close(runs[0], runs[2], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(runs[1], runs[2], rtol=1e-5, atol=1e-6)


FLIPS = FlipFlop(n_bits=1, n_steps=20, p_flip=0.2)


def test_each_network_ends_at_the_update_at_which_it_ends_alone():
    method = BPTT(max_updates=300, batch_size=16, learning_rate=2e-2, stop_at_score=0.97)
    seeds = range(8)
    models, twins = ([Elman.for_task(FLIPS, 8, seed=seed) for seed in seeds] for _ in range(2))
    histories = train_together(models, FLIPS, method)
    ends = [len(history) for history in histories]
    assert len(set(ends)) > 3
    assert max(ends) < 300
    for seed in seeds:
        alone = train(twins[seed], FLIPS, method, seed=seed)
        assert (len(alone), alone.stopped) == (ends[seed], histories[seed].stopped)
        torch.testing.assert_close(weights(models[seed]), weights(twins[seed]), rtol=0, atol=1e-3)


def test_one_ends_at_a_loss():
    method = BPTT(max_updates=60, batch_size=16, learning_rate=2e-2, stop_at_loss=0.5)
    histories = check_as_alone(lambda s: Elman.for_task(FLIPS, 8, seed=s), FLIPS, method)
    assert all("loss" in history.stopped for history in histories)


def test_what_diverges_takes_no_neighbour_along():
    def make(seed, times=1.0):
        model = LeakyRNN.for_task(FLIPS, 8, seed=seed)
        model.W_rec.data *= times
        return model

    method = BPTT(max_updates=12, batch_size=8)
    quiet, loud = [make(s) for s in range(3)], [make(s, 1000.0 if s == 1 else 1.0) for s in range(3)]
    expected, found = train_together(quiet, FLIPS, method), train_together(loud, FLIPS, method)
    for seed in (0, 2):
        assert torch.equal(weights(quiet[seed]), weights(loud[seed]))
        np.testing.assert_array_equal(expected[seed].losses, found[seed].losses)
    twin = make(1, 1000.0)
    with pytest.raises(NumericalError) as caught:
        train(twin, FLIPS, method, seed=1)
    alone = caught.value.partial
    assert found[1].stopped == alone.stopped == "diverged 8 times in a row"
    assert (len(found[1]), found[1].n_rollbacks) == (len(alone), alone.n_rollbacks)
    assert torch.equal(weights(loud[1]), weights(twin))


@pytest.mark.parametrize(("rate", "optimizer", "momentum"), [(3.0, "sgd", 0.5), (0.3, "sgd", 0.9), (1.0, "adam", 0.0)])
def test_a_rollback_is_that_of_the_network_alone(rate, optimizer, momentum):
    # learning rates so large that losses explode now and then, early or after copies of the weights, and come back
    settings = {"learning_rate": rate, "optimizer": optimizer, "momentum": momentum}
    method = BPTT(max_updates=30, batch_size=4, clip_norm=None, **settings)

    def make(seed):
        return Elman.for_task(FLIPS, 8, activation="relu", seed=seed).double()

    histories = check_as_alone(make, FLIPS, method, seeds=range(3), atol=1e-9, rtol=1e-6)
    assert any(0 < history.n_rollbacks < 8 for history in histories)


def test_frozen_parameters_stay_and_count_in_no_norm():
    def make(seed):
        model = NETWORKS["gru"](seed)
        model.readout.requires_grad_(False)
        return model

    check_as_alone(make, TASK, dataclasses.replace(SHORT, clip_norm=1e-2, l2_weight=0.1))
    model = make(0)
    before = model.readout.weight.clone()
    train_together([model], TASK, SHORT)
    assert torch.equal(before, model.readout.weight)


def test_the_callback_sees_the_networks_as_they_are_and_may_end_the_run():
    models, seen, heard = [NETWORKS["gru"](seed) for seed in range(2)], [], []

    def look(done, info):
        seen.append(weights(models[1]))
        heard.append((done, info))
        if done == 3:
            raise StopIteration

    histories = train_together(models, TASK, SHORT, callback=look)
    assert [history.stopped for history in histories] == ["ended by the callback"] * 2
    assert torch.equal(seen[-1], weights(models[1]))
    assert not torch.equal(seen[0], seen[1])
    assert [done for done, _ in heard] == [1, 2, 3]
    losses = [history.losses[0] for history in histories]
    assert heard[0][1] == {
        "loss": np.mean(losses),
        "score": np.mean([history.scores[0] for history in histories]),
        "learning_rate": SHORT.learning_rate,
        "total": 6,
    }


def test_an_interrupted_call_leaves_the_weights_of_that_moment():
    models, seen = [NETWORKS["gru"](seed).eval() for seed in range(2)], []

    def interrupt(done, _):
        seen.append(weights(models[0]))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_together(models, TASK, SHORT, callback=interrupt)
    assert torch.equal(seen[-1], weights(models[0]))
    assert not models[0].training


def test_a_task_that_fails_leaves_the_weights_of_the_updates_before():
    class Fails(FlipFlop):
        def sample(self, n_trials, seed=0):
            drawn.append(seed)
            if len(drawn) > 4:
                raise RuntimeError("no more")
            return super().sample(n_trials, seed)

    drawn, models, twins = [], *([Elman.for_task(FLIPS, 4, seed=s) for s in range(2)] for _ in range(2))
    method = BPTT(max_updates=3, batch_size=4, decay_to=1.0)
    with pytest.raises(RuntimeError, match="no more"):
        train_together(models, Fails(n_bits=1, n_steps=20, p_flip=0.2), method)
    train_together(twins, FLIPS, dataclasses.replace(method, max_updates=2))
    for model, twin in zip(models, twins):
        assert torch.equal(weights(model), weights(twin))


@pytest.mark.parametrize(
    ("models", "method", "words"),
    [
        ([GRU(2, 4, 2), LSTM(2, 4, 2)], None, r"class is GRU for models\[0\] and LSTM for models\[1\]"),
        ([GRU(2, 4, 2), GRU(2, 4, 2), GRU(2, 5, 2)], None, r"n_hidden is 4 for models\[0\] and 5 for models\[2\]"),
        ([LSTM(2, 4, 2), LSTM(2, 4, 2, peepholes=True)], None, "peepholes is False"),
        ([LeakyRNN(2, 4, 2), LeakyRNN(2, 4, 2, tau=50.0)], None, "tau is 100"),
        ([GRU(2, 4, 2), GRU(2, 4, 2).double()], None, "dtype is torch.float32"),
        ([GRU(2, 4, 2, reset="before")], None, "reset='before' cannot be trained side by side"),
        ([LSTM(2, 4, 2, recurrent_dropout=0.2)], None, "recurrent_dropout=0.2 cannot be trained side by side"),
        ([LSTM(2, 4, 2), LSTM(2, 4, 2, activation="relu")], None, "activation is tanh"),
        ([GRU(2, 4, 2), GRU(2, 4, 2).requires_grad_(False)], None, "frozen parameters is"),
        ([GRU(2, 4, 2).requires_grad_(False)], None, "there is nothing to train"),
        ([LSTM(2, 4, 2)], BPTT(saturation=0.1), "saturation trains networks one at a time: call dk.train"),
        ([LSTM(2, 4, 2)], BPTT(checkpoint="here"), "checkpoint trains networks one at a time: call dk.train"),
        ([LSTM(2, 4, 2)], TBPTT(), "TBPTT trains networks one at a time"),
        ([LSTM(2, 4, 2)], RTRL(), "method must be BPTT or Curriculum or Online"),
        ([LSTM(2, 4, 2)], Online(), "model must be a learner for Online"),
        ([torch.nn.Linear(2, 2)], BPTT(), "of one of Elman, GRU, LSTM, LeakyRNN, got a Linear"),
        ([], None, "models must be one or more networks, got none"),
    ],
)
def test_why_not_together(models, method, words):
    assert re.search(words, why_not_together(models, method))
    if models and isinstance(models[0], RecurrentModel) and not isinstance(method, Online):
        task = from_arrays(np.zeros((4, 5, 2)), targets=np.zeros((4, 5, 2)))
        with pytest.raises(InputError, match=words):
            train_together(models, task, method)


def test_masks_and_seeds_may_differ():
    masks = [torch.eye(6), MASK, None]
    assert why_not_together([LeakyRNN(*SIZES, mask_rec=mask, seed=k) for k, mask in enumerate(masks)]) == ""
