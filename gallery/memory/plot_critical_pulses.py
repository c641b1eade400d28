"""
The weakest pulse that still switches
=====================================

How strong must a pulse be to flip a bit? For one unit, x = tanh(2x + u), the answer is known at both ends: a
pulse of one step must carry the unit past 0, which takes 2 · 0.9575 = 1.915; one that lasts forever must only
pass the fold, at 0.5328. Between them the call finds the amplitude by bisection, for each width.
"""

import numpy as np

import dynakit as dk

unit = dk.catalog.tanh_unit(w=2.0)
points = dk.find_fixed_points(unit).stable
widths = [1, 2, 3, 4, 6, 10, 20, 40, 100]
pulses = {f"{width} steps": np.full((width, 1), 2.0) for width in widths}
graph = dk.map_transitions(unit, points, pulses, amplitudes=(0.0, 1.0))
low = int(np.argmin(points.states[:, 0]))  # pulses are positive: they switch the lower memory
critical = 2 * graph.critical_amplitudes[low]  # factors of a pulse of 2
print(dict(zip(graph.pulses, critical.round(4).tolist())))

# %%
# Short pulses pay with strength; beyond some tens of steps length brings nothing more.
ax = dk.plots.new_axes()
ax.plot(widths, critical, "ko-", label="found by bisection")
ax.axhline(2 * points.states.max(), color="#D55E00", linestyle="--", label="one step: 2 · 0.9575")
fold = np.sqrt(2) - np.arctanh(np.sqrt(0.5))
ax.axhline(fold, color="#0072B2", linestyle="--", label="forever: the fold, 0.5328")
ax.set(xscale="log", xlabel="width of the pulse, in steps", ylabel="critical amplitude", ylim=(0, 2.3))
ax.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.8))
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.map_transitions` with ``amplitudes``, whose result has ``critical_amplitudes``.
