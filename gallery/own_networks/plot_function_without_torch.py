"""
A map that is not written in torch
==================================

A simulator, a compiled library, a function of NumPy: whatever takes a batch of states one step on is a system,
if its Jacobian comes with it. Functions of JAX need nothing of the kind; torch carries out their trace.
"""

import numpy as np
import torch

import dynakit as dk

# %%
# Three units that excite themselves and inhibit each other round a ring, in NumPy, with the derivative written
# beside.
W = 2.5 * np.eye(3) - 0.4 * np.roll(np.eye(3), 1, axis=0)


def step(x):
    return torch.from_numpy(np.tanh(x.detach().numpy() @ W.T))


def slopes(x):
    return torch.from_numpy((1 - np.tanh(x.detach().numpy() @ W.T) ** 2)[..., None] * W)


# %%
# A wrong Jacobian would be found out by the contract, which is one line of one's own tests.
system = dk.FunctionSystem(step, 3, jacobian=slopes)
print(dk.testing.check_system(system))
points = dk.find_fixed_points(system, seed=0)
print(points)

# %%
# The same in torch, to compare: and there, with code that can be read, the points are certified as well.
again = dk.find_fixed_points(dk.catalog.tanh_network(W), seed=0)
print(again)
starts = np.random.default_rng(0).uniform(-1, 1, (20, 3))
states = system.trajectory(starts, 40)
ax = dk.plots.plot_phase_portrait(dk.project(states, 2), states, points)

# %%
# Calls: :class:`dynakit.FunctionSystem`, :func:`dynakit.testing.check_system`,
# :func:`dynakit.find_fixed_points`, :func:`dynakit.plots.plot_phase_portrait`.
