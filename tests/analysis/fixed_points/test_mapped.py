"""Maps over two inputs whose regions are known in closed form."""

import numpy as np
import pytest

import dynakit as dk

FOLD = 0.532839975354  # |u| at which x' = tanh(2 x + u) loses two of its three points


def test_a_unit_between_its_folds_has_three_points_and_one_outside():
    unit = dk.catalog.tanh_network([[2.0]], W_in=[[1.0, 0.5]])
    first, second = np.array([-1.0, -0.4, 0.1, 0.7]), np.array([0.0, -1.5, 0.8])
    found = dk.map_fixed_points(unit, first, second)
    within = np.abs(first + second[:, None] / 2) < FOLD
    assert np.array_equal(found.totals, np.where(within, 3, 1))
    assert np.array_equal(found.counts[within], np.tile([2, 0, 1, 0], (within.sum(), 1)))
    assert np.array_equal(found.counts[~within], np.tile([1, 0, 0, 0], ((~within).sum(), 1)))
    assert not found.missing.any()


def test_kinds_are_those_of_independent_units():
    """Two units, each with its own input: three points within the folds of each, and their products."""
    network = dk.catalog.tanh_network(2 * np.eye(2), W_in=np.eye(3)[:2])
    found = dk.map_fixed_points(network, [0.0, 0.6], [0.0, 0.6])
    assert found.counts.tolist() == [[[4, 4, 1, 0], [2, 1, 0, 0]], [[2, 1, 0, 0], [1, 0, 0, 0]]]
    held = dk.map_fixed_points(network, [0.0], [-1.0], inputs=(0, 2), drive=[9.0, 0.6, 9.0])
    assert held.counts.tolist() == [[[2, 1, 0, 0]]]


def test_of_a_flow_the_equilibria_are_counted():
    flow = dk.Flow(lambda x, u: x - x**3 + u.sum(-1, keepdim=True), 1, 2, dt=0.1)  # folds at |u| = 2 / sqrt(27)
    assert dk.map_fixed_points(flow, [0.0, 0.3, 0.4], [0.0]).totals.tolist() == [[3, 3, 1]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"inputs": (0, 0)}, "inputs must be the numbers of two different inputs"),
        ({"inputs": (0, 5)}, "inputs must be .* got 5"),
        ({"drive": [[0.0, 0.0]]}, r"drive must be \(input,\)"),
        ({"first": [[1.0]]}, "first must have shape"),
        ({"max_starts": 0}, "max_starts must be at least 1"),
    ],
)
def test_bad_arguments_are_named(arguments, said):
    system = dk.catalog.tanh_network([[2.0]], W_in=[[1.0, 0.5]])
    with pytest.raises(dk.InputError, match=said):
        dk.map_fixed_points(system, **{"first": [0.0], "second": [0.0]} | arguments)
    with pytest.raises(dk.InputError, match="system must have two inputs to be mapped over, got 1 input"):
        dk.map_fixed_points(dk.catalog.tanh_unit(), [0.0], [0.0])
