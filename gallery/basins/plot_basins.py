"""
Shares of the states, and how sure
==================================

Two cycles share the plane, and the circle r = 2 parts them. States drawn at random give the share of each
basin, with an interval; a share of states that reached nothing known would be counted, not dropped.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# Of the square from -3 to 3 the inner basin is :math:`\pi\, 2^2 / 6^2 = 0.349`.
system = dk.catalog.two_cycles()
cycles = dk.find_limit_cycles(system, [[0.5, 0.0], [0.0, 2.5]], seed=0)
basins = dk.map_basins(system, cycles, dk.samplers.Box([-3.0, -3.0], [3.0, 3.0]), n_samples=1000, seed=0)
print(basins)
print(f"expected {np.pi / 9:.3f}, found {basins.fractions[0]:.3f} in {np.round(basins.intervals[0], 3)}")

# %%
fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
dk.plots.plot_basins(basins, labels=["r = 1", "r = 3"], ax=ax)
turn = np.linspace(0, 2 * np.pi, 200)
ax.plot(2 * np.cos(turn), 2 * np.sin(turn), "k--", linewidth=1)
ax.set_aspect("equal")

# %%
# Basin stability: Menck et al. (2013); the intervals are Wilson's (1927).
#
# Calls: :func:`dynakit.map_basins`, :class:`dynakit.samplers.Box`, :func:`dynakit.find_limit_cycles`,
# :func:`dynakit.plots.plot_basins`.
