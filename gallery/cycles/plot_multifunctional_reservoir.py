"""
One reservoir, two cycles on one circle
=======================================

A network with fixed weights may hold several cycles, and a short cue chooses which. The hardest case runs two
of them through the very same points, in opposite directions: "seeing double" (Flynn, Tsachouridis and Amann
2021). Only the readout is fitted, in one ridge regression; then the network hears itself.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import dynakit as dk

# %%
# 150 units of spectral radius 1.4, and a readout of the states and of their squares. The first six turns only
# wash out.
dt, turn = 0.1, 63
task = dk.tasks.Cycles.seeing_double(radius=5.0, dt=dt, n_steps=16 * turn, cue_steps=6 * turn, grace=0)
model = dk.models.Reservoir.for_task(task, 150, spectral_radius=1.4, dt=dt, seed=0).double()
dk.train(model, task, dk.training.Ridge(beta=1e-2, washout=6 * turn, n_trials=2, blend=0.5), seed=0)

# %%
# Six turns of one orbit or of the other as a cue, and then 20 turns alone.
loop = dk.ClosedLoop(dk.as_system(model))
x = loop.initial_state().expand(2, -1)
for u in torch.from_numpy(np.concatenate(list(task.cues([0.0]).values()))).unbind(1):
    x = loop.drive(x, u)
states = loop.trajectory(x, 20 * turn)
turned = np.unwrap(np.arctan2(*np.moveaxis(loop.observe(states).numpy(), -1, 0)[::-1]), axis=1)
print("turns per turn:", (turned[:, -1] - turned[:, 0]) / (20 * turn * dt))

# %%
# One circle in the outputs; two closed curves among the states, which cross in this plane and not in the space.
plane = dk.project(states, 2)
apart = np.linalg.norm(states[0, -turn:, None] - states[1, None, -turn:], axis=-1).min()
print(f"{apart:.2f} apart at least, of a width of {np.ptp(states[0, -turn:].numpy() @ plane.components[0]):.1f}")
fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.6), layout="constrained")
for name, one, colour, width in zip(("anticlockwise", "clockwise"), states, ("#56B4E9", "#D55E00"), (4, 1)):
    left.plot(*loop.observe(one[-2 * turn :]).T, color=colour, linewidth=width, label=name)
    right.plot(*plane.transform(one[-2 * turn :]).T, color=colour, linewidth=width)
left.set(xlabel="output 1", ylabel="output 2", aspect="equal")
left.legend(loc="center", frameon=False)
right.set(xlabel=plane.names[0], ylabel=plane.names[1])

# %%
# :func:`dynakit.check_multifunctionality` asks all of it at once: cues at several phases, curves, directions
# and speeds, what a push does, and what is there that nobody asked for.
#
# Calls: :class:`dynakit.tasks.Cycles`, :class:`dynakit.models.Reservoir`, :class:`dynakit.training.Ridge`,
# :class:`dynakit.ClosedLoop`, :func:`dynakit.project`.
