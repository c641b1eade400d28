"""
Stable as a flow, unstable as a step
====================================

A leaky network is an Euler step of a flow. Both have the same fixed points and not always the same verdict:
with steps as long as the time constant, strong inhibition overshoots and grows, where the flow decays. The
spectrum of the step belongs in the unit circle, that of the flow to the left of the imaginary axis; mixing
the two rules is a common mistake.
"""

import matplotlib.pyplot as plt
import torch

import dynakit as dk

model = dk.models.LeakyRNN(1, 40, 1, dt=100.0, tau=100.0, activation="tanh", spectral_radius=0.7, seed=0)
with torch.no_grad():
    model.W_rec -= 1.6 / 40  # every unit inhibits all others
    model.b_rec.zero_()
modes = dk.linearize(dk.as_system(model), torch.zeros(1, 40))
print("as a step:", modes.verdicts[0], "- as a flow:", modes.flow_verdicts[0])

# %%
# The same modes twice: λ of the step, and (λ − 1) / α of the flow, with α = dt / τ = 1.
fig, panels = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
for ax, line in zip(panels, ("map", "flow")):
    dk.plots.plot_spectrum(modes, ax=ax, line=line)

# %%
# Calls: :func:`dynakit.linearize`, whose result has ``verdicts`` and ``flow_verdicts``, and
# :func:`dynakit.plots.plot_spectrum` with ``line``. :func:`dynakit.as_flow` takes the flow itself.
