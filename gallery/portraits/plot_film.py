"""
A trial as a film
=================

One trial of a network that holds two bits, along its portrait: after each pulse the state leaves its memory, passes
by a saddle or not, and comes to rest at the next one. The film runs in a notebook and on a page; for slides it is a
GIF.
"""

import numpy as np
import torch

import dynakit as dk

# %%
# Two units that each remember, written by hand: x' = tanh(2 x + 3 u).
task = dk.tasks.FlipFlop(n_bits=2, n_steps=24, p_flip=0.2)
network = dk.FunctionSystem(lambda x, u: torch.tanh(2 * x + 3 * u), 2, 2, argument_order="state, input")
trial = dk.record(network, task.sample(1, seed=3).inputs)
points = dk.find_fixed_points(network, trial.states)
print(points)

# %%
# The portrait, standing still.
axes = dk.Projection.onto(np.eye(2), ["first bit", "second bit"])
ax = dk.plots.plot_phase_portrait(axes, trial.states, points)

# %%
# The same in time; its ``save("trial.gif")`` and ``save("trial.html")`` write it.
dk.plots.animate_trial(axes, trial, points, n_frames=12, fps=4)

# %%
# Calls: :func:`dynakit.record`, :meth:`dynakit.Projection.onto`, :func:`dynakit.plots.animate_trial`.
