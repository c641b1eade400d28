"""
How long a disturbance lasts
============================

Near a stable point a push along a mode shrinks in each step by the modulus r of its eigenvalue: its time
constant is −1 / ln r. Here a memory of a trained GRU is pushed a little along three of its modes. The dots
are the network itself, the lines are what the eigenvalues say.
"""

from pathlib import Path

import numpy as np

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
system = dk.as_system(dk.models.load(networks / "flip_flop_gru"))
points = dk.find_fixed_points(system)
modes = dk.linearize(system, points)[:1]
print("time constants of the first memory, in steps:", modes.time_constants[0].round(2))

# %%
# The push is small and along one mode; what is left of it is read with the left eigenvector of this mode.
ax = dk.plots.new_axes()
steps = np.arange(31)
for k, colour in zip((0, 3, 6), ("#0072B2", "#D55E00", "#009E73")):
    push = 1e-4 * modes.right[0, :, k].real
    states = dk.record(system, np.zeros((30, 2)), x0=points.states[0] + push).states[0] - points.states[0]
    left = np.abs(np.r_[[push], states] @ modes.left[0, :, k].conj())
    tau = modes.time_constants[0, k]
    ax.semilogy(steps, np.exp(-steps / tau), color=colour, label=f"mode {k + 1}: {tau:.2g} steps")
    ax.semilogy(steps, left / left[0], "o", color=colour, markersize=4)
ax.set(xlabel="step", ylabel="what is left of the push", ylim=(1e-4, 2))
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.linearize`, whose result has ``time_constants``, ``periods``, ``right`` and ``left``,
# and :func:`dynakit.record` with ``x0``.
