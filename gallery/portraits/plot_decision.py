"""
A decision, by strength of evidence
===================================

Random dots move to the right or to the left, more or less coherently. The states of the network fan out from
one place, the faster the stronger the evidence, and are read out once the fan has opened. An observer who
loses nothing of this evidence has a psychometric curve of slope √(1000 / 2) = 22.4 (1000 ms, two channels of
noise 1 per ms); that of the network is hardly less.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
task = dk.tasks.PerceptualDecision(stimulus=1000.0, delay=100.0)
trials = task.sample(1200, seed=1)
recording = dk.record(dk.models.load(networks / "decision"), trials.inputs)
strength = trials.conditions["coherence"]
print(f"score {task.score(recording.outputs, trials):.3f}, an ideal observer {task.ideal_score:.3f}")

# %%
# Left, the averages by signed coherence in principal axes; right, the choices.
averages = dk.condition_average(recording.states, {"coherence": strength})
axes = dk.project(averages.means)
fig, panels = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
shown = np.array([float(name.split(" = ")[1]) for name in averages.names])
dk.plots.plot_phase_portrait(axes, averages.means, conditions=shown, ax=panels[0])
curve = dk.psychometric_curve(task.decode(recording.outputs[:, -1]) == "+", strength)
print(curve)
dk.plots.plot_psychometric(curve, ax=panels[1])

# %%
# Calls: :class:`dynakit.tasks.PerceptualDecision`, :func:`dynakit.condition_average`,
# :func:`dynakit.psychometric_curve`, :func:`dynakit.plots.plot_psychometric`.
