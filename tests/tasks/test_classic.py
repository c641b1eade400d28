"""The classic sequence tasks against what is known of them: languages, frequencies, chance levels, sizes."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import torch

from dynakit.errors import InputError
from dynakit.models import Elman, FullyConnected
from dynakit.tasks import Adding, CountingLanguage, EmbeddedReber, Parity, TemporalOrder

# --- parity -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("settling", [0, 3])
def test_the_answer_is_the_parity_of_the_ones(signed, settling):
    task = Parity(length=(1, 9), signed=signed, settling=settling)
    trials = task.sample(400, seed=1)
    for k in range(len(trials)):
        n = int(trials.lengths[k])
        shown = trials.inputs[k, :n, 0].numpy()
        assert set(shown) <= {-1.0 if signed else 0.0, 1.0}
        assert (shown[n - settling :] == task.rest[0]).all()
        assert trials.mask[k, :, 0].nonzero().tolist() == [[n - 1]]
        assert trials.targets[k, n - 1, 0] == (shown == 1).sum() % 2
        assert trials.conditions["parity"][k] == ["even", "odd"][(shown == 1).sum() % 2]
    assert set(np.unique(trials.lengths.numpy() - settling)) == set(range(1, 10))
    assert abs((trials.conditions["parity"] == "odd").mean() - 0.5) < 0.12  # of 400, five standard errors


def test_at_every_step_the_parity_so_far_is_asked_for_and_the_last_is_scored():
    trials = Parity(length=12, every_step=True, settling=2).sample(50, seed=2)
    sums = trials.inputs[..., 0].cumsum(1) % 2
    assert torch.equal(trials.targets[:, 2:, 0], sums[:, :-2])
    assert trials.mask[..., 0].sum(1).tolist() == [12] * 50
    assert trials.score_mask[..., 0].argmax(1).tolist() == [13] * 50
    assert trials.score_mask.sum() == 50


def test_two_states_that_flip_solve_strings_of_any_length():
    """h' = h XOR bit, written as a network: the answer of the automaton at the last step."""
    trials = Parity(length=(500, 600)).sample(40, seed=3)
    state, said = torch.zeros(40), []
    for bit in trials.inputs[..., 0].unbind(1):
        state = (state - bit).abs()
        said.append(state)
    outputs = torch.stack(said, 1)[..., None]
    assert Parity().solved(outputs, trials)
    assert Parity().score(1 - outputs, trials) == 0.0


# --- the embedded Reber grammar -----------------------------------------------------------------------------

FROM_4 = "(?:XT*VP)*(?:SE|XT*VVE)"
INNER = f"B(?:TS*X{FROM_4}|PT*V(?:P{FROM_4}|VE))"
EMBEDDED = re.compile(f"B(?:T{INNER}T|P{INNER}P)E")  # the grammar once more, as a regular expression
REBER = EmbeddedReber()


@pytest.fixture(scope="module")
def drawn():
    return REBER.draw(20_000, seed=0)


def test_strings_are_those_of_the_grammar(drawn):
    assert all(EMBEDDED.fullmatch(string) for string in drawn[:2000])
    rng = np.random.default_rng(0)
    for string in drawn[:300]:
        at, symbol = rng.integers(len(string)), "BTPSXVE"[rng.integers(7)]
        changed = string[:at] + symbol + string[at + 1 :]
        assert REBER.accepts(changed) == bool(EMBEDDED.fullmatch(changed))
        assert not REBER.accepts(string[:-1])
    every = ["".join(s) for n in range(1, 6) for s in itertools.product("BTPSXVE", repeat=n)]
    inner = [f"B{c}{s}{c}E" for s in every[::7] for c in "TP"]
    assert [s for s in inner if REBER.accepts(s)] == [s for s in inner if EMBEDDED.fullmatch(s)]


def test_lengths_are_those_that_were_measured(drawn):
    n = np.array([len(string) for string in drawn])
    assert n.min() == 9
    assert n.max() <= 60
    assert np.median(n) == 11
    assert np.quantile(n, 0.95) <= 19
    assert abs(n.mean() - _mean_length()) < 5 * n.std() / np.sqrt(len(n))
    assert _mean_length() == pytest.approx(12.0, abs=0.1)


def _mean_length():
    """Expected symbols to the end, from the automaton: m = 1 + P m."""
    moves = np.zeros((20, 20))
    for (state, _), after in REBER.automaton.items():
        ways = sum(s == state for s, _ in REBER.automaton)
        if after < 20:
            moves[state, after] += 1 / ways
    return np.linalg.solve(np.eye(20) - moves, np.ones(20))[0]


def test_nineteen_states_predict_and_only_those_before_the_last_symbol_are_the_same():
    """Partition refinement (Moore 1956)."""
    machine = REBER.automaton
    states = {s for s, _ in machine} | set(machine.values())
    kind = {s: int(s == 20) for s in states}
    for _ in states:
        names = {s: (kind[s], tuple(kind.get(machine.get((s, c)), -1) for c in "BTPSXVE")) for s in states}
        order = sorted(set(names.values()))
        kind = {s: order.index(names[s]) for s in states}
    assert len(states) == 21
    assert [sorted(s for s in states if kind[s] == k) for k in set(kind.values())].count([10, 19]) == 1
    assert len(set(kind.values())) == 20
    met = {int(s) for string in REBER.draw(300, seed=2) for s in REBER.states(string)[:-1]}
    assert len(met) == 19


def test_legal_successors_are_those_that_lead_to_a_whole_string(drawn):
    beginnings: dict[str, set[str]] = {}
    for string in drawn:
        for k in range(1, min(len(string), 9)):
            beginnings.setdefault(string[:k], set()).add(string[k])
    seen = [(b, after) for b, after in beginnings.items() if sum(s.startswith(b) for s in drawn[:4000]) > 40]
    assert len(seen) > 30
    for beginning, after in seen:
        assert set(REBER.legal(beginning)) == after
    assert REBER.legal("") == "B"
    assert REBER.legal(drawn[0]) == ""
    assert REBER.legal("BTBTSXXVPSE") == "T"  # and not P: what came second


def test_a_string_is_right_where_all_that_may_come_is_more_active_than_all_that_may_not():
    trials = REBER.show(["BTBTXSETE", "BPBPVVEPE"])
    outputs = REBER.ideal(trials)
    np.testing.assert_allclose(outputs[0, :4].sum(-1), 1)
    assert outputs[0, 0].tolist() == [0, 0.5, 0.5, 0, 0, 0, 0]
    outputs[0, 0, 1] = 0.01  # T is hardly more active than what may not come
    assert REBER.right(outputs, trials).tolist() == [True, True]
    outputs[0, 0, 1] = 0.0
    assert REBER.right(outputs, trials).tolist() == [False, True]
    assert REBER.score(trials.targets, trials) == 0.0  # of two that may come one
    outputs = REBER.ideal(trials)
    outputs[1, 6, [1, 2]] = outputs[1, 6, [2, 1]]  # the other outer symbol
    assert REBER.right(outputs, trials).tolist() == [True, False]
    assert REBER.decode(REBER.ideal(trials))[0, :4].tolist() == ["TP", "B", "TP", "SX"]


def test_targets_are_the_symbols_that_came_and_trials_end_before_the_last():
    trials = EmbeddedReber(longest=30).sample(20, seed=4)
    for k, string in enumerate(trials.conditions["string"]):
        n = len(string) - 1
        assert int(trials.lengths[k]) == n
        assert "".join("BTPSXVE"[j] for j in trials.inputs[k, :n].argmax(-1)) == string[:-1]
        assert "".join("BTPSXVE"[j] for j in trials.targets[k, :n].argmax(-1)) == string[1:]
        assert trials.conditions["outer"][k] == string[1] == string[-2]


def test_cross_entropy_is_that_of_the_symbols_that_came():
    task = EmbeddedReber(error="entropy", longest=20)
    trials = task.sample(9, seed=5)
    outputs = torch.randn(trials.targets.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    wanted = torch.nn.functional.cross_entropy(outputs[trials.valid], trials.targets[trials.valid].argmax(-1))
    given = outputs.masked_fill(~trials.valid[..., None], torch.nan).requires_grad_()
    loss = task.loss(given, trials)
    assert float(loss.detach()) == pytest.approx(float(wanted), rel=1e-9)
    loss.backward()
    assert not given.grad[~trials.valid].any()
    assert given.grad.isfinite().all()
    legal = REBER.ideal(trials).double()
    bits = (legal[trials.valid] == 0.5).any(-1).double().mean() * np.log(2)  # nothing but which of two it will be
    assert float(task.loss(legal.log().clamp(min=-1e4), trials)) == pytest.approx(float(bits), abs=1e-6)


def test_fixed_sets_are_fixed_and_apart():
    for pair in range(3):
        task = EmbeddedReber(pair=pair)
        train, test = task.fixed("train"), task.fixed("test")
        assert len(train) == len(test) == 256
        assert not set(train) & set(test)
        assert task.fixed("train") == train
        assert sorted(EmbeddedReber(strings="test", pair=pair).sample(256, seed=9).conditions["string"]) == sorted(test)
    assert EmbeddedReber(pair=1).fixed("train") != EmbeddedReber(pair=2).fixed("train")


def test_weights_of_the_published_networks():
    """Hochreiter and Schmidhuber 1997, table 1: biases are not among these."""
    counts = [FullyConnected(7, 7 + more, 7) for more in (3, 12)]
    assert [sum(p.numel() for p in net.parameters() if p.ndim > 1) for net in counts] == [170, 494]
    assert sum(p.numel() for p in Elman(7, 15, 7).parameters() if p.ndim > 1) == 435


# --- counting -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letters", ["ab", "abc"])
def test_the_sets_asked_for_are_those_of_the_language(letters):
    task = CountingLanguage(letters, n=(1, 5))
    language = ["S" + "".join(letter * n for letter in letters) + "S" for n in range(1, 15)]
    trials = task.every(range(1, 6))
    assert trials.lengths.tolist() == [1 + len(letters) * n for n in range(1, 6)]
    for k, string in enumerate(trials.conditions["string"]):
        for t in range(len(string)):
            beginning = string[: t + 1]
            after = {whole[t + 1] for whole in language if whole.startswith(beginning)}
            wanted = {task.symbols[j] for j in (trials.targets[k, t] > 0).nonzero()[:, 0]}
            assert wanted == after == set(task.legal(beginning)), beginning
            assert set(task.decode(trials.targets[k, t]).item()) == after
    drawn = task.sample(202, seed=1).conditions["n"]
    assert np.abs(np.bincount(drawn)[1:] - 40.4).max() < 1  # each as often as every other
    assert not np.array_equal(drawn[:5], drawn[5:10])


@pytest.mark.parametrize("letters", ["ab", "abc"])
def test_only_strings_of_the_language_are_accepted(letters):
    task = CountingLanguage(letters)
    language = {"S" + "".join(letter * n for letter in letters) for n in range(1, 4)}
    for n in range(1, 6):
        for string in map("".join, itertools.product(task.symbols, repeat=n)):
            assert task.accepts(string) == (string in language), string


def test_the_entropy_of_signs_is_that_of_each_symbol_summed():
    squared, entropy = CountingLanguage("abc"), CountingLanguage("abc", error="entropy")
    trials = entropy.every([1, 3])
    outputs = torch.randn(trials.targets.shape, generator=torch.Generator().manual_seed(0)).double()
    outputs[0, trials.lengths[0] :] = torch.nan  # beyond the end
    total = 0.0
    for k, length in enumerate(trials.lengths.tolist()):
        may = (trials.targets[k, :length] > 0).double()
        total += float(torch.nn.functional.binary_cross_entropy_with_logits(outputs[k, :length], may, reduction="sum"))
    assert float(entropy.loss(outputs, trials)) == pytest.approx(total / int(trials.lengths.sum()), rel=1e-6)
    assert float(entropy.loss(outputs, trials)) != pytest.approx(float(squared.loss(outputs, trials)))


def test_a_counter_solves_it_and_one_that_counts_to_five_only_does_not():
    task = CountingLanguage("ab", n=(1, 10))
    trials = task.every(range(1, 11))
    a, b = trials.inputs[..., 1].cumsum(1), trials.inputs[..., 2].cumsum(1)
    for cap, n_right in ((99, 10), (5, 5)):
        left = (a.clamp(max=cap) - b).clamp(min=0)
        said = torch.stack([(b > 0) & (left == 0), b == 0, (a > 0) & (left > 0)], -1).double() * 2 - 1
        assert task.right(said, trials).sum() == n_right
        assert task.solved(said, trials) == (n_right == 10)


# --- adding -------------------------------------------------------------------------------------------------


def test_the_sum_is_that_of_the_marked_values_of_1997():
    task = Adding(length=40)
    trials = task.sample(2000, seed=1)
    n, values, markers = trials.lengths.numpy(), *trials.inputs.numpy().transpose(2, 0, 1)
    assert (n.min(), n.max()) == (40, 44)
    rows = np.arange(2000)
    assert (markers[:, 0] == -1).all()
    assert (markers[rows, n - 1] == -1).all()
    assert ((markers == -1) & trials.valid.numpy()).sum() == 4000
    sums = (values * (markers == 1)).sum(axis=1)  # a marked first pair has marker -1, and counts as 0
    np.testing.assert_allclose(trials.targets[rows, n - 1, 0], 0.5 + sums / 4, atol=1e-6)
    assert trials.mask.sum() == 2000
    t1, t2 = trials.conditions["t1"], trials.conditions["t2"]
    assert set(t1) == set(range(10))
    assert set(t2) == set(range(20))
    assert (t1 != t2).all()
    assert ((markers == 1).sum(axis=1) == 2 - (t1 == 0) - (t2 == 0)).all()


def test_chance_levels_of_adding():
    """To say 0.5: the values have variance 1/3, but for those of the first pair, and |X1 + X2| < 0.16 is right."""
    task, n = Adding(), 20_000
    trials = task.sample(n, seed=2)
    half = torch.full_like(trials.targets, 0.5)
    zero = np.array([0.1, 0.9 / 49])  # that the first, or the second, is the first pair
    expected = (1 - zero).sum() / 3 / 16
    assert float(task.loss(half, trials)) == pytest.approx(expected, rel=0.04)
    assert float(task.loss(half, trials)) == pytest.approx(1 / 24, rel=0.1)
    right = 0.16 - 0.16**2 / 4
    assert task.score(half, trials) == pytest.approx(right + (0.16 - right) * zero.sum(), abs=5 * np.sqrt(0.13 / n))
    assert task.score(half, trials) == pytest.approx(0.15, abs=0.02)
    assert not task.solved(half, trials)


def test_the_modern_variant_adds_one_value_of_each_half():
    task = Adding(variant="modern", length=51)
    trials = task.sample(4000, seed=3)
    values, markers = trials.inputs.double().numpy().transpose(2, 0, 1)
    assert not trials.ragged
    assert set(np.unique(markers)) == {0.0, 1.0}
    assert (markers[:, :25].sum(axis=1) == 1).all()
    assert (markers[:, 25:].sum(axis=1) == 1).all()
    np.testing.assert_allclose(trials.targets[:, -1, 0], (values * markers).sum(axis=1), atol=1e-6)
    ones = torch.ones_like(trials.targets)
    assert float(task.loss(ones, trials)) == pytest.approx(1 / 6, rel=0.08)


def test_adding_is_solved_by_answers_within_a_twentyfifth():
    task = Adding()
    trials = task.sample(50, seed=4)
    assert task.solved(trials.targets + 0.039, trials)
    assert task.score(trials.targets + 0.041, trials) == 0.0
    assert task.decode([[0.0], [0.49], [1.3], [np.nan]]).tolist() == ["0", "0.5", "1", "?"]


# --- temporal order -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_symbols", "places"), [(2, [(10, 20), (50, 60)]), (3, [(10, 20), (33, 43), (66, 76)])])
def test_rare_symbols_come_where_they_should_and_the_class_is_their_order(n_symbols, places):
    task = TemporalOrder(n_symbols=n_symbols)
    trials = task.sample(1500, seed=1)
    strings = trials.inputs.argmax(-1).numpy()
    n = trials.lengths.numpy()
    assert (n.min(), n.max()) == (100, 110)
    met = [set() for _ in places]
    for k, row in enumerate(strings):
        string = "".join("EBXYabcd"[j] for j in row[: n[k]])
        assert (string[0], string[-1]) == ("E", "B")
        assert not set(string[1:-1]) & set("EB")
        at = [t for t, symbol in enumerate(string) if symbol in "XY"]
        order = "".join(string[t] for t in at)
        assert order == trials.conditions["order"][k] == task.classes[trials.targets[k, n[k] - 1].argmax()]
        for found, t in zip(met, at, strict=True):
            found.add(t)
    assert [(min(found), max(found)) for found in met] == places
    assert task.decode(np.eye(2**n_symbols)).tolist() == task.classes == sorted(task.classes)
    shares = np.bincount([task.classes.index(o) for o in trials.conditions["order"]], minlength=2**n_symbols) / 1500
    np.testing.assert_allclose(shares, 2.0**-n_symbols, atol=5 * 0.5 / np.sqrt(1500))


def test_a_tail_puts_the_question_off():
    plain, tail = TemporalOrder().sample(300, seed=2), TemporalOrder(tail=200).sample(300, seed=2)
    more = (tail.lengths - plain.lengths).numpy()
    assert more.min() < 10
    assert more.max() > 190
    assert abs(more.mean() - 100) < 5 * 58 / np.sqrt(300)
    assert (tail.conditions["order"] == plain.conditions["order"]).all()
    rows = np.arange(300)
    assert (tail.inputs[rows, tail.lengths - 1].argmax(-1) == 1).all()
    assert set(tail.inputs[0, int(plain.lengths[0]) : int(tail.lengths[0]) - 1].argmax(-1).tolist()) <= {4, 5, 6, 7}


def test_an_order_is_right_within_three_tenths():
    task = TemporalOrder()
    trials = task.sample(20, seed=3)
    assert task.solved(trials.targets * 0.71, trials)
    assert task.score(trials.targets * 0.69, trials) == 0.0  # the class would be right
    assert task.score(torch.full_like(trials.targets, 0.25), trials) == 0.0


# --- what cannot be -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Parity(length=0), "length must be at least 1, got 0"),
        (lambda: Parity(length=(6, 5)), "length must be a pair"),
        (lambda: Parity(settling=-1), "settling must be at least 0"),
        (lambda: EmbeddedReber(longest=8), "longest must be at least 9, got 8"),
        (lambda: EmbeddedReber(strings="all"), "strings must be one of 'fresh', 'train', 'test', got 'all'"),
        (lambda: EmbeddedReber(error="mean"), "error must be one of 'squared', 'entropy', got 'mean'"),
        (lambda: EmbeddedReber().fixed("fresh"), "which must be one of 'train', 'test'"),
        (lambda: EmbeddedReber().legal("BTA"), "string must hold only the symbols BTPSXVE, got 'A' at place 2"),
        (lambda: EmbeddedReber().legal("BTX"), "got 'X' at place 2 of 'BTX', where B may come"),
        (lambda: EmbeddedReber().legal("BTBTXSETEB"), "got 'B' at place 9 of 'BTBTXSETEB', where nothing may come"),
        (lambda: EmbeddedReber().accepts("BTb"), "got 'b' at place 2"),
        (lambda: EmbeddedReber().accepts(""), "string must be one or more of the symbols"),
        (lambda: EmbeddedReber().accepts(None), "string must be one or more of the symbols BTPSXVE, got None"),
        (lambda: EmbeddedReber().show(["BTBTXSETE", "BTBTXSEPE"]), r"strings\[1\] must be a string of the language"),
        (lambda: EmbeddedReber().show([]), "strings must hold at least one string"),
        (lambda: CountingLanguage("abcd"), "letters must be one of 'ab', 'abc', got 'abcd'"),
        (lambda: CountingLanguage(n=0), "n must be at least 1, got 0"),
        (lambda: CountingLanguage(n=(0, 5)), r"n\[0\] must be at least 1, got 0"),
        (lambda: CountingLanguage().string(0), "n must be at least 1, got 0"),
        (lambda: CountingLanguage().every([]), "strings must hold at least one string"),
        (lambda: CountingLanguage().accepts("Sac"), "string must hold only the symbols Sab, got 'c' at place 2"),
        (lambda: CountingLanguage().legal("Sabb"), r"string must begin a string Sa\^n b\^n, got 'Sabb'"),
        (lambda: CountingLanguage("abc").legal("Saabc"), r"string must begin a string Sa\^n b\^n c\^n, got 'Saabc'"),
        (lambda: CountingLanguage().legal("ab"), "string must begin a string"),
        (lambda: Adding(length=19), "length must be at least 20, got 19"),
        (lambda: Adding(variant="1996"), "variant must be one of '1997', 'modern', got '1996'"),
        (lambda: TemporalOrder(n_symbols=4), "n_symbols must be one of 2, 3, got 4"),
        (lambda: TemporalOrder(length=61), r"length must be at least 62, as rare symbols come up to step 60"),
        (lambda: TemporalOrder(n_symbols=3, length=(77, 90)), r"length must be at least 78.*got \(77, 90\)"),
        (lambda: TemporalOrder(tail=-1), "tail must be at least 0"),
    ],
)
def test_what_cannot_be_is_said(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_what_a_network_trained_by_entropy_says_is_read_off_its_softmax():
    task = EmbeddedReber(error="entropy")
    legal = torch.tensor([[0.5, 0.5, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1.0]])
    logits = torch.log(legal.clamp(min=1e-4)) - 7.0
    assert task.decode(logits).tolist() == EmbeddedReber().decode(legal).tolist() == ["BT", "E"]
