"""
A missing point is noticed
==========================

The signs of det(I − J) over all fixed points of a bounded map sum to +1: that is its degree (Lefschetz,
Hopf). A search from too few starts finds eight memories of eight, looks perfect, and is told by this sum that
it lacks the saddles between them.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

system = dk.catalog.tanh_network(1.5 * np.eye(3))
corners = 0.8 * np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
few = dk.find_fixed_points(system, corners, max_starts=8)
every = dk.find_fixed_points(system, corners)
print(few)
print(every)

# %%
# Eight signs of +1 cannot sum to +1, so points are missing. All 27 do: 8 stable, 12 saddles of one unstable
# direction that count −1, six of two that count +1, and the centre with −1.
fig, panels = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharey=True)
axes = dk.Projection.onto([[1, 0.35, 0], [0, 0.35, 1]], ["x₁ + 0.35 x₂", "x₃ + 0.35 x₂"])
for ax, points in zip(panels, (few, every)):
    dk.plots.plot_phase_portrait(axes, points=points, ax=ax)
    ax.set_title(f"signs sum to {points.degree:+d}: {points.completeness}")
panels[0].get_legend().remove()

# %%
# Calls: :func:`dynakit.find_fixed_points`, whose result has ``degree``, ``expected_degree`` and
# ``completeness``, and :meth:`dynakit.Projection.onto` for axes of one's own.
