"""
A slow point is not a fixed point
=================================

Just beyond a fold two fixed points have met and gone. What remains is a ghost: a minimum of the speed at
which trajectories linger for about π / √(a ε) steps (Strogatz 1994, section 4.3). Minimising q alone, it
would be listed among the fixed points.
"""

import numpy as np

import dynakit as dk

unit = dk.catalog.tanh_unit(w=2.0)
fold = np.sqrt(2) - np.arctanh(np.sqrt(0.5))  # where tanh(2x − u) touches x: 0.53284
drive = [-(fold + 0.002)]
points = dk.find_fixed_points(unit, drive=drive)
slow = dk.find_slow_points(unit, drive=drive, fixed_points=points)
print(points)
print(slow, f"passage of about {slow.passage_times[0]:.0f} steps")

# %%
# Left alone from 0.95, the unit spends most of its time at the ghost, then drops to the one fixed point that
# there is.
states = dk.record(unit, np.tile(drive, (200, 1)), x0=[0.95]).states[0, :, 0]
ax = dk.plots.new_axes()
ax.plot(states, color="#0072B2", label="state")
ax.axhline(slow.states[0, 0], color="#7F7F7F", linestyle=":", label="slow point (ghost)")
ax.axhline(points.states[0, 0], color="k", linewidth=0.8, label="fixed point")
ax.set(xlabel="step", ylabel="x")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.find_slow_points`, whose ``kinds`` tell a ghost from a shoulder, a saddle, and a flat
# stretch, and :func:`dynakit.find_fixed_points`.
