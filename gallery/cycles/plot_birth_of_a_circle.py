"""
The birth of a circle
=====================

Where a pair of complex multipliers of a fixed point leaves the unit circle, a ring is born round it and grows
as the square root of the distance. It is the usual way in which a trained network begins to oscillate.
"""

import numpy as np

import dynakit as dk

# %%
# The normal form, :math:`z' = z e^{i\theta}(1 + \mu - |z|^2)`: its circle has the radius :math:`\sqrt\mu`.
values, radii = np.array([0.06, 0.14, 0.28]), []
settings = dk.CycleSettings(n_transient=200, n_record=512, n_exponents=2)
for mu in values:
    system = dk.catalog.neimark_sacker(mu, theta=1.0)
    circle = dk.find_limit_cycles(system, [[0.3, 0.0]], settings=settings, seed=0)
    radii.append(np.linalg.norm(circle.curve(np.arange(100) / 100, 0), axis=1).mean())
print(f"radii are right within {np.max(np.abs(radii - np.sqrt(values))):.0e}")

# %%
# The fixed point itself, followed over the parameter, says where: both multipliers cross at :math:`\mu = 0`.
family = dk.catalog.neimark_sacker
branches = dk.trace_fixed_points(family(-0.1), [[0.0, 0.0]], family=family, span=(-0.1, 0.3))
print(branches.events)
ax = dk.plots.plot_branches(branches, along=0)
for side in (1, -1):
    ax.plot(np.linspace(0, 0.3, 200), side * np.sqrt(np.linspace(0, 0.3, 200)), color="#56B4E9", linewidth=1)
    ax.plot(values, side * np.array(radii), "o", color="#0072B2", markersize=4)

# %%
# Kuznetsov (2004), section 4.6.
#
# Calls: :func:`dynakit.find_limit_cycles`, :func:`dynakit.trace_fixed_points`,
# :func:`dynakit.plots.plot_branches`.
