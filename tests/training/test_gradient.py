"""Training: what is learnt, what repeats, what the guard saves, what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dynakit.errors import InputError, NumericalError
from dynakit.models import GRU, LSTM, BidirectionalElman, Elman, LeakyRNN
from dynakit.tasks import FlipFlop, from_arrays
from dynakit.training import BPTT, WeightGuessing, train

TASK = FlipFlop(n_bits=1, n_steps=40)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


class Spoiled:
    """A task whose loss is multiplied by ``factor(call)``: NaN and explosions on order."""

    n_inputs = n_outputs = 1

    def __init__(self, factor):
        self.factor, self.calls = factor, 0

    def sample(self, n_trials, seed=0):
        return TASK.sample(n_trials, seed)

    def score(self, outputs, trials):
        return TASK.score(outputs, trials)

    def loss(self, outputs, trials):
        if outputs.requires_grad:
            self.calls += 1
        return TASK.loss(outputs, trials) * (self.factor(self.calls) if outputs.requires_grad else 1.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Elman.for_task(TASK, 16),
        lambda: GRU.for_task(TASK, 16),
        lambda: LeakyRNN.for_task(TASK, 30, sigma_rec=0.05),
        lambda: LeakyRNN.for_task(TASK, 30, dale="abs", autapses=False, sigma_rec=0.05),
        lambda: LeakyRNN.for_task(TASK, 30, form="rate", activation="softplus"),
    ],
)
def test_one_bit_is_learnt(make):
    model = make()
    history = train(model, TASK, BPTT(learning_rate=1e-2, max_updates=600, stop_at_score=0.99))
    assert history.stopped.startswith("score")
    trials = TASK.sample(256, seed=12345)
    assert TASK.score(model.eval()(trials.inputs).outputs, trials) >= 0.985  # fresh trials, without noise
    assert history.scores[-10:].mean() >= 0.99
    assert history.losses[-1] < 0.3 * history.losses[0]


def test_dale_signs_and_absent_connections_survive_training(rng):
    mask = rng.random((20, 20)) < 0.6
    model = LeakyRNN.for_task(TASK, 20, dale="abs", mask_rec=mask, autapses=False, signed_io=False)
    train(model, TASK, BPTT(learning_rate=0.05, max_updates=30))
    W_in, W, W_out = model.effective_weights()
    assert bool((model.W_rec < 0).any())  # raw weights did change sign
    assert bool((W * model.sign >= 0).all())
    assert bool((W[torch.from_numpy(~mask)] == 0).all())
    assert bool((W_in >= 0).all())
    assert bool((W_out[:, 16:] == 0).all())


def test_the_first_step_is_that_of_adam():
    # Adam's first step has length lr in every coordinate, against the sign of the gradient
    model, twin = Elman.for_task(TASK, 8), Elman.for_task(TASK, 8)
    seen = []

    class Spy(Spoiled):
        def sample(self, n_trials, seed=0):
            seen.append(TASK.sample(n_trials, seed))
            return seen[-1]

    train(model, Spy(lambda call: 1.0), BPTT(max_updates=1, learning_rate=0.01, clip_norm=None))
    loss = TASK.loss(twin(seen[-1].inputs).outputs, seen[-1])
    gradients = torch.autograd.grad(loss, list(twin.parameters()))
    expected = torch.cat(
        [(p - 0.01 * g / (g.abs() + 1e-8)).flatten() for p, g in zip(twin.parameters(), gradients)]
    )
    torch.testing.assert_close(weights(model), expected.detach(), rtol=1e-4, atol=1e-6)


def test_learning_rate_schedule():
    rates = [BPTT(learning_rate=1.0, max_updates=100, decay_to=0.2).rate(k) for k in (0, 50, 75, 100)]
    assert rates == pytest.approx([1.0, 1.0, 0.6, 0.2])
    history = train(Elman.for_task(TASK, 4), TASK, BPTT(learning_rate=0.01, max_updates=4, decay_to=1.0))
    assert history.learning_rates.tolist() == [0.01] * 4


def test_penalties_shrink_what_they_punish():
    def size(of, **penalty):
        model = LeakyRNN.for_task(TASK, 12)
        train(model, TASK, BPTT(max_updates=60, learning_rate=1e-2, **penalty))
        rates = model.rates(model(TASK.sample(64, seed=9).inputs).states).detach()
        matrices = torch.cat([p.detach().flatten() for p in model.parameters() if p.ndim > 1])
        return float({"rate": rates, "weight": matrices}[of].square().mean())

    for of in ("rate", "weight"):
        free = size(of)
        assert size(of, **{f"l2_{of}": 1.0}) < 0.8 * free
        assert size(of, **{f"l1_{of}": 1.0}) < 0.8 * free


def test_groups_of_weights_have_penalties_of_their_own():
    model = LSTM.for_task(TASK, 5)
    W_ih, W_hh, _, _ = (p.detach() for p in model.rnn.all_weights[0])
    states = torch.zeros(1, 10)
    by_group = BPTT(l2_weight={"rnn.weight_hh": 2.0, "readout": 3.0}, l1_weight={"rnn.weight_ih": 0.5})
    expected = 2 * W_hh.square().mean() + 3 * model.readout.weight.square().mean() + 0.5 * W_ih.abs().mean()
    torch.testing.assert_close(by_group.penalty(model, states), expected)
    whole = torch.cat([W_ih.flatten(), W_hh.flatten(), model.readout.weight.flatten()])
    torch.testing.assert_close(BPTT(l2_weight=2.0).penalty(model, states), 2 * whole.square().mean())
    with pytest.raises(InputError, match=r"none begins with 'W_rec': this LSTM has rnn.weight_ih_l0, rnn"):
        BPTT(l2_weight={"W_rec": 1.0}).penalty(model, states)
    with pytest.raises(InputError, match=r"l2_weight\['readout'\] must be"):
        BPTT(l2_weight={"readout": -1.0})


def test_penalty_is_not_in_the_reported_loss():
    losses = [
        train(Elman.for_task(TASK, 8), TASK, BPTT(max_updates=1, l2_rate=rate)).losses[0]
        for rate in (0.0, 100.0)
    ]
    assert losses[0] == losses[1]


def test_callback_sees_every_update():
    seen = []
    method = BPTT(max_updates=5)
    history = train(Elman.for_task(TASK, 4), TASK, method, callback=lambda k, info: seen.append((k, info)))
    assert [k for k, _ in seen] == [1, 2, 3, 4, 5]
    assert [info["loss"] for _, info in seen] == history.losses.tolist()
    assert seen[0][1]["total"] == 5
    assert set(seen[0][1]) == {"loss", "score", "total", "learning_rate"}


def test_stop_iteration_in_the_callback_ends_guessing_with_the_weights_of_that_moment():
    seen = []

    def stop(done, info):
        seen.append(weights(model))
        if done == 2:
            raise StopIteration

    model = Elman.for_task(TASK, 4)
    method = WeightGuessing(max_guesses=5, together=1, scale=0.1)
    history = train(model, TASK, method, callback=stop)
    assert len(history) == len(seen) == 2
    assert history.stopped.endswith("ended by the callback")
    assert torch.equal(weights(model), seen[-1])


def test_a_run_that_the_callback_ended_goes_on_from_its_checkpoint(tmp_path):
    def stop(done, info):
        raise StopIteration

    method = BPTT(max_updates=4, checkpoint=tmp_path / "run")
    model, whole = Elman.for_task(TASK, 4), Elman.for_task(TASK, 4)
    assert len(train(model, TASK, method, callback=stop)) == 1
    assert train(model, TASK, method).stopped == "all 4 updates done"
    train(whole, TASK, BPTT(max_updates=4))
    assert torch.equal(weights(model), weights(whole))


def test_a_callback_that_is_no_function_is_refused_before_anything_is_done():
    with pytest.raises(InputError, match="callback must be a function of"):
        train(Elman.for_task(TASK, 4), TASK, BPTT(max_updates=1), callback=3)


def test_mode_is_restored_and_no_gradient_is_left():
    for mode in (True, False):
        model = Elman.for_task(TASK, 4).train(mode)
        train(model, TASK, BPTT(max_updates=2))
        assert model.training is mode
        assert all(p.grad is None for p in model.parameters())
    model.train().readout.eval()
    train(model, TASK, BPTT(max_updates=1))
    assert model.training
    assert not model.readout.training


def test_training_inside_no_grad_works():
    with torch.no_grad():
        model = Elman.for_task(TASK, 4)
        before = weights(model)
        train(model, TASK, BPTT(max_updates=2))
    assert not torch.equal(before, weights(model))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e4])
def test_guard_survives_a_bad_batch(bad):
    task = Spoiled(lambda call: bad if call == 25 else 1.0)
    model = GRU.for_task(TASK, 8)
    history = train(model, task, BPTT(max_updates=60, learning_rate=1e-2, decay_to=1.0))
    assert history.n_rollbacks == 1
    assert len(history) == 60
    assert history.learning_rates[24:27].tolist() == [0.01, 0.005, 0.005]
    assert not history.losses[24] < 100
    assert history.losses[-1] < history.losses[20]
    assert bool(torch.isfinite(weights(model)).all())


def test_guard_gives_up_with_the_last_good_weights():
    kept = {}

    def remember(update, info):
        kept[update] = weights(model)

    task = Spoiled(lambda call: float("nan") if call > 21 else 1.0)
    model = GRU.for_task(TASK, 8)
    with pytest.raises(NumericalError, match="8 rollbacks in a row") as error:
        train(model, task, BPTT(max_updates=100), callback=remember)
    history = error.value.partial
    assert history.n_rollbacks == 8
    assert len(history) == 28
    assert torch.equal(weights(model), kept[20])  # the copy that update 21 showed to be good


def test_guard_catches_a_gradient_that_is_not_finite():
    class Cliff(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g * float("nan")

    class Task(Spoiled):
        def loss(self, outputs, trials):
            loss = super().loss(outputs, trials)
            return Cliff.apply(loss) if self.calls == 3 and outputs.requires_grad else loss

    model = GRU.for_task(TASK, 8)
    history = train(model, Task(lambda call: 1.0), BPTT(max_updates=12, learning_rate=0.01, decay_to=1.0))
    assert history.n_rollbacks == 1
    assert history.learning_rates[:4].tolist() == [0.01, 0.01, 0.01, 0.005]  # at once, not a step later
    assert bool(torch.isfinite(weights(model)).all())


def test_fine_tuning_a_solved_task_is_not_an_explosion():
    still = FlipFlop(n_bits=1, n_steps=8, p_flip=0.0)
    model = GRU.for_task(still, 16)
    train(model, still, BPTT(max_updates=400, learning_rate=1e-2))
    history = train(model, still, BPTT(max_updates=20, learning_rate=3e-2))
    assert history.losses.max() > 100 * history.losses[0]  # from nearly nothing
    assert history.n_rollbacks == 0


def test_stop_at_loss():
    history = train(Elman.for_task(TASK, 4), TASK, BPTT(max_updates=50, stop_at_loss=100.0))
    assert len(history) == 10
    assert history.stopped.startswith("loss")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": None}, "learning_rate"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_updates": 1.5}, "max_updates"),
        ({"clip_norm": -1.0}, "clip_norm"),
        ({"stop_at_score": 1.1}, "stop_at_score"),
        ({"stop_at_loss": float("nan")}, "stop_at_loss"),
        ({"decay_to": 2.0}, "decay_to"),
        ({"l2_rate": -1.0}, "l2_rate"),
        ({"l2_weight": {1: 1e-3}}, "l2_weight names weights by how their names begin, got 1"),
        ({"checkpoint_every": -1.0}, "checkpoint_every"),
    ],
)
def test_bad_settings_are_named(settings, name):
    with pytest.raises(InputError, match=name):
        BPTT(**settings)


def test_bad_arguments_are_named():
    model = GRU(2, 8, 1)
    with pytest.raises(InputError, match="the task has 1 input and 1 output, the model 2 and 1"):
        train(model, TASK)
    with pytest.raises(InputError, match=r"method must be one of BPTT.* got 'adam'"):
        train(GRU.for_task(TASK, 8), TASK, "adam")
    with pytest.raises(InputError, match="task must be"):
        train(model, None)
    with pytest.raises(InputError, match="model must be"):
        train(torch.nn.Linear(1, 1), TASK)
    with pytest.raises(InputError, match="nothing to train"):
        train(GRU.for_task(TASK, 8).requires_grad_(False), TASK)
    with pytest.raises(InputError, match="seed"):
        train(GRU.for_task(TASK, 8), TASK, seed="today")


def test_a_module_that_is_no_recurrent_model_is_refused():
    class Other(torch.nn.Linear):
        n_inputs = n_outputs = 1

    with pytest.raises(InputError, match="RecurrentModel"):
        train(Other(1, 1), TASK)
    with pytest.raises(InputError, match="model must be"):
        train(SimpleNamespace(n_inputs=1, n_outputs=1), TASK)


def test_saturation_opens_and_closes_the_gates_of_a_network_that_has_learnt():
    task = FlipFlop(n_bits=1, n_steps=15)
    model = LSTM.for_task(task, 4, forget_bias=2.0)
    train(model, task, BPTT(learning_rate=2e-2, max_updates=80, batch_size=16))
    trials = task.sample(64, seed=9)

    def undecided():
        with torch.no_grad():
            f = model.gates(trials.inputs, model(trials.inputs).states)["f"]
        return float((f * (1 - f)).mean())

    before, scored = undecided(), task.score(model(trials.inputs).outputs, trials)
    pressed = BPTT(learning_rate=1e-2, max_updates=120, batch_size=16, saturation=1.0, saturation_ramp=20)
    history = train(model, task, pressed)
    assert undecided() < 0.7 * before
    assert task.score(model(trials.inputs).outputs, trials) > scored - 0.1
    assert len(history) == 120


def test_a_network_that_hears_the_end_is_trained_on_trials_of_unequal_length():
    """What is asked at the first step is only heard at the last of each trial: chance for whoever cannot look ahead."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 8, 64)
    bits = rng.choice([-1.0, 1.0], 64)
    inputs, targets = np.full((64, 8, 1), 5.0), np.repeat(bits[:, None, None], 8, 1)
    for k, (end, bit) in enumerate(zip(lengths, bits)):
        inputs[k, :end] = 0
        inputs[k, end - 1] = bit
    task = from_arrays(inputs, targets, lengths=lengths)
    scores = {}
    for cls in (BidirectionalElman, Elman):
        history = train(cls(1, 6, 1), task, BPTT(learning_rate=2e-2, max_updates=100))
        scores[cls] = history.losses[-10:].mean()
    assert scores[BidirectionalElman] < 0.05 < 0.3 < scores[Elman]
