"""
Three bits of memory
====================

Eight stable points at the corners of a cube, and the saddles on its edges: a network that remembers three bits.
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
# Every fixed point at rest, with the proof that none is missing.
trials = task.sample(32, seed=0)
states = dk.record(model, trials.inputs).states
system = dk.as_system(model)
points = dk.find_fixed_points(system, states)
print(points)

# %%
# The portrait, in the principal axes of what the network does on its trials.
modes = dk.linearize(system, points)
dk.plots.plot_phase_portrait(dk.project(states, 3), states, points, modes, axes=(0, 1, 2))
