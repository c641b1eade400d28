"""
Communities of signed weights
=============================

Which units belong together, where weights have signs: those that excite each other more, and inhibit each other less,
than what they send and receive in all would have it. Of a random matrix some partition is always good, so that the
modularity counts only against its null model.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# Sixty units in three groups, in an order that hides them: within a group weights are on average positive, between
# groups negative.
rng = np.random.default_rng(0)
group = rng.permutation(np.repeat([0, 1, 2], 20))
same = group[:, None] == group
W = (np.where(same, 0.8, -0.4) + rng.normal(size=(60, 60))) * (rng.random((60, 60)) < 0.5)
found = dk.find_communities(W)
print(found)
print("planted groups within each:", [np.bincount(group[found.labels == k], minlength=3).tolist() for k in range(3)])
null = dk.compare_with_null(W, "modularity", n=50)
print(null)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.8), layout="constrained")
dk.plots.plot_connectivity(W, ax=left)
dk.plots.plot_communities(found, ax=right)

# %%
# Modularity of directed graphs: Leicht and Newman (2008); with signs: Gomez, Jensen and Arenas (2009). The moves that
# search for it: Blondel et al. (2008).
#
# Calls: :func:`dynakit.find_communities`, :func:`dynakit.compare_with_null`, :func:`dynakit.plots.plot_communities`.
