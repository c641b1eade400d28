"""
Lesions
=======

How much damage does a trained network take? Units are silenced, at random and the strongest first, and at each share
it is asked how well the task is still done, and how many of the attractors say something else.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# A network that keeps three bits in 27 fixed points, 8 of them stable.
networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
model, task = dk.models.load(networks / "flip_flop_tanh"), dk.tasks.FlipFlop()
system = dk.as_system(model)
points = dk.find_fixed_points(system)
lesions = dk.map_lesions(model, task, shares=[0.05, 0.1, 0.2, 0.4, 0.6], attractors=points, n_trials=64)
print(lesions)
for line in lesions.sentences():
    print(line)

# %%
# Left: the curve, with the interval of the mean over sets. Right: attractors lost, of 8. One unit of the sixteen
# costs a few hundredths of the score, and often half of the memories.
fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.4), layout="constrained")
dk.plots.plot_lesions(lesions, ax=left)
drawn = lesions.names == "random"
jitter = 0.6 * np.random.default_rng(0).normal(size=drawn.sum())
right.plot(100 * lesions.shares[drawn] + jitter, lesions.lost[drawn], "o", color="#0072B2", markersize=3, alpha=0.5)
right.set(xlabel="share of units removed (%)", ylabel=f"attractors lost, of {lesions.n_attractors}", ylim=(-0.3, 8.3))

# %%
# One lesion is a system like any other: what is left of the fixed points without unit 0.
left_over = dk.find_fixed_points(dk.lesion(system, [0]))
print(f"whole: {points}")
print(f"without unit 0: {left_over}")

# %%
# Calls: :func:`dynakit.map_lesions`, :func:`dynakit.lesion`, :func:`dynakit.plots.plot_lesions`.
