"""
Three bits of memory
====================

Three units that do not know of each other, each of which holds one bit, in a network whose weights were
written down by hand. So the answer is known: three fixed points in each direction, 27 in all, of which the
eight at the corners of a cube are stable and the rest are saddles on its edges and faces.
"""

import torch

import dynakit as dk

task = dk.tasks.FlipFlop(n_bits=3, n_steps=60)
model = dk.models.Elman(3, 3, 3)
with torch.no_grad():
    for p in model.parameters():
        p.zero_()
    model.rnn.weight_hh_l0.copy_(2 * torch.eye(3))
    model.rnn.weight_ih_l0.copy_(3 * torch.eye(3))
    model.readout.weight.copy_(torch.eye(3))

# %%
# Every fixed point at rest: as many as there must be, and their signs sum to +1, as a theorem demands.
trials = task.sample(32, seed=0)
states = dk.record(model, trials.inputs).states
system = dk.as_system(model)
points = dk.find_fixed_points(system, states)
print(points)

# %%
# The portrait, in the principal axes of what the network does on its trials.
modes = dk.linearize(system, points)
ax = dk.plots.plot_phase_portrait(dk.project(states, 3), states, points, modes, axes=(0, 1, 2))

# %%
# Calls: :func:`dynakit.record`, :func:`dynakit.as_system`, :func:`dynakit.find_fixed_points`,
# :func:`dynakit.linearize`, :func:`dynakit.project`, :func:`dynakit.plots.plot_phase_portrait`.
