"""What every plot function promises, run over all of them; a new one joins by its name in ``drawings``."""

import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import dynakit as dk

NAMES = [name for name in dk.plots.__all__ if name.startswith("plot_")]


def test_every_plot_function_is_under_contract(drawings):
    assert sorted(drawings) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_draws_on_the_given_axes_and_makes_no_figure(drawings, name):
    _, (left, right) = plt.subplots(1, 2)
    before = plt.get_fignums()
    assert drawings[name](ax=left) is left
    assert left.has_data() or left.patches
    assert plt.get_fignums() == before
    assert not right.has_data()


@pytest.mark.parametrize("name", NAMES)
def test_makes_one_figure_without_axes_and_it_can_be_drawn(drawings, name):
    ax = drawings[name]()
    assert len(plt.get_fignums()) == 1
    ax.figure.canvas.draw()
    dk.plots.close(ax.figure)
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", NAMES)
def test_leaves_global_settings_alone(drawings, name):
    before = matplotlib.rcParams.copy()
    drawings[name]()
    assert matplotlib.rcParams == before


@pytest.mark.parametrize("name", NAMES)
def test_refuses_nonsense_by_name(name):
    with pytest.raises(dk.InputError, match="must be"):
        getattr(dk.plots, name)(object())
    with pytest.raises(dk.InputError, match="ax must be"):
        dk.plots.new_axes(3)  # type: ignore[arg-type]


def test_importing_the_plots_imports_no_drawing_library():
    code = (
        "import sys, dynakit.plots; print([m for m in ('matplotlib.pyplot', 'plotly') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_a_style_holds_inside_its_block_only():
    before = matplotlib.rcParams.copy()
    with dk.plots.using("paper", font_size=5):
        assert matplotlib.rcParams["font.size"] == 5
        assert matplotlib.rcParams["savefig.dpi"] == 300
    assert matplotlib.rcParams == before


@pytest.mark.parametrize(("style", "columns", "width"), [("paper", 1, 3.3), ("paper", 2, 6.9), ("talk", 1, 6.4)])
def test_a_style_says_how_wide_a_figure_is_and_how_large_its_type(style, columns, width):
    history = dk.History(**{k: np.ones(3) for k in ("losses", "scores", "seconds", "learning_rates")})
    with dk.plots.using(style, columns=columns):
        ax = dk.plots.plot_training(history)
        assert ax.figure.get_size_inches()[0] == width
        assert ax.xaxis.label.get_size() == {"paper": 8, "talk": 16}[style]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"style": "papre"}, "style must be one of 'paper', 'page', 'talk', got 'papre'; did you mean 'paper'"),
        ({"columns": 3}, "columns must be .* got 3"),
        ({"font_sise": 5}, "did you mean 'font.size'"),
    ],
)
def test_a_style_that_there_is_not_is_named_with_the_nearest(arguments, said):
    before = matplotlib.rcParams.copy()
    with pytest.raises(dk.InputError, match=said), dk.plots.using(**arguments):
        pass
    assert matplotlib.rcParams == before
