"""
A whole network in one dimension
================================

Once the slow curve of a network is known, what happens along it is one number per step: the drift there, and
the push of the input. Driven by the same noisy evidence, this one number (dashed) follows where the network
of 64 units goes (solid), measured by how far it is along the curve.
"""

from pathlib import Path

import numpy as np

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
task = dk.tasks.ContextIntegration(dt=15.0)
system = dk.as_system(dk.models.load(networks / "context"))
trials = task.sample(144, seed=1)
rows = np.flatnonzero(trials.conditions["context"] == "motion")
inputs, drive = trials.inputs[rows].numpy(), task.drives["motion context"]
states = dk.record(system, inputs).states
line = dk.trace_slow_manifold(system, states[::3, 20:], drive, separation=1.2)

# %%
# Both begin where the network is after eight steps, once it has fallen onto the curve. ``separation`` lets
# the curve go on to where its mode is only a little slower than the next: the ends, where a curve alone says
# less.
first = 8
ax = dk.plots.new_axes()
order = np.argsort(states[:, -1] @ line.right[len(line) // 2])[6::12]  # from one side to the other
for k, colour in zip(order, ("#332288", "#88CCEE", "#44AA99", "#999933", "#CC6677", "#882255")):
    where = line.locate(states[k])[0] - line.length / 2
    alone = line.integrate(inputs[k, first:], start=where[first - 1] + line.length / 2) - line.length / 2
    time = (np.arange(len(where)) + 1) * task.dt
    ax.plot(time[first:], where[first:], color=colour)
    ax.plot(time[first:], alone, "--", color=colour)
ax.plot([], [], "k-", label="network, 64 units")
ax.plot([], [], "k--", label="the curve alone")
ax.set(xlabel="time (ms)", ylabel="place along the slow curve")
ax.legend(frameon=False, loc="upper left")
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.trace_slow_manifold`, and of its result ``locate`` and ``integrate``.
