"""Long calls say how far they are, and end early with what they have: one contract for all that take a callback."""

import inspect

import numpy as np
import pytest

import dynakit as dk
from dynakit.samplers import Box

UNIT = dk.catalog.tanh_unit(2.0)
BOX = Box([-1.0], [1.0])
PAIR = dk.catalog.tanh_network([[2.0]], W_in=[[1.0, 0.5]])
QUICK = dk.BasinSettings(100, labelling=dk.Recurrence(window=40))
RINGS = np.roll(np.eye(8), 1, axis=0) + np.roll(np.eye(8), -1, axis=0)
RELU = dk.catalog.piecewise_linear(0.5 * np.eye(4), np.eye(4), np.eye(4)[::-1].copy(), c=[-1.0, 0.5, 0.2, -0.3])


def sign(y):
    return np.where(y[..., 0] > 0, "up", "down")


def pulses():
    return {"up": [[3.0]], "down": [[-3.0]]}

FLIP_FLOP = dk.tasks.FlipFlop(n_bits=1, n_steps=10)

CALLS = {  # by the name of the function: the call, with whatever callback; all that loop long are here
    "find_fixed_points": lambda **kw: dk.find_fixed_points(UNIT, **kw),
    "map_fixed_points": lambda **kw: dk.map_fixed_points(PAIR, [0.0, 1.0], [0.0, 1.0], max_starts=32, **kw),
    "enumerate_fixed_points": lambda **kw: dk.enumerate_fixed_points(RELU, **kw),
    "find_limit_cycles": lambda **kw: dk.find_limit_cycles(dk.catalog.logistic(3.5), [[0.3], [0.8]], **kw),
    "map_basins": lambda **kw: dk.map_basins(UNIT, [[0.9575], [-0.9575]], BOX, n_samples=20, **kw),
    "trace_basins": lambda **kw: dk.trace_basins(
        dk.catalog.tanh_unit, [0.5, 1.5, 2.0], BOX, n_samples=10, settings=QUICK, **kw
    ),
    "lyapunov_spectrum": lambda **kw: dk.lyapunov_spectrum(
        dk.catalog.henon(), [0.1, 0.1], n_steps=400, n_transient=50, **kw
    ),
    "map_transitions": lambda **kw: dk.map_transitions(
        UNIT, [[0.9575], [-0.9575]], pulses(), amplitudes=(0.1, 1.0), n_settle=100, **kw
    ),
    "check_memory": lambda **kw: dk.check_memory(UNIT, [[0.5], [-0.5]], [0.0], sign, n_steps=200, **kw),
    "compare_all_operators": lambda **kw: dk.compare_all_operators(
        np.random.default_rng(0).normal(size=(70, 2, 2)), **kw
    ),
    "compare_dynamics": lambda **kw: dk.compare_dynamics([UNIT, dk.catalog.tanh_unit(1.5), UNIT], **kw),
    "compare_with_null": lambda **kw: dk.compare_with_null(RINGS, "reciprocity", n=5, **kw),
    "map_lesions": lambda **kw: dk.map_lesions(
        dk.catalog.tanh_network([[1.2]], W_in=[[1.0]]), FLIP_FLOP, "edges", sets=[[0]] * 4, n_trials=2, **kw
    ),
    "find_slow_points": lambda **kw: dk.find_slow_points(dk.catalog.tanh_unit(2.0, 0.54), **kw),
    "find_smallest_shock": lambda **kw: dk.find_smallest_shock(
        UNIT, None, [[0.9575], [-0.9575]], settings=dk.ShockSettings(4, n_steps=50), **kw
    ),
    "trace_fixed_points": lambda **kw: dk.trace_fixed_points(
        UNIT, [[0.9575]], family=dk.catalog.tanh_unit, span=(1.5, 2.5), **kw
    ),
}


# The call of the callback, if not the second, that ends it.
LATER = {"find_limit_cycles": 1, "find_slow_points": 1, "lyapunov_spectrum": 4, "find_smallest_shock": 1}


@pytest.fixture(scope="module")
def whole():
    return {name: call() for name, call in CALLS.items()}


def stop(after, error=StopIteration):
    """A callback that raises when it is called for the time ``after``, and what it heard."""
    heard = []

    def callback(done, info):
        heard.append((done, info))
        if len(heard) == after:
            raise error("enough")

    return callback, heard


def test_every_function_that_takes_a_callback_is_held_to_the_contract():
    named = {name: getattr(dk, name) for name in dk.__all__ if inspect.isfunction(getattr(dk, name))}
    listening = {name for name, f in named.items() if "callback" in inspect.signature(f).parameters}
    elsewhere = {"analyze", "sweep", "train", "train_together", "check_multifunctionality"}  # by tests of their own
    assert listening - elsewhere == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_a_callback_hears_how_much_is_done_and_changes_nothing(name, whole):
    callback, heard = stop(0)
    assert CALLS[name](callback=callback) == whole[name]
    done = [n for n, _ in heard]
    totals = {info["total"] for _, info in heard}
    assert done
    assert done == sorted(done)
    assert len(totals) == 1
    assert totals == {None} or 0 <= done[0] <= done[-1] <= totals.pop()
    assert all(info["unit"] for _, info in heard)
    assert whole[name].interrupted == ""


@pytest.mark.parametrize("error", [StopIteration, KeyboardInterrupt])
@pytest.mark.parametrize("name", CALLS)
def test_an_interrupted_call_returns_what_it_has_and_says_so(name, error, tmp_path):
    callback, heard = stop(LATER.get(name, 2), error)
    found = CALLS[name](callback=callback)
    done, info = heard[-1]
    whole = "" if info["total"] is None else f" of {info['total']:,}"
    assert found.interrupted.replace("at most ", "").startswith(f"interrupted after {done:,}{whole} {info['unit']}")
    assert repr(found).endswith(f"{found.interrupted})")
    assert "callback" not in found.provenance.settings
    found.save(tmp_path)
    assert dk.load(tmp_path) == found


@pytest.mark.parametrize("name", CALLS)
def test_another_error_of_the_callback_leaves_the_call_and_carries_what_there_is(name):
    callback, _ = stop(LATER.get(name, 2), ZeroDivisionError)
    with pytest.raises(ZeroDivisionError, match="enough") as left:
        CALLS[name](callback=callback)
    assert left.value.partial.interrupted.startswith("interrupted after")


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_function_is_no_callback(name):
    with pytest.raises(dk.InputError, match=r"callback must be a function of \(done, info\), got int"):
        CALLS[name](callback=3)


NOTHING = {  # a budget of zero of each, and the sentence that refuses it
    "find_fixed_points": ({"max_starts": 0}, "max_starts must be at least 1, got 0"),
    "find_slow_points": ({"max_starts": 0}, "max_starts must be at least 1, got 0"),
    "enumerate_fixed_points": ({"time_limit": 0}, r"time_limit must be a finite number in .*, got 0"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_budget_of_zero_is_refused_in_a_sentence(name):
    budget, sentence = NOTHING[name]
    with pytest.raises(dk.InputError, match=sentence):
        CALLS[name](**budget)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: dk.map_basins(UNIT, [[0.9575]], BOX, n_samples=0), "n_samples must be at least 1, got 0"),
        (lambda: dk.trace_basins(dk.catalog.tanh_unit, [1.5], BOX, n_samples=0), "n_samples must be at least 1, got 0"),
        (lambda: dk.lyapunov_spectrum(UNIT, [0.1], n_steps=0), "n_steps must be at least 1, got 0"),
        (lambda: dk.map_transitions(UNIT, [[0.9575]], pulses(), n_settle=0), "n_settle must be at least 1, got 0"),
        (lambda: dk.check_memory(UNIT, [[0.5]], [0.0], sign, n_steps=0), "n_steps must be at least 1, got 0"),
        (lambda: dk.compare_with_null(RINGS, "reciprocity", n=0), "n must be at least 1, got 0"),
        (lambda: dk.find_limit_cycles(UNIT, max_starts=0), "max_starts must be at least 1, got 0"),
    ],
)
def test_nothing_to_do_is_refused_in_a_sentence(call, sentence):
    with pytest.raises(dk.InputError, match=sentence):
        call()


def test_points_found_by_then_are_points(whole):
    network = dk.catalog.tanh_network(2.0 * np.eye(4))
    found = dk.find_fixed_points(network, callback=stop(1)[0])
    assert 0 < len(found) <= 81
    assert found.residuals.max() < 1e-12
    assert found.certified.all()
    assert found.completeness != "consistent"


def test_samples_that_were_not_followed_are_unresolved():
    for how in (dk.Proximity(), dk.Recurrence(window=40), dk.Features(window=40)):
        known = [[0.9575], [-0.9575]] if isinstance(how, dk.Proximity) else None
        settings = dk.BasinSettings(100, labelling=how)
        found = dk.map_basins(UNIT, known, BOX, n_samples=20, settings=settings, callback=stop(1)[0])
        assert found.n_left == {"unresolved": 20}
        assert set(found.reasons) == {f"unresolved ({'0 steps' if known else 'interrupted'})"}
        assert found.unseen_bound == 1.0


def test_exponents_of_fewer_steps_are_those_of_so_many():
    henon = dk.catalog.henon()
    found = dk.lyapunov_spectrum(henon, [0.1, 0.1], n_steps=10**6, n_transient=50, callback=stop(6)[0])
    fewer = dk.lyapunov_spectrum(henon, [0.1, 0.1], n_steps=found.n_steps, n_transient=50)
    assert found.n_steps == 400
    np.testing.assert_array_equal(found.exponents, fewer.exponents)
    with pytest.raises(dk.Interrupted, match="within the transient: no step"):
        dk.lyapunov_spectrum(henon, [0.1, 0.1], n_steps=100, callback=stop(1)[0])


def test_null_models_drawn_by_then_are_the_first_of_all(whole):
    found = CALLS["compare_with_null"](callback=stop(3)[0])
    assert found.n == 3
    np.testing.assert_array_equal(found.values, whole["compare_with_null"].values[:, :3])


def test_an_enumeration_that_was_ended_proves_nothing():
    found = CALLS["enumerate_fixed_points"](callback=stop(1)[0])
    assert found.completeness == "incomplete"
    assert "open when the call was ended" in found.left


AT_WORK = {  # where each is while the key is pressed
    "find_fixed_points": "dynakit.analysis.fixed_points.newton.Newton.follow",
    "map_fixed_points": "dynakit.analysis.fixed_points.mapped.search",
    "enumerate_fixed_points": "dynakit.analysis.piecewise_linear.complementarity._visit",
    "find_limit_cycles": "dynakit.analysis.cycles.census.classify",
    "map_basins": "dynakit.analysis.basins.labelling.Flight.advance",
    "trace_basins": "dynakit.analysis.basins.traced.map_basins",
    "lyapunov_spectrum": "dynakit.analysis.exponents.frames.Frames.step",
    "check_memory": "dynakit.analysis.memory.release._Readings.follow",
    "compare_with_null": "dynakit.analysis.wiring.null_models._value",
    "map_lesions": "dynakit.analysis.wiring.lesions.cut",
    "find_slow_points": "dynakit.analysis.slow_points.minima._minimise",
    "find_smallest_shock": "dynakit.analysis.basins.shocks._Search.entry",
}


@pytest.mark.parametrize("name", AT_WORK)
def test_ctrl_c_leaves_the_call_and_carries_what_there_is(name, monkeypatch):
    def press(*_, **__):
        raise KeyboardInterrupt

    heard = []

    def callback(done, info):
        heard.append(f"interrupted after {done:,}")
        if len(heard) == LATER.get(name, 2):
            monkeypatch.setattr(AT_WORK[name], press)

    with pytest.raises(KeyboardInterrupt) as left:
        CALLS[name](callback=callback)
    assert left.value.partial.interrupted.startswith(heard[-1])
    assert left.value.partial.provenance is not None


def test_a_sub_problem_that_was_left_in_the_middle_is_open(monkeypatch):
    def press(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(AT_WORK["enumerate_fixed_points"], press)
    with pytest.raises(KeyboardInterrupt) as left:
        CALLS["enumerate_fixed_points"]()
    assert left.value.partial.completeness == "incomplete"


def test_a_callback_hears_nothing_of_calls_within_a_call():
    callback, heard = stop(0)
    find = lambda system: dk.find_fixed_points(system)  # noqa: E731
    dk.trace_basins(dk.catalog.tanh_unit, [0.5, 1.5], BOX, attractors=find, n_samples=10, callback=callback)
    assert [(done, info["unit"]) for done, info in heard] == [(1, "value"), (2, "value")]


def test_a_report_that_was_interrupted_has_what_was_found_before():
    task = dk.tasks.FlipFlop(n_bits=1)
    network = dk.models.GRU.for_task(task, n_hidden=3)
    include = ["fixed_points", "connectivity"]
    report = dk.analyze(network, task, include=include, callback=stop(2)[0])
    (late,) = [name for name, reason in report.skipped.items() if reason.startswith("interrupted after 1 of")]
    assert getattr(report, late) is None or not getattr(report, late)
    with pytest.raises(ZeroDivisionError) as left:
        dk.analyze(network, task, include=include, callback=stop(2, ZeroDivisionError)[0])
    assert left.value.partial.skipped == report.skipped
