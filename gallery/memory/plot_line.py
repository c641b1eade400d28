"""
A line on which evidence is summed
==================================

A network that integrates need not have a line of fixed points. It has a curve onto which it falls quickly and
along which it drifts slowly. The curve through the states of a trained network is traced here, coloured by
its drift per step, over the averages by strength of motion (Mante et al. 2013).
"""

from pathlib import Path

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
task = dk.tasks.ContextIntegration(dt=15.0)
trials = task.sample(576, seed=1)
system = dk.as_system(dk.models.load(networks / "context"))
rows = trials.conditions["context"] == "motion"
states = dk.record(system, trials.inputs).states[rows]
drive = task.drives["motion context"]
line = dk.trace_slow_manifold(system, states[::12, 20:], drive, max_points=60)
print(line)
motion, colour = abs(line.selection[:, :2]).mean(0)
print(f"a unit of motion moves the state along it by {motion:.2f}, a unit of colour by {colour:.2f}")

# %%
# The network goes to and fro along this curve, whatever the other 63 dimensions.
averages = dk.condition_average(states, {"motion": trials.conditions["motion"][rows]})
axes = dk.project(states)
ax = dk.plots.plot_phase_portrait(axes, averages.means, linewidth=0.8)
ax = dk.plots.plot_slow_manifold(line, axes, ax=ax)

# %%
# Calls: :func:`dynakit.trace_slow_manifold`, :func:`dynakit.plots.plot_slow_manifold`,
# :func:`dynakit.project`.
