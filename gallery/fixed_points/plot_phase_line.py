"""
One unit: phase line and cobweb
===============================

All that a single unit can do stands on one line: where its velocity is zero it rests, and between such points it
moves one way. An input shifts the curve, until two of the points meet and are gone.
"""

import numpy as np

import dynakit as dk

unit = dk.catalog.tanh_unit(2.0)
line = dk.map_phase_line(unit, {"0": [0.0], "0.3": [0.3], "0.8": [0.8]})
print(line)
ax = dk.plots.plot_phase_line(line)

# %%
# A map in steps is seen in its cobweb: here one whose states come to alternate between two values.
logistic = dk.catalog.logistic(3.2)
orbit = dk.record(logistic, np.zeros((1, 60, 0)), [[0.1]])
ax = dk.plots.plot_cobweb(dk.map_phase_line(logistic, span=[0.0, 1.0]), orbit)

# %%
# Calls: :func:`dynakit.map_phase_line`, :func:`dynakit.plots.plot_phase_line`, and :func:`dynakit.plots.plot_cobweb`.
