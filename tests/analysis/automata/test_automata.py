"""Machines, and reading them out of networks whose machine is known."""

import itertools

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError
from dynakit.tasks import EmbeddedReber, Parity

ONE = {"a": [1.0]}


def random_machine(rng, n_states=7, n_symbols=2, n_labels=2):
    transitions = rng.integers(n_states, size=(n_states, n_symbols))
    labels = rng.integers(n_labels, size=n_states).astype(str)
    return dk.Automaton([chr(97 + k) for k in range(n_symbols)], labels, transitions)


def as_network(machine, noise=0.3):
    """A network that carries out a machine: one unit per state and a leaking one; symbols are one-hot."""
    n, m = machine.transitions.shape
    W = np.zeros((m, n, n))
    for state, symbol in itertools.product(range(n), range(m)):
        if machine.transitions[state, symbol] >= 0:
            W[symbol, machine.transitions[state, symbol], state] = 1
    W = torch.from_numpy(W)

    def step(x, u):
        on = torch.einsum("bs,sij,bj->bi", u, W, x[:, :n])
        return torch.cat([torch.sigmoid(20 * (on - 0.5)).round(), noise * x[:, n:] + u[:, :1]], 1)

    start = torch.zeros(n + 1, dtype=torch.float64)
    start[machine.start] = 1.0

    class Started(dk.FunctionSystem):
        def initial_state(self):
            return start

    return Started(step, n + 1, m, argument_order="state, input")


def alphabet(machine):
    return dict(zip(machine.symbols.tolist(), np.eye(len(machine.symbols))))


def decoder(machine):
    return lambda y: machine.labels[y[..., :-1].argmax(-1)]


def words_until(machine, length):
    names = machine.symbols.tolist()
    return [list(w) for k in range(length + 1) for w in itertools.product(names, repeat=k)]


@pytest.mark.parametrize("seed", range(6))
def test_the_minimal_machine_says_the_same_after_every_word_and_no_smaller_one_does(seed):
    machine = random_machine(np.random.default_rng(seed))
    minimal = machine.minimal()
    words = words_until(machine, 8)
    assert [minimal.label(w) for w in words] == [machine.label(w) for w in words]
    # Nerode: as many states as there are kinds of futures among the words
    futures = {tuple(machine.label([*w, *v]) for v in words_until(machine, 5)) for w in words_until(machine, 5)}
    assert len(minimal) == len(futures)
    assert machine.difference(minimal) is None


def test_a_difference_is_a_shortest_one():
    rng = np.random.default_rng(3)
    for _ in range(20):
        one, other = random_machine(rng, 4), random_machine(rng, 4)
        wanted = next((w for w in words_until(one, 8) if one.label(w) != other.label(w)), None)
        found = one.difference(other)
        assert (found is None) == (wanted is None)
        if found is not None:
            assert len(found) == len(wanted)
            assert one.label(found) != other.label(found)


def test_a_machine_whose_words_may_not_go_on_everywhere():
    chain = dk.Automaton.from_table({("s", "a"): "t", ("t", "b"): "s"}, {"s": "a", "t": "b"}, "s")
    assert chain.label("ab") == "a"
    assert chain.label("b") is None
    assert chain.path("abb").tolist() == [0, 1, 0, -1]
    loose = dk.Automaton(["a", "b"], ["a", "b"], [[1, -1], [-1, -1]])
    assert chain.difference(loose) == ["a", "b"]
    assert chain.words() == [[], ["a"]]


@pytest.mark.parametrize("seed", range(8))
def test_the_machine_of_a_network_that_carries_one_out_is_found(seed):
    rng = np.random.default_rng(seed)
    machine = random_machine(rng, n_states=int(rng.integers(2, 13)), n_symbols=int(rng.integers(1, 4)), n_labels=3)
    found = dk.extract_automaton(as_network(machine), alphabet(machine), decoder(machine), words=400, seed=seed)
    assert found.automaton.difference(machine) is None
    assert len(found.automaton) == len(machine.minimal())
    assert found.counterexample is None
    assert found.stress_example is None
    assert found.n_agreeing == found.n_words == 400
    assert found.complete
    assert found.separation > 0.5


def test_a_counter_modulo_three_has_three_states_and_no_point_at_rest():
    turn = 2 * np.pi / 3

    def step(x, u):
        c, s = torch.cos(turn * u), torch.sin(turn * u)
        x = torch.where((x == 0).all(1, keepdim=True), torch.tensor([1.0, 0.0], dtype=x.dtype), x)
        x = torch.cat([c * x[:, :1] - s * x[:, 1:], s * x[:, :1] + c * x[:, 1:]], 1)
        return x / x.norm(dim=1, keepdim=True)

    net = dk.FunctionSystem(step, 2, 1)

    def sector(y):
        return np.array(["0", "1", "2"])[np.round(np.arctan2(y[..., 1], y[..., 0]) / turn).astype(int) % 3]

    found = dk.extract_automaton(net, {"tick": [1.0]}, sector, words=50)
    assert len(found.automaton) == 3
    assert found.automaton.transitions[:, 0].tolist() == [1, 2, 0]
    assert found.automaton.label(["tick"] * 200) == "2"


def grammar(task):
    return dk.Automaton.from_table(task.automaton, task.automaton_labels, 0, task.symbols)


def test_the_grammar_of_a_network_that_knows_it_is_found_and_accepts_the_same():
    task = EmbeddedReber()
    machine = grammar(task)
    found = dk.extract_automaton(
        as_network(machine), task, lambda y: np.array([*machine.labels])[y[..., :-1].argmax(-1)], words=300
    )
    assert found.counterexample is None
    assert found.stress_example is None
    assert found.automaton.difference(machine) is None
    assert len(found.automaton) == len(machine.minimal()) == 20  # the two states before the last E are one
    for string in task.draw(50, seed=3):
        assert found.automaton.label(string) == "."
        assert found.automaton.label(string[:-2] + "S") is None


def test_what_a_network_forgets_in_a_loop_is_found_by_stress_alone():
    """A memory that leaks: words of up to six symbols never see it, thirty times the same symbol do."""

    def step(x, u):
        kept = torch.where(x[:, :1].abs() > 0.05, 0.9 * x[:, :1], 0.0 * x[:, :1])
        return torch.where(u[:, :1] > 0, torch.ones_like(kept), kept)

    net = dk.FunctionSystem(step, 1, 2)

    def read(y):
        return np.where(y[..., 0] > 0.05, "on", "off")

    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(["s", "w"], rng.integers(1, 7))) for _ in range(200)]
    found = dk.extract_automaton(net, {"s": [1.0, 0.0], "w": [0.0, 1.0]}, read, words=words)
    assert len(found.automaton) == 2
    assert found.counterexample is None
    assert found.stress_example is not None
    assert found.stress_example == ["s", *["w"] * (len(found.stress_example) - 1)]
    assert "under stress they part after" in found.headline()


def test_a_network_that_is_not_finite_any_more_says_so_and_no_label():
    net = dk.FunctionSystem(lambda x, u: torch.where(u > 0, torch.nan, 0.5 * x), 1, 1, argument_order="state, input")
    alphabet = {"0": [0.0], "1": [1.0]}
    found = dk.extract_automaton(net, alphabet, lambda y: np.where(y[..., 0] > 5, "high", "low"), words=["0010", "000"])
    assert found.automaton.labels.tolist() == ["low", "!"]
    assert found.automaton.label("01000") == "!"
    assert found.counterexample is None


def test_a_search_that_is_ended_says_so():
    def count(x, u):
        return x + u

    net = dk.FunctionSystem(count, 1, 1, argument_order="state, input")

    def many(y):
        return np.where(y[..., 0] > 20, "many", "few")

    found = dk.extract_automaton(net, {"1": [1.0]}, many, max_states=5, words=[["1"] * 25])
    assert not found.complete
    assert found.counterexample is not None
    assert "ended by max_states" in found.headline()


@pytest.mark.parametrize("kind", [int, float, bool, str])
def test_labels_of_any_kind_are_read_as_their_names(kind):
    machine = dk.Automaton.from_table({(0, "a"): 1, (1, "a"): 0, (0, "b"): 0, (1, "b"): 1}, {0: "0", 1: "1"}, 0)
    where = decoder(machine)
    found = dk.extract_automaton(
        as_network(machine), alphabet(machine), lambda y: where(y).astype(int).astype(kind), words=100
    )
    assert found.n_agreeing == 100
    assert found.counterexample is None
    assert len(found.automaton) == 2
    assert set(found.labels) == {str(kind(0)), str(kind(1))}


def test_symbols_may_be_numbers():
    machine = random_machine(np.random.default_rng(0))
    named = dict(enumerate(np.eye(2)))
    found = dk.extract_automaton(as_network(machine), named, decoder(machine), words=[[0, 1, 1], [1, 0]])
    assert found.symbols == ["0", "1"]
    assert found.n_agreeing == 2


def test_parity_is_read_out_of_a_guessed_network():
    task = Parity(length=(10, 20), signed=True, settling=0, every_step=True)
    model = dk.models.LeakyRNN.for_task(task, 2, dt=20.0, tau=20.0, form="rate", activation="sigmoid")
    history = dk.train(model, task, dk.training.WeightGuessing(n_trials=32), seed=1)
    assert history.stopped.endswith("solves all trials")
    found = dk.extract_automaton(dk.as_system(model), task, words=500)
    wanted = dk.Automaton.from_table(task.automaton, {"even": "even", "odd": "odd"}, "even")
    assert found.automaton.difference(wanted) is None
    assert found.counterexample is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: dk.extract_automaton(net, {}, str), "alphabet must be a dict"),
        (lambda net: dk.extract_automaton(net, {"a": [1.0, 2.0]}, str), r"alphabet\['a'\] must have shape"),
        (lambda net: dk.extract_automaton(net, {"a": [1.0]}), "decode must be a function"),
        (lambda net: dk.extract_automaton(net, ONE, lambda y: np.zeros(3), words=2), "decode must give a label"),
        (lambda net: dk.extract_automaton(net, ONE, str, words=["ab"]), r"words\[0\] must hold only"),
        (lambda net: dk.extract_automaton(net, ONE, str, words=2.0), "words must be how many, or a list"),
        (lambda net: dk.extract_automaton(net, ONE, str, words=[3]), r"words\[0\] must be a string or a list"),
        (lambda net: dk.extract_automaton(net, ONE, str, whole=3), "whole must be a function"),
        (lambda net: dk.extract_automaton(net, ONE, str, max_states=0), "max_states must be"),
        (lambda net: dk.Automaton(["a", "a"], ["x"], [[0, 0]]), "symbols must be names, each once"),
        (lambda net: dk.Automaton(["a"], ["x"], [[1]]), "must be states from 0 to 0"),
        (lambda net: dk.Automaton(["a"], ["x"], [0]), "transitions must be whole numbers of shape"),
        (lambda net: dk.Automaton(["a"], ["x"], [[0]]).label("b"), "word must hold only the symbols a, got 'b'"),
        (lambda net: dk.Automaton(["a"], ["x"], [[0]]).label(None), "word must be a string or a list"),
        (lambda net: dk.Automaton(["a"], ["x"], [[0]], 0.5), "start must be a whole number"),
        (lambda net: dk.Automaton(["a"], ["x"], [[0]], 1), "start must be between 0 and 0"),
        (lambda net: dk.Automaton(["a", "b"], ["x", "y"], [[0, 1], [1]]), "transitions must be a rectangular"),
        (lambda net: dk.Automaton(["a"], "x", [[0]]), "labels must be one per state"),
        (lambda net: dk.Automaton(["a"], [["x"]], [[0]]), "labels must be one per state"),
        (lambda net: dk.Automaton([], ["x"], [[]]), "symbols must be names, each once, and at least one"),
        (lambda net: dk.Automaton.from_table({(0, "a"): 1}, {0: "x"}, 0), "names a state without a label"),
        (lambda net: dk.Automaton.from_table({(0, "a"): 0}, {0: "x"}, 3), "start must be a state with a label"),
        (lambda net: dk.Automaton.from_table({5: 0}, {0: "x"}, 0), "table must have keys"),
        (lambda net: dk.Automaton.from_table([(0, "a", 0)], {0: "x"}, 0), "table must be"),
        (lambda net: dk.Automaton(["a"], ["x"], [[0]]).difference(3), "other must be Automaton, got int"),
        (
            lambda net: dk.Automaton(["a"], ["x"], [[0]]).difference(dk.Automaton(["b"], ["x"], [[0]])),
            "other must have the symbols a, got b",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call(dk.FunctionSystem(lambda x, u: 0.5 * x + u[:, :1] * torch.ones(1, 2).double(), 2, 1))
