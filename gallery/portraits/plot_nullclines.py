"""
Nullclines: where two states cross
==================================

In a plane of two states each has a line on which it stands still. Where the lines cross nothing moves, and the
eigenvalues there name the point: node, focus, saddle or centre. Here a unit that excites itself and is held back
by a second, slower one.
"""

import torch

import dynakit as dk


def field(x):
    v, w = x[..., 0], x[..., 1]
    return torch.stack([v - v**3 / 3 - w + 0.3, 0.4 * (v + 0.3 - 0.6 * w)], dim=-1)


system = dk.Flow(field, 2, dt=0.05)
points = dk.find_fixed_points(system)
modes = dk.linearize(system, points)
print(modes.types)

# %%
# A fine grid makes smooth lines; the names of the points stand in the legend.
plane = dk.plane_flow(system, ranges=[[-2.5, 2.5], [-1.5, 2.5]], n_grid=101)
ax = dk.plots.plot_nullclines(plane, modes)

# %%
# Calls: :func:`dynakit.plane_flow`, :func:`dynakit.linearize` (``types``), and :func:`dynakit.plots.plot_nullclines`.
