"""
Learning a stream as it comes
=============================

Eight sequences follow each other; how one ends depends on how it began. Half way, all endings change places. A
learner is asked, judged, and only then told (Cui, Ahmad and Hawkins 2016): there is no test set, and what was
learnt is in the way of what is new.
"""

import matplotlib.pyplot as plt

import dynakit as dk

# %%
# Nearest neighbours, once with all that was ever seen, and once with the last 1,000 elements.
task = dk.tasks.SequenceStream(n_elements=6000, swap_at=3000)
learners = {
    "remembers all": dk.models.NearestNeighbours.for_task(task),
    "remembers the last 1,000": dk.models.NearestNeighbours.for_task(task, memory=1000),
}
fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, learner in learners.items():
    history = dk.train(learner, task, dk.training.Online(), seed=0)
    print(f"{name}: {history}")
    ax.plot(history.positions, history.accuracies, label=name)
ax.axvline(3000, color="k", linestyle=":", linewidth=1)
ax.set(xlabel="element", ylabel="share of the last endings", ylim=(0, 1.05))
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)

# %%
# Calls: :class:`dynakit.tasks.SequenceStream`, :class:`dynakit.training.Online`,
# :class:`dynakit.models.NearestNeighbours`.
