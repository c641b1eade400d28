"""
The flow in a plane, and what the plane does not show
=====================================================

Arrows in a plane of principal axes are a slice of a flow in 12 dimensions. They are drawn the fainter the
more of the speed leaves the plane, so that a faint region is not believed. The plane goes through the middle
point of a two-bit network; the other points are projected onto it.
"""

from pathlib import Path

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
model = dk.models.load(networks / "flip_flop_gru")
states = dk.record(model, dk.tasks.FlipFlop(2, n_steps=60).sample(48, seed=1).inputs).states
system, axes = dk.as_system(model), dk.project(states)
points = dk.find_fixed_points(system, states)
middle = points[points.n_unstable == 2]

# %%
# How much of the motion the picture leaves out is the first thing the result says.
field = dk.plane_flow(system, axes, through=middle[:1])
print(field)
ax = dk.plots.plot_flow(field)
ax = dk.plots.plot_phase_portrait(axes, points=points, ax=ax)

# %%
# Calls: :func:`dynakit.plane_flow` (through a chosen state, never silently through the mean), and
# :func:`dynakit.plots.plot_flow`.
