"""
How many fixed points, over two inputs
======================================

Two units that each remember, with an input each: how many memories there are depends on both inputs. Around zero
there are four, further out three or two, and in the corners there is one.
"""

import numpy as np

import dynakit as dk

network = dk.catalog.tanh_network([[1.6, 0.1], [0.1, 1.6]], W_in=np.eye(2))
values = np.linspace(-0.6, 0.6, 7)
found = dk.map_fixed_points(network, values, values, max_starts=64)
print(found)
ax = dk.plots.plot_fixed_point_map(found)

# %%
# Where the signs of the points prove that one is missing there would be a cross. The borders between the cells are
# folds: :func:`dynakit.trace_fixed_points` finds where they are.
#
# Calls: :func:`dynakit.map_fixed_points` and :func:`dynakit.plots.plot_fixed_point_map`.
