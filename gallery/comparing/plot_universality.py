"""
Alike or not: it depends on what one looks at
=============================================

Eight networks learnt to hold two bits: four of 16 tanh units, four gated ones of 10, and all were stopped at a score of
.995. Are those of one kind nearer to each other than to the others? The maps that carry their states on say yes. The
graph of memories and pulses says no: seven networks are the same automaton, and one is not.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

folder = Path(dk.__file__).parents[1] / "gallery" / "networks" / "family"  # of a checkout
task = dk.tasks.FlipFlop(2, n_steps=60, p_flip=0.08)
networks = {path.name.replace("_", " "): dk.models.load(path) for path in sorted(folder.iterdir())}
kinds = [name.split()[0] for name in networks]

# %%
# By topology: which memories there are, which pulse leads from which to which, and the saddles between.
topology = dk.compare_dynamics(networks, task, method="topology")
print(topology)
print(topology.between(kinds))
odd = int(np.flatnonzero(topology.classes != 0)[0])
print(topology.names[odd], "differs in", {name: float(part[0, odd].round(2)) for name, part in topology.parts.items()})

# %%
# The one that differs has lost a memory: three stable points of four, and the saddles that would lead to the fourth.
# Its score did not tell.
system = dk.as_system(networks[topology.names[odd]])
scaffold = dk.map_scaffold(system, dk.find_fixed_points(system), labels=task.decode)
print(scaffold, scaffold.labels[scaffold.indices == 0])

# %%
# By the maps that carry states one step on, at rank 5. Branches that meet below the dashed line are not apart: a
# network is as far from itself on other trials. At rank 2 that is so of nearly all, and kinds are not seen: a distance
# has no meaning without its rank.
dynamics = dk.compare_dynamics(networks, task, method=dk.similarity.DSA(rank=5))
print(dynamics)
print(dynamics.between(kinds))
print(dk.compare_dynamics(networks, task, method=dk.similarity.DSA(rank=2)).between(kinds))
ax = dk.plots.plot_distances(dynamics)

# %%
# As places in a plane, with the stress that says how well a plane holds them.
fig, panes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
for pane, found in zip(panes, (topology, dynamics)):
    dk.plots.plot_embedding(found, groups=kinds, legend="inside", ax=pane)
    pane.set_title(f"{found.method}: {pane.get_title()}", fontsize="medium")

# %%
# By states at the same moments of the same trials the kinds part less, and all are far from what unrelated rows give.
print(dk.compare_dynamics(networks, task, method="procrustes"))

# %%
# The question is that of Maheswaranathan et al. (2019); on dynamical similarity see Ostrow et al. (2023).
#
# Calls: :func:`dynakit.compare_dynamics`, :func:`dynakit.plots.plot_distances`,
# :func:`dynakit.plots.plot_embedding`; the result is :class:`dynakit.Distances`, whose ``between`` gives
# :class:`dynakit.GroupDistances`.
