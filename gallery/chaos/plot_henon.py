"""
Two exponents and what they must sum to
=======================================

Hénon's map stretches, folds, and shrinks every area by the same factor, 0.3. Its two exponents must therefore
sum to ln 0.3 = -1.203973 whatever the orbit: a check that needs no reference value, and one that the result
makes by itself (``determinant_gaps``).
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# The first exponent is near 0.419; from the two follows the Kaplan-Yorke dimension, near 1.26.
system = dk.catalog.henon()
lyap = dk.lyapunov_spectrum(system, [0.1, 0.1], n_steps=3000)
print(lyap)
print(f"sum {lyap.exponents[0].sum():.12f}, ln 0.3 = {np.log(0.3):.12f}")

# %%
# The attractor, with the two fixed points, both saddles, that can be written down; and the exponents.
points = dk.find_fixed_points(system, [[0.6, 0.2], [-1.1, -0.3]])
states = system.trajectory([0.1, 0.1], 4000)[100:]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.3), layout="constrained", width_ratios=(2, 1))
left.plot(*states.T, "k,")
left.plot(*points.states.T, "D", color="#D55E00", markersize=5)
left.set(xlabel="x", ylabel="y")
dk.plots.plot_exponents(lyap, ax=right)

# %%
# Hénon (1976); the method: Benettin, Galgani, Giorgilli and Strelcyn (1980).
#
# Calls: :func:`dynakit.lyapunov_spectrum`, :func:`dynakit.find_fixed_points`,
# :func:`dynakit.plots.plot_exponents`.
