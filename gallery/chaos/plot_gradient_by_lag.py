"""
How far back an error reaches
=============================

A gradient that is to teach a network what happened 100 steps ago has to travel back through 100 Jacobians. It
grows or dies exponentially with the lag, at the rate of a Lyapunov exponent (Hochreiter 1991; Bengio, Simard
and Frasconi 1994). A gate that begins open changes the rate, and with it what can be learnt.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# Three networks as they are before any training, on one task: which of two symbols came first, long ago?
task = dk.tasks.TemporalOrder(length=100)
trials = task.sample(8, seed=0)
networks = {
    "tanh units": dk.models.Elman.for_task(task, 20, seed=0),
    "LSTM": dk.models.LSTM.for_task(task, 20, seed=0),
    "LSTM, gates open for 100 steps": dk.models.LSTM.for_task(task, 20, chrono=100, seed=0),
}
fig, ax = plt.subplots(figsize=(5.8, 3.4), layout="constrained")
for name, model in networks.items():
    lags = dk.gradient_by_lag(dk.as_system(model), trials)
    print(f"{name}: {lags}")
    ax.plot(np.nanmean(lags.log_norms, axis=0) / np.log(10), label=name)
ax.set(xlabel="steps back", ylabel="log10 of the error signal")
ax.legend(frameon=False)

# %%
# "chrono" is the initialisation of Tallec and Ollivier (2018).
#
# Calls: :func:`dynakit.gradient_by_lag`, :class:`dynakit.tasks.TemporalOrder`, :class:`dynakit.models.LSTM`.
