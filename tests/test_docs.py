"""Every Python block of README.md and docs/ runs (in order, one namespace per file, in an empty folder), and
what the pages point to is there."""

import dataclasses
import re
from pathlib import Path

import pytest

import dynakit as dk
from dynakit.results import Result
from dynakit.testing.results import undescribed

ROOT = Path(__file__).resolve().parents[1]
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [*FILES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "studies").rglob("*.md"))]
BLOCK = re.compile(r"^( *)```python[^\n]*\n(.*?)^\1```\s*$", re.MULTILINE | re.DOTALL)


def blocks_of(path):
    """The compiled blocks of one file; errors carry the line numbers of that file."""
    text = path.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        above = text.count("\n", 0, block.start(2))
        lines = [line.removeprefix(block[1]) for line in block[2].split("\n")]
        yield compile("\n" * above + "\n".join(lines), str(path), "exec")


def run_blocks(path):
    """Run the blocks of one file.  Returns how many there were."""
    namespace, n_blocks = {"__name__": "__main__"}, 0
    for block in blocks_of(path):
        exec(block, namespace)
        n_blocks += 1
    return n_blocks


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_blocks_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    run_blocks(path)


def test_blocks_share_a_namespace_and_only_python_runs(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nx = 1\n```\n```bash\nfalse\n```\n1. item\n   ```python\n   assert x == 1\n   ```\n"
    )
    assert run_blocks(page) == 2


def test_an_error_names_the_line_of_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n```python\nx = 1\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run_blocks(page)
    assert (Path(caught.traceback[-1].path), caught.traceback[-1].lineno + 1) == (page, 5)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_files_named_exist(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", text)
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    named = re.findall(r"`((?:dynakit|tests|docs|benchmarks)/[\w/.-]+)`", text)
    missing += [name for name in named if "my_" not in name and not (ROOT / name).exists()]
    assert not missing


def test_version_is_the_same_everywhere():
    assert f"\nversion: {dk.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first
    assert first[1] == dk.__version__


def results() -> list[type]:
    """The public classes of results, those of the parts among them."""
    parts = [dk, dk.analysis, dk.training, dk.sweeps, dk.tasks, dk.models, dk.testing]
    values = [getattr(part, name) for part in parts for name in part.__all__]
    found = {v for v in values if isinstance(v, type) and dataclasses.is_dataclass(v) and issubclass(v, Result)}
    return sorted(found, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", results(), ids=lambda cls: cls.__name__)
def test_every_field_of_a_result_is_described_with_its_shape(cls):
    assert not undescribed(cls)
