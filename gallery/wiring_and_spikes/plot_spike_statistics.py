"""
How regular is a neuron?
========================

The same number of spikes may come like a clock or like radioactive decay. The coefficient of variation of the
intervals and the local variation tell them apart; for a gamma process of shape k both are known.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# Intervals of shape k = 1 (Poisson) to 16 (nearly a clock), 20 neurons each, 50 Hz. The theory: :math:`CV =
# 1/\sqrt k` and :math:`LV = 3 / (2k + 1)` (Shinomoto et al. 2003).
rng = np.random.default_rng(0)
shapes = np.repeat([1, 2, 4, 16], 20)
trains = [np.cumsum(rng.gamma(k, 20 / k, size=600)) for k in shapes]
trains = [t[t < 10_000] for t in trains]  # ms
found = dk.spike_statistics(trains, t_stop=10_000.0)
print(found)
for k in (1, 2, 4, 16):
    own = shapes == k
    cv, lv = found.cv[own].mean(), found.lv[own].mean()
    print(f"k = {k:2d}: CV {cv:.3f} ({k**-0.5:.3f}), LV {lv:.3f} ({3 / (2 * k + 1):.3f})")

# %%
# A second of it, and all neurons in the plane of the two measures.
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
dk.plots.plot_raster([t[t < 1000] for t in trains], t_stop=1000.0, ax=left)
for k, colour in zip((1, 2, 4, 16), ("#000000", "#D55E00", "#009E73", "#0072B2")):
    right.plot(found.cv[shapes == k], found.lv[shapes == k], ".", color=colour, label=f"k = {k}")
    right.plot(k**-0.5, 3 / (2 * k + 1), "+", color=colour, markersize=14)
right.set(xlabel="CV", ylabel="LV (crosses: theory)")
right.legend(frameon=False)

# %%
# Calls: :func:`dynakit.spike_statistics`, :func:`dynakit.plots.plot_raster`.
