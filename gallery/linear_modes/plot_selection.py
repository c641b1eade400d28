"""
What an input leaves behind
===========================

Whatever an input does to a network, its fast part dies out; what remains is its part along the slow mode,
read with the left eigenvector: the selection vector of Mante et al. (2013). In the motion context motion
moves the state and colour hardly does, in the colour context the other way round, though both inputs enter
with the same weights in both.
"""

from pathlib import Path

import numpy as np

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
task = dk.tasks.ContextIntegration(dt=15.0)
trials = task.sample(144, seed=1)
system = dk.as_system(dk.models.load(networks / "context"))
states = dk.record(system, trials.inputs).states
pushes = {}
for context in ("motion", "colour"):
    visited = states[trials.conditions["context"] == context, -1]
    points = dk.find_fixed_points(system, visited, task.drives[f"{context} context"], max_starts=128)
    pushes[context] = dk.selection_vectors(system, points).selection[:, :2]
    print(context, points)

# %%
# The step along the slow mode that a unit of each input leaves behind, at every fixed point of either
# context.
ax = dk.plots.new_axes()
for k, push in enumerate(pushes.values()):
    for j, (name, colour) in enumerate((("motion", "#111111"), ("colour", "#0072B2"))):
        height = np.abs(push[:, j])
        label = None if k else f"input: {name}"
        ax.bar(k + 0.36 * j, height.mean(), 0.3, color=colour, alpha=0.6, label=label)
        ax.plot([k + 0.36 * j] * len(push), height, "ko", markersize=4, markerfacecolor="none")
ax.set_xticks([0.18, 1.18], ["motion context", "colour context"])
ax.set_ylabel("step along the slow mode,\nper unit of input")
ax.legend(frameon=False, loc="upper center")
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.selection_vectors`, :func:`dynakit.find_fixed_points` with ``drive``.
