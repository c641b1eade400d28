"""What the site makes of a page: what its blocks print and draw, links, names, formulas."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages():
    return script("pages")


@pytest.fixture(scope="module")
def build():
    before = list(sys.path)
    yield script("build")
    sys.path[:] = before


def test_what_a_block_prints_and_draws_stands_below_it(pages, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "A\n\n```python\nx = 6 * 7\n```\n\nB\n\n"
        "```python\nimport matplotlib.pyplot as plt\nprint(x)\nplt.plot([1])\n```\n\nC\n"
    )
    assert pages.run_page(page) == 2
    text = page.read_text()
    assert re.search(
        r"plt.plot\(\[1\]\)\n```\n\n```{code-block} text\n:class: output\n\n42\n```\n\n!\[[^]]+\]\(page-2.png\)",
        text,
    )
    assert text.count("code-block") == 1  # the first block says nothing
    assert (tmp_path / "page-2.png").stat().st_size > 1000
    assert not (tmp_path / "page-1.png").exists()


def test_public_names_lead_to_the_reference_outside_of_code_and_links(pages):
    text = "# `dk.load`\n\n`dk.load` and `dk.load()`, `dk.load(path)`, `dk.other`, [`dk.load`](a.md)\n\n"
    text += "```python\n`dk.load`\n```\n"
    entry = "{py:obj}`%s <dynakit.load>`"
    wanted = text.replace(
        "\n`dk.load` and `dk.load()`", f"\n{entry % 'dk.load'} and {entry % 'dk.load()'}", 1
    )
    assert pages.to_reference(text, {"dynakit.load"}) == wanted


def test_links_lead_to_places_on_the_site_and_files_that_are_not_there_are_named(build):
    places = build.carried()
    assert places["docs/theory/slow.md"] == "theory/slow.md"
    assert places["studies/flip_flop/README.md"] == "studies/flip_flop.md"
    text = "[a](../../studies/flip_flop/README.md#sources) [b](../../run.py) [c](slow.md) [d](https://x.org) [e](#here)"
    made = build.outward(text, "docs/theory/index.md", places)
    assert (
        made == "[a](../studies/flip_flop.md#sources) b (`run.py`) [c](slow.md) [d](https://x.org) [e](#here)"
    )


def test_every_formula_of_the_pages_is_one_that_can_be_drawn():
    math = pytest.importorskip("docutils.utils.math.latex2mathml")
    count = 0
    for path in sorted((ROOT / "docs").rglob("*.md")):
        text = re.sub(r"```.*?```|`[^`]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for block, inline in re.findall(r"\$\$(.*?)\$\$|\$([^$\n]+)\$", text, flags=re.DOTALL):
            assert "<math" in math.tex2mathml(block or inline, as_block=bool(block))
            count += 1
    assert count > 50
