"""
A network in its world
======================

A controller is half of a dynamical system; the other half is what it acts on. Joined, they are one map, whose
fixed points, modes and stability are those of the whole: a pole that falls by itself stands here.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import dynakit as dk


# %%
# The world: an inverted pendulum, angle and speed, under a push. Alone, upright is a saddle.
def pendulum(w, push):
    speed = 0.99 * w[:, 1] + 0.1 * torch.sin(w[:, 0]) + 0.1 * push[:, 0]
    return torch.stack([w[:, 0] + 0.1 * speed, speed], 1)


# %%
# The network: six tanh units that hear angle and speed, and push back; weights chosen by hand.
cell, muscle = nn.RNN(2, 6, batch_first=True, bias=False), nn.Linear(6, 1, bias=False)
with torch.no_grad():
    cell.weight_ih_l0.copy_(torch.tensor([[3.0, 3.0]]).repeat(6, 1))
    cell.weight_hh_l0.copy_(0.2 * torch.eye(6))
    muscle.weight.fill_(-0.12)
loop = dk.ClosedLoop(dk.as_system((cell, muscle)), world=pendulum, world_size=2)
upright = dk.linearize(loop, np.zeros((1, 8)))
alone = dk.FunctionSystem(lambda w: pendulum(w, torch.zeros_like(w)), 2)
print(dk.linearize(alone, np.zeros((1, 2))).verdicts[0], "alone;", upright.verdicts[0], "with the network")

# %%
# How far may it lean? Six units push with 6 x 0.12 = 0.72 at most, and gravity pulls with the sine of the
# angle: from rest, the pole is lost beyond 0.80 rad.
leans = np.linspace(-1.3, 1.3, 14)
starts = np.concatenate([np.zeros((14, 6)), leans[:, None], np.zeros((14, 1))], axis=1)
states = loop.trajectory(starts, 120).numpy()
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
stands = np.abs(states[:, -1, 6]) < 0.1
for angle, stood in zip(states[..., 6], stands):
    left.plot(angle, color="#0072B2" if stood else "#D55E00", linewidth=0.9)
left.axhline(0.8, color="0.6", linestyle=":")
left.axhline(-0.8, color="0.6", linestyle=":")
left.set(xlabel="step", ylabel="angle (rad)", ylim=(-2, 2), title=f"{stands.sum()} of 14 leans are caught")
dk.plots.plot_spectrum(upright, ax=right)

# %%
# Calls: :class:`dynakit.ClosedLoop`, :func:`dynakit.as_system`, :func:`dynakit.linearize`,
# :func:`dynakit.plots.plot_spectrum`.
