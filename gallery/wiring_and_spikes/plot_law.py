"""
A spectrum beside its law
=========================

The eigenvalues of a large random matrix fill a disc, its singular values lie under a quarter of a circle. What a
network has learnt on top, a part of low rank, stands out of both, once it is stronger than the noise.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# 200 units wired at random, and one direction m that is sent back to itself. The law is told nothing of it: it takes
# the scale of the bulk from the matrix, and counts what lies beyond the edge and its margin at this size.
rng = np.random.default_rng(0)
noise = rng.normal(size=(200, 200)) / 200**0.5
m, n = rng.normal(size=(2, 200))
n = (2 * m + n) / 200
W = noise + np.outer(m, n)
print(dk.compare_with_law(W))
eigen = dk.compare_with_law(W, low_rank=(m, n))
print(eigen)
singular = dk.compare_with_law(W, "marchenko_pastur", low_rank=(m, n))
print(dict(zip(singular.quantities.tolist(), singular.verdicts.tolist())))

# %%
# Left: the eigenvalue stands where n'm is, and the others as if it were not there. Right: the singular value stands
# further out than that of the part itself.
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained")
dk.plots.plot_law(eigen, ax=left, legend="below")
dk.plots.plot_law(singular, ax=right, legend="below")

# %%
# Which directions these are, and whether an input lies along them. Of what stood out, the share 1 - (s / theta)² of
# the direction found is that of the part.
structure = dk.low_rank_structure(W, inputs=m[:, None], readout=n[None])
print(structure)
print(f"theta {structure.hidden[0]:.2f}, fidelity {structure.fidelity[0]:.2f}")
print(f"squared cosine of what is written with m: {structure.writes_inputs[0, 0] ** 2:.2f}")
fig, ax = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
dk.plots.plot_singular_values(structure, ax=ax)

# %%
# The disc: Girko (1985), Tao and Vu (2010); what stands out of it: Tao (2013); singular values: Benaych-Georges and
# Nadakuditi (2012). What the directions do in a network: Mastrogiuseppe and Ostojic (2018).
#
# Calls: :func:`dynakit.compare_with_law`, :func:`dynakit.low_rank_structure`, :func:`dynakit.plots.plot_law`,
# :func:`dynakit.plots.plot_singular_values`.
