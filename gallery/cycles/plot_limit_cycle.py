"""
The limit cycle of a flow
=========================

Van der Pol's oscillator pumps small swings and damps large ones, so that from everywhere but its centre it
comes to the same cycle. The cycle is found as an object of its own, to rounding, and not as a long recording:
with its period, and with the multiplier that says what becomes of a small push.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# Between the equilibrium, which repels, and far away: where starts end is polished until the orbit closes.
system = dk.catalog.van_der_pol(mu=1.0)
cycles = dk.find_limit_cycles(system, [[0.1, 0.0], [3.0, 3.0]], seed=0)
print(cycles)

# %%
# The period at :math:`\mu = 1` is known to be 6.663286859 (the equation: van der Pol 1926). One multiplier of a
# flow's cycle is always 1, that of a push along it; the other, here, is :math:`\exp \int \mu (1 - x^2)\,dt`: of
# a push across, less than a thousandth is left after one turn.
print(f"period {cycles.periods[0]:.9f}, multipliers {np.round(cycles.multipliers[0].real, 6)}")

# %%
# The field of the flow, two ways to the cycle, and the cycle.
ways = system.trajectory([[0.1, 0.0], [3.0, 3.0]], 200)
plane = dk.project(ways, 2)
field = dk.plane_flow(system, plane, through=[0.0, 0.0])
fig, ax = plt.subplots(figsize=(7.6, 3.8), layout="constrained")
dk.plots.plot_flow(field, ax=ax)
for way in plane.transform(ways):
    ax.plot(*way.T, color="#56B4E9", linewidth=1)
dk.plots.plot_cycles(cycles, plane, ax=ax, linewidth=2.5)

# %%
# Calls: :func:`dynakit.find_limit_cycles`, :func:`dynakit.plane_flow`, :func:`dynakit.plots.plot_cycles`,
# :func:`dynakit.catalog.van_der_pol`.
