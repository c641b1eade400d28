"""
What a cycle does to a push
===========================

Two cycles turn in opposite directions. Their Floquet multipliers say how much of a small push is left after one
turn; here they are known in closed form.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# In polar coordinates the flow is :math:`\dot r = r(1-r)(r-2)(r-3)/2`, :math:`\dot\theta = 2 - r`: cycles of
# radius 1 and 3, both of period :math:`2\pi`.
cycles = dk.find_limit_cycles(dk.catalog.two_cycles(), [[0.5, 0.0], [0.0, 2.5]], seed=0)
print(cycles)

# %%
# The slopes of :math:`\dot r` there are -1 and -3, so that a push outwards shrinks by :math:`e^{-2\pi}`, which
# is 0.001867, and by :math:`e^{-6\pi}`, which is 6.5e-9, in each turn. A push along the cycle stays: the other
# multiplier is 1.
for period, multipliers in zip(cycles.periods, cycles.multipliers):
    print(f"period {period:.10f}, multipliers {np.sort(np.abs(multipliers))}")

# %%
# The same seen: two starts a tenth off, how far they are from their cycle, and the two slopes.
pushed = dk.catalog.two_cycles(dt=0.02).trajectory([[1.1, 0.0], [3.1, 0.0]], 600)
time = 0.02 * np.arange(pushed.shape[1])
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
dk.plots.plot_cycles(cycles, ax=left)
left.set_aspect("equal")
left.legend(["anticlockwise", "clockwise"], loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False)
for radius, states, slope, colour in zip((1, 3), pushed, (1, 3), ("#332288", "#CC6677")):
    distance = np.abs(np.linalg.norm(states, axis=1) - radius)
    right.semilogy(time, distance, color=colour, label=f"pushed off r = {radius}")
    right.semilogy(time, 0.1 * np.exp(-slope * time), "k:")
right.set(xlabel="time", ylabel="distance from the cycle", ylim=(1e-6, 1))
right.legend(frameon=False)

# %%
# Theory: Floquet (1883); Kuznetsov (2004), section 1.5.
#
# Calls: :func:`dynakit.find_limit_cycles`, :func:`dynakit.plots.plot_cycles`,
# :func:`dynakit.catalog.two_cycles`.
