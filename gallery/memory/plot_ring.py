"""
A ring that is almost one
=========================

A compass of one angle: the radius returns to 1 quickly, the angle creeps to one of three places by at most a
thousandth of a radian per step. It is no ring of fixed points but a closed slow curve of length 2π with six
fixed points on it, three that hold and three that let go, which the trace finds all.
"""

import numpy as np
import torch

import dynakit as dk


def step(z):
    size, angle = z.norm(dim=1), torch.atan2(z[:, 1], z[:, 0])
    angle, size = angle + 1e-3 * torch.sin(3 * angle), (size + 1) / 2
    return torch.stack([size * torch.cos(angle), size * torch.sin(angle)], 1)


angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
visited = np.stack([np.cos(angles), np.sin(angles)], 1)
ring = dk.trace_slow_manifold(dk.FunctionSystem(step, 2), visited)
print(ring)
print(f"length {ring.length:.6f}, 2π is {2 * np.pi:.6f}")

# %%
# Colour is the size of the drift, arrows its way; filled points hold, open ones let go.
ax = dk.plots.plot_slow_manifold(ring, dk.Projection.onto(np.eye(2), ["x", "y"]))
ax.set_aspect("equal")

# %%
# Calls: :class:`dynakit.FunctionSystem` (any function is a system), :func:`dynakit.trace_slow_manifold`,
# :func:`dynakit.plots.plot_slow_manifold`.
