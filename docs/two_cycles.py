"""The figure of the README: an LSTM network that holds two cycles on one circle.  Half a minute.

python docs/two_cycles.py     # writes docs/two_cycles.png and prints what was found
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

task = dk.tasks.Cycles.seeing_double(radius=1.0)
model = dk.models.LSTM.for_task(task, n_hidden=32)
dk.train(model, task, dk.training.Curriculum(max_updates=300))
loop = dk.ClosedLoop(dk.as_system(model))
found = dk.check_multifunctionality(
    loop, task.orbits, n_samples=200, settings=dk.MultifunctionalitySettings(n_shocks=0)
)
print(found.summary())

curves = [found.attractors.curve(np.arange(101) / 100, k) for k in range(len(found.attractors))]
plane = dk.project(np.concatenate(curves), n_components=2)
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.6), layout="constrained")
dk.plots.plot_multifunctionality(found, task.orbits, ax=left)
colours = {line.get_label(): line.get_color() for line in left.lines}
left.get_legend().remove()
left.set_title("what the network says", fontsize="medium")
for k, name in zip(found.attractor_index, found.names):
    points = plane.transform(curves[k])[:: 1 if found.attractors.rotation_numbers[k] > 0 else -1]  # with time
    right.plot(*points.T, color=colours[name], linewidth=1.3, label=f"cycle {name}")
    right.annotate(
        "", xy=points[4], xytext=points[0], arrowprops={"arrowstyle": "-|>", "color": colours[name]}
    )
right.set_title(f"its {loop.state_size} state variables, in a plane", fontsize="medium")
right.set(xlabel=plane.names[0], ylabel=plane.names[1])
right.set_aspect("equal", adjustable="datalim")
right.spines[["top", "right"]].set_visible(False)
right.legend(frameon=False, loc="upper right", fontsize="small")
fig.savefig(Path(__file__).with_suffix(".png"), dpi=150)
