"""
One response to an input, or two
================================

A network is asked to answer to its input, not to where it began. It has the echo state property if states that
hear the same input come together (Jaeger 2001); where they end in two groups there are two responses (Ceni et
al. 2020), each driven by the same input.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# One unit, x' = tanh(w x + u). With w below 1 the map contracts, and one response is proved; with w = 2 a weak
# input leaves two.
inputs = 0.2 * np.random.default_rng(0).uniform(-1, 1, (400, 1))
starts = np.linspace(-1, 1, 12)[:, None]
fig, axes = plt.subplots(1, 3, figsize=(8.4, 2.9), sharey=True, layout="constrained")
for ax, (w, gain) in zip(axes, [(0.9, 1), (2.0, 1), (2.0, 6)]):
    system = dk.catalog.tanh_unit(w)
    echo = dk.check_echo_state(system, gain * inputs, seed=0)
    print(f"w = {w}, inputs up to {0.2 * gain:.1f}: {echo}")
    states = system.trajectory(starts, np.repeat(gain * inputs[None, :80], 12, axis=0))
    ax.plot(states[..., 0].T, color="#0072B2", linewidth=0.7)
    ax.set(title=f"w = {w}, |u| ≤ {0.2 * gain:.1f}\nresponses: {echo.n_responses}", xlabel="step")
axes[0].set_ylabel("x, from 12 starts")

# %%
# On the right, the same network as in the middle: a stronger input washes out what the state began with. How
# many responses there are belongs to a network *and* its input.
#
# Calls: :func:`dynakit.check_echo_state`, :func:`dynakit.catalog.tanh_unit`.
