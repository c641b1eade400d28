"""Every example of the gallery runs, in an empty folder, and draws; the pages of the site leave no public name out."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import dynakit as dk

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "gallery").rglob("plot_*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.relative_to(ROOT / "gallery").as_posix())
def test_an_example_runs_and_draws(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = path.read_text(encoding="utf-8")
    exec(compile(text, str(path), "exec"), {"__name__": "__main__"})  # a notebook, and the site, know no __file__
    figures = [plt.figure(k) for k in plt.get_fignums()]
    assert figures, "an example of the gallery shows a figure"
    assert all(figure.axes for figure in figures)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.relative_to(ROOT / "gallery").as_posix())
def test_the_words_of_an_example_are_no_marks_of_its_page(path):
    """An absolute value would be a substitution on the page, and stop the site from being built."""
    text = path.read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text)) + "\n".join(re.findall("^# .*", text, re.MULTILINE))
    plain = re.sub(r"``.*?``|:math:`.*?`", "", said, flags=re.DOTALL)
    assert not re.findall(r"\|\S[^|\n]*\|", plain)


def test_every_public_name_is_on_a_page_of_the_reference():
    spec = importlib.util.spec_from_file_location("build", ROOT / "docs" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    listed = [name for names in build.public_names().values() for name in names]
    assert len(listed) == len(set(listed))
    for name in set(dk.__all__) - {"__version__", "analysis", *build.MODULES, "spikes"}:
        assert f"dynakit.{name}" in listed
    for module in build.MODULES:
        inside = getattr(dk, module)
        assert {f"{inside.__name__}.{name}" for name in inside.__all__} <= set(listed)


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    spec = importlib.util.spec_from_file_location("build", ROOT / "docs" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    (tmp_path / "a.html").write_text('<p id="here"></p><a href="b.html#there">b</a><a href="#here">a</a>')
    (tmp_path / "b.html").write_text('<a href="a.html#here">a</a><a href="c.html">c</a><a href="mailto:x">x</a>')
    assert build.broken(tmp_path) == ["a.html: b.html#there", "b.html: c.html"]
