"""
Trials of your own
==================

Arrays are enough: inputs, targets where there are any, and whatever the rows stand for. What the task did not
say, such as the input at rest or how an output is read, is guessed, and the guess is said.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import dynakit as dk

# %%
# A cue of +1 or -1 in the first ten steps, and then silence, through which its sign is to be kept until it is
# asked for.
rng = np.random.default_rng(0)
inputs, targets = np.zeros((100, 80, 1)), np.zeros((100, 80, 1))
sign = rng.choice([-1.0, 1.0], 100)
inputs[:, 5:10, 0] = sign[:, None]
targets[:, 10:, 0] = sign[:, None]
asked = np.zeros((100, 80, 1))
asked[:, 60:] = 1
task = dk.tasks.from_arrays(inputs, targets, mask=asked, conditions={"cue": sign})
print(task)

# %%
# One unit that excites itself has two points of rest, one for each answer. With a little less excitation it has
# only one, at zero, to which it fades. The sign outlasts the wait, so that both scores are perfect; the
# verdicts are not the same.
fig, axes = plt.subplots(2, 1, figsize=(7, 4), layout="constrained")
trials = task.sample(2, seed=1)
for ax, gain in zip(axes, (1.2, 0.95)):
    model = dk.models.Elman.for_task(task, n_hidden=1)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), (1.0, gain, 0.0, 0.0, 1.5, 0.0)):
            parameter.fill_(value)
    report = dk.analyze(model, task, include=["memory", "attractors"])
    print("\n\n".join(report.summary().split("\n\n")[:2]), "\n")
    dk.plots.plot_trials(trials, dk.record(model, trials.inputs).outputs, trial=[0, 1], ax=ax)
    ax.set_title(f"recurrent weight {gain}", loc="right", fontsize="small")

# %%
# Calls: :func:`dynakit.tasks.from_arrays`, :func:`dynakit.analyze`, :func:`dynakit.record`,
# :func:`dynakit.plots.plot_trials`.
