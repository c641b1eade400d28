"""run.py without a network: what it would run, when it sets up again, and what it says when it cannot."""

import ast
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load(path):
    spec = importlib.util.spec_from_file_location("run_under_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of run.py beside a project of two files; commands are noted, and making a venv makes its python."""
    for name in ("run.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    run = load(tmp_path / "run.py")
    calls, fail_at = [], {}

    def call(command, **options):
        calls.append((command, options))
        if fail_at.get("word") in command:
            raise subprocess.CalledProcessError(1, command)
        if "venv" in command:
            run.python().parent.mkdir(parents=True)
            run.python().touch()
        return 7 if "status7" in command else 0

    monkeypatch.setattr(run.subprocess, "check_call", call)
    monkeypatch.setattr(run.subprocess, "call", call)
    return SimpleNamespace(run=run, calls=calls, fail_at=fail_at, folder=tmp_path)


def installs(checkout):
    return [command for command, _ in checkout.calls if "install" in command]


def test_first_job_makes_the_environment_then_runs(checkout, capsys):
    assert checkout.run.run("test", ["-k", "x"]) == 0
    (make, _), (install, there), (test, options) = checkout.calls
    assert make == [sys.executable, "-m", "venv", str(checkout.folder / ".venv")]
    assert install[1:4] == ["-m", "pip", "install"]
    assert install[-4:] == ["-c", "constraints.txt", "-e", ".[interactive,test]"]
    assert there["cwd"] == options["cwd"] == str(checkout.folder)
    assert test[:3] == [str(checkout.run.python()), "-m", "pytest"]
    assert test[3] == "-n"  # side by side
    assert test[4].isdigit()
    assert test[5:] == ["-k", "x"]
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        assert options["env"][name] == "1"
    assert options["env"]["MPLBACKEND"] == "Agg"
    assert capsys.readouterr().out.count("\n") == 1


def test_the_second_job_sets_nothing_up(checkout, capsys):
    checkout.run.run("setup", [])
    capsys.readouterr()
    checkout.calls.clear()
    checkout.run.run("test", [])
    assert len(checkout.calls) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_requirement_is_installed_into_the_same_environment(checkout, name):
    checkout.run.run("setup", [])
    checkout.calls.clear()
    with open(checkout.folder / name, "a") as file:
        file.write("\n# changed")
    checkout.run.run("setup", [])
    assert [command[2:4] for command, _ in checkout.calls] == [["pip", "install"]]


def test_lint_adds_its_tools_once_and_test_keeps_them(checkout):
    for job in ("test", "lint", "test", "lint"):
        checkout.run.run(job, [])
    assert [command[-1] for command in installs(checkout)] == [".[interactive,test]", ".[interactive,test,dev]"]


@pytest.mark.parametrize("cut_at", ["venv", "install"])
def test_a_set_up_cut_short_is_repeated_from_the_start(checkout, cut_at):
    checkout.fail_at["word"] = cut_at
    with pytest.raises(subprocess.CalledProcessError):
        checkout.run.run("setup", [])
    rubbish = checkout.folder / ".venv" / "half-written"
    rubbish.touch()
    checkout.fail_at.clear()
    checkout.calls.clear()
    checkout.run.run("setup", [])
    assert not rubbish.exists()
    assert ["venv" in command for command, _ in checkout.calls] == [True, False]


def test_an_environment_of_the_users_own_is_used_not_deleted(checkout):
    own = checkout.run.python()
    own.parent.mkdir(parents=True)
    own.touch()
    checkout.run.run("setup", [])
    assert own.exists()
    assert [command[:4] for command, _ in checkout.calls] == [[str(own), "-m", "pip", "install"]]


@pytest.mark.parametrize(("ruff", "pyright"), [(0, 0), (1, 0), (0, 1), (2, 1)])
def test_lint_runs_both_checks_and_fails_if_one_does(checkout, monkeypatch, ruff, pyright):
    statuses, seen = {"ruff": ruff, "pyright": pyright}, []

    def call(command, **options):
        seen.append(command[2])
        return statuses[command[2]]

    monkeypatch.setattr(checkout.run.subprocess, "call", call)
    assert bool(checkout.run.run("lint", [])) == bool(ruff or pyright)
    assert seen == ["ruff", "pyright"]


def test_other_jobs_go_to_the_command_line_with_arguments_and_status(checkout):
    assert checkout.run.run("study", ["status7", "--quick"]) == 7
    command, options = checkout.calls[-1]
    assert command[1:] == ["-m", "dynakit", "study", "status7", "--quick"]
    assert options["env"]["PYTHONUTF8"] == "1"
    assert "cwd" not in options  # paths on the command line are the caller's


def test_windows_keeps_its_interpreter_elsewhere(checkout):
    assert checkout.run.python("nt") == checkout.folder / ".venv" / "Scripts" / "python.exe"
    assert checkout.run.python("posix") == checkout.folder / ".venv" / "bin" / "python"


def without(monkeypatch, *names):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else find(name))


def test_without_ensurepip_the_pip_that_is_there_installs(checkout, monkeypatch):
    without(monkeypatch, "ensurepip")
    checkout.run.run("setup", [])
    (make, _), (install, _) = checkout.calls
    assert make[-1] == "--without-pip"
    assert install[:5] == [sys.executable, "-m", "pip", f"--python={checkout.run.python()}", "install"]


@pytest.mark.parametrize("missing", [["venv"], ["ensurepip", "pip"]])
def test_without_the_means_one_sentence_names_the_package(checkout, monkeypatch, missing):
    without(monkeypatch, *missing)
    with pytest.raises(SystemExit, match="apt-get install python3-venv"):
        checkout.run.run("setup", [])
    assert not checkout.calls
    assert not (checkout.folder / ".venv").exists()


def test_an_old_python_can_read_the_file_and_is_told_the_version_needed():
    source = (ROOT / "run.py").read_text()
    ast.parse(source, feature_version=(3, 6))
    code = "import runpy, sys; sys.version_info, sys.version = (3, 8, 2), '3.8.2 (old)'; sys.argv = ['run.py', 'test']"
    code += f"; runpy.run_path({str(ROOT / 'run.py')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "dynakit needs Python 3.11 or newer, and this is Python 3.8.2\n"


def test_run_is_short_and_imports_the_standard_library_only():
    source = (ROOT / "run.py").read_text()
    assert source.count("\n") <= 95
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name if isinstance(n, ast.Import) else n.module for n in imports for alias in n.names}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_without_a_job_the_jobs_are_listed():
    done = subprocess.run([sys.executable, str(ROOT / "run.py")], capture_output=True, text=True, check=True)
    for job in ("demo", "test", "lint", "study", "setup"):
        assert f"\n    {job} " in done.stdout


def test_pins_are_exact_and_satisfy_the_floors():
    import tomllib

    from packaging.requirements import Requirement

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.lower().split("==") for line in lines if not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *extras["interactive"], *extras["test"], *extras["dev"]]:
        requirement = Requirement(text)
        assert [s.operator for s in requirement.specifier] == [">="], f"{text}: floors, no caps"
        assert pins[requirement.name.lower()] in requirement.specifier
    assert not any("+" in version for version in pins.values())
