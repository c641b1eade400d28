"""
What sits between two attractors
================================

A map with a resting state and a cycle round it. Between them there must be something that goes to neither: the
edge state, a saddle whose stable set is the boundary of the basins. No simulation ends there, but bisection
between two fates follows the boundary to it (Skufca, Yorke and Eckhardt 2006).
"""

import matplotlib.pyplot as plt
import torch

import dynakit as dk

turn = torch.tensor([[0.8, 0.6], [-0.6, 0.8]], dtype=torch.float64)


# %%
# In radii: :math:`r' = r + 0.03\, r (r^2 - 1)(4 - r^2)`, so that 0 and 2 attract; the edge is the circle of
# radius 1.
def step(z):
    square = (z**2).sum(-1, keepdim=True)
    return (1 + 0.03 * (square - 1) * (4 - square)) * z @ turn


system = dk.FunctionSystem(step, 2)
settings = dk.CycleSettings(n_transient=100, n_record=256, n_exponents=2)
attractors = dk.find_limit_cycles(system, [[0.2, 0.0], [1.9, 0.0]], settings=settings, seed=0)
length = dk.EdgeSettings(n_track=200, n_steps=100)
edge = dk.find_edge_state(system, [0.0, 0.0], [2.0, 0.0], attractors, settings=length, seed=0)
print(edge)

# %%
# Its multiplier across is 1 + 18 / 100, which is how fast a state near the boundary makes up its mind.
print(f"multipliers {edge.multipliers}")
fig, ax = plt.subplots(figsize=(7.8, 3.8), layout="constrained")
for start in edge.pair:
    ax.plot(*system.trajectory(1.001 * start, 150).T, color="#56B4E9", linewidth=0.5)
dk.plots.plot_cycles(attractors, ax=ax)
ax.plot(*edge.states.T, ".", color="#D55E00", markersize=2, label="edge state")
ax.set_aspect("equal")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)

# %%
# Calls: :func:`dynakit.find_edge_state`, :class:`dynakit.EdgeSettings`, :func:`dynakit.find_limit_cycles`,
# :class:`dynakit.FunctionSystem`.
