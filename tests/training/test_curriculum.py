"""The curriculum: its schedule, its feedback, its guard, and many networks trained as if alone."""

import dataclasses

import numpy as np
import pytest
import torch

from dynakit.errors import InputError, NumericalError
from dynakit.models import GRU, LSTM, Elman, LeakyRNN
from dynakit.tasks import Cycles, FlipFlop, from_arrays
from dynakit.training import BPTT, RTRL, Curriculum, train, train_together
from dynakit.training.side_by_side.population import Population

TASK = Cycles.seeing_double(radius=1.0, n_steps=30, cue_steps=20)
SHORT = Curriculum(steps_forced=12, steps_closed=10, max_updates=6, batch_size=4)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_the_closed_segment_grows_over_the_first_half():
    method = Curriculum(steps_closed=60, max_updates=300)
    assert [method.closed(k) for k in (0, 1, 75, 149, 150, 299)] == [0, 0, 30, 60, 60, 60]
    assert [method.closed(k) for k in range(0, 30, 5)] == [0, 2, 4, 6, 8, 10]
    assert [Curriculum(steps_closed=0).closed(k) for k in (0, 100, 399)] == [0, 0, 0]
    assert Curriculum(steps_closed=7, max_updates=1).closed(0) == 0


def test_the_learning_rate_falls_along_half_a_cosine():
    method = Curriculum(learning_rate=1.0, max_updates=100, decay_to=0.1)
    assert method.rate(0) == 1.0
    assert method.rate(50) == pytest.approx(0.55)
    assert method.rate(100) == pytest.approx(0.1)
    assert method.rate(25) == pytest.approx(0.1 + 0.9 * (1 + 2**-0.5) / 2)


def amplifier(gain):
    """y = gain * u for u > 0: a network without memory."""
    model = LeakyRNN(1, 1, 1, dt=1.0, tau=1.0, activation="relu")
    with torch.no_grad():
        model.W_in.fill_(gain)
        model.W_rec.zero_()
        model.W_out.fill_(1.0)
    return model


def test_the_closed_segment_hears_its_own_output():
    # forced by ones the amplifier says g; fed its own output g^2, g^3, ...; asked for is 1 throughout
    g, ones = 0.9, np.ones((5, 12, 1))
    task = from_arrays(ones, targets=ones)
    method = Curriculum(
        steps_forced=3, steps_closed=8, noise=0.0, learning_rate=1e-9, max_updates=16, batch_size=5
    )
    history = train(amplifier(g), task, method)
    for update, loss in enumerate(history.losses):
        closed = [g ** (2 + k) for k in range(min(update, 8))]
        expected = np.mean((np.array([g] * 3 + closed) - 1) ** 2)
        assert loss == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def gradients(monkeypatch):
    """The gradients (network, weight) of each update, as they are stepped along."""
    seen, step = [], Population.step

    def look(self, *settings):
        seen.append(self.gradient.clone())
        step(self, *settings)

    monkeypatch.setattr(Population, "step", look)
    return seen


def test_gradients_run_through_the_feedback(gradients):
    # one forced and one closed step towards 1 and 5: the loss is ((g - 1)^2 + (g^2 - 5)^2) / 2
    g, model = 0.9, amplifier(0.9)
    task = from_arrays(np.ones((5, 2, 1)), targets=np.array([[[1.0], [5.0]]] * 5))
    method = Curriculum(
        steps_forced=1,
        steps_closed=1,
        noise=0.0,
        learning_rate=1e-9,
        clip_norm=None,
        max_updates=2,
        batch_size=5,
    )
    train(model, task, method)
    seen = [float(update[0, 0]) for update in gradients]  # of W_in, the first of the parameters
    assert seen[0] == pytest.approx(2 * (g - 1), rel=1e-4)  # no closed step yet
    assert seen[1] == pytest.approx((g - 1) + (g**2 - 5) * 2 * g, rel=1e-4)


def test_each_network_is_clipped_by_itself(gradients):
    target = np.full((5, 4, 1), 100.0)
    task = from_arrays(np.ones((5, 4, 1)), targets=target)
    models = [amplifier(gain) for gain in (1.0, 50.0)]
    method = Curriculum(
        steps_forced=4,
        steps_closed=0,
        noise=0.0,
        learning_rate=1e-9,
        clip_norm=0.5,
        max_updates=1,
        batch_size=5,
    )
    train_together(models, task, method)
    norms = gradients[0].norm(dim=1).tolist()
    assert norms == pytest.approx([0.5, 0.5], rel=1e-4)


def test_without_closed_steps_and_noise_it_is_teacher_forcing():
    forced = Curriculum(
        steps_forced=30, steps_closed=0, noise=0.0, max_updates=3, batch_size=8, learning_rate=1e-3
    )
    usual = BPTT(max_updates=3, batch_size=8, learning_rate=1e-3)
    ours, theirs = (train(GRU.for_task(TASK, 8), TASK, method, seed=4) for method in (forced, usual))
    assert ours.losses[0] == pytest.approx(theirs.losses[0], rel=1e-5)
    assert ours.scores[0] == pytest.approx(theirs.scores[0], abs=1e-5)


def test_every_update_of_every_network_has_noise_of_its_own():
    task = from_arrays(np.ones((4, 20, 1)), targets=np.ones((4, 20, 1)))
    method = Curriculum(
        steps_forced=20, steps_closed=0, noise=0.1, learning_rate=1e-9, max_updates=3, batch_size=4
    )
    histories = train_together([amplifier(1.0), amplifier(1.0)], task, method, seeds=[7, 8])
    assert len(np.unique([history.losses for history in histories])) == 6


def test_noise_is_added_to_the_forced_steps_only():
    task = from_arrays(np.ones((4, 40, 1)), targets=np.ones((4, 40, 1)))
    method = Curriculum(
        steps_forced=20, steps_closed=20, noise=0.1, learning_rate=1e-9, max_updates=2, batch_size=500
    )
    first, second = train(amplifier(1.0), task, method).losses
    assert first == pytest.approx(0.01, rel=0.05)  # 20 forced steps, each off by its own noise
    assert second == pytest.approx(0.01, rel=0.2)  # 20 more, all off by that of the last forced step


NETWORKS = {
    "lstm": lambda s: LSTM.for_task(TASK, 6, seed=s),
    "lstm with peepholes": lambda s: LSTM.for_task(TASK, 6, peepholes=True, seed=s),
    "gru": lambda s: GRU.for_task(TASK, 6, seed=s),
    "elman": lambda s: Elman.for_task(TASK, 6, seed=s),
    "leaky": lambda s: LeakyRNN.for_task(TASK, 6, sigma_rec=0.1, seed=s),
    "dale": lambda s: LeakyRNN.for_task(TASK, 6, dale="abs", form="rate", activation="softplus", seed=s),
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())
def test_together_is_each_alone(make):
    seeds = [3, 8, 5]
    together = [make(seed) for seed in seeds]
    histories = train_together(together, TASK, SHORT, seeds=seeds)
    for seed, model, history in zip(seeds, together, histories):
        twin = make(seed)
        alone = train(twin, TASK, SHORT, seed=seed)
        torch.testing.assert_close(weights(model), weights(twin), rtol=1e-4, atol=2e-5)
        np.testing.assert_allclose(history.losses, alone.losses, rtol=1e-5)
        np.testing.assert_allclose(history.scores, alone.scores, atol=1e-5)
        assert history.provenance == alone.provenance
        assert not torch.equal(weights(model), weights(make(seed)))


def test_in_double_precision_together_is_alone_to_fifteen_digits():
    models, twins = ([GRU.for_task(TASK, 6, seed=s).double() for s in range(3)] for _ in range(2))
    train_together(models, TASK, SHORT)
    for seed, (model, twin) in enumerate(zip(models, twins)):
        train(twin, TASK, SHORT, seed=seed)
        torch.testing.assert_close(weights(model), weights(twin), rtol=0, atol=1e-13)


def test_what_diverges_is_frozen_and_takes_no_neighbour_along():
    models, twins = ([GRU.for_task(TASK, 6, seed=s) for s in range(3)] for _ in range(2))
    with torch.no_grad():
        models[1].readout.bias.fill_(torch.nan)
    given = weights(models[1])
    method = dataclasses.replace(SHORT, max_updates=12)
    histories = train_together(models, TASK, method)
    assert [h.stopped for h in histories] == [
        "all 12 updates done",
        "diverged 8 times in a row",
        "all 12 updates done",
    ]
    assert [len(h) for h in histories] == [12, 8, 12]
    assert [h.n_rollbacks for h in histories] == [0, 8, 0]
    assert torch.equal(torch.nan_to_num(weights(models[1]), nan=7.0), torch.nan_to_num(given, nan=7.0))
    for seed in (0, 2):
        train(twins[seed], TASK, method, seed=seed)
        torch.testing.assert_close(weights(models[seed]), weights(twins[seed]), rtol=1e-4, atol=2e-5)
        assert bool(torch.isfinite(weights(models[seed])).all())


def test_alone_what_diverges_raises_and_keeps_its_last_good_weights():
    ones, after = np.ones((4, 60, 1)), []
    task = from_arrays(ones, targets=ones)
    model = amplifier(50.0)  # 50^22 squared is beyond single precision: 10 closed steps are not
    method = Curriculum(
        steps_forced=1, steps_closed=59, noise=0.0, max_updates=60, learning_rate=0.01, batch_size=4
    )
    with pytest.raises(NumericalError, match="training diverges: diverged 8 times in a row") as caught:
        train(model, task, method, callback=lambda *_: after.append(model.W_in.item()))
    history = caught.value.partial
    assert history.n_rollbacks == 8
    assert np.isfinite(history.losses[:-8]).all()  # then first the gradients overflow, later the losses
    assert not np.isfinite(history.losses[-5:]).any()
    assert history.learning_rates[-1] < history.learning_rates[0] / 100
    assert 1 < len(history) - 8 < 10  # so that the last copy is that of the start
    assert max(after[:-8]) < 49.995
    assert after[-8:] == [50.0] * 8


@pytest.mark.parametrize("make", [NETWORKS["lstm"], NETWORKS["leaky"]])
def test_the_same_seed_trains_the_same_network(make):
    before, threads, runs = torch.get_rng_state(), torch.get_num_threads(), []
    for seed in (3, 3, 4):
        model = make(0).eval()
        runs.append((train(model, TASK, SHORT, seed=seed).losses, weights(model)))
        assert not model.training
        assert all(p.grad is None for p in model.parameters())
    (first, w1), (again, w2), (_, w3) = runs
    assert torch.equal(w1, w2)
    assert not torch.equal(w1, w3)
    np.testing.assert_array_equal(first, again)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_frozen_parameters_stay():
    model = GRU.for_task(TASK, 6)
    model.readout.requires_grad_(False)
    before = model.readout.weight.clone(), model.rnn.weight_hh_l0.detach().clone()
    train(model, TASK, SHORT)
    assert torch.equal(before[0], model.readout.weight)
    assert not torch.equal(before[1], model.rnn.weight_hh_l0)


def test_a_small_network_learns_a_circle_that_lives_on():
    task = Cycles.on_one_circle(directions=[1], speeds=[1.5], n_steps=60, cue_steps=30)
    models = [GRU.for_task(task, 8, seed=seed) for seed in range(2)]
    method = Curriculum(steps_forced=20, steps_closed=40, max_updates=150, batch_size=8, learning_rate=1e-2)
    histories = train_together(models, task, method)
    (orbit,) = task.orbits
    for model, history in zip(models, histories):
        assert history.losses[-10:].mean() < 5e-3
        assert history.scores[-10:].mean() > 0.985
        y, x = (part[:, -1:] for part in model(torch.from_numpy(task.cue(orbit.name))[None].float()))
        points = []
        for _ in range(300):  # 14 revolutions by itself
            y, x = model(y, x[:, 0])
            points.append(y[0, 0].detach().numpy())
        late = np.array(points[200:])
        assert np.abs(np.linalg.norm(late, axis=1) - 1).max() < 0.15
        turned = np.angle((late[1:] @ [1, 1j]) / (late[:-1] @ [1, 1j])).mean() / (2 * np.pi)
        assert turned == pytest.approx(orbit.rotation_number, rel=0.05)


def test_the_callback_hears_of_every_update():
    heard = []
    train_together([NETWORKS["gru"](0)], TASK, SHORT, callback=lambda k, info: heard.append((k, info)))
    assert [k for k, _ in heard] == [1, 2, 3, 4, 5, 6]
    assert set(heard[0][1]) == {"loss", "score", "learning_rate", "total"}
    assert heard[0][1]["total"] == 6


GRU6 = NETWORKS["gru"]


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (
            lambda: train(GRU6(0), TASK, Curriculum()),
            r"must be at most the 30 steps of a trial, got 40 \+ 60",
        ),
        (
            lambda: train(GRU6(0), TASK, dataclasses.replace(SHORT, steps_forced=4)),
            "mask of these trials is 0 in all 4 forced steps",
        ),
        (
            lambda: train(GRU(3, 4, 1), from_arrays(np.zeros((9, 30, 3)), np.zeros((9, 30, 1))), SHORT),
            "as many as it has inputs, got 1 output and 3 inputs",
        ),
        (lambda: train_together([GRU6(0)], TASK, RTRL()), "method must be BPTT or Curriculum or Online"),
        (lambda: train_together([], TASK, SHORT), "models must be one or more networks"),
        (lambda: train_together([GRU6(0)] * 2, TASK, SHORT), "one or more networks, each given once, got"),
        (
            lambda: train_together([GRU6(0)], TASK, SHORT, seeds=[1, 2]),
            "one per network, got 2 for 1 network",
        ),
        (lambda: train_together([GRU6(0), GRU(2, 7, 2)], TASK, SHORT), "n_hidden is 6"),
        (lambda: train_together([GRU6(0)], FlipFlop(3), SHORT), "task and model do not fit"),
        (lambda: train_together([torch.nn.Linear(2, 2)], TASK, SHORT), "model must be one of dynakit.models"),
        (lambda: train(GRU6(0).requires_grad_(False), TASK, SHORT), "nothing to train"),
        (lambda: Curriculum(steps_forced=0), "steps_forced must be at least 1"),
        (lambda: Curriculum(steps_closed=-1), "steps_closed must be at least 0"),
        (lambda: Curriculum(noise=-0.1), "noise must be a finite number"),
        (lambda: Curriculum(learning_rate=0.0), "learning_rate must be a finite number"),
        (lambda: Curriculum(decay_to=2.0), "decay_to must be a finite number"),
        (lambda: Curriculum(clip_norm=0.0), "clip_norm must be a finite number"),
    ],
)
def test_bad_input_is_one_sentence(run, words):
    with pytest.raises(InputError, match=words):
        run()
