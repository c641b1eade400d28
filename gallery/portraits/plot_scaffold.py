"""
The scaffold of three bits
==========================

Which points are there, and which leads to which? Every saddle with one unstable direction has two branches, and both
end at memories. Three bits ideally make a cube: 8 corners, 12 edges, 6 faces and the centre. Nobody told this trained
network of 16 units, and it has exactly that.
"""

from pathlib import Path

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
task = dk.tasks.FlipFlop(3, n_steps=60)
system = dk.as_system(dk.models.load(networks / "flip_flop_tanh"))
scaffold = dk.map_scaffold(system, dk.find_fixed_points(system), labels=task.decode)
print(scaffold)

# %%
# Each edge of the cube, as the pair of memories that its saddle lies between: they differ in one bit.
for saddle in (scaffold.indices == 1).nonzero()[0][:4]:
    ends = scaffold.edges[scaffold.edges[:, 0] == saddle, 1]
    print(*scaffold.labels[ends])

# %%
# Drawn without axes of its own: memories at the corners, each saddle in the middle of what it leads to.
ax = dk.plots.plot_scaffold(scaffold)

# %%
# Calls: :func:`dynakit.map_scaffold`, :func:`dynakit.plots.plot_scaffold`; the result is a
# :class:`dynakit.Scaffold`, which ``to_networkx()`` makes a graph.
