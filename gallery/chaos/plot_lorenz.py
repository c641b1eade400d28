"""
Chaos in a flow
===============

Lorenz's flow has one direction that parts, one that neither parts nor meets (along the flow), and one that
shrinks. They sum to the divergence of the field, :math:`-(\\sigma + 1 + \\beta) = -13.6667`, at every moment.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# Exponents of a flow are per unit of time. The first is known to be 0.9056 (Sprott 2003), the second is 0; 72
# units of time say as much, within the error that is printed beside.
system = dk.catalog.lorenz(dt=0.03)
lyap = dk.lyapunov_spectrum(system, [1.0, 1.0, 1.0], n_steps=2400, n_transient=200, qr_interval=4)
print(lyap)
print(np.round(lyap.per_time[0], 4), f"sum {lyap.per_time[0].sum():.4f}")

# %%
# Two starts that differ by a millionth part as :math:`e^{0.9 t}`, until they are as far apart as the attractor
# is wide.
two = system.trajectory([[1.0, 1.0, 20.0], [1.0, 1.0, 20.000001]], 1100).numpy()
time = 0.03 * np.arange(two.shape[1])
fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.3), layout="constrained")
left.plot(two[0, :, 0], two[0, :, 2], color="#0072B2", linewidth=0.6)
left.set(xlabel="x", ylabel="z")
right.semilogy(time, np.linalg.norm(two[0] - two[1], axis=1), color="k", linewidth=0.8, label="two neighbours")
expected = 1e-6 * np.exp(lyap.per_time[0, 0] * time[:600])
right.semilogy(time[:600], expected, "--", color="#D55E00", label="first exponent")
right.set(xlabel="time", ylabel="distance")
right.legend(frameon=False)

# %%
# Lorenz (1963).
#
# Calls: :func:`dynakit.lyapunov_spectrum`, :func:`dynakit.catalog.lorenz`.
