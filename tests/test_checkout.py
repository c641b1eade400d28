"""The plugin that compares the checkout before and after the tests, on small projects of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .checkout import tree

PLUGIN = Path(__file__).with_name("checkout.py")


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Status and output of pytest on one test in a project that has the plugin; in this process, if without workers."""

    def run(test: str, *options: str) -> tuple[int, str]:
        shutil.copy(PLUGIN, tmp_path / "checkout_plugin.py")
        (tmp_path / "pytest.ini").touch()
        (tmp_path / "test_it.py").write_text(f"from pathlib import Path\n\ndef test_it(tmp_path):\n    {test}\n")
        for name in ("a.txt", "b.txt"):
            (tmp_path / name).write_text("as it was")
        arguments = ["-q", "-p", "checkout_plugin", "-p", "no:cacheprovider", *options]
        monkeypatch.chdir(tmp_path)
        if options:
            done = subprocess.run([sys.executable, "-m", "pytest", *arguments], capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr
        monkeypatch.syspath_prepend(tmp_path)
        try:
            status = pytest.main(arguments)
        finally:
            for name in ("checkout_plugin", "test_it"):
                sys.modules.pop(name, None)
        return status, capfd.readouterr().out

    return run


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["one process", "workers"])
def test_what_a_test_leaves_is_named_and_fails(run, workers):
    left = "Path('out').mkdir(); Path('out/left.json').touch()"
    status, output = run(f"{left}; Path('a.txt').write_text('new'); Path('b.txt').unlink()", *workers)
    assert status == 1, output
    assert "1 passed" in output
    said = [line.removeprefix("FAILED ") for line in output.splitlines() if line.startswith("FAILED")]
    assert said == ["changed: a.txt", "gone: b.txt", "new: out/left.json"]


def test_what_is_under_tmp_path_and_in_caches_is_no_fault(run):
    allowed = "(tmp_path / 'x').touch(); Path('.hypothesis').mkdir(); Path('.hypothesis/x').touch()"
    status, output = run(allowed)
    assert status == 0, output


def test_a_test_that_fails_keeps_its_status(run):
    assert run("raise KeyboardInterrupt")[0] == pytest.ExitCode.INTERRUPTED


def test_environments_are_not_looked_into(tmp_path):
    for name in ("env/pyvenv.cfg", "env/lib/a.py", "src/b.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(tree(tmp_path)) == ["src/b.py"]
