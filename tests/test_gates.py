"""One gate for states, one for attractors: every function with every result, taken or refused with the field to pass.

``python -m tests.test_gates`` prints the table.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dynakit as dk
from dynakit.checks import states_of

from .results_of_all import KINDS, PULSES, UNITS, decode, network, results

Ask = Callable[[dk.System, Any], Any]
ORIGIN = np.zeros(UNITS)
BRIEF = dk.CycleSettings(n_transient=4, n_record=64, max_period=8)

# What takes states: (state, unit), or with more axes before the last.
OF_STATES: dict[str, Ask] = {
    "System.step": lambda s, r: s.step(r),
    "System.jacobian": lambda s, r: s.jacobian(r),
    "System.input_jacobian": lambda s, r: s.input_jacobian(r),
    "System.speed": lambda s, r: s.speed(r),
    "System.observe": lambda s, r: s.observe(r),
    "System.settle": lambda s, r: s.settle(r, n_steps=2),
    "find_fixed_points": lambda s, r: dk.find_fixed_points(s, r, max_starts=8),
    "find_slow_points": lambda s, r: dk.find_slow_points(
        s, r, max_starts=4, fixed_points=results()["FixedPoints"]
    ),
    "find_limit_cycles": lambda s, r: dk.find_limit_cycles(s, r, settings=BRIEF),
    "linearize": dk.linearize,
    "nonnormality": lambda s, r: dk.nonnormality(s, r, n_steps=5),
    "selection_vectors": dk.selection_vectors,
    "project": lambda s, r: dk.project(r),
    "Projection.transform": lambda s, r: results()["Projection"].transform(r),
    "samplers.Around": lambda s, r: dk.samplers.Around(r)(2, np.random.default_rng(0)),
    "samplers.Hull": lambda s, r: dk.samplers.Hull(r)(2, np.random.default_rng(0)),
    "plot_phase_portrait": lambda s, r: dk.plots.plot_phase_portrait(results()["Projection"], r),
}
# What takes a table of states (state, unit) alone.
OF_TABLES: dict[str, Ask] = {
    "check_memory": lambda s, r: dk.check_memory(s, r, None, decode, n_steps=3),
    "find_smallest_shock": lambda s, r: dk.find_smallest_shock(
        s, r, results()["FixedPoints"], settings=dk.ShockSettings(1, n_steps=15)
    ),
    "lyapunov_spectrum": lambda s, r: dk.lyapunov_spectrum(s, r, n_steps=4, n_transient=1),
    "System.trajectory": lambda s, r: s.trajectory(r, 2),
    "record": lambda s, r: dk.record(s, np.zeros((len(states_of(r)), 2, 1)), r),
    "trace_slow_manifold": lambda s, r: dk.trace_slow_manifold(s, r, max_points=4),
    "find_slow_manifold": lambda s, r: dk.find_slow_manifold(s, r, max_states=16),
    "trace_fixed_points": lambda s, r: dk.trace_fixed_points(s, r, drives=[[0.0], [0.01]]),
}
# What takes one state (unit,), or a table of one.
OF_ONE: dict[str, Ask] = {
    "plane_flow through": lambda s, r: dk.plane_flow(s, results()["Projection"], through=r, n_grid=2),
    "covariant_vectors": lambda s, r: dk.covariant_vectors(s, r, n_steps=4, n_transient=1, n_backward=1),
    "find_edge_state": lambda s, r: dk.find_edge_state(
        s, r, ORIGIN + 0.4, results()["FixedPoints"], settings=dk.EdgeSettings(4)
    ),
}
# What takes trajectories (trial, time, unit).
OF_TRAJECTORIES: dict[str, Ask] = {
    "check_echo_state": lambda s, r: dk.check_echo_state(s, np.zeros((20, 1)), r),
    "condition_average": lambda s, r: dk.condition_average(r, {"first": np.arange(len(states_of(r))) % 2}),
    "plot_activity": lambda s, r: dk.plots.plot_activity(r),
}
OF_ATTRACTORS: dict[str, Ask] = {
    "map_transitions": lambda s, r: dk.map_transitions(s, r, PULSES, n_settle=10),
    "list_attractors": lambda s, r: dk.list_attractors(s, r, None, decode),
    "map_basins": lambda s, r: dk.map_basins(
        s, r, dk.samplers.Box([-1.0, -1.0], 1.0), n_samples=2, settings=dk.BasinSettings(10)
    ),
    "find_smallest_shock": lambda s, r: dk.find_smallest_shock(
        s, None, r, settings=dk.ShockSettings(1, n_steps=10)
    ),
    "find_edge_state": lambda s, r: dk.find_edge_state(
        s, ORIGIN - 0.5, ORIGIN + 0.4, r, settings=dk.EdgeSettings(2, 10)
    ),
    "trace_basins": lambda s, r: dk.trace_basins(
        lambda w: s,
        [0.0],
        dk.samplers.Box([-1.0, -1.0], 1.0),
        attractors=lambda s: r,
        n_samples=2,
        settings=dk.BasinSettings(10),
    ),
}
GATES = {
    "states": OF_STATES | OF_TABLES | OF_ONE | OF_TRAJECTORIES,
    "attractors": OF_ATTRACTORS,
}
# Results that hold attractors, and not just states some of which may be: each is taken as it is.
ATTRACTORS = {"FixedPoints", "ExactFixedPoints", "LimitCycles", "Attractors", "Basins"}
# What is wrong with states that a function cannot use, although it reads them: too many, not finite, ...
ABOUT_STATES = re.compile(
    r" must (have shape \(|be \(|be one |be pairs |hold at least|be finite|go to |each go to|pass through)"
    "|do not fit: expected"
)
ABOUT_ATTRACTORS = re.compile(
    "attractors (given as states must (be fixed points|attract), but state"
    "|must be FixedPoints, LimitCycles, Attractors or finite states"
    "|must hold at least one stable point|must be fixed points of system under this drive)"
)


def outcome(ask: Ask, result: Any) -> tuple[str, str]:
    """taken | refused, with the sentence | failed, with the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ask(network(), result)
        except (dk.InputError, dk.NumericalError) as error:
            return "refused", str(error)
        except Exception as error:
            return "failed", f"{type(error).__name__}: {error}"
    return "taken", ""


def of_no_use(result: Any, why: str) -> bool:
    """Whether a refusal says what was given, and what of it to pass where there is something."""
    kind = type(result).__name__
    return re.search(rf"got an? {kind}(; pass \.\w|, which holds none)", why) is not None


def test_every_public_result_is_among_those_tried():
    assert {*KINDS, "Trials"} == set(results())


@pytest.mark.parametrize("name", OF_STATES)
def test_whatever_takes_states_takes_every_result_that_has_them(name):
    for kind, result in results().items():
        how, why = outcome(OF_STATES[name], result)
        if how == "taken" and (hasattr(result, "states") or kind == "ConditionAverages"):
            continue
        assert how == "refused", (kind, why)
        few = hasattr(result, "states") and re.search("must hold at least", why)
        assert few or (not hasattr(result, "states") and of_no_use(result, why)), (kind, why)


@pytest.mark.parametrize("name", {**OF_TABLES, **OF_ONE, **OF_TRAJECTORIES})
def test_states_of_another_shape_are_refused_in_a_sentence(name):
    n_taken = 0
    for kind, result in results().items():
        how, why = outcome(GATES["states"][name], result)
        if hasattr(result, "states"):
            assert how == "taken" or (how == "refused" and ABOUT_STATES.search(why)), (kind, why)
            n_taken += how == "taken"
        elif kind != "ConditionAverages":
            assert how == "refused", (kind, why)
            assert of_no_use(result, why), (kind, why)
    assert n_taken or name in (
        "check_echo_state",
        "find_edge_state",
    )  # no result holds pairs, or one such state


@pytest.mark.parametrize("name", OF_ATTRACTORS)
def test_whatever_takes_attractors_takes_every_result_that_holds_them(name):
    for kind, result in results().items():
        how, why = outcome(OF_ATTRACTORS[name], result)
        assert how != "failed", (kind, why)
        if how == "refused":
            needs_two = name == "find_edge_state" and re.search(
                "must go to (one of the|different) attractors", why
            )
            own = (
                ABOUT_ATTRACTORS.search(why)
                if hasattr(result, "states") or kind == "Multifunctionality"
                else None
            )
            assert needs_two or own or of_no_use(result, why), (kind, why)
            assert needs_two or kind not in ATTRACTORS or "among" in why or "under this drive" in why, (
                kind,
                why,
            )


if __name__ == "__main__":
    for gate, asks in GATES.items():
        total = Counter()
        print(f"--- {gate}: {len(asks)} functions, {len(results())} results")
        for name, ask in asks.items():
            found = {kind: outcome(ask, result) for kind, result in results().items()}
            print(name, dict(Counter(how for how, _ in found.values())))
            total.update(how for how, _ in found.values())
            for kind, (how, why) in found.items():
                if how == "failed" or ("-v" in sys.argv and how == "refused"):
                    print("   ", how, kind, why[:200])
        print(gate, dict(total))
