"""
Every constant input is another map
===================================

At rest a trained two-bit network has four memories. While a pulse lasts it is another dynamical system, with
a single fixed point: held for long, a pulse to one bit would erase the other as well. The network gets away
with it because its pulses are short. "The fixed points of the network" mean nothing before one says under
which input.
"""

from pathlib import Path

import matplotlib.pyplot as plt

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
task = dk.tasks.FlipFlop(2, n_steps=60)
model = dk.models.load(networks / "flip_flop_gru")
states = dk.record(model, task.sample(48, seed=1).inputs).states
system, axes = dk.as_system(model), dk.project(states)

# %%
# One search under each input, one projection for all of them.
drives = {"rest": [0, 0], "bit 1 pulsed up": [1, 0], "both pulsed up": [1, 1]}
fig, panels = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained", sharey=True)
for ax, (name, drive) in zip(panels, drives.items()):
    points = dk.find_fixed_points(system, states, drive)
    print(name, points)
    dk.plots.plot_phase_portrait(axes, states, points, ax=ax, linewidth=0.3)
    ax.set_title(f"{name}: {len(points.stable)} stable")
    ax.get_legend().remove()

# %%
# Calls: :func:`dynakit.find_fixed_points` with ``drive``, :func:`dynakit.project`,
# :func:`dynakit.plots.plot_phase_portrait`. ``task.drives`` lists the inputs of a task that are worth looking
# at.
