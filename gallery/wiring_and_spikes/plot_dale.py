"""
A matrix under Dale's law
=========================

Every unit excites or inhibits, and never both. What is drawn is the matrix that acts, W[post, pre], sorted by
kind: whole columns have one sign, and inhibition, from fewer units, is stronger, so that the two balance.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# 100 units, 80 of them excitatory, each pair connected with probability 0.3; the spectral radius asked for is
# that of the matrix that acts.
mask = np.random.default_rng(0).random((100, 100)) < 0.3
model = dk.models.LeakyRNN(2, 100, 1, dale="abs", e_frac=0.8, autapses=False, mask_rec=mask, spectral_radius=0.9)
W = model.effective_weights()[1].detach().numpy()
graph = dk.graph_statistics(W)
print(graph)
print({name: round(float(mean), 4) for name, mean in graph.block_means.items()})

# %%
# Right: the eigenvalues, and the circle of the radius that was asked for. Where excitation and inhibition
# balance, the bulk of them fills a disc (Rajan and Abbott 2006).
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.8), layout="constrained")
dk.plots.plot_connectivity(W, sign=graph.sign, ax=left)
right.plot(graph.eigenvalues.real, graph.eigenvalues.imag, "k.", markersize=4)
right.add_patch(plt.Circle((0, 0), 0.9, fill=False, color="#D55E00"))
right.set(xlabel="Re λ", ylabel="Im λ", aspect="equal", xlim=(-1, 1), ylim=(-1, 1))

# %%
# Networks trained under Dale's law: Song, Yang and Wang (2016).
#
# Calls: :class:`dynakit.models.LeakyRNN`, :func:`dynakit.graph_statistics`,
# :func:`dynakit.plots.plot_connectivity`.
