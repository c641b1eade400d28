"""What the pictures of a check say."""

import matplotlib.pyplot as plt
import pytest

import dynakit as dk


def test_held_targets_have_their_name_and_the_others_none(multi):
    ax = dk.plots.plot_multifunctionality(*multi)
    labels = ax.get_legend_handles_labels()[1]
    assert sorted(labels) == ["left", "left, target", "middle, target", "right", "right, target"]
    assert ax.get_title() == "PARTIAL: 2 of 3 targets held"
    plt.close()


def test_counts_of_cues_are_written_into_the_cells(multi):
    ax = dk.plots.plot_confusion(multi[0])
    assert sum(int(text.get_text()) for text in ax.texts) == 3
    assert len(ax.lines) == 2  # one frame for each attractor that is a target
    plt.close()


def test_a_target_that_was_not_checked_is_refused(multi):
    other = dk.Orbit.fixed_point("other", [0.0, 0.0])
    with pytest.raises(dk.InputError, match="targets must be those of multi"):
        dk.plots.plot_multifunctionality(multi[0], other)
