"""
A rate network that speaks in spikes
====================================

The weights of a ReLU network are given to neurons that integrate and fire, without any training. In the mean
they stand where the rate network stands; how near, is a question of how many spikes there are to average over
(Cao, Chen and Khosla 2015; Rueckauer et al. 2017).
"""

import matplotlib.pyplot as plt
import torch

import dynakit as dk

# %%
# A leaky network of 30 units under an input that steps up and down, in steps of 1 ms.
rates = dk.models.LeakyRNN(1, 30, 1, dt=1.0, tau=50.0, dale="abs", spectral_radius=0.8, seed=1)
inputs = torch.zeros(1, 1200, 1)
inputs[:, 200:600], inputs[:, 800:1000] = 1.0, 2.0
wanted = dk.record(rates, inputs).outputs[0, :, 0]

# %%
# The gain: spikes per second and unit of rate.
fig, axes = plt.subplots(3, 1, figsize=(6.4, 5.4), sharex=True, height_ratios=(2, 2, 3), layout="constrained")
for ax, gain in zip(axes, (100.0, 3000.0)):
    spiking = dk.models.to_spiking(rates, gain=gain)
    record = dk.record(spiking, inputs)
    error = abs(record.outputs[0, 200:, 0] - wanted[200:]).mean() / abs(wanted[200:]).mean()
    ax.plot(record.outputs[0, :, 0], color="#56B4E9", linewidth=0.8)
    ax.plot(wanted, "k--", linewidth=1)
    ax.set(ylabel=f"output, gain {gain:g}", title=f"mean error {100 * error:.1f} %")
    print(f"gain {gain:g}: mean error {100 * error:.1f} %")
    if gain == 100.0:
        spikes = record.states[..., slice(*record.parts["spikes"])].clip(0, 1)
dk.plots.plot_raster(spikes, dt=1.0, ax=axes[2])

# %%
# Calls: :func:`dynakit.models.to_spiking`, :class:`dynakit.models.LeakyRNN`, :func:`dynakit.record`,
# :func:`dynakit.plots.plot_raster`.
