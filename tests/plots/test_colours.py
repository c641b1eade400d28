"""Colours of one's own, by label, in a list or one for all; what there is not is named with the nearest."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

import dynakit as dk
from dynakit.plots import colours

P = dk.plots
# colours that are numbers
SCALED = {"plot_activity", "plot_communities", "plot_confusion", "plot_connectivity", "plot_distances"}
SCALED |= {"plot_slow_manifold"}
NAMES = sorted(name for name in P.__all__ if name.startswith("plot_") and name not in SCALED)


def inks(ax):
    """The colours of lines, marks and layers on the axes."""
    found = set()
    for artist in [*ax.lines, *ax.collections, *ax.patches]:
        for get in ("get_color", "get_facecolor", "get_edgecolor", "get_markerfacecolor", "get_markeredgecolor"):
            value = getattr(artist, get, lambda: [])()
            many = value if isinstance(value, np.ndarray) and value.ndim == 2 else [value]
            found |= {to_hex(one) for one in many if len(one)}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_takes_a_colour_of_ones_own(drawings, name):
    own = "#ab12cd"
    ax = drawings[name](colors=own)
    assert own in inks(ax) or any(own in inks(one) for one in ax.figure.axes)


@pytest.mark.parametrize("name", NAMES)
def test_a_colour_that_there_is_not_is_named_with_the_nearest(drawings, name):
    with pytest.raises(dk.InputError, match=r"colors must be colours .* got 'tael'; did you mean 'teal'"):
        drawings[name](colors="tael")


def test_a_slow_manifold_is_drawn_over_its_length_in_a_colour_of_ones_own(bumpy_ring):
    ax = P.plot_slow_manifold(bumpy_ring[0], what="eigenvalues", colors={"slow mode": "#ab12cd"})
    assert {"#ab12cd", "#7f7f7f"} <= inks(ax)


def test_conditions_take_colours_by_label_in_a_list_or_one_for_all():
    labels = ["left", "right", "left", "neither"]
    assert colours.of_conditions(labels, {"right": "red"})["right"] == "#ff0000"
    assert colours.of_conditions(labels, {"right": "red"})["left"] == colours.of_conditions(labels)["left"]
    assert list(colours.of_conditions(labels, ["r", "g", "k"])) == ["left", "neither", "right"]
    assert list(colours.of_conditions([2, 1, 10], ["r", (0, 0, 1), "k"]).items()) == [
        (1, "#ff0000"), (2, "#0000ff"), (10, "#000000")
    ]
    assert set(colours.of_conditions(labels, "teal").values()) == {"#008080"}
    assert colours.of_conditions([0.5, 1.0], {0.5: "w", "1.0": "k"}) == {0.5: "#ffffff", 1.0: "#000000"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lfet": "red"}, "colors must be by the labels 'left', 'right', got 'lfet'; did you mean 'left'"),
        ({"left": "rde"}, "colors must be colours .* got 'rde'; did you mean 'red'"),
        (["red"], "colors must hold a colour for each of 2 labels, got 1"),
        (3.5, "colors must be a dictionary by label, a list or one colour, got float"),
    ],
)
def test_labels_and_colours_that_there_are_not(given, said):
    with pytest.raises(dk.InputError, match=said):
        colours.of_conditions(["left", "right"], given)


def test_numbers_have_shades_by_their_value():
    shades = colours.of_conditions([0.0, 1.0, 10.0])
    darkness = [3 - sum(int(shade[k : k + 2], 16) / 255 for k in (1, 3, 5)) for shade in shades.values()]
    assert darkness == sorted(darkness)
    assert darkness[1] - darkness[0] < 0.3 * (darkness[2] - darkness[0])
    assert colours.in_order([True, False]) == [False, True]
    assert colours.in_order(["b", "10", "9"]) == ["10", "9", "b"]  # not all are numbers
