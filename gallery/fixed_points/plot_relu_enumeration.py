"""
All fixed points of a ReLU network, with proof
==============================================

Three units inhibit each other and only one can win. In such a threshold-linear network without preferred
connections every non-empty set of units supports exactly one fixed point (Curto, Geneson and Morrison 2019):
seven of them, each single unit stable. A network of linear pieces need not be searched: branch and bound goes
through its regions and proves the list.
"""

import numpy as np

import dynakit as dk

alpha, strength = 0.1, 1.5  # x' = x + alpha (−x + relu(1 − 1.5 · the others))
others = np.ones((3, 3)) - np.eye(3)
keep, reach = (1 - alpha) * np.eye(3), alpha * np.eye(3)
system = dk.catalog.piecewise_linear(keep, -strength * others, reach, b=np.ones(3))
points = dk.enumerate_fixed_points(system)
print(points)
print(sorted("".join("01"[on] for on in row.astype(int)) for row in points.regions))

# %%
# The corner of each point is its set of winners. Trajectories from everywhere end at one of the three.
rng = np.random.default_rng(0)
states = dk.record(system, np.zeros((40, 300, 0)), x0=rng.uniform(0, 1, (40, 3))).states
axes = dk.Projection.onto(
    [[0.707, -0.707, 0], [-0.408, -0.408, 0.816]], ["unit 1 − unit 2", "unit 3 − mean of the others"]
)
ax = dk.plots.plot_phase_portrait(axes, states, points, n_trajectories=40, linewidth=0.6)

# %%
# Calls: :func:`dynakit.catalog.piecewise_linear`, :func:`dynakit.enumerate_fixed_points`,
# :func:`dynakit.record`. ReLU networks that were trained are taken in the same way.
