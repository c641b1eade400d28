"""
One bit in one unit
===================

The smallest memory there is: one tanh unit that hears itself with a weight of 2. Its two stable states are
±0.9575, the roots of x = tanh(2x); between them 0 repels. Pulses of either sign push the state across, and it
stays where it was put.
"""

import torch

import dynakit as dk

task = dk.tasks.FlipFlop(1, n_steps=60)
model = dk.models.Elman(1, 1, 1)
with torch.no_grad():
    for p, value in zip(model.parameters(), (3.0, 2.0, 0.0, 0.0, 1.0, 0.0)):
        p.fill_(value)  # input, recurrent, two biases, readout and its bias
system = dk.as_system(model)
points = dk.find_fixed_points(system)
print(points.states.ravel())

# %%
# With one axis the portrait is drawn over time: every trial is at one of the two lines, or on its way.
trials = task.sample(6, seed=2)
states = dk.record(model, trials.inputs).states
axes = dk.Projection.onto([[1.0]], ["state of the unit"])
ax = dk.plots.plot_phase_portrait(axes, states, points, axes=(0,), linewidth=1.0)

# %%
# Calls: :class:`dynakit.tasks.FlipFlop`, :class:`dynakit.models.Elman`, :func:`dynakit.find_fixed_points`,
# :func:`dynakit.plots.plot_phase_portrait`.
