"""
The same square in a GRU and an LSTM
====================================

Two bits in 12 gated units and in 8 LSTM units, whose state has 16 numbers: hidden and cell. The equations
differ and so do the geometries; the topology does not: four memories, four saddles between them, one point in
the middle. That it is the same across architectures was shown by Maheswaranathan et al. (2019).
"""

from pathlib import Path

import matplotlib.pyplot as plt

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
inputs = dk.tasks.FlipFlop(2, n_steps=60).sample(48, seed=1).inputs

# %%
# Everything below is the same for both networks; only the folder differs.
fig, panels = plt.subplots(1, 2, figsize=(9, 5), layout="constrained")
for ax, kind in zip(panels, ("gru", "lstm")):
    model = dk.models.load(networks / f"flip_flop_{kind}")
    system, states = dk.as_system(model), dk.record(model, inputs).states
    points = dk.find_fixed_points(system, states)
    print(kind.upper(), points)
    modes = dk.linearize(system, points)
    dk.plots.plot_phase_portrait(dk.project(states), states, points, modes, ax=ax, linewidth=0.5)
    ax.set_title(f"{kind.upper()}, {system.state_size} state variables")

# %%
# Calls: :func:`dynakit.models.load`, :func:`dynakit.as_system`, :func:`dynakit.find_fixed_points`,
# :func:`dynakit.plots.plot_phase_portrait`.
