"""
The search knows when to stop
=============================

Four independent bistable units have 3 x 3 x 3 x 3 = 81 fixed points. The search draws starts in batches until
new batches bring nothing new and the signs of the points add up; from how often each point was reached it
estimates how many were never reached (Chao 1984). A fixed number of starts, as in the usual recipe, tells
none of this.
"""

import numpy as np

import dynakit as dk

system = dk.catalog.tanh_network(1.5 * np.eye(4))
points = dk.find_fixed_points(system)
print(points)
print("never reached, estimated with its 95 % interval:", points.unseen)

# %%
# The 81 points by their unstable directions: 16 corners, 32 edges, 24 faces, 8 cells and the centre.
print(np.bincount(points.n_unstable))

# %%
# Points found against starts used. The dashed line is the answer that was known beforehand.
_, starts, found = points.saturation.T
ax = dk.plots.new_axes()
ax.plot(starts, found, "o-", color="#0072B2", label="found")
ax.axhline(3**4, color="#7F7F7F", linestyle="--", label="3⁴ = 81")
ax.set(xlabel="starts used", ylabel="fixed points", ylim=(0, 90))
ax.legend(frameon=False, loc="lower right")
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.find_fixed_points`, :func:`dynakit.catalog.tanh_network`; the result is a
# :class:`dynakit.FixedPoints`.
