"""The line from a network to a report, end to end."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import ArtifactError, InputError


def bistable_elman(n_bits: int) -> dk.models.Elman:
    """An Elman network that solves the flip-flop by hand: one tanh unit per bit, gain 2, readout by a scale."""
    model = dk.models.Elman(n_bits, n_bits, n_bits)
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.rnn.weight_hh_l0.copy_(2 * torch.eye(n_bits))
        model.rnn.weight_ih_l0.copy_(3 * torch.eye(n_bits))
        model.readout.weight.copy_(torch.eye(n_bits) / 0.9575)
    return model


@pytest.fixture(scope="module")
def task():
    return dk.tasks.FlipFlop(n_bits=2)


@pytest.fixture(scope="module")
def report():
    return dk.analyze(bistable_elman(3), dk.tasks.FlipFlop(n_bits=3), seed=3)


@pytest.fixture(scope="module")
def saved(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "report"
    report.save(folder)
    return folder


def test_a_flip_flop_made_by_hand_is_read_completely(report):
    assert report.score == 1
    rest = report.fixed_points["rest"]
    assert (len(rest), len(rest.stable), rest.completeness) == (27, 8, "proved")
    assert len(set(report.attractors.memories.tolist())) == 8
    np.testing.assert_allclose(report.attractors.basin_shares.sum(), 1)
    assert report.memory.kept_at_end == 1
    agreement = report.machine_agreement
    assert agreement.by_attractor == agreement.by_readout == agreement.total == 48
    assert report.transitions.n_switches == 24
    assert set(report.fixed_points) == {"rest", *task_names(3)}
    # a pulse of 3 on a unit of gain 2 leaves one point for its bit, three for each other
    assert len(report.fixed_points["bit 1 up"]) == 9


def task_names(n):
    return [f"bit {k} {way}" for k in range(1, n + 1) for way in ("up", "down")]


def test_the_summary_states_the_answer(report):
    text = report.summary()
    assert len(report.slow_points) == 0
    for said in (
        "none of 64 descents in speed ended at a slow point",
        "Score 1.0000",
        "YES.",
        "8 stable fixed points",
        "48 of 48 responses",
        "proved: 27 fixed points, and there are no others",
        "24 switches",
    ):
        assert said in text


def test_a_network_that_always_says_the_same_remembers_nothing(task):
    model = bistable_elman(2)
    torch.nn.init.zeros_(model.readout.weight)
    torch.nn.init.ones_(model.readout.bias)
    text = dk.analyze(model, task, include=["attractors"]).summary()
    assert "NOTHING TO TEST" in text
    assert "YES" not in text


def test_a_memory_that_fades_is_called_a_transient():
    """x' = tanh(0.98 x + 3 u) has one fixed point, but takes long to get there."""
    model = bistable_elman(1)
    with torch.no_grad():
        model.rnn.weight_hh_l0.fill_(0.98)
        model.readout.bias.fill_(-0.05)
    report = dk.analyze(model, dk.tasks.FlipFlop(n_bits=1), include=["attractors"])
    assert report.score > 0.95
    assert len(report.fixed_points["rest"]) == 1
    assert report.memory.kept_at_end < 0.7
    assert 30 < report.memory.hold_time < 300
    assert "NO." in report.summary()
    assert "transient" in report.summary()


def test_the_ghost_of_a_lost_memory_is_found():
    """x' = tanh(2 x + 3 u - 0.54): past the fold at 0.5328, "on" is no fixed point any more, but held for long."""
    model = bistable_elman(1)
    with torch.no_grad():
        model.rnn.bias_hh_l0.fill_(-0.54)
    report = dk.analyze(model, dk.tasks.FlipFlop(n_bits=1), include=["slow_points", "projection"])
    slow = report.slow_points
    assert slow.kinds.tolist() == ["ghost"]
    np.testing.assert_allclose(slow.states, (np.arctanh(np.sqrt(0.5)) + 0.54) / 2, rtol=1e-6)
    np.testing.assert_allclose(slow.distances, slow.states[0] - report.fixed_points["rest"].states[0])
    assert "1 ghost among them: trajectories linger there for about 44.2 steps" in report.summary()
    assert "slow point (1)" in [t.get_text() for t in report.plot("phase_portrait").get_legend().get_texts()]


def test_a_time_step_that_is_too_long_is_blamed_for_the_instability():
    """dx/dt = -x - 1.5 tanh(x) + u: stable, but not in steps of a whole time constant."""
    model = dk.models.LeakyRNN(1, 1, 1, dt=100.0, tau=100.0, activation="tanh")
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.W_rec.fill_(-1.5)
    report = dk.analyze(model, dk.tasks.FlipFlop(n_bits=1), include=["modes"])
    assert report.modes.verdicts.tolist() == ["unstable"]
    assert "1 point unstable for the network's time step only: its flow is stable there" in report.summary()


def test_saved_report_comes_back_equal(report, saved):
    back = dk.load(saved)
    assert back.summary() == report.summary()
    assert back == report
    assert back.task == report.task
    assert back.skipped == report.skipped
    for name, points in report.fixed_points.items():
        np.testing.assert_array_equal(back.fixed_points[name].states, points.states)
    for mine, theirs in zip(report.model.parameters(), back.model.parameters()):
        assert torch.equal(mine, theirs)
    page = (saved / "report.html").read_text()
    assert "What does this network compute" in page
    assert page.count("<img") == len(report.figures)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'src="plotly.min.js"' in page
    assert {p.stem for p in (saved / "figures").iterdir()} == set(report.figures)


def test_a_damaged_report_is_refused(saved, tmp_path):
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    place = next(tmp_path.glob("*.npz"))
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 1
    place.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match="damaged"):
        dk.load(tmp_path)
    with pytest.raises(ArtifactError, match="not a folder saved by dynakit"):
        dk.load(tmp_path / "figures")
    dk.models.save(bistable_elman(1), tmp_path / "net")
    with pytest.raises(ArtifactError, match=r"holds a model and no results: read it with dynakit\.models\.load"):
        dk.load(tmp_path / "net")


def test_every_figure_can_be_drawn_and_others_are_named(report):
    for name in report.figures:
        assert report.plot(name).figure is not None
    with pytest.raises(InputError, match="training"):
        report.plot("training")
    with pytest.raises(InputError, match="phase_portrait"):
        report.plot("phase_portrat")
    assert "linked-data" in report._repr_html_()


def test_history_travels_with_the_report(task, tmp_path):
    model = dk.models.GRU.for_task(task, n_hidden=4)
    history = dk.train(model, task, dk.training.BPTT(max_updates=3), seed=0)
    report = dk.analyze(model, task, include=["projection"]).with_history(history)
    assert "training" in report.figures
    report.save(tmp_path)
    np.testing.assert_array_equal(dk.load(tmp_path).history.losses, history.losses)


@dataclasses.dataclass(frozen=True)
class Mine(dk.tasks.FlipFlop):
    """A task of a user's own."""


def test_a_fresh_interpreter_reads_a_report_on_a_task_of_your_own_and_a_prequential_run(tmp_path):
    dk.analyze(bistable_elman(1), Mine(n_bits=1), include=["trajectories"]).save(tmp_path / "report")
    stream = dk.tasks.SequenceStream(n_elements=100)
    history = dk.train(dk.models.NearestNeighbours.for_task(stream), stream, dk.training.Online(window=5), seed=0)
    history.save(tmp_path / "history")
    code = """if True:
        import dynakit as dk
        history, report = dk.load("history"), dk.load("report")
        print(history)
        print(report.task, report.model, report.skipped["task"])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    first, _, rest = done.stdout.partition("\n")
    assert first == repr(history), done.stderr
    assert rest.startswith("None Elman(")
    assert "a Mine of your own is not saved; rebuild it" in rest


def test_a_report_saved_over_another_is_of_one_network(tmp_path):
    """Also when its network cannot be saved: nothing is left of the other's."""
    reports = [dk.analyze(bistable_elman(n), dk.tasks.FlipFlop(n_bits=n), include=["modes"]) for n in (1, 2)]
    for report in (*reports, *reports):
        report.save(tmp_path)
        back = dk.load(tmp_path)
        weights = {points.provenance.weights for points in back.fixed_points.values()}
        assert weights == {dk.as_system(back.model).fingerprint}
        said = json.loads((tmp_path / "results.json").read_text())["manifest_sha256"]
        page = (tmp_path / "report.html").read_text()
        assert f'content="{said}"' in page
        assert said in page.partition("How this was made")[2]
        for figure in (tmp_path / "figures").iterdir():
            assert said.encode() in figure.read_bytes()[:1024]
    dataclasses.replace(reports[0], model=torch.nn.Linear(1, 1)).save(tmp_path)
    assert "a Linear is not saved" in dk.load(tmp_path).skipped["model"]
    assert not [*tmp_path.glob("**/*.safetensors")]
    with torch.no_grad():
        reports[0].model.readout.bias.fill_(torch.nan)
    reports[0].save(tmp_path)
    assert "non-finite" in dk.load(tmp_path).skipped["model"]


def test_network_and_trials_of_your_own(task):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.LSTM(2, 5, batch_first=True)
            self.fc = torch.nn.Linear(5, 2)

        def forward(self, u):
            return self.fc(self.rnn(u)[0])

    net = Net().train()
    before = {name: p.clone() for name, p in net.named_parameters()}
    random_state = torch.random.get_rng_state()
    trials = task.sample(16, seed=0)
    report = dk.analyze(net, dk.tasks.Trials(trials.inputs), include=["transitions"])
    assert report.score is None
    assert report.skipped["score"] == "the trials have no targets"
    assert report.transitions is None
    assert "pulses" in report.skipped["transitions"]
    assert net.training
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert all(torch.equal(p, before[name]) and p.requires_grad for name, p in net.named_parameters())
    assert report.parts == {"h": (0, 5), "c": (5, 10)}


def test_same_seed_same_report(task):
    model = bistable_elman(2)
    a, b = (dk.analyze(model, task, seed=1, include=["fixed_points", "projection"]) for _ in range(2))
    np.testing.assert_array_equal(a.fixed_points["rest"].states, b.fixed_points["rest"].states)
    assert a.score == b.score


def test_included_stages_bring_what_they_need(task):
    seen = []
    report = dk.analyze(
        bistable_elman(2),
        task,
        include=["attractors"],
        callback=lambda k, info: seen.append((k, info["stage"], info["total"])),
    )
    assert [stage for _, stage, _ in seen] == ["trajectories", "fixed_points", "memory", "attractors"]
    assert report.projection is None


def scalar_map(f, **kwargs):
    return dk.FunctionSystem(f, 1, 1, argument_order="state, input", **kwargs)


def test_a_layer_that_hands_on_more_than_the_task_asks_is_analysed_and_saved(tmp_path):
    with torch.random.fork_rng():
        layer = torch.nn.GRU(1, 5)
    report = dk.analyze(layer, dk.tasks.FlipFlop(n_bits=1), include=["transitions", "flow"])
    assert report.transitions is not None
    assert report.machine_agreement is None
    assert "5 outputs" in report.skipped["score"]
    report.save(tmp_path)
    assert {p.stem for p in (tmp_path / "figures").iterdir()} == set(report.figures)


def test_a_model_left_in_the_folder_by_another_report_is_not_taken_for_its_own(tmp_path):
    task = dk.tasks.FlipFlop(n_bits=1)
    dk.analyze(bistable_elman(1), task, include=["trajectories"]).save(tmp_path)
    assert dk.load(tmp_path).model is not None
    dk.analyze(scalar_map(lambda x, u: x + u), task, include=["trajectories"]).save(tmp_path)
    back = dk.load(tmp_path)
    assert back.model is None
    assert "a FunctionSystem is not saved" in back.skipped["model"]


def test_what_a_skipped_stage_was_needed_for_is_skipped_with_the_reason(task):
    jumps = dk.FunctionSystem(lambda x, u: (x + u[:, :1] > 0.5).double(), 1, 2, regularity="discontinuous")
    report = dk.analyze(jumps, task)
    assert "differentiable" in report.skipped["fixed_points"]
    assert report.skipped["modes"] == "it needs fixed_points, which could not run"
    assert "attractors" in report.skipped["transitions"]
    assert report.memory is not None
    assert "it needs" in report.summary()


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x, u: 1e100 * x + u, "NO"),  # leaves the floating-point numbers
        (lambda x, u: x + u, "NOT SHOWN"),  # an integrator: every state is marginal
        (lambda x, u: 2 * torch.relu(x) + 1 + 0 * u, "NOTHING TO TEST"),  # has no fixed point, always up
        (lambda x, u: torch.tanh(2 * x + 0.02 * u), "With a score of"),  # two attractors, deaf to its input
    ],
)
def test_no_verdict_is_better_than_what_is_known(f, said, tmp_path):
    report = dk.analyze(scalar_map(f), dk.tasks.FlipFlop(n_bits=1), include=["attractors", "slow_points", "cycles"])
    assert said in report.summary()
    assert ("YES" in report.summary()) == (said == "With a score of")
    report.save(tmp_path)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"include": 5}, "include must be names"),
        ({"task": dk.tasks.Trials(np.zeros((0, 9, 2)))}, "at least one trial"),
        ({"task": dk.tasks.FlipFlop(n_bits=3)}, "task has 3 inputs"),
        ({"task": "flip-flop"}, "task must be"),
        ({"include": ["fixed_pionts"]}, "did you mean 'fixed_points'"),
        ({"seed": -1}, "seed"),
        ({"model": "gru"}, "model must be"),
    ],
)
def test_bad_arguments_are_named(task, change, word):
    arguments = {"model": bistable_elman(2), "task": task} | change
    with pytest.raises(InputError, match=word):
        dk.analyze(arguments.pop("model"), arguments.pop("task"), **arguments)


def test_non_finite_weights_are_named_and_nothing_is_written(task, tmp_path):
    model = bistable_elman(2)
    with torch.no_grad():
        model.rnn.weight_hh_l0[0, 1] = np.nan
    with pytest.raises(InputError, match="weight_hh_l0"):
        dk.analyze(model, task)
    assert not list(tmp_path.iterdir())


def turning_elman(turns_per_step: float, gain: float) -> dk.models.Elman:
    """x' = tanh(gain R x + 0.5 u), R a rotation: at rest it turns on an invariant circle if gain > 1."""
    a = 2 * np.pi * turns_per_step
    model = dk.models.Elman(2, 2, 2)
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        R = torch.tensor([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        model.rnn.weight_hh_l0.copy_(gain * R)
        model.rnn.weight_ih_l0.copy_(0.5 * torch.eye(2))
        model.readout.weight.copy_(torch.eye(2))
    return model


@pytest.mark.parametrize(("gain", "kind"), [(1.3, "invariant circle"), (0.8, "fixed point")])
def test_released_states_end_where_the_linear_part_says(gain, kind, tmp_path):
    """The origin, whose eigenvalues are gain exp(+-2 pi i rho), gives way to a circle beyond gain 1."""
    report = dk.analyze(
        turning_elman(0.0707, gain), dk.tasks.FlipFlop(n_bits=2), include=["cycles", "projection"]
    )
    assert report.cycles.kinds.tolist() == [kind]
    assert report.cycles.verdicts.tolist() == ["attracting"]
    moves = kind == "invariant circle"
    assert ("cycles" in report.figures) == ("multipliers" in report.figures) == moves
    assert ("rotation number +0.0" in report.summary()) == moves
    if moves:
        np.testing.assert_allclose(report.cycles.rotation_numbers, 0.0707, atol=0.02)
    report.save(tmp_path)
    assert dk.load(tmp_path) == report


def test_exponents_under_inputs_without_weight_are_those_at_rest():
    """x' = tanh(0.8 R x) goes to 0 whatever comes in: both exponents are ln 0.8."""
    model = turning_elman(0.1, 0.8)
    torch.nn.init.zeros_(model.rnn.weight_ih_l0)
    report = dk.analyze(model, dk.tasks.FlipFlop(n_bits=2), include=["lyapunov"])
    np.testing.assert_allclose(report.lyapunov.exponents, np.log(0.8), atol=1e-6)
    assert "contracts along this trajectory" in report.summary()
    assert "exponents" in report.figures


def test_a_memory_is_no_echo_state_and_its_responses_are_counted():
    """x' = tanh(2 x + u) keeps two responses under inputs below 0.53, and its exponent is negative on both."""
    trials = dk.tasks.Trials(np.random.default_rng(0).uniform(-0.5, 0.5, (20, 40, 1)))
    unit = dk.catalog.tanh_unit(2.0)
    report = dk.analyze(unit, trials, include=["lyapunov", "echo_state"])
    assert (report.echo_state.n_responses, report.echo_state.verdict) == (2, "no echo state")
    assert "contracts along this trajectory" in report.summary()
    assert "at least 2 responses" in report.summary()
    assert ": echo state" not in report.summary()


def test_few_steps_are_enough_to_say_that_little_is_known():
    report = dk.analyze(turning_elman(0.1, 0.8), dk.tasks.Trials(np.zeros((1, 3, 2))), include=["lyapunov"])
    assert report.lyapunov.n_steps == 3


def test_states_that_only_drift_are_no_cycle():
    """x' = x + 1e-3 creeps on for ever."""
    drift = scalar_map(lambda x, u: x + 1e-3 + 0 * u)
    report = dk.analyze(drift, dk.tasks.FlipFlop(n_bits=1), include=["cycles"])
    assert report.cycles is None
    assert "grow without bound" in report.skipped["cycles"]


def test_what_jumps_has_neither_cycles_nor_exponents(task):
    jumps = dk.FunctionSystem(lambda x, u: (x + u[:, :1] > 0.5).double(), 1, 2, regularity="discontinuous")
    report = dk.analyze(jumps, task, include=["cycles", "lyapunov"])
    for stage in ("cycles", "lyapunov"):
        assert "differentiable" in report.skipped[stage]


def clock_and_silence(dt=None):
    """Of two neurons one fires every second step, the other never; what comes in does not matter."""
    flips = torch.tensor([1.0, 0.0], dtype=torch.float64)
    settings = {"argument_order": "state, input", "regularity": "discontinuous", "dt": dt}
    system = dk.FunctionSystem(lambda x, u: flips * (1 - x) + 0 * u[:, :1], 2, 2, **settings)
    system.parts = {"spikes": slice(0, 2)}
    return system


def test_a_network_that_spikes_is_read_by_its_spikes(task, tmp_path):
    report = dk.analyze(clock_and_silence(dt=2.0), task)
    np.testing.assert_allclose(report.spikes.rates, [250, 0])
    np.testing.assert_allclose([report.spikes.cv[0], report.spikes.lv[0], report.spikes.fanofactor[0]], 0, atol=1e-9)
    assert report.spikes.trains.n_trials == len(report.trials)
    assert "How it spikes\n  2 neurons, 125 Hz, CV 0.00" in report.summary()
    assert {"spikes", "trajectories", "projection"}.isdisjoint(report.skipped)
    report.save(tmp_path)
    assert dk.load(tmp_path).spikes == report.spikes
    assert (tmp_path / "figures" / "raster.png").is_file()
    assert "Spikes: 2 neurons" in (tmp_path / "report.html").read_text()


def test_spikes_without_a_clock_or_no_spikes_at_all_are_said(task, report):
    assert "dt in ms" in dk.analyze(clock_and_silence(), task, include=["spikes"]).skipped["spikes"]
    assert report.spikes is None
    assert "does not spike" in report.skipped["spikes"]
    assert "raster" not in report.figures


@pytest.fixture(scope="module")
def generator():
    """Two units that turn anticlockwise: whatever their circle, a clockwise orbit on it cannot be held."""
    return dk.analyze(turning_elman(0.0707, 1.3), dk.tasks.Cycles.seeing_double(radius=1.0))


def test_of_a_generator_the_closed_loop_is_looked_at(generator, tmp_path):
    multi = generator.multifunctionality
    assert generator.closed_loop
    assert not multi.held[multi.names == "B"].any()
    assert (generator.cycles.rotation_numbers > 0).all()
    assert f"holds {multi.held.sum()} of 2 orbits" in generator.summary()
    assert "no evidence of stored orbits" in generator.summary()
    assert generator.cycles == multi.attractors
    assert len(generator.lyapunov) == len(generator.cycles)
    loop = dk.ClosedLoop(dk.as_system(generator.model))
    rest = generator.fixed_points["rest"].states
    np.testing.assert_allclose(loop.step(rest), rest, atol=1e-9)
    for stage in ("memory", "attractors", "transitions", "spikes"):
        assert getattr(generator, stage) is None
        assert stage in generator.skipped
    generator.save(tmp_path)
    assert dk.load(tmp_path) == generator
    assert {"multifunctionality", "exponents"} <= set(generator.figures)
    assert "Orbits to be held" in (tmp_path / "report.html").read_text()


def test_in_a_closed_loop_only_what_attracts_is_called_an_attractor(generator):
    found = generator.cycles
    assert (found.verdicts == "attracting").all()
    text = generator.summary()
    assert f"cues and random states end at {len(found)} attractor" in text
    assert "\n  attractor 0: quasi-periodic; exponents 0, " in text
    doubted = dataclasses.replace(found, verdicts=np.full(len(found), "undetermined"))
    text = generator.having({"cycles": doubted}).summary()
    assert f"cues and random states end at {len(found)} object" in text
    assert "0 of which were shown to attract" in text
    assert "\n  object 0: invariant circle, undetermined" in text
    assert "\n  object 0: quasi-periodic; exponents 0, " in text


def test_a_single_orbit_is_looked_for_without_the_check_of_several():
    """x' = tanh(R y) with y = 1.3 x: the closed loop of one orbit has a circle of its own."""
    circle = dk.tasks.Cycles.seeing_double(radius=1.0).orbits[0]
    model = turning_elman(0.0707, 1.3)
    report = dk.analyze(model, dk.tasks.Cycles((circle,)), include=["cycles", "multifunctionality"])
    assert "at least two orbits" in report.skipped["multifunctionality"]
    assert (report.cycles.kinds == "invariant circle").any()


def test_states_are_released_at_the_last_step_at_which_every_output_counts():
    """The state of x' = u is its last input, here the number of the step: what is released says when it was."""
    step = lambda x, u: u + 0 * x[:, :1]  # noqa: E731
    system = dk.FunctionSystem(step, 2, 2, argument_order="state, input")
    inputs = np.repeat(np.arange(1.0, 11.0)[None, :, None], 5, axis=0) + np.array([0.0, 0.5])
    mask = np.zeros((5, 10, 2))
    mask[0, 2:5] = 1  # released after step 4, counted from 0
    mask[1, 7] = 1
    mask[2, 3:7, 0] = 1  # the second output counts to step 5 only
    mask[2, 3:6, 1] = 1
    mask[3, [0, 4]] = 1
    task = dk.tasks.from_arrays(inputs, inputs, mask)  # nothing of the last trial counts: its end is released
    memory = dk.analyze(system, task, include=["memory"]).memory
    assert memory.outputs[0, :, 0].tolist() == [5.0, 8.0, 6.0, 5.0, 10.0]
