"""Times of a flow are in its unit of time, whatever its steps; those of a map are steps."""

from __future__ import annotations

import numpy as np
import pytest

import dynakit as dk
from dynakit.analysis.cycles import FAR

SIZES = np.array([0.5, 1.0, 4.0, 30.0])
REACH = 0.2
PAST_A_CHECK = 2  # a point is looked at every other step


def given(n, rng):
    return np.stack([SIZES, 0 * SIZES], axis=1)


def decaying(dt, unit="s"):
    """dx/dt = -x."""
    return dk.Flow(lambda x: -x, 2, dt=dt, time_unit=unit)


def label(system, n_steps=1000):
    settings = dk.BasinSettings(n_steps, dk.Proximity(REACH))
    return dk.map_basins(system, np.zeros((1, 2)), given, n_samples=len(SIZES), settings=settings)


@pytest.mark.parametrize(
    ("system", "dt"), [(decaying(0.1), 0.1), (decaying(0.01), 0.01), (dk.Iterated(decaying(0.01), 3), 0.03)]
)
def test_a_state_that_decays_as_exp_minus_t_is_near_after_the_logarithm_of_its_size(system, dt):
    basins, true = label(system), np.log(SIZES / REACH)
    assert (basins.dynamics, basins.dt, basins.time_unit) == ("flow", pytest.approx(dt), "s")
    assert (true - 1e-6 <= basins.convergence_times).all()
    assert (basins.convergence_times < true + PAST_A_CHECK * dt).all()
    np.testing.assert_allclose(basins.convergence_steps * dt, basins.convergence_times)
    table = basins.table()
    assert "median steps" not in table
    assert table["median time (s)"][0] == pytest.approx(np.median(basins.convergence_times))


def test_a_map_counts_its_steps_also_where_a_step_has_a_time():
    system = dk.FunctionSystem(lambda x: x / 2, 2, dt=20.0)
    basins = label(system)
    assert (basins.dynamics, basins.dt, basins.time_unit) == ("map", 20.0, "steps")
    assert (np.abs(basins.convergence_times - np.log2(SIZES / REACH)) <= PAST_A_CHECK).all()
    assert "median steps" in basins.table()


def test_no_time_is_known_of_what_never_comes_near():
    basins = dk.map_basins(
        dk.catalog.bistable(), [[-1.0], [1.0]], lambda n, rng: np.array([[0.0], [0.9]]), n_samples=2
    )
    assert basins.convergence_steps[0] == -1
    assert np.isnan(basins.convergence_times).tolist() == [True, False]


@pytest.mark.parametrize(("unit", "said"), [("s", "s"), ("", "time units")])
def test_reasons_say_times(unit, said):
    """dx/dt = x is beyond every bound when e^t x0 > FAR (1 + x0); a slow state has had ten times its steps."""
    growing = dk.Flow(lambda x: x * (1 - 2 * (x < 0)), 1, dt=0.1, time_unit=unit)
    ones = dk.map_basins(growing, [[-1e-9]], lambda n, rng: np.ones((n, 1)), n_samples=1)
    reason = ones.reasons[0]
    assert reason.startswith("unbounded (after ")
    assert reason.endswith(f" {said})")
    assert float(reason.split()[2]) == pytest.approx(np.log(2 * FAR), abs=0.1)
    slow = dk.Flow(lambda x: -1e-3 * x, 2, dt=0.5, time_unit=unit)
    assert set(label(slow, n_steps=4).reasons) == {f"unresolved (20 {said})"}


def test_an_edge_that_is_not_resolved_says_for_how_long_it_was_followed():
    """Between 0 and infinity of dx/dt = x (x - 1): cut short, so that nothing is found."""
    flow = dk.Flow(lambda x: x * (x - 1), 1, dt=0.25, time_unit="s")
    edge = dk.find_edge_state(flow, [0.2], [3.0], np.zeros((1, 1)))
    assert (edge.dynamics, edge.dt, edge.time_unit) == ("flow", 0.25, "s")
    cut = dk.EdgeState(**{**vars(edge), "kind": "unresolved", "track": np.zeros((8, 1))})
    assert cut.headline() == "between 0 and growth without bound: unresolved after 2 s on the boundary"
