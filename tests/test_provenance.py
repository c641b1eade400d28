"""A result knows the whole call that made it: every argument but the system and the states it hides in a hash."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest

import dynakit as dk

from .results_of_all import PULSES, decode, network

BOX = dk.samplers.Box([-1.0, -1.0], 1.0)
STATES = np.array([[0.6, 0.0], [-0.5, 0.1], [0.2, 0.3]])


@pytest.fixture(scope="module")
def points():
    return dk.find_fixed_points(network(), drive=[0.01])


BASINS, EDGE = {"settings": dk.BasinSettings(77)}, {"settings": dk.EdgeSettings(3)}
SHOCK = {"settings": dk.ShockSettings(largest=0.01)}
# name -> arguments; what is recorded of them must be what was given
CALLS = {
    "map_basins": ((network(), "points", BOX), {"n_samples": 3, "drive": [0.01], "seed": 5, **BASINS}),
    "find_edge_state": ((network(), STATES[0], STATES[1], "points"), {"drive": [0.01], "seed": 5, **EDGE}),
    "find_smallest_shock": ((network(), None, "points"), {"drive": [0.01], "seed": 5, **SHOCK}),
    "check_memory": ((network(), STATES, [0.01], decode), {"n_steps": 7}),
    "map_transitions": ((network(), "points", PULSES), {"rest": [0.01], "n_settle": 30}),
    "list_attractors": ((network(), "points", [0.01], decode), {}),
    "memory_capacity": ((network(),), {"n_delays": 3, "n_steps": 100, "amplitude": 0.5, "seed": 5}),
    "plane_flow": ((network(), dk.project(STATES)), {"drive": [0.01], "through": STATES[0], "n_grid": 3}),
    "project": ((STATES,), {"n_components": 1}),
    "condition_average": ((STATES[None], {"side": np.array(["left"])}), {}),
    "psychometric_curve": ((np.array([True, False, True]), np.array([0.0, 1.0, 2.0])), {}),
    "graph_statistics": ((np.array([[0.0, 1.0], [0.5, 0.0]]),), {"threshold": 0.1, "sign": [1, 1]}),
    "compare_with_null": ((np.ones((3, 3)), "reciprocity"), {"n": 2, "seed": 5, "threshold": 0.5, "sign": [1, -1, 1]}),
    "spike_statistics": (([[1.0, 2.0], [3.0]],), {"t_stop": 5.0, "bin_size": 1.0, "R": 3.0}),
}  # fmt: skip


def written(value):
    """A record is written down by its name and its fields, a tuple as a list."""
    if dataclasses.is_dataclass(value):
        return {"": type(value).__name__, **vars(value)}
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", CALLS)
def test_the_whole_call_is_in_the_provenance(name, points):
    function = getattr(dk, name)
    given, named = CALLS[name]
    found = function(
        *(points if isinstance(value, str) and value == "points" else value for value in given), **named
    )
    settings = dict(found.provenance.settings)
    asked = set(inspect.signature(function).parameters) - {"system", "seed", "callback"}
    assert set(settings) == asked
    for key, value in named.items():
        if key == "seed":
            assert found.provenance.seed == value
        elif key != "through":
            assert settings[key] == written(value)
    defaults = {
        k: p.default for k, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY
    }
    for key in set(defaults) - set(named) - {"seed", "callback"}:
        assert settings[key] == written(defaults[key])


def test_a_generator_is_recorded_as_the_seed_that_was_drawn(points):
    found = dk.map_basins(network(), points, BOX, [0.01], n_samples=5, seed=np.random.default_rng(3))
    again = dk.map_basins(network(), points, BOX, [0.01], n_samples=5, seed=found.provenance.seed)
    np.testing.assert_array_equal(found.states, again.states)


def test_basins_that_are_traced_keep_the_settings_of_each():
    traced = dk.trace_basins(
        lambda w: network(), [0.0], BOX, n_samples=3, seed=4, settings=dk.BasinSettings(20)
    )
    assert traced.provenance.seed == 4
    assert traced.provenance.settings["settings"]["n_steps"] == 20
    assert traced.basins[0].provenance.settings["settings"]["n_steps"] == 20


def test_an_argument_that_is_missing_or_unknown_is_refused_in_the_name_of_the_function():
    with pytest.raises(TypeError, match=r"lyapunov_spectrum\(\) missing .* 'n_steps'"):
        dk.lyapunov_spectrum(network(), STATES)
    with pytest.raises(TypeError, match=r"linearize\(\) got an unexpected keyword argument 'drives'"):
        dk.linearize(network(), STATES, drives=[0.0])
