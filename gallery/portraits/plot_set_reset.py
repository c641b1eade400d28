"""
The same score, with and without a memory
=========================================

Two leaky networks under Dale's law hold a bit until the next input. One was trained with quiet periods of
always 20 steps, the other with 10 to 80. Both score 1.0. Only the second has two stable states: the first has
a single fixed point, and what looks like memory is a slow return to it.
"""

from pathlib import Path

import matplotlib.pyplot as plt

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
fig, panels = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
for ax, kind, gap in zip(panels, ("fixed", "random"), (20, (10, 80))):
    task = dk.tasks.SetReset(quiet_gap=gap)
    trials = task.sample(48, seed=1)
    system = dk.as_system(dk.models.load(networks / f"set_reset_{kind}"))
    recording = dk.record(system, trials.inputs)
    points = dk.find_fixed_points(system, recording.states, task.rest, max_starts=64)
    print(kind, f"score {task.score(recording.outputs, trials):.3f}", points)
    axes = dk.project(recording.states)
    dk.plots.plot_phase_portrait(axes, recording.states, points, ax=ax, linewidth=0.5)
    ax.set_title(f"quiet for {'always 20' if kind == 'fixed' else '10 to 80'} steps")

# %%
# Calls: :class:`dynakit.tasks.SetReset`, :func:`dynakit.record`, :func:`dynakit.find_fixed_points`,
# :func:`dynakit.plots.plot_phase_portrait`.
