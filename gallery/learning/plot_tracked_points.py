"""
How memories are born
=====================

Fixed points are followed from checkpoint to checkpoint while a network learns. A memory does not come alone:
with each stable point a saddle is born, or one point splits in three.
"""

import dynakit as dk

# %%
# A network of four tanh units learns to hold one bit; every twelfth update is kept as a system of its own.
task = dk.tasks.FlipFlop(n_bits=1, n_steps=25, p_flip=0.15)
model = dk.models.Elman.for_task(task, n_hidden=4, seed=0)
systems, updates, losses = [], [], []


def keep(update, info):
    if update % 12 == 0:
        systems.append(dk.as_system(model))
        updates.append(update)
        losses.append(info["loss"])


dk.train(model, task, dk.training.BPTT(learning_rate=1e-2, batch_size=32, max_updates=96), seed=0, callback=keep)
tracks = dk.track_fixed_points(systems, updates=updates, losses=losses, seed=0)
print(tracks)
print(tracks.changes)
dk.plots.plot_tracks(tracks)

# %%
# Calls: :func:`dynakit.track_fixed_points`, :func:`dynakit.train`, :func:`dynakit.plots.plot_tracks`.
