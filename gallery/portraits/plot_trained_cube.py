"""
The cube in a trained network
=============================

Sixteen tanh units were trained to hold three bits. Training was told nothing of cubes, yet in the first three
principal axes the eight memories stand at the corners of one, with a saddle on each edge, as in figure 3 of
Sussillo and Barak (2013). Each switch of a bit runs along an edge.
"""

from pathlib import Path

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
task = dk.tasks.FlipFlop(3, n_steps=60)
model = dk.models.load(networks / "flip_flop_tanh")
states = dk.record(model, task.sample(48, seed=1).inputs).states

# %%
# At rest 27 points: the sum of their signs is what a theorem demands of a bounded map, +1.
system = dk.as_system(model)
points = dk.find_fixed_points(system, states, task.rest)
print(points)

# %%
# What each stable point says, read out as the task reads it: each of the eight memories once.
print(sorted(task.decode(system.observe(points.stable.states)).tolist()))

# %%
# The portrait; the red lines are the unstable directions of the saddles on the edges.
modes = dk.linearize(system, points)
axes = dk.project(states)
ax = dk.plots.plot_phase_portrait(axes, states, points, modes, axes=(0, 1, 2), linewidth=0.5)

# %%
# Calls: :func:`dynakit.record`, :func:`dynakit.find_fixed_points`, :func:`dynakit.linearize`,
# :func:`dynakit.project`, :func:`dynakit.plots.plot_phase_portrait`.
