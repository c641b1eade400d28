"""Where names are looked for, in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import dynakit as dk

LINES = [
    "dk.analysis.map_basins, dk.analysis.spikes.van_rossum_distance",
    "dk.spikes.chi_synchrony",
    "dk.samplers.Box",
    "dk.Attractors, dk.list_attractors",
    "dk.train_together, dk.training.train_together",
    "dk.plots.plot_basins, dk.models.GRU, dk.tasks.FlipFlop",
]


EACH_ANEW = """
import sys
for line in {lines}:
    for name in [name for name in sys.modules if name.partition(".")[0] == "dynakit"]:
        del sys.modules[name]
    exec("import dynakit as dk; " + line)
"""


def test_a_name_is_there_before_anything_else_loads():
    """Each line in a package that has just been imported, and has loaded nothing yet."""
    command = [sys.executable, "-c", EACH_ANEW.format(lines=LINES)]
    assert subprocess.run(command, capture_output=True, text=True).stderr == ""


def test_the_import_loads_no_heavy_library():
    heavy = ["numpy", "torch", "scipy", "matplotlib", "networkx", "sklearn"]
    check = f"import sys, dynakit; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_measures_of_spike_trains_stand_under_one_name():
    measures = {
        "chi_synchrony",
        "correlation_coefficient",
        "spike_time_tiling_coefficient",
        "van_rossum_distance",
    }
    assert all(callable(getattr(dk.spikes, name)) for name in measures)
    assert not measures & set(dk.__all__)
    assert {"spike_statistics", "as_spike_trains", "SpikeStatistics", "SpikeTrains"} <= set(dk.__all__)


def test_samplers_list_what_is_theirs():
    assert set(dk.samplers.__all__) == {"Around", "Box", "Gaussian", "Hull", "Sampler"}
