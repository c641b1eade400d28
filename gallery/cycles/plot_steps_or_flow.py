"""
An oscillation made of steps
============================

A leaky network is trained and run in steps, and is often read as a differential equation. Where a unit inhibits
itself strongly, the two part company: the steps overshoot and swing for ever, and the equation comes to rest.
What a network of steps does is asked of its map; what its equation does, of the flow.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import dynakit as dk

# %%
# One unit, :math:`\tau \dot x = -x + w \tanh x + 1`, with w = -12. In steps of 20 ms, at a time constant of 100
# ms, the slope of a step at x is :math:`0.8 + 0.2\,w / \cosh^2 x`: below -1 at the point of rest.
model = dk.models.LeakyRNN(1, 1, 1, dt=20.0, tau=100.0, activation="tanh", form="current")
with torch.no_grad():
    model.W_rec.fill_(-12.0)
    model.b_rec.fill_(1.0)
steps, flow = dk.as_system(model), dk.as_flow(model, dt=1.0)
cycle = dk.find_limit_cycles(steps, [[1.0]], seed=0)
print(cycle, cycle.periods)
rest = dk.find_fixed_points(flow, seed=0)
print(rest)

# %%
slope = 0.8 + 0.2 * -12 / np.cosh(rest.states[0, 0]) ** 2
print(f"slope of a step {slope:.3f}, found {dk.linearize(steps, rest.states).eigenvalues[0, 0].real:.3f}")
fig, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
ax.plot(20 * np.arange(1, 26), steps.trajectory([1.0], 25)[:, 0], "o-", color="#D55E00", label="steps of 20 ms")
ax.plot(np.arange(1, 501), flow.trajectory([1.0], 500)[:, 0], color="#0072B2", label="the equation")
ax.set(xlabel="time (ms)", ylabel="x")
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)

# %%
# Calls: :func:`dynakit.as_system`, :func:`dynakit.as_flow`, :func:`dynakit.find_limit_cycles`,
# :func:`dynakit.find_fixed_points`, :func:`dynakit.linearize`.
