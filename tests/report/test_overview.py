"""One page holds the whole report: every figure, the answer and its numbers, nothing over anything else."""

import io

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import dynakit as dk


@pytest.fixture(scope="module")
def report():
    """x' = tanh(2 x + 3 u) beside two units that follow: two memories, three axes."""
    follow = torch.tensor([1.0, 0.5, -0.5], dtype=torch.float64)
    system = dk.FunctionSystem(
        lambda x, u: torch.tanh(2 * x[..., :1] * follow + 3 * u * follow), 3, 1, argument_order="state, input"
    )
    return dk.analyze(system, dk.tasks.FlipFlop(n_bits=1), include=["flow", "transitions"])


@pytest.fixture(scope="module")
def page(report):
    before = matplotlib.rcParams.copy()
    figure = report.overview()
    assert matplotlib.rcParams == before
    yield figure
    plt.close(figure)


def test_every_figure_is_on_the_page_under_its_name(report, page):
    said = {text.get_text() for text in page.texts}
    assert {name.replace("_", " ") for name in report.figures} <= said
    assert {number.value for number in report.numbers()} <= said
    assert any(report.network in text for text in said)
    assert len(page.axes) >= len(report.figures)
    assert all(ax.has_data() or ax.patches or ax.texts for ax in page.axes)
    assert [ax.name for ax in page.axes].count("3d") == 1


def test_it_is_a_sheet_of_paper_and_no_axes_lie_on_one_another(page):
    assert page.get_size_inches().tolist() == [8.27, 11.69]
    boxes = [ax.get_position() for ax in page.axes if ax.name != "3d"]
    for k, one in enumerate(boxes):
        assert one.x0 >= 0
        assert one.y0 >= 0
        for other in boxes[k + 1 :]:
            apart = one.x1 <= other.x0 or other.x1 <= one.x0 or one.y1 <= other.y0 or other.y1 <= one.y0
            assert apart or np.allclose(one.bounds, other.bounds)  # a second scale
    page.savefig(io.BytesIO(), format="pdf")


def test_a_single_unit_has_a_page_too():
    system = dk.FunctionSystem(lambda x, u: torch.tanh(2 * x + 3 * u), 1, 1, argument_order="state, input")
    figure = dk.analyze(system, dk.tasks.FlipFlop(n_bits=1), include=["projection", "fixed_points"]).overview()
    assert all(ax.name != "3d" for ax in figure.axes)
    plt.close(figure)
