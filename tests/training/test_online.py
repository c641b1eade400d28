"""The prequential run: what a learner is told and when, and learners against answers known before they ran."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError, NumericalError
from dynakit.models import CSNN, TDNN, Learner, LongestMatch, NearestNeighbours, OnlineGRU, OnlineLSTM
from dynakit.models.learners import compiled
from dynakit.models.learners.contexts import Contexts
from dynakit.models.learners.learner import Element, Past
from dynakit.tasks import SequenceStream
from dynakit.tasks.sequence import windowed_accuracy
from dynakit.training import Online, train_together

TASK = SequenceStream()
SHORT = Online(max_elements=400, window=20)


class Oracle(Learner):
    """The ending that came last after the same symbols since the last noise."""

    def __init__(self, code_size=25):
        super().__init__(code_size)
        self.table, self.prefix = {}, ()

    def predict(self, past):
        return self.table.get(self.prefix, -1)

    def learn(self, element):
        if element.id >= 10:
            self.prefix = ()
        else:
            self.table[self.prefix] = element.id
            self.prefix += (element.id,)


def test_a_table_of_prefixes_reaches_the_known_ceiling():
    history = dk.train(Oracle(), TASK, Online())
    assert history.accuracy == pytest.approx(0.9852, abs=5e-5)
    assert len(history) == 2356
    assert int((~history.hits).sum()) == 16
    np.testing.assert_allclose(history.accuracies, windowed_accuracy(history.hits))
    assert (TASK.draw(0).ids[history.positions[history.hits]] == history.predictions[history.hits]).all()


def test_online_is_how_a_learner_is_trained_if_nothing_is_said():
    plain = dk.tasks.SequenceStream(n_elements=900)
    said = dk.train(NearestNeighbours(25), plain, Online())
    np.testing.assert_array_equal(dk.train(NearestNeighbours(25), plain).predictions, said.predictions)


def test_no_future_is_within_reach_of_a_learner():
    class Greedy(Learner):
        def predict(self, past):
            whole = past.codes.base
            while whole.base is not None:
                whole = whole.base
            here = len(past.codes)
            assert np.isnan(whole.reshape(-1, 20_002, 25)[:, here:]).all()
            ids = past.ids.base
            assert (ids[here:] == -1).all()
            return -1

        def learn(self, element):
            element.code[:] = 0  # its own copy

    history = dk.train(Greedy(25), TASK, replace(SHORT, max_elements=60, window=2))
    assert not history.hits.any()


def test_stop_iteration_in_the_callback_ends_the_stream():
    def stop(done, info):
        if done == 200:
            raise StopIteration

    history = dk.train(LongestMatch(25), TASK, SHORT, callback=stop)
    assert history.stopped == "ended by the callback"
    whole = dk.train(LongestMatch(25), TASK, Online(max_elements=200, window=20))
    assert np.array_equal(history.predictions, whole.predictions)


def test_a_learner_that_asks_for_the_label_is_refused():
    class Peeks(Learner):
        def predict(self, past):
            return int(past.ids[len(past.ids)])

        def learn(self, element):
            pass

    with pytest.raises(InputError, match="more than the 7 elements it was shown"):
        dk.train(Peeks(25), TASK, SHORT)


def test_a_vector_stands_for_the_nearest_code_met_so_far():
    class Echo(Learner):
        """Says the code of the last noise symbol: no digit, so never right."""

        def predict(self, past):
            noise = np.flatnonzero(past.ids >= 10)
            return past.codes[noise[-1]] if len(noise) else None

        def learn(self, element):
            pass

    history = dk.train(Echo(25), TASK, SHORT)
    assert (history.predictions >= 10).all()
    assert history.positions[0] > TASK.draw(0).ends[0]  # it abstained while there was no noise
    assert (dk.train(Echo(25), TASK, replace(SHORT, decode_noise=False)).predictions < 10).all()


def test_what_is_not_finite_is_a_miss_and_no_neighbour_is_touched():
    class Broken(Learner):
        def predict(self, past):
            return np.full(25, np.nan)

        def learn(self, element):
            pass

    broken, fine = train_together([Broken(25), Oracle()], TASK, SHORT, seeds=[0, 0])
    assert not broken.hits.any()
    assert len(broken) == len(fine)
    assert np.array_equal(fine.hits, dk.train(Oracle(), TASK, SHORT).hits)


# --- longest match ---------------------------------------------------------------------------------------------------


def test_the_longest_match_errs_only_where_the_ceiling_does():
    history = dk.train(LongestMatch(25), TASK, Online())
    ceiling = dk.train(Oracle(), TASK, Online())
    assert len(history) == len(ceiling) - 1  # nothing was met twice before the first ending
    np.testing.assert_array_equal(history.hits, ceiling.hits[1:])
    assert int((~history.hits).sum()) == 15


@pytest.mark.parametrize("longest", [None, 2, 4])
def test_the_longest_match_is_that_of_a_direct_search(longest):
    rng = np.random.default_rng(longest or 0)
    learner, symbols = LongestMatch(3, longest=longest), rng.integers(3, size=120)
    codes = rng.uniform(-1, 1, (3, 3))
    for t, symbol in enumerate(symbols):
        best, expected = 0, None
        for s in range(1, t):
            n = 0
            while n < min(s, longest or t) and symbols[s - 1 - n] == symbols[t - 1 - n]:
                n += 1
            if n and n >= best:
                best, expected = n, symbols[s]
        assert learner.predict(Past(codes[symbols[:t]], symbols[:t])) == expected
        learner.learn(Element(codes[symbol], int(symbol), t))


# --- nearest neighbours ---------------------------------------------------------------------------------------------


def test_nearest_neighbour_is_that_of_a_direct_search():
    history = dk.train(NearestNeighbours(25), TASK, replace(SHORT, max_elements=700), seed=2)
    stream = TASK.draw(2)
    codes = stream.codes[stream.ids]
    contexts = np.stack([codes[t - 10 : t].reshape(-1) for t in range(10, 700)])
    for t, said in zip(history.positions, history.predictions):
        if t == 10:
            continue
        gaps = np.abs(contexts[: t - 10] - contexts[t - 10]).sum(axis=1)
        assert said == stream.ids[10 + gaps.argmin()]


def voted(codes, ids, query, k, metric):
    """Sort all contexts of two elements by distance and count, as one would by hand."""
    gaps = [np.abs(codes[i : i + 2] - query) ** {"l1": 1, "l2": 2}[metric] for i in range(len(ids) - 2)]
    order = sorted(range(len(gaps)), key=lambda i: (np.float32(gaps[i].sum()), i))[:k]
    labels = [int(ids[i + 2]) for i in order]
    return max(labels, key=lambda label: (labels.count(label), -labels.index(label)))


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("k", [1, 2, 3, 7, 1000])
def test_the_nearest_contexts_vote(k, metric):
    """Codes of whole numbers, so that many contexts are equally near; their squares are summed with rounding."""
    rng = np.random.default_rng(4)
    symbols = np.unique(rng.integers(-2, 3, (6, 3)), axis=0) * (1.0 if metric == "l1" else rng.normal(size=3))
    ids = rng.integers(0, len(symbols), 80)
    learner = NearestNeighbours(3, k=k, lag=2, metric=metric)
    for t, i in enumerate(ids):
        learner.learn(Element(symbols[i], int(i), t))
    for query in rng.integers(-2, 3, (30, 2, 3)).astype(float):
        assert learner.predict(Past(query, np.zeros(2, int))) == voted(symbols[ids], ids, query, k, metric)


def test_a_majority_outvotes_the_nearest_and_a_tie_is_the_nearest_ones():
    learner = {k: NearestNeighbours(1, k=k, lag=1) for k in (1, 2, 3)}
    for t, code in enumerate([0.0, 10.0, 0.5, 20.0, 0.75, 20.0]):
        for one in learner.values():
            one.learn(Element(np.array([code]), int(code), t))
    past = Past(np.array([[0.1]]), np.zeros(1, int))
    assert [learner[k].predict(past) for k in (1, 2, 3)] == [10, 10, 20]
    assert learner[3].recall(past.codes).tolist() == [20.0]


def test_a_bounded_memory_forgets():
    learner = NearestNeighbours(25, lag=1, memory=3)
    codes = np.eye(25)
    for t, k in enumerate([0, 1, 2, 3, 4, 5]):
        learner.learn(Element(codes[k], k, t))
    past = lambda k: dk.models.learners.learner.Past(codes[[k]], np.array([k]))  # noqa: E731
    assert [learner.predict(past(k)) for k in (2, 3, 4)] == [3, 4, 5]
    assert learner.predict(past(0)) == 3  # 0 -> 1 is forgotten; the oldest of equally near ones


# --- networks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [OnlineLSTM, OnlineGRU])
def test_replay_is_gradient_descent_where_autograd_can_follow(kind, monkeypatch):
    """With two elements there is one inner step, and its gradient is that of autograd."""
    monkeypatch.setattr(compiled, "compiled", lambda function: None)  # which says the same, see below
    codes = np.random.default_rng(0).uniform(-1, 1, (2, 5))
    learner = kind(5, 4, window=6, seed=1).double()
    twin = copy.deepcopy(learner)
    for t, code in enumerate(codes):
        learner.learn(Element(code, t, t))
    u, target = torch.from_numpy(codes)
    y = twin.readout(twin.rnn(twin.project(u)[None])[0][0])
    ((y - target) ** 2).mean().backward()
    for ours, theirs in zip(learner.parameters(), twin.parameters()):
        step = theirs.detach() - twin.learning_rate * theirs.grad
        torch.testing.assert_close(ours.detach(), step, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", [OnlineLSTM, OnlineGRU])
@pytest.mark.parametrize("whole", [False, True])
def test_gradients_through_a_window_are_those_of_autograd(kind, whole):
    codes = np.random.default_rng(1).uniform(-1, 1, (8, 5))
    learner = kind(5, 4, window=8, seed=2).double()
    team = kind.together([learner])
    state, states = team.kernel.start(), []
    for j in range(7):
        state = team.kernel.forward(j, codes[j][None], state)
        states.append(state)
    if whole:
        team.kernel.descend_all(states, [code[None] for code in codes[1:]], 1.0)
    else:
        team.kernel.descend(6, state, codes[7][None], 1.0)
    twin = copy.deepcopy(learner)
    wrong = twin.readout(twin.rnn(twin.project(torch.from_numpy(codes[:7])))[0]) - torch.from_numpy(codes[1:])
    (0.5 * (wrong**2).sum() if whole else (wrong[-1] ** 2).mean()).backward()
    team.write_back()
    for ours, theirs in zip(learner.parameters(), twin.parameters()):
        torch.testing.assert_close(ours.detach(), theirs.detach() - theirs.grad, rtol=0, atol=1e-13)


def test_replay_follows_old_activations_by_present_weights():
    """The second inner step by hand: activations of the first as stored, weights as the first left them."""
    codes = np.random.default_rng(2).uniform(-1, 1, (3, 3))
    learner = OnlineLSTM(3, 2, window=4, seed=3, learning_rate=0.3).double()
    twin = copy.deepcopy(learner)
    for t, code in enumerate(codes[:2]):
        learner.learn(Element(code, t, t))
        twin.learn(Element(code, t, t))
    learner.learn(Element(codes[2], 2, 2))
    # what comes back from step 1 by autograd, with the weights that step 0 left; further back by hand
    u = torch.from_numpy(codes)
    first = copy.deepcopy(twin)
    out, _ = first.rnn(first.project(u[:1]))
    ((first.readout(out[0]) - u[1]) ** 2).mean().backward()
    with torch.no_grad():
        for p in first.parameters():
            p -= 0.3 * p.grad
            p.grad = None
    _, (h, c) = twin.rnn(twin.project(u[:1]))
    h, c = h.detach().requires_grad_(), c.detach().requires_grad_()
    out, _ = first.rnn(first.project(u[1:2]), (h, c))
    ((first.readout(out[0]) - u[2]) ** 2).mean().backward()
    x = torch.from_numpy(codes[0])
    old = twin.rnn.weight_ih_l0 @ twin.project(x) + twin.rnn.bias_ih_l0 + twin.rnn.bias_hh_l0
    i, f, g, o = old.detach().split(2)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    tc = torch.tanh(i * g)
    dc = c.grad[0] + h.grad[0] * o * (1 - tc**2)
    d = torch.cat([dc * g * i * (1 - i), 0 * dc, dc * i * (1 - g**2), h.grad[0] * tc * o * (1 - o)])
    bias = first.rnn.bias_hh_l0.detach() - 0.3 * (first.rnn.bias_hh_l0.grad + d)
    torch.testing.assert_close(learner.rnn.bias_hh_l0.detach(), bias, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", [OnlineLSTM, OnlineGRU])
@pytest.mark.parametrize("rule", ["replay", "batch"])
def test_networks_side_by_side_are_as_each_by_itself(kind, rule):
    settings = {"window": 5, "n_hidden": 6, "rule": rule}
    method = replace(SHORT, max_elements=60, window=3)
    alone = [kind(25, seed=k, **settings).double() for k in range(3)]
    team = copy.deepcopy(alone)
    one_by_one = [dk.train(learner, TASK, method, seed=k) for k, learner in enumerate(alone)]
    together = train_together(team, TASK, method, seeds=[0, 1, 2])
    for a, b, x, y in zip(one_by_one, together, alone, team):
        assert np.array_equal(a.predictions, b.predictions)
        for p, q in zip(x.parameters(), y.parameters()):
            torch.testing.assert_close(p, q, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [OnlineLSTM, OnlineGRU])
def test_a_frozen_network_is_the_one_that_learnt(kind):
    learner = kind(25, seed=1).double()
    model = learner.freeze()
    u = torch.rand(4, 3, 25, dtype=torch.float64)
    ours = learner.readout(learner.rnn(learner.project(u).transpose(0, 1))[0]).transpose(0, 1)
    torch.testing.assert_close(model(u).outputs, ours, rtol=0, atol=1e-12)
    assert dk.as_system(model).input_size == 25


def test_time_delay_network_descends_the_gradient():
    codes = np.random.default_rng(0).uniform(-1, 1, (7, 4)).astype(np.float32)
    network = TDNN(4, lag=3, n_hidden=9, memory=7, n_epochs=2, learning_rate=0.1, seed=1)
    twin = copy.deepcopy(network)
    network._retrain(codes)
    optimiser = torch.optim.SGD(twin.parameters(), lr=0.1)
    for _ in range(2):
        for i in range(3):
            optimiser.zero_grad()
            wrong = twin(torch.from_numpy(codes[i : i + 3].reshape(-1))) - torch.from_numpy(codes[i + 3])
            (wrong**2).mean().backward()
            optimiser.step()
    for ours, theirs in zip(network.parameters(), twin.parameters()):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_time_delay_network_learns_only_when_its_time_has_come():
    network = TDNN(25, n_hidden=20, retrain_every=50, memory=100, n_epochs=1)
    before = network.hidden.weight.detach().clone()
    dk.train(network, TASK, replace(SHORT, max_elements=49, window=2))
    assert torch.equal(network.hidden.weight.detach(), before)
    dk.train(network, TASK, replace(SHORT, max_elements=5, window=2))
    assert not torch.equal(network.hidden.weight.detach(), before)


# --- columns --------------------------------------------------------------------------------------------------------


def by_hand(network, codes):
    """The columns neuron by neuron."""
    I = np.concatenate([code @ W for code, W in zip(codes, network.W_in.double().numpy())])
    W, n = network.W_rec.double().numpy(), network.size
    v, waiting, counts, spiked = np.zeros(n), np.zeros(n, int), np.zeros(n, int), np.zeros(n, bool)
    for t in range(network.n_steps):
        into = W[spiked].sum(axis=0) + (I if t else 0)
        spiked = np.zeros(n, bool)
        for k in range(n):
            v[k] *= np.exp(-0.01)
            if waiting[k] == 0:
                v[k] += into[k]
            else:
                waiting[k] -= 1
            if v[k] >= 13:
                spiked[k], counts[k], waiting[k], v[k] = True, counts[k] + 1, 5, 0.0
    return counts, np.flatnonzero(spiked)


def test_columns_spike_as_each_neuron_by_itself():
    network = CSNN(6, n_columns=3, n_neurons=8, seed=4)
    rng = np.random.default_rng(0)
    network.W_rec += torch.from_numpy(rng.normal(0, 2.0, (24, 24)).astype(np.float32))
    codes = rng.uniform(-0.2, 1, (3, 6))
    counts, last = network.present(codes)
    truth, at_end = by_hand(network, codes)
    assert truth.max() > 3
    assert counts.tolist() == truth.tolist()
    assert last.tolist() == at_end.tolist()


def test_a_neuron_that_is_driven_hard_spikes_every_sixth_step():
    network = CSNN(1, n_columns=1, n_neurons=1, n_steps=100)
    network.W_in[:] = 1.0
    counts, _ = network.present(np.array([[100.0]]))
    assert counts.tolist() == [17]  # steps 1, 7, ..., 97
    assert CSNN(1, n_columns=1, n_neurons=1).present(np.array([[-1.0]]))[0].tolist() == [0]


@pytest.mark.parametrize("own_block", [True, False])
def test_blocks_learn_the_product_of_what_is_beyond_the_mean_of_columns(own_block):
    network = CSNN(4, n_columns=3, n_neurons=2, eta=0.5, own_block=own_block)
    counts, last = np.array([4, 0, 1, 2, 1, 4]), np.array([0, 2, 5])
    network._hebb(counts, last)
    mean = np.array([2.0, 2.0])
    away = counts - np.tile(mean, 3)
    expected = np.zeros((6, 6))
    for i in last:
        for j in last:
            if own_block or i // 2 != j // 2:
                expected[i, j] = 0.5 * away[i] * away[j]
    np.testing.assert_allclose(network.W_rec.numpy(), expected)


def test_blocks_may_learn_what_is_beyond_the_mean_of_a_column():
    network = CSNN(4, n_columns=2, n_neurons=3, eta=0.5, mean="neurons")
    network._hebb(np.array([4, 0, 2, 9, 3, 3]), np.array([0, 3]))
    away = np.array([2.0, 0, 0, 4.0, 0, 0])
    np.testing.assert_allclose(network.W_rec.numpy(), 0.5 * np.outer(away, away))


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_the_memory_finds_the_first_of_the_nearest(metric, monkeypatch):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 4, (400, 130)).astype(float)
    rows[[7, 90, 311]] = rows[50]
    for fast in (True, False):
        if not fast:
            monkeypatch.setattr(compiled, "compiled", lambda function: None)
        memory = Contexts(130, metric)
        assert memory.nearest(rows[0]) is None
        for k, row in enumerate(rows):
            memory.add(row, k)
        assert memory.nearest(rows[50]) == 7
        for query in rng.integers(0, 4, (20, 130)).astype(float):
            gaps = np.abs(rows - query) if metric == "l1" else (rows - query) ** 2
            assert memory.nearest(query) == gaps.sum(axis=1).argmin()


def test_columns_that_run_away_stop_with_what_they_reached():
    network = CSNN(25, eta=1e9)
    history = dk.train(network, TASK, SHORT)
    assert "run away" in history.stopped
    assert history.stopped.startswith("stopped at element")
    assert 0 < history.n_elements < 400
    with pytest.raises(NumericalError, match="eta"):
        network._hebb(np.arange(1000), np.arange(1000))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("spoil", ["columns", "gates"])
def test_a_learner_that_comes_to_grief_leaves_its_neighbours_alone(spoil):
    def team():
        if spoil == "columns":
            return [CSNN(25, n_neurons=20, n_steps=60, eta=eta) for eta in (0.01, 1e9, 0.01)]
        made = [OnlineLSTM(25, 5, window=10, seed=seed) for seed in range(3)]
        with torch.no_grad():
            made[1].readout.weight.mul_(1e30)
        return made

    short = Online(max_elements=150, window=5)
    good, bad, other = train_together(team(), TASK, short, seeds=[0, 1, 2])
    assert bad.stopped.startswith("stopped at element")
    assert bad.n_elements < 150
    for history, seed in ((good, 0), (other, 2)):
        alone = dk.train(team()[seed], TASK, short, seed=seed)
        assert history.n_elements == alone.n_elements == 150
        np.testing.assert_array_equal(history.predictions, alone.predictions)


@pytest.mark.parametrize(
    ("make", "n", "tolerance"),
    [
        (lambda: OnlineLSTM(25, window=40, seed=1), 120, 2e-6),
        (lambda: OnlineGRU(25, 7, window=30, seed=2).double(), 150, 1e-10),
        (lambda: CSNN(25, seed=1), 300, 0.0),
    ],
)
def test_compiled_loops_and_numpy_give_the_same_network(make, n, tolerance, monkeypatch):
    method = Online(max_elements=n, window=5)
    fast, slow = make(), make()
    assert compiled.compiled(compiled.columns) is not None
    quick = dk.train(fast, TASK, method)
    monkeypatch.setattr(compiled, "compiled", lambda function: None)
    np.testing.assert_array_equal(dk.train(slow, TASK, method).predictions, quick.predictions)
    start = make().state_dict()
    for name, value in slow.state_dict().items():
        torch.testing.assert_close(fast.state_dict()[name], value, rtol=0, atol=tolerance)
    assert any(not torch.equal(start[name], value) for name, value in slow.state_dict().items())


def test_units_of_an_lstm_that_die_put_out_zero_and_stay_dead():
    learner = OnlineLSTM(25, 10, window=20, seed=2)
    other = OnlineLSTM(25, 10, window=20, seed=3)
    death = Online(max_elements=250, window=5, kill_at=120, kill_share=0.3)
    unhurt = copy.deepcopy(other)
    train_together([learner, other], TASK, replace(death, kill_share=0.0, max_elements=120), seeds=[2, 3])
    before = learner.freeze()(torch.from_numpy(TASK.draw(2).codes[None, :50]).float()).states[..., :10]
    assert (before.abs().amax(dim=(0, 1)) > 0).all()
    learner, other = OnlineLSTM(25, 10, window=20, seed=2), unhurt
    train_together([learner, other], TASK, death, seeds=[2, 3])
    for network in (learner, other):
        states = network.freeze()(torch.from_numpy(TASK.draw(2).codes[None, :50]).float()).states[..., :10]
        assert int((states == 0).all(dim=(0, 1)).sum()) == 3
    with pytest.raises(InputError, match="no gate that shuts"):
        dk.train(OnlineGRU(25, 5, window=5), TASK, replace(death, max_elements=130))


def test_neurons_that_die_are_silent():
    network = CSNN(25, seed=1)
    network.kill(0.3, np.random.default_rng(0))
    counts, _ = network.present(np.ones((10, 25)))
    assert ((counts == 0) == (network.alive.numpy() == 0)).all()
    assert int((network.alive == 0).sum()) == 300


def shown(n):
    """The first elements of a stream, and the past after each."""
    stream = TASK.draw(0)
    codes = stream.codes[stream.ids[:n]]
    return [Element(codes[t], int(stream.ids[t]), t) for t in range(n)], Past(codes, stream.ids[:n])


def test_asking_about_another_past_does_not_change_what_columns_learn():
    plain, asked = (CSNN(25, 3, 12, n_steps=60, eta=0.01, pairs="all") for _ in range(2))
    elements, past = shown(40)
    for element in elements:
        asked.predict(Past(past.codes[:7], past.ids[:7]))
        plain.learn(element)
        asked.learn(element)
    assert plain.W_rec.abs().sum() > 0
    assert torch.equal(asked.W_rec, plain.W_rec)
    assert asked.predict(past) == plain.predict(past)


def test_a_time_delay_network_learns_in_either_precision():
    single = TDNN(25, 12, lag=4, retrain_every=60, seed=1)
    double = copy.deepcopy(single).double()
    before = double.hidden.weight.detach().clone()
    for element in shown(61)[0]:
        single.learn(element)
        double.learn(element)
    assert (double.hidden.weight - before).abs().max() > 0.01
    torch.testing.assert_close(double.hidden.weight.float(), single.hidden.weight, rtol=0, atol=1e-5)


@pytest.mark.parametrize("change", ["train", "load"])
def test_a_network_predicts_and_learns_with_the_weights_it_has(change):
    learner, other = (OnlineLSTM(25, 5, window=8, seed=seed) for seed in (1, 2))
    elements, past = shown(12)
    for element in elements:
        learner.learn(element)
    if change == "train":
        dk.train(learner, TASK, replace(SHORT, max_elements=200))
        other.load_state_dict(learner.state_dict())
    else:
        learner.load_state_dict(other.state_dict())
    for element in elements:
        learner.learn(element)
        other.learn(element)
    for name, value in other.state_dict().items():
        assert torch.equal(learner.state_dict()[name], value)
    np.testing.assert_array_equal(learner.predict(past), other.predict(past))


def test_silence_is_a_miss_once_there_was_an_answer():
    class Once(Learner):
        """Answers the third question, and no other."""

        n_asked = 0

        def predict(self, past):
            self.n_asked += 1
            return 0 if self.n_asked == 3 else None

        def learn(self, element):
            pass

    stream = TASK.draw(0)
    history = dk.train(Once(25), TASK, SHORT)
    np.testing.assert_array_equal(history.positions, stream.ends[2 : (stream.ends < 400).sum()])
    assert not history.hits[1:].any()


def test_what_one_learner_writes_into_its_past_does_not_reach_the_others():
    class Spoils(Learner):
        def predict(self, past):
            past.codes[:] = 0
            with pytest.raises(ValueError, match="read-only"):
                past.ids[:] = 0

        def learn(self, element):
            pass

    alone = dk.train(Oracle(), TASK, SHORT, seed=1)
    _, beside = train_together([Spoils(25), Oracle()], TASK, SHORT)
    np.testing.assert_array_equal(beside.predictions, alone.predictions)


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dk.train(NearestNeighbours(25), TASK, Online(window=2357)), "window must be at most 2356"),
        (lambda: dk.train(NearestNeighbours(24), TASK, Online()), "task"),
        (lambda: dk.train(dk.models.GRU(25, 4, 25), TASK, Online()), "model must be a learner"),
        (lambda: dk.train(NearestNeighbours(2), dk.tasks.FlipFlop(2), Online()), "task must be a SequenceStream"),
        (lambda: Online(kill_share=0.2), "kill_at must say when"),
        (lambda: Online(kill_share=1.2, kill_at=3), "kill_share must be"),
        (
            lambda: dk.train(TDNN(25), TASK, Online(max_elements=300, window=5, kill_at=300, kill_share=0.1)),
            "kill_at must be below 300",
        ),
        (lambda: TDNN(25).kill(-0.1, np.random.default_rng(0)), "share must be a finite number in"),
        (lambda: CSNN(25).kill(1.5, np.random.default_rng(0)), "share must be a finite number in"),
        (lambda: OnlineLSTM(25).kill("half", np.random.default_rng(0)), "share must be a number"),
        (lambda: CSNN(25).kill(0.1, 0), "rng must be a numpy.random.Generator, got 0"),
        (lambda: train_together([TDNN(25)], TASK, SHORT, seeds=3), "seeds must be one per network, got 3"),
        (lambda: NearestNeighbours(0), "code_size must be at least 1"),
        (lambda: NearestNeighbours(25, k=0), "k must be at least 1"),
        (lambda: NearestNeighbours(25, metric="max"), "metric must be one of"),
        (lambda: TDNN(25, memory=5), "memory must be at least 12"),
        (lambda: OnlineLSTM(25, rule="none"), "rule must be one of"),
        (lambda: CSNN(25, eta=-1.0), "eta must be"),
        (lambda: CSNN(25, n_neurons=0), "n_neurons must be at least 1"),
        (lambda: Oracle().freeze(), "Oracle does not say what it is"),
        (lambda: dk.train(NearestNeighbours(25), TASK, Online(kill_at=3, kill_share=0.1)), "no units that could die"),
    ],
)
def test_bad_input_is_one_sentence(call, said):
    with pytest.raises(InputError, match=said):
        call()
