"""
Time constants in milliseconds
==============================

A leaky step is Euler's step of a differential equation, and its time constants are known in milliseconds, if
one says so: which matrix is recurrent, and that it leaks, no code says by itself.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import dynakit as dk


# %%
# A cell in plain torch, with a leak of 20 ms / 100 ms, and a symmetric matrix of eigenvalues 0.1, 0.2, ... 0.9.
class Leaky(nn.Module):
    def __init__(self):
        super().__init__()
        self.W = nn.Parameter(torch.diag(torch.arange(1, 10) / 10.0))
        self.W_in = nn.Parameter(torch.ones(9, 1))

    def step(self, u, x):
        return 0.8 * x + 0.2 * torch.tanh(x @ self.W.T + u @ self.W_in.T)


form = dk.Form(tau=100.0, weights=("W",))
system = dk.as_system(Leaky(), step="step", state_size=9, input_size=1, dt=20.0, form=form)
print(system, "leak", system.alpha)

# %%
# At rest, the equation decays with :math:`100 / (1 - w)` ms along an eigenvector of eigenvalue w; its steps of
# 20 ms decay a little faster.
modes = dk.linearize(system, np.zeros((1, 9)))
w = np.arange(9, 0, -1) / 10  # the slowest first, as modes are
print(np.round(modes.flow_time_constants_ms[0], 2))
fig, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
ax.plot(w, 100 / (1 - w), color="0.6", label="100 / (1 - w)")
ax.plot(w, modes.flow_time_constants_ms[0], "o", color="#0072B2", label="of the equation")
ax.plot(w, 20 * modes.time_constants[0], "x", color="#D55E00", label="of steps of 20 ms")
ax.set(xlabel="eigenvalue of W", ylabel="time constant (ms)")
ax.legend(frameon=False)

# %%
# Calls: :func:`dynakit.as_system`, :class:`dynakit.Form`, :func:`dynakit.linearize`; the flow itself:
# :func:`dynakit.as_flow`.
