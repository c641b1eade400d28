"""
What is asked, and what the network answers
===========================================

Before any analysis: one trial of the three-bit flip-flop. Brief pulses come in, and each output has to hold
the sign of the last pulse of its channel. It is set-and-hold, not a toggle: a second pulse of the same sign
changes nothing.
"""

from pathlib import Path

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
task = dk.tasks.FlipFlop(3, n_steps=100)
trials = task.sample(128, seed=3)
model = dk.models.load(networks / "flip_flop_tanh")
recording = dk.record(model, trials.inputs)
print(recording)
print(f"score {task.score(recording.outputs, trials):.3f}")

# %%
# Inputs above, targets (dashed) and outputs below.
ax = dk.plots.plot_trials(trials, recording.outputs, trial=1)

# %%
# Calls: :meth:`dynakit.tasks.FlipFlop.sample`, :func:`dynakit.record`, :func:`dynakit.plots.plot_trials`.
