"""
More than chance?
=================

In a cortical circuit two neurons are connected both ways more often than chance would have it (Song et al.
2005). Whether a trained matrix shows such a thing can only be said against random matrices that share what is
plain: the degrees of every unit and its outgoing weights.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# Forty units with one connection in ten; then a third of them is answered. At chance, the share of edges whose
# reverse exists is the density.
rng = np.random.default_rng(0)
plain = (rng.random((40, 40)) < 0.1) * rng.normal(size=(40, 40))
answered = plain + np.triu(plain.T * (rng.random((40, 40)) < 0.35))
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.2), sharex=True, sharey=True, layout="constrained")
for ax, name, W in zip(axes, ("at random", "a third answered"), (plain, answered)):
    null = dk.compare_with_null(W, "reciprocity", n=60, seed=0)
    print(f"{name}: {null}")
    ax.hist(null.values[0], bins=12, color="#56B4E9", label="60 matrices of the same degrees")
    ax.axvline(null.observed[0], color="#D55E00", linewidth=2, label="this one")
    ax.set(title=f"{name}: p = {null.p[0]:.2g}", xlabel="reciprocity")
axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), frameon=False)

# %%
# Rewiring that keeps all degrees: Carstens, Berger and Strona (2016).
#
# Calls: :func:`dynakit.compare_with_null`, :func:`dynakit.graph_statistics`.
