"""What every stage of an analysis promises, and that a stage is the whole of its file."""

from __future__ import annotations

import ast
import graphlib
import importlib
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.pipeline import stages
from dynakit.pipeline.stages import STAGES, in_line, transitions
from dynakit.report import Finder, Stage

FOLDER = Path(stages.__file__).parent
PACKAGE = Path(dk.__file__).parent
FIELDS = {"task", "trials", "history", "closed_loop"}  # names of a report that are no results
NAMES = {stage.name for stage in STAGES}
GIVEN = {name for stage in STAGES for name in stage.gives}
each_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


def parts(stage: Stage):
    return [*stage.words, *stage.numbers, *stage.columns, *stage.figures, *stage.views, *stage.tables]


def elman(gain: float, turns: float, read: float = 1.0) -> dk.models.Elman:
    """x' = tanh(gain R x + 2 u), R a rotation of the plane; without a turn two independent memories."""
    model = dk.models.Elman(2, 2, 2)
    a = 2 * np.pi * turns
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.rnn.weight_hh_l0.copy_(gain * torch.tensor([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]))
        model.rnn.weight_ih_l0.copy_(2 * torch.eye(2))
        model.readout.weight.copy_(read * torch.eye(2))
    return model


def ticking() -> dk.System:
    """One neuron that fires every second step, one that never does, and a unit that remembers the sign of its input."""
    flips = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)

    def step(x, u):
        held = torch.where(u[:, :1].abs() > 0.5, u[:, :1].sign(), x[:, 2:])
        return torch.cat([flips[:2] * (1 - x[:, :2]), held], dim=1)

    system = dk.FunctionSystem(step, 3, 2, argument_order="state, input", regularity="discontinuous", dt=2.0)
    system.parts = {"spikes": slice(0, 2), "unit": slice(2, 3)}
    return system


def values() -> dk.tasks.Task:
    """Two values to be kept."""
    inputs = np.zeros((9, 5, 2))
    inputs[:, 0] = np.random.default_rng(0).uniform(-0.5, 0.5, (9, 2))
    return dk.tasks.from_arrays(inputs, np.repeat(inputs[:, :1], 5, axis=1))


@pytest.fixture(scope="module")
def reports():
    """Networks among which every stage finds something: memories, values, a cycle, spikes, a closed loop."""
    flip_flop = dk.tasks.FlipFlop(n_bits=2)
    return [
        dk.analyze(elman(2.0, 0.0), flip_flop),
        dk.analyze(elman(1.3, 0.0707), flip_flop, include=["cycles", "projection"]),
        dk.analyze(ticking(), flip_flop, include=["spikes"]),
        dk.analyze(elman(1.0, 0.0), values(), include=["graded"]),
        dk.analyze(elman(1.3, 0.0707, 0.3), dk.tasks.Cycles.seeing_double(radius=1.0)),
    ]


def where_it_reads(reports, part):
    """The results a part asks for, from the first report in which they are and it has something to show."""
    for report in reports:
        results = report.read(part)
        if results is not None and getattr(part, "shows", lambda *_: True)(*results):
            return results
    raise AssertionError(f"{part} finds its results in no report")


@each_stage
def test_a_stage_is_the_whole_of_a_file_and_says_what_it_is(stage):
    path = FOLDER / f"{stage.name}.py"
    assert path.is_file()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert calls.count("Stage") == 1
    assert ast.get_docstring(tree)
    assert stage.about
    assert f"{stage.name}: {stage.about}" in dk.analyze.__doc__
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert "Report" not in imported


def test_every_file_is_a_stage_and_no_name_is_given_twice():
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} == NAMES
    given = [name for stage in STAGES for name in stage.gives]
    figures = [figure.name for stage in STAGES for figure in stage.figures]
    assert len(given) == len(set(given))
    assert len(figures) == len(set(figures))
    assert not GIVEN & set(dir(dk.Report)), "a result would be hidden by an attribute of the report"


@each_stage
def test_what_a_stage_asks_for_is_there(stage):
    for run in (stage.run, stage.runs(True)):
        assert {*run.needs, *run.uses} <= GIVEN - set(stage.gives)
    for part in parts(stage):
        assert {*part.needs, *part.uses} <= GIVEN | FIELDS
        assert part.needs


@pytest.mark.parametrize("closed_loop", [False, True])
def test_stages_run_after_what_they_read(closed_loop):
    source = {name: stage.name for stage in STAGES for name in stage.gives}
    runs = {stage.name: stage.runs(closed_loop) for stage in STAGES}
    graphlib.TopologicalSorter({
        name: [source[n] for n in (*run.needs, *run.uses)] for name, run in runs.items()
    }).prepare()  # raises where there is a circle
    line = [stage.name for stage in in_line(STAGES, NAMES, closed_loop=closed_loop)]
    assert sorted(line) == sorted(NAMES)
    for k, name in enumerate(line):
        assert {source[n] for n in (*runs[name].needs, *runs[name].uses)} <= set(line[:k])


def test_only_what_is_needed_runs_along():
    line = [stage.name for stage in in_line(STAGES, ["slow_points"], closed_loop=False)]
    assert sorted(line) == ["fixed_points", "slow_points", "trajectories"]
    assert line[-1] == "slow_points"
    assert line.index("trajectories") < line.index("fixed_points")  # which makes use of them, but can do without
    assert [s.name for s in in_line(STAGES, ["fixed_points"], closed_loop=False)] == ["fixed_points"]


@each_stage
def test_the_parts_of_a_stage_speak_of_its_results(stage, reports):
    said = []
    for words in stage.words:
        lines = words.say(*where_it_reads(reports, words))
        assert all(isinstance(line, str) and line and "\n" not in line for line in lines)
        said += lines
    assert said or not stage.words
    for table in stage.tables:
        for title, columns in table.columns(*where_it_reads(reports, table)).items():
            assert title
            assert len({len(column) for column in columns.values()}) == 1
    for figure in stage.figures:
        ax = figure.draw(*where_it_reads(reports, figure), ax=None)
        assert ax.has_data() or ax.patches or ax.images
        dk.plots.close(ax.get_figure())
        assert re.fullmatch(r"[A-Z].+[.)]", figure.caption)
        assert re.fullmatch(r"([A-Z].+[.)])?", figure.loop_caption)
    for part in stage.headline:
        assert part.say(*where_it_reads(reports, part))


def strings_in(path: Path) -> list[tuple[str, int]]:
    nodes = (n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Constant))
    return [(node.value, node.lineno) for node in nodes if isinstance(node.value, str)]


@pytest.mark.parametrize(
    "path", [*(PACKAGE / "report").glob("*.py"), *FOLDER.parent.glob("*.py")], ids=lambda path: path.name
)
def test_nothing_else_knows_a_stage_by_its_name(path):
    assert not [f"{path.name}:{line} {text!r}" for text, line in strings_in(path) if text in NAMES]


def test_nothing_else_lists_the_stages():
    """No list, tuple, set or dictionary of the package but in a stage's own file names three stages."""
    for path in PACKAGE.rglob("*.py"):
        if path.parent == FOLDER:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            items = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
            listed = {item.value for item in items if isinstance(item, ast.Constant)} & NAMES
            assert len(listed) < 3, f"{path.relative_to(PACKAGE)}:{node.lineno} lists {sorted(listed)}"


TOY = '''
"""How far the states are from zero."""
from dataclasses import dataclass
import numpy as np
from dynakit import plots
from dynakit.report import Figure, Finder, Headline, Stage, Table, Words
from dynakit.results import Result, per_item

@dataclass(frozen=True, kw_only=True, repr=False)
class StepLengths(Result):
    of_trials: np.ndarray = per_item()

def find(subject, trajectories):
    return {"distances": StepLengths(of_trials=np.abs(trajectories.states).max(axis=(1, 2)))}

def draw(distances, closed_loop, ax=None, **kwargs):
    ax = plots.new_axes(ax)
    ax.plot(distances.of_trials, **kwargs)
    return ax

STAGE = Stage(
    name="distances",
    about="Distances of the states from zero",
    place=25,
    run=Finder(find, needs=("trajectories",)),
    headline=(Headline(lambda found: f"up to {found.of_trials.max():.2f} from zero", needs=("distances",)),),
    words=(Words("How far it goes", lambda found: [f"at most {found.of_trials.max():.2f}"], needs=("distances",)),),
    figures=(Figure("far", "How far each trial goes.", draw, needs=("distances",), uses=("closed_loop",)),),
    tables=(Table(lambda found: {"Distances by trial": found.table()}, needs=("distances",)),),
)
'''


def test_one_file_is_enough_for_a_stage(tmp_path, monkeypatch):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "distances.py").write_text(TOY)
    monkeypatch.setattr(stages, "__path__", [*stages.__path__, str(tmp_path / "more")])
    for module in ("analyze", "loading"):
        monkeypatch.setattr(importlib.import_module(f"dynakit.pipeline.{module}"), "STAGES", stages.find_stages())
    report = dk.analyze(elman(2.0, 0.0), dk.tasks.FlipFlop(n_bits=2), include=["distances", "fixed_points"])
    most = f"{np.abs(report.trajectories.states).max():.2f}"
    assert f"\n\nHow far it goes\n  at most {most}\n\nWhat lies between\n" in report.summary()
    assert f"up to {most} from zero" in repr(report)
    assert "distances" in dir(report)
    assert report.figures[0] == "far"
    report.save(tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    for said in ("Distances by trial", "How far each trial goes.", f"At most {most}."):
        assert said in page
    assert (tmp_path / "out" / "figures" / "far.png").is_file()
    back = dk.load(tmp_path / "out")
    assert back == report
    assert back.summary() == report.summary()
    np.testing.assert_array_equal(back.distances.of_trials, report.distances.of_trials)
    monkeypatch.undo()
    without = dk.load(tmp_path / "out")  # its words are gone with it, what it has found is not
    assert "How far it goes" not in without.summary()
    assert len(without.distances) == len(report.trials)


def test_a_stage_that_finds_no_answer_says_why():
    def nothing(subject):
        raise dk.InputError("there is no answer")

    report = dk.Report(network="n", parts={}, stages=(Stage(name="a", about="a", place=1, run=Finder(nothing)),))
    assert report.a is None
    with pytest.raises(AttributeError, match=r"a Report has no 'b'; its results are a"):
        report.b  # noqa: B018


def test_slow_states_are_said_where_the_readout_is_right_before_the_state_has_arrived():
    from dynakit.pipeline.stages.transitions import STAGE, MachineAgreement

    say = next(words.say for words in STAGE.words if words.needs == ("machine_agreement",))
    assert say(MachineAgreement(3, 3, 4)) == ["3 of 4 responses are those of the task's own automaton"]
    (line,) = say(MachineAgreement(2, 3, 4))
    assert line.endswith("; by its readout, 3 are: slow states are still on their way")


def test_a_response_that_ends_nowhere_known_agrees_with_nothing():
    """Two memories and a pulse up: from "-" it ends at no attractor, though its readout says "+", as it should."""
    task = SimpleNamespace(
        machine={("-", "up"): "+", ("+", "up"): "+"}, n_outputs=1, decode=lambda y: np.where(y[..., 0] > 0, "+", "-")
    )
    mapped = SimpleNamespace(
        targets=np.array([[-1], [1]]), end_outputs=np.array([[[0.4]], [[1.0]]]), pulses=("up",)
    )
    found = transitions._agreement(task, mapped, np.array(["-", "+"]))
    assert (found.by_attractor, found.by_readout, found.total) == (1, 2, 2)


def test_a_report_is_one_row_and_every_report_has_the_same_columns(reports):
    rows = [report.table() for report in reports]
    names = list(rows[0])
    assert all(list(row) == names == list(report.columns()) for row, report in zip(rows, reports))
    assert all(len(column) == 1 for row in rows for column in row.values())
    memories, turning, spiking, values, loop = rows
    assert (memories["points"][0], memories["by_unstable"][0], memories["memories"][0]) == (9, "4/4/1", 4)
    assert (memories["degree"][0], memories["completeness"][0]) == (1, "proved")
    assert memories["slowest"][0] == pytest.approx(-1 / np.log(2 * (1 - 0.957504024**2)), rel=1e-6)
    assert memories["units"][0] == 2
    assert np.isnan(turning["points"][0])
    assert turning["by_unstable"][0] == ""
    assert spiking["rate"][0] == pytest.approx(125.0, rel=0.1)  # every second step of 2 ms, one neuron of two
    assert 0 <= values["values_kept"][0] <= 1
    assert np.isfinite(loop["orbits_held"][0])
    empty = [name for name in names if all(row[name][0] in ("", None) or row[name][0] != row[name][0] for row in rows)]
    assert empty == []
    frame = reports[0].to_dataframe()
    assert frame.shape == (1, len(names))
    assert reports[0].to_csv().count("\n") == 2
