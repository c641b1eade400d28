"""
The cusp of one unit
====================

One tanh unit has one fixed point or three, by its weight w and its input u. The two folds between which there
are three end in a cusp at w = 1. Each fold found (dots) is one event on a branch; the line is the closed
form, u = ±(w s − artanh s) with s = √(1 − 1/w) (Beer 1995).
"""

import numpy as np

import dynakit as dk

weights = np.linspace(1.1, 3.0, 6)
folds = []
for w in weights:
    unit = dk.catalog.tanh_unit(w)
    branches = dk.trace_fixed_points(unit, dk.find_fixed_points(unit), drives=[[-1.5], [1.5]])
    folds.append(branches.events.parameter)

# %%
# All folds lie on the curve that is known.
w = np.linspace(1, 3, 300)
s = np.sqrt(1 - 1 / w)
u = w * s - np.arctanh(s)
ax = dk.plots.new_axes()
ax.fill_betweenx(w, -u, u, color="#DCE6F2", label="three fixed points")
ax.plot(np.r_[u[::-1], -u], np.r_[w[::-1], w], color="#0072B2", label="folds, closed form")
for height, found in zip(weights, folds):
    ax.plot(found, np.full(len(found), height), "ks", markersize=4)
ax.plot([], [], "ks", markersize=4, label="folds, found")
ax.set(xlabel="input u", ylabel="weight w")
ax.legend(frameon=False, loc="lower left")
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.trace_fixed_points` with ``drives``, and its ``events``.
