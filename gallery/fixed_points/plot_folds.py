"""
Hysteresis: two folds along an input
====================================

A unit with a strong loop to itself, x = tanh(2x + u), keeps its side until the input is strong enough to take
it away. The branch is followed around both of its folds; where they are is known in closed form: u = ±(√2 −
artanh √½) = ±0.53284.
"""

import numpy as np

import dynakit as dk

unit = dk.catalog.tanh_unit(w=2.0)
branches = dk.trace_fixed_points(unit, dk.find_fixed_points(unit), drives=[[-1.0], [1.0]])
print(branches)
print(branches.events.parameter, "against", np.sqrt(2) - np.arctanh(np.sqrt(0.5)))

# %%
# The input is swept up and down slowly: the state (grey) jumps where a branch ends, at another place either
# way.
sweep = np.concatenate([np.linspace(-1, 1, 400), np.linspace(1, -1, 400)])
states = dk.record(unit, sweep[:, None], x0=[-0.99]).states[0, :, 0]
ax = dk.plots.plot_branches(branches, along=0)
ax.plot(sweep, states, color="#8FA3B8", linewidth=4, alpha=0.45, zorder=0, label="slow sweep")
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))

# %%
# Calls: :func:`dynakit.trace_fixed_points` with ``drives``, :func:`dynakit.plots.plot_branches`; the folds
# are ``branches.events``.
