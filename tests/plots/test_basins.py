"""Basins: colours by attractor, what is left in grey, shares with their intervals in words."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

import dynakit as dk


def test_every_sample_is_drawn_once_in_its_colour(basins, cube):
    ax = dk.plots.plot_basins(basins, axes=(0, 2))
    drawn = [c for c in ax.collections if len(c.get_offsets())]
    assert sum(len(c.get_offsets()) for c in drawn) == len(basins)
    grey = [c for c in drawn if np.allclose(c.get_facecolor()[0, :3], 0.741, atol=0.01)]
    assert len(grey) == 1
    np.testing.assert_array_equal(grey[0].get_offsets(), basins.states[basins.labels < 0][:, [0, 2]])
    rings = [tuple(np.ravel(line.get_xydata())) for line in ax.lines]
    np.testing.assert_allclose(sorted(rings), sorted(map(tuple, cube.points.stable.states[:, [0, 2]])))


def test_the_legend_has_shares_and_intervals(basins):
    ax = dk.plots.plot_basins(basins, labels=list("abcdefgh"))
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[0] == f"none ({basins.fraction_left:.3f})"
    assert texts[1] == f"a: {basins.fractions[0]:.3f} [{basins.intervals[0, 0]:.3f}, {basins.intervals[0, 1]:.3f}]"
    assert ax.get_title() == "200 states, sampler"


def test_one_unit_is_drawn_over_its_number(traced):
    ax = dk.plots.plot_basins(traced.basins[-1])
    assert ax.get_xlabel() == "unit 1"


def test_stacked_shares_add_up(traced):
    ax = dk.plots.plot_basin_fractions(traced)
    top = max(
        path.vertices[:, 1].max()
        for c in ax.collections
        if isinstance(c, PolyCollection)
        for path in c.get_paths()
    )
    assert top == pytest.approx(1)
    bars = [c for c in ax.containers if type(c).__name__ == "ErrorbarContainer"]
    assert len(bars) == traced.counts.shape[1]
    assert ax.get_ylim() == (0, 1)


def test_an_attractor_that_is_lost_at_once_is_lost_at_once_in_the_picture(traced):
    """Between two values of which only one has it, its share is the one or the other, never between them."""
    ax = dk.plots.plot_basin_fractions(traced, labels=["zero", "low", "high"])
    (layer,) = [c for c in ax.collections if c.get_label() == "zero"]
    corners = layer.get_paths()[0].vertices
    assert set(corners[:, 1].round(9)) == {0.0, 1.0}
    between = corners[(corners[:, 0] > 0.9) & (corners[:, 0] < 1.3), 0]
    assert set(between.round(9)) == {1.1}


@pytest.mark.parametrize("axes", [(0,), (0, 9), 3])
def test_axes_must_be_two_components(basins, axes):
    with pytest.raises(dk.InputError, match="axes must be"):
        dk.plots.plot_basins(basins, axes=axes)
