"""The pictures of a page: cropped to what is drawn, wherever that lies, and nothing of it cut."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

import dynakit as dk
from dynakit.report import page
from dynakit.report.pictures import png

DPI = 100


def drawn(picture):
    """What is not background: first and last row and column, and the size of the picture."""
    image = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    rows, columns = np.nonzero((image != image[0, 0]).any(axis=2))
    return (rows.min(), rows.max(), columns.min(), columns.max()), image.shape[:2]


def test_a_picture_is_the_whole_of_its_figure_where_nothing_lies_outside():
    ax = plt.figure(figsize=(3, 2)).add_axes((0.3, 0.3, 0.2, 0.2))
    assert drawn(png(ax, DPI))[1] == (2 * DPI, 3 * DPI)


@pytest.mark.parametrize("beyond", [0.5, 3.0])
def test_a_picture_holds_what_lies_outside_its_figure_with_a_tenth_of_an_inch_around(beyond):
    ax = plt.figure(figsize=(2, 1)).add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    corners = np.array([0.5, 1.6 + beyond, 0.6, 0.2 - beyond]) / [2, 2, 1, 1]
    ax.add_artist(plt.Line2D(corners[:2], corners[2:], transform=ax.transAxes, clip_on=False, lw=1))
    (top, bottom, left, right), (rows, columns) = drawn(png(ax, DPI))
    assert (top, left, rows - 1 - bottom, columns - 1 - right) == (DPI / 10,) * 4
    np.testing.assert_allclose([bottom - top, right - left], [DPI * (0.4 + beyond), DPI * (1.1 + beyond)], atol=3)


def test_a_picture_says_of_which_manifest_it_is():
    ax = plt.figure(figsize=(1, 1)).add_subplot()
    assert Image.open(io.BytesIO(png(ax, DPI, "abc"))).text["dynakit manifest"] == "abc"


def test_a_figure_is_drawn_once(monkeypatch):
    ax = plt.figure(figsize=(2, 2), layout="constrained").add_subplot()
    line = ax.plot([0, 1], label="a")[0]
    draw, draws = line.draw, []
    monkeypatch.setattr(line, "draw", lambda renderer: draws.append(draw(renderer)))
    png(ax, DPI)
    assert len(draws) == 1


def test_an_empty_picture_and_a_figure_in_colour_are_pictures():
    assert png(plt.figure(figsize=(1, 1)).add_axes((0, 0, 1, 1), frameon=False, xticks=[], yticks=[]), DPI)
    dark = plt.figure(figsize=(1, 1), facecolor="navy").add_axes((0.4, 0.4, 0.2, 0.2), xticks=[], yticks=[])
    (top, bottom, left, right), _ = drawn(png(dark, DPI))
    np.testing.assert_allclose([bottom - top, right - left], (20, 20), atol=3)


def test_a_page_alone_is_one_file_and_replaces_nobody_elses(tmp_path):
    report = dk.Report(network="a network", parts={}).having({"score": 0.5})
    report.save(tmp_path / "one.html", single_file=True)
    report.save(tmp_path / "one.html", single_file=True)
    assert [p.name for p in tmp_path.iterdir()] == ["one.html"]
    (tmp_path / "mine.html").write_text("<html>my thesis</html>")
    with pytest.raises(dk.ArtifactError, match=r"mine\.html was not written by dynakit"):
        report.save(tmp_path / "mine.html", single_file=True)
    assert (tmp_path / "mine.html").read_text() == "<html>my thesis</html>"


def test_figures_come_in_the_formats_asked_for_and_go_with_them(tmp_path):
    ones = {name: np.ones(3) for name in ("losses", "scores", "seconds", "learning_rates")}
    report = dk.Report(network="a network", parts={}).with_history(dk.History(**ones))
    report.save(tmp_path, formats=("svg", "pdf"))
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {f"training.{kind}" for kind in ("png", "svg", "pdf")}
    assert (tmp_path / "figures" / "training.pdf").read_bytes()[:5] == b"%PDF-"
    assert "<svg" in (tmp_path / "figures" / "training.svg").read_text()
    assert dk.load(tmp_path) == report
    report.save(tmp_path)
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["training.png"]
    with pytest.raises(dk.InputError, match="did you mean 'png'"):
        report.save(tmp_path, formats="pgn")


@pytest.mark.parametrize(
    ("line", "word", "first"),
    [
        ("NOT SHOWN. 3 of 4 keep it", "NOT SHOWN", "3 of 4 keep it."),
        ("NO, UNBOUNDED. It grows.", "NO, UNBOUNDED", "It grows."),
        ("W_rec: 50 units", "", "W_rec: 50 units."),
        ("a single point", "", "A single point."),
    ],
)
def test_a_verdict_in_capitals_stands_by_itself(line, word, first):
    said = page.answer("Does it?", [line])
    assert (said.word, said.first) == (word, first)
