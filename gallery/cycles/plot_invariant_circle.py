"""
An invariant circle and its rotation number
===========================================

A cycle that is sampled at fixed steps hardly ever comes back to the same point: for the map, the cycle is a
closed curve that is filled in, an *invariant circle*. Its rotation number says how much of a turn one step
makes. Both are found here for a map in which they are known.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# A plane map that turns the unit circle unevenly, by the golden mean of a turn, and draws all else to it.
golden = (np.sqrt(5) - 1) / 2
system = dk.catalog.circle_map(golden, skew=0.5)
circles = dk.find_limit_cycles(system, [[0.3, 0.1]], seed=0)
print(circles)

# %%
# In (-1/2, 1/2] the golden mean is :math:`(\sqrt5 - 1)/2 - 1 = -0.381966\ldots`; that many digits agree:
error = abs(circles.rotation_numbers[0] - (golden - 1))
print(f"rotation number {circles.rotation_numbers[0]:.12f}, wrong by {error:.0e}")

# %%
# Left: 60 steps, which never close, and the curve they fill. Right: how far the curve, cut off after so many
# Fourier terms, is from being mapped into itself. It falls to rounding, faster than any power, as it must for a
# smooth curve; for what only looks like one, it levels off.
fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.4), layout="constrained")
dk.plots.plot_cycles(circles, ax=left)
left.plot(*system.trajectory([1.0, 0.0], 60).T, "k.", markersize=4, label="60 steps")
left.set_aspect("equal")
left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False, fontsize="small")
dk.plots.plot_convergence(circles, ax=right)

# %%
# The curve: Schilder, Osinga and Vogt (2005); rotation numbers by weighted averages: Das, Saiki, Sander and
# Yorke (2017).
#
# Calls: :func:`dynakit.find_limit_cycles`, :func:`dynakit.plots.plot_cycles`,
# :func:`dynakit.plots.plot_convergence`, :func:`dynakit.catalog.circle_map`.
