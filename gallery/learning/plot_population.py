"""
A population: how long training lasts, and how many fixed points there are
===========================================================================

Two independent bits ask for nine fixed points: four memories, and five points between. Two dozen small networks learn
them, eight until a score of 0.9, eight until 0.98, eight until 0.998. All of a kind are trained side by side.
"""

import tempfile

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

task = dk.tasks.FlipFlop(n_bits=2, n_steps=40, p_flip=0.1)
stops = [0.9, 0.98, 0.998]
plan = dk.sweeps.Plan(
    [
        {
            "task": task,
            "model": dk.sweeps.Network("elman", n_hidden=8),
            "training": dk.training.BPTT(learning_rate=1e-2, batch_size=16, max_updates=400, stop_at_score=stop),
            "analysis": {"include": ["fixed_points"], "drives": ["rest"]},
            "seeds": 8,
        }
        for stop in stops
    ]
)
print(plan)

# %%
# The sweep is kept in a folder, and stopped and started there as one likes; here it may go.
with tempfile.TemporaryDirectory() as folder:
    sweep = dk.sweep(plan, folder)
table = sweep.table()
print(sweep, list(table))

# %%
# One dot per network. A perfect answer takes less than the perfect mechanism, which comes with more training.
fig, ax = plt.subplots(figsize=(4.8, 3.2), layout="constrained")
nudge = np.random.default_rng(0).uniform(-0.15, 0.15, len(sweep))
for stop, mark in zip(stops, "os^"):
    kind = table["training.stop_at_score"] == stop
    said = f"{stop:g}: {np.mean(table['by_unstable'][kind] == '4/4/1'):.0%} have 4/4/1"
    ax.plot(table["updates"][kind], (table["points"] + nudge)[kind], mark, label=said, alpha=0.7)
ax.axhline(9, color="0.7", lw=0.8, zorder=0)
ax.set(xlabel="updates", ylabel="fixed points at rest")
ax.legend(title="trained to a score of", frameon=False, fontsize=8)

# %%
# "4/4/1": four stable points, four with one direction out, one with two.
#
# Calls: :func:`dynakit.sweep`, :class:`dynakit.sweeps.Plan`, :class:`dynakit.sweeps.Network`.
