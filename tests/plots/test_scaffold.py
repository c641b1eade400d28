"""The drawing of a scaffold holds each point and each branch."""

import numpy as np
import pytest

import dynakit as dk


@pytest.fixture(scope="module")
def scaffold(cube):
    return dk.map_scaffold(cube.system, cube.points, labels=dk.tasks.FlipFlop(3).decode)


def test_all_points_and_branches_are_drawn(scaffold):
    ax = dk.plots.plot_scaffold(scaffold)
    assert len([patch for patch in ax.patches if patch.get_gid() == "branch"]) == 24
    counts = {line.get_gid(): len(line.get_xdata()) for line in ax.lines if str(line.get_gid()).startswith("index")}
    assert counts == {"index 0": 8, "index 1": 12, "index 2": 6, "index 3": 1}
    assert sorted(text.get_text() for text in ax.texts) == sorted(scaffold.labels[scaffold.indices == 0])


def test_branches_of_further_points_come_on_demand(scaffold):
    ax = dk.plots.plot_scaffold(scaffold, through=3)
    assert len([patch for patch in ax.patches if patch.get_gid() == "branch"]) == 54


def test_points_stand_apart_and_saddles_between_what_they_lead_to(scaffold):
    ax = dk.plots.plot_scaffold(scaffold)
    at = np.concatenate([np.array(line.get_data()).T for line in ax.lines if str(line.get_gid()).startswith("index")])
    gaps = np.linalg.norm(at[:, None] - at[None], axis=2)[~np.eye(len(at), dtype=bool)]
    assert gaps.min() > 0.05


def test_what_reaches_no_point_is_a_stub(scaffold):
    part = scaffold[scaffold.indices == 1]
    ax = dk.plots.plot_scaffold(part)
    assert len([line for line in ax.lines if line.get_gid() == "nowhere"]) == 24


def test_on_axes_of_the_trials(scaffold, cube):
    ax = dk.plots.plot_scaffold(scaffold, cube.projection)
    assert ax.get_xlabel().startswith("PC 1")
