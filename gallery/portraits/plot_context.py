"""
Two inputs, one of them heard
=============================

A network hears motion and colour and must decide by the one that the context names. On the axes of choice and
of motion of Mante et al. (2013) the averages by strength of motion push off along the motion axis in both
contexts, yet only in the motion context do they go far along choice: what is ignored still enters, and is not
selected.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
trials = dk.tasks.ContextIntegration(dt=15.0).sample(2880, seed=1)
recording = dk.record(dk.models.load(networks / "context"), trials.inputs)
states, labels = recording.states, trials.conditions
choice = np.sign(recording.outputs[:, -1, 0])

# %%
# Axes from the data: choice is the difference of end states, motion the difference by sign of motion where
# motion is ignored.
ignored = labels["context"] == "colour"
ends, means = states[:, -1], states[:, 4:].mean(1)
along = [ends[choice > 0].mean(0) - ends[choice < 0].mean(0)]
along += [means[ignored & (labels["motion"] > 0)].mean(0) - means[ignored & (labels["motion"] < 0)].mean(0)]
q, r = np.linalg.qr(np.stack(along, 1))
names = ["choice axis", "motion axis"]
axes = dk.Projection.onto((q * np.sign(np.diag(r))).T, names, mean=states.mean((0, 1)))

# %%
# Averages by strength of motion, per context.
fig, panels = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained", sharex=True, sharey=True)
for ax, context in zip(panels, ("motion", "colour")):
    rows = labels["context"] == context
    averages = dk.condition_average(states[rows], {"motion": labels["motion"][rows]})
    shades = np.array([float(name.split(" = ")[1]) for name in averages.names])
    dk.plots.plot_phase_portrait(axes, averages.means[:, 3:], conditions=shades, ax=ax, linewidth=1.2)
    ax.set_title(f"{context} context")
panels[0].get_legend().remove()

# %%
# Calls: :class:`dynakit.tasks.ContextIntegration`, :func:`dynakit.condition_average`,
# :meth:`dynakit.Projection.onto`, :func:`dynakit.plots.plot_phase_portrait`.
