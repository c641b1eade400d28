"""
The smallest push that switches
===============================

How far is a memory from being lost? A share of a basin does not say; the smallest shock that leads from one
attractor to another does. It need not point at the other attractor: the way out is the nearest point of the
boundary.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# Two units that excite themselves, one of them pushed: four memories, and the boundaries are the lines through
# the saddles. In each direction the unit alone decides, so that the smallest shock is its way to its own
# unstable state.
system = dk.catalog.tanh_network(1.5 * np.eye(2), b=[0.05, 0.0])
points = dk.find_fixed_points(system, seed=0)
settings = dk.ShockSettings(n_directions=128)
shocks = dk.find_smallest_shock(system, points.stable, points.stable, settings=settings, seed=0)
print(shocks)

# %%
# What bisection of one unit gives, by hand: distances from the stable states to the unstable one.
first = np.sort(np.unique(np.round(points.states[:, 0], 9)))
second = np.sort(np.unique(np.round(points.states[:, 1], 9)))
ways = np.abs([first[0] - first[1], first[2] - first[1], second[2] - second[1]])
print(f"first unit: {ways[0]:.4f} upwards, {ways[1]:.4f} downwards; second unit: {ways[2]:.4f} either way")
print(f"found: {np.round(np.sort(shocks.sizes), 4)}")

fig, ax = plt.subplots(figsize=(6.8, 4.2), layout="constrained")
ax.axvline(first[1], color="0.6", linestyle="--")
ax.axhline(second[1], color="0.6", linestyle="--", label="boundaries")
ax.plot(*points.stable.states.T, "ko", label="memories")
ax.plot(*points.saddles.states.T, "D", color="#D55E00", label="saddles")
arrows = {"angles": "xy", "scale_units": "xy", "scale": 1, "color": "#0072B2", "label": "smallest shocks"}
ax.quiver(*shocks.starts.T, *shocks.shocks.T, **arrows)
ax.set(xlabel="unit 1", ylabel="unit 2", xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)

# %%
# The minimal fatal shock: Halekotte and Feudel (2020).
#
# Calls: :func:`dynakit.find_smallest_shock`, :class:`dynakit.ShockSettings`, :func:`dynakit.find_fixed_points`.
