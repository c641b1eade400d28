"""
Growing before decaying
=======================

Eigenvalues say what happens in the end. A chain of four units, each of which hands on twice what it gets, has
no eigenvalue but 0, and makes a disturbance 8 times as large before it is gone after four steps (Ganguli, Huh
and Sompolinsky 2008; Trefethen and Embree 2005). A symmetric network of the same spectral radius would only
shrink it.
"""

import numpy as np

import dynakit as dk

chains = {
    "chain": 2 * np.eye(4, k=1),
    "leaky chain": 0.5 * np.eye(4) + np.eye(4, k=1),
    "symmetric": 0.5 * np.eye(4),
}

# %%
# The rings are what the call says: the largest growth, and when. The lines are powers of the matrix.
ax = dk.plots.new_axes()
steps = np.arange(16)
for (name, J), style in zip(chains.items(), ("o-", "s-", "^-")):
    result = dk.nonnormality(dk.catalog.linear(J), np.zeros((1, 4)))
    print(f"{name}:", result)
    norms = [np.linalg.norm(np.linalg.matrix_power(J, t), 2) for t in steps]
    ax.plot(steps, norms, style, label=f"{name}, ρ = {result.spectral_radii[0]:g}", markersize=4)
    ax.plot(result.growth_steps, result.growth, "o", color="k", markerfacecolor="none", markersize=11)
ax.axhline(1, color="#7F7F7F", linewidth=0.6)
ax.set(xlabel="step t", ylabel="largest growth of a disturbance, ‖Jᵗ‖")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.nonnormality` (Henrici's index, growth and its step, stability radius),
# :func:`dynakit.catalog.linear`.
