"""
Order and chaos in one parameter
================================

The map :math:`x' = r x (1 - x)` doubles its period again and again, turns chaotic, and has windows of order in
between (May 1976). The Lyapunov exponent tells them apart where the eye cannot: negative where neighbours meet,
positive where they part.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# At r = 4 the exponent is ln 2 exactly: at each step a bit of what was known of the state is lost.
fully = dk.lyapunov_spectrum(dk.catalog.logistic(4.0), [0.3], n_steps=4000)
print(fully, f"ln 2 = {np.log(2):.6f}")

# %%
# The exponent over r, and the states visited. A parameter is an input of a system of one's own: all r run side
# by side.
rates = np.linspace(2.9, 4.0, 300)[:, None]
system = dk.FunctionSystem(lambda x, r: r * x * (1 - x), 1, 1, argument_order="state, input")
held = np.broadcast_to(rates[:, None], (300, 700, 1))
lyap = dk.lyapunov_spectrum(system, np.full((300, 1), 0.3), held, n_steps=500, n_transient=200)
visited = system.trajectory(np.full((300, 1), 0.3), held)[:, 500:, 0]

fig, (top, bottom) = plt.subplots(2, 1, figsize=(6, 4.6), sharex=True, layout="constrained")
top.plot(rates, visited, "k,", alpha=0.5)
bottom.plot(rates, lyap.exponents[:, 0], color="#0072B2", linewidth=0.8)
bottom.axhline(0, color="0.6", linewidth=0.8)
top.set(ylabel="states")
bottom.set(xlabel="r", ylabel="exponent (nats per step)", ylim=(-2, 0.9))

# %%
# Calls: :func:`dynakit.lyapunov_spectrum`, :class:`dynakit.FunctionSystem`, :func:`dynakit.catalog.logistic`.
