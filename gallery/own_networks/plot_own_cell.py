"""
A cell of your own, its state a tuple
=====================================

Nobody's layer: a network with a step written by hand and a state of two parts. The method that takes one step
is named, and what reads the state; how the state is made up, and how wide it is, is found out.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import dynakit as dk


# %%
# Units that tire: each excites itself through x, and a slow part a takes it back down.
class Tiring(nn.Module):
    def __init__(self, n=12):
        super().__init__()
        self.n, self.inp, self.rec, self.out = n, nn.Linear(1, n), nn.Linear(n, n), nn.Linear(n, 1)
        nn.init.orthogonal_(self.rec.weight, gain=1.4)

    def step(self, u, state):
        x, a = state
        new = 0.8 * x + 0.2 * torch.tanh(self.inp(u) + self.rec(x) + 1.5 * x - a)
        return new, 0.97 * a + 0.1 * x

    def forward(self, inputs):
        state, out = (torch.zeros(len(inputs), self.n),) * 2, []
        for u in inputs.unbind(1):
            state = self.step(u, state)
            out.append(self.out(state[0]))
        return torch.stack(out, 1)


# %%
torch.manual_seed(0)
net = Tiring()
system = dk.as_system(net, step="step", readout="out")
inputs = torch.randn(1, 800, 1, generator=torch.Generator().manual_seed(0))
print(system, "outputs differ by", np.abs(dk.record(system, inputs).outputs - net(inputs).detach().numpy()).max())

# %%
# Left alone, it swings: the only fixed point, at rest, has many unstable directions.
points = dk.find_fixed_points(system, max_starts=64, seed=0)
states = system.trajectory(system.initial_state() + 0.1, 800)
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
dk.plots.plot_phase_portrait(dk.project(states, 2), states[None], points, ax=left)
dk.plots.plot_spectrum(dk.linearize(system, points), ax=right)

# %%
# Calls: :func:`dynakit.as_system`, :func:`dynakit.find_fixed_points`, :func:`dynakit.linearize`,
# :func:`dynakit.plots.plot_spectrum`; what else can be said of a network of one's own: :class:`dynakit.Form`.
