"""The table of the four documents: every line names files that are here and public names that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dynakit as dk

PAGE = Path(__file__).resolve().parents[2] / "studies" / "classic_tasks" / "README.md"
LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)\)")
NAME = re.compile(r"`dk((?:\.\w+)+)")


def tables() -> dict[str, list[list[str]]]:
    """By document, the rows (says, here, what came of it)."""
    _, _, text = PAGE.read_text(encoding="utf-8").partition("## Four documents, line by line\n")
    text = re.split(r"^## ", text, flags=re.MULTILINE)[0]
    found = {}
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        name, *lines = part.splitlines()
        rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
        found[name] = rows[2:]  # below the head and its line
    return found


ROWS = [(document, *row) for document, rows in tables().items() for row in rows]


def test_there_is_a_table_for_each_document():
    counts = {document: len(rows) for document, rows in tables().items()}
    assert list(counts) == ["The lecture slides", "Ramkumar (2019)", "Leko (2022)", "Atanasov (2016)"]
    assert min(counts.values()) >= 10
    assert len({row[1] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1][:40])
def test_a_line_names_files_that_are_here_and_names_that_exist(row):
    assert len(row) == 4
    links = LINK.findall(row[2])
    assert links
    for label, target in links:
        path = (PAGE.parent / target).resolve()
        assert path.is_file(), target
        assert path.as_posix().endswith(label.strip("`"))
    for name in NAME.findall(" ".join(row)):
        thing = dk
        for part in name.strip(".").split("."):
            thing = getattr(thing, part)
    assert row[3]
