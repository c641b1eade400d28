"""
A memory is born: the pitchfork, and what a bias makes of it
============================================================

As the loop of a unit grows past 1, its rest state splits into two memories. The slightest bias breaks the
fork: one memory is born out of the rest state, the other out of nothing, at a fold. Training meets the second
case, and there a memory appears at once and away from all that was there.
"""

import matplotlib.pyplot as plt

import dynakit as dk

fig, panels = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharey=True)
for ax, bias in zip(panels, (0.0, 0.05)):
    unit = dk.catalog.tanh_unit(w=1.5, b=bias)
    points = dk.find_fixed_points(unit)
    branches = dk.trace_fixed_points(
        unit, points, family=lambda w, b=bias: dk.catalog.tanh_unit(w, b), span=(0.5, 2.0)
    )
    print(f"bias {bias}: {branches}", branches.events.parameter.round(5))
    dk.plots.plot_branches(branches, along=0, ax=ax)
    ax.set(xlabel="weight of the unit on itself", ylabel="x", title=f"bias {bias:g}")

# %%
# With bias 0 the branch point stands at w = 1, exactly. With a bias b the fold is where w (1 − x²) = 1 and x
# = tanh(wx + b).

# %%
# Calls: :func:`dynakit.trace_fixed_points` with ``family`` and ``span``: any function from a number to a
# System can be followed; :func:`dynakit.plots.plot_branches`.
