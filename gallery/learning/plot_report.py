"""
All of it in one call
=====================

What does this network do, and how? The report answers in sentences, keeps every result under its name, and
draws any of its figures into axes of yours; saved, it is one page that opens from disk.
"""

import matplotlib.pyplot as plt
import torch

import dynakit as dk

# %%
# Two bits held by two tanh units, weights written by hand: each unit excites itself.
task = dk.tasks.FlipFlop(n_bits=2, n_steps=60)
model = dk.models.Elman.for_task(task, n_hidden=2)
with torch.no_grad():
    for parameter in model.parameters():
        parameter.zero_()
    model.rnn.weight_hh_l0.copy_(2 * torch.eye(2))
    model.rnn.weight_ih_l0.copy_(3 * torch.eye(2))
    model.readout.weight.copy_(torch.eye(2))
stages = ["trajectories", "fixed_points", "modes", "projection", "attractors", "transitions"]
report = dk.analyze(model, task, include=stages)
print(report.summary())

# %%
# ``report.save("out")`` writes ``report.html`` with all figures, and the numbers beside it; ``dk.load("out")``
# reads it back.
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained")
report.plot("phase_portrait", ax=left)
report.plot("transitions", ax=right)

# %%
# Calls: :func:`dynakit.analyze`, :class:`dynakit.Report`, :func:`dynakit.load`.
