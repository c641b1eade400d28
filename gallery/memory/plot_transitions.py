"""
The machine that a network carries out
======================================

Eight memories and six pulses: which pulse leads from which memory to which? Every pulse is tried at every
attractor. What comes out is the automaton of the three-bit flip-flop, a cube, and can be compared with the
one that was asked for, entry by entry.
"""

from pathlib import Path

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
task = dk.tasks.FlipFlop(3, n_steps=60)
system = dk.as_system(dk.models.load(networks / "flip_flop_tanh"))
points = dk.find_fixed_points(system).stable
graph = dk.map_transitions(system, points, task.pulses, rest=task.rest)
print(graph)

# %%
# Against the task's own machine: 48 of 48 answers agree.
names = task.decode(graph.outputs)
right = [
    names[graph.targets[k, j]] == task.machine[name, pulse]
    for k, name in enumerate(names.tolist())
    for j, pulse in enumerate(graph.pulses)
]
print(sum(right), "of", len(right))

# %%
# Arrows are pulses; those that change nothing are not drawn.
ax = dk.plots.plot_transitions(graph, labels=names)

# %%
# Calls: :func:`dynakit.map_transitions`, :func:`dynakit.plots.plot_transitions`, and of a task ``pulses``,
# ``rest``, ``machine`` and ``decode``.
