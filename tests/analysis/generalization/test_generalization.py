"""How far what was learnt goes, of networks built by hand, for which it is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.analysis.generalization import waiting
from dynakit.errors import InputError, ResourceError
from dynakit.tasks import Adding, CountingLanguage, EmbeddedReber, SetReset, TemporalOrder, Xor


def system(step, n_units, n_inputs, read):
    return dk.FunctionSystem(step, n_units, n_inputs, argument_order="state, input", readout=read)


def counter(letters, keeps):
    """Counters of a less b, and of b less c, that keep so much of themselves per step, and which letters came."""
    k = len(letters)

    def step(x, u):
        counts, seen = x[:, : k - 1], x[:, k - 1 :]
        return torch.cat([keeps * counts + u[:, 1:k] - u[:, 2:], (seen + u[:, 1:]).clamp(max=1)], dim=1)

    def read(x):
        counts, seen = x[..., : k - 1], x[..., k - 1 :]
        last = counts[..., -1] < 0.5
        says = [seen[..., -1].bool() & last, seen[..., 1] == 0, counts[..., 0] > 0.5]
        if k == 3:
            says[0] = seen[..., 2].bool() & last
            says[2] = says[2] & (seen[..., 2] == 0)
            says.append(seen[..., 1].bool() & (counts[..., 0] < 0.5) & ~last)
        return torch.stack(says, dim=-1).double() * 2 - 1

    return system(step, 2 * k - 1, k + 1, read)


@pytest.mark.parametrize("letters", ["ab", "abc"])
@pytest.mark.parametrize("keeps", [1.0, 0.99, 0.95, 0.7, 1.01, 1.1])
def test_the_largest_n_is_the_one_before_the_first_wrong_string(letters, keeps):
    net, task = counter(letters, keeps), CountingLanguage(letters)
    every = task.every(range(1, 91))
    right = task.right(dk.record(net, every.inputs, lengths=every.lengths).outputs, every)
    expected = 90 if right.all() else int((~right).argmax())
    assert dk.largest_n(net, task, most=90) == expected
    assert (expected == 90) == (keeps == 1.0)
    assert dk.largest_n(net, task, most=7) == min(expected, 7)


def test_a_network_that_knows_no_letter_counts_to_nothing():
    task = CountingLanguage("ab")
    assert dk.largest_n(dk.as_system(dk.models.Elman.for_task(task, 3)), task) == 0


# --- loops --------------------------------------------------------------------------------------------------


def speller(patience):
    """The automaton of the grammar as a network, which after so many steps takes either outer symbol for the other."""
    task, moves = EmbeddedReber(), torch.zeros(7, 21, 21, dtype=torch.float64)
    for (state, symbol), after in task.automaton.items():
        moves[task.symbols.index(symbol), state, after] = 1
    legal = moves.sum(-1).T  # (state, symbol)
    vague = legal.clone()
    vague[[9, 18]] = (legal[9] + legal[18]) / 2  # before the last but one symbol

    def step(x, u):
        at = torch.cat([x[:, :1] + (x[:, :21].sum(1, keepdim=True) == 0), x[:, 1:21]], dim=1)
        return torch.cat([torch.einsum("bs,bi,ist->bt", at, u, moves), x[:, 21:] + 1], dim=1)

    def read(x):
        return torch.where(x[..., 21:] > patience, x[..., :21] @ vague, x[..., :21] @ legal)

    return system(step, 22, 7, read)


def test_stress_strings_find_the_loop_that_a_sample_does_not_see():
    net, task = speller(40), EmbeddedReber()
    trials = task.sample(300, seed=1)
    assert task.score(dk.record(net, trials.inputs, lengths=trials.lengths).outputs, trials) == 1.0
    found = dk.stress_strings(net, task)
    assert sorted(set(found.loops)) == ["BPBP(T)", "BPBT(S)", "BTBP(T)", "BTBT(S)"]
    for loop, times, right in zip(found.loops, found.times, found.right):
        string = task.stressed(int(times))[loop]
        assert task.accepts(string)
        assert len(string) - len(task.stressed(1)[loop]) == times - 1
        assert right == (len(string) - 2 <= 40)
    assert found.lasting == dict.fromkeys(found.loops, 20)
    assert "of 200: BTBT(S) 20" in found.headline()
    assert set(dk.stress_strings(speller(10**6), task, [1, 300]).lasting.values()) == {300}
    assert set(dk.stress_strings(speller(0), task, [2]).lasting.values()) == {0}


# --- waiting ------------------------------------------------------------------------------------------------


def forgetful(task, patience):
    """Knows the answer to temporal order, and for how many steps it has run; after so many it says what is first."""

    def step(x, u):
        rare = u[:, 2] - u[:, 3]
        first = torch.where(x[:, 0] == 0, rare, x[:, 0])
        second = torch.where((x[:, 0] != 0) & (x[:, 1] == 0), rare, x[:, 1])
        return torch.stack([first, second, x[:, 2] + 1], dim=1)

    def read(x):
        a, b = x[..., 0], x[..., 1]
        known = torch.stack([(a + s) * (b + t) * s * t / 4 for s in (1, -1) for t in (1, -1)], dim=-1)
        return torch.where(x[..., 2:] > patience, torch.eye(4, dtype=x.dtype)[0], known)

    return system(step, 3, 8, read)


def test_an_order_is_held_for_as_long_as_it_is():
    task, gaps = TemporalOrder(), [0, 45, 100, 1500]
    found = dk.hold_time(forgetful(task, 150), task, gaps, n_trials=60, seed=3)
    for gap, n_right in zip(gaps, found.n_right):
        trials = task.delayed(gap).sample(60, seed=3)
        still = trials.lengths.numpy() <= 150
        assert n_right == (still | (trials.conditions["order"] == "XX")).sum()
        assert (trials.lengths - task.sample(60, seed=3).lengths).tolist() == [gap] * 60
    assert found.steps == 0
    assert found.shares[0] == 1.0
    assert found.shares[3] < 0.5
    assert 0.25 < found.chance < 0.5
    assert "held for 0 steps more: 100% after 0" in found.headline()
    assert dk.hold_time(forgetful(task, 10**6), task, gaps, n_trials=20).steps == 1500


@pytest.mark.parametrize("variant", ["1997", "modern"])
@pytest.mark.parametrize("keeps", [1.0, 0.999])
def test_a_sum_is_held_if_nothing_leaks(variant, keeps):
    def step(x, u):
        return keeps * x + u[:, :1] * u[:, 1:].clamp(min=0)

    net = system(step, 1, 2, (lambda x: x) if variant == "modern" else (lambda x: 0.5 + x / 4))
    found = dk.hold_time(net, Adding(length=20, variant=variant), [0, 2000], n_trials=50)
    assert found.shares[0] > 0.9
    assert (found.shares[1] == 1.0) == (keeps == 1.0)


@pytest.mark.parametrize("trained", [20, (5, 20)])
def test_a_bit_that_leaks_is_held_while_more_than_half_is_left(trained):
    """A pulse sets it to 1 or 0; of a 1, .98^n is left after n quiet steps: .503 after 34, .493 after 35."""

    def step(x, u):
        fired = u.round()
        return torch.where(fired.sum(1, keepdim=True) > 0, fired[:, 1:], 0.98 * x)

    task = SetReset(quiet_gap=trained, input_noise=0.01)
    found = dk.hold_time(system(step, 1, 2, lambda x: x), task, [0, 14, 15], n_trials=60)
    assert found.n_right[:2].tolist() == [60, 60]
    assert found.steps == 14
    assert found.n_right[2] == (task.delayed(15).sample(60).conditions["last"] == "reset").sum()


def test_a_way_in_pieces_is_the_way(monkeypatch):
    task = TemporalOrder()
    whole = dk.hold_time(forgetful(task, 150), task, [0, 45, 60], n_trials=40, seed=3)
    monkeypatch.setattr(waiting, "TOGETHER", 40 * 3 * 17)  # seventeen steps at a time
    assert dk.hold_time(forgetful(task, 150), task, [0, 45, 60], n_trials=40, seed=3) == whole


def test_xor_is_delayed_between_its_pulses():
    task = Xor(memory_gap=(3, 5), input_noise=0.0)
    assert task.delayed(40).memory_gap == (43, 45)
    net = dk.as_system(dk.models.Elman.for_task(task, 3))
    found = dk.hold_time(net, task, [0, 40], n_trials=40)
    trials = task.delayed(40).sample(40, seed=0)
    outputs = dk.record(net, trials.inputs).outputs
    last = trials.last_asked
    said = task.decode(outputs[np.arange(40), last])
    assert found.n_right[1] == (said == task.decode(trials.targets[np.arange(40), last])).sum()


def test_a_state_that_leaves_the_finite_numbers_holds_nothing():
    net = system(lambda x, u: 3 * x + u[:, :1] + 1, 1, 2, lambda x: x)
    assert dk.hold_time(net, Adding(length=20), [0, 5000], n_trials=10).n_right.tolist() == [0, 0]


def test_a_wait_that_does_not_fit_into_memory_is_refused_by_its_size():
    net = dk.as_system(dk.models.Elman.for_task(TemporalOrder(), 2))
    with pytest.raises(ResourceError, match=r"steps more would take .*: use shorter gaps"):
        dk.hold_time(net, TemporalOrder(), [10**13], n_trials=2)


def test_no_gaps_and_no_rounds_are_said_to_be_none():
    net = dk.as_system(dk.models.Elman.for_task(TemporalOrder(), 2))
    assert dk.hold_time(net, TemporalOrder(), []).headline() == "no gaps"
    task = EmbeddedReber()
    assert dk.stress_strings(dk.as_system(dk.models.Elman.for_task(task, 2)), task, []).headline() == "no strings"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: dk.largest_n(net, TemporalOrder()), "task must be a CountingLanguage, got TemporalOrder"),
        (lambda net: dk.largest_n(net, CountingLanguage()), "system must have 3 inputs and 3 outputs.*got 8 and 4"),
        (lambda net: dk.largest_n(net, CountingLanguage("abc"), most=0), "most must be at least 1, got 0"),
        (lambda net: dk.stress_strings(net, TemporalOrder()), "task must be one of strings with loops"),
        (lambda net: dk.stress_strings(net, EmbeddedReber()), "system must have the 7 inputs and 7 outputs"),
        (lambda net: dk.hold_time(net, EmbeddedReber()), "task must be one that can be delayed"),
        (lambda net: dk.hold_time(net, Xor()), "system must have the 2 inputs and 1 output of the task, got 8 and 4"),
        (lambda net: dk.hold_time(net, TemporalOrder(), [-1]), "gaps must be at least 0, got -1"),
        (lambda net: dk.hold_time(net, TemporalOrder(), [[1], [2, 3]]), "gaps must be a rectangular array"),
        (lambda net: dk.hold_time(net, TemporalOrder(), n_trials=0), "n_trials must be at least 1"),
        (lambda net: dk.hold_time(dk.models.GRU(8, 2, 4), TemporalOrder()), "system must be a System"),
    ],
)
def test_what_does_not_fit_is_named(call, words):
    net = dk.as_system(dk.models.Elman.for_task(TemporalOrder(), 2))
    with pytest.raises(InputError, match=words):
        call(net)
