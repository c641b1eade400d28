"""The command line: what each command leaves behind, and how it says no."""

import functools
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import dynakit as dk
from dynakit.__main__ import main

TASK = "flip-flop:n_bits=1,n_steps=20"
TRAIN = ["train", TASK, "gru", "--n-hidden", "4", "--max-updates", "3"]


@pytest.fixture
def _brief(monkeypatch):
    """``analyze`` looks at no more than trajectories and fixed points."""
    monkeypatch.setattr(dk, "analyze", functools.partial(dk.analyze, include=["trajectories", "fixed_points"]))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == dk.__version__


def test_help_names_every_command_without_loading_torch():
    code = (
        "import sys; from dynakit.__main__ import main; main(['--help']); assert 'torch' not in sys.modules"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for command in ("demo", "train", "analyze", "sweep", "resume", "summary", "study", "--version"):
        assert command in shown.stdout


@pytest.mark.usefixtures("_brief")
def test_train_then_analyze(tmp_path, capsys):
    assert main([*TRAIN, "--out", "net", "--seed", "5"]) == 0
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert "3 updates" in line
    assert "score" in line
    assert main(["analyze", "net", TASK, "--out", "answer"]) == 0
    report = dk.load("answer")
    assert (
        capsys.readouterr().out == f"{report.summary()}\n\nReport: {os.path.join('answer', 'report.html')}\n"
    )
    assert (tmp_path / "answer" / "report.html").is_file()
    assert len(report.history) == 3  # the training run came along


@pytest.mark.usefixtures("_brief")
def test_a_report_is_analysed_anew_with_the_training_run_that_made_its_network():
    main([*TRAIN, "--out", "net"])
    main(["analyze", "net", TASK, "--out", "first"])
    main(["analyze", "first", TASK, "--out", "second"])
    assert dk.load("second").history == dk.load("net")
    dk.models.save(dk.models.GRU(1, 4, 1, seed=9), "net")  # as if a later training had been cut short after this
    main(["analyze", "net", TASK, "--out", "third"])
    assert dk.load("third").history is None
    assert "ended with other weights" in dk.load("third").skipped["history"]


def test_train_is_the_library_call(tmp_path):
    main([*TRAIN, "--out", "net", "--seed", "5", "--learning-rate", "0.01"])
    task = dk.tasks.by_name(TASK)
    model = dk.models.GRU.for_task(task, n_hidden=4, seed=5)
    dk.train(model, task, dk.training.BPTT(max_updates=3, learning_rate=0.01), seed=5)
    saved = dk.models.load(tmp_path / "net").state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(saved[name], value)


def test_training_stops_at_a_score(capsys):
    assert main(["train", TASK, "gru", "--max-updates", "60", "--stop-at-score", "0.01"]) == 0
    assert "10 updates" in capsys.readouterr().out  # the first ten already score that


@pytest.mark.usefixtures("_brief")
def test_analyze_reads_the_weights_of_others(capsys):
    class Theirs(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.out = nn.RNN(1, 4, nonlinearity="relu"), nn.Linear(4, 1)

    torch.save(Theirs().state_dict(), "theirs.pt")
    assert main(["analyze", "theirs.pt", TASK, "--nonlinearity", "relu"]) == 0
    assert "relu" in capsys.readouterr().out.splitlines()[0].lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "flipflop", "gru"], "did you mean 'flip-flop'"),
        (["train", TASK, "grue"], "did you mean 'gru'"),
        (["train", TASK, "tdnn"], "task must be a SequenceStream, got a FlipFlop"),
        (["train", "sequence-stream", "csnn", "--n-hidden", "5"], "settings of a CSNN"),
        (["train", "sequence-stream", "tdnn", "--stop-at-score", "0.9"], "stop_at_score is not for learners"),
        (["train", "flip-flop:n_bits=0", "gru"], "n_bits must be at least 1"),
        ([*TRAIN, "--learning-rate", "-1"], "learning_rate must be"),
        ([*TRAIN, "--learning-rate", "0"], "learning_rate must be"),
        ([*TRAIN, "--learning-rate", "fast"], "fast"),
        ([*TRAIN, "--n-hiden", "4"], "--n-hidden"),
        (["train", TASK], "MODEL"),
        ([*TRAIN, "--out", "a-file"], "a-file exists and is not a folder"),
        ([*TRAIN, "--out", "a-file/below"], "a-file"),
        (["analyze", "nothing", TASK], "nothing does not exist"),
        (["analyze", "empty", TASK], "holds no model.json"),
        ([*TRAIN, "--out", "theirs"], "model.json was not written by dynakit, and nothing was overwritten"),
        (["demo", "--out", "theirs"], "results.json was not written by dynakit, and nothing was overwritten"),
        (["analyze", "a-file", TASK], "must end in .safetensors"),
        (["analyze", "bad.pt", TASK], "bad.pt is damaged"),
        (["study", "no_such_study"], "name must be one of"),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_bad_input_is_status_2_and_one_sentence(arguments, message, tmp_path, capsys):
    (tmp_path / "a-file").touch()
    (tmp_path / "bad.pt").write_bytes(b"not a checkpoint")
    (tmp_path / "empty").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / ("results.json" if "demo" in arguments else "model.json")).write_text("{}")
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("dynakit: ")
    assert said.err.count("\n") == 1
    assert message in said.err


def test_a_task_that_does_not_fit_the_network_is_refused(capsys):
    main([*TRAIN, "--out", "net"])
    assert main(["analyze", "net", "flip-flop:n_bits=2"]) == 2
    assert "task has 2 inputs, but model takes 1" in capsys.readouterr().err


def test_study_runs_here_and_passes_arguments_and_status_on(tmp_path, capfd):
    folder = tmp_path / "studies" / "small"
    folder.mkdir(parents=True)
    (folder / "study.py").write_text("import sys; print(sys.argv[1:]); sys.exit(7)")
    assert main(["study", "small", "--only", "x", "--quick"]) == 7
    assert capfd.readouterr().out.strip() == "['--only', 'x', '--quick']"


def test_an_installed_package_has_no_studies(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("dynakit.__main__.__file__", str(tmp_path / "site-packages/dynakit/__main__.py"))
    assert main(["study", "flip_flop"]) == 2
    assert "part of the repository" in capsys.readouterr().err


def test_no_bar_when_the_output_is_not_a_terminal(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(TRAIN) == 0
    said = capfd.readouterr()
    assert "\x1b" not in said.out
    assert "training" not in said.out
    assert said.err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_bar_when_the_output_is_a_terminal():
    import pty

    controller, terminal = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.Popen([sys.executable, "-m", "dynakit", *TRAIN], stdout=terminal, env=env)
    os.close(terminal)
    shown = b""
    while done.poll() is None or shown[-1:] != b"\n":
        try:
            shown += os.read(controller, 4096)
        except OSError:  # how Linux says that the other end has closed
            break
    os.close(controller)
    assert done.wait() == 0
    assert b"training" in shown
    assert b"score" in shown


def test_a_learner_goes_through_the_stream_once(capsys):
    options = ["--n-hidden", "7", "--max-updates", "1100", "--seed", "4", "--out", "net"]
    assert main(["train", "sequence-stream", "tdnn", *options]) == 0
    assert "all 1100 elements learnt" in capsys.readouterr().out
    own = dk.models.TDNN(25, 7, seed=4)
    history = dk.train(own, dk.tasks.SequenceStream(), dk.training.Online(max_elements=1100), seed=4)
    again = dk.models.load("net")
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), own.state_dict().values()))
    np.testing.assert_array_equal(dk.load("net").predictions, history.predictions)


@pytest.mark.parametrize(("model", "method"), [("reservoir", "Ridge"), ("lstm", "Curriculum")])
def test_cycles_are_trained_by_the_method_that_fits_the_network(model, method):
    task = "cycles:n_steps=100"
    assert main(["train", task, model, "--n-hidden", "20", "--max-updates", "2", "--out", "net"]) == 0
    history = dk.load("net")
    assert history.provenance.settings["method"] == method
    double = next(dk.models.load("net").parameters()).dtype == torch.float64
    assert double == (model == "reservoir")
