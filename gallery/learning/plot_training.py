"""
A training run
==============

Loss and score over the updates of a small network that learns to hold two bits. The score is in the words of
the task, the share of what is right; it says when a run is done long before the loss looks flat.
"""

import dynakit as dk

# %%
# 60 updates of backpropagation through time: under a second.
task = dk.tasks.FlipFlop(n_bits=2, n_steps=30, p_flip=0.15)
model = dk.models.GRU.for_task(task, n_hidden=10, seed=0)
history = dk.train(model, task, dk.training.BPTT(learning_rate=3e-2, batch_size=32, max_updates=60), seed=0)
print(history)

# %%
# On trials that it has not seen:
fresh = task.sample(200, seed=1)
print(f"score {task.score(model(fresh.inputs).outputs, fresh):.3f}")
dk.plots.plot_training(history)

# %%
# Calls: :class:`dynakit.tasks.FlipFlop`, :class:`dynakit.models.GRU`, :func:`dynakit.train`,
# :class:`dynakit.training.BPTT`, :func:`dynakit.plots.plot_training`.
