"""
Neurons that integrate, leak and fire
=====================================

Twenty neurons, each with a stronger current than the one above it. Below the threshold nothing fires; beyond it
the rate follows a curve that Lapicque could have drawn (1907).
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch

import dynakit as dk

# %%
# The voltage goes to :math:`v_\infty = I / (1 - e^{-dt/\tau})`, and after a reset to zero it needs :math:`\tau
# \ln \frac{v_\infty}{v_\infty - 1}` to the threshold 1, and then waits 2 ms.
dt, tau = 0.1, 20.0
model = dk.models.LIF(1, 20, 1, dt=dt, tau=tau, refractory=2.0, reset="zero").double()
goal = torch.linspace(0.9, 2.5, 20, dtype=torch.float64)
with torch.no_grad():
    model.W_rec.zero_()
    model.W_in.copy_((goal * (1 - math.exp(-dt / tau)))[:, None])
record = dk.record(model, torch.ones(1, 5000, 1))
spikes = record.states[..., slice(*record.parts["spikes"])]
found = dk.spike_statistics(spikes, dt=dt)
print(found)

# %%
# In half a second one spike more or less is worth 2 Hz.
theory = np.array([1000 / (2 + tau * math.log(v / (v - 1))) if v > 1 else 0 for v in goal.tolist()])
print(f"rates differ from theory by at most {np.abs(found.rates - theory).max():.1f} of {theory.max():.0f} Hz")
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
dk.plots.plot_raster(found, ax=left)
right.plot(goal, theory, color="0.6", label="theory")
right.plot(goal, found.rates, ".", color="#0072B2", label="counted")
right.set(xlabel="voltage it goes to (thresholds)", ylabel="rate (Hz)")
right.legend(frameon=False)

# %%
# Calls: :class:`dynakit.models.LIF`, :func:`dynakit.record`, :func:`dynakit.spike_statistics`,
# :func:`dynakit.plots.plot_raster`.
