"""
Where the saddles lead
======================

A memory is switched by being pushed over a ridge. On the ridge sit saddles, and the unstable manifold of each
leads down to the two memories it separates: together they are the graph of decisions of the network, drawn
where it lives. Here: four saddles, eight ways down, and a square.
"""

from pathlib import Path

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
model = dk.models.load(networks / "flip_flop_gru")
states = dk.record(model, dk.tasks.FlipFlop(2, n_steps=60).sample(48, seed=1).inputs).states
system, axes = dk.as_system(model), dk.project(states)
points = dk.find_fixed_points(system, states)
manifolds = dk.map_unstable_manifolds(system, points)
print(manifolds)

# %%
# Which memories each saddle with one unstable direction lies between, by their numbers in the list of points.
single = manifolds[manifolds.dimensions == 1]
for saddle in sorted(set(single.saddles.tolist())):
    print(f"saddle {saddle} lies between", single.targets[single.saddles == saddle])

# %%
# Thick lines are these branches; the thin ones leave the middle point, which has two unstable directions.
ax = dk.plots.plot_heteroclinic(manifolds, points, axes)

# %%
# Calls: :func:`dynakit.find_fixed_points`, :func:`dynakit.map_unstable_manifolds`,
# :func:`dynakit.plots.plot_heteroclinic`.
