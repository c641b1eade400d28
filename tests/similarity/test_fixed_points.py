"""Networks compared by their fixed points: copies in other coordinates are the same, and others as far as counted."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

import dynakit as dk

from .copies import bent, bits, rotation, turned

GAINS = np.array([1.5, 2.0])
TASK = dk.tasks.FlipFlop(2, n_steps=20, amplitude=3.0)
QUICK = {"n_trials": 8}
TOPOLOGY = dk.similarity.Topology(n_settle=200, **QUICK)
MULTIPLIERS = dk.similarity.Multipliers(**QUICK)


@pytest.fixture(scope="module")
def networks():
    return {
        "bits": bits(GAINS),
        "in another order": turned(GAINS, np.eye(2)[[1, 0]]),
        "turned": turned(GAINS, rotation(2)),
        "bent": bent(GAINS),
        "other gains": bits([2.0, 2.4]),
        "one memory less": bits(GAINS, [0.0, 3.0]),  # the second bit is always up
        "no memory": bits([0.5, 0.4], [0.3, 0.3]),
    }


@pytest.fixture(scope="module")
def topology(networks):
    return dk.compare_dynamics(networks, TASK, method=TOPOLOGY)


@pytest.fixture(scope="module")
def multipliers(networks):
    return dk.compare_dynamics(list(networks.values())[:5], TASK, method=MULTIPLIERS)


def test_copies_in_other_coordinates_have_the_same_topology(topology):
    assert topology.matrix[:5, :5].max() == 0
    assert topology.classes.tolist() == [0, 0, 0, 0, 0, 1, 2]
    assert len(set(topology.keys.tolist())) == 3


def test_a_memory_less_counts_what_leads_elsewhere_and_what_is_not_there(topology):
    """Of 16 (memory, pulse) pairs 8 have no memory and 2 lead elsewhere; of 9 points 6 are not there."""
    names = topology.names.tolist()
    i, j = names.index("bits"), names.index("one memory less")
    assert topology.parts["transitions"][i, j] == pytest.approx(10 / 16)
    assert topology.parts["scaffold"][i, j] == pytest.approx(6 / 9)
    assert topology.matrix[i, j] == pytest.approx((10 / 16 + 6 / 9) / 2)


def test_the_same_network_by_another_search_is_the_same(topology, multipliers):
    assert topology.null.max() == 0
    assert multipliers.null.max() < 1e-12
    assert topology.null_is == "the same network again"


def test_copies_keep_every_multiplier(multipliers):
    """Whatever the coordinates, bent ones too; gains are what they tell apart."""
    assert multipliers.matrix[:4, :4].max() < 1e-8
    assert multipliers.parts["rates"][:4, :4].max() < 1e-7
    assert multipliers.parts["unmatched"][:4, :4].max() == 0
    assert multipliers.matrix[0, 4] > 0.2


@pytest.mark.parametrize("which", ["topology", "multipliers"])
def test_symmetric_zero_on_the_diagonal_and_with_the_triangle(which, request):
    D = request.getfixturevalue(which).matrix
    assert np.array_equal(D, D.T)
    assert not np.diagonal(D).any()
    assert all(D[i, k] <= D[i, j] + D[j, k] + 1e-12 for i, j, k in permutations(range(len(D)), 3))


def test_two_leaks_of_one_field_are_not_conjugate():
    """Multipliers 1 - alpha + alpha lambda at the same points: apart by |alpha - beta| |lambda - 1|."""
    import torch

    def leaky(alpha):
        return dk.FunctionSystem(lambda x: (1 - alpha) * x + alpha * torch.tanh(2 * x), 1)

    found = dk.compare_dynamics([leaky(0.5), leaky(0.3)], method=dk.similarity.Multipliers(max_starts=64))
    points = dk.find_fixed_points(dk.catalog.tanh_unit(2.0))
    assert found.matrix[0, 1] == pytest.approx(0.2 * np.abs(points.eigenvalues[:, 0] - 1).mean(), abs=1e-10)
    rates = [np.log(np.abs(1 - a + a * points.eigenvalues[:, 0])) for a in (0.5, 0.3)]
    assert found.parts["rates"][0, 1] == pytest.approx(np.abs(rates[0] - rates[1]).mean(), abs=1e-10)
    by_rates = dk.similarity.Multipliers(max_starts=64, scale="rates")
    assert dk.compare_dynamics([leaky(0.5), leaky(0.3)], method=by_rates).matrix[0, 1] == found.parts["rates"][0, 1]


def test_a_point_without_a_partner_costs_the_cutoff():
    """One point against three: two of them have none, and the third is found among those of another index."""
    one, three = dk.catalog.tanh_unit(0.5), dk.catalog.tanh_unit(2.0)
    found = dk.compare_dynamics([one, three], method=dk.similarity.Multipliers(max_starts=64, cutoff=0.7))
    stable = float(np.abs(dk.find_fixed_points(three).stable.eigenvalues[0, 0]))
    assert found.matrix[0, 1] == pytest.approx((abs(0.5 - stable) + 2 * 0.7) / 3, abs=1e-9)
    assert found.parts["unmatched"][0, 1] == 2


def test_without_a_task_states_of_any_size_are_compared_by_their_graphs():
    """Three bits, the same turned, and two bits of three units."""
    found = dk.compare_dynamics(
        [bits([1.5, 2.0, 2.6]), bits([1.5, 2.0]), bits([2.2, 1.7, 0.3])], method=TOPOLOGY
    )
    assert found.classes.tolist() == [0, 1, 1]
    assert found.matrix[1, 2] == 0
    assert found.library.startswith("networkx ")


def test_one_readout_that_is_not_the_tasks_leaves_all_without_names(networks):
    """Two bits of three units, of which all are read."""
    wide = dk.catalog.tanh_network(np.diag([1.5, 2.0, 0.3]), W_in=np.eye(3)[:, :2])
    found = dk.compare_dynamics([networks["bits"], wide], TASK, method=TOPOLOGY)
    assert found.matrix[0, 1] == 0
    assert found.classes.tolist() == [0, 0]
    assert "transitions" not in found.parts
    pace = dk.compare_dynamics([networks["bits"], wide], TASK, method=MULTIPLIERS)
    assert pace.parts["unmatched"][0, 1] == 0
    assert 0 < pace.matrix[0, 1] < 0.4  # 0.3 at the middle, less where tanh is flatter


def test_a_network_that_fails_has_its_reason_and_takes_none_along():
    import torch

    def walking(x):
        return x + 1.0

    def running(x, u):
        return torch.exp(x + 3) + u

    given = {"a": dk.catalog.tanh_unit(2.0), "walks": dk.FunctionSystem(walking, 1), "b": dk.catalog.tanh_unit(1.5)}
    found = dk.compare_dynamics(given, method=dk.similarity.Topology(max_starts=64))
    assert found.reasons.tolist() == ["", "no fixed point was found at rest", ""]
    assert np.isnan(found.matrix[1]).all()
    assert np.isnan(found.matrix[:, 1]).all()
    assert found.matrix[0, 2] == 0
    assert found.null.tolist()[::2] == [0, 0]
    assert np.isnan(found.null[1])
    assert found.classes.tolist() == [0, -1, 0]
    assert "; 1 without an answer" in found.headline()

    task = dk.tasks.FlipFlop(1, n_steps=12, amplitude=3.0)
    runs = dk.FunctionSystem(running, 1, 1, argument_order="state, input")
    found = dk.compare_dynamics([bits([2.0]), runs, bits([1.5])], task, method=TOPOLOGY)
    assert found.reasons[1].startswith("its states are not finite from step")
    assert found.matrix[0, 2] == 0


def test_reports_bring_their_task_and_their_points(monkeypatch):
    task = dk.tasks.FlipFlop(1, n_steps=12)
    models = [dk.models.Elman.for_task(task, 3, seed=k) for k in range(2)]
    reports = {f"{k}": dk.analyze(m, task, include=["fixed_points"], drives=[]) for k, m in enumerate(models)}
    searched = []
    from dynakit.similarity import probe

    def search(system, starts, drive, **kwargs):
        searched.append(kwargs["seed"])
        return dk.find_fixed_points(system, starts, drive, **kwargs)

    monkeypatch.setattr(probe, "find_fixed_points", search)
    found = dk.compare_dynamics({**reports, "a model": models[0]}, method=TOPOLOGY, seed=5)
    assert (found.classes >= 0).all()
    assert found.matrix[0, 2] == 0
    assert searched.count(5) == 1  # that of the model; those of the reports are known, but for the second look
    assert len(searched) == 4


UNITS = [dk.catalog.tanh_unit(2.0), dk.catalog.tanh_unit(1.5)]
FLOW = dk.Flow(lambda x: x - x**3, 1, dt=0.1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dk.compare_dynamics(UNITS[:1]), "networks must be two or more, to be compared, got 1"),
        (lambda: dk.compare_dynamics(UNITS[0]), "networks must be two or more .* got an ElmanCell"),
        (lambda: dk.compare_dynamics([UNITS[0], 3]), r"networks\['network 2'\] cannot be compared"),
        (lambda: dk.compare_dynamics(UNITS, method="topologie"), "method must be one of .* did you mean 'topology'"),
        (lambda: dk.compare_dynamics(UNITS, method=3), "method must be a name or settings .*, got an int"),
        (lambda: dk.compare_dynamics(UNITS, TASK), r"task has 2 inputs, but networks\['network 1'\] takes 1"),
        (lambda: dk.compare_dynamics(UNITS, "flip-flop"), "task must be a Task, Trials or None, got a str"),
        (
            lambda: dk.compare_dynamics([UNITS[0], FLOW], method="multipliers"),
            "networks must be all maps or all flows .* 'network 1' is a map, 'network 2' a flow",
        ),
        (lambda: dk.similarity.Multipliers(scale="row"), "scale must be one of 'raw', 'rates', got 'row'; did you"),
        (lambda: dk.similarity.Multipliers(cutoff=0.0), "cutoff must be"),
        (lambda: dk.similarity.Topology(max_starts=0), "max_starts must be at least 1"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(call, said):
    with pytest.raises(dk.InputError, match=said):
        call()
