"""
How many past inputs a state holds
==================================

The memory capacity adds up how much of each past input a linear readout can recover. It cannot exceed the
number of units (Jaeger 2001); a linear delay line attains it, and a network of tanh units has less.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# Twenty units each: a line that hands its input on (of small signals, tanh is linear), and random matrices,
# scaled.
n = 20
rng = np.random.default_rng(0)
M = rng.normal(size=(n, n))
M /= np.abs(np.linalg.eigvals(M)).max()
feed = 0.1 * rng.uniform(-1, 1, (n, 1))
networks = {
    "delay line": (np.eye(n, k=-1), 1e-3 * np.eye(n, 1)),
    "random, radius 0.9": (0.9 * M, feed),
    "random, radius 0.5": (0.5 * M, feed),
}

# %%
fig, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
for name, (W, W_in) in networks.items():
    found = dk.memory_capacity(dk.catalog.tanh_network(W, W_in=W_in), n_delays=30, n_steps=2000, seed=0)
    print(f"{name}: {found}")
    ax.plot(found.delays, found.capacities, "o-", markersize=3, linewidth=1, label=f"{name}: {found.capacity:.1f}")
ax.set(xlabel="delay (steps)", ylabel="share recovered")
ax.legend(frameon=False, title="capacity")

# %%
# Calls: :func:`dynakit.memory_capacity`, :func:`dynakit.catalog.tanh_network`.
