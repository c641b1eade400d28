"""
The machine inside
==================

A network that reads words symbol by symbol carries out a machine, whether it was meant to or not. The machine
is read out of it, tried on words that were made to break it, and compared with the one that was asked for
(Weiss, Goldberg and Yahav 2018).
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# Parity: is the number of ones so far odd? Gradients hardly find it; drawing all weights at random does, within
# a second (Hochreiter and Schmidhuber 1996).
task = dk.tasks.Parity(length=(10, 20), signed=True, every_step=True)
model = dk.models.LeakyRNN.for_task(task, 2, dt=20.0, tau=20.0, form="rate", activation="sigmoid")
print(dk.train(model, task, dk.training.WeightGuessing(), seed=0).stopped)

# %%
# Two states, as parity has, and no word on which the two machines differ.
found = dk.extract_automaton(dk.as_system(model), task, words=300, seed=0)
print(found)
wanted = dk.Automaton.from_table(task.automaton, {"even": "even", "odd": "odd"}, "even")
print("a word that tells them apart:", found.automaton.difference(wanted))

# %%
# The states of the network, and where each bit takes them. Guessed weights are large, so that units are off or
# on: three corners of a square are used, of which two mean the same.
trials = task.sample(100, seed=1)
states = dk.record(model, trials.inputs).states.round()
fig, ax = plt.subplots(figsize=(5.4, 4), layout="constrained")
for bit, colour in ((-1, "#0072B2"), (1, "#D55E00")):
    at = trials.inputs[:, 1:, 0].numpy() == bit
    for a, b in np.unique(np.stack([states[:, :-1][at], states[:, 1:][at]], 1), axis=0):
        curve = {"arrowstyle": "-|>", "color": colour, "connectionstyle": "arc3,rad=0.2", "shrinkA": 12, "shrinkB": 12}
        ax.annotate("", b, a + 1e-3, arrowprops=curve)
    ax.plot([], [], color=colour, label="a one" if bit > 0 else "a zero")
for x in np.unique(states.reshape(-1, 2), axis=0):
    odd = dk.as_system(model).observe(x).item() > 0.5
    ax.plot(*x, "o", color="k" if odd else "w", markeredgecolor="k", markersize=14)
ax.set(xlabel="unit 1", ylabel="unit 2 (filled: says odd)", xlim=(-0.2, 1.2), ylim=(-0.2, 1.2))
ax.legend(frameon=False)

# %%
# Calls: :func:`dynakit.extract_automaton`, :class:`dynakit.Automaton`, :class:`dynakit.tasks.Parity`,
# :class:`dynakit.training.WeightGuessing`.
