"""
A spiking cell of your own
==========================

A leaky integrate-and-fire step with a surrogate gradient, as spiking libraries write it, is a map that jumps.
It is recorded, and its spikes are counted; what would need a derivative is refused, because a surrogate is not
one.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

import dynakit as dk


# %%
class Net(nn.Module):
    def __init__(self, n=30):
        super().__init__()
        torch.manual_seed(0)
        self.inp, self.rec = nn.Linear(2, n), nn.Linear(n, n, bias=False)

    def step(self, u, state):
        v, s = state
        v = 0.95 * v + 0.5 * self.inp(u) + self.rec(s) - s
        smooth = torch.sigmoid(10 * (v - 1))  # what the gradient sees
        return v, ((v > 1).to(v.dtype) - smooth).detach() + smooth


# %%
form = dk.Form(state=(torch.zeros(2, 30), torch.zeros(2, 30)), names=("voltage", "spikes"))
system = dk.as_system(Net(), step="step", input_size=2, regularity="discontinuous", form=form, dt=1.0)
print(system, system.parts)
inputs = torch.randn(1, 300, 2, generator=torch.Generator().manual_seed(0)).cumsum(1) / 5
record = dk.record(system, inputs)
print(dk.spike_statistics(record.states[..., 30:], dt=1.0))
try:
    dk.linearize(system, record.states[:1, -1])
except dk.InputError as error:
    print(error)
fig, (top, bottom) = plt.subplots(2, 1, figsize=(6.6, 4.4), sharex=True, height_ratios=(1, 3), layout="constrained")
top.plot(inputs[0])
top.set(ylabel="inputs")
dk.plots.plot_raster(record.states[..., 30:], dt=1.0, ax=bottom)

# %%
# Surrogate gradients: Neftci, Mostafa and Zenke (2019).
#
# Calls: :func:`dynakit.as_system`, :class:`dynakit.Form`, :func:`dynakit.record`,
# :func:`dynakit.spike_statistics`, :func:`dynakit.plots.plot_raster`.
