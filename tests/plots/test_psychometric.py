"""What must be in the picture of a psychometric curve."""

import numpy as np
import pytest

import dynakit as dk

P = dk.plots


def lines(ax, gid):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def test_counts_intervals_and_the_curve(curve):
    ax = P.plot_psychometric(curve)
    (container,) = ax.containers
    points, _, (bars,) = container
    np.testing.assert_allclose(points.get_xydata(), np.stack([curve.strengths, curve.shares], 1))
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, curve.intervals)
    (fit,) = lines(ax, "fit")
    np.testing.assert_allclose(fit.get_ydata(), curve.predict(fit.get_xdata()))
    assert (fit.get_xdata().min(), fit.get_xdata().max()) == (-2, 2)


def test_several_curves_have_names_and_colours_of_their_own(curve):
    ax = P.plot_psychometric({"motion": curve, "colour": curve}, linewidth=3.0)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["motion", "colour"]
    fits = lines(ax, "fit")
    assert len({line.get_color() for line in fits}) == 2
    assert {line.get_linewidth() for line in fits} == {3.0}


def test_counts_and_curve_share_a_colour_that_is_asked_for(curve):
    ax = P.plot_psychometric(curve, color="#D55E00", label="motion")
    points = ax.containers[0][0]
    assert points.get_color() == lines(ax, "fit")[0].get_color() == "#D55E00"
    assert ax.get_legend().get_texts()[0].get_text() == "motion"


def test_what_cannot_be_fitted_is_joined():
    perfect = dk.psychometric_curve([False, False, True, True], [-2.0, -1.0, 1.0, 2.0])
    (line,) = lines(P.plot_psychometric(perfect), "fit")
    np.testing.assert_allclose(line.get_xydata(), [[-2, 0], [-1, 0], [1, 1], [2, 1]])


@pytest.mark.parametrize("curves", [3, {}, {"a": 3}, [1]])
def test_bad_curves_are_named(curves):
    with pytest.raises(dk.InputError, match=r"curves.* must be"):
        P.plot_psychometric(curves)
