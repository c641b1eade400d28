"""
A torus is not called a cycle
=============================

Two rhythms without a common period never close: the state runs round a torus, and no curve describes it. A
recording looks much like a cycle with noise. The search says that it found none, and gives no period.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import dynakit as dk

angles = torch.tensor([1.0, 2**0.5], dtype=torch.float64)


# %%
# Two oscillators that turn by 1 and by the square root of 2 at each step, each drawn to its own circle.
def two_rhythms(z):
    x, y = z[..., :2], z[..., 2:]
    pull = 1.25 - 0.25 * (x**2 + y**2)
    return torch.cat([pull * (angles.cos() * x - angles.sin() * y), pull * (angles.sin() * x + angles.cos() * y)], -1)


system = dk.FunctionSystem(two_rhythms, 4)
settings = dk.CycleSettings(n_transient=100, n_record=512)
found = dk.find_limit_cycles(system, [[0.5, 0.2, 0.0, 0.0]], settings=settings, seed=0)
print(found, found.periods)

# %%
# Its exponents say why: two are zero, where an invariant circle has one.
lyap = dk.lyapunov_spectrum(system, [0.5, 0.2, 0.0, 0.0], n_steps=400, n_transient=100)
print(lyap, np.round(lyap.exponents, 6))
states = system.trajectory([1.0, 1.0, 0.0, 0.0], 1500)
fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.3), layout="constrained")
left.plot(states[:, 0], states[:, 1], ".", color="#0072B2", markersize=2)
left.set(xlabel="x of the first", ylabel="x of the second", aspect="equal")
dk.plots.plot_exponents(lyap, ax=right)

# %%
# Calls: :class:`dynakit.FunctionSystem`, :func:`dynakit.find_limit_cycles`, :func:`dynakit.lyapunov_spectrum`,
# :func:`dynakit.plots.plot_exponents`.
