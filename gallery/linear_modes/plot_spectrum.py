"""
Eigenvalues and the line that matters
=====================================

A network that is stepped is a map: a mode decays if its eigenvalue is inside of the unit circle. The nine
points of a two-bit GRU show it: the memories have all of theirs inside, each saddle on an edge has one
outside, the middle point two. The left half plane, which speaks of flows, has no say here.
"""

from pathlib import Path

import matplotlib.pyplot as plt

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
system = dk.as_system(dk.models.load(networks / "flip_flop_gru"))
points = dk.find_fixed_points(system)
modes = dk.linearize(system, points)
print(modes)
print("outside of the circle, per point:", modes.n_unstable)

# %%
# All eigenvalues of all points; those near the circle are slow, those near 0 are gone within a step or two.
fig, ax = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
ax = dk.plots.plot_spectrum(modes, ax=ax)

# %%
# Calls: :func:`dynakit.find_fixed_points`, :func:`dynakit.linearize`, :func:`dynakit.plots.plot_spectrum`.
